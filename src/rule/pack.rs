//! The compiled pack: every rule of `rules/secrets/` in one checked-in file, read without parsing TOML.
//!
//! `cargo xtask pack` writes it; CI proves it current. Examples are kept in a file of their own, read only by
//! the rules' self-check.

use serde::{Deserialize, Serialize};

use super::Rule;
use super::written::Examples;

/// The rules, postcard-encoded.
static PACK: &[u8] = include_bytes!("../../rules/pack.bin");
/// Their examples, postcard-encoded.
static EXAMPLES: &[u8] = include_bytes!("../../rules/examples.bin");

/// Rules sorted by id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pack {
    /// The rules.
    pub rules: Vec<Rule>,
}

/// The embedded pack cannot be read: the build is broken.
#[derive(Debug, thiserror::Error)]
#[error("the built-in rule pack cannot be read: {0}")]
pub struct PackError(#[from] postcard::Error);

impl Pack {
    /// The rules this binary was built with.
    pub fn builtin() -> Result<Self, PackError> {
        Self::decode(PACK)
    }

    /// Reads what [`Pack::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, PackError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        Ok(postcard::from_bytes(bytes)?)
    }

    /// The compact form.
    pub fn encode(&self) -> Result<Vec<u8>, PackError> {
        Ok(postcard::to_allocvec(self)?)
    }
}

/// The examples of the built-in rules, in the pack's order.
pub fn builtin_examples() -> Result<Vec<(String, Examples)>, PackError> {
    if EXAMPLES.is_empty() {
        return Ok(Vec::new());
    }
    Ok(postcard::from_bytes(EXAMPLES)?)
}

/// The compact form of examples.
pub fn encode_examples(examples: &[(String, Examples)]) -> Result<Vec<u8>, PackError> {
    Ok(postcard::to_allocvec(examples)?)
}

/// Identifies the pack's content, for caches and reports: 16 hex digits.
pub fn builtin_hash() -> String {
    blake3::hash(PACK).to_hex().chars().take(16).collect()
}
