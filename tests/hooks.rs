//! Tests of: hooks.
