//! What a history's objects were found to hold, kept beside the repository so that the next sweep looks at what is new.
//! Knows bytes, keys and files; what of it still holds is for those to say who read the objects.
//!
//! The file is sealed and signed with a key that lies in the user's own state directory: a repository that comes with a
//! cache of somebody else's is swept as if it had none, and a copy of the repository gives no secret away by it.

mod seal;
mod seen;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::model::{Found, RuleMeta};
use crate::pack::Saved;
use seal::Key;
use seen::{Numbers, Seen, Words};

/// What one sweep knew.
#[derive(Serialize, Deserialize)]
struct Content {
    /// Commits, trees and ids.
    saved: Saved,
    /// What was seen.
    seen: Vec<Seen>,
    words: Words,
}

/// Where the cache of one repository lies, and what it must have been made with.
pub struct Cache {
    path: PathBuf,
    key: Key,
    made_with: [u8; 32],
}

/// A cache that could not be written; nothing else suffers from it.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}")]
pub struct CacheError {
    path: String,
    why: String,
}

/// Names the file's format; changes with it.
const MAGIC: &[u8; 16] = b"keyward cache 3\n";
/// A larger file is not read: no history needs it.
const MOST: u64 = 4 << 30;

impl Cache {
    /// The cache of the repository whose git directory is `dir`. `made_with` is everything that decides what is seen:
    /// engine, rules, limits. None where the user has no directory for the key.
    pub fn open(dir: &Path, made_with: &[&[u8]]) -> Option<Self> {
        let mut hash = blake3::Hasher::new();
        for part in made_with {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let made_with = *hash.finalize().as_bytes();
        Some(Self { path: dir.join("keyward").join("history.cache"), key: Key::of_user()?, made_with })
    }

    /// What was kept: nothing where there is no file, or one that is torn, foreign or made otherwise.
    pub fn load<'r>(&self, rule: impl Fn(&str) -> Option<&'r Arc<RuleMeta>> + Sync) -> Option<(Saved, Vec<Found>)> {
        let file = std::fs::metadata(&self.path).ok()?;
        if !file.is_file() || file.len() > MOST {
            return None;
        }
        let bytes = std::fs::read(&self.path).ok()?;
        let sealed = bytes.strip_prefix(MAGIC)?;
        let plain = self.key.open(sealed, &self.made_with)?;
        let content: Content = postcard::from_bytes(&plain).ok()?;
        let found: Option<Vec<Found>> =
            content.seen.into_par_iter().map(|seen| seen.found(&content.words, &rule)).collect();
        Some((content.saved, found?))
    }

    /// Keeps what is known now. Written under another name first, so that nobody ever reads half of it.
    pub fn store(&self, saved: Saved, found: &[Found]) -> Result<(), CacheError> {
        let failed =
            |why: &dyn std::fmt::Display| CacheError { path: self.path.display().to_string(), why: why.to_string() };
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let mut numbers = Numbers::default();
        let seen = found.iter().map(|found| Seen::of(found, &mut numbers)).collect();
        let content = Content { saved, seen, words: numbers.words() };
        let plain = postcard::to_allocvec(&content).map_err(|error| failed(&error))?;
        let sealed = self.key.seal(plain, &self.made_with).map_err(|error| failed(&error))?;
        std::fs::create_dir_all(dir).map_err(|error| failed(&error))?;
        let mut file = tempfile::Builder::new().prefix(".history-").tempfile_in(dir).map_err(|error| failed(&error))?;
        file.write_all(MAGIC).and_then(|()| file.write_all(&sealed)).map_err(|error| failed(&error))?;
        file.persist(&self.path).map_err(|error| failed(&error.error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(dir: &Path, key: u8, made_with: &str) -> Cache {
        let path = dir.join("keyward").join("history.cache");
        let made_with = *blake3::hash(made_with.as_bytes()).as_bytes();
        Cache { path, key: Key::from([key; 32]), made_with }
    }

    #[test]
    fn what_is_torn_foreign_or_made_otherwise_is_as_if_it_were_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let own = cache(dir.path(), 1, "rules");
        let load = |cache: &Cache| cache.load(|_| None).is_some();
        assert!(!load(&own), "nothing yet");
        own.store(Saved::default(), &[]).unwrap();
        assert!(load(&own));
        assert!(!load(&cache(dir.path(), 2, "rules")), "somebody else's");
        assert!(!load(&cache(dir.path(), 1, "other rules")));
        let whole = std::fs::read(&own.path).unwrap();
        for at in [0, MAGIC.len(), MAGIC.len() + 20, whole.len() - 1] {
            let mut torn = whole.clone();
            torn[at] ^= 1;
            std::fs::write(&own.path, &torn).unwrap();
            assert!(!load(&own), "byte {at} changed");
            std::fs::write(&own.path, &whole[..at]).unwrap();
            assert!(!load(&own), "cut at {at}");
        }
        std::fs::write(&own.path, &whole).unwrap();
        assert!(load(&own));
    }
}
