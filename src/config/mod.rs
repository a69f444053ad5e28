//! `keyward.toml`: read from given bytes, checked, with one file per table. Never touches the disk.

mod allow;
mod baseline;
mod changes;
mod manifest;
mod paths;
mod policy;
mod reader;
mod rules;
mod scan;
mod schema;

use toml::de::DeTable;

pub(crate) use allow::every_path;
pub use allow::{Allow, RegexTarget};
pub use changes::Loosened;
pub use manifest::ManifestOptions;
pub use paths::{PathFilter, problem as glob_problem};
pub use policy::{Enforce, PolicyOptions};
pub use rules::RuleChoice;
pub use scan::{ARCHIVE_DEPTH, ARCHIVE_SIZE, ScanOptions, parse_size};
pub use schema::{KEYS, Key};

use crate::model::{BytePath, Enforcement};
use crate::rule::written::Proved;
use reader::Reader;

/// A documented example that holds every table; it reads without error.
pub const EXAMPLE: &str = include_str!("example.toml");

/// Larger files are refused: nobody writes them by hand.
const LARGEST: usize = 1 << 20;

/// The whole configuration. `Config::default()` is what holds without a file.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// What errors and notices call the file.
    pub file: String,
    /// User rules, added to the built-in ones.
    pub rules: Vec<Proved>,
    /// Where each of [`Config::rules`] begins.
    pub rule_lines: Vec<usize>,
    /// Which rules, and how severe.
    pub choice: RuleChoice,
    /// Paths that no source reads.
    pub exclude: PathFilter,
    /// The globs of [`Config::exclude`] with their lines.
    pub exclude_globs: Vec<Named>,
    /// The rest of `[scan]`.
    pub scan: ScanOptions,
    /// What may pass.
    pub allow: Vec<Allow>,
    /// The table `[policy]`, where there is one.
    pub policy: Option<PolicyOptions>,
    /// The table `[manifest]`, where there is one.
    pub manifest: Option<ManifestOptions>,
    /// How binding policy and manifest rules are; the first that fits decides.
    pub enforce: Vec<Enforce>,
    /// The baseline's path relative to the scanned root, `/` between components, never leaving it.
    pub baseline: Option<String>,
}

/// A text of the file and the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The text: an id, a glob.
    pub name: String,
    /// From 1.
    pub line: usize,
}

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct ConfigError {
    /// The file.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// What is wrong and, for a misspelt key, what was meant. Several lines when it shows a regex and a caret.
    pub message: String,
}

impl Config {
    /// Reads `bytes`; `file` names them in errors.
    ///
    /// # Errors
    /// Everything that is wrong, by line; only what is no TOML at all stops at its first mistake.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, Vec<ConfigError>> {
        let fail = |line, message: String| {
            Err(vec![ConfigError { file: file.into(), line, message: reader::printable(&message) }])
        };
        if bytes.len() > LARGEST {
            return fail(1, format!("the file is larger than {LARGEST} bytes"));
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let before = bytes.iter().take(error.valid_up_to()).filter(|b| **b == b'\n').count();
                return fail(before + 1, "the file is not UTF-8".into());
            }
        };
        let mut reader = Reader::new(file, text);
        let document = match DeTable::parse(text) {
            Ok(document) => document,
            Err(error) => {
                let line = reader.line(error.span().map_or(0, |span| span.start));
                return fail(line, error.message().into());
            }
        };
        let config = Self::read_tables(document.get_ref(), &mut reader);
        let errors = reader.into_errors();
        if errors.is_empty() { Ok(config) } else { Err(errors) }
    }

    fn read_tables<'t>(document: &DeTable<'t>, reader: &mut Reader<'t>) -> Self {
        let mut config = Self { file: reader.file().into(), ..Self::default() };
        for (key, value) in document.iter() {
            match key.get_ref().as_ref() {
                "scan" => {
                    if let Some(table) = reader.table("scan", value) {
                        (config.scan, config.exclude, config.exclude_globs) = scan::read(table, reader);
                    }
                }
                "rules" if value.get_ref().is_array() => {
                    reader.error(key.span(), "`[rules]` is one table; a rule of your own is a `[[rule]]`");
                }
                "rules" => {
                    if let Some(table) = reader.table("rules", value) {
                        config.choice = rules::read_choice(table, reader);
                    }
                }
                "rule" => config.read_rules(value, reader),
                "allow" => {
                    let tables = reader.tables("allow", value);
                    config.allow = tables.iter().map(|(header, table)| allow::read(header, table, reader)).collect();
                }
                "baseline" => {
                    if let Some(table) = reader.table("baseline", value) {
                        config.baseline = baseline::read(table, reader);
                    }
                }
                "policy" => {
                    if let Some(table) = reader.table("policy", value) {
                        config.policy = Some(policy::read(table, reader));
                    }
                }
                "manifest" => {
                    if let Some(table) = reader.table("manifest", value) {
                        config.manifest = Some(manifest::read(table, reader));
                    }
                }
                "enforce" => {
                    let tables = reader.tables("enforce", value);
                    config.enforce = tables
                        .iter()
                        .filter_map(|(header, table)| policy::read_enforce(header, table, reader))
                        .collect();
                }
                _ => reader.unknown("", key),
            }
        }
        config
    }

    /// How binding a policy or manifest rule is at a path, where `[[enforce]]` says so.
    pub fn enforcement(&self, rule: &str, path: Option<&BytePath>) -> Option<Enforcement> {
        self.enforce.iter().find(|entry| entry.fits(rule, path)).map(|entry| entry.level)
    }

    /// True when policies and manifest checks pass over this path.
    pub fn policy_excludes(&self, path: &BytePath) -> bool {
        self.policy.as_ref().is_some_and(|policy| policy.exclude.matches(path))
    }

    /// True for a file that `[manifest] paths` names.
    pub fn names_manifest(&self, path: &BytePath) -> bool {
        self.manifest.as_ref().is_some_and(|manifest| manifest.paths.matches(path))
    }

    fn read_rules<'t>(&mut self, value: &reader::Value<'t>, reader: &mut Reader<'t>) {
        for (header, table) in reader.tables("rule", value) {
            let Some(rule) = rules::read_rule(header, table, reader) else { continue };
            let line = reader.line(header.span().start);
            if self.rules.iter().any(|(other, _)| other.id() == rule.0.id()) {
                reader.error_at(line, format!("rule '{}' is there twice", rule.0.id()));
            }
            self.rules.push(rule);
            self.rule_lines.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: impl AsRef<[u8]>) -> Vec<ConfigError> {
        Config::read("keyward.toml", text.as_ref()).unwrap_err()
    }

    #[test]
    fn the_documented_example_reads_and_names_every_key() {
        let config = Config::read("example.toml", EXAMPLE.as_bytes()).unwrap();
        assert!(!config.allow.is_empty() && !config.rules.is_empty() && config.baseline.is_some());
        for key in KEYS.iter().filter(|key| key.table != "rule") {
            let named =
                EXAMPLE.lines().any(|line| line.trim_start_matches("# ").starts_with(&format!("{} =", key.name)));
            assert!(named, "[{}] {}", key.table, key.name);
        }
    }

    #[test]
    fn the_schema_has_no_key_that_is_not_read() {
        for key in KEYS.iter().filter(|key| key.table != "rule") {
            let header = if ["allow", "enforce"].contains(&key.table) {
                format!("[[{}]]", key.table)
            } else {
                format!("[{}]", key.table)
            };
            let found = errors(format!("{header}\n{} = 1.5", key.name));
            assert!(found.iter().any(|error| error.line == 2), "{key:?}: {found:?}");
            assert!(!found.iter().any(|error| error.message.contains("unknown")), "{key:?}: {found:?}");
        }
    }

    #[test]
    fn every_mistake_is_named_in_one_run_by_line() {
        let found = errors("[scan]\nexcludes = []\n[[alow]]\n[baseline]\npaht = 'x'\n[[rules]]\nid = 'x'\n");
        let lines: Vec<usize> = found.iter().map(|error| error.line).collect();
        assert_eq!(lines, [2, 3, 5, 6], "{found:?}");
        assert!(found[0].to_string().starts_with("keyward.toml:2: ") && found[0].message.contains("`exclude`"));
        assert!(found[3].message.contains("`[[rule]]`"), "{}", found[3]);
    }

    #[test]
    fn what_is_no_toml_or_no_text_says_where() {
        assert_eq!(errors("[scan]\n\nthreads = = 3").first().unwrap().line, 3);
        assert_eq!(errors(b"[scan]\n# caf\xe9").first().unwrap().line, 2);
        assert_eq!(errors(vec![b'#'; LARGEST + 1]).len(), 1);
        assert!(Config::read("k", b"\xef\xbb\xbf[scan]\r\nthreads = 2\r\n").is_ok());
        assert!(Config::read("k", b"").is_ok());
        assert_eq!(errors("scan = 3\nallow = 'x'\nrule = [1]").len(), 3);
    }

    #[test]
    fn a_hostile_file_gets_a_bounded_number_of_harmless_errors() {
        let found = errors((0..50_000).map(|n| format!("k{n} = 1\n")).collect::<String>());
        assert_eq!(found.len(), reader::MOST_ERRORS);
        let ids = (0..50_000).map(|n| format!("'x{n}',")).collect::<String>();
        let config = Config::read("k", format!("[rules]\ndisable = [{ids}]").as_bytes()).unwrap();
        assert_eq!(config.check_rule_ids(&["x"]).unwrap_err().len(), reader::MOST_ERRORS);
        let found = errors(format!("[[allow]]\nregexes = [{}]", "'a{900}',".repeat(5_000)));
        assert!(found[0].message.contains("more than 1000"), "{}", found[0]);
        let found = errors("[scan]\nconfidence = \"\\u001b[2J\"\n[[allow]]\nregexes = [\"(\\u001b[2J\"]");
        assert!(found.len() == 2 && found.iter().all(|error| !error.to_string().contains('\u{1b}')), "{found:?}");
    }

    #[test]
    fn deep_nesting_is_refused_rather_than_followed() {
        assert!(!errors(format!("a = {}1{}", "[".repeat(100_000), "]".repeat(100_000))).is_empty());
    }
}
