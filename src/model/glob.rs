//! Path conditions: globs on a blob's path.

use std::cell::RefCell;
use std::collections::HashMap;

use globset::{Glob, GlobMatcher};

use super::BytePath;

/// Globs that a thread keeps ready; rules have a few dozen.
const KEPT: usize = 256;

thread_local! {
    /// Made ready; none for one that cannot be read.
    static READY: RefCell<HashMap<String, Option<GlobMatcher>>> = RefCell::default();
}

/// True when any of `globs` matches the path, or there are none; what lies in an archive is matched as if that were a
/// directory. `*` also crosses `/`; a glob that cannot be read
/// matches nothing (rules are checked when they are loaded).
pub fn any_glob_matches(globs: &[String], path: &BytePath) -> bool {
    if globs.is_empty() {
        return true;
    }
    let path = path.unpacked().to_os();
    READY.with_borrow_mut(|ready| {
        globs.iter().any(|glob| {
            if !ready.contains_key(glob) {
                if ready.len() >= KEPT {
                    ready.clear();
                }
                ready.insert(glob.clone(), Glob::new(glob).ok().map(|glob| glob.compile_matcher()));
            }
            ready.get(glob).is_some_and(|matcher| matcher.as_ref().is_some_and(|glob| glob.is_match(&path)))
        })
    })
}
