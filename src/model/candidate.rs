//! What a check saw, before anybody decided whether it counts.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use super::{
    BytePath, Claim, Coding, Confidence, Contents, Enforcement, Origin, Position, Problem, RuleMeta, Secret, Snippet,
    Span, any_glob_matches,
};

/// Something a check saw in a blob. Cheap to clone: a history holds one for each version of a file.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The rule that saw it.
    pub rule: Arc<RuleMeta>,
    /// The value to rotate; empty where there is none, and then `claim` says what is wrong instead.
    pub secret: Secret,
    /// What is wrong, where that is not a secret that lies in the open.
    pub claim: Option<Claim>,
    /// How it is encoded where it lies, the outermost first; empty for what stands in the clear.
    pub decoded: Vec<Coding>,
    /// The encoded text, where it is encoded: as secret as what it says.
    pub encoded: Option<Secret>,
    /// Where the secret lies in the blob's bytes; where it is encoded, the encoded text.
    pub span: Span,
    /// The whole match.
    pub whole: Span,
    /// The secret's first character.
    pub start: Position,
    /// One past the secret's last character.
    pub end: Position,
    /// How sure the check is.
    pub confidence: Confidence,
    /// Why the confidence is what it is, where that needs saying.
    pub notes: Notes,
    /// Composite parts found near it.
    pub related: Vec<Related>,
    /// The line the secret starts on.
    pub snippet: Snippet,
    /// True when the secret could be found by guessing, so that its plain hash would give it away.
    pub guessable: bool,
    /// Set when the check itself drops it; the sentence says why. Kept for `--explain` and for masking.
    pub dropped: Option<Cow<'static, str>>,
    /// Globs on the path that the blob had no path yet to be held against (histories); empty when decided. It counts
    /// only where the blob is found at a path that [`Candidate::belongs_at`].
    pub paths: Vec<String>,
    /// What a guess's confidence is decided by, without the path; empty for what is no guess. Never holds the secret.
    pub features: Arc<[u8]>,
}

impl Candidate {
    /// What makes it the same finding elsewhere: the secret, or the rule, the place in the document and the words of a
    /// claim. Never a line number.
    pub fn identity(&self) -> Cow<'_, Secret> {
        match &self.claim {
            None => Cow::Borrowed(&self.secret),
            Some(claim) => {
                let parts = [self.rule.id.as_str(), claim.at.as_str(), claim.message.as_str()];
                Cow::Owned(Secret::new(parts.join("\0").as_bytes(), 0))
            }
        }
    }

    /// Everything the rule looked at: the whole match and each composite part that it needs. Decides freshness.
    pub fn evidence(&self) -> impl Iterator<Item = Span> {
        evidence(self.whole, &self.related)
    }

    /// How binding it is; a secret always is.
    pub fn enforcement(&self) -> Enforcement {
        self.claim.as_ref().map_or(Enforcement::Soft, |claim| claim.enforcement)
    }

    /// True when its rule's path condition allows this path.
    pub fn belongs_at(&self, path: &BytePath) -> bool {
        any_glob_matches(&self.paths, path)
    }
}

/// [`Candidate::evidence`] of what is not made into one yet.
pub fn evidence(whole: Span, related: &[Related]) -> impl Iterator<Item = Span> {
    std::iter::once(whole).chain(related.iter().filter(|part| part.needed).map(|part| part.span))
}

/// A reason that moved a candidate's confidence. One sentence, no secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note(pub Cow<'static, str>);

/// A candidate's notes, in order: shared by all versions of a file that say the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes(Arc<[Note]>);

impl Notes {
    /// One more, at the end.
    pub fn push(&mut self, note: Note) {
        self.extend([note]);
    }
}

impl Deref for Notes {
    type Target = [Note];

    fn deref(&self) -> &[Note] {
        &self.0
    }
}

impl FromIterator<Note> for Notes {
    fn from_iter<I: IntoIterator<Item = Note>>(notes: I) -> Self {
        let notes: Vec<Note> = notes.into_iter().collect();
        if notes.is_empty() { Self::default() } else { Self(notes.into()) }
    }
}

impl Extend<Note> for Notes {
    fn extend<I: IntoIterator<Item = Note>>(&mut self, more: I) {
        let mut more = more.into_iter().peekable();
        if more.peek().is_some() {
            *self = self.0.iter().cloned().chain(more).collect();
        }
    }
}

/// A part of a composite secret, such as the key id beside a secret key.
#[derive(Clone, Debug)]
pub struct Related {
    /// What it is.
    pub rule: Arc<RuleMeta>,
    /// Its bytes in the blob.
    pub span: Span,
    /// True when there is no finding without it; false when it is only shown.
    pub needed: bool,
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
    /// What was not looked at, and why: limits reached by hostile input, a regex that does not compile.
    pub problems: Vec<Problem>,
    /// For an archive: what was looked at inside. What was seen there is told of by itself.
    pub contents: Option<Box<Contents>>,
}

impl Found {
    /// Nothing, so far.
    pub fn new(origin: Origin) -> Self {
        Self { origin, candidates: Vec::new(), marks: Vec::new(), problems: Vec::new(), contents: None }
    }

    /// True when there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty() && self.marks.is_empty() && self.problems.is_empty() && self.contents.is_none()
    }
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

impl Mark {
    /// All comments that are understood, as [`Mark::syntax`] names them.
    pub const SYNTAXES: [&str; 9] = [
        "keyward:allow",
        "keyward:allow-start",
        "gitleaks:allow",
        "betterleaks:allow",
        "ggignore",
        "trufflehog:ignore",
        "kingfisher:ignore",
        "pragma: allowlist secret",
        "pragma: allowlist nextline secret",
    ];
}
