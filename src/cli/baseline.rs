//! `keyward baseline`: records what is known, so that only new secrets are reported.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use super::args::{FilterArgs, OutputArgs, SourceArgs};
use super::scan::{Job, perform, with_source};
use super::setup::Setup;
use super::{Talk, console};
use crate::model::{Clock, Confidence};
use crate::report::file::to_file;
use crate::report::{Scrub, View, safe};
use crate::triage::Baseline as Known;
use crate::triage::baseline::{DEFAULT_PATH, seen};

/// Record what is known.
#[derive(Debug, Args)]
pub(crate) struct Baseline {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Scan, and write every finding to a new baseline
    Create {
        #[command(flatten)]
        scan: Scan,
        /// Replace a baseline that is already there
        #[arg(long)]
        force: bool,
    },
    /// Scan, and add what is new
    Update {
        #[command(flatten)]
        scan: Scan,
        /// Also drop what this scan no longer finds
        #[arg(long)]
        prune: bool,
    },
    /// Show what is recorded; it holds no secret
    Show {
        /// The baseline [default: .keyward-baseline.json]
        file: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
struct Scan {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    filter: FilterArgs,
}

/// Runs the subcommand; its exit code.
pub(crate) fn run(args: &Baseline, talk: Talk) -> anyhow::Result<u8> {
    match &args.command {
        Command::Create { scan, force } => {
            let mut filter = scan.filter.clone();
            let target = filter.baseline.take();
            filter.no_baseline = true;
            write(scan, &filter, talk, target, |setup, seen, path| {
                if path.exists() && !force {
                    bail!("{} is already there: use keyward baseline update, or --force", path.display());
                }
                let known = Known::create(seen, setup.key())?;
                let count = known.entries().len();
                Ok((known, format!("{count} known secrets")))
            })
        }
        Command::Update { scan, prune } => {
            write(scan, &scan.filter, talk, scan.filter.baseline.clone(), |setup, seen, path| {
                if !path.exists() {
                    bail!("{} is not there: use keyward baseline create", path.display());
                }
                let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
                let mut known = Known::read(&bytes, setup.key()).with_context(|| path.display().to_string())?;
                let change = known.update(seen, *prune)?;
                let count = known.entries().len();
                Ok((known, format!("{} added, {} dropped, {count} known secrets", change.added, change.removed)))
            })
        }
        Command::Show { file } => show(file.as_deref().unwrap_or(std::path::Path::new(DEFAULT_PATH))),
    }
}

type Seen<'a> = [(&'a crate::model::Origin, &'a crate::model::Candidate)];

/// Scans, lets `change` make the new baseline, and writes it unless the scan had errors.
fn write(
    scan: &Scan,
    filter: &FilterArgs,
    talk: Talk,
    target: Option<PathBuf>,
    change: impl FnOnce(&Setup, &Seen<'_>, &std::path::Path) -> anyhow::Result<(Known, String)>,
) -> anyhow::Result<u8> {
    with_source(&scan.source, filter, Confidence::Medium, |setup, source, kind| {
        let path = match (target, &setup.root) {
            (Some(path), _) => path,
            (None, Some(root)) => root.join(&setup.baseline_path),
            (None, None) => bail!("there is no working tree to write a baseline to: give --baseline FILE"),
        };
        let job =
            Job { setup, source, kind, output: &OutputArgs::default(), talk, calm: false, clock: Clock::default() };
        let outcome = perform(&job)?;
        if !outcome.problems.is_empty() {
            let scrub = Scrub::new(&View::new(&outcome));
            for problem in &outcome.problems {
                console::warn(&format!("error: {}", safe(&scrub.prose(&problem.to_string()))));
            }
            bail!("{} was not written: the scan did not see everything", path.display());
        }
        let (known, said) = change(setup, &seen(&outcome.findings, &outcome.dropped), &path)?;
        to_file(&path, &|out| out.write_all(&known.to_bytes()))?;
        if !talk.quiet {
            console::print(|out| writeln!(out, "{}: {said}", path.display()))?;
        }
        Ok(0)
    })
}

fn show(path: &std::path::Path) -> anyhow::Result<u8> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let key = super::setup::key();
    let known = Known::read(&bytes, key.as_deref()).with_context(|| path.display().to_string())?;
    console::print(|out| {
        for entry in known.entries() {
            writeln!(out, "{:<28} {}", entry.rule, entry.path)?;
        }
        let key = if known.needs_key() { ", readable with its key only" } else { "" };
        writeln!(out, "{} known secrets{key}", known.entries().len())
    })?;
    Ok(0)
}
