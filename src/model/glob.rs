//! Path conditions: globs on a blob's path.

use globset::Glob;

use super::BytePath;

/// True when any of `globs` matches the path, or there are none. `*` also crosses `/`; a glob that cannot be read
/// matches nothing (rules are checked when they are loaded).
pub fn any_glob_matches(globs: &[String], path: &BytePath) -> bool {
    globs.is_empty()
        || globs.iter().any(|glob| Glob::new(glob).is_ok_and(|glob| glob.compile_matcher().is_match(path.to_os())))
}
