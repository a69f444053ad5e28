//! What a check says of a file where there is no secret to name: a policy refuses it, a manifest lacks something.

use std::fmt;
use std::str::FromStr;

/// A statement about one place of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What is wrong, on one line.
    pub message: String,
    /// The place in the document, such as `spec.containers[0]`; empty for the whole of it.
    pub at: String,
    /// True when the line is only the document's first.
    pub approximate: bool,
    /// What becomes of it.
    pub enforcement: Enforcement,
}

/// How binding a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Enforcement {
    /// Told, never failing.
    Advisory,
    /// Fails, unless somebody says why it may pass: in an inline comment or an allowlist entry with a reason, or a
    /// baseline.
    Soft,
    /// Fails, whatever comments, allowlists and baselines say.
    Hard,
}

impl Enforcement {
    /// The word in configuration and reports.
    pub fn name(self) -> &'static str {
        match self {
            Enforcement::Advisory => "advisory",
            Enforcement::Soft => "soft-mandatory",
            Enforcement::Hard => "hard-mandatory",
        }
    }
}

impl fmt::Display for Enforcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that names no enforcement level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown level '{0}': use one of advisory, soft-mandatory, hard-mandatory")]
pub struct ParseEnforcementError(String);

impl FromStr for Enforcement {
    type Err = ParseEnforcementError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        [Enforcement::Advisory, Enforcement::Soft, Enforcement::Hard]
            .into_iter()
            .find(|level| level.name() == word)
            .ok_or_else(|| ParseEnforcementError(word.chars().filter(|c| !c.is_control()).take(60).collect()))
    }
}
