//! A source's files as a whole, for checks across them: which there are and what single ones hold, before a change and
//! after it. The same index or commit that is scanned, never the disk behind it.

use std::collections::{BTreeMap, HashSet};

use super::range::{Range, commits};
use super::{SourceError, tree};
use crate::git::{Delta, Kind, Repo, Side};
use crate::model::{BytePath, ObjectId, Survey};

/// Files by path, as an index or a commit has them.
#[derive(Clone, Debug, Default)]
pub struct View {
    files: BTreeMap<BytePath, ObjectId>,
}

/// A new state and those it grew from.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// What will be, or is at the range's end.
    pub new: View,
    /// What was, one for each parent or each commit that the range begins behind. Empty where there was nothing.
    pub old: Vec<View>,
    /// Every path that differs from one of those.
    pub changed: HashSet<BytePath>,
    /// The commit of the new state; none for an index.
    pub tip: Option<ObjectId>,
}

/// A range that begins behind more commits than this is held against so many.
const MOST_OLD: usize = 8;

impl View {
    /// Paths and blobs, by path.
    pub fn files(&self) -> impl Iterator<Item = (&BytePath, ObjectId)> {
        self.files.iter().map(|(path, id)| (path, *id))
    }

    /// The blob at a path.
    pub fn find(&self, path: &BytePath) -> Option<ObjectId> {
        self.files.get(path).copied()
    }

    /// The files right in a directory; empty for the root.
    pub fn in_directory<'v>(&'v self, dir: &[u8]) -> impl Iterator<Item = (&'v BytePath, ObjectId)> {
        let prefix: Vec<u8> = if dir.is_empty() { Vec::new() } else { [dir, b"/"].concat() };
        let from = BytePath::new(&prefix);
        let inside = self.files.range(from..).take_while({
            let prefix = prefix.clone();
            move |(path, _)| path.as_bytes().starts_with(&prefix)
        });
        let depth = prefix.len();
        inside
            .filter(move |(path, _)| !path.as_bytes().get(depth..).unwrap_or_default().contains(&b'/'))
            .map(|(path, id)| (path, *id))
    }

    /// The state before these differences.
    fn before(&self, deltas: &[Delta]) -> Self {
        let mut files = self.files.clone();
        for delta in deltas {
            match delta.old.and_then(file) {
                Some(id) => files.insert(delta.path.clone(), id),
                None => files.remove(&delta.path),
            };
        }
        Self { files }
    }

    fn of(deltas: Vec<Delta>) -> Self {
        let new = |delta: Delta| Some((delta.path, delta.new.and_then(file)?));
        Self { files: deltas.into_iter().filter_map(new).collect() }
    }
}

fn file(side: Side) -> Option<ObjectId> {
    (side.kind == Kind::File).then_some(side.id)
}

/// The files of the index whose path is wanted. Looks at names only; sparse directories stay closed.
pub fn staged_names(repo: &Repo, wanted: &dyn Fn(&[u8]) -> bool) -> Result<Vec<(BytePath, ObjectId)>, SourceError> {
    let index = repo.index()?;
    let named = (0..index.len()).filter(|at| wanted(index.path(*at)));
    let is = |entry: &crate::git::IndexEntry<'_>| {
        entry.stage == 0 && !entry.intent_to_add && entry.kind() == Some(Kind::File)
    };
    let found = named.filter_map(|at| index.entry(at)).filter(is);
    Ok(found.map(|entry| (BytePath::new(entry.path), entry.object())).collect())
}

/// The index that git is about to commit, and every parent that the commit will have.
pub fn staged_change(repo: &Repo) -> Result<Change, SourceError> {
    let new = View::of(repo.staged_changes(None)?);
    let mut change = Change { new, ..Change::default() };
    for parent in repo.next_parents()? {
        change.add(repo.staged_changes(Some(parent))?);
    }
    Ok(change.or_all_new())
}

/// The files of a range's last commit whose path is wanted; none where the range has no commit.
pub fn range_names(
    repo: &Repo,
    range: &Range,
    wanted: &dyn Fn(&[u8]) -> bool,
) -> Result<Vec<(BytePath, ObjectId)>, SourceError> {
    let Some(tip) = inside(repo, range)?.first().copied() else { return Ok(Vec::new()) };
    let all = repo.changes(None, tip)?.into_iter().filter(|delta| wanted(delta.path.as_bytes()));
    Ok(all.filter_map(|delta| Some((delta.path, delta.new.and_then(file)?))).collect())
}

/// The commits of a range, newest first.
fn inside(repo: &Repo, range: &Range) -> Result<Vec<ObjectId>, SourceError> {
    if range.remote.is_some() && repo.tagged(&range.tip)?.is_some() {
        // A file or a tree without a commit has no place among others.
        return Ok(Vec::new());
    }
    commits(repo, range, &mut Survey::default())
}

/// The end of a range, and the commits that it begins behind.
pub fn range_change(repo: &Repo, range: &Range) -> Result<Change, SourceError> {
    let commits = inside(repo, range)?;
    let Some(tip) = commits.first().copied() else { return Ok(Change::default()) };
    let mut change = Change { new: View::of(repo.changes(None, tip)?), tip: Some(tip), ..Change::default() };
    let inside: HashSet<ObjectId> = commits.iter().copied().collect();
    let mut known = HashSet::new();
    'all: for id in &commits {
        for parent in repo.parents(*id)? {
            if !inside.contains(&parent) && known.insert(parent) {
                change.add(repo.changes(Some(parent), tip)?);
                if known.len() >= MOST_OLD {
                    break 'all;
                }
            }
        }
    }
    Ok(change.or_all_new())
}

impl Change {
    fn add(&mut self, deltas: Vec<Delta>) {
        self.old.push(self.new.before(&deltas));
        self.changed.extend(deltas.into_iter().map(|delta| delta.path));
    }

    /// Where nothing was before, all is new.
    fn or_all_new(mut self) -> Self {
        if self.old.is_empty() {
            self.changed.extend(self.new.files.keys().cloned());
        }
        self
    }
}

/// The directory that a tree's paths are relative to.
pub fn tree_root(paths: &[std::path::PathBuf]) -> Option<std::path::PathBuf> {
    tree::root(paths)
}
