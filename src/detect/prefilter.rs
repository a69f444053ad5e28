//! Where a rule may match: every anchor of every rule, found in one pass. Knows literals, not regexes.
//!
//! Each anchor is watched for by its rarest four bytes. A sieve refuses most places 64 at a time, a bitmap of the
//! windows' hashes all but one in a hundred of the rest, and only there are anchors compared. Letters are folded, so
//! case costs nothing.

mod deal;
mod plan;
mod shares;
mod sieve;
mod stored;

use std::cell::Cell;
use std::sync::OnceLock;

use aho_corasick::automaton::{Automaton, OverlappingState};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, Input, MatchKind};

use crate::rule::{Anchor, Rule, pack};
pub use deal::Places;
pub use plan::TooMany;
use plan::{ANYTHING, Entry, FOR_MARKS, FOR_NOBODY, Plan};
use shares::Shares;
pub use sieve::Simd;
use sieve::{REACH, Sieve, WIDTH};

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
/// Masks asked for at a time.
const MASKS: usize = 8;
/// Places that they answer for.
const BLOCK: usize = MASKS * WIDTH;
/// Places of a block that were kept.
type Kept = [u16; BLOCK];

thread_local! {
    /// A thread's own, kept from text to text: a history has millions of short ones, and to clear it costs more than they do.
    static KEPT: Cell<Option<Box<Kept>>> = const { Cell::new(None) };
}

/// Bits of a hash that choose an entry list.
const LIST_BITS: u32 = 12;

/// All anchors, watched for by four bytes each. The only door to it is [`Prefilter::each`].
pub(super) struct Prefilter {
    plan: Plan,
    sieve: Sieve,
    /// One bit for each hash that some window has.
    bitmap: Box<[u64; 1 << (HASH_BITS - 6)]>,
    /// For each of the plan's entries a byte beside its window.
    beside: Box<[Beside]>,
    /// Where in the plan's entries each list begins; one more than there are lists.
    starts: Box<[u16]>,
    /// One bit for each pair of bytes that an anchor of two bytes is.
    pairs: Box<[u64; 1 << 10]>,
    /// Anchors of one byte, or without four telling bytes; no rule of the pack has one.
    short: Option<NFA>,
}

/// A byte of a literal beside its window: of the many that share one nearly all are refused by it.
#[derive(Clone, Copy)]
struct Beside {
    /// From the window's first byte on; 0 where the literal is no longer than its window.
    at: i8,
    /// As windows see it.
    byte: u8,
}

impl Beside {
    fn of(plan: &Plan, entry: &Entry) -> Self {
        let text = plan.literals.get(usize::from(entry.literal)).map_or(&b""[..], |literal| plan.text(literal));
        let offset = usize::from(entry.offset);
        let before = offset.checked_sub(1).and_then(|at| text.get(at)).map(|byte| (-1, *byte));
        let (at, byte) = before.or_else(|| text.get(offset + 4).map(|byte| (4, *byte))).unwrap_or_default();
        Self { at, byte: byte & FOLD as u8 }
    }

    /// False where the literal does not stand around the window at `at`.
    #[inline]
    fn may_stand(self, text: &[u8], at: usize) -> bool {
        let here = || text.get(at.checked_add_signed(isize::from(self.at))?);
        self.at == 0 || here().is_some_and(|byte| byte & FOLD as u8 == self.byte)
    }
}

/// Bytes as the windows see them: without the bit that tells the case of letters, and without the highest.
const FOLD: u32 = 0x5f5f_5f5f;

fn hash(window: u32) -> u32 {
    // The odd constant is 2^32 over the golden ratio: neighbouring windows land far apart.
    window.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)
}

/// The bytes of a plan for `rules`, numbered as they lie, so that little of what is at `places` passes the sieve: what
/// `cargo xtask pack` puts beside them.
pub fn plan_bytes(rules: &[Rule], places: &Places) -> Result<Vec<u8>, TooMany> {
    Ok(Plan::new(rules, places)?.write())
}

/// The share of places of ordinary text at which an anchor stands, at most: counted where it is common.
pub(super) fn share(anchor: &Anchor) -> f64 {
    static SHARES: OnceLock<Shares> = OnceLock::new();
    Plan::share(anchor, SHARES.get_or_init(Shares::new))
}

/// The stored plan, as far as its rules are there, and what other rules add to it.
fn plan(rules: &[Rule]) -> Result<Plan, TooMany> {
    let built_in = rules.iter().any(|rule| rule.number.is_some());
    let Some(mut plan) = built_in.then(|| Plan::read(pack::plan())).flatten() else {
        return Plan::new(rules, &Places::none());
    };
    let most = rules.iter().filter_map(|rule| rule.number).max().unwrap_or_default();
    let mut now = vec![None; usize::from(most) + 1];
    for (index, rule) in (0..).zip(rules) {
        if let Some(slot) = rule.number.and_then(|number| now.get_mut(usize::from(number))) {
            *slot = Some(index);
        }
    }
    plan.renumber(|number| now.get(usize::from(number)).copied().flatten());
    let own = || (0..).zip(rules).filter(|(_, rule)| rule.number.is_none());
    if own().next().is_some() {
        plan.extend(own().flat_map(|(index, rule)| rule.anchors.iter().map(move |anchor| (anchor, index))))?;
    }
    Ok(plan)
}

impl Prefilter {
    /// Ready for all anchors of `rules`. Built-in rules are planned for already; only others cost time.
    pub(super) fn new(rules: &[Rule], simd: Simd) -> Result<Self, TooMany> {
        Ok(Self::of(plan(rules)?, simd))
    }

    fn of(plan: Plan, simd: Simd) -> Self {
        let mut bitmap = Box::new([0; 1 << (HASH_BITS - 6)]);
        let mut starts = vec![0_u16; (1 << LIST_BITS) + 1].into_boxed_slice();
        for entry in &plan.entries {
            set(&mut *bitmap, entry.hash);
            if let Some(start) = starts.get_mut((entry.hash >> (HASH_BITS - LIST_BITS)) as usize + 1) {
                *start += 1;
            }
        }
        let mut before = 0;
        for start in &mut starts {
            before += *start;
            *start = before;
        }
        let mut pairs = Box::new([0; 1 << 10]);
        plan.twos.iter().for_each(|(pair, _)| set(&mut *pairs, u32::from(*pair)));
        let texts = plan.short.iter().filter_map(|index| plan.literals.get(usize::from(*index)));
        let texts: Vec<&[u8]> = texts.map(|literal| plan.text(literal)).collect();
        let builder = &mut NFA::builder();
        let builder = builder.match_kind(MatchKind::Standard).ascii_case_insensitive(true);
        // A plan numbers less literals than an automaton can hold.
        let short = (!texts.is_empty()).then(|| builder.build(texts).ok()).flatten();
        let sieve = Sieve::new(simd, &plan.buckets);
        let beside = plan.entries.iter().map(|entry| Beside::of(&plan, entry)).collect();
        Self { plan, sieve, bitmap, beside, starts, pairs, short }
    }

    /// Shows every hit in `text`, overlapping ones too, by the place of their windows: an order that depends on the text
    /// alone. Says how many places each stage let through.
    pub(super) fn each(&self, text: &[u8], mut show: impl FnMut(Hit) -> Go) -> Sieved {
        let mut sieved = Sieved::default();
        let mut kept = KEPT.take().unwrap_or_else(|| Box::new([0; BLOCK]));
        self.every(text, &mut kept, &mut sieved, &mut show);
        KEPT.set(Some(kept));
        sieved
    }

    fn every(&self, text: &[u8], kept: &mut Kept, sieved: &mut Sieved, show: &mut impl FnMut(Hit) -> Go) -> Go {
        let mut go = self.each_short(text, show);
        let mut at = 0;
        let mut masks = [0; MASKS];
        while go == Go::On {
            let rest = text.get(at..).unwrap_or_default();
            let filled = self.sieve.masks(rest, &mut masks);
            if filled == 0 {
                break;
            }
            let some = masks.get(..filled).unwrap_or_default();
            let count = self.keep(rest, some, kept);
            sieved.places += some.iter().map(|mask| u64::from(mask.count_ones())).sum::<u64>();
            go = self.look(text, at, rest, kept.get(..count).unwrap_or_default(), sieved, show);
            at += filled * WIDTH;
        }
        // Without a sieve nothing was looked at yet.
        while go == Go::On && text.len() - at >= REACH {
            let rest = text.get(at..).unwrap_or_default();
            let places = (rest.len() - 3).min(BLOCK);
            let count = self.keep_all(rest, places, kept);
            sieved.places += places as u64;
            go = self.look(text, at, rest, kept.get(..count).unwrap_or_default(), sieved, show);
            at += places;
        }
        if go == Go::On { self.end(text, at, kept, sieved, show) } else { go }
    }

    /// The places from `at` on, less than [`REACH`]. Past the end nothing stands, which is seen as zero: anchors of less
    /// than four bytes with what follows may end with the text.
    fn end(
        &self,
        text: &[u8],
        at: usize,
        kept: &mut Kept,
        sieved: &mut Sieved,
        show: &mut impl FnMut(Hit) -> Go,
    ) -> Go {
        let rest = text.get(at..).unwrap_or_default();
        let mut padded = [0; REACH + WIDTH];
        padded.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        let mut masks = [0; 2];
        let count = if self.sieve.masks(&padded, &mut masks) == masks.len() {
            // Only the places of the text count.
            let all = u128::from(masks[1]) << WIDTH | u128::from(masks[0]);
            let here = all & !(u128::MAX << rest.len());
            masks = [here as u64, (here >> WIDTH) as u64];
            sieved.places += u64::from(here.count_ones());
            self.keep(&padded, &masks, kept)
        } else {
            sieved.places += rest.len() as u64;
            self.keep_all(&padded, rest.len(), kept)
        };
        self.look(text, at, &padded, kept.get(..count).unwrap_or_default(), sieved, show)
    }

    /// True when a window or an anchor of two bytes may begin with these bytes.
    #[inline]
    fn may_begin(&self, bytes: [u8; 4]) -> bool {
        let [a, b, ..] = bytes;
        let four = is_set(&self.bitmap, hash(u32::from_le_bytes(bytes) & FOLD));
        four | is_set(&self.pairs, u32::from(u16::from_le_bytes([a, b])))
    }

    /// Of the places in masks, keeps those that may begin something; returns how many.
    fn keep(&self, text: &[u8], masks: &[u64], kept: &mut Kept) -> usize {
        let mut count = 0;
        for (block, mask) in masks.iter().enumerate() {
            let mut left = *mask;
            while left != 0 {
                let place = block * WIDTH + left.trailing_zeros() as usize;
                left &= left - 1;
                let Some(bytes) = text.get(place..).and_then(|rest| rest.first_chunk()) else { return count };
                // Always written, counted only when it may be one: nothing for the processor to guess.
                if let Some(slot) = kept.get_mut(count) {
                    *slot = place as u16;
                }
                count += usize::from(self.may_begin(*bytes));
            }
        }
        count
    }

    /// The same for all of the first `places`.
    fn keep_all(&self, text: &[u8], places: usize, kept: &mut Kept) -> usize {
        let mut count = 0;
        for (place, bytes) in text.windows(4).take(places).enumerate() {
            let Some(bytes) = bytes.first_chunk() else { break };
            if let Some(slot) = kept.get_mut(count) {
                *slot = place as u16;
            }
            count += usize::from(self.may_begin(*bytes));
        }
        count
    }

    /// Compares anchors at the places kept: those of `here`, which is the text from `at` on.
    fn look(
        &self,
        text: &[u8],
        at: usize,
        here: &[u8],
        kept: &[u16],
        sieved: &mut Sieved,
        show: &mut impl FnMut(Hit) -> Go,
    ) -> Go {
        for place in kept {
            let Some(bytes) = here.get(usize::from(*place)..).and_then(|rest| rest.first_chunk()) else { continue };
            let at = at + usize::from(*place);
            sieved.windows += 1;
            if self.compare(text, at, *bytes, show) == Go::Stop {
                return Go::Stop;
            }
        }
        Go::On
    }

    /// Shows the anchors that really stand where their window was seen.
    fn compare(&self, text: &[u8], at: usize, bytes: [u8; 4], show: &mut impl FnMut(Hit) -> Go) -> Go {
        let [a, b, ..] = bytes;
        let pair = u16::from_le_bytes([a, b]);
        if is_set(&self.pairs, u32::from(pair)) {
            let first = self.plan.twos.partition_point(|(two, _)| *two < pair);
            for (_, literal) in self.plan.twos.iter().skip(first).take_while(|(two, _)| *two == pair) {
                if self.tell(text, at, *literal, show) == Go::Stop {
                    return Go::Stop;
                }
            }
        }
        let window = u32::from_le_bytes(bytes) & FOLD;
        let list = (hash(window) >> (HASH_BITS - LIST_BITS)) as usize;
        let (Some(from), Some(to)) = (self.starts.get(list), self.starts.get(list + 1)) else { return Go::On };
        let list = usize::from(*from)..usize::from(*to);
        let entries = self.plan.entries.get(list.clone()).unwrap_or_default();
        for (entry, beside) in entries.iter().zip(self.beside.get(list).unwrap_or_default()) {
            if entry.window == window
                && beside.may_stand(text, at)
                && let Some(start) = at.checked_sub(usize::from(entry.offset))
                && self.tell(text, start, entry.literal, show) == Go::Stop
            {
                return Go::Stop;
            }
        }
        Go::On
    }

    /// Shows a literal to everybody who wants to hear of it, if it stands at `at` and is followed as it must be.
    fn tell(&self, text: &[u8], at: usize, literal: u16, show: &mut impl FnMut(Hit) -> Go) -> Go {
        let Some(literal) = self.plan.literals.get(usize::from(literal)) else { return Go::On };
        let end = at + usize::from(literal.len);
        let (Some(here), Some(rest)) = (text.get(at..end), text.get(end..)) else { return Go::On };
        let wanted = self.plan.text(literal);
        // Byte by byte: most differ in the first that their window does not hold, and few have ten.
        let same = if literal.fold { here.eq_ignore_ascii_case(wanted) } else { here.iter().eq(wanted) };
        let class = self.plan.follows.get(usize::from(literal.follow));
        if !same || literal.follow != ANYTHING && !class.is_some_and(|class| class.holds(rest)) {
            return Go::On;
        }
        for rule in self.plan.wanted(literal) {
            let hit = match *rule {
                FOR_MARKS => Hit::Mark { at },
                FOR_NOBODY => continue,
                rule => Hit::Anchor { rule: usize::from(rule), at, end },
            };
            if show(hit) == Go::Stop {
                return Go::Stop;
            }
        }
        Go::On
    }

    fn each_short(&self, text: &[u8], show: &mut impl FnMut(Hit) -> Go) -> Go {
        let Some(automaton) = &self.short else { return Go::On };
        let input = Input::new(text).anchored(Anchored::No);
        let mut state = OverlappingState::start();
        // The only error is an anchored mode that the automaton does not have.
        while automaton.try_find_overlapping(&input, &mut state).is_ok() {
            let Some(found) = state.get_match() else { break };
            let literal = self.plan.short.get(found.pattern().as_usize());
            if literal.is_some_and(|literal| self.tell(text, found.start(), *literal, show) == Go::Stop) {
                return Go::Stop;
            }
        }
        Go::On
    }
}

fn set(bits: &mut [u64], bit: u32) {
    if let Some(word) = bits.get_mut((bit >> 6) as usize) {
        *word |= 1 << (bit & 63);
    }
}

#[inline]
fn is_set<const N: usize>(bits: &[u64; N], bit: u32) -> bool {
    bits.get((bit >> 6) as usize).is_some_and(|word| word >> (bit & 63) & 1 == 1)
}

#[cfg(test)]
mod tests;
