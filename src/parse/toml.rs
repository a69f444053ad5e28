//! TOML. Dates become texts.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Budget, DEEPEST, Key, Node, Number, ParseError, Value, too_deep};
use crate::model::Span;

pub(super) fn read(text: &str) -> Result<Node, ParseError> {
    let table = DeTable::parse(text).map_err(|error| {
        ParseError::new(error.span().map_or(0, |span| span.start), error.message().trim().to_owned())
    })?;
    let value = self::table(table.get_ref(), 0, &mut Budget::new())?;
    Ok(Node::new(value, Span::new(0, text.len())))
}

fn table(table: &DeTable<'_>, depth: usize, budget: &mut Budget) -> Result<Value, ParseError> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table.iter() {
        let span = Span::new(key.span().start, key.span().end);
        entries.push((Key { name: key.get_ref().to_string(), span }, node(value, depth + 1, budget)?));
    }
    entries.sort_by_key(|(key, _)| key.span);
    Ok(Value::Map(entries))
}

fn node(value: &Spanned<DeValue<'_>>, depth: usize, budget: &mut Budget) -> Result<Node, ParseError> {
    let span = Span::new(value.span().start, value.span().end);
    if depth > DEEPEST {
        return Err(too_deep(span.start));
    }
    budget.spend(1, span.start)?;
    let beyond = || ParseError::new(span.start, "no number that fits".to_owned());
    let value = match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(yes) => Value::Bool(*yes),
        DeValue::Integer(number) => {
            let int = i64::from_str_radix(number.as_str(), number.radix()).map_err(|_| beyond())?;
            Value::Number(Number::Int(int))
        }
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(float) if float.is_finite() => Value::Number(Number::Float(float)),
            // JSON, and so policies, know no infinity.
            Ok(_) => Value::String(number.as_str().to_owned()),
            Err(_) => return Err(beyond()),
        },
        DeValue::Datetime(date) => Value::String(date.to_string()),
        DeValue::Array(items) => {
            Value::List(items.iter().map(|item| node(item, depth + 1, budget)).collect::<Result<_, _>>()?)
        }
        DeValue::Table(inner) => table(inner, depth, budget)?,
    };
    Ok(Node::new(value, span))
}
