//! Where a repository's objects lie: its own directory and all alternates.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::Repo;
use crate::model::BytePath;

/// Alternates of alternates are followed so far, as git does.
const DEPTH: usize = 5;
/// No file of alternates is longer; git's own are a line or two.
const MOST: u64 = 1 << 20;

impl Repo {
    /// The object directories, this repository's own first. What the environment names counts where git would heed it.
    pub fn object_dirs(&self) -> Vec<PathBuf> {
        let env = |name: &str| self.is_from_env().then(|| std::env::var_os(name)).flatten();
        let own = env("GIT_OBJECT_DIRECTORY").map_or_else(|| self.common_dir().join("objects"), PathBuf::from);
        let mut dirs = vec![own];
        if let Some(more) = env("GIT_ALTERNATE_OBJECT_DIRECTORIES") {
            dirs.extend(std::env::split_paths(&more).filter(|dir| !dir.as_os_str().is_empty()));
        }
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        let mut level = dirs;
        for _ in 0..=DEPTH {
            let mut next = Vec::new();
            for dir in level {
                // One directory may be named twice, in two ways.
                if seen.insert(dir.canonicalize().unwrap_or_else(|_| dir.clone())) {
                    next.extend(alternates(&dir));
                    found.push(dir);
                }
            }
            level = next;
        }
        found
    }
}

/// What `info/alternates` names: a path a line, relative ones to the object directory.
fn alternates(dir: &Path) -> Vec<PathBuf> {
    let file = dir.join("info/alternates");
    if std::fs::metadata(&file).is_ok_and(|meta| meta.len() > MOST) {
        return Vec::new();
    }
    let Ok(text) = std::fs::read(&file) else { return Vec::new() };
    let lines = text.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let named = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    named.map(|line| dir.join(BytePath::new(unquoted(line)).to_os())).collect()
}

/// Git quotes a path with special bytes as a C string.
fn unquoted(line: &[u8]) -> Vec<u8> {
    let Some(inner) = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")) else { return line.to_vec() };
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(b'r') => out.push(b'\r'),
            Some(digit @ b'0'..=b'3') => {
                let mut value = digit - b'0';
                for digit in bytes.by_ref().take(2) {
                    value = value.wrapping_mul(8).wrapping_add(digit.wrapping_sub(b'0') & 7);
                }
                out.push(value);
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_paths_are_read_as_git_writes_them() {
        assert_eq!(unquoted(b"/a b/c"), b"/a b/c");
        assert_eq!(unquoted(br#""/a\"b\\c\t\303\244""#), b"/a\"b\\c\t\xc3\xa4");
    }
}
