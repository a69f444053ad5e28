//! Where blobs lie in a history: all their paths, and the first commit that has them there. Each unique tree is read
//! once or nearly so, however many commits share it. Knows nothing of candidates.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::git::{EntryKind, GitError, Graph, Index, Marked, Objects, Pool, Store, entries, read_tree};
use crate::model::{BytePath, ObjectId};

/// No more paths are kept for one blob.
pub(super) const MAX_PATHS: usize = 1_000;
/// Trees nested deeper are not looked into; git's own limit (core.maxTreeDepth) is 2,048.
const MAX_DEPTH: usize = 4_096;
/// A longer path is shown by its end. Systems allow 4,096.
const MAX_PATH: usize = 1 << 16;
/// The commit number of a path that no reachable commit has.
pub(super) const NOWHERE: u32 = u32::MAX;

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

/// Looks `blobs` up in all trees of `graph`, then in those of `unreachable`.
pub(super) fn look_up(
    pool: &Pool,
    objects: &Objects,
    graph: &Graph,
    unreachable: Option<&Graph>,
    blobs: &[ObjectId],
) -> Result<HashMap<ObjectId, Places>, GitError> {
    let finder = Finder::new(objects, blobs);
    let graphs = || std::iter::once(graph).chain(unreachable);
    let mut roots: Vec<Index> = graphs().flat_map(Graph::roots).filter_map(|id| objects.find(id)).collect();
    roots.sort_unstable();
    roots.dedup();
    objects.sort(&mut roots);
    pool.each(&roots, 16, Lately::new, |store, lately, root| finder.examine(store, lately, *root))?;

    let nodes = finder.nodes.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut tracer = Tracer::new(&nodes, blobs.len());
    for (commit, number) in graph.commits.iter().zip(0..) {
        tracer.trace(objects.find(&commit.tree), number);
    }
    let elsewhere = unreachable.into_iter().flat_map(Graph::roots).chain(&graph.trees);
    elsewhere.for_each(|tree| tracer.trace(objects.find(tree), NOWHERE));
    Ok(blobs.iter().copied().zip(tracer.finish()).collect())
}

/// What a tree holds that leads to a blob looked for.
#[derive(Default)]
struct Node {
    blobs: Vec<(Arc<[u8]>, u32)>,
    trees: Vec<(Arc<[u8]>, Index)>,
}

/// Finds, bottom up, the trees beneath which a blob looked for lies.
struct Finder<'o> {
    objects: &'o Objects,
    wanted: HashMap<[u8; 20], u32>,
    /// One bit for each value of the first two bytes: most entries are dismissed by it.
    sieve: Vec<u64>,
    /// Trees looked at to their leaves.
    done: Marked,
    /// Those of them that hold something.
    full: Marked,
    nodes: Mutex<HashMap<Index, Node>>,
}

/// Ids of trees lately found to hold nothing, by their first bytes.
struct Lately(Vec<[u8; 20]>);

impl Lately {
    const SLOTS: usize = 1 << 13;

    fn new() -> Self {
        Self(vec![[0; 20]; Self::SLOTS])
    }

    fn slot(&mut self, id: &[u8]) -> Option<&mut [u8; 20]> {
        self.0.get_mut(prefix(id) % Self::SLOTS)
    }
}

fn prefix(id: &[u8]) -> usize {
    match id {
        [high, low, ..] => usize::from(*high) << 8 | usize::from(*low),
        _ => 0,
    }
}

/// A tree being looked at.
struct Frame {
    tree: Index,
    node: Node,
    children: Vec<(Arc<[u8]>, Index)>,
    next: usize,
}

impl<'o> Finder<'o> {
    fn new(objects: &'o Objects, blobs: &[ObjectId]) -> Self {
        let mut sieve = vec![0u64; 1024];
        let mut wanted = HashMap::new();
        for (id, number) in blobs.iter().zip(0..) {
            let at = prefix(id.as_bytes());
            if let Some(word) = sieve.get_mut(at / 64) {
                *word |= 1 << (at % 64);
            }
            if let Ok(raw) = id.as_bytes().try_into() {
                wanted.insert(raw, number);
            }
        }
        let (done, full) = (Marked::none(objects), Marked::none(objects));
        Self { objects, wanted, sieve, done, full, nodes: Mutex::default() }
    }

    fn wanted(&self, id: &[u8]) -> Option<u32> {
        let at = prefix(id);
        let word = self.sieve.get(at / 64).copied().unwrap_or_default();
        if word >> (at % 64) & 1 == 0 { None } else { self.wanted.get(id).copied() }
    }

    /// Looks at a tree and all below it. Two threads may look at one tree; they find the same.
    fn examine(&self, store: &Store<'_>, lately: &mut Lately, root: Index) {
        if self.done.has(root) {
            return;
        }
        let mut stack = vec![self.open(store, lately, root)];
        while let Some(top) = stack.last_mut() {
            if let Some((_, child)) = top.children.get(top.next) {
                let child = *child;
                top.next += 1;
                if !self.done.has(child) && stack.len() < MAX_DEPTH {
                    stack.push(self.open(store, lately, child));
                }
            } else if let Some(frame) = stack.pop() {
                self.close(frame);
            }
        }
    }

    /// Reads a tree and keeps what may matter. A tree that cannot be read holds nothing; the source says so.
    fn open(&self, store: &Store<'_>, lately: &mut Lately, tree: Index) -> Frame {
        let mut frame = Frame { tree, node: Node::default(), children: Vec::new(), next: 0 };
        let Ok(Some(object)) = read_tree(store, &self.objects.id(tree)) else { return frame };
        for entry in entries(object.bytes()).flatten() {
            match entry.kind {
                EntryKind::Submodule => {}
                EntryKind::Blob => {
                    if let Some(blob) = self.wanted(entry.id) {
                        frame.node.blobs.push((entry.name.into(), blob));
                    }
                }
                EntryKind::Tree => {
                    let slot = lately.slot(entry.id);
                    if slot.as_ref().is_some_and(|slot| slot.as_slice() == entry.id) {
                        continue;
                    }
                    // A tree that is a blob in truth: the source has scanned it as one.
                    if let Some(blob) = self.wanted(entry.id) {
                        frame.node.blobs.push((entry.name.into(), blob));
                    }
                    let Some(child) = self.objects.find_raw(entry.id) else { continue };
                    if !self.done.has(child) || self.full.has(child) {
                        frame.children.push((entry.name.into(), child));
                    } else if let (Some(slot), Ok(id)) = (slot, entry.id.try_into()) {
                        *slot = id;
                    }
                }
            }
        }
        frame
    }

    fn close(&self, frame: Frame) {
        let Frame { tree, mut node, children, .. } = frame;
        node.trees = children.into_iter().filter(|(_, child)| self.full.has(*child)).collect();
        if !node.blobs.is_empty() || !node.trees.is_empty() {
            self.nodes.lock().unwrap_or_else(PoisonError::into_inner).insert(tree, node);
            self.full.add(tree);
        }
        // Last: whoever sees this bit sees the other as well.
        self.done.add(tree);
    }
}

/// Follows the found trees from the commits down, in the commits' order.
struct Tracer<'n> {
    nodes: &'n HashMap<Index, Node>,
    names: HashMap<&'n [u8], u32>,
    texts: Vec<&'n [u8]>,
    /// Directories by parent and name; 0 is the root.
    dirs: HashMap<(u32, u32), u32>,
    /// Parent and name of each directory but the root.
    parents: Vec<(u32, u32)>,
    seen: HashSet<(u32, Index)>,
    /// In how many directories a tree was met. Past the limit it is not followed again: trees that repeat
    /// themselves would have more paths than can be counted.
    met: HashMap<Index, usize>,
    /// For each blob, its (directory, name) pairs and their first commits, and how many more pairs there are.
    places: Vec<(FirstAt, u64)>,
}

/// The first commit that has a blob at each (directory, name).
type FirstAt = HashMap<(u32, u32), u32>;

impl<'n> Tracer<'n> {
    fn new(nodes: &'n HashMap<Index, Node>, blobs: usize) -> Self {
        Self {
            nodes,
            names: HashMap::new(),
            texts: Vec::new(),
            dirs: HashMap::new(),
            parents: Vec::new(),
            seen: HashSet::new(),
            met: HashMap::new(),
            places: vec![Default::default(); blobs],
        }
    }

    /// Notes all places beneath a commit's tree that no earlier commit had.
    fn trace(&mut self, root: Option<Index>, commit: u32) {
        let nodes = self.nodes;
        let mut stack: Vec<(u32, Index)> = root.map(|root| (0, root)).into_iter().collect();
        while let Some((dir, tree)) = stack.pop() {
            let Some(node) = nodes.get(&tree) else { continue };
            if !self.seen.insert((dir, tree)) {
                continue;
            }
            let met = self.met.entry(tree).or_default();
            *met += 1;
            if *met > MAX_PATHS {
                node.blobs.iter().for_each(|(_, blob)| self.one_more(*blob));
                continue;
            }
            for (name, blob) in &node.blobs {
                let at = (dir, self.name(name));
                let Some((places, more)) = self.places.get_mut(*blob as usize) else { continue };
                if places.len() < MAX_PATHS {
                    places.entry(at).or_insert(commit);
                } else if !places.contains_key(&at) {
                    *more += 1;
                }
            }
            for (name, child) in &node.trees {
                let name = self.name(name);
                let fresh = u32::try_from(self.parents.len() + 1).unwrap_or(u32::MAX);
                let below = *self.dirs.entry((dir, name)).or_insert(fresh);
                if below == fresh {
                    self.parents.push((dir, name));
                }
                stack.push((below, *child));
            }
        }
    }

    fn one_more(&mut self, blob: u32) {
        if let Some((_, more)) = self.places.get_mut(blob as usize) {
            *more += 1;
        }
    }

    fn name(&mut self, name: &'n [u8]) -> u32 {
        let fresh = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let number = *self.names.entry(name).or_insert(fresh);
        if number == fresh {
            self.texts.push(name);
        }
        number
    }

    fn path(&self, dir: u32, name: u32) -> BytePath {
        let text = |name: u32| self.texts.get(name as usize).copied().unwrap_or_default();
        let mut parts = vec![text(name)];
        let (mut at, mut length) = (dir, 0);
        while let Some((parent, name)) = (at as usize).checked_sub(1).and_then(|at| self.parents.get(at)) {
            let part = text(*name);
            length += part.len() + 1;
            if length > MAX_PATH {
                parts.push(b"...");
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
