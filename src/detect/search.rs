//! Which words of a fixed list a text holds, all of them looked for at once: a bit stands for each byte of each word, and each
//! byte of the text moves the bits on (the shift-and of Baeza-Yates and Gonnet). Made at compile time.

/// Words, dealt to blocks of 64 bits; none lies across two.
pub(super) struct Search<const BLOCKS: usize> {
    /// For each byte of a text, the bits of words' bytes that it may be.
    may_be: [[u64; BLOCKS]; 256],
    /// The words' first and last bytes.
    first: [u64; BLOCKS],
    last: [u64; BLOCKS],
    /// For each last byte, what its word tells.
    tells: [[u32; 64]; BLOCKS],
    longest: usize,
}

/// How words are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// As they are written.
    Exact,
    /// In any case; they are written in small letters.
    Any,
}

impl<const BLOCKS: usize> Search<BLOCKS> {
    /// From words, each with the bits that tell of it. Too many for the blocks do not compile.
    #[allow(clippy::indexing_slicing, reason = "done by the compiler: what is out of bounds does not compile")]
    pub(super) const fn new<const N: usize>(words: [(&'static [u8], u32); N], case: Case) -> Self {
        let mut search = Self {
            may_be: [[0; BLOCKS]; 256],
            first: [0; BLOCKS],
            last: [0; BLOCKS],
            tells: [[0; 64]; BLOCKS],
            longest: 0,
        };
        let (mut block, mut bit, mut at) = (0, 0, 0);
        while at < N {
            let (word, tells) = words[at];
            if bit + word.len() > 64 {
                (block, bit) = (block + 1, 0);
            }
            search.first[block] |= 1 << bit;
            let mut letter = 0;
            while letter < word.len() {
                let byte = word[letter];
                search.may_be[byte as usize][block] |= 1 << bit;
                if matches!(case, Case::Any) {
                    assert!(!byte.is_ascii_uppercase());
                    search.may_be[byte.to_ascii_uppercase() as usize][block] |= 1 << bit;
                }
                (letter, bit) = (letter + 1, bit + 1);
            }
            search.last[block] |= 1 << (bit - 1);
            search.tells[block][bit - 1] = tells;
            if word.len() > search.longest {
                search.longest = word.len();
            }
            at += 1;
        }
        search
    }

    /// The bits of all words that `text` holds.
    pub(super) fn held(&self, text: &[u8]) -> u32 {
        // Each byte waits for the one before it: two halves of a longer text do not wait for each other.
        let shared = self.longest.saturating_sub(1);
        let ended = if text.len() >= 4 * self.longest {
            let second = (text.len() - shared) / 2;
            let halves = (text.get(..text.len() - second), text.get(second..));
            self.ended([halves.0.unwrap_or_default(), halves.1.unwrap_or_default()])
        } else {
            self.ended([text, &[]])
        };
        let mut held = 0;
        for ((mut ended, last), tells) in ended.into_iter().zip(self.last).zip(&self.tells) {
            ended &= last;
            while ended != 0 {
                held |= tells.get(ended.trailing_zeros() as usize).copied().unwrap_or_default();
                ended &= ended - 1;
            }
        }
        held
    }

    /// All bits that were ever reached in one of two texts; the second is as long as the first, or empty.
    #[inline]
    fn ended(&self, [one, two]: [&[u8]; 2]) -> [u64; BLOCKS] {
        let mut ended = [0; BLOCKS];
        let mut step = |at: &mut [u64; BLOCKS], byte: u8| {
            let Some(may_be) = self.may_be.get(usize::from(byte)) else { return };
            for (((at, may_be), first), ended) in at.iter_mut().zip(may_be).zip(&self.first).zip(&mut ended) {
                *at = (*at << 1 | first) & may_be;
                *ended |= *at;
            }
        };
        let (mut here, mut there) = ([0; BLOCKS], [0; BLOCKS]);
        if two.is_empty() {
            one.iter().for_each(|byte| step(&mut here, *byte));
        } else {
            for (one, two) in one.iter().zip(two) {
                step(&mut here, *one);
                step(&mut there, *two);
            }
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIST: [(&[u8], u32); 12] = [
        (b"://", 1),
        (b"a", 2),
        (b"aab", 4),
        (b"ab", 8),
        (b"abab", 16),
        (b"ba/b", 32),
        (b"b:", 64),
        (b"ababababababababababababababababab", 128),
        (b"bbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 256),
        (b"ba:ba", 512),
        (b"\xe9b", 1024),
        (b"b b", 8),
    ];
    static EXACT: Search<2> = Search::new(LIST, Case::Exact);
    static ANY: Search<2> = Search::new(LIST, Case::Any);

    fn told(text: &[u8]) -> u32 {
        let held = |word: &[u8]| text.windows(word.len()).any(|window| window == word);
        LIST.into_iter().filter(|(word, _)| held(word)).fold(0, |all, (_, bits)| all | bits)
    }

    #[test]
    fn the_list_fills_both_blocks_and_every_word_is_found_at_both_ends() {
        assert!(EXACT.last[1] != 0);
        for (word, bits) in LIST {
            for text in [word.to_vec(), [word, &[b'-'; 150]].concat(), [&[b'-'; 150], word].concat()] {
                assert_eq!(EXACT.held(&text) & bits, bits, "{}", text.escape_ascii());
            }
        }
        assert_eq!((EXACT.held(b""), ANY.held(b"")), (0, 0));
    }

    proptest! {
        #[test]
        fn a_search_tells_what_looking_for_each_word_tells(text in "[abAB:/ ]{0,300}") {
            prop_assert_eq!(EXACT.held(text.as_bytes()), told(text.as_bytes()));
            prop_assert_eq!(ANY.held(text.as_bytes()), told(&text.to_ascii_lowercase().into_bytes()));
        }
    }
}
