//! Which name an anchor belongs to, and whether its words tell of a secret. Reads no value.

use crate::detect::words::Lexicon;
use crate::model::Span;

/// Longest name looked at on either side of its anchor, in bytes.
pub(super) const NAME: usize = 80;

pub(super) fn name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$')
}

/// Words after the telling one that say that the value is about a secret and is none.
static NOT_IT: Lexicon<60> = Lexicon::new([
    b"algorithm",
    b"attempt",
    b"backend",
    b"board",
    b"column",
    b"count",
    b"description",
    b"dir",
    b"directory",
    b"down",
    b"endpoint",
    b"error",
    b"event",
    b"expir",
    b"field",
    b"file",
    b"format",
    b"hash",
    b"header",
    b"identifier",
    b"index",
    b"issuer",
    b"label",
    b"len",
    b"length",
    b"manager",
    b"max",
    b"maximum",
    b"message",
    b"min",
    b"minimum",
    b"module",
    b"msg",
    b"name",
    b"namespace",
    b"param",
    b"parameter",
    b"path",
    b"pattern",
    b"placeholder",
    b"plugin",
    b"policy",
    b"prefix",
    b"press",
    b"provider",
    b"public",
    b"regex",
    b"retries",
    b"retry",
    b"scheme",
    b"size",
    b"suffix",
    b"timeout",
    b"timestamp",
    b"title",
    b"ttl",
    b"type",
    b"uri",
    b"url",
    b"vault",
]);
/// How these may end: `TOKEN_MINIO` and `key_messagebird` have nothing to do with `min` and `message`.
const ENDINGS: [&[u8]; 10] = [b"s", b"es", b"d", b"ed", b"er", b"ing", b"y", b"e", b"ation", b"ies"];

/// Words before the telling one that say the same: public keys, and what a page proves with that it is itself.
const NOT_BEFORE: [&[u8]; 5] = [b"public", b"csrf", b"xsrf", b"authenticity", b"requestverification"];

/// Keys of tables and caches, which open nothing; whose fingerprint a key server is asked for, and what a client proves
/// with that it speaks to a web socket (RFC 6455).
const KEYS_OF: [&[u8]; 8] =
    [b"primary", b"foreign", b"partition", b"sort", b"routing", b"cache", b"recv", b"websocket"];

/// Tokens that say where a list goes on, or that a request was made before.
const TOKENS_OF: [&[u8]; 10] = [
    b"next",
    b"nextpage",
    b"next_page",
    b"next-page",
    b"continuation",
    b"sequence",
    b"creation",
    b"idempotency",
    b"clientrequest",
    b"client_request",
];

/// What keeps secrets, before a word for many of them.
const STORES: [&[u8]; 2] = [b"vault", b"store"];

/// What may stand before `key`, `pass`, `auth` or `pwd` in one word of small letters.
const BEFORE: [&[u8]; 34] = [
    b"api",
    b"app",
    b"auth",
    b"secret",
    b"private",
    b"priv",
    b"access",
    b"aes",
    b"enc",
    b"master",
    b"signing",
    b"sign",
    b"consumer",
    b"account",
    b"license",
    b"my",
    b"crypt",
    b"hmac",
    b"db",
    b"user",
    b"root",
    b"admin",
    b"ssh",
    b"ftp",
    b"sql",
    b"smtp",
    b"mail",
    b"sys",
    b"proxy",
    b"pg",
    b"shared",
    b"storage",
    b"o",
    b"x",
];

/// What may follow a telling word in one word of the same case.
static JOINED: Lexicon<20> = Lexicon::new([
    b"access",
    b"ation",
    b"d",
    b"data",
    b"dev",
    b"id",
    b"key",
    b"ord",
    b"orization",
    b"pass",
    b"phrase",
    b"prod",
    b"rd",
    b"s",
    b"secret",
    b"string",
    b"token",
    b"value",
    b"wd",
    b"word",
]);

/// The whole name, when the anchor is a word of it and no other word says that the value is none. `given` is asked first
/// whether anything around the name may give it a value: mostly it is a word of a text.
pub(super) fn around(text: &[u8], anchor: Span, given: impl Fn(Span) -> bool) -> Option<Span> {
    let left = text.get(anchor.start.saturating_sub(NAME)..anchor.start)?;
    let right = text.get(anchor.end..text.len().min(anchor.end + NAME))?;
    let after = right.iter().take_while(|b| name_byte(**b)).count();
    let before = left.iter().rev().take_while(|b| name_byte(**b)).count();
    if before == NAME || after == NAME {
        return None;
    }
    let name = Span::new(anchor.start - before, anchor.end + after);
    if !given(name) {
        return None;
    }
    let word = anchor.of(text);
    let same_case = |word: Option<&u8>, beside: Option<&u8>| match (word, beside) {
        (Some(a), Some(b)) => {
            a.is_ascii_lowercase() && b.is_ascii_lowercase() || a.is_ascii_uppercase() && b.is_ascii_uppercase()
        }
        _ => false,
    };
    let suffix = right.get(..after)?;
    if same_case(word.last(), right.first()) && JOINED.longest_folded(suffix).is_none() {
        return None;
    }
    let prefix = left.get(left.len() - before..)?;
    if word.len() < 5 && same_case(word.first(), left.last()) && !is_joined_before(prefix) {
        return None;
    }
    if suffix.split(|b| !b.is_ascii_alphanumeric()).any(is_about)
        || is_id(suffix)
        || NOT_BEFORE.iter().any(|word| has_folded(prefix, word))
    {
        return None;
    }
    if opens_nothing(prefix, word) {
        return None;
    }
    // `keyVaultToStoreSecrets`, `secret_store_credentials`: where many are kept, not one of them.
    let many = suffix.eq_ignore_ascii_case(b"s");
    if many && STORES.iter().any(|word| has_folded(prefix, word)) && !word.eq_ignore_ascii_case(b"key") {
        return None;
    }
    // Sentences end in a dot that is no part of a name.
    let dots = suffix.iter().rev().take_while(|b| **b == b'.').count();
    Some(Span::new(name.start, name.end - dots))
}

/// True when a word that follows the telling one says that the value is none: `tokenExpiry`, `api_key_file`, `authProviderType`.
fn is_about(part: &[u8]) -> bool {
    // `passwords`, `passwd`, `password`: the telling word's own end.
    let own = [&b""[..], b"s", b"ord", b"ords"].into_iter().filter_map(|end| part.strip_prefix(end));
    own.into_iter().any(|rest| humps(rest).any(says_about))
}

/// The parts of a word in camel's case.
fn humps(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    let border = |two: &[u8]| matches!(two, [a, b] if !a.is_ascii_uppercase() && b.is_ascii_uppercase());
    std::iter::from_fn(move || {
        let first = rest.windows(2).position(border).map_or(rest.len(), |at| at + 1);
        let (hump, next) = rest.split_at_checked(first)?;
        rest = next;
        (!hump.is_empty()).then_some(hump)
    })
}

fn says_about(word: &[u8]) -> bool {
    NOT_IT.longest_folded(word).is_some_and(|length| {
        let tail = word.get(length..).unwrap_or_default();
        let tail = tail.get(..tail.len() - tail.iter().rev().take_while(|b| b.is_ascii_digit()).count());
        tail.is_some_and(|tail| {
            tail.is_empty() || ENDINGS.into_iter().any(|end| tail.eq_ignore_ascii_case(end)) || says_about(tail)
        })
    })
}

/// True for keys, tokens and passwords that are none by what stands before: `sort_key`, `nextToken`, sudo's `NOPASSWD`.
fn opens_nothing(prefix: &[u8], word: &[u8]) -> bool {
    let bare = prefix.strip_suffix(b"_").or_else(|| prefix.strip_suffix(b"-")).unwrap_or(prefix);
    let of = |words: &[&[u8]]| words.iter().any(|word| ends_folded(bare, word));
    match word.first().map(u8::to_ascii_lowercase) {
        Some(b'k') => of(&KEYS_OF),
        Some(b't') => of(&TOKENS_OF),
        Some(b'p') => bare.eq_ignore_ascii_case(b"no"),
        _ => false,
    }
}

/// `credentialsId`, `secret-id`, `TOKEN_ID_2`: it names a secret and holds none.
fn is_id(suffix: &[u8]) -> bool {
    has_folded(suffix, b"_id")
        || has_folded(suffix, b"-id")
        || suffix.ends_with(b"Id")
        || suffix.ends_with(b"ID") && suffix.len() < 4
}

fn is_joined_before(prefix: &[u8]) -> bool {
    // `nkey` and the like stand alone.
    let letters = prefix.iter().rev().take_while(|b| b.is_ascii_alphabetic()).count();
    let word = prefix.get(prefix.len() - letters..).unwrap_or_default();
    word.len() == 1 || BEFORE.iter().any(|end| word.len() >= end.len() && ends_folded(word, end))
}

fn ends_folded(word: &[u8], end: &[u8]) -> bool {
    word.len().checked_sub(end.len()).and_then(|at| word.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// True when `text` holds `part`, in any case.
pub(super) fn has_folded(text: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else { return true };
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), text)
        .any(|at| text.get(at..at + part.len()).is_some_and(|window| window.eq_ignore_ascii_case(part)))
}
