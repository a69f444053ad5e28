//! Tests of: detect.
