//! Micro-app manifests: what one is, its schema, and the lint beyond the schema. Judges parsed values; reads no file.

mod deploy;
mod lint;
mod rules;
mod schema;
#[cfg(test)]
mod tests;
mod time;
#[allow(dead_code, reason = "they are there for the schema that is generated from them")]
mod types;
mod uses;
mod write;

pub use deploy::{Deployable, PARTS, app_dir, deployable, may_deploy, may_deploy_by_name};
pub use lint::Limits;
pub use rules::{EXAMPLE, Example, Rule, rules};
pub use schema::schema;
pub use time::Duration;
pub use uses::{Uses, is_code, looks_secret, mentions, uses};
pub use write::{Answers, write};

use crate::parse::{Node, Step};

/// Something wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The id of the rule that says so.
    pub rule: &'static str,
    /// Where in the manifest.
    pub path: Vec<Step>,
    /// What is wrong and what to do, on one line.
    pub message: String,
}

impl Fault {
    fn new(rule: &'static str, path: &[Step], message: String) -> Self {
        Self { rule, path: path.to_vec(), message }
    }
}

/// True for a document that says it is a micro-app's manifest.
pub fn is_manifest(node: &Node) -> bool {
    let text = |path: &[&str]| {
        let steps: Vec<Step> = path.iter().map(|name| Step::Key((*name).into())).collect();
        node.at(&steps).and_then(Node::as_str)
    };
    let component =
        text(&["kind"]) == Some("Component") && text(&["apiVersion"]).is_some_and(|v| v.contains("backstage.io"));
    component
        && (text(&["spec", "type"]) == Some("micro-app")
            || node.get("spec").is_some_and(|spec| spec.get("governance").is_some()))
}

/// Names under which manifests are looked for before anything is read; any other is found by its content.
pub const USUAL_NAMES: &[&str] = &[
    "catalog-info.yaml",
    "catalog-info.yml",
    "catalog-info.json",
    "micro-app.yaml",
    "micro-app.yml",
    "micro-app.json",
];

/// True for a file that is called as manifests usually are.
pub fn has_usual_name(path: &crate::model::BytePath) -> bool {
    let name = path.file_name();
    USUAL_NAMES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// False for a path that surely ends in no usual name: cheap, and asked of every path of an index.
pub fn may_have_usual_name(path: &[u8]) -> bool {
    // Most names end in another letter.
    matches!(path.last(), Some(b'l' | b'L' | b'n' | b'N'))
        && USUAL_NAMES.iter().any(|known| {
            let at = path.len().checked_sub(known.len());
            at.and_then(|at| path.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(known.as_bytes()))
        })
}

/// True when a file's bytes may hold a manifest: cheap, and asked of every file before it is parsed for this alone.
pub fn may_be_manifest(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"backstage.io").is_some()
        && (memchr::memmem::find(bytes, b"micro-app").is_some() || memchr::memmem::find(bytes, b"governance").is_some())
}

/// Everything wrong with a manifest, in the file's order of places. The lint speaks of what keeps to the schema only, so
/// that no mistake is told twice.
pub fn faults(node: &Node, limits: &Limits) -> Vec<Fault> {
    let mut faults = schema::faults(node);
    let wrong: Vec<Vec<Step>> = faults.iter().map(|fault| fault.path.clone()).collect();
    faults.extend(lint::faults(node, limits).into_iter().filter(|fault| !wrong.contains(&fault.path)));
    faults
}

/// The identity that a manifest's app runs as.
pub fn identity(node: &Node) -> Option<&str> {
    node.get("spec")?.get("governance")?.get("identity")?.get("subject")?.as_str()
}

/// What a manifest says that other files can be held against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Hosts of integrations and of its own endpoints, in lower case; `*.` stands for any name before it.
    pub hosts: Vec<String>,
    /// Each secret's name and, where it is read from one, its variable.
    pub secrets: Vec<(String, Option<String>)>,
    /// Files that it says it runs on.
    pub files: Vec<String>,
}

/// What a manifest declares.
pub fn declared(node: &Node) -> Declared {
    let Some(governance) = node.get("spec").and_then(|spec| spec.get("governance")) else { return Declared::default() };
    let list = |name: &str| governance.get(name).map(Node::items).unwrap_or_default();
    let text = |node: &Node, name: &str| node.get(name).and_then(Node::as_str).map(str::to_owned);
    let host_of = |url: String| {
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        rest.split(['/', ':', '?', '#']).next().unwrap_or_default().to_lowercase()
    };
    let own = list("endpoints").iter().filter_map(|endpoint| text(endpoint, "url")).map(host_of);
    let hosts = list("integrations").iter().filter_map(|one| text(one, "host")).map(|host| host.to_lowercase());
    let secret = |one: &Node| Some((text(one, "name")?, text(one, "env")));
    Declared {
        hosts: hosts.chain(own).collect(),
        secrets: list("secrets").iter().filter_map(secret).collect(),
        files: list("infrastructure").iter().filter_map(|one| text(one, "ref")).collect(),
    }
}

impl Declared {
    /// True where the host is among those declared.
    pub fn has_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|known| match known.strip_prefix("*.") {
            Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
            None => known == host,
        })
    }

    /// True where a secret is read from this variable, or is called like it.
    pub fn has_variable(&self, variable: &str) -> bool {
        let plain = |text: &str| text.to_ascii_uppercase().replace(['-', '.', '/', ' '], "_");
        let variable = plain(variable);
        self.secrets.iter().any(|(name, env)| {
            let name = plain(name);
            let called = variable == name
                || variable.strip_prefix(&name).is_some_and(|rest| rest.starts_with('_'))
                || variable.strip_suffix(&name).is_some_and(|rest| rest.ends_with('_'));
            env.as_deref().map(plain) == Some(variable.clone()) || env.is_none() && called
        })
    }
}
