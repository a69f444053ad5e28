//! What the JSON formats say, as types: the published schema is generated from these. Secrets enter only through
//! `Cook`, which masks them unless the view reveals.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::scrub::Scrub;
use super::{View, location, text};
use crate::model::{self, BytePath, Candidate, Origin, Position, Severity, Span};

/// Raised when a field changes its meaning or goes away; new fields do not raise it.
pub const SCHEMA_VERSION: u32 = 1;

/// The tool that made the report.
#[derive(Serialize, JsonSchema)]
pub struct Tool {
    /// Always `keyward`.
    pub name: &'static str,
    /// Its version.
    pub version: String,
    /// Identifies the rule pack that was used; empty when unknown.
    pub rules_hash: String,
}

/// Where a secret lies in its file or message.
#[derive(Serialize, JsonSchema)]
pub struct Region {
    /// Line of the first character, from 1.
    pub start_line: u32,
    /// Column of the first character, from 1, in Unicode characters.
    pub start_column: u32,
    /// Line of the last character.
    pub end_line: u32,
    /// One past the column of the last character.
    pub end_column: u32,
    /// Offset of the first byte, from 0.
    pub start_byte: u64,
    /// One past the last byte.
    pub end_byte: u64,
}

/// A secret that counts.
#[derive(Serialize, JsonSchema)]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// What lies open: a secret, or a claim that a policy or manifest check makes of a place.
    #[schemars(extend("enum" = ["secret", "claim"]))]
    pub kind: &'static str,
    /// What the secret is called, or the rule.
    pub name: String,
    /// What a claim says; null for secrets.
    pub message: Option<String>,
    /// The claim's place in the document, such as `spec.containers[0]`; null for secrets and whole documents.
    pub at: Option<String>,
    /// True when a claim's line is only the document's first.
    pub approximate: bool,
    /// How binding it is: an advisory finding never fails a run.
    #[schemars(extend("enum" = ["advisory", "soft-mandatory", "hard-mandatory"]))]
    pub enforcement: &'static str,
    /// Who issues it; empty for kinds that nobody issues.
    pub provider: String,
    /// Relative to the scanned root, `/` between components; bytes that are not UTF-8 as `\xNN`. Null for messages
    /// and unnamed input.
    pub path: Option<String>,
    /// The path percent-encoded byte for byte; only where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    /// For what lies in an archive: the archive's path, which is what stands on disk or in git; `path` is that, `!`, and
    /// `inner`. Lines, columns and bytes are those of the file inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// For what lies in an archive: the path inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inner: Option<String>,
    /// What was read.
    #[schemars(extend("enum" = ["tree", "staged", "range", "history", "commit-message", "tag-message", "stdin"]))]
    pub origin: &'static str,
    /// The place.
    #[serde(flatten)]
    pub region: Region,
    /// How bad it is when true.
    #[schemars(extend("enum" = ["low", "medium", "high", "critical"]))]
    pub severity: &'static str,
    /// How sure keyward is.
    #[schemars(extend("enum" = ["low", "medium", "high", "certain"]))]
    pub confidence: &'static str,
    /// The commit that introduced it, or whose message it is. Null outside ranges and histories.
    pub commit: Option<String>,
    /// Who wrote that commit.
    pub author: Option<String>,
    /// The author's address as recorded.
    pub email: Option<String>,
    /// When it was written, RFC 3339, in the author's own offset.
    pub date: Option<String>,
    /// The blob or tag that holds it, where git has one.
    pub object: Option<String>,
    /// The secret, masked unless the report was asked to reveal it; empty for claims.
    pub secret: String,
    /// How it is encoded where it lies, the outermost first; empty for what stands in the clear. The region is the encoded
    /// text's.
    pub decoded: Vec<&'static str>,
    /// The line it starts on (or part of it), every known secret on it masked likewise.
    pub snippet: String,
    /// Identifies the secret or claim, not its line.
    pub fingerprint: String,
    /// True when a rule guessed from names and shapes.
    pub generic: bool,
    /// Why it matters.
    pub why: String,
    /// What to do.
    pub fix: String,
    /// The provider's page on revoking; empty when there is none.
    pub link: String,
    /// Why the confidence is what it is.
    pub notes: Vec<String>,
    /// Parts of a composite secret found near it.
    pub related: Vec<Related>,
    /// Every path it has or had in the history, escaped as `path` is.
    pub paths: Vec<String>,
    /// The same paths percent-encoded byte for byte; only where one is not UTF-8.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths_bytes: Vec<String>,
    /// Every place in the history, the finding's own first.
    pub occurrences: Vec<Occurrence>,
    /// True when no ref reaches it.
    pub unreachable: bool,
}

/// A part of a composite secret.
#[derive(Serialize, JsonSchema)]
pub struct Related {
    /// The part's rule.
    pub rule: String,
    /// What it is called.
    pub name: String,
    /// Its place in the same file.
    #[serde(flatten)]
    pub region: Region,
}

/// One place of a secret in a history.
#[derive(Serialize, JsonSchema)]
pub struct Occurrence {
    /// The blob, commit or tag that holds it.
    pub object: String,
    /// Where the blob is an archive: the path inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inner: Option<String>,
    /// The place in it, or in the file inside.
    #[serde(flatten)]
    pub region: Region,
}

/// A candidate that does not count, and why.
#[derive(Serialize, JsonSchema)]
pub struct Dropped {
    /// The rule's id.
    pub rule: String,
    /// As in findings.
    pub path: Option<String>,
    /// As in findings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    /// As in findings.
    #[schemars(extend("enum" = ["tree", "staged", "range", "history", "commit-message", "tag-message", "stdin"]))]
    pub origin: &'static str,
    /// The commit where it was read.
    pub commit: Option<String>,
    /// The blob or tag that holds it.
    pub object: Option<String>,
    /// The place.
    #[serde(flatten)]
    pub region: Region,
    /// As in findings.
    #[schemars(extend("enum" = ["low", "medium", "high", "critical"]))]
    pub severity: &'static str,
    /// As in findings.
    #[schemars(extend("enum" = ["low", "medium", "high", "certain"]))]
    pub confidence: &'static str,
    /// As in findings.
    pub secret: String,
    /// Who dropped it.
    #[schemars(extend("enum" = ["detect", "path", "allow", "inline", "baseline", "threshold"]))]
    pub stage: &'static str,
    /// Why.
    pub why: String,
}

/// Something that could not be done.
#[derive(Serialize, JsonSchema)]
pub struct Problem {
    /// The file, object, ref or setting.
    pub what: String,
    /// What went wrong.
    pub why: String,
    /// What to do about it; empty when nothing can be.
    pub fix: String,
}

/// What was looked at and what was not.
#[derive(Serialize, JsonSchema)]
pub struct Coverage {
    /// Files, blobs and messages scanned.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Commits walked.
    pub commits: u64,
    /// Commit messages and tag texts among `blobs`.
    pub messages: u64,
    /// What was passed over, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// The first few of what was passed over by size.
    pub too_large: Vec<TooLarge>,
    /// Archives and compressed files opened, those in others counted.
    pub archives: u64,
    /// Files in them that were scanned; not among `blobs`.
    pub archived: u64,
    /// Their bytes; not among `bytes`.
    pub archived_bytes: u64,
    /// The first few archives and files in them that could not be looked at, or not to their end.
    pub unopened: Vec<Unopened>,
}

/// An archive, or a file in one, that could not be looked at.
#[derive(Serialize, JsonSchema)]
pub struct Unopened {
    /// Its path or object id, and the path inside.
    pub name: String,
    /// Why: one of the words in `skipped`.
    pub why: &'static str,
}

/// Something over the size limit.
#[derive(Serialize, JsonSchema)]
pub struct TooLarge {
    /// Its path or object id.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// The figures.
#[derive(Serialize, JsonSchema)]
pub struct Summary {
    /// How many findings.
    pub findings: u64,
    /// The same by severity; every severity is there.
    pub by_severity: BTreeMap<&'static str, u64>,
    /// How many candidates were dropped.
    pub dropped: u64,
    /// The same by who dropped them; only those that did.
    pub dropped_by_stage: BTreeMap<&'static str, u64>,
    /// How many problems.
    pub problems: u64,
    /// What keyward exits with: 0 clean, 1 findings, 2 error.
    pub exit_code: u8,
}

/// Turns the nouns into records, masked as the view asks.
pub struct Cook<'a> {
    view: &'a View<'a>,
    scrub: Scrub,
}

impl<'a> Cook<'a> {
    /// For one view.
    pub fn new(view: &'a View<'a>) -> Self {
        Self { view, scrub: Scrub::new(view) }
    }

    /// The tool.
    pub fn tool(&self) -> Tool {
        Tool { name: "keyward", version: self.view.version.to_owned(), rules_hash: self.view.pack_hash.to_owned() }
    }

    /// One finding.
    pub fn finding(&self, finding: &model::Finding) -> Finding {
        let candidate = &finding.candidate;
        let rule = &candidate.rule;
        let placement = &finding.placement;
        let author = placement.introduced.as_ref();
        let (path, path_bytes) = self.path(&finding.origin);
        let paths: Vec<BytePath> = placement.paths.iter().map(|path| self.scrub.path(path)).collect();
        let inner = finding.origin.inner.as_ref().map(|inner| escaped(&self.scrub.path(inner)));
        let archive = finding.origin.path.as_ref().filter(|path| path.is_inside());
        let archive = archive.map(|path| escaped(&self.scrub.path(&BytePath::new(path.outer()))));
        let lossy = paths.iter().any(|path| std::str::from_utf8(path.as_bytes()).is_err());
        Finding {
            rule: rule.id.clone(),
            kind: if candidate.claim.is_some() { "claim" } else { "secret" },
            name: rule.name.clone(),
            message: candidate.claim.as_ref().map(|claim| self.scrub.prose(&claim.message)),
            at: candidate.claim.as_ref().map(|claim| self.scrub.prose(&claim.at)).filter(|at| !at.is_empty()),
            approximate: candidate.claim.as_ref().is_some_and(|claim| claim.approximate),
            enforcement: candidate.enforcement().name(),
            provider: rule.provider.clone(),
            path,
            path_bytes,
            archive,
            inner,
            origin: finding.origin.kind.name(),
            region: region(candidate.span, candidate.start, candidate.end),
            severity: rule.severity.name(),
            confidence: candidate.confidence.name(),
            commit: author.map(|commit| commit.id).or(finding.origin.commit).map(|id| id.to_string()),
            author: author.map(|commit| self.scrub.prose(&commit.author)),
            email: author.map(|commit| self.scrub.prose(&commit.email)),
            date: author.and_then(text::date),
            object: finding.origin.object.map(|id| id.to_string()),
            secret: self.secret(candidate),
            decoded: candidate.decoded.iter().map(|coding| coding.name()).collect(),
            snippet: self.scrub.snippet(&candidate.snippet, self.view.reveal),
            fingerprint: finding.fingerprint.clone(),
            generic: rule.generic,
            why: rule.why.clone(),
            fix: rule.fix.clone(),
            link: rule.link.clone(),
            notes: candidate.notes.iter().map(|note| self.scrub.prose(&note.0)).collect(),
            related: candidate.related.iter().map(related).collect(),
            paths: paths.iter().map(escaped).collect(),
            paths_bytes: if lossy {
                paths.iter().map(|p| location::encode(p.as_bytes())).collect()
            } else {
                Vec::new()
            },
            occurrences: placement.occurrences.iter().map(|place| self.occurrence(place)).collect(),
            unreachable: placement.unreachable,
        }
    }

    /// One candidate that does not count.
    pub fn dropped(&self, dropped: &model::Dropped) -> Dropped {
        let candidate = &dropped.candidate;
        let (path, path_bytes) = self.path(&dropped.origin);
        Dropped {
            rule: candidate.rule.id.clone(),
            path,
            path_bytes,
            origin: dropped.origin.kind.name(),
            commit: dropped.origin.commit.map(|id| id.to_string()),
            object: dropped.origin.object.map(|id| id.to_string()),
            region: region(candidate.span, candidate.start, candidate.end),
            severity: candidate.rule.severity.name(),
            confidence: candidate.confidence.name(),
            secret: self.secret(candidate),
            stage: dropped.stage.name(),
            why: self.scrub.prose(&dropped.why),
        }
    }

    /// One problem.
    pub fn problem(&self, problem: &model::Problem) -> Problem {
        Problem {
            what: self.scrub.prose(&problem.what),
            why: self.scrub.prose(&problem.why),
            fix: self.scrub.prose(&problem.fix),
        }
    }

    /// One notice.
    pub fn notice(&self, notice: &str) -> String {
        self.scrub.prose(notice)
    }

    /// The ledger.
    pub fn coverage(&self) -> Coverage {
        let coverage = &self.view.outcome.coverage;
        Coverage {
            blobs: coverage.blobs,
            bytes: coverage.bytes,
            commits: coverage.commits,
            messages: coverage.messages,
            skipped: coverage.skipped.iter().map(|(reason, n)| (reason.name(), *n)).collect(),
            too_large: coverage
                .too_large
                .iter()
                .map(|(name, bytes)| TooLarge { name: self.scrub.prose(name), bytes: *bytes })
                .collect(),
            archives: coverage.archives,
            archived: coverage.archived,
            archived_bytes: coverage.archived_bytes,
            unopened: coverage
                .unopened
                .iter()
                .map(|(name, why)| Unopened { name: self.scrub.prose(name), why: why.name() })
                .collect(),
        }
    }

    /// The figures.
    pub fn summary(&self) -> Summary {
        let outcome = self.view.outcome;
        let mut by_severity: BTreeMap<&'static str, u64> =
            [Severity::Low, Severity::Medium, Severity::High, Severity::Critical].map(|s| (s.name(), 0)).into();
        for finding in &outcome.findings {
            *by_severity.entry(finding.candidate.rule.severity.name()).or_default() += 1;
        }
        let mut dropped_by_stage = BTreeMap::new();
        for dropped in &outcome.dropped {
            *dropped_by_stage.entry(dropped.stage.name()).or_default() += 1;
        }
        Summary {
            findings: outcome.findings.len() as u64,
            by_severity,
            dropped: outcome.dropped.len() as u64,
            dropped_by_stage,
            problems: outcome.problems.len() as u64,
            exit_code: outcome.exit_code(),
        }
    }

    fn occurrence(&self, place: &model::Occurrence) -> Occurrence {
        let inner = place.inner.as_ref().map(|inner| escaped(&self.scrub.path(inner)));
        Occurrence { object: place.object.to_string(), inner, region: region(place.span, place.start, place.end) }
    }

    fn path(&self, origin: &Origin) -> (Option<String>, Option<String>) {
        let Some(path) = origin.path.as_ref().map(|path| self.scrub.path(path)) else { return (None, None) };
        let bytes = std::str::from_utf8(path.as_bytes()).is_err().then(|| location::encode(path.as_bytes()));
        (Some(escaped(&path)), bytes)
    }

    fn secret(&self, candidate: &Candidate) -> String {
        if candidate.claim.is_some() {
            return String::new();
        }
        if self.view.reveal { escaped(&BytePath::new(candidate.secret.reveal())) } else { candidate.secret.masked() }
    }
}

/// UTF-8 as it is (JSON escapes what needs it); anything else printable with `\xNN`.
fn escaped(bytes: &BytePath) -> String {
    std::str::from_utf8(bytes.as_bytes()).map_or_else(|_| bytes.to_string(), str::to_owned)
}

fn region(span: Span, start: Position, end: Position) -> Region {
    Region {
        start_line: start.line,
        start_column: start.column,
        end_line: end.line,
        end_column: end.column,
        start_byte: span.start as u64,
        end_byte: span.end as u64,
    }
}

fn related(part: &model::Related) -> Related {
    Related {
        rule: part.rule.id.clone(),
        name: part.rule.name.clone(),
        region: region(part.span, part.start, part.end),
    }
}
