//! Deals windows into the sieve's buckets, so that few places of ordinary text pass. Runs when the pack is made; at run
//! time only the anchors of one's own rules are put into buckets that are there.

use super::plan::{FOLDED, Sets};
use super::shares::{Shares, members};

/// Buckets that windows and pairs are dealt into. A third more than 64 lets half as much through and costs a third more
/// for each 64 bytes: measured best with AVX-512.
pub(super) const BUCKETS: usize = 96;
/// Passes over all windows in search of a better bucket.
const PASSES: usize = 4;
/// Buckets that are tried on counted places; which, the shares of single bytes say. All of them would fit the sample, not
/// the texts it was drawn from.
const TRIED: usize = 12;
/// Bytes of a place in a sample: four folded bytes of six bits, the first one lowest.
const PLACE: usize = 3;
/// Places that a word answers for.
const WORD: usize = u64::BITS as usize;

/// A bucket while it is filled.
#[derive(Clone)]
pub(super) struct Bucket {
    pub(super) sets: Sets,
    /// How many windows want each byte at each place.
    counts: [[u16; FOLDED]; 4],
    /// The share of places it lets through.
    share: f64,
}

impl Bucket {
    pub(super) fn with(sets: &Sets, shares: &Shares) -> Self {
        let mut bucket = Self { sets: [0; 4], counts: [[0; FOLDED]; 4], share: 0.0 };
        bucket.admit(sets, shares);
        bucket
    }

    pub(super) fn growth(&self, unit: &Sets, shares: &Shares) -> f64 {
        let [a, b, c, d] = self.sets;
        let [e, f, g, h] = *unit;
        let both = [a | e, b | f, c | g, d | h];
        if both == self.sets { 0.0 } else { shares.roughly(&both) - self.share }
    }

    pub(super) fn admit(&mut self, unit: &Sets, shares: &Shares) {
        self.change(unit, shares, |count| count.saturating_add(1));
    }

    fn dismiss(&mut self, unit: &Sets, shares: &Shares) {
        self.change(unit, shares, |count| count.saturating_sub(1));
    }

    fn change(&mut self, unit: &Sets, shares: &Shares, by: impl Fn(u16) -> u16) {
        for ((set, counts), wanted) in self.sets.iter_mut().zip(&mut self.counts).zip(unit) {
            for (byte, count) in counts.iter_mut().enumerate().filter(|(byte, _)| wanted >> byte & 1 == 1) {
                *count = by(*count);
                *set = if *count == 0 { *set & !(1 << byte) } else { *set | 1 << byte };
            }
        }
        self.share = shares.roughly(&self.sets);
    }
}

/// Places drawn from ordinary text, by what stands there.
pub struct Places {
    /// For each folded byte: at which places it is the first, second, third and fourth; one bit for each place.
    by: Vec<Vec<[u64; 4]>>,
    /// Words of each list.
    words: usize,
}

impl Places {
    /// From what `cargo xtask pairs` drew: 24 bits for each place, little endian. A multiple of 64 places counts.
    pub fn read(bytes: &[u8]) -> Self {
        let (places, _) = bytes.as_chunks::<PLACE>();
        let words = places.len() / WORD;
        let mut by = vec![vec![[0; 4]; words]; FOLDED];
        for (number, [a, b, c]) in places.iter().enumerate() {
            let place = u32::from_le_bytes([*a, *b, *c, 0]);
            for (at, shift) in [0, 6, 12, 18].into_iter().enumerate() {
                let word = by.get_mut((place >> shift & 63) as usize).and_then(|list| list.get_mut(number / WORD));
                if let Some(slot) = word.and_then(|word| word.get_mut(at)) {
                    *slot |= 1 << (number % WORD);
                }
            }
        }
        Self { by, words }
    }

    /// No places: buckets are dealt by shares alone.
    pub(super) fn none() -> Self {
        Self::read(&[])
    }

    /// Where each of the sets holds what stands there.
    fn of(&self, sets: &Sets) -> Vec<[u64; 4]> {
        let mut all = vec![[0; 4]; self.words];
        let any = sets.iter().fold(0, |any, set| any | set);
        for (byte, list) in self.by.iter().enumerate().filter(|(byte, _)| any >> byte & 1 == 1) {
            let masks = sets.map(|set| (set >> byte & 1).wrapping_neg());
            for (sum, here) in all.iter_mut().zip(list) {
                for ((slot, bits), mask) in sum.iter_mut().zip(here).zip(masks) {
                    *slot |= bits & mask;
                }
            }
        }
        all
    }
}

/// How many places each of the buckets lets through, and which.
struct Passed<'p> {
    places: &'p Places,
    /// For each bucket, what it holds, and as [`Places::of`] says.
    sets: Vec<Sets>,
    spread: Vec<Vec<[u64; 4]>>,
    /// For each bucket, what it lets through.
    held: Vec<Vec<u64>>,
    /// For each place, how many buckets let it through.
    times: Vec<u8>,
    /// Places that no bucket lets through.
    free: Vec<u64>,
}

fn every([a, b, c, d]: [u64; 4]) -> u64 {
    a & b & c & d
}

impl<'p> Passed<'p> {
    fn new(places: &'p Places, buckets: &[Bucket]) -> Self {
        let nothing = || vec![0; places.words];
        let mut passed = Self {
            places,
            sets: vec![[0; 4]; buckets.len()],
            spread: vec![vec![[0; 4]; places.words]; buckets.len()],
            held: buckets.iter().map(|_| nothing()).collect(),
            times: vec![0; places.words * WORD],
            free: vec![u64::MAX; places.words],
        };
        buckets.iter().enumerate().for_each(|(number, bucket)| passed.renew(number, &bucket.sets));
        passed
    }

    /// Counts a bucket anew.
    fn renew(&mut self, number: usize, sets: &Sets) {
        let (Some(known), Some(spread), Some(held)) =
            (self.sets.get_mut(number), self.spread.get_mut(number), self.held.get_mut(number))
        else {
            return;
        };
        if known == sets {
            return;
        }
        let more: Sets = std::array::from_fn(|place| {
            let (now, before) = (sets.get(place), known.get(place));
            now.zip(before).map_or(0, |(now, before)| now & !before)
        });
        let grown = known.iter().zip(sets).all(|(before, now)| before & !now == 0);
        let added = self.places.of(if grown { &more } else { sets });
        if !grown {
            spread.fill([0; 4]);
        }
        for (slots, bits) in spread.iter_mut().zip(added) {
            slots.iter_mut().zip(bits).for_each(|(slot, bits)| *slot |= bits);
        }
        *known = *sets;
        for (word, (all, held)) in spread.iter().zip(held).enumerate() {
            let now = every(*all);
            for bit in members(*held ^ now) {
                let (Some(times), Some(free)) = (self.times.get_mut(word * WORD + bit), self.free.get_mut(word)) else {
                    continue;
                };
                // No bucket is counted twice, and there are less of them than a byte can count.
                *times = if now >> bit & 1 == 1 { *times + 1 } else { times.saturating_sub(1) };
                *free = if *times == 0 { *free | 1 << bit } else { *free & !(1 << bit) };
            }
            *held = now;
        }
    }

    /// How many more places pass when a bucket holds a window, too: of those that no other lets through, and of its own.
    fn growth(&self, number: usize, window: &[[u64; 4]]) -> (u32, u32) {
        let (Some(spread), Some(held)) = (self.spread.get(number), self.held.get(number)) else {
            return (u32::MAX, u32::MAX);
        };
        let (mut alone, mut own) = (0, 0);
        for (((have, more), held), free) in spread.iter().zip(window).zip(held).zip(&self.free) {
            let [a, b, c, d] = *have;
            let [e, f, g, h] = *more;
            let now = every([a | e, b | f, c | g, d | h]) & !held;
            alone += (now & free).count_ones();
            own += now.count_ones();
        }
        (alone, own)
    }
}

/// Deals windows into buckets so that what all buckets together let through is little: first neighbours together, then
/// each window to wherever it costs least.
pub(super) fn deal(mut units: Vec<Sets>, shares: &Shares, places: &Places) -> Vec<Sets> {
    units.sort_unstable();
    units.dedup();
    let mut buckets = vec![Bucket { sets: [0; 4], counts: [[0; FOLDED]; 4], share: 0.0 }; BUCKETS];
    let fill = units.len().div_ceil(BUCKETS).max(1);
    let mut homes: Vec<usize> = (0..units.len()).map(|index| index / fill).collect();
    for (unit, home) in units.iter().zip(&homes) {
        if let Some(bucket) = buckets.get_mut(*home) {
            bucket.admit(unit, shares);
        }
    }
    let mut passed = Passed::new(places, &buckets);
    for _ in 0..PASSES {
        for (unit, home) in units.iter().zip(&mut homes) {
            if let Some(bucket) = buckets.get_mut(*home) {
                bucket.dismiss(unit, shares);
                passed.renew(*home, &bucket.sets);
            }
            let growths = buckets.iter().map(|bucket| bucket.growth(unit, shares)).enumerate();
            let mut order: Vec<(usize, f64)> = growths.collect();
            order.sort_by(|(_, a), (_, b)| a.total_cmp(b));
            let window = places.of(unit);
            // Of equal ones the first is taken: the one with the least share.
            let best = order.iter().take(TRIED).min_by_key(|(number, _)| passed.growth(*number, &window));
            *home = best.map_or(0, |(number, _)| *number);
            if let Some(bucket) = buckets.get_mut(*home) {
                bucket.admit(unit, shares);
                passed.renew(*home, &bucket.sets);
            }
        }
    }
    buckets.into_iter().map(|bucket| bucket.sets).collect()
}

#[cfg(test)]
mod tests {
    use super::super::plan::folded;
    use super::*;
    use crate::rule::pattern::Seed;

    fn sets(bytes: &[u8]) -> Sets {
        std::array::from_fn(|place| 1 << folded(bytes[place]))
    }

    /// What `cargo xtask pairs` would draw from every place of a text.
    fn drawn(text: &[u8]) -> Vec<u8> {
        let place = |bytes: &[u8]| bytes.iter().rev().fold(0, |place, byte| place << 6 | folded(*byte));
        text.windows(4).flat_map(|bytes| place(bytes).to_le_bytes().into_iter().take(PLACE)).collect()
    }

    #[test]
    fn every_window_has_a_bucket_and_less_passes_of_what_was_counted() {
        let mut seed = Seed::new(8);
        let words: [&[u8]; 8] = [b"token ", b"value ", b"of the ", b"return ", b"secret_", b"import ", b"self.", b"  "];
        let text: Vec<u8> = (0..900).flat_map(|_| words[seed.below(8) as usize]).copied().collect();
        let letters = b"abcdefghijklmnopqrstuvwxyz_.-0123456789 ";
        let units: Vec<Sets> = (0..1500)
            .map(|_| {
                let bytes: Vec<u8> = (0..4).map(|_| letters[seed.below(letters.len() as u64) as usize]).collect();
                sets(&bytes)
            })
            .collect();
        let shares = Shares::new();
        let places = Places::read(&drawn(&text));
        let passes = |buckets: &[Sets]| {
            let here = |bytes: &[u8]| {
                let own = sets(bytes);
                buckets.iter().any(|bucket| bucket.iter().zip(own).all(|(set, byte)| set & byte != 0))
            };
            text.windows(4).filter(|bytes| here(bytes)).count()
        };
        let (by_shares, by_places) =
            (deal(units.clone(), &shares, &Places::none()), deal(units.clone(), &shares, &places));
        for buckets in [&by_shares, &by_places] {
            for unit in &units {
                let holds = |bucket: &Sets| bucket.iter().zip(unit).all(|(set, byte)| set & byte == *byte);
                assert!(buckets.iter().any(holds));
            }
        }
        let (by_shares, by_places) = (passes(&by_shares), passes(&by_places));
        assert!(by_places * 10 < by_shares * 9, "{by_places} of {} places, {by_shares} without counting", text.len());
    }
}
