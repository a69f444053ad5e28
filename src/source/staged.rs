//! The index that git is about to commit, against every parent the commit will have.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::fresh::{Parent, each, pieces, show};
use super::{Limits, SourceError, Visit, tree};
use crate::git::{GitError, Repo};
use crate::model::{BytePath, ObjectId, Origin, OriginKind, Survey};

/// What is said when the next commit would change nothing.
pub const NOTHING_STAGED: &str = "nothing is staged";

/// Shows the files, relative to the current directory, that are *not* staged, each whole: a hook is handed files by
/// others, and whatever they name must have been looked at.
pub fn unstaged(repo: &Repo, files: &[PathBuf], limits: Limits<'_>, visit: &Visit<'_>) -> Result<Survey, SourceError> {
    let ids = repo.next_parents()?;
    let changes = repo.staged_changes(ids.first().copied())?;
    let staged: HashSet<&BytePath> = changes.iter().map(|delta| &delta.path).collect();
    let workdir = repo.workdir().and_then(|dir| dir.canonicalize().ok());
    let is_staged = |file: &&PathBuf| {
        // The directory is resolved, the file is not: it may be a link, and the link is what is staged.
        let real = file.parent().and_then(|dir| {
            let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
            Some(dir.canonicalize().ok()?.join(file.file_name()?))
        });
        let inside = real.as_deref().zip(workdir.as_deref()).and_then(|(real, root)| real.strip_prefix(root).ok());
        inside.is_some_and(|path| staged.contains(&BytePath::from_os(path)))
    };
    let rest: Vec<PathBuf> = files.iter().filter(|file| !is_staged(file)).cloned().collect();
    if rest.is_empty() { Ok(Survey::default()) } else { tree(&rest, limits, visit) }
}

/// Shows every file that the next commit would add or change. Open the repository with [`Repo::from_env`]: for
/// `commit -a` and `commit FILE` git names another index in the environment of its hooks.
pub fn staged(repo: &Repo, limits: Limits<'_>, visit: &Visit<'_>) -> Result<Survey, SourceError> {
    let ids = repo.next_parents()?;
    let against: Vec<Option<ObjectId>> = if ids.is_empty() { vec![None] } else { ids.into_iter().map(Some).collect() };
    let index = repo.index()?;
    let mut parents = Vec::new();
    for id in against {
        parents.push(Parent::new(repo.staged_changes(id)?));
    }
    let wanted: HashSet<ObjectId> = parents.iter().flat_map(Parent::wanted).collect();
    for entry in index.holding(&wanted) {
        let path = BytePath::new(entry.path);
        for parent in &mut parents {
            // What is the same in the index and the parent is the parent's.
            if !parent.changes(&path) {
                parent.holds(entry.object(), &path, limits);
            }
        }
    }
    let nothing = match (parents.len(), parents.iter().any(Parent::is_empty)) {
        (_, false) => None,
        (1, true) => Some(NOTHING_STAGED),
        (_, true) => Some("the merge is the same as one of its parents"),
    };
    let (pieces, mut survey) = pieces(repo, parents, limits);
    let one = |repo: &Repo, _: &mut (), piece: &_| show(repo, piece, Origin::new(OriginKind::Staged), limits, visit);
    each(repo, &pieces, || (), one)?.into_iter().for_each(|part| survey.add(part));
    survey.problems.sort();
    let mut unmerged: Vec<&[u8]> = Vec::new();
    if index.has_unmerged() {
        unmerged.extend(index.entries().filter(|entry| entry.stage > 0).map(|entry| entry.path));
        unmerged.dedup();
    }
    // By now this has been worked out beside the rest.
    index.check().map_err(GitError::from)?;
    if let Some(first) = unmerged.first() {
        // git refuses to commit before it would run a hook, so nothing slips through.
        let (count, first) = (unmerged.len(), BytePath::new(first));
        let what = format!("{count} unmerged path(s), such as {first}, were not scanned: git add them first");
        survey.notices.push(what);
    } else if let Some(nothing) = nothing {
        survey.notices.push(nothing.into());
    }
    Ok(survey)
}
