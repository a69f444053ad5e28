//! JSON, and JSON with comments and trailing commas.

use jsonc_parser::ast::{self, ObjectPropName};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::{Budget, DEEPEST, Key, Node, Number, ParseError, Value, too_deep, twice};
use crate::model::Span;

pub(super) fn read(text: &str) -> Result<Node, ParseError> {
    let options = ParseOptions {
        allow_comments: true,
        allow_loose_object_property_names: false,
        allow_trailing_commas: true,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options)
        .map_err(|error| ParseError::new(error.range().start, error.kind().to_string()))?;
    match parsed.value {
        Some(value) => node(&value, 0, &mut Budget::new()),
        None => Err(ParseError::new(text.len(), "there is no value".to_owned())),
    }
}

fn node(value: &ast::Value<'_>, depth: usize, budget: &mut Budget) -> Result<Node, ParseError> {
    let range = value.range();
    let span = Span::new(range.start, range.end);
    if depth > DEEPEST {
        return Err(too_deep(span.start));
    }
    budget.spend(1, span.start)?;
    let value = match value {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(bool) => Value::Bool(bool.value),
        ast::Value::StringLit(text) => Value::String(text.value.clone().into_owned()),
        ast::Value::NumberLit(number) => Value::Number(
            self::number(number.value).ok_or_else(|| ParseError::new(span.start, "no number that fits".to_owned()))?,
        ),
        ast::Value::Array(array) => {
            Value::List(array.elements.iter().map(|item| node(item, depth + 1, budget)).collect::<Result<_, _>>()?)
        }
        ast::Value::Object(object) => {
            let mut seen = std::collections::HashSet::new();
            let mut entries = Vec::with_capacity(object.properties.len());
            for property in &object.properties {
                let range = match &property.name {
                    ObjectPropName::String(name) => name.range,
                    ObjectPropName::Word(name) => name.range,
                };
                let name = property.name.as_str();
                if !seen.insert(name) {
                    return Err(twice(range.start, name));
                }
                let key = Key { name: name.to_owned(), span: Span::new(range.start, range.end) };
                entries.push((key, node(&property.value, depth + 1, budget)?));
            }
            Value::Map(entries)
        }
    };
    Ok(Node::new(value, span))
}

/// A decimal number; whole ones stay exact while they fit.
pub(super) fn number(text: &str) -> Option<Number> {
    if let Ok(int) = text.parse() {
        return Some(Number::Int(int));
    }
    if let Ok(unsigned) = text.parse() {
        return Some(Number::Unsigned(unsigned));
    }
    text.parse().ok().filter(|float: &f64| float.is_finite()).map(Number::Float)
}
