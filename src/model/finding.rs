//! What came through triage, and what did not.

use std::fmt;

use super::{BytePath, Candidate, CommitInfo, Mark, ObjectId, Origin, Position, Span};

/// A candidate whose place is known, on its way to triage.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// Where it is to be reported. In a history: the introducing commit, its path and blob.
    pub origin: Origin,
    /// What was seen there.
    pub candidate: Candidate,
    /// Who brought it in and where else it lies.
    pub placement: Placement,
    /// For each occurrence (at least one) the inline comments that cover its lines, whatever rules they name.
    /// A history's secret is silenced only where every occurrence is.
    pub marks: Vec<Vec<Mark>>,
}

/// A candidate that counts.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Where it is reported. In a history: the introducing commit's path, commit and blob.
    pub origin: Origin,
    /// What was seen.
    pub candidate: Candidate,
    /// Who brought it in and where else it lies. Empty for working trees and stdin.
    pub placement: Placement,
    /// Identifies the secret, not its place; see the triage room for what it protects.
    pub fingerprint: String,
}

/// Who brought a secret in and everywhere it lies.
#[derive(Clone, Debug, Default)]
pub struct Placement {
    /// The commit that introduced it: for a range the commit scanned, for a history the earliest over all blobs
    /// that hold the secret. None where no commit reaches it.
    pub introduced: Option<CommitInfo>,
    /// The paths the secret's blobs have or had, where the rule holds, sorted; the first thousand of more.
    pub paths: Vec<BytePath>,
    /// How many further paths there are, at least; a path that several blobs had may count more than once.
    pub more_paths: u64,
    /// True when it also lies where no path is known: in a message, a tag, an unreachable blob, past the thousandth
    /// path. Then no set of paths covers it.
    pub elsewhere: bool,
    /// Every place, sorted; the first is the finding's own. Empty outside histories.
    pub occurrences: Vec<Occurrence>,
    /// True when no ref reaches it (only with `--all-objects`).
    pub unreachable: bool,
}

/// One place of a secret in a history.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// The blob, commit or tag that holds it.
    pub object: ObjectId,
    /// Where the blob is an archive: the path inside.
    pub inner: Option<BytePath>,
    /// The secret's bytes in it.
    pub span: Span,
    /// The secret's first character.
    pub start: Position,
    /// One past its last.
    pub end: Position,
}

/// A candidate that does not count, and why.
#[derive(Clone, Debug)]
pub struct Dropped {
    /// Where it was.
    pub origin: Origin,
    /// What was seen.
    pub candidate: Candidate,
    /// Who dropped it.
    pub stage: DropStage,
    /// Why: one sentence, no secret in it.
    pub why: String,
}

/// Who drops candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropStage {
    /// The check itself: entropy, placeholder, a missing part, a better rule.
    Detect,
    /// Its path is excluded.
    Path,
    /// An allowlist entry of the configuration.
    Allow,
    /// An inline comment.
    Inline,
    /// The baseline.
    Baseline,
    /// Below the confidence asked for.
    Threshold,
}

impl DropStage {
    /// All of them, in the order in which they are asked.
    pub const ALL: [Self; 6] = [Self::Detect, Self::Path, Self::Inline, Self::Allow, Self::Baseline, Self::Threshold];

    /// The word used in `--explain` and JSON.
    pub fn name(self) -> &'static str {
        match self {
            DropStage::Detect => "detect",
            DropStage::Path => "path",
            DropStage::Allow => "allow",
            DropStage::Inline => "inline",
            DropStage::Baseline => "baseline",
            DropStage::Threshold => "threshold",
        }
    }
}

impl fmt::Display for DropStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
