//! Archives as blobs of many files: each file in one is looked at as a blob of its own, with the archive's freshness.

use std::collections::{HashMap, HashSet};

use crate::config::PathFilter;
use crate::detect::Detector;
use crate::model::{Blob, BytePath, Difference, Found, Fresh, OriginKind, Secret, Span};
use crate::source::difference;
use crate::unpack::{self, Format, Inside, Limits};

/// Opens archives for one scan.
#[derive(Clone, Copy)]
pub(super) struct Opener<'a> {
    pub(super) detector: &'a Detector,
    pub(super) limits: Limits,
    pub(super) exclude: &'a PathFilter,
}

/// Files of an earlier version that are kept for comparison: none larger than this,
const LARGEST_EARLIER: usize = 1 << 20;
/// and no more than this together. Of others only a hash is kept: such a file is new, or it is not.
const MOST_EARLIER: usize = 64 << 20;

impl Opener<'_> {
    /// What was seen in the files of an archive, beside what was seen in its own bytes. A blob that is no archive costs a
    /// look at a few of its bytes.
    #[inline]
    pub(super) fn look(&self, blob: &Blob<'_>, own: Option<Found>) -> (Option<Found>, Vec<Found>) {
        match Format::of(blob.bytes) {
            Some(format) if holds_files(blob) => (None, self.open(format, blob, own)),
            _ => (own, Vec::new()),
        }
    }

    #[cold]
    fn open(&self, format: Format, blob: &Blob<'_>, own: Option<Found>) -> Vec<Found> {
        if blob.fresh.is_nothing() && blob.former_path.is_none() {
            return own.into_iter().collect();
        }
        let earlier = blob.earlier.iter().map(|bytes| Earlier::of(bytes, self.limits)).collect();
        let own = own.unwrap_or_else(|| Found::new(blob.origin.clone()));
        let mut looker = Looker { opener: self, blob, earlier, found: vec![own] };
        let contents = unpack::open(format, blob.bytes, self.limits, &mut looker);
        let mut found = looker.found;
        if let Some(own) = found.first_mut() {
            own.contents = Some(Box::new(contents));
        }
        found.retain(|found| !found.is_empty());
        found
    }
}

/// A message is no file, whatever it begins with.
fn holds_files(blob: &Blob<'_>) -> bool {
    !matches!(blob.origin.kind, OriginKind::CommitMessage | OriginKind::TagMessage)
}

/// Looks at what comes out of one archive.
struct Looker<'l, 'a> {
    opener: &'l Opener<'a>,
    blob: &'l Blob<'l>,
    earlier: Vec<Earlier>,
    /// The archive's own first.
    found: Vec<Found>,
}

impl Inside for Looker<'_, '_> {
    fn wants(&mut self, path: &BytePath) -> bool {
        // In a history the paths come later: then triage leaves out what is excluded everywhere.
        let excluded = |outer: &BytePath| self.opener.exclude.matches(&outer.inside(path));
        self.opener.exclude.is_empty() || !self.blob.origin.path.as_ref().is_some_and(excluded)
    }

    fn show(&mut self, path: &BytePath, bytes: &[u8]) {
        let origin = self.blob.origin.inside(path);
        let fresh = match self.blob.fresh {
            Fresh::All => Fresh::All,
            // Where nothing of the archive is new, nothing in it is; a version that could not be read hides nothing.
            fresh if fresh.is_nothing() => Fresh::nothing(),
            _ if self.earlier.is_empty() => Fresh::All,
            _ => Fresh::Against(self.earlier.iter().map(|earlier| earlier.difference(path, bytes)).collect()),
        };
        let former_path = self.blob.former_path.map(|former| former.inside(path));
        let blob = Blob { origin: &origin, bytes, fresh: &fresh, former_path: former_path.as_ref(), earlier: &[] };
        self.found.extend(self.opener.detector.scan(&blob));
    }

    fn close(&mut self, archive: Option<&BytePath>, held: &[Span]) {
        // Shown depth first: what came after the archive's own bytes came out of it.
        let Some(at) = self.found.iter().rposition(|found| found.origin.inner.as_ref() == archive) else { return };
        let (before, after) = self.found.split_at_mut(at + 1);
        let Some(own) = before.last_mut().filter(|own| !own.candidates.is_empty()) else { return };
        // A file says it better than the bytes it is stored as, and it is the file that is excluded, allowed or commented.
        let told: HashSet<&Secret> = after.iter().flat_map(|found| &found.candidates).map(|c| &c.secret).collect();
        let is_held = |span: &Span| held.iter().any(|held| held.contains(span));
        own.candidates.retain(|candidate| !told.contains(&candidate.secret) && !is_held(&candidate.span));
        if own.candidates.is_empty() {
            own.marks.clear();
        }
    }
}

/// What an earlier version of an archive held.
#[derive(Default)]
struct Earlier {
    /// Hashes of all files.
    known: HashSet<[u8; 32]>,
    files: HashMap<BytePath, Vec<u8>>,
    kept: usize,
}

impl Earlier {
    fn of(bytes: &[u8], limits: Limits) -> Self {
        let mut earlier = Self::default();
        if let Some(format) = Format::of(bytes) {
            unpack::open(format, bytes, limits, &mut earlier);
        }
        earlier
    }

    /// How a file differs from the one at its path in this version, or else from nothing; not at all where the version had
    /// it anywhere.
    fn difference(&self, path: &BytePath, bytes: &[u8]) -> Difference {
        if self.known.contains(blake3::hash(bytes).as_bytes()) {
            return Difference::default();
        }
        match self.files.get(path) {
            Some(old) => difference(old, bytes),
            None => Difference { added: vec![Span::new(0, bytes.len())], removed_at: Vec::new() },
        }
    }
}

impl Inside for Earlier {
    fn wants(&mut self, _: &BytePath) -> bool {
        true
    }

    fn show(&mut self, path: &BytePath, bytes: &[u8]) {
        self.known.insert(*blake3::hash(bytes).as_bytes());
        if bytes.len() <= LARGEST_EARLIER && self.kept + bytes.len() <= MOST_EARLIER {
            self.kept += bytes.len();
            self.files.insert(path.clone(), bytes.to_vec());
        }
    }

    fn close(&mut self, _: Option<&BytePath>, _: &[Span]) {}
}
