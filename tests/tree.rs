//! Tests of: tree.
