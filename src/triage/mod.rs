//! What to keep: allowlist, inline comments, baseline, threshold. Every candidate dropped says who dropped it and why.

use crate::config::Config;
use crate::model::{Confidence, Dropped, Finding, Mark, Origin, Sighting};

/// What triage goes by.
#[derive(Debug)]
pub struct Settings<'a> {
    /// Allowlists.
    pub config: &'a Config,
    /// Candidates below this are dropped.
    pub confidence: Confidence,
}

/// What triage decided.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What counts, sorted by (origin, offset, rule).
    pub findings: Vec<Finding>,
    /// What does not, in the same order.
    pub dropped: Vec<Dropped>,
    /// Unused and expired entries, one sentence each.
    pub notices: Vec<String>,
}

/// Decides on every sighting.
pub fn decide(sightings: Vec<Sighting>, marks: &[(Origin, Mark)], settings: &Settings<'_>) -> Verdict {
    let _ = (sightings, marks, settings);
    Verdict::default()
}
