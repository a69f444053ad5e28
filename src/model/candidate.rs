//! What a check saw, before anybody decided whether it counts.

use std::sync::Arc;

use super::{Confidence, Origin, Position, RuleMeta, Secret, Snippet, Span};

/// Something a check saw in a blob.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The rule that saw it.
    pub rule: Arc<RuleMeta>,
    /// The value to rotate.
    pub secret: Secret,
    /// Where the secret lies in the blob's bytes.
    pub span: Span,
    /// Everything the rule looked at: the whole match and each composite part. Decides freshness.
    pub evidence: Vec<Span>,
    /// The secret's first character.
    pub start: Position,
    /// One past the secret's last character.
    pub end: Position,
    /// How sure the check is.
    pub confidence: Confidence,
    /// Why the confidence is what it is, where that needs saying.
    pub notes: Vec<Note>,
    /// Composite parts found near it.
    pub related: Vec<Related>,
    /// The line the secret starts on.
    pub snippet: Snippet,
    /// True when the secret could be found by guessing, so that its plain hash would give it away.
    pub guessable: bool,
    /// Set when the check itself drops it; the sentence says why. Kept for `--explain` and for masking.
    pub dropped: Option<String>,
}

/// A reason that moved a candidate's confidence. One sentence, no secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note(pub String);

/// A part of a composite secret, such as the key id beside a secret key.
#[derive(Clone, Debug)]
pub struct Related {
    /// What it is.
    pub rule: Arc<RuleMeta>,
    /// Its bytes in the blob.
    pub span: Span,
    /// Its first character.
    pub start: Position,
    /// One past its last character.
    pub end: Position,
}

/// All that was seen in one blob.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where the blob came from.
    pub origin: Origin,
    /// What was seen, by (span, rule).
    pub candidates: Vec<Candidate>,
    /// Inline comments that ask for silence. Collected wherever keyward's own comment stands, so that unused ones
    /// can be reported; other tools' only beside candidates.
    pub marks: Vec<Mark>,
}

/// An inline comment that asks for silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The line the comment is on.
    pub line: u32,
    /// The lines it covers, first and last.
    pub covers: (u32, u32),
    /// What it asks for.
    pub scope: MarkScope,
    /// The comment as other tools call it, such as `keyward:allow` or `gitleaks:allow`.
    pub syntax: &'static str,
    /// The text after `--`, if any.
    pub reason: Option<String>,
    /// True when the scanned change itself adds this comment.
    pub fresh: bool,
}

/// Which findings a mark silences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkScope {
    /// Every rule.
    AnyRule,
    /// These rule ids.
    Rules(Vec<String>),
}
