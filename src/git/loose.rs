//! Loose blobs, which is what `git add` writes, in one read and one inflate. Whatever is not as usual is left to
//! libgit2.

use std::cell::RefCell;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use libdeflater::{DecompressionError, Decompressor};

use super::open::Repo;
use crate::model::ObjectId;

/// Larger files are left to libgit2, which need not hold them twice.
const MOST: usize = 16 << 20;
/// "blob ", a size, NUL.
const HEADER: usize = 32;

/// What one handle keeps between reads.
pub(super) struct Loose {
    /// Where `git add` writes.
    dir: PathBuf,
    inflater: Decompressor,
    deflated: Vec<u8>,
    inflated: Vec<u8>,
}

impl Loose {
    fn of(repo: &Repo) -> RefCell<Self> {
        let named = std::env::var_os("GIT_OBJECT_DIRECTORY").filter(|_| repo.is_from_env()).map(PathBuf::from);
        let dir = named.unwrap_or_else(|| repo.common_dir().join("objects"));
        RefCell::new(Self { dir, inflater: Decompressor::new(), deflated: Vec::new(), inflated: Vec::new() })
    }

    fn blob(&mut self, id: &ObjectId, most: usize) -> Option<Vec<u8>> {
        let name = id.to_string();
        let (first, rest) = name.split_at_checked(2)?;
        let file = File::open(self.dir.join(first).join(rest)).ok()?;
        self.deflated.clear();
        // What cannot be deflated grows a little.
        let most_deflated = most + most / 256 + 1024;
        file.take(most_deflated as u64 + 1).read_to_end(&mut self.deflated).ok()?;
        if self.deflated.len() > most_deflated {
            return None;
        }
        let mut room = self.deflated.len().saturating_mul(4).max(4096);
        let size = loop {
            let limit = room.min(most + HEADER);
            if self.inflated.len() < limit {
                self.inflated.resize(limit, 0);
            }
            match self.inflater.zlib_decompress(&self.deflated, &mut self.inflated) {
                Ok(size) => break size,
                Err(DecompressionError::InsufficientSpace) if limit < most + HEADER => room = room.saturating_mul(4),
                Err(_) => return None,
            }
        };
        let object = self.inflated.get(..size)?;
        let nul = memchr::memchr(0, object.get(..size.min(HEADER))?)?;
        let told = std::str::from_utf8(object.get(..nul)?.strip_prefix(b"blob ")?).ok()?;
        let content = object.get(nul + 1..)?;
        (told.parse() == Ok(content.len()) && content.len() <= most).then(|| content.to_vec())
    }
}

impl Repo {
    /// The blob, where it is loose in the repository's own store, sound, and at most `most` bytes long. Otherwise
    /// `None`, and libgit2 knows why.
    pub(super) fn loose_blob(&self, id: &ObjectId, most: u64) -> Option<Vec<u8>> {
        let most = usize::try_from(most).unwrap_or(MOST).min(MOST);
        self.loose.get_or_init(|| Loose::of(self)).try_borrow_mut().ok()?.blob(id, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loose_blob_is_read_as_it_was_written_or_left_to_libgit2() {
        let dir = tempfile::tempdir().unwrap();
        let git = git2::Repository::init(dir.path()).unwrap();
        let repo = Repo::discover(dir.path()).unwrap().unwrap();
        let noise = |size: usize| (0..size as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let contents: [Vec<u8>; 6] =
            [vec![], b"x".to_vec(), vec![0; 70_000], noise(5), noise(70_000), vec![b'a'; 3 << 20]];
        for content in &contents {
            let id = super::super::open::object_id(git.blob(content).unwrap());
            assert_eq!(repo.loose_blob(&id, u64::MAX).as_ref(), Some(content), "{} bytes", content.len());
            assert_eq!(repo.loose_blob(&id, content.len() as u64).as_ref(), Some(content));
            if let Some(less) = content.len().checked_sub(1) {
                assert_eq!(repo.loose_blob(&id, less as u64), None);
            }
            let name = id.to_string();
            let (first, rest) = name.split_at(2);
            let path = dir.path().join(".git/objects").join(first).join(rest);
            let whole = std::fs::read(&path).unwrap();
            let step = (whole.len() / 50).max(1);
            std::fs::remove_file(&path).unwrap();
            for cut in (0..whole.len()).step_by(step) {
                std::fs::write(&path, &whole[..cut]).unwrap();
                assert_eq!(repo.loose_blob(&id, u64::MAX), None, "cut at {cut}");
                let mut flipped = whole.clone();
                flipped[cut] ^= 1 << (cut % 8);
                std::fs::write(&path, &flipped).unwrap();
                let got = repo.loose_blob(&id, u64::MAX);
                assert!(got.is_none() || got.as_ref() == Some(content), "byte {cut} flipped");
            }
        }
        let tree = super::super::open::object_id(git.treebuilder(None).unwrap().write().unwrap());
        assert_eq!(repo.loose_blob(&tree, u64::MAX), None, "no blob");
        assert_eq!(repo.loose_blob(&ObjectId::ZERO, u64::MAX), None, "not there");
    }
}
