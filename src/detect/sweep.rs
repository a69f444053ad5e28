//! One pass over a blob's text: every match of every rule that may apply. Weighs nothing but the generic grammar.

use std::cell::RefCell;
use std::sync::OnceLock;
use std::time::Instant;

use globset::GlobSet;

use super::Detector;
use super::encoding::{self, Encoding};
use super::generic::{self, BARE};
use super::judge::Seen;
use super::matcher::{Budget, Match, Matcher, glob_set};
use super::prefilter::{Go, Hit};
use super::work::Work;
use crate::model::{Blob, BytePath, Confidence, Note, OriginKind, Span};
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
}

impl Seens {
    fn is_empty(&self) -> bool {
        self.seen.is_empty() && self.marks.is_empty() && self.broken.is_empty() && !self.cut
    }
}

/// What was seen in a blob: in its bytes, and in its text where that is stored as UTF-16.
pub(super) struct Swept {
    /// Bytes of byte order mark.
    pub(super) skip: usize,
    /// In the bytes as stored.
    pub(super) stored: Seens,
    /// In the decoded text, with that text.
    pub(super) decoded: Option<(Vec<u8>, Seens)>,
}

thread_local! {
    /// Decoded text; its memory is kept from blob to blob.
    static DECODED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Looks at the whole blob; `None` when there is nothing to say about it.
pub(super) fn sweep(detector: &Detector, blob: &Blob<'_>) -> Option<Swept> {
    let stored = look(detector, blob, blob.bytes);
    let (skip, decoded) = match Encoding::of(blob.bytes) {
        Encoding::Bytes { skip } => (skip, None),
        Encoding::Utf16 { big, skip } => DECODED.with_borrow_mut(|text| {
            text.clear();
            encoding::decode(blob.bytes.get(skip..).unwrap_or_default(), big, text);
            let seens = look(detector, blob, text);
            (skip, (!seens.is_empty()).then(|| (text.clone(), seens)))
        }),
    };
    (!stored.is_empty() || decoded.is_some()).then_some(Swept { skip, stored, decoded })
}

/// One pass over one text.
fn look(detector: &Detector, blob: &Blob<'_>, text: &[u8]) -> Seens {
    let mut seens = Seens::default();
    let mut budget = Budget::new(text.len());
    let ledger = detector.ledger.get();
    let mut work = Work { texts: 1, bytes: text.len() as u64, ..Work::default() };
    let sieved = detector.prefilter.each(&detector.rules, text, |hit| {
        match hit {
            Hit::Mark { at } if seens.marks.len() < MOST_MARKS => seens.marks.push(at),
            Hit::Mark { .. } => seens.cut = true,
            Hit::Anchor { rule: index, at, end } => {
                let (Some(rule), Some(matcher)) = (detector.rules.get(index), detector.matchers.get(index)) else {
                    return Go::On;
                };
                let Some(paths) = path_condition(rule, matcher, blob) else { return Go::On };
                let anchor = Span::new(at, end);
                let began = ledger.map(|_| (Instant::now(), work));
                work.hits += 1;
                let seen = if rule.kind == Kind::Assignment {
                    work.passed += 1;
                    if budget.spend(0) { guess(index, rule, text, anchor, blob) } else { None }
                } else {
                    let found = matcher.find(rule, text, anchor, &mut budget, &mut work);
                    found.map(|found| plain(index, rule, anchor, found))
                };
                work.seen += u64::from(seen.is_some());
                if let (Some(ledger), Some((began, before))) = (ledger, began) {
                    ledger.add_hit(index, &before, &work, began);
                }
                if let Some(mut seen) = seen {
                    seen.paths.extend_from_slice(paths);
                    seens.seen.push(seen);
                } else if matcher.error().is_some() && !seens.broken.contains(&index) {
                    seens.broken.push(index);
                }
                if budget.is_spent() || seens.seen.len() >= MOST {
                    seens.cut = true;
                    return Go::Stop;
                }
            }
        }
        Go::On
    });
    if let Some(ledger) = ledger {
        ledger.add(&Work { places: sieved.places, windows: sieved.windows, ..work });
    }
    // Of several matches with the same secret the widest is kept: all of it is evidence.
    seens.seen.sort_by_key(|seen| (seen.secret, seen.rule, seen.whole.start, std::cmp::Reverse(seen.whole.end)));
    seens.seen.dedup_by_key(|seen| (seen.secret, seen.rule));
    seens.marks.sort_unstable();
    seens
}

/// `None` when the rule's path condition fails; otherwise the globs that must be held against a path found later.
fn path_condition<'a>(rule: &'a Rule, matcher: &Matcher, blob: &Blob<'_>) -> Option<&'a [String]> {
    match (&blob.origin.path, blob.origin.kind) {
        (None, OriginKind::History) => Some(&rule.paths),
        (path, _) => matcher.applies_to(rule, path.as_ref()).then_some(&[]),
    }
}

fn plain(index: usize, rule: &Rule, anchor: Span, Match { whole, secret }: Match) -> Seen {
    Seen {
        rule: index,
        whole,
        secret,
        public: if secret.start == anchor.start { anchor.len() } else { 0 },
        confidence: rule.confidence,
        notes: Vec::new(),
        dropped: None,
        parts: Vec::new(),
        paths: Vec::new(),
        bare: false,
        guessable: false,
    }
}

/// The generic grammar, with what it says about the value.
fn guess(index: usize, rule: &Rule, text: &[u8], anchor: Span, blob: &Blob<'_>) -> Option<Seen> {
    let path = blob.origin.path.as_ref();
    let found = generic::read(text, anchor, path)?;
    let mut seen = plain(index, rule, anchor, Match { whole: found.whole, secret: found.value });
    seen.public = 0;
    seen.confidence = found.confidence.min(rule.confidence);
    seen.bare = found.bare;
    seen.notes.extend(found.note.map(|note| Note(note.to_owned())));
    if found.bare {
        match (path, blob.origin.kind) {
            (None, OriginKind::History) => seen.paths.extend(BARE.iter().map(|glob| (*glob).to_owned())),
            (None, _) => {
                seen.confidence = Confidence::Low;
                seen.notes.push(Note("the value has no quotes, and the kind of file is not known".to_owned()));
            }
            (Some(path), _) if allows_bare(path) => {}
            (Some(_), _) => return None,
        }
    }
    Some(seen)
}

/// True for files in which values need no quotes.
pub(super) fn allows_bare(path: &BytePath) -> bool {
    static GLOBS: OnceLock<GlobSet> = OnceLock::new();
    GLOBS.get_or_init(|| glob_set(BARE.iter().copied())).is_match(path.to_os())
}
