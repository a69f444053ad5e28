//! From commits and tags as read to a history: what a set of ids reaches, parents before children.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use serde::{Deserialize, Serialize};

use super::links::{Link, Strays, index};
use super::objects::{Index, Objects};
use crate::git::{Losses, ObjectKind, ReadError};
use crate::model::ObjectId;

/// Stands for "none" in tables by index.
const NONE: u32 = u32::MAX;

/// Commits and tags of a store, as read, in any order.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Written {
    commits: Vec<Read>,
    parents: Vec<Link>,
    tags: Vec<Tag>,
}

/// A commit as read.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Read {
    index: Index,
    tree: Link,
    time: i64,
    parents: (u32, u32),
}

/// An annotated tag.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Tag {
    /// The tag.
    pub index: Index,
    /// What it names; may be another tag.
    pub target: Link,
}

/// A commit of a history.
#[derive(Clone, Copy, Debug)]
pub struct Commit {
    /// The commit.
    pub index: Index,
    /// Its tree.
    pub tree: Link,
    /// The committer's time, seconds since the epoch.
    pub time: i64,
}

/// All commits and tags that a set of ids reaches.
#[derive(Debug, Default)]
pub struct Graph {
    /// Parents before children; among those whose parents are through, the earliest committer date first, then the
    /// smallest id.
    pub commits: Vec<Commit>,
    /// Every tag object on the way, sorted by id.
    pub tags: Vec<Tag>,
    /// Trees named by refs or tags, no commit between.
    pub trees: Vec<Link>,
    /// Blobs named by refs or tags.
    pub blobs: Vec<Index>,
    /// What was not there or could not be read.
    pub losses: Losses,
}

impl Written {
    /// Adds a commit by its content; what is wrong with it where it is none.
    pub fn commit(&mut self, objects: &Objects, strays: &Strays, at: Index, bytes: &[u8]) -> Result<(), ReadError> {
        let (mut tree, mut time) = (None, 0);
        let first = self.parents.len();
        for line in header_lines(bytes) {
            if let Some(hex) = line.strip_prefix(b"tree ") {
                tree = tree.or_else(|| link(objects, strays, hex));
            } else if let Some(hex) = line.strip_prefix(b"parent ") {
                self.parents.extend(link(objects, strays, hex));
            } else if let Some(who) = line.strip_prefix(b"committer ") {
                time = seconds(who);
            }
        }
        let range = |at: usize| u32::try_from(at).unwrap_or(NONE);
        let parents = (range(first), range(self.parents.len()));
        let tree = tree.ok_or_else(|| ReadError::Broken("a commit without a tree".into()))?;
        self.commits.push(Read { index: at, tree, time, parents });
        Ok(())
    }

    /// Adds a tag by its content.
    pub fn tag(&mut self, objects: &Objects, strays: &Strays, at: Index, bytes: &[u8]) -> Result<(), ReadError> {
        let target = header_lines(bytes).find_map(|line| link(objects, strays, line.strip_prefix(b"object ")?));
        let target = target.ok_or_else(|| ReadError::Broken("a tag that names no object".into()))?;
        self.tags.push(Tag { index: at, target });
        Ok(())
    }

    /// Adds what another thread read.
    pub fn add(&mut self, other: Written) {
        let base = u32::try_from(self.parents.len()).unwrap_or(NONE);
        self.parents.extend(other.parents);
        self.commits.extend(other.commits.into_iter().map(|read| {
            let (from, to) = read.parents;
            Read { parents: (from.saturating_add(base), to.saturating_add(base)), ..read }
        }));
        self.tags.extend(other.tags);
    }

    /// The same with other numbers.
    pub(super) fn renumbered(&self, object: impl Fn(Index) -> Option<Index>, link: impl Fn(Link) -> Link) -> Self {
        let commit = |read: &Read| Some(Read { index: object(read.index)?, tree: link(read.tree), ..*read });
        let tag = |tag: &Tag| Some(Tag { index: object(tag.index)?, target: link(tag.target) });
        Self {
            commits: self.commits.iter().filter_map(commit).collect(),
            parents: self.parents.iter().map(|parent| link(*parent)).collect(),
            tags: self.tags.iter().filter_map(tag).collect(),
        }
    }

    /// Every commit and tag.
    pub(super) fn objects(&self) -> impl Iterator<Item = Index> + '_ {
        self.commits.iter().map(|read| read.index).chain(self.tags.iter().map(|tag| tag.index))
    }

    /// Sorts, so that the answer does not depend on which thread read what.
    pub fn close(&mut self) {
        self.commits.sort_unstable_by_key(|read| read.index);
        self.tags.sort_unstable_by_key(|tag| tag.index);
    }

    fn parents(&self, read: &Read) -> &[Link] {
        self.parents.get(read.parents.0 as usize..read.parents.1 as usize).unwrap_or_default()
    }

    fn find(&self, index: Index) -> Option<usize> {
        self.commits.binary_search_by_key(&index, |read| read.index).ok()
    }

    fn find_tag(&self, index: Index) -> Option<Tag> {
        let at = self.tags.binary_search_by_key(&index, |tag| tag.index).ok()?;
        self.tags.get(at).copied()
    }

    /// Follows parents and tags from `tips`, not below the commits in `shallow`.
    pub fn reach(&self, objects: &Objects, strays: &Strays, tips: &[ObjectId], shallow: &HashSet<ObjectId>) -> Graph {
        let mut graph = Graph::default();
        let cut: HashSet<Index> = shallow.iter().filter_map(|id| objects.find(id)).collect();
        let mut seen = vec![false; objects.len()];
        let mut todo: Vec<Link> = Vec::new();
        let mut lost: HashSet<Link> = HashSet::new();
        let mut meet = |todo: &mut Vec<Link>, link: Link| match index(link).map(|at| seen.get_mut(at as usize)) {
            Some(Some(known)) => {
                if !std::mem::replace(known, true) {
                    todo.push(link);
                }
            }
            _ => {
                if lost.insert(link) {
                    todo.push(link);
                }
            }
        };
        tips.iter().for_each(|id| meet(&mut todo, strays.link(objects, id.as_bytes())));
        let mut read: Vec<usize> = Vec::new();
        while let Some(link) = todo.pop() {
            let Some(at) = index(link) else {
                if let Some(stray) = strays.get(link) {
                    graph.losses.note(stray.id, ReadError::Missing);
                }
                continue;
            };
            if let Some(found) = self.find(at) {
                read.push(found);
                if let Some(commit) = self.commits.get(found).filter(|_| !cut.contains(&at)) {
                    self.parents(commit).iter().for_each(|parent| meet(&mut todo, *parent));
                }
            } else if let Some(tag) = self.find_tag(at) {
                graph.tags.push(tag);
                meet(&mut todo, tag.target);
            } else {
                match objects.kind(at) {
                    Some(ObjectKind::Tree) => graph.trees.push(link),
                    // A damaged commit or tag as well: whoever read it tells.
                    _ => graph.blobs.push(at),
                }
            }
        }
        graph.commits = self.in_order(read, &cut);
        graph.tags.sort_unstable_by_key(|tag| tag.index);
        graph.trees.sort_unstable();
        graph.blobs.sort_unstable();
        graph
    }

    /// The commits and tags that are not in `known`. Their order is as in any graph.
    pub fn unreached(&self, objects: &Objects, known: &Graph) -> Graph {
        let mut reached = vec![false; objects.len()];
        let ids = known.commits.iter().map(|commit| commit.index).chain(known.tags.iter().map(|tag| tag.index));
        for at in ids {
            if let Some(slot) = reached.get_mut(at as usize) {
                *slot = true;
            }
        }
        let other = |at: Index| !reached.get(at as usize).copied().unwrap_or(true);
        let read = (0..self.commits.len()).filter(|at| self.commits.get(*at).is_some_and(|read| other(read.index)));
        Graph {
            commits: self.in_order(read.collect(), &HashSet::new()),
            tags: self.tags.iter().filter(|tag| other(tag.index)).copied().collect(),
            ..Graph::default()
        }
    }

    /// Sorts commits (named by their number here): parents before children, ties by date, then id. Parents of those in
    /// `cut` do not count.
    fn in_order(&self, read: Vec<usize>, cut: &HashSet<Index>) -> Vec<Commit> {
        let among = {
            let mut among = vec![false; self.commits.len()];
            read.iter().for_each(|at| {
                if let Some(slot) = among.get_mut(*at) {
                    *slot = true;
                }
            });
            among
        };
        // Children of each parent as a list: (child, the next in the list).
        let mut heads = vec![NONE; self.commits.len()];
        let mut lists: Vec<(u32, u32)> = Vec::new();
        let mut waiting = vec![0_u32; self.commits.len()];
        let mut ready = BinaryHeap::new();
        let mut parents: Vec<usize> = Vec::new();
        for at in &read {
            let Some(commit) = self.commits.get(*at) else { continue };
            parents.clear();
            if !cut.contains(&commit.index) {
                let links = self.parents(commit).iter();
                parents.extend(links.filter_map(|link| self.find(index(*link)?)));
                parents.retain(|parent| among.get(*parent).copied().unwrap_or_default());
                parents.sort_unstable();
                parents.dedup();
            }
            if parents.is_empty() {
                ready.push(Reverse((commit.time, commit.index, *at)));
            }
            if let Some(slot) = waiting.get_mut(*at) {
                *slot = u32::try_from(parents.len()).unwrap_or(NONE);
            }
            for parent in &parents {
                if let Some(head) = heads.get_mut(*parent) {
                    let next = std::mem::replace(head, u32::try_from(lists.len()).unwrap_or(NONE));
                    lists.push((u32::try_from(*at).unwrap_or(NONE), next));
                }
            }
        }
        let mut commits = Vec::with_capacity(read.len());
        while let Some(Reverse((time, index, at))) = ready.pop() {
            commits.extend(self.commits.get(at).map(|read| Commit { index, tree: read.tree, time }));
            let mut list = heads.get(at).copied().unwrap_or(NONE);
            while let Some((child, next)) = lists.get(list as usize).copied() {
                list = next;
                let Some(left) = waiting.get_mut(child as usize) else { continue };
                *left = left.saturating_sub(1);
                if *left == 0
                    && let Some(read) = self.commits.get(child as usize)
                {
                    ready.push(Reverse((read.time, read.index, child as usize)));
                }
            }
        }
        if commits.len() < read.len() {
            // Commits of a circle, which only a forged store has, come last.
            let placed: HashSet<Index> = commits.iter().map(|commit| commit.index).collect();
            let mut rest: Vec<&Read> = read.iter().filter_map(|at| self.commits.get(*at)).collect();
            rest.retain(|read| !placed.contains(&read.index));
            rest.sort_by_key(|read| read.index);
            commits.extend(rest.into_iter().map(|read| Commit { index: read.index, tree: read.tree, time: read.time }));
        }
        commits
    }
}

impl Graph {
    /// Every tree that a commit or a ref names, repetitions included.
    pub fn roots(&self) -> impl Iterator<Item = Link> + '_ {
        self.commits.iter().map(|commit| commit.tree).chain(self.trees.iter().copied())
    }

    /// True when a tag is in it.
    pub fn has_tag(&self, tag: Index) -> bool {
        self.tags.binary_search_by_key(&tag, |tag| tag.index).is_ok()
    }

    /// The object that a tag leads to, through other tags.
    pub fn target_of(&self, tag: Index) -> Option<Index> {
        let mut at = tag;
        // Tags are content-addressed, so this ends; the bound is for a store that lies.
        for _ in 0..=self.tags.len() {
            match self.tags.binary_search_by_key(&at, |tag| tag.index).ok().and_then(|found| self.tags.get(found)) {
                Some(tag) => at = index(tag.target)?,
                None => return Some(at).filter(|at| *at != tag),
            }
        }
        None
    }
}

/// The lines before the first empty one.
fn header_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|b| *b == b'\n').take_while(|line| !line.is_empty())
}

fn link(objects: &Objects, strays: &Strays, hex: &[u8]) -> Option<Link> {
    let id = ObjectId::from_hex(std::str::from_utf8(hex).ok()?)?;
    Some(strays.link(objects, id.as_bytes()))
}

/// The seconds in `Name <email> seconds +hhmm`; 0 where there are none.
fn seconds(signature: &[u8]) -> i64 {
    let when = signature.rsplit(|b| *b == b'>').next().unwrap_or_default();
    let word = when.split(u8::is_ascii_whitespace).find(|word| !word.is_empty()).unwrap_or_default();
    std::str::from_utf8(word).ok().and_then(|word| word.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commits by (number, parents, time), in the order of their numbers.
    fn written(commits: &[(u32, &[u32], i64)]) -> Written {
        let mut written = Written::default();
        for (index, parents, time) in commits {
            let from = written.parents.len() as u32;
            written.parents.extend_from_slice(parents);
            let parents = (from, written.parents.len() as u32);
            written.commits.push(Read { index: *index, tree: 0, time: *time, parents });
        }
        written
    }

    fn order(written: &Written, cut: &[u32]) -> Vec<Index> {
        let read = (0..written.commits.len()).rev().collect();
        written.in_order(read, &cut.iter().copied().collect()).iter().map(|commit| commit.index).collect()
    }

    #[test]
    fn commits_come_parents_first_then_by_date_then_by_id() {
        // 1 - 2 - 4 and 1 - 3 - 4; 2 claims to be older than its parent; 5 and 6 are roots of equal date; 9 is not there.
        let written =
            written(&[(1, &[9], 10), (2, &[1], 1), (3, &[1], 20), (4, &[2, 3, 3], 40), (5, &[], 30), (6, &[], 30)]);
        assert_eq!(order(&written, &[]), [1, 2, 3, 5, 6, 4]);
        assert_eq!(order(&written, &[2]), [2, 1, 3, 5, 6, 4], "cut off from its parent, its date counts");
    }

    #[test]
    fn commits_of_a_forged_circle_are_not_lost() {
        let written = written(&[(1, &[2], 1), (2, &[1], 2), (3, &[], 3), (4, &[4], 4)]);
        assert_eq!(order(&written, &[]), [3, 1, 2, 4]);
    }

    #[test]
    fn dates_are_read_and_never_trusted() {
        assert_eq!(seconds(b"Ada A <ada@x.org> -12 -0130"), -12);
        assert_eq!(seconds(b"Odd <a>b> 12 +0000"), 12);
        assert_eq!(seconds(b"nobody"), 0);
        assert_eq!(seconds(b"A <b> 99999999999999999999 +9999999"), 0);
    }
}
