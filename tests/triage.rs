//! Tests of: triage.
