//! Which four bytes to watch for: of all windows of an anchor, and of what must follow it, the rarest in ordinary text.

use std::collections::BTreeMap;

use super::MARK;
use crate::rule::Rule;

/// How often one folded byte follows another in source code and prose: `-8 log2` of the pair's share of all pairs, a byte
/// for each pair of 64 x 64 folded bytes. `cargo xtask pairs DIR…` counts it.
static PAIRS: &[u8] = include_bytes!("../../../rules/pairs.bin");

/// Folded bytes there are: five low bits and the one that tells letters from the rest.
const FOLDED: usize = 64;
/// A window that stands for more texts than this is no window.
const MOST_WINDOWS: usize = 4096;
/// Bytes of what follows an anchor that a window may use.
const MOST_FOLLOWING: usize = 3;

/// Who wants to hear of a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// An anchor of a rule, both by index.
    Anchor { rule: usize, anchor: usize },
    /// Whoever reads inline comments.
    Mark,
}

/// A literal to find, in lower case, and what follows it for everybody who wants it.
pub(super) struct Literal {
    text: Vec<u8>,
    wanted: Vec<Wanted>,
    /// Folded bytes that may follow, place by place; empty when anything may.
    following: Vec<u64>,
}

/// All literals.
pub(super) struct Literals(Vec<Literal>);

impl Literals {
    /// Those of all rules, and the mark of inline comments. The same text with other followers is another literal.
    pub(super) fn of(rules: &[Rule]) -> Self {
        let mut all: BTreeMap<(Vec<u8>, Vec<u64>), Vec<Wanted>> = BTreeMap::new();
        for (rule, written) in rules.iter().enumerate() {
            for (anchor, literal) in written.anchors.iter().enumerate() {
                let following = literal.then.as_ref().map_or_else(Vec::new, |then| {
                    let set = (0..=u8::MAX)
                        .filter(|byte| then.class.iter().any(|(low, high)| (low..=high).contains(&byte)))
                        .fold(0, |set, byte| set | 1_u64 << fold(byte));
                    vec![set; usize::from(then.least).min(MOST_FOLLOWING)]
                });
                let text = literal.text.to_ascii_lowercase().into_bytes();
                if !text.is_empty() {
                    all.entry((text, following)).or_default().push(Wanted::Anchor { rule, anchor });
                }
            }
        }
        all.entry((MARK.as_bytes().to_vec(), Vec::new())).or_default().push(Wanted::Mark);
        let literal = |((text, following), wanted)| Literal { text, wanted, following };
        Self(all.into_iter().map(literal).collect())
    }

    pub(super) fn get(&self, index: usize) -> Option<&Literal> {
        self.0.get(index)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Literal> {
        self.0.iter()
    }
}

impl Literal {
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    pub(super) fn wanted(&self) -> &[Wanted] {
        &self.wanted
    }

    /// For a literal of two bytes: the forms that somebody wants to hear of, in their own case. Two letters and whatever
    /// may follow would be thousands of windows; two letters in the right case are rare enough by themselves.
    pub(super) fn pairs(&self, rules: &[Rule]) -> Vec<u16> {
        let &[a, b] = self.text.as_slice() else { return Vec::new() };
        let mut pairs = Vec::new();
        for wanted in &self.wanted {
            let Wanted::Anchor { rule, anchor } = *wanted else { continue };
            let Some(anchor) = rules.get(rule).and_then(|rule| rule.anchors.get(anchor)) else { continue };
            match anchor.text.as_bytes() {
                &[a, b] if !anchor.ignore_case => pairs.push(u16::from_le_bytes([a, b])),
                _ => {
                    for first in [a, a.to_ascii_uppercase()] {
                        pairs.extend([b, b.to_ascii_uppercase()].map(|second| u16::from_le_bytes([first, second])));
                    }
                }
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// Where the rarest window begins, and every folded text it may have, spread to bytes as the scan sees them.
    /// None when each window stands for too many texts.
    pub(super) fn windows(&self, shares: &Shares) -> Option<(u32, Vec<u32>)> {
        let mut places: Vec<u64> = self.text.iter().map(|byte| 1 << fold(*byte)).collect();
        places.extend(&self.following);
        // Past the end of what is known anything may stand, even nothing, which is seen as zero.
        while places.len() < 4 {
            places.push(u64::MAX);
        }
        let count = |window: &[u64]| window.iter().map(|set| set.count_ones() as usize).product::<usize>();
        let (offset, window, _) = places
            .windows(4)
            .enumerate()
            .filter(|(offset, window)| *offset < self.text.len() && count(window) <= MOST_WINDOWS)
            .map(|(offset, window)| (offset, window, shares.of(window)))
            .min_by(|(.., a), (.., b)| a.total_cmp(b))?;
        let mut texts: Vec<u32> = vec![0];
        for (place, set) in window.iter().enumerate() {
            let members = (0..FOLDED as u32).filter(|byte| set >> byte & 1 == 1);
            let spread: Vec<u32> = members.map(|byte| unfold(byte) << (8 * place)).collect();
            texts = texts.iter().flat_map(|text| spread.iter().map(move |byte| text | byte)).collect();
        }
        Some((u32::try_from(offset).ok()?, texts))
    }
}

/// Six bits of a byte: without those that tell case and the upper half.
fn fold(byte: u8) -> u32 {
    u32::from(byte & 0x1f) | u32::from(byte & 0x40) >> 1
}

/// The byte that the scan's mask makes of all bytes that fold so.
fn unfold(folded: u32) -> u32 {
    folded & 0x1f | (folded & 0x20) << 1
}

/// How often folded bytes and pairs of them stand in ordinary text.
pub(super) struct Shares {
    alone: [f64; FOLDED],
    /// Of a byte after another.
    after: Vec<f64>,
}

impl Shares {
    pub(super) fn new() -> Self {
        // 256 steps are all that `PAIRS` can name.
        let steps: Vec<f64> = (0..=u8::MAX).map(|cost| (-f64::from(cost) / 8.0).exp2()).collect();
        let mut after: Vec<f64> = PAIRS.iter().filter_map(|cost| steps.get(usize::from(*cost)).copied()).collect();
        let mut alone = [0.0; FOLDED];
        for (share, row) in alone.iter_mut().zip(after.chunks_mut(FOLDED)) {
            *share = row.iter().sum();
            row.iter_mut().for_each(|pair| *pair /= *share);
        }
        Self { alone, after }
    }

    /// The share of places at which the window is seen, by a chain of pairs.
    fn of(&self, window: &[u64]) -> f64 {
        if window.iter().all(|set| set.is_power_of_two()) {
            // Nearly all windows are four known bytes, and this is start-up time of every hook.
            let mut bytes = window.iter().map(|set| set.trailing_zeros() as usize);
            let first = bytes.next().unwrap_or_default();
            let step = |(before, share): (usize, f64), byte: usize| {
                (byte, share * self.after.get(before * FOLDED + byte).copied().unwrap_or_default())
            };
            return bytes.fold((first, self.alone.get(first).copied().unwrap_or_default()), step).1;
        }
        let mut chain: Option<Vec<(usize, f64)>> = None;
        for set in window {
            let members = (0..FOLDED).filter(|byte| set >> byte & 1 == 1);
            let chance = |byte: usize| match &chain {
                None => self.alone.get(byte).copied().unwrap_or_default(),
                Some(chain) => {
                    let pair = |before: usize| self.after.get(before * FOLDED + byte).copied().unwrap_or_default();
                    chain.iter().map(|(before, share)| share * pair(*before)).sum()
                }
            };
            chain = Some(members.map(|byte| (byte, chance(byte))).collect());
        }
        chain.unwrap_or_default().iter().map(|(_, share)| share).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_loses_case_and_nothing_that_the_mask_keeps() {
        for byte in 0..=u8::MAX {
            assert_eq!(unfold(fold(byte)), u32::from(byte) & 0x5f);
            assert_eq!(fold(byte), fold(byte.to_ascii_uppercase()));
        }
    }

    #[test]
    fn the_rarest_window_is_watched() {
        let literal = |text: &str| Literal { text: text.into(), wanted: Vec::new(), following: Vec::new() };
        let (offset, windows) = literal("the zqxj").windows(&Shares::new()).unwrap();
        assert_eq!((offset, windows.len()), (4, 1), "zqxj is rarer than any part of the words");
        assert!(literal("a").windows(&Shares::new()).is_none(), "one byte tells nothing");
    }
}
