//! Rules that differ only in who issues the key and how it looks: `[[family]]` says once what they share, a line says
//! the rest. Makes [`Written`] rules of it; checks nothing.

use std::collections::BTreeSet;

use regex_syntax::hir::{Class, Hir, HirKind};
use serde::Deserialize;
use toml::Spanned;

use super::pattern::parse;
use super::written::{Examples, Written, WrittenAnchor};
use crate::model::{Confidence, Severity};

/// One `[[family]]` table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    severity: Severity,
    confidence: Confidence,
    /// `{provider}` stands for each rule's own.
    why: String,
    fix: String,
    /// `{value}`, `{name}`, `{NAME}` and `{Name}` stand for each rule's own form and first name.
    examples: Examples,
    keys: Vec<Spanned<Key>>,
}

/// One line of a family.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    provider: String,
    /// What the secret is called; the id is the provider and this.
    #[serde(default = "api_key")]
    what: String,
    /// Names that keys of this provider begin with: the form is `keyed`. Without them it is `token`.
    #[serde(default)]
    names: Vec<String>,
    /// The token's anchors; without them the literal it begins with.
    #[serde(default)]
    anchors: Vec<WrittenAnchor>,
    /// Names that are given nothing but this.
    #[serde(default)]
    claims: Vec<String>,
    /// The form.
    value: Spanned<String>,
    link: String,
    entropy: Option<f32>,
    severity: Option<Severity>,
    why: Option<String>,
    #[serde(default)]
    examples: Examples,
}

fn api_key() -> String {
    "API key".to_owned()
}

impl Family {
    /// The rules, each where its line stands.
    pub(super) fn rules(self) -> impl Iterator<Item = Written> {
        let Family { severity, confidence, why, fix, examples, keys } = self;
        keys.into_iter().map(move |key| {
            let span = key.span();
            let key = key.into_inner();
            let said = |text: &str| text.replace("{provider}", &key.provider);
            let name = key.names.first().cloned().unwrap_or_else(|| slug(&key.provider, '_'));
            let filled = |patterns: &[String], own: &[String]| -> Vec<String> {
                let all = patterns.iter().chain(own);
                all.map(|pattern| fill(pattern, &name, key.value.get_ref())).collect()
            };
            let examples = Examples {
                matching: filled(&examples.matching, &key.examples.matching),
                clean: filled(&examples.clean, &key.examples.clean),
                path: String::new(),
            };
            let (keyed, token, anchors) = if key.names.is_empty() {
                let anchors = if key.anchors.is_empty() { vec![beginning(key.value.get_ref())] } else { key.anchors };
                (None, Some(key.value.clone()), anchors)
            } else {
                let anchors = key.names.iter().cloned().map(WrittenAnchor::Literal).collect();
                (Some(key.value.clone()), None, anchors)
            };
            Written {
                id: Spanned::new(span, format!("{}-{}", slug(&key.provider, '-'), slug(&key.what, '-'))),
                name: format!("{} {}", key.provider, key.what),
                severity: key.severity.unwrap_or(severity),
                confidence,
                why: said(key.why.as_deref().unwrap_or(&why)),
                fix: said(&fix),
                provider: key.provider,
                link: key.link,
                generic: false,
                regex: None,
                token,
                assigned: None,
                keyed,
                grammar: None,
                anchors,
                ignore_case: false,
                lookback: 0,
                entropy: key.entropy.unwrap_or_else(|| entropy(key.value.get_ref())),
                checksum: None,
                paths: Vec::new(),
                requires: Vec::new(),
                part: false,
                claims: key.claims,
                examples: Some(examples),
            }
        })
    }
}

/// Lower case, every other run of signs one `joint`: `Acme (EU)` is `acme-eu`.
fn slug(text: &str, joint: char) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&joint.to_string()).to_ascii_lowercase()
}

/// An example's pattern with the rule's own parts; `{Name}` is how a type would be called.
fn fill(pattern: &str, name: &str, value: &str) -> String {
    let plain = slug(name, '_');
    let title: String = plain
        .split('_')
        .map(|word| word.get(..1).unwrap_or_default().to_ascii_uppercase() + word.get(1..).unwrap_or_default())
        .collect();
    pattern
        .replace("{value}", &format!("(?:{value})"))
        .replace("{name}", &plain)
        .replace("{NAME}", &plain.to_ascii_uppercase())
        .replace("{Name}", &title)
}

/// The literal that every match of `value` begins with.
fn beginning(value: &str) -> WrittenAnchor {
    fn literal(hir: &Hir) -> String {
        match hir.kind() {
            HirKind::Literal(literal) => String::from_utf8_lossy(&literal.0).into_owned(),
            HirKind::Concat(parts) => parts.first().map(literal).unwrap_or_default(),
            HirKind::Capture(capture) => literal(&capture.sub),
            _ => String::new(),
        }
    }
    WrittenAnchor::Literal(parse(value).map(|hir| literal(&hir)).unwrap_or_default())
}

/// How much of the most entropy that a text of its length and alphabet can have is asked of a value: random ones have
/// more, all but a few in a million. Short ones repeat themselves more.
const SHARE: f32 = 0.72;
const SHARE_OF_SHORT: f32 = 0.58;
const SHORT: usize = 24;

/// The least entropy of values of this form, in bits a byte; of several forms the least.
fn entropy(value: &str) -> f32 {
    // A form that is no regex is refused where rules are checked.
    parse(value).map_or(0.0, |hir| least(&hir))
}

fn least(hir: &Hir) -> f32 {
    match hir.kind() {
        HirKind::Alternation(parts) => parts.iter().map(least).fold(f32::MAX, f32::min),
        HirKind::Capture(capture) => least(&capture.sub),
        _ => {
            let mut seen = BTreeSet::new();
            alphabet(hir, &mut seen);
            let length = hir.properties().minimum_len().unwrap_or(0);
            let share = if length < SHORT { SHARE_OF_SHORT } else { SHARE };
            // Tenths, so that every machine gives the same.
            ((seen.len().min(length).max(1) as f32).log2() * share * 10.0).floor() / 10.0
        }
    }
}

fn alphabet(hir: &Hir, seen: &mut BTreeSet<u8>) {
    match hir.kind() {
        HirKind::Literal(literal) => seen.extend(literal.0.iter().copied()),
        HirKind::Class(Class::Bytes(class)) => {
            class.ranges().iter().for_each(|range| seen.extend(range.start()..=range.end()));
        }
        HirKind::Repetition(repetition) => alphabet(&repetition.sub, seen),
        HirKind::Capture(capture) => alphabet(&capture.sub, seen),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().for_each(|part| alphabet(part, seen)),
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(Class::Unicode(_)) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::rule::written::read_file;
    use crate::rule::{Kind, Rule};

    const FAMILY: &str = r#"
[[family]]
severity = "medium"
confidence = "medium"
why = "Counts on the account of {provider}."
fix = "Revoke it in the {provider} account."
examples.match = ['{NAME}_API_KEY={value}', 'new {Name}Client("{value}")']
examples.no_match = ['{name}_sha1 = {value}']
keys = [
  { provider = "Acme (EU)", names = ["acme_eu", "acmeeu"], value = '[a-f0-9]{32}', link = "https://acme.example" },
  { provider = "Zz", what = "live token", value = 'zzp_[A-Za-z0-9]{36}', link = "", examples.match = ['a: {value}'] },
]
"#;

    fn rules() -> Vec<(Rule, crate::rule::written::Examples)> {
        read_file("family.toml", FAMILY).unwrap()
    }

    #[test]
    fn a_line_makes_a_rule_that_says_all_a_rule_says() {
        let rules = rules();
        let (acme, examples) = &rules[0];
        assert_eq!((acme.id(), acme.kind, &*acme.regex), ("acme-eu-api-key", Kind::Keyed, "[a-f0-9]{32}"));
        assert_eq!(acme.meta.why, "Counts on the account of Acme (EU).");
        assert_eq!(examples.matching, ["ACME_EU_API_KEY=(?:[a-f0-9]{32})", "new AcmeEuClient(\"(?:[a-f0-9]{32})\")"]);
        assert!((acme.entropy - 2.8).abs() < 0.001, "{}", acme.entropy);
        let (zz, examples) = &rules[1];
        assert_eq!((zz.id(), zz.kind, &*zz.anchors[0].text), ("zz-live-token", Kind::Token, "zzp_"));
        assert_eq!(examples.matching.len(), 3, "its own examples are added to the family's");
    }

    #[test]
    fn an_error_is_shown_at_the_rules_own_line() {
        let error = read_file("family.toml", &FAMILY.replace("'[a-f0-9]{32}'", "'[a-f0-9{32}'")).unwrap_err().remove(0);
        assert_eq!((error.rule.as_str(), error.line), ("acme-eu-api-key", 10));
    }
}
