//! From an anchor to a match: a rule's regex, run in the hit's own window. Judges nothing beyond the match's bounds.

use std::ops::Range;
use std::sync::OnceLock;

use globset::{Glob, GlobSet, GlobSetBuilder};
use regex_automata::meta::{BuildError, Regex};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::work::Work;
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

/// A rule's regex and path globs, compiled when first needed.
#[derive(Default)]
pub(super) struct Matcher {
    compiled: OnceLock<Result<Compiled, String>>,
    paths: OnceLock<GlobSet>,
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

impl Matcher {
    /// Why the regex cannot be used, once it was tried.
    pub(super) fn error(&self) -> Option<&str> {
        self.compiled.get()?.as_ref().err().map(String::as_str)
    }

    /// The same as [`Rule::applies_to`], without reading the globs again for every hit.
    pub(super) fn applies_to(&self, rule: &Rule, path: Option<&BytePath>) -> bool {
        rule.paths.is_empty()
            || path.is_some_and(|path| {
                self.paths.get_or_init(|| glob_set(rule.paths.iter().map(String::as_str))).is_match(path.to_os())
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
        work.passed += 1;
        let compiled = self.compiled.get_or_init(|| compile(rule)).as_ref().ok()?;
        let longest = usize::try_from(rule.max_len).ok()?.saturating_add(BEHIND);
        let end = anchor.start.saturating_add(longest).min(text.len());
        let back = usize::try_from(rule.lookback).ok()?;
        if back == 0 {
            let input = Input::new(text).span(anchor.start..end).anchored(Anchored::Yes);
            if !budget.spend(end - anchor.start) {
                return None;
            }
            work.regexes += 1;
            return compiled.accept(rule, text, compiled.regex.search(&input)?.range());
        }
        let mut start = anchor.start.saturating_sub(back);
        while start <= anchor.start {
            if !budget.spend(end.saturating_sub(start)) {
                return None;
            }
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
        }
        None
    }
}

impl Compiled {
    /// Finds the secret inside a match. Neither a token nor a provider's name may start inside a word.
    fn accept(&self, rule: &Rule, text: &[u8], found: Range<usize>) -> Option<Match> {
        let mut captures = self.regex.create_captures();
        let input = Input::new(text).span(found.clone()).anchored(Anchored::Yes);
        self.regex.search_captures(&input, &mut captures);
        let secret = captures.get_group(self.group).map(|group| Span::new(group.start, group.end))?;
        let whole = match rule.kind {
            // What follows the secret was looked at, but is no part of the match.
            Kind::Token | Kind::Assigned | Kind::Keyed => Span::new(found.start, secret.end),
            Kind::Regex | Kind::Assignment => Span::new(found.start, found.end),
        };
        let clean = match rule.kind {
            Kind::Token => starts_clean(text, secret.start),
            Kind::Keyed => starts_clean(text, found.start) || starts_part(text, found.start),
            Kind::Regex | Kind::Assigned | Kind::Assignment => true,
        };
        (clean && !secret.is_empty()).then_some(Match { whole, secret })
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
                .onepass_size_limit(Some(PROGRAM))
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

/// What would continue a token beside letters and digits: `_`, `-`, `+` and `/` where its own last byte may be one.
/// Escaped for a class.
fn goes_on(hir: &Hir) -> String {
    let mut last = [false; 256];
    ends(hir, &mut last);
    let own = |byte: u8| last.get(usize::from(byte)).copied().unwrap_or_default();
    [b'_', b'-', b'+', b'/'].into_iter().filter(|byte| own(*byte)).map(|byte| format!("\\x{byte:02x}")).collect()
}

/// Collects the bytes a match may end with; true when the match may also be empty here.
fn ends(hir: &Hir, last: &mut [bool; 256]) -> bool {
    let mut mark = |byte: u8| {
        if let Some(slot) = last.get_mut(usize::from(byte)) {
            *slot = true;
        }
    };
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => literal.0.last().is_none_or(|byte| {
            mark(*byte);
            false
        }),
        HirKind::Class(Class::Bytes(class)) => {
            class.ranges().iter().for_each(|range| (range.start()..=range.end()).for_each(&mut mark));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_token_may_end_with_decides_what_continues_it() {
        let of = |text: &str| goes_on(&pattern::parse(text).unwrap());
        assert_eq!(of("abc_[a-z]{4}"), "");
        assert_eq!(of("(?:abc|de[A-Za-z0-9_-]{3}x*)"), r"\x5f\x2d");
        assert_eq!(of("[A-Za-z0-9+/]{4}={0,2}"), r"\x2b\x2f");
    }

    #[test]
    fn an_escape_before_a_token_is_no_word() {
        for clean in ["", "x ", "\"", "\\n", "\\t", "%3D", "%3d", "\\u003d", "\\x3d", "=3D", "\u{1b}[31m", "\\x1b[0;1m"]
        {
            assert!(starts_clean(clean.as_bytes(), clean.len()), "{clean:?}");
        }
        for word in ["n", "xn", "_", "3D", "=ab", "[31m", "a%3", "\\q"] {
            assert!(!starts_clean(word.as_bytes(), word.len()), "{word:?}");
        }
    }

    #[test]
    fn a_part_of_a_name_is_no_part_of_a_word() {
        for text in ["my_acme", "myAcme", "v2acme", "-Dacme"] {
            assert!(starts_part(text.as_bytes(), text.len() - 4), "{text}");
        }
        assert!(!starts_part(b"lacme", 1) && !starts_part(b"LACME", 1));
    }

    #[test]
    fn a_budget_ends() {
        let mut budget = Budget { all: 2, left: 2, refused: false };
        assert!(budget.spend(0) && budget.spend(255) && !budget.spend(0) && budget.is_spent());
    }
}
