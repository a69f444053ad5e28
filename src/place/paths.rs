//! Where blobs lie in a history: all their paths, and the first commit that has them there. Each unique tree is read
//! once or nearly so, however many commits share it. Knows nothing of candidates.

use std::collections::{HashMap, HashSet};

use crate::model::{BytePath, ObjectId};
use crate::pack::{Forest, Index, Link, Marked, Past, index};

/// No more paths are kept for one blob.
pub(super) const MAX_PATHS: usize = 1_000;
/// A longer path is shown by its end. Systems allow 4,096.
const MAX_PATH: usize = 1 << 16;
/// The commit number of a path that no reachable commit has.
pub(super) const NOWHERE: u32 = u32::MAX;

/// In place of a number.
const NONE: u32 = u32::MAX;
/// Directories that are found without hashing, a power of two.
const LATELY: usize = 1024;

/// A path of a blob.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The first commit that has the blob at the path: its number in [`Graph::commits`], or [`NOWHERE`].
    pub first: u32,
    /// The path.
    pub path: BytePath,
}

/// All places of one blob, by (first commit, path).
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// The first thousand that were met.
    pub known: Vec<Place>,
    /// How many more there are, at least.
    pub more: u64,
}

/// Looks `blobs` up in all trees that the refs reach, then in those that they do not, where those were asked for.
pub(super) fn look_up(past: &Past, blobs: &[ObjectId]) -> HashMap<ObjectId, Places> {
    let wanted = Marked::none(&past.objects);
    let mut numbers = vec![NONE; past.objects.len()];
    for (index, number) in blobs.iter().filter_map(|id| past.objects.find(id)).zip(0..) {
        wanted.add(index);
        if let Some(slot) = numbers.get_mut(index as usize) {
            *slot = number;
        }
    }
    let roots = || past.graph.roots().chain(past.unreached.iter().flat_map(|graph| graph.roots()));
    let full = past.forest.leading_to(&past.objects, &wanted, false, roots().filter_map(index));
    let mut tracer = Tracer::new(past, &wanted, &full, &numbers, blobs.len());
    for (commit, number) in past.graph.commits.iter().zip(0..) {
        tracer.trace(commit.tree, number);
    }
    let elsewhere = past.unreached.iter().flat_map(|graph| graph.roots()).chain(past.graph.trees.iter().copied());
    elsewhere.for_each(|tree| tracer.trace(tree, NOWHERE));
    let known = blobs.iter().copied().filter(|id| past.objects.find(id).is_some());
    known.zip(tracer.finish()).collect()
}

/// Follows the trees that lead to something from the commits down, in the commits' order.
struct Tracer<'p> {
    past: &'p Past,
    forest: &'p Forest,
    /// The blobs that are looked for.
    wanted: &'p Marked,
    full: &'p Marked,
    /// By object: the number of the blob that it is, or [`NONE`].
    numbers: &'p [u32],
    /// Directories by parent and name; 0 is the root.
    dirs: HashMap<(u32, u32), u32>,
    /// Those lately asked for, by a hash of parent and name: (parent, name, directory).
    lately: Vec<(u32, u32, u32)>,
    /// Parent and name of each directory but the root.
    parents: Vec<(u32, u32)>,
    /// The first directory in which each tree was met: nearly all stay in one.
    first: Vec<u32>,
    /// Further ones.
    seen: HashSet<(u32, Index)>,
    /// In how many directories such a tree was met. Past the limit it is not followed again: trees that repeat
    /// themselves would have more paths than can be counted.
    met: HashMap<Index, usize>,
    /// For each blob, where it was met.
    places: Vec<Met>,
}

/// Where a blob was met.
#[derive(Clone, Default)]
struct Met {
    /// The (directory, name) pair it was met at last: nearly always the same again.
    last: Option<(u32, u32)>,
    /// All pairs and their first commits.
    first: FirstAt,
    /// How many more pairs there are.
    more: u64,
}

/// The first commit that has a blob at each (directory, name).
type FirstAt = HashMap<(u32, u32), u32>;

impl<'p> Tracer<'p> {
    fn new(past: &'p Past, wanted: &'p Marked, full: &'p Marked, numbers: &'p [u32], blobs: usize) -> Self {
        Self {
            past,
            forest: &past.forest,
            wanted,
            full,
            numbers,
            lately: vec![(NONE, NONE, NONE); LATELY],
            first: vec![NONE; past.objects.len()],
            dirs: HashMap::new(),
            parents: Vec::new(),
            seen: HashSet::new(),
            met: HashMap::new(),
            places: vec![Met::default(); blobs],
        }
    }

    /// Notes all places beneath a commit's tree that no earlier commit had.
    fn trace(&mut self, root: Link, commit: u32) {
        let (forest, wanted, full, numbers) = (self.forest, self.wanted, self.full, self.numbers);
        let mut stack: Vec<(u32, Index)> = index(root).map(|root| (0, root)).into_iter().collect();
        while let Some((dir, tree)) = stack.pop() {
            let Some(met) = Some(tree).filter(|tree| full.has(*tree)).and_then(|tree| self.meet(dir, tree)) else {
                continue;
            };
            let often = met > MAX_PATHS;
            for held in forest.held(tree) {
                let Some(at) = index(held.link) else { continue };
                // Two small sets answer for nearly all.
                if !wanted.has(at) && !full.has(at) {
                    continue;
                }
                if let Some(blob) = numbers.get(at as usize).filter(|number| **number != NONE) {
                    if often { self.one_more(*blob) } else { self.note(*blob, (dir, held.name), commit) }
                }
                if full.has(at) && !often {
                    stack.push((self.directory(dir, held.name), at));
                }
            }
        }
    }

    /// In how many directories the tree was met by now; none where it was met in this one before.
    fn meet(&mut self, dir: u32, tree: Index) -> Option<usize> {
        let first = self.first.get_mut(tree as usize)?;
        if *first == NONE {
            *first = dir;
            return Some(1);
        }
        if *first == dir || !self.seen.insert((dir, tree)) {
            return None;
        }
        let met = self.met.entry(tree).or_insert(1);
        *met += 1;
        Some(*met)
    }

    /// The number of the directory `name` in `parent`.
    fn directory(&mut self, parent: u32, name: u32) -> u32 {
        let slot = (parent.wrapping_mul(0x9e37_79b1) ^ name.wrapping_mul(0x85eb_ca6b)) as usize >> 8 & (LATELY - 1);
        if let Some((known, called, directory)) = self.lately.get(slot)
            && (*known, *called) == (parent, name)
        {
            return *directory;
        }
        let fresh = u32::try_from(self.parents.len() + 1).unwrap_or(u32::MAX);
        let directory = *self.dirs.entry((parent, name)).or_insert(fresh);
        if directory == fresh {
            self.parents.push((parent, name));
        }
        if let Some(slot) = self.lately.get_mut(slot) {
            *slot = (parent, name, directory);
        }
        directory
    }

    fn note(&mut self, blob: u32, at: (u32, u32), commit: u32) {
        let Some(met) = self.places.get_mut(blob as usize) else { return };
        if met.last.replace(at) == Some(at) {
            return;
        }
        if met.first.len() < MAX_PATHS {
            met.first.entry(at).or_insert(commit);
        } else if !met.first.contains_key(&at) {
            met.more += 1;
        }
    }

    fn one_more(&mut self, blob: u32) {
        if let Some(met) = self.places.get_mut(blob as usize) {
            met.more += 1;
        }
    }

    fn path(&self, dir: u32, name: u32) -> BytePath {
        let text = |name: u32| self.past.names.get(name);
        let mut parts = vec![text(name)];
        let (mut at, mut length) = (dir, 0);
        while let Some((parent, name)) = (at as usize).checked_sub(1).and_then(|at| self.parents.get(at)) {
            let part = text(*name);
            length += part.len() + 1;
            if length > MAX_PATH {
                parts.push((*b"...").into());
                break;
            }
            parts.push(part);
            at = *parent;
        }
        parts.reverse();
        BytePath::new(parts.join(&b'/'))
    }

    fn finish(self) -> Vec<Places> {
        let of = |met: &Met| {
            let place =
                |((dir, name), first): (&(u32, u32), &u32)| Place { first: *first, path: self.path(*dir, *name) };
            let mut known: Vec<Place> = met.first.iter().map(place).collect();
            known.sort();
            Places { known, more: met.more }
        };
        self.places.iter().map(of).collect()
    }
}
