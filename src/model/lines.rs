//! Lines and columns of a text. Editors' counting: lines end at LF; see [`Position`].

use std::cell::RefCell;

use super::{Position, Span};

/// The lines of a text. Knows how many end in each block as far as it was asked; where one starts is looked up.
///
/// A history makes one for every version of a file that holds something: counting line ends is ten times as fast as
/// noting where they are, and few are ever asked for.
pub struct Lines<'t> {
    text: &'t [u8],
    /// Where the first line starts.
    skip: usize,
    /// How many lines end before each block that was reached.
    ended: RefCell<Vec<u32>>,
}

/// Bytes of a block.
const BLOCK: usize = 512;

impl<'t> Lines<'t> {
    /// Reads the text as far as it is asked about, once. The first `skip` bytes (a byte order mark) belong to no column.
    pub fn new(text: &'t [u8], skip: usize) -> Self {
        let mut ended = Vec::with_capacity(text.len() / BLOCK + 2);
        ended.push(0);
        Self { text, skip: skip.min(text.len()), ended: RefCell::new(ended) }
    }

    /// How many lines end before a block; counts on to it.
    fn before(&self, block: usize) -> usize {
        let mut ended = self.ended.borrow_mut();
        while ended.len() <= block {
            let Some(sum) = self.count_on(&ended) else { break };
            ended.push(sum);
        }
        ended.get(block).or(ended.last()).map_or(0, |ended| *ended as usize)
    }

    /// How many end before the block behind those that were reached; none where there is no more text.
    fn count_on(&self, ended: &[u32]) -> Option<u32> {
        let from = ended.len().checked_sub(1)? * BLOCK;
        let block = self.text.get(from..self.text.len().min(from + BLOCK)).filter(|block| !block.is_empty())?;
        Some(ended.last()?.saturating_add(memchr::memchr_iter(b'\n', block).count() as u32))
    }

    /// The line that holds this byte, from 0.
    pub fn index(&self, at: usize) -> usize {
        let at = at.min(self.text.len());
        let block = at / BLOCK;
        let inside = self.text.get(block * BLOCK..at).unwrap_or_default();
        self.before(block) + memchr::memchr_iter(b'\n', inside).count()
    }

    /// Where the line ends that is the `number`th to do so, from 0; none when fewer do.
    fn end(&self, number: usize) -> Option<usize> {
        let mut ended = self.ended.borrow_mut();
        while ended.last().is_some_and(|ended| *ended as usize <= number) {
            let Some(sum) = self.count_on(&ended) else { break };
            ended.push(sum);
        }
        let block = ended.partition_point(|ended| *ended as usize <= number).checked_sub(1)?;
        let before = *ended.get(block)? as usize;
        let rest = self.text.get(block * BLOCK..)?;
        Some(block * BLOCK + memchr::memchr_iter(b'\n', rest).nth(number - before)?)
    }

    /// The bytes of a line without its LF (a CR stays), by index from 0.
    pub fn span(&self, index: usize) -> Option<Span> {
        let start = match index.checked_sub(1) {
            None => self.skip,
            Some(before) => self.end(before)? + 1,
        };
        Some(Span::new(start, self.end(index).unwrap_or(self.text.len())))
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
                at = self.span(line).map_or(0, |span| span.start);
                (column, column_utf16) = (1, 1);
            }
            while at < *offset {
                // Lines without an end, such as minified code, are ASCII for the most part.
                let plain = text.get(at..*offset).map_or(0, plain);
                if plain > 0 {
                    at += plain;
                    let plain = u32::try_from(plain).unwrap_or(u32::MAX);
                    (column, column_utf16) = (column.saturating_add(plain), column_utf16.saturating_add(plain));
                    continue;
                }
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

/// Bytes that are ASCII at the beginning of `text`, in steps of whole blocks but for the last one.
fn plain(text: &[u8]) -> usize {
    let mut plain = 0;
    for block in text.chunks(64) {
        if !block.is_ascii() {
            return plain + block.iter().take_while(|b| b.is_ascii()).count();
        }
        plain += block.len();
    }
    plain
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

    #[test]
    fn lines_are_found_in_texts_of_many_blocks() {
        let text: Vec<u8> =
            (0..3 * BLOCK + 7).map(|n| if n % 37 == 0 || n % BLOCK < 2 { b'\n' } else { b'x' }).collect();
        let lines = Lines::new(&text, 0);
        let mut starts = vec![0];
        starts.extend(memchr::memchr_iter(b'\n', &text).map(|at| at + 1));
        for at in 0..=text.len() + 1 {
            assert_eq!(lines.index(at), starts.partition_point(|start| *start <= at) - 1, "{at}");
        }
        for (line, start) in starts.iter().enumerate() {
            let end = starts.get(line + 1).map_or(text.len(), |next| next - 1);
            assert_eq!(lines.span(line), Some(Span::new(*start, end)), "{line}");
        }
        assert_eq!(lines.span(starts.len()), None);
    }

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
