//! Lines and columns of a text. Editors' counting: lines end at LF; see [`Position`].

use super::{Position, Span};

/// Where each line of a text starts.
pub struct Lines {
    starts: Vec<usize>,
    length: usize,
}

impl Lines {
    /// Reads the whole text once. The first `skip` bytes (a byte order mark) belong to no column.
    pub fn new(text: &[u8], skip: usize) -> Self {
        let mut starts = vec![skip.min(text.len())];
        starts.extend(memchr::memchr_iter(b'\n', text).map(|at| at + 1));
        Self { starts, length: text.len() }
    }

    /// The line that holds this byte, from 0.
    pub fn index(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// The bytes of a line without its LF (a CR stays), by index from 0.
    pub fn span(&self, index: usize) -> Option<Span> {
        let start = *self.starts.get(index)?;
        let end = self.starts.get(index + 1).map_or(self.length, |next| next.saturating_sub(1));
        Some(Span::new(start, end))
    }

    /// Positions of `offsets`, which must be sorted: one walk, however many lie on one line.
    ///
    /// An offset inside a character counts as that character's first byte.
    pub fn positions(&self, text: &[u8], offsets: &[usize]) -> Vec<Position> {
        let mut out = Vec::with_capacity(offsets.len());
        let mut line = usize::MAX;
        let (mut at, mut column, mut column_utf16) = (0, 1_u32, 1_u32);
        for offset in offsets {
            let here = self.index(*offset);
            if here != line {
                line = here;
                at = self.starts.get(line).copied().unwrap_or_default();
                (column, column_utf16) = (1, 1);
            }
            while at < *offset {
                let (bytes, units) = character(text.get(at..).unwrap_or_default());
                if at + bytes > *offset {
                    break;
                }
                at += bytes;
                column = column.saturating_add(1);
                column_utf16 = column_utf16.saturating_add(units);
            }
            out.push(Position { line: number(line), column, column_utf16 });
        }
        out
    }
}

/// A line's number as people count, from its index.
pub fn number(index: usize) -> u32 {
    u32::try_from(index.saturating_add(1)).unwrap_or(u32::MAX)
}

/// Length in bytes and in UTF-16 units of the first character; a byte that is not UTF-8 is one of each.
fn character(rest: &[u8]) -> (usize, u32) {
    let (bytes, units) = match rest.first() {
        Some(0xc2..=0xdf) => (2, 1),
        Some(0xe0..=0xef) => (3, 1),
        Some(0xf0..=0xf4) => (4, 2),
        _ => return (1, 1),
    };
    match rest.get(..bytes).map(std::str::from_utf8) {
        Some(Ok(_)) => (bytes, units),
        _ => (1, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &[u8], offset: usize) -> (u32, u32, u32) {
        let position = Lines::new(text, 0).positions(text, &[offset])[0];
        (position.line, position.column, position.column_utf16)
    }

    #[test]
    fn columns_count_characters_and_utf16_units() {
        let text = "a\u{e9}\u{1f600}b\r\nsecond".as_bytes();
        assert_eq!(at(text, 0), (1, 1, 1));
        assert_eq!(at(text, 7), (1, 4, 5), "after e-acute (one unit) and an emoji (two)");
        assert_eq!(at(text, 8), (1, 5, 6), "CR belongs to the line");
        assert_eq!(at(text, 9), (1, 6, 7), "so does LF");
        assert_eq!(at(text, 10), (2, 1, 1));
    }

    #[test]
    fn a_stray_byte_counts_as_one_character() {
        assert_eq!(at(b"\xff\xfe\xe2\x82x", 4), (1, 5, 5));
    }

    #[test]
    fn a_byte_order_mark_has_no_column() {
        let text = b"\xef\xbb\xbfkey";
        let lines = Lines::new(text, 3);
        let position = lines.positions(text, &[3])[0];
        assert_eq!((position.line, position.column), (1, 1));
    }

    #[test]
    fn many_offsets_in_one_walk_equal_single_ones() {
        let text = "x\u{1f600}y\n\u{e9}\u{e9}z\n\nlast".as_bytes();
        let offsets: Vec<usize> = (0..=text.len()).collect();
        let lines = Lines::new(text, 0);
        let many = lines.positions(text, &offsets);
        for (offset, position) in offsets.iter().zip(many) {
            assert_eq!(lines.positions(text, &[*offset])[0], position, "{offset}");
        }
        assert_eq!(lines.span(1).map(|s| s.of(text)), Some("\u{e9}\u{e9}z".as_bytes()));
        assert_eq!(lines.span(3).map(|s| s.of(text)), Some(&b"last"[..]));
    }
}
