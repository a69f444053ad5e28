//! Every object that the store holds, each once, and where it lies: packs (mapped), loose files, alternates.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::Mmap;
use rayon::prelude::*;

use super::entry::{Form, Header, header};
use super::family::Families;
use super::idx::{ID, Idx, Multi, be32};
use crate::git::{GitError, ObjectKind, Pool, Repo};
use crate::model::ObjectId;

/// An object's number in [`Objects`]: its place in the order of ids.
pub type Index = u32;

/// Where an object lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a file of its own.
    Loose,
    /// Entry of a pack.
    Packed { pack: u32, entry: u32 },
}

/// One pack.
pub(super) struct Pack {
    map: Mmap,
    /// The entries' offsets, sorted.
    starts: Vec<u64>,
    /// The objects that the entries are.
    objects: Vec<Index>,
    /// Which entry is made from which.
    pub(super) families: Families,
}

impl Pack {
    /// The whole file.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// The offset of an entry.
    pub(super) fn start(&self, entry: u32) -> Option<u64> {
        self.starts.get(entry as usize).copied()
    }

    /// Where its bytes end at the latest.
    pub(super) fn end(&self, entry: u32) -> usize {
        let next = self.starts.get(entry as usize + 1).and_then(|start| usize::try_from(*start).ok());
        next.unwrap_or(self.map.len().saturating_sub(ID))
    }

    /// The object that an entry is.
    pub(super) fn object(&self, entry: u32) -> Option<Index> {
        self.objects.get(entry as usize).copied()
    }
}

/// Every object of a store.
pub struct Objects {
    /// Sorted.
    ids: Vec<[u8; ID]>,
    places: Vec<Place>,
    /// For each value of an id's first two bytes, where the ids that start with it begin; one more at the end.
    fanout: Vec<u32>,
    pub(super) packs: Vec<Pack>,
    /// What loose objects are.
    loose: HashMap<Index, ObjectKind>,
    /// What of the store could not be listed; then an object that is missing here may lie there.
    pub problems: Vec<String>,
}

/// A pack whose entries are known by offset only.
struct Opened {
    map: Mmap,
    listed: Vec<([u8; ID], u64)>,
}

impl Objects {
    /// Lists all object directories of `repo`.
    pub fn list(repo: &Repo) -> Result<Self, GitError> {
        let mut problems = Vec::new();
        let mut opened = Vec::new();
        let mut loose: Vec<[u8; ID]> = Vec::new();
        for dir in repo.object_dirs() {
            open_packs(&dir.join("pack"), &mut opened, &mut problems);
            list_loose(&dir, &mut loose);
        }
        let total = loose.len() + opened.iter().map(|pack| pack.listed.len()).sum::<usize>();
        // Numbers past this one have meanings of their own; git itself stops at 2^32.
        if total >= 1 << 31 {
            return Err(GitError::Other(format!("{total} objects are more than can be listed")));
        }
        // Sorted runs one after the other, which is what this sort is fast at. The first place of an object is kept.
        let mut all: Vec<([u8; ID], Place)> = Vec::with_capacity(total);
        for (pack, one) in (0..).zip(&opened) {
            let entries = (0..).zip(&one.listed);
            all.extend(entries.map(|(entry, (id, _))| (*id, Place::Packed { pack, entry })));
        }
        loose.sort_unstable();
        all.extend(loose.into_iter().map(|id| (id, Place::Loose)));
        all.sort_by_key(|(id, _)| *id);
        all.dedup_by_key(|(id, _)| *id);
        let (ids, mut places): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        let mut objects =
            Self { fanout: fanout(&ids), ids, places: Vec::new(), packs: Vec::new(), loose: HashMap::new(), problems };
        for (number, one) in (0..).zip(opened) {
            let pack = objects.pack(number, one, &mut places);
            objects.packs.push(pack);
        }
        objects.places = places;
        Ok(objects)
    }

    /// Puts a pack's entries in the order of offsets and reads its families.
    fn pack(&self, number: u32, opened: Opened, places: &mut [Place]) -> Pack {
        let Opened { map, listed } = opened;
        let mut order: Vec<(u64, u32)> = listed.iter().map(|(_, offset)| *offset).zip(0..).collect();
        order.par_sort_unstable();
        let starts: Vec<u64> = order.iter().map(|(offset, _)| *offset).collect();
        let id_of = |listing: u32| listed.get(listing as usize).map(|(id, _)| id);
        let objects: Vec<Index> = order
            .par_iter()
            .with_min_len(4096)
            .map(|(_, listing)| id_of(*listing).and_then(|id| self.find_raw(id)).unwrap_or(Index::MAX))
            .collect();
        for (entry, object) in (0..).zip(&objects) {
            if let Some(Place::Packed { pack, entry: slot }) = places.get_mut(*object as usize)
                && *pack == number
            {
                *slot = entry;
            }
        }
        let find = |id: &[u8; ID]| match places.get(self.find_raw(id)? as usize) {
            Some(Place::Packed { pack, entry }) if *pack == number => Some(*entry),
            // The object is here as well as in a pack that comes first.
            _ => {
                let offset = listed.binary_search_by(|(other, _)| other.cmp(id)).ok().and_then(|at| listed.get(at))?.1;
                starts.binary_search(&offset).ok().and_then(|at| u32::try_from(at).ok())
            }
        };
        let families = Families::read(&map, &starts, find);
        Pack { map, starts, objects, families }
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
        let at = bucket(id)?;
        let (from, to) = (*self.fanout.get(at)? as usize, *self.fanout.get(at + 1)? as usize);
        let found = self.ids.get(from..to)?.binary_search_by(|other| other.as_slice().cmp(id)).ok()?;
        u32::try_from(from + found).ok()
    }

    /// The id behind an index.
    pub fn id(&self, index: Index) -> ObjectId {
        self.ids.get(index as usize).and_then(|id| ObjectId::from_bytes(id)).unwrap_or(ObjectId::ZERO)
    }

    /// Looks at the headers of the loose objects. One that cannot be read has no kind.
    pub fn know_loose(&mut self, pool: &Pool) -> Result<(), GitError> {
        let loose: Vec<Index> = self.loose().collect();
        let shares = pool.each(&loose, 64, Vec::new, |store, share, index| {
            share.extend(store.header(&self.id(*index)).map(|(kind, _)| (*index, kind)));
        })?;
        self.loose = shares.into_iter().flatten().collect();
        self.know_borrowed();
        Ok(())
    }

    /// Deltas whose base lies in another pack are what that is. Each round knows one more pack on the way.
    fn know_borrowed(&mut self) {
        for _ in 0..self.packs.len() {
            let mut learned: Vec<(usize, u32, ObjectKind)> = Vec::new();
            for (number, pack) in self.packs.iter().enumerate() {
                for root in pack.families.borrowed() {
                    let head = pack.start(root).and_then(|start| header(pack.bytes(), start));
                    let Some(Header { form: Form::Id(id), .. }) = head else { continue };
                    let kind = self.find_raw(&id).and_then(|base| self.kind(base));
                    learned.extend(kind.map(|kind| (number, root, kind)));
                }
            }
            if learned.is_empty() {
                return;
            }
            for (number, root, kind) in learned {
                if let Some(pack) = self.packs.get_mut(number) {
                    pack.families.learn(root, kind);
                }
            }
        }
    }

    /// What an object is; `None` where it cannot be read, or is a delta whose base lies in another pack.
    pub fn kind(&self, index: Index) -> Option<ObjectKind> {
        match *self.places.get(index as usize)? {
            Place::Packed { pack, entry } => {
                self.packs.get(pack as usize)?.families.kinds.get(entry as usize).copied().flatten()
            }
            Place::Loose => self.loose.get(&index).copied(),
        }
    }

    /// Where an object lies.
    pub(super) fn place(&self, index: Index) -> Option<Place> {
        self.places.get(index as usize).copied()
    }

    /// Objects in files of their own.
    pub(super) fn loose(&self) -> impl Iterator<Item = Index> + '_ {
        (0..).zip(&self.places).filter(|(_, place)| **place == Place::Loose).map(|(index, _)| index)
    }

    /// Bytes of packs that are mapped, for the ledger of memory.
    pub fn mapped(&self) -> u64 {
        self.packs.iter().map(|pack| pack.map.len() as u64).sum()
    }
}

fn bucket(id: &[u8]) -> Option<usize> {
    match id {
        [high, low, ..] => Some(usize::from(*high) << 8 | usize::from(*low)),
        _ => None,
    }
}

fn fanout(ids: &[[u8; ID]]) -> Vec<u32> {
    let mut fanout = vec![0_u32; (1 << 16) + 1];
    for id in ids {
        if let Some(slot) = bucket(id).and_then(|at| fanout.get_mut(at + 1)) {
            *slot += 1;
        }
    }
    let mut sum = 0;
    for slot in &mut fanout {
        sum += *slot;
        *slot = sum;
    }
    fanout
}

/// Maps a file for reading.
fn map(path: &Path) -> std::io::Result<Mmap> {
    let file = File::open(path)?;
    #[allow(unsafe_code)]
    // SAFETY: git writes packs and indexes under temporary names, renames them and never changes them afterwards; it
    // only unlinks them, which leaves the mapping whole. Somebody who truncates the file in place ends this process by
    // SIGBUS, as he would end git. The bytes are read as bytes only: nothing relies on their staying equal.
    unsafe {
        Mmap::map(&file)
    }
}

/// Opens every pack of a directory. A pack without an index is one that is still being written, unless a
/// multi-pack-index knows it.
fn open_packs(dir: &Path, opened: &mut Vec<Opened>, problems: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let mut packs: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    packs.retain(|path| path.extension() == Some(OsStr::new("pack")));
    packs.sort();
    let multi_path = dir.join("multi-pack-index");
    let mut multi: Option<Multi> = None;
    for path in packs {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let index = path.with_extension("idx");
        let listed = if index.exists() {
            map(&index).map_err(|error| error.to_string()).and_then(|map| {
                let idx = Idx::open(map)?;
                (0..idx.len())
                    .map(|at| idx.entry(at))
                    .collect::<Option<Vec<_>>>()
                    .ok_or_else(|| "its index is cut off".into())
            })
        } else if multi_path.exists() {
            if multi.is_none() {
                match map(&multi_path).map_err(|error| error.to_string()).and_then(|map| Ok(Multi::open(map)?)) {
                    Ok(read) => multi = Some(read),
                    Err(why) => {
                        problems.push(format!("multi-pack-index: {why}"));
                        continue;
                    }
                }
            }
            Ok(multi.as_ref().map(|multi| of_multi(multi, &name)).unwrap_or_default())
        } else {
            continue;
        };
        let pack = listed.and_then(|listed| {
            let map = map(&path).map_err(|error| error.to_string())?;
            check(&map)?;
            Ok(Opened { map, listed })
        });
        match pack {
            Ok(pack) => opened.push(pack),
            Err(why) => problems.push(format!("{name}: {why}")),
        }
    }
}

fn of_multi(multi: &Multi, name: &str) -> Vec<([u8; ID], u64)> {
    let stem = |name: &str| name.rsplit_once('.').map(|(stem, _)| stem.to_owned());
    let Some(number) = multi.names().iter().position(|listed| stem(listed) == stem(name)) else { return Vec::new() };
    multi.objects().filter(|(_, pack, _)| *pack == number).map(|(id, _, offset)| (id, offset)).collect()
}

/// A pack of a version that is known.
fn check(pack: &[u8]) -> Result<(), String> {
    match (pack.starts_with(b"PACK"), be32(pack, 4)) {
        (true, Some(2 | 3)) if pack.len() >= 12 + ID => Ok(()),
        _ => Err("it is no pack of a version that is known".into()),
    }
}

/// Names of loose objects: two hexadecimal digits of directory, 38 of file.
fn list_loose(dir: &Path, loose: &mut Vec<[u8; ID]>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let high = entry.file_name();
        let Some(high) = high.to_str().filter(|name| name.len() == 2 && name.bytes().all(|b| b.is_ascii_hexdigit()))
        else {
            continue;
        };
        let Ok(files) = std::fs::read_dir(entry.path()) else { continue };
        for file in files.flatten() {
            let low = file.file_name();
            let id =
                low.to_str().filter(|low| low.len() == 38).and_then(|low| ObjectId::from_hex(&format!("{high}{low}")));
            loose.extend(id.and_then(|id| <[u8; ID]>::try_from(id.as_bytes()).ok()));
        }
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
        self.0.get((index / 64) as usize).is_some_and(|word| {
            // Most are there already, and reading is cheaper than writing what another thread reads.
            word.load(Ordering::Relaxed) & bit == 0 && word.fetch_or(bit, Ordering::Relaxed) & bit == 0
        })
    }

    /// True when it is there.
    pub fn has(&self, index: Index) -> bool {
        let bit = 1 << (index % 64);
        self.0.get((index / 64) as usize).is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0)
    }
}
