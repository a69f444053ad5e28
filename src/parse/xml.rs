//! XML in the shape that conftest gives it: attributes as `-name`, text as `#content` beside them, an element of text
//! alone as that text, elements of one name as a list.

use std::collections::HashMap;

use roxmltree::{Document, ParsingOptions};

use super::{DEEPEST, Key, MOST_NODES, Node, ParseError, Value, too_deep};
use crate::model::Span;
use crate::model::lines::Lines;

pub(super) fn read(text: &str) -> Result<Node, ParseError> {
    // The library follows nesting by recursion, so it is bounded before: more open elements than this are refused.
    if let Some(at) = deep(text) {
        return Err(too_deep(at));
    }
    let nodes_limit = u32::try_from(MOST_NODES).unwrap_or(u32::MAX);
    let options = ParsingOptions { allow_dtd: true, nodes_limit, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| {
        let place = error.pos();
        let lines = Lines::new(text.as_bytes(), 0);
        let line = usize::try_from(place.row).unwrap_or(1).saturating_sub(1);
        let column = usize::try_from(place.col).unwrap_or(1).saturating_sub(1);
        let span = lines.span(line).unwrap_or(Span::new(0, 0));
        let here = text.get(span.start..span.end).unwrap_or_default();
        let at = here.char_indices().nth(column).map_or(here.len(), |(at, _)| at);
        ParseError::new(span.start + at, error.to_string())
    })?;
    let root = document.root_element();
    let span = Span::new(root.range().start, root.range().end);
    let key = Key { name: root.tag_name().name().to_owned(), span };
    Ok(Node::new(Value::Map(vec![(key, element(root, 0)?)]), Span::new(0, text.len())))
}

/// Where tags nest deeper than allowed, counted without regard to their names.
fn deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut rest = text;
    let mut at = 0;
    while let Some(next) = rest.find('<') {
        let tag = rest.get(next..)?;
        let end = tag.find('>').map_or(tag.len(), |end| end + 1);
        let whole = tag.get(..end)?;
        if whole.starts_with("</") {
            depth = depth.saturating_sub(1);
        } else if !whole.starts_with("<!") && !whole.starts_with("<?") && !whole.ends_with("/>") {
            depth += 1;
        }
        if depth > DEEPEST {
            return Some(at + next);
        }
        at += next + end;
        rest = rest.get(next + end..)?;
    }
    None
}

fn element(node: roxmltree::Node<'_, '_>, depth: usize) -> Result<Node, ParseError> {
    let span = Span::new(node.range().start, node.range().end);
    if depth > DEEPEST {
        return Err(too_deep(span.start));
    }
    let mut entries: Vec<(Key, Node)> = node
        .attributes()
        .map(|attribute| {
            let span = Span::new(attribute.range().start, attribute.range().end);
            (Key { name: format!("-{}", attribute.name()), span }, Node::string(attribute.value(), span))
        })
        .collect();
    let mut text = String::new();
    let mut index: HashMap<&str, usize> = HashMap::new();
    for child in node.children() {
        if child.is_element() {
            let value = element(child, depth + 1)?;
            let name = child.tag_name().name();
            let at = *index.entry(name).or_insert(entries.len());
            let there = entries.get_mut(at);
            match there.map(|(_, node)| node) {
                None => entries.push((Key { name: name.to_owned(), span: value.span }, value)),
                Some(Node { value: Value::List(items), span }) => {
                    *span = span.hull(&value.span);
                    items.push(value);
                }
                Some(there) => {
                    let span = there.span.hull(&value.span);
                    let first = std::mem::replace(there, Node::new(Value::Null, span));
                    there.value = Value::List(vec![first, value]);
                }
            }
        } else if let Some(part) = child.text().filter(|_| child.is_text()) {
            text.push_str(part);
        }
    }
    let text = text.trim();
    if entries.is_empty() {
        return Ok(Node::string(text, span));
    }
    if !text.is_empty() {
        entries.push((Key { name: "#content".to_owned(), span }, Node::string(text, span)));
    }
    Ok(Node::new(Value::Map(entries), span))
}
