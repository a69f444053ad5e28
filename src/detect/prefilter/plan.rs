//! What to watch for: each anchor's rarest four bytes, dealt into the sieve's buckets. Made by `cargo xtask pack` for the
//! built-in rules and stored with them; at run time only the anchors of one's own rules are added.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::MARK;
use super::deal::{Bucket, Places, deal};
use super::shares::Shares;
use crate::rule::{Anchor, Follow, Rule};

/// Folded bytes there are: five low bits and the one that tells letters from the rest.
pub(super) const FOLDED: usize = 64;
/// A window that stands for more texts than this is no window.
const MOST_WINDOWS: usize = 4096;
/// Bytes of what follows an anchor that a window may use.
const MOST_FOLLOWING: usize = 3;

/// In [`Plan::wanted`]: whoever reads inline comments.
pub(super) const FOR_MARKS: u16 = u16::MAX;
/// In [`Plan::wanted`]: nobody; its rule is not there.
pub(super) const FOR_NOBODY: u16 = u16::MAX - 1;
/// In [`Literal::follow`]: anything may follow.
pub(super) const ANYTHING: u16 = u16::MAX;

/// Folded bytes that may stand at each of four places.
pub(super) type Sets = [u64; 4];

/// All that the prefilter goes by.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Plan {
    /// The literals' texts, one behind the other; those without case in lower case.
    pub(super) texts: Cow<'static, [u8]>,
    pub(super) literals: Vec<Literal>,
    /// Rules by literal, as [`Literal::wanted`] says.
    pub(super) wanted: Vec<u16>,
    /// What may follow a literal.
    pub(super) follows: Vec<Class>,
    /// Windows of literals, sorted by [`Entry`]'s order.
    pub(super) entries: Vec<Entry>,
    /// Literals of two bytes, watched for as they are: the pair and the literal, sorted.
    pub(super) twos: Vec<(u16, u16)>,
    /// Literals without four telling bytes; no built-in rule has one.
    pub(super) short: Vec<u16>,
    /// The sieve's buckets.
    pub(super) buckets: Vec<Sets>,
}

/// A text to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Literal {
    /// Where in [`Plan::texts`] it begins.
    pub(super) text: u32,
    pub(super) len: u8,
    /// True when letters are compared without case.
    pub(super) fold: bool,
    /// Index of a class in [`Plan::follows`], or [`ANYTHING`].
    pub(super) follow: u16,
    /// Where in [`Plan::wanted`] its rules are.
    pub(super) wanted: u16,
    pub(super) rules: u16,
}

/// A run of bytes of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Class {
    /// A bit for each byte.
    pub(super) bytes: [u64; 4],
    /// How many at least.
    pub(super) least: u8,
}

/// Four folded bytes, and the literal that they give away. Sorted by what the lists are chosen by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// [`super::hash`] of the window.
    pub(super) hash: u32,
    pub(super) window: u32,
    pub(super) literal: u16,
    /// How far into the literal the window begins.
    pub(super) offset: u8,
}

impl Class {
    fn new(follow: &Follow) -> Self {
        let mut bytes = [0_u64; 4];
        let all = follow.class.iter().flat_map(|(low, high)| *low..=*high);
        for byte in all {
            if let Some(word) = bytes.get_mut(usize::from(byte >> 6)) {
                *word |= 1 << (byte & 63);
            }
        }
        Self { bytes, least: follow.least }
    }

    pub(super) fn has(&self, byte: u8) -> bool {
        self.bytes.get(usize::from(byte >> 6)).is_some_and(|word| word >> (byte & 63) & 1 == 1)
    }

    /// True when `rest` starts with the run.
    pub(super) fn holds(&self, rest: &[u8]) -> bool {
        rest.get(..usize::from(self.least)).is_some_and(|run| run.iter().all(|byte| self.has(*byte)))
    }
}

/// More anchors, or longer ones, than a plan can number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rules have more anchors than can be planned for")]
pub struct TooMany;

impl Plan {
    /// For all anchors of `rules`, from nothing: dealt so that little passes of what is at `places`.
    pub(super) fn new(rules: &[Rule], places: &Places) -> Result<Self, TooMany> {
        let mark = Anchor { text: MARK.to_owned().into(), ignore_case: true, then: None };
        let mut plan = Self::default();
        let indexed =
            (0..).zip(rules).flat_map(|(rule, written)| written.anchors.iter().map(move |anchor| (anchor, rule)));
        let units = plan.add(std::iter::once((&mark, FOR_MARKS)).chain(indexed), &Shares::new())?;
        plan.buckets = deal(units, &Shares::new(), places);
        Ok(plan)
    }

    /// Adds the anchors of rules beyond those planned for: their windows go where they widen a bucket least.
    pub(super) fn extend<'a>(&mut self, more: impl Iterator<Item = (&'a Anchor, u16)>) -> Result<(), TooMany> {
        let shares = Shares::new();
        let units = self.add(more, &shares)?;
        let mut buckets: Vec<Bucket> = self.buckets.iter().map(|sets| Bucket::with(sets, &shares)).collect();
        for unit in &units {
            let best = (0..buckets.len()).min_by(|a, b| {
                let dearer =
                    |index: &usize| buckets.get(*index).map_or(f64::MAX, |bucket| bucket.growth(unit, &shares));
                dearer(a).total_cmp(&dearer(b))
            });
            if let Some(bucket) = best.and_then(|best| buckets.get_mut(best)) {
                bucket.admit(unit, &shares);
            }
        }
        self.buckets = buckets.into_iter().map(|bucket| bucket.sets).collect();
        Ok(())
    }

    /// Adds literals and their windows, and returns what the sieve must let through for them.
    fn add<'a>(
        &mut self,
        anchors: impl Iterator<Item = (&'a Anchor, u16)>,
        shares: &Shares,
    ) -> Result<Vec<Sets>, TooMany> {
        let mut all: BTreeMap<(Cow<'_, str>, bool, Option<Class>), Vec<u16>> = BTreeMap::new();
        for (anchor, rule) in anchors.filter(|(anchor, _)| !anchor.text.is_empty()) {
            let text = match anchor.ignore_case {
                true => Cow::from(anchor.text.to_ascii_lowercase()),
                false => Cow::from(&*anchor.text),
            };
            let rules = all.entry((text, anchor.ignore_case, anchor.then.as_ref().map(Class::new))).or_default();
            if rules.last() != Some(&rule) {
                rules.push(rule);
            }
        }
        let mut units: Vec<Sets> = Vec::new();
        for ((text, fold, follow), rules) in all {
            let number = small(self.literals.len())?;
            let follow = match follow {
                None => ANYTHING,
                Some(class) => match self.follows.iter().position(|known| *known == class) {
                    Some(known) => small(known)?,
                    None => {
                        self.follows.push(class);
                        small(self.follows.len() - 1)?
                    }
                },
            };
            self.literals.push(Literal {
                text: u32::try_from(self.texts.len()).map_err(|_| TooMany)?,
                len: u8::try_from(text.len()).map_err(|_| TooMany)?,
                fold,
                follow,
                wanted: small(self.wanted.len())?,
                rules: small(rules.len())?,
            });
            self.texts.to_mut().extend_from_slice(text.as_bytes());
            self.wanted.extend(rules);
            self.watch(number, text.as_bytes(), fold, shares, &mut units);
        }
        self.entries.sort_unstable();
        self.twos.sort_unstable();
        if self.entries.len() > usize::from(u16::MAX) {
            return Err(TooMany);
        }
        Ok(units)
    }

    /// The share of places of ordinary text at which an anchor stands, at most.
    pub(super) fn share(anchor: &Anchor, shares: &Shares) -> f64 {
        let places = places(anchor.text.as_bytes(), anchor.then.as_ref().map(Class::new).as_ref());
        places.windows(4).filter_map(|window| window.first_chunk()).map(|window| shares.of(window)).fold(1.0, f64::min)
    }

    /// Chooses what gives a literal away.
    fn watch(&mut self, number: u16, text: &[u8], fold: bool, shares: &Shares, units: &mut Vec<Sets>) {
        let following = self.literals.last().and_then(|literal| self.follows.get(usize::from(literal.follow)));
        let places = places(text, following);
        let window = |offset: usize| places.get(offset..).and_then(|rest| rest.first_chunk::<4>());
        if let &[a, b] = text {
            // Two letters and whatever may follow would be thousands of windows; two letters in the right case are rare
            // enough by themselves.
            let cases = |byte: u8| if fold { vec![byte, byte.to_ascii_uppercase()] } else { vec![byte] };
            for first in cases(a) {
                self.twos.extend(cases(b).into_iter().map(|second| (u16::from_le_bytes([first, second]), number)));
            }
            units.extend(window(0));
            return;
        }
        let texts = |window: &Sets| window.iter().map(|set| set.count_ones() as usize).product::<usize>();
        let best = (0..text.len())
            .filter_map(|offset| Some((offset, window(offset)?)))
            .filter(|(_, window)| texts(window) <= MOST_WINDOWS)
            .min_by(|(_, a), (_, b)| shares.of(a).total_cmp(&shares.of(b)));
        let Some((offset, window)) = best else { return self.short.push(number) };
        units.push(*window);
        let offset = u8::try_from(offset).unwrap_or(u8::MAX);
        let entry = |window| Entry { hash: super::hash(window), window, literal: number, offset };
        self.entries.extend(spelled(window).into_iter().map(entry));
    }

    /// Says for each number in `wanted` which rule that is now.
    pub(super) fn renumber(&mut self, rule: impl Fn(u16) -> Option<u16>) {
        for wanted in self.wanted.iter_mut().filter(|wanted| **wanted < FOR_NOBODY) {
            *wanted = rule(*wanted).unwrap_or(FOR_NOBODY);
        }
    }

    pub(super) fn text(&self, literal: &Literal) -> &[u8] {
        let start = literal.text as usize;
        self.texts.get(start..start + usize::from(literal.len)).unwrap_or_default()
    }

    pub(super) fn wanted(&self, literal: &Literal) -> &[u16] {
        let start = usize::from(literal.wanted);
        self.wanted.get(start..start + usize::from(literal.rules)).unwrap_or_default()
    }
}

/// Folded bytes that may stand at each place of a literal and of what follows it; four at least.
fn places(text: &[u8], following: Option<&Class>) -> Vec<u64> {
    let mut places: Vec<u64> = text.iter().map(|byte| 1 << folded(*byte)).collect();
    let set = |class: &Class| (0..=u8::MAX).filter(|b| class.has(*b)).fold(0, |set, b| set | 1_u64 << folded(b));
    let run = following.map(|class| vec![set(class); usize::from(class.least).min(MOST_FOLLOWING)]);
    places.extend(run.unwrap_or_default());
    // Past the end of what is known anything may stand, even nothing, which is seen as zero.
    while places.len() < 4 {
        places.push(u64::MAX);
    }
    places
}

fn small(number: usize) -> Result<u16, TooMany> {
    u16::try_from(number).ok().filter(|number| *number < FOR_NOBODY).ok_or(TooMany)
}

/// Every text of a window, as the scan's mask sees it.
fn spelled(window: &Sets) -> Vec<u32> {
    let mut texts: Vec<u32> = vec![0];
    for (place, set) in window.iter().enumerate() {
        let members = (0..FOLDED as u32).filter(|byte| set >> byte & 1 == 1);
        let spread: Vec<u32> = members.map(|byte| unfolded(byte) << (8 * place)).collect();
        texts = texts.iter().flat_map(|text| spread.iter().map(move |byte| text | byte)).collect();
    }
    texts
}

/// Six bits of a byte: without those that tell case and the upper half.
pub(super) fn folded(byte: u8) -> u32 {
    u32::from(byte & 0x1f) | u32::from(byte & 0x40) >> 1
}

/// The byte that the scan's mask makes of all bytes that fold so.
fn unfolded(folded: u32) -> u32 {
    folded & 0x1f | (folded & 0x20) << 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_loses_case_and_nothing_that_the_mask_keeps() {
        for byte in 0..=u8::MAX {
            assert_eq!(unfolded(folded(byte)), u32::from(byte) & 0x5f);
            assert_eq!(folded(byte), folded(byte.to_ascii_uppercase()));
        }
    }
}
