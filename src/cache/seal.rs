//! Sealing: BLAKE3 as a keyed stream and as a keyed signature. The key is the user's, made at random when first needed.

use std::io::Write;
use std::path::PathBuf;

/// Bytes of a key, and of a signature.
const KEY: usize = 32;
/// Bytes that make each file's stream its own.
const NONCE: usize = 24;

/// The user's key.
pub(super) struct Key([u8; KEY]);

impl From<[u8; KEY]> for Key {
    fn from(bytes: [u8; KEY]) -> Self {
        Self(bytes)
    }
}

impl Key {
    /// Reads the key from the user's state directory; makes it when there is none. None where that cannot be done.
    pub(super) fn of_user() -> Option<Self> {
        let file = place()?;
        if let Some(key) = read(&file) {
            return Some(key);
        }
        let dir = file.parent()?;
        std::fs::create_dir_all(dir).ok()?;
        let mut bytes = [0; KEY];
        getrandom::fill(&mut bytes).ok()?;
        // Readable by the user alone, which is what temporary files are. Of two processes that make one, the first wins.
        let mut made = tempfile::Builder::new().prefix(".key-").tempfile_in(dir).ok()?;
        made.write_all(&bytes).ok()?;
        let _ = made.persist_noclobber(&file);
        read(&file)
    }

    /// The file's bytes: a nonce, the sealed text, the signature over both and `context`.
    pub(super) fn seal(&self, mut text: Vec<u8>, context: &[u8; 32]) -> Result<Vec<u8>, getrandom::Error> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce)?;
        self.stream(&nonce, &mut text);
        let mut out = Vec::with_capacity(NONCE + text.len() + KEY);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&text);
        out.extend_from_slice(self.signature(&out, context).as_bytes());
        Ok(out)
    }

    /// The text, if it was sealed with this key in this context and nothing was changed since.
    pub(super) fn open(&self, sealed: &[u8], context: &[u8; 32]) -> Option<Vec<u8>> {
        let (signed, signature) = sealed.split_last_chunk::<KEY>()?;
        // Compared in constant time by blake3's own type.
        if self.signature(signed, context) != *signature {
            return None;
        }
        let (nonce, text) = signed.split_first_chunk::<NONCE>()?;
        let mut text = text.to_vec();
        self.stream(nonce, &mut text);
        Some(text)
    }

    fn derived(&self, purpose: &str) -> [u8; KEY] {
        blake3::derive_key(purpose, &self.0)
    }

    fn stream(&self, nonce: &[u8; NONCE], text: &mut [u8]) {
        let key = self.derived("keyward 2026 history cache: stream");
        let mut stream = blake3::Hasher::new_keyed(&key).update(nonce).finalize_xof();
        let mut block = [0; 4096];
        for part in text.chunks_mut(block.len()) {
            stream.fill(&mut block);
            part.iter_mut().zip(block).for_each(|(byte, key)| *byte ^= key);
        }
    }

    fn signature(&self, signed: &[u8], context: &[u8; 32]) -> blake3::Hash {
        let key = self.derived("keyward 2026 history cache: signature");
        blake3::Hasher::new_keyed(&key).update(context).update(signed).finalize()
    }
}

fn place() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local").join("state")))?;
    Some(state.join("keyward").join("cache.key"))
}

fn read(file: &std::path::Path) -> Option<Key> {
    if !std::fs::metadata(file).ok()?.is_file() {
        return None;
    }
    Some(Key(std::fs::read(file).ok()?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_is_opened_and_shows_nothing() {
        let key = Key::from([7; KEY]);
        let text = b"the same words, the same words, the same words".repeat(300);
        let sealed = key.seal(text.clone(), &[1; 32]).unwrap();
        assert_eq!(key.open(&sealed, &[1; 32]), Some(text.clone()));
        assert!(memchr::memmem::find(&sealed, b"words").is_none());
        assert_ne!(sealed, key.seal(text, &[1; 32]).unwrap(), "a nonce of its own");
        assert_eq!(key.open(&sealed, &[2; 32]), None);
        assert_eq!(Key::from([8; KEY]).open(&sealed, &[1; 32]), None);
        assert_eq!(key.open(&[], &[1; 32]), None);
    }
}
