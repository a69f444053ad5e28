//! What git is about to commit: the index it will take, and what goes into that commit beside it.

use std::path::{Path, PathBuf};

use super::Store;
use super::diff::Kind;
use super::index::{IndexError, IndexFile};
use super::open::{GitError, Repo};
use super::revision::Read;
use super::trees::{EntryKind, entries, read_tree};
use crate::model::{BytePath, ObjectId};

impl From<IndexError> for GitError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Unsupported { what, remedy } => GitError::Unsupported { what, remedy: remedy.into() },
            other => GitError::Index(other.to_string()),
        }
    }
}

impl Repo {
    /// The index; read once for each handle.
    pub fn index(&self) -> Result<&IndexFile, GitError> {
        match self.index.get() {
            Some(index) => Ok(index),
            None => {
                let index = IndexFile::read(&self.index_path(), self.git_dir())?;
                Ok(self.index.get_or_init(|| index))
            }
        }
    }

    /// For `commit -a` and `commit FILE` git names another index in the environment of its hooks; a relative one lies
    /// below the root of the working tree, wherever keyward was started.
    fn index_path(&self) -> PathBuf {
        let named = std::env::var_os("GIT_INDEX_FILE").filter(|name| self.is_from_env() && !name.is_empty());
        match (named, self.workdir()) {
            (Some(named), Some(root)) => root.join(named),
            (Some(named), None) => PathBuf::from(named),
            (None, _) => self.git_dir().join("index"),
        }
    }

    /// The paths of all tracked files and links, sorted, each once. Of a directory that a sparse index has not spread
    /// out, those below it only where the working tree has that directory.
    pub fn tracked(&self) -> Result<Vec<BytePath>, GitError> {
        let index = self.index()?;
        index.check()?;
        let mut paths: Vec<BytePath> = Vec::with_capacity(index.len());
        let mut sparse = false;
        for entry in index.entries() {
            match entry.kind() {
                Some(Kind::Submodule) => {}
                Some(_) if paths.last().is_some_and(|last| last.as_bytes() == entry.path) => {}
                Some(_) => paths.push(BytePath::new(entry.path)),
                None => {
                    sparse = true;
                    let there = |top: &Path| top.join(BytePath::new(entry.path).to_os()).is_dir();
                    if self.workdir().is_some_and(there) {
                        self.files_below(entry.object(), entry.path, &mut paths)?;
                    }
                }
            }
        }
        if sparse {
            paths.sort();
        }
        Ok(paths)
    }

    /// Adds the paths of all files and links in a tree; `prefix` ends in a `/`.
    fn files_below(&self, tree: ObjectId, prefix: &[u8], paths: &mut Vec<BytePath>) -> Result<(), GitError> {
        let all = self.contents(tree)?;
        let file = |delta: &super::Delta| delta.new.is_some_and(|side| side.kind != Kind::Submodule);
        let below = all.iter().filter(|delta| file(delta));
        paths.extend(below.map(|delta| BytePath::new([prefix, delta.path.as_bytes()].concat())));
        Ok(())
    }

    /// The file as the index has it; none when it is not in the index, or only announced, or a submodule. Whether the
    /// index is sound is for whoever scans to ask: [`IndexFile::check`].
    pub fn staged_file(&self, path: &BytePath) -> Result<Option<Vec<u8>>, GitError> {
        let index = self.index()?;
        let id = match index.find(path.as_bytes()) {
            Some(entry) if entry.intent_to_add || !matches!(entry.kind(), Some(Kind::File | Kind::Link)) => None,
            Some(entry) => Some(entry.object()),
            None => match index.sparse_above(path.as_bytes()) {
                Some(above) => {
                    let rest = path.as_bytes().get(above.path.len()..).unwrap_or_default();
                    self.file_in(above.object(), rest)?
                }
                None => None,
            },
        };
        let Some(id) = id else { return Ok(None) };
        match self.read(id, u64::MAX)? {
            Read::Bytes(bytes) => Ok(Some(bytes)),
            Read::TooLarge(_) | Read::Missing => Err(GitError::Missing(path.to_string())),
        }
    }

    /// The blob at a path below a tree.
    fn file_in(&self, mut tree: ObjectId, path: &[u8]) -> Result<Option<ObjectId>, GitError> {
        let store = Store::of(self)?;
        let mut parts = path.split(|byte| *byte == b'/').peekable();
        while let Some(part) = parts.next() {
            let object = read_tree(&store, &tree)?;
            let found = entries(object.bytes()).flatten().find(|entry| entry.name == part);
            let Some((kind, id)) = found.and_then(|found| Some((found.kind, ObjectId::from_bytes(found.id)?))) else {
                return Ok(None);
            };
            match (kind, parts.peek()) {
                (EntryKind::Tree, Some(_)) => tree = id,
                (EntryKind::Blob, None) => return Ok(Some(id)),
                _ => return Ok(None),
            }
        }
        Ok(None)
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
