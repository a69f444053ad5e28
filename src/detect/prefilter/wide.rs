//! 64 places at a time: which of them may begin a window. Answers for too many places, never for too few; the prefilter
//! looks at each by itself afterwards, so the answer is the same with and without.
//!
//! Windows are dealt into 32 buckets. A table for each of the four places of a window says for every folded byte in
//! which buckets it may stand there; what stands in some bucket at all four places survives. This is the one file of
//! the detector with `unsafe` in it.

/// Places answered for by one mask.
pub(super) const WIDTH: usize = 64;
/// Bytes a mask looks at: its places and three more.
pub(super) const REACH: usize = WIDTH + 3;
/// Buckets for windows; the last two are for pairs.
const BUCKETS: usize = 30;
/// Pairs whose first byte has the bit of lower-case letters.
const PAIRS_LOW: usize = 30;
/// Pairs whose first byte has it not: text with the bit there is refused at once. Bit 7 of its group.
const PAIRS_UP: usize = 31;

/// Tables by place of the window, group of eight buckets and folded byte.
pub(super) struct Wide {
    tables: Box<[[[u8; 64]; 4]; 4]>,
}

/// Six bits of a byte, as the kernel folds it.
fn fold(byte: u8) -> usize {
    usize::from(byte & 0x1f | (byte & 0x40) >> 1)
}

impl Wide {
    /// Deals windows (as the scan's mask sees them) and pairs into buckets. None where this machine has no kernel.
    pub(super) fn new(windows: &[u32], pairs: &[u16]) -> Option<Self> {
        has_kernel().then(|| Self::deal(windows, pairs))
    }

    fn deal(windows: &[u32], pairs: &[u16]) -> Self {
        let mut sorted: Vec<[u8; 4]> = windows.iter().map(|window| window.to_le_bytes()).collect();
        // Neighbours share their first bytes, so a bucket's tables stay thin at two places at least.
        sorted.sort_unstable();
        sorted.dedup();
        let mut wide = Self { tables: Box::new([[[0; 64]; 4]; 4]) };
        let share = sorted.len().div_ceil(BUCKETS).max(1);
        for (bucket, some) in sorted.chunks(share).enumerate() {
            for window in some {
                window.iter().enumerate().for_each(|(place, byte)| wide.admit(place, bucket, fold(*byte)));
            }
        }
        for pair in pairs {
            let [first, second] = pair.to_le_bytes();
            let bucket = if first & 0x20 == 0 { PAIRS_UP } else { PAIRS_LOW };
            wide.admit(0, bucket, fold(first));
            wide.admit(1, bucket, fold(second));
            for any in 0..64 {
                wide.admit(2, bucket, any);
                wide.admit(3, bucket, any);
            }
        }
        wide
    }

    fn admit(&mut self, place: usize, bucket: usize, folded: usize) {
        let group = self.tables.get_mut(place).and_then(|groups| groups.get_mut(bucket / 8));
        if let Some(slot) = group.and_then(|table| table.get_mut(folded)) {
            *slot |= 1 << (bucket % 8);
        }
    }

    /// Fills `masks`, one bit for a place: mask `n` answers for the places from `64 n`. Stops where less than
    /// [`REACH`] bytes are left; returns how many masks were filled.
    pub(super) fn masks(&self, text: &[u8], masks: &mut [u64]) -> usize {
        let fit = text.len().saturating_sub(REACH - WIDTH) / WIDTH;
        let count = fit.min(masks.len());
        #[cfg(target_arch = "x86_64")]
        {
            let masks = masks.get_mut(..count).unwrap_or_default();
            // SAFETY: a `Wide` is only made where `has_kernel` has seen AVX-512 F, BW and VBMI on this processor.
            #[allow(unsafe_code)]
            unsafe {
                avx512(&self.tables, text, masks);
            }
            count
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            let _ = count;
            0
        }
    }
}

fn has_kernel() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vbmi")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// One mask for each of `masks`, as long as `text` reaches.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn avx512(tables: &[[[u8; 64]; 4]; 4], text: &[u8], masks: &mut [u64]) {
    use std::arch::x86_64::{
        __m512i, _mm512_and_si512, _mm512_andnot_si512, _mm512_loadu_si512, _mm512_or_si512, _mm512_permutexvar_epi8,
        _mm512_set1_epi8, _mm512_slli_epi16, _mm512_srli_epi16, _mm512_test_epi8_mask,
    };
    #[allow(unsafe_code)]
    // SAFETY: the reference is to 64 bytes, which is all that an unaligned load of 512 bits reads.
    let load = |bytes: &[u8; 64]| -> __m512i { unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) } };
    let table = tables.each_ref().map(|groups| groups.each_ref().map(load));
    let low = _mm512_set1_epi8(0x1f);
    let letter = _mm512_set1_epi8(0x20);
    for (mask, window) in masks.iter_mut().zip(text.windows(REACH).step_by(WIDTH)) {
        let mut groups: Option<[__m512i; 4]> = None;
        let mut first = low;
        for (place, table) in table.iter().enumerate() {
            let Some(bytes) = window.get(place..).and_then(|rest| rest.first_chunk::<64>()) else { return };
            let raw = load(bytes);
            // Bits 0 to 4, and bit 6 as bit 5: the lanes of 16 bits shift a neighbour's bit in only above bit 5.
            let folded =
                _mm512_or_si512(_mm512_and_si512(raw, low), _mm512_and_si512(_mm512_srli_epi16::<1>(raw), letter));
            let seen = table.map(|table| _mm512_permutexvar_epi8(folded, table));
            groups = Some(match groups {
                None => {
                    first = raw;
                    seen
                }
                Some([a, b, c, d]) => {
                    let [e, f, g, h] = seen;
                    [_mm512_and_si512(a, e), _mm512_and_si512(b, f), _mm512_and_si512(c, g), _mm512_and_si512(d, h)]
                }
            });
        }
        let Some([a, b, c, d]) = groups else { return };
        // The last bucket refuses first bytes that have the letters' case bit: it becomes bit 7, its own.
        let lower = _mm512_slli_epi16::<2>(_mm512_and_si512(first, letter));
        let d = _mm512_andnot_si512(lower, d);
        let any = _mm512_or_si512(_mm512_or_si512(a, b), _mm512_or_si512(c, d));
        *mask = _mm512_test_epi8_mask(any, any);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::pattern::Seed;

    #[test]
    fn no_place_that_begins_a_window_or_a_pair_is_passed_over() {
        let mut seed = Seed::new(9);
        for round in 0..200 {
            let mut byte = |wide: u64| -> u8 { seed.below(wide) as u8 };
            let text: Vec<u8> = (0..WIDTH * 3 + 10).map(|_| byte(if round % 2 == 0 { 256 } else { 128 })).collect();
            let windows: Vec<u32> = (0..40)
                .map(|n| u32::from_le_bytes(*text[n * 4..].first_chunk().unwrap()) & super::super::FOLD)
                .collect();
            let pairs: Vec<u16> = (0..5).map(|n| u16::from_le_bytes([text[n * 31], text[n * 31 + 1]])).collect();
            let Some(wide) = Wide::new(&windows, &pairs) else { return };
            let mut masks = [0; 8];
            let count = wide.masks(&text, &mut masks);
            assert_eq!(count, 3, "three whole masks and ten places for the scalar loop");
            for at in 0..count * WIDTH {
                let window = u32::from_le_bytes(*text[at..].first_chunk().unwrap()) & super::super::FOLD;
                let pair = u16::from_le_bytes([text[at], text[at + 1]]);
                if windows.contains(&window) || pairs.contains(&pair) {
                    assert!(masks[at / WIDTH] >> (at % WIDTH) & 1 == 1, "round {round}, place {at}");
                }
            }
        }
    }

    #[test]
    fn most_places_of_ordinary_text_are_refused() {
        let Some(wide) = Wide::new(&[u32::from_le_bytes(*b"ZQXJ") & super::super::FOLD], &[]) else { return };
        let text =
            b"an ordinary sentence, and then another one, and so on and on, until there is enough of it".repeat(4);
        let mut masks = [0; 8];
        let count = wide.masks(&text, &mut masks);
        assert!(count > 4 && masks.iter().all(|mask| *mask == 0));
    }
}
