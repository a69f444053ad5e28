//! The tables `[policy]` (which policies judge which files) and `[[enforce]]` (how binding each rule is, outside the
//! policy).

use toml::de::DeTable;

use super::reader::{Reader, Value};
use super::{Named, PathFilter, paths};
use crate::model::{BytePath, Enforcement};

/// The table `[policy]`.
#[derive(Clone, Debug, Default)]
pub struct PolicyOptions {
    /// Files and directories with policies, relative to the root.
    pub paths: Vec<Named>,
    /// Files and directories with documents for `data`.
    pub data: Vec<Named>,
    /// Packages that are asked; none: all.
    pub namespaces: Vec<String>,
    /// False to leave out the built-in rules.
    pub builtin: Option<bool>,
    /// Seconds that one rule may take for one document.
    pub timeout: Option<u64>,
    /// Paths that policies and manifest checks pass over.
    pub exclude: PathFilter,
    /// True to judge all files of a run as one input, as conftest's `--combine` does.
    pub combine: bool,
}

/// One `[[enforce]]` entry. The first that fits a finding decides.
#[derive(Clone, Debug)]
pub struct Enforce {
    /// Rule ids; none: every rule.
    pub rules: Vec<Named>,
    /// Paths; none: every path.
    pub paths: Option<PathFilter>,
    /// How binding they are there.
    pub level: Enforcement,
}

impl Enforce {
    /// True when it says something about this rule at this path.
    pub fn fits(&self, rule: &str, path: Option<&BytePath>) -> bool {
        (self.rules.is_empty() || self.rules.iter().any(|named| named.name == rule))
            && self.paths.as_ref().is_none_or(|filter| path.is_some_and(|path| filter.matches(path)))
    }
}

const LONGEST: u64 = 3600;

pub(super) fn read<'t>(table: &DeTable<'t>, reader: &mut Reader<'t>) -> PolicyOptions {
    let mut policy = PolicyOptions::default();
    for (key, value) in table.iter() {
        match key.get_ref().as_ref() {
            "paths" => policy.paths = inside("paths", value, reader),
            "data" => policy.data = inside("data", value, reader),
            "namespaces" => {
                policy.namespaces = reader.strings("namespaces", value).into_iter().map(|named| named.name).collect();
            }
            "builtin" => policy.builtin = reader.boolean("builtin", value),
            "combine" => policy.combine = reader.boolean("combine", value).unwrap_or_default(),
            "timeout" => {
                policy.timeout = reader.integer("timeout", value);
                if policy.timeout.is_some_and(|seconds| seconds == 0 || seconds > LONGEST) {
                    reader.error(value.span(), "`timeout` must be from 1 to 3600 seconds");
                }
            }
            "exclude" => {
                let globs = reader.strings("exclude", value);
                policy.exclude = paths::read("exclude", &globs, reader);
            }
            _ => reader.unknown("policy", key),
        }
    }
    policy
}

/// Paths inside the scanned root: the file may come from a pull request.
fn inside<'t>(name: &str, value: &Value<'t>, reader: &mut Reader<'t>) -> Vec<Named> {
    let given = reader.strings(name, value);
    let mut kept = Vec::new();
    for Named { name: path, line } in given {
        let slashed = path.replace('\\', "/");
        let leaves = slashed.starts_with('/')
            || slashed.split('/').any(|part| part == ".." || part.ends_with(':'))
            || slashed.contains('\0');
        if leaves {
            reader.error_at(line, format!("`{name}` must lie inside the scanned root: relative, without `..`"));
        } else {
            let plain = slashed.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/");
            kept.push(Named { name: plain, line });
        }
    }
    kept
}

pub(super) fn read_enforce<'t>(header: &Value<'t>, table: &DeTable<'t>, reader: &mut Reader<'t>) -> Option<Enforce> {
    let mut enforce = Enforce { rules: Vec::new(), paths: None, level: Enforcement::Soft };
    let mut level = None;
    for (key, value) in table.iter() {
        match key.get_ref().as_ref() {
            "rules" => enforce.rules = reader.strings("rules", value),
            "paths" => {
                let globs = reader.strings("paths", value);
                enforce.paths = Some(paths::read("paths", &globs, reader));
            }
            "level" => level = reader.level("level", value),
            _ => reader.unknown("enforce", key),
        }
    }
    if !table.contains_key("level") {
        reader.error(header.span(), "an [[enforce]] needs a `level`: advisory, soft-mandatory or hard-mandatory");
    }
    level.map(|level| Enforce { level, ..enforce })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_first_entry_that_fits_decides() {
        let text = "[policy]\npaths = ['./policy/']\ntimeout = 5\nbuiltin = false\n[[enforce]]\nrules = ['a']\npaths = ['test/']\n\
                    level = 'advisory'\n[[enforce]]\nrules = ['a']\nlevel = 'hard-mandatory'\n";
        let config = Config::read("k", text.as_bytes()).unwrap();
        assert_eq!(config.policy.as_ref().unwrap().paths[0].name, "policy");
        let level = |rule: &str, path: &str| config.enforcement(rule, Some(&BytePath::new(path)));
        assert_eq!(level("a", "test/x"), Some(Enforcement::Advisory));
        assert_eq!(level("a", "x"), Some(Enforcement::Hard));
        assert_eq!(level("b", "x"), None);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let text =
            "[policy]\npaths = ['../x']\ntimeout = 0\nbuiltin = 'yes'\n[[enforce]]\nlevel = 'hard'\n[[enforce]]\n";
        let errors = Config::read("k", text.as_bytes()).unwrap_err();
        assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [2, 3, 4, 6, 7], "{errors:?}");
    }
}
