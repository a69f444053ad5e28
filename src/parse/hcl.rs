//! HCL 2 in the shape that conftest gives it: blocks nest by type and labels and end in a list, an expression that is no
//! plain value is the text `${…}`.

use std::collections::HashMap;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::{Block, Body, Structure};
use hcl_edit::template::Element;

use super::json::number;
use super::{Budget, DEEPEST, Key, Node, ParseError, Value, too_deep, twice};
use crate::model::{Span, guard};

/// Larger files are refused: the parser takes its stack by the text's nesting.
const LARGEST: usize = 1 << 20;
/// Operators in a row, and conditionals in one file: both nest without a bracket.
const MOST_OPERATORS: usize = 500;
const MOST_CONDITIONALS: usize = 4000;
/// Enough for what the limits let through; only what is used costs.
const STACK: usize = 128 << 20;

pub(super) fn read(text: &str) -> Result<Node, ParseError> {
    Ok(both(text)?.0)
}

/// What `jsonencode` is given in a file, as values.
pub(super) fn encoded(text: &str) -> Vec<Node> {
    both(text).map(|(_, encoded)| encoded).unwrap_or_default()
}

fn both(text: &str) -> Result<(Node, Vec<Node>), ParseError> {
    if text.len() > LARGEST {
        return Err(ParseError::new(0, format!("larger than {} MiB: no hcl2 is read beyond that", LARGEST >> 20)));
    }
    nesting(text)?;
    let machine = |error: std::io::Error| ParseError::new(0, format!("no thread to parse it in: {error}"));
    std::thread::scope(|scope| {
        let parsed = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || guard(|| convert(text)));
        let gave_up = || Err(ParseError::new(0, "the hcl2 parser gave up on this file".to_owned()));
        parsed.map_err(machine)?.join().ok().flatten().unwrap_or_else(gave_up)
    })
}

fn convert(text: &str) -> Result<(Node, Vec<Node>), ParseError> {
    let body = hcl_edit::parser::parse_body(text).map_err(|error| {
        let why = error.message().replace('\n', "; ");
        ParseError::new(error.location().offset(), why)
    })?;
    let mut reader = Reader { text, budget: Budget::new(), encoded: Vec::new() };
    let value = reader.body(&body, 0)?;
    Ok((Node::new(value, Span::new(0, text.len())), reader.encoded))
}

/// Refuses what would nest the parser's calls deeper than its stack.
fn nesting(text: &str) -> Result<(), ParseError> {
    let (mut depth, mut operators, mut conditionals) = (0_usize, 0_usize, 0_usize);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => {
                depth += 1;
                if depth > 2 * DEEPEST {
                    return Err(too_deep(at));
                }
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'?' => conditionals += 1,
            _ => {}
        }
        match byte {
            b'!' | b'-' => operators += 1,
            byte if byte.is_ascii_whitespace() => {}
            _ => operators = 0,
        }
        if operators > MOST_OPERATORS || conditionals > MOST_CONDITIONALS {
            return Err(ParseError::new(at, "more operators in a row than any real file has".to_owned()));
        }
    }
    Ok(())
}

struct Reader<'a> {
    text: &'a str,
    budget: Budget,
    /// What `jsonencode` is given.
    encoded: Vec<Node>,
}

fn span(range: Option<std::ops::Range<usize>>) -> Span {
    range.map_or(Span::new(0, 0), |range| Span::new(range.start, range.end))
}

impl Reader<'_> {
    fn source(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    fn body(&mut self, body: &Body, depth: usize) -> Result<Value, ParseError> {
        let mut parts = Parts::default();
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => {
                    let at = span(attribute.key.span());
                    let name = attribute.key.as_str();
                    if parts.index.contains_key(name) {
                        return Err(twice(at.start, name));
                    }
                    let value = self.expression(&attribute.value, depth + 1)?;
                    parts.push(Key { name: name.to_owned(), span: at }, Part::Value(value));
                }
                Structure::Block(block) => self.block(block, &mut parts, depth + 1)?,
            }
        }
        Ok(parts.finish())
    }

    fn block(&mut self, block: &Block, into: &mut Parts, depth: usize) -> Result<(), ParseError> {
        let place = span(block.span());
        if depth > DEEPEST || block.labels.len() > DEEPEST {
            return Err(too_deep(place.start));
        }
        self.budget.spend(1 + block.labels.len(), place.start)?;
        let node = Node::new(self.body(&block.body, depth)?, place);
        let keys = block.labels.iter().map(|label| (label.as_str(), span(label.span())));
        let keys: Vec<(&str, Span)> =
            std::iter::once((block.ident.as_str(), span(block.ident.span()))).chain(keys).collect();
        into.insert(&keys, node)
    }

    fn expression(&mut self, expression: &Expression, depth: usize) -> Result<Node, ParseError> {
        let place = span(expression.span());
        if depth > DEEPEST {
            return Err(too_deep(place.start));
        }
        self.budget.spend(1, place.start)?;
        let value = match expression {
            Expression::Null(_) => Value::Null,
            Expression::Bool(yes) => Value::Bool(*yes.as_ref()),
            Expression::Number(found) => match number(&found.value().to_string()) {
                Some(number) => Value::Number(number),
                None => return Err(ParseError::new(place.start, "no number that fits".to_owned())),
            },
            Expression::String(text) => Value::String(text.as_str().to_owned()),
            Expression::Array(array) => {
                Value::List(array.iter().map(|item| self.expression(item, depth + 1)).collect::<Result<_, _>>()?)
            }
            Expression::Object(object) => {
                let mut parts = Parts::default();
                for (key, value) in object {
                    let at = match key {
                        ObjectKey::Ident(ident) => span(ident.span()),
                        ObjectKey::Expression(expression) => span(expression.span()),
                    };
                    let name = match key {
                        ObjectKey::Ident(ident) => ident.as_str().to_owned(),
                        ObjectKey::Expression(Expression::String(text)) => text.as_str().to_owned(),
                        ObjectKey::Expression(Expression::StringTemplate(template)) => self.template(template.iter()),
                        ObjectKey::Expression(_) => self.source(at).to_owned(),
                    };
                    let value = self.expression(value.expr(), depth + 1)?;
                    match parts.get_mut(&name) {
                        // Of a key that is there twice, Terraform takes the last.
                        Some(part) => *part = Part::Value(value),
                        None => parts.push(Key { name, span: at }, Part::Value(value)),
                    }
                }
                parts.finish()
            }
            Expression::StringTemplate(template) => Value::String(self.template(template.iter())),
            Expression::HeredocTemplate(heredoc) => Value::String(self.template(heredoc.template.iter())),
            // An operation on a literal, such as a negative number, is one.
            Expression::UnaryOp(_) => match number(self.source(place).trim()) {
                Some(number) => Value::Number(number),
                None => self.wrapped(place),
            },
            Expression::FuncCall(call) => {
                let name = call.name.name.as_str();
                if let (true, Some(given)) = (name == "jsonencode", call.args.iter().next()) {
                    let given = self.expression(given, depth + 1)?;
                    self.encoded.push(given);
                }
                self.wrapped(place)
            }
            Expression::Parenthesis(inner) => return self.expression(inner.inner(), depth + 1),
            _ => self.wrapped(place),
        };
        Ok(Node::new(value, place))
    }

    fn wrapped(&self, place: Span) -> Value {
        Value::String(format!("${{{}}}", self.source(place).trim()))
    }

    fn template<'t>(&self, elements: impl Iterator<Item = &'t Element>) -> String {
        elements
            .map(|element| match element {
                Element::Literal(text) => text.as_ref().clone(),
                Element::Interpolation(part) => format!("${{{}}}", self.source(span(part.expr.span())).trim()),
                Element::Directive(part) => self.source(span(part.span())).to_owned(),
            })
            .collect()
    }
}

/// A body under construction.
#[derive(Default)]
struct Parts {
    parts: Vec<(Key, Part)>,
    index: HashMap<String, usize>,
}

enum Part {
    Value(Node),
    /// Blocks of one type and the same labels.
    Blocks(Vec<Node>),
    /// What the next label tells apart.
    Labels(Parts, Span),
}

impl Parts {
    fn push(&mut self, key: Key, part: Part) {
        self.index.insert(key.name.clone(), self.parts.len());
        self.parts.push((key, part));
    }

    fn get_mut(&mut self, name: &str) -> Option<&mut Part> {
        let index = *self.index.get(name)?;
        self.parts.get_mut(index).map(|(_, part)| part)
    }

    /// Puts a block where its type and labels say, in the list at the end.
    fn insert(&mut self, keys: &[(&str, Span)], node: Node) -> Result<(), ParseError> {
        let Some(((name, at), rest)) = keys.split_first() else { return Ok(()) };
        if !self.index.contains_key(*name) {
            let part =
                if rest.is_empty() { Part::Blocks(Vec::new()) } else { Part::Labels(Self::default(), node.span) };
            self.push(Key { name: (*name).to_owned(), span: *at }, part);
        }
        match (self.get_mut(name), rest.is_empty()) {
            (Some(Part::Blocks(blocks)), true) => blocks.push(node),
            (Some(Part::Labels(parts, span)), false) => {
                *span = span.hull(&node.span);
                parts.insert(rest, node)?;
            }
            // `a` as an attribute and as a block, or with and without labels: nothing that a tool would take.
            _ => return Err(ParseError::new(at.start, format!("{name:?} is there in two ways that do not fit"))),
        }
        Ok(())
    }

    fn finish(self) -> Value {
        let node = |part| match part {
            Part::Value(node) => node,
            Part::Blocks(blocks) => {
                let span = blocks.iter().map(|node| node.span).reduce(|a, b| a.hull(&b)).unwrap_or(Span::new(0, 0));
                Node::new(Value::List(blocks), span)
            }
            Part::Labels(parts, span) => Node::new(parts.finish(), span),
        };
        Value::Map(self.parts.into_iter().map(|(key, part)| (key, node(part))).collect())
    }
}
