//! A range of commits, each by what is in none of its parents, and every commit's message.

use std::collections::HashSet;

use super::fresh::{Parent, Piece, each, is_missing, pieces, show, show_alone};
use super::{Limits, SourceError, Visit};
use crate::git::{GitError, Repo, Tagged, TreeMemo};
use crate::model::{Blob, Fresh, ObjectId, Origin, OriginKind, Problem, Survey};

/// Commits handled at a time: bounds memory, yet lets them share what is known of common trees.
const AT_A_TIME: usize = 256;

/// Which commits to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The commit before the first; empty when there is none, or zeros as git's hooks write.
    pub base: String,
    /// The last commit.
    pub tip: String,
    /// True for `A...B`: from their common ancestors on.
    pub symmetric: bool,
    /// Where a shallow clone has cut a commit off its parents, take all of that commit as new instead of refusing.
    pub allow_shallow: bool,
    /// Scan what is there of a partial clone, though files are missing.
    pub allow_missing: bool,
    /// For a push: the remote's name. What its remote-tracking refs have counts as known to it, beside the base.
    pub remote: Option<String>,
}

impl Range {
    /// From `A..B` or `A...B`; a side left out is HEAD, as git has it.
    pub fn parse(text: &str) -> Result<Self, GitError> {
        let (base, tip, symmetric) = match (text.split_once("..."), text.split_once("..")) {
            (Some((base, tip)), _) => (base, tip, true),
            (None, Some((base, tip))) => (base, tip, false),
            (None, None) => return Err(GitError::NotARange(text.to_owned())),
        };
        let side = |side: &str| if side.is_empty() { "HEAD".to_owned() } else { side.to_owned() };
        Ok(Self { base: side(base), tip: side(tip), symmetric, remote: None, ..Self::default() })
    }

    /// What a push of `tip` brings to `remote`, whose ref is at `base` (zeros for a new one). A base that was never
    /// fetched does not narrow it.
    pub fn pushed(base: &str, tip: &str, remote: &str) -> Self {
        let remote = Some(remote.to_owned());
        Self { base: base.to_owned(), tip: tip.to_owned(), remote, ..Self::default() }
    }

    /// Everything since `base`: `base..HEAD`.
    pub fn since(base: &str) -> Self {
        Self { base: base.to_owned(), tip: "HEAD".to_owned(), ..Self::default() }
    }
}

/// Shows, for every commit of the range, its message and each file that is in none of its parents.
pub fn range(repo: &Repo, range: &Range, limits: Limits<'_>, visit: &Visit<'_>) -> Result<Survey, SourceError> {
    let mut survey = Survey::default();
    if range.remote.is_some() {
        // A tag that is pushed takes its own text along.
        for (id, text) in repo.tag_messages(&range.tip)? {
            let origin = Origin { object: Some(id), ..Origin::new(OriginKind::TagMessage) };
            survey.add(written(&origin, &text, limits, visit));
        }
        if let Some(tagged) = repo.tagged(&range.tip)? {
            survey.add(no_commit(repo, tagged, limits, visit)?);
            return Ok(survey);
        }
    }
    let commits = commits(repo, range, &mut survey)?;
    if commits.is_empty() {
        survey.notices.push(format!("{}: no commits to scan", shown(range)));
    }
    for some in commits.chunks(AT_A_TIME) {
        chunk(repo, some, limits, visit, &mut survey)?;
    }
    survey.problems.sort();
    if range.allow_missing {
        excuse_missing(&mut survey);
    }
    Ok(survey)
}

/// What a tag of a file or a tree brings: all of it, since nothing is known of what came before.
fn no_commit(repo: &Repo, tagged: Tagged, limits: Limits<'_>, visit: &Visit<'_>) -> Result<Survey, SourceError> {
    let origin = Origin::new(OriginKind::Range);
    match tagged {
        Tagged::File(id) => Ok(show_alone(repo, Origin { object: Some(id), ..origin }, id, limits, visit)),
        Tagged::Tree(deltas) => {
            let (pieces, mut survey) = pieces(repo, vec![Parent::new(deltas)], limits);
            let one = |repo: &Repo, _: &mut (), piece: &_| show(repo, piece, origin.clone(), limits, visit);
            each(repo, &pieces, || (), one)?.into_iter().for_each(|part| survey.add(part));
            survey.problems.sort();
            Ok(survey)
        }
    }
}

/// Files that a partial clone has not are told, and no error, where that was asked for.
fn excuse_missing(survey: &mut Survey) {
    let (missing, problems): (Vec<Problem>, _) = std::mem::take(&mut survey.problems).into_iter().partition(is_missing);
    survey.problems = problems;
    let Some(first) = missing.first() else { return };
    let files = if missing.len() == 1 { "1 file".to_owned() } else { format!("{} files, such as", missing.len()) };
    survey.notices.push(format!("{files} {} not in this partial clone, so not scanned", first.what));
}

fn chunk(
    repo: &Repo,
    commits: &[ObjectId],
    limits: Limits<'_>,
    visit: &Visit<'_>,
    survey: &mut Survey,
) -> Result<(), SourceError> {
    let read = |repo: &Repo, _: &mut (), id: &ObjectId| (*id, parents(repo, *id));
    let mut known = Vec::new();
    for (id, parents) in each(repo, commits, || (), read)? {
        survey.coverage.commits += 1;
        match parents {
            Ok(parents) => known.push((id, parents)),
            Err(error) => survey.problems.push(unreadable(id, &error)),
        }
    }
    let wanted: HashSet<ObjectId> =
        known.iter().flat_map(|(_, parents)| parents).flat_map(|(_, p)| p.wanted()).collect();
    // Parents are handed over to the threads, which change them.
    let known: Vec<_> = known.into_iter().map(|(id, parents)| (id, std::sync::Mutex::new(parents))).collect();
    let relate = |repo: &Repo, memo: &mut TreeMemo, (id, parents): &(ObjectId, std::sync::Mutex<Vec<_>>)| {
        let parents = parents.lock().map(|mut parents| std::mem::take(&mut *parents)).unwrap_or_default();
        (*id, related(repo, parents, &wanted, memo, limits))
    };
    let mut work: Vec<(ObjectId, Option<Piece>)> = Vec::new();
    for (id, (pieces, passed)) in each(repo, &known, TreeMemo::new, relate)? {
        survey.add(passed);
        work.push((id, None));
        work.extend(pieces.into_iter().map(|piece| (id, Some(piece))));
    }
    let one = |repo: &Repo, _: &mut (), (id, piece): &(ObjectId, Option<Piece>)| match piece {
        Some(piece) => {
            let origin = Origin { commit: Some(*id), ..Origin::new(OriginKind::Range) };
            show(repo, piece, origin, limits, visit)
        }
        None => message(repo, *id, limits, visit),
    };
    each(repo, &work, || (), one)?.into_iter().for_each(|part| survey.add(part));
    Ok(())
}

/// What the commit changes against each of its parents; against nothing for a first commit.
fn parents(repo: &Repo, id: ObjectId) -> Result<Vec<(Option<ObjectId>, Parent)>, GitError> {
    let ids: Vec<Option<ObjectId>> = repo.parents(id)?.into_iter().map(Some).collect();
    let ids = if ids.is_empty() { vec![None] } else { ids };
    ids.into_iter().map(|parent| Ok((parent, Parent::new(repo.changes(parent, id)?)))).collect()
}

/// Content that a parent has anywhere is not new.
fn related(
    repo: &Repo,
    parents: Vec<(Option<ObjectId>, Parent)>,
    wanted: &HashSet<ObjectId>,
    memo: &mut TreeMemo,
    limits: Limits<'_>,
) -> (Vec<Piece>, Survey) {
    let with_copies = parents.into_iter().map(|(id, mut parent)| {
        // A tree that cannot be read hides nothing: its copies count as new.
        let holding = id.filter(|_| !parent.is_empty()).and_then(|id| repo.find_blobs(id, wanted, memo).ok());
        for (id, path) in holding.iter().flat_map(|holding| holding.iter()) {
            parent.holds(*id, path, limits);
        }
        parent
    });
    pieces(repo, with_copies.collect(), limits)
}

fn message(repo: &Repo, id: ObjectId, limits: Limits<'_>, visit: &Visit<'_>) -> Survey {
    match repo.commit_message(id) {
        Ok(text) => {
            let origin = Origin { commit: Some(id), ..Origin::new(OriginKind::CommitMessage) };
            written(&origin, &text, limits, visit)
        }
        Err(error) => Survey { problems: vec![unreadable(id, &error)], ..Survey::default() },
    }
}

/// Shows the text of a commit or tag.
fn written(origin: &Origin, text: &[u8], limits: Limits<'_>, visit: &Visit<'_>) -> Survey {
    let mut survey = Survey::default();
    if text.len() as u64 > limits.max_file_size {
        let what = if origin.kind == OriginKind::TagMessage { "tag" } else { "commit" };
        let id = origin.commit.or(origin.object).map(|id| id.to_string()).unwrap_or_default();
        survey.coverage.skip_large(format!("message of {what} {id}"), text.len() as u64);
        return survey;
    }
    visit(&Blob { origin, bytes: text, fresh: &Fresh::All, former_path: None, earlier: &[] });
    survey.coverage.scanned(text.len());
    survey.coverage.messages += 1;
    survey
}

fn unreadable(id: ObjectId, error: &GitError) -> Problem {
    Problem::new(format!("commit {id}"), error.to_string())
        .fix("fetch what is missing with: git fetch --refetch --no-filter")
}

/// The commits of the range, newest first.
pub(super) fn commits(repo: &Repo, range: &Range, survey: &mut Survey) -> Result<Vec<ObjectId>, SourceError> {
    let tip = repo.resolve(&range.tip)?;
    let cut_off = repo.shallow_commits()?;
    let hidden = match base(repo, range)? {
        base if range.remote.is_some() => {
            let remote = range.remote.as_deref().unwrap_or_default();
            on_remote(repo, remote)?.into_iter().chain(base).collect()
        }
        Some(base) if range.symmetric => {
            let bases = repo.merge_bases(base, tip)?;
            if bases.is_empty() {
                shallow(range, !cut_off.is_empty())?;
                survey.notices.push(format!("{}: no common ancestor, so all of {} counts", shown(range), range.tip));
            }
            bases
        }
        Some(base) => vec![base],
        None => {
            if !is_zero(&range.base) {
                shallow(range, !cut_off.is_empty())?;
            }
            survey.notices.push(format!(
                "base {} is not in this repository (a new branch, or history was rewritten): scanning the commits of \
                 {} that are on no other ref",
                if is_zero(&range.base) { "(none)" } else { &range.base },
                range.tip
            ));
            on_other_refs(repo, &range.tip, tip)?
        }
    };
    let commits = repo.commits(tip, &hidden)?;
    shallow(range, commits.iter().any(|id| cut_off.contains(id)))?;
    Ok(commits)
}

/// The base's commit. None when it is zeros or an id that this repository has not; a *name* that does not resolve
/// is an error.
fn base(repo: &Repo, range: &Range) -> Result<Option<ObjectId>, GitError> {
    if is_zero(&range.base) {
        return Ok(None);
    }
    match repo.resolve(&range.base) {
        Err(GitError::UnknownRevision(_)) if ObjectId::from_hex(&range.base).is_some() => Ok(None),
        other => other.map(Some),
    }
}

fn is_zero(base: &str) -> bool {
    base.is_empty() || (base.len() >= 7 && base.bytes().all(|b| b == b'0'))
}

/// The commits of all branches and tags but the tip's own: those at the tip if it was given by id, or else the ref it
/// names with its remote-tracking namesakes. A host's test merge of it (`pull/N/merge`) is not "another ref", and
/// neither is the stash: hiding less scans more.
fn on_other_refs(repo: &Repo, name: &str, tip: ObjectId) -> Result<Vec<ObjectId>, GitError> {
    let own = repo.ref_name(name);
    let is_own = |full: &str, id: ObjectId| match &own {
        Some(own) => branch_of(full) == branch_of(own),
        None => id == tip,
    };
    let counts = |full: &str| {
        let of_host = full.contains("/pull/") || full.contains("/merge-requests/");
        let public = ["refs/heads/", "refs/remotes/", "refs/tags/"].iter().any(|space| full.starts_with(space));
        public && !(of_host && full.ends_with("/merge"))
    };
    let refs = repo.refs()?.into_iter();
    Ok(refs.filter(|(full, id)| counts(full) && !is_own(full, *id)).map(|(_, id)| id).collect())
}

/// What the remote is known to have: the tips of its tracking refs; of all remotes' where it has no name but an address.
fn on_remote(repo: &Repo, remote: &str) -> Result<Vec<ObjectId>, GitError> {
    let refs = repo.refs()?;
    let of = |space: &str| -> Vec<ObjectId> {
        refs.iter().filter(|(full, _)| full.starts_with(space)).map(|(_, id)| *id).collect()
    };
    let own = of(&format!("refs/remotes/{remote}/"));
    let is_name = repo.config(&format!("remote.{remote}.url"))?.is_some();
    Ok(if is_name { own } else { of("refs/remotes/") })
}

/// `main` of `refs/heads/main` and `refs/remotes/origin/main`.
fn branch_of(full: &str) -> &str {
    if let Some(branch) = full.strip_prefix("refs/heads/") {
        return branch;
    }
    let remote = full.strip_prefix("refs/remotes/").and_then(|rest| rest.split_once('/'));
    remote.map_or(full, |(_, branch)| branch)
}

fn shallow(range: &Range, cut: bool) -> Result<(), SourceError> {
    if !cut || range.allow_shallow {
        return Ok(());
    }
    Err(SourceError::Git(GitError::Shallow(shown(range))))
}

fn shown(range: &Range) -> String {
    format!("{}{}{}", range.base, if range.symmetric { "..." } else { ".." }, range.tip)
}
