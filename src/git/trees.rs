//! Trees: their entries, and everything that commits reach through them. Each unique tree is read once.

use std::collections::HashSet;

use super::{GitError, Graph, Index, Losses, Marked, ObjectKind, Objects, Pool, ReadError, Store};
use crate::model::ObjectId;

/// One entry of a tree, borrowed from its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'t> {
    /// What it is said to be.
    pub kind: EntryKind,
    /// The file name: no `/`, not empty in any tree that git wrote, yet bytes of any value.
    pub name: &'t [u8],
    /// The raw id.
    pub id: &'t [u8],
}

/// What a tree says an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Tree,
    /// A file or a symbolic link.
    Blob,
    /// A submodule's commit, which lies in another repository.
    Submodule,
}

/// Length of a SHA-1 id. libgit2 as built here opens no other repository.
const ID: usize = 20;
/// No tree is larger; git's largest known are a few megabytes.
const MOST: u64 = 256 << 20;

/// A tree's entries. `None` once where the bytes are not a tree's; nothing comes after it.
pub fn entries(mut rest: &[u8]) -> impl Iterator<Item = Option<Entry<'_>>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let entry = split(rest);
        rest = entry.map_or(&[][..], |(_, after)| after);
        Some(entry.map(|(entry, _)| entry))
    })
}

fn split(bytes: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    // "100644 name\0" and the id; the mode is at most six digits, in old trees with a leading zero.
    let space = bytes.iter().take(8).position(|b| *b == b' ')?;
    let (mode, after) = bytes.split_at_checked(space)?;
    let after = after.get(1..)?;
    let (name, after) = after.split_at_checked(memchr::memchr(0, after)?)?;
    let (id, after) = after.get(1..)?.split_at_checked(ID)?;
    let kind = match mode {
        b"40000" | b"040000" => EntryKind::Tree,
        b"160000" => EntryKind::Submodule,
        _ => EntryKind::Blob,
    };
    Some((Entry { kind, name, id }, after))
}

/// Reads a tree. The inner `None` says that the object is a blob after all.
pub fn read_tree<'s>(store: &'s Store<'_>, id: &ObjectId) -> Result<Option<super::Object<'s>>, ReadError> {
    let object = match store.read(id, MOST) {
        Err(ReadError::TooLarge(size)) => return Err(ReadError::Broken(format!("a tree of {size} bytes"))),
        read => read?,
    };
    match object.kind() {
        ObjectKind::Tree => Ok(Some(object)),
        ObjectKind::Blob => Ok(None),
        _ => Err(ReadError::Broken("named as a tree, but is none".into())),
    }
}

/// What a walk over all trees reached.
pub struct Reached {
    /// Commits, tags, trees and blobs.
    pub all: Marked,
    /// The blobs among them.
    pub blobs: Marked,
    /// Blobs that the list of objects lacks because it is not whole.
    pub unlisted: Vec<ObjectId>,
    /// What was not there or damaged.
    pub losses: Losses,
}

/// Ids lately seen. Neighbouring trees share nearly all their entries, so most are dealt with here.
struct Lately(Vec<[u8; ID]>);

impl Lately {
    const SLOTS: usize = 1 << 14;

    /// Empty; without any slot when there is too little work to repay them.
    fn new(work: usize) -> Self {
        Self(vec![[0; ID]; if work > 64 { Self::SLOTS } else { 0 }])
    }

    /// True when `id` was seen lately; remembers it.
    fn seen(&mut self, id: &[u8]) -> bool {
        let at = match id {
            [a, b, ..] => (usize::from(*a) << 8 | usize::from(*b)) & (Self::SLOTS - 1),
            _ => return false,
        };
        let Some(slot) = self.0.get_mut(at) else { return false };
        if slot == id {
            return true;
        }
        if let Ok(id) = id.try_into() {
            *slot = id;
        }
        false
    }
}

/// A thread's share of one level.
struct Share {
    lately: Lately,
    trees: Vec<Index>,
    unlisted_trees: HashSet<ObjectId>,
    unlisted_blobs: HashSet<ObjectId>,
    losses: Losses,
}

/// Walks every tree under the graph's commits, level by level, each level in pack order.
pub fn reach(pool: &Pool, objects: &Objects, graph: &Graph) -> Result<Reached, GitError> {
    let mut reached = Reached {
        all: Marked::none(objects),
        blobs: Marked::none(objects),
        unlisted: Vec::new(),
        losses: Losses::default(),
    };
    let mut level = Vec::new();
    let mut unlisted: HashSet<ObjectId> = HashSet::new();
    let ids = graph.commits.iter().map(|commit| &commit.id).chain(graph.tags.iter().map(|tag| &tag.id));
    ids.filter_map(|id| objects.find(id)).for_each(|index| _ = reached.all.add(index));
    for tree in graph.roots() {
        match objects.find(tree) {
            Some(index) if reached.all.add(index) => level.push(index),
            Some(_) => {}
            None => _ = unlisted.insert(*tree),
        }
    }
    let mut unlisted_blobs: HashSet<ObjectId> = HashSet::new();
    for blob in &graph.blobs {
        match objects.find(blob) {
            Some(index) => _ = (reached.all.add(index), reached.blobs.add(index)),
            None => _ = unlisted_blobs.insert(*blob),
        }
    }
    let mut unlisted_seen: HashSet<ObjectId> = HashSet::new();
    while !level.is_empty() || !unlisted.is_empty() {
        objects.sort(&mut level);
        let work = level.len();
        let start = || Share {
            lately: Lately::new(work),
            trees: Vec::new(),
            unlisted_trees: HashSet::new(),
            unlisted_blobs: HashSet::new(),
            losses: Losses::default(),
        };
        let mut shares = pool.each(&level, 32, start, |store, share, index| {
            look(store, objects, &reached, share, &objects.id(*index));
        })?;
        if objects.incomplete.is_some() {
            let strangers: Vec<ObjectId> = unlisted.drain().filter(|id| unlisted_seen.insert(*id)).collect();
            shares.extend(pool.each(&strangers, 32, start, |store, share, id| {
                look(store, objects, &reached, share, id);
            })?);
        } else {
            unlisted.drain().for_each(|id| reached.losses.note(id, ReadError::Missing));
        }
        level.clear();
        for share in shares {
            level.extend(share.trees);
            unlisted.extend(share.unlisted_trees);
            unlisted_blobs.extend(share.unlisted_blobs);
            reached.losses.add(share.losses);
        }
    }
    if objects.incomplete.is_some() {
        reached.unlisted = unlisted_blobs.into_iter().collect();
        reached.unlisted.sort();
    } else {
        unlisted_blobs.into_iter().for_each(|id| reached.losses.note(id, ReadError::Missing));
    }
    Ok(reached)
}

/// Looks at one tree's entries.
fn look(store: &Store<'_>, objects: &Objects, reached: &Reached, share: &mut Share, id: &ObjectId) {
    let tree = match read_tree(store, id) {
        Ok(Some(tree)) => tree,
        Ok(None) => {
            match objects.find(id) {
                Some(index) => _ = reached.blobs.add(index),
                None => _ = share.unlisted_blobs.insert(*id),
            }
            return;
        }
        Err(error) => return share.losses.note(*id, error),
    };
    for entry in entries(tree.bytes()) {
        let Some(entry) = entry else {
            share.losses.note(*id, ReadError::Broken("a tree with a malformed entry".into()));
            return;
        };
        if entry.kind == EntryKind::Submodule || share.lately.seen(entry.id) {
            continue;
        }
        match (objects.find_raw(entry.id), entry.kind) {
            (Some(index), EntryKind::Tree) => {
                if reached.all.add(index) {
                    share.trees.push(index);
                }
            }
            (Some(index), _) => {
                if reached.all.add(index) {
                    reached.blobs.add(index);
                }
            }
            (None, kind) => {
                let Some(id) = ObjectId::from_bytes(entry.id) else { continue };
                let unlisted =
                    if kind == EntryKind::Tree { &mut share.unlisted_trees } else { &mut share.unlisted_blobs };
                unlisted.insert(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(parts: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (mode, name) in parts {
            bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            bytes.extend_from_slice(&[7; ID]);
        }
        bytes
    }

    #[test]
    fn entries_are_read_as_git_writes_them() {
        let bytes = tree(&[("100644", "a b"), ("40000", "dir"), ("160000", "sub"), ("120000", "link")]);
        let read: Vec<_> = entries(&bytes).map(|entry| entry.unwrap()).map(|e| (e.kind, e.name.to_vec())).collect();
        assert_eq!(
            read,
            [
                (EntryKind::Blob, b"a b".to_vec()),
                (EntryKind::Tree, b"dir".to_vec()),
                (EntryKind::Submodule, b"sub".to_vec()),
                (EntryKind::Blob, b"link".to_vec()),
            ]
        );
    }

    #[test]
    fn a_malformed_tree_ends_in_none_whatever_it_holds() {
        let good = tree(&[("100644", "a")]);
        for cut in 1..good.len() {
            let read: Vec<_> = entries(good.get(..cut).unwrap()).collect();
            assert_eq!(read, [None], "cut at {cut}");
        }
        let twice = [good.as_slice(), b"no tree at all"].concat();
        assert!(matches!(entries(&twice).collect::<Vec<_>>().as_slice(), [Some(_), None]));
    }
}
