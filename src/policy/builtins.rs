//! Functions that policies may call beyond the engine's own, and those they may not.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow, bail};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use regorus::unstable::BUILTINS;
use regorus::{Engine, Value};

use super::convert;
use crate::parse::{Kind, parse};

/// Name and number of arguments of our own.
const OWN: &[(&str, u8)] = &[
    ("time.now_ns", 0),
    ("time.parse_rfc3339_ns", 1),
    ("time.date", 1),
    ("time.parse_duration_ns", 1),
    ("yaml.unmarshal", 1),
    ("yaml.is_valid", 1),
];

/// Why a function is not available, for those that Rego has.
pub(super) fn refused(name: &str) -> Option<&'static str> {
    match name {
        "http.send" | "net.lookup_ip_addr" => Some("keyward sends nothing anywhere"),
        "opa.runtime" | "rand.intn" | "uuid.rfc4122" => Some("the same input must give the same verdict"),
        _ => None,
    }
}

/// How many arguments a function takes; none where there is no such function.
pub(super) fn arity(name: &str) -> Option<usize> {
    let own = OWN.iter().find(|(own, _)| *own == name).map(|(_, n)| usize::from(*n));
    own.or_else(|| BUILTINS.get(name).map(|(_, n)| usize::from(*n)))
}

/// The names of our own.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    OWN.iter().map(|(name, _)| *name)
}

/// Gives an engine our own functions. It is `today`, whatever the clock says: a verdict does not change within a day.
pub(super) fn register(engine: &mut Engine, today: Date) -> anyhow::Result<()> {
    for (name, arguments) in OWN {
        let call = move |values: Vec<Value>| own(name, &values, today);
        engine.add_extension((*name).to_owned(), *arguments, Box::new(call))?;
    }
    Ok(())
}

fn own(name: &str, values: &[Value], today: Date) -> anyhow::Result<Value> {
    let argument = values.first();
    let text = || match argument {
        Some(Value::String(text)) => Ok(text.to_string()),
        _ => Err(anyhow!("{name} takes a string")),
    };
    let nanoseconds = |n: i128| i64::try_from(n).map(Value::from).context("out of range");
    match name {
        "time.now_ns" => nanoseconds(TimeZone::UTC.to_timestamp(today.at(0, 0, 0, 0))?.as_nanosecond()),
        "time.parse_rfc3339_ns" => nanoseconds(text()?.parse::<Timestamp>()?.as_nanosecond()),
        "time.date" => {
            let ns =
                argument.map(convert::text).and_then(|text| text.parse::<i128>().ok()).context("a number of ns")?;
            let date = TimeZone::UTC.to_datetime(Timestamp::from_nanosecond(ns)?).date();
            let parts = [i64::from(date.year()), i64::from(date.month()), i64::from(date.day())];
            Ok(Value::from(parts.map(Value::from).to_vec()))
        }
        "time.parse_duration_ns" => duration(&text()?).and_then(nanoseconds),
        "yaml.is_valid" => Ok(Value::from(parse(Kind::Yaml, text()?.as_bytes()).is_ok())),
        "yaml.unmarshal" => {
            let text = text()?;
            let mut documents =
                parse(Kind::Yaml, text.as_bytes()).map_err(|error| anyhow!(error.located(text.as_bytes())))?;
            match (documents.pop(), documents.is_empty()) {
                (Some(node), true) => Ok(convert::to_rego(&node, None)),
                (None, _) => Ok(Value::Null),
                // A list at the top comes as its items.
                (Some(last), false) => {
                    documents.push(last);
                    Ok(Value::from(documents.iter().map(|node| convert::to_rego(node, None)).collect::<Vec<_>>()))
                }
            }
        }
        _ => bail!("{name} is not there"),
    }
}

/// `1h30m`, as Go writes durations.
fn duration(text: &str) -> anyhow::Result<i128> {
    let units =
        BTreeMap::from([("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12)]);
    let (negative, mut rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let mut total = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').context("a unit is missing")?;
        let (number, after) = rest.split_at_checked(end).unwrap_or_default();
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(end).unwrap_or_default();
        total += number.parse::<f64>()? * units.get(unit).with_context(|| format!("'{unit}' is no unit"))?;
        rest = next;
    }
    Ok(if negative { -total as i128 } else { total as i128 })
}
