//! Runs of base64 and hex digits: how far one reaches, over wrapped lines and pieces of literals too, and what it says.
//! Knows no rules.
//!
//! The digits are decoded here, not by a crate: most runs are refused after two or three bytes, line breaks and quotes
//! are stepped over, and every byte of the text must be found again in the encoded one.

use super::places::{GROUP, LEAST, is_run};
use super::text::{Sort, is_plain, sort_of};
use crate::model::{Coding, Span};

/// Longest stretch between two runs that belong together: a line's end, quotes, indentation.
pub(super) const JOINT: usize = 80;
/// Hex of fewer digits than this is a number, or a short checksum.
const LEAST_HEX: usize = 40;
/// Bytes that decide whether a run says anything.
const SAMPLE: usize = 24;

/// What digits stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// Six bits a digit, of either alphabet.
    Base64,
    /// Four bits a digit.
    Hex,
}

impl Base {
    pub(super) fn coding(self) -> Coding {
        match self {
            Base::Base64 => Coding::Base64,
            Base::Hex => Coding::Hex,
        }
    }

    fn bits(self) -> usize {
        match self {
            Base::Base64 => 6,
            Base::Hex => 4,
        }
    }

    fn value(self, digit: u8) -> Option<u8> {
        let value = match self {
            Base::Base64 => *BASE64.get(usize::from(digit))?,
            Base::Hex => *HEX.get(usize::from(digit))?,
        };
        (value != NONE).then_some(value)
    }
}

const NONE: u8 = 0xff;
static BASE64: [u8; 256] = table(false);
static HEX: [u8; 256] = table(true);

#[allow(clippy::indexing_slicing)] // Below 256.
const fn table(hex: bool) -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut byte = 0;
    while byte < 256 {
        let here = byte as u8;
        table[byte] = match here {
            b'0'..=b'9' if hex => here - b'0',
            b'a'..=b'f' if hex => here - b'a' + 10,
            b'A'..=b'F' if hex => here - b'A' + 10,
            _ if hex => NONE,
            b'A'..=b'Z' => here - b'A',
            b'a'..=b'z' => here - b'a' + 26,
            b'0'..=b'9' => here - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => NONE,
        };
        byte += 1;
    }
    table
}

/// What a hex digit says.
pub(super) fn hex(digit: u8) -> Option<u8> {
    Base::Hex.value(digit)
}

/// The byte at a place; none outside.
fn at(text: &[u8], place: usize) -> Option<u8> {
    text.get(place).copied()
}

fn before(text: &[u8], place: usize) -> Option<u8> {
    at(text, place.checked_sub(1)?)
}

/// True for the letter of a written line end, `\n` or `\r`.
fn is_escaped(text: &[u8], place: usize) -> bool {
    before(text, place) == Some(b'\\') && matches!(at(text, place), Some(b'n' | b'r'))
}

/// True for a plus that joins two literals.
fn is_plus(text: &[u8], place: usize) -> bool {
    let apart = |byte| matches!(byte, Some(b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\''));
    at(text, place) == Some(b'+') && apart(before(text, place)) && apart(at(text, place + 1))
}

/// True for what may stand between two runs. The same from either side.
fn is_joint(text: &[u8], place: usize) -> bool {
    match at(text, place) {
        Some(b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b'`' | b',' | b'\\') => true,
        Some(b'n' | b'r') => is_escaped(text, place),
        Some(b'+') => is_plus(text, place),
        _ => false,
    }
}

fn breaks(text: &[u8], joint: Span) -> bool {
    (joint.start..joint.end).any(|place| at(text, place) == Some(b'\n') || is_escaped(text, place))
}

/// The run that ends at or before `end` and holds the byte before it.
fn run_back(text: &[u8], end: usize) -> Span {
    let head = text.get(..end).unwrap_or_default();
    let start = end - head.iter().rev().take_while(|byte| is_run(**byte)).count();
    Span::new(without_joint(text, start), end)
}

/// The end of the run that begins at `start`.
fn run_ahead(text: &[u8], start: usize) -> usize {
    start + text.get(start..).unwrap_or_default().iter().take_while(|byte| is_run(**byte)).count()
}

/// Only a run's first byte can belong to a joint: what makes it one stands before it, and is of no run. Two slashes
/// belong to a URL, unless they are a mark of UTF-16.
fn without_joint(text: &[u8], start: usize) -> usize {
    if is_escaped(text, start) || is_plus(text, start) {
        start + 1
    } else if text.get(start..).is_some_and(|rest| rest.starts_with(b"//") && !rest.starts_with(b"//4")) {
        start + 2
    } else {
        start
    }
}

/// True when a line of a wrapped text may end behind this run.
fn may_go_on(run: Span) -> bool {
    run.len() >= LEAST && run.len().is_multiple_of(4)
}

/// The run before, if this one goes on from it.
fn previous(text: &[u8], run: Span) -> Option<Span> {
    run_before(text, run).filter(|run| may_go_on(*run))
}

/// The run before with nothing but a joint between; whether this one goes on from it is decided by how long it is.
fn run_before(text: &[u8], run: Span) -> Option<Span> {
    let many = joints_before(text, run.start);
    let joint = Span::new(run.start - many, run.start);
    if many == 0 || many == JOINT || !breaks(text, joint) {
        return None;
    }
    Some(run_back(text, joint.start))
}

/// Where that begins which decided that a chain begins at `first`: the run before it may have gone on to it, had it been of
/// another length, and there may have been one.
pub(super) fn decided_from(text: &[u8], first: usize) -> usize {
    let looked = || first.saturating_sub(joints_before(text, first) + 1);
    run_before(text, Span::new(first, first)).map_or_else(looked, |run| run.start)
}

/// How many bytes of a joint stand before a place.
fn joints_before(text: &[u8], place: usize) -> usize {
    (1..=place.min(JOINT)).take_while(|back| is_joint(text, place - back)).count()
}

/// The run that goes on from this one.
fn next(text: &[u8], run: Span) -> Option<Span> {
    if may_go_on(run) { run_behind(text, run) } else { None }
}

/// The run behind with nothing but a joint between.
fn run_behind(text: &[u8], run: Span) -> Option<Span> {
    let many = (0..JOINT).take_while(|ahead| is_joint(text, run.end + ahead)).count();
    let joint = Span::new(run.end, run.end + many);
    if many == 0 || many == JOINT || !breaks(text, joint) {
        return None;
    }
    let end = run_ahead(text, joint.end);
    (end > joint.end).then_some(Span::new(joint.end, end))
}

/// How far behind a change that ends at `place` runs may begin to be read, or not to be: the next one may or may not go on
/// from the one that changed, and so the next after it, up to one that says something by itself.
pub(super) fn unsettled_until(text: &[u8], place: usize) -> usize {
    let rest = text.get(place..text.len().min(place + JOINT)).unwrap_or_default();
    let Some(start) = rest.iter().position(|byte| is_run(*byte)).map(|at| place + at) else { return place };
    let mut run = Span::new(start, run_ahead(text, start));
    while let Some(after) = run_behind(text, run) {
        run = after;
        if !may_go_on(run) || open(text, run.start).is_some() {
            break;
        }
    }
    run.start
}

/// The run that holds `place`.
fn run(text: &[u8], place: usize) -> Span {
    Span::new(run_back(text, place).start, run_ahead(text, place))
}

/// Where the run begins that holds the group before `place`; its first byte may be `known`.
#[inline]
pub(super) fn start(text: &[u8], place: usize, known: Option<usize>) -> usize {
    let start = known.unwrap_or_else(|| {
        let group = place.saturating_sub(GROUP);
        let head = text.get(..group).unwrap_or_default();
        group - head.iter().rev().take_while(|byte| is_run(**byte)).count()
    });
    without_joint(text, start)
}

/// The first of all runs that belong together with the one that holds `place`: the same from wherever in them.
pub(super) fn first(text: &[u8], place: usize) -> usize {
    let mut first = run(text, place);
    while let Some(run) = previous(text, first) {
        first = run;
    }
    first.start
}

/// The run that begins at `start`, and those that go on from it.
pub(super) fn ahead(text: &[u8], start: usize, runs: &mut Vec<Span>) {
    runs.clear();
    let mut run = Span::new(start, run_ahead(text, start));
    runs.push(run);
    while let Some(after) = next(text, run) {
        run = after;
        runs.push(run);
    }
}

/// The run that goes on from the one that begins at `start`.
pub(super) fn follower(text: &[u8], start: usize) -> Option<usize> {
    next(text, Span::new(start, run_ahead(text, start))).map(|run| run.start)
}

/// Digits of some runs, one after the other.
fn digits<'t>(text: &'t [u8], runs: &'t [Span]) -> impl Iterator<Item = u8> + 't {
    runs.iter().flat_map(|run| run.of(text)).copied()
}

/// What a chain turned out to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    /// What its digits are.
    pub(super) base: Base,
    /// What they say.
    pub(super) sort: Sort,
}

/// Digits that the first byte of something to look into may begin with: `I` to `f` for ASCII, and a few others.
static FIRST: [bool; 256] = firsts();

#[allow(clippy::indexing_slicing)] // Below 256.
const fn firsts() -> [bool; 256] {
    let mut firsts = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        // `C` and `D` for blanks, `H` for gzip, the others for UTF-8, UTF-16 and hex.
        firsts[byte] =
            matches!(byte as u8, b'C' | b'D' | b'H'..=b'Z' | b'a'..=b'f' | b'w'..=b'z' | b'0'..=b'9' | b'/' | b'A');
        byte += 1;
    }
    firsts
}

/// True when a run of at least [`LEAST`] bytes begins at `start`, where two groups of it do.
fn is_long(text: &[u8], start: usize) -> bool {
    text.get(start..start + LEAST).is_some_and(|run| run.iter().rev().all(|byte| is_run(*byte)))
}

/// False for most runs that say nothing, by their first digits.
#[inline]
fn may_open(text: &[u8], start: usize) -> bool {
    let Some([a, b, c, d]) = text.get(start..).and_then(|rest| rest.first_chunk::<4>()) else { return false };
    let last = text.get(start + LEAST - 1).copied().unwrap_or_default();
    // Both at once: there is nothing to guess for the processor.
    if !(FIRST.get(usize::from(*a)).is_some_and(|may| *may) & is_run(last)) {
        return false;
    }
    let value = |digit: u8| u32::from(BASE64.get(usize::from(digit)).copied().unwrap_or(NONE));
    let bits = value(*a) << 18 | value(*b) << 12 | value(*c) << 6 | value(*d);
    let (x, y, z) = ((bits >> 16) as u8, (bits >> 8) as u8, bits as u8);
    let base64 = match (is_plain(x), is_plain(y)) {
        (true, true) => is_plain(z) || z >= 0xc2,
        // UTF-16, or a character of several bytes.
        (true, false) => {
            y == 0 && is_plain(z) || y >= 0xc2 && z & 0xc0 == 0x80 || x == 0x78 && matches!(y, 0x01 | 0x9c | 0xda)
        }
        (false, plain) => match x {
            0 => plain && z == 0,
            0x1f => (y, z) == (0x8b, 8),
            0xc2..=0xf4 => y & 0xc0 == 0x80,
            0xfe | 0xff => (y == 0xff || y == 0xfe) && y != x,
            _ => false,
        },
    };
    let pair = |high: u8, low: u8| Some(hex(high)? << 4 | hex(low)?);
    let hex = || matches!((pair(*a, *b), pair(*c, *d)), (Some(x), Some(y)) if is_plain(x) && is_plain(y) || (x, y) == (0x1f, 0x8b));
    // The digits refuse more than the length, and cost less.
    (base64 || hex()) && is_long(text, start)
}

/// Looks at the first bytes that the runs from `start` on stand for; none when they are nothing to look into.
pub(super) fn open(text: &[u8], start: usize) -> Option<Opened> {
    if !may_open(text, start) {
        return None;
    }
    let own = Span::new(start, run_ahead(text, start));
    // The sample is longer than a short first run.
    let runs = [own, next(text, own).unwrap_or(Span::new(own.end, own.end))];
    let hex = own.of(text).iter().take(SAMPLE).all(u8::is_ascii_hexdigit) && own.len() >= LEAST_HEX;
    let bases = [(hex, Base::Hex), (true, Base::Base64)];
    bases.into_iter().filter(|(may, _)| *may).find_map(|(_, base)| {
        let sort = sample(digits(text, &runs), base)?;
        Some(Opened { base, sort })
    })
}

/// What the first digits say.
fn sample(mut digits: impl Iterator<Item = u8>, base: Base) -> Option<Sort> {
    let mut bytes = [0; SAMPLE];
    let mut filled = 0;
    let mut bits = Bits::default();
    while filled < SAMPLE {
        let Some(digit) = digits.next() else { break };
        if let Some(byte) = bits.push(base.value(digit)?, base) {
            *bytes.get_mut(filled)? = byte;
            filled += 1;
        }
    }
    sort_of(bytes.get(..filled)?)
}

#[derive(Default)]
struct Bits {
    held: u32,
    many: usize,
}

impl Bits {
    fn push(&mut self, value: u8, base: Base) -> Option<u8> {
        self.held = self.held << base.bits() | u32::from(value);
        self.many += base.bits();
        if self.many < 8 {
            return None;
        }
        self.many -= 8;
        let byte = (self.held >> self.many) as u8;
        self.held &= (1 << self.many) - 1;
        Some(byte)
    }
}

/// Appends what an opened chain stands for, as far as its digits go; says how each byte is found again.
pub(super) fn read(text: &[u8], runs: &[Span], base: Base, out: &mut Vec<u8>) -> Digits {
    let mut kept = Vec::with_capacity(runs.len());
    let mut bits = Bits::default();
    let mut many = 0;
    let from = runs.first().map_or(0, |run| run.start);
    let mut end = from;
    'all: for run in runs {
        let before = many;
        kept.push((before, run.start - from));
        for digit in run.of(text) {
            let Some(value) = base.value(*digit) else { break 'all };
            out.extend(bits.push(value, base));
            many += 1;
            end = run.start + many - before;
        }
    }
    // What fills up the last group says nothing, but belongs to it.
    if base == Base::Base64 && many % 4 > 1 {
        let fill = text.get(end..).unwrap_or_default();
        end += fill.iter().take(4 - many % 4).take_while(|byte| **byte == b'=').count();
    }
    Digits { span: Span::new(from, end), base, many, runs: kept }
}

/// What digits say that are of one base from first to last; of either, hex first where that may be.
pub(super) fn all_of(digits: &[u8], hex: bool) -> Option<(Vec<u8>, Coding)> {
    let each = |base: Base| {
        let mut bits = Bits::default();
        digits.iter().filter_map(move |digit| match base.value(*digit) {
            Some(value) => bits.push(value, base).map(Some),
            None => Some(None),
        })
    };
    // Most are refused by their first byte, before any memory is taken.
    let plain = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let bases = [(hex, Base::Hex), (true, Base::Base64)];
    let base = bases.into_iter().find(|(may, base)| *may && each(*base).all(plain))?.1;
    Some((each(base).flatten().collect(), base.coding()))
}

/// Where the digits of decoded bytes lie.
#[derive(Clone, Debug)]
pub(super) struct Digits {
    /// All of them in the text.
    pub(super) span: Span,
    base: Base,
    /// How many there are.
    many: usize,
    /// For each run the number of its first digit, and its place behind the first of all.
    runs: Vec<(usize, usize)>,
}

impl Digits {
    /// Where some decoded bytes lie, counted from the first digit.
    pub(super) fn place(&self, part: Span) -> Span {
        let start = part.start * 8 / self.base.bits();
        let end = (part.end * 8).div_ceil(self.base.bits());
        if part.end >= self.many * self.base.bits() / 8 {
            return Span::new(self.digit(start), self.span.len());
        }
        Span::new(self.digit(start), self.digit(end.saturating_sub(1).max(start)) + 1)
    }

    fn digit(&self, number: usize) -> usize {
        let index = self.runs.partition_point(|(first, _)| *first <= number).saturating_sub(1);
        self.runs.get(index).map_or(0, |(first, place)| place + number - first)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn all(text: &[u8], place: usize) -> Option<(Vec<u8>, Digits)> {
        let mut runs = Vec::new();
        let first = first(text, place);
        ahead(text, first, &mut runs);
        let mut out = Vec::new();
        let opened = open(text, first)?;
        let digits = read(text, &runs, opened.base, &mut out);
        Some((out, digits))
    }

    #[test]
    fn lines_and_literals_are_read_as_one_from_wherever_in_them() {
        let said = "user = somebody; the rest of it is long enough to be wrapped over several lines. ".repeat(3);
        let encoded = STANDARD.encode(&said);
        let lines: Vec<&str> = encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        for (before, joint, after) in [
            ("data: ", "\n", "\n"),
            ("data: |\n    ", "\n    ", "\n"),
            ("x = \"", "\" +\n  \"", "\";"),
            ("[\"", "\\n\",\n \"", "\"]"),
            ("\"k\": \"", "\\r\\n", "\""),
            ("x = ('", "' \\\r\n'", "')"),
        ] {
            let text = format!("{before}{}{after}", lines.join(joint));
            let from = before.len();
            let mut asked = 0;
            for place in (from..text.len() - 70).filter(|place| is_run(text.as_bytes()[*place])) {
                if is_escaped(text.as_bytes(), place) || is_plus(text.as_bytes(), place) {
                    continue;
                }
                asked += 1;
                let (out, digits) = all(text.as_bytes(), place).unwrap();
                assert_eq!(String::from_utf8_lossy(&out), said, "{joint:?} from {place}");
                assert_eq!(digits.span.start, from);
                // Every byte is found again where the digits stand that say it.
                let at = 3 * 20 + 1;
                let place = digits.place(Span::new(at, at + 5));
                let piece = Span::new(from + place.start, from + place.end).of(text.as_bytes());
                let piece: Vec<u8> = piece.iter().copied().filter(|byte| is_run(*byte)).collect();
                assert!(encoded.contains(std::str::from_utf8(&piece[..2]).unwrap()));
            }
            assert!(asked > 100);
        }
    }

    #[test]
    fn spans_hold_the_digits_and_no_others() {
        let said = b"name = value and more of it";
        let text = [b"= ", STANDARD.encode(said).as_bytes()].concat();
        let (out, digits) = all(&text, 10).unwrap();
        assert_eq!(out, said);
        for start in 0..said.len() {
            for end in start + 1..=said.len() {
                let place = digits.place(Span::new(start, end));
                let last = if end == said.len() { digits.span.len() } else { (end * 8).div_ceil(6) };
                assert_eq!((place.start, place.end), (start * 8 / 6, last), "{start}..{end}");
            }
        }
    }

    #[test]
    fn names_paths_and_random_tokens_are_refused() {
        for text in [
            "some_very_long_identifier_name_in_a_program",
            "src/detect/decode/carrier/and/further/down/below",
            "kubectl-get-secrets-all-namespaces-output-yaml",
            "0123456789abcdef0123456789abcdef01234567",
            "da39a3ee5e6b4b0d3255bfef95601890afd80709e3b0c44298fc1c149afbf4c8",
        ] {
            assert!(all(text.as_bytes(), 12).is_none(), "{text}");
        }
    }

    #[test]
    fn a_url_s_slashes_belong_to_no_run() {
        let encoded = STANDARD.encode("{\"name\":\"somebody\",\"more\":\"of it\"}");
        for before in ["zz://", "k=", "data:text/plain;base64,"] {
            let text = format!("{before}{encoded}");
            let (out, digits) = all(text.as_bytes(), before.len() + 8).unwrap();
            assert!(out.starts_with(b"{\"name"), "{before}");
            assert_eq!(digits.span, Span::new(before.len(), text.len()));
        }
    }
}
