//! Values of a parsed TOML table, read by type. What is wrong is collected, with its line, so that one run names
//! every mistake. Knows no key by name.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::{ConfigError, Named, schema};

/// A value and where it stands.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// The file under reading and what is wrong with it so far.
pub(super) struct Reader<'t> {
    file: &'t str,
    text: &'t str,
    /// Offsets at which lines start.
    starts: Vec<usize>,
    errors: Vec<ConfigError>,
    /// Regexes met so far.
    regexes: usize,
}

/// After so many mistakes nobody reads on, and a hostile file should not make us.
pub(super) const MOST_ERRORS: usize = 100;
/// Compiled regexes cost memory: so many in all.
const MOST_REGEXES: usize = 1000;

impl<'t> Reader<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1)).collect();
        Self { file, text, starts, errors: Vec::new(), regexes: 0 }
    }

    pub(super) fn file(&self) -> &'t str {
        self.file
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// The line of a byte offset, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).max(1)
    }

    pub(super) fn error(&mut self, at: Range<usize>, message: impl Into<String>) {
        let line = self.line(at.start);
        self.error_at(line, message);
    }

    pub(super) fn error_at(&mut self, line: usize, message: impl Into<String>) {
        if !self.full() {
            self.errors.push(ConfigError { file: self.file.into(), line, message: printable(&message.into()) });
        }
    }

    fn full(&self) -> bool {
        self.errors.len() >= MOST_ERRORS
    }

    /// Counts one regex; false, and an error, when there are too many.
    pub(super) fn one_more_regex(&mut self, line: usize) -> bool {
        self.regexes += 1;
        if self.regexes == MOST_REGEXES + 1 {
            self.error_at(line, format!("more than {MOST_REGEXES} regexes and rules: join some, or use stop words"));
        }
        self.regexes <= MOST_REGEXES
    }

    /// What is wrong, by line; empty when all is well.
    pub(super) fn into_errors(mut self) -> Vec<ConfigError> {
        self.errors.sort_by_key(|error| error.line);
        self.errors
    }

    /// Reports a key that `table` does not have.
    pub(super) fn unknown(&mut self, table: &str, key: &Spanned<DeString<'_>>) {
        if !self.full() {
            self.error(key.span(), schema::unknown(table, key.get_ref()));
        }
    }

    fn mistyped(&mut self, key: &str, value: &Value<'_>, wanted: &str) {
        let got = value.get_ref().type_str();
        self.error(value.span(), format!("`{key}` must be {wanted}, not {} {got}", article(got)));
    }

    /// A table.
    pub(super) fn table<'v>(&mut self, key: &str, value: &'v Value<'t>) -> Option<&'v DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.mistyped(key, value, &format!("a table: write `[{key}]`"));
        }
        table
    }

    /// Tables written as `[[key]]`.
    pub(super) fn tables<'v>(&mut self, key: &str, value: &'v Value<'t>) -> Vec<(&'v Value<'t>, &'v DeTable<'t>)> {
        let Some(array) = value.get_ref().as_array() else {
            self.mistyped(key, value, &format!("a list of tables: write `[[{key}]]`"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in array.iter() {
            match item.get_ref().as_table() {
                Some(table) => tables.push((item, table)),
                None => self.mistyped(key, item, &format!("a list of tables: write `[[{key}]]`")),
            }
        }
        tables
    }

    /// A string that says something.
    pub(super) fn string(&mut self, key: &str, value: &Value<'_>) -> Option<Named> {
        let Some(text) = value.get_ref().as_str() else {
            self.mistyped(key, value, "a string");
            return None;
        };
        if text.trim().is_empty() {
            self.error(value.span(), format!("`{key}` is empty"));
            return None;
        }
        Some(Named { name: text.into(), line: self.line(value.span().start) })
    }

    /// A list of strings, each of which says something.
    pub(super) fn strings(&mut self, key: &str, value: &Value<'_>) -> Vec<Named> {
        let Some(array) = value.get_ref().as_array() else {
            self.mistyped(key, value, "a list of strings");
            return Vec::new();
        };
        array.iter().filter_map(|item| self.string(key, item)).collect()
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, key: &str, value: &Value<'_>) -> Option<bool> {
        let truth = value.get_ref().as_bool();
        if truth.is_none() {
            self.mistyped(key, value, "true or false");
        }
        truth
    }

    /// A whole number, not negative.
    pub(super) fn integer(&mut self, key: &str, value: &Value<'_>) -> Option<u64> {
        let number =
            value.get_ref().as_integer().and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
        if number.is_none() {
            self.mistyped(key, value, "a whole number that is not negative");
        }
        number
    }

    /// One of a scale's words.
    pub(super) fn level<L: std::str::FromStr>(&mut self, key: &str, value: &Value<'_>) -> Option<L>
    where
        L::Err: std::fmt::Display,
    {
        let word = self.string(key, value)?;
        match word.name.parse() {
            Ok(level) => Some(level),
            Err(error) => {
                self.error_at(word.line, format!("`{key}`: {error}"));
                None
            }
        }
    }
}

/// What the file says may be quoted in a message: without control characters but line ends, and not endlessly.
pub(super) fn printable(message: &str) -> String {
    message.chars().take(2_000).map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}
