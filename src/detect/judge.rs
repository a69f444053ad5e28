//! What a match is worth: entropy, looks, checksum, parts nearby, better rules over the same bytes.

use super::checksum::{self, Verdict};
use super::entropy::shannon;
use super::lines::Lines;
use super::placeholder::{self, Look};
use crate::model::{Confidence, Note, Span};
use crate::rule::{Checksum, Kind, Rule};

/// A match on its way to a candidate. Spans are in the text that was matched.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The rule's index.
    pub(super) rule: usize,
    /// All that the rule looked at.
    pub(super) whole: Span,
    /// The value to rotate.
    pub(super) secret: Span,
    /// How many of the secret's first bytes are its kind's marker.
    pub(super) public: usize,
    /// What it is worth so far.
    pub(super) confidence: Confidence,
    /// Why.
    pub(super) notes: Vec<Note>,
    /// Why it counts for nothing.
    pub(super) dropped: Option<String>,
    /// Composite parts, as (rule, span).
    pub(super) parts: Vec<(usize, Span)>,
    /// Globs that a path found later must satisfy.
    pub(super) paths: Vec<String>,
    /// True when the value had no quotes, which only some kinds of file allow.
    pub(super) bare: bool,
    /// True when the secret could be guessed.
    pub(super) guessable: bool,
}

/// A value with less than this many bits by its own entropy could be guessed from its hash.
const GUESSABLE_BITS: f64 = 64.0;
/// So could a shorter one.
const GUESSABLE_LENGTH: usize = 16;

impl Seen {
    /// Weighs the value by itself.
    pub(super) fn weigh(&mut self, rule: &Rule, text: &[u8]) {
        let value = self.secret.of(text);
        let entropy = shannon(value);
        let bits = entropy * value.len() as f64;
        self.guessable = rule.meta.generic || value.len() < GUESSABLE_LENGTH || bits < GUESSABLE_BITS;
        let look = placeholder::look(value, self.public);
        match look {
            Look::Placeholder(why) => self.dropped = Some(why.to_owned()),
            // Where only the name speaks for it, `password` is no password; in a connection string it may be.
            Look::Common(why) if rule.meta.generic => self.dropped = Some(why.to_owned()),
            Look::Common(_) | Look::Doubtful(_) | Look::Real => {}
        }
        if entropy < f64::from(rule.entropy) {
            let why = format!("its entropy of {entropy:.1} bits a byte is below the rule's {:.1}", rule.entropy);
            // A rule that knows the place (a connection string, a command) may see a poor password there.
            if rule.kind == Kind::Regex && !rule.meta.generic {
                self.lower(&why);
            } else {
                self.dropped.get_or_insert(why);
            }
        }
        match rule.checksum.map(|kind| checksum::verify(kind, value)) {
            Some(Verdict::Holds(why)) => {
                self.confidence = Confidence::Certain;
                self.notes.push(Note(why.to_owned()));
                if matches!(
                    rule.checksum,
                    Some(Checksum::Crc32Base62 | Checksum::Crc32Base36 | Checksum::Crc32Hex | Checksum::Bech32)
                ) {
                    // No accident makes a checksum of thirty bits right, however dull the value looks.
                    self.dropped = None;
                }
                return;
            }
            Some(Verdict::Fails(why)) => self.lower(why),
            Some(Verdict::Unknown(why)) => self.notes.push(Note(why.to_owned())),
            None => {}
        }
        if let Look::Doubtful(why) | Look::Common(why) = look {
            self.lower(why);
        }
    }

    fn lower(&mut self, why: &str) {
        self.confidence = Confidence::Low;
        self.notes.push(Note(why.to_owned()));
    }
}

/// Gives each composite its nearest parts; one that misses a part is dropped.
pub(super) fn compose(seen: &mut [Seen], rules: &[Rule], lines: &Lines, rule_of: impl Fn(&str) -> Option<usize>) {
    let composite = |seen: &Seen| rules.get(seen.rule).is_some_and(|rule| !rule.requires.is_empty());
    if !seen.iter().any(composite) {
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
    for candidate in seen.iter_mut().filter(|seen| seen.dropped.is_none()) {
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
                None => {
                    candidate.dropped = Some(format!("no `{}` within {} lines", required.rule, required.within_lines));
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
            (generic(seen), std::cmp::Reverse(worth), id(seen), seen.secret)
        })
    };
    order.sort_by(|a, b| rank(a).cmp(&rank(b)));
    // Winners by their start; `longest` bounds how far back one may reach.
    let mut winners: std::collections::BTreeMap<(usize, usize), usize> = std::collections::BTreeMap::new();
    let mut losers: Vec<(usize, String)> = Vec::new();
    let mut longest = 0;
    for index in order {
        let Some(here) = seen.get(index) else { continue };
        if here.dropped.is_some() || rules.get(here.rule).is_none_or(|rule| rule.part) {
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
            Some(winner) => losers.push((index, format!("covered by {}", id(winner)))),
            None => {
                longest = longest.max(here.secret.len());
                winners.insert((here.secret.start, index), index);
            }
        }
    }
    for (index, why) in losers {
        if let Some(loser) = seen.get_mut(index) {
            loser.dropped = Some(why);
        }
    }
}
