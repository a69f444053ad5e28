//! One pass over a blob's text: every match of every rule that may apply. Weighs nothing but the generic grammar.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;
use std::time::Instant;

use super::Detector;
use super::decode::{self, Bounds, Carried};
use super::drops::DropReason;
use super::encoding::{self, Encoding};
use super::generic;
use super::judge::Seen;
use super::matcher::{Budget, Match, Matcher};
use super::placeholder;
use super::prefilter::{Go, Hit, Simd};
use super::work::Work;
use crate::model::{Blob, Coding, Confidence, Notes, OriginKind, Secret, Span};
use crate::rule::{Kind, Rule};

/// More matches than this in one blob are not looked at.
pub(super) const MOST: usize = 10_000;
/// More of keyward's own comments than this are not read.
const MOST_MARKS: usize = 10_000;

/// What was seen in one text.
#[derive(Debug, Default)]
pub(super) struct Seens {
    /// Matches, sorted by (secret, rule), each span of a rule once.
    pub(super) seen: Vec<Seen>,
    /// Where keyward's own comments stand.
    pub(super) marks: Vec<usize>,
    /// True when a limit was reached.
    pub(super) cut: bool,
    /// Rules that had a hit but whose regex does not compile.
    pub(super) broken: Vec<usize>,
    /// What was seen in encoded parts of the text, each with where it begins and ends.
    pub(super) carried: Vec<(Span, Arc<Carried>)>,
    /// How many matches those hold.
    pub(super) within: usize,
    /// True when something encoded was not looked into, for its size or its depth.
    pub(super) shut: bool,
}

impl Seens {
    pub(super) fn is_empty(&self) -> bool {
        let nothing = self.seen.is_empty() && self.marks.is_empty() && self.carried.is_empty();
        nothing && self.broken.is_empty() && !self.cut && !self.shut
    }
}

/// What was seen in a blob: in its bytes, and in its text or its strings where those are stored as UTF-16.
pub(super) struct Swept {
    /// Bytes of byte order mark.
    pub(super) skip: usize,
    /// In the bytes as stored.
    pub(super) stored: Seens,
    /// In the decoded text or strings, with those.
    pub(super) decoded: Option<(Vec<u8>, Seens)>,
}

thread_local! {
    /// Decoded text; its memory is kept from blob to blob.
    static DECODED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Looks at the whole blob; `None` when there is nothing to say about it.
pub(super) fn sweep(detector: &Detector, blob: &Blob<'_>) -> Option<Swept> {
    let stored = look(detector, blob, blob.bytes);
    let decoded = |decode: &dyn Fn(&mut Vec<u8>)| {
        DECODED.with_borrow_mut(|text| {
            text.clear();
            decode(text);
            let seens = look(detector, blob, text);
            (!seens.is_empty()).then(|| (text.clone(), seens))
        })
    };
    let (skip, decoded) = match Encoding::of(blob.bytes) {
        Encoding::Bytes { skip } => (skip, None),
        Encoding::Utf16 { big, skip } => {
            let units = blob.bytes.get(skip..).unwrap_or_default();
            (skip, decoded(&|text| encoding::decode(units, big, text)))
        }
        Encoding::Strings => (0, decoded(&|text| encoding::decode_strings(blob.bytes, text))),
    };
    (!stored.is_empty() || decoded.is_some()).then_some(Swept { skip, stored, decoded })
}

/// One pass over one text.
fn look(detector: &Detector, blob: &Blob<'_>, text: &[u8]) -> Seens {
    let mut pass = Pass::new(detector, blob, text);
    pass.whole();
    if !pass.seens.cut {
        decode::whole(&mut pass);
    }
    pass.finish()
}

/// A pass over a text, or over parts of it.
pub(super) struct Pass<'p> {
    detector: &'p Detector,
    at: Whereabouts<'p>,
    text: &'p [u8],
    pub(super) seens: Seens,
    pub(super) budget: Budget,
    /// What may still be decoded.
    pub(super) bounds: Bounds,
    work: Work,
    /// The anchors that were seen, where somebody wants to know, each with the number of its match.
    pub(super) trail: Option<Vec<Step>>,
}

/// An anchor that was seen.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) anchor: Span,
    /// What is kept of its match; until the pass is over only where that was taken over.
    pub(super) kept: Option<Told>,
    /// The place of its match in [`Seens::seen`] before that is sorted, where it was not.
    pub(super) seen: Option<u32>,
    /// Its rule's index.
    pub(super) rule: u32,
    /// The generic grammar refused it for what stands no farther than [`generic::NAMED`] from it.
    pub(super) near: bool,
}

impl Step {
    /// Nothing was made of it.
    pub(super) fn new(rule: usize, anchor: Span) -> Self {
        Self { anchor, kept: None, seen: None, rule: u32::try_from(rule).unwrap_or(u32::MAX), near: false }
    }
}

/// A match as it lay in the text where it was matched: every version that takes it over shares it.
pub(super) type Told = Arc<Seen>;

impl<'p> Pass<'p> {
    pub(super) fn new(detector: &'p Detector, blob: &'p Blob<'p>, text: &'p [u8]) -> Self {
        let work = Work { texts: 1, ..Work::default() };
        let (budget, bounds) = (Budget::new(text.len()), Bounds::new(text.len()));
        let at = Whereabouts { blob, facts: OnceCell::new() };
        Self { detector, at, text, seens: Seens::default(), budget, bounds, work, trail: None }
    }

    /// A pass over a text that was decoded from this one: with what is left of the budget and the bounds, until they are
    /// taken back.
    pub(super) fn inner<'q>(&mut self, text: &'q [u8]) -> Pass<'q>
    where
        'p: 'q,
    {
        let mut inner = Pass::new(self.detector, self.at.blob, text);
        inner.bounds = self.bounds;
        std::mem::swap(&mut self.budget, &mut inner.budget);
        inner
    }

    /// Takes back what an inner pass left.
    pub(super) fn take_back(&mut self, inner: &mut Pass<'_>) {
        self.bounds = inner.bounds;
        std::mem::swap(&mut self.budget, &mut inner.budget);
    }

    /// What it looks at.
    pub(super) fn text(&self) -> &'p [u8] {
        self.text
    }

    pub(super) fn rules(&self) -> &'p [Rule] {
        &self.detector.rules
    }

    pub(super) fn simd(&self) -> Simd {
        self.detector.simd
    }

    /// Bytes of the text.
    pub(super) fn length(&self) -> usize {
        self.text.len()
    }

    /// Looks for anchors everywhere.
    pub(super) fn whole(&mut self) {
        self.part(Span::new(0, self.text.len()), self.text.len());
    }

    /// Looks for anchors that begin in `part`, and reads for them as far as `end`.
    pub(super) fn part(&mut self, part: Span, end: usize) -> Go {
        let (detector, text) = (self.detector, self.text);
        let read = Span::new(part.start, end.min(text.len()));
        self.work.bytes += read.len() as u64;
        let mut go = Go::On;
        let sieved = detector.prefilter.each(read.of(text), |hit| {
            go = match hit.moved(part.start) {
                hit if hit.at() >= part.end => Go::On,
                Hit::Mark { at } => self.mark(at),
                Hit::Anchor { rule, at, end } => self.anchor(rule, Span::new(at, end)),
            };
            go
        });
        self.work.places += sieved.places;
        self.work.windows += sieved.windows;
        go
    }

    pub(super) fn mark(&mut self, at: usize) -> Go {
        if self.seens.marks.len() < MOST_MARKS {
            self.seens.marks.push(at);
        } else {
            self.seens.cut = true;
        }
        Go::On
    }

    /// Asks the rule about its anchor.
    pub(super) fn anchor(&mut self, index: usize, anchor: Span) -> Go {
        let (detector, text) = (self.detector, self.text);
        let (Some(rule), Some(matcher)) = (detector.rules.get(index), detector.matchers.get(index)) else {
            return Go::On;
        };
        let Some(paths) = path_condition(rule, matcher, self.at.blob) else { return Go::On };
        let began = detector.ledger.get().map(|ledger| (ledger, Instant::now(), self.work));
        self.work.hits += 1;
        let mut near = false;
        let seen = if rule.kind == Kind::Assignment {
            self.work.passed += 1;
            if self.budget.spend(0) && !self.at.is_baseline() {
                let read = read(text, anchor);
                near = matches!(read, Err(generic::Refused::Name));
                read.ok().and_then(|read| guess(detector, index, text, anchor, read, &self.at))
            } else {
                None
            }
        } else {
            let found = matcher.find(rule, text, anchor, &mut self.budget, &mut self.work);
            let mut seen = found.map(|found| plain(index, rule, text, anchor, found));
            if let (Some(seen), Kind::Regex, None) = (&mut seen, rule.kind, rule.checksum) {
                // What stands in a place where base64 belongs is what it says. A checksum knows of its own encoding.
                if let Some((value, how)) = decode::value(seen.secret.of(text)) {
                    seen.says(&value, how);
                }
            }
            seen
        };
        let seen = seen.map(|mut seen| {
            // What a value is worth by itself is the same in every version that has it.
            seen.weigh(rule);
            seen.paths.extend_from_slice(paths);
            seen
        });
        self.work.seen += u64::from(seen.is_some());
        if let Some((ledger, began, before)) = began {
            ledger.add_hit(index, &before, &self.work, began);
        }
        if seen.is_none() && matcher.error().is_some() && !self.seens.broken.contains(&index) {
            self.seens.broken.push(index);
        }
        self.take(Step { near, ..Step::new(index, anchor) }, seen)
    }

    /// Notes what a rule made of its anchor.
    pub(super) fn take(&mut self, step: Step, seen: Option<Seen>) -> Go {
        if let Some(trail) = &mut self.trail {
            let fresh = seen.is_some() && step.kept.is_none();
            trail.push(Step { seen: fresh.then_some(self.seens.seen.len() as u32), ..step });
        }
        if let Some(seen) = seen {
            self.seens.seen.push(seen);
        }
        if self.budget.is_spent() || self.seens.seen.len() >= MOST {
            self.seens.cut = true;
            return Go::Stop;
        }
        Go::On
    }

    /// What was seen, in order.
    pub(super) fn finish(self) -> Seens {
        if let Some(ledger) = self.detector.ledger.get() {
            ledger.add(&self.work);
        }
        let mut seens = self.seens;
        // Of several matches with the same secret the widest is kept: all of it is evidence. Of those the one whose anchor
        // comes first, in whatever order they were seen: a name may hold several, and the grammar says which was asked.
        seens.seen.sort_by_key(|seen| {
            let Span { start, end } = seen.whole;
            (seen.secret, seen.rule, start, std::cmp::Reverse(end), seen.anchor)
        });
        seens.seen.dedup_by_key(|seen| (seen.secret, seen.rule));
        seens.marks.sort_unstable();
        // In the order of places, not in that in which they were come by.
        seens.carried.sort_by(|(a, one), (b, other)| (a, &one.how).cmp(&(b, &other.how)));
        seens
    }
}

/// `None` when the rule's path condition fails; otherwise the globs that must be held against a path found later.
fn path_condition<'a>(rule: &'a Rule, matcher: &Matcher, blob: &Blob<'_>) -> Option<&'a [String]> {
    match (&blob.origin.path, blob.origin.kind) {
        (None, OriginKind::History) => Some(&rule.paths),
        (path, _) => matcher.applies_to(rule, path.as_ref()).then_some(&[]),
    }
}

fn plain(index: usize, rule: &Rule, text: &[u8], anchor: Span, Match { whole, secret }: Match) -> Seen {
    Seen {
        rule: index,
        anchor,
        whole,
        secret,
        value: Secret::new(secret.of(text), if secret.start == anchor.start { anchor.len() } else { 0 }),
        confidence: rule.confidence,
        notes: Notes::default(),
        dropped: None,
        parts: Vec::new(),
        paths: Vec::new(),
        features: Arc::default(),
        guessable: false,
        decoded: None,
        apart: false,
    }
}

/// keyward's own baseline: its salt and digests look like secrets and are none, wherever it lies.
const BASELINE: &[u8] = b".keyward-baseline.json";

/// The generic grammar, with what the model makes of the value. In a history that is provisional: see [`super::Decider`].
fn guess(
    detector: &Detector,
    index: usize,
    text: &[u8],
    anchor: Span,
    (mut found, mut decoded): Given,
    at: &Whereabouts<'_>,
) -> Option<Seen> {
    let rule = detector.rules.get(index)?;
    let stands = found.said.as_deref().unwrap_or_else(|| found.value.of(text));
    if decoded.is_none()
        && let Some((said, how)) = decode::value(stands)
    {
        // A name may be given what its value says in base64: that is judged, not the digits.
        let (value, facts) = generic::read_decoded(text, anchor, found.value, &said)?;
        found.facts = facts;
        decoded = Some((value, how));
    }
    let final_say = at.blob.origin.path.is_some() || at.blob.origin.kind != OriginKind::History;
    found.facts.set_path(at.facts());
    let stands = found.said.as_deref().unwrap_or_else(|| found.value.of(text));
    let judged = decoded.as_ref().map_or(stands, |(value, _)| value.as_slice());
    // Of a hundred guesses the model refuses ninety-nine, and to tell of each costs more than to find it.
    let counts = if final_say { generic::counts(&found.facts) } else { generic::may_count(&found.facts) };
    if !counts {
        detector.refused.get()?;
    }
    // A doubt makes low: where the path has spoken, it is asked of what is more than that.
    if !final_say || generic::decide(&found.facts).confidence > Some(Confidence::Low) {
        let variable = decoded.is_none() && found.facts.is_bare() && generic::is_variable(text, &found);
        let doubt = doubt(detector, found.name.of(text), judged, &found.facts);
        found.facts.set_doubt(doubt.or(variable.then_some(generic::Doubt::Variable)));
    }
    let decision = generic::decide(&found.facts);
    let refused = decision.confidence.is_none() && final_say;
    let mut seen = plain(index, rule, text, anchor, Match { whole: found.whole, secret: found.value });
    seen.value = Secret::new(judged, 0);
    seen.confidence = decision.confidence.unwrap_or(Confidence::Low).min(rule.confidence);
    seen.dropped = refused.then_some(DropReason::Model.text().into());
    seen.notes.push(decision.note());
    seen.features = found.facts.pathless();
    if let Some((value, how)) = decoded {
        seen.says(&value, how);
    }
    Some(seen)
}

/// What a name is given; with what that says where it is encoded, and how.
type Given = (generic::Assigned, Option<(Vec<u8>, Coding)>);

fn read(text: &[u8], anchor: Span) -> Result<Given, generic::Refused> {
    match generic::read(text, anchor) {
        Ok(found) => Ok((found, None)),
        Err(why) => match generic::name_of(text, anchor, decode::opens) {
            None => Err(why),
            Some(name) => escaped(text, anchor, name).ok_or(generic::Refused::Value),
        },
    }
}

/// A name that is given its value by an escaped sign, as in `password%3D…`, with no more escapes than that: what follows is
/// read as it says.
fn escaped(text: &[u8], anchor: Span, name: Span) -> Option<Given> {
    let sparse = decode::sparse(text, name.end)?;
    let from = name.end.saturating_sub(generic::BACK);
    let before = text.get(from..name.end)?;
    let window = [before, &sparse.said].concat();
    let mut found = generic::read(&window, Span::new(anchor.start - from, anchor.end - from)).ok()?;
    let inside = found.value.start.checked_sub(before.len())?;
    let value = found.value.of(&window).to_vec();
    let place = sparse.place(Span::new(inside, inside + found.value.len()));
    found.name = name;
    found.value = Span::new(name.end + place.start, name.end + place.end);
    found.whole = Span::new(name.start, found.value.end);
    found.said = None;
    Some((found, Some((value, sparse.how))))
}

/// What the model cannot know: that a provider gives such names values of another form, which its rule would have
/// found, or that the value is made up.
fn doubt(detector: &Detector, name: &[u8], value: &[u8], facts: &generic::Facts) -> Option<generic::Doubt> {
    if detector.claims.iter().any(|claim| generic::ends_with_name(name, claim.as_bytes())) {
        return Some(generic::Doubt::Form);
    }
    if generic::is_words_for_key(facts, value) {
        return Some(generic::Doubt::Words);
    }
    placeholder::is_made_up(value).then_some(generic::Doubt::Sequence)
}

/// The blob that a text belongs to, and what its path says to guesses: asked for once, if at all.
struct Whereabouts<'p> {
    blob: &'p Blob<'p>,
    facts: OnceCell<generic::PathFacts>,
}

impl Whereabouts<'_> {
    fn is_baseline(&self) -> bool {
        self.blob.origin.path.as_ref().is_some_and(|path| path.file_name() == BASELINE)
    }

    fn facts(&self) -> &generic::PathFacts {
        self.facts.get_or_init(|| generic::PathFacts::of(self.blob.origin.path.as_ref()))
    }
}
