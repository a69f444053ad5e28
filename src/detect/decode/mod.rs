//! Seeing through encodings: what a text holds as base64, hex, escapes, UTF-16 or a compressed stream is decoded in
//! place and looked at like any text, with some of what stands around it. Decides no match.
//!
//! What is encoded is a *carrier*. What is seen in one depends on its own bytes and at most [`BACK`] before and
//! [`AHEAD`] behind it.

mod carrier;
mod escapes;
mod places;
#[cfg(test)]
mod tests;
mod text;

use std::cell::RefCell;
use std::sync::Arc;

use super::encoding;
use super::judge::Seen;
use super::prefilter::Go;
use super::sweep::{MOST, Pass, Seens};
use crate::model::{Coding, Span};
use crate::rule::Kind;
use carrier::{Digits, JOINT, Opened};
use escapes::Table;
use places::{BLOCK, LEAST, Place};
use text::{Fault, Sort};

/// Bytes before a carrier that are looked at with it: the name that it is given to.
const BEFORE: usize = 192;
/// The same behind it.
const BEHIND: usize = 96;
/// Nothing farther before a carrier changes what is seen in it; one that a change is no nearer to is found from there.
pub(super) const BACK: usize = BEFORE;
const _: () = assert!(BACK >= JOINT + LEAST + 2 && BEHIND >= JOINT + 2);
/// Nothing farther behind a carrier does.
pub(super) const AHEAD: usize = BACK;
const _: () = assert!(BACK >= escapes::REACH && AHEAD >= BEHIND);
/// Nothing farther before that which decides where a carrier begins does.
pub(super) const EDGE: usize = 16;
/// So far around a change carriers are looked for: those that lie [`BACK`] or [`AHEAD`] from it have enough of a run there.
pub(super) const NEAR: usize = 512;
const _: () = assert!(NEAR >= BACK + JOINT + 3 * LEAST);

/// Carriers within carriers.
const DEPTH: usize = 3;
/// Decoded bytes a text: so many, and so many for each of its own.
const SOME: usize = 1 << 20;
const TIMES: usize = 4;
/// Whatever its size, no more than so many.
const ALL: usize = 256 << 20;
/// One compressed stream gives no more than this.
const STREAM: usize = 16 << 20;

/// How much may still be decoded. Bytes are counted, not time, so that a scan gives the same on every machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    all: usize,
    left: usize,
    depth: usize,
}

impl Bounds {
    /// For a text of this length.
    pub(super) fn new(text: usize) -> Self {
        let all = text.saturating_mul(TIMES).saturating_add(SOME).min(ALL);
        Self { all, left: all, depth: 0 }
    }

    /// All that there was.
    pub(super) fn all(&self) -> usize {
        self.all
    }

    /// What was taken of it.
    pub(super) fn spent(&self) -> usize {
        self.all - self.left
    }

    fn take(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

/// What was seen in a carrier. Knows its own bytes, not where it lies.
#[derive(Debug)]
pub(super) struct Carried {
    /// The decoded text, with some of what stands before and behind the carrier.
    pub(super) text: Vec<u8>,
    /// The decoded part of it.
    part: Span,
    /// Bytes of the carrier.
    length: usize,
    /// What decides where it ends: how far from its beginning, and how many bytes.
    core: (isize, usize),
    /// How far from its beginning that begins which decides where it does.
    from: isize,
    map: Map,
    /// How it was encoded, the outermost first.
    pub(super) how: Vec<Coding>,
    /// In `text`.
    pub(super) seens: Seens,
}

/// From the decoded part to the carrier.
#[derive(Debug)]
enum Map {
    /// Digits, and UTF-16 in them.
    Digits(Digits, Option<encoding::Map>),
    /// Escapes.
    Table(Table),
    /// Byte for byte it cannot be told.
    Whole,
}

impl Carried {
    /// The carrier when it lies at `place`, with all that goes on from it, and where that begins which decides where it does.
    pub(super) fn all(&self, place: Span) -> (Span, usize) {
        let start = place.start.saturating_add_signed(self.core.0);
        (Span::new(start, start + self.core.1), place.start.saturating_add_signed(self.from))
    }

    /// How many matches it holds.
    pub(super) fn matches(&self) -> usize {
        self.seens.seen.len() + self.seens.within
    }

    /// Where `span` of the decoded text lies in the text that the carrier begins in at `at`.
    pub(super) fn outer(&self, at: usize, span: Span) -> Span {
        let part = self.part;
        let inner = Span::new(span.start.clamp(part.start, part.end), span.end.clamp(part.start, part.end));
        let place = match &self.map {
            Map::Whole => Span::new(0, self.length),
            Map::Table(table) => table.place(Span::new(inner.start - part.start, inner.end - part.start)),
            Map::Digits(digits, utf16) => {
                let inner = Span::new(inner.start - part.start, inner.end - part.start);
                let bytes = utf16.as_ref().map_or(inner, |map| map.span(part.of(&self.text), inner));
                digits.place(bytes)
            }
        };
        let start = match part.start.checked_sub(span.start) {
            Some(before) if before > 0 => at.saturating_sub(before),
            _ => at + place.start,
        };
        let end = if span.end > part.end { at + self.length + (span.end - part.end) } else { at + place.end };
        Span::new(start, end)
    }
}

/// Where a carrier lies.
#[derive(Clone, Copy)]
struct At {
    span: Span,
    /// What decides where it ends.
    core: Span,
    /// Where that begins which decides where it does.
    from: usize,
}

/// Memory that is kept from text to text.
#[derive(Default)]
struct Scratch {
    runs: Vec<Span>,
    bytes: Vec<u8>,
    inflated: Vec<u8>,
    view: Vec<u8>,
}

thread_local! {
    /// One for each depth that was reached at a time.
    static SCRATCH: RefCell<Vec<Scratch>> = const { RefCell::new(Vec::new()) };
}

/// Capacity beyond which scratch memory is given back.
const KEPT: usize = 4 << 20;

impl Scratch {
    fn take() -> Self {
        SCRATCH.with_borrow_mut(Vec::pop).unwrap_or_default()
    }

    fn give_back(mut self) {
        for memory in [&mut self.bytes, &mut self.inflated, &mut self.view] {
            memory.clear();
            memory.shrink_to(KEPT);
        }
        self.runs.clear();
        self.runs.shrink_to(KEPT / size_of::<Span>());
        SCRATCH.with_borrow_mut(|kept| kept.push(self));
    }
}

/// Whether a carrier is known, where what decided where it begins begins at the second.
pub(super) type Known<'a> = dyn Fn(Span, usize) -> bool + 'a;

/// Where carriers must be looked for that a change from `start` to `end` may have made or unmade.
pub(super) fn around(text: &[u8], start: usize, end: usize) -> Span {
    let until = carrier::unsettled_until(text, end).saturating_add(JOINT + 3 * LEAST);
    Span::new(start.saturating_sub(NEAR), until.max(end.saturating_add(NEAR)).min(text.len()))
}

/// Looks into every carrier of the pass's text.
pub(super) fn whole(pass: &mut Pass<'_>) -> Go {
    let length = pass.length();
    if is_whole(pass.text()) && quoted(pass) == Go::Stop {
        return Go::Stop;
    }
    parts(pass, &[Span::new(0, length)], &|_, _| false)
}

/// Looks into every carrier that has enough of a run in one of `windows`, which are sorted, but for those that are
/// `known`. Of runs that go on from each other a carrier begins with the first that says something, and holds the rest.
pub(super) fn parts(pass: &mut Pass<'_>, windows: &[Span], known: &Known<'_>) -> Go {
    let mut scratch = Scratch::take();
    let mut go = Go::On;
    let mut done = 0;
    let mut read = [0; escapes::KINDS.len()];
    let text = pass.text();
    for window in windows {
        // A window may begin in the middle of a carrier.
        let mut inside = window.start > 0;
        go = places::each(pass.simd(), window.of(text), |place| match place {
            Place::Run { group, .. } if window.start + group < done => Go::On,
            Place::Run { group, start } => {
                let place = window.start + group;
                let mut start = carrier::start(text, place, start.map(|start| window.start + start));
                if std::mem::take(&mut inside) {
                    start = head(text, place, start);
                }
                match carrier::open(text, start) {
                    Some(opened) => digits(pass, start, opened, &mut done, known, &mut scratch),
                    None => Go::On,
                }
            }
            Place::Escapes(place) => {
                let block = Span::new(window.start + place, text.len().min(window.start + place + BLOCK));
                let kinds = escapes::KINDS.into_iter().zip(&mut read);
                for (coding, done) in kinds {
                    while let Some(stretch) =
                        escapes::stretch(text, Span::new(block.start.max(*done), block.end), coding)
                    {
                        *done = stretch.end;
                        if !known(stretch, stretch.start) && escaped(pass, stretch, coding, &mut scratch) == Go::Stop {
                            return Go::Stop;
                        }
                    }
                }
                Go::On
            }
        });
        if go == Go::Stop {
            break;
        }
    }
    scratch.give_back();
    go
}

/// The first run that says something of those before the one that holds `place` and begins at `own`; this itself where
/// there is none.
fn head(text: &[u8], place: usize, own: usize) -> usize {
    let mut start = carrier::first(text, place);
    while start < own && carrier::open(text, start).is_none() {
        start = carrier::follower(text, start).unwrap_or(own);
    }
    start.min(own)
}

/// Looks into the runs from `start` on, which say something; moves `done` behind them.
fn digits(
    pass: &mut Pass<'_>,
    start: usize,
    opened: Opened,
    done: &mut usize,
    known: &Known<'_>,
    scratch: &mut Scratch,
) -> Go {
    let text = pass.text();
    carrier::ahead(text, start, &mut scratch.runs);
    let last = scratch.runs.last().map_or(start, |run| run.end);
    *done = last;
    let first = carrier::first(text, start);
    let from = carrier::decided_from(text, first);
    if last < start + LEAST || known(Span::new(start, last), from) {
        return Go::On;
    }
    if pass.bounds.depth >= DEPTH {
        return cut(pass);
    }
    scratch.bytes.clear();
    let digits = carrier::read(text, &scratch.runs, opened.base, &mut scratch.bytes);
    if !pass.bounds.take(scratch.bytes.len()) {
        return cut(pass);
    }
    let span = digits.span;
    let place = At { span, core: Span::new(start, last), from };
    let mut how = vec![opened.base.coding()];
    match opened.sort {
        Sort::Text => {
            if !text::is_mostly_text(&scratch.bytes) {
                return Go::On;
            }
            let view = view(text, span, &scratch.bytes, &mut scratch.view);
            look(pass, &scratch.view, place, view, Map::Digits(digits, None), how)
        }
        Sort::Utf16 { big } => {
            let marked = matches!(scratch.bytes.get(..2), Some([0xff, 0xfe] | [0xfe, 0xff]));
            let skip = if marked { 2 } else { 0 };
            scratch.inflated.clear();
            encoding::decode(scratch.bytes.get(skip..).unwrap_or_default(), big, &mut scratch.inflated);
            how.push(Coding::Utf16);
            let map = encoding::Map::utf16(&scratch.inflated, skip);
            let view = view(text, span, &scratch.inflated, &mut scratch.view);
            look(pass, &scratch.view, place, view, Map::Digits(digits, Some(map)), how)
        }
        sort @ (Sort::Gzip | Sort::Zlib) => {
            let zlib = sort == Sort::Zlib;
            let most = STREAM.min(pass.bounds.left);
            match text::inflate(&scratch.bytes, zlib, most, &mut scratch.inflated) {
                Ok(()) => {}
                Err(Fault::TooLong) => return cut(pass),
                Err(Fault::Damaged) => return Go::On,
            }
            how.push(if zlib { Coding::Zlib } else { Coding::Gzip });
            let head = scratch.inflated.get(..scratch.inflated.len().min(LEAST)).unwrap_or_default();
            if !pass.bounds.take(scratch.inflated.len())
                || text::sort_of(head) != Some(Sort::Text)
                || !text::is_mostly_text(&scratch.inflated)
            {
                return Go::On;
            }
            let view = view(text, span, &scratch.inflated, &mut scratch.view);
            look(pass, &scratch.view, place, view, Map::Whole, how)
        }
    }
}

/// Looks into escapes that stand close together, and into the rest of their line.
fn escaped(pass: &mut Pass<'_>, stretch: Span, coding: Coding, scratch: &mut Scratch) -> Go {
    if pass.bounds.depth >= DEPTH {
        return cut(pass);
    }
    let text = pass.text();
    let span = escapes::with_margin(text, stretch);
    scratch.view.clear();
    let table = escapes::read(text, span, coding, &mut scratch.view);
    if !pass.bounds.take(scratch.view.len()) {
        return cut(pass);
    }
    let part = Span::new(0, scratch.view.len());
    let at = At { span, core: stretch, from: stretch.start };
    look(pass, &scratch.view, at, part, Map::Table(table), vec![coding])
}

/// Looks into a message with parts in quoted-printable, as a whole.
fn quoted(pass: &mut Pass<'_>) -> Go {
    let text = pass.text();
    let mut scratch = Scratch::take();
    scratch.view.clear();
    let table = escapes::read_quoted(text, &mut scratch.view);
    let part = Span::new(0, scratch.view.len());
    let go = if pass.bounds.take(part.len()) {
        let all = Span::new(0, text.len());
        let at = At { span: all, core: all, from: 0 };
        look(pass, &scratch.view, at, part, Map::Table(table), vec![Coding::QuotedPrintable])
    } else {
        cut(pass)
    };
    scratch.give_back();
    go
}

/// The rest of a word whose first sign is an escaped one that gives a value.
pub(super) struct Sparse {
    /// What it says.
    pub(super) said: Vec<u8>,
    /// How it is escaped.
    pub(super) how: Coding,
    table: Table,
}

impl Sparse {
    /// Where a part of what it says lies, counted from its beginning.
    pub(super) fn place(&self, part: Span) -> Span {
        self.table.place(part)
    }
}

/// True for a byte that every escape begins with one of.
pub(super) fn opens(byte: u8) -> bool {
    escapes::KINDS.into_iter().any(|coding| escapes::opener(coding) == byte)
}

/// What stands at `start` if that is an escaped `=`, `:`, quote or bracket: escapes too few to be looked for by themselves.
pub(super) fn sparse(text: &[u8], start: usize) -> Option<Sparse> {
    let gives = |coding: &Coding| {
        escapes::escape(text, start, *coding).is_some_and(|(_, said)| matches!(said, '=' | ':' | '"' | '\'' | '>'))
    };
    let how = escapes::KINDS.into_iter().find(gives)?;
    let rest = text.get(start..text.len().min(start + escapes::MARGIN))?;
    let ends = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'`' | b'<' | b'>');
    let length = rest.iter().position(ends).unwrap_or(rest.len());
    let mut said = Vec::new();
    let table = escapes::read(text, Span::new(start, start + length), how, &mut said);
    Some(Sparse { said, how, table })
}

/// True for a text that is decoded as a whole: of its parts nothing can be told by themselves.
pub(super) fn is_whole(text: &[u8]) -> bool {
    escapes::is_quoted_printable(text)
}

/// Something encoded is not looked into.
fn cut(pass: &mut Pass<'_>) -> Go {
    pass.seens.shut = true;
    Go::On
}

/// Puts `decoded` where the carrier is, with what stands around it; returns where it lies in that.
fn view(text: &[u8], carrier: Span, decoded: &[u8], out: &mut Vec<u8>) -> Span {
    out.clear();
    out.extend_from_slice(Span::new(carrier.start.saturating_sub(BEFORE), carrier.start).of(text));
    let start = out.len();
    out.extend_from_slice(decoded);
    let end = out.len();
    out.extend_from_slice(Span::new(carrier.end, text.len().min(carrier.end.saturating_add(BEHIND))).of(text));
    Span::new(start, end)
}

/// Looks at a decoded text, and into what is encoded in it.
fn look(pass: &mut Pass<'_>, text: &[u8], at: At, part: Span, map: Map, how: Vec<Coding>) -> Go {
    let mut inner = pass.inner(text);
    inner.bounds.depth += 1;
    inner.whole();
    let mut go = if inner.seens.cut { Go::Stop } else { Go::On };
    if go == Go::On {
        go = parts(&mut inner, &[part], &|carrier, _| !part.contains(&carrier));
    }
    inner.bounds.depth -= 1;
    pass.take_back(&mut inner);
    let rules = pass.rules();
    let mut seens = inner.finish();
    // What the text around says was seen without this. Names before a value, too: the grammar decodes what it is given.
    let plain = |seen: &Seen| match &map {
        Map::Table(table) => table.place(seen.whole).len() == seen.whole.len(),
        _ => !seen.secret.overlaps(&part),
    };
    seens.seen.retain(|seen| {
        let guess = rules.get(seen.rule).is_some_and(|rule| rule.kind == Kind::Assignment);
        !(plain(seen) || guess && seen.whole.start < part.start)
    });
    seens.marks.clear();
    pass.seens.cut |= seens.cut;
    pass.seens.shut |= seens.shut;
    for rule in std::mem::take(&mut seens.broken) {
        if !pass.seens.broken.contains(&rule) {
            pass.seens.broken.push(rule);
        }
    }
    if seens.seen.is_empty() && seens.carried.is_empty() {
        return go;
    }
    pass.seens.within += seens.within + seens.seen.len();
    let At { span, core, from } = at;
    let begins = span.start.cast_signed();
    let core = (core.start.cast_signed() - begins, core.len());
    let from = from.cast_signed() - begins;
    let carried = Carried { text: text.to_vec(), part, length: span.len(), core, from, map, how, seens };
    pass.seens.carried.push((span, Arc::new(carried)));
    if pass.seens.within + pass.seens.seen.len() >= MOST {
        pass.seens.cut = true;
        return Go::Stop;
    }
    go
}

/// What a value says that is base64 or hex as a whole: a password in a Kubernetes secret. None for what is no text.
pub(super) fn value(value: &[u8]) -> Option<(Vec<u8>, Coding)> {
    /// Shorter values may be base64 by accident.
    const SHORTEST: usize = 8;
    /// A word in hex digits is never this long.
    const SHORTEST_HEX: usize = 24;
    let digits = value.len() - value.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let hex = digits == value.len() && digits >= SHORTEST_HEX && digits.is_multiple_of(2);
    if !hex && (value.len() < SHORTEST || !value.len().is_multiple_of(4)) {
        return None;
    }
    let (out, how) = carrier::all_of(value.get(..digits)?, hex)?;
    let trimmed = out.trim_ascii_end().len();
    let plain = out.iter().take(trimmed).all(|byte| matches!(byte, b' '..=b'~'));
    (trimmed > 0 && plain).then(|| (out.get(..trimmed).unwrap_or_default().to_vec(), how))
}
