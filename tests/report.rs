//! Tests of: report.
