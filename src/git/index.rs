//! The index that git is about to commit, and what is going into that commit beside it.

use std::path::Path;

use super::diff::Kind;
use super::open::{GitError, Repo, object_id};
use super::revision::Read;
use crate::model::{BytePath, ObjectId};

/// From git's index format: the bit of the extended flags that marks `git add -N`.
const INTENT_TO_ADD: u16 = 1 << 13;

/// One entry of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// Its path, relative to the working tree's root.
    pub path: BytePath,
    /// The blob, or a submodule's commit.
    pub id: ObjectId,
    /// What it is.
    pub kind: Kind,
    /// 0; or 1 to 3 while the path is unmerged (base, ours, theirs).
    pub stage: u16,
    /// Only announced with `git add -N`: a commit leaves it out.
    pub intent_to_add: bool,
}

impl Repo {
    pub(super) fn index(&self) -> Result<git2::Index, GitError> {
        self.inner.index().map_err(explain)
    }

    /// All entries of the index, as it orders them.
    pub fn index_entries(&self) -> Result<Vec<IndexEntry>, GitError> {
        let index = self.index()?;
        let entry = |entry: git2::IndexEntry| {
            Some(IndexEntry {
                path: BytePath::new(&entry.path),
                id: object_id(entry.id),
                kind: Kind::from_mode(entry.mode)?,
                stage: (entry.flags >> 12) & 3,
                intent_to_add: entry.flags_extended & INTENT_TO_ADD != 0,
            })
        };
        Ok(index.iter().filter_map(entry).collect())
    }

    /// The paths of all tracked files and links, sorted, each once.
    pub fn tracked(&self) -> Result<Vec<BytePath>, GitError> {
        let entries = self.index_entries()?.into_iter().filter(|entry| entry.kind != Kind::Submodule);
        let mut paths: Vec<BytePath> = entries.map(|entry| entry.path).collect();
        paths.sort();
        paths.dedup();
        Ok(paths)
    }

    /// The file as the index has it; none when it is not in the index, or only announced, or a submodule.
    pub fn staged_file(&self, path: &BytePath) -> Result<Option<Vec<u8>>, GitError> {
        let Some(entry) = self.index()?.get_path(&path.to_os(), 0) else { return Ok(None) };
        if entry.flags_extended & INTENT_TO_ADD != 0 || Kind::from_mode(entry.mode) == Some(Kind::Submodule) {
            return Ok(None);
        }
        match self.read(object_id(entry.id), u64::MAX)? {
            Read::Bytes(bytes) => Ok(Some(bytes)),
            Read::TooLarge(_) | Read::Missing => Err(GitError::Missing(path.to_string())),
        }
    }

    /// The parents that the next commit will have: HEAD (none before the first commit) and, while a merge is in
    /// progress, what is being merged. A clean merge has not written `MERGE_HEAD` yet when its `pre-merge-commit`
    /// hook runs (git 2.47, builtin/merge.c); there git names the other heads by `GITHEAD_<id>` in the environment.
    pub fn next_parents(&self) -> Result<Vec<ObjectId>, GitError> {
        let mut parents: Vec<ObjectId> = self.head()?.into_iter().collect();
        if parents.is_empty() {
            return Ok(parents);
        }
        let file = self.inner.path().join("MERGE_HEAD");
        let merged: Vec<ObjectId> = match std::fs::read_to_string(&file) {
            Ok(text) => text.lines().filter_map(|line| ObjectId::from_hex(line.trim())).collect(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.heads_in_environment(),
            Err(error) => return Err(GitError::Other(format!("{}: {error}", shown(&file)))),
        };
        for id in merged {
            if !parents.contains(&id) {
                parents.push(id);
            }
        }
        Ok(parents)
    }

    /// Only for a repository that honours the environment, and only commits that HEAD has not already: the variables
    /// outlive the merge in whatever its hooks start.
    fn heads_in_environment(&self) -> Vec<ObjectId> {
        if !self.is_from_env() {
            return Vec::new();
        }
        let name = |(name, _): (std::ffi::OsString, _)| name.into_string().ok();
        let mut heads: Vec<ObjectId> = std::env::vars_os()
            .filter_map(name)
            .filter_map(|name| ObjectId::from_hex(name.strip_prefix("GITHEAD_")?))
            .filter(|id| self.is_elsewhere(*id).unwrap_or(false))
            .collect();
        heads.sort();
        heads
    }

    /// True for a commit of this repository that HEAD does not contain.
    fn is_elsewhere(&self, id: ObjectId) -> Result<bool, GitError> {
        let Some(head) = self.head()? else { return Ok(false) };
        let (head, other) = (self.oid(head)?, self.inner.find_commit(self.oid(id)?)?.id());
        Ok(head != other && !self.inner.graph_descendant_of(head, other)?)
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// libgit2 refuses index extensions that change what the entries mean.
fn explain(error: git2::Error) -> GitError {
    let message = error.message();
    let unsupported = |what: &str, remedy: &str| GitError::Unsupported { what: what.into(), remedy: remedy.into() };
    if message.contains("mandatory extension") && message.contains("link") {
        unsupported("a split index", "make it whole with: git update-index --no-split-index")
    } else if message.contains("mandatory extension") && message.contains("sdir") {
        unsupported("a sparse index", "make it whole with: git sparse-checkout reapply --no-sparse-index")
    } else {
        GitError::from(error)
    }
}
