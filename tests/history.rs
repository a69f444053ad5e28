//! Tests of: history.
