//! Between positioned values and what the Rego engine computes with.

use std::collections::BTreeMap;

use regorus::Value as Rego;

use crate::parse::{Node, Number, Step, Value, read_path};

/// The engine's value of a node; `without` leaves one node out, by its address.
pub(super) fn to_rego(node: &Node, without: Option<&Node>) -> Rego {
    let kept = |node: &&Node| without.is_none_or(|out| !std::ptr::eq(*node, out));
    match &node.value {
        Value::Null => Rego::Null,
        Value::Bool(yes) => Rego::from(*yes),
        Value::Number(Number::Int(n)) => Rego::from(*n),
        Value::Number(Number::Unsigned(n)) => Rego::from(*n),
        Value::Number(Number::Float(n)) => Rego::from(*n),
        Value::String(text) => Rego::from(text.as_str()),
        Value::List(items) => {
            Rego::from(items.iter().filter(kept).map(|item| to_rego(item, without)).collect::<Vec<_>>())
        }
        Value::Map(entries) => {
            let value =
                |(key, node): &(crate::parse::Key, Node)| (Rego::from(key.name.as_str()), to_rego(node, without));
            Rego::from(entries.iter().map(value).collect::<BTreeMap<_, _>>())
        }
    }
}

/// A text as it is; anything else as JSON.
pub(super) fn text(value: &Rego) -> String {
    match value {
        Rego::String(text) => text.to_string(),
        other => {
            other.to_json_str().map(|json| json.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap_or_default()
        }
    }
}

/// The path that a result names, written as a text or as a list of keys and indices.
pub(super) fn path(value: &Rego) -> Option<Vec<Step>> {
    let step = |part: &Rego| match part {
        Rego::String(text) => Some(Step::Key(text.to_string())),
        Rego::Number(_) => text(part).parse().ok().map(Step::Index),
        _ => None,
    };
    match value {
        Rego::String(text) => Some(read_path(text)).filter(|path| !path.is_empty()),
        Rego::Array(parts) => parts.iter().map(step).collect::<Option<Vec<_>>>().filter(|path| !path.is_empty()),
        _ => None,
    }
}

/// A key of an object.
pub(super) fn field<'v>(value: &'v Rego, name: &str) -> Option<&'v Rego> {
    let Rego::Object(fields) = value else { return None };
    fields.iter().find(|(key, _)| matches!(key, Rego::String(key) if key.as_ref() == name)).map(|(_, value)| value)
}
