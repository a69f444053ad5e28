//! The generic rule: a telling name, something that gives it a value, and a model that weighs what was read.
//!
//! Reading looks at most [`BACK`] bytes before an anchor and [`AHEAD`] bytes behind it, and at no path: that comes
//! last, in [`decide`], so that a blob of a history can be read before anybody knows where it lies.

mod code;
mod facts;
mod looks;
mod model;
mod name;
mod steps;
mod syntax;
mod tally;
#[cfg(test)]
mod tests;

use code::is_code;
pub(super) use code::is_variable;
use facts::is_mail;
pub(super) use facts::{Doubt, Facts, PathFacts};
pub use steps::{Guess, Guessed, TrainingRow};
pub(super) use syntax::NAMED;
use syntax::{GAP, How, Quote, Reading};

use super::search::{Case, Search};
use super::words::Lexicon;
use crate::model::{BytePath, Confidence, Note, Span};

/// Nothing farther before an anchor than this changes what is read.
pub(super) const BACK: usize = 512;
/// Nothing farther behind an anchor than this changes what is read.
pub(super) const AHEAD: usize = 3072;

/// Shorter values are not worth a finding.
const SHORTEST: usize = 4;
/// More words than this are prose.
const MOST_BLANKS: usize = 3;

/// A value given to a telling name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assigned {
    /// Name to value.
    pub(super) whole: Span,
    /// The name.
    pub(super) name: Span,
    /// The value.
    pub(super) value: Span,
    /// What it says, where that is not what stands there: literals that are put together.
    pub(super) said: Option<Vec<u8>>,
    /// What the model goes by, without the path.
    pub(super) facts: Facts,
}

/// What a value is worth at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// `None` when the model makes too little of it.
    pub(super) confidence: Option<Confidence>,
    verdict: model::Verdict,
    /// Why it counts for less than the model makes of it.
    but: Option<&'static str>,
}

impl Decision {
    /// The chance that it is a secret, as a sentence.
    pub(super) fn note(&self) -> Note {
        let chance = self.verdict.chance();
        let (joint, but) = self.but.map_or(("", ""), |but| (", but ", but));
        Note(format!("a guess: the model takes it for a secret with a chance of {chance} %{joint}{but}").into())
    }
}

/// Why nothing was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// There is no telling name, or nothing may give it a value: nothing farther than [`NAMED`] from the anchor was looked
    /// at.
    Name,
    /// It is given no value, or none that may be a secret.
    Value,
}

/// Reads the assignment whose name holds the anchor at `anchor`.
pub(super) fn read(text: &[u8], anchor: Span) -> Result<Assigned, Refused> {
    let start = anchor.start.saturating_sub(BACK);
    let end = text.len().min(anchor.end.saturating_add(AHEAD));
    let window = text.get(start..end).ok_or(Refused::Name)?;
    let anchor = Span::new(anchor.start - start, anchor.end - start);
    let reading = reading(window, anchor)?;
    assigned(text, window, start, anchor, reading).ok_or(Refused::Value)
}

/// What was read in a window of the text, which begins at `start`, where its value may be a secret.
fn assigned(text: &[u8], window: &[u8], start: usize, anchor: Span, reading: Reading) -> Option<Assigned> {
    let pieces = syntax::pieces(window, &reading);
    if let Some(last) = pieces.last() {
        let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.of(window)).copied().collect();
        let value = Span::new(start + reading.value.start, start + last.end);
        return read_as(text, Span::new(start + anchor.start, start + anchor.end), value, &all);
    }
    let bytes = reading.value.of(window);
    if reading.quote != Quote::List && (is_no_value(bytes, &reading) || code::is_something_else(window, &reading)) {
        return None;
    }
    let whole = Span::new(start + reading.name.start.min(reading.value.start), start + reading.value.end);
    let value = Span::new(start + reading.value.start, start + reading.value.end);
    let facts = match syntax::hex_of_escaped(bytes) {
        // The model knows keys in hex, and signs of escapes say nothing of the bytes.
        Some(hex) => read_as(text, Span::new(start + anchor.start, start + anchor.end), value, &hex)?.facts,
        None => Facts::of(window, &reading, anchor),
    };
    let name = Span::new(start + reading.name.start, start + reading.name.end);
    Some(Assigned { whole, name, value, said: None, facts })
}

/// The same with `said` where `value` stands; places are still those in `text`, and what it says is told.
fn read_as(text: &[u8], anchor: Span, value: Span, said: &[u8]) -> Option<Assigned> {
    let start = anchor.start.saturating_sub(BACK);
    let before = text.get(start..value.start).filter(|_| anchor.end <= value.start)?;
    let behind = text.get(value.end..text.len().min(value.end.saturating_add(GAP)))?;
    let window = [before, said, behind].concat();
    let found = read(&window, Span::new(anchor.start - start, anchor.end - start)).ok()?;
    let inside = Span::new(before.len(), before.len() + said.len()).contains(&found.value);
    let name = Span::new(start + found.name.start, start + found.name.end);
    let whole = Span::new(name.start.min(value.start), value.end);
    inside.then(|| Assigned { whole, name, value, said: Some(found.value.of(&window).to_vec()), facts: found.facts })
}

/// The name that the anchor at `anchor` belongs to, where the byte behind it is one that `opens` something.
pub(super) fn name_of(text: &[u8], anchor: Span, opens: impl Fn(u8) -> bool) -> Option<Span> {
    let start = anchor.start.saturating_sub(BACK);
    let window = text.get(start..text.len().min(anchor.end.saturating_add(BACK)))?;
    let name = name::around(window, Span::new(anchor.start - start, anchor.end - start), |name| {
        window.get(name.end).is_some_and(|byte| opens(*byte))
    })?;
    Some(Span::new(start + name.start, start + name.end))
}

/// The same where the value was found to be encoded, and `said` is what it says: what is secret in that, and what the
/// model goes by. Of a user's name and password, as `Authorization: Basic` has them, it is the password.
pub(super) fn read_decoded(text: &[u8], anchor: Span, value: Span, said: &[u8]) -> Option<(Vec<u8>, Facts)> {
    let found = read_as(text, anchor, value, said.get(user(anchor.of(text), said)..)?)?;
    Some((found.said?, found.facts))
}

/// How much of `said` is a user's name and a colon, where the telling word lets expect both.
fn user(word: &[u8], said: &[u8]) -> usize {
    const BOTH: [&[u8]; 3] = [b"auth", b"cred", b"basic"];
    let name = said.iter().take_while(|b| b.is_ascii_alphanumeric() || b"_.-@+".contains(b)).count();
    let both = BOTH.iter().any(|both| name::has_folded(word, both));
    if both && (1..=MOST_OF_USER).contains(&name) && said.get(name) == Some(&b':') { name + 1 } else { 0 }
}

/// No user's name is longer.
const MOST_OF_USER: usize = 64;

fn reading(text: &[u8], anchor: Span) -> Result<Reading, Refused> {
    if let Some(other) = other_reading(text, anchor) {
        return other.ok_or(Refused::Value);
    }
    let name = syntax::named(text, anchor).ok_or(Refused::Name)?;
    let mut reading = syntax::read(text, name, anchor).ok_or(Refused::Value)?;
    reading.value = core(text, reading.value);
    Ok(reading)
}

/// What is read of an anchor that is no word of a name; none where it is one.
fn other_reading(text: &[u8], anchor: Span) -> Option<Option<Reading>> {
    let word = anchor.of(text);
    let found = |name, (value, quote), how| Reading { name, value, how, quote, keyed: false, wrapped: false };
    if word.ends_with(b"(") {
        let name = Span::new(anchor.start, anchor.end - 1);
        return Some(syntax::login(text, anchor.end).map(|value| found(name, value, How::Login)));
    }
    if word == b"://" {
        let user = syntax::userinfo(text, anchor.end);
        return Some(user.map(|(user, value)| found(user, (value, Quote::Bare), How::Url)));
    }
    if word.get(..COOKIE.len()).is_some_and(|start| start.eq_ignore_ascii_case(COOKIE)) {
        let cookie = syntax::cookie(text, anchor.end);
        return Some(cookie.map(|(name, value)| found(name, (value, Quote::Bare), How::Query)));
    }
    None
}

/// The anchor of headers and calls that hold cookies.
const COOKIE: &[u8] = b"cookie";

/// What is secret in a value: behind `Basic ` and the like, and the longest item of JSON in a string.
fn core(text: &[u8], value: Span) -> Span {
    let bytes = value.of(text);
    for scheme in [&b"Basic "[..], b"Bearer ", b"ApiKey ", b"Token ", b"token ", b"bearer ", b"basic "] {
        if bytes.starts_with(scheme) {
            return Span::new(value.start + scheme.len(), value.end);
        }
    }
    if bytes.starts_with(b"{\\\"") || bytes.starts_with(b"{\"") {
        let run = |b: &u8| b.is_ascii_alphanumeric() || b"+/_-=".contains(b);
        let runs = bytes.split(|b| !run(b)).map(|run| (run.len(), run.as_ptr() as usize - bytes.as_ptr() as usize));
        if let Some((length, at)) = runs.max_by_key(|(length, at)| (*length, std::cmp::Reverse(*at)))
            && length >= 16
        {
            return Span::new(value.start + at, value.start + at + length);
        }
    }
    value
}

/// True when some path may yet make a candidate of it.
pub(super) fn may_count(facts: &Facts) -> bool {
    model::may_count(facts)
}

/// True when [`decide`] makes a candidate of facts with their path; cheaper where it does not.
pub(super) fn counts(facts: &Facts) -> bool {
    model::counts(facts)
}

/// What the model makes of facts with their path. Cheap: under a microsecond.
pub(super) fn decide(facts: &Facts) -> Decision {
    let verdict = model::weigh(facts);
    let but = (verdict.confidence > Some(Confidence::Low)).then(|| doubt(facts)).flatten();
    let confidence = if but.is_some() { Some(Confidence::Low) } else { verdict.confidence };
    Decision { confidence, verdict, but }
}

/// What the model does not know and what makes a guess low.
fn doubt(facts: &Facts) -> Option<&'static str> {
    match facts.doubt().filter(|doubt| *doubt != Doubt::Variable || facts.may_name_variables()) {
        Some(Doubt::Form) => Some("what its name is given by its provider has another form"),
        Some(Doubt::Sequence) => Some("it holds a sequence such as 12345678, as made-up keys do"),
        Some(Doubt::Words) => Some("keys and tokens are drawn by chance, and this is made of words"),
        Some(Doubt::Variable) => Some("in code a word without quotes is a variable or a type"),
        None => facts.names_a_salt().then_some("a salt or a nonce is rarely secret by itself"),
    }
}

/// True when a value is made of words, with a digit at most here and there: a rule for keys took the neighbouring word for one.
pub(super) fn is_words(value: &[u8]) -> bool {
    let spelling = looks::spelling(value);
    let signs = |b: &u8| matches!(b, b'_' | b'-' | b'.' | b'=' | b'/');
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    let plain = value.iter().all(|b| b.is_ascii_alphanumeric() || signs(b));
    // Camel's humps: `OAuth2ApiCredential`.
    if plain && digits > 0 {
        return digits * 10 <= value.len() && spelling.known * 10 >= spelling.letters * 8 && spelling.longest >= 5;
    }
    plain && spelling.letters > 0 && (spelling.known * 10 >= spelling.letters * 7 || spelling.cost <= WORDLIKE)
}

/// True when facts and value say that somebody wrote words where a key goes.
pub(super) fn is_words_for_key(facts: &Facts, value: &[u8]) -> bool {
    facts.names_what_is_drawn() && is_words(value)
}

/// True when `name` ends with `claim`, which has neither joints nor capitals.
pub(super) fn ends_with_name(name: &[u8], claim: &[u8]) -> bool {
    let mut name = name.iter().rev().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase);
    claim.iter().rev().all(|byte| name.next() == Some(*byte))
}

/// Pairs of letters that cost no more than this are those of words, in 1/16 bits: fewer than one in a hundred random
/// texts of eight letters do.
const WORDLIKE: usize = 66;

/// The same of a candidate's features, at a path.
pub(super) fn decide_at(features: &[u8], path: Option<&BytePath>) -> Decision {
    decide(&Facts::from_pathless(features).at(path))
}

/// The facts that moved the decision most: what, its value, and by how much in log odds.
pub(super) fn reasons(features: &[u8], path: Option<&BytePath>) -> Vec<(&'static str, u8, f64)> {
    let facts = Facts::from_pathless(features).at(path);
    model::reasons(&facts).into_iter().map(|(name, value, moved)| (name, value, f64::from(moved) / 4096.0)).collect()
}

/// What refers to a secret and is none, wherever it stands in a value.
static REFERS: Search<1> = Search::new(
    [(b"://", 1), (b"ENV[", 1), (b"](", 1), (b"environ", 1), (b"getenv", 1), (b"process.env", 1)],
    Case::Exact,
);
/// How paths, digests and references begin.
static BEGINS: Lexicon<22> = Lexicon::new([
    b"#",
    b"&",
    b"*",
    b"--",
    b"../",
    b"./",
    b"/",
    b"@",
    b"C:\\",
    b"ENC[",
    b"arn:",
    b"data:",
    b"ref:",
    b"secret:",
    b"sha1-",
    b"sha256-",
    b"sha384-",
    b"sha512-",
    b"urn:",
    b"vault:",
    b"{cipher}",
    b"~/",
]);

/// Code, paths, prose, references: what is no literal secret, quoted or not.
fn is_no_value(value: &[u8], reading: &Reading) -> bool {
    let bare = reading.quote == Quote::Bare;
    let has = |byte: u8| memchr::memchr(byte, value).is_some();
    let ends = |list: &[&[u8]]| list.iter().any(|end| value.ends_with(end));
    value.len() < SHORTEST
        || value.iter().any(u8::is_ascii_control)
        || value.iter().filter(|b| b.is_ascii_whitespace()).count() > MOST_BLANKS
        || bare && is_code(value, reading.how)
        // YAML's tags: `!vault`, `!Ref name`.
        || bare && value.starts_with(b"!")
        || BEGINS.begins(value)
        || REFERS.held(value) != 0
        || ends(&[
            b".pem", b".key", b".crt", b".json", b".yml", b".yaml", b".txt", b".js", b".ts", b".py", b".go", b".html",
            // What an AWS signature holds for: it names the key.
            b"aws4_request",
        ])
        || has(b'(') && has(b')')
        || is_mail(value)
}
