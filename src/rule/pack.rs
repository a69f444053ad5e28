//! The compiled pack: every rule of `rules/secrets/` in one checked-in file, read without parsing TOML, with the plan of
//! the prefilter that was made for just these rules.
//!
//! `cargo xtask pack` writes it; CI proves it current. Examples are kept in a file of their own, read only by
//! the rules' self-check.

use super::Rule;
use super::written::Examples;

/// The hash of the rules (16 hex digits), the length of their encoding (4 bytes, little endian), that encoding
/// (postcard), and the plan, which only the detector reads.
static PACK: &[u8] = include_bytes!("../../rules/pack.bin");
/// Their examples, postcard-encoded.
static EXAMPLES: &[u8] = include_bytes!("../../rules/examples.bin");

/// Hex digits of the hash.
const HASH: usize = 16;

/// Rules sorted by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pack {
    /// The rules.
    pub rules: Vec<Rule>,
}

/// The embedded pack cannot be read: the build is broken.
#[derive(Debug, thiserror::Error)]
#[error("the built-in rule pack cannot be read: {0}")]
pub struct PackError(#[from] postcard::Error);

/// The parts of a pack's bytes.
#[derive(Clone, Copy)]
struct Parts<'a> {
    hash: &'a [u8],
    rules: &'a [u8],
    plan: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let (hash, rest) = bytes.split_at_checked(HASH)?;
        let (length, rest) = rest.split_first_chunk()?;
        let (rules, plan) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        Some(Self { hash, rules, plan })
    }
}

impl Pack {
    /// The rules this binary was built with.
    pub fn builtin() -> Result<Self, PackError> {
        Self::decode(PACK)
    }

    /// Reads what [`Pack::encode`] wrote. Texts are borrowed, and what rules say about themselves is read when asked for.
    pub fn decode(bytes: &'static [u8]) -> Result<Self, PackError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let parts = Parts::of(bytes).ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        let mut rules: Vec<Rule> = postcard::from_bytes(parts.rules)?;
        (0..).zip(&mut rules).for_each(|(number, rule)| rule.number = Some(number));
        Ok(Self { rules })
    }

    /// The compact form. `plan` is what the detector makes of these rules.
    pub fn encode(&self, plan: &[u8]) -> Result<Vec<u8>, PackError> {
        let rules = postcard::to_allocvec(&self.rules)?;
        let length = u32::try_from(rules.len()).map_err(|_| postcard::Error::SerializeBufferFull)?;
        Ok([hash_of(&rules).as_bytes(), &length.to_le_bytes(), &rules, plan].concat())
    }
}

fn hash_of(rules: &[u8]) -> String {
    blake3::hash(rules).to_hex().chars().take(HASH).collect()
}

/// The detector's plan for the built-in rules.
pub(crate) fn plan() -> &'static [u8] {
    Parts::of(PACK).map(|parts| parts.plan).unwrap_or_default()
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
    Parts::of(PACK).map(|parts| String::from_utf8_lossy(parts.hash).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pack_is_read_whole_and_as_its_hash_says() {
        let parts = Parts::of(PACK).unwrap();
        assert_eq!(hash_of(parts.rules), builtin_hash());
        let pack = Pack::builtin().unwrap();
        for rule in &pack.rules {
            rule.meta.check().unwrap();
            assert_eq!(rule.id(), rule.meta.id);
        }
        assert_eq!(pack.encode(parts.plan).unwrap(), PACK);
    }

    #[test]
    fn a_torn_pack_is_an_error() {
        for length in [1, HASH, HASH + 4, 1000, plan().len()] {
            assert!(Pack::decode(&PACK[..length]).is_err(), "{length}");
        }
    }
}
