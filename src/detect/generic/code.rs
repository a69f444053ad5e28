//! What says of a reading that it is code, or a list of something else: expressions, variables, checksums of files. Knows
//! no path and weighs nothing.

use super::looks;
use super::name::has_folded;
use super::syntax::{GAP, How, Quote, Reading};
use super::{Assigned, BACK, WORDLIKE};
use crate::model::Span;

/// A value without quotes that is an expression: a call, an index, a field, a keyword.
pub(super) fn is_code(value: &[u8], how: How) -> bool {
    if how == How::Url {
        return false;
    }
    let odd = |b: &u8| matches!(b, b'(' | b'[' | b'{' | b'<' | b'|' | b'=' | b'>');
    let inner = value.iter().rposition(|b| *b != b'=').map_or(0, |at| at + 1);
    if how != How::Tag && value.get(..inner).unwrap_or_default().iter().any(odd) {
        return true;
    }
    const KEYWORDS: [&[u8]; 26] = [
        b"string",
        b"str",
        b"String",
        b"None",
        b"null",
        b"nil",
        b"self",
        b"this",
        b"true",
        b"false",
        b"True",
        b"False",
        b"undefined",
        b"bytes",
        b"bool",
        b"boolean",
        b"number",
        b"object",
        b"await",
        b"func",
        b"void",
        b"const",
        b"type",
        b"char",
        b"integer",
        b"required",
    ];
    // What is packed tight goes on behind a comma: `tokens:null,next:!1`.
    let word = value.split(|b| *b == b',').next().unwrap_or_default();
    KEYWORDS.contains(&word.strip_suffix(b"?").unwrap_or(word))
        || is_typed_number(value)
        || value.starts_with(b"self.")
        || value.starts_with(b"this.")
        || value.starts_with(b"$")
        || value.starts_with(b"&")
        || memchr::memmem::find(value, b"::").is_some()
        || memchr::memmem::find(value, b"->").is_some()
}

/// `0x10u32`, `4096_u16`, `1L`: a number as code writes it. `password: 123456` is none.
fn is_typed_number(value: &[u8]) -> bool {
    let hex = value.strip_prefix(b"0x").or_else(|| value.strip_prefix(b"0X"));
    let digits = hex.unwrap_or(value);
    let number = digits.iter().take_while(|b| b.is_ascii_digit() || hex.is_some() && b.is_ascii_hexdigit()).count();
    let suffix = digits.get(number..).unwrap_or_default();
    let suffix = suffix.strip_prefix(b"_").unwrap_or(suffix);
    const SUFFIXES: [&[u8]; 19] = [
        b"u8", b"u16", b"u32", b"u64", b"u128", b"usize", b"i8", b"i16", b"i32", b"i64", b"i128", b"isize", b"f32",
        b"f64", b"L", b"UL", b"U", b"ul", b"f",
    ];
    number > 0 && (hex.is_some() && digits.len() <= 16 && suffix.is_empty() || SUFFIXES.contains(&suffix))
}

/// True when signs around a name or a value say that the one is not given the other.
pub(super) fn is_something_else(text: &[u8], reading: &Reading) -> bool {
    let Reading { name, value, how, quote, keyed, .. } = *reading;
    let before = text.get(..name.start).unwrap_or_default();
    let bytes = value.of(text);
    let bare = quote == Quote::Bare;
    let no_value = match how {
        How::Colon if keyed => is_checksum_of_file(before, name.of(text), bytes) || is_choice(before),
        How::Colon if bare && value.start == name.end + 1 => is_inside_arn(before),
        How::Equals if bare => is_chained(text, bytes, value),
        _ => false,
    };
    no_value || TYPES.contains(&bytes) || is_scheme(name.of(text), bytes)
}

/// What `typeof` says in JavaScript and `type` in a schema.
const TYPES: [&[u8]; 7] = [b"function", b"object", b"string", b"number", b"boolean", b"symbol", b"bigint"];

/// `"src/secrets.rs": "…"` with a digest, as lists of a package's files have them.
fn is_checksum_of_file(before: &[u8], name: &[u8], value: &[u8]) -> bool {
    const DIGESTS: [usize; 5] = [32, 40, 64, 96, 128];
    // What follows the last dot of `auth.token` is a name like others; behind a slash it is a file's kind.
    const KINDS: [&[u8]; 12] =
        [b"rs", b"py", b"js", b"ts", b"go", b"rb", b"json", b"yml", b"yaml", b"html", b"md", b"txt"];
    let dot = name.iter().rposition(|b| *b == b'.').filter(|dot| *dot > 0);
    let Some(kind) = dot.and_then(|dot| name.get(dot + 1..)) else { return false };
    DIGESTS.contains(&value.len())
        && value.iter().all(u8::is_ascii_hexdigit)
        && (before.last() == Some(&b'/') || KINDS.contains(&kind))
}

/// `basic ? 'userAuth' : 'other'`: both are values.
fn is_choice(before: &[u8]) -> bool {
    let opened = before.split_last().filter(|(quote, _)| matches!(quote, b'"' | b'\'' | b'`'));
    opened.is_some_and(|(_, rest)| rest.trim_ascii_end().ends_with(b"?"))
}

/// `arn:aws:secretsmanager:*:*:secret:name`.
fn is_inside_arn(before: &[u8]) -> bool {
    let run = before.iter().rev().take_while(|b| b.is_ascii_graphic() && !b"\"'`,".contains(b)).count();
    let run = before.get(before.len() - run..).unwrap_or_default();
    run.ends_with(b":") && run.starts_with(b"arn:")
}

/// A name at the end of a line whose method the next line calls.
fn is_chained(text: &[u8], value: &[u8], at: Span) -> bool {
    let behind = text.get(at.end..text.len().min(at.end + 2 * GAP)).unwrap_or_default();
    let next = behind.trim_ascii_start();
    // A dot that begins a line is a request of roff's.
    let indented = behind
        .get(..behind.len() - next.len())
        .is_some_and(|blanks| blanks.contains(&b'\n') && !blanks.ends_with(b"\n"));
    indented && is_name(value) && matches!(next, [b'.' | b'?', b'a'..=b'z' | b'A'..=b'Z' | b'.', ..])
}

/// `auth = kerberos`: how somebody proves who he is, not what with.
fn is_scheme(name: &[u8], value: &[u8]) -> bool {
    const SCHEMES: [&[u8]; 28] = [
        b"anonymous",
        b"basic",
        b"bearer",
        b"certificate",
        b"cookie",
        b"cram-md5",
        b"credssp",
        b"database",
        b"digest",
        b"gssapi",
        b"ident",
        b"kerberos",
        b"ldap",
        b"login",
        b"negotiate",
        b"ntlm",
        b"oauth",
        b"oauth2",
        b"oidc",
        b"peer",
        b"plain",
        b"saml",
        b"session",
        b"spnego",
        b"token",
        b"trust",
        b"x509",
        b"xoauth2",
    ];
    let auth =
        name.len().checked_sub(4).and_then(|at| name.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(b"auth"));
    auth && SCHEMES.into_iter().any(|scheme| value.eq_ignore_ascii_case(scheme))
}

fn is_name(value: &[u8]) -> bool {
    value.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
        && value.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// True for a word without quotes that stands where code has a variable or a type: `connect(user, password=word)`,
/// `password = word;`, `{"password": word,`, or a word that something was given to before. What is no code may say the same:
/// the path decides.
pub(in crate::detect) fn is_variable(text: &[u8], found: &Assigned) -> bool {
    let (name, value) = (found.name, found.value);
    let word = value.of(text);
    if !is_name(word) || value.start <= name.end {
        return false;
    }
    let before = text.get(name.end.saturating_sub(BACK).min(name.start)..name.start).unwrap_or_default();
    let behind = text.get(value.end..text.len().min(value.end + GAP)).unwrap_or_default();
    let given = text.get(name.end..value.start).unwrap_or_default();
    let next = behind.trim_ascii_start().first().copied();
    // `clientToken: ClientUUID;`
    if given.ends_with(b": ") && next == Some(b';') && word.first().is_some_and(u8::is_ascii_uppercase) {
        return true;
    }
    if !is_spoken(word) {
        return false;
    }
    if given.contains(&b'=') {
        let argument = matches!(before.trim_ascii_end().last(), Some(b'(' | b','));
        return argument && matches!(next, Some(b')' | b',')) || next == Some(b';') || is_declared(before, word);
    }
    let keyed = matches!(before.last(), Some(b'"' | b'\'')) && matches!(given, [b'"' | b'\'', ..]);
    given.contains(&b':')
        && (next == Some(b';') || matches!(next, Some(b',' | b'}')) && (keyed || is_declared(before, word)))
}

/// Mostly of dictionary words, or joined as variables are.
fn is_spoken(word: &[u8]) -> bool {
    let spelling = looks::spelling(word);
    spelling.known * 10 >= spelling.letters * 6 || spelling.cost <= WORDLIKE || word.contains(&b'_')
}

/// True when `word` stands in `before` where something is given to it, where it is looked into or named to a call.
fn is_declared(before: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find_iter(before, word).any(|at| {
        let (left, right) = (before.get(..at).unwrap_or_default(), before.get(at + word.len()..).unwrap_or_default());
        let parted = |byte: Option<&u8>| byte.is_none_or(|b| !b.is_ascii_alphanumeric() && !b"_\"'`-".contains(b));
        let blanks = right.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let used = matches!(right.get(blanks), Some(b'=' | b':' | b',' | b')' | b'.' | b'('));
        // As a value of something else it is no variable for that.
        let given = matches!(left.trim_ascii_end().last(), Some(b':' | b'='));
        parted(left.last()) && parted(right.first()) && used && !given
    })
}

/// What a method of a text is called with, which is no text of its own: `password.encode("latin1")`.
pub(super) fn is_method_of_text(call: &[u8]) -> bool {
    const METHODS: [&[u8]; 11] = [
        b"pop",
        b"encode",
        b"getBytes",
        b"toString",
        b"digest",
        b"split",
        b"replace",
        b"strip",
        b"join",
        b"indexOf",
        b"includes",
    ];
    let dot = call.iter().rposition(|b| *b == b'.').filter(|dot| *dot > 0);
    let method = dot.and_then(|dot| call.get(dot + 1..)).unwrap_or_default();
    METHODS.contains(&method) && !has_folded(call, b"64")
}
