//! The manifest's JSON Schema, and whether a value keeps to it: every mistake with its place, what was found, what is
//! allowed and what was probably meant. Knows the part of JSON Schema that the types generate.

use std::sync::OnceLock;

use serde_json::Value as Json;

use super::types::Manifest;
use super::{Fault, time};
use crate::parse::{Node, Number, Step, Value};

/// The text of `manifest.schema.json`.
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(root()).unwrap_or_default();
    text.push('\n');
    text
}

fn root() -> &'static Json {
    static ROOT: OnceLock<Json> = OnceLock::new();
    ROOT.get_or_init(|| {
        let mut schema = schemars::schema_for!(Manifest).to_value();
        if let Some(fields) = schema.as_object_mut() {
            fields.insert("title".into(), "A micro-app's manifest".into());
        }
        schema
    })
}

/// Every way in which `node` does not keep to the schema, in the file's order.
pub(super) fn faults(node: &Node) -> Vec<Fault> {
    let mut faults = Vec::new();
    check(root(), node, &mut Vec::new(), &mut faults);
    faults
}

fn resolve(schema: &Json) -> &Json {
    let name = schema.get("$ref").and_then(Json::as_str).and_then(|name| name.strip_prefix("#/$defs/"));
    name.and_then(|name| root().get("$defs")?.get(name)).unwrap_or(schema)
}

fn check(schema: &Json, node: &Node, path: &mut Vec<Step>, faults: &mut Vec<Fault>) {
    // An optional part is one thing or nothing.
    if let Some(choices) = schema.get("anyOf").and_then(Json::as_array) {
        if node.value != Value::Null
            && let Some(choice) = choices.first()
        {
            check(choice, node, path, faults);
        }
        return;
    }
    let schema = resolve(schema);
    if let Some(allowed) = words(schema) {
        let text = node.as_str();
        if !text.is_some_and(|text| allowed.contains(&text)) {
            let hint = text.and_then(|text| nearest(text, &allowed)).map(|near| format!("; did you mean {near}?"));
            let found = text.map_or_else(|| node.kind().to_owned(), |text| format!("{text:?}"));
            let message = format!("{} is {found}: use {}{}", last(path), allowed.join(", "), hint.unwrap_or_default());
            faults.push(Fault::new("manifest-schema", path, message));
        }
        return;
    }
    if !kind_fits(schema, node) {
        let message = format!("{} is {}: it must be {}", last(path), node.kind(), wanted(schema));
        faults.push(Fault::new("manifest-schema", path, message));
        return;
    }
    match &node.value {
        Value::Map(_) => map(schema, node, path, faults),
        Value::List(items) => {
            if schema.get("minItems").and_then(Json::as_u64).is_some_and(|least| (items.len() as u64) < least) {
                faults.push(Fault::new("manifest-schema", path, format!("{} is empty", last(path))));
            }
            let Some(of) = schema.get("items") else { return };
            for (index, item) in items.iter().enumerate() {
                path.push(Step::Index(index));
                check(of, item, path, faults);
                path.pop();
            }
        }
        Value::String(text) => {
            if schema.get("minLength").and_then(Json::as_u64).is_some_and(|least| (text.trim().len() as u64) < least) {
                faults.push(Fault::new("manifest-schema", path, format!("{} is empty", last(path))));
            }
            let pattern = schema.get("pattern").and_then(Json::as_str);
            let fits = pattern.is_none_or(|pattern| regex::Regex::new(pattern).is_ok_and(|regex| regex.is_match(text)));
            if !fits {
                let about = schema.get("description").and_then(Json::as_str).unwrap_or_default();
                let message = format!("{} is {text:?}, which it cannot be: {}", last(path), first_line(about));
                faults.push(Fault::new("manifest-schema", path, message));
            }
        }
        _ => {}
    }
}

fn map(schema: &Json, node: &Node, path: &mut Vec<Step>, faults: &mut Vec<Fault>) {
    let properties = schema.get("properties").and_then(Json::as_object);
    let known: Vec<&str> = properties.map(|all| all.keys().map(String::as_str).collect()).unwrap_or_default();
    let closed = schema.get("additionalProperties") == Some(&Json::Bool(false));
    for (key, value) in node.entries() {
        path.push(Step::Key(key.name.clone()));
        let name = key.name.as_str();
        match properties.and_then(|all| all.get(name)) {
            Some(of) => check(of, value, path, faults),
            None => {
                let missing: Vec<&str> = known.iter().copied().filter(|known| node.get(known).is_none()).collect();
                let near = nearest(name, &missing);
                // Where other keys may stand, only what is nearly one of ours is a mistake.
                if closed || near.is_some_and(|near| near.eq_ignore_ascii_case(name)) {
                    let hint = match near {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("there is {}", known.join(", ")),
                    };
                    faults.push(Fault::new("manifest-schema", path, format!("unknown key `{name}`; {hint}")));
                } else if let Some(of) = schema.get("additionalProperties").filter(|of| of.is_object()) {
                    check(of, value, path, faults);
                }
            }
        }
        path.pop();
    }
    let required = schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    for name in required.filter(|name| node.get(name).is_none()) {
        let about = properties.and_then(|all| all.get(name));
        let about = about.and_then(|of| of.get("description").or_else(|| resolve(of).get("description")));
        let about = about.and_then(Json::as_str).map(|about| format!(": {}", first_line(about))).unwrap_or_default();
        let allowed = properties.and_then(|all| all.get(name)).and_then(|of| words(resolve(of)));
        let allowed = allowed.map(|words| format!(" Use one of {}.", words.join(", "))).unwrap_or_default();
        let message = format!("{} has no `{name}`{about}{allowed}", last(path));
        faults.push(Fault::new("manifest-schema", path, message));
    }
}

/// The words that a closed set has.
fn words(schema: &Json) -> Option<Vec<&str>> {
    if let Some(one) = schema.get("const").and_then(Json::as_str) {
        return Some(vec![one]);
    }
    Some(schema.get("enum")?.as_array()?.iter().filter_map(Json::as_str).collect())
}

fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(some)) => some.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

fn kind_fits(schema: &Json, node: &Node) -> bool {
    let allowed = types(schema);
    let kind = match &node.value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(Number::Float(_)) => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) => "object",
    };
    allowed.is_empty() || allowed.contains(&kind)
}

fn wanted(schema: &Json) -> String {
    let word = |kind: &str| match kind {
        "string" => "a text",
        "boolean" => "true or false",
        "integer" | "number" => "a number",
        "array" => "a list",
        "object" => "a map",
        _ => "nothing",
    };
    types(schema).into_iter().filter(|kind| *kind != "null").map(word).collect::<Vec<_>>().join(" or ")
}

fn last(path: &[Step]) -> String {
    match path.last() {
        Some(Step::Key(name)) => format!("`{name}`"),
        Some(Step::Index(_)) => "this item".to_owned(),
        None => "the manifest".to_owned(),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn nearest<'w>(word: &str, words: &[&'w str]) -> Option<&'w str> {
    let lower = word.to_lowercase();
    let near = words.iter().map(|known| (strsim::damerau_levenshtein(&known.to_lowercase(), &lower), *known)).min()?;
    (near.0 <= 1 + near.1.len() / 5).then_some(near.1)
}

/// A date as it must be written.
pub(super) fn date(node: Option<&Node>) -> Option<Result<jiff::civil::Date, String>> {
    let node = node?;
    let text = node.as_str()?;
    Some(time::date(text).ok_or_else(|| format!("{text:?} is no date: write YYYY-MM-DD")))
}
