//! `keyward rules profile`: a scan that tells what each rule cost. The counts are the same on every run; the times are not.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::args::{FilterArgs, OutputArgs, SourceArgs};
use super::rules::Format;
use super::scan::{Job, Looks, perform, with_source};
use super::{Talk, console};
use crate::detect::{Detector, RuleWork, Work};
use crate::model::{Clock, Confidence, Outcome};

/// Scan, and show what each rule cost.
#[derive(Debug, Args)]
pub(crate) struct Profile {
    /// Files and directories to scan [default: the current directory]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// As a table or as JSON
    #[arg(long, short, value_enum, default_value_t)]
    format: Format,
    /// Show only so many rules; 0 for all that did anything
    #[arg(long, value_name = "N", default_value_t = 30)]
    top: usize,
    #[command(flatten)]
    filter: FilterArgs,
}

/// One line of the answer.
struct Line<'a> {
    id: &'a str,
    work: RuleWork,
    findings: usize,
}

/// Scans and tells; the exit code is 0 unless something could not be scanned.
pub(crate) fn run(args: &Profile, talk: Talk) -> anyhow::Result<u8> {
    let source = SourceArgs { paths: args.paths.clone(), ..SourceArgs::default() };
    with_source(&source, &args.filter, Confidence::Medium, |setup, source, kind| {
        setup.detector.count_work();
        let output = OutputArgs::default();
        let job = Job {
            setup,
            source,
            kind,
            looks: Looks::SECRETS,
            output: &output,
            talk,
            calm: false,
            clock: Clock::default(),
        };
        let outcome = perform(&job)?;
        let (total, lines) = lines(&setup.detector, &outcome);
        let shown = if args.top == 0 { lines.len() } else { args.top };
        console::print(|out| match args.format {
            Format::Human => table(&total, &lines, shown, out),
            Format::Json => json(&total, &lines, shown, out),
        })?;
        for problem in &outcome.problems {
            console::warn(&format!("error: {problem}"));
        }
        Ok(if outcome.problems.is_empty() { 0 } else { 2 })
    })
}

/// Every rule that did anything, the dearest first.
fn lines<'a>(detector: &'a Detector, outcome: &Outcome) -> (Work, Vec<Line<'a>>) {
    let mut findings: HashMap<&str, usize> = HashMap::new();
    for finding in &outcome.findings {
        *findings.entry(finding.candidate.rule.id.as_str()).or_default() += 1;
    }
    let rules = detector.rules().iter().zip(detector.work_by_rule());
    let mut lines: Vec<Line<'_>> = rules
        .filter(|(_, work)| work.hits > 0)
        .map(|(rule, work)| Line {
            id: rule.id(),
            work,
            findings: findings.get(rule.id()).copied().unwrap_or_default(),
        })
        .collect();
    lines.sort_by(|a, b| b.work.time.cmp(&a.work.time).then(a.id.cmp(b.id)));
    (detector.work(), lines)
}

fn table(total: &Work, lines: &[Line<'_>], shown: usize, out: &mut dyn Write) -> io::Result<()> {
    let width = lines.iter().take(shown).map(|line| line.id.len()).max().unwrap_or(0).max(4);
    writeln!(
        out,
        "{:<width$} {:>9} {:>9} {:>9} {:>9} {:>10} {:>8}",
        "rule", "ms", "hits", "passed", "regexes", "candidates", "findings"
    )?;
    for Line { id, work, findings } in lines.iter().take(shown) {
        let RuleWork { hits, passed, regexes, seen, .. } = work;
        let ms = work.time.as_secs_f64() * 1e3;
        writeln!(out, "{id:<width$} {ms:>9.2} {hits:>9} {passed:>9} {regexes:>9} {seen:>10} {findings:>8}")?;
    }
    let rest = lines.len().saturating_sub(shown);
    if rest > 0 {
        writeln!(out, "and {rest} rules more; --top 0 shows all")?;
    }
    let Work { texts, bytes, places, windows, hits, passed, regexes, seen } = total;
    let time: Duration = lines.iter().map(|line| line.work.time).sum();
    writeln!(
        out,
        "\n{texts} texts, {bytes} bytes; the prefilter let {places} places through its first sieve, {windows} through its \
         second\n{hits} hits of anchors, {passed} passed the rules' gates, {regexes} regex runs, {seen} candidates; \
         {:.1} ms in rules",
        time.as_secs_f64() * 1e3
    )
}

fn json(total: &Work, lines: &[Line<'_>], shown: usize, out: &mut dyn Write) -> io::Result<()> {
    let Work { texts, bytes, places, windows, hits, passed, regexes, seen } = total;
    let rules: Vec<_> = lines
        .iter()
        .take(shown)
        .map(|Line { id, work, findings }| {
            json!({
                "id": id, "nanoseconds": u64::try_from(work.time.as_nanos()).unwrap_or(u64::MAX), "hits": work.hits,
                "passed": work.passed, "regexes": work.regexes, "candidates": work.seen, "findings": findings,
            })
        })
        .collect();
    let total = json!({
        "texts": texts, "bytes": bytes, "places": places, "windows": windows, "hits": hits, "passed": passed,
        "regexes": regexes, "candidates": seen,
    });
    serde_json::to_writer_pretty(&mut *out, &json!({ "total": total, "rules": rules }))?;
    writeln!(out)
}
