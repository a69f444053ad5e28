//! Which words of a fixed list a text begins with. Made at compile time: nothing is built at start-up.

/// Words by their first byte.
pub(super) struct Lexicon<const N: usize> {
    words: [&'static [u8]; N],
    /// For each first byte, where its words begin and end.
    first: [(u8, u8); 256],
    /// For each first byte, a bit for the low five bits of each second byte: they are the same in any case.
    second: [u32; 256],
}

impl<const N: usize> Lexicon<N> {
    /// From words in order of their first bytes; in small letters, if they are to be found in any case.
    #[allow(clippy::indexing_slicing, reason = "done by the compiler: what is out of bounds does not compile")]
    pub(super) const fn new(words: [&'static [u8]; N]) -> Self {
        assert!(N < 256);
        let mut first = [(0, 0); 256];
        let mut second = [0; 256];
        let mut at = 0;
        while at < N {
            let byte = words[at][0];
            second[byte as usize] |= if words[at].len() > 1 { 1 << (words[at][1] & 31) } else { u32::MAX };
            assert!(at == 0 || words[at - 1][0] <= byte, "in order of their first bytes");
            if at == 0 || words[at - 1][0] != byte {
                first[byte as usize].0 = at as u8;
            }
            first[byte as usize].1 = at as u8 + 1;
            at += 1;
        }
        Self { words, first, second }
    }

    /// All of them.
    pub(super) fn words(&self) -> impl Iterator<Item = &'static [u8]> {
        self.words.iter().copied()
    }

    fn of(&self, byte: u8) -> &[&'static [u8]] {
        let (from, to) = self.first.get(usize::from(byte)).copied().unwrap_or_default();
        self.words.get(usize::from(from)..usize::from(to)).unwrap_or_default()
    }

    /// True when `text` begins with one of the words as they are written.
    pub(super) fn begins(&self, text: &[u8]) -> bool {
        let first = text.first().copied().unwrap_or_default();
        self.of(first).iter().any(|word| text.starts_with(word))
    }

    /// How long the longest word is that `text` begins with, in any case.
    pub(super) fn longest_folded(&self, text: &[u8]) -> Option<usize> {
        let first = text.first()?.to_ascii_lowercase();
        let next = text.get(1).copied().unwrap_or_default();
        // Mostly no word goes on so.
        if self.second.get(usize::from(first)).is_none_or(|second| second >> (next & 31) & 1 == 0) {
            return None;
        }
        self.of(first).iter().filter(|word| starts_folded(text, word)).map(|word| word.len()).max()
    }
}

/// True when `text` begins with `word`, in any case.
fn starts_folded(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    static WORDS: Lexicon<6> = Lexicon::new([b"://", b"key", b"keys", b"kid", b"s", b"user"]);

    #[test]
    fn beginnings_are_told_and_the_longest_is_taken() {
        assert!(WORDS.begins(b"keyword") && !WORDS.begins(b"Keyword") && !WORDS.begins(b"") && !WORDS.begins(b"a key"));
        assert_eq!(WORDS.longest_folded(b"KEYSTONE"), Some(4));
        assert_eq!(WORDS.longest_folded(b"keyring"), Some(3));
        assert_eq!(WORDS.longest_folded(b"USERS"), Some(4));
        assert_eq!((WORDS.longest_folded(b"s"), WORDS.longest_folded(b"S\xe9")), (Some(1), Some(1)));
        for none in [&b""[..], b"k", b"ke", b"\xeb\xe5", b"u"] {
            assert_eq!(WORDS.longest_folded(none), None, "{}", none.escape_ascii());
        }
    }
}
