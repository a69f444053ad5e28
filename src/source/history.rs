//! A whole history: every blob, commit message and tag text that refs reach, or that the object store holds.
//! Each once, without a path: the place room finds paths and commits for those that matter.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Limits, SourceError};
use crate::git::{Losses, ObjectKind, Pool, ReadError, Repo, message_of};
use crate::model::{Blob, Copied, Coverage, Found, Fresh, ObjectId, Origin, OriginKind, Problem, SkipReason, Survey};
use crate::pack::{Base, Count, Index, Look, Marked, Object, Objects, Past, Question, Reader, Recalled, Saved, Strays};
use crate::pack::{Written, show};

/// What counts as the history, and which gaps are accepted.
#[derive(Clone, Copy, Debug, Default)]
pub struct HistoryOptions {
    /// Also what no ref reaches: reflogs, older stashes, what was amended away and not yet pruned.
    pub all_objects: bool,
    /// Scan a shallow clone although its history is cut off.
    pub allow_shallow: bool,
    /// Scan a partial clone although blobs are missing; nothing is fetched.
    pub allow_missing: bool,
    /// Neither use nor keep what earlier sweeps knew.
    pub no_cache: bool,
}

/// Sees a history's blobs and messages, from any thread, in any order.
pub trait Witness: Sync {
    /// What was seen in a blob, for those that are made from it.
    type Evidence: Send + Sync;

    /// Shows one. Where it was made from another, what that showed comes along, and which runs it took over. What it shows
    /// is `wanted` where others are made from it.
    fn show(&self, blob: &Blob<'_>, base: Option<(&Self::Evidence, &[Copied])>, wanted: bool)
    -> Option<Self::Evidence>;

    /// The blobs of which there is something to tell.
    fn told(&self) -> HashSet<ObjectId>;
}

/// How many lost objects are named.
const NAMED: usize = 5;
/// No commit or tag is larger.
const MOST: u64 = 64 << 20;

/// What an earlier sweep knew.
pub struct Before {
    /// Of commits and trees.
    pub saved: Saved,
    /// Of what was shown.
    pub found: Vec<Found>,
}

/// A history that was shown.
pub struct Shown {
    /// What was shown.
    pub survey: Survey,
    /// What its commits and trees say.
    pub past: Past,
    /// What the witness was not shown again.
    pub found: Vec<Found>,
    /// What is known now, where that is more than before and certain.
    pub saved: Option<Saved>,
}

/// Shows every blob, commit message and annotated tag's text that the store holds and that is not known from before, and
/// finds out which of them the refs reach: the survey counts only those, unless all were asked for. Path exclusions wait
/// until the paths are known; the size limit acts here.
///
/// None where what was known before does not hold any more: then ask again, without it, and with a new witness.
pub fn history<W: Witness>(
    repo: &Repo,
    options: HistoryOptions,
    limits: Limits<'_>,
    witness: &W,
    before: Option<Before>,
) -> Result<Option<Shown>, SourceError> {
    let mut survey = Survey::default();
    let shallow = repo.shallow_commits()?;
    if !shallow.is_empty() {
        survey.notices.push(cut_off(shallow.len(), options.allow_shallow)?);
    }
    let (tips, problems) = repo.tips()?;
    survey.problems.extend(problems);
    let clock = limits.clock;
    let mut objects = clock.stage("list", || Objects::list(repo))?;
    if tips.is_empty() && (objects.is_empty() || !options.all_objects) {
        // A broken ref says more than "empty".
        return Err(survey.problems.first().map_or_else(|| nothing(repo), |why| SourceError::Nothing(why.to_string())));
    }
    for why in &objects.problems {
        let problem = Problem::new("object store", format!("cannot be listed whole: {why}"));
        survey.problems.push(problem.fix("look closer with: git fsck"));
    }
    let pool = Pool::open(repo, objects.len())?;
    let had = before.is_some();
    let recalled = before.and_then(|Before { saved, found }| Some((saved.recall(&objects)?, found)));
    if had && recalled.is_none() {
        return Ok(None);
    }
    let (recalled, found) = recalled.map_or((None, Vec::new()), |(recalled, found)| (Some(recalled), found));
    let known = recalled.as_ref().map_or_else(|| Marked::none(&objects), |recalled| recalled.known(&objects));
    clock.stage("layout", || objects.open(&pool, known, |index| recalled.as_ref()?.kind(index)))?;
    let mut seen = clock.stage("sweep", || sweep(repo, &pool, &objects, limits, witness))?;
    if let Some(recalled) = &recalled {
        recalled.add_written(&seen.strays, &mut seen.written);
        seen.written.close();
        seen.lost.extend(recalled.large());
    }
    let wanted = Marked::none(&objects);
    let told = witness.told().into_iter().chain(found.iter().filter_map(|found| found.origin.object));
    told.filter_map(|id| objects.find(&id)).for_each(|index| _ = wanted.add(index));
    seen.lost.iter().for_each(|(index, _)| _ = wanted.add(*index));
    let Swept { written, strays, sizes, lost } = seen;
    let question = Question {
        tips: &tips,
        shallow: &shallow,
        wanted: &wanted,
        all_objects: options.all_objects,
        recalled: recalled.as_ref(),
    };
    let past = clock.stage("trees", || Past::survey(repo, &pool, objects, &written, strays, &question))?;
    let Some(past) = past else { return Ok(None) };
    let ledger = Ledger { past: &past, recalled: recalled.as_ref() };
    let [all, reached] = ledger.count(&sizes);
    let mut coverage = ledger.coverage(if options.all_objects { all } else { reached });
    let losses = ledger.losses(&lost, &mut coverage);
    survey.coverage.add(coverage);
    tell(losses, repo, options.allow_missing, &mut survey);
    let more = !options.no_cache && recalled.as_ref().is_none_or(|recalled| !recalled.is_all());
    let saved = more.then(|| Saved::of(&past, &written, &wanted, too_large(&lost)?, [all, reached])).flatten();
    Ok(Some(Shown { survey, past, found, saved }))
}

/// What is said of a shallow clone where that is allowed.
fn cut_off(commits: usize, allowed: bool) -> Result<String, SourceError> {
    let what = "this clone is shallow: its history is cut off";
    if !allowed {
        let fix = "deepen it with: git fetch --unshallow, or scan what is there with --allow-shallow";
        return Err(SourceError::Incomplete(format!("{what}; {fix}")));
    }
    let plural = if commits == 1 { "" } else { "s" };
    Ok(format!("{what} below {commits} commit{plural}; only what is there was scanned"))
}

/// What was not shown for its size alone; none where something was not shown for another reason.
fn too_large(lost: &[(Index, ReadError)]) -> Option<Vec<(Index, u64)>> {
    let large = |(index, why): &(Index, ReadError)| match why {
        ReadError::TooLarge(size) => Some((*index, *size)),
        _ => None,
    };
    lost.iter().map(large).collect()
}

/// What a sweep over all blobs, commits and tags gathered.
struct Swept {
    written: Written,
    strays: Strays,
    /// One more than the bytes of each object that was shown.
    sizes: Vec<AtomicU32>,
    /// What was not shown, sorted.
    lost: Vec<(Index, ReadError)>,
}

fn sweep<W: Witness>(
    repo: &Repo,
    pool: &Pool,
    objects: &Objects,
    limits: Limits<'_>,
    witness: &W,
) -> Result<Swept, SourceError> {
    let strays = Strays::default();
    let sizes = (0..objects.len()).map(|_| AtomicU32::new(0)).collect();
    let reader = Reader::new(repo, objects)?;
    let sweeper = Sweeper { objects, strays: &strays, limits, witness, sizes };
    let kinds = [ObjectKind::Blob, ObjectKind::Commit, ObjectKind::Tag];
    let shares = show(pool, objects, &reader, &kinds, &sweeper)?;
    let (mut written, mut lost) = (Written::default(), Vec::new());
    for share in shares {
        written.add(share.written);
        lost.extend(share.lost);
    }
    written.close();
    lost.sort_by_key(|(index, _)| *index);
    let sizes = sweeper.sizes;
    Ok(Swept { written, strays, sizes, lost })
}

/// Shows blobs and messages; reads commits and tags.
struct Sweeper<'a, W> {
    objects: &'a Objects,
    strays: &'a Strays,
    limits: Limits<'a>,
    witness: &'a W,
    sizes: Vec<AtomicU32>,
}

/// A thread's share of a sweep.
#[derive(Default)]
struct Share {
    written: Written,
    lost: Vec<(Index, ReadError)>,
}

impl<W: Witness> Look for Sweeper<'_, W> {
    type Evidence = W::Evidence;
    type Local = Share;

    fn local(&self) -> Share {
        Share::default()
    }

    fn most(&self, kind: ObjectKind) -> u64 {
        if kind == ObjectKind::Blob { self.limits.max_file_size } else { MOST }
    }

    fn look(&self, share: &mut Share, object: &Object<'_>, base: Option<Base<'_, W::Evidence>>) -> Option<W::Evidence> {
        let id = self.objects.id(object.index);
        let (origin, read) = match object.kind {
            ObjectKind::Blob => {
                let origin = Origin { object: Some(id), ..Origin::new(OriginKind::History) };
                return self.show(object, &origin, object.bytes, base);
            }
            ObjectKind::Tree => return None,
            ObjectKind::Commit => (
                Origin { commit: Some(id), ..Origin::new(OriginKind::CommitMessage) },
                share.written.commit(self.objects, self.strays, object.index, object.bytes),
            ),
            ObjectKind::Tag => (
                Origin { object: Some(id), ..Origin::new(OriginKind::TagMessage) },
                share.written.tag(self.objects, self.strays, object.index, object.bytes),
            ),
        };
        if let Err(why) = read {
            share.lost.push((object.index, why));
        } else if object.bytes.len() as u64 > self.limits.max_file_size {
            share.lost.push((object.index, ReadError::TooLarge(object.bytes.len() as u64)));
        } else {
            self.show(object, &origin, message_of(object.bytes), None);
        }
        None
    }

    fn lost(&self, share: &mut Share, index: Index, kind: Option<ObjectKind>, why: ReadError) {
        // Trees are read later, and told of then.
        if kind != Some(ObjectKind::Tree) {
            share.lost.push((index, why));
        }
    }
}

impl<W: Witness> Sweeper<'_, W> {
    fn show(
        &self,
        object: &Object<'_>,
        origin: &Origin,
        bytes: &[u8],
        base: Option<Base<'_, W::Evidence>>,
    ) -> Option<W::Evidence> {
        if let Some(size) = self.sizes.get(object.index as usize) {
            size.store(u32::try_from(bytes.len() + 1).unwrap_or(u32::MAX), Ordering::Relaxed);
        }
        let blob = Blob { origin, bytes, fresh: &Fresh::All, former_path: None, earlier: &[] };
        self.witness.show(&blob, base, object.is_base)
    }
}

/// Counts what was shown and what was not.
struct Ledger<'a> {
    past: &'a Past,
    recalled: Option<&'a Recalled>,
}

impl Ledger<'_> {
    /// What was shown, now and before: of all, of what the refs reach.
    fn count(&self, sizes: &[AtomicU32]) -> [Count; 2] {
        let mut counts = self.recalled.map_or([Count::default(); 2], Recalled::counts);
        for (index, size) in (0..).zip(sizes) {
            let Some(size) = size.load(Ordering::Relaxed).checked_sub(1) else { continue };
            let message = matches!(self.past.objects.kind(index), Some(ObjectKind::Commit | ObjectKind::Tag));
            let [all, reached] = &mut counts;
            for count in [Some(all), Some(reached).filter(|_| self.past.is_reached(index))].into_iter().flatten() {
                count.objects += 1;
                count.bytes += u64::from(size);
                count.messages += u64::from(message);
            }
        }
        counts
    }

    fn coverage(&self, count: Count) -> Coverage {
        let Count { objects, bytes, messages } = count;
        let commits = self.past.graph.commits.len() as u64;
        Coverage { blobs: objects, bytes, messages, commits, ..Coverage::default() }
    }

    fn losses(&self, lost: &[(Index, ReadError)], coverage: &mut Coverage) -> Losses {
        let mut losses = self.past.losses.clone();
        for (index, why) in lost.iter().filter(|(index, _)| self.past.counts(*index)) {
            let id = self.past.objects.id(*index);
            match why {
                ReadError::TooLarge(size) => coverage.skip_large(id.to_string(), *size),
                why => losses.note(id, why.clone()),
            }
        }
        losses
    }
}

fn nothing(repo: &Repo) -> SourceError {
    let path = repo.workdir().unwrap_or_else(|| repo.git_dir()).display();
    SourceError::Nothing(format!("the history of {path} is empty: no ref names a commit"))
}

/// Turns what was lost into problems or, where that was allowed, notices.
fn tell(losses: Losses, repo: &Repo, allow_missing: bool, survey: &mut Survey) {
    let (missing, broken) = (losses.missing.len(), losses.broken.len());
    (0..missing).for_each(|_| survey.coverage.skip(SkipReason::Missing));
    (0..broken).for_each(|_| survey.coverage.skip(SkipReason::Unreadable));
    if missing > 0 {
        let names: Vec<String> = losses.missing.iter().take(NAMED).map(ToString::to_string).collect();
        let more = if missing > NAMED { " …" } else { "" };
        let (why, fix) = if repo.has_promisor() {
            ("not in this partial clone", "bring them with: git fetch --refetch --no-filter")
        } else {
            ("not in the object store", "look closer with: git fsck")
        };
        let what = format!("{missing} {}", if missing == 1 { "object" } else { "objects" });
        let why = format!("{why}, so not scanned: {}{more}", names.join(" "));
        if allow_missing {
            survey.notices.push(format!("{what} {why}"));
        } else {
            let fix = format!("{fix}, or scan what is there with --allow-missing");
            survey.problems.push(Problem::new(what, why).fix(fix));
        }
    }
    let named = losses.named.len();
    for (id, why) in losses.named {
        survey.problems.push(Problem::new(format!("object {id}"), why).fix("look closer with: git fsck"));
    }
    if broken > named {
        let rest = broken - named;
        survey.problems.push(Problem::new("objects", format!("{rest} more are damaged")));
    }
}
