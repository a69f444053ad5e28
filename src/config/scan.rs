//! The table `[scan]`: what is read, and what counts.

use toml::de::DeTable;

use super::reader::{Reader, Value};
use super::{Named, PathFilter, paths};
use crate::model::{Confidence, Severity};

/// The table `[scan]`, but for `exclude`, which is [`super::Config::exclude`]. None: as the command line or the
/// built-in default has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanOptions {
    /// Larger files, in bytes, are passed over and counted.
    pub max_file_size: Option<u64>,
    /// False to leave archives closed.
    pub archives: Option<bool>,
    /// Archives within archives, 1 to 8.
    pub archive_depth: Option<usize>,
    /// Bytes that may come out of one archive.
    pub archive_size: Option<u64>,
    /// Threads to scan with, 1 to 1024.
    pub threads: Option<usize>,
    /// Findings less sure than this are dropped.
    pub confidence: Option<Confidence>,
    /// Findings less severe than this do not fail the scan.
    pub fail_on: Option<Severity>,
}

/// Archives within archives that are opened where nobody says otherwise.
pub const ARCHIVE_DEPTH: usize = 3;
/// Bytes that may come out of one archive where nobody says otherwise.
pub const ARCHIVE_SIZE: u64 = 1 << 30;
const MOST_THREADS: u64 = 1024;
const DEEPEST: u64 = 8;

pub(super) fn read<'t>(table: &DeTable<'t>, reader: &mut Reader<'t>) -> (ScanOptions, PathFilter, Vec<Named>) {
    let mut scan = ScanOptions::default();
    let mut globs = Vec::new();
    for (key, value) in table.iter() {
        match key.get_ref().as_ref() {
            "exclude" => globs = reader.strings("exclude", value),
            "max_file_size" => {
                scan.max_file_size = size("max_file_size", value, reader);
                if scan.max_file_size == Some(0) {
                    reader.error(value.span(), "a `max_file_size` of 0 would pass over every file");
                }
            }
            "archives" => scan.archives = reader.boolean("archives", value),
            "archive_depth" => {
                let depth = reader.integer("archive_depth", value);
                if depth.is_some_and(|n| n == 0 || n > DEEPEST) {
                    reader.error(value.span(), "`archive_depth` must be from 1 to 8; `archives = false` opens none");
                } else {
                    scan.archive_depth = depth.and_then(|n| usize::try_from(n).ok());
                }
            }
            "archive_size" => scan.archive_size = size("archive_size", value, reader),
            "threads" => {
                let threads = reader.integer("threads", value);
                if threads.is_some_and(|n| n == 0 || n > MOST_THREADS) {
                    reader.error(value.span(), "`threads` must be from 1 to 1024; leave it out for one a core");
                } else {
                    scan.threads = threads.and_then(|n| usize::try_from(n).ok());
                }
            }
            "confidence" => scan.confidence = reader.level("confidence", value),
            "fail_on" => scan.fail_on = reader.level("fail_on", value),
            _ => reader.unknown("scan", key),
        }
    }
    let filter = paths::read("exclude", &globs, reader);
    (scan, filter, globs)
}

/// A size, as a number or as text.
fn size<'t>(key: &str, value: &Value<'t>, reader: &mut Reader<'t>) -> Option<u64> {
    if !value.get_ref().is_str() {
        return reader.integer(key, value);
    }
    let text = reader.string(key, value)?;
    match parse_size(&text.name) {
        Ok(size) => Some(size),
        Err(error) => {
            reader.error_at(text.line, format!("`{key}`: {error}"));
            None
        }
    }
}

/// Reads a size in bytes: a number, alone or with `K`, `M` or `G` (powers of 1024; `KB` and `KiB` mean the same).
///
/// # Errors
/// A sentence for people when the text is no size.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{}' is no size: write bytes, or 512K, 10M, 1G", super::schema::shorten(text));
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return Err(wrong()),
    };
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(1 << shift)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn sizes_are_read_with_and_without_units() {
        assert_eq!(parse_size("1234"), Ok(1234));
        assert_eq!(parse_size("10M"), Ok(10 << 20));
        assert_eq!(parse_size(" 5 KiB "), Ok(5 << 10));
        for wrong in ["", "M", "1.5M", "10X", "-1", "99999999999G", "é"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_key_of_scan_is_read() {
        let text = "[scan]\nexclude = ['gen/']\nmax_file_size = '1M'\nthreads = 3\nconfidence = 'high'\nfail_on = 'low'\n\
             archives = false\narchive_depth = 2\narchive_size = '2G'";
        let config = Config::read("keyward.toml", text.as_bytes()).unwrap();
        let expected = ScanOptions {
            max_file_size: Some(1 << 20),
            archives: Some(false),
            archive_depth: Some(2),
            archive_size: Some(2 << 30),
            threads: Some(3),
            confidence: Some(Confidence::High),
            fail_on: Some(Severity::Low),
        };
        assert_eq!(config.scan, expected);
        assert!(config.exclude.matches(&crate::model::BytePath::new("gen/a.rs")));
    }

    #[test]
    fn wrong_values_are_errors_with_their_lines() {
        let text = "[scan]\nthreads = 0\nconfidence = 'certainly'\nexclude = 'vendor'\nmax_file_size = -1\nfail_on = 3\n\
                    archives = 'no'\narchive_depth = 9\narchive_size = '1X'";
        let errors = Config::read("keyward.toml", text.as_bytes()).unwrap_err();
        let lines: Vec<usize> = errors.iter().map(|error| error.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6, 7, 8, 9], "{errors:?}");
        assert!(errors[2].message.contains("must be a list of strings, not a string"), "{}", errors[2]);
    }
}
