//! Bytes in: each source shows its blobs to a visitor and says what it could not show.

mod fresh;
mod history;
mod lines;
mod range;
mod staged;
mod stdin;
mod tree;
mod view;

pub use history::{Before, HistoryOptions, Shown, Witness, history};
pub use lines::difference;
pub use range::{Range, range};
pub use staged::{NOTHING_STAGED, staged, unstaged};
pub use stdin::stdin;
pub use tree::tree;
pub use view::{Change, View, range_change, range_names, staged_change, staged_names, tree_root};

use crate::config::PathFilter;
use crate::git::GitError;
use crate::model::{Blob, Clock};

/// Called once for every blob, from any thread; the bytes are valid only during the call.
pub type Visit<'v> = dyn Fn(&Blob<'_>) + Sync + 'v;

/// What every source is told.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// Blobs larger than this many bytes are passed over and named in the ledger.
    pub max_file_size: u64,
    /// Paths passed over.
    pub exclude: &'a PathFilter,
    /// Where to tell how long the source's own stages took; off by default.
    pub clock: Clock<'a>,
}

/// Why a source can show nothing at all. A single unreadable file is a [`crate::model::Problem`] instead.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// git said no.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A path or stream could not be read.
    #[error("{what}: {error}")]
    Io {
        /// The path or stream.
        what: String,
        /// Why.
        error: std::io::Error,
    },
    /// There was nothing to look at though there should have been.
    #[error("{0}")]
    Nothing(String),
    /// There is less than there should be, and nobody said that this is fine.
    #[error("{0}")]
    Incomplete(String),
}
