//! Which rules are asked, and what is told about each: from its name, and from OPA's annotations where there are any.

use std::collections::BTreeMap;
use std::sync::Arc;

use regorus::unstable::Module;

use super::judge::Verdict;
use super::{PolicyError, check, walk};
use crate::model::{RuleMeta, Severity};
use crate::parse::{Kind, Node};

/// A rule that can refuse a document.
#[derive(Clone, Debug)]
pub struct Query {
    /// Its package, as in `a.b`.
    pub package: String,
    /// Its name, such as `deny_root`.
    pub rule: String,
    /// What its results mean.
    pub verdict: Verdict,
    /// What is told about it.
    pub meta: Arc<RuleMeta>,
    /// Formats it looks at; none: all.
    pub kinds: Vec<String>,
    /// Keys of which a document must have one for the rule to say anything; none: it may speak of any.
    pub needs: Vec<String>,
    /// Keys of which a document may have none.
    pub unless: Vec<String>,
    /// True where all rules of its package can be asked at once, which shares what they have in common.
    pub(super) bundled: bool,
    /// The policy file that has it first.
    pub file: String,
    /// What it must find and must not, as its annotation has them: `custom.examples.bad` and `good`.
    pub examples: Option<(String, String)>,
}

/// What a rule is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A document of a file of this format.
    File(Kind),
    /// A document written inside another one, such as an IAM policy in a Terraform file.
    Embedded,
    /// What [`super::together`] keeps of all files, as conftest's `--combine` gives it.
    Together,
    /// All files, as conftest's `--combine` gives them.
    Combined,
}

impl Query {
    /// True when it is asked about such a document.
    pub fn hears(&self, input: Input) -> bool {
        let named = |word: &str| self.kinds.iter().any(|name| name == word);
        match input {
            Input::File(kind) => self.looks_at(kind),
            Input::Embedded => named("embedded"),
            Input::Together => named("together"),
            Input::Combined => !named("together"),
        }
    }

    /// False for a document that it surely says nothing of, by the keys its package's annotation names.
    pub fn speaks_of(&self, document: &Node) -> bool {
        let has = |name: &String| document.get(name).is_some();
        (self.needs.is_empty() || self.needs.iter().any(has)) && !self.unless.iter().any(has)
    }

    /// True when it looks at files of this format.
    pub fn looks_at(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|name| name == kind.name())
    }

    /// What an `exception` names it by: its name behind `deny_`, `violation_` or `warn_`; empty where nothing follows.
    pub(super) fn suffix(&self) -> &str {
        self.rule.split_once('_').map_or("", |(_, suffix)| suffix)
    }

    pub(super) fn path(&self) -> String {
        format!("data.{}.{}", self.package, self.rule)
    }

    pub(super) fn exception(&self) -> String {
        format!("data.{}.exception", self.package)
    }
}

type Notes = BTreeMap<String, Vec<(u32, Node)>>;

/// Rules to ask and tests to run, each once, sorted.
pub(super) fn queries(
    modules: &[(String, &Module)],
    notes: &Notes,
    namespaces: &[String],
) -> Result<(Vec<Query>, Vec<String>), Vec<PolicyError>> {
    let mut queries: BTreeMap<(String, String), Query> = BTreeMap::new();
    let mut tests = Vec::new();
    let mut errors = Vec::new();
    for (file, module) in modules {
        let full = check::package(module);
        let package = full.strip_prefix("data.").unwrap_or(&full).to_owned();
        if !namespaces.is_empty() && !namespaces.contains(&package) {
            continue;
        }
        let note = |line: u32| notes.get(file).into_iter().flatten().find(|(at, _)| *at == line).map(|(_, note)| note);
        let general = note(module.package.span.line);
        for rule in &module.policy {
            let name = walk::constant(walk::rule_name(rule));
            let [name] = name.as_slice() else { continue };
            if name.starts_with("test_") {
                tests.push(format!("{full}.{name}"));
            }
            let Some(verdict) = Verdict::of_rule(name) else { continue };
            let line = walk::span(walk::rule_name(rule)).line;
            let own = note(line);
            let made = || {
                let meta = meta(&package, name, verdict, general, own);
                let words = |name: &str| -> Vec<String> {
                    let list = general.and_then(|note| note.get("custom")?.get(name));
                    let items = list.map(Node::items).unwrap_or_default();
                    items.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
                };
                Query {
                    package: package.clone(),
                    rule: name.clone(),
                    verdict,
                    meta: Arc::new(RuleMeta { id: String::new(), ..meta }),
                    kinds: words("kinds"),
                    needs: words("needs"),
                    unless: words("unless"),
                    bundled: false,
                    file: file.clone(),
                    examples: own.and_then(examples),
                }
            };
            let key = (package.clone(), name.clone());
            if own.is_some() || !queries.contains_key(&key) {
                let query = made();
                let id = custom(own, "id").map_or_else(|| id(&package, name), str::to_owned);
                if !is_id(&id) {
                    let message = format!("the id {id:?} must be of lower-case letters, digits and hyphens");
                    errors.push(PolicyError { file: file.clone(), line: line as usize, message });
                }
                let meta = Arc::new(RuleMeta { id, ..(*query.meta).clone() });
                queries.insert(key, Query { meta, ..query });
            }
        }
    }
    tests.sort();
    tests.dedup();
    if errors.is_empty() { Ok((queries.into_values().collect(), tests)) } else { Err(errors) }
}

fn examples(note: &Node) -> Option<(String, String)> {
    let examples = note.get("custom")?.get("examples")?;
    Some((examples.get("bad")?.as_str()?.to_owned(), examples.get("good")?.as_str()?.to_owned()))
}

/// `microapp-security-deny`: what comments and allowlists name a rule by.
fn id(package: &str, rule: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let id: String = format!("{package}-{rule}").chars().map(word).collect();
    id.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn custom<'n>(note: Option<&'n Node>, name: &str) -> Option<&'n str> {
    note?.get("custom")?.get(name)?.as_str()
}

fn meta(package: &str, rule: &str, verdict: Verdict, general: Option<&Node>, own: Option<&Node>) -> RuleMeta {
    let text = |name: &str| own.and_then(|note| note.get(name)?.as_str()).map(|text| text.trim().replace('\n', " "));
    let severity = custom(own, "severity").or_else(|| custom(general, "severity")).and_then(|word| word.parse().ok());
    let usual = if verdict == Verdict::Warn { Severity::Low } else { Severity::High };
    let link = own.and_then(|note| note.get("related_resources")?.items().first());
    let link = link.and_then(|node| node.as_str().or_else(|| node.get("ref")?.as_str()));
    RuleMeta {
        id: String::new(),
        name: text("title").unwrap_or_else(|| format!("Policy {package}.{rule}")),
        provider: String::new(),
        severity: severity.unwrap_or(usual),
        why: text("description").unwrap_or_default(),
        fix: custom(own, "fix").map(|fix| fix.trim().replace('\n', " ")).unwrap_or_default(),
        link: link.unwrap_or_default().to_owned(),
        generic: false,
    }
}
