//! Which paths differ between a commit and the next one or the index. Never what differs inside a file: `git`'s
//! attributes (`-diff`, `binary`) must not decide that. Directories that are the same tree are not read.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use git2::ObjectType;

use super::index::{IndexFile, Node};
use super::open::{GitError, Repo, object_id};
use super::trees::{EntryKind, entries, read_tree};
use super::{Object, Store};
use crate::model::{BytePath, ObjectId};

/// What a tree or index entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file, executable or not.
    File,
    /// A symbolic link; its blob is the target's text.
    Link,
    /// A submodule's commit.
    Submodule,
}

impl Kind {
    /// From the mode in a tree or index; none for directories and unknown modes.
    pub(super) fn from_mode(mode: u32) -> Option<Self> {
        match mode & 0o170_000 {
            0o100_000 => Some(Kind::File),
            0o120_000 => Some(Kind::Link),
            0o160_000 => Some(Kind::Submodule),
            _ => None,
        }
    }
}

/// One version of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// The blob, or a submodule's commit.
    pub id: ObjectId,
    /// What it is.
    pub kind: Kind,
}

/// A path that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// The path, the same on both sides: renames are not looked for here.
    pub path: BytePath,
    /// Before; none where the path is new.
    pub old: Option<Side>,
    /// After; none where the path is gone.
    pub new: Option<Side>,
}

/// Which wanted blobs a tree holds, each with its smallest path.
pub type Holding = Arc<[(ObjectId, BytePath)]>;

/// What is known of subtrees, by their ids: commits of one range share most of them.
pub type TreeMemo = HashMap<ObjectId, Holding>;

/// Deeper directories are not searched; git itself stops at 2,048 (`core.maxTreeDepth`).
const MAX_DEPTH: usize = 500;
/// A difference does not go deeper than git does.
const DEEPEST: usize = 2_048;
/// A few trees that hold each other over and over can make any number of paths. No more directories and files than
/// this are compared; no real tree has as many.
const MOST: usize = 8_000_000;

impl Repo {
    /// What `commit` changes against `parent`, or against nothing. Sorted by path.
    pub fn changes(&self, parent: Option<ObjectId>, commit: ObjectId) -> Result<Vec<Delta>, GitError> {
        let new = Dir::Tree(object_id(self.tree_of(commit)?.id()));
        Differ::run(self, None, self.dir_of(parent)?, new)
    }

    /// All that a tree holds, as what it adds to nothing.
    pub(super) fn contents(&self, tree: ObjectId) -> Result<Vec<Delta>, GitError> {
        Differ::run(self, None, Dir::None, Dir::Tree(tree))
    }

    /// What the index changes against `parent`, or against nothing. Sorted by path; unmerged paths are left out, and
    /// what `git add -N` only announced is not there, as it is not in a commit.
    pub fn staged_changes(&self, parent: Option<ObjectId>) -> Result<Vec<Delta>, GitError> {
        let index = self.index()?;
        let new = Dir::Rows(0..index.len(), index.root());
        Differ::run(self, Some(index), self.dir_of(parent)?, new)
    }

    fn dir_of<'r>(&self, commit: Option<ObjectId>) -> Result<Dir<'r>, GitError> {
        let tree = |commit| Ok(Dir::Tree(object_id(self.tree_of(commit)?.id())));
        commit.map_or(Ok(Dir::None), tree)
    }

    /// Finds some of the blobs `wanted` in the tree of `commit`: (id, path), the smallest path of each. `memo`
    /// keeps what subtrees hold, for the same `wanted` only.
    pub fn find_blobs(
        &self,
        commit: ObjectId,
        wanted: &HashSet<ObjectId>,
        memo: &mut TreeMemo,
    ) -> Result<Holding, GitError> {
        let tree = self.tree_of(commit)?;
        self.holding(&tree, wanted, memo, 0)
    }

    fn holding(
        &self,
        tree: &git2::Tree<'_>,
        wanted: &HashSet<ObjectId>,
        memo: &mut TreeMemo,
        depth: usize,
    ) -> Result<Holding, GitError> {
        if let Some(known) = memo.get(&object_id(tree.id())) {
            return Ok(known.clone());
        }
        let mut found: BTreeMap<ObjectId, BytePath> = BTreeMap::new();
        for entry in tree {
            let name = entry.name_bytes();
            let id = object_id(entry.id());
            match entry.kind() {
                Some(ObjectType::Tree) if depth < MAX_DEPTH => {
                    let below = self.holding(&self.inner.find_tree(entry.id())?, wanted, memo, depth + 1)?;
                    for (id, path) in below.iter() {
                        keep_smallest(&mut found, *id, BytePath::new([name, b"/", path.as_bytes()].concat()));
                    }
                }
                Some(ObjectType::Blob) if wanted.contains(&id) => keep_smallest(&mut found, id, BytePath::new(name)),
                _ => {}
            }
        }
        let holding: Holding = found.into_iter().collect();
        memo.insert(object_id(tree.id()), holding.clone());
        Ok(holding)
    }

    pub(super) fn tree_of(&self, commit: ObjectId) -> Result<git2::Tree<'_>, GitError> {
        let commit = self.inner.find_commit(self.oid(commit)?)?;
        Ok(commit.tree()?)
    }
}

/// Keeps the smaller of two paths of a blob.
fn keep_smallest(found: &mut BTreeMap<ObjectId, BytePath>, id: ObjectId, path: BytePath) {
    let known = found.entry(id).or_insert_with(|| path.clone());
    if path < *known {
        *known = path;
    }
}

/// A directory on one side.
#[derive(Clone, Debug)]
enum Dir<'r> {
    /// Not there.
    None,
    /// A tree object.
    Tree(ObjectId),
    /// Rows of the index, and what the cache-tree knows of them.
    Rows(Range<usize>, Option<Node<'r>>),
}

/// Two directories of one path that are still to be compared.
struct Pair<'r> {
    /// The path, with a `/` at its end; empty for the root.
    prefix: Vec<u8>,
    depth: usize,
    old: Dir<'r>,
    new: Dir<'r>,
}

/// One name in a directory.
struct Item<'b, 'r> {
    name: &'b [u8],
    what: What<'r>,
}

enum What<'r> {
    /// And whether it is executable.
    Leaf(Side, bool),
    Dir(Dir<'r>),
    /// Left out on both sides.
    Unmerged,
}

impl Item<'_, '_> {
    /// git sorts directories as if their names ended in a slash.
    fn compare(&self, other: &Self) -> Ordering {
        let dir = |item: &Self| matches!(item.what, What::Dir(_));
        let end = |item: &Self| dir(item).then_some(&b'/');
        let (mine, theirs) = (self.name.iter().chain(end(self)), other.name.iter().chain(end(other)));
        // A hostile tree may name a file so; it is no directory for that.
        mine.cmp(theirs).then_with(|| dir(self).cmp(&dir(other)))
    }
}

/// One comparison, directory by directory.
struct Differ<'r> {
    index: Option<&'r IndexFile>,
    pairs: Vec<Pair<'r>>,
    deltas: Vec<Delta>,
    /// How much more may be compared.
    room: usize,
}

impl<'r> Differ<'r> {
    /// All that differs, sorted by path.
    fn run(repo: &Repo, index: Option<&'r IndexFile>, old: Dir<'r>, new: Dir<'r>) -> Result<Vec<Delta>, GitError> {
        Self { index, pairs: Vec::new(), deltas: Vec::new(), room: MOST }.all(repo, old, new)
    }

    fn all(mut self, repo: &Repo, old: Dir<'r>, new: Dir<'r>) -> Result<Vec<Delta>, GitError> {
        let store = Store::of(repo)?;
        self.push(&[], b"", 0, old, new)?;
        while let Some(pair) = self.pairs.pop() {
            self.compare(&store, pair)?;
        }
        self.deltas.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(self.deltas)
    }

    fn take_room(&mut self) -> Result<(), GitError> {
        let full = || GitError::Other("too many directories and files differ to be compared".into());
        self.room = self.room.checked_sub(1).ok_or_else(full)?;
        Ok(())
    }

    /// Notes two directories to be compared, unless they are the same tree.
    fn push(&mut self, prefix: &[u8], name: &[u8], depth: usize, old: Dir<'r>, new: Dir<'r>) -> Result<(), GitError> {
        let same = match (&old, &new) {
            (Dir::Tree(old), Dir::Tree(new)) => old == new,
            (Dir::Tree(old), Dir::Rows(rows, Some(node))) => {
                node.tree().is_some_and(|(count, id)| count == rows.len() && id == old.as_bytes())
            }
            _ => false,
        };
        if same {
            return Ok(());
        }
        if depth > DEEPEST {
            let path = BytePath::new([prefix, name].concat());
            return Err(GitError::Other(format!("{path}: directories nested more than {DEEPEST} deep")));
        }
        self.take_room()?;
        let slash: &[u8] = if name.is_empty() { b"" } else { b"/" };
        self.pairs.push(Pair { prefix: [prefix, name, slash].concat(), depth, old, new });
        Ok(())
    }

    fn compare(&mut self, store: &Store<'_>, pair: Pair<'r>) -> Result<(), GitError> {
        let Pair { prefix, depth, old, new } = pair;
        let (old_tree, new_tree) = (tree_in(store, &old)?, tree_in(store, &new)?);
        let old = self.items(&prefix, old, old_tree.as_ref())?;
        let new = self.items(&prefix, new, new_tree.as_ref())?;
        let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.compare(new),
            };
            let before = if order.is_le() { old.next() } else { None };
            let after = if order.is_ge() { new.next() } else { None };
            self.pair(&prefix, depth, before, after)?;
        }
    }

    /// Two things of one name and kind, or one that is on one side only.
    fn pair(
        &mut self,
        prefix: &[u8],
        depth: usize,
        old: Option<Item<'_, 'r>>,
        new: Option<Item<'_, 'r>>,
    ) -> Result<(), GitError> {
        let Some(name) = old.as_ref().or(new.as_ref()).map(|item| item.name) else { return Ok(()) };
        let (old, new) = match (old.map(|item| item.what), new.map(|item| item.what)) {
            (_, Some(What::Unmerged)) => return Ok(()),
            (Some(What::Dir(old)), Some(What::Dir(new))) => return self.push(prefix, name, depth + 1, old, new),
            (Some(What::Dir(old)), _) => return self.push(prefix, name, depth + 1, old, Dir::None),
            (_, Some(What::Dir(new))) => return self.push(prefix, name, depth + 1, Dir::None, new),
            (old, new) => (old.and_then(leaf), new.and_then(leaf)),
        };
        if old == new {
            return Ok(());
        }
        self.take_room()?;
        let path = BytePath::new([prefix, name].concat());
        self.deltas.push(Delta { path, old: old.map(|(side, _)| side), new: new.map(|(side, _)| side) });
        Ok(())
    }

    /// What is in a directory, sorted.
    fn items<'b>(
        &self,
        prefix: &[u8],
        dir: Dir<'r>,
        tree: Option<&'b Object<'_>>,
    ) -> Result<Vec<Item<'b, 'r>>, GitError>
    where
        'r: 'b,
    {
        let mut items = match (dir, tree, self.index) {
            (Dir::Tree(id), Some(tree), _) => {
                in_tree(tree.bytes()).ok_or_else(|| GitError::Other(format!("the tree {id} has a malformed entry")))?
            }
            (Dir::Rows(rows, node), _, Some(index)) => in_index(index, prefix.len(), rows, node),
            _ => Vec::new(),
        };
        // They are in order already, but for trees that git did not write.
        if !items.is_sorted_by(|a, b| a.compare(b).is_le()) {
            items.sort_by(Item::compare);
        }
        Ok(items)
    }
}

/// The tree's bytes, where the directory is a tree.
fn tree_in<'s>(store: &'s Store<'_>, dir: &Dir<'_>) -> Result<Option<Object<'s>>, GitError> {
    match dir {
        Dir::Tree(id) => read_tree(store, id).map(Some),
        _ => Ok(None),
    }
}

fn leaf(what: What<'_>) -> Option<(Side, bool)> {
    match what {
        What::Leaf(side, executable) => Some((side, executable)),
        _ => None,
    }
}

/// A file's mode is of interest only in its executable bit: early versions of git wrote others too.
fn leaf_of(kind: Kind, mode: u32, id: ObjectId) -> What<'static> {
    What::Leaf(Side { id, kind }, kind == Kind::File && mode & 0o100 != 0)
}

fn in_tree<'b, 'r>(bytes: &'b [u8]) -> Option<Vec<Item<'b, 'r>>> {
    let item = |entry: Option<super::Entry<'b>>| {
        let entry = entry?;
        let id = ObjectId::from_bytes(entry.id)?;
        let mode = std::str::from_utf8(entry.mode).ok().and_then(|mode| u32::from_str_radix(mode, 8).ok()).unwrap_or(0);
        let what = match entry.kind {
            EntryKind::Tree => What::Dir(Dir::Tree(id)),
            EntryKind::Submodule => leaf_of(Kind::Submodule, mode, id),
            // What no mode tells is a file, as it is for a history.
            EntryKind::Blob => leaf_of(Kind::from_mode(mode).unwrap_or(Kind::File), mode, id),
        };
        Some(Item { name: entry.name, what })
    };
    entries(bytes).map(item).collect()
}

/// Some rows of the index as one directory's content; their paths begin with `skip` bytes that are its own.
fn in_index<'r>(index: &'r IndexFile, skip: usize, rows: Range<usize>, node: Option<Node<'r>>) -> Vec<Item<'r, 'r>> {
    let children = node.map(|node| node.children()).unwrap_or_default();
    let mut items: Vec<Item<'r, 'r>> = Vec::new();
    let mut at = rows.start;
    while let Some(entry) = index.entry(at).filter(|_| at < rows.end) {
        let name = entry.path.get(skip..).unwrap_or_default();
        let slash = memchr::memchr(b'/', name);
        let (name, what) = match (slash, entry.kind()) {
            (Some(slash), kind) if kind.is_some() || slash + 1 < name.len() => {
                let (name, below) = (name.get(..slash).unwrap_or_default(), entry.path.get(..=skip + slash));
                let node = Node::find(&children, name);
                let end = end_of(index, at..rows.end, below.unwrap_or_default(), node);
                let rows = at..end;
                at = end;
                items.push(Item { name, what: What::Dir(Dir::Rows(rows, node)) });
                continue;
            }
            // A sparse directory: the tree stands for all that is below.
            (Some(slash), _) => (name.get(..slash).unwrap_or_default(), What::Dir(Dir::Tree(entry.object()))),
            (None, Some(kind)) if entry.stage == 0 => (name, leaf_of(kind, entry.mode, entry.object())),
            _ => (name, What::Unmerged),
        };
        at += 1;
        let again = items.last().is_some_and(|last| last.name == name && matches!(last.what, What::Unmerged));
        if !(again || entry.intent_to_add && entry.stage == 0) {
            items.push(Item { name, what });
        }
    }
    items
}

/// Where the rows of a directory end. What the cache-tree says is held against the rows themselves.
fn end_of(index: &IndexFile, rows: Range<usize>, prefix: &[u8], node: Option<Node<'_>>) -> usize {
    let told = node.and_then(|node| node.tree()).and_then(|(count, _)| rows.start.checked_add(count));
    let below = |at: usize| index.path(at).starts_with(prefix);
    match told {
        Some(end) if end > rows.start && end <= rows.end && below(end - 1) && (end == rows.end || !below(end)) => end,
        _ => index.end_of(rows, prefix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a tree as it is, whatever git would say.
    fn tree(repo: &Repo, entries: &[(&str, &str, ObjectId)]) -> ObjectId {
        let mut bytes = Vec::new();
        for (mode, name, id) in entries {
            bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            bytes.extend_from_slice(id.as_bytes());
        }
        object_id(repo.inner.odb().unwrap().write(ObjectType::Tree, &bytes).unwrap())
    }

    fn scratch() -> (tempfile::TempDir, Repo, ObjectId) {
        let dir = tempfile::tempdir().unwrap();
        git2::Repository::init(dir.path()).unwrap();
        let repo = Repo::discover(dir.path()).unwrap().unwrap();
        let blob = object_id(repo.inner.blob(b"x").unwrap());
        (dir, repo, blob)
    }

    fn paths(repo: &Repo, old: ObjectId, new: ObjectId) -> Vec<String> {
        let deltas = Differ::run(repo, None, Dir::Tree(old), Dir::Tree(new)).unwrap();
        deltas.iter().map(|delta| delta.path.to_string()).collect()
    }

    #[test]
    fn a_tree_that_git_would_not_write_hides_nothing() {
        let (_dir, repo, blob) = scratch();
        let below = tree(&repo, &[("100644", "x", blob)]);
        let old = tree(&repo, &[("40000", "a", below)]);
        let named_like_it = tree(&repo, &[("40000", "a", below), ("100644", "a/", blob)]);
        assert_eq!(paths(&repo, old, named_like_it), ["a/"]);
        let instead = tree(&repo, &[("100644", "a/", blob)]);
        assert_eq!(paths(&repo, old, instead), ["a/", "a/x"]);
        let unsorted = tree(&repo, &[("100644", "z", blob), ("40000", "a", below), ("100644", "b", blob)]);
        assert_eq!(paths(&repo, old, unsorted), ["b", "z"]);
        assert_eq!(paths(&repo, unsorted, old), ["b", "z"]);
    }

    #[test]
    fn trees_that_hold_each_other_over_and_over_end() {
        let (_dir, repo, _) = scratch();
        let mut bomb = tree(&repo, &[]);
        for _ in 0..100 {
            bomb = tree(&repo, &[("40000", "a", bomb), ("40000", "b", bomb)]);
        }
        let differ = Differ { index: None, pairs: Vec::new(), deltas: Vec::new(), room: 1000 };
        let error = differ.all(&repo, Dir::None, Dir::Tree(bomb)).unwrap_err().to_string();
        assert!(error.contains("too many"), "{error}");
        let mut deep = tree(&repo, &[]);
        for _ in 0..=DEEPEST {
            deep = tree(&repo, &[("40000", "a", deep)]);
        }
        let error = Differ::run(&repo, None, Dir::None, Dir::Tree(deep)).unwrap_err().to_string();
        assert!(error.contains("nested more than"), "{}", error.len());
    }
}
