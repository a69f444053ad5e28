//! What reports need to know about a rule, and the two scales.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How bad it is when the finding is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Little can be done with it.
    Low,
    /// A limited service, or one that needs more to be of use.
    Medium,
    /// Access to data or money.
    High,
    /// Control over infrastructure or code.
    Critical,
}

/// How sure keyward is that the finding is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Shown only when asked for.
    Low,
    /// Shown by `scan` and in CI.
    Medium,
    /// Blocks a commit.
    High,
    /// A checksum holds.
    Certain,
}

/// A word that is not one of a scale's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown level '{word}': use one of {allowed}")]
pub struct ParseLevelError {
    word: String,
    allowed: &'static str,
}

impl Severity {
    /// The word used everywhere.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl Confidence {
    /// The word used everywhere.
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
            Confidence::Certain => "certain",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Severity {
    type Err = ParseLevelError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        [Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
            .into_iter()
            .find(|level| level.name() == word)
            .ok_or_else(|| ParseLevelError { word: word.into(), allowed: "low, medium, high, critical" })
    }
}

impl FromStr for Confidence {
    type Err = ParseLevelError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        [Confidence::Low, Confidence::Medium, Confidence::High, Confidence::Certain]
            .into_iter()
            .find(|level| level.name() == word)
            .ok_or_else(|| ParseLevelError { word: word.into(), allowed: "low, medium, high" })
    }
}

/// What a rule says about itself, for people and reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleMeta {
    /// Stable id in kebab case, such as `github-token`.
    pub id: String,
    /// What the secret is called, such as "GitHub personal access token".
    pub name: String,
    /// Who issues it; empty for kinds that nobody issues.
    pub provider: String,
    /// How bad a true finding is.
    pub severity: Severity,
    /// One or two sentences: what somebody can do with it. Shown as "why it matters".
    pub why: String,
    /// What to do now: revoke, rotate, where to keep it instead.
    pub fix: String,
    /// The provider's page on revoking or rotating; empty when there is none.
    pub link: String,
    /// True for rules that guess from names and shapes; they give way to specific ones.
    pub generic: bool,
}
