//! Inline comments that ask for silence: keyward's own and other tools'. Reads them; triage decides what they silence.

use std::sync::LazyLock;

use aho_corasick::packed;
use memchr::memmem::Finder;

use super::lines::{Lines, number};
use super::prefilter::MARK;
use crate::model::{Fresh, Mark, MarkScope, Span};

/// A comment and where it stands in the text.
pub(super) struct Placed {
    pub(super) mark: Mark,
    pub(super) span: Span,
}

/// Longest line part read around a comment, in bytes.
const NEAR: usize = 512;

/// keyward's own comments, at the places where the prefilter saw them (sorted).
pub(super) fn own(text: &[u8], lines: &Lines, places: &[usize]) -> Vec<Placed> {
    let mut out = Vec::new();
    // Blocks that are open: where each began.
    let mut open: Vec<(usize, Span, MarkScope, Option<String>)> = Vec::new();
    for at in places {
        let line = lines.index(*at);
        let Some(bounds) = lines.span(line) else { continue };
        let after = at + MARK.len();
        let rest = Span::new(after, bounds.end.min(after + NEAR)).of(text);
        let (word, rest) = match rest {
            [b'-', b's', b't', b'a', b'r', b't', rest @ ..] => ("start", rest),
            [b'-', b'e', b'n', b'd', rest @ ..] => ("end", rest),
            _ => ("", rest),
        };
        if rest.first().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            continue;
        }
        let (scope, reason) = rules_and_reason(rest);
        let span = Span::new(*at, bounds.end);
        match word {
            "start" => open.push((line, span, scope, reason)),
            "end" => {
                if let Some((first, span, scope, reason)) = open.pop() {
                    out.push(block(first, line, span, scope, reason));
                }
            }
            _ => {
                let covered = if alone(text, bounds, *at) { line + 1 } else { line };
                let covers = (number(covered), number(covered));
                let mark = Mark { line: number(line), covers, scope, syntax: MARK, reason, fresh: false };
                out.push(Placed { mark, span });
            }
        }
    }
    // A block that nobody closed covers its own line only: a forgotten end must not silence the rest of the file.
    out.extend(open.into_iter().map(|(first, span, scope, reason)| block(first, first, span, scope, reason)));
    out.sort_by_key(|placed| placed.span);
    stack(&mut out);
    out
}

/// Comments alone on their lines, one under the other, all cover the line below the last.
fn stack(sorted: &mut [Placed]) {
    let mut below: Option<(u32, (u32, u32))> = None;
    for placed in sorted.iter_mut().rev() {
        let mark = &mut placed.mark;
        let alone = mark.syntax == MARK && mark.covers.0 > mark.line;
        if let Some((line, covers)) = below
            && alone
            && mark.covers.0 == line
        {
            mark.covers = covers;
        }
        below = alone.then_some((mark.line, mark.covers));
    }
}

fn block(first: usize, last: usize, span: Span, scope: MarkScope, reason: Option<String>) -> Placed {
    let covers = (number(first), number(last));
    Placed {
        mark: Mark { line: number(first), covers, scope, syntax: "keyward:allow-start", reason, fresh: false },
        span,
    }
}

/// Rule ids up to `--`, then the reason.
fn rules_and_reason(rest: &[u8]) -> (MarkScope, Option<String>) {
    let text = String::from_utf8_lossy(rest);
    let text = text.trim_end();
    let text = ["-->", "*/", "#}", "%>", "--}}"].iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text);
    let (ids, reason) = text.split_once("--").map_or((text, None), |(ids, reason)| (ids, Some(reason.trim())));
    let id = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let ids: Vec<String> = ids
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ':' | '"' | '\''))
        .filter(|word| !word.is_empty())
        .take_while(id)
        .map(str::to_owned)
        .collect();
    let scope = if ids.is_empty() { MarkScope::AnyRule } else { MarkScope::Rules(ids) };
    (scope, reason.filter(|reason| !reason.is_empty()).map(str::to_owned))
}

/// True when nothing but a comment's opening stands before it on its line.
fn alone(text: &[u8], line: Span, at: usize) -> bool {
    if at.saturating_sub(line.start) > NEAR {
        return false;
    }
    let before = Span::new(line.start, at).of(text).trim_ascii();
    let openers: [&[u8]; 14] =
        [b"", b"#", b"//", b"/*", b"/**", b"*", b"--", b"<!--", b";", b"%", b"'", b"rem", b"{#", b"{{!--"];
    openers.contains(&before.to_ascii_lowercase().as_slice())
}

/// Other tools' comments on the lines of `spans` (sorted) and the lines before them.
pub(super) fn others(text: &[u8], lines: &Lines, spans: &[Span]) -> Vec<Placed> {
    let mut out = Vec::new();
    let mut done = 0;
    for span in spans {
        let (first, last) = (lines.index(span.start), lines.index(span.end.saturating_sub(1)));
        for line in first.saturating_sub(1).max(done)..=last.max(first) {
            read_line(text, lines, line, spans, &mut out);
            done = line + 1;
        }
    }
    out
}

/// Comments that cover their own line, anywhere on it.
const SAME_LINE: [&str; 3] = ["gitleaks:allow", "betterleaks:allow", "ggignore"];
const TRUFFLEHOG: &str = "trufflehog:ignore";
const KINGFISHER: &str = "kingfisher:ignore";
const PRAGMA: &str = "pragma:";

/// A search that is prepared once and made in many lines.
type Look = LazyLock<Finder<'static>>;
static LOOK_SAME_LINE: LazyLock<[Finder<'static>; 3]> = LazyLock::new(|| SAME_LINE.map(Finder::new));
static LOOK_TRUFFLEHOG: Look = LazyLock::new(|| Finder::new(TRUFFLEHOG));
static LOOK_KINGFISHER: Look = LazyLock::new(|| Finder::new(KINGFISHER));
static LOOK_PRAGMA: Look = LazyLock::new(|| Finder::new(PRAGMA));

/// All of them at once: hardly a line holds any.
static LOOK_ANY: LazyLock<Option<packed::Searcher>> =
    LazyLock::new(|| packed::Searcher::new(SAME_LINE.iter().chain(&[TRUFFLEHOG, KINGFISHER, PRAGMA])));

fn read_line(text: &[u8], lines: &Lines, line: usize, spans: &[Span], out: &mut Vec<Placed>) {
    let Some(bounds) = lines.span(line) else { return };
    let bytes = bounds.of(text);
    if LOOK_ANY.as_ref().is_some_and(|look| look.find(bytes).is_none()) {
        return;
    }
    let mut add = |at: usize, covers: (usize, usize), syntax: &'static str| {
        let covers = (number(covers.0), number(covers.1));
        let mark = Mark { line: number(line), covers, scope: MarkScope::AnyRule, syntax, reason: None, fresh: false };
        out.push(Placed { mark, span: Span::new(bounds.start + at, bounds.start + at + syntax.len()) });
    };
    for (looker, syntax) in LOOK_SAME_LINE.iter().zip(SAME_LINE) {
        if let Some(at) = looker.find(bytes) {
            add(at, (line, line), syntax);
        }
    }
    if let Some(at) = LOOK_TRUFFLEHOG.find(bytes).and_then(|_| memchr::memmem::rfind(bytes, TRUFFLEHOG.as_bytes())) {
        // Only after the secret it is meant for.
        let here = Span::new(bounds.start, bounds.start + at);
        let from = spans.partition_point(|span| span.start < here.start);
        if spans.get(from).is_some_and(|span| span.start < here.end) {
            add(at, (line, line), TRUFFLEHOG);
        }
    }
    if let Some(at) = LOOK_KINGFISHER.find(bytes) {
        add(at, (line, line + 1), KINGFISHER);
    }
    let mut from = 0;
    while let Some(at) = LOOK_PRAGMA.find(bytes.get(from..).unwrap_or_default()).map(|at| at + from) {
        from = at + PRAGMA.len();
        if !opens_comment(bytes.get(..at).unwrap_or_default()) {
            continue;
        }
        let words = bytes.get(from..bytes.len().min(from + 64)).unwrap_or_default().trim_ascii_start();
        let listed = words.strip_prefix(b"allowlist").or_else(|| words.strip_prefix(b"whitelist"));
        let Some(rest) = listed.and_then(|rest| rest.strip_prefix(b" ").or_else(|| rest.strip_prefix(b"-"))) else {
            continue;
        };
        if rest.starts_with(b"secret") {
            add(at, (line, line), "pragma: allowlist secret");
        } else if rest.starts_with(b"nextline secret") || rest.starts_with(b"nextline-secret") {
            let blank = bytes.get(..at).unwrap_or_default().iter().take(NEAR).all(|b| !b.is_ascii_alphanumeric());
            if blank {
                add(at, (line + 1, line + 1), "pragma: allowlist nextline secret");
            }
        }
    }
}

/// True when what stands before ends with a comment's opening. An apostrophe opens one (Visual Basic) only after a
/// blank: elsewhere it closes a literal.
fn opens_comment(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    let basic = matches!(before, [b'\''] | [.., b' ' | b'\t', b'\'']);
    basic || [&b"#"[..], b"//", b"/*", b"--", b"*", b";"].iter().any(|opener| before.ends_with(opener))
}

/// Says which are added by the change itself. `stored` maps text to blob bytes.
pub(super) fn finish(placed: Vec<Placed>, fresh: &Fresh, stored: impl Fn(Span) -> Span) -> Vec<Mark> {
    placed
        .into_iter()
        .map(|Placed { mut mark, span }| {
            mark.fresh = fresh.touches([stored(span)]);
            mark
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_marks(text: &str) -> Vec<Mark> {
        let places: Vec<usize> = text.match_indices(MARK).map(|(at, _)| at).collect();
        let lines = Lines::new(text.as_bytes(), 0);
        own(text.as_bytes(), &lines, &places).into_iter().map(|placed| placed.mark).collect()
    }

    #[test]
    fn a_comment_covers_its_line_or_alone_the_next() {
        let marks = own_marks("a = 'x' # keyward:allow\n// keyward:allow one-rule, two -- they said so\nb = 'y'\n");
        assert_eq!((marks[0].line, marks[0].covers, &marks[0].scope), (1, (1, 1), &MarkScope::AnyRule));
        assert_eq!((marks[1].line, marks[1].covers), (2, (3, 3)));
        assert_eq!(marks[1].scope, MarkScope::Rules(vec!["one-rule".into(), "two".into()]));
        assert_eq!(marks[1].reason.as_deref(), Some("they said so"));
    }

    #[test]
    fn comments_one_under_the_other_cover_the_same_line() {
        let marks = own_marks("# keyward:allow one\n# keyward:allow two -- why\nb = 'y'\n# keyward:allow\n");
        assert_eq!(marks.iter().map(|mark| mark.covers.0).collect::<Vec<_>>(), [3, 3, 5]);
    }

    #[test]
    fn a_block_covers_from_start_to_end_and_an_open_one_only_itself() {
        let marks =
            own_marks("<!-- keyward:allow-start pem -- old -->\na\nb\n# keyward:allow-end\n# keyward:allow-start\nc\n");
        assert_eq!((marks[0].covers, marks[0].reason.as_deref()), ((1, 4), Some("old")));
        assert_eq!(marks[1].covers, (5, 5));
        assert!(own_marks("keyward:allowed nothing").is_empty());
    }

    #[test]
    fn other_tools_comments_are_read_by_their_own_rules() {
        let read = |text: &str, secret: &str| -> Vec<(&'static str, (u32, u32))> {
            let at = text.find(secret).unwrap();
            let lines = Lines::new(text.as_bytes(), 0);
            let found = others(text.as_bytes(), &lines, &[Span::new(at, at + secret.len())]);
            found.into_iter().map(|placed| (placed.mark.syntax, placed.mark.covers)).collect()
        };
        assert_eq!(read("k='S1' // gitleaks:allow", "S1"), [("gitleaks:allow", (1, 1))]);
        assert_eq!(read("k='S1' # trufflehog:ignore", "S1"), [("trufflehog:ignore", (1, 1))]);
        assert_eq!(read("/* trufflehog:ignore */ k='S1'", "S1"), []);
        assert_eq!(read("# kingfisher:ignore\nk='S1'", "S1"), [("kingfisher:ignore", (1, 2))]);
        assert_eq!(read("k='S1' # pragma: allowlist secret", "S1"), [("pragma: allowlist secret", (1, 1))]);
        assert_eq!(read("k='S1' // pragma: whitelist-secret", "S1"), [("pragma: allowlist secret", (1, 1))]);
        assert_eq!(
            read("# pragma: allowlist nextline secret\nk='S1'", "S1"),
            [("pragma: allowlist nextline secret", (2, 2))]
        );
        assert_eq!(read("k='S1' pragma: allowlist secret", "S1"), []);
        assert_eq!(read("ggignore\n\nk='S1'", "S1"), []);
    }
}
