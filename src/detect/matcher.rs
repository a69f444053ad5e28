//! From an anchor to a match: cheap gates, then a rule's regex, run in the hit's own window. Judges nothing beyond the
//! match's bounds. Gates follow from the regex alone and refuse nothing that it would match.

mod bytes;
mod run;
mod shape;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::OnceLock;

use globset::{Glob, GlobSet, GlobSetBuilder};
use regex_automata::meta::{BuildError, Regex};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::work::Work;
use bytes::Bytes;
use run::Run;
use shape::{Behind, Shape, Verdict};

use crate::model::{BytePath, Span};
use crate::rule::{Kind, Rule, pattern};

/// Where a rule matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// All that the rule looked at.
    pub(super) whole: Span,
    /// The value to rotate.
    pub(super) secret: Span,
}

/// How much work one blob may cost. Work is counted, not timed, so that a scan gives the same on every machine.
#[derive(Debug)]
pub(super) struct Budget {
    all: u64,
    left: u64,
    refused: bool,
}

/// Units that any blob may cost; a regex run costs one for each [`UNIT`] bytes of its window.
const BASE: u64 = 1_000_000;
/// Bytes of a window.
const UNIT: usize = 256;
/// One more unit for so many bytes of a blob, so that large files may cost more.
const BYTES_PER_UNIT: usize = 8;

impl Budget {
    /// For a text of this length.
    pub(super) fn new(text: usize) -> Self {
        let all = BASE + (text / BYTES_PER_UNIT) as u64;
        Self { all, left: all, refused: false }
    }

    /// All that there was.
    pub(super) fn all(&self) -> u64 {
        self.all
    }

    /// What was taken of it.
    pub(super) fn spent(&self) -> u64 {
        self.all - self.left
    }

    /// Takes the cost of looking at a window; false when nothing is left.
    pub(super) fn spend(&mut self, window: usize) -> bool {
        let cost = 1 + (window / UNIT) as u64;
        match self.left.checked_sub(cost) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.refused = true;
                false
            }
        }
    }

    /// True when something was left undone.
    pub(super) fn is_spent(&self) -> bool {
        self.refused
    }
}

/// A rule's gates, regex and path globs, made when first needed.
#[derive(Default)]
pub(super) struct Matcher {
    gates: OnceLock<Box<Gates>>,
    compiled: OnceLock<Result<Box<Compiled>, String>>,
    paths: OnceLock<Box<GlobSet>>,
}

/// What every match must hold, without asking the regex.
#[derive(Default)]
struct Gates {
    /// The row that the regex begins with, where that is at the anchor.
    shape: Option<Shape>,
    /// A run somewhere in the window.
    run: Option<Run>,
}

/// What may stand before a match.
#[derive(Clone, Copy)]
enum Start {
    /// No word.
    Clean,
    /// No word, or another part of the same name.
    Part,
}

impl Start {
    /// What a rule of this kind asks for.
    fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Token => Some(Self::Clean),
            Kind::Keyed => Some(Self::Part),
            Kind::Regex | Kind::Assigned | Kind::Assignment => None,
        }
    }

    fn allows(self, text: &[u8], start: usize) -> bool {
        starts_clean(text, start) || matches!(self, Self::Part) && starts_part(text, start)
    }
}

struct Compiled {
    /// The rule's regex and, by its kind, what must follow: of several alternatives the one that fits is taken.
    regex: Regex,
    /// The group named `secret`.
    group: usize,
}

/// The most bytes looked at behind a match to see that it ends.
pub(super) const BEHIND: usize = 2;

/// Limits that a rule's regex must keep, in bytes.
const PROGRAM: usize = 8 << 20;
const LAZY_CACHE: usize = 1 << 20;
/// Five hundred regexes may be compiled at a time, so each must stay small.
const ONE_PASS: usize = 32 << 10;

impl Matcher {
    /// Why the regex cannot be used, once it was tried.
    pub(super) fn error(&self) -> Option<&str> {
        self.compiled.get()?.as_ref().err().map(String::as_str)
    }

    /// The same as [`Rule::applies_to`], without reading the globs again for every hit.
    pub(super) fn applies_to(&self, rule: &Rule, path: Option<&BytePath>) -> bool {
        rule.paths.is_empty()
            || path.is_some_and(|path| {
                let globs = || Box::new(glob_set(rule.paths.iter().map(String::as_str)));
                self.paths.get_or_init(globs).is_match(path.to_os())
            })
    }

    /// The match of `rule` that belongs to its anchor at `anchor`.
    pub(super) fn find(
        &self,
        rule: &Rule,
        text: &[u8],
        anchor: Span,
        budget: &mut Budget,
        work: &mut Work,
    ) -> Option<Match> {
        // What needs no regex to be read comes first: most rules of a pack never need theirs.
        if rule.lookback == 0 && Start::of(rule.kind).is_some_and(|start| !start.allows(text, anchor.start)) {
            return None;
        }
        let window = window(rule, text, anchor)?;
        if !budget.spend(window.len()) {
            return None;
        }
        let gates = self.gates.get_or_init(|| Box::new(Gates::new(rule)));
        if let Some(shape) = &gates.shape {
            match shape.at(text, window.start, window.end) {
                Verdict::No => return None,
                Verdict::Perhaps => {}
                Verdict::Yes(all, secret) => {
                    work.passed += 1;
                    return finish(rule, all, secret);
                }
            }
        }
        if gates.run.is_some_and(|run| !run.is_in(window.of(text))) {
            return None;
        }
        work.passed += 1;
        self.by_regex(rule, text, anchor, budget, work)
    }

    /// The same without gates, the cost of one look at the window paid.
    fn by_regex(&self, rule: &Rule, text: &[u8], anchor: Span, budget: &mut Budget, work: &mut Work) -> Option<Match> {
        let compiled = self.compiled.get_or_init(|| compile(rule).map(Box::new)).as_ref().ok()?;
        let Span { mut start, end } = window(rule, text, anchor)?;
        if rule.lookback == 0 {
            work.regexes += 1;
            let input = Input::new(text).span(start..end).anchored(Anchored::Yes);
            return compiled.accept(rule, text, compiled.regex.search(&input)?.range());
        }
        loop {
            work.regexes += 1;
            let found = compiled.regex.search(&Input::new(text).span(start..end))?;
            if found.start() > anchor.start {
                return None;
            }
            if let Some(accepted) = compiled.accept(rule, text, found.range())
                && accepted.whole.contains(&anchor)
            {
                return Some(accepted);
            }
            start = found.start() + 1;
            if start > anchor.start || !budget.spend(end.saturating_sub(start)) {
                return None;
            }
        }
    }
}

/// All that a match of `rule` with this anchor may hold, and what is looked at behind it.
fn window(rule: &Rule, text: &[u8], anchor: Span) -> Option<Span> {
    let longest = usize::try_from(rule.max_len).ok()?.saturating_add(BEHIND);
    let end = anchor.start.saturating_add(longest).min(text.len());
    let start = anchor.start.saturating_sub(usize::try_from(rule.lookback).ok()?);
    (start <= end).then(|| Span::new(start, end))
}

/// A match from all that matched and the secret in it.
fn finish(rule: &Rule, all: Span, secret: Span) -> Option<Match> {
    let whole = match rule.kind {
        // What follows the secret was looked at, but is no part of the match.
        Kind::Token | Kind::Assigned | Kind::Keyed => Span::new(all.start, secret.end),
        Kind::Regex | Kind::Assignment => all,
    };
    (!secret.is_empty()).then_some(Match { whole, secret })
}

impl Gates {
    fn new(rule: &Rule) -> Self {
        // What cannot be read, or asks for more than a match may hold, is the regex's own to tell.
        let Some(hir) = pattern::parse(&rule.expression()).ok().filter(is_sane) else { return Self::default() };
        let first = rule.lookback == 0;
        let own = last_bytes(&hir);
        let behind = Bytes::all_but(|byte| byte.is_ascii_alphanumeric() || JOINTS.contains(&byte) && own.has(byte));
        let shape = match rule.kind {
            Kind::Token if first => Some(Shape::new(&hir, Behind::OneOf(behind))),
            Kind::Regex if first => Some(Shape::new(&hir, Behind::Anything)),
            _ => None,
        };
        let run = match rule.kind {
            Kind::Token => Run::of(&hir),
            // The anchor is in every hit: only the value tells something.
            Kind::Assigned | Kind::Keyed | Kind::Regex => secret_of(&hir).and_then(Run::of),
            Kind::Assignment => None,
        };
        Self { shape, run }
    }
}

/// True when something cheap is asked before the regex of a rule, or nothing dear: more of its form behind the anchor,
/// or a run that its value must hold.
pub(super) fn has_gate(rule: &Rule) -> bool {
    let gates = Gates::new(rule);
    let shortest = rule.anchors.iter().map(|anchor| anchor.text.len()).min().unwrap_or_default();
    let row = gates.shape.as_ref().is_some_and(|shape| shape.least() > shortest);
    rule.kind == Kind::Assignment || gates.run.is_some() || row
}

fn is_sane(hir: &Hir) -> bool {
    hir.properties().minimum_len().is_some_and(|least| least <= Rule::LONGEST as usize)
}

/// What is inside the capture named `secret`.
fn secret_of(hir: &Hir) -> Option<&Hir> {
    match hir.kind() {
        HirKind::Capture(capture) if capture.name.as_deref() == Some("secret") => Some(&capture.sub),
        HirKind::Capture(capture) => secret_of(&capture.sub),
        HirKind::Repetition(repetition) => secret_of(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().find_map(secret_of),
        // Of several secrets none is in every match.
        _ => None,
    }
}

impl Compiled {
    /// Finds the secret inside a match. Neither a token nor a provider's name may start inside a word.
    fn accept(&self, rule: &Rule, text: &[u8], found: Range<usize>) -> Option<Match> {
        let mut captures = self.regex.create_captures();
        let input = Input::new(text).span(found.clone()).anchored(Anchored::Yes);
        self.regex.search_captures(&input, &mut captures);
        let secret = captures.get_group(self.group).map(|group| Span::new(group.start, group.end))?;
        let start = if rule.kind == Kind::Token { secret.start } else { found.start };
        let clean = Start::of(rule.kind).is_none_or(|limit| limit.allows(text, start));
        finish(rule, Span::new(found.start, found.end), secret).filter(|_| clean)
    }
}

/// The rule's regex and what must follow a match of its kind.
fn bounded(rule: &Rule) -> Result<String, String> {
    Ok(match rule.kind {
        Kind::Token => {
            let hir = pattern::parse(&rule.regex).map_err(|error| error.to_string())?;
            format!("(?:{})(?:[^A-Za-z0-9{}]|\\z)", rule.regex, goes_on(&hir))
        }
        // The value of an assignment must be no longer than what the rule's class takes of it.
        Kind::Assigned | Kind::Keyed => {
            format!(r"(?:{})(?:[^A-Za-z0-9_\-+/=%.@:]|[.@:](?:[^A-Za-z0-9]|\z)|\z)", rule.expression())
        }
        Kind::Regex | Kind::Assignment => rule.regex.to_string(),
    })
}

/// A glob that cannot be read matches nothing; rules are checked when they are loaded.
pub(super) fn glob_set<'a>(globs: impl Iterator<Item = &'a str>) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    globs.filter_map(|glob| Glob::new(glob).ok()).for_each(|glob| {
        set.add(glob);
    });
    set.build().unwrap_or_else(|_| GlobSet::empty())
}

fn compile(rule: &Rule) -> Result<Compiled, String> {
    let said = |error: BuildError| match error.size_limit() {
        Some(limit) => format!("the regex needs more than {limit} bytes"),
        None => error.to_string(),
    };
    let regex = Regex::builder()
        .configure(
            Regex::config()
                .utf8_empty(false)
                .auto_prefilter(false)
                .nfa_size_limit(Some(PROGRAM))
                .onepass_size_limit(Some(ONE_PASS))
                .hybrid_cache_capacity(LAZY_CACHE),
        )
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .build(&bounded(rule)?)
        .map_err(said)?;
    let group = regex
        .group_info()
        .to_index(regex_automata::PatternID::ZERO, "secret")
        .ok_or_else(|| "the regex has no capture named `secret`".to_owned())?;
    Ok(Compiled { regex, group })
}

/// What may continue a token beside letters and digits: each where a token's own last byte may be one.
const JOINTS: [u8; 5] = [b'_', b'-', b'+', b'/', b'~'];

/// The joints of a token with this form, escaped for a class.
fn goes_on(hir: &Hir) -> String {
    let last = last_bytes(hir);
    JOINTS.into_iter().filter(|byte| last.has(*byte)).map(|byte| format!("\\x{byte:02x}")).collect()
}

/// The bytes that a match may end with.
fn last_bytes(hir: &Hir) -> Bytes {
    let mut last = Bytes::default();
    ends(hir, &mut last);
    last
}

/// Collects the bytes a match may end with; true when the match may also be empty here.
fn ends(hir: &Hir, last: &mut Bytes) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => literal.0.last().is_none_or(|byte| {
            *last = last.or(Bytes::one(*byte));
            false
        }),
        HirKind::Class(Class::Bytes(class)) => {
            *last = last.or(Bytes::of(class));
            false
        }
        HirKind::Class(Class::Unicode(_)) => false,
        HirKind::Repetition(repetition) => ends(&repetition.sub, last) || repetition.min == 0,
        HirKind::Capture(capture) => ends(&capture.sub, last),
        HirKind::Concat(parts) => parts.iter().rev().all(|part| ends(part, last)),
        HirKind::Alternation(parts) => {
            let mut empty = false;
            for part in parts {
                empty |= ends(part, last);
            }
            empty
        }
    }
}

/// True when no word runs into the token from the left. The end of an escape (`\n`, `\u003d`, `%3D`, a terminal
/// colour) is not part of a word.
fn starts_clean(text: &[u8], start: usize) -> bool {
    let before = text.get(start.saturating_sub(8)..start).unwrap_or_default();
    match before {
        [] => true,
        [.., last] if !last.is_ascii_alphanumeric() && *last != b'_' => true,
        [.., b'\\', b'n' | b't' | b'r' | b'b' | b'f' | b'v' | b'0'] => true,
        [.., b'%' | b'=', a, b] | [.., b'\\', b'x', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
            // `=3D` is quoted-printable, but `=ab` before a token is a word.
            !matches!(before, [.., b'=', _, _]) || (*a, *b) == (b'3', b'D')
        }
        [.., b'\\', b'u' | b'U', a, b, c, d] => [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()),
        [.., b'm'] => {
            let digits = before.iter().rev().skip(1).take_while(|b| b.is_ascii_digit() || **b == b';').count();
            let opener = before.len().checked_sub(digits + 2).and_then(|at| before.get(at));
            let escape = before.len().checked_sub(digits + 3).and_then(|at| before.get(at));
            opener == Some(&b'[') && matches!(escape, Some(0x1b | b'b' | b'e' | b'3'))
        }
        _ => false,
    }
}

/// True when a part of a name starts here: `my_acme`, `myAcme`, `v2acme`, Java's `-Dacme`; not `lacmeter`.
fn starts_part(text: &[u8], start: usize) -> bool {
    let before = start.checked_sub(1).and_then(|at| text.get(at)).copied().unwrap_or_default();
    let here = text.get(start).copied().unwrap_or_default();
    before == b'_'
        || before.is_ascii_digit()
        || before.is_ascii_lowercase() && here.is_ascii_uppercase()
        || text.get(..start).is_some_and(|before| before.ends_with(b"-D"))
}
