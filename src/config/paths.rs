//! Globs on paths.

use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};

use super::Named;
use super::reader::Reader;
use crate::model::BytePath;

/// A set of globs, matched byte for byte against paths relative to the scanned root, never against absolute ones.
///
/// - `name` or `*.ext`, without a `/`, matches in any directory; `dir/file` and `/name` only from the root;
/// - a glob that names a directory, with or without a final `/`, matches all below it;
/// - `*` and `?` stop at `/`, `**` does not; `[abc]` and `{a,b}` are choices;
/// - `\` is a separator too (a habit from Windows), except before `[`, `]`, `{`, `}`, `!` and `,`, which it
///   makes literal.
#[derive(Clone, Debug, Default)]
pub struct PathFilter {
    globs: Vec<String>,
    set: GlobSet,
}

/// Longer globs are refused: their automata would cost more than any path is worth.
const LONGEST: usize = 1024;

impl PathFilter {
    /// From globs as the user wrote them.
    ///
    /// # Errors
    /// When a glob is malformed; use [`problem`] on each to say which.
    pub fn new(globs: &[String]) -> Result<Self, globset::Error> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            for form in forms(glob) {
                set.add(build(&form)?);
            }
        }
        Ok(Self { globs: globs.to_vec(), set: set.build()? })
    }

    /// True when `path` is matched. What lies in an archive is matched as it is written (`a.zip!b/c.env`), and as if the
    /// archive were a directory: so a glob on the archive matches all in it.
    pub fn matches(&self, path: &BytePath) -> bool {
        let is_match = |path: &BytePath| self.set.is_match_candidate(&Candidate::from_bytes(path.as_bytes()));
        !self.globs.is_empty() && (is_match(path) || path.is_inside() && is_match(&path.unpacked()))
    }

    /// True when there is no glob.
    pub fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }

    /// The globs as they were written.
    pub fn globs(&self) -> &[String] {
        &self.globs
    }
}

/// What is wrong with a glob, in one sentence.
pub fn problem(glob: &str) -> Option<String> {
    let shown = super::schema::shorten(glob);
    if glob.len() > LONGEST {
        return Some(format!("glob '{shown}' is longer than {LONGEST} bytes"));
    }
    if glob.starts_with('!') {
        return Some(format!("glob '{shown}': there are no exceptions with `!`; name what is meant"));
    }
    let slashed = slashed(glob);
    if slashed.split('/').any(|part| part == "..") {
        return Some(format!("glob '{shown}' can match nothing: paths are relative to the scanned root, without `..`"));
    }
    if slashed.split('/').all(|part| part.is_empty() || part == ".") {
        return Some(format!("glob '{shown}' names no path; `**` is every path"));
    }
    forms(glob).iter().find_map(|form| build(form).err()).map(|error| format!("glob '{shown}': {}", error.kind()))
}

fn build(form: &str) -> Result<globset::Glob, globset::Error> {
    GlobBuilder::new(form).literal_separator(true).backslash_escape(true).build()
}

/// `\` becomes `/` unless it makes a bracket, brace or comma literal.
fn slashed(glob: &str) -> String {
    let mut out = String::with_capacity(glob.len());
    let mut chars = glob.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('[' | ']' | '{' | '}' | '!' | ',')) => {
                out.push('\\');
                out.extend(chars.next());
            }
            ('\\', _) => out.push('/'),
            _ => out.push(c),
        }
    }
    out
}

/// The globs one glob stands for: the path itself, and all below it.
fn forms(glob: &str) -> Vec<String> {
    let slashed = slashed(glob);
    let mut bare = slashed.as_str();
    let mut rooted = false;
    while let Some(rest) = bare.strip_prefix("./").or_else(|| bare.strip_prefix('/')) {
        bare = rest;
        rooted = true;
    }
    let bare = bare.trim_end_matches('/');
    let whole = if rooted || bare.contains('/') { bare.to_owned() } else { format!("**/{bare}") };
    if whole.ends_with("**") { vec![whole] } else { vec![format!("{whole}/**"), whole] }
}

/// Makes a filter of the globs that `key` holds, reporting each that is wrong.
pub(super) fn read(key: &str, globs: &[Named], reader: &mut Reader<'_>) -> PathFilter {
    let mut good = Vec::new();
    for glob in globs {
        match problem(&glob.name) {
            Some(message) => reader.error_at(glob.line, format!("`{key}`: {message}")),
            None => good.push(glob.name.clone()),
        }
    }
    match PathFilter::new(&good) {
        Ok(filter) => filter,
        Err(error) => {
            // Each is right alone: together they are too many for one automaton.
            let line = globs.first().map_or(1, |glob| glob.line);
            reader.error_at(line, format!("`{key}`: {}", error.kind()));
            PathFilter::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str, path: impl AsRef<[u8]>) -> bool {
        assert_eq!(problem(glob), None, "{glob}");
        PathFilter::new(&[glob.to_owned()]).unwrap().matches(&BytePath::new(path))
    }

    #[test]
    fn a_bare_name_matches_in_any_directory_and_all_below_it() {
        for path in ["vendor", "vendor/a", "x/vendor", "x/y/vendor/z/a.rs"] {
            assert!(matches("vendor", path) && matches("vendor/", path), "{path}");
        }
        assert!(!matches("vendor", "vendored/a") && !matches("vendor", "x/myvendor"));
        assert!(matches("*.lock", "Cargo.lock") && matches("*.lock", "a/b/yarn.lock"));
    }

    #[test]
    fn a_slash_binds_a_glob_to_the_root() {
        assert!(matches("docs/api", "docs/api/x.md") && !matches("docs/api", "old/docs/api/x.md"));
        assert!(matches("/build", "build/x") && !matches("/build", "src/build/x"));
        assert!(matches("./build", "build/x") && !matches("./build", "src/build/x"));
        assert!(matches("**/docs/api", "old/docs/api/x.md"));
    }

    #[test]
    fn a_star_stops_at_a_slash_and_two_do_not() {
        assert!(matches("src/*.rs", "src/a.rs") && !matches("src/*.rs", "src/a/b.rs"));
        assert!(matches("src/**/*.rs", "src/a/b.rs") && matches("src/**", "src/a/b"));
        assert!(matches("**", "anything/at/all"));
        assert!(matches("*.{pem,key}", "a/b.key"));
    }

    #[test]
    fn windows_separators_work_and_brackets_can_be_literal() {
        assert!(matches(r"tests\fixtures", "tests/fixtures/a.env"));
        assert!(matches(r"tests\*.env", "tests/a.env"));
        assert!(matches(r"app\\[id\]", "app/[id]") && !matches(r"app\\[id\]", "app/i"));
        assert!(matches(r"pages/\[id\].tsx", "pages/[id].tsx"));
    }

    #[test]
    fn paths_that_are_not_utf8_are_matched_byte_for_byte() {
        assert!(matches("*.env", b"a/\xff\xfe.env"));
        assert!(matches("a/?.env", b"a/\xff.env"));
        assert!(matches("caf\u{e9}/", "caf\u{e9}/x"));
        assert!(!matches("*.env", b"a/\xff.envx"));
    }

    #[test]
    fn what_lies_in_an_archive_is_matched_by_its_own_path_and_by_the_archives() {
        let path = BytePath::new("lib/a.zip").inside(&BytePath::new("b.jar!c/d.env"));
        let matches = |glob: &str| PathFilter::new(&[glob.to_owned()]).unwrap().matches(&path);
        for glob in ["lib", "a.zip", "*.zip", "b.jar", "lib/a.zip/b.jar", "lib/a.zip!b.jar!c/*.env", "*.env", "d.env"] {
            assert!(matches(glob), "{glob}");
        }
        for glob in ["c/d.env", "a.zip!*.env", "*.txt", "x/a.zip"] {
            assert!(!matches(glob), "{glob}");
        }
        assert!(!PathFilter::new(&["a.zip!b".into()]).unwrap().matches(&BytePath::new("a.zip")));
    }

    #[test]
    fn globs_that_can_only_be_mistakes_are_named() {
        for (glob, word) in
            [("", "names no path"), ("/", "names no path"), ("!a", "no exceptions"), ("../x", "match nothing")]
        {
            assert!(problem(glob).is_some_and(|said| said.contains(word)), "{glob}: {:?}", problem(glob));
        }
        assert!(problem("a[").is_some() && problem("a{b").is_some());
        assert!(problem(&"a".repeat(2000)).is_some());
    }
}
