//! Where a rule may match: every anchor of every rule, found in one pass. Knows literals, not regexes.
//!
//! Each anchor is watched for by its rarest four bytes: a bitmap of their hashes lets one position in a hundred
//! through, and only there are anchors compared. Letters are folded, so case costs nothing.

mod plan;
mod wide;

use aho_corasick::automaton::{Automaton, OverlappingState};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, BuildError, Input, MatchKind};

use crate::rule::Rule;
use plan::{Literals, Shares, Wanted};
use wide::{WIDTH, Wide};

/// What stands at a place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hit {
    /// An anchor of a rule, its case and what follows checked.
    Anchor {
        /// The rule's index.
        rule: usize,
        /// The anchor's first byte.
        at: usize,
        /// One past its last byte.
        end: usize,
    },
    /// keyward's own inline comment.
    Mark {
        /// Its first byte.
        at: usize,
    },
}

impl Hit {
    /// Where it begins.
    pub(super) fn at(&self) -> usize {
        match *self {
            Hit::Anchor { at, .. } | Hit::Mark { at } => at,
        }
    }

    /// The same in a text of which the searched one begins at `by`.
    pub(super) fn moved(self, by: usize) -> Self {
        match self {
            Hit::Anchor { rule, at, end } => Hit::Anchor { rule, at: at + by, end: end + by },
            Hit::Mark { at } => Hit::Mark { at: at + by },
        }
    }
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Go {
    /// Show the next hit.
    On,
    /// Enough.
    Stop,
}

/// How many places each stage let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sieved {
    /// That the first sieve could not refuse.
    pub(super) places: u64,
    /// Where anchors were compared.
    pub(super) windows: u64,
}

/// What opens an inline comment; looked for in every text.
pub(super) const MARK: &str = "keyward:allow";

/// Bits of a hash: the bitmap takes 32 KiB and stays in the first cache.
const HASH_BITS: u32 = 18;
/// Masks asked for at a time: 4 KiB of text.
const MASKS: usize = 64;
/// Bits of a hash that choose an entry list.
const LIST_BITS: u32 = 12;

/// All anchors, watched for by four bytes each. The only door to it is [`Prefilter::each`].
pub(super) struct Prefilter {
    literals: Literals,
    /// One bit for each hash that some window has.
    bitmap: Box<[u64]>,
    /// Where in `entries` each list begins; one more than there are lists.
    starts: Vec<u32>,
    /// Windows by list.
    entries: Vec<Entry>,
    /// One bit for each pair of bytes that an anchor of two bytes is.
    pairs: Box<[u64]>,
    /// Those anchors: the pair and the literal's index, sorted.
    twos: Vec<(u16, usize)>,
    /// Refuses most places 64 at a time, where the processor can.
    wide: Option<Wide>,
    /// Anchors of one byte, or without four telling bytes; no rule of the pack has one.
    short: Option<(NFA, Vec<usize>)>,
}

/// Four folded bytes, and the literal that they give away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    list: u32,
    window: u32,
    /// Index of the literal.
    literal: u32,
    /// How far into the literal the window begins.
    offset: u32,
}

/// Bytes as the windows see them: without the bit that tells the case of letters, and without the highest.
const FOLD: u32 = 0x5f5f_5f5f;

fn hash(window: u32) -> u32 {
    // The odd constant is 2^32 over the golden ratio: neighbouring windows land far apart.
    window.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)
}

impl Prefilter {
    /// Plans for all anchors of `rules`.
    pub(super) fn new(rules: &[Rule]) -> Result<Self, BuildError> {
        let (literals, shares) = (Literals::of(rules), Shares::new());
        let mut entries = Vec::new();
        let mut short = Vec::new();
        let mut twos = Vec::new();
        for (index, literal) in literals.iter().enumerate() {
            if literal.text().len() == 2 {
                twos.extend(literal.pairs(rules).into_iter().map(|pair| (pair, index)));
                continue;
            }
            match literal.windows(&shares) {
                Some((offset, windows)) => entries.extend(windows.into_iter().map(|window| Entry {
                    list: hash(window) >> (HASH_BITS - LIST_BITS),
                    window,
                    literal: u32::try_from(index).unwrap_or(u32::MAX),
                    offset,
                })),
                None => short.push(index),
            }
        }
        entries.sort_unstable();
        let mut bitmap = vec![0_u64; 1 << (HASH_BITS - 6)].into_boxed_slice();
        for entry in &entries {
            let bit = hash(entry.window);
            if let Some(word) = bitmap.get_mut((bit >> 6) as usize) {
                *word |= 1 << (bit & 63);
            }
        }
        twos.sort_unstable();
        let mut pairs = vec![0_u64; 1 << 10].into_boxed_slice();
        for (pair, _) in &twos {
            if let Some(word) = pairs.get_mut(usize::from(pair >> 6)) {
                *word |= 1 << (pair & 63);
            }
        }
        let lists = (0..=1_u32 << LIST_BITS).map(|list| entries.partition_point(|entry| entry.list < list));
        let starts = lists.map(|start| u32::try_from(start).unwrap_or(u32::MAX)).collect();
        let short = if short.is_empty() {
            None
        } else {
            let texts = short.iter().filter_map(|index| literals.get(*index)).map(|literal| literal.text());
            let builder = &mut NFA::builder();
            Some((builder.match_kind(MatchKind::Standard).ascii_case_insensitive(true).build(texts)?, short))
        };
        let windows: Vec<u32> = entries.iter().map(|entry| entry.window).collect();
        let wide = Wide::new(&windows, &twos.iter().map(|(pair, _)| *pair).collect::<Vec<_>>());
        Ok(Self { literals, bitmap, starts, entries, pairs, twos, wide, short })
    }

    /// Shows every hit in `text`, overlapping ones too, in an order that depends on the text alone. Says how many places
    /// each stage let through.
    pub(super) fn each(&self, rules: &[Rule], text: &[u8], mut show: impl FnMut(Hit) -> Go) -> Sieved {
        let mut sieved = Sieved::default();
        if self.each_short(rules, text, &mut show) == Go::Stop {
            return sieved;
        }
        let mut at = 0;
        if let Some(wide) = &self.wide {
            let mut masks = [0; MASKS];
            loop {
                let filled = wide.masks(text.get(at..).unwrap_or_default(), &mut masks);
                for (block, mask) in masks.iter().take(filled).enumerate() {
                    let mut left = *mask;
                    while left != 0 {
                        let place = at + block * WIDTH + left.trailing_zeros() as usize;
                        left &= left - 1;
                        if self.place(rules, text, place, &mut sieved, &mut show) == Go::Stop {
                            return sieved;
                        }
                    }
                }
                at += filled * WIDTH;
                if filled < MASKS {
                    break;
                }
            }
        }
        for place in at..text.len().saturating_sub(3) {
            if self.place(rules, text, place, &mut sieved, &mut show) == Go::Stop {
                return sieved;
            }
        }
        // Anchors of less than four bytes with what follows may end with the text.
        for at in text.len().saturating_sub(3)..text.len() {
            let mut last = [0; 4];
            last.iter_mut().zip(text.iter().skip(at)).for_each(|(to, from)| *to = *from);
            let (window, pair) = (u32::from_le_bytes(last) & FOLD, u16::from_le_bytes([last[0], last[1]]));
            sieved.places += 1;
            sieved.windows += 1;
            if self.compare(rules, text, at, window, pair, &mut show) == Go::Stop {
                return sieved;
            }
        }
        sieved
    }

    /// Looks at one place with at least four bytes.
    #[inline]
    fn place(
        &self,
        rules: &[Rule],
        text: &[u8],
        at: usize,
        sieved: &mut Sieved,
        show: &mut impl FnMut(Hit) -> Go,
    ) -> Go {
        sieved.places += 1;
        let Some(&[a, b, c, d]) = text.get(at..).and_then(|rest| rest.first_chunk()) else { return Go::On };
        let window = u32::from_le_bytes([a, b, c, d]) & FOLD;
        let (bit, pair) = (hash(window), u16::from_le_bytes([a, b]));
        let four = self.bitmap.get((bit >> 6) as usize).map_or(0, |word| word >> (bit & 63));
        let two = self.pairs.get(usize::from(pair >> 6)).map_or(0, |word| word >> (pair & 63));
        if (four | two) & 1 == 0 {
            return Go::On;
        }
        sieved.windows += 1;
        self.compare(rules, text, at, window, pair, show)
    }

    /// Shows the anchors that really stand where their window was seen.
    fn compare(
        &self,
        rules: &[Rule],
        text: &[u8],
        at: usize,
        window: u32,
        pair: u16,
        show: &mut impl FnMut(Hit) -> Go,
    ) -> Go {
        let first = self.twos.partition_point(|(two, _)| *two < pair);
        for (_, index) in self.twos.iter().skip(first).take_while(|(two, _)| *two == pair) {
            let wanted = self.literals.get(*index).map(plan::Literal::wanted).unwrap_or_default();
            if self.tell(rules, text, at, wanted, show) == Go::Stop {
                return Go::Stop;
            }
        }
        let list = (hash(window) >> (HASH_BITS - LIST_BITS)) as usize;
        let (Some(from), Some(to)) = (self.starts.get(list), self.starts.get(list + 1)) else { return Go::On };
        for entry in self.entries.get(*from as usize..*to as usize).unwrap_or_default() {
            if entry.window != window {
                continue;
            }
            let (Some(start), Some(literal)) =
                (at.checked_sub(entry.offset as usize), self.literals.get(entry.literal as usize))
            else {
                continue;
            };
            let here = text.get(start..start + literal.text().len());
            if here.is_some_and(|here| here.eq_ignore_ascii_case(literal.text()))
                && self.tell(rules, text, start, literal.wanted(), show) == Go::Stop
            {
                return Go::Stop;
            }
        }
        Go::On
    }

    fn each_short(&self, rules: &[Rule], text: &[u8], show: &mut impl FnMut(Hit) -> Go) -> Go {
        let Some((automaton, literals)) = &self.short else { return Go::On };
        let input = Input::new(text).anchored(Anchored::No);
        let mut state = OverlappingState::start();
        // The only error is an anchored mode that the automaton does not have.
        while automaton.try_find_overlapping(&input, &mut state).is_ok() {
            let Some(found) = state.get_match() else { break };
            let literal = literals.get(found.pattern().as_usize()).and_then(|index| self.literals.get(*index));
            let wanted = literal.map(plan::Literal::wanted).unwrap_or_default();
            if self.tell(rules, text, found.start(), wanted, show) == Go::Stop {
                return Go::Stop;
            }
        }
        Go::On
    }

    /// Checks the case and what must follow for everybody who wants to hear of a literal.
    fn tell(&self, rules: &[Rule], text: &[u8], at: usize, wanted: &[Wanted], show: &mut impl FnMut(Hit) -> Go) -> Go {
        for wanted in wanted {
            let hit = match *wanted {
                Wanted::Mark => Hit::Mark { at },
                Wanted::Anchor { rule, anchor } => match holds(rules, rule, anchor, text, at) {
                    Some(end) => Hit::Anchor { rule, at, end },
                    None => continue,
                },
            };
            if show(hit) == Go::Stop {
                return Go::Stop;
            }
        }
        Go::On
    }
}

/// The anchor's end, if its case is right and what must follow does.
fn holds(rules: &[Rule], rule: usize, anchor: usize, text: &[u8], at: usize) -> Option<usize> {
    let anchor = rules.get(rule)?.anchors.get(anchor)?;
    let end = at + anchor.text.len();
    let case = anchor.ignore_case || text.get(at..end)? == anchor.text.as_bytes();
    let follows = || anchor.then.as_ref().is_none_or(|then| then.holds(text.get(end..).unwrap_or_default()));
    (case && follows()).then_some(end)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use proptest::test_runner::{Config, RngSeed};

    use super::*;
    use crate::model::{Confidence, RuleMeta, Severity};
    use crate::rule::{Anchor, Follow, Kind};

    fn rule(anchors: Vec<Anchor>) -> Rule {
        let meta = RuleMeta {
            id: "a".into(),
            name: String::new(),
            provider: String::new(),
            severity: Severity::Low,
            why: String::new(),
            fix: String::new(),
            link: String::new(),
            generic: false,
        };
        Rule {
            meta: Arc::new(meta),
            confidence: Confidence::High,
            kind: Kind::Token,
            regex: String::new(),
            anchors,
            lookback: 0,
            max_len: 0,
            entropy: 0.0,
            checksum: None,
            paths: Vec::new(),
            requires: Vec::new(),
            part: false,
        }
    }

    /// Every place of every anchor, tried one by one.
    fn naive(rules: &[Rule], text: &[u8]) -> Vec<Hit> {
        let mut out = Vec::new();
        for at in 0..text.len() {
            for (rule, written) in rules.iter().enumerate() {
                for anchor in &written.anchors {
                    let end = at + anchor.text.len();
                    let Some(here) = text.get(at..end) else { continue };
                    let same = if anchor.ignore_case {
                        here.eq_ignore_ascii_case(anchor.text.as_bytes())
                    } else {
                        here == anchor.text.as_bytes()
                    };
                    if same && anchor.then.as_ref().is_none_or(|then| then.holds(&text[end..])) {
                        out.push(Hit::Anchor { rule, at, end });
                    }
                }
            }
            if text[at..].len() >= MARK.len() && text[at..at + MARK.len()].eq_ignore_ascii_case(MARK.as_bytes()) {
                out.push(Hit::Mark { at });
            }
        }
        out.sort();
        out
    }

    fn anchors() -> impl Strategy<Value = Vec<Anchor>> {
        let anchor =
            ("[abAB_]{1,5}", any::<bool>(), prop::option::of(0_u8..3)).prop_map(|(text, ignore_case, least)| {
                let text = if ignore_case { text.to_ascii_lowercase() } else { text };
                let then = least.map(|least| Follow { class: vec![(b'a', b'b')], least });
                Anchor { text, ignore_case, then }
            });
        prop::collection::vec(anchor, 1..5)
    }

    proptest! {
        #![proptest_config(Config { cases: 400, rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..Config::default() })]

        #[test]
        fn every_hit_of_a_naive_search_is_shown_and_no_other(
            anchors in prop::collection::vec(anchors(), 1..6),
            text in "([abAB_c]{0,90}(keyward:allow)?){0,6}",
        ) {
            let rules: Vec<Rule> = anchors.into_iter().map(rule).collect();
            let mut prefilter = Prefilter::new(&rules).unwrap();
            let expected = naive(&rules, text.as_bytes());
            // With whatever the processor has, then without.
            for _ in 0..2 {
                let mut hits = Vec::new();
                prefilter.each(&rules, text.as_bytes(), |hit| { hits.push(hit); Go::On });
                hits.sort();
                prop_assert_eq!(&hits, &expected);
                prefilter.wide = None;
            }
        }
    }
}
