//! From refs to commits: where a history starts, which commits it holds and in what order, and what could not be
//! read on the way.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::{GitError, ObjectKind, Objects, ReadError, Repo, Store};
use crate::model::{BytePath, ObjectId, Problem};

/// No commit or tag is larger.
const MOST: u64 = 64 << 20;
/// How many lost objects are named.
const NAMED: usize = 20;

/// A commit of a history.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Its id.
    pub id: ObjectId,
    /// Its tree's id.
    pub tree: ObjectId,
    /// Places of its parents in [`Graph::commits`], always smaller than its own. Parents that a shallow clone cuts
    /// off or that are missing are not among them.
    pub parents: Vec<u32>,
    /// The committer's time, seconds since the epoch.
    pub time: i64,
}

/// An annotated tag.
#[derive(Clone, Debug)]
pub struct Tag {
    /// The tag object's id.
    pub id: ObjectId,
    /// What it names; may be another tag.
    pub target: ObjectId,
}

/// Objects that could not be read.
#[derive(Clone, Debug, Default)]
pub struct Losses {
    /// Those that the store has not.
    pub missing: BTreeSet<ObjectId>,
    /// Those that are damaged.
    pub broken: BTreeSet<ObjectId>,
    /// The first few of them, and what libgit2 says.
    pub named: BTreeMap<ObjectId, String>,
}

impl Losses {
    /// Notes one.
    pub fn note(&mut self, id: ObjectId, error: ReadError) {
        match error {
            ReadError::Missing => _ = self.missing.insert(id),
            ReadError::TooLarge(size) => self.note_broken(id, format!("{size} bytes are too many for it")),
            ReadError::Broken(why) => self.note_broken(id, why),
        }
    }

    fn note_broken(&mut self, id: ObjectId, why: String) {
        self.broken.insert(id);
        self.named.insert(id, why);
        self.trim();
    }

    /// Adds another's; the result does not depend on the order.
    pub fn add(&mut self, other: Losses) {
        self.missing.extend(other.missing);
        self.broken.extend(other.broken);
        self.named.extend(other.named);
        self.trim();
    }

    fn trim(&mut self) {
        while self.named.len() > NAMED {
            self.named.pop_last();
        }
    }
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
    pub trees: Vec<ObjectId>,
    /// Blobs named by refs or tags.
    pub blobs: Vec<ObjectId>,
    /// What could not be read.
    pub losses: Losses,
}

impl Repo {
    /// Where a history starts: what every ref names, HEAD here and in each linked working tree, sorted. Refs that
    /// cannot be read are problems. Read straight from the files: libgit2 passes over a broken ref without a word,
    /// and stops at the first that it cannot open.
    pub fn tips(&self) -> Result<(Vec<ObjectId>, Vec<Problem>), GitError> {
        let common = self.common_dir();
        let mut dirs = vec![common.clone()];
        if let Ok(linked) = std::fs::read_dir(common.join("worktrees")) {
            dirs.extend(linked.flatten().map(|entry| entry.path()));
        }
        let (mut tips, mut problems) = (BTreeSet::new(), Vec::new());
        let heads = dirs.iter().map(|dir| dir.join("HEAD"));
        tips.extend(heads.filter_map(|head| read_ref(&head).ok().flatten()));
        let packed = common.join("packed-refs");
        let mut refs: HashMap<Vec<u8>, ObjectId> = match std::fs::read(&packed) {
            Ok(text) => text.split(|b| *b == b'\n').filter_map(packed_ref).collect(),
            Err(error) if error.kind() == ErrorKind::NotFound => HashMap::new(),
            Err(error) => {
                problems.push(Problem::new("packed-refs", error.to_string()));
                HashMap::new()
            }
        };
        for file in dirs.iter().flat_map(|dir| loose_refs(&dir.join("refs"))) {
            let name = BytePath::from_os(file.strip_prefix(&common).unwrap_or(&file));
            match read_ref(&file) {
                // A loose ref hides the packed one of its name. A symbolic one names another, met by itself.
                Ok(id) => {
                    refs.remove(name.as_bytes());
                    tips.extend(id);
                }
                Err(why) if problems.len() < NAMED => {
                    problems.push(Problem::new(name.to_string(), why).fix("look closer with: git fsck"));
                }
                Err(_) => {}
            }
        }
        tips.extend(refs.into_values());
        Ok((tips.into_iter().collect(), problems))
    }

    /// True when some remote promised to deliver objects that this clone has not.
    pub fn has_promisor(&self) -> bool {
        let Ok(config) = self.inner.config() else { return false };
        let Ok(mut entries) = config.entries(Some(r"^(remote\..*\.promisor|extensions\.partialclone)$")) else {
            return false;
        };
        entries.next().is_some()
    }
}

/// The id in a ref's file; none in one that names another ref.
fn read_ref(file: &Path) -> Result<Option<ObjectId>, String> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut text = Vec::new();
        // A pipe would wait for ever.
        if !std::fs::metadata(file)?.is_file() {
            return Err(ErrorKind::InvalidData.into());
        }
        std::fs::File::open(file)?.take(4096).read_to_end(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|error| error.to_string())?;
    let text = text.trim_ascii();
    if text.starts_with(b"ref:") {
        return Ok(None);
    }
    let id = text.split(u8::is_ascii_whitespace).next().and_then(from_hex);
    id.map(Some).ok_or_else(|| "does not hold an object id".into())
}

/// Name and id of a line in `packed-refs`; lines of headers and of peeled tags have none.
fn packed_ref(line: &[u8]) -> Option<(Vec<u8>, ObjectId)> {
    let (id, name) = line.split_at_checked(40)?;
    Some((name.strip_prefix(b" ")?.trim_ascii_end().to_vec(), from_hex(id)?))
}

/// Every file below `refs` that may be a ref: not a lock, no hidden name.
fn loose_refs(refs: &Path) -> Vec<PathBuf> {
    let (mut todo, mut files) = (vec![refs.to_path_buf()], Vec::new());
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.as_encoded_bytes();
            if name.starts_with(b".") || name.ends_with(b".lock") {
                continue;
            }
            // Links to directories are not followed.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                todo.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}

impl Graph {
    /// Follows parents and tags from `tips`, not below the commits in `shallow`.
    pub fn of(store: &Store<'_>, tips: &[ObjectId], shallow: &HashSet<ObjectId>) -> Self {
        let mut graph = Graph::default();
        let mut seen: HashSet<ObjectId> = tips.iter().copied().collect();
        let mut todo: Vec<ObjectId> = seen.iter().copied().collect();
        let mut read: Vec<(Header, ObjectId)> = Vec::new();
        while let Some(id) = todo.pop() {
            let object = match store.read(&id, MOST) {
                Ok(object) => object,
                // A tag may name a blob of any size; whoever shows it looks at its size.
                Err(ReadError::TooLarge(_)) if store.header(&id).is_ok_and(|(kind, _)| kind == ObjectKind::Blob) => {
                    graph.blobs.push(id);
                    continue;
                }
                Err(error) => {
                    graph.losses.note(id, error);
                    continue;
                }
            };
            match object.kind() {
                ObjectKind::Tree => graph.trees.push(id),
                ObjectKind::Blob => graph.blobs.push(id),
                ObjectKind::Commit => match parse_commit(object.bytes()) {
                    Ok(mut header) => {
                        if shallow.contains(&id) {
                            header.parents.clear();
                        }
                        todo.extend(header.parents.iter().filter(|parent| seen.insert(**parent)));
                        read.push((header, id));
                    }
                    Err(error) => graph.losses.note(id, error),
                },
                ObjectKind::Tag => match parse_tag(object.bytes()) {
                    Ok(target) => {
                        graph.tags.push(Tag { id, target });
                        todo.extend(Some(target).filter(|target| seen.insert(*target)));
                    }
                    Err(error) => graph.losses.note(id, error),
                },
            }
        }
        graph.commits = in_order(read);
        graph.tags.sort_by_key(|tag| tag.id);
        graph.trees.sort();
        graph.blobs.sort();
        graph
    }

    /// The commits and tags of the store that are not in `self`: nothing in refs reaches them. Their order is as in
    /// any graph.
    pub fn unreachable(&self, store: &Store<'_>, objects: &Objects) -> Self {
        let known: HashSet<ObjectId> =
            self.commits.iter().map(|commit| commit.id).chain(self.tags.iter().map(|tag| tag.id)).collect();
        let mut other = Graph::default();
        let mut read = Vec::new();
        for id in objects.in_pack_order().map(|index| objects.id(index)).filter(|id| !known.contains(id)) {
            // What cannot be read is told by whoever reads all objects.
            let Ok((kind @ (ObjectKind::Commit | ObjectKind::Tag), _)) = store.header(&id) else { continue };
            let Ok(object) = store.read(&id, MOST) else { continue };
            if kind == ObjectKind::Commit {
                read.extend(parse_commit(object.bytes()).map(|header| (header, id)));
            } else {
                other.tags.extend(parse_tag(object.bytes()).map(|target| Tag { id, target }));
            }
        }
        other.commits = in_order(read);
        other.tags.sort_by_key(|tag| tag.id);
        other
    }

    /// Every tree that a commit, tag or ref names, repetitions included.
    pub fn roots(&self) -> impl Iterator<Item = &ObjectId> {
        self.commits.iter().map(|commit| &commit.tree).chain(&self.trees)
    }

    /// The commit that a tag leads to, through other tags.
    pub fn commit_of(&self, tag: &ObjectId) -> Option<ObjectId> {
        let mut at = *tag;
        // Tags are content-addressed, so this ends; the bound is for a store that lies.
        for _ in 0..=self.tags.len() {
            match self.tags.binary_search_by_key(&at, |tag| tag.id).ok().and_then(|found| self.tags.get(found)) {
                Some(tag) => at = tag.target,
                None => return Some(at).filter(|at| at != tag),
            }
        }
        None
    }
}

/// What the walk needs of a commit.
struct Header {
    tree: ObjectId,
    parents: Vec<ObjectId>,
    time: i64,
}

fn parse_commit(bytes: &[u8]) -> Result<Header, ReadError> {
    let mut header = Header { tree: ObjectId::ZERO, parents: Vec::new(), time: 0 };
    let mut tree = None;
    for line in header_lines(bytes) {
        if let Some(hex) = line.strip_prefix(b"tree ") {
            tree = tree.or(from_hex(hex));
        } else if let Some(hex) = line.strip_prefix(b"parent ") {
            header.parents.extend(from_hex(hex));
        } else if let Some(who) = line.strip_prefix(b"committer ") {
            header.time = seconds(who);
        }
    }
    header.tree = tree.ok_or_else(|| ReadError::Broken("a commit without a tree".into()))?;
    Ok(header)
}

fn parse_tag(bytes: &[u8]) -> Result<ObjectId, ReadError> {
    header_lines(bytes)
        .find_map(|line| from_hex(line.strip_prefix(b"object ")?))
        .ok_or_else(|| ReadError::Broken("a tag that names no object".into()))
}

/// The lines before the first empty one.
fn header_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|b| *b == b'\n').take_while(|line| !line.is_empty())
}

fn from_hex(hex: &[u8]) -> Option<ObjectId> {
    ObjectId::from_hex(std::str::from_utf8(hex).ok()?)
}

/// The text of a commit or tag: what follows the first empty line.
pub fn message_of(bytes: &[u8]) -> &[u8] {
    let at = memchr::memmem::find(bytes, b"\n\n").map_or(bytes.len(), |at| at + 2);
    bytes.get(at..).unwrap_or_default()
}

/// The seconds in `Name <email> seconds +hhmm`; 0 where there are none.
fn seconds(signature: &[u8]) -> i64 {
    let when = signature.rsplit(|b| *b == b'>').next().unwrap_or_default();
    let word = when.split(u8::is_ascii_whitespace).find(|word| !word.is_empty()).unwrap_or_default();
    std::str::from_utf8(word).ok().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// Sorts commits, parents before children, ties by date, then id.
fn in_order(read: Vec<(Header, ObjectId)>) -> Vec<Commit> {
    let at: HashMap<ObjectId, usize> = read.iter().enumerate().map(|(at, (_, id))| (*id, at)).collect();
    let mut waiting: Vec<usize> = Vec::with_capacity(read.len());
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); read.len()];
    let mut ready = BinaryHeap::new();
    for (child, (header, id)) in read.iter().enumerate() {
        let parents: BTreeSet<usize> = header.parents.iter().filter_map(|parent| at.get(parent).copied()).collect();
        waiting.push(parents.len());
        if parents.is_empty() {
            ready.push(Reverse((header.time, *id, child)));
        }
        for parent in parents {
            if let Some(list) = children.get_mut(parent) {
                list.push(child);
            }
        }
    }
    let mut placed: HashMap<ObjectId, u32> = HashMap::with_capacity(read.len());
    let mut commits = Vec::with_capacity(read.len());
    while let Some(Reverse((time, id, next))) = ready.pop() {
        let Some((header, _)) = read.get(next) else { continue };
        let parents = header.parents.iter().filter_map(|parent| placed.get(parent).copied()).collect();
        placed.insert(id, u32::try_from(commits.len()).unwrap_or(u32::MAX));
        commits.push(Commit { id, tree: header.tree, parents, time });
        for child in children.get(next).into_iter().flatten() {
            let Some(left) = waiting.get_mut(*child) else { continue };
            *left -= 1;
            if let (0, Some((header, id))) = (*left, read.get(*child)) {
                ready.push(Reverse((header.time, *id, *child)));
            }
        }
    }
    // Ids are not verified, so a forged store may hold a circle. Its commits come last, without parents, but come.
    let circle = read.iter().filter(|(_, id)| !placed.contains_key(id));
    commits.extend(circle.map(|(header, id)| Commit {
        id: *id,
        tree: header.tree,
        parents: Vec::new(),
        time: header.time,
    }));
    commits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> ObjectId {
        ObjectId::from_bytes(&[n; 20]).unwrap()
    }

    fn commit(n: u8, parents: &[u8], time: i64) -> (Header, ObjectId) {
        (Header { tree: id(0), parents: parents.iter().map(|p| id(*p)).collect(), time }, id(n))
    }

    #[test]
    fn commits_come_parents_first_then_by_date_then_by_id() {
        // 1 - 2 - 4 and 1 - 3 - 4; 2 claims to be older than its parent; 5 and 6 are roots of equal date.
        let read = vec![
            commit(4, &[2, 3], 40),
            commit(3, &[1], 20),
            commit(2, &[1], 1),
            commit(6, &[], 30),
            commit(5, &[], 30),
            commit(1, &[9], 10),
        ];
        let order: Vec<ObjectId> = in_order(read).iter().map(|commit| commit.id).collect();
        assert_eq!(order, [1, 2, 3, 5, 6, 4].map(id));
    }

    #[test]
    fn commits_of_a_forged_circle_are_not_lost() {
        let read = vec![commit(1, &[2], 1), commit(2, &[1], 2), commit(3, &[], 3), commit(4, &[4], 4)];
        let order: Vec<ObjectId> = in_order(read).iter().map(|commit| commit.id).collect();
        assert_eq!(order, [3, 1, 2, 4].map(id));
    }

    #[test]
    fn dates_are_read_and_never_trusted() {
        assert_eq!(seconds(b"Ada A <ada@x.org> -12 -0130"), -12);
        assert_eq!(seconds(b"Odd <a>b> 12 +0000"), 12);
        assert_eq!(seconds(b"nobody"), 0);
        assert_eq!(seconds(b"A <b> 99999999999999999999 +9999999"), 0);
    }

    #[test]
    fn a_message_is_what_follows_the_first_empty_line() {
        assert_eq!(message_of(b"tree x\n\nsubject\n\nbody\n"), b"subject\n\nbody\n");
        assert_eq!(message_of(b"tree x\n"), b"");
    }
}
