//! Text to positioned values: what YAML, JSON, TOML, HCL, Dockerfiles and small line formats say, and where each part
//! stands. Hostile input is bounded in size, depth and expansion; broken input is an error at its place. Knows no rule.

mod dockerfile;
mod embedded;
mod error;
mod hcl;
mod json;
mod kind;
mod owners;
mod plain;
mod toml;
mod value;
mod xml;
mod yaml;

pub use embedded::embedded;
pub use error::ParseError;
pub use kind::Kind;
pub use owners::Owners;
pub use value::{Key, Node, Number, Step, Value, read_path, shown};

use crate::model::guard;

/// Larger files are refused: nobody writes configuration of this size, and a value takes many times its text.
pub const LARGEST: usize = 8 << 20;
/// Values nested deeper are refused.
const DEEPEST: usize = 100;
/// More values than this, aliases expanded, are refused.
const MOST_NODES: usize = 1 << 20;

/// Reads `bytes` as `kind`: the file's documents, one for most formats. As conftest has it, the items of a list at the
/// top of a file are documents of their own.
///
/// # Errors
/// What is wrong, and where: the first mistake.
pub fn parse(kind: Kind, bytes: &[u8]) -> Result<Vec<Node>, ParseError> {
    if bytes.len() > LARGEST {
        return Err(ParseError::new(0, format!("larger than {} MiB: no {kind} is read beyond that", LARGEST >> 20)));
    }
    let skip = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let text = std::str::from_utf8(bytes.get(skip..).unwrap_or_default())
        .map_err(|error| ParseError::new(skip + error.valid_up_to(), "not UTF-8 text".to_owned()))?;
    // A parser that panics on hostile text must not take the scan with it.
    let mut documents = guard(|| read(kind, text))
        .unwrap_or_else(|| Err(ParseError::new(0, format!("the {kind} parser gave up on this file"))))
        .map_err(|error| error.moved(skip))?;
    if skip > 0 {
        documents.iter_mut().for_each(|node| shift(node, skip));
    }
    Ok(documents)
}

fn read(kind: Kind, text: &str) -> Result<Vec<Node>, ParseError> {
    let one = match kind {
        Kind::Yaml => return Ok(yaml::read(text)?.into_iter().flat_map(spread).collect()),
        Kind::Json => json::read(text)?,
        Kind::Toml => toml::read(text)?,
        Kind::Hcl => hcl::read(text)?,
        Kind::Dockerfile => return Ok(vec![dockerfile::read(text)?]),
        Kind::Dotenv => plain::dotenv(text)?,
        Kind::Ini => plain::ini(text)?,
        Kind::Properties => plain::properties(text)?,
        Kind::Xml => xml::read(text)?,
        Kind::Codeowners => return Ok(vec![owners::read(text)]),
    };
    Ok(spread(one))
}

fn spread(node: Node) -> Vec<Node> {
    match node.value {
        Value::List(items) => items,
        value => vec![Node { value, ..node }],
    }
}

fn shift(node: &mut Node, by: usize) {
    let moved = |span: &mut crate::model::Span| *span = crate::model::Span::new(span.start + by, span.end + by);
    moved(&mut node.span);
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| shift(item, by)),
        Value::Map(entries) => {
            for (key, value) in entries {
                moved(&mut key.span);
                shift(value, by);
            }
        }
        _ => {}
    }
}

/// Counts what is built, so that no short text becomes endless values.
struct Budget {
    left: usize,
}

impl Budget {
    fn new() -> Self {
        Self { left: MOST_NODES }
    }

    fn spend(&mut self, nodes: usize, at: usize) -> Result<(), ParseError> {
        self.left = self
            .left
            .checked_sub(nodes)
            .ok_or_else(|| ParseError::new(at, format!("more than {MOST_NODES} values, aliases expanded")))?;
        Ok(())
    }
}

fn too_deep(at: usize) -> ParseError {
    ParseError::new(at, format!("nested deeper than {DEEPEST} levels"))
}

fn twice(at: usize, key: &str) -> ParseError {
    ParseError::new(at, format!("the key {key:?} is there twice"))
}

#[cfg(test)]
mod tests;
