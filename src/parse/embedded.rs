//! Documents written inside others: JSON in texts, what Terraform's `jsonencode` is given, and IAM policies that are
//! written as Terraform blocks. Each keeps the places it was written at, as far as they are known.

use super::{Key, Kind, Node, Value, hcl, json};
use crate::model::{Span, guard};

/// So many are read of one file, and so many bytes of text.
const MOST: usize = 500;
const LARGEST: usize = 1 << 20;

/// The IAM policies written inside a file's documents.
pub fn embedded(kind: Kind, bytes: &[u8], documents: &[Node]) -> Vec<Node> {
    let has = |word: &str| memchr::memmem::find(bytes, word.as_bytes()).is_some();
    let mut found = Vec::new();
    match kind {
        Kind::Hcl => {
            if has("jsonencode")
                && let Ok(text) = std::str::from_utf8(bytes)
            {
                found.extend(guard(|| hcl::encoded(text)).unwrap_or_default());
            }
            for document in documents {
                found.extend(policy_blocks(document));
            }
        }
        Kind::Json | Kind::Yaml => {}
        _ => return found,
    }
    if has("Statement") {
        let mut left = LARGEST;
        documents.iter().for_each(|node| texts(node, &mut left, &mut found));
    }
    found.truncate(MOST);
    found
}

/// JSON in texts: all of it stands where the text does.
fn texts(node: &Node, left: &mut usize, found: &mut Vec<Node>) {
    match &node.value {
        Value::String(text) => {
            let may = text.trim_start().starts_with('{') && text.contains("\"Statement\"") && text.len() <= *left;
            if may && let Some(Ok(mut inner)) = guard(|| json::read(text)) {
                *left -= text.len();
                place(&mut inner, node.span);
                found.push(inner);
            }
        }
        Value::List(items) => items.iter().for_each(|item| texts(item, left, found)),
        Value::Map(entries) => entries.iter().for_each(|(_, value)| texts(value, left, found)),
        _ => {}
    }
}

fn place(node: &mut Node, span: Span) {
    node.span = span;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| place(item, span)),
        Value::Map(entries) => {
            for (key, value) in entries {
                key.span = span;
                place(value, span);
            }
        }
        _ => {}
    }
}

/// `data "aws_iam_policy_document"`: the same with other words.
fn policy_blocks(document: &Node) -> Vec<Node> {
    let named = document.get("data").and_then(|data| data.get("aws_iam_policy_document"));
    let blocks = named.map(Node::entries).unwrap_or_default().iter().flat_map(|(_, list)| list.items());
    blocks.map(policy).collect()
}

fn policy(block: &Node) -> Node {
    let span = block.span;
    let key = |name: &str, span: Span| Key { name: name.to_owned(), span };
    let version = block.get("version").cloned().unwrap_or_else(|| Node::string("2012-10-17", span));
    let statements = block.get("statement").map(Node::items).unwrap_or_default().iter().map(statement).collect();
    Node::new(
        Value::Map(vec![
            (key("Version", version.span), version),
            (key("Statement", span), Node::new(Value::List(statements), span)),
        ]),
        span,
    )
}

fn statement(block: &Node) -> Node {
    const WORDS: &[(&str, &str)] = &[
        ("sid", "Sid"),
        ("effect", "Effect"),
        ("actions", "Action"),
        ("not_actions", "NotAction"),
        ("resources", "Resource"),
        ("not_resources", "NotResource"),
    ];
    let mut entries: Vec<(Key, Node)> = Vec::new();
    let mut add = |name: &str, span: Span, node: Node| entries.push((Key { name: name.to_owned(), span }, node));
    for (word, name) in WORDS {
        if let Some((key, value)) = block.entry(word) {
            add(name, key.span, value.clone());
        }
    }
    if block.get("effect").is_none() {
        add("Effect", block.span, Node::string("Allow", block.span));
    }
    for (word, name) in [("principals", "Principal"), ("not_principals", "NotPrincipal")] {
        let Some((key, value)) = block.entry(word) else { continue };
        let kinds = value.items().iter().filter_map(|one| {
            let (kind, names) = (one.get("type")?, one.get("identifiers")?);
            Some((Key { name: kind.as_str()?.to_owned(), span: kind.span }, names.clone()))
        });
        let mut merged: Vec<(Key, Node)> = Vec::new();
        for (kind, names) in kinds {
            if !merged.iter().any(|(known, _)| known.name == kind.name) {
                merged.push((kind, names));
            }
        }
        add(name, key.span, Node::new(Value::Map(merged), value.span));
    }
    if let Some((key, value)) = block.entry("condition") {
        let mut tests: Vec<(Key, Node)> = Vec::new();
        for one in value.items() {
            let text = |name: &str| one.get(name).and_then(Node::as_str).map(str::to_owned);
            let (Some(test), Some(variable)) = (text("test"), text("variable")) else { continue };
            let values = one.get("values").cloned().unwrap_or_else(|| Node::new(Value::Null, one.span));
            let entry = (Key { name: variable, span: one.span }, values);
            match tests.iter_mut().find(|(known, _)| known.name == test) {
                Some((_, Node { value: Value::Map(all), .. })) => all.push(entry),
                _ => tests.push((Key { name: test, span: one.span }, Node::new(Value::Map(vec![entry]), one.span))),
            }
        }
        add("Condition", key.span, Node::new(Value::Map(tests), value.span));
    }
    Node::new(Value::Map(entries), block.span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;

    fn shown(kind: Kind, text: &str) -> Vec<serde_json::Value> {
        let documents = parse(kind, text.as_bytes()).unwrap();
        embedded(kind, text.as_bytes(), &documents).iter().map(serde_json::Value::from).collect()
    }

    fn json(text: &str) -> serde_json::Value {
        text.parse().unwrap()
    }

    #[test]
    fn policies_are_found_where_they_are_encoded_quoted_or_written_as_blocks() {
        let hcl = "resource \"aws_iam_role_policy\" \"a\" {\n  policy = jsonencode({\n    Version = \"2012-10-17\"\n    Statement = [{ Effect = \"Allow\", Action = [\"s3:*\"], Resource = var.x }]\n  })\n}\n";
        let expected =
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":"${var.x}"}]}"#;
        assert_eq!(shown(Kind::Hcl, hcl), [json(expected)]);
        let documents = parse(Kind::Hcl, hcl.as_bytes()).unwrap();
        let found = embedded(Kind::Hcl, hcl.as_bytes(), &documents);
        let action = found[0].get("Statement").unwrap().items()[0].get("Action").unwrap();
        assert_eq!(action.span.of(hcl.as_bytes()), b"[\"s3:*\"]", "at its place");
        let text = r#"{"policy": "{\"Statement\": [{\"Effect\": \"Deny\"}]}", "other": "{\"Statement\""}"#;
        assert_eq!(shown(Kind::Json, text), [json(r#"{"Statement":[{"Effect":"Deny"}]}"#)]);
        let heredoc = "resource \"a\" \"b\" {\n  policy = <<EOF\n{\"Statement\": {\"Action\": \"*\"}}\nEOF\n}\n";
        assert_eq!(shown(Kind::Hcl, heredoc), [json(r#"{"Statement":{"Action":"*"}}"#)]);
        let block = "data \"aws_iam_policy_document\" \"a\" {\n  statement {\n    actions = [\"*\"]\n    principals {\n      type = \"AWS\"\n      identifiers = [\"*\"]\n    }\n    condition {\n      test = \"StringEquals\"\n      variable = \"aws:x\"\n      values = [\"y\"]\n    }\n  }\n}\n";
        let expected = r#"{"Version":"2012-10-17","Statement":[{"Action":["*"],"Effect":"Allow","Principal":{"AWS":["*"]},"Condition":{"StringEquals":{"aws:x":["y"]}}}]}"#;
        assert_eq!(shown(Kind::Hcl, block), [json(expected)]);
        assert!(shown(Kind::Hcl, "a = 1\n").is_empty());
    }
}
