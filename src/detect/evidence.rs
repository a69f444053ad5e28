//! What a blob was found to hold, kept for the versions that are made from it: of those only what changed is looked at.
//!
//! What a rule makes of an anchor depends on a bounded stretch of text around it. Where that stretch was taken over from
//! the base as a whole, so is the answer; everywhere else the text is looked at as if nothing were known. The result is
//! what a look at the whole text gives, match for match.

use std::sync::Arc;

use super::Detector;
use super::decode::{self, Carried};
use super::encoding::Encoding;
use super::generic;
use super::judge::Seen;
use super::matcher::BEHIND;
use super::prefilter::Go;
use super::sweep::{self, MOST, Pass, Step, Swept};
use crate::model::{Blob, Copied, Span};
use crate::rule::{Kind, Rule};

/// What was seen in a blob, independent of its path.
pub struct Evidence {
    /// Anchors, by place: of far-reaching rules all, of others those with a match.
    steps: Vec<Kept>,
    /// Where keyward's own comments stand.
    marks: Vec<usize>,
    /// Upper bound of the work that a look at the whole text takes.
    spent: u64,
    /// What was seen in encoded parts, by place.
    carried: Vec<(Span, Arc<Carried>)>,
    /// Upper bound of the bytes that looking into them takes.
    decoded: usize,
    /// Bytes of the text.
    length: usize,
}

#[derive(Clone)]
struct Kept {
    rule: usize,
    anchor: Span,
    /// As it lay in the text where it was matched, whose anchor began at `.0`.
    seen: Option<Arc<(usize, Seen)>>,
}

/// Rules that look no further than so many bytes around their anchor's start are asked again near every change; of the
/// others the anchors are kept.
const NEAR: usize = 192;
/// The farthest that the generic grammar looks from its anchor's start, either way.
const GRAMMAR: usize = 4096;
const _: () = assert!(generic::BACK <= GRAMMAR && generic::AHEAD + NEAR <= GRAMMAR);
/// Bytes before a secret that may belong to an escape, and one more for the regex's own look behind.
const BEFORE: usize = 9;

/// How far from its anchor's start a rule looks: back and ahead.
fn reach(rule: &Rule) -> (usize, usize) {
    if rule.kind == Kind::Assignment {
        return (GRAMMAR, GRAMMAR);
    }
    let size = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    // One byte more: whether the text ends there decides what `\z` says.
    (size(rule.lookback).saturating_add(BEFORE), size(rule.max_len).saturating_add(BEHIND + 1))
}

/// A run of copied bytes, in the new text; endless towards an end that is the same end in both.
#[derive(Clone, Copy)]
struct Stretch {
    run: Copied,
    /// True when both texts begin here.
    first: bool,
    /// True when both texts end here.
    last: bool,
}

impl Stretch {
    /// True when all from `back` before to `ahead` after a place of the new text was taken over.
    fn holds(&self, at: usize, back: usize, ahead: usize) -> bool {
        let after = at >= self.run.to && (self.first || at - self.run.to >= back);
        let end = self.run.to + self.run.len;
        after && at < end && (self.last || end - at >= ahead)
    }

    /// True when an encoded part was taken over with all that decides what is seen in it.
    fn holds_carrier(&self, carrier: Span) -> bool {
        self.holds(carrier.start, decode::BACK, carrier.len().saturating_add(decode::AHEAD))
    }

    /// The places all of whose neighbourhood was taken over.
    fn inner(&self) -> Span {
        let end = self.run.to + self.run.len;
        Span::new(
            if self.first { self.run.to } else { self.run.to.saturating_add(NEAR) },
            if self.last { end } else { end.saturating_sub(NEAR - 1) },
        )
    }

    /// The same in the base.
    fn old(&self) -> Span {
        let (inner, run) = (self.inner(), self.run);
        Span::new(inner.start - run.to + run.from, inner.end - run.to + run.from)
    }
}

/// True when evidence can be handed on at all: no anchor is longer than what is looked at again near a change.
pub(super) fn can_trace(rules: &[Rule]) -> bool {
    let anchors = rules.iter().flat_map(|rule| &rule.anchors);
    anchors.map(|anchor| anchor.text.len() + anchor.then.as_ref().map_or(0, |then| usize::from(then.least))).max()
        <= Some(NEAR)
}

/// Looks at a blob of a history; what is to be told of it, and what is to be known of it.
pub(super) fn trace(
    detector: &Detector,
    blob: &Blob<'_>,
    base: Option<(&Evidence, &[Copied])>,
) -> (Option<Swept>, Option<Evidence>) {
    let Encoding::Bytes { skip } = Encoding::of(blob.bytes) else { return (sweep::sweep(detector, blob), None) };
    if decode::is_whole(blob.bytes) {
        return (sweep::sweep(detector, blob), None);
    }
    let followed = base.and_then(|(base, runs)| follow(detector, blob, base, runs));
    let (pass, spent, decoded) = followed.unwrap_or_else(|| {
        let mut pass = Pass::new(detector, blob, blob.bytes);
        pass.trail = Some(Vec::new());
        pass.whole();
        if !pass.seens.cut {
            decode::whole(&mut pass);
        }
        let (spent, decoded) = (pass.budget.spent(), pass.bounds.spent());
        (pass, spent, decoded)
    });
    let sound = !pass.seens.cut && !pass.seens.shut && pass.seens.broken.is_empty() && detector.traces;
    let evidence = sound.then(|| Evidence::of(detector, &pass, spent, decoded));
    let seens = pass.finish();
    ((!seens.is_empty()).then_some(Swept { skip, stored: seens, decoded: None }), evidence)
}

/// A pass that shows what a look at the whole text would show, and the work and the decoded bytes that this would take
/// at the most. None where that cannot be told: near the limits it depends on all of the text.
fn follow<'p>(
    detector: &'p Detector,
    blob: &'p Blob<'p>,
    base: &Evidence,
    runs: &[Copied],
) -> Option<(Pass<'p>, u64, usize)> {
    let mut pass = Pass::new(detector, blob, blob.bytes);
    pass.trail = Some(Vec::new());
    let length = blob.bytes.len();
    let ends = |run: &Copied| run.from + run.len == base.length && run.to + run.len == length;
    let stretches: Vec<Stretch> = runs
        .iter()
        .map(|run| Stretch { run: *run, first: run.from == 0 && run.to == 0, last: ends(run) })
        .filter(|stretch| !stretch.inner().is_empty())
        .collect();
    let mut windows = Vec::with_capacity(stretches.len() + 1);
    let mut from = 0;
    for inner in stretches.iter().map(Stretch::inner).chain([Span::new(length, length)]) {
        if from < inner.start && pass.part(Span::new(from, inner.start), inner.start.saturating_add(NEAR)) == Go::Stop {
            return None;
        }
        if from < inner.start {
            windows.push(Span::new(from.saturating_sub(decode::NEAR), inner.start.saturating_add(decode::NEAR)));
        }
        from = from.max(inner.end);
    }
    for stretch in &stretches {
        if take_over(detector, &mut pass, base, stretch) == Go::Stop {
            return None;
        }
    }
    look_into(&mut pass, base, &stretches, &windows);
    let times = times(&stretches);
    let spent = base.spent.saturating_mul(times as u64).saturating_add(pass.budget.spent());
    let decoded = base.decoded.saturating_mul(times).saturating_add(pass.bounds.spent());
    let many = pass.seens.seen.len() + pass.seens.within;
    let far = pass.budget.is_spent() || spent > pass.budget.all() / 2 || many > MOST / 2;
    let far = far || decoded > pass.bounds.all() / 2;
    (!far && !pass.seens.cut && !pass.seens.shut).then_some((pass, spent, decoded))
}

/// How many stretches, at the most, took over the same byte of the base: so many times its work may be in the new text.
/// What shorter runs took over is looked at again.
fn times(stretches: &[Stretch]) -> usize {
    let rise = |two: &[Stretch]| matches!(two, [one, next] if one.old().end <= next.old().start);
    if stretches.windows(2).all(rise) {
        return 1;
    }
    let mut ends: Vec<(usize, bool)> =
        stretches.iter().map(Stretch::old).flat_map(|span| [(span.start, true), (span.end, false)]).collect();
    ends.sort_unstable();
    let (mut here, mut most) = (0_usize, 1);
    for (_, begins) in ends {
        here = if begins { here + 1 } else { here.saturating_sub(1) };
        most = most.max(here);
    }
    most
}

/// What was seen in encoded parts that were taken over whole; all others lie near a change, and are looked into again.
fn look_into(pass: &mut Pass<'_>, base: &Evidence, stretches: &[Stretch], windows: &[Span]) {
    let known = |carrier: Span| stretches.iter().any(|stretch| stretch.holds_carrier(carrier));
    let length = pass.length();
    let windows: Vec<Span> = windows.iter().map(|window| Span::new(window.start, window.end.min(length))).collect();
    decode::parts(pass, &windows, &known);
    for (place, carried) in &base.carried {
        let all = carried.all(*place);
        // By every run that holds it: what lies once in the base may lie in the text several times.
        for stretch in stretches {
            let run = stretch.run;
            let inside = all.start >= run.from && all.end <= run.from + run.len;
            let moved = |span: Span| Span::new(span.start - run.from + run.to, span.end - run.from + run.to);
            if inside && stretch.holds_carrier(moved(all)) {
                pass.seens.within += carried.matches();
                pass.seens.carried.push((moved(*place), Arc::clone(carried)));
            }
        }
    }
    pass.seens.carried.sort_by_key(|(place, _)| *place);
}

/// What was seen in the base where nothing changed; what reaches to where something did is asked again.
fn take_over(detector: &Detector, pass: &mut Pass<'_>, base: &Evidence, stretch: &Stretch) -> Go {
    let (old, run) = (stretch.old(), stretch.run);
    let place = |at: usize| at - run.from + run.to;
    let first = base.steps.partition_point(|step| step.anchor.start < old.start);
    for step in base.steps.iter().skip(first).take_while(|step| step.anchor.start < old.end) {
        let Some(rule) = detector.rules.get(step.rule) else { continue };
        let at = place(step.anchor.start);
        let anchor = Span::new(at, at + step.anchor.len());
        let (back, ahead) = reach(rule);
        let go = if stretch.holds(at, back, ahead) {
            let seen = step.seen.as_ref().map(|seen| moved(&seen.1, seen.0, at));
            pass.take(step.rule, anchor, seen)
        } else {
            pass.anchor(step.rule, anchor)
        };
        if go == Go::Stop {
            return go;
        }
    }
    let first = base.marks.partition_point(|at| *at < old.start);
    for mark in base.marks.iter().skip(first).take_while(|at| **at < old.end) {
        pass.mark(place(*mark));
    }
    Go::On
}

/// A match whose anchor lay at `from`, now that it lies at `to`.
fn moved(seen: &Seen, from: usize, to: usize) -> Seen {
    let place = |at: usize| (at + to).saturating_sub(from);
    let span = |span: Span| Span::new(place(span.start), place(span.end));
    Seen { whole: span(seen.whole), secret: span(seen.secret), ..seen.clone() }
}

impl Evidence {
    fn of(detector: &Detector, pass: &Pass<'_>, spent: u64, decoded: usize) -> Self {
        let mut steps: Vec<Kept> = Vec::new();
        for Step { rule, anchor, seen } in pass.trail.iter().flatten() {
            let seen = seen.and_then(|at| pass.seens.seen.get(at));
            let far = detector.rules.get(*rule).is_some_and(|rule| {
                let (back, ahead) = reach(rule);
                back > NEAR || ahead > NEAR
            });
            if far || seen.is_some() {
                let seen = seen.map(|seen| Arc::new((anchor.start, seen.clone())));
                steps.push(Kept { rule: *rule, anchor: *anchor, seen });
            }
        }
        steps.sort_by_key(|step| (step.anchor, step.rule));
        let mut marks = pass.seens.marks.clone();
        marks.sort_unstable();
        let carried = pass.seens.carried.clone();
        Self { steps, marks, spent, carried, decoded, length: pass.length() }
    }
}
