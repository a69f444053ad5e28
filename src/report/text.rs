//! Text that is safe to print: no byte from a repository moves the cursor or reverses the line.

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::model::{Coding, CommitInfo};

/// One line that cannot move a terminal's cursor: control characters become `\xNN` or `\u{NNNN}`, and so do line
/// separators, bidirectional controls and invisible marks that would show another text than the one that is there.
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("    "),
            '\n' => out.push(' '),
            c if u32::from(c) < 0x100 && c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() || is_deceptive(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// How something is encoded, the outermost first: `base64 > gzip`.
pub fn decoded(how: &[Coding]) -> String {
    how.iter().map(|coding| coding.name()).collect::<Vec<_>>().join(" > ")
}

/// Bidirectional controls, line separators and zero-width marks.
fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// How many terminal columns a character takes: 0 for combining marks, 2 for East Asian wide ones and emoji.
/// Coarse (whole blocks of Unicode 16); a miss only moves the marks under a line.
pub fn columns(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36f | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f => 0,
        0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff => 2,
        0xfe30..=0xfe4f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1f64f | 0x1f680..=0x1f6ff => 2,
        0x1f900..=0x1f9ff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Columns of a whole text.
pub fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// Breaks prose at spaces into lines of at most `room` columns; a longer word keeps a line of its own.
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut current = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let wide = width(word);
        if !current.is_empty() && used + 1 + wide > room {
            lines.push(std::mem::take(&mut current));
            used = 0;
        }
        if !current.is_empty() {
            current.push(' ');
            used += 1;
        }
        current.push_str(word);
        used += wide;
    }
    if !current.is_empty() {
        lines.push(current);
    }
    lines
}

/// The author's date in the author's own offset, RFC 3339; `None` when out of any calendar.
pub fn date(commit: &CommitInfo) -> Option<String> {
    let moment = Timestamp::from_second(commit.time).ok()?;
    let offset = commit.offset.checked_mul(60).and_then(|s| Offset::from_seconds(s).ok()).unwrap_or(Offset::UTC);
    Some(moment.display_with_offset(offset).to_string())
}

/// "1 finding", "2 findings".
pub fn count(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// A size as people say it, in binary units.
pub fn bytes(n: u64) -> String {
    if n < 1024 {
        return format!("{n} B");
    }
    // Integer tenths, so that the text is the same on every machine.
    let mut tenths = u128::from(n) * 10 / 1024;
    let mut unit = "KiB";
    for larger in ["MiB", "GiB", "TiB"] {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = larger;
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A duration as people say it.
pub fn elapsed(time: std::time::Duration) -> String {
    let ms = time.as_millis();
    match ms {
        0 => "under 1 ms".to_owned(),
        1..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ObjectId;

    #[test]
    fn nothing_that_moves_the_cursor_survives() {
        assert_eq!(line("a\x1b[2Jb\r\u{202e}c\u{9b}\u{200b}"), "a\\x1b[2Jb\\x0d\\u{202e}c\\x9b\\u{200b}");
        assert_eq!(line("schöne 漢字 bleiben"), "schöne 漢字 bleiben");
        assert_eq!(line(&line("\x07\u{2028}")), line("\x07\u{2028}"), "twice is once");
    }

    #[test]
    fn prose_breaks_at_spaces_only() {
        assert_eq!(wrap("aa bb  cc\ndd", 5), ["aa bb", "cc dd"]);
        assert_eq!(wrap("a incomprehensible b", 5), ["a", "incomprehensible", "b"]);
        assert_eq!(wrap("漢字 漢字", 8), ["漢字", "漢字"]);
    }

    #[test]
    fn dates_stand_in_the_authors_offset() {
        let mut commit =
            CommitInfo { id: ObjectId::ZERO, author: String::new(), email: String::new(), time: 0, offset: -210 };
        assert_eq!(date(&commit).unwrap(), "1969-12-31T20:30:00-03:30");
        commit.offset = i32::MAX;
        assert_eq!(date(&commit).unwrap(), "1970-01-01T00:00:00+00:00");
        commit.time = i64::MAX;
        assert_eq!(date(&commit), None);
    }

    #[test]
    fn sizes_and_times_are_short() {
        assert_eq!(
            [bytes(0), bytes(1023), bytes(1536), bytes(u64::MAX)],
            ["0 B", "1023 B", "1.5 KiB", "16777215.9 TiB"]
        );
        let ms = std::time::Duration::from_millis;
        assert_eq!([elapsed(ms(0)), elapsed(ms(1_250)), elapsed(ms(61_000))], ["under 1 ms", "1.2 s", "1 min 1 s"]);
    }
}
