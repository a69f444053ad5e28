//! The verdict and the ledger behind it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Contents, Dropped, Enforcement, Finding, Origin, Secret, Severity};

/// Everything a scan has to say. Reports are views of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What counts, sorted by (origin, offset, rule).
    pub findings: Vec<Finding>,
    /// What does not, in the same order.
    pub dropped: Vec<Dropped>,
    /// What could not be done. Any of these forces the exit code for errors.
    pub problems: Vec<Problem>,
    /// What the user should know though nothing is wrong: empty range, unused allowlist entries.
    pub notices: Vec<String>,
    /// Secrets in what is only named (paths, authors, problems, notices): no findings, but masked in every report.
    pub named: Vec<Secret>,
    /// What was looked at.
    pub coverage: Coverage,
    /// Findings below this severity are reported but do not fail the scan.
    pub fail_on: Option<Severity>,
    /// Wall time of the scan.
    pub elapsed: Duration,
}

impl Outcome {
    /// 0 clean, 1 findings, 2 error; an error wins.
    pub fn exit_code(&self) -> u8 {
        let fails = |finding: &Finding| {
            finding.candidate.enforcement() != Enforcement::Advisory
                && self.fail_on.is_none_or(|least| finding.candidate.rule.severity >= least)
        };
        if !self.problems.is_empty() {
            2
        } else if self.findings.iter().any(fails) {
            1
        } else {
            0
        }
    }
}

/// One thing that could not be done, in one line: what, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, object, ref or setting.
    pub what: String,
    /// What went wrong.
    pub why: String,
    /// What to do about it; empty when nothing can be.
    pub fix: String,
}

impl Problem {
    /// A problem with nothing to advise.
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into(), fix: String::new() }
    }

    /// The same with advice.
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.why)?;
        if self.fix.is_empty() { Ok(()) } else { write!(f, " ({})", self.fix) }
    }
}

/// What was looked at and what was not, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Files, blobs, messages scanned.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Commits walked (range, history).
    pub commits: u64,
    /// Commit messages and tag texts among `blobs`.
    pub messages: u64,
    /// What was passed over, by reason.
    pub skipped: BTreeMap<SkipReason, u64>,
    /// The first few of what was passed over by size, named: (path or id, bytes).
    pub too_large: Vec<(String, u64)>,
    /// Archives opened, those in others counted.
    pub archives: u64,
    /// Files in them that were looked at; not among `blobs`.
    pub archived: u64,
    /// Their bytes; not among `bytes`.
    pub archived_bytes: u64,
    /// The first few archives and files in them that could not be looked at, or not to their end, each with the reason.
    pub unopened: Vec<(String, SkipReason)>,
}

impl Coverage {
    /// How many of the too-large are named.
    const NAMED: usize = 20;

    /// Counts one scanned blob.
    pub fn scanned(&mut self, bytes: usize) {
        self.blobs += 1;
        self.bytes += bytes as u64;
    }

    /// Counts one that was passed over.
    pub fn skip(&mut self, reason: SkipReason) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    /// Counts one over the size limit and names it.
    pub fn skip_large(&mut self, name: impl Into<String>, bytes: u64) {
        self.skip(SkipReason::TooLarge);
        self.too_large.push((name.into(), bytes));
        self.trim();
    }

    /// Counts what was looked at, and what was not, inside the archive that has this origin.
    pub fn add_contents(&mut self, origin: &Origin, contents: &Contents) {
        self.archives += contents.archives;
        self.archived += contents.files;
        self.archived_bytes += contents.bytes;
        for (reason, count) in &contents.skipped {
            *self.skipped.entry(*reason).or_default() += count;
        }
        for (path, reason, bytes) in &contents.named {
            let name = path.as_ref().map_or_else(|| origin.name(), |path| origin.inside(path).name());
            match reason {
                SkipReason::TooLarge => self.too_large.push((name, *bytes)),
                reason => self.unopened.push((name, *reason)),
            }
        }
        self.trim();
    }

    /// Adds another's counts; the result does not depend on the order of additions.
    pub fn add(&mut self, other: Coverage) {
        self.blobs += other.blobs;
        self.bytes += other.bytes;
        self.commits += other.commits;
        self.messages += other.messages;
        for (reason, count) in other.skipped {
            *self.skipped.entry(reason).or_default() += count;
        }
        self.too_large.extend(other.too_large);
        self.archives += other.archives;
        self.archived += other.archived;
        self.archived_bytes += other.archived_bytes;
        self.unopened.extend(other.unopened);
        self.trim();
    }

    fn trim(&mut self) {
        self.too_large.sort();
        self.too_large.truncate(Self::NAMED);
        self.unopened.sort();
        self.unopened.truncate(Self::NAMED);
    }
}

/// Why something was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SkipReason {
    /// Over `--max-file-size`.
    TooLarge,
    /// Excluded by the configuration.
    Excluded,
    /// A submodule's commit: another repository.
    Submodule,
    /// A symbolic link that is not followed.
    Symlink,
    /// Neither file, directory nor link.
    Special,
    /// An object that a partial clone has not.
    Missing,
    /// Its content is in every parent already.
    Unchanged,
    /// Could not be read; also among the problems.
    Unreadable,
    /// In an archive, and encrypted.
    Encrypted,
    /// An archive, or a file in one, that is damaged or cut off: what stands before the damage was looked at.
    Damaged,
    /// An archive in an archive, further in than is looked.
    TooDeep,
    /// In an archive, and packed by a method that is not known.
    UnknownMethod,
    /// The rest of an archive out of which too much came already.
    OverLimit,
}

impl SkipReason {
    /// The word used in JSON and on screen.
    pub fn name(self) -> &'static str {
        match self {
            SkipReason::TooLarge => "too-large",
            SkipReason::Excluded => "excluded",
            SkipReason::Submodule => "submodule",
            SkipReason::Symlink => "symlink",
            SkipReason::Special => "special",
            SkipReason::Missing => "missing",
            SkipReason::Unchanged => "unchanged",
            SkipReason::Unreadable => "unreadable",
            SkipReason::Encrypted => "encrypted",
            SkipReason::Damaged => "damaged",
            SkipReason::TooDeep => "too-deep",
            SkipReason::UnknownMethod => "unknown-compression",
            SkipReason::OverLimit => "over-archive-limit",
        }
    }
}

/// What a source reports when it is through, beside the blobs it showed.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// What it looked at.
    pub coverage: Coverage,
    /// What it could not read.
    pub problems: Vec<Problem>,
    /// What the user should know.
    pub notices: Vec<String>,
}

impl Survey {
    /// Adds another's.
    pub fn add(&mut self, other: Survey) {
        self.coverage.add(other.coverage);
        self.problems.extend(other.problems);
        self.notices.extend(other.notices);
    }
}
