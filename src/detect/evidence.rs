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
use super::prefilter::{Go, MARK};
use super::sweep::{self, MOST, Pass, Step, Swept};
use crate::model::{Blob, Copied, Span};
use crate::rule::{Kind, Rule};

/// What was seen in a blob, independent of its path.
pub struct Evidence {
    /// Anchors, by place.
    steps: Vec<Step>,
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

/// Evidence is not handed on where an anchor, with what must follow it, is longer: it takes in what lies so near a change
/// that an anchor may reach into that.
const MOST_OF_ANCHOR: usize = 192;
/// Shorter parts of a run are looked at as if they had changed: to take one over costs about what it costs to look at so
/// many bytes, and half of git's copies are shorter than a line.
const WORTH: usize = 256;
/// Where encoded text must be looked for behind all changes together, in lengths of the text and in bytes more: past that
/// somebody made it, and to look at all of it is less work.
const SETTLES: usize = 4;
const MOST_UNSETTLED: usize = 1 << 20;
/// The farthest that the generic grammar looks from its anchor's start, either way.
const GRAMMAR: usize = 4096;
const _: () = assert!(generic::BACK <= GRAMMAR && generic::AHEAD + MOST_OF_ANCHOR <= GRAMMAR);
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
    /// Bytes from an anchor's start on that decide whether it is one.
    longest: usize,
}

impl Stretch {
    /// True when all from `back` before to `ahead` after a place of the new text was taken over.
    fn holds(&self, at: usize, back: usize, ahead: usize) -> bool {
        let after = at >= self.run.to && (self.first || at - self.run.to >= back);
        let end = self.run.to + self.run.len;
        after && at < end && (self.last || end - at >= ahead)
    }

    /// True when an encoded part was taken over with all that decides what is seen in it.
    fn holds_carrier(&self, carrier: Span, from: usize) -> bool {
        self.holds(carrier.start, decode::BACK, carrier.len().saturating_add(decode::AHEAD))
            && (self.first || from >= self.run.to + decode::EDGE)
    }

    /// The places where an anchor begins exactly if one does in the base: nothing before one decides of that.
    fn inner(&self) -> Span {
        let end = self.run.to + self.run.len;
        let end = if self.last { end } else { (end + 1).saturating_sub(self.longest) };
        Span::new(self.run.to, end.max(self.run.to))
    }

    /// The same in the base.
    fn old(&self) -> Span {
        let (inner, run) = (self.inner(), self.run);
        Span::new(inner.start - run.to + run.from, inner.end - run.to + run.from)
    }
}

/// Bytes of the longest anchor, with what must follow it, and of keyward's own comment.
pub(super) fn longest_anchor(rules: &[Rule]) -> usize {
    let anchors = rules.iter().flat_map(|rule| &rule.anchors);
    let lengths =
        anchors.map(|anchor| anchor.text.len() + anchor.then.as_ref().map_or(0, |then| usize::from(then.least)));
    lengths.max().unwrap_or_default().max(MARK.len())
}

/// Looks at a blob of a history; what is to be told of it, and where that is `wanted` what is to be known of it.
pub(super) fn trace(
    detector: &Detector,
    blob: &Blob<'_>,
    base: Option<(&Evidence, &[Copied])>,
    wanted: bool,
) -> (Option<Swept>, Option<Evidence>) {
    let Encoding::Bytes { skip } = Encoding::of(blob.bytes) else { return (sweep::sweep(detector, blob), None) };
    if decode::is_whole(blob.bytes) {
        return (sweep::sweep(detector, blob), None);
    }
    let followed = base.and_then(|(base, runs)| follow(detector, blob, base, runs, wanted));
    let (mut pass, spent, decoded) = followed.unwrap_or_else(|| {
        let mut pass = Pass::new(detector, blob, blob.bytes);
        pass.trail = wanted.then(Vec::new);
        pass.whole();
        if !pass.seens.cut {
            decode::whole(&mut pass);
        }
        let (spent, decoded) = (pass.budget.spent(), pass.bounds.spent());
        (pass, spent, decoded)
    });
    let sound =
        !pass.seens.cut && !pass.seens.shut && pass.seens.broken.is_empty() && detector.longest <= MOST_OF_ANCHOR;
    let evidence = pass.trail.take().filter(|_| sound).map(|steps| Evidence::of(&pass, steps, spent, decoded));
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
    wanted: bool,
) -> Option<(Pass<'p>, u64, usize)> {
    let mut pass = Pass::new(detector, blob, blob.bytes);
    pass.trail = wanted.then(|| Vec::with_capacity(base.steps.len() + 16));
    let length = blob.bytes.len();
    let longest = detector.longest;
    let ends = |run: &Copied| run.from + run.len == base.length && run.to + run.len == length;
    let stretches: Vec<Stretch> = runs
        .iter()
        .map(|run| Stretch { run: *run, first: run.from == 0 && run.to == 0, last: ends(run), longest })
        .filter(|stretch| stretch.inner().len() >= WORTH)
        .collect();
    let mut windows: Vec<Span> = Vec::new();
    if stretches.first().is_some_and(|stretch| stretch.run.to == 0 && !stretch.first) {
        // What stood before is gone: no anchor hangs on that, but what is encoded does.
        windows.push(decode::around(blob.bytes, 0, 0));
    }
    let (mut from, mut unsettled) = (0, 0);
    for inner in stretches.iter().map(Stretch::inner).chain([Span::new(length, length)]) {
        if from < inner.start {
            if pass.part(Span::new(from, inner.start), inner.start.saturating_add(longest)) == Go::Stop {
                return None;
            }
            let near = decode::around(blob.bytes, from, inner.start);
            unsettled += near.end.saturating_sub(inner.start);
            if unsettled > SETTLES * length + MOST_UNSETTLED {
                return None;
            }
            match windows.last_mut() {
                Some(last) if near.start <= last.end => last.end = last.end.max(near.end),
                _ => windows.push(near),
            }
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
    let known = |carrier: Span, from: usize| stretches.iter().any(|stretch| stretch.holds_carrier(carrier, from));
    decode::parts(pass, windows, &known);
    for (place, carried) in &base.carried {
        let (all, from) = carried.all(*place);
        // By every run that holds it: what lies once in the base may lie in the text several times.
        for stretch in stretches {
            let run = stretch.run;
            let inside = from.min(all.start) >= run.from && all.end <= run.from + run.len;
            let at = |place: usize| place - run.from + run.to;
            let moved = |span: Span| Span::new(at(span.start), at(span.end));
            if inside && stretch.holds_carrier(moved(all), at(from)) {
                pass.seens.within += carried.matches();
                pass.seens.carried.push((moved(*place), Arc::clone(carried)));
            }
        }
    }
}

/// What was seen in the base where nothing changed; what reaches to where something did is asked again.
fn take_over(detector: &Detector, pass: &mut Pass<'_>, base: &Evidence, stretch: &Stretch) -> Go {
    let (old, run) = (stretch.old(), stretch.run);
    let place = |at: usize| at - run.from + run.to;
    let first = base.steps.partition_point(|step| step.anchor.start < old.start);
    for step in base.steps.iter().skip(first).take_while(|step| step.anchor.start < old.end) {
        let index = step.rule as usize;
        let Some(rule) = detector.rules.get(index) else { continue };
        let at = place(step.anchor.start);
        let anchor = Span::new(at, at + step.anchor.len());
        let (back, ahead) = if step.near { (generic::NAMED, anchor.len() + generic::NAMED) } else { reach(rule) };
        let go = if stretch.holds(at, back, ahead) {
            let seen = step.kept.as_ref().map(|kept| moved(kept, at));
            pass.take(Step { anchor, kept: step.kept.clone(), ..*step }, seen)
        } else {
            pass.anchor(index, anchor)
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

/// A match now that its anchor lies at `to`.
fn moved(seen: &Seen, to: usize) -> Seen {
    let place = |at: usize| (at + to).saturating_sub(seen.anchor.start);
    let span = |span: Span| Span::new(place(span.start), place(span.end));
    Seen { anchor: span(seen.anchor), whole: span(seen.whole), secret: span(seen.secret), ..seen.clone() }
}

impl Evidence {
    fn of(pass: &Pass<'_>, mut steps: Vec<Step>, spent: u64, decoded: usize) -> Self {
        for step in &mut steps {
            if let Some(seen) = step.seen.take().and_then(|at| pass.seens.seen.get(at as usize)) {
                step.kept = Some(Arc::new(seen.clone()));
            }
        }
        steps.shrink_to_fit();
        steps.sort_by_key(|step| (step.anchor, step.rule));
        let mut marks = pass.seens.marks.clone();
        marks.sort_unstable();
        let carried = pass.seens.carried.clone();
        Self { steps, marks, spent, carried, decoded, length: pass.length() }
    }
}
