//! Single objects by libgit2, and handles on the repository for many threads. Knows nothing of commits or trees.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use git2::{ErrorCode, ObjectType, Odb, Oid};

use super::{GitError, Repo};
use crate::model::ObjectId;

/// What kind an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A file's content.
    Blob,
    /// A directory.
    Tree,
    /// A commit.
    Commit,
    /// An annotated tag.
    Tag,
}

impl ObjectKind {
    fn of(kind: ObjectType) -> Option<Self> {
        match kind {
            ObjectType::Blob => Some(ObjectKind::Blob),
            ObjectType::Tree => Some(ObjectKind::Tree),
            ObjectType::Commit => Some(ObjectKind::Commit),
            ObjectType::Tag => Some(ObjectKind::Tag),
            ObjectType::Any => None,
        }
    }
}

/// An object as read.
pub struct Object<'s> {
    kind: ObjectKind,
    inner: git2::OdbObject<'s>,
}

impl Object<'_> {
    /// What it is.
    pub fn kind(&self) -> ObjectKind {
        self.kind
    }

    /// Its content, without git's header.
    pub fn bytes(&self) -> &[u8] {
        // libgit2 gives a null pointer for an empty object read from some backends.
        if self.inner.len() == 0 { &[] } else { self.inner.data() }
    }
}

/// Why an object was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The store has it not.
    Missing,
    /// It is larger than asked for: its bytes.
    TooLarge(u64),
    /// It is there but damaged: libgit2's words.
    Broken(String),
}

impl ReadError {
    /// The same, for whoever cannot go on without the object.
    pub(super) fn about(self, id: &ObjectId) -> GitError {
        match self {
            ReadError::Missing => GitError::Missing(format!("object {id}")),
            ReadError::TooLarge(size) => GitError::Other(format!("object {id} is too large: {size} bytes")),
            ReadError::Broken(why) => GitError::Other(format!("object {id}: {why}")),
        }
    }
}

impl From<git2::Error> for ReadError {
    fn from(error: git2::Error) -> Self {
        if error.code() == ErrorCode::NotFound {
            ReadError::Missing
        } else {
            ReadError::Broken(error.message().replace('\n', " "))
        }
    }
}

/// A handle on the object store, for one thread.
pub struct Store<'r> {
    odb: Odb<'r>,
}

impl<'r> Store<'r> {
    /// The store of a repository.
    pub fn of(repo: &'r Repo) -> Result<Self, GitError> {
        Ok(Self { odb: repo.inner.odb()? })
    }

    /// An object's kind and size, without reading it.
    pub fn header(&self, id: &ObjectId) -> Result<(ObjectKind, u64), ReadError> {
        let oid = Oid::from_bytes(id.as_bytes())?;
        let (size, kind) = self.odb.read_header(oid)?;
        let kind = ObjectKind::of(kind).ok_or_else(|| ReadError::Broken("an object of unknown kind".into()))?;
        Ok((kind, size as u64))
    }

    /// Reads an object of at most `most` bytes. The size is looked at first: nothing larger is ever allocated.
    pub fn read(&self, id: &ObjectId, most: u64) -> Result<Object<'_>, ReadError> {
        let (kind, size) = self.header(id)?;
        if size > most {
            return Err(ReadError::TooLarge(size));
        }
        let inner = self.odb.read(Oid::from_bytes(id.as_bytes())?)?;
        Ok(Object { kind, inner })
    }
}

/// Handles on one repository, a thread each: libgit2 serialises readers of one handle.
pub struct Pool {
    repos: Vec<Mutex<Repo>>,
}

/// So few items are not worth waking other threads for.
const FEW: usize = 64;

impl Pool {
    /// Opens as many handles as rayon's current pool has threads, fewer for a small store.
    pub fn open(repo: &Repo, objects: usize) -> Result<Self, GitError> {
        let threads = rayon::current_num_threads().clamp(1, 1 + objects / 1024);
        let repos: Result<Vec<_>, _> = (0..threads).map(|_| repo.reopen().map(Mutex::new)).collect();
        Ok(Self { repos: repos? })
    }

    /// Runs `work` over `items`, `chunk` neighbours at a time, on all threads. Each thread has a state of its own,
    /// made by `start`; all of them are returned. Chunks are handed out in order.
    pub fn each<T, S>(
        &self,
        items: &[T],
        chunk: usize,
        start: impl Fn() -> S + Sync,
        work: impl Fn(&Store<'_>, &mut S, &T) + Sync,
    ) -> Result<Vec<S>, GitError>
    where
        T: Sync,
        S: Send,
    {
        let next = AtomicUsize::new(0);
        let run = |thread: usize| -> Result<Option<S>, GitError> {
            let Some(repo) = self.repos.get(thread) else { return Ok(None) };
            let repo = repo.lock().map_err(|_| GitError::Other("a reader thread failed".into()))?;
            let store = Store::of(&repo)?;
            let mut state = start();
            loop {
                let from = next.fetch_add(chunk, Ordering::Relaxed);
                let to = from.saturating_add(chunk).min(items.len());
                let Some(mine) = items.get(from..to) else { break };
                if mine.is_empty() {
                    break;
                }
                mine.iter().for_each(|item| work(&store, &mut state, item));
            }
            Ok(Some(state))
        };
        if items.len() <= FEW {
            return Ok(run(0)?.into_iter().collect());
        }
        rayon::broadcast(|context| run(context.index())).into_iter().filter_map(Result::transpose).collect()
    }
}
