//! 64 places at a time: which of them may begin a window. Answers for too many places, never for too few; the prefilter
//! looks at each by itself afterwards, so that hits are the same on every path.
//!
//! A bucket says for each of four places which folded bytes may stand there. A place survives when some bucket holds
//! the four bytes from it on: eight buckets are the eight bits of a table's entry. This is the one file of the detector
//! with `unsafe` in it.

use super::deal::BUCKETS;
use super::plan::{FOLDED, Sets};
use super::shares::members;

/// Places answered for by one mask.
pub(super) const WIDTH: usize = 64;
/// Bytes a mask looks at: its places and three more.
pub(super) const REACH: usize = WIDTH + 3;
/// Tables of eight buckets.
const GROUPS: usize = BUCKETS / 8;

/// Which instructions the prefilter uses. All find the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Simd {
    /// None: one place at a time.
    Scalar,
    /// AVX2.
    Avx2,
    /// AVX-512 with F, BW and VBMI.
    Avx512,
}

impl Simd {
    /// All there are, the best last.
    pub const ALL: [Simd; 3] = [Simd::Scalar, Simd::Avx2, Simd::Avx512];

    /// The best that this processor can do.
    pub fn best() -> Self {
        Self::ALL.into_iter().rfind(|simd| simd.is_here()).unwrap_or(Simd::Scalar)
    }

    /// True when this processor can do it.
    pub fn is_here(self) -> bool {
        match self {
            Simd::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Simd::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Simd::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vbmi")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Simd::Avx2 | Simd::Avx512 => false,
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Simd::Scalar => "scalar",
            Simd::Avx2 => "avx2",
            Simd::Avx512 => "avx512",
        }
    }
}

/// For each group and place: by folded byte.
type ByByte = [[[u8; FOLDED]; 4]; GROUPS];
/// For each group and place: by the low and by the high half of a byte.
type ByHalves = [[[[u8; 16]; 2]; 4]; GROUPS];

/// The buckets as a path reads them.
pub(super) enum Sieve {
    /// Refuses nothing.
    Scalar,
    Avx2(Box<ByHalves>),
    Avx512(Box<ByByte>),
}

impl Sieve {
    /// Falls back to no sieve where the processor cannot do what is asked for.
    pub(super) fn new(simd: Simd, buckets: &[Sets]) -> Self {
        match simd {
            Simd::Avx512 if simd.is_here() => Self::Avx512(by_byte(buckets)),
            Simd::Avx2 if simd.is_here() => Self::Avx2(by_halves(buckets)),
            _ => Self::Scalar,
        }
    }

    /// Fills `masks`, one bit for a place: mask `n` answers for the places from `64 n`. Stops where less than
    /// [`REACH`] bytes are left; returns how many masks were filled.
    pub(super) fn masks(&self, text: &[u8], masks: &mut [u64]) -> usize {
        let fit = text.len().saturating_sub(REACH - WIDTH) / WIDTH;
        let count = fit.min(masks.len());
        let masks = masks.get_mut(..count).unwrap_or_default();
        match self {
            Self::Scalar => 0,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(tables) => {
                // SAFETY: this variant is only made where the processor has AVX-512 F, BW and VBMI.
                #[allow(unsafe_code)]
                unsafe {
                    x86::avx512(tables, text, masks);
                }
                count
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(tables) => {
                // SAFETY: this variant is only made where the processor has AVX2.
                #[allow(unsafe_code)]
                unsafe {
                    x86::avx2(tables, text, masks);
                }
                count
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2(_) | Self::Avx512(_) => 0,
        }
    }
}

/// Eight buckets at a time.
fn groups(buckets: &[Sets]) -> impl Iterator<Item = impl Iterator<Item = (u8, &Sets)>> {
    buckets.chunks(8).map(|eight| (0..8).map(|bucket| 1 << bucket).zip(eight))
}

fn by_byte(buckets: &[Sets]) -> Box<ByByte> {
    let mut tables: Box<ByByte> = Box::new([[[0; FOLDED]; 4]; GROUPS]);
    for (group, buckets) in tables.iter_mut().zip(groups(buckets)) {
        for (bit, sets) in buckets {
            for (table, set) in group.iter_mut().zip(sets) {
                for byte in members(*set) {
                    table.get_mut(byte).into_iter().for_each(|slot| *slot |= bit);
                }
            }
        }
    }
    tables
}

/// A byte passes when its halves do, each by itself.
fn by_halves(buckets: &[Sets]) -> Box<ByHalves> {
    let mut tables: Box<ByHalves> = Box::new([[[[0; 16]; 2]; 4]; GROUPS]);
    for (group, buckets) in tables.iter_mut().zip(groups(buckets)) {
        for (bit, sets) in buckets {
            for ([low, high], set) in group.iter_mut().zip(sets) {
                for byte in members(*set) {
                    // The upper half of a byte without the two bits that folding loses, then with either and with both.
                    let upper = byte >> 4 & 1 | byte >> 3 & 4;
                    low.get_mut(byte & 0xf).into_iter().for_each(|slot| *slot |= bit);
                    for half in [upper, upper | 2, upper | 8, upper | 10] {
                        high.get_mut(half).into_iter().for_each(|slot| *slot |= bit);
                    }
                }
            }
        }
    }
    tables
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, __m512i, _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8,
        _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_setzero_si256,
        _mm256_shuffle_epi8, _mm256_srli_epi16, _mm512_and_si512, _mm512_loadu_si512, _mm512_or_si512,
        _mm512_permutexvar_epi8, _mm512_set1_epi8, _mm512_setzero_si512, _mm512_srli_epi16, _mm512_test_epi8_mask,
    };

    use super::{ByByte, ByHalves, REACH, WIDTH};

    /// One mask for each of `masks`, as long as `text` reaches.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    pub(super) fn avx512(tables: &ByByte, text: &[u8], masks: &mut [u64]) {
        #[allow(unsafe_code)]
        // SAFETY: the reference is to 64 bytes, which is all that an unaligned load of 512 bits reads.
        let load = |bytes: &[u8; 64]| -> __m512i { unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) } };
        let (low, letter) = (_mm512_set1_epi8(0x1f), _mm512_set1_epi8(0x20));
        for (mask, window) in masks.iter_mut().zip(text.windows(REACH).step_by(WIDTH)) {
            let mut places = [low; 4];
            for (place, folded) in places.iter_mut().enumerate() {
                let Some(bytes) = window.get(place..).and_then(|rest| rest.first_chunk::<64>()) else { return };
                let raw = load(bytes);
                // Bits 0 to 4, and bit 6 as bit 5: the lanes of 16 bits shift a neighbour's bit in only above bit 5.
                *folded =
                    _mm512_or_si512(_mm512_and_si512(raw, low), _mm512_and_si512(_mm512_srli_epi16::<1>(raw), letter));
            }
            let [e, f, g, h] = places;
            let mut any = _mm512_setzero_si512();
            for [a, b, c, d] in tables {
                let early = _mm512_and_si512(_mm512_permutexvar_epi8(e, load(a)), _mm512_permutexvar_epi8(f, load(b)));
                let late = _mm512_and_si512(_mm512_permutexvar_epi8(g, load(c)), _mm512_permutexvar_epi8(h, load(d)));
                any = _mm512_or_si512(any, _mm512_and_si512(early, late));
            }
            *mask = _mm512_test_epi8_mask(any, any);
        }
    }

    /// The same with 32 places at a time.
    #[target_feature(enable = "avx2")]
    pub(super) fn avx2(tables: &ByHalves, text: &[u8], masks: &mut [u64]) {
        #[allow(unsafe_code)]
        // SAFETY: the reference is to 32 bytes, which is all that an unaligned load of 256 bits reads.
        let load = |bytes: &[u8; 32]| -> __m256i { unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) } };
        #[allow(unsafe_code)]
        let table = |bytes: &[u8; 16]| -> __m256i {
            // SAFETY: the reference is to 16 bytes, which is all that an unaligned load of 128 bits reads.
            _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
        };
        let nibble = _mm256_set1_epi8(0xf);
        for (mask, window) in masks.iter_mut().zip(text.windows(REACH).step_by(WIDTH)) {
            *mask = 0;
            for half in [0, 32] {
                let mut places = [[nibble; 2]; 4];
                for (place, [low, high]) in places.iter_mut().enumerate() {
                    let Some(bytes) = window.get(half + place..).and_then(|rest| rest.first_chunk::<32>()) else {
                        return;
                    };
                    let raw = load(bytes);
                    *low = _mm256_and_si256(raw, nibble);
                    *high = _mm256_and_si256(_mm256_srli_epi16::<4>(raw), nibble);
                }
                let mut any = _mm256_setzero_si256();
                let [e, f, g, h] = places;
                let passes = |[by_low, by_high]: &[[u8; 16]; 2], [low, high]: [__m256i; 2]| {
                    let low = _mm256_shuffle_epi8(table(by_low), low);
                    _mm256_and_si256(low, _mm256_shuffle_epi8(table(by_high), high))
                };
                for [a, b, c, d] in tables {
                    let early = _mm256_and_si256(passes(a, e), passes(b, f));
                    let late = _mm256_and_si256(passes(c, g), passes(d, h));
                    any = _mm256_or_si256(any, _mm256_and_si256(early, late));
                }
                let none = _mm256_movemask_epi8(_mm256_cmpeq_epi8(any, _mm256_setzero_si256()));
                *mask |= u64::from(!none.cast_unsigned()) << half;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::folded;
    use super::*;
    use crate::rule::pattern::Seed;

    fn sieves(buckets: &[Sets]) -> impl Iterator<Item = Sieve> {
        let here = Simd::ALL.into_iter().filter(|simd| *simd != Simd::Scalar && simd.is_here());
        here.map(|simd| Sieve::new(simd, buckets))
    }

    fn sets(bytes: &[u8]) -> Sets {
        [0, 1, 2, 3].map(|place| 1 << folded(bytes[place]))
    }

    #[test]
    fn no_place_that_a_bucket_holds_is_passed_over() {
        let mut seed = Seed::new(9);
        for round in 0..100 {
            let byte = |seed: &mut Seed| seed.below(if round % 2 == 0 { 256 } else { 128 }) as u8;
            let text: Vec<u8> = (0..WIDTH * 3 + 10).map(|_| byte(&mut seed)).collect();
            let mut buckets: Vec<Sets> = (0..40).map(|n| sets(&text[n * 4..])).collect();
            buckets.resize(BUCKETS, [0; 4]);
            let holds = |at: usize| {
                let here = sets(&text[at..]);
                buckets.iter().any(|bucket| bucket.iter().zip(&here).all(|(set, byte)| set & byte != 0))
            };
            for sieve in sieves(&buckets) {
                let mut masks = [0; 8];
                let count = sieve.masks(&text, &mut masks);
                assert_eq!(count, 3, "three whole masks and ten places for the scalar loop");
                for at in 0..count * WIDTH {
                    let seen = masks[at / WIDTH] >> (at % WIDTH) & 1 == 1;
                    assert!(seen || !holds(at), "round {round}, place {at}");
                    if matches!(sieve, Sieve::Avx512(_)) {
                        assert_eq!(seen, holds(at), "round {round}, place {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn most_places_of_ordinary_text_are_refused() {
        let mut buckets = vec![sets(b"ZQXJ")];
        buckets.resize(BUCKETS, [0; 4]);
        let text = b"an ordinary sentence, and then another, and so on and on, until there is enough".repeat(4);
        for sieve in sieves(&buckets) {
            let mut masks = [0; 8];
            let count = sieve.masks(&text, &mut masks);
            assert!(count > 3 && masks.iter().all(|mask| *mask == 0));
        }
    }
}
