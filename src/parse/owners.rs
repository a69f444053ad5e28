//! CODEOWNERS: who answers for which paths. The last pattern that matches decides, as the hosts have it.

use ignore::gitignore::GitignoreBuilder;

use super::{Key, Node, Value};
use crate::model::{BytePath, Span};

pub(super) fn read(text: &str) -> Node {
    let mut rules = Vec::new();
    let mut at = 0;
    for raw in text.split_inclusive('\n') {
        let (start, line) = (at, raw.trim_end());
        at += raw.len();
        let body = line.split(" #").next().unwrap_or_default().trim();
        // GitLab's sections name owners, but no path.
        if body.is_empty() || body.starts_with(['#', '[', '^']) {
            continue;
        }
        let span = Span::new(start, start + line.len());
        let mut words =
            body.replace("\\ ", "\0").split_whitespace().map(|word| word.replace('\0', " ")).collect::<Vec<_>>();
        let pattern = words.remove(0);
        let owners = words.into_iter().map(|owner| Node::string(owner, span)).collect();
        let entry = |name: &str, value: Value| (Key { name: name.to_owned(), span }, Node::new(value, span));
        let rule = vec![entry("pattern", Value::String(pattern)), entry("owners", Value::List(owners))];
        rules.push(Node::new(Value::Map(rule), span));
    }
    Node::new(Value::List(rules), Span::new(0, text.len()))
}

/// A CODEOWNERS file, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    rules: Vec<(String, Vec<String>)>,
}

impl Owners {
    /// Reads the file's bytes; what is not UTF-8 owns nothing.
    pub fn read(bytes: &[u8]) -> Self {
        let node = read(std::str::from_utf8(bytes).unwrap_or_default());
        let rule = |rule: &Node| {
            let text = |node: &Node| node.as_str().unwrap_or_default().to_owned();
            let owners = rule.get("owners").map(|list| list.items().iter().map(text).collect());
            (rule.get("pattern").map(text).unwrap_or_default(), owners.unwrap_or_default())
        };
        Self { rules: node.items().iter().map(rule).collect() }
    }

    /// Everybody who is named, in the file's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().flat_map(|(_, owners)| owners).map(String::as_str)
    }

    /// Who answers for a path; nobody where no pattern matches, or the last one that does names nobody.
    pub fn of(&self, path: &BytePath) -> &[String] {
        let matches = |pattern: &str| {
            let mut builder = GitignoreBuilder::new("");
            let _ = builder.add_line(None, pattern);
            builder.build().is_ok_and(|built| built.matched_path_or_any_parents(path.to_os(), false).is_ignore())
        };
        let found = self.rules.iter().rev().find(|(pattern, _)| matches(pattern));
        found.map_or(&[], |(_, owners)| owners)
    }
}
