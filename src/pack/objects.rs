//! Every object that the store holds, each once, and where it lies: packs (mapped), loose files, alternates.

use std::cmp::Ordering::{Equal, Greater, Less};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
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

/// One pack. Until [`Objects::open`] nothing is known of how its entries lie.
pub(super) struct Pack {
    map: Mmap,
    listing: Listing,
    open: bool,
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

    /// True when its entries can be read.
    pub(super) fn is_open(&self) -> bool {
        self.open
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
    /// Pack and entry of each object.
    places: Vec<[u32; 2]>,
    /// For each value of an id's first two bytes, where the ids that start with it begin; one more at the end.
    fanout: Vec<u32>,
    pub(super) packs: Vec<Pack>,
    kinds: Vec<Option<ObjectKind>>,
    /// Objects that need not be shown.
    known: Marked,
    /// What of the store could not be listed; then an object that is missing here may lie there.
    pub problems: Vec<String>,
}

/// A pack whose families are not read yet.
struct Opened {
    map: Mmap,
    listing: Listing,
}

/// Ids and offsets of a pack's objects, sorted by id.
enum Listing {
    Own(Idx),
    /// From the multi-pack-index.
    Shared(Vec<([u8; ID], u64)>),
}

impl Listing {
    fn len(&self) -> usize {
        match self {
            Listing::Own(idx) => idx.len(),
            Listing::Shared(list) => list.len(),
        }
    }

    fn entry(&self, at: usize) -> Option<([u8; ID], u64)> {
        match self {
            Listing::Own(idx) => idx.entry(at),
            Listing::Shared(list) => list.get(at).copied(),
        }
    }
}

/// Where the store's objects are listed: packs, and loose ones last.
struct Sources<'a> {
    packs: &'a [Opened],
    loose: &'a [[u8; ID]],
}

impl Sources<'_> {
    fn id(&self, source: usize, at: usize) -> Option<[u8; ID]> {
        match self.packs.get(source) {
            Some(pack) => pack.listing.entry(at).map(|(id, _)| id),
            None => self.loose.get(at).copied(),
        }
    }

    /// All ids, sorted, each once, at the first place that has it: (source, place there).
    fn merge(&self, total: usize) -> (Vec<[u8; ID]>, Vec<[u32; 2]>) {
        let (mut ids, mut places) = (Vec::with_capacity(total), Vec::with_capacity(total));
        let head = |source: usize, at: usize| self.id(source, at).map(|id| Reverse((id, source, at)));
        let mut heads: BinaryHeap<_> = (0..=self.packs.len()).filter_map(|source| head(source, 0)).collect();
        while let Some(Reverse((id, source, at))) = heads.pop() {
            heads.extend(head(source, at + 1));
            if ids.last() != Some(&id) {
                ids.push(id);
                let number = |n: usize| u32::try_from(n).unwrap_or(LOOSE);
                places.push([if source == self.packs.len() { LOOSE } else { number(source) }, number(at)]);
            }
        }
        (ids, places)
    }
}

/// In place of a pack's number.
const LOOSE: u32 = u32::MAX;

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
        loose.sort_unstable();
        let total = loose.len() + opened.iter().map(|pack| pack.listing.len()).sum::<usize>();
        // Numbers past this one have meanings of their own; git itself stops at 2^32.
        if total >= 1 << 31 {
            return Err(GitError::Other(format!("{total} objects are more than can be listed")));
        }
        let (ids, places) = Sources { packs: &opened, loose: &loose }.merge(total);
        let mut objects = Self {
            fanout: fanout(&ids),
            ids,
            places: Vec::new(),
            packs: Vec::new(),
            kinds: Vec::new(),
            known: Marked(Vec::new()),
            problems,
        };
        objects.packs = opened
            .into_iter()
            .map(|Opened { map, listing }| Pack {
                map,
                listing,
                open: false,
                starts: Vec::new(),
                objects: Vec::new(),
                families: Families::default(),
            })
            .collect();
        objects.kinds = vec![None; objects.ids.len()];
        objects.known = Marked::none(&objects);
        objects.places = places;
        Ok(objects)
    }

    /// Reads the layout of every pack that has an object which is not known, and what loose ones are; what known ones are
    /// is told by `kind`.
    pub fn open(
        &mut self,
        pool: &Pool,
        known: Marked,
        kind: impl Fn(Index) -> Option<ObjectKind>,
    ) -> Result<(), GitError> {
        let mut needed = vec![false; self.packs.len()];
        for (index, [pack, _]) in (0..).zip(&self.places) {
            if let Some(slot) = needed.get_mut(*pack as usize).filter(|_| !known.has(index)) {
                *slot = true;
            }
        }
        for number in (0..).zip(&needed).filter(|(_, needed)| **needed).map(|(number, _)| number) {
            self.lay_out(number);
        }
        self.kinds =
            (0..).take(self.ids.len()).map(|index| if known.has(index) { kind(index) } else { None }).collect();
        for pack in self.packs.iter_mut().filter(|pack| pack.open) {
            for (entry, index) in (0..).zip(&pack.objects) {
                let own = pack.families.kinds.get(entry).copied().flatten();
                if let (Some(slot), Some(_)) = (self.kinds.get_mut(*index as usize), own) {
                    *slot = own;
                }
            }
            pack.families.need(|entry| pack.objects.get(entry as usize).is_some_and(|index| !known.has(*index)));
        }
        self.known = known;
        self.know_loose(pool)
    }

    /// True when an object need not be shown.
    pub fn is_known(&self, index: Index) -> bool {
        self.known.has(index)
    }

    /// Puts a pack's entries in the order of offsets and reads its families.
    fn lay_out(&mut self, number: u32) {
        let Some(Pack { map, listing, .. }) = self.packs.get(number as usize) else { return };
        let offset = |at: usize| listing.entry(at).map_or(u64::MAX, |(_, offset)| offset);
        let mut order: Vec<(u64, u32)> = (0..listing.len()).map(offset).zip(0..).collect();
        order.par_sort_unstable();
        let starts: Vec<u64> = order.iter().map(|(offset, _)| *offset).collect();
        let objects: Vec<Index> = order
            .par_iter()
            .with_min_len(4096)
            .map(|(_, at)| listing.entry(*at as usize).and_then(|(id, _)| self.find_raw(&id)).unwrap_or(Index::MAX))
            .collect();
        drop(order);
        let mut places = std::mem::take(&mut self.places);
        for (entry, object) in (0..).zip(&objects) {
            if let Some([pack, slot]) = places.get_mut(*object as usize)
                && *pack == number
            {
                *slot = entry;
            }
        }
        let find = |id: &[u8; ID]| match *places.get(self.find_raw(id)? as usize)? {
            [pack, entry] if pack == number => Some(entry),
            // The object is here as well as in a pack that comes first.
            _ => {
                let (mut from, mut to) = (0, listing.len());
                while from < to {
                    let middle = from + (to - from) / 2;
                    if listing.entry(middle)?.0 < *id { from = middle + 1 } else { to = middle }
                }
                let (found, offset) = listing.entry(from)?;
                let entry = starts.binary_search(&offset).ok().filter(|_| found == *id)?;
                u32::try_from(entry).ok()
            }
        };
        let families = Families::read(map, &starts, find);
        self.places = places;
        if let Some(pack) = self.packs.get_mut(number as usize) {
            (pack.open, pack.starts, pack.objects, pack.families) = (true, starts, objects, families);
        }
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
        let id = id.try_into().ok()?;
        let found = search(self.ids.get(from..to)?, id)?;
        u32::try_from(from + found).ok()
    }

    /// The bytes of an index's id.
    pub(super) fn raw(&self, index: Index) -> Option<&[u8]> {
        self.ids.get(index as usize).map(<[u8; ID]>::as_slice)
    }

    /// The id behind an index.
    pub fn id(&self, index: Index) -> ObjectId {
        self.ids.get(index as usize).and_then(|id| ObjectId::from_bytes(id)).unwrap_or(ObjectId::ZERO)
    }

    /// Looks at the headers of the loose objects. One that cannot be read has no kind.
    fn know_loose(&mut self, pool: &Pool) -> Result<(), GitError> {
        let loose: Vec<Index> = self.loose().filter(|index| !self.known.has(*index)).collect();
        let shares = pool.each(&loose, 64, Vec::new, |store, share, index| {
            share.extend(store.header(&self.id(*index)).map(|(kind, _)| (*index, kind)));
        })?;
        for (index, kind) in shares.into_iter().flatten() {
            self.know(index, kind);
        }
        self.know_borrowed();
        Ok(())
    }

    fn know(&mut self, index: Index, kind: ObjectKind) {
        if let Some(slot) = self.kinds.get_mut(index as usize) {
            *slot = Some(kind);
        }
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
                let Some(pack) = self.packs.get_mut(number) else { continue };
                for entry in pack.families.learn(root, kind) {
                    let Some(index) = pack.objects.get(entry as usize) else { continue };
                    if let Some(slot) = self.kinds.get_mut(*index as usize) {
                        *slot = Some(kind);
                    }
                }
            }
        }
    }

    /// What an object is; `None` where it cannot be read, or is a delta whose base lies in another pack.
    pub fn kind(&self, index: Index) -> Option<ObjectKind> {
        self.kinds.get(index as usize).copied().flatten()
    }

    /// Where an object lies.
    pub(super) fn place(&self, index: Index) -> Option<Place> {
        let [pack, entry] = *self.places.get(index as usize)?;
        Some(if pack == LOOSE { Place::Loose } else { Place::Packed { pack, entry } })
    }

    /// Objects in files of their own.
    pub(super) fn loose(&self) -> impl Iterator<Item = Index> + '_ {
        (0..).zip(&self.places).filter(|(_, [pack, _])| *pack == LOOSE).map(|(index, _)| index)
    }
}

/// An id as numbers, which compare like it and faster than its bytes.
fn number(id: &[u8; ID]) -> (u64, u64, u32) {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] = *id;
    let high = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let middle = u64::from_be_bytes([i, j, k, l, m, n, o, p]);
    (high, middle, u32::from_be_bytes([q, r, s, t]))
}

/// Steps from where an id is expected; past them somebody made the ids.
const STEPS: usize = 8;

/// Where `id` is in a bucket's sorted ids. They are hashes, so that its own bytes say nearly where: a tree's ids lie all over
/// the table, and each step of a search by halves would wait for memory.
fn search(ids: &[[u8; ID]], id: &[u8; ID]) -> Option<usize> {
    let wanted = number(id);
    let [_, _, a, b, c, d, ..] = *id;
    let share = u64::from(u32::from_be_bytes([a, b, c, d]));
    let mut at = usize::try_from((ids.len() as u64 * share) >> 32).ok()?;
    let first = number(ids.get(at)?).cmp(&wanted);
    for _ in 0..STEPS {
        let here = number(ids.get(at)?).cmp(&wanted);
        if here == Less && here == first {
            at += 1;
        } else if here == Greater && here == first {
            at = at.checked_sub(1)?;
        } else {
            return (here == Equal).then_some(at);
        }
    }
    ids.binary_search_by(|other| number(other).cmp(&wanted)).ok()
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
        let listing = if index.exists() {
            map(&index).map_err(|error| error.to_string()).and_then(|map| Ok(Listing::Own(Idx::open(map)?)))
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
            Ok(Listing::Shared(multi.as_ref().map(|multi| of_multi(multi, &name)).unwrap_or_default()))
        } else {
            continue;
        };
        let pack = listing.and_then(|listing| {
            let map = map(&path).map_err(|error| error.to_string())?;
            check(&map)?;
            Ok(Opened { map, listing })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> [u8; ID] {
        [n; ID]
    }

    #[test]
    fn places_of_several_packs_and_loose_objects_are_merged_in_the_order_of_ids() {
        let opened = |ids: &[u8]| Opened {
            map: memmap2::MmapMut::map_anon(1).unwrap().make_read_only().unwrap(),
            listing: Listing::Shared(ids.iter().map(|n| (id(*n), 0)).collect()),
        };
        let packs = [opened(&[1, 4, 9]), opened(&[2, 4]), opened(&[])];
        let sources = Sources { packs: &packs, loose: &[id(0), id(4), id(12)] };
        let (ids, places) = sources.merge(8);
        assert_eq!(ids, [0, 1, 2, 4, 9, 12].map(id));
        assert_eq!(places, [[LOOSE, 0], [0, 0], [1, 0], [0, 1], [0, 2], [LOOSE, 2]]);
    }

    #[test]
    fn ids_are_found_in_buckets_of_hashes_and_in_those_that_somebody_made() {
        let mut state = 7_u32;
        let mut dice = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        for (count, made) in [(0, 0), (1, 0), (2, 0), (40, 0), (40, 6), (300, 3), (300, 7)] {
            // Ids that agree in their first bytes lie nowhere near where those say.
            let mut ids: Vec<[u8; ID]> =
                (0..count).map(|_| std::array::from_fn(|at| if at < 2 + made { 9 } else { dice() })).collect();
            ids.sort_unstable();
            for at in 0..ids.len() {
                assert_eq!(search(&ids, &ids[at]), Some(at));
                let mut other = ids[at];
                other[ID - 1] ^= 1;
                assert_eq!(search(&ids, &other), ids.binary_search(&other).ok());
            }
            for other in [[0; ID], [0xff; ID]] {
                assert_eq!(search(&ids, &other), None);
            }
        }
    }

    #[test]
    fn ids_compare_as_their_bytes_do() {
        let mut state = 1_u32;
        let mut dice = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 30) as u8 * 85
        };
        for _ in 0..1000 {
            let mut one = || -> [u8; ID] { std::array::from_fn(|_| dice()) };
            let (a, b) = (one(), one());
            assert_eq!(number(&a).cmp(&number(&b)), a.cmp(&b));
        }
    }
}
