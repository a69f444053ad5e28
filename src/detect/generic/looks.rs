//! What a value is made of: letters, words, runs. Integers only, so that every machine measures the same.

/// Bytes of a value that are measured; more say nothing new.
pub(super) const MEASURED: usize = 64;

/// `256 * log2(n)`, rounded.
const LOG: [u16; MEASURED + 1] = [
    0, 0, 256, 406, 512, 594, 662, 719, 768, 812, 850, 886, 918, 947, 975, 1000, 1024, 1046, 1068, 1087, 1106, 1124,
    1142, 1158, 1174, 1189, 1203, 1217, 1231, 1244, 1256, 1268, 1280, 1291, 1302, 1313, 1324, 1334, 1343, 1353, 1362,
    1372, 1380, 1389, 1398, 1406, 1414, 1422, 1430, 1437, 1445, 1452, 1459, 1466, 1473, 1480, 1487, 1493, 1500, 1506,
    1512, 1518, 1524, 1530, 1536,
];

/// Made by `tools/train/words.py`: the cost of each pair of letters in words, then a Bloom filter of words.
static WORDS: &[u8] = include_bytes!("../../../rules/words.bin");
/// The letters and the end of a word.
const LETTERS: usize = 27;
const PAIRS: usize = LETTERS * LETTERS;
/// Bits of the filter, as a power of two.
const FILTER: u32 = 17;
/// Longest and shortest word.
const WORD: std::ops::RangeInclusive<usize> = 3..=12;

/// Entropy in 1/256 bits a byte.
pub(super) fn entropy(value: &[u8]) -> usize {
    let value = value.get(..value.len().min(MEASURED)).unwrap_or_default();
    let mut counts = [0_u8; 256];
    for byte in value {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let log = |n: usize| usize::from(LOG.get(n).copied().unwrap_or_default());
    // Each byte's count once, and zero for the next time.
    let mut weighted = 0;
    for byte in value {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            weighted += usize::from(*count) * log(usize::from(*count));
            *count = 0;
        }
    }
    log(value.len()).saturating_sub(weighted.checked_div(value.len()).unwrap_or_default())
}

/// The most that so many bytes can have, in the same measure.
pub(super) fn entropy_of_even(length: usize) -> usize {
    usize::from(LOG.get(length.min(MEASURED)).copied().unwrap_or_default())
}

/// How word-like the letters are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spelling {
    /// Letters in all.
    pub(super) letters: usize,
    /// Letters that belong to known words.
    pub(super) known: usize,
    /// The longest known word.
    pub(super) longest: usize,
    /// Mean cost of a pair of letters, in 1/16 bits.
    pub(super) cost: usize,
    /// Runs of letters.
    pub(super) runs: usize,
}

/// Measures every run of letters; a capital after a small letter begins a new one.
pub(super) fn spelling(value: &[u8]) -> Spelling {
    let value = value.get(..value.len().min(MEASURED)).unwrap_or_default();
    let mut out = Spelling::default();
    let (mut cost, mut pairs) = (0, 0);
    let mut at = 0;
    while let Some(first) = value.get(at) {
        if !first.is_ascii_alphabetic() {
            at += 1;
            continue;
        }
        let mut end = at + 1;
        while let (Some(before), Some(next)) = (value.get(end - 1), value.get(end)) {
            if !next.is_ascii_alphabetic() || before.is_ascii_lowercase() && next.is_ascii_uppercase() {
                break;
            }
            end += 1;
        }
        let run = value.get(at..end).unwrap_or_default();
        out.runs += 1;
        out.letters += run.len();
        let (known, longest) = known(run);
        out.known += known;
        out.longest = out.longest.max(longest);
        let mut before = 0;
        for letter in run.iter().map(number).chain([0]) {
            cost += usize::from(WORDS.get(before * LETTERS + letter).copied().unwrap_or_default());
            pairs += 1;
            before = letter;
        }
        at = end;
    }
    out.cost = cost.checked_div(pairs).unwrap_or_default();
    out
}

fn number(letter: &u8) -> usize {
    usize::from(letter.to_ascii_lowercase() - b'a') + 1
}

/// Letters of `run` that belong to words, taken from the left, longest first; and the longest of them.
fn known(run: &[u8]) -> (usize, usize) {
    let (mut known, mut longest) = (0, 0);
    let mut at = 0;
    while let Some(rest) = run.get(at..).filter(|rest| rest.len() >= *WORD.start()) {
        let mut hash = 0x811c_9dc5_u32;
        let mut found = 0;
        for (length, letter) in rest.iter().take(*WORD.end()).enumerate() {
            hash = (hash ^ u32::from(letter.to_ascii_lowercase())).wrapping_mul(0x0100_0193);
            if length + 1 >= *WORD.start() && is_known(hash) {
                found = length + 1;
            }
        }
        known += found;
        longest = longest.max(found);
        at += found.max(1);
    }
    (known, longest)
}

fn is_known(hash: u32) -> bool {
    let bit = |n: u32| WORDS.get(PAIRS + (n >> 3) as usize).is_some_and(|byte| byte >> (n & 7) & 1 == 1);
    bit(hash >> (32 - FILTER)) && bit((hash.wrapping_mul(0x9e37_79b1)) >> (32 - FILTER))
}

/// Bytes in runs of four or more that repeat or step: `aaaa`, `1234`, `qwer`.
pub(super) fn dull(value: &[u8]) -> usize {
    // What lies to the right of each letter on a keyboard.
    const RIGHT: &[u8; 26] = b"snvfrghjokl--mp-wtdyibecux";
    let beside = |a: u8, b: u8| RIGHT.get(usize::from(a - b'a')) == Some(&b);
    let next = |a: u8, b: u8| {
        let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
        if a == b {
            1
        } else if a.is_ascii_alphanumeric() && b == a + 1 {
            2
        } else if a.is_ascii_lowercase() && beside(a, b) {
            3
        } else {
            0
        }
    };
    let (mut sum, mut length, mut kind) = (0, 1, 0);
    for pair in value.get(..value.len().min(MEASURED)).unwrap_or_default().windows(2) {
        let [a, b] = pair else { continue };
        let step = next(*a, *b);
        if step != 0 && (step == kind || kind == 0) {
            length += 1;
        } else {
            sum += if length >= 4 { length } else { 0 };
            length = if step == 0 { 1 } else { 2 };
        }
        kind = step;
    }
    sum + if length >= 4 { length } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::entropy::shannon;

    #[test]
    fn entropy_is_shannons() {
        for text in ["", "a", "aaaa", "abcdefgh", "correct horse battery", "0123456789abcdef0123456789abcdef"] {
            let exact = shannon(text.as_bytes()) * 256.0;
            assert!((entropy(text.as_bytes()) as f64 - exact).abs() < 4.0, "{text}");
        }
    }

    #[test]
    fn words_are_known_and_noise_is_not() {
        for text in ["default", "connectionString", "my-service-name", "USER_SESSION"] {
            let seen = spelling(text.as_bytes());
            assert!(seen.known * 10 >= seen.letters * 8, "{text} {seen:?}");
        }
        let noise = spelling(b"xqzjvkwpfh");
        assert!(noise.known <= 3 && noise.cost > spelling(b"connection").cost + 16, "{noise:?}");
    }

    #[test]
    fn runs_and_steps_are_dull() {
        assert_eq!((dull(b"aaaaaa"), dull(b"xx12345yy"), dull(b"qwertyui"), dull(b"kq7zb1")), (6, 5, 8, 0));
    }
}
