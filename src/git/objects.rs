//! The object store as a whole: which objects it holds and in what order they lie, and reading them from many
//! threads. Knows nothing of commits or trees.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use git2::{ErrorCode, ObjectType, Odb, Oid};

use super::{GitError, Repo, open::object_id};
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

/// An object's number in [`Objects`].
pub type Index = u32;

/// Every object the store holds (loose, packed, in alternates), each once. An object is named by its index in the
/// order of ids, four bytes instead of twenty.
pub struct Objects {
    /// Sorted.
    ids: Vec<Oid>,
    /// For each value of an id's first two bytes, where the ids that start with it begin; one more at the end.
    fanout: Vec<u32>,
    /// Indices as the objects lie in the packs. Read in this order, an object's delta base is still in the cache.
    order: Vec<Index>,
    /// The inverse of `order`.
    rank: Vec<u32>,
    /// Why the list is not whole; then an object it lacks may still be readable.
    pub incomplete: Option<String>,
}

impl Objects {
    /// Lists the store.
    pub fn list(repo: &Repo) -> Result<Self, GitError> {
        let odb = repo.inner.odb()?;
        let mut stored: Vec<Oid> = Vec::new();
        // libgit2 gives each pack's objects by offset.
        let listed = odb.foreach(|id| {
            stored.push(*id);
            true
        });
        let count = u32::try_from(stored.len())
            .map_err(|_| GitError::Other(format!("{} objects are more than can be listed", stored.len())))?;
        let mut by_id: Vec<(Oid, u32)> = stored.into_iter().zip(0..count).collect();
        by_id.sort_unstable();
        by_id.dedup_by_key(|(id, _)| *id);
        let mut fanout = vec![0u32; (1 << 16) + 1];
        for (id, _) in &by_id {
            if let Some(slot) = fanout.get_mut(bucket(id) + 1) {
                *slot += 1;
            }
        }
        let mut sum = 0;
        for slot in &mut fanout {
            sum += *slot;
            *slot = sum;
        }
        let mut order: Vec<(u32, Index)> = by_id.iter().map(|(_, place)| *place).zip(0..).collect();
        order.sort_unstable();
        let order: Vec<Index> = order.into_iter().map(|(_, index)| index).collect();
        let mut rank = vec![0; order.len()];
        for (index, place) in order.iter().zip(0..) {
            if let Some(slot) = rank.get_mut(*index as usize) {
                *slot = place;
            }
        }
        let ids = by_id.into_iter().map(|(id, _)| id).collect();
        let incomplete = listed.err().map(|error| error.message().replace('\n', " "));
        Ok(Self { ids, fanout, order, rank, incomplete })
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The index of an id; `None` when the store has it not.
    pub fn find(&self, id: &ObjectId) -> Option<Index> {
        self.find_raw(id.as_bytes())
    }

    /// The same for raw bytes.
    pub fn find_raw(&self, id: &[u8]) -> Option<Index> {
        let (high, low) = (usize::from(*id.first()?), usize::from(*id.get(1)?));
        let at = high << 8 | low;
        let (from, to) = (*self.fanout.get(at)? as usize, *self.fanout.get(at + 1)? as usize);
        let near = self.ids.get(from..to)?;
        let found = near.binary_search_by(|other| other.as_bytes().cmp(id)).ok()?;
        u32::try_from(from + found).ok()
    }

    /// The id behind an index.
    pub fn id(&self, index: Index) -> ObjectId {
        self.ids.get(index as usize).map_or(ObjectId::ZERO, |id| object_id(*id))
    }

    /// All indices, as the objects lie in the packs.
    pub fn in_pack_order(&self) -> impl Iterator<Item = Index> + '_ {
        self.order.iter().copied()
    }

    /// The object's place in [`Objects::in_pack_order`].
    pub fn rank(&self, index: Index) -> u32 {
        self.rank.get(index as usize).copied().unwrap_or(u32::MAX)
    }

    /// Sorts indices as the objects lie in the packs.
    pub fn sort(&self, indices: &mut [Index]) {
        indices.sort_unstable_by_key(|index| self.rank(*index));
    }
}

fn bucket(id: &Oid) -> usize {
    match *id.as_bytes() {
        [high, low, ..] => usize::from(high) << 8 | usize::from(low),
        _ => 0,
    }
}

/// A set of objects, shared by threads. One bit an object.
pub struct Marked(Vec<AtomicU64>);

impl Marked {
    /// The empty set over `objects`.
    pub fn none(objects: &Objects) -> Self {
        Self((0..objects.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    /// Adds one; true when it was not there.
    pub fn add(&self, index: Index) -> bool {
        let bit = 1 << (index % 64);
        self.0.get((index / 64) as usize).is_some_and(|word| word.fetch_or(bit, Ordering::AcqRel) & bit == 0)
    }

    /// True when it is there.
    pub fn has(&self, index: Index) -> bool {
        let bit = 1 << (index % 64);
        self.0.get((index / 64) as usize).is_some_and(|word| word.load(Ordering::Acquire) & bit != 0)
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
        // libgit2 would hash every object it reads, which costs more than reading it. git itself does not either:
        // zlib's checksums tell of damage.
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| git2::opts::strict_hash_verification(false));
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
