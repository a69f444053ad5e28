//! Revisions, commits and objects by id, and the few settings of a repository that others ask for.

use std::collections::HashSet;
use std::path::PathBuf;

use git2::{ErrorCode, ObjectType, Oid, Sort};

use super::diff::Delta;
use super::open::{GitError, Repo, object_id};
use crate::model::{BytePath, CommitInfo, ObjectId};

/// What became of reading a blob.
#[derive(Debug)]
pub enum Read {
    /// All of it.
    Bytes(Vec<u8>),
    /// It has this many bytes, more than asked for; it was not read.
    TooLarge(u64),
    /// The object store has it not, as in a partial clone.
    Missing,
}

/// What a tag may name beside a commit.
pub enum Tagged {
    /// A single file.
    File(ObjectId),
    /// A tree, as what it adds to nothing.
    Tree(Vec<Delta>),
}

impl Repo {
    pub(super) fn oid(&self, id: ObjectId) -> Result<Oid, GitError> {
        Ok(Oid::from_bytes(id.as_bytes())?)
    }

    /// Reads a blob of at most `most` bytes.
    pub fn read(&self, id: ObjectId, most: u64) -> Result<Read, GitError> {
        if let Some(bytes) = self.loose_blob(&id, most) {
            return Ok(Read::Bytes(bytes));
        }
        let oid = self.oid(id)?;
        let odb = self.inner.odb()?;
        let missing = |error: git2::Error| match error.code() {
            ErrorCode::NotFound => Ok(Read::Missing),
            _ => Err(GitError::from(error)),
        };
        // The size first: a large object is not even inflated.
        match odb.read_header(oid) {
            Ok((size, _)) if size as u64 > most => return Ok(Read::TooLarge(size as u64)),
            Ok((_, ObjectType::Blob)) => {}
            Ok((_, kind)) => return Err(GitError::Other(format!("object {id} is a {kind}, not a blob"))),
            Err(error) => return missing(error),
        }
        match odb.read(oid) {
            Ok(object) => Ok(Read::Bytes(object.data().to_vec())),
            Err(error) => missing(error),
        }
    }

    /// The commit HEAD names; none before the first commit.
    pub fn head(&self) -> Result<Option<ObjectId>, GitError> {
        match self.inner.head() {
            Ok(head) => match head.peel_to_commit() {
                Ok(commit) => Ok(Some(object_id(commit.id()))),
                Err(_) => Err(GitError::Dangling("HEAD".into())),
            },
            Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The commit that `revision` names, through tags; anything `git rev-parse` knows.
    pub fn resolve(&self, revision: &str) -> Result<ObjectId, GitError> {
        let unknown = || GitError::UnknownRevision(revision.to_owned());
        if revision.is_empty() {
            return Err(unknown());
        }
        let object = self.inner.revparse_single(revision).map_err(|error| match error.code() {
            // A name of one to three letters that no ref has is tried as the beginning of an id: too short, says libgit2.
            ErrorCode::Ambiguous if revision.len() < 4 => unknown(),
            ErrorCode::NotFound | ErrorCode::InvalidSpec => unknown(),
            _ => GitError::from(error),
        })?;
        Ok(object_id(object.peel_to_commit().map_err(|_| unknown())?.id()))
    }

    /// The annotated tags that `revision` names, from the outermost on: id and text.
    pub fn tag_messages(&self, revision: &str) -> Result<Vec<(ObjectId, Vec<u8>)>, GitError> {
        let odb = self.inner.odb()?;
        let mut object = self.inner.revparse_single(revision)?;
        let mut found = Vec::new();
        while let Some(tag) = object.as_tag() {
            found.push((object_id(tag.id()), super::message_of(odb.read(tag.id())?.data()).to_vec()));
            let target = tag.target()?;
            object = target;
        }
        Ok(found)
    }

    /// What a tag names that is no commit; none where it is one.
    pub fn tagged(&self, revision: &str) -> Result<Option<Tagged>, GitError> {
        let mut object = self.inner.revparse_single(revision)?;
        while let Some(tag) = object.as_tag() {
            let target = tag.target()?;
            object = target;
        }
        match object.kind() {
            Some(ObjectType::Blob) => Ok(Some(Tagged::File(object_id(object.id())))),
            Some(ObjectType::Tree) => Ok(Some(Tagged::Tree(self.contents(object_id(object.id()))?))),
            _ => Ok(None),
        }
    }

    /// The file as `revision` has it; none when that commit has no such file. A link yields its target's text.
    pub fn show(&self, revision: &str, path: &BytePath) -> Result<Option<Vec<u8>>, GitError> {
        let tree = self.tree_of(self.resolve(revision)?)?;
        let entry = match tree.get_path(&path.to_os()) {
            Ok(entry) => entry,
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if entry.kind() != Some(ObjectType::Blob) {
            return Ok(None);
        }
        match self.read(object_id(entry.id()), u64::MAX)? {
            Read::Bytes(bytes) => Ok(Some(bytes)),
            Read::TooLarge(_) | Read::Missing => Err(GitError::Missing(path.to_string())),
        }
    }

    /// Author and date of a commit.
    pub fn commit_info(&self, id: ObjectId) -> Result<CommitInfo, GitError> {
        let commit = self.inner.find_commit(self.oid(id)?)?;
        let author = commit.author();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(CommitInfo {
            id,
            author: text(author.name_bytes()),
            email: text(author.email_bytes()),
            time: author.when().seconds(),
            offset: author.when().offset_minutes(),
        })
    }

    /// A commit's message as recorded, in whatever encoding.
    pub fn commit_message(&self, id: ObjectId) -> Result<Vec<u8>, GitError> {
        let odb = self.inner.odb()?;
        let commit = odb.read(self.oid(id)?)?;
        // From the first empty line on; git2's own accessor panics on a commit without one.
        let data = commit.data();
        Ok(memchr::memmem::find(data, b"\n\n").and_then(|at| data.get(at + 2..)).unwrap_or_default().to_vec())
    }

    /// A commit's parents, in order.
    pub fn parents(&self, id: ObjectId) -> Result<Vec<ObjectId>, GitError> {
        Ok(self.inner.find_commit(self.oid(id)?)?.parent_ids().map(object_id).collect())
    }

    /// The commits reachable from `tip` and from none of `hidden`, by every parent. Newest first.
    pub fn commits(&self, tip: ObjectId, hidden: &[ObjectId]) -> Result<Vec<ObjectId>, GitError> {
        let mut walk = self.inner.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
        walk.push(self.oid(tip)?)?;
        for id in hidden {
            walk.hide(self.oid(*id)?)?;
        }
        walk.map(|id| Ok(object_id(id?))).collect()
    }

    /// The best common ancestors of two commits; none for unrelated histories.
    pub fn merge_bases(&self, one: ObjectId, two: ObjectId) -> Result<Vec<ObjectId>, GitError> {
        match self.inner.merge_bases(self.oid(one)?, self.oid(two)?) {
            Ok(bases) => Ok(bases.iter().copied().map(object_id).collect()),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Every ref that leads to a commit, with that commit, sorted by name. HEAD and other symbolic refs are not among
    /// them: what they name is.
    pub fn refs(&self) -> Result<Vec<(String, ObjectId)>, GitError> {
        let mut refs = Vec::new();
        for reference in self.inner.references()? {
            let reference = reference?;
            if reference.kind() == Some(git2::ReferenceType::Symbolic) {
                continue;
            }
            if let Ok(commit) = reference.peel_to_commit() {
                refs.push((String::from_utf8_lossy(reference.name_bytes()).into_owned(), object_id(commit.id())));
            }
        }
        refs.sort();
        Ok(refs)
    }

    /// The full name of the ref that `name` is short for (`main`, `origin/main`, `HEAD`), as git would choose it;
    /// none for ids and a detached HEAD.
    pub fn ref_name(&self, name: &str) -> Option<String> {
        let reference = match name {
            "HEAD" => self.inner.head().ok()?,
            _ => self.inner.resolve_reference_from_short_name(name).ok()?,
        };
        let reference = reference.resolve().ok()?;
        Some(String::from_utf8_lossy(reference.name_bytes()).into_owned()).filter(|name| name != "HEAD")
    }

    /// The commits whose parents a shallow clone has cut off.
    pub fn shallow_commits(&self) -> Result<HashSet<ObjectId>, GitError> {
        let file = self.common_dir().join("shallow");
        match std::fs::read_to_string(&file) {
            Ok(text) => Ok(text.lines().filter_map(|line| ObjectId::from_hex(line.trim())).collect()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(HashSet::new()),
            Err(error) => Err(GitError::Other(format!("{}: {error}", file.display()))),
        }
    }

    /// True when the clone's history is cut off somewhere.
    pub fn is_shallow(&self) -> bool {
        self.inner.is_shallow()
    }

    /// True when there is no working tree.
    pub fn is_bare(&self) -> bool {
        self.inner.is_bare()
    }

    /// A configuration value as git would read it here; none when unset.
    pub fn config(&self, key: &str) -> Result<Option<String>, GitError> {
        match self.inner.config()?.snapshot()?.get_bytes(key) {
            Ok(value) => Ok(Some(String::from_utf8_lossy(value).into_owned())),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Where git looks for hooks: `core.hooksPath`, relative to the working tree's root (to the git directory of a
    /// bare repository), or else `hooks` in the directory that linked working trees share.
    pub fn hooks_path(&self) -> Result<PathBuf, GitError> {
        match self.inner.config()?.get_path("core.hooksPath") {
            Ok(path) if path.is_absolute() => Ok(path),
            Ok(path) => Ok(self.workdir().unwrap_or_else(|| self.git_dir()).join(path)),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(self.common_dir().join("hooks")),
            Err(error) => Err(error.into()),
        }
    }
}
