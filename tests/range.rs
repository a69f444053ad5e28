//! Tests of: range.
