//! Which paths differ between a commit and the next one or the index. Never what differs inside a file: `git`'s
//! attributes (`-diff`, `binary`) must not decide that.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use git2::{Delta as Status, DiffOptions, FileMode, ObjectType};

use super::open::{GitError, Repo, object_id};
use crate::model::{BytePath, ObjectId};

/// What a tree or index entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file, executable or not.
    File,
    /// A symbolic link; its blob is the target's text.
    Link,
    /// A submodule's commit.
    Submodule,
}

impl Kind {
    /// From the mode in a tree or index; none for directories and unknown modes.
    pub(super) fn from_mode(mode: u32) -> Option<Self> {
        match mode & 0o170_000 {
            0o100_000 => Some(Kind::File),
            0o120_000 => Some(Kind::Link),
            0o160_000 => Some(Kind::Submodule),
            _ => None,
        }
    }
}

/// One version of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// The blob, or a submodule's commit.
    pub id: ObjectId,
    /// What it is.
    pub kind: Kind,
}

/// A path that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// The path, the same on both sides: renames are not looked for here.
    pub path: BytePath,
    /// Before; none where the path is new.
    pub old: Option<Side>,
    /// After; none where the path is gone.
    pub new: Option<Side>,
}

/// Which wanted blobs a tree holds, each with its smallest path.
pub type Holding = Arc<[(ObjectId, BytePath)]>;

/// What is known of subtrees, by their ids: commits of one range share most of them.
pub type TreeMemo = HashMap<ObjectId, Holding>;

/// Deeper directories are not searched; git itself stops at 2,048 (`core.maxTreeDepth`).
const MAX_DEPTH: usize = 500;

impl Repo {
    /// What `commit` changes against `parent`, or against nothing. Sorted by path.
    pub fn changes(&self, parent: Option<ObjectId>, commit: ObjectId) -> Result<Vec<Delta>, GitError> {
        let old = parent.map(|id| self.tree_of(id)).transpose()?;
        let new = self.tree_of(commit)?;
        let mut options = options();
        deltas(&self.inner.diff_tree_to_tree(old.as_ref(), Some(&new), Some(&mut options))?)
    }

    /// All that a tree holds, as what it adds to nothing.
    pub(super) fn contents(&self, tree: ObjectId) -> Result<Vec<Delta>, GitError> {
        let tree = self.inner.find_tree(self.oid(tree)?)?;
        deltas(&self.inner.diff_tree_to_tree(None, Some(&tree), Some(&mut options()))?)
    }

    /// What the index changes against `parent`, or against nothing. Sorted by path; unmerged paths are left out.
    pub fn staged_changes(&self, parent: Option<ObjectId>) -> Result<Vec<Delta>, GitError> {
        let old = parent.map(|id| self.tree_of(id)).transpose()?;
        let index = self.index()?;
        let mut options = options();
        deltas(&self.inner.diff_tree_to_index(old.as_ref(), Some(&index), Some(&mut options))?)
    }

    /// Finds some of the blobs `wanted` in the tree of `commit`: (id, path), the smallest path of each. `memo`
    /// keeps what subtrees hold, for the same `wanted` only.
    pub fn find_blobs(
        &self,
        commit: ObjectId,
        wanted: &HashSet<ObjectId>,
        memo: &mut TreeMemo,
    ) -> Result<Holding, GitError> {
        let tree = self.tree_of(commit)?;
        self.holding(&tree, wanted, memo, 0)
    }

    fn holding(
        &self,
        tree: &git2::Tree<'_>,
        wanted: &HashSet<ObjectId>,
        memo: &mut TreeMemo,
        depth: usize,
    ) -> Result<Holding, GitError> {
        if let Some(known) = memo.get(&object_id(tree.id())) {
            return Ok(known.clone());
        }
        let mut found: BTreeMap<ObjectId, BytePath> = BTreeMap::new();
        for entry in tree {
            let name = entry.name_bytes();
            let id = object_id(entry.id());
            match entry.kind() {
                Some(ObjectType::Tree) if depth < MAX_DEPTH => {
                    let below = self.holding(&self.inner.find_tree(entry.id())?, wanted, memo, depth + 1)?;
                    for (id, path) in below.iter() {
                        keep_smallest(&mut found, *id, BytePath::new([name, b"/", path.as_bytes()].concat()));
                    }
                }
                Some(ObjectType::Blob) if wanted.contains(&id) => keep_smallest(&mut found, id, BytePath::new(name)),
                _ => {}
            }
        }
        let holding: Holding = found.into_iter().collect();
        memo.insert(object_id(tree.id()), holding.clone());
        Ok(holding)
    }

    pub(super) fn tree_of(&self, commit: ObjectId) -> Result<git2::Tree<'_>, GitError> {
        let commit = self.inner.find_commit(self.oid(commit)?)?;
        Ok(commit.tree()?)
    }
}

/// Keeps the smaller of two paths of a blob.
fn keep_smallest(found: &mut BTreeMap<ObjectId, BytePath>, id: ObjectId, path: BytePath) {
    let known = found.entry(id).or_insert_with(|| path.clone());
    if path < *known {
        *known = path;
    }
}

fn options() -> DiffOptions {
    let mut options = DiffOptions::new();
    options.include_typechange(true).skip_binary_check(true).context_lines(0);
    options
}

/// libgit2 may tell a type change as a deletion and an addition of one path: they are put together again.
fn deltas(diff: &git2::Diff<'_>) -> Result<Vec<Delta>, GitError> {
    let mut by_path: BTreeMap<BytePath, Delta> = BTreeMap::new();
    for delta in diff.deltas() {
        if matches!(delta.status(), Status::Conflicted | Status::Unmodified) {
            continue;
        }
        for (file, is_new) in [(delta.old_file(), false), (delta.new_file(), true)] {
            let absent = match delta.status() {
                Status::Added | Status::Untracked => !is_new,
                Status::Deleted => is_new,
                _ => false,
            };
            let Some(path) = file.path_bytes().filter(|_| !absent) else { continue };
            let Some(kind) = kind(file.mode()) else { continue };
            let path = BytePath::new(path);
            let entry = by_path.entry(path.clone()).or_insert(Delta { path, old: None, new: None });
            let side = Some(Side { id: object_id(file.id()), kind });
            if is_new {
                entry.new = side;
            } else {
                entry.old = side;
            }
        }
    }
    Ok(by_path.into_values().collect())
}

fn kind(mode: FileMode) -> Option<Kind> {
    match mode {
        FileMode::Blob | FileMode::BlobExecutable | FileMode::BlobGroupWritable => Some(Kind::File),
        FileMode::Link => Some(Kind::Link),
        FileMode::Commit => Some(Kind::Submodule),
        _ => None,
    }
}
