//! The secret itself, which hides.

use std::fmt;
use std::sync::Arc;

/// A secret's bytes; cheap to clone. `Debug` and `Display` are masked; only [`Secret::reveal`] shows it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secret {
    bytes: Arc<[u8]>,
    public: usize,
}

/// What stands for the hidden part, whatever its length: the length is a hint too.
const HIDDEN: &str = "********";
/// Characters shown after the public prefix, when enough stay hidden.
const SHOWN: usize = 4;
/// Fewer hidden characters than this and nothing past the prefix is shown.
const MIN_HIDDEN: usize = 16;

impl Secret {
    /// A secret whose first `public` bytes are its format's marker (such as `ghp_`) and known to everybody.
    pub fn new(bytes: &[u8], public: usize) -> Self {
        Self { bytes: bytes.into(), public: public.min(bytes.len()) }
    }

    /// The same of bytes that others hold as well.
    pub fn shared(bytes: Arc<[u8]>, public: usize) -> Self {
        Self { public: public.min(bytes.len()), bytes }
    }

    /// The raw bytes. Every call is a place where a secret may leak: matching, hashing, `--show-secrets`.
    pub fn reveal(&self) -> &[u8] {
        &self.bytes
    }

    /// How many of its first bytes are its format's marker.
    pub fn public(&self) -> usize {
        self.public
    }

    /// The rule's public prefix, at most four more characters, and a mask of fixed width.
    pub fn masked(&self) -> String {
        let (prefix, hidden) = self.bytes.split_at_checked(self.public).unwrap_or_default();
        let shown = if hidden.len() >= SHOWN + MIN_HIDDEN { SHOWN } else { 0 };
        let head: String = prefix
            .iter()
            .chain(hidden.iter().take(shown))
            .take_while(|b| b.is_ascii_graphic() || **b == b' ')
            .map(|b| char::from(*b))
            .collect();
        head + HIDDEN
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_public_prefix_and_four_more_at_most() {
        let long = Secret::new(b"abc_0123456789012345678901234567", 4);
        assert_eq!(long.masked(), "abc_0123********");
        assert_eq!(format!("{long:?}"), "Secret(abc_0123********)");
        assert_eq!(Secret::new(b"hunter2hunter2", 0).masked(), "********", "short ones show nothing");
        assert_eq!(Secret::new(b"ab", 9).masked(), "ab********", "the prefix never exceeds the value");
    }
}
