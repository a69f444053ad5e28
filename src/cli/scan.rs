//! `keyward scan`, and the one way every command scans and reports.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context, bail};
use clap::Args;

use super::Talk;
use super::args::{FilterArgs, OutputArgs, SourceArgs};
use super::console::{self, Ticker};
use super::setup::{Layer, Setup, config_dir};
use crate::cache::Cache;
use crate::git::Repo;
use crate::model::{BytePath, Clock, Confidence, Outcome, Stages};
use crate::report::{self, Format, Scrub, View};
use crate::rule::pack::builtin_hash;
use crate::scan::{self, Governance, Plan, Progress, Source};
use crate::source::{HistoryOptions, Range};

/// Where keyward's own files can be read, for links to the rules' pages.
const DOCS_VARIABLE: &str = "KEYWARD_DOCS_URL";

/// Scan for secrets.
#[derive(Debug, Args)]
pub(crate) struct Scan {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: OutputArgs,

    /// Say on standard error how long each stage took
    #[arg(long, help_heading = "Output")]
    timings: bool,
}

/// Scans and reports; the exit code.
pub(crate) fn run(args: &Scan, talk: Talk) -> anyhow::Result<u8> {
    places(&args.output)?;
    let stages = Stages::default();
    let clock = if args.timings { stages.clock() } else { Clock::default() };
    let code = with_source(&args.source, &args.filter, Confidence::Medium, |setup, source, kind| {
        clock.passed("setup", stages.elapsed());
        let job = Job { setup, source, kind, looks: Looks::SECRETS, output: &args.output, talk, calm: false, clock };
        let outcome = perform(&job)?;
        clock.stage("report", || finish(&job, &outcome))
    })?;
    if args.timings {
        console::timings(&stages);
    }
    Ok(code)
}

/// What is wrong with where the reports go is said before a scan, which may take long.
pub(crate) fn places(output: &OutputArgs) -> anyhow::Result<()> {
    let mut taken = HashSet::new();
    for (_, path) in &output.output {
        let full = std::path::absolute(path).with_context(|| path.display().to_string())?;
        if full.parent().is_some_and(|directory| !directory.is_dir()) {
            bail!("cannot write {}: its directory is not there", path.display());
        }
        let streams = full.exists() && !full.is_file();
        if !streams && !taken.insert(full) {
            bail!("two reports would be written to {}: give each a file of its own", path.display());
        }
    }
    Ok(())
}

/// What kind of source a scan has, for people and for triage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// Such as "staged changes".
    pub name: &'static str,
    /// True when an entry that nothing used is really unused.
    pub whole: bool,
}

/// What a scan looks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looks {
    /// Secrets.
    pub secrets: bool,
    /// What manifests and policies forbid, where there are any.
    pub governance: bool,
}

impl Looks {
    /// Secrets alone.
    pub(crate) const SECRETS: Self = Self { secrets: true, governance: false };
}

/// One scan with all it needs.
pub(crate) struct Job<'a> {
    /// Configuration, baseline, rules.
    pub setup: &'a Setup,
    /// What to look at.
    pub source: Source<'a>,
    /// What it is called.
    pub kind: Kind,
    /// What to look for.
    pub looks: Looks,
    /// How to say it.
    pub output: &'a OutputArgs,
    /// How much to say.
    pub talk: Talk,
    /// Say nothing at all when there is nothing wrong: hooks.
    pub calm: bool,
    /// Told how long each stage takes.
    pub clock: Clock<'a>,
}

/// Runs the line, drawing progress where it takes long.
pub(crate) fn perform(job: &Job<'_>) -> anyhow::Result<Outcome> {
    let cache = cache(job);
    let plan = Plan {
        cache: cache.as_ref(),
        source: &job.source,
        config: &job.setup.config,
        triage: job.setup.triage(job.kind.whole),
        detector: &job.setup.detector,
        secrets: job.looks.secrets,
        governance: job.setup.judged.as_ref().filter(|_| job.looks.governance).map(|judged| Governance {
            policies: judged.policies.as_ref(),
            built_in: judged.built_in,
            timeout: judged.timeout,
            required: judged.required,
            limits: &judged.limits,
            config: &job.setup.config,
            combine: judged.combine,
            fail_on_warn: judged.fail_on_warn,
            parser: judged.parser,
        }),
        max_file_size: job.setup.max_file_size,
        archives: job.setup.archives,
        fail_on: job.setup.fail_on,
        clock: job.clock,
    };
    if job.setup.threads > 0 {
        // The pool is global and made once; a second scan of the same process keeps the first one's.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(job.setup.threads).build_global();
    }
    if job.output.explain {
        job.setup.detector.tell_refused();
    }
    let progress = Arc::new(Progress::default());
    let _ticker = Ticker::start(Arc::clone(&progress), job.talk.quiet || job.calm);
    Ok(scan::run(&plan, &progress)?)
}

/// The cache of a history, made with this very program, these rules and these limits.
fn cache(job: &Job<'_>) -> Option<Cache> {
    let Source::History(repo, HistoryOptions { no_cache: false, .. }) = &job.source else { return None };
    // A new build may see other things, whatever its version says.
    let program = blake3::hash(&std::fs::read(std::env::current_exe().ok()?).ok()?);
    let rules = postcard::to_allocvec(job.setup.detector.rules()).ok()?;
    let told = [u8::from(job.output.explain)];
    let limits = format!("{} {:?}", job.setup.max_file_size, job.setup.archives);
    Cache::open(&repo.common_dir(), &[program.as_bytes(), &rules, limits.as_bytes(), &told])
}

/// Writes every report asked for, and what went wrong to standard error; the exit code.
pub(crate) fn finish(job: &Job<'_>, outcome: &Outcome) -> anyhow::Result<u8> {
    let format = job.output.format.unwrap_or(Format::Human);
    let calm = job.calm || job.talk.quiet;
    let reports = !(calm && format == Format::Human && outcome.findings.is_empty() && !job.output.explain);
    let silent = job.talk.quiet || job.calm && outcome.exit_code() == 0;
    if !reports && silent && outcome.problems.is_empty() && job.output.output.is_empty() {
        return Ok(outcome.exit_code());
    }
    let pack_hash = builtin_hash();
    let variable = || std::env::var(DOCS_VARIABLE).ok().filter(|url| !url.is_empty());
    let docs_url = job.output.docs_url.clone().or_else(variable);
    let view = View {
        reveal: job.output.show_secrets,
        explain: job.output.explain,
        verbose: job.talk.verbose > 0,
        width: None,
        version: env!("CARGO_PKG_VERSION"),
        pack_hash: &pack_hash,
        source: job.kind.name,
        checks: job.looks.governance,
        category: job.output.sarif_category.as_deref(),
        suppressed: job.output.sarif_suppressed,
        docs_url: docs_url.as_deref(),
        page: super::pages::page,
        ..View::new(outcome)
    };
    let written: Vec<_> = job
        .output
        .output
        .iter()
        .map(|(format, path)| report::file::to_file(path, &|out| report::write(*format, &view, out)))
        .collect();
    let scrub = Scrub::new(&view);
    for problem in &outcome.problems {
        console::warn(&format!("error: {}", report::safe(&scrub.prose(&problem.to_string()))));
    }
    if !silent {
        for notice in &outcome.notices {
            console::warn(&report::safe(&scrub.prose(notice)));
        }
    }
    if reports {
        let color = format == Format::Human && console::colored(job.output.color);
        // What goes to standard error need not be said twice.
        let view = View { color, messages: false, ..view };
        console::print(|out| report::write(format, &view, out)).context("standard output")?;
    }
    // A report that could not be written takes no other with it: what was found has been said by now.
    written.into_iter().collect::<std::io::Result<()>>()?;
    Ok(outcome.exit_code())
}

/// Opens the source that the arguments name, reads the configuration that counts for it, and hands both on.
pub(crate) fn with_source<T>(
    args: &SourceArgs,
    filter: &FilterArgs,
    default: Confidence,
    then: impl FnOnce(&Setup, Source<'_>, Kind) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let git_source = args.staged || args.history || args.range.is_some() || args.since_ref.is_some();
    let here = PathBuf::from(".");
    if !git_source {
        return with_files(args, filter, default, then);
    }
    let dir = match args.paths.as_slice() {
        [] => &here,
        [dir] => dir,
        _ => bail!("give one repository at a time with --staged, --range, --since-ref or --history"),
    };
    let repo = Repo::from_env(dir)?;
    if args.staged {
        bare(&repo)?;
        let setup = Setup::new(filter, Some(&repo), &Layer::Index, &Layer::Commit("HEAD".into()), default)?;
        return then(&setup, Source::Staged(&repo, Vec::new()), Kind { name: "staged changes", whole: false });
    }
    if args.history {
        let setup = Setup::new(filter, Some(&repo), &Layer::Commit("HEAD".into()), &Layer::Nowhere, default)?;
        let options = HistoryOptions {
            all_objects: args.all_objects,
            allow_shallow: args.allow_shallow,
            allow_missing: args.allow_missing,
            no_cache: args.no_cache,
        };
        return then(&setup, Source::History(&repo, options), Kind { name: "history", whole: false });
    }
    let range = match (&args.range, &args.since_ref) {
        (Some(range), _) => Range::parse(range)?,
        (None, Some(since)) => Range::since(since),
        (None, None) => bail!("no source"),
    };
    let range = Range { allow_shallow: args.allow_shallow, allow_missing: args.allow_missing, ..range };
    // A base that is gone (force-pushed away, all zeros) has no configuration to compare with.
    let before = match repo.resolve(&range.base) {
        Ok(_) => Layer::Commit(range.base.clone()),
        Err(_) => Layer::Nowhere,
    };
    let setup = Setup::new(filter, Some(&repo), &Layer::Commit(range.tip.clone()), &before, default)?;
    then(&setup, Source::Range(&repo, range), Kind { name: "commit range", whole: false })
}

/// A bare repository has neither index nor files: its packed objects, read as files, would pass for clean.
fn bare(repo: &Repo) -> anyhow::Result<()> {
    if repo.workdir().is_none() {
        bail!("this is a bare repository, without a working tree: use --history or --range");
    }
    Ok(())
}

fn with_files<T>(
    args: &SourceArgs,
    filter: &FilterArgs,
    default: Confidence,
    then: impl FnOnce(&Setup, Source<'_>, Kind) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let first = args.paths.first().cloned().unwrap_or_else(|| PathBuf::from("."));
    // Only a repository that really is one may refuse: outside, a scan needs no git.
    // Standard input needs none at all, but for the commit that a configuration is asked from.
    let outside = args.stdin && filter.config_from.is_none();
    let repo = if outside { None } else { Repo::discover(&first)? };
    if let Some(repo) = repo.as_ref().filter(|_| args.paths.is_empty() && !args.stdin) {
        bare(repo)?;
    }
    let own = if first.metadata().is_ok_and(|meta| !meta.is_dir()) {
        first.parent().map(PathBuf::from).unwrap_or_default()
    } else {
        first.clone()
    };
    let root = repo.as_ref().and_then(|repo| repo.workdir().map(PathBuf::from)).unwrap_or_else(|| own.clone());
    let dir = config_dir(&own, &root, repo.as_ref().and_then(Repo::workdir));
    let setup = Setup::new(filter, repo.as_ref(), &Layer::Disk(dir.clone()), &Layer::Nowhere, default)?;
    if args.stdin {
        let path = args.path.as_deref().map(BytePath::from_os);
        let input = Mutex::new(Box::new(std::io::stdin()) as Box<dyn std::io::Read + Send>);
        return then(&setup, Source::Stdin(input, path), Kind { name: "standard input", whole: false });
    }
    let whole = args.paths.len() <= 1 && same_place(&first, &dir);
    let paths = if args.paths.is_empty() { vec![first] } else { args.paths.clone() };
    then(&setup, Source::Tree(paths), Kind { name: "working tree", whole })
}

/// Whether two names lead to the same directory; an empty one leads here.
fn same_place(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| if path.as_os_str().is_empty() { Path::new(".") } else { path }.canonicalize().ok();
    real(one).is_some_and(|one| real(other).is_some_and(|other| one == other))
}
