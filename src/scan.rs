//! The line: bytes in, verdict out. Every scan, whatever its source, runs through [`run`].

mod apps;
mod archive;
mod around;
mod claims;
mod governance;
mod views;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::cache::Cache;
use crate::config::Config;
use crate::detect::{DetectError, Detector, Evidence};
use crate::git::Repo;
use crate::model::{
    Blob, BytePath, Clock, Copied, Coverage, Found, Fresh, ObjectId, Origin, OriginKind, Outcome, Severity, SkipReason,
    Survey,
};
use crate::pack::Past;
use crate::place::{self, HistoryRules, Placed};
use crate::rule::Rule;
use crate::source::{self, Before, HistoryOptions, Limits, Range, SourceError, Visit, Witness};
use crate::triage::{self, Settings};
use crate::unpack;

use archive::Opener;
use governance::Desk;
pub use governance::{Governance, Required};

/// Everything a scan goes by. No flag, file or variable is read after this but the source itself.
pub struct Plan<'a> {
    /// What to look at.
    pub source: &'a Source<'a>,
    /// Paths to pass over.
    pub config: &'a Config,
    /// What triage goes by.
    pub triage: Settings<'a>,
    /// The rules, ready to match.
    pub detector: &'a Detector,
    /// False to look for no secrets, but for those that must be masked.
    pub secrets: bool,
    /// Manifests and policies; none: only secrets are looked for.
    pub governance: Option<Governance<'a>>,
    /// Blobs larger than this many bytes are passed over.
    pub max_file_size: u64,
    /// How far to look into archives; none: not at all.
    pub archives: Option<unpack::Limits>,
    /// Findings below this severity do not fail the scan.
    pub fail_on: Option<Severity>,
    /// What a history's sweeps know from one to the next.
    pub cache: Option<&'a Cache>,
    /// Told how long each stage took.
    pub clock: Clock<'a>,
}

/// What to look at.
pub enum Source<'a> {
    /// Working trees and files.
    Tree(Vec<PathBuf>),
    /// The index against HEAD; the files are scanned whole unless they are staged.
    Staged(&'a Repo, Vec<PathBuf>),
    /// What each commit of some ranges adds.
    Range(&'a Repo, Range),
    /// Every object that a ref reaches, or every object there is.
    History(&'a Repo, HistoryOptions),
    /// One stream.
    Stdin(Mutex<Box<dyn Read + Send>>, Option<BytePath>),
    /// A commit message that is being written.
    Message(Vec<u8>),
}

/// Why there is no outcome at all.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The source could show nothing.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The rules could not be made ready.
    #[error(transparent)]
    Detect(#[from] DetectError),
}

/// How far a scan has come; read by whoever draws it.
#[derive(Debug, Default)]
pub struct Progress {
    blobs: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// Blobs and bytes seen so far.
    pub fn seen(&self) -> (u64, u64) {
        (self.blobs.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    fn add(&self, blob: &Blob<'_>) {
        self.blobs.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(blob.bytes.len() as u64, Ordering::Relaxed);
    }
}

/// Source → detect → place → triage → outcome.
pub fn run(plan: &Plan<'_>, progress: &Progress) -> Result<Outcome, ScanError> {
    let began = Instant::now();
    let (mut survey, mut found, past) = look(plan, progress)?;
    if let (Some(past), Source::History(_, HistoryOptions { all_objects: false, .. })) = (&past, plan.source) {
        found.retain(|found| is_reached(past, &found.origin));
    }
    survey.problems.extend(found.iter_mut().flat_map(|found| std::mem::take(&mut found.problems)));
    for found in &found {
        if let Some(contents) = &found.contents {
            survey.coverage.add_contents(&found.origin, contents);
        }
    }
    survey.notices.extend(unopened(&survey.coverage));
    let placed = plan.clock.stage("place", || give_place(plan, found, past.as_ref()))?;
    // Its memory and its packs' pages take a while to give back, and nobody needs to wait for that.
    rayon::spawn(move || drop(past));
    let verdict = plan.clock.stage("triage", || triage::decide(placed.sightings, &placed.marks, &plan.triage));
    let mut outcome = Outcome {
        findings: verdict.findings,
        dropped: verdict.dropped,
        problems: survey.problems,
        notices: survey.notices,
        named: Vec::new(),
        coverage: survey.coverage,
        fail_on: plan.fail_on,
        elapsed: began.elapsed(),
    };
    outcome.notices.extend(verdict.notices);
    outcome.problems.sort();
    outcome.named = plan.detector.secrets_in(&names(&outcome));
    Ok(outcome)
}

/// What could not be looked at inside of archives. No error: a damaged or encrypted archive may well be a test's, and would
/// make every run fail for good; nor is a file an error that is too large.
fn unopened(coverage: &Coverage) -> Option<String> {
    let (first, why) = coverage.unopened.first()?;
    let count = |reason: &SkipReason| coverage.skipped.get(reason).copied().unwrap_or_default();
    let reasons = [
        SkipReason::Encrypted,
        SkipReason::Damaged,
        SkipReason::TooDeep,
        SkipReason::UnknownMethod,
        SkipReason::OverLimit,
    ];
    let what = match reasons.iter().map(count).sum::<u64>() {
        0 | 1 => format!("{first} could not be looked into, or not to its end ({})", why.name()),
        n => {
            let such = format!("such as {first} ({})", why.name());
            format!("{n} archives, or files in them, could not be looked into, or not to their end, {such}")
        }
    };
    Some(format!("{what}; `exclude` leaves out what is not meant to be"))
}

/// All that a report repeats beside the lines of findings, one a line.
fn names(outcome: &Outcome) -> String {
    let mut names: BTreeSet<Cow<'_, str>> = BTreeSet::new();
    let origins = outcome.findings.iter().map(|f| &f.origin).chain(outcome.dropped.iter().map(|d| &d.origin));
    let placed = outcome.findings.iter().flat_map(|finding| &finding.placement.paths);
    names.extend(origins.filter_map(|origin| origin.path.as_ref()).chain(placed).map(|path| path.to_string().into()));
    for commit in outcome.findings.iter().filter_map(|finding| finding.placement.introduced.as_ref()) {
        names.extend([Cow::from(&commit.author), Cow::from(&commit.email)]);
    }
    names.extend(outcome.problems.iter().map(|problem| problem.to_string().into()));
    names.extend(outcome.notices.iter().map(Cow::from));
    let claims = outcome.findings.iter().map(|f| &f.candidate).chain(outcome.dropped.iter().map(|d| &d.candidate));
    for candidate in claims.filter(|candidate| candidate.claim.is_some()) {
        names.extend(candidate.claim.iter().map(|claim| Cow::from(&claim.message)));
        names.insert(candidate.snippet.text(true).into());
    }
    names.extend(outcome.coverage.too_large.iter().map(|(name, _)| Cow::from(name)));
    names.extend(outcome.coverage.unopened.iter().map(|(name, _)| Cow::from(name)));
    names.into_iter().collect::<Vec<_>>().join("\n")
}

/// Shows every blob of the source to the detector and collects what it saw; for a history also what its commits and
/// trees say.
fn look(plan: &Plan<'_>, progress: &Progress) -> Result<(Survey, Vec<Found>, Option<Past>), SourceError> {
    let limits = Limits { max_file_size: plan.max_file_size, exclude: &plan.config.exclude, clock: plan.clock };
    // A history has blobs, not files as they stand: there is no state of the tree to judge.
    let governance = plan.governance.as_ref().filter(|_| !matches!(plan.source, Source::History(..)));
    let desk = governance.map(|governance| Desk::new(governance, matches!(plan.source, Source::Tree(_))));
    if let Some(desk) = &desk {
        around::before(plan, desk)?;
    }
    let (mut survey, mut found, past) = match plan.source {
        Source::History(repo, options) => look_back(plan, progress, limits, repo, *options)?,
        source => {
            let eye = Eye::new(plan, progress);
            let secrets = plan.secrets;
            let detect = |blob: &Blob<'_>| if secrets { eye.detector.scan(blob) } else { None };
            let judge = |blob: &Blob<'_>, found| match &desk {
                Some(desk) => desk.look(blob, eye.detector, found),
                None => found,
            };
            let survey = show(source, limits, &|blob| eye.see(blob, || judge(blob, detect(blob))))?;
            (survey, eye.close(), None)
        }
    };
    // Threads finish in any order; the answer does not.
    found.sort_by(|a, b| a.origin.cmp(&b.origin));
    if let Some(desk) = desk {
        look_again(plan, limits, &desk, &mut found)?;
        let (notices, problems) = desk.close(plan.detector, &mut found);
        survey.notices.extend(notices);
        survey.problems.extend(problems);
        let (notices, problems) = around::close(plan, &desk, &mut found)?;
        survey.notices.extend(notices);
        survey.problems.extend(problems);
    } else if plan.governance.is_some() {
        survey.notices.push("manifests and policies look at files as they stand, not at histories".into());
    }
    Ok((survey, found, past))
}

/// Files that were seen before a manifest was, and that the built-in policies may speak of now that there is one.
fn look_again(plan: &Plan<'_>, limits: Limits<'_>, desk: &Desk<'_>, found: &mut Vec<Found>) -> Result<(), SourceError> {
    let passed = desk.passed();
    if passed.is_empty() {
        return Ok(());
    }
    let more = Mutex::new(Vec::new());
    show(plan.source, limits, &|blob| {
        if blob.origin.path.as_ref().is_some_and(|path| passed.contains(path))
            && let Some(said) = desk.look(blob, plan.detector, None)
        {
            more.lock().unwrap_or_else(PoisonError::into_inner).push(said);
        }
    })?;
    for said in more.into_inner().unwrap_or_else(PoisonError::into_inner) {
        match found.binary_search_by(|there| there.origin.cmp(&said.origin)) {
            Ok(at) => {
                if let Some(there) = found.get_mut(at) {
                    there.candidates.extend(said.candidates);
                    there.problems.extend(said.problems);
                }
            }
            Err(at) => found.insert(at, said),
        }
    }
    Ok(())
}

/// A history, with what its commits and trees say. What an earlier sweep knew is not looked at again, as long as it holds.
fn look_back(
    plan: &Plan<'_>,
    progress: &Progress,
    limits: Limits<'_>,
    repo: &Repo,
    options: HistoryOptions,
) -> Result<(Survey, Vec<Found>, Option<Past>), SourceError> {
    let mut eye = Eye::new(plan, progress);
    let mut shown = source::history(repo, options, limits, &eye, before(plan))?;
    if shown.is_none() {
        eye = Eye::new(plan, progress);
        shown = source::history(repo, options, limits, &eye, None)?;
    }
    let shown = shown.ok_or_else(|| SourceError::Nothing("the history could not be read".into()))?;
    let (mut survey, mut found) = (shown.survey, eye.close());
    found.extend(shown.found);
    if let (Some(cache), Some(saved)) = (plan.cache, shown.saved)
        && let Err(error) = plan.clock.stage("cache", || cache.store(saved, &found))
    {
        survey.notices.push(format!("the cache could not be written: {error} (go without it with: --no-cache)"));
    }
    Ok((survey, found, Some(shown.past)))
}

/// What an earlier sweep of the same history knew.
fn before(plan: &Plan<'_>) -> Option<Before> {
    let rules: HashMap<&str, &Rule> = plan.detector.rules().iter().map(|rule| (rule.id(), rule)).collect();
    let meta = |id: &str| rules.get(id).map(|rule| &*rule.meta);
    let (saved, found) = plan.clock.stage("cache", || plan.cache?.load(meta))?;
    Some(Before { saved, found })
}

/// Sees blobs, from any thread.
struct Eye<'a> {
    detector: &'a Detector,
    /// Looks into archives, where that was asked for.
    opener: Option<Opener<'a>>,
    clock: Clock<'a>,
    progress: &'a Progress,
    seen: Mutex<Vec<Found>>,
    /// Nanoseconds.
    detecting: AtomicU64,
}

impl<'a> Eye<'a> {
    fn new(plan: &Plan<'a>, progress: &'a Progress) -> Self {
        let opener = |limits| Opener { detector: plan.detector, limits, exclude: &plan.config.exclude };
        Self {
            detector: plan.detector,
            opener: plan.archives.filter(|_| plan.secrets).map(opener),
            clock: plan.clock,
            progress,
            seen: Mutex::default(),
            detecting: AtomicU64::new(0),
        }
    }

    /// What was seen, in any order.
    fn close(self) -> Vec<Found> {
        self.clock.add("detect", Duration::from_nanos(self.detecting.into_inner()));
        self.seen.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn see(&self, blob: &Blob<'_>, detect: impl FnOnce() -> Option<Found>) {
        self.progress.add(blob);
        let mut laps = self.clock.laps();
        let own = detect();
        let (found, more) = match &self.opener {
            Some(opener) => opener.look(blob, own),
            None => (own, Vec::new()),
        };
        if self.clock.is_on() {
            let nanos = u64::try_from(laps.lap().as_nanos()).unwrap_or(u64::MAX);
            self.detecting.fetch_add(nanos, Ordering::Relaxed);
        }
        if found.is_some() || !more.is_empty() {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).extend(found.into_iter().chain(more));
        }
    }
}

impl Witness for Eye<'_> {
    type Evidence = Evidence;

    fn show(&self, blob: &Blob<'_>, base: Option<(&Evidence, &[Copied])>, wanted: bool) -> Option<Evidence> {
        let mut evidence = None;
        self.see(blob, || {
            let (found, known) = self.detector.trace(blob, base, wanted);
            evidence = known;
            found
        });
        evidence
    }

    fn told(&self) -> HashSet<ObjectId> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().filter_map(|found| found.origin.object).collect()
    }
}

fn show(source: &Source<'_>, limits: Limits<'_>, visit: &Visit<'_>) -> Result<Survey, SourceError> {
    match source {
        Source::Tree(paths) => source::tree(paths, limits, visit),
        Source::Staged(repo, files) => {
            let mut survey = source::staged(repo, limits, visit)?;
            if !files.is_empty() {
                let others = source::unstaged(repo, files, limits, visit)?;
                if others.coverage.blobs > 0 {
                    // Something was looked at all the same.
                    survey.notices.retain(|notice| notice != source::NOTHING_STAGED);
                }
                survey.add(others);
            }
            Ok(survey)
        }
        Source::Range(repo, range) => source::range(repo, range, limits, visit),
        // Shown to a witness of its own.
        Source::History(..) => Ok(Survey::default()),
        Source::Stdin(input, path) => {
            let mut input = input.lock().unwrap_or_else(PoisonError::into_inner);
            source::stdin(&mut **input, path.clone(), limits, visit)
        }
        Source::Message(bytes) => {
            let origin = Origin::new(OriginKind::CommitMessage);
            visit(&Blob { origin: &origin, bytes, fresh: &Fresh::All, former_path: None, earlier: &[] });
            let mut survey = Survey::default();
            survey.coverage.scanned(bytes.len());
            survey.coverage.messages = 1;
            Ok(survey)
        }
    }
}

/// True when a ref reaches what was seen.
fn is_reached(past: &Past, origin: &Origin) -> bool {
    let object = origin.object.or(origin.commit).and_then(|id| past.objects.find(&id));
    object.is_some_and(|object| past.reaches(object))
}

/// Who brought each candidate in, and where it lies, as far as the source did not know.
fn give_place(plan: &Plan<'_>, found: Vec<Found>, past: Option<&Past>) -> Result<Placed, SourceError> {
    match (plan.source, past) {
        (Source::History(repo, options), Some(past)) => {
            let rules = HistoryRules {
                all_objects: options.all_objects,
                exclude: &|path| plan.config.exclude.matches(path),
                applies: &|candidate, path| match path {
                    Some(path) => candidate.belongs_at(path),
                    None => candidate.paths.is_empty(),
                },
                decider: &|| {
                    let decider = plan.detector.decider();
                    Box::new(move |candidate, paths, elsewhere| decider.decide(candidate, paths, elsewhere))
                },
            };
            let mut placed = place::history(repo, past, found, &rules);
            // Triage drops what lies at excluded paths only, so that it is explained like everything else.
            placed.sightings.append(&mut placed.excluded);
            Ok(placed)
        }
        (Source::Range(repo, _), _) => Ok(place::at_commits(repo, found)?),
        _ => Ok(place::in_place(found)),
    }
}
