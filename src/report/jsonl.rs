//! One JSON object a line, told apart by `type`; the last is the summary. For pipes and logs.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::View;
use super::json::elapsed_ms;
use super::record::{Cook, Coverage, Dropped, Finding, Problem, SCHEMA_VERSION, Summary, Tool};

/// A line of the JSONL format.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Line {
    /// What counts.
    Finding(Box<Finding>),
    /// What does not count; only when the report was asked to explain.
    Dropped(Dropped),
    /// What could not be done.
    Problem(Problem),
    /// What the user should know.
    Notice {
        /// One sentence.
        message: String,
    },
    /// Always the last line: without it the report is cut short.
    Summary {
        /// As in the JSON document.
        schema_version: u32,
        /// As in the JSON document.
        tool: Tool,
        /// As in the JSON document.
        source: String,
        /// As in the JSON document.
        coverage: Coverage,
        /// The figures.
        #[serde(flatten)]
        summary: Summary,
        /// As in the JSON document.
        elapsed_ms: u64,
    },
}

/// Writes line by line; nothing is held but one record.
pub fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let cook = Cook::new(view);
    let outcome = view.outcome;
    let mut line = |line: Line| -> io::Result<()> {
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")
    };
    for finding in &outcome.findings {
        line(Line::Finding(Box::new(cook.finding(finding))))?;
    }
    for dropped in outcome.dropped.iter().filter(|_| view.explain) {
        line(Line::Dropped(cook.dropped(dropped)))?;
    }
    for problem in &outcome.problems {
        line(Line::Problem(cook.problem(problem)))?;
    }
    for notice in &outcome.notices {
        line(Line::Notice { message: cook.notice(notice) })?;
    }
    line(Line::Summary {
        schema_version: SCHEMA_VERSION,
        tool: cook.tool(),
        source: view.source.to_owned(),
        coverage: cook.coverage(),
        summary: cook.summary(),
        elapsed_ms: elapsed_ms(view),
    })
}
