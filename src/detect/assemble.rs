//! From what was seen to what is told: freshness, positions, snippets, marks. Decides no match.

use std::sync::Arc;

use super::Detector;
use super::decode::Carried;
use super::encoding::Map;
use super::generic;
use super::judge::{self, Decoded, Seen};
use super::lines::Lines;
use super::marks;
use super::sweep::{MOST, Seens, Swept};
use crate::model::{Blob, Candidate, Found, Mark, Position, Problem, Related, Secret, Snippet, Span, evidence};
use crate::rule::Rule;

/// Bytes of context shown on either side of a secret on a long line.
const CONTEXT: usize = 100;
/// Bytes of one long secret shown.
const SHOWN: usize = 200;
/// So many secrets before and after one on a snippet are masked wherever their values show in it.
const NEIGHBOURS: usize = 32;
/// Secrets in one window that are masked one by one.
const CROWD: usize = 256;

/// One text of a blob: what was matched, and how it lies in the stored bytes.
struct Text<'a> {
    bytes: &'a [u8],
    lines: Lines<'a>,
    map: Map,
}

/// All that is to be told about `blob`; `None` when that is nothing.
pub(super) fn found(detector: &Detector, blob: &Blob<'_>, swept: Swept) -> Option<Found> {
    let mut found = Found::new(blob.origin.clone());
    let mut broken = swept.stored.broken.clone();
    broken.extend(swept.decoded.iter().flat_map(|(_, seens)| seens.broken.iter().copied()));
    let any =
        |told: fn(&Seens) -> bool| told(&swept.stored) || swept.decoded.as_ref().is_some_and(|(_, seens)| told(seens));
    let (cut, shut) = (any(|seens| seens.cut), any(|seens| seens.shut));
    if let Some((bytes, seens)) = swept.decoded {
        let text = Text { bytes: &bytes, lines: Lines::new(&bytes, 0), map: Map::of(blob.bytes, &bytes, swept.skip) };
        tell(detector, blob, &text, seens, &mut found);
    }
    if !swept.stored.seen.is_empty() || !swept.stored.marks.is_empty() || !swept.stored.carried.is_empty() {
        let text = Text { bytes: blob.bytes, lines: Lines::new(blob.bytes, swept.skip), map: Map::Same };
        tell(detector, blob, &text, swept.stored, &mut found);
    }
    if cut {
        let why =
            format!("more than {MOST} candidates, or more work than any real file needs: not all of it was looked at");
        found.problems.push(too_much(blob, why));
    }
    if shut {
        let why =
            "encoded text within encoded text, deeper or longer than any real file holds: not all of it was decoded";
        found.problems.push(too_much(blob, why.to_owned()));
    }
    broken.sort_unstable();
    broken.dedup();
    found.problems.extend(broken.into_iter().filter_map(|rule| unusable(detector, rule)));
    found.candidates.sort_by(|a, b| (a.span, &a.rule.id).cmp(&(b.span, &b.rule.id)));
    (!found.is_empty()).then_some(found)
}

fn too_much(blob: &Blob<'_>, why: String) -> Problem {
    Problem::new(blob.origin.name(), why).fix("exclude it, or split it into smaller files")
}

/// A rule whose regex turned out not to compile. Said with every blob that it may have had something to say about.
fn unusable(detector: &Detector, rule: usize) -> Option<Problem> {
    let why = detector.matchers.get(rule)?.error()?;
    Some(Problem::new(format!("rule '{}'", detector.rules.get(rule)?.id()), why).fix("correct its regex"))
}

/// Judges what was seen in one text and appends what is fresh.
fn tell(detector: &Detector, blob: &Blob<'_>, text: &Text<'_>, seens: Seens, found: &mut Found) {
    let Seens { seen, marks: places, carried, .. } = seens;
    let rules = &detector.rules;
    let mut seen = judged(detector, &text.lines, seen, &carried, false);
    judge::agree_on_drawn(&mut seen, rules);
    let part = |seen: &Seen| rules.get(seen.rule).is_none_or(|rule| rule.part);
    seen.retain(|seen| !part(seen));
    let candidates = candidates(detector, blob, text, &seen);
    let mut placed = marks::own(text.bytes, &text.lines, &places);
    if !candidates.is_empty() {
        let spans: Vec<Span> = seen.iter().map(|seen| seen.secret).collect();
        placed.extend(marks::others(text.bytes, &text.lines, &spans));
    }
    let marks: Vec<Mark> = marks::finish(placed, blob.fresh, |span| text.map.span(text.bytes, span));
    found.candidates.extend(candidates);
    found.marks.extend(marks);
}

/// What was seen in a text, settled, with what was seen in its encoded parts, each where it lies.
fn judged(
    detector: &Detector,
    lines: &Lines<'_>,
    mut own: Vec<Seen>,
    carried: &[(Span, Arc<Carried>)],
    encoded: bool,
) -> Vec<Seen> {
    let rules = &detector.rules;
    let first = own.len();
    for (span, inner) in carried {
        let lines = Lines::new(&inner.text, 0);
        let seen = judged(detector, &lines, inner.seens.seen.clone(), &inner.seens.carried, true);
        own.extend(seen.into_iter().map(|seen| outer(seen, inner, span.start)));
    }
    judge::compose(&mut own, rules, lines, |id| detector.rule_of(id), encoded);
    let mut within = own.split_off(first);
    judge::settle(&mut own, rules);
    if !within.is_empty() {
        judge::give_way(&mut own, &mut within, rules);
        own.append(&mut within);
        // Two ways may lead to one secret: the shorter is told.
        let layers = |seen: &Seen| seen.decoded.as_ref().map_or(0, |decoded| decoded.how.len());
        own.sort_by_key(|seen| (seen.secret, seen.rule, seen.dropped.is_some(), layers(seen), seen.whole));
        own.dedup_by(|next, kept| (next.secret, next.rule) == (kept.secret, kept.rule) && next.decoded.is_some());
    }
    own
}

/// The same in the text that the encoded part begins in at `at`.
fn outer(seen: Seen, carried: &Carried, at: usize) -> Seen {
    let place = |span: Span| carried.outer(at, span);
    let how = seen.decoded.iter().flat_map(|decoded| decoded.how.iter());
    let how = carried.how.iter().chain(how).copied().collect();
    Seen {
        whole: place(seen.whole),
        secret: place(seen.secret),
        parts: seen.parts.iter().map(|(rule, span)| (*rule, place(*span))).collect(),
        decoded: Some(Arc::new(Decoded { how })),
        ..seen
    }
}

/// Candidates of all that is fresh.
fn candidates(detector: &Detector, blob: &Blob<'_>, text: &Text<'_>, seen: &[Seen]) -> Vec<Candidate> {
    let rules = &detector.rules;
    let secrets: Vec<(Span, &Secret)> = seen.iter().map(|seen| (seen.secret, &seen.value)).collect();
    let longest = seen.iter().map(|seen| seen.secret.len()).max().unwrap_or_default();
    let positions = Positions::new(text, seen);
    let mut out = Vec::new();
    for (index, here) in seen.iter().enumerate() {
        let Some(rule) = rules.get(here.rule) else { continue };
        let stored = |span: Span| text.map.span(text.bytes, span);
        // An identifier that is only shown with the secret makes it no other one when it changes.
        let needed = |part: &Rule| !rule.requires.iter().any(|asked| asked.optional && asked.rule == part.id());
        let related = here.parts.iter().filter_map(|(part, span)| {
            let (part, start, end) = (rules.get(*part)?, positions.at(span.start), positions.at(span.end));
            Some(Related { rule: Arc::clone(&part.meta), needed: needed(part), span: stored(*span), start, end })
        });
        let (whole, related): (Span, Vec<Related>) = (stored(here.whole), related.collect());
        if !is_fresh(rule, here, blob, evidence(whole, &related)) {
            continue;
        }
        out.push(Candidate {
            rule: Arc::clone(&rule.meta),
            secret: here.value.clone(),
            claim: None,
            decoded: here.decoded.iter().flat_map(|decoded| decoded.how.iter().copied()).collect(),
            encoded: (here.value.reveal() != here.secret.of(text.bytes))
                .then(|| Secret::new(here.secret.of(text.bytes), 0)),
            span: stored(here.secret),
            whole,
            start: positions.at(here.secret.start),
            end: positions.at(here.secret.end),
            confidence: here.confidence,
            notes: here.notes.clone(),
            related,
            // Nobody is shown the line of what counts for nothing, but for who asks why.
            snippet: if here.dropped.is_none() || detector.refused.get().is_some() {
                snippet(text, here.secret, index, &secrets, longest)
            } else {
                Snippet::default()
            },
            guessable: here.guessable,
            dropped: here.dropped.clone(),
            paths: here.paths.clone(),
            features: here.features.clone(),
        });
    }
    out
}

/// A path-conditional rule that only the new path of a rename satisfies has never looked at the blob before; nor has a
/// guess counted that is more confident at the new path.
fn is_fresh(rule: &Rule, seen: &Seen, blob: &Blob<'_>, evidence: impl Iterator<Item = Span>) -> bool {
    let surer = |path| generic::decide_at(&seen.features, Some(path)).confidence < Some(seen.confidence);
    let new_here = |path| !rule.applies_to(Some(path)) || !seen.features.is_empty() && surer(path);
    blob.fresh.touches(evidence) || blob.former_path.is_some_and(new_here)
}

/// Positions of all that is told, computed in one walk.
struct Positions {
    offsets: Vec<usize>,
    positions: Vec<Position>,
}

impl Positions {
    fn new(text: &Text<'_>, seen: &[Seen]) -> Self {
        let spans = seen.iter().flat_map(|seen| seen.parts.iter().map(|(_, span)| *span).chain([seen.secret]));
        let mut offsets: Vec<usize> = spans.flat_map(|span| [span.start, span.end]).collect();
        offsets.sort_unstable();
        offsets.dedup();
        let positions = text.lines.positions(text.bytes, &offsets);
        Self { offsets, positions }
    }

    fn at(&self, offset: usize) -> Position {
        let known = self.offsets.binary_search(&offset).ok().and_then(|index| self.positions.get(index).copied());
        known.unwrap_or(Position { line: 1, column: 1, column_utf16: 1 })
    }
}

/// The line of `focus`, or what lies near it on a long one, with every secret in it masked.
fn snippet(text: &Text<'_>, focus: Span, index: usize, secrets: &[(Span, &Secret)], longest: usize) -> Snippet {
    let line = text.lines.span(text.lines.index(focus.start)).unwrap_or(focus);
    let start = line.start.max(focus.start.saturating_sub(CONTEXT));
    let end = line.end.min(focus.end.min(focus.start + SHOWN) + CONTEXT).max(start);
    // Whole characters only, so that no half of one shows as a stray byte.
    let end = (end.saturating_sub(3).max(start)..=end).rev().find(|at| is_start(text.bytes, *at)).unwrap_or(end);
    let end = if Span::new(start, end).of(text.bytes).ends_with(b"\r") { end - 1 } else { end };
    let start = (start..focus.start.min(start + 4)).find(|at| is_start(text.bytes, *at)).unwrap_or(start);
    let window = Span::new(start, end);
    let within = |span: Span| {
        let from = span.start.clamp(window.start, window.end) - window.start;
        Span::new(from, span.end.clamp(window.start, window.end) - window.start)
    };
    // Everything that overlaps the window, and the values of the nearest others: they may stand here as well.
    let first = secrets.partition_point(|(span, _)| span.start + longest < window.start);
    let overlapping = || {
        let near = secrets.iter().skip(first).take_while(|(span, _)| span.start < window.end);
        near.filter(|(span, _)| span.overlaps(&window))
    };
    let outside = Span::new(window.len(), window.len());
    let near = secrets.iter().skip(index.saturating_sub(NEIGHBOURS)).take(2 * NEIGHBOURS);
    let fits = |secret: &&Secret| secret.reveal().len() <= window.len();
    let mut others: Vec<&Secret> =
        near.filter(|(span, _)| !span.overlaps(&window)).map(|(_, secret)| *secret).filter(fits).collect();
    others.sort_unstable();
    others.dedup();
    if !others.is_empty() {
        let pairs = Pairs::of(window.of(text.bytes));
        others.retain(|secret| pairs.may_hold(secret.reveal()));
        others.retain(|secret| memchr::memmem::find(window.of(text.bytes), secret.reveal()).is_some());
    }
    let mut known: Vec<(Span, &Secret)> =
        overlapping().map(|(span, secret)| (within(*span), *secret)).take(CROWD).collect();
    if let Some((_, secret)) = overlapping().nth(CROWD) {
        // Nothing real looks like this: show none of it.
        known = vec![(Span::new(0, window.len()), secret)];
    }
    known.extend(others.into_iter().map(|secret| (outside, secret)));
    Snippet::new(window.of(text.bytes), within(focus), &known)
}

/// Which pairs of bytes a text has, nearly: a search for each of a hundred values would cost more than to read the text.
struct Pairs([u64; 16]);

impl Pairs {
    fn bit(pair: &[u8]) -> (usize, u64) {
        let [a, b] = pair else { return (0, 0) };
        let hash = u32::from(u16::from_le_bytes([*a, *b])).wrapping_mul(0x9e37_79b1) >> 22;
        ((hash >> 6) as usize, 1 << (hash & 63))
    }

    fn of(text: &[u8]) -> Self {
        let mut bits = [0; 16];
        for pair in text.windows(2) {
            let (word, bit) = Self::bit(pair);
            bits.get_mut(word).into_iter().for_each(|word| *word |= bit);
        }
        Self(bits)
    }

    /// False only where the text does not hold `value`.
    fn may_hold(&self, value: &[u8]) -> bool {
        value.windows(2).take(8).all(|pair| {
            let (word, bit) = Self::bit(pair);
            self.0.get(word).is_some_and(|bits| bits & bit == bit)
        })
    }
}

fn is_start(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_none_or(|b| b & 0xc0 != 0x80)
}
