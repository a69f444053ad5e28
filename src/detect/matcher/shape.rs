//! A regex as far as it is a plain row: texts, runs of classes, choices of fixed length, each of which can end in one
//! way only. A regex that is nothing else is matched without an engine; of any other, the row it begins with refuses
//! most hits before an engine is asked.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::bytes::Bytes;
use crate::model::Span;

/// More parts than this are left to the engine.
const MOST_PARTS: usize = 200;

/// One part of the row.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// So many bytes of a class, as many as there are.
    Run { class: Bytes, least: u32, most: u32 },
    /// One of several texts, none of which begins with another.
    Choice(Vec<Vec<Bytes>>),
}

/// What may stand behind a match.
#[derive(Clone, Copy, Debug)]
pub(super) enum Behind {
    /// Anything.
    Anything,
    /// A byte of this class, or the end of the text.
    OneOf(Bytes),
}

/// The row.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    parts: Vec<Part>,
    /// True when the row is the whole regex.
    whole: bool,
    /// Where the secret begins and ends, as numbers of parts.
    secret: (usize, usize),
    behind: Option<Bytes>,
}

/// What a row says about a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The regex matches nothing here.
    No,
    /// Ask the regex.
    Perhaps,
    /// It matches: all of it, without what stands behind it, and the secret.
    Yes(Span, Span),
}

impl Shape {
    /// The row that `hir` begins with; a match of it must be followed as `behind` says.
    pub(super) fn new(hir: &Hir, behind: Behind) -> Self {
        let mut row = Row::default();
        let whole = row.push(hir) && row.parts.len() <= MOST_PARTS;
        row.parts.truncate(MOST_PARTS);
        let behind = match behind {
            Behind::Anything => None,
            Behind::OneOf(class) => Some(class),
        };
        let secret = (row.begins.unwrap_or_default(), row.ends.unwrap_or(usize::MAX));
        let mut shape = Self { whole: whole && row.begins.is_some(), parts: row.parts, secret, behind };
        if let Some(first) = (0..shape.parts.len()).find(|part| !shape.ends_one_way(*part)) {
            // From here on a run might have to give bytes back: only its least is sure.
            shape.parts.truncate(first + 1);
            shape.whole = false;
            if let Some(Part::Run { least, most, .. }) = shape.parts.last_mut() {
                *most = *least;
            }
        } else if let (false, Some(Part::Run { least, most, .. })) = (shape.whole, shape.parts.last_mut()) {
            *most = *least;
        }
        shape
    }

    /// True when a run takes all it can without ever having to give something back.
    fn ends_one_way(&self, part: usize) -> bool {
        let Some(Part::Run { class: wanted, least, most }) = self.parts.get(part) else { return true };
        if least == most {
            return true;
        }
        let mut next = Bytes::default();
        for part in self.parts.iter().skip(part + 1) {
            match part {
                Part::Run { class, least, .. } => {
                    next = next.or(*class);
                    if *least > 0 {
                        return !wanted.meets(&next);
                    }
                }
                Part::Choice(texts) => {
                    let first = texts.iter().filter_map(|text| text.first());
                    next = first.fold(next, |next, class| next.or(*class));
                    return !wanted.meets(&next);
                }
            }
        }
        // The last part gives back by itself; before optional ones nothing may have to.
        match (self.whole, self.behind) {
            (false, _) => false,
            (true, None) => true,
            (true, Some(behind)) => part + 1 == self.parts.len() || !wanted.meets(&next.or(behind)),
        }
    }

    /// Bytes that the row takes at least.
    pub(super) fn least(&self) -> usize {
        let least = |part: &Part| match part {
            Part::Run { least, .. } => *least as usize,
            Part::Choice(texts) => texts.iter().map(Vec::len).min().unwrap_or_default(),
        };
        self.parts.iter().map(least).sum()
    }

    /// True when the row is all of the regex.
    #[cfg(test)]
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Tries the row at `start`, looking at nothing from `end` on but that the text ends there.
    pub(super) fn at(&self, text: &[u8], start: usize, end: usize) -> Verdict {
        let Some(window) = text.get(..end) else { return Verdict::No };
        let (mut at, mut begins) = (start, start);
        let mut ends = None;
        for (number, part) in self.parts.iter().enumerate() {
            if number == self.secret.0 {
                begins = at;
            }
            let rest = window.get(at..).unwrap_or_default();
            let length = match part {
                Part::Run { class, least, most } => {
                    let (least, most) = (*least as usize, *most as usize);
                    let run = class.run(rest.get(..most.min(rest.len())).unwrap_or_default());
                    // A byte that was taken can only end a shorter run where the class has bytes that end one.
                    let gives = self.whole
                        && number + 1 == self.parts.len()
                        && self.behind.is_some_and(|behind| class.meets(&behind));
                    if gives {
                        (least..=run).rev().find(|length| self.may_end(text, at + length, end))
                    } else {
                        (run >= least).then_some(run)
                    }
                }
                Part::Choice(texts) => {
                    let fits = |text: &&Vec<Bytes>| {
                        rest.len() >= text.len() && text.iter().zip(rest).all(|(class, byte)| class.has(*byte))
                    };
                    texts.iter().find(fits).map(Vec::len)
                }
            };
            let Some(length) = length else { return Verdict::No };
            at += length;
            if number + 1 == self.secret.1 {
                ends = Some(at);
            }
        }
        if !self.whole {
            return Verdict::Perhaps;
        }
        if !self.may_end(text, at, end) {
            return Verdict::No;
        }
        Verdict::Yes(Span::new(start, at), Span::new(begins, ends.unwrap_or(at)))
    }

    fn may_end(&self, text: &[u8], at: usize, end: usize) -> bool {
        let Some(behind) = &self.behind else { return true };
        match text.get(at).filter(|_| at < end) {
            Some(byte) => behind.has(*byte),
            None => at == text.len(),
        }
    }
}

/// A row while it is made.
#[derive(Default)]
struct Row {
    parts: Vec<Part>,
    begins: Option<usize>,
    ends: Option<usize>,
}

impl Row {
    /// Appends what `hir` is; false when the row ends here, with all that was appended still true.
    fn push(&mut self, hir: &Hir) -> bool {
        if self.parts.len() > MOST_PARTS {
            return false;
        }
        match hir.kind() {
            HirKind::Empty => true,
            HirKind::Look(_) => false,
            HirKind::Literal(literal) => {
                self.parts.extend(literal.0.iter().map(|byte| Part::Run {
                    class: Bytes::one(*byte),
                    least: 1,
                    most: 1,
                }));
                true
            }
            HirKind::Class(Class::Bytes(class)) => {
                self.parts.push(Part::Run { class: Bytes::of(class), least: 1, most: 1 });
                true
            }
            HirKind::Class(Class::Unicode(_)) => false,
            HirKind::Capture(capture) => {
                let secret = capture.name.as_deref() == Some("secret");
                if secret {
                    self.begins = Some(self.parts.len());
                }
                let whole = self.push(&capture.sub);
                if secret && whole {
                    self.ends = Some(self.parts.len());
                }
                whole
            }
            HirKind::Concat(parts) => parts.iter().all(|part| self.push(part)),
            HirKind::Repetition(repetition) => {
                let mut one = Row::default();
                let simple = one.push(&repetition.sub) && one.begins.is_none();
                match one.parts.as_slice() {
                    [Part::Run { class, least: 1, most: 1 }] if simple && repetition.greedy => {
                        let most = repetition.max.unwrap_or(u32::MAX);
                        self.parts.push(Part::Run { class: *class, least: repetition.min, most });
                        true
                    }
                    parts if simple && parts.len().saturating_mul(repetition.min as usize) <= MOST_PARTS => {
                        (0..repetition.min).for_each(|_| self.parts.extend_from_slice(parts));
                        repetition.max == Some(repetition.min)
                    }
                    _ => false,
                }
            }
            HirKind::Alternation(choices) => match choices.iter().map(fixed).collect::<Option<Vec<_>>>() {
                Some(texts) if ends_apart(&texts) => {
                    self.parts.push(Part::Choice(texts));
                    true
                }
                _ => false,
            },
        }
    }
}

/// The bytes of a text of fixed length without a secret in it.
fn fixed(hir: &Hir) -> Option<Vec<Bytes>> {
    let mut row = Row::default();
    if !row.push(hir) || row.begins.is_some() {
        return None;
    }
    let mut text = Vec::new();
    for part in &row.parts {
        match part {
            Part::Run { class, least, most } if least == most && text.len() + *least as usize <= MOST_PARTS => {
                text.extend((0..*least).map(|_| *class));
            }
            _ => return None,
        }
    }
    Some(text)
}

/// True when no text begins with a shorter one: then whichever fits, the choice ends in the same place.
fn ends_apart(texts: &[Vec<Bytes>]) -> bool {
    let begins = |long: &Vec<Bytes>, short: &Vec<Bytes>| {
        short.len() < long.len() && short.iter().zip(long).all(|(a, b)| a.meets(b))
    };
    !texts.iter().any(|long| texts.iter().any(|short| begins(long, short)))
}
