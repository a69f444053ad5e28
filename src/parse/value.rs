//! The value every format is read into: what it says, and where each part of it stands.

use crate::model::Span;

/// A value and the bytes it was read from.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it says.
    pub value: Value,
    /// Where it stands in the file. What an alias or a merge key copies keeps the place it was written at.
    pub span: Span,
}

/// What a node says: JSON's kinds, which is what policies know.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    String(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and values in the file's order, no key twice.
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its text.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// A number, exact as long as 64 bits hold it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number.
    Int(i64),
    /// A whole number beyond `i64`.
    Unsigned(u64),
    /// Any other, finite.
    Float(f64),
}

/// One step of a path into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A key of a map.
    Key(String),
    /// An item of a list, from 0.
    Index(usize),
}

impl Node {
    /// A node.
    pub fn new(value: Value, span: Span) -> Self {
        Self { value, span }
    }

    /// A text.
    pub fn string(text: impl Into<String>, span: Span) -> Self {
        Self::new(Value::String(text.into()), span)
    }

    /// The value of a key.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entry(name).map(|(_, node)| node)
    }

    /// A key and its value.
    pub fn entry(&self, name: &str) -> Option<&(Key, Node)> {
        self.entries().iter().find(|(key, _)| key.name == name)
    }

    /// Keys and values; none where it is no map.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Items; none where it is no list.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The text, where it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, where it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(yes) => Some(yes),
            _ => None,
        }
    }

    /// The node at the end of a path.
    pub fn at(&self, path: &[Step]) -> Option<&Node> {
        path.iter().try_fold(self, |node, step| match step {
            Step::Key(name) => node.get(name),
            Step::Index(index) => node.items().get(*index),
        })
    }

    /// The place that says most about a path: the value's, from its key on, as far as the path leads.
    pub fn place(&self, path: &[Step]) -> Span {
        let mut node = self;
        let mut place = self.span;
        for step in path {
            let next = match step {
                Step::Key(name) => node.entry(name).map(|(key, value)| (key.span.hull(&value.span), value)),
                Step::Index(index) => node.items().get(*index).map(|item| (item.span, item)),
            };
            let Some((span, child)) = next else { break };
            (place, node) = (span, child);
        }
        place
    }

    /// What kind it is, as people say it.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// The same without places, for `--format json` and snapshots in tests.
impl From<&Node> for serde_json::Value {
    fn from(node: &Node) -> Self {
        match &node.value {
            Value::Null => Self::Null,
            Value::Bool(yes) => (*yes).into(),
            Value::Number(Number::Int(n)) => (*n).into(),
            Value::Number(Number::Unsigned(n)) => (*n).into(),
            Value::Number(Number::Float(n)) => (*n).into(),
            Value::String(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Self::from).collect(),
            Value::Map(entries) => {
                Self::Object(entries.iter().map(|(key, node)| (key.name.clone(), node.into())).collect())
            }
        }
    }
}

/// A path as people write it: `spec.containers[0].image`; a key that is no word is quoted.
pub fn shown(path: &[Step]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            Step::Index(index) => out.push_str(&format!("[{index}]")),
            Step::Key(name) if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !name.is_empty() => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(name);
            }
            Step::Key(name) => out.push_str(&format!("[{name:?}]")),
        }
    }
    out
}

/// Reads what [`shown`] writes, and what policy authors write: dots, `[0]`, `["key"]`, JSON pointers (`/a/0/b`).
pub fn read_path(text: &str) -> Vec<Step> {
    let step = |part: &str| match part.parse() {
        Ok(index) => Step::Index(index),
        Err(_) => Step::Key(part.to_owned()),
    };
    if let Some(pointer) = text.strip_prefix('/') {
        return pointer.split('/').map(|part| step(&part.replace("~1", "/").replace("~0", "~"))).collect();
    }
    let mut out = Vec::new();
    let mut rest = text.strip_prefix("input").filter(|rest| rest.starts_with(['.', '['])).unwrap_or(text);
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (part, after) = match inner.strip_prefix(['"', '\'']) {
                Some(quoted) => quoted.split_once(['"', '\'']).unwrap_or((quoted, "")),
                None => inner.split_once(']').unwrap_or((inner, "")),
            };
            let quoted = inner.starts_with(['"', '\'']);
            out.push(if quoted { Step::Key(part.to_owned()) } else { step(part) });
            rest = if quoted { after.strip_prefix(']').unwrap_or(after) } else { after };
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (part, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            if !part.is_empty() {
                out.push(step(part));
            }
            rest = after;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_they_are_shown() {
        let path = vec![Step::Key("a".into()), Step::Index(3), Step::Key("b/c.d".into()), Step::Key("e".into())];
        assert_eq!(shown(&path), "a[3][\"b/c.d\"].e");
        assert_eq!(read_path(&shown(&path)), path);
        assert_eq!(read_path("/a/3/b~1c.d/e"), path);
        assert_eq!(read_path("input.a[3]"), path[..2]);
        assert_eq!(read_path("spec.containers.0.image").len(), 4);
        for odd in ["", ".", "[", "[\"", "a[", "]]", "/"] {
            read_path(odd);
        }
    }
}
