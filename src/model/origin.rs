//! Where bytes come from.

use super::{BytePath, ObjectId};

/// Where a blob's bytes come from. Ordered, so that findings sort the same way at any thread count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Path relative to the scanned root; see [`BytePath::inside`] for what lies in an archive. None for messages, stdin
    /// without a name, and a history blob before it is placed.
    pub path: Option<BytePath>,
    /// What was read.
    pub kind: OriginKind,
    /// The commit at which the bytes were read (range), or whose message they are.
    pub commit: Option<ObjectId>,
    /// The blob's or the tag's object id, where git has one.
    pub object: Option<ObjectId>,
    /// The path inside the archive, for what lies in one; empty where that is a stream which names nothing.
    pub inner: Option<BytePath>,
}

/// What kind of thing was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OriginKind {
    /// A file of a working tree.
    Tree,
    /// A file as the index has it.
    Staged,
    /// A file as a commit of a range has it.
    Range,
    /// A blob of the object store.
    History,
    /// A commit's message, or the one being written (then `commit` is none).
    CommitMessage,
    /// An annotated tag's text.
    TagMessage,
    /// Standard input.
    Stdin,
}

impl OriginKind {
    /// The name used in JSON and on screen.
    pub fn name(self) -> &'static str {
        match self {
            OriginKind::Tree => "tree",
            OriginKind::Staged => "staged",
            OriginKind::Range => "range",
            OriginKind::History => "history",
            OriginKind::CommitMessage => "commit-message",
            OriginKind::TagMessage => "tag-message",
            OriginKind::Stdin => "stdin",
        }
    }
}

impl Origin {
    /// An origin of `kind` with nothing else known.
    pub fn new(kind: OriginKind) -> Self {
        Self { path: None, kind, commit: None, object: None, inner: None }
    }

    /// An origin of `kind` at `path`.
    pub fn at(kind: OriginKind, path: BytePath) -> Self {
        Self { path: Some(path), ..Self::new(kind) }
    }

    /// The origin of what lies at `inner` in the archive that this is the origin of.
    pub fn inside(&self, inner: &BytePath) -> Self {
        let path = self.path.as_ref().map(|path| path.inside(inner));
        Self { path, inner: Some(inner.clone()), ..self.clone() }
    }

    /// What to call it in a message: its path, or else the object's or commit's id, or else its kind.
    pub fn name(&self) -> String {
        let id = self.object.or(self.commit).map(|id| id.to_string());
        let named = || BytePath::new(id.unwrap_or_else(|| self.kind.name().to_owned()));
        match (&self.path, &self.inner) {
            (Some(path), _) => path.to_string(),
            (None, Some(inner)) => named().inside(inner).to_string(),
            (None, None) => named().to_string(),
        }
    }
}

/// What keyward says about a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// The commit's id.
    pub id: ObjectId,
    /// Author name as recorded, invalid bytes replaced.
    pub author: String,
    /// Author e-mail as recorded. Never written to SARIF.
    pub email: String,
    /// Author time, seconds since the epoch.
    pub time: i64,
    /// The author's offset from UTC in minutes.
    pub offset: i32,
}
