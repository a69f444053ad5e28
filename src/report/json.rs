//! One JSON document, and its schema.

use std::io::{self, Write};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::View;
use super::jsonl::Line;
use super::record::{Cook, Coverage, Dropped, Finding, Problem, SCHEMA_VERSION, Summary, Tool};

/// A keyward report.
#[derive(Serialize, JsonSchema)]
struct Report {
    /// Raised when a field changes its meaning or goes away; new fields do not raise it.
    schema_version: u32,
    /// What made the report.
    tool: Tool,
    /// What was scanned, in words.
    source: String,
    /// What counts, sorted by origin, offset and rule.
    findings: Vec<Finding>,
    /// What does not count; only when the report was asked to explain.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<Vec<Dropped>>,
    /// What could not be done; not empty means that the scan is incomplete.
    problems: Vec<Problem>,
    /// What the user should know though nothing is wrong.
    notices: Vec<String>,
    /// What was looked at and what was not.
    coverage: Coverage,
    /// The figures.
    summary: Summary,
    /// Wall time. The only field that differs between two runs over the same bytes.
    elapsed_ms: u64,
}

/// Writes the document, indented.
pub(super) fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let cook = Cook::new(view);
    let outcome = view.outcome;
    let report = Report {
        schema_version: SCHEMA_VERSION,
        tool: cook.tool(),
        source: view.source.to_owned(),
        findings: outcome.findings.iter().map(|finding| cook.finding(finding)).collect(),
        dropped: view.explain.then(|| outcome.dropped.iter().map(|dropped| cook.dropped(dropped)).collect()),
        problems: outcome.problems.iter().map(|problem| cook.problem(problem)).collect(),
        notices: outcome.notices.iter().map(|notice| cook.notice(notice)).collect(),
        coverage: cook.coverage(),
        summary: cook.summary(),
        elapsed_ms: elapsed_ms(view),
    };
    serde_json::to_writer_pretty(&mut *out, &report)?;
    out.write_all(b"\n")
}

/// Whole milliseconds.
pub(super) fn elapsed_ms(view: &View<'_>) -> u64 {
    u64::try_from(view.outcome.elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// The text of `report.schema.json`: JSON Schema 2020-12 of the document, and under `$defs/Line` of a line of JSONL.
pub fn schema() -> String {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    generator.subschema_for::<Line>();
    let schema = generator.into_root_schema_for::<Report>();
    // Serialising a tree of JSON values cannot fail.
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}
