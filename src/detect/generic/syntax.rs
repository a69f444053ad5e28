//! Where a name ends, what may stand between it and its value, and where the value ends. Judges nothing.

use crate::model::Span;

/// Longest name, distance and value looked at, in bytes.
const NAME: usize = 80;
const GAP: usize = 40;
const VALUE: usize = 512;

fn name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$')
}

/// The whole name, when the anchor is a word of it and no other word says that the value is none.
pub(super) fn name_around(text: &[u8], anchor: Span) -> Option<Span> {
    let left = text.get(anchor.start.saturating_sub(NAME)..anchor.start)?;
    let right = text.get(anchor.end..text.len().min(anchor.end + NAME))?;
    let before = left.iter().rev().take_while(|b| name_byte(**b)).count();
    let after = right.iter().take_while(|b| name_byte(**b)).count();
    if before == NAME || after == NAME {
        return None;
    }
    let word = anchor.of(text);
    let lower_start = word.first().is_some_and(u8::is_ascii_lowercase);
    if word.len() < 6 && lower_start && left.last().is_some_and(u8::is_ascii_lowercase) {
        return None;
    }
    let suffix = right.get(..after)?.to_ascii_lowercase();
    let runs_on = word.last().is_some_and(u8::is_ascii_lowercase) && right.first().is_some_and(u8::is_ascii_lowercase);
    const JOINED: [&[u8]; 12] =
        [b"s", b"key", b"value", b"secret", b"token", b"pass", b"word", b"phrase", b"id", b"prod", b"dev", b"string"];
    if runs_on && !JOINED.iter().any(|joined| suffix.starts_with(joined)) {
        return None;
    }
    const NOT_IT: [&[u8]; 40] = [
        b"url",
        b"uri",
        b"path",
        b"file",
        b"dir",
        b"name",
        b"type",
        b"field",
        b"label",
        b"hint",
        b"length",
        b"len",
        b"count",
        b"max",
        b"min",
        b"ttl",
        b"expir",
        b"regex",
        b"pattern",
        b"policy",
        b"reset",
        b"placeholder",
        b"error",
        b"message",
        b"msg",
        b"title",
        b"text",
        b"description",
        b"endpoint",
        b"issuer",
        b"algorithm",
        b"format",
        b"prefix",
        b"header",
        b"param",
        b"column",
        b"hash",
        b"ref",
        b"manager",
        b"public",
    ];
    let word_in = |word: &[u8], list: &[&[u8]]| list.iter().any(|other| word.starts_with(other));
    let mut words = suffix.split(|b| !b.is_ascii_alphanumeric());
    if words.any(|part| word_in(part, &NOT_IT) || part.strip_prefix(b"s").is_some_and(|p| word_in(p, &NOT_IT)))
        || memchr::memmem::find(&suffix, b"_id").is_some()
    {
        return None;
    }
    let prefix = left.get(left.len() - before..)?.to_ascii_lowercase();
    if memchr::memmem::find(&prefix, b"public").is_some() || memchr::memmem::find(&prefix, b"csrf").is_some() {
        return None;
    }
    Some(Span::new(anchor.start - before, anchor.end + after))
}

/// A place in the text, moved forward over what is expected.
pub(super) struct Cursor<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
}

impl Cursor<'_> {
    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, most: usize, over: impl Fn(u8) -> bool) -> usize {
        let many = self.rest().iter().take(most).take_while(|b| over(**b)).count();
        self.at += many;
        many
    }

    fn eat(&mut self, what: &[u8]) -> bool {
        let eaten = self.rest().starts_with(what);
        if eaten {
            self.at += what.len();
        }
        eaten
    }

    fn blanks(&mut self) -> usize {
        self.skip(GAP, |b| matches!(b, b' ' | b'\t'))
    }
}

/// A value's opening quote.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    Plain(u8),
    Escaped(u8),
}

/// What ends a value without quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bare {
    /// The line, or a comment on it.
    Line,
    /// The next tag.
    Tag,
    /// The next blank: more words of a command follow.
    Word,
    /// The next parameter of a URL.
    Query,
}

/// Moves to the first byte of the value.
pub(super) fn operator(at: &mut Cursor<'_>, name: Span, anchor: Span) -> Option<(Option<Quote>, Bare)> {
    let before = at.text.get(name.start.saturating_sub(NAME)..name.start).unwrap_or_default();
    let opened = at.at;
    let closing = at.skip(3, |b| matches!(b, b'"' | b'\'' | b'`' | b']' | b')' | b'\\'));
    if closing == 0 && at.eat(b">") {
        return Some((None, Bare::Tag));
    }
    // What a call returns is not given to its last argument: `hmac('', 'test_secret') => '…'`.
    if at.text.get(opened..at.at).is_some_and(|closers| closers.contains(&b')'))
        && at.text.get(at.at..).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"=>"))
    {
        return None;
    }
    let mut bare = Bare::Line;
    // Where a value without quotes would be code: never taken.
    let only_quoted = Bare::Tag;
    if let Some(value) = value_beside(at, closing > 0) {
        at.at = value;
    } else if let Some(value) = default_of_variable(at, before) {
        (at.at, bare) = (value, only_quoted);
    } else if closing == 0 && takes_blank(at.text, name, before) && matches!(at.rest(), [b' ' | b'\t', ..]) {
        at.blanks();
        if matches!(at.rest(), [b'=' | b':', ..]) {
            assignment(at)?;
        } else {
            bare = Bare::Word;
        }
    } else if closing == 0 && is_setter(at.text, name, anchor) && at.eat(b"(") {
        bare = only_quoted;
    } else if closing == 1 && at.eat(b",") {
        // An argument or an element: `("password", "…")`; but not the last word of a text, and not one of several
        // assignments: `["A_KEY", "B=…"]`.
        if !matches!(before.last(), Some(b'"' | b'\'' | b'`')) {
            return None;
        }
        let rest = at.rest().trim_ascii_start();
        let next = rest.strip_prefix(b"'").or_else(|| rest.strip_prefix(b"\"")).unwrap_or(rest);
        let name = next.iter().take_while(|b| b.is_ascii_alphanumeric() || b"_.-\\".contains(b)).count();
        if name > 0 && next.get(name) == Some(&b'=') {
            return None;
        }
    } else {
        let tight = closing == 0 && matches!(at.rest(), [b'=', next, ..] if !matches!(next, b' ' | b'\t' | b'='));
        at.blanks();
        let fallback: [&[u8]; 4] = [b"||", b"??", b"?:", b"or "];
        if fallback.into_iter().any(|operator| at.eat(operator)) {
            bare = only_quoted;
        } else {
            assignment(at)?;
        }
        if tight && matches!(before.last(), Some(b'?' | b'&')) {
            bare = Bare::Query;
        } else if tight && name.of(at.text).iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_') {
            // `PGPASSWORD=… psql`: a shell's variable for one command.
            bare = Bare::Word;
        }
    }
    at.blanks();
    // Prefixes of literals: Python's and Rust's b, r, f, u; Objective-C's and C#'s @; C's L.
    if let [b'b' | b'r' | b'f' | b'u' | b'L' | b'@' | b'(', b'"' | b'\'', ..] = at.rest() {
        at.at += 1;
    }
    let quote = match at.rest() {
        [b'\\', quote @ (b'"' | b'\''), ..] => {
            let quote = Quote::Escaped(*quote);
            at.at += 2;
            Some(quote)
        }
        [quote @ (b'"' | b'\'' | b'`'), ..] => {
            let quote = *quote;
            at.at += 1;
            if at.rest().starts_with(&[quote, quote]) {
                at.at += 2;
            }
            Some(Quote::Plain(quote))
        }
        _ => None,
    };
    (quote.is_some() || bare != Bare::Tag).then_some((quote, bare))
}

/// The value that a name has beside it, as attributes (`key="password" value="…"`) and environments of containers
/// (`name: API_TOKEN`, then `value: …` on the same line or the next) write it.
fn value_beside(at: &Cursor<'_>, closed: bool) -> Option<usize> {
    let mut at = Cursor { text: at.text, at: at.at };
    at.eat(b",");
    if at.skip(GAP + NAME, |b| b.is_ascii_whitespace()) == 0 {
        return None;
    }
    at.skip(1, |b| matches!(b, b'"' | b'\''));
    if !at.eat(b"value") && !at.eat(b"Value") {
        return None;
    }
    at.skip(1, |b| matches!(b, b'"' | b'\''));
    at.blanks();
    (at.eat(b":") || closed && at.eat(b"=")).then_some(at.at)
}

/// Terraform's `variable "db_password" { … default = "…" }`.
fn default_of_variable(at: &Cursor<'_>, before: &[u8]) -> Option<usize> {
    let mut at = Cursor { text: at.text, at: at.at };
    at.blanks();
    if !before.ends_with(b"variable \"") || !at.eat(b"{") {
        return None;
    }
    let rest = at.rest().get(..at.rest().len().min(VALUE))?;
    let block = rest.get(..memchr::memmem::find(rest, b"\n}").unwrap_or(rest.len()))?;
    let word = b"default";
    at.at += memchr::memmem::find(block, word)? + word.len();
    at.blanks();
    at.eat(b"=").then_some(at.at)
}

/// Names that a blank parts from the value: `--token …`, a Dockerfile's `ENV TOKEN …`, `aws configure set …`,
/// fish's `set -x TOKEN …`.
fn takes_blank(text: &[u8], name: Span, before: &[u8]) -> bool {
    let line = before.rsplit(|b| *b == b'\n').next().unwrap_or_default();
    let word = line.trim_ascii().rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
    name.of(text).starts_with(b"--")
        || line.last().is_some_and(u8::is_ascii_whitespace) && matches!(word, b"ENV" | b"set" | b"-x" | b"-gx" | b"-Ux")
}

/// Methods that are given a value: `setPassword("…")`, `.withToken("…")`, a builder's `.password("…")`.
fn is_setter(text: &[u8], name: Span, anchor: Span) -> bool {
    let name_text = name.of(text);
    let method = name_text.iter().rposition(|b| *b == b'.').map_or(0, |dot| dot + 1);
    let word = name_text.get(method..).unwrap_or_default();
    [&b"set"[..], b"Set", b"with", b"With"].iter().any(|start| word.starts_with(start))
        || method > 0 && name.start + method == anchor.start
}

/// `=`, `:`, `:=`, `=>`, and a type between `:` and `=`. Comparisons are none.
fn assignment(at: &mut Cursor<'_>) -> Option<()> {
    if at.eat(b":=") || at.eat(b"=>") {
        return Some(());
    }
    if at.eat(b"=") {
        at.skip(2, |b| b == b'=');
        return Some(());
    }
    if !at.eat(b":") {
        return None;
    }
    let typed = Cursor { text: at.text, at: at.at };
    let kind =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'&' | b'\'' | b'<' | b'>' | b'[' | b']' | b'?' | b'|');
    let mut typed = typed;
    if typed.skip(GAP, kind) > 0 && typed.rest().first() == Some(&b'=') && !typed.rest().starts_with(b"==") {
        at.at = typed.at + 1;
    }
    Some(())
}

/// Up to the closing quote on the same line.
pub(super) fn quoted(text: &[u8], start: usize, quote: Quote) -> Option<Span> {
    let rest = text.get(start..text.len().min(start + VALUE))?;
    let mut escaped = false;
    for (at, byte) in rest.iter().enumerate() {
        match (*byte, quote) {
            (b'\n' | b'\r', _) => return None,
            (b'\\', Quote::Escaped(close)) if rest.get(at + 1) == Some(&close) => {
                return Some(Span::new(start, start + at));
            }
            (b'\\', Quote::Plain(_)) => escaped = !escaped,
            (byte, Quote::Plain(close)) if byte == close && !escaped => return Some(Span::new(start, start + at)),
            _ => escaped = false,
        }
    }
    None
}

pub(super) fn unquoted(text: &[u8], start: usize, bare: Bare) -> Option<Span> {
    let rest = text.get(start..text.len().min(start + VALUE))?;
    let ends = |b: &u8| match bare {
        Bare::Tag => *b == b'<',
        Bare::Line | Bare::Word => b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'`' | b'\\'),
        Bare::Query => b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'`' | b'\\' | b'&' | b'#' | b'<' | b'>'),
    };
    let length = rest.iter().position(ends).or((rest.len() < VALUE).then_some(rest.len()))?;
    if bare == Bare::Line {
        // What follows on the line may be a comment only: prose is not a value.
        let tail = rest.get(length..)?;
        let tail = tail.split(|b| *b == b'\n').next().unwrap_or_default().trim_ascii();
        if !tail.is_empty() && !tail.starts_with(b"#") && !tail.starts_with(b";") && !tail.starts_with(b"//") {
            return None;
        }
    }
    if bare == Bare::Word && rest.get(length) == Some(&b'\\') {
        return None;
    }
    let value = rest.get(..length)?;
    let trimmed = value.iter().rev().take_while(|b| matches!(b, b',' | b';')).count();
    Some(Span::new(start, start + length - trimmed))
}
