//! Which bytes to match in: the blob as it stands, its UTF-16 decoded, or the UTF-16 that a binary holds among other bytes.
//! Spans are mapped back to stored bytes.

use crate::model::Span;

/// How a blob's text is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Bytes as they stand; `skip` of them are a UTF-8 byte order mark.
    Bytes { skip: usize },
    /// UTF-16 after `skip` bytes of byte order mark.
    Utf16 { big: bool, skip: usize },
    /// Neither text nor UTF-16 as a whole, and [`strings`] are in it.
    Strings,
}

/// How many bytes decide about UTF-16 without a byte order mark.
const SAMPLE: usize = 4096;

impl Encoding {
    /// Looks at the first bytes only, and at all of them where there is a NUL among those.
    pub(super) fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0xef, 0xbb, 0xbf, ..] => Encoding::Bytes { skip: 3 },
            [0xff, 0xfe, ..] => Encoding::Utf16 { big: false, skip: 2 },
            [0xfe, 0xff, ..] => Encoding::Utf16 { big: true, skip: 2 },
            _ => match unmarked(bytes) {
                Some(big) => Encoding::Utf16 { big, skip: 0 },
                None if holds_strings(bytes) => Encoding::Strings,
                None => Encoding::Bytes { skip: 0 },
            },
        }
    }
}

/// UTF-16 without a mark shows in NULs at every other byte: Latin letters, digits, blanks and line ends have them
/// in any script. A wrong guess costs time only, since the stored bytes are looked at as well.
fn unmarked(bytes: &[u8]) -> Option<bool> {
    let sample = bytes.get(..bytes.len().min(SAMPLE))?;
    memchr::memchr(0, sample)?;
    let (mut even, mut odd, mut units) = (0_usize, 0_usize, 0_usize);
    for pair in sample.chunks_exact(2) {
        units += 1;
        if let [first, second] = pair {
            // Text has no U+0000; between strings of a binary it stands often.
            if (*first, *second) == (0, 0) {
                return None;
            }
            even += usize::from(*first == 0);
            odd += usize::from(*second == 0);
        }
    }
    let clear = |many: usize, few: usize| many * 8 >= units && many >= 4 && few * 4 <= many;
    if clear(odd, even) {
        Some(false)
    } else if clear(even, odd) {
        Some(true)
    } else {
        None
    }
}

/// Appends UTF-16 as UTF-8; an unpaired surrogate becomes U+FFFD. A last odd byte is left out.
pub(super) fn decode(bytes: &[u8], big: bool, out: &mut Vec<u8>) {
    let units = bytes.chunks_exact(2).map(|pair| match *pair {
        [a, b] if big => u16::from_be_bytes([a, b]),
        [a, b] => u16::from_le_bytes([a, b]),
        _ => 0,
    });
    for decoded in char::decode_utf16(units) {
        let c = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// Shorter strings hold no name with a secret.
const LEAST: usize = 12;
/// Bytes looked at at once: a string of [`LEAST`] units holds a whole chunk, wherever it begins.
const CHUNK: usize = 8;
const _: () = assert!(2 * LEAST >= 2 * CHUNK - 1);

/// True for a binary with UTF-16 strings in it; text holds no NUL.
fn holds_strings(bytes: &[u8]) -> bool {
    let sample = bytes.get(..bytes.len().min(SAMPLE)).unwrap_or_default();
    memchr::memchr(0, sample).is_some() && strings(bytes).next().is_some()
}

/// Stretches of printable ASCII in UTF-16 of at least [`LEAST`] units, as Windows' programs and databases hold them, at even
/// and at odd places. The NUL is taken for the second byte of each: one whose first it is misses its last character at
/// most, where no NUL follows.
fn strings(bytes: &[u8]) -> impl Iterator<Item = Span> {
    let (mut at, mut told) = (0, 0);
    let unit = |place: usize| matches!(bytes.get(place..place + 2), Some([byte, 0]) if is_shown(*byte));
    std::iter::from_fn(move || {
        loop {
            let chunks = bytes.get(at..)?.as_chunks::<CHUNK>().0;
            let place = at + CHUNK * chunks.iter().position(|chunk| is_wide(u64::from_le_bytes(*chunk)))?;
            let first = place + usize::from(bytes.get(place) == Some(&0));
            let (mut start, mut end) = (first, first);
            while start >= told + 2 && unit(start - 2) {
                start -= 2;
            }
            while unit(end) {
                end += 2;
            }
            at = end.max(place + CHUNK);
            if end - start >= 2 * LEAST {
                told = end;
                return Some(Span::new(start, end));
            }
        }
    })
}

/// Every other byte is NUL, and no other is.
fn is_wide(chunk: u64) -> bool {
    const LANES: u64 = 0x00ff_00ff_00ff_00ff;
    // Carries into the other lanes where a byte is not NUL.
    let all = |lanes: u64| (lanes + LANES) & !LANES == 0x0100_0100_0100_0100;
    let (even, odd) = (chunk & LANES, chunk >> 8 & LANES);
    odd == 0 && all(even) || even == 0 && all(odd)
}

fn is_shown(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')
}

/// Appends the [`strings`] of a binary, each behind the line breaks of what lies before it, so that lines are counted as in
/// the whole; where there are none, behind a NUL.
pub(super) fn decode_strings(bytes: &[u8], out: &mut Vec<u8>) {
    each_string(bytes, |gap, string| {
        push_gap(gap, out);
        out.extend(string.of(bytes).iter().step_by(2));
    });
}

/// Shows what lies before each string, and the string.
fn each_string(bytes: &[u8], mut show: impl FnMut(&[u8], Span)) {
    let mut last = 0;
    for string in strings(bytes) {
        show(bytes.get(last..string.start).unwrap_or_default(), string);
        last = string.end;
    }
}

fn push_gap(gap: &[u8], out: &mut Vec<u8>) {
    let breaks = memchr::memchr_iter(b'\n', gap).count();
    out.resize(out.len() + breaks, b'\n');
    if breaks == 0 {
        out.push(0);
    }
}

/// From offsets in a text to offsets in the blob it was decoded from.
#[derive(Debug)]
pub(super) enum Map {
    /// They are the same.
    Same,
    /// Decoded UTF-16: (text, blob) offsets at regular distances.
    Utf16(Vec<(usize, usize)>),
    /// Decoded strings: where each begins in the text, and where it lies in the blob.
    Strings(Vec<(usize, Span)>),
}

/// Bytes of text between two remembered offsets.
const STEP: usize = 1024;

impl Map {
    /// For the text that was decoded from a blob's bytes, of which `skip` are a byte order mark.
    pub(super) fn of(bytes: &[u8], text: &[u8], skip: usize) -> Self {
        if Encoding::of(bytes) != Encoding::Strings {
            return Self::utf16(text, skip);
        }
        let (mut places, mut at) = (Vec::new(), 0);
        each_string(bytes, |gap, string| {
            at += memchr::memchr_iter(b'\n', gap).count().max(1);
            places.push((at, string));
            at += string.len() / 2;
        });
        Self::Strings(places)
    }

    /// For a text that [`decode`] made from a blob's bytes after `skip`.
    pub(super) fn utf16(text: &[u8], skip: usize) -> Self {
        let mut marks = vec![(0, skip)];
        let (mut at, mut stored, mut next) = (0, skip, STEP);
        while at < text.len() {
            let (bytes, units) = width(text, at);
            at += bytes;
            stored += units;
            if at >= next {
                marks.push((at, stored));
                next = at + STEP;
            }
        }
        Map::Utf16(marks)
    }

    /// A span of the text as a span of the blob.
    pub(super) fn span(&self, text: &[u8], span: Span) -> Span {
        match self {
            Map::Same => span,
            Map::Utf16(marks) => Span::new(stored(marks, text, span.start), stored(marks, text, span.end)),
            Map::Strings(places) => Span::new(in_string(places, span.start), in_string(places, span.end)),
        }
    }
}

/// An offset between two strings counts as the first one's end.
fn in_string(places: &[(usize, Span)], offset: usize) -> usize {
    let index = places.partition_point(|(at, _)| *at <= offset).saturating_sub(1);
    let (at, string) = places.get(index).copied().unwrap_or((0, Span::new(0, 0)));
    (string.start + 2 * offset.saturating_sub(at)).min(string.end)
}

/// An offset inside a character counts as the character's first byte.
fn stored(marks: &[(usize, usize)], text: &[u8], offset: usize) -> usize {
    let index = marks.partition_point(|(at, _)| *at <= offset).saturating_sub(1);
    let (mut at, mut stored) = marks.get(index).copied().unwrap_or_default();
    while at < offset && at < text.len() {
        let (bytes, units) = width(text, at);
        if at + bytes > offset {
            break;
        }
        at += bytes;
        stored += units;
    }
    stored
}

/// Bytes of the character at `at` in UTF-8 (the text is valid) and in UTF-16.
fn width(text: &[u8], at: usize) -> (usize, usize) {
    match text.get(at) {
        Some(0xc0..=0xdf) => (2, 2),
        Some(0xe0..=0xef) => (3, 2),
        Some(0xf0..) => (4, 4),
        _ => (1, 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, big: bool, mark: bool) -> Vec<u8> {
        let text = if mark { format!("\u{feff}{text}") } else { text.to_owned() };
        text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    #[test]
    fn utf16_is_known_with_and_without_its_mark() {
        for big in [false, true] {
            for (mark, skip) in [(true, 2), (false, 0)] {
                let bytes = utf16("password = 'value'\r\n", big, mark);
                assert_eq!(Encoding::of(&bytes), Encoding::Utf16 { big, skip });
            }
        }
        assert_eq!(Encoding::of(b"plain"), Encoding::Bytes { skip: 0 });
        assert_eq!(Encoding::of(b"\x7fELF\0\0\0\0\0\0\0\0\0\0\0\0"), Encoding::Bytes { skip: 0 });
        assert_eq!(Encoding::of(b""), Encoding::Bytes { skip: 0 });
    }

    #[test]
    fn every_offset_maps_back_to_the_stored_bytes() {
        let text = "a\u{e9}\u{20ac}\u{1f600}z".repeat(700);
        let bytes = utf16(&text, true, true);
        let mut decoded = Vec::new();
        decode(&bytes[2..], true, &mut decoded);
        assert_eq!(decoded, text.as_bytes());
        let map = Map::utf16(&decoded, 2);
        for (at, _) in text.char_indices().step_by(7) {
            let expected = 2 + text.get(..at).unwrap().encode_utf16().count() * 2;
            assert_eq!(map.span(&decoded, Span::new(at, at)).start, expected);
        }
    }

    #[test]
    fn unpaired_surrogates_and_odd_tails_do_no_harm() {
        let mut out = Vec::new();
        decode(&[0x00, 0xd8, b'a', 0x00, b'b'], false, &mut out);
        assert_eq!(out, "\u{fffd}a".as_bytes());
        assert_eq!(Map::utf16(&out, 0).span(&out, Span::new(3, 4)), Span::new(2, 4));
    }

    /// A binary with strings at even and odd places, line breaks between them, and bytes that are none.
    fn binary(strings: &[&str]) -> Vec<u8> {
        let mut bytes = b"\x7fELF\0\0\0\x01\xff\xfe\x90\n".to_vec();
        for (number, string) in strings.iter().enumerate() {
            bytes.extend(utf16(string, false, false));
            bytes.extend([0xcc, 0, 0, b'\n', 0x90].iter().cycle().take(7 + number));
        }
        bytes
    }

    #[test]
    fn strings_in_a_binary_are_decoded_and_map_back() {
        let strings = ["a password = of some length", "and another one\r\nof two lines", "twelve units"];
        let bytes = binary(&strings);
        assert_eq!(Encoding::of(&bytes), Encoding::Strings);
        let mut text = Vec::new();
        decode_strings(&bytes, &mut text);
        let map = Map::of(&bytes, &text, 0);
        for string in strings {
            let at = memchr::memmem::find(&text, string.as_bytes()).unwrap();
            let span = map.span(&text, Span::new(at, at + string.len()));
            assert_eq!(span.of(&bytes), utf16(string, false, false), "{string}");
            let breaks = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(breaks(text.get(..at).unwrap()), breaks(bytes.get(..span.start).unwrap()), "{string}");
        }
        let mut again = Vec::new();
        decode_strings(bytes.get(1..).unwrap(), &mut again);
        assert_eq!(again, text, "odd and even");
    }

    #[test]
    fn binaries_without_strings_are_bytes() {
        for bytes in [&b"\0\0\0\0"[..], b"\x7fELF\0\x01\0\x02\0", &[0; 100], &binary(&["elevenunits"]), &binary(&[])] {
            assert_eq!(Encoding::of(bytes), Encoding::Bytes { skip: 0 }, "{}", bytes.escape_ascii());
        }
        let mut late = vec![b'x'; SAMPLE];
        late.extend(utf16("behind what is taken for text", false, false));
        assert_eq!(Encoding::of(&late), Encoding::Bytes { skip: 0 });
    }
}
