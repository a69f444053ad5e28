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

/// In place of a directory's number.
const UNMET: u32 = u32::MAX;

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
    let numbers: HashMap<Index, u32> = blobs.iter().filter_map(|id| past.objects.find(id)).zip(0..).collect();
    numbers.keys().for_each(|index| _ = wanted.add(*index));
    let roots = || past.graph.roots().chain(past.unreached.iter().flat_map(|graph| graph.roots()));
    let full = past.forest.leading_to(&past.objects, &wanted, false, roots().filter_map(index));
    let mut tracer = Tracer::new(past, &full, &wanted, &numbers);
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
    full: &'p Marked,
    wanted: &'p Marked,
    numbers: &'p HashMap<Index, u32>,
    /// Directories by parent and name; 0 is the root.
    dirs: HashMap<(u32, u32), u32>,
    /// Parent and name of each directory but the root.
    parents: Vec<(u32, u32)>,
    /// The first directory in which each tree was met: nearly all stay in one.
    first: Vec<u32>,
    /// Further ones.
    seen: HashSet<(u32, Index)>,
    /// In how many directories such a tree was met. Past the limit it is not followed again: trees that repeat
    /// themselves would have more paths than can be counted.
    met: HashMap<Index, usize>,
    /// For each blob, its (directory, name) pairs and their first commits, and how many more pairs there are.
    places: Vec<(FirstAt, u64)>,
}

/// The first commit that has a blob at each (directory, name).
type FirstAt = HashMap<(u32, u32), u32>;

impl<'p> Tracer<'p> {
    fn new(past: &'p Past, full: &'p Marked, wanted: &'p Marked, numbers: &'p HashMap<Index, u32>) -> Self {
        Self {
            past,
            forest: &past.forest,
            full,
            wanted,
            numbers,
            first: vec![UNMET; past.objects.len()],
            dirs: HashMap::new(),
            parents: Vec::new(),
            seen: HashSet::new(),
            met: HashMap::new(),
            places: vec![Default::default(); numbers.len()],
        }
    }

    /// Notes all places beneath a commit's tree that no earlier commit had.
    fn trace(&mut self, root: Link, commit: u32) {
        let (forest, full, numbers) = (self.forest, self.full, self.numbers);
        let mut stack: Vec<(u32, Index)> = index(root).map(|root| (0, root)).into_iter().collect();
        while let Some((dir, tree)) = stack.pop() {
            let Some(met) = Some(tree).filter(|tree| full.has(*tree)).and_then(|tree| self.meet(dir, tree)) else {
                continue;
            };
            let often = met > MAX_PATHS;
            for held in forest.held(tree) {
                let Some(at) = index(held.link) else { continue };
                if let Some(blob) = Some(&at).filter(|at| self.wanted.has(**at)).and_then(|at| numbers.get(at)) {
                    if often { self.one_more(*blob) } else { self.note(*blob, (dir, held.name), commit) }
                }
                if full.has(at) && !often {
                    let fresh = u32::try_from(self.parents.len() + 1).unwrap_or(u32::MAX);
                    let below = *self.dirs.entry((dir, held.name)).or_insert(fresh);
                    if below == fresh {
                        self.parents.push((dir, held.name));
                    }
                    stack.push((below, at));
                }
            }
        }
    }

    /// In how many directories the tree was met by now; none where it was met in this one before.
    fn meet(&mut self, dir: u32, tree: Index) -> Option<usize> {
        let first = self.first.get_mut(tree as usize)?;
        if *first == UNMET {
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

    fn note(&mut self, blob: u32, at: (u32, u32), commit: u32) {
        let Some((places, more)) = self.places.get_mut(blob as usize) else { return };
        if places.len() < MAX_PATHS {
            places.entry(at).or_insert(commit);
        } else if !places.contains_key(&at) {
            *more += 1;
        }
    }

    fn one_more(&mut self, blob: u32) {
        if let Some((_, more)) = self.places.get_mut(blob as usize) {
            *more += 1;
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
        let of = |(places, more): &(FirstAt, u64)| {
            let place =
                |((dir, name), first): (&(u32, u32), &u32)| Place { first: *first, path: self.path(*dir, *name) };
            let mut known: Vec<Place> = places.iter().map(place).collect();
            known.sort();
            Places { known, more: *more }
        };
        self.places.iter().map(of).collect()
    }
}
