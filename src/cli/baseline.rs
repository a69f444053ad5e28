//! `keyward baseline`: records what is known, so that only new secrets are reported.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use super::args::{FilterArgs, OutputArgs, SourceArgs};
use super::scan::{Job, Looks, perform, with_source};
use super::setup::{Setup, config_here};
use super::{Talk, console, harmless};
use crate::model::{Clock, Confidence};
use crate::report::file::to_file;
use crate::report::{Scrub, View, safe};
use crate::scan::Source;
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
        /// The baseline [default: the one that scans here read]
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
            let work = Work { scan, filter: &filter, target, whole: false };
            write(&work, talk, |setup, seen, path| {
                if path.exists() && !force {
                    bail!("{} is already there: use keyward baseline update, or --force", path.display());
                }
                let known = Known::create(seen, setup.key())?;
                let count = counted(&known);
                Ok((known, count))
            })
        }
        Command::Update { scan, prune } => {
            let work = Work { scan, filter: &scan.filter, target: scan.filter.baseline.clone(), whole: *prune };
            write(&work, talk, |setup, seen, path| {
                if !path.exists() {
                    bail!("{} is not there: use keyward baseline create", path.display());
                }
                let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
                let mut known = Known::read(&bytes, setup.key()).with_context(|| path.display().to_string())?;
                let change = known.update(seen, *prune)?;
                let count = counted(&known);
                Ok((known, format!("{} added, {} dropped, {count}", change.added, change.removed)))
            })
        }
        Command::Show { file: Some(file) } => show(file),
        Command::Show { file: None } => {
            let (dir, config) = config_here()?;
            show(&dir.join(config.baseline.as_deref().unwrap_or(DEFAULT_PATH)))
        }
    }
}

type Seen<'a> = [(&'a crate::model::Origin, &'a crate::model::Candidate)];

/// What a baseline is made from, and where it goes.
struct Work<'a> {
    scan: &'a Scan,
    filter: &'a FilterArgs,
    /// Where it goes if not to its usual place.
    target: Option<PathBuf>,
    /// Only a scan of everything will do: what a part does not show may be elsewhere still.
    whole: bool,
}

/// Scans, lets `change` make the new baseline, and writes it unless the scan had errors.
fn write(
    work: &Work<'_>,
    talk: Talk,
    change: impl FnOnce(&Setup, &Seen<'_>, &Path) -> anyhow::Result<(Known, String)>,
) -> anyhow::Result<u8> {
    with_source(&work.scan.source, work.filter, Confidence::Medium, |setup, source, kind| {
        if work.whole && !kind.whole && !matches!(source, Source::History(..)) {
            bail!("--prune needs a look at everything: scan the whole tree from its root, or --history");
        }
        let path = match (&work.target, &setup.root) {
            (Some(path), _) => path.clone(),
            (None, Some(root)) => inside(root, &setup.baseline_path)?,
            (None, None) => bail!("there is no working tree to write a baseline to: give --baseline FILE"),
        };
        let job = Job {
            setup,
            source,
            kind,
            looks: Looks::SECRETS,
            output: &OutputArgs::default(),
            talk,
            calm: false,
            clock: Clock::default(),
        };
        let outcome = perform(&job)?;
        let scrub = Scrub::new(&View::new(&outcome));
        if !outcome.problems.is_empty() {
            for problem in &outcome.problems {
                console::warn(&format!("error: {}", safe(&scrub.prose(&problem.to_string()))));
            }
            bail!("{} was not written: the scan did not see everything", path.display());
        }
        // A path may hold a secret, and the baseline is committed.
        let seen = seen(&outcome.findings, &outcome.dropped);
        let masked: Vec<_> = seen.into_iter().map(|(origin, candidate)| (scrub.origin(origin), candidate)).collect();
        let seen: Vec<_> = masked.iter().map(|(origin, candidate)| (origin, *candidate)).collect();
        let (known, said) = change(setup, &seen, &path)?;
        to_file(&path, &|out| out.write_all(&known.to_bytes()))?;
        if !talk.quiet {
            console::print(|out| writeln!(out, "{}: {said}", path.display()))?;
        }
        Ok(0)
    })
}

/// Where the baseline lies under `root`. A link that the repository brings must not have a file written elsewhere.
fn inside(root: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = root.join(name);
    let link = path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
    let real = if link { path.canonicalize().ok() } else { path.parent().and_then(|dir| dir.canonicalize().ok()) };
    let out = match real {
        Some(real) => root.canonicalize().is_ok_and(|root| !real.starts_with(root)),
        None => link,
    };
    if out {
        bail!("{} leads out of {}: to write there, say so with --baseline FILE", path.display(), root.display());
    }
    Ok(path)
}

fn show(path: &Path) -> anyhow::Result<u8> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let key = super::setup::key();
    let known = Known::read(&bytes, key.as_deref()).with_context(|| path.display().to_string())?;
    let mut lines: Vec<String> =
        known.entries().map(|entry| one_line(&format!("{:<28} {}", entry.rule, entry.path))).collect();
    let key = if known.needs_key() { ", readable with its key only" } else { "" };
    lines.push(format!("{}{key}", counted(&known)));
    // Whoever wrote the file may have been somebody else.
    console::print(|out| writeln!(out, "{}", harmless(&lines.join("\n"))))?;
    Ok(0)
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

fn counted(known: &Known) -> String {
    match known.entries().len() {
        1 => "1 known secret".to_owned(),
        count => format!("{count} known secrets"),
    }
}
