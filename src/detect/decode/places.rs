//! Where encoded text may lie, 64 bytes at a time. Answers for too many places, never for too few; whoever asks looks
//! closer, so that what is found is the same on every path. Beside the prefilter's sieve the only file of the detector
//! with `unsafe` in it.

use super::super::prefilter::{Go, Simd};
use super::escapes::DENSE;

/// Every run of so many bytes of base64's alphabets has a place.
pub(super) const LEAST: usize = 24;
/// Bytes answered for by one bit: a run of [`LEAST`] holds two whole groups, wherever it begins.
pub(super) const GROUP: usize = 8;
const _: () = assert!(LEAST >= 3 * GROUP);
/// Bytes of a block.
pub(super) const BLOCK: usize = 64;
/// Blocks looked at at a time.
const BLOCKS: usize = 64;
/// Groups that one word answers for.
const WORD: usize = 64;

/// The bit of base64's bytes, of either alphabet; a whole group of them is [`FULL`].
const RUN: u8 = 1;
const FULL: u64 = 0x0101_0101_0101_0101;
/// The bit of bytes that open escapes, and the one of those that may follow them.
const OPENS: u8 = 2;
const FOLLOWS: u8 = 4;

/// What may lie at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A run of base64's alphabets whose second whole group begins at `group`; where it itself begins, if that is known.
    Run { group: usize, start: Option<usize> },
    /// Many escapes, somewhere in the block from here on.
    Escapes(usize),
}

/// Bits by byte.
static KINDS: [u8; 256] = kinds();

const fn kinds() -> [u8; 256] {
    let mut kinds = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        let run = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
        let opens = matches!(byte, b'%' | b'\\' | b'&');
        let letter = matches!(byte.to_ascii_lowercase(), b'a'..=b'g' | b'l' | b'q' | b'u' | b'x');
        let follows = byte.is_ascii_digit() || byte == b'#' || letter;
        let bits = (if run { RUN } else { 0 }) | (if opens { OPENS } else { 0 }) | (if follows { FOLLOWS } else { 0 });
        #[allow(clippy::indexing_slicing)] // Below 128.
        {
            kinds[byte as usize] = bits;
        }
        byte += 1;
    }
    kinds
}

/// True for a byte of either of base64's alphabets.
#[inline]
pub(super) fn is_run(byte: u8) -> bool {
    KINDS.get(usize::from(byte)).is_some_and(|kind| kind & RUN != 0)
}

/// What one look at some blocks says.
struct Blocks {
    /// One bit for each byte of a run.
    runs: [u64; BLOCKS],
    /// One bit for each group that is a run as a whole.
    groups: [u8; BLOCKS],
    /// One bit for each block with many openings of escapes.
    dense: u64,
}

/// Shows every place in `text`, runs and escapes each in ascending order, and each run once.
pub(super) fn each(simd: Simd, text: &[u8], mut show: impl FnMut(Place) -> Go) -> Go {
    let mut blocks = Blocks { runs: [0; BLOCKS], groups: [0; BLOCKS], dense: 0 };
    let (mut at, mut last, mut seconds) = (0, 0, 0);
    while at < text.len() {
        let rest = text.get(at..).unwrap_or_default();
        let (looked, filled) = look(simd, rest, &mut blocks);
        let groups = blocks.groups.get(..filled).unwrap_or_default();
        for (number, word) in groups.chunks(WORD / 8).enumerate() {
            let mut bytes = [0; 8];
            bytes.iter_mut().zip(word).for_each(|(to, from)| *to = *from);
            let word = u64::from_le_bytes(bytes);
            // Groups whose predecessor is whole, too.
            let second = word & (word << 1 | last);
            let mut first = second & !(second << 1 | seconds);
            (last, seconds) = (word >> (WORD - 1), second >> (WORD - 1));
            while first != 0 {
                let group = number * WORD + first.trailing_zeros() as usize;
                first &= first - 1;
                let start = start_in(&blocks.runs, (group * GROUP).saturating_sub(GROUP));
                if show(Place::Run { group: at + group * GROUP, start: start.map(|start| at + start) }) == Go::Stop {
                    return Go::Stop;
                }
            }
        }
        if let [.., group] = groups
            && !groups.len().is_multiple_of(WORD / 8)
        {
            // The last word is not full.
            (last, seconds) = (u64::from(group >> 7), u64::from(group >> 7 & group >> 6));
        }
        while blocks.dense != 0 {
            let block = blocks.dense.trailing_zeros() as usize;
            blocks.dense &= blocks.dense - 1;
            if show(Place::Escapes(at + block * BLOCK)) == Go::Stop {
                return Go::Stop;
            }
        }
        at += looked;
    }
    Go::On
}

/// Where the run begins that holds `place`, if that is in the same block or the one before.
fn start_in(runs: &[u64; BLOCKS], place: usize) -> Option<usize> {
    let (block, bit) = (place / BLOCK, place % BLOCK);
    let before = !runs.get(block)? & ((1 << bit) - 1);
    if before != 0 {
        return Some((block + 1) * BLOCK - before.leading_zeros() as usize);
    }
    let before = !runs.get(block.checked_sub(1)?)?;
    (before != 0).then(|| block * BLOCK - before.leading_zeros() as usize)
}

/// Looks at the first blocks of `text`; returns how many bytes were looked at and how many blocks that are.
fn look(simd: Simd, text: &[u8], blocks: &mut Blocks) -> (usize, usize) {
    let whole = (text.len() / BLOCK).min(BLOCKS);
    blocks.dense = 0;
    if whole == 0 {
        one(text, 0, blocks);
        return (text.len(), 1);
    }
    let part = text.get(..whole * BLOCK).unwrap_or_default();
    match simd {
        #[cfg(target_arch = "x86_64")]
        Simd::Avx512 => {
            // SAFETY: a detector is given only what the processor can do.
            #[allow(unsafe_code)]
            unsafe {
                x86::avx512(part, blocks);
            }
        }
        #[cfg(target_arch = "x86_64")]
        Simd::Avx2 => {
            // SAFETY: a detector is given only what the processor can do.
            #[allow(unsafe_code)]
            unsafe {
                x86::avx2(part, blocks);
            }
        }
        _ => part.chunks(BLOCK).enumerate().for_each(|(number, block)| one(block, number, blocks)),
    }
    (part.len(), whole)
}

/// How many escapes may open in a block; what follows its last byte is not known.
#[inline]
fn escapes(opens: u64, follows: u64) -> u32 {
    (opens & (follows >> 1 | 1 << 63)).count_ones()
}

/// One block of at most [`BLOCK`] bytes.
fn one(block: &[u8], number: usize, blocks: &mut Blocks) {
    let mut groups = 0;
    for (bit, group) in block.chunks_exact(GROUP).enumerate() {
        // The last byte first: it refuses most, and a loop that is left early costs least.
        groups |= u8::from(group.iter().rev().all(|byte| is_run(*byte))) << bit;
    }
    let mask = |bit: u8| {
        let has = |byte: &u8| KINDS.get(usize::from(*byte)).is_some_and(|kind| kind & bit != 0);
        block.iter().enumerate().fold(0_u64, |mask, (at, byte)| mask | u64::from(has(byte)) << at)
    };
    let many = escapes(mask(OPENS), mask(FOLLOWS)) >= DENSE;
    if let (Some(slot), Some(runs)) = (blocks.groups.get_mut(number), blocks.runs.get_mut(number)) {
        (*slot, *runs) = (groups, mask(RUN));
    }
    blocks.dense |= u64::from(many) << number;
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, __m512i, _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_castsi256_pd,
        _mm256_cmpeq_epi8, _mm256_cmpeq_epi64, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_movemask_pd,
        _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16, _mm512_and_si512,
        _mm512_cmpeq_epi64_mask, _mm512_loadu_si512, _mm512_maskz_permutex2var_epi8, _mm512_movepi8_mask,
        _mm512_set1_epi8, _mm512_set1_epi64, _mm512_test_epi8_mask,
    };

    use super::{BLOCK, Blocks, DENSE, FOLLOWS, FULL, KINDS, OPENS, RUN, escapes};

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,popcnt")]
    pub(super) fn avx512(text: &[u8], blocks: &mut Blocks) {
        #[allow(unsafe_code)]
        // SAFETY: the reference is to 64 bytes, which is all that an unaligned load of 512 bits reads.
        let load = |bytes: &[u8; 64]| -> __m512i { unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) } };
        let (Some(low), Some(high)) =
            (KINDS.first_chunk::<64>(), KINDS.get(64..).and_then(|rest| rest.first_chunk::<64>()))
        else {
            return;
        };
        let (low, high) = (load(low), load(high));
        let run = _mm512_set1_epi8(RUN.cast_signed());
        let full = _mm512_set1_epi64(FULL.cast_signed());
        let opens = _mm512_set1_epi8(OPENS.cast_signed());
        let follows = _mm512_set1_epi8(FOLLOWS.cast_signed());
        let mut dense = 0;
        let slots = blocks.groups.iter_mut().zip(&mut blocks.runs);
        for (number, (block, (groups, runs))) in text.chunks_exact(BLOCK).zip(slots).enumerate() {
            let Some(bytes) = block.first_chunk::<64>() else { return };
            let raw = load(bytes);
            // The tables are for bytes below 128: the others are of no kind.
            let kinds = _mm512_maskz_permutex2var_epi8(!_mm512_movepi8_mask(raw), low, raw, high);
            *groups = _mm512_cmpeq_epi64_mask(_mm512_and_si512(kinds, run), full);
            *runs = _mm512_test_epi8_mask(kinds, run);
            let (opens, follows) = (_mm512_test_epi8_mask(kinds, opens), _mm512_test_epi8_mask(kinds, follows));
            let many = escapes(opens, follows) >= DENSE;
            dense |= u64::from(many) << number;
        }
        blocks.dense = dense;
    }

    /// For the low half of a byte and for the high one: bits for runs and for what opens escapes; and for what follows.
    const LOW: [u8; 16] = halves(false, RUN, OPENS);
    const LOW_FOLLOWS: [u8; 16] = halves(false, FOLLOWS, 0);
    const HIGH: [u8; 16] = halves(true, 0, 0);
    const RUNS: u8 = !OPENERS;
    /// `%`, `&` and `\`: the rows 2 and 5.
    const OPENERS: u8 = 0b1100_0000;

    /// A row of sixteen bytes (those with the same high half) has a bit of its own, or shares it with a row that is made
    /// of the same ones.
    const fn row(high: usize) -> u8 {
        match high {
            2 => 0b0100_0001,
            3 => 0b0000_0010,
            4 | 6 => 0b0000_0100,
            5 => 0b1000_1000,
            7 => 0b0001_0000,
            _ => 0,
        }
    }

    const fn halves(high: bool, runs: u8, opens: u8) -> [u8; 16] {
        let mut table = [0; 16];
        let mut half = 0;
        while half < 16 {
            let mut bits = 0;
            if high {
                bits = row(half);
            } else {
                let mut row_at = 2;
                while row_at < 8 {
                    #[allow(clippy::indexing_slicing)] // Below 128.
                    let kind = KINDS[row_at * 16 + half];
                    if kind & runs != 0 {
                        bits |= row(row_at) & RUNS;
                    }
                    if kind & opens != 0 {
                        bits |= row(row_at) & OPENERS;
                    }
                    row_at += 1;
                }
            }
            #[allow(clippy::indexing_slicing)] // Below 16.
            {
                table[half] = bits;
            }
            half += 1;
        }
        table
    }

    #[target_feature(enable = "avx2,popcnt")]
    pub(super) fn avx2(text: &[u8], blocks: &mut Blocks) {
        #[allow(unsafe_code)]
        // SAFETY: the reference is to 32 bytes, which is all that an unaligned load of 256 bits reads.
        let load = |bytes: &[u8; 32]| -> __m256i { unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) } };
        #[allow(unsafe_code)]
        let table = |bytes: &[u8; 16]| -> __m256i {
            // SAFETY: the reference is to 16 bytes, which is all that an unaligned load of 128 bits reads.
            _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
        };
        let (low, low_follows, high) = (table(&LOW), table(&LOW_FOLLOWS), table(&HIGH));
        let (nibble, zero) = (_mm256_set1_epi8(0xf), _mm256_setzero_si256());
        let runs = _mm256_set1_epi8(RUNS.cast_signed());
        let openers = _mm256_set1_epi8(OPENERS.cast_signed());
        let mut dense = 0;
        let slots = blocks.groups.iter_mut().zip(&mut blocks.runs);
        for (number, (block, (groups, runs_here))) in text.chunks_exact(BLOCK).zip(slots).enumerate() {
            let (mut bits, mut run, mut opening, mut following) = (0, 0, 0, 0);
            let mask = |kinds: __m256i, half: usize| {
                let none = _mm256_movemask_epi8(_mm256_cmpeq_epi8(kinds, zero));
                u64::from(!none.cast_unsigned()) << (32 * half)
            };
            for (half, bytes) in block.chunks_exact(32).enumerate() {
                let Some(bytes) = bytes.first_chunk::<32>() else { return };
                let raw = load(bytes);
                let by_low = _mm256_shuffle_epi8(low, raw);
                let by_high = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16::<4>(raw), nibble));
                // A byte from 128 on has no bit by its low half: its highest bit makes the shuffle give zero.
                let kinds = _mm256_and_si256(by_low, by_high);
                let misses = _mm256_cmpeq_epi8(_mm256_and_si256(kinds, runs), zero);
                let whole = _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(misses, zero)));
                bits |= (whole as u8) << (4 * half);
                run |= u64::from(!_mm256_movemask_epi8(misses).cast_unsigned()) << (32 * half);
                opening |= mask(_mm256_and_si256(kinds, openers), half);
                following |= mask(_mm256_and_si256(_mm256_shuffle_epi8(low_follows, raw), by_high), half);
            }
            (*groups, *runs_here) = (bits, run);
            dense |= u64::from(escapes(opening, following) >= DENSE) << number;
        }
        blocks.dense = dense;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::pattern::Seed;

    fn places(simd: Simd, text: &[u8]) -> Vec<Place> {
        let mut places = Vec::new();
        each(simd, text, |place| {
            places.push(place);
            Go::On
        });
        places
    }

    #[test]
    fn every_path_shows_the_same_and_no_run_is_passed_over() {
        let mut seed = Seed::new(21);
        let mut known = 0;
        for round in 0..300 {
            let length = seed.below(9000) as usize;
            let text: Vec<u8> = (0..length)
                .map(|_| match (round % 3, seed.below(40)) {
                    (0, 0) => b"%\\&"[seed.below(3) as usize],
                    (1, _) | (0, 1) => seed.below(256) as u8,
                    (2, 0..=14) => b'\\',
                    _ => b"abcXYZ0189+/-_"[seed.below(14) as usize],
                })
                .collect();
            let plain = places(Simd::Scalar, &text);
            for simd in Simd::ALL.into_iter().filter(|simd| simd.is_here()) {
                assert_eq!(places(simd, &text), plain, "{} in round {round}", simd.name());
            }
            let mut start = 0;
            for run in text.split(|byte| !is_run(*byte)) {
                let begins = |at: &usize| (start + GROUP..start + 3 * GROUP).contains(at);
                let here: Vec<Option<usize>> = plain
                    .iter()
                    .filter_map(|place| match place {
                        Place::Run { group, start } if begins(group) => Some(*start),
                        _ => None,
                    })
                    .collect();
                assert!(run.len() < LEAST || here.len() == 1, "{start} in round {round}: {here:?}");
                if run.len() >= LEAST {
                    assert!(here.iter().flatten().all(|known| *known == start), "{start} in round {round}: {here:?}");
                    known += here.iter().flatten().count();
                }
                start += run.len() + 1;
            }
        }
        assert!(known > 1000, "{known}");
    }

    #[test]
    fn every_byte_is_of_the_same_kind_on_every_path() {
        for byte in 0..=255 {
            let text = [byte; 256];
            let plain = places(Simd::Scalar, &text);
            for simd in Simd::ALL.into_iter().filter(|simd| simd.is_here()) {
                assert_eq!(places(simd, &text), plain, "{} for {byte}", simd.name());
            }
        }
    }
}
