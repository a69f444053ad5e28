//! A rule as people write it, in `rules/secrets/*.toml` and in `keyward.toml`: checked, then made a [`Rule`].

use std::ops::Range;

use regex_syntax::hir::{Class, HirKind};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::family::Family;
use super::pattern::{Seed, expand, parse};
use super::{Anchor, Checksum, Follow, Kind, Meta, Requires, Rule};
use crate::model::{Confidence, RuleMeta, Severity};

/// A file of rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    /// The rules, in order.
    #[serde(default)]
    pub rule: Vec<Spanned<Written>>,
    /// Rules that share most of what they say.
    #[serde(default)]
    pub family: Vec<Family>,
}

/// One `[[rule]]` table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Stable id in kebab case.
    pub id: Spanned<String>,
    /// What the secret is called.
    pub name: String,
    /// Who issues it.
    #[serde(default)]
    pub provider: String,
    /// low, medium, high or critical.
    pub severity: Severity,
    /// low, medium or high.
    pub confidence: Confidence,
    /// What somebody can do with it.
    pub why: String,
    /// What to do now.
    pub fix: String,
    /// The provider's page on revoking or rotating.
    #[serde(default)]
    pub link: String,
    /// Guesses from names and shapes; gives way to specific rules.
    #[serde(default)]
    pub generic: bool,
    /// A whole regex with a capture named `secret`. One of `regex`, `token`, `assigned`, `keyed`, `grammar`.
    pub regex: Option<Spanned<String>>,
    /// The secret's own form; bytes that would continue it may not stand around it.
    pub token: Option<Spanned<String>>,
    /// The form of a value given to a name that holds one of the anchors.
    pub assigned: Option<Spanned<String>>,
    /// The form of a key's value: the key is named after a provider (the anchors), or right behind its name.
    pub keyed: Option<Spanned<String>>,
    /// The name of a grammar in code: `assignment`.
    pub grammar: Option<Spanned<String>>,
    /// Literals one of which is in every match.
    pub anchors: Vec<WrittenAnchor>,
    /// Compare letters without case, in the regex and the anchors. Always on for anchors of `assigned`.
    #[serde(default)]
    pub ignore_case: bool,
    /// How many bytes before an anchor a match may start; 0 when it starts there.
    #[serde(default)]
    pub lookback: u32,
    /// Least Shannon entropy of the secret in bits a byte.
    #[serde(default)]
    pub entropy: f32,
    /// How to verify it offline.
    pub checksum: Option<Checksum>,
    /// Globs on the path, such as `**/.npmrc`.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Parts that must lie near.
    #[serde(default)]
    pub requires: Vec<WrittenRequires>,
    /// Only a part of other rules.
    #[serde(default)]
    pub part: bool,
    /// Names that are given nothing but this; `_`, `-`, `.` and case count for nothing.
    #[serde(default)]
    pub claims: Vec<String>,
    /// Patterns that prove it.
    pub examples: Option<Examples>,
}

/// `"literal"`, or `{ text = "SG.", then = "[A-Za-z0-9_-]{22}" }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum WrittenAnchor {
    /// A literal of four bytes or more.
    Literal(String),
    /// A literal and the run that follows it.
    Followed {
        /// The literal.
        text: String,
        /// One class with a count, such as `[a-z0-9]{8}`.
        then: String,
    },
}

/// `{ rule = "aws-access-key-id", within_lines = 5 }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenRequires {
    /// The part's rule id.
    pub rule: String,
    /// How many lines away at most.
    pub within_lines: u32,
    /// Shown with the finding where it is there, and missed nowhere: the other half's name, not the other half.
    #[serde(default)]
    pub optional: bool,
}

/// Patterns (regexes read backwards) of texts that must and must not be found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Examples {
    /// The rule must find a secret in each.
    #[serde(rename = "match")]
    pub matching: Vec<String>,
    /// The rule must find nothing in any.
    #[serde(rename = "no_match")]
    pub clean: Vec<String>,
    /// The path the texts are looked at under, for rules with path conditions.
    pub path: String,
}

/// What is wrong with a written rule, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: rule '{rule}': {message}")]
pub struct RuleError {
    /// The file it stands in.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The rule's id.
    pub rule: String,
    /// What is wrong; may span lines when it holds a regex and a caret.
    pub message: String,
}

/// A rule together with its examples.
pub type Proved = (Rule, Examples);

/// Reads a file of rules. `file` names it in errors.
pub fn read_file(file: &str, text: &str) -> Result<Vec<Proved>, Vec<RuleError>> {
    let parsed: RuleFile = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        vec![RuleError {
            file: file.into(),
            line: line_of(text, at),
            rule: "?".into(),
            message: error.message().into(),
        }]
    })?;
    let rules = parsed.rule.into_iter().map(Spanned::into_inner);
    let rules = rules.chain(parsed.family.into_iter().flat_map(Family::rules));
    let (rules, errors): (Vec<_>, Vec<_>) = rules.map(|rule| check(rule, file, text)).partition(Result::is_ok);
    if errors.is_empty() {
        Ok(rules.into_iter().filter_map(Result::ok).collect())
    } else {
        Err(errors.into_iter().filter_map(Result::err).collect())
    }
}

/// Checks one written rule and compiles it to a [`Rule`]. `text` is the file it stands in, for line numbers.
pub fn check(written: Written, file: &str, text: &str) -> Result<Proved, RuleError> {
    let id = written.id.get_ref().clone();
    let fail = |at: Range<usize>, message: String| RuleError {
        file: file.into(),
        line: line_of(text, at.start),
        rule: id.clone(),
        message,
    };
    let here = written.id.span();
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(fail(here, "an id is lower-case letters, digits and hyphens".into()));
    }
    if written.why.trim().is_empty() || written.fix.trim().is_empty() {
        return Err(fail(here, "`why` and `fix` must say something".into()));
    }
    let (kind, regex, at) = form(&written).map_err(|message| fail(here.clone(), message))?;
    let fold = written.ignore_case || matches!(kind, Kind::Assigned | Kind::Keyed | Kind::Assignment);
    let anchors = written
        .anchors
        .iter()
        .map(|anchor| make_anchor(anchor, fold))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|message| fail(here.clone(), message))?;
    if anchors.is_empty() {
        return Err(fail(here, "a rule needs an anchor: a literal that every match holds".into()));
    }
    for path in &written.paths {
        globset::Glob::new(path).map_err(|error| fail(here.clone(), format!("path glob: {error}")))?;
    }
    let examples = written.examples.clone().unwrap_or_default();
    if examples.matching.is_empty() || examples.clean.is_empty() {
        let message = "a rule without examples does not load: give `examples.match` and `examples.no_match`";
        return Err(fail(here, message.into()));
    }
    for pattern in examples.matching.iter().chain(&examples.clean) {
        expand(pattern, &mut Seed::new(0)).map_err(|error| fail(here.clone(), format!("invalid example\n{error}")))?;
    }
    let mut rule = Rule {
        meta: Meta::from(RuleMeta {
            id: id.clone(),
            name: written.name,
            provider: written.provider,
            severity: written.severity,
            why: written.why,
            fix: written.fix,
            link: written.link,
            generic: written.generic,
        }),
        confidence: written.confidence,
        kind,
        regex: regex.into(),
        anchors,
        lookback: written.lookback,
        max_len: Rule::LONGEST,
        entropy: written.entropy,
        checksum: written.checksum,
        paths: written.paths,
        requires: written
            .requires
            .into_iter()
            .map(|part| Requires { rule: part.rule, within_lines: part.within_lines, optional: part.optional })
            .collect(),
        part: written.part,
        claims: written.claims.iter().map(|name| plain_name(name)).collect(),
        number: None,
    };
    if kind != Kind::Assignment {
        rule.max_len = longest(&rule).map_err(|message| fail(at, message))?;
    }
    Ok((rule, examples))
}

/// Checks what only the whole set can tell: unique ids, parts that exist.
pub fn check_set<'a>(rules: impl Iterator<Item = &'a Rule> + Clone) -> Result<(), String> {
    let mut ids = std::collections::HashSet::new();
    for rule in rules.clone() {
        if !ids.insert(rule.id()) {
            return Err(format!("rule '{}' is there twice", rule.id()));
        }
    }
    for rule in rules {
        if let Some(part) = rule.requires.iter().find(|part| !ids.contains(part.rule.as_str())) {
            return Err(format!("rule '{}' requires '{}', which is not there", rule.id(), part.rule));
        }
    }
    Ok(())
}

/// The form a rule has, what was written of it, and where.
fn form(written: &Written) -> Result<(Kind, String, Range<usize>), String> {
    let forms = [
        (Kind::Regex, &written.regex),
        (Kind::Token, &written.token),
        (Kind::Assigned, &written.assigned),
        (Kind::Keyed, &written.keyed),
        (Kind::Assignment, &written.grammar),
    ];
    let mut given = forms.into_iter().filter_map(|(kind, form)| Some((kind, form.as_ref()?)));
    let (Some((kind, text)), None) = (given.next(), given.next()) else {
        return Err("give exactly one of `regex`, `token`, `assigned`, `keyed`, `grammar`".into());
    };
    let case = if written.ignore_case { "(?i)" } else { "" };
    let regex = match (kind, text.get_ref()) {
        (Kind::Regex, regex) => format!("{case}{regex}"),
        (Kind::Token, token) => format!("{case}(?P<secret>{token})"),
        (Kind::Assigned | Kind::Keyed, value) => format!("{case}{value}"),
        (Kind::Assignment, grammar) if grammar == "assignment" => String::new(),
        (Kind::Assignment, grammar) => return Err(format!("unknown grammar '{grammar}': there is `assignment`")),
    };
    Ok((kind, regex, text.span()))
}

/// The length of the longest match, in bytes; an error shows what is wrong with the regex.
fn longest(rule: &Rule) -> Result<u32, String> {
    // What was written is read by itself first, so that an error shows only that.
    parse(&rule.regex).map_err(|error| format!("invalid regex\n{error}"))?;
    let hir = parse(&rule.expression()).map_err(|error| format!("invalid regex\n{error}"))?;
    if !hir_has_secret(&hir) {
        return Err("the regex has no capture named `secret`".into());
    }
    let longest = hir.properties().maximum_len().unwrap_or(usize::MAX);
    Ok(u32::try_from(longest).unwrap_or(u32::MAX).min(Rule::LONGEST))
}

impl WrittenAnchor {
    fn text(&self) -> &str {
        match self {
            WrittenAnchor::Literal(text) | WrittenAnchor::Followed { text, .. } => text,
        }
    }
}

fn make_anchor(written: &WrittenAnchor, fold: bool) -> Result<Anchor, String> {
    let text = written.text();
    if text.is_empty() || !text.is_ascii() {
        return Err(format!("anchor '{text}' must be ASCII and not empty"));
    }
    let then = match written {
        WrittenAnchor::Literal(text) if text.len() < 4 => {
            return Err(format!("anchor '{text}' is shorter than four bytes: say what follows, {{ text, then }}"));
        }
        WrittenAnchor::Literal(_) => None,
        WrittenAnchor::Followed { then, .. } => Some(follow(then, fold)?),
    };
    let text = if fold { text.to_ascii_lowercase() } else { text.to_owned() };
    Ok(Anchor { text: text.into(), ignore_case: fold, then })
}

/// More bytes than this are not asked for behind an anchor: the matcher asks for them, and all that may belong to an anchor
/// is looked at again before every change of a history.
const MOST_FOLLOWING: u8 = 24;

/// Reads `[class]{n}` or `[class]`.
fn follow(pattern: &str, fold: bool) -> Result<Follow, String> {
    let wrong = || format!("`then = \"{pattern}\"` must be one class with a count, such as `[a-z0-9]{{8}}`");
    let case = if fold { "(?i)" } else { "" };
    let hir = parse(&format!("{case}{pattern}")).map_err(|_| wrong())?;
    let (class, least) = match hir.kind() {
        HirKind::Class(class) => (class, 1),
        HirKind::Repetition(repetition) => match repetition.sub.kind() {
            HirKind::Class(class) => (class, repetition.min),
            _ => return Err(wrong()),
        },
        _ => return Err(wrong()),
    };
    let Class::Bytes(bytes) = class else { return Err(wrong()) };
    let least = u8::try_from(least).ok().filter(|n| *n > 0).ok_or_else(wrong)?.min(MOST_FOLLOWING);
    Ok(Follow { class: bytes.ranges().iter().map(|r| (r.start(), r.end())).collect(), least })
}

fn hir_has_secret(hir: &regex_syntax::hir::Hir) -> bool {
    match hir.kind() {
        HirKind::Capture(capture) => capture.name.as_deref() == Some("secret") || hir_has_secret(&capture.sub),
        HirKind::Repetition(repetition) => hir_has_secret(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(hir_has_secret),
        _ => false,
    }
}

/// A name without joints, in small letters: one for all ways of writing it.
fn plain_name(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The line of a byte offset, from 1.
fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[rule]]
id = "acme-token"
name = "Acme token"
provider = "Acme"
severity = "high"
confidence = "high"
why = "It opens the warehouse."
fix = "Revoke it."
token = 'acme_[a-z0-9]{20}'
anchors = ["acme_"]
examples.match = ['key = "acme_[a-z0-9]{20}"']
examples.no_match = ['acme_[a-z]{4}']
"#;

    #[test]
    fn a_rule_is_read_with_its_bounds() {
        let (rule, examples) = read_file("acme.toml", GOOD).unwrap().pop().unwrap();
        assert_eq!((rule.id(), rule.kind, rule.max_len), ("acme-token", Kind::Token, 25));
        assert_eq!(examples.matching.len(), 1);
    }

    #[test]
    fn a_rule_without_examples_does_not_load() {
        let text = GOOD.lines().filter(|line| !line.starts_with("examples.no")).collect::<Vec<_>>().join("\n");
        let errors = read_file("acme.toml", &(text + "\nexamples.no_match = []")).unwrap_err();
        assert!(errors[0].message.contains("without examples"), "{errors:?}");
    }

    #[test]
    fn a_wrong_regex_is_shown_with_rule_line_and_caret() {
        let text = GOOD.replace("[a-z0-9]{20}'\nanchors", "[a-z0-9{20}'\nanchors");
        let error = read_file("acme.toml", &text).unwrap_err().remove(0);
        assert_eq!((error.line, error.rule.as_str()), (10, "acme-token"));
        assert!(error.message.contains('^'), "{}", error.message);
    }

    #[test]
    fn a_short_anchor_must_say_what_follows() {
        let short = GOOD.replace("anchors = [\"acme_\"]", "anchors = [\"ac\"]");
        assert!(read_file("a", &short).unwrap_err()[0].message.contains("shorter than four"));
        let followed = GOOD.replace("[\"acme_\"]", "[{ text = \"ac\", then = \"[a-z]{3}\" }]");
        let (rule, _) = read_file("a", &followed).unwrap().pop().unwrap();
        let then = rule.anchors[0].then.clone().unwrap();
        assert!(!then.holds(b"me_x") && then.holds(b"mexx"));
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_line() {
        let error = read_file("a", &GOOD.replace("severity", "severty")).unwrap_err().remove(0);
        assert!(error.message.contains("severty") && error.line == 6, "{error:?}");
    }
}
