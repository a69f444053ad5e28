//! Texts to count work on: always the same bytes, secrets made at run time.

use keyward::rule::pattern::{Seed, expand};

/// What is written between names: enough of each language that anchors meet their usual neighbours.
const LINES: &[&str] = &[
    "    let {}_{n} = {}s.get({n}).map(|{}| {}.{}());",
    "// see https://{}.example.com/{}/{n} for the {} {}",
    "def {}_{n}(self, {}, {}=None): return self.{}({})",
    "    \"{}_{n}\": {\"type\": \"{}\", \"default\": null, \"{}\": \"{}\"},",
    "{}:\n  {}: {}\n  {}: {n}",
    "export {}_{}=\"${{}}\"; {} --{} {n}",
    "const {} = require('{}/{}'); module.exports.{} = {};",
    "INSERT INTO {} ({}, {}) VALUES ({n}, '{}');",
];

const WORDS: &[&str] = &[
    "token",
    "secret",
    "password",
    "api_key",
    "client",
    "github",
    "value",
    "index",
    "request",
    "user",
    "session",
    "auth",
    "config",
    "access",
    "server",
    "message",
    "stripe",
    "slack",
    "amazon",
    "google",
    "buffer",
    "length",
    "private",
    "public",
    "key",
    "id",
    "name",
    "service",
    "account",
    "connection",
    "string",
    "azure",
    "heroku",
    "twilio",
    "data",
    "render",
    "compute",
    "handle",
    "license",
    "version",
    "hash",
    "signature",
    "cookie",
    "bearer",
    "mongodb",
    "postgres",
];

fn pick<'t>(some: &[&'t str], seed: &mut Seed) -> &'t str {
    some[usize::try_from(seed.below(some.len() as u64)).unwrap()]
}

/// Source code and configuration in many tongues, without a secret.
pub fn code(bytes: usize, salt: u64) -> Vec<u8> {
    let mut seed = Seed::new(salt);
    let mut out = String::with_capacity(bytes + 200);
    while out.len() < bytes {
        let mut rest = pick(LINES, &mut seed);
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix("n}") {
                out.push_str(&seed.below(1000).to_string());
                rest = after;
            } else if let Some(after) = after.strip_prefix('}') {
                out.push_str(pick(WORDS, &mut seed));
                rest = after;
            } else {
                out.push('{');
                rest = after;
            }
        }
        out.push_str(rest);
        out.push('\n');
    }
    out.into_bytes()
}

/// A lock file: names, versions and checksums.
pub fn lock_file(bytes: usize) -> Vec<u8> {
    let mut seed = Seed::new(11);
    let mut out = Vec::new();
    while out.len() < bytes {
        let word = pick(WORDS, &mut seed);
        out.extend_from_slice(format!("[[package]]\nname = \"{word}-client\"\nchecksum = \"").as_bytes());
        out.extend_from_slice(&expand("[0-9a-f]{64}", &mut seed).unwrap());
        out.extend_from_slice(b"\"\nintegrity sha512-");
        out.extend_from_slice(&expand("[A-Za-z0-9+/]{86}", &mut seed).unwrap());
        out.extend_from_slice(b"==\n\n");
    }
    out
}

/// A bundle: one long line.
pub fn bundle(bytes: usize) -> Vec<u8> {
    code(bytes, 12).into_iter().filter(|byte| !b"\n ".contains(byte)).collect()
}

/// Bytes of every value.
pub fn noise(bytes: usize) -> Vec<u8> {
    let mut seed = Seed::new(13);
    (0..bytes).map(|_| u8::try_from(seed.below(256)).unwrap()).collect()
}

/// Code with a secret every four kilobytes.
pub fn leaky(bytes: usize) -> Vec<u8> {
    let forms = ["ghp_[A-Za-z0-9]{36}", "AKIA[A-Z2-7]{16}", "glpat-[A-Za-z0-9_]{20}", "[A-Za-z0-9]{32}"];
    let mut seed = Seed::new(14);
    let mut out = Vec::new();
    for salt in 100.. {
        if out.len() >= bytes {
            break;
        }
        out.extend_from_slice(&code(4 << 10, salt));
        out.extend_from_slice(b"api_token = \"");
        out.extend_from_slice(&expand(pick(&forms, &mut seed), &mut seed).unwrap());
        out.extend_from_slice(b"\"\n");
    }
    out
}

/// The same text as UTF-16 with its mark.
pub fn utf16(text: &[u8]) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(text.iter().flat_map(|byte| [*byte, 0])).collect()
}
