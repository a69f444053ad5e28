//! git's index, read straight from its file (gitformat-index(5), versions 2 to 4, split and sparse ones too). Knows
//! nothing of repositories or objects: whoever asks says where the file lies.
//!
//! One allocation holds twelve bytes an entry; names and ids stay where they are in the file.

mod cache_tree;
mod ewah;
mod file;
mod map;
mod split;

use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

pub use cache_tree::Node;

use super::diff::Kind;
use cache_tree::CacheTree;
use file::{File, Row};
use map::Sum;

use crate::model::{BytePath, ObjectId};

/// Length of a SHA-1 id. Repositories of the other format are refused when they are opened.
const ID: usize = 20;

/// Why an index cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The file system said no.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The bytes are not what git writes.
    #[error("{path} is damaged: {why}; have git write it anew from HEAD with: rm -f {path} && git reset")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        why: &'static str,
    },
    /// It may be sound, and is still not understood.
    #[error("{what} cannot be read yet: {remedy}")]
    Unsupported {
        /// The format.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
}

/// What is wrong with some bytes, before it is known which file's they are.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Damaged(&'static str),
    Unsupported(String, &'static str),
}

impl Fault {
    fn of(self, path: &Path) -> IndexError {
        match self {
            Fault::Damaged(why) => IndexError::Damaged { path: BytePath::from_os(path).to_string(), why },
            Fault::Unsupported(what, remedy) => IndexError::Unsupported { what, remedy },
        }
    }
}

/// One entry, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'i> {
    /// Its path, relative to the working tree's root; of a sparse directory with a `/` at its end.
    pub path: &'i [u8],
    /// The raw id of the blob, of a submodule's commit, or of a sparse directory's tree.
    pub id: &'i [u8],
    /// As git writes it: object type and permissions.
    pub mode: u32,
    /// 0; or 1 to 3 while the path is unmerged (base, ours, theirs).
    pub stage: u8,
    /// Only announced with `git add -N`: a commit leaves it out.
    pub intent_to_add: bool,
    /// Not in the working tree, by sparse checkout. The commit has it all the same.
    pub skip_worktree: bool,
    /// `git update-index --assume-unchanged`. The commit has it all the same.
    pub assume_valid: bool,
}

impl Entry<'_> {
    /// What it is; none for a sparse directory.
    pub fn kind(&self) -> Option<Kind> {
        Kind::from_mode(self.mode)
    }

    /// The id in the model's words.
    pub fn object(&self) -> ObjectId {
        ObjectId::from_bytes(self.id).unwrap_or(ObjectId::ZERO)
    }
}

/// The index as git would commit it.
#[derive(Debug)]
pub struct IndexFile {
    path: PathBuf,
    own: File,
    /// What a split index builds on.
    shared: Option<File>,
    /// Sorted by path, then by stage.
    rows: Vec<Row>,
    cache_tree: CacheTree,
    sum: Sum,
}

impl IndexFile {
    /// Reads the index at `path`; a file that is not there is an empty index. `git_dir` is where a shared index lies,
    /// if it does not lie beside the file. The checksum is worked out meanwhile: ask [`IndexFile::check`].
    pub fn read(path: &Path, git_dir: &Path) -> Result<Self, IndexError> {
        let own = map::read(path)?.unwrap_or_default();
        let mut own = File::parse(own).map_err(|fault| fault.of(path))?;
        let mut sum = Sum::default();
        sum.add(&own);
        let cache_tree = CacheTree::parse(own.cache_tree());
        let link = own.link().map(split::Link::parse).transpose().map_err(|fault| fault.of(path))?.flatten();
        let (shared, rows) = match link {
            Some(link) => {
                let shared = read_shared(&link, path, git_dir)?;
                sum.add(&shared);
                let rows = split::merge(&own, &shared, &link).map_err(|fault| fault.of(path))?;
                (Some(shared), rows)
            }
            None => (None, own.take_rows().map_err(|fault| fault.of(path))?),
        };
        Ok(Self { path: path.to_path_buf(), own, shared, rows, cache_tree, sum })
    }

    /// Whether the files are as git wrote them; waits for their checksums. Until then an answer may rest on damaged
    /// bytes; whoever says "nothing found" asks first. An index without one (`index.skipHash`) passes.
    pub fn check(&self) -> Result<(), IndexError> {
        match self.sum.is_right() {
            true => Ok(()),
            false => Err(Fault::Damaged("its checksum is wrong").of(&self.path)),
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// True when some path may be unmerged.
    pub fn has_unmerged(&self) -> bool {
        self.own.has_unmerged() || self.shared.as_ref().is_some_and(File::has_unmerged)
    }

    /// All entries, by path, then by stage.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.rows.iter().map(|row| self.view(row))
    }

    /// The entry at a position.
    pub fn entry(&self, at: usize) -> Option<Entry<'_>> {
        self.rows.get(at).map(|row| self.view(row))
    }

    /// The path at a position; empty past the end.
    pub fn path(&self, at: usize) -> &[u8] {
        self.rows.get(at).map_or(&[], |row| self.name(row))
    }

    /// The merged entry of a path.
    pub fn find(&self, path: &[u8]) -> Option<Entry<'_>> {
        let at = self.rows.partition_point(|row| self.name(row) < path);
        self.entry(at).filter(|entry| entry.path == path && entry.stage == 0)
    }

    /// The sparse directory that stands for a path.
    pub fn sparse_above(&self, path: &[u8]) -> Option<Entry<'_>> {
        let slashes = memchr::memchr_iter(b'/', path);
        slashes.filter_map(|slash| self.find(path.get(..=slash)?)).find(|entry| entry.kind().is_none())
    }

    /// Of `rows`, all below one directory, the end of those that begin with `prefix`, as the first of them does.
    pub fn end_of(&self, rows: Range<usize>, prefix: &[u8]) -> usize {
        let below = self.rows.get(rows.clone()).unwrap_or_default();
        // Doubling steps: most directories are small beside what follows them.
        let mut step = 1;
        while below.get(step).is_some_and(|row| self.name(row).starts_with(prefix)) {
            step *= 2;
        }
        let near = below.get(..step.min(below.len())).unwrap_or_default();
        rows.start + near.partition_point(|row| self.name(row).starts_with(prefix))
    }

    /// The merged entries whose blob is one of `wanted`.
    pub fn holding<'i>(&'i self, wanted: &'i HashSet<ObjectId>) -> impl Iterator<Item = Entry<'i>> {
        // Most entries hold none of them: two bytes of the id tell.
        let mut near = vec![false; if wanted.is_empty() { 0 } else { 1 << 16 }];
        for id in wanted {
            if let Some(slot) = near.get_mut(bucket(id.as_bytes())) {
                *slot = true;
            }
        }
        let rows = if wanted.is_empty() { &[][..] } else { &self.rows };
        let may = move |row: &&Row| near.get(bucket(self.id(row))).is_some_and(|near| *near);
        rows.iter().filter(may).map(|row| self.view(row)).filter(|entry| {
            let file = matches!(entry.kind(), Some(Kind::File | Kind::Link));
            file && entry.stage == 0 && !entry.intent_to_add && wanted.contains(&entry.object())
        })
    }

    /// The cache-tree's root; none where there is no cache-tree.
    pub fn root(&self) -> Option<Node<'_>> {
        self.cache_tree.root(self.own.cache_tree())
    }

    fn file(&self, shared: bool) -> &File {
        self.shared.as_ref().filter(|_| shared).unwrap_or(&self.own)
    }

    fn name(&self, row: &Row) -> &[u8] {
        self.file(row.name_is_shared()).name(row)
    }

    fn id(&self, row: &Row) -> &[u8] {
        self.file(row.data_is_shared()).id(row)
    }

    fn view(&self, row: &Row) -> Entry<'_> {
        self.file(row.data_is_shared()).entry(row, self.name(row))
    }
}

/// Reads the shared index, from where git looks for it.
fn read_shared(link: &split::Link, path: &Path, git_dir: &Path) -> Result<File, IndexError> {
    let name = format!("sharedindex.{}", link.base());
    let beside = path.parent().unwrap_or(Path::new(".")).join(&name);
    for place in [git_dir.join(&name), beside] {
        if let Some(bytes) = map::read(&place)? {
            return File::parse(bytes).map_err(|fault| fault.of(&place));
        }
    }
    Err(Fault::Damaged("the shared index that it names is not there").of(path))
}

fn bucket(id: &[u8]) -> usize {
    match *id {
        [high, low, ..] => usize::from(high) << 8 | usize::from(low),
        _ => 0,
    }
}
