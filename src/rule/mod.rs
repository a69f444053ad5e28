//! What a secret rule is, how it is written (TOML), and the compiled pack. Knows nothing of matching.

mod family;
mod meta;
pub mod pack;
pub mod pattern;
mod shape;
pub mod written;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use meta::Meta;

use crate::model::{BytePath, Confidence, any_glob_matches};

/// A rule ready to match with. Its regex is text: whoever matches compiles it when first needed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// What reports show.
    pub meta: Meta,
    /// What a match is worth before checksums and other evidence move it.
    pub confidence: Confidence,
    /// How to match.
    pub kind: Kind,
    /// What was written, as a byte regex without Unicode: the value's form for [`Kind::Assigned`] and [`Kind::Keyed`],
    /// nothing for [`Kind::Assignment`]. [`Rule::expression`] is the whole.
    #[serde(borrow)]
    pub regex: Cow<'static, str>,
    /// Literals one of which is in every match.
    pub anchors: Vec<Anchor>,
    /// How many bytes before an anchor a match may start. 0: the match starts at the anchor.
    pub lookback: u32,
    /// The longest match in bytes, capped at [`Rule::LONGEST`].
    pub max_len: u32,
    /// Least Shannon entropy of the secret in bits a byte; 0 for none.
    pub entropy: f32,
    /// How to verify the secret without asking anybody.
    pub checksum: Option<Checksum>,
    /// Globs on the path; empty for every path. A rule with paths never matches a blob that has none.
    pub paths: Vec<String>,
    /// Parts that must lie near, and those that are shown with it where they do.
    pub requires: Vec<Requires>,
    /// Only a part of others: never a finding alone.
    pub part: bool,
    /// Names that are given nothing but this, without joints and in small letters: a guess under one is doubtful.
    pub claims: Vec<String>,
    /// Its place in the built-in pack, for which the prefilter is planned; none for any other rule.
    #[serde(skip)]
    pub number: Option<u16>,
}

impl Rule {
    /// No match is longer than this many bytes, whatever the regex says.
    pub const LONGEST: u32 = 16 * 1024;

    /// The rule's id.
    pub fn id(&self) -> &str {
        self.meta.id()
    }

    /// The whole regex, holding one capture named `secret`; empty for [`Kind::Assignment`].
    pub fn expression(&self) -> Cow<'_, str> {
        match self.kind {
            Kind::Assigned => Cow::Owned(shape::assigned(&self.anchors, &self.regex)),
            Kind::Keyed => Cow::Owned(shape::keyed(&self.anchors, &self.regex)),
            Kind::Regex | Kind::Token | Kind::Assignment => Cow::Borrowed(&self.regex),
        }
    }

    /// True when its path condition allows `path`. A rule without one applies to blobs without a path as well.
    pub fn applies_to(&self, path: Option<&BytePath>) -> bool {
        self.paths.is_empty() || path.is_some_and(|path| any_glob_matches(&self.paths, path))
    }
}

/// How a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The regex as it stands.
    Regex,
    /// The secret is the whole match; the bytes around it must not continue it (see the matcher).
    Token,
    /// A name holding an anchor, an operator, and a value matching the rule's class; the value must not go on.
    Assigned,
    /// A key's value: the key's name is an anchor, alone or with a part that tells, or is a telling one close behind it.
    Keyed,
    /// The generic assignment grammar, in code.
    Assignment,
}

/// A literal that every match of its rule holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The literal; in lower case when `ignore_case`.
    #[serde(borrow)]
    pub text: Cow<'static, str>,
    /// Compare ASCII letters without case.
    pub ignore_case: bool,
    /// What must follow at once: makes a short or common literal rare enough.
    pub then: Option<Follow>,
}

/// A run of bytes of one class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follow {
    /// Inclusive byte ranges.
    pub class: Vec<(u8, u8)>,
    /// How many bytes of it at least.
    pub least: u8,
}

impl Follow {
    /// True when `rest` starts with the run.
    pub fn holds(&self, rest: &[u8]) -> bool {
        let least = usize::from(self.least);
        rest.len() >= least
            && rest.iter().take(least).all(|b| self.class.iter().any(|(low, high)| (*low..=*high).contains(b)))
    }
}

/// A composite part that must lie near.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requires {
    /// The part's rule id.
    pub rule: String,
    /// How many lines away at most; 0 for the same line.
    pub within_lines: u32,
    /// True for a part that is shown where it is there, and missed nowhere.
    pub optional: bool,
}

/// Checksums and structures that can be verified offline. Where each fact comes from stands beside its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checksum {
    /// GitHub and npm: CRC-32 of what follows the prefix, base 62, last six characters.
    Crc32Base62,
    /// Grafana service accounts: `_` and CRC-32 in hex at the end.
    Crc32Hex,
    /// age: bech32.
    Bech32,
    /// JSON web token: three parts, the first two base64url JSON objects, an `alg` in the header.
    Jwt,
    /// PEM: base64 whose DER or OpenSSH framing is right.
    Pem,
    /// AWS access key ids: the account number that four of its characters hold is plausible.
    AwsKeyId,
    /// The part after the prefix is base64 JSON.
    Base64Json,
    /// Azure's identifiable secrets: a fixed signature inside base64 of the right length.
    AzureSignature,
    /// GitLab's routable tokens: CRC-32 of all before it, base 36, last seven characters.
    Crc32Base36,
}
