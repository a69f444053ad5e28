//! What tests share: scripted git repositories with frozen dates, made-up secrets, and keyward itself.
#![allow(dead_code)]

pub mod pack;
pub mod repo;
pub mod seen;

use keyward::rule::pattern::{Seed, expand};

/// A text that `pattern` (a regex) matches; the same for the same seed. No token-like literal is ever stored.
pub fn made_up(pattern: &str, seed: u64) -> String {
    String::from_utf8(expand(pattern, &mut Seed::new(seed)).unwrap()).unwrap()
}

/// The keyward binary under test.
pub fn keyward() -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_keyward"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") || name.to_string_lossy().starts_with("KEYWARD_") {
            command.env_remove(name);
        }
    }
    command
}

/// A GitHub token that was never issued but whose checksum holds, so that it is found with certainty.
pub fn github_token(seed: u64) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let body = made_up("[A-Za-z0-9]{30}", seed);
    let mut crc = crc32fast::hash(body.as_bytes());
    let mut tail = [b'0'; 6];
    for digit in tail.iter_mut().rev() {
        *digit = DIGITS[(crc % 62) as usize];
        crc /= 62;
    }
    format!("ghp_{body}{}", String::from_utf8(tail.to_vec()).unwrap())
}

/// Standard output and error as text, for assertions about what a person reads.
pub fn text(out: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

/// The JSON report on standard output.
pub fn json(out: &std::process::Output) -> serde_json::Value {
    serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(out)))
}

/// (path, start line, rule) of each finding of a JSON report.
pub fn findings(out: &std::process::Output) -> Vec<(String, u64, String)> {
    let report = json(out);
    let all = report["findings"].as_array().unwrap();
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    all.iter().map(|f| (word(&f["path"]), f["start_line"].as_u64().unwrap(), word(&f["rule"]))).collect()
}
