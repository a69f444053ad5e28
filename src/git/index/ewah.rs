//! EWAH-compressed bitmaps (gitformat-bitmap(5), appendix A), as the split index stores them.

use super::file::number;

/// A bitmap, checked for length but not yet read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bitmap<'b> {
    /// Big-endian words of eight bytes.
    words: &'b [u8],
}

impl<'b> Bitmap<'b> {
    /// The bitmap that `bytes` begin with, and what follows it: its size in bits, the number of words, the words, and
    /// where the last running length word lies.
    pub(super) fn split(bytes: &'b [u8]) -> Option<(Self, &'b [u8])> {
        let count = number(bytes, 4)? as usize;
        let (words, rest) = bytes.get(8..)?.split_at_checked(count.checked_mul(8)?)?;
        Some((Self { words }, rest.get(4..)?))
    }

    /// The positions of all set bits, rising. Ends with `None` where a run says that more words follow than do, or
    /// where a bit is not below `most`.
    pub(super) fn ones(self, most: usize) -> impl Iterator<Item = Option<usize>> + 'b {
        let mut bits = Bits { words: self.words, at: 0, run: 0..0, word: 0, literals: 0, most, done: false };
        std::iter::from_fn(move || bits.next())
    }
}

struct Bits<'b> {
    words: &'b [u8],
    /// The position after all that `word` stands for.
    at: usize,
    /// Set bits in a row.
    run: std::ops::Range<usize>,
    /// What is left of a literal word.
    word: u64,
    /// How many literal words follow.
    literals: u32,
    most: usize,
    done: bool,
}

impl Bits<'_> {
    fn next(&mut self) -> Option<Option<usize>> {
        if self.done {
            return None;
        }
        let next = self.find();
        let next = next.map(|at| at.filter(|at| *at < self.most));
        self.done = !matches!(next, Some(Some(_)));
        next
    }

    fn find(&mut self) -> Option<Option<usize>> {
        loop {
            if let Some(at) = self.run.next() {
                return Some(Some(at));
            }
            if self.word != 0 {
                let bit = self.word.trailing_zeros() as usize;
                self.word &= self.word - 1;
                return Some(Some(self.at - 64 + bit));
            }
            if self.literals > 0 {
                let Some(word) = self.take() else { return Some(None) };
                self.literals -= 1;
                self.word = word;
                self.at = self.at.saturating_add(64);
                continue;
            }
            // Bit 0: what the run repeats. Then 32 bits: how many words of it. Then 31: how many literal words follow.
            let header = self.take()?;
            let words = usize::try_from(header >> 1 & u64::from(u32::MAX)).unwrap_or(usize::MAX);
            let end = self.at.saturating_add(words.saturating_mul(64));
            if header & 1 == 1 {
                self.run = self.at..end;
            }
            self.at = end;
            self.literals = u32::try_from(header >> 33).unwrap_or(u32::MAX);
        }
    }

    fn take(&mut self) -> Option<u64> {
        let (word, rest) = self.words.split_first_chunk()?;
        self.words = rest;
        Some(u64::from_be_bytes(*word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bitmap(words: &[u64]) -> Vec<u8> {
        let mut bytes = [0u32, words.len() as u32].map(u32::to_be_bytes).concat();
        bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        bytes.extend([0; 4]);
        bytes
    }

    fn ones(words: &[u64], most: usize) -> Vec<Option<usize>> {
        let bytes = bitmap(words);
        let (bitmap, rest) = Bitmap::split(&bytes).unwrap();
        assert!(rest.is_empty());
        bitmap.ones(most).collect()
    }

    #[test]
    fn runs_and_literals_give_their_positions() {
        let header = |bit: u64, run: u64, literals: u64| bit | run << 1 | literals << 33;
        assert_eq!(ones(&[], 9), []);
        assert_eq!(ones(&[header(0, 0, 1), 0b101], 9), [Some(0), Some(2)]);
        assert_eq!(ones(&[header(0, 2, 1), 1 << 63], 999), [Some(191)]);
        let run: Vec<_> = (0..64).map(Some).chain([Some(65)]).collect();
        assert_eq!(ones(&[header(1, 1, 1), 0b10], 999), run);
        assert_eq!(ones(&[header(0, 1, 0), header(0, 1, 1), 1], 999), [Some(128)], "a run after a run");
    }

    #[test]
    fn a_hostile_bitmap_ends_at_once() {
        let header = |bit: u64, run: u64, literals: u64| bit | run << 1 | literals << 33;
        let endless = header(1, u64::from(u32::MAX), 0);
        assert_eq!(ones(&[endless], 2), [Some(0), Some(1), None], "a run past the end");
        assert_eq!(ones(&[header(0, 0, 3), 1], 9), [Some(0), None], "literal words that do not follow");
        let all_zero = header(0, u64::from(u32::MAX), 0);
        assert_eq!(ones(&[all_zero; 9], 9), [], "zeros are no bits");
        assert_eq!(ones(&[all_zero, header(0, 0, 1), 1], 9), [None]);
        for cut in 0..bitmap(&[1, 2]).len() {
            assert_eq!(Bitmap::split(&bitmap(&[1, 2])[..cut]), None);
        }
    }
}
