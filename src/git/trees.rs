//! A tree's entries, as git stores them.

use super::{GitError, Object, ObjectKind, Store};
use crate::model::ObjectId;

/// One entry of a tree, borrowed from its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'t> {
    /// What it is said to be.
    pub kind: EntryKind,
    /// The mode's octal digits, for what `kind` leaves out.
    pub mode: &'t [u8],
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

/// Reads a tree, for whoever cannot go on without it.
pub(super) fn read_tree<'s>(store: &'s Store<'_>, id: &ObjectId) -> Result<Object<'s>, GitError> {
    let object = store.read(id, MOST).map_err(|error| error.about(id))?;
    match object.kind() {
        ObjectKind::Tree => Ok(object),
        _ => Err(GitError::Other(format!("object {id} is named as a tree, but is none"))),
    }
}

/// A tree's entries. `None` once where the bytes are not a tree's; nothing comes after it.
pub(super) fn entries(mut rest: &[u8]) -> impl Iterator<Item = Option<Entry<'_>>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let entry = first_entry(rest);
        rest = entry.map_or(&[], |(_, after)| after);
        Some(entry.map(|(entry, _)| entry))
    })
}

/// The first entry of a tree's bytes and what follows it. None where the bytes do not begin with one.
pub fn first_entry(bytes: &[u8]) -> Option<(Entry<'_>, &[u8])> {
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
    Some((Entry { kind, mode, name, id }, after))
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
        let mut read = Vec::new();
        let mut rest = bytes.as_slice();
        while let Some((entry, after)) = first_entry(rest) {
            assert_eq!(entry.id, [7; ID]);
            read.push((entry.kind, String::from_utf8(entry.name.to_vec()).unwrap()));
            rest = after;
        }
        assert_eq!(rest, b"");
        let named = |kind, name: &str| (kind, name.to_owned());
        let (blob, tree, submodule) = (EntryKind::Blob, EntryKind::Tree, EntryKind::Submodule);
        assert_eq!(read, [named(blob, "a b"), named(tree, "dir"), named(submodule, "sub"), named(blob, "link")]);
    }

    #[test]
    fn a_malformed_entry_is_none_wherever_it_is_cut() {
        let good = tree(&[("100644", "a")]);
        for cut in 0..good.len() {
            assert_eq!(first_entry(&good[..cut]), None, "cut at {cut}");
        }
        assert_eq!(first_entry(b"no tree at all"), None);
        let twice = [good.as_slice(), b"no tree at all"].concat();
        assert!(matches!(entries(&twice).collect::<Vec<_>>().as_slice(), [Some(_), None]));
    }
}
