//! YAML, read from the parser's events, so that anchors, tags and plain words are ours to judge: aliases expand within a
//! budget, merge keys merge, and a Kubernetes object's plain words mean what kubectl takes them for.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};

use super::json::number;
use super::{Budget, DEEPEST, Key, Node, Number, ParseError, Value, too_deep, twice};
use crate::model::Span;

/// What the parser's places, in characters, are in bytes.
struct Places {
    /// Byte offsets by character; none for ASCII text, where they are the same.
    bytes: Option<Vec<u32>>,
    length: usize,
}

impl Places {
    fn new(text: &str) -> Self {
        let bytes = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at as u32).collect());
        Self { bytes, length: text.len() }
    }

    fn byte(&self, index: usize) -> usize {
        match &self.bytes {
            None => index.min(self.length),
            Some(bytes) => bytes.get(index).map_or(self.length, |at| *at as usize),
        }
    }
}

/// A node before its plain words are read.
#[derive(Clone)]
struct Raw {
    what: What,
    span: Span,
    /// Nodes in it, itself included, aliases expanded.
    size: usize,
}

#[derive(Clone)]
enum What {
    /// A word that may be a number, a truth value or nothing.
    Plain(String),
    /// A text, and a tag of the core schema that makes it something else.
    Text(String, Option<&'static str>),
    List(Vec<Raw>),
    Map(Vec<(Raw, Raw)>),
}

/// A list or map that is still open.
struct Open {
    items: Vec<Raw>,
    map: bool,
    start: usize,
    anchor: usize,
    size: usize,
}

pub(super) fn read(text: &str) -> Result<Vec<Node>, ParseError> {
    let places = Places::new(text);
    let mut parser = Parser::new(StrInput::new(text));
    let mut documents = Vec::new();
    let mut reader = Reader { open: Vec::new(), anchors: HashMap::new(), root: None, budget: Budget::new() };
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let why = error.info().to_owned();
            let at = places.byte(error.marker().index());
            if why.contains("recursion limit") {
                return too_deep(at);
            }
            let (at, why) = match tab(text, at) {
                Some(tab) if why.contains("tab") => (tab, format!("{why} (YAML indents with spaces)")),
                _ => (at, why),
            };
            ParseError::new(at, why)
        })?;
        let span = Span::new(places.byte(span.start.index()), places.byte(span.end.index()));
        match event {
            Event::DocumentEnd => {
                if let Some(root) = reader.root.take() {
                    let kubernetes = is_kubernetes(&root);
                    documents.push(finish(root, kubernetes)?);
                }
                reader.anchors.clear();
            }
            Event::StreamEnd => break,
            event => reader.event(event, span)?,
        }
    }
    // A file of nothing but comments, or a separator with nothing behind it, says nothing.
    documents.retain(|node| node.value != Value::Null);
    Ok(documents)
}

/// The first tab that indents a line from the one at `at` on: the parser tells where what came before it began.
fn tab(text: &str, at: usize) -> Option<usize> {
    let mut start = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    for line in text.get(start..)?.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line.get(..indent)?.find('\t') {
            return Some(start + tab);
        }
        start += line.len();
    }
    None
}

struct Reader {
    open: Vec<Open>,
    anchors: HashMap<usize, Raw>,
    root: Option<Raw>,
    budget: Budget,
}

impl Reader {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), ParseError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.budget.spend(1, span.start)?;
                let what = match tag_of(tag.as_deref()) {
                    None if style == ScalarStyle::Plain => What::Plain(text.into_owned()),
                    tag => What::Text(text.into_owned(), tag),
                };
                self.put(Raw { what, span, size: 1 }, anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(false, anchor, span),
            Event::MappingStart(anchor, _) => self.begin(true, anchor, span),
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => {
                let raw = self.anchors.get(&anchor);
                let raw =
                    raw.ok_or_else(|| ParseError::new(span.start, "an alias within its own anchor".to_owned()))?;
                self.budget.spend(raw.size, span.start)?;
                let raw = raw.clone();
                self.put(raw, 0)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, map: bool, anchor: usize, span: Span) -> Result<(), ParseError> {
        if self.open.len() >= DEEPEST {
            return Err(too_deep(span.start));
        }
        self.budget.spend(1, span.start)?;
        self.open.push(Open { items: Vec::new(), map, start: span.start, anchor, size: 1 });
        Ok(())
    }

    fn end(&mut self, span: Span) -> Result<(), ParseError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        // A block ends where its last item does, not at the line after it.
        let last = open.items.last().map_or(open.start, |item| item.span.end);
        let end = if span.is_empty() { last.max(open.start) } else { span.end.max(last) };
        let what = if open.map {
            let mut pairs = Vec::with_capacity(open.items.len() / 2);
            let mut items = open.items.into_iter();
            while let (Some(key), Some(value)) = (items.next(), items.next()) {
                pairs.push((key, value));
            }
            What::Map(pairs)
        } else {
            What::List(open.items)
        };
        self.put(Raw { what, span: Span::new(open.start, end), size: open.size }, open.anchor)
    }

    fn put(&mut self, raw: Raw, anchor: usize) -> Result<(), ParseError> {
        if anchor > 0 {
            // The copy kept for aliases counts too: anchors within anchors would else grow without a budget.
            self.budget.spend(raw.size, raw.span.start)?;
            self.anchors.insert(anchor, raw.clone());
        }
        match self.open.last_mut() {
            Some(open) => {
                open.size += raw.size;
                open.items.push(raw);
            }
            None => self.root = Some(raw),
        }
        Ok(())
    }
}

/// The core schema's tag; any other says nothing that a policy could use, and the value stays what it looks like.
fn tag_of(tag: Option<&Tag>) -> Option<&'static str> {
    let tag = tag?;
    if !tag.is_yaml_core_schema() {
        // `!Ref x` and its like hold texts.
        return Some("str");
    }
    ["str", "int", "float", "bool", "null"].into_iter().find(|known| *known == tag.suffix)
}

/// What kubectl would apply: it reads YAML 1.1 as Go does.
fn is_kubernetes(root: &Raw) -> bool {
    let What::Map(pairs) = &root.what else { return false };
    let has = |name: &str| {
        pairs.iter().any(|(key, _)| matches!(&key.what, What::Plain(text) | What::Text(text, _) if text == name))
    };
    has("apiVersion") && has("kind")
}

fn finish(raw: Raw, kubernetes: bool) -> Result<Node, ParseError> {
    let span = raw.span;
    let value = match raw.what {
        What::Plain(text) => plain(text, kubernetes),
        What::Text(text, tag) => tagged(text, tag),
        What::List(items) => {
            Value::List(items.into_iter().map(|item| finish(item, kubernetes)).collect::<Result<_, _>>()?)
        }
        What::Map(pairs) => map(pairs, kubernetes)?,
    };
    Ok(Node::new(value, span))
}

fn map(pairs: Vec<(Raw, Raw)>, kubernetes: bool) -> Result<Value, ParseError> {
    let mut entries: Vec<(Key, Node)> = Vec::with_capacity(pairs.len());
    let mut seen: HashSet<String> = HashSet::new();
    let mut merged: Vec<Node> = Vec::new();
    for (key, value) in pairs {
        let span = key.span;
        let merge = matches!(&key.what, What::Plain(text) if text == "<<");
        let value = finish(value, kubernetes)?;
        if merge {
            match value.value {
                Value::List(items) => merged.extend(items),
                _ => merged.push(value),
            }
            continue;
        }
        let name = key_name(finish(key, kubernetes)?)?;
        if !seen.insert(name.clone()) {
            return Err(twice(span.start, &name));
        }
        entries.push((Key { name, span }, value));
    }
    // The first one that has a key gives it, and the map's own keys come before all.
    for node in merged {
        let at = node.span.start;
        let Value::Map(more) = node.value else {
            return Err(ParseError::new(at, "a merge key (<<) needs a map".to_owned()));
        };
        entries.extend(more.into_iter().filter(|(key, _)| seen.insert(key.name.clone())));
    }
    Ok(Value::Map(entries))
}

fn key_name(key: Node) -> Result<String, ParseError> {
    let at = key.span.start;
    Ok(match key.value {
        Value::String(text) => text,
        Value::Null => "null".to_owned(),
        Value::Bool(yes) => yes.to_string(),
        Value::Number(Number::Int(n)) => n.to_string(),
        Value::Number(Number::Unsigned(n)) => n.to_string(),
        Value::Number(Number::Float(n)) => n.to_string(),
        Value::List(_) | Value::Map(_) => {
            return Err(ParseError::new(at, "a list or map as a key has no place in configuration".to_owned()));
        }
    })
}

fn tagged(text: String, tag: Option<&'static str>) -> Value {
    match tag {
        Some("null") => Value::Null,
        Some("bool" | "int" | "float") => plain(text, false),
        _ => Value::String(text),
    }
}

/// A plain word, by the core schema of YAML 1.2, or as Go's YAML 1.1 reader (and so kubectl) takes it.
fn plain(text: String, kubernetes: bool) -> Value {
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" if kubernetes => return Value::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" if kubernetes => return Value::Bool(false),
        _ => {}
    }
    let found = if kubernetes { go_number(&text) } else { core_number(&text) };
    found.map_or(Value::String(text), Value::Number)
}

fn core_number(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16, false);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8, false);
    }
    let starts = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let only = unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    let digits = unsigned.bytes().any(|b| b.is_ascii_digit());
    (starts && only && digits).then(|| number(text.strip_prefix('+').unwrap_or(text))).flatten()
}

/// `0777` and `0o777` are octal, `0x1f` and `0b1` what they look like, `1_000` is a thousand.
fn go_number(text: &str) -> Option<Number> {
    let first = text.chars().next()?;
    if !(first.is_ascii_digit() || matches!(first, '-' | '+' | '.')) {
        return None;
    }
    let bare = text.replace('_', "");
    let negative = bare.starts_with('-');
    let unsigned = bare.strip_prefix(['-', '+']).unwrap_or(&bare);
    let lower = unsigned.to_ascii_lowercase();
    for (prefix, base) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return radix(digits, base, negative);
        }
    }
    let octal = lower.strip_prefix('0').filter(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    if let Some(found) = octal.and_then(|digits| radix(digits, 8, negative)) {
        return Some(found);
    }
    core_number(&bare)
}

fn radix(digits: &str, base: u32, negative: bool) -> Option<Number> {
    if digits.starts_with(['-', '+']) {
        return None;
    }
    let value = u64::from_str_radix(digits, base).ok()?;
    match (i64::try_from(value), negative) {
        (Ok(int), false) => Some(Number::Int(int)),
        (Ok(int), true) => Some(Number::Int(-int)),
        (Err(_), false) => Some(Number::Unsigned(value)),
        (Err(_), true) => None,
    }
}
