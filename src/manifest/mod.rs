//! Micro-app manifests: what one is, its schema, and the lint beyond the schema. Judges parsed values; reads no file.

mod lint;
mod rules;
mod schema;
#[cfg(test)]
mod tests;
mod time;
#[allow(dead_code, reason = "they are there for the schema that is generated from them")]
mod types;
mod write;

pub use lint::Limits;
pub use rules::{Rule, rules};
pub use schema::schema;
pub use time::Duration;
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
