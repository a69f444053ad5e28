//! Formats of one setting a line: dotenv, INI, Java properties.

use super::json::number;
use super::{Key, Node, ParseError, Value};
use crate::model::Span;

/// A map under construction; where a key is there twice, the last one counts, as its readers have it.
#[derive(Default)]
struct Map(Vec<(Key, Node)>, std::collections::HashMap<String, usize>);

impl Map {
    fn set(&mut self, key: Key, node: Node) {
        match self.1.get(&key.name).and_then(|at| self.0.get_mut(*at)) {
            Some(slot) => *slot = (key, node),
            None => {
                self.1.insert(key.name.clone(), self.0.len());
                self.0.push((key, node));
            }
        }
    }
}

/// Lines without their ends, and the offset at which each begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        (start, line.trim_end_matches(['\n', '\r']))
    })
}

/// A part of `line`, trimmed, with its place; `line` begins at `start`.
fn part<'t>(line: &'t str, part: &'t str, start: usize) -> (&'t str, Span) {
    let trimmed = part.trim();
    // `part` is a slice of `line`, so the difference of their addresses is its offset.
    let at = start + (trimmed.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
    (trimmed, Span::new(at, at + trimmed.len()))
}

pub(super) fn dotenv(text: &str) -> Result<Node, ParseError> {
    let mut map = Map::default();
    let mut skip = 0;
    for (start, line) in lines(text) {
        if start < skip || line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let body = line.trim_start().strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = body.split_once(['=', ':']) else {
            return Err(ParseError::new(start, "neither KEY=value nor a comment".to_owned()));
        };
        let ((name, key), (written, place)) = (part(line, name, start), part(line, value, start));
        let (value, end) = match written.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let rest = text.get(place.start + 1..).unwrap_or_default();
                let Some(end) = closing(rest, quote) else {
                    return Err(ParseError::new(place.start, "a quote that is not closed".to_owned()));
                };
                let inner = rest.get(..end).unwrap_or_default();
                let value = if quote == '"' { unescaped(inner) } else { inner.to_owned() };
                (value, place.start + end + 2)
            }
            _ => {
                let value = written.split(" #").next().unwrap_or_default().trim_end();
                (value.to_owned(), place.start + value.len())
            }
        };
        skip = end;
        map.set(Key { name: name.to_owned(), span: key }, Node::string(value, Span::new(place.start, end)));
    }
    Ok(Node::new(Value::Map(map.0), Span::new(0, text.len())))
}

fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote && !escaped {
            return Some(at);
        }
        escaped = c == '\\' && !escaped && quote == '"';
    }
    None
}

fn unescaped(text: &str) -> String {
    let (mut out, mut escaped) = (String::new(), false);
    for c in text.chars() {
        match (escaped, c) {
            (true, 'n') => out.push('\n'),
            (true, 'r') => out.push('\r'),
            (true, 't') => out.push('\t'),
            (true, c) => out.push(c),
            (false, '\\') => {}
            (false, c) => out.push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    out
}

/// Sections of settings; settings before the first section stand at the top. Numbers and truth values are such.
pub(super) fn ini(text: &str) -> Result<Node, ParseError> {
    let mut top = Map::default();
    let mut section: Option<(Key, Map)> = None;
    let close = |section: Option<(Key, Map)>, top: &mut Map, end: usize| {
        if let Some((key, map)) = section {
            let span = Span::new(key.span.start, end);
            let mut entries = top
                .1
                .get(&key.name)
                .and_then(|at| top.0.get(*at))
                .map_or(Vec::new(), |(_, node)| node.entries().to_vec());
            entries.retain(|(old, _)| !map.1.contains_key(&old.name));
            entries.extend(map.0);
            top.set(key, Node::new(Value::Map(entries), span));
        }
    };
    let mut end = 0;
    for (start, line) in lines(text) {
        let body = line.trim();
        if body.is_empty() || body.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = body.strip_prefix('[') {
            let Some((name, _)) = rest.split_once(']') else {
                return Err(ParseError::new(start, "a section that is not closed: `]` is missing".to_owned()));
            };
            close(section.take(), &mut top, end);
            let (name, span) = part(line, name, start);
            section = Some((Key { name: name.to_owned(), span }, Map::default()));
        } else {
            let (name, value) = body.split_once(['=', ':']).unwrap_or((body, ""));
            let ((name, key), (value, place)) = (part(line, name, start), part(line, value, start));
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
            let node = Node::new(scalar(value), if place.is_empty() { key } else { place });
            let map = section.as_mut().map_or(&mut top, |(_, map)| map);
            map.set(Key { name: name.to_owned(), span: key }, node);
        }
        end = start + line.trim_end().len();
    }
    close(section.take(), &mut top, end);
    Ok(Node::new(Value::Map(top.0), Span::new(0, text.len())))
}

fn scalar(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
        }
        _ => Value::String(text.to_owned()),
    }
}

/// `key=value`, `key: value`, `key value`; a backslash at the end continues the line. Values stay texts.
pub(super) fn properties(text: &str) -> Result<Node, ParseError> {
    let mut map = Map::default();
    let mut open: Option<(String, Span)> = None;
    for (start, line) in lines(text) {
        let body = line.trim_start();
        if open.is_none() && (body.is_empty() || body.starts_with(['#', '!'])) {
            continue;
        }
        let (mut logical, mut span) = open.take().unwrap_or_else(|| {
            let first = start + (line.len() - body.len());
            (String::new(), Span::new(first, first))
        });
        let slashes = body.bytes().rev().take_while(|b| *b == b'\\').count();
        let more = slashes % 2 == 1;
        logical.push_str(if more { body.strip_suffix('\\').unwrap_or(body) } else { body });
        span = Span::new(span.start, start + line.trim_end().len());
        if more {
            open = Some((logical, span));
        } else {
            property(&logical, span, &mut map);
        }
    }
    if let Some((logical, span)) = open {
        property(&logical, span, &mut map);
    }
    Ok(Node::new(Value::Map(map.0), Span::new(0, text.len())))
}

fn property(line: &str, span: Span, map: &mut Map) {
    let mut escaped = false;
    let end = line.char_indices().find(|(_, c)| {
        let ends = !escaped && (matches!(c, '=' | ':') || c.is_whitespace());
        escaped = *c == '\\' && !escaped;
        ends
    });
    let (name, rest) = line.split_at_checked(end.map_or(line.len(), |(at, _)| at)).unwrap_or((line, ""));
    let rest = rest.trim_start();
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start();
    map.set(Key { name: unescaped(name), span }, Node::string(unescaped(value), span));
}
