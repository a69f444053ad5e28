//! Values that stand for a secret and are none. A word inside a random token is no reason to drop it.

use super::drops::DropReason;
use super::entropy::shannon;
use super::words::Lexicon;

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing speaks against it.
    Real,
    /// It may be made up; the sentence says why.
    Doubtful(&'static str),
    /// It is a word or a sequence that people write for a secret, and that some people have for one.
    Common(&'static str),
    /// One letter over and over: of a provider's form it is a made-up example, shown to who asks.
    Dull(&'static str),
    /// It stands for a secret; the sentence says why.
    Placeholder(&'static str),
}

/// Words that people write where a secret goes.
static WORDS: Lexicon<35> = Lexicon::new([
    b"api_key",
    b"apikey",
    b"bar",
    b"base64",
    b"change-me",
    b"change_me",
    b"changeme",
    b"credentials",
    b"default",
    b"demo",
    b"dummy",
    b"encoded",
    b"enter",
    b"example",
    b"fake",
    b"fixme",
    b"foo",
    b"foobar",
    b"here",
    b"insert",
    b"key",
    b"mock",
    b"passwd",
    b"password",
    b"placeholder",
    b"redacted",
    b"replace",
    b"replaceme",
    b"sample",
    b"secret",
    b"test",
    b"todo",
    b"token",
    b"value",
    b"your",
]);
/// Values that are no secret as a whole.
const NOTHING: [&[u8]; 19] = [
    b"always",
    b"never",
    b"auto",
    b"enabled",
    b"disabled",
    b"null",
    b"none",
    b"nil",
    b"true",
    b"false",
    b"undefined",
    b"empty",
    b"yes",
    b"no",
    b"n/a",
    b"unset",
    b"string",
    b"optional",
    b"required",
];
/// How certificates and public keys in PEM begin, in base64.
const PUBLIC: [&[u8]; 2] = [b"LS0tLS1CRUdJTiBDRVJU", b"LS0tLS1CRUdJTiBQVUJM"];
/// In a token of random characters a word of this many letters does not come about by chance.
const TELLING: usize = 7;

/// Looks at `value`, whose first `public` bytes are its kind's marker and say nothing.
pub(super) fn look(value: &[u8], public: usize) -> Look {
    let body = value.get(public..).filter(|rest| !rest.is_empty()).unwrap_or(value);
    if let Some(why) = template(value).or_else(|| template(body)) {
        return Look::Placeholder(why);
    }
    if let Some(why) = dull(body) {
        // Only some signs are written for a gap.
        let many = |byte: u8| body.iter().filter(|b| **b == byte).count() * 2 > body.len();
        let gap = b"xX*.-_#?0 ".iter().any(|sign| many(*sign)) || !body.is_ascii();
        return if gap { Look::Placeholder(why) } else { Look::Dull(why) };
    }
    if PUBLIC.into_iter().any(|start| body.starts_with(start)) {
        return Look::Doubtful("it is a certificate or a public key, which anybody may read");
    }
    if steps(body) {
        return Look::Common(DropReason::Steps.text());
    }
    let lower = body.to_ascii_lowercase();
    if NOTHING.contains(&lower.as_slice()) {
        return Look::Placeholder(DropReason::Nothing.text());
    }
    let covered = covered(&lower);
    let letters = lower.iter().filter(|b| b.is_ascii_alphanumeric()).count();
    if covered * 2 >= letters && covered >= 4 && shannon(body) < 4.2 {
        // `password123` says nothing; what is left of `Secret2024!` may well be somebody's.
        let rest = letters.saturating_sub(covered);
        let digits = body.iter().filter(|b| b.is_ascii_digit()).count();
        return if rest <= 3 || digits <= 3 || covered * 4 >= letters * 3 {
            Look::Common(DropReason::StandIn.text())
        } else {
            Look::Doubtful("it is mostly words that stand for a secret")
        };
    }
    let mut telling = WORDS.words().filter(|word| word.len() >= TELLING);
    let loud = |word: &[u8]| {
        let first = word.first().copied().unwrap_or_default().to_ascii_uppercase();
        memchr::memchr_iter(first, body).any(|at| {
            let here = body.get(at..at + word.len()).unwrap_or_default();
            here.len() == word.len() && here.iter().zip(word).all(|(a, b)| *a == b.to_ascii_uppercase())
        })
    };
    let has = |word: &'static [u8]| memchr::memmem::find(body, word).is_some() || loud(word);
    if is_made_up(body) {
        return Look::Doubtful("it holds a sequence such as 12345678, as made-up keys do");
    }
    if telling.any(has) {
        return Look::Doubtful("it holds a word such as EXAMPLE, as made-up keys do");
    }
    Look::Real
}

/// Forms that something else fills in.
fn template(value: &[u8]) -> Option<&'static str> {
    let has = |part: &[u8]| memchr::memmem::find(value, part).is_some();
    let framed = |open: &[u8], close: &[u8]| value.starts_with(open) && value.ends_with(close) && value.len() > 2;
    // Only what closes again: signing keys draw from such signs, too. A value that *starts* so may have been cut off.
    let gap = |open: &[u8], close: &[u8]| {
        memchr::memmem::find(value, open).is_some_and(|at| {
            let rest = value.get(at + open.len()..).unwrap_or_default();
            at == 0 || memchr::memmem::find(rest, close).is_some()
        })
    };
    let gaps: [(&[u8], &[u8]); 6] =
        [(b"${", b"}"), (b"{{", b"}}"), (b"$(", b")"), (b"#{", b"}"), (b"<%", b"%>"), (b"%(", b")")];
    if gaps.into_iter().any(|(open, close)| gap(open, close)) {
        return Some(DropReason::FilledIn.text());
    }
    // Rule files, keyward's own among them, are full of classes.
    const CLASSES: [&[u8]; 8] = [b"[A-Z", b"[a-z", b"[a-f", b"[0-9", b"[1-9", b"A-Za-z0-9", b"a-zA-Z0-9", b"]{"];
    let count = |inner: &[u8]| !inner.is_empty() && inner.iter().all(|b| b.is_ascii_digit() || *b == b',');
    let repeated = value.strip_suffix(b"}").and_then(|rest| rest.rsplit(|b| *b == b'{').next()).is_some_and(count);
    if repeated || CLASSES.into_iter().any(has) {
        return Some(DropReason::Pattern.text());
    }
    if framed(b"<", b">") || framed(b"{", b"}") || framed(b"[", b"]") || framed(b"%", b"%") || framed(b"@", b"@") {
        return Some(DropReason::Gap.text());
    }
    let name = |rest: &[u8]| !rest.is_empty() && rest.iter().all(|b| b.is_ascii_uppercase() || *b == b'_');
    if framed(b"__", b"__") || value.strip_prefix(b"$").is_some_and(name) {
        return Some(DropReason::Variable.text());
    }
    if matches!(value, b"%s" | b"%d" | b"%v" | b"{}" | b"?") {
        return Some(DropReason::Format.text());
    }
    (has(b"...") || has("\u{2026}".as_bytes())).then_some(DropReason::CutShort.text())
}

/// Repeats and sequences.
fn dull(body: &[u8]) -> Option<&'static str> {
    let mut seen = [false; 256];
    for byte in body {
        if let Some(slot) = seen.get_mut(usize::from(byte.to_ascii_lowercase())) {
            *slot = true;
        }
    }
    let distinct = seen.iter().filter(|seen| **seen).count();
    if body.len() >= 4 && distinct == 1 || body.len() >= 8 && distinct <= 2 {
        return Some(DropReason::OneCharacter.text());
    }
    (runs(body).0 * 2 > body.len()).then_some(DropReason::Filler.text())
}

/// True for a text mostly of steps such as 1234 or abcd.
fn steps(body: &[u8]) -> bool {
    let (filler, steps) = runs(body);
    body.len() >= 6 && (filler + steps) * 10 > body.len() * 7
}

/// A sequence of so many steps does not come about by chance, and in a value of so many bytes nobody chose it.
const SEQUENCE: usize = 8;
const LONG: usize = 20;

/// True for a long value that looks random but for a sequence such as 12345678 in it.
pub(super) fn is_made_up(value: &[u8]) -> bool {
    value.len() >= LONG && sequence(value) >= SEQUENCE
}

/// The longest run of steps such as 1234 or abcd.
fn sequence(body: &[u8]) -> usize {
    let (mut longest, mut here) = (0, 0);
    for pair in body.windows(2) {
        here = if matches!(pair, [a, b] if follows(*a, *b)) { here.max(1) + 1 } else { 0 };
        longest = longest.max(here);
    }
    longest
}

/// How many bytes belong to runs of one filler character, and how many to steps such as 1234 or abcd.
fn runs(body: &[u8]) -> (usize, usize) {
    let (mut filler, mut steps) = (0, 0);
    let mut at = 0;
    while at < body.len() {
        let rest = body.get(at..).unwrap_or_default();
        let same = run(rest, |a, b| a == b);
        let up = run(rest, follows);
        let length = same.max(up);
        if length >= 4 {
            *if same >= up { &mut filler } else { &mut steps } += length;
            at += length;
        } else {
            at += 1;
        }
    }
    (filler, steps)
}

/// True for a step such as from 1 to 2 or from a to b.
fn follows(a: u8, b: u8) -> bool {
    b.to_ascii_lowercase() == a.to_ascii_lowercase().wrapping_add(1) || (a, b) == (b'9', b'0')
}

/// How many bytes from the first on follow each other by `next`.
fn run(bytes: &[u8], next: impl Fn(u8, u8) -> bool) -> usize {
    1 + bytes.windows(2).take_while(|pair| matches!(pair, [a, b] if next(*a, *b))).count()
}

/// How many bytes of `value`, in any case, belong to the words above, counted from the left, longest first.
pub(super) fn covered(value: &[u8]) -> usize {
    let mut covered = 0;
    let mut at = 0;
    while let Some(rest) = value.get(at..).filter(|rest| !rest.is_empty()) {
        let word = WORDS.longest_folded(rest);
        covered += word.unwrap_or_default();
        at += word.unwrap_or(1);
    }
    covered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::pattern::{Seed, expand};

    fn dropped(value: &str) -> bool {
        matches!(look(value.as_bytes(), 0), Look::Placeholder(_) | Look::Common(_) | Look::Dull(_))
    }

    #[test]
    fn what_stands_for_a_secret_is_known() {
        for value in [
            "xxxxxxxxxxxxxxxx",
            "****",
            "changeme",
            "your_api_key_here",
            "YOUR-TOKEN-HERE",
            "<password>",
            "${SECRET}",
            "{{ .Values.token }}",
            "%s",
            "null",
            "TRUE",
            "12345678",
            "abcdefghijkl",
            "1234567890abcdef",
            "$PASSWORD",
            "__TOKEN__",
            "abc...xyz",
            "test-token",
            "XXXXXXXX-XXXX-XXXX",
            "example_key",
            "insert-token-here",
            "YourBase64EncodedCredentials==",
            "always",
            "@TOKEN@",
            "acme_live_x{60}",
        ] {
            assert!(dropped(value), "{value}");
        }
        assert!(matches!(look(b"zzp_xxxxxxxxxxxxxxxxxxxx", 4), Look::Placeholder(_)));
        assert!(matches!(look(&[b'a'; 32], 0), Look::Dull(_)), "of a provider's form it is shown on request");
    }

    #[test]
    fn a_certificate_in_base64_is_doubtful_and_a_private_key_is_not() {
        for (start, doubtful) in
            [("LS0tLS1CRUdJTiBDRVJU", true), ("LS0tLS1CRUdJTiBQVUJM", true), ("LS0tLS1CRUdJTiBSU0Eg", false)]
        {
            let value = [start.as_bytes(), &expand("[A-Za-z0-9+/]{60}", &mut Seed::named(start)).unwrap()].concat();
            assert_eq!(matches!(look(&value, 0), Look::Doubtful(_)), doubtful, "{start}");
        }
    }

    #[test]
    fn a_weak_password_of_a_word_and_a_number_is_doubtful_only() {
        assert!(matches!(look(b"Secret2024!", 0), Look::Doubtful(_)));
        assert_eq!(look(b"Tr0ub4dor&3", 0), Look::Real);
        assert!(dropped("password123") && dropped("YOUR_ACCESS_TOKEN_HERE_PLEASE"));
    }

    #[test]
    fn random_tokens_are_never_dropped() {
        for (n, form) in ["[A-Za-z0-9]{20}", "[a-f0-9]{32}", "[A-Za-z0-9_-]{40}", "[A-Z2-7]{16}"].iter().enumerate() {
            let mut seed = Seed::new(n as u64);
            for _ in 0..5_000 {
                let token = expand(form, &mut seed).unwrap();
                assert_eq!(look(&token, 0), Look::Real, "{form}");
            }
        }
    }

    #[test]
    fn a_long_sequence_in_a_random_token_makes_it_doubtful() {
        let random = |length: usize| {
            String::from_utf8(expand(&format!("[A-Z]{{{length}}}"), &mut Seed::new(4)).unwrap()).unwrap()
        };
        for (value, doubtful) in [
            (random(20) + "1234567890", true),
            (random(20) + "abcDEFgh", true),
            (random(20) + "1234567", false),
            (random(6) + "12345678", false),
        ] {
            assert_eq!(matches!(look(value.as_bytes(), 0), Look::Doubtful(_)), doubtful, "{value}");
        }
    }

    #[test]
    fn a_word_inside_a_random_token_does_not_drop_it() {
        for word in ["test", "example", "EXAMPLE", "foo", "secret", "xxxx", "1234"] {
            for n in 0..50 {
                let mut seed = Seed::new(n);
                let token = [
                    &expand("[A-Za-z0-9]{14}", &mut seed).unwrap()[..],
                    word.as_bytes(),
                    &expand("[A-Za-z0-9]{14}", &mut seed).unwrap(),
                ]
                .concat();
                assert!(!matches!(look(&token, 0), Look::Placeholder(_) | Look::Common(_) | Look::Dull(_)), "{word}");
            }
        }
        let made_up = [&expand("[A-Z2-7]{13}", &mut Seed::new(1)).unwrap()[..], b"EXAMPLE"].concat();
        assert!(matches!(look(&made_up, 0), Look::Doubtful(_)));
    }
}
