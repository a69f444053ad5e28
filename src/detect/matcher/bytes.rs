//! A set of bytes.

use regex_syntax::hir::ClassBytes;

/// One bit for each byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bytes([u64; 4]);

impl Bytes {
    pub(super) fn one(byte: u8) -> Self {
        let mut set = Self::default();
        set.insert(byte);
        set
    }

    pub(super) fn of(class: &ClassBytes) -> Self {
        let mut set = Self::default();
        class.ranges().iter().flat_map(|range| range.start()..=range.end()).for_each(|byte| set.insert(byte));
        set
    }

    /// All bytes but those in `without`.
    pub(super) fn all_but(without: impl Fn(u8) -> bool) -> Self {
        let mut set = Self::default();
        (0..=u8::MAX).filter(|byte| !without(*byte)).for_each(|byte| set.insert(byte));
        set
    }

    fn insert(&mut self, byte: u8) {
        if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }

    #[inline]
    pub(super) fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte >> 6)).is_some_and(|word| word >> (byte & 63) & 1 == 1)
    }

    /// How many bytes of the class `text` begins with. A plain loop: on hostile text this is where the time goes.
    pub(super) fn run(&self, text: &[u8]) -> usize {
        let [a, b, c, d] = self.0;
        let (lower, upper) = (u128::from(b) << 64 | u128::from(a), u128::from(d) << 64 | u128::from(c));
        let mut count = 0;
        for byte in text {
            let half = if *byte < 128 { lower } else { upper };
            if half >> (*byte & 127) & 1 == 0 {
                break;
            }
            count += 1;
        }
        count
    }

    pub(super) fn or(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a | e, b | f, c | g, d | h])
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).any(|(here, there)| here & there != 0)
    }

    pub(super) fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}
