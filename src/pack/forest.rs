//! Trees: which trees, blobs looked for and strays each of them names. Made in one walk in which an entry that a tree
//! took over from its base is not looked up again.

use serde::{Deserialize, Serialize};

use super::links::{Known, Link, NOTHING, Names, Stray, Strays, index};
use super::objects::{Index, Marked, Objects};
use super::walk::{Base, Look, Object};
use crate::git::{EntryKind, ObjectKind, ReadError, first_entry};
use crate::model::ObjectId;

/// No tree is larger; git's largest known are a few megabytes.
const MOST: u64 = 256 << 20;
/// A tree of which nothing is known.
const UNKNOWN: u32 = u32::MAX;

/// What a tree names, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The entry's name; see [`Names`].
    pub name: u32,
    /// A tree, a blob looked for, or a stray.
    pub link: Link,
}

/// The trees of a store.
pub struct Forest {
    /// For each object, the number of its node.
    numbers: Vec<u32>,
    /// By thread: what the nodes hold. A node is (thread, from, to).
    held: Vec<Vec<Held>>,
    nodes: Vec<(u32, u32, u32)>,
    /// How many trees were read.
    pub trees: usize,
    /// What could not be read.
    pub lost: Vec<(Index, ReadError)>,
}

/// What is known of a tree while others are made from it.
pub(super) struct Entries {
    /// Where each entry begins, and what it names.
    slots: Vec<(u32, Link)>,
    /// The entries that matter: where each begins.
    held: Vec<(u32, Held)>,
    length: u32,
}

/// A thread's share.
#[derive(Default)]
pub(super) struct Share {
    known: Known,
    held: Vec<Held>,
    nodes: Vec<(Index, u32, u32)>,
    trees: usize,
    lost: Vec<(Index, ReadError)>,
}

/// Reads trees.
pub(super) struct Surveyor<'a> {
    pub(super) objects: &'a Objects,
    pub(super) strays: &'a Strays,
    pub(super) names: &'a Names,
    /// What an object is, where its pack does not tell.
    pub(super) kind: &'a (dyn Fn(Index) -> Option<ObjectKind> + Sync),
    /// Blobs (and what else) whose places are looked for.
    pub(super) wanted: &'a Marked,
    /// Everything that some tree names.
    pub(super) named: &'a Marked,
}

impl Look for Surveyor<'_> {
    type Evidence = Entries;
    type Local = Share;

    fn local(&self) -> Share {
        Share::default()
    }

    fn most(&self, _: ObjectKind) -> u64 {
        MOST
    }

    fn look(&self, share: &mut Share, object: &Object<'_>, base: Option<Base<'_, Entries>>) -> Option<Entries> {
        share.trees += 1;
        let mut entries =
            Entries { slots: Vec::new(), held: Vec::new(), length: u32::try_from(object.bytes.len()).ok()? };
        let whole = self.read(share, object, base, &mut entries);
        if !entries.held.is_empty() {
            let from = u32::try_from(share.held.len()).ok()?;
            share.held.extend(entries.held.iter().map(|(_, held)| *held));
            share.nodes.push((object.index, from, u32::try_from(share.held.len()).ok()?));
        }
        if !whole {
            let why = ReadError::Broken("a tree with a malformed entry".into());
            share.lost.push((object.index, why));
            return None;
        }
        Some(entries)
    }

    fn lost(&self, share: &mut Share, index: Index, kind: Option<ObjectKind>, why: ReadError) {
        if kind.is_none_or(|kind| kind == ObjectKind::Tree) {
            share.lost.push((
                index,
                match why {
                    ReadError::TooLarge(size) => ReadError::Broken(format!("a tree of {size} bytes")),
                    why => why,
                },
            ));
        }
    }
}

impl Surveyor<'_> {
    /// Fills `entries`; false where the bytes are no tree's.
    fn read(
        &self,
        share: &mut Share,
        object: &Object<'_>,
        base: Option<Base<'_, Entries>>,
        entries: &mut Entries,
    ) -> bool {
        let (base, runs) = base.map_or((None, &[][..]), |(base, runs)| (Some(base), runs));
        if let Some(base) = base {
            entries.slots.reserve(base.slots.len() + 8);
        }
        let mut runs = runs.iter().peekable();
        let mut at = 0_usize;
        while at < object.bytes.len() {
            while runs.next_if(|run| run.to + run.len <= at).is_some() {}
            if let (Some(base), Some(run)) = (base, runs.peek().filter(|run| run.to <= at))
                && let Some(next) = take_over(base, run.from + (at - run.to), run.from + run.len, at, entries)
            {
                at = next;
                continue;
            }
            let Some((entry, rest)) = object.bytes.get(at..).and_then(first_entry) else { return false };
            let Ok(place) = u32::try_from(at) else { return false };
            let link = self.link(entry.kind, entry.id);
            entries.slots.push((place, link));
            if self.matters(link) {
                entries.held.push((place, Held { name: self.names.number(&mut share.known, entry.name), link }));
            }
            at = object.bytes.len() - rest.len();
        }
        true
    }

    fn link(&self, kind: EntryKind, id: &[u8]) -> Link {
        if kind == EntryKind::Submodule {
            return NOTHING;
        }
        let link = self.strays.link(self.objects, id);
        let Some(at) = index(link) else { return link };
        self.named.add(at);
        // A blob named as a tree is shown as the blob that it is; nothing else may be what it is not.
        match ((self.kind)(at), kind) {
            (Some(ObjectKind::Tree), EntryKind::Tree) | (Some(ObjectKind::Blob) | None, _) => link,
            _ => ObjectId::from_bytes(id).map_or(NOTHING, |id| self.strays.add(Stray { id, misnamed: true })),
        }
    }

    fn matters(&self, link: Link) -> bool {
        match index(link) {
            Some(at) => self.wanted.has(at) || (self.kind)(at) == Some(ObjectKind::Tree),
            None => link != NOTHING,
        }
    }
}

/// Takes over all whole entries of the base from `from` to `limit` at the most; where the next one begins. None where
/// no entry of the base begins at `from`, or none ends within the limit.
fn take_over(base: &Entries, from: usize, limit: usize, to: usize, entries: &mut Entries) -> Option<usize> {
    let (from, limit) = (u32::try_from(from).ok()?, u32::try_from(limit).ok()?);
    let to = u32::try_from(to).ok()?;
    let first = base.slots.binary_search_by_key(&from, |slot| slot.0).ok()?;
    let rest = base.slots.get(first..)?;
    let (count, end) = if limit >= base.length {
        (rest.len(), base.length)
    } else {
        let inside = rest.partition_point(|slot| slot.0 <= limit).saturating_sub(1);
        (inside, rest.get(inside)?.0)
    };
    if count == 0 {
        return None;
    }
    // The offsets move by the same distance, up or down.
    let shift = to.wrapping_sub(from);
    entries.slots.extend(rest.iter().take(count).map(|(at, link)| (at.wrapping_add(shift), *link)));
    let held = base.held.partition_point(|(at, _)| *at < from);
    let held = base.held.iter().skip(held).take_while(|(at, _)| *at < end);
    entries.held.extend(held.map(|(at, held)| (at.wrapping_add(shift), *held)));
    usize::try_from(end.wrapping_add(shift)).ok()
}

impl Forest {
    /// Puts the threads' shares together.
    pub(super) fn of(objects: &Objects, shares: Vec<Share>) -> Self {
        let mut forest = Self {
            numbers: vec![UNKNOWN; objects.len()],
            held: Vec::new(),
            nodes: Vec::new(),
            trees: 0,
            lost: Vec::new(),
        };
        for (thread, share) in (0..).zip(shares) {
            for (tree, from, to) in share.nodes {
                if let Some(slot) = forest.numbers.get_mut(tree as usize) {
                    *slot = u32::try_from(forest.nodes.len()).unwrap_or(UNKNOWN);
                    forest.nodes.push((thread, from, to));
                }
            }
            forest.trees += share.trees;
            forest.lost.extend(share.lost);
            forest.held.push(share.held);
        }
        forest.lost.sort_by_key(|(index, _)| *index);
        forest
    }

    /// Adds trees that are known from elsewhere.
    pub(super) fn add(&mut self, trees: impl Iterator<Item = (Index, Vec<Held>)>) {
        let thread = u32::try_from(self.held.len()).unwrap_or(UNKNOWN);
        let mut all: Vec<Held> = Vec::new();
        let place = |at: usize| u32::try_from(at).unwrap_or(UNKNOWN);
        for (tree, held) in trees {
            let from = place(all.len());
            all.extend(held);
            if let Some(slot) = self.numbers.get_mut(tree as usize) {
                *slot = place(self.nodes.len());
                self.nodes.push((thread, from, place(all.len())));
            }
        }
        self.held.push(all);
    }

    /// What a tree names that matters.
    pub fn held(&self, tree: Index) -> &[Held] {
        let number = self.numbers.get(tree as usize).copied().unwrap_or(UNKNOWN);
        let Some((thread, from, to)) = self.nodes.get(number as usize) else { return &[] };
        let held = self.held.get(*thread as usize);
        held.and_then(|held| held.get(*from as usize..*to as usize)).unwrap_or_default()
    }

    /// Marks everything that the trees in `roots` lead to; returns how many trees are among it, as `is_tree` counts them,
    /// and the strays on the way.
    pub(super) fn reach(
        &self,
        roots: impl Iterator<Item = Link>,
        reached: &Marked,
        is_tree: &dyn Fn(Index) -> bool,
    ) -> (usize, Vec<Link>) {
        let mut strays: Vec<Link> = Vec::new();
        let mut trees = 0;
        let mut todo: Vec<Link> = Vec::new();
        for root in roots {
            todo.push(root);
            while let Some(link) = todo.pop() {
                match index(link) {
                    None => strays.push(link),
                    Some(at) if reached.add(at) => {
                        trees += usize::from(is_tree(at));
                        todo.extend(self.held(at).iter().map(|held| held.link));
                    }
                    Some(_) => {}
                }
            }
        }
        strays.sort_unstable();
        strays.dedup();
        (trees, strays)
    }

    /// The trees beneath which something of `wanted` lies, or, with `strays`, something that is not there.
    pub fn leading_to(
        &self,
        objects: &Objects,
        wanted: &Marked,
        strays: bool,
        roots: impl Iterator<Item = Index>,
    ) -> Marked {
        let (done, full) = (Marked::none(objects), Marked::none(objects));
        // (tree, how many of its entries were looked at)
        let mut stack: Vec<(Index, usize)> = Vec::new();
        for root in roots {
            if done.add(root) {
                stack.push((root, 0));
            }
            while let Some((tree, next)) = stack.last_mut() {
                let here = *tree;
                let Some(held) = self.held(here).get(*next) else {
                    stack.pop();
                    if full.has(here)
                        && let Some((above, _)) = stack.last()
                    {
                        full.add(*above);
                    }
                    continue;
                };
                *next += 1;
                let Some(at) = index(held.link) else {
                    if strays {
                        full.add(here);
                    }
                    continue;
                };
                if wanted.has(at) || full.has(at) {
                    full.add(here);
                }
                // A tree that contains itself, which only a lying store has, is not entered again.
                if done.add(at) {
                    stack.push((at, 0));
                }
            }
        }
        full
    }
}

/// Marks all that the trees in `reached` name.
pub(super) struct Census<'a> {
    pub(super) surveyor: Surveyor<'a>,
    pub(super) reached: &'a Marked,
    pub(super) exact: &'a Marked,
}

impl Look for Census<'_> {
    type Evidence = Entries;
    type Local = Share;

    fn local(&self) -> Share {
        Share::default()
    }

    fn most(&self, kind: ObjectKind) -> u64 {
        self.surveyor.most(kind)
    }

    fn look(&self, share: &mut Share, object: &Object<'_>, base: Option<Base<'_, Entries>>) -> Option<Entries> {
        let mut entries =
            Entries { slots: Vec::new(), held: Vec::new(), length: u32::try_from(object.bytes.len()).ok()? };
        let whole = self.surveyor.read(share, object, base, &mut entries);
        if self.reached.has(object.index) {
            entries.slots.iter().filter_map(|(_, link)| index(*link)).for_each(|at| _ = self.exact.add(at));
        }
        whole.then_some(entries)
    }

    fn lost(&self, _: &mut Share, _: Index, _: Option<ObjectKind>, _: ReadError) {}
}
