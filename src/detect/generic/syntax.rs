//! What may stand between a name and its value, and where the value lies. Judges nothing.

use super::code::is_method_of_text;
use super::name::{self, NAME};
use crate::model::Span;

/// Longest distance and value looked at, in bytes.
pub(super) const GAP: usize = 40;
pub(super) const VALUE: usize = 768;
/// Longest list of bytes.
const LIST: usize = 2048;

/// How a value is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum How {
    /// `name = value`
    Equals = 1,
    /// `name: value`
    Colon,
    /// `name => value`, `name := value`
    Arrow,
    /// `name == "value"`
    Compare,
    /// `("name", "value")`
    Argument,
    /// `setName("value")`
    Setter,
    /// `name || "value"`
    Fallback,
    /// `<name>value<`
    Tag,
    /// `key="name" value="value"`
    Beside,
    /// `--name value`, `ENV name value`
    Blank,
    /// `?name=value&`
    Query,
    /// `variable "name" { default = "value" }`
    Default,
    /// `login("user", "value")`
    Login,
    /// `://user:value@`
    Url,
}

/// What a value is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quote {
    /// Nothing.
    Bare,
    /// `"`, `'` or a backtick.
    Plain(u8),
    /// The same, escaped: inside another literal.
    Escaped(u8),
    /// A list of numbers.
    List,
}

/// A name, what gives it a value, and the value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) name: Span,
    pub(super) value: Span,
    pub(super) how: How,
    pub(super) quote: Quote,
    /// True when the name stands in quotes of its own.
    pub(super) keyed: bool,
    /// True when a call or a constructor stands around the literal: `Some("…")`.
    pub(super) wrapped: bool,
}

/// A place in the text, moved forward over what is expected.
pub(super) struct Cursor<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn rest(&self) -> &'a [u8] {
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
    /// It would be code: never taken.
    No,
}

/// The name that holds `anchor`, where something around it may give it a value. Looks at no more than [`NAMED`] bytes on
/// either side of the anchor.
pub(super) fn named(text: &[u8], anchor: Span) -> Option<Span> {
    name::around(text, anchor, |name| may_give(text, name))
}

/// A name, the blanks behind it and a word; or a name and as much before it.
pub(in crate::detect) const NAMED: usize = 2 * NAME + 8;
const _: () = assert!(NAMED >= NAME + GAP + 8);

/// The assignment to `name`, which holds `anchor`.
pub(super) fn read(text: &[u8], name: Span, anchor: Span) -> Option<Reading> {
    let mut at = Cursor { text, at: name.end };
    let keyed = matches!(at.rest(), [b'"' | b'\'' | b'`', ..] | [b'\\', b'"' | b'\'', ..]);
    let (how, bare) = operator(&mut at, name, anchor)?;
    let (value, quote, wrapped) = value_at(&mut at, name, how, bare)?;
    Some(Reading { name, value, how, quote, keyed, wrapped })
}

/// The value at the cursor, which `name` is given.
fn value_at(at: &mut Cursor<'_>, name: Span, how: How, bare: Bare) -> Option<(Span, Quote, bool)> {
    at.blanks();
    // A long literal is often begun on the next line; YAML's blocks always are.
    let block = matches!(how, How::Colon) && (at.eat(b"|") || at.eat(b">"));
    if block {
        at.skip(1, |b| b == b'-');
    }
    let broken = matches!(at.rest(), [b'\n' | b'\r', ..]);
    if broken {
        at.skip(2, |b| matches!(b, b'\r' | b'\n'));
        at.skip(GAP, |b| matches!(b, b' ' | b'\t'));
    }
    if let Some(list) = list_of_bytes(at) {
        return Some((list, Quote::List, false));
    }
    let wrapped = wrapper(at)?;
    // Prefixes of literals: Python's and Rust's b, r, f, u; Objective-C's and C#'s @; C's L.
    let bracketed = at.rest().first() == Some(&b'(');
    if let [b'b' | b'r' | b'f' | b'u' | b'L' | b'@' | b'(' | b'B', b'"' | b'\'', ..] = at.rest() {
        at.at += 1;
    }
    match at.rest() {
        [b'\\', quote @ (b'"' | b'\''), ..] => {
            let quote = Quote::Escaped(*quote);
            at.at += 2;
            Some((quoted(at.text, at.at, quote)?, quote, wrapped))
        }
        [quote @ (b'"' | b'\'' | b'`'), ..] => {
            let quote = *quote;
            at.at += 1;
            if at.rest().starts_with(&[quote, quote]) {
                at.at += 2;
            }
            let quote = Quote::Plain(quote);
            let value = quoted(at.text, at.at, quote)?;
            if is_escaped_bytes(value.of(at.text)) {
                return Some((value, Quote::List, wrapped));
            }
            // `auth=("user", "…")`, as Python's clients have it.
            let pair = bracketed && how == How::Equals && ends_with_auth(name.of(at.text));
            let (value, quote) = if wrapped || pair { of_arguments(at.text, value, quote)? } else { (value, quote) };
            Some((value, quote, wrapped))
        }
        _ if wrapped || bare == Bare::No || broken && !block => None,
        _ => Some((unquoted(at.text, at.at, bare)?, Quote::Bare, false)),
    }
}

fn ends_with_auth(name: &[u8]) -> bool {
    name.get(name.len().saturating_sub(4)..).is_some_and(|end| end.eq_ignore_ascii_case(b"auth"))
}

/// Moves over `Some(`, `new Value(`, `unhexlify(` before a literal; `None` when the call looks its argument up.
fn wrapper(at: &mut Cursor<'_>) -> Option<bool> {
    let mut ahead = Cursor { text: at.text, at: at.at };
    if ahead.eat(b"new ") {
        ahead.blanks();
    }
    let start = ahead.at;
    ahead.eat(b"[]");
    let many = ahead.skip(GAP, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'&'));
    if many < 3 || !ahead.eat(b"(") {
        return Some(false);
    }
    if !matches!(ahead.rest(), [b'"' | b'\'' | b'`', ..] | [b'b' | b'@', b'"' | b'\'', ..]) {
        return Some(false);
    }
    let call = at.text.get(start..ahead.at - 1)?;
    const LOOKS_UP: [&[u8]; 17] = [
        b"env",
        b"get",
        b"read",
        b"find",
        b"load",
        b"fetch",
        b"lookup",
        b"input",
        b"prompt",
        b"ask",
        b"param",
        b"conf",
        b"prop",
        b"require",
        b"translat",
        b"hash",
        b"format",
    ];
    if LOOKS_UP.iter().any(|word| name::has_folded(call, word)) || is_method_of_text(call) {
        return None;
    }
    at.at = ahead.at;
    Some(true)
}

/// What is secret in a call's arguments, of which the `first` literal is known: that one where it is alone or the next says
/// how to read it (`Buffer.from("…", "hex")`), else the second of the same line: the first is the user's name or an id.
fn of_arguments(text: &[u8], first: Span, quote: Quote) -> Option<(Span, Quote)> {
    let mut at = Cursor { text, at: first.end + 1 };
    at.skip(GAP, |b| b.is_ascii_whitespace());
    if !at.eat(b",") {
        return Some((first, quote));
    }
    let blanks = at.skip(GAP, |b| b.is_ascii_whitespace());
    let [next @ (b'"' | b'\''), ..] = at.rest() else { return Some((first, quote)) };
    let next = Quote::Plain(*next);
    let second = quoted(text, at.at + 1, next)?;
    let named = |word: &&[u8]| second.of(text).get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if second.len() < 3 || CODINGS.iter().any(named) {
        return Some((first, quote));
    }
    let broken = text.get(at.at - blanks..at.at).is_some_and(|blanks| blanks.contains(&b'\n'));
    (!broken).then_some((second, next))
}

/// How the names of encodings and algorithms begin.
const CODINGS: [&[u8]; 13] =
    [b"utf", b"hex", b"base64", b"ascii", b"latin", b"iso-", b"binary", b"aes", b"des", b"sha", b"hmac", b"md5", b"rs"];

/// `[]byte{1, 2, …}`, `bytes([0x01, …])`, `new byte[] { … }`: at least twelve numbers that are bytes.
fn list_of_bytes(at: &Cursor<'_>) -> Option<Span> {
    let mut ahead = Cursor { text: at.text, at: at.at };
    ahead.skip(GAP, |b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'[' | b']' | b'.' | b'&' | b'('));
    ahead.eat(b"{");
    // The bracket that opens a list may have been taken for one of a type.
    let opened = at.text.get(..ahead.at)?.iter().rposition(|b| matches!(b, b'[' | b'{'))? + 1;
    if opened <= at.at {
        return None;
    }
    let rest = at.text.get(opened..at.text.len().min(opened + LIST))?;
    let end = rest.iter().position(|b| matches!(b, b']' | b'}'))?;
    let list = rest.get(..end)?;
    let mut many = 0;
    for item in list.split(|b| *b == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty()) {
        let (digits, radix) = match item {
            [b'0', b'x' | b'X', digits @ ..] => (digits, 16),
            digits => (digits, 10),
        };
        let digits = std::str::from_utf8(digits).ok()?;
        u8::from_str_radix(digits, radix).ok()?;
        many += 1;
    }
    let start = opened + list.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let last = list.iter().rposition(|b| !b.is_ascii_whitespace() && *b != b',')?;
    (many >= FEWEST_BYTES).then(|| Span::new(start, opened + last + 1))
}

/// True for a literal that is mostly bytes in hex, as `b"\x1f\x8b…"`: a list of bytes in another dress.
fn is_escaped_bytes(literal: &[u8]) -> bool {
    let escape = |four: &&[u8]| matches!(four, [b'\\', b'x', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    literal.starts_with(b"\\") && {
        let many = literal.windows(4).filter(escape).count();
        many >= FEWEST_BYTES && many * 8 >= literal.len()
    }
}

/// The bytes of such a literal, in hex.
pub(super) fn hex_of_escaped(literal: &[u8]) -> Option<Vec<u8>> {
    if !is_escaped_bytes(literal) {
        return None;
    }
    let mut out = Vec::new();
    let mut rest = literal;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'\\', [b'x', a, b, after @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                out.extend([a.to_ascii_lowercase(), b.to_ascii_lowercase()]);
                rest = after;
            }
            // `\n`, `\\` and the like: some byte.
            (b'\\', [_, after @ ..]) => {
                out.extend(b"0a");
                rest = after;
            }
            (byte, _) => out
                .extend([byte >> 4, byte & 15].map(|half| char::from_digit(half.into(), 16).map_or(b'0', |c| c as u8))),
        }
    }
    Some(out)
}

/// Fewer bytes are no key.
const FEWEST_BYTES: usize = 12;

/// False where [`operator`] certainly finds nothing, by a look at the next sign: of words in texts most are refused so.
pub(super) fn may_give(text: &[u8], name: Span) -> bool {
    let behind = text.get(name.end..).unwrap_or_default();
    let sign = |byte: u8| matches!(byte, b'"' | b'\'' | b'`' | b'=' | b':' | b'|' | b'?' | b'!' | b'{');
    match behind.first() {
        // Sentences end in a dot, which gives nothing.
        _ if name.of(text).ends_with(b".") => false,
        Some(b']' | b')' | b'\\' | b'>' | b',' | b'(') => true,
        Some(blank) if blank.is_ascii_whitespace() => {
            let blanks = behind.iter().take(GAP).take_while(|b| b.is_ascii_whitespace()).count();
            let next = behind.get(blanks..).unwrap_or_default();
            let words: [&[u8]; 4] = [b"->", b"or ", b"value", b"Value"];
            let first = text.get(name.start.saturating_sub(NAME)..name.start).unwrap_or_default();
            blanks == GAP
                || next.first().is_some_and(|byte| sign(*byte))
                || words.into_iter().any(|word| next.starts_with(word))
                || may_take_blank(name.of(text), first)
        }
        Some(byte) => sign(*byte),
        None => false,
    }
}

/// False where [`takes_blank`] is.
fn may_take_blank(name: &[u8], before: &[u8]) -> bool {
    let parted = before.last().is_some_and(u8::is_ascii_whitespace);
    name.starts_with(b"--")
        || name.contains(&b' ')
        || parted && matches!(before.trim_ascii_end().last(), Some(b'V' | b't' | b'x'))
}

/// Moves to where the value begins.
pub(super) fn operator(at: &mut Cursor<'_>, name: Span, anchor: Span) -> Option<(How, Bare)> {
    let before = at.text.get(name.start.saturating_sub(NAME)..name.start).unwrap_or_default();
    let opened = at.at;
    let closing = at.skip(3, |b| matches!(b, b'"' | b'\'' | b'`' | b']' | b')' | b'\\'));
    if closing <= 1 && at.eat(b">") {
        return matches!(before.iter().rev().find(|b| !b.is_ascii_alphanumeric()), Some(b'<' | b'"' | b'\'' | b' '))
            .then_some((How::Tag, Bare::Tag));
    }
    let called = at.text.get(opened..at.at).is_some_and(|closers| closers.contains(&b')'));
    // A style sheet's `input[type="password"]:focus`.
    if at.text.get(opened..at.at).is_some_and(|closers| closers.ends_with(b"]"))
        && matches!(at.rest(), [b':', b'a'..=b'z' | b':', ..])
    {
        return None;
    }
    // What a call returns is not given to its last argument: `hmac('', 'test_secret') => '…'`.
    if called && at.text.get(at.at..).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"=>")) {
        return None;
    }
    if let Some(value) = value_beside(at, closing > 0) {
        at.at = value;
        return Some((How::Beside, Bare::Line));
    }
    if let Some(value) = default_of_variable(at, before) {
        at.at = value;
        return Some((How::Default, Bare::No));
    }
    if closing == 0 && matches!(at.rest(), [b' ' | b'\t', ..]) {
        let mut ahead = Cursor { text: at.text, at: at.at };
        ahead.blanks();
        let quoted = matches!(ahead.rest(), [b'"' | b'\'', ..]);
        if quoted || takes_blank(at.text, name, before) && !matches!(ahead.rest(), [b'=' | b':', ..]) {
            at.at = ahead.at;
            return Some((How::Blank, if quoted { Bare::No } else { Bare::Word }));
        }
    }
    if closing == 0 && is_setter(at.text, name, anchor) && at.eat(b"(") {
        return Some((How::Setter, Bare::No));
    }
    if closing <= 2 && !called && at.eat(b",") {
        return argument(at, before, closing);
    }
    let tight = closing == 0 && matches!(at.rest(), [b'=', next, ..] if !matches!(next, b' ' | b'\t' | b'='));
    at.blanks();
    let fallback: [&[u8]; 4] = [b"||", b"??", b"?:", b"or "];
    if fallback.into_iter().any(|operator| at.eat(operator)) {
        return Some((How::Fallback, Bare::No));
    }
    let how = assignment(at)?;
    if how == How::Compare {
        return Some((how, Bare::No));
    }
    if tight && matches!(before.last(), Some(b'?' | b'&')) {
        return Some((How::Query, Bare::Query));
    }
    // `openssl … -passin pass:… -out …`.
    let line = before.rsplit(|b| *b == b'\n').next().unwrap_or_default();
    let option = line.trim_ascii_end().rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
    if how == How::Colon && name.of(at.text) == b"pass" && option.starts_with(b"-pass") {
        return Some((how, Bare::Word));
    }
    let loud = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
    // `PGPASSWORD=… psql`: a shell's variable for one command; `--password=…`: its option.
    if tight && (name.of(at.text).iter().all(loud) || name.of(at.text).starts_with(b"--")) {
        return Some((how, Bare::Word));
    }
    Some((how, Bare::Line))
}

/// `("password", "…")`; but not the last word of a text, and not one of several assignments: `["A_KEY", "B=…"]`.
fn argument(at: &mut Cursor<'_>, before: &[u8], closing: usize) -> Option<(How, Bare)> {
    if closing > 0 && !matches!(before.last(), Some(b'"' | b'\'' | b'`')) {
        return None;
    }
    let rest = at.rest().trim_ascii_start();
    let next = rest.strip_prefix(b"'").or_else(|| rest.strip_prefix(b"\"")).unwrap_or(rest);
    let name = next.iter().take_while(|b| b.is_ascii_alphanumeric() || b"_.-\\".contains(b)).count();
    if name > 0 && next.get(name) == Some(&b'=') {
        return None;
    }
    Some((How::Argument, Bare::No))
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
/// fish's `set -x TOKEN …`, SQL's `IDENTIFIED BY …`.
fn takes_blank(text: &[u8], name: Span, before: &[u8]) -> bool {
    let line = before.rsplit(|b| *b == b'\n').next().unwrap_or_default();
    let word = line.trim_ascii().rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
    name.of(text).starts_with(b"--")
        || name::has_folded(name.of(text), b"identified by")
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

/// `=`, `:`, `:=`, `=>`, `==`, and a type between `:` and `=`.
fn assignment(at: &mut Cursor<'_>) -> Option<How> {
    if at.eat(b":=") || at.eat(b"=>") || at.eat(b"->") {
        return Some(How::Arrow);
    }
    if at.eat(b"!=") || at.eat(b"==") {
        at.skip(1, |b| b == b'=');
        return Some(How::Compare);
    }
    if at.eat(b"=") {
        return Some(How::Equals);
    }
    if at.eat(b"::") || !at.eat(b":") {
        return None;
    }
    let mut typed = Cursor { text: at.text, at: at.at };
    let kind =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'&' | b'\'' | b'<' | b'>' | b'[' | b']' | b'?' | b'|');
    let many = typed.skip(GAP, kind);
    // Base64 ends so as well: a type is parted from what follows it, or that stands on the same line.
    let filled = typed.text.get(typed.at.saturating_sub(1)).is_some_and(u8::is_ascii_alphanumeric)
        && matches!(typed.rest(), [b'='] | [b'=', b'\r' | b'\n', ..]);
    if many > 0 && typed.rest().first() == Some(&b'=') && !typed.rest().starts_with(b"==") && !filled {
        at.at = typed.at + 1;
        return Some(How::Equals);
    }
    Some(How::Colon)
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

fn unquoted(text: &[u8], start: usize, bare: Bare) -> Option<Span> {
    let rest = text.get(start..text.len().min(start + VALUE))?;
    let mut brackets = 0_usize;
    let mut ends = |at: usize, b: &u8| match bare {
        Bare::Tag => *b == b'<',
        Bare::Query => b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'`' | b'\\' | b'&' | b'#' | b'<' | b'>'),
        _ => {
            brackets += usize::from(matches!(b, b'(' | b'{' | b'['));
            // Flow mappings and lists go on or end here: `{user: me, password: you}`.
            let closes = matches!(b, b')' | b'}' | b']') && {
                let open = brackets > 0;
                brackets = brackets.saturating_sub(1);
                !open
            };
            let parts = matches!(b, b',' | b';' | b'&')
                && rest.get(at + 1).is_none_or(|next| {
                    next.is_ascii_whitespace() || matches!(b, b';' | b'&') && names_follow(rest.get(at + 1..))
                });
            b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'`' | b'\\') || closes || parts
        }
    };
    let length =
        rest.iter().enumerate().position(|(at, b)| ends(at, b)).or((rest.len() < VALUE).then_some(rest.len()))?;
    let tail = rest.get(length..)?;
    if bare == Bare::Line && matches!(tail, [b' ' | b'\t', ..]) {
        // What follows on the line may be a comment only: prose is not a value.
        let tail = tail.split(|b| *b == b'\n').next().unwrap_or_default().trim_ascii();
        let fine: [&[u8]; 9] = [b"#", b";", b"//", b"\\", b"<!", b"--", b"}", b"]", b"&&"];
        // `user=me password=… port=1`, as inventories and connection strings have it.
        let listed = is_listed(text, Span::new(start, start + length)) && gives(tail);
        if !tail.is_empty() && !listed && !fine.into_iter().any(|start| tail.starts_with(start)) {
            return None;
        }
    }
    if matches!(tail, [b'\\', next, ..] if !matches!(next, b'n' | b'r' | b't' | b'"' | b'\'')) {
        return None;
    }
    let value = rest.get(..length)?;
    let trimmed = value.iter().rev().take_while(|b| matches!(b, b',' | b';')).count();
    Some(Span::new(start, start + length - trimmed))
}

/// True for a value close behind an equals sign, if it is not given to another name of the line before, too: who writes
/// `user=me password=me` shows how to.
fn is_listed(text: &[u8], value: Span) -> bool {
    let before = text.get(value.start.saturating_sub(LINE_BEFORE)..value.start).unwrap_or_default();
    let line = before.rsplit(|b| *b == b'\n').next().unwrap_or_default();
    let same =
        |item: &[u8]| item.iter().position(|b| *b == b'=').and_then(|at| item.get(at + 1..)) == Some(value.of(text));
    line.ends_with(b"=") && !line.split(u8::is_ascii_whitespace).any(same)
}

/// How far back the line's other values are looked for.
const LINE_BEFORE: usize = 200;

/// True for a line that begins with a name, an equals sign and a value, without blanks.
fn gives(line: &[u8]) -> bool {
    let name = line.iter().take(NAME).take_while(|b| name::name_byte(**b)).count();
    name > 1 && matches!(line.get(name..), Some([b'=', value, ..]) if value.is_ascii_graphic() && *value != b'=')
}

/// True when another assignment follows: what parts a connection string's items.
fn names_follow(rest: Option<&[u8]>) -> bool {
    let rest = rest.unwrap_or_default();
    let rest = rest.get(..rest.len().min(GAP)).unwrap_or_default();
    let name = rest.iter().take_while(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-' | b' ')).count();
    name > 1 && rest.get(name) == Some(&b'=')
}

/// `Cookie: theme=dark; session=…`, `"Set-Cookie": "sid=…; Path=/"`: the first cookie that says who somebody is; `start` is
/// one past the telling word.
pub(super) fn cookie(text: &[u8], start: usize) -> Option<(Span, Span)> {
    let mut at = Cursor { text, at: start };
    let opened =
        at.skip(COOKIE_JOINT, |b| matches!(b, b'"' | b'\'' | b' ' | b'\t' | b':' | b'=' | b',' | b'(' | b'`' | b'\\'));
    let gives = text.get(start..start + opened)?.iter().any(|b| matches!(b, b':' | b'=' | b','));
    for _ in 0..COOKIES {
        let name = Span::new(at.at, at.at + at.skip(NAME, name::name_byte));
        if !gives || name.is_empty() || !at.eat(b"=") {
            return None;
        }
        let value = Span::new(at.at, at.at + at.skip(VALUE, |b| b.is_ascii_graphic() && !b"\"'`\\;,<>{}".contains(&b)));
        if SESSIONS.iter().any(|word| name::has_folded(name.of(text), word)) {
            return Some((name, value));
        }
        if !at.eat(b";") {
            return None;
        }
        at.blanks();
    }
    None
}

/// Signs between the word and the first cookie's name, and cookies that are looked at.
const COOKIE_JOINT: usize = 8;
const COOKIES: usize = 16;
/// What names of cookies hold that say who somebody is.
const SESSIONS: [&[u8]; 7] = [b"sess", b"sid", b"auth", b"token", b"jwt", b"remember", b"login"];

/// Literals that are put together with the one that a reading has, which is the first: joined by a sign, or one below the
/// other. Empty where there is but one.
pub(super) fn pieces(text: &[u8], reading: &Reading) -> Vec<Span> {
    let (close, quote) = match reading.quote {
        Quote::Plain(byte) => (1, byte),
        Quote::Escaped(byte) => (2, byte),
        Quote::Bare | Quote::List => return Vec::new(),
    };
    let mut out = Vec::new();
    let mut last = reading.value;
    let mut length = last.len();
    while out.len() < PIECES {
        let Some(next) = piece(text, last.end + close, reading, quote) else { break };
        length += next.len();
        if length > VALUE {
            break;
        }
        out.push(last);
        last = next;
    }
    if !out.is_empty() {
        out.push(last);
    }
    out
}

/// Most literals that one value is put together of.
const PIECES: usize = 32;

/// The literal that goes on from one that was closed at `at`.
fn piece(text: &[u8], at: usize, reading: &Reading, quote: u8) -> Option<Span> {
    let mut at = Cursor { text, at };
    let blank = |b: u8| b.is_ascii_whitespace();
    let start = at.at;
    at.skip(GAP, blank);
    let sign = [&b"+"[..], b"..", b".", b"&", b"<>", b"\\\n"].into_iter().any(|sign| at.eat(sign));
    at.skip(2 * GAP, blank);
    let broken = text.get(start..at.at)?.contains(&b'\n');
    // Only C and Python put together what stands side by side, and in a shell those are two words.
    if !(sign || broken && reading.how == How::Equals) {
        return None;
    }
    if let [b'b' | b'r' | b'f' | b'u' | b'L' | b'@', next, ..] = at.rest()
        && *next == quote
    {
        at.at += 1;
    }
    let escaped = matches!(reading.quote, Quote::Escaped(_));
    if escaped && !at.eat(b"\\") || !at.eat(&[quote]) {
        return None;
    }
    let value = quoted(text, at.at, reading.quote)?;
    at.at = value.end + 1 + usize::from(escaped);
    at.blanks();
    // A key of its own, as in TOML and JSON, is no piece.
    (!value.is_empty() && !matches!(at.rest(), [b'=' | b':', ..])).then_some(value)
}

/// `login("user", "…")`: the second argument of a call that begins at `open`, one past its bracket.
pub(super) fn login(text: &[u8], open: usize) -> Option<(Span, Quote)> {
    let mut at = Cursor { text, at: open };
    at.blanks();
    match at.rest() {
        [quote @ (b'"' | b'\''), ..] => at.at = quoted(text, at.at + 1, Quote::Plain(*quote))?.end + 1,
        _ => {
            at.skip(GAP, |b| name::name_byte(b) || matches!(b, b':' | b'@'));
        }
    }
    if !at.eat(b",") {
        return None;
    }
    at.blanks();
    let quote = match at.rest() {
        [quote @ (b'"' | b'\''), ..] => Quote::Plain(*quote),
        _ => return None,
    };
    Some((quoted(text, at.at + 1, quote)?, quote))
}

/// `://user:…@`: the password of a URL whose host may be a format's gap; `start` is one past `://`.
pub(super) fn userinfo(text: &[u8], start: usize) -> Option<(Span, Span)> {
    let rest = text.get(start..text.len().min(start + 2 * NAME))?;
    let user = rest.iter().take_while(|b| name::name_byte(**b) || matches!(b, b'%' | b'+' | b'~' | b'!')).count();
    if user == 0 || rest.get(user) != Some(&b':') {
        return None;
    }
    let from = user + 1;
    let tail = rest.get(from..)?;
    let ends =
        |b: &u8| b.is_ascii_whitespace() || matches!(b, b'/' | b'?' | b'#' | b'@' | b'"' | b'\'' | b'`' | b'<' | b'\\');
    let many = tail.iter().position(ends)?;
    // A socket on the same machine is opened by nobody from elsewhere.
    let host = tail.get(many + 1..).unwrap_or_default();
    if many == 0 || tail.get(many) != Some(&b'@') || host.starts_with(b"%2F") || host.starts_with(b"%2f") {
        return None;
    }
    Some((Span::new(start, start + user), Span::new(start + from, start + from + many)))
}
