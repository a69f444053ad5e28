//! What was looked at inside of an archive, and what was not.

use std::collections::BTreeMap;

use super::{BytePath, SkipReason};

/// The ledger of one outermost archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Archives opened: it, and those in it.
    pub archives: u64,
    /// Files in them that were looked at.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What was not looked at, by reason.
    pub skipped: BTreeMap<SkipReason, u64>,
    /// The first few of those, by their paths inside; none is the outermost archive itself. Bytes are zero where the size
    /// is not why.
    pub named: Vec<(Option<BytePath>, SkipReason, u64)>,
}

impl Contents {
    /// How many are named.
    const NAMED: usize = 5;

    /// Counts one that was passed over, at a path inside; none is the outermost archive itself.
    pub fn skip(&mut self, path: Option<BytePath>, reason: SkipReason, bytes: u64) {
        *self.skipped.entry(reason).or_default() += 1;
        // What somebody excluded needs no name.
        if self.named.len() < Self::NAMED && reason != SkipReason::Excluded {
            self.named.push((path, reason, bytes));
        }
    }
}
