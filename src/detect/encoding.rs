//! Which bytes to match in: the blob as it stands, or its UTF-16 decoded. Spans are mapped back to stored bytes.

use crate::model::Span;

/// How a blob's text is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Bytes as they stand; `skip` of them are a UTF-8 byte order mark.
    Bytes { skip: usize },
    /// UTF-16 after `skip` bytes of byte order mark.
    Utf16 { big: bool, skip: usize },
}

/// How many bytes decide about UTF-16 without a byte order mark.
const SAMPLE: usize = 4096;

impl Encoding {
    /// Looks at the first bytes only.
    pub(super) fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0xef, 0xbb, 0xbf, ..] => Encoding::Bytes { skip: 3 },
            [0xff, 0xfe, ..] => Encoding::Utf16 { big: false, skip: 2 },
            [0xfe, 0xff, ..] => Encoding::Utf16 { big: true, skip: 2 },
            _ => match unmarked(bytes) {
                Some(big) => Encoding::Utf16 { big, skip: 0 },
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

/// From offsets in a text to offsets in the blob it was decoded from.
#[derive(Debug)]
pub(super) enum Map {
    /// They are the same.
    Same,
    /// Decoded UTF-16: (text, blob) offsets at regular distances.
    Utf16(Vec<(usize, usize)>),
}

/// Bytes of text between two remembered offsets.
const STEP: usize = 1024;

impl Map {
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
        }
    }
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
}
