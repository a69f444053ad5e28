//! Tests of: staged.
