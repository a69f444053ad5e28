//! Where a history starts: refs and HEADs, read straight from their files. And what could not be read on the way.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::{GitError, ReadError, Repo};
use crate::model::{BytePath, ObjectId, Problem};

/// How many lost objects are named.
const NAMED: usize = 20;

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

fn from_hex(hex: &[u8]) -> Option<ObjectId> {
    ObjectId::from_hex(std::str::from_utf8(hex).ok()?)
}

/// The text of a commit or tag: what follows the first empty line.
pub fn message_of(bytes: &[u8]) -> &[u8] {
    let at = memchr::memmem::find(bytes, b"\n\n").map_or(bytes.len(), |at| at + 2);
    bytes.get(at..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_what_follows_the_first_empty_line() {
        assert_eq!(message_of(b"tree x\n\nsubject\n\nbody\n"), b"subject\n\nbody\n");
        assert_eq!(message_of(b"tree x\n"), b"");
    }
}
