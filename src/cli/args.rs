//! Arguments shared by the commands that scan.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::govern::PolicyArgs;
use crate::model::{Confidence, Severity};
use crate::report::Format;

/// What to look at. One source at a time; without a flag, working trees.
#[derive(Debug, Clone, Default, Args)]
pub struct SourceArgs {
    /// Files and directories to scan, or the repository for a source of git's [default: the current directory]
    #[arg(value_name = "PATH", conflicts_with = "stdin")]
    pub paths: Vec<PathBuf>,

    /// Scan what the next commit adds: the index against HEAD
    #[arg(long, group = "source", help_heading = "Source")]
    pub staged: bool,

    /// Scan what each commit of A..B (or A...B) adds, and its message
    #[arg(long, value_name = "A..B", group = "source", help_heading = "Source")]
    pub range: Option<String>,

    /// Scan what each commit since REF adds: the same as --range REF..HEAD
    #[arg(long, value_name = "REF", group = "source", help_heading = "Source")]
    pub since_ref: Option<String>,

    /// Scan every blob, commit message and tag text that any ref reaches
    #[arg(long, group = "source", help_heading = "Source")]
    pub history: bool,

    /// Scan standard input
    #[arg(long, group = "source", help_heading = "Source")]
    pub stdin: bool,

    /// With --history: every object in the store, unreachable ones too
    #[arg(long, requires = "history", conflicts_with_all = ["staged", "range", "since_ref", "stdin"])]
    #[arg(help_heading = "Source")]
    pub all_objects: bool,

    /// With --stdin: the path to report and to match path rules against
    #[arg(long, value_name = "NAME", requires = "stdin", help_heading = "Source")]
    #[arg(conflicts_with_all = ["paths", "staged", "range", "since_ref", "history"])]
    pub path: Option<PathBuf>,

    /// Scan a shallow clone although part of its history is missing
    #[arg(long, help_heading = "Source")]
    pub allow_shallow: bool,

    /// Scan a partial clone although some of its blobs are missing
    #[arg(long, help_heading = "Source")]
    pub allow_missing: bool,

    /// Look at all of a history again, and keep nothing for the next time
    #[arg(long, help_heading = "Source", requires = "history")]
    pub no_cache: bool,
}

/// What counts.
#[derive(Debug, Clone, Default, Args)]
pub struct FilterArgs {
    /// Policies to load; none: the command looks for secrets alone.
    #[arg(skip)]
    pub govern: Option<PolicyArgs>,

    /// Configuration file [default: keyward.toml, looked for upwards, or as the source has it]
    #[arg(long, value_name = "FILE", help_heading = "What counts")]
    pub config: Option<PathBuf>,

    /// Take keyward.toml and the baseline from this commit, not from the change that is scanned
    #[arg(long, value_name = "REF", conflicts_with = "config", help_heading = "What counts")]
    pub config_from: Option<String>,

    /// Ignore any keyward.toml
    #[arg(long, conflicts_with_all = ["config", "config_from"], help_heading = "What counts")]
    pub no_config: bool,

    /// Baseline file [default: .keyward-baseline.json at the root]
    #[arg(long, value_name = "FILE", help_heading = "What counts")]
    pub baseline: Option<PathBuf>,

    /// Ignore any baseline
    #[arg(long, conflicts_with = "baseline", help_heading = "What counts")]
    pub no_baseline: bool,

    /// Ignore comments such as keyward:allow
    #[arg(long, help_heading = "What counts")]
    pub no_inline: bool,

    /// Report findings of at least this confidence [default: medium; hooks: high]
    #[arg(long, value_enum, value_name = "LEVEL", help_heading = "What counts")]
    pub confidence: Option<Level>,

    /// Exit 1 only for findings of at least this severity [default: low]
    #[arg(long, value_enum, value_name = "SEVERITY", help_heading = "What counts")]
    pub fail_on: Option<FailOn>,

    /// Pass over files larger than this, such as 500k or 20M [default: 64M]
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = "What counts")]
    pub max_file_size: Option<u64>,

    /// Open archives and compressed files although keyward.toml says not to
    #[arg(long, overrides_with = "no_archives", help_heading = "What counts")]
    pub archives: bool,

    /// Leave archives and compressed files closed
    #[arg(long, overrides_with = "archives", help_heading = "What counts")]
    pub no_archives: bool,

    /// Threads to use [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "What counts")]
    pub threads: Option<u16>,
}

/// How to say it.
#[derive(Debug, Clone, Default, Args)]
pub struct OutputArgs {
    /// Format on standard output: human, json, jsonl or sarif
    #[arg(long, short, value_name = "FORMAT", help_heading = "Output")]
    pub format: Option<Format>,

    /// Also write a report to a file; may be given several times
    #[arg(long, short, value_name = "FORMAT:PATH", value_parser = output, help_heading = "Output")]
    pub output: Vec<(Format, PathBuf)>,

    /// Show secrets in clear
    #[arg(long, help_heading = "Output")]
    pub show_secrets: bool,

    /// Say for everything dropped who dropped it and why
    #[arg(long, help_heading = "Output")]
    pub explain: bool,

    /// SARIF: distinguishes several uploads for one commit
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub sarif_category: Option<String>,

    /// SARIF: where keyward's own files can be read, to link each rule's page [default: $KEYWARD_DOCS_URL]
    #[arg(long, value_name = "URL", help_heading = "Output")]
    pub docs_url: Option<String>,

    /// SARIF: include what was dropped, as suppressed results
    #[arg(long, help_heading = "Output")]
    pub sarif_suppressed: bool,

    /// Colour: auto, always or never
    #[arg(long, value_enum, default_value_t, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal that can show it and without NO_COLOR.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Confidence levels one can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Everything that was seen.
    Low,
    /// What deserves a look.
    Medium,
    /// What blocks a commit.
    High,
}

impl From<Level> for Confidence {
    fn from(level: Level) -> Self {
        match level {
            Level::Low => Confidence::Low,
            Level::Medium => Confidence::Medium,
            Level::High => Confidence::High,
        }
    }
}

/// Severities that can fail a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Any finding.
    Low,
    /// Medium and above.
    Medium,
    /// High and above.
    High,
    /// Critical only.
    Critical,
}

impl From<FailOn> for Severity {
    fn from(level: FailOn) -> Self {
        match level {
            FailOn::Low => Severity::Low,
            FailOn::Medium => Severity::Medium,
            FailOn::High => Severity::High,
            FailOn::Critical => Severity::Critical,
        }
    }
}

/// `FORMAT:PATH`.
fn output(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, path) = text.split_once(':').ok_or("use FORMAT:PATH, such as sarif:keyward.sarif")?;
    if path.is_empty() {
        return Err("the path is empty: use FORMAT:PATH, such as sarif:keyward.sarif".into());
    }
    if path == "-" {
        return Err("standard output is --format's; for a file of that name write ./-".into());
    }
    Ok((format.parse::<Format>().map_err(|error| error.to_string())?, PathBuf::from(path)))
}

/// Bytes, with an optional k, M or G (powers of 1024).
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits).unwrap_or_default().to_ascii_lowercase();
    let shift = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return Err("use a number with k, M or G, such as 20M".into()),
    };
    let number: u64 = digits.parse().map_err(|_| "use a number with k, M or G, such as 20M".to_owned())?;
    number.checked_mul(1 << shift).filter(|n| *n > 0).ok_or_else(|| "that is not a possible size".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_and_limits() {
        assert_eq!(size("500k"), Ok(512_000));
        assert_eq!(size("20M"), Ok(20 << 20));
        assert_eq!(size("1GiB"), Ok(1 << 30));
        assert!(size("0").is_err() && size("x").is_err() && size("99999999999G").is_err() && size("5x").is_err());
    }
}
