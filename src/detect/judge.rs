//! What a match is worth: entropy, looks, checksum, parts nearby, better rules over the same bytes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::checksum::{self, Verdict};
use super::drops::DropReason;
use super::entropy::shannon;
use super::generic;
use super::lines::Lines;
use super::placeholder::{self, Look};
use super::structure::LOCKED;
use crate::model::{Coding, Confidence, Note, Notes, Secret, Span};
use crate::rule::{Checksum, Kind, Rule};

/// A match on its way to a candidate. Spans are in the text that was matched.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The rule's index.
    pub(super) rule: usize,
    /// Where its anchor stands.
    pub(super) anchor: Span,
    /// All that the rule looked at.
    pub(super) whole: Span,
    /// The value to rotate.
    pub(super) secret: Span,
    /// What it says, in the clear where it stands encoded.
    pub(super) value: Secret,
    /// What it is worth so far.
    pub(super) confidence: Confidence,
    /// Why.
    pub(super) notes: Notes,
    /// Why it counts for nothing.
    pub(super) dropped: Option<Cow<'static, str>>,
    /// Composite parts, as (rule, span).
    pub(super) parts: Vec<(usize, Span)>,
    /// Globs that a path found later must satisfy.
    pub(super) paths: Vec<String>,
    /// What a guess is decided by once its path is known; empty for rules that do not guess.
    pub(super) features: Arc<[u8]>,
    /// True when the secret could be guessed.
    pub(super) guessable: bool,
    /// How the secret is encoded, where it is.
    pub(super) decoded: Option<Arc<Decoded>>,
    /// A composite some of whose parts were not found yet: they may lie outside what is encoded.
    pub(super) apart: bool,
}

/// How a secret is encoded.
#[derive(Debug)]
pub(super) struct Decoded {
    /// The outermost first.
    pub(super) how: Vec<Coding>,
}

/// A value with less than this many bits by its own entropy could be guessed from its hash.
const GUESSABLE_BITS: f64 = 64.0;
/// So could a shorter one.
const GUESSABLE_LENGTH: usize = 16;

impl Seen {
    /// The value is encoded as a whole, and this is what it says.
    pub(super) fn says(&mut self, value: &[u8], how: Coding) {
        self.value = Secret::new(value, self.value.public());
        self.decoded = Some(Arc::new(Decoded { how: vec![how] }));
    }

    /// Weighs the value by itself.
    pub(super) fn weigh(&mut self, rule: &Rule) {
        let secret = self.value.clone();
        let value = secret.reveal();
        let entropy = shannon(value);
        let bits = entropy * value.len() as f64;
        self.guessable = rule.meta.generic || value.len() < GUESSABLE_LENGTH || bits < GUESSABLE_BITS;
        let look = placeholder::look(value, secret.public());
        let form = !rule.meta.generic && rule.checksum.is_none() && rule.confidence > Confidence::Low;
        match look {
            Look::Placeholder(why) => self.dropped = Some(why.into()),
            // Where only the name speaks for it, `password` is no password; in a connection string it may be.
            Look::Common(why) if rule.meta.generic => self.dropped = Some(why.into()),
            // What proves itself, or was doubtful to begin with, has no need of the benefit of the doubt.
            Look::Dull(why) if !form => self.dropped = Some(why.into()),
            Look::Common(_) | Look::Dull(_) | Look::Doubtful(_) | Look::Real => {}
        }
        if look == Look::Real && matches!(rule.kind, Kind::Keyed | Kind::Assigned) && generic::is_words(value) {
            self.dropped.get_or_insert(DropReason::Words.text().into());
        }
        if entropy < f64::from(rule.entropy) {
            let why = format!(
                "{}{entropy:.1} bits a byte is below the rule's {:.1}",
                DropReason::Entropy.text(),
                rule.entropy
            );
            // A rule that knows the place (a connection string, a command) may see a poor password there.
            if !rule.meta.generic && (rule.kind == Kind::Regex || form && matches!(look, Look::Dull(_))) {
                self.lower(why);
            } else {
                self.dropped.get_or_insert(why.into());
            }
        }
        self.notes.extend(rule.checksum.and_then(|kind| checksum::note(kind, value)).map(|note| Note(note.into())));
        match rule.checksum.map(|kind| checksum::verify(kind, value)) {
            Some(Verdict::Holds(why)) => {
                self.confidence = Confidence::Certain;
                self.notes.push(Note(why.into()));
                if is_sum(rule) {
                    // No accident makes a checksum of thirty bits right, however dull the value looks.
                    self.dropped = None;
                }
                return;
            }
            Some(Verdict::Fails(why)) => self.lower(why),
            Some(Verdict::Unknown(why)) => {
                if why == LOCKED {
                    self.confidence = self.confidence.min(Confidence::Medium);
                }
                self.notes.push(Note(why.into()));
            }
            None => {}
        }
        // The model has weighed that already.
        if let (Look::Doubtful(why) | Look::Common(why) | Look::Dull(why), true) = (look, self.features.is_empty()) {
            self.lower(why);
        }
    }

    fn lower(&mut self, why: impl Into<Cow<'static, str>>) {
        self.confidence = Confidence::Low;
        self.notes.push(Note(why.into()));
    }
}

/// True when what the rule verifies is a sum over all of a token: who makes passwords up makes none that is right.
fn is_sum(rule: &Rule) -> bool {
    use Checksum::{Bech32, Crc32Base36, Crc32Base62, Crc32Hex};
    matches!(rule.checksum, Some(Crc32Base62 | Crc32Base36 | Crc32Hex | Bech32))
}

/// Nobody guesses a token whose checksum holds, whatever the rules that know less of the same value make of it.
pub(super) fn agree_on_drawn(seen: &mut [Seen], rules: &[Rule]) {
    let proved = |seen: &&Seen| seen.confidence == Confidence::Certain && rules.get(seen.rule).is_some_and(is_sum);
    let drawn: Vec<Secret> = seen.iter().filter(proved).map(|seen| seen.value.clone()).collect();
    if !drawn.is_empty() {
        // What is public of it is the rule's opinion.
        let drawn: HashSet<&[u8]> = drawn.iter().map(Secret::reveal).collect();
        seen.iter_mut().filter(|seen| drawn.contains(seen.value.reveal())).for_each(|seen| seen.guessable = false);
    }
}

/// Gives each composite its nearest parts; one that misses a part is dropped, or is left `apart` in an encoded text.
pub(super) fn compose(
    seen: &mut [Seen],
    rules: &[Rule],
    lines: &Lines,
    rule_of: impl Fn(&str) -> Option<usize>,
    encoded: bool,
) {
    let composite = |seen: &Seen| rules.get(seen.rule).is_some_and(|rule| !rule.requires.is_empty());
    let open = |seen: &Seen| composite(seen) && seen.parts.is_empty() && seen.dropped.is_none();
    if !seen.iter().any(open) {
        return;
    }
    // (rule, first line, last line, span) of everything that may be a part; sorted, as `seen` is sorted by place.
    let mut parts: Vec<(usize, usize, usize, Span)> = seen
        .iter()
        .filter(|seen| seen.dropped.is_none())
        .map(|seen| {
            let last = lines.index(seen.secret.end.saturating_sub(1));
            (seen.rule, lines.index(seen.secret.start), last, seen.secret)
        })
        .collect();
    parts.sort_unstable();
    for candidate in seen.iter_mut().filter(|seen| open(seen)) {
        candidate.apart = false;
        let Some(rule) = rules.get(candidate.rule) else { continue };
        let first = lines.index(candidate.secret.start);
        let last = lines.index(candidate.secret.end.saturating_sub(1));
        for required in &rule.requires {
            let within = usize::try_from(required.within_lines).unwrap_or(usize::MAX);
            let nearest = rule_of(&required.rule).and_then(|wanted| {
                let from =
                    parts.partition_point(|part| (part.0, part.1) < (wanted, first.saturating_sub(within + REACH)));
                parts
                    .iter()
                    .skip(from)
                    .take_while(|part| part.0 == wanted && part.1 <= last.saturating_add(within))
                    .filter(|part| !part.3.overlaps(&candidate.secret))
                    .map(|part| {
                        let lines = part.1.saturating_sub(last).max(first.saturating_sub(part.2));
                        (lines, part.3.start.abs_diff(candidate.secret.start), part.3)
                    })
                    .filter(|(lines, ..)| *lines <= within)
                    .take(MOST_PARTS)
                    .min()
                    .map(|(.., span)| (wanted, span))
            });
            match nearest {
                Some(part) => candidate.parts.push(part),
                None if required.optional => {}
                None if encoded => {
                    candidate.apart = true;
                    candidate.parts.clear();
                    break;
                }
                None => {
                    let (rule, lines) = (&required.rule, required.within_lines);
                    let why = format!("{}{rule}` within {lines} lines", DropReason::Part.text());
                    candidate.dropped = Some(why.into());
                    break;
                }
            }
        }
    }
}

/// Lines that a part itself may span.
const REACH: usize = 400;
/// Parts near one candidate that are compared.
const MOST_PARTS: usize = 1000;

/// Leaves one candidate for each secret: a generic one gives way to a specific one it overlaps, and among specific
/// ones over the same bytes the more confident wins, then the longer secret, a token over a place,
/// the longer match, the lower id.
pub(super) fn settle(seen: &mut [Seen], rules: &[Rule]) {
    let generic = |seen: &Seen| rules.get(seen.rule).is_some_and(|rule| rule.meta.generic);
    let id = |seen: &Seen| rules.get(seen.rule).map(Rule::id).unwrap_or_default();
    let mut order: Vec<usize> = (0..seen.len()).collect();
    let rank = |index: &usize| {
        seen.get(*index).map(|seen| {
            // Of two that took the same secret: the one that knows its form, then the one that found its other half,
            // then the one that explains more around it.
            let form = rules.get(seen.rule).is_some_and(|rule| rule.kind == Kind::Token);
            let worth = (seen.confidence, seen.secret.len(), form, seen.parts.len(), seen.whole.len());
            // The model's guess gives way to every rule that knows more of the form, other guesses too.
            let grammar = rules.get(seen.rule).is_some_and(|rule| rule.kind == Kind::Assignment);
            (generic(seen), grammar, std::cmp::Reverse(worth), id(seen), seen.secret)
        })
    };
    order.sort_by(|a, b| rank(a).cmp(&rank(b)));
    // Winners by their start; `longest` bounds how far back one may reach.
    let mut winners: std::collections::BTreeMap<(usize, usize), usize> = std::collections::BTreeMap::new();
    let mut losers: Vec<(usize, String)> = Vec::new();
    let mut longest = 0;
    for index in order {
        let Some(here) = seen.get(index) else { continue };
        if here.dropped.is_some() || here.apart || rules.get(here.rule).is_none_or(|rule| rule.part) {
            continue;
        }
        let from = here.secret.start.saturating_sub(longest);
        let covers = |winner: &Seen| {
            let shared = winner.secret.overlaps(&here.secret);
            // The same secret: one holds the other. Two that merely touch are two.
            let same = winner.secret.contains(&here.secret) || here.secret.contains(&winner.secret);
            shared && (same || generic(here))
        };
        let winner = winners
            .range((from, 0)..(here.secret.end, 0))
            .filter_map(|(_, winner)| seen.get(*winner))
            .find(|winner| covers(winner));
        match winner {
            Some(winner) => losers.push((index, format!("{}{}", DropReason::Covered.text(), id(winner)))),
            None => {
                longest = longest.max(here.secret.len());
                winners.insert((here.secret.start, index), index);
            }
        }
    }
    for (index, why) in losers {
        if let Some(loser) = seen.get_mut(index) {
            loser.dropped = Some(why.into());
        }
    }
}

/// Settles between what stands in a text, `own`, and what is encoded `within` it, both sorted by place: the same secret is
/// told once, a guess gives way to a rule that knows more, and of two guesses the one that saw less of the text.
pub(super) fn give_way(own: &mut [Seen], within: &mut [Seen], rules: &[Rule]) {
    let counts =
        |seen: &Seen| seen.dropped.is_none() && !seen.apart && rules.get(seen.rule).is_some_and(|rule| !rule.part);
    let guess = |seen: &Seen| rules.get(seen.rule).is_some_and(|rule| rule.kind == Kind::Assignment);
    let covered = |by: &Seen| {
        let by = rules.get(by.rule).map(Rule::id).unwrap_or_default();
        Some(format!("{}{by}", DropReason::Covered.text()).into())
    };
    let longest = own.iter().map(|seen| seen.secret.len()).max().unwrap_or_default();
    for inner in within.iter_mut().filter(|seen| counts(seen)) {
        let first = own.partition_point(|seen| seen.secret.start + longest < inner.secret.start);
        for outer in own.iter_mut().skip(first).take_while(|seen| seen.secret.start < inner.secret.end) {
            if !counts(outer) || !outer.secret.overlaps(&inner.secret) {
                continue;
            }
            let (guessed, guess) = (guess(outer), guess(inner));
            // A rule may have taken the encoded form for a secret of its kind: the surer of the two knows better.
            let all = outer.secret.contains(&inner.secret) && inner.secret.len() * 4 >= outer.secret.len() * 3;
            let surer = inner.confidence >= outer.confidence;
            let same = outer.value.reveal() == inner.value.reveal();
            let gives_way = match (guessed, guess) {
                (true, false) => true,
                (true, true) => !same && outer.secret.contains(&inner.secret),
                (false, false) => !same && all && surer,
                (false, true) => false,
            };
            if gives_way {
                outer.dropped = covered(inner);
            } else if same || guess || all {
                inner.dropped = covered(outer);
                break;
            }
        }
    }
}
