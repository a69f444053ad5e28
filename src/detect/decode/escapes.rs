//! Escapes that stand close together: percent, those of string literals, HTML's and XML's entities. And quoted-printable,
//! which a message's header announces. Knows no rules.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::carrier::hex;
use crate::model::{Coding, Span};

/// Only where so many escapes stand close together is a text looked at: one alone says little.
const TOGETHER: usize = 5;
/// Bytes that they take at most, from the first one's beginning to the last one's.
const CLOSE: usize = 64;
/// Openings of escapes that any so many blocks of 64 bytes hold where that is so, in one of them.
pub(super) const DENSE: u32 = 3;
const _: () = assert!(TOGETHER > 2 * (DENSE as usize - 1));
/// Bytes before and behind them that are looked at with them, as far as they are on the same line.
pub(super) const MARGIN: usize = 160;
/// The longest escape that is read.
const LONGEST: usize = 10;
/// Nothing farther from them than this decides what is seen in them.
pub(super) const REACH: usize = MARGIN + LONGEST;
const _: () = assert!(REACH >= 2 * (CLOSE + 1) + LONGEST);

/// The escape of some kind at a place: how long it is and what it says.
pub(super) fn escape(text: &[u8], at: usize, coding: Coding) -> Option<(usize, char)> {
    let rest = text.get(at..text.len().min(at + LONGEST))?;
    let digits = |digits: &[u8]| {
        let value = digits.iter().try_fold(0_u32, |value, digit| Some(value << 4 | u32::from(hex(*digit)?)))?;
        char::from_u32(value)
    };
    match (coding, rest) {
        (Coding::Percent, [b'%', a, b, ..]) => Some((3, digits(&[*a, *b])?)),
        (Coding::Escapes, [b'\\', b'x', a, b, ..]) => Some((4, digits(&[*a, *b])?)),
        (Coding::Escapes, [b'\\', b'u', b'{', inner @ ..]) => {
            let length = inner.iter().position(|byte| *byte == b'}').filter(|length| *length > 0)?;
            Some((length + 4, digits(inner.get(..length)?)?))
        }
        (Coding::Escapes, [b'\\', b'u', a, b, c, d, ..]) => Some((6, digits(&[*a, *b, *c, *d])?)),
        (Coding::Entities, [b'&', inner @ ..]) => entity(inner).map(|(length, said)| (length + 2, said)),
        _ => None,
    }
}

/// What stands between `&` and `;`.
fn entity(rest: &[u8]) -> Option<(usize, char)> {
    let length = rest.iter().position(|byte| *byte == b';')?;
    let said = match rest.get(..length)? {
        b"quot" => '"',
        b"apos" => '\'',
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        [b'#', b'x' | b'X', digits @ ..] if !digits.is_empty() => {
            let value = digits.iter().try_fold(0_u32, |value, digit| Some(value << 4 | u32::from(hex(*digit)?)))?;
            char::from_u32(value)?
        }
        [b'#', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            let value = digits.iter().fold(0_u32, |value, digit| value * 10 + u32::from(digit - b'0'));
            char::from_u32(value)?
        }
        _ => return None,
    };
    Some((length, said))
}

/// All kinds that are told by their opening.
pub(super) const KINDS: [Coding; 3] = [Coding::Percent, Coding::Escapes, Coding::Entities];

pub(super) fn opener(coding: Coding) -> u8 {
    match coding {
        Coding::Percent => b'%',
        Coding::Escapes => b'\\',
        _ => b'&',
    }
}

/// The first escape that begins in `part`.
fn first_in(text: &[u8], part: Span, opens: u8, coding: Coding) -> Option<usize> {
    let places = memchr::memchr_iter(opens, part.of(text)).map(|at| part.start + at);
    places.into_iter().find(|at| escape(text, *at, coding).is_some())
}

/// The last one.
fn last_in(text: &[u8], part: Span, opens: u8, coding: Coding) -> Option<usize> {
    let places = memchr::memrchr_iter(opens, part.of(text)).map(|at| part.start + at);
    places.into_iter().find(|at| escape(text, *at, coding).is_some())
}

/// Where [`TOGETHER`] escapes stand that begin with the one at `first`: the beginning of the last.
fn together(text: &[u8], first: usize, opens: u8, coding: Coding) -> Option<usize> {
    let mut last = first;
    for _ in 1..TOGETHER {
        last = first_in(text, Span::new(last + 1, text.len().min(first + CLOSE + 1)), opens, coding)?;
    }
    Some(last)
}

/// The first escapes that stand close together and one of which begins in `part`: the same from wherever in them.
pub(super) fn stretch(text: &[u8], part: Span, coding: Coding) -> Option<Span> {
    let opens = opener(coding);
    let mut at = first_in(text, part, opens, coding)?;
    // Others together with it may stand before.
    for _ in 1..TOGETHER {
        match last_in(text, Span::new(at.saturating_sub(CLOSE), at), opens, coding) {
            Some(before) => at = before,
            None => break,
        }
    }
    let (first, mut last) = loop {
        match together(text, at, opens, coding) {
            Some(last) if last >= part.start => break (at, last),
            _ => at = first_in(text, Span::new(at + 1, part.end), opens, coding)?,
        }
    };
    // All that share an escape are one stretch, wherever somebody comes upon them.
    let (mut start, mut at) = (first, first);
    while let Some(before) = last_in(text, Span::new(start.saturating_sub(CLOSE), at), opens, coding) {
        at = before;
        if together(text, before, opens, coding).is_some_and(|end| end >= start) {
            start = before;
        }
    }
    let mut next = first;
    while let Some(after) = first_in(text, Span::new(next + 1, last + 1), opens, coding) {
        next = after;
        last = together(text, after, opens, coding).map_or(last, |end| end.max(last));
    }
    let length = escape(text, last, coding).map_or(1, |(length, _)| length);
    Some(Span::new(start, last + length))
}

/// A stretch with what stands around it on its line.
pub(super) fn with_margin(text: &[u8], stretch: Span) -> Span {
    let before = Span::new(stretch.start.saturating_sub(MARGIN), stretch.start);
    let behind = Span::new(stretch.end, text.len().min(stretch.end.saturating_add(MARGIN)));
    let start = memchr::memrchr(b'\n', before.of(text)).map_or(before.start, |at| before.start + at + 1);
    let end = memchr::memchr(b'\n', behind.of(text)).map_or(behind.end, |at| behind.start + at);
    Span::new(start, end)
}

/// Where decoded text lies: (decoded, encoded) offsets from which on both go on together.
#[derive(Debug, Default)]
pub(super) struct Table(Vec<(usize, usize)>);

impl Table {
    /// Where a part of the decoded text lies.
    pub(super) fn place(&self, part: Span) -> Span {
        Span::new(self.offset(part.start), self.offset(part.end))
    }

    fn offset(&self, at: usize) -> usize {
        let index = self.0.partition_point(|(decoded, _)| *decoded <= at);
        let (decoded, encoded) = index.checked_sub(1).and_then(|index| self.0.get(index)).copied().unwrap_or_default();
        // Inside an escape of several bytes: the next entry is where it ends.
        let most = self.0.get(index).map_or(usize::MAX, |(_, encoded)| *encoded);
        (encoded + (at - decoded)).min(most)
    }

    /// `said` stands for `encoded` bytes from `at` on; `decoded` bytes are there already.
    fn note(&mut self, decoded: usize, at: usize, said: usize, encoded: usize) {
        self.0.push((decoded, at));
        self.0.push((decoded + said, at + encoded));
    }
}

/// Appends what a part of a text says.
pub(super) fn read(text: &[u8], part: Span, coding: Coding, out: &mut Vec<u8>) -> Table {
    let mut table = Table::default();
    let mut at = part.start;
    for place in memchr::memchr_iter(opener(coding), part.of(text)).map(|place| part.start + place) {
        let Some((length, said)) = escape(text, place, coding).filter(|(length, _)| place + length <= part.end) else {
            continue;
        };
        if place < at {
            continue;
        }
        out.extend_from_slice(Span::new(at, place).of(text));
        let before = out.len();
        match coding {
            // A byte of UTF-8, not a character.
            Coding::Percent => out.push(u32::from(said) as u8),
            _ => out.extend_from_slice(said.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        table.note(before, place - part.start, out.len() - before, length);
        at = place + length;
    }
    out.extend_from_slice(Span::new(at, part.end).of(text));
    table
}

/// Bytes of a message's head that may announce its encoding.
const HEAD: usize = 2048;

/// True for a text whose head says that it is a message with parts in quoted-printable. Of such a text nothing can be
/// told by its parts.
pub(super) fn is_quoted_printable(text: &[u8]) -> bool {
    let head = text.get(..text.len().min(HEAD)).unwrap_or_default();
    static WORDS: LazyLock<[Finder<'_>; 2]> = LazyLock::new(|| ["quoted-printable", "MIME-Version:"].map(Finder::new));
    let [announced, message] = &*WORDS;
    announced.find(head).is_some() || message.find(head).is_some() && announced.find(text).is_some()
}

/// Appends a text with quoted-printable decoded, RFC 2045: `=41`, and `=` at a line's end joins it to the next.
pub(super) fn read_quoted(text: &[u8], out: &mut Vec<u8>) -> Table {
    let mut table = Table::default();
    let mut at = 0;
    for place in memchr::memchr_iter(b'=', text) {
        let (length, said) = match text.get(place + 1..) {
            Some([b'\r', b'\n', ..]) => (3, None),
            Some([b'\n', ..]) => (2, None),
            Some([a, b, ..]) => match (hex(*a), hex(*b)) {
                (Some(a), Some(b)) => (3, Some(a << 4 | b)),
                _ => continue,
            },
            _ => continue,
        };
        if place < at {
            continue;
        }
        out.extend_from_slice(Span::new(at, place).of(text));
        let before = out.len();
        out.extend(said);
        table.note(before, place, out.len() - before, length);
        at = place + length;
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str, coding: Coding) -> String {
        let mut out = Vec::new();
        read(text.as_bytes(), Span::new(0, text.len()), coding, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escapes_are_read_and_what_is_none_stays() {
        assert_eq!(decoded("%7B%22a%22%3A1%7D 100% %zz %c3%bc", Coding::Percent), "{\"a\":1} 100% %zz \u{fc}");
        assert_eq!(decoded(r"\x41\u0042\u{43} \n \\ \x4 \ud800", Coding::Escapes), r"ABC \n \\ \x4 \ud800");
        assert_eq!(
            decoded("&lt;a&gt;&quot;&#39;&#x41;&amp; &nbsp; & &#; &#xffffff;", Coding::Entities),
            "<a>\"'A& &nbsp; & &#; &#xffffff;"
        );
    }

    #[test]
    fn offsets_are_found_again() {
        let text = b"a%41%c3%bcb%22c";
        let mut out = Vec::new();
        let table = read(text, Span::new(0, text.len()), Coding::Percent, &mut out);
        assert_eq!(out, "aA\u{fc}b\"c".as_bytes());
        assert_eq!(table.place(Span::new(0, 1)), Span::new(0, 1));
        assert_eq!(table.place(Span::new(1, 2)), Span::new(1, 4));
        assert_eq!(table.place(Span::new(2, 4)), Span::new(4, 10));
        assert_eq!(table.place(Span::new(4, 7)), Span::new(10, 15));
        let mut out = Vec::new();
        let table = read_quoted(b"abc=\r\ndef=3Dg=\nh 1=2", &mut out);
        assert_eq!(out, b"abcdef=gh 1=2");
        assert_eq!(table.place(Span::new(0, 6)), Span::new(0, 9));
        assert_eq!(table.place(Span::new(3, 7)), Span::new(6, 12));
        assert_eq!(table.place(Span::new(7, 9)), Span::new(12, 16));
    }

    #[test]
    fn a_stretch_is_the_same_from_wherever_in_it() {
        let plain = "x".repeat(70);
        let some = "%22a%22%3A%22b%22";
        let text = format!("{plain}%41%42{plain}{some}, {some}zz{some}{plain}%43{plain}");
        let from = text.find(some).unwrap();
        let all = Span::new(from, text.rfind(some).unwrap() + some.len());
        let mut asked = 0;
        for at in (0..text.len()).step_by(7) {
            let part = Span::new(at, text.len().min(at + 64));
            if let Some(stretch) = stretch(text.as_bytes(), part, Coding::Percent) {
                assert_eq!(stretch, all, "from {at}");
                asked += 1;
            }
        }
        assert!(asked > 10, "{asked}");
        assert_eq!(stretch(b"a %d and %s, 100%25 of it", Span::new(0, 25), Coding::Percent), None);
    }
}
