//! Which words of a fixed list a text holds, in one walk. Made at compile time: nothing is built at start-up.

/// Words by their first byte, each with the bits that tell of it.
pub(super) struct Lexicon<const N: usize> {
    words: [(&'static [u8], u32); N],
    /// For each first byte, where its words begin and end.
    first: [(u8, u8); 256],
    /// For each first byte, a bit for the low five bits of each second byte: they are the same in any case.
    second: [u32; 256],
}

impl<const N: usize> Lexicon<N> {
    /// From words in order of their first bytes; in small letters, if they are to be found in any case.
    #[allow(clippy::indexing_slicing, reason = "done by the compiler: what is out of bounds does not compile")]
    pub(super) const fn new(words: [(&'static [u8], u32); N]) -> Self {
        assert!(N < 256);
        let mut first = [(0, 0); 256];
        let mut second = [0; 256];
        let mut at = 0;
        while at < N {
            let byte = words[at].0[0];
            second[byte as usize] |= if words[at].0.len() > 1 { 1 << (words[at].0[1] & 31) } else { u32::MAX };
            assert!(at == 0 || words[at - 1].0[0] <= byte, "in order of their first bytes");
            if at == 0 || words[at - 1].0[0] != byte {
                first[byte as usize].0 = at as u8;
            }
            first[byte as usize].1 = at as u8 + 1;
            at += 1;
        }
        Self { words, first, second }
    }

    /// From words that need no bits of their own.
    #[allow(clippy::indexing_slicing, reason = "as above")]
    pub(super) const fn plain(words: [&'static [u8]; N]) -> Self {
        let mut with: [(&'static [u8], u32); N] = [(b"", 1); N];
        let mut at = 0;
        while at < N {
            with[at].0 = words[at];
            at += 1;
        }
        Self::new(with)
    }

    /// All of them.
    pub(super) fn words(&self) -> impl Iterator<Item = &'static [u8]> {
        self.words.iter().map(|(word, _)| *word)
    }

    fn of(&self, byte: u8) -> &[(&'static [u8], u32)] {
        let (from, to) = self.first.get(usize::from(byte)).copied().unwrap_or_default();
        self.words.get(usize::from(from)..usize::from(to)).unwrap_or_default()
    }

    /// The bits of all words that `text` holds as they are written.
    pub(super) fn held(&self, text: &[u8]) -> u32 {
        self.walk(text, |byte| byte, <[u8]>::starts_with)
    }

    /// The bits of all words that `text` holds in any case.
    pub(super) fn held_folded(&self, text: &[u8]) -> u32 {
        self.walk(text, |byte| byte.to_ascii_lowercase(), starts_folded)
    }

    #[inline(always)]
    fn walk(&self, text: &[u8], fold: impl Fn(u8) -> u8, starts: impl Fn(&[u8], &[u8]) -> bool) -> u32 {
        let mut held = 0;
        for (at, byte) in text.iter().enumerate() {
            let (byte, next) = (fold(*byte), text.get(at + 1).copied().unwrap_or_default());
            // Mostly no word goes on so.
            if self.second.get(usize::from(byte)).is_none_or(|second| second >> (next & 31) & 1 == 0) {
                continue;
            }
            for (word, bits) in self.of(byte) {
                if held & bits != *bits && text.get(at..).is_some_and(|rest| starts(rest, word)) {
                    held |= bits;
                }
            }
        }
        held
    }

    /// True when `text` begins with one of the words as they are written.
    pub(super) fn begins(&self, text: &[u8]) -> bool {
        let first = text.first().copied().unwrap_or_default();
        self.of(first).iter().any(|(word, _)| text.starts_with(word))
    }

    /// How long the longest word is that `text` begins with, in any case.
    pub(super) fn longest_folded(&self, text: &[u8]) -> Option<usize> {
        let first = text.first()?.to_ascii_lowercase();
        self.of(first).iter().filter(|(word, _)| starts_folded(text, word)).map(|(word, _)| word.len()).max()
    }
}

/// True when `text` begins with `word`, in any case.
fn starts_folded(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    static WORDS: Lexicon<5> = Lexicon::new([(b"://", 1), (b"key", 2), (b"keys", 4), (b"kid", 2), (b"user", 8)]);

    #[test]
    fn a_walk_tells_of_every_word() {
        for (text, exact, folded) in [
            ("", 0, 0),
            ("key", 2, 2),
            ("a://MyKeys", 1, 7),
            ("keys of a kid and a user", 14, 14),
            ("USER", 0, 8),
            ("ke", 0, 0),
            ("xKID\u{e9}", 0, 2),
        ] {
            assert_eq!((WORDS.held(text.as_bytes()), WORDS.held_folded(text.as_bytes())), (exact, folded), "{text}");
        }
    }

    #[test]
    fn beginnings_are_told_and_the_longest_is_taken() {
        assert!(WORDS.begins(b"keyword") && !WORDS.begins(b"Keyword") && !WORDS.begins(b"") && !WORDS.begins(b"a key"));
        assert_eq!(WORDS.longest_folded(b"KEYSTONE"), Some(4));
        assert_eq!(WORDS.longest_folded(b"keyring"), Some(3));
        assert_eq!(WORDS.longest_folded(b"k"), None);
    }
}
