//! Views of an outcome, one file per format, each written to a `&mut dyn Write`. Nothing here decides what counts,
//! and nothing prints by itself.

pub mod file;
mod human;
pub mod json;
mod jsonl;
mod location;
mod record;
mod sarif;
mod scrub;
mod text;

pub use scrub::{Scrub, hide};
pub use text::line as safe;

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use crate::model::Outcome;

/// What a report is made from.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What happened.
    pub outcome: &'a Outcome,
    /// Show secrets in clear.
    pub reveal: bool,
    /// List what was dropped and why.
    pub explain: bool,
    /// Colour the human format.
    pub color: bool,
    /// Say more in the human format: advice with every finding, every path, what was too large.
    pub verbose: bool,
    /// Columns of the terminal, for wrapping prose and cropping long lines; less than 80 counts as 80.
    pub width: Option<usize>,
    /// keyward's version.
    pub version: &'a str,
    /// Identifies the rule pack that was used.
    pub pack_hash: &'a str,
    /// What was scanned, as it stands in a sentence: "staged changes", "working tree", "history".
    pub source: &'a str,
    /// Tells several SARIF uploads for one commit apart.
    pub category: Option<&'a str>,
    /// Add to SARIF what comments, allowlists and the baseline silenced, marked as suppressed. Only on request: code
    /// scanning may show it as open.
    pub suppressed: bool,
    /// Where keyward's files can be read, such as `https://host/owner/keyward/blob/v1`: SARIF links rules' pages there.
    pub docs_url: Option<&'a str>,
    /// The page of a built-in rule, relative to that.
    pub page: fn(&str) -> Option<String>,
    /// True when more was looked for than secrets.
    pub checks: bool,
    /// Human: list notices and problems too. False where they go to standard error anyway.
    pub messages: bool,
}

impl<'a> View<'a> {
    /// A masked, colourless view with nothing extra.
    pub fn new(outcome: &'a Outcome) -> Self {
        Self {
            outcome,
            reveal: false,
            explain: false,
            color: false,
            verbose: false,
            width: None,
            version: env!("CARGO_PKG_VERSION"),
            pack_hash: "",
            source: "input",
            category: None,
            suppressed: false,
            docs_url: None,
            page: |_| None,
            checks: false,
            messages: true,
        }
    }
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Human,
    /// One JSON document; see `report.schema.json`.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

impl Format {
    /// Every format, as listed in help texts.
    pub const ALL: [Format; 4] = [Format::Human, Format::Json, Format::Jsonl, Format::Sarif];

    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Human => "human",
            Format::Json => "json",
            Format::Jsonl => "jsonl",
            Format::Sarif => "sarif",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that names no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown report format '{word}': use human, json, jsonl or sarif{hint}")]
pub struct ParseFormatError {
    word: String,
    hint: String,
}

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let lower = word.to_ascii_lowercase();
        if let Some(format) = Self::ALL.into_iter().find(|format| format.name() == lower) {
            return Ok(format);
        }
        let near = Self::ALL.into_iter().find(|format| {
            strsim::damerau_levenshtein(format.name(), &lower) <= 2
                || (lower.len() >= 2 && format.name().contains(&lower))
        });
        let hint = near.map(|format| format!(" (did you mean '{format}'?)")).unwrap_or_default();
        Err(ParseFormatError { word: text::line(word), hint })
    }
}

/// Writes the whole report. The same view gives the same bytes, elapsed time aside.
pub fn write(format: Format, view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Human => human::write(view, out)?,
        Format::Json => json::write(view, out)?,
        Format::Jsonl => jsonl::write(view, out)?,
        Format::Sarif => sarif::write(view, out)?,
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_format_gets_a_suggestion() {
        assert_eq!("SARIF".parse(), Ok(Format::Sarif));
        let error = "srif".parse::<Format>().unwrap_err().to_string();
        assert_eq!(error, "unknown report format 'srif': use human, json, jsonl or sarif (did you mean 'sarif'?)");
        let error = "xml\x1b[2J".parse::<Format>().unwrap_err().to_string();
        assert!(!error.contains("mean") && !error.contains('\x1b'), "{error}");
    }
}
