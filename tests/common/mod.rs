//! What tests share: scripted git repositories with frozen dates, made-up secrets, and keyward itself.
#![allow(dead_code)]

pub mod repo;

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
