//! Fingerprints: they identify a secret by its content, not its place, in reports that may travel far.
//!
//! - `s1:` is a keyed BLAKE3 hash of the secret alone: the same wherever it lies and whichever rule sees it. The key
//!   is fixed unless `KEYWARD_FINGERPRINT_KEY` is set. With the fixed key, whoever reads a report can test a guess:
//!   harmless for a random token, which nobody guesses, and therefore used for those only.
//! - `l1:` stands for secrets that can be guessed (passwords) when there is no key of one's own: a hash of rule, path
//!   and the *masked* line. Nothing of the secret goes in, so nothing comes out; the price is that it changes with
//!   the file's name and the line's text (or when rules come to see more on it), and two passwords on equal lines of
//!   one file share it.
//! - `c1:` stands for what a policy or manifest check says: a hash of rule, place in the document and words.
//!
//! A key of one's own must be random; one shorter than 16 bytes could be guessed too, so passwords keep `l1:` with it.

use std::fmt::Write;

use crate::model::{Candidate, Origin};

/// Makes fingerprints. Cheap: one short hash each.
#[derive(Clone)]
pub struct Fingerprinter {
    key: [u8; 32],
    /// The key is one's own, and long enough to hide what can be guessed.
    private: bool,
}

/// The environment variable with a key of one's own.
pub const KEY_VARIABLE: &str = "KEYWARD_FINGERPRINT_KEY";
/// Bytes below which a key of one's own is not trusted with secrets that can be guessed.
const LONG_ENOUGH: usize = 16;
/// Digits of a fingerprint: 128 bits.
const DIGITS: usize = 32;

impl Fingerprinter {
    /// With the bytes of `KEYWARD_FINGERPRINT_KEY`, if it is set.
    pub fn new(external: Option<&[u8]>) -> Self {
        let external = external.unwrap_or_default();
        Self {
            key: blake3::derive_key("keyward 2026 finding fingerprint v1", external),
            private: external.len() >= LONG_ENOUGH,
        }
    }

    /// The fingerprint of one finding.
    pub fn of(&self, origin: &Origin, candidate: &Candidate) -> String {
        if candidate.guessable && !self.private {
            let mut hasher = blake3::Hasher::new_derive_key("keyward 2026 masked line fingerprint v1");
            let path = origin.path.as_ref().map(|path| path.as_bytes()).unwrap_or_default();
            let line = candidate.snippet.text(false);
            for part in [candidate.rule.id.as_bytes(), path, line.trim().as_bytes()] {
                hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
            }
            format!("l1:{}", digits(&hasher.finalize()))
        } else {
            let kind = if candidate.claim.is_some() { 'c' } else { 's' };
            format!("{kind}1:{}", digits(&blake3::keyed_hash(&self.key, candidate.identity().reveal())))
        }
    }
}

/// Does not show its key.
impl std::fmt::Debug for Fingerprinter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fingerprinter").field("private", &self.private).finish_non_exhaustive()
    }
}

fn digits(hash: &blake3::Hash) -> String {
    hash.to_hex().chars().take(DIGITS).collect()
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{candidate, made_up, origin};
    use super::*;

    #[test]
    fn a_strong_secret_has_one_fingerprint_wherever_it_lies() {
        let secret = made_up(1);
        let prints = Fingerprinter::new(None);
        let one = prints.of(&origin("a.env"), &candidate("rule-a", &secret, false));
        let other = prints.of(&origin("b/c.yml"), &candidate("rule-b", &secret, false));
        assert_eq!(one, other);
        assert!(one.starts_with("s1:") && one.len() == 35, "{one}");
        let another = prints.of(&origin("a.env"), &candidate("rule-a", &made_up(2), false));
        assert_ne!(one, another);
        let keyed = Fingerprinter::new(Some(b"0123456789abcdef0123456789abcdef"));
        assert_ne!(keyed.of(&origin("a.env"), &candidate("rule-a", &secret, false)), one);
    }

    #[test]
    fn a_guessable_secret_leaves_no_trace_without_a_key() {
        let prints = Fingerprinter::new(None);
        let of = |path: &str, secret: &str| prints.of(&origin(path), &candidate("password", secret, true));
        assert_eq!(of("a", "swordfish"), of("a", "tuna-sandwich"), "the secret itself does not go in");
        assert!(of("a", "swordfish").starts_with("l1:"));
        assert_ne!(of("a", "swordfish"), of("b", "swordfish"));
    }

    #[test]
    fn a_key_of_ones_own_hides_guessable_secrets_when_it_is_long_enough() {
        let with = |key: &[u8]| Fingerprinter::new(Some(key)).of(&origin("a"), &candidate("p", "swordfish", true));
        assert!(with(b"short").starts_with("l1:"));
        let long = with(b"a key of thirty-two random bytes");
        assert!(long.starts_with("s1:"));
        assert_ne!(long, with(b"another of thirty-two random one"));
        assert!(!format!("{:?}", Fingerprinter::new(Some(b"a key of thirty-two random bytes"))).contains("97, 32"));
    }

    #[test]
    fn thousands_take_milliseconds() {
        let prints = Fingerprinter::new(None);
        let found = candidate("r", &made_up(3), false);
        let at = origin("a");
        let begun = std::time::Instant::now();
        for _ in 0..5_000 {
            std::hint::black_box(prints.of(&at, &found));
        }
        assert!(begun.elapsed().as_millis() < 2_000, "{:?}", begun.elapsed());
    }
}
