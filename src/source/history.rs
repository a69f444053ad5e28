//! A whole history: every blob, commit message and tag text that refs reach, or that the object store holds.
//! Each once, without a path: the place room finds paths and commits for those that matter.

use super::{Limits, SourceError, Visit};
use crate::git::{Graph, Losses, Objects, Pool, ReadError, Repo, Store, message_of, reach};
use crate::git::{Index, ObjectKind, Reached};
use crate::model::{Blob, Coverage, Fresh, ObjectId, Origin, OriginKind, Problem, SkipReason, Survey};

/// What counts as the history, and which gaps are accepted.
#[derive(Clone, Copy, Debug, Default)]
pub struct HistoryOptions {
    /// Also what no ref reaches: reflogs, older stashes, what was amended away and not yet pruned.
    pub all_objects: bool,
    /// Scan a shallow clone although its history is cut off.
    pub allow_shallow: bool,
    /// Scan a partial clone although blobs are missing; nothing is fetched.
    pub allow_missing: bool,
}

/// Neighbouring blobs of a pack that one thread takes at a time: enough for a delta family, few enough to share.
const RUN: usize = 64;
/// How many lost objects are named.
const NAMED: usize = 5;

/// Shows every blob, commit message and annotated tag's text. Path exclusions wait until the paths are known; the
/// size limit acts here.
pub fn history(
    repo: &Repo,
    options: HistoryOptions,
    limits: Limits<'_>,
    visit: &Visit<'_>,
) -> Result<Survey, SourceError> {
    let mut survey = Survey::default();
    let shallow = repo.shallow_commits()?;
    if !shallow.is_empty() {
        let what = "this clone is shallow: its history is cut off";
        if !options.allow_shallow {
            let fix = "deepen it with: git fetch --unshallow, or scan what is there with --allow-shallow";
            return Err(SourceError::Incomplete(format!("{what}; {fix}")));
        }
        survey.notices.push(format!(
            "{what} below {} commit{}; only what is there was scanned",
            shallow.len(),
            if shallow.len() == 1 { "" } else { "s" }
        ));
    }
    let (tips, problems) = repo.tips()?;
    survey.problems.extend(problems);
    let objects = Objects::list(repo)?;
    if tips.is_empty() && (objects.is_empty() || !options.all_objects) {
        // A broken ref says more than "empty".
        return Err(survey.problems.first().map_or_else(|| nothing(repo), |why| SourceError::Nothing(why.to_string())));
    }
    if let Some(why) = &objects.incomplete {
        let problem = Problem::new("object store", format!("cannot be listed whole: {why}"));
        survey.problems.push(problem.fix("look closer with: git fsck"));
    }
    let store = Store::of(repo)?;
    let graph = Graph::of(&store, &tips, &shallow);
    let pool = Pool::open(repo, objects.len())?;
    let mut reached = reach(&pool, &objects, &graph)?;

    let reader = Reader { limits, visit };
    let mut share = Share::default();
    share.losses.add(graph.losses.clone());
    share.losses.add(std::mem::take(&mut reached.losses));
    share.add(reader.blobs(&pool, &objects, &reached)?);
    share.add(reader.messages(&pool, &objects, &graph)?);
    if options.all_objects {
        share.add(reader.unreachable(&pool, &objects, &reached)?);
    }
    share.coverage.commits = graph.commits.len() as u64;
    share.close(repo, options.allow_missing, &mut survey);
    Ok(survey)
}

fn nothing(repo: &Repo) -> SourceError {
    let path = repo.workdir().unwrap_or_else(|| repo.git_dir()).display();
    SourceError::Nothing(format!("the history of {path} is empty: no ref names a commit"))
}

/// What a thread has to tell.
#[derive(Default)]
struct Share {
    coverage: Coverage,
    losses: Losses,
}

impl Share {
    fn add(&mut self, others: Vec<Share>) {
        for other in others {
            self.coverage.add(other.coverage);
            self.losses.add(other.losses);
        }
    }

    /// Turns what was lost into problems or, where that was allowed, notices.
    fn close(mut self, repo: &Repo, allow_missing: bool, survey: &mut Survey) {
        let (missing, broken) = (self.losses.missing.len(), self.losses.broken.len());
        (0..missing).for_each(|_| self.coverage.skip(SkipReason::Missing));
        (0..broken).for_each(|_| self.coverage.skip(SkipReason::Unreadable));
        if missing > 0 {
            let names: Vec<String> = self.losses.missing.iter().take(NAMED).map(ToString::to_string).collect();
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
        let named = self.losses.named.len();
        for (id, why) in self.losses.named {
            survey.problems.push(Problem::new(format!("object {id}"), why).fix("look closer with: git fsck"));
        }
        if broken > named {
            let rest = broken - named;
            survey.problems.push(Problem::new("objects", format!("{rest} more are damaged")));
        }
        survey.coverage.add(self.coverage);
    }
}

/// Reads objects and shows them.
struct Reader<'a> {
    limits: Limits<'a>,
    visit: &'a Visit<'a>,
}

impl Reader<'_> {
    /// The reachable blobs, as they lie in the packs.
    fn blobs(&self, pool: &Pool, objects: &Objects, reached: &Reached) -> Result<Vec<Share>, SourceError> {
        let todo: Vec<Index> = objects.in_pack_order().filter(|index| reached.blobs.has(*index)).collect();
        let mut shares = pool.each(&todo, RUN, Share::default, |store, share, index| {
            self.show(store, share, &objects.id(*index), ObjectKind::Blob);
        })?;
        shares.extend(pool.each(&reached.unlisted, RUN, Share::default, |store, share, id| {
            self.show(store, share, id, ObjectKind::Blob);
        })?);
        Ok(shares)
    }

    /// The texts of the graph's commits and tags.
    fn messages(&self, pool: &Pool, objects: &Objects, graph: &Graph) -> Result<Vec<Share>, SourceError> {
        let commits = graph.commits.iter().map(|commit| (commit.id, ObjectKind::Commit));
        let tags = graph.tags.iter().map(|tag| (tag.id, ObjectKind::Tag));
        let mut todo: Vec<(ObjectId, ObjectKind)> = commits.chain(tags).collect();
        todo.sort_by_cached_key(|(id, _)| objects.find(id).map(|index| objects.rank(index)));
        Ok(pool.each(&todo, RUN, Share::default, |store, share, (id, kind)| self.show(store, share, id, *kind))?)
    }

    /// Everything in the store that no ref reaches.
    fn unreachable(&self, pool: &Pool, objects: &Objects, reached: &Reached) -> Result<Vec<Share>, SourceError> {
        let todo: Vec<Index> = objects.in_pack_order().filter(|index| !reached.all.has(*index)).collect();
        Ok(pool.each(&todo, RUN, Share::default, |store, share, index| {
            let id = objects.id(*index);
            match store.header(&id) {
                Ok((ObjectKind::Tree, _)) => {}
                Ok((kind, _)) => self.show(store, share, &id, kind),
                Err(error) => share.losses.note(id, error),
            }
        })?)
    }

    /// Reads one object that should be of `kind` and shows its content or text.
    fn show(&self, store: &Store<'_>, share: &mut Share, id: &ObjectId, kind: ObjectKind) {
        let object = match store.read(id, self.limits.max_file_size) {
            Ok(object) if object.kind() == kind => object,
            Ok(_) => return share.losses.note(*id, ReadError::Broken("not of the kind that it is named as".into())),
            Err(ReadError::TooLarge(size)) => return share.coverage.skip_large(id.to_string(), size),
            Err(error) => return share.losses.note(*id, error),
        };
        let (origin, bytes) = match kind {
            ObjectKind::Blob => (Origin { object: Some(*id), ..Origin::new(OriginKind::History) }, object.bytes()),
            ObjectKind::Commit => {
                let origin = Origin { commit: Some(*id), ..Origin::new(OriginKind::CommitMessage) };
                (origin, message_of(object.bytes()))
            }
            ObjectKind::Tag => {
                let origin = Origin { object: Some(*id), ..Origin::new(OriginKind::TagMessage) };
                (origin, message_of(object.bytes()))
            }
            ObjectKind::Tree => return,
        };
        (self.visit)(&Blob { origin: &origin, bytes, fresh: &Fresh::All, former_path: None });
        share.coverage.scanned(bytes.len());
        if kind != ObjectKind::Blob {
            share.coverage.messages += 1;
        }
    }
}
