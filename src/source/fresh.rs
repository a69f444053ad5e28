//! A new version of some files beside the versions it grew from: which files to show, what each was before, and what
//! of it is fresh. Staged and range share it; where the new version comes from is theirs to know.

use std::collections::{BTreeMap, HashMap};
use std::hash::RandomState;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::lines::{Profile, difference};
use super::{Limits, SourceError, Visit};
use crate::git::{Delta, GitError, Kind, Read, Repo, Side};
use crate::model::{Blob, BytePath, Difference, Fresh, ObjectId, Origin, Problem, SkipReason, Span, Survey};

/// A deleted file counts as a new one's former self from this many thousandths on.
const ALIKE: usize = 500;
/// With more pairs of gone and new files than this, a new file is compared only with gone ones of its name,
const MOST_PAIRS: usize = 20_000;
/// and with no more of them than this.
const MOST_NAMESAKES: usize = 100;
/// No more bytes of gone files than this are profiled for one commit. The rest counts as unlike anything: fresh.
const MOST_PROFILED: usize = 32 << 20;

/// A file that is in none of the parents as it is now.
pub(super) struct Piece {
    path: BytePath,
    side: Side,
    /// What it was in each parent.
    earlier: Vec<Earlier>,
}

/// What a file was in one parent.
enum Earlier {
    /// Nothing.
    Nowhere,
    /// The same bytes, at this path.
    Same(BytePath),
    /// These bytes, at this path.
    Other(BytePath, ObjectId),
}

/// One parent: what changes against it, and where else it holds blobs that now are new somewhere.
pub(super) struct Parent {
    /// By path.
    deltas: BTreeMap<BytePath, Delta>,
    /// Paths of unchanged blobs.
    unchanged: HashMap<ObjectId, BytePath>,
}

impl Parent {
    pub(super) fn new(deltas: Vec<Delta>) -> Self {
        let deltas = deltas.into_iter().map(|delta| (delta.path.clone(), delta)).collect();
        Self { deltas, unchanged: HashMap::new() }
    }

    /// The ids of all files that are new or changed.
    pub(super) fn wanted(&self) -> impl Iterator<Item = ObjectId> {
        let file = |side: &Side| side.kind != Kind::Submodule;
        self.deltas.values().filter_map(move |delta| delta.new.filter(file)).map(|side| side.id)
    }

    /// Tells that the parent holds `id` at `path`. Excluded paths tell nothing: nobody looked at them.
    pub(super) fn holds(&mut self, id: ObjectId, path: &BytePath, limits: Limits<'_>) {
        if limits.exclude.matches(path) {
            return;
        }
        let known = self.unchanged.entry(id).or_insert_with(|| path.clone());
        if path < known {
            *known = path.clone();
        }
    }

    /// True when the path is not the same in this parent.
    pub(super) fn changes(&self, path: &BytePath) -> bool {
        self.deltas.contains_key(path)
    }

    /// True when nothing changes.
    pub(super) fn is_empty(&self) -> bool {
        self.deltas.is_empty()
    }

    fn gone(&self) -> impl Iterator<Item = (&BytePath, ObjectId)> {
        let gone = |delta: &Delta| delta.old.filter(|old| delta.new.is_none() && old.kind == Kind::File);
        self.deltas.iter().filter_map(move |(path, delta)| Some((path, gone(delta)?.id)))
    }
}

/// Finds what to show: the files that differ from every parent, each with its former selves. The survey counts what is
/// passed over.
pub(super) fn pieces(repo: &Repo, mut parents: Vec<Parent>, limits: Limits<'_>) -> (Vec<Piece>, Survey) {
    let mut survey = Survey::default();
    for parent in &mut parents {
        let olds: Vec<(ObjectId, BytePath)> = parent
            .deltas
            .iter()
            .filter_map(|(path, delta)| Some((delta.old.filter(|old| old.kind != Kind::Submodule)?.id, path.clone())))
            .collect();
        for (id, path) in olds {
            parent.holds(id, &path, limits);
        }
    }
    let Some((first, others)) = parents.split_first() else { return (Vec::new(), survey) };
    let mut pieces = Vec::new();
    for (path, delta) in &first.deltas {
        let Some(side) = delta.new.filter(|_| others.iter().all(|parent| parent.changes(path))) else { continue };
        if side.kind == Kind::Submodule {
            survey.coverage.skip(SkipReason::Submodule);
        } else if limits.exclude.matches(path) {
            survey.coverage.skip(SkipReason::Excluded);
        } else {
            let earlier = parents.iter().map(|parent| earlier(parent, path, side)).collect();
            pieces.push(Piece { path: path.clone(), side, earlier });
        }
    }
    for (nth, parent) in parents.iter().enumerate() {
        find_renames(repo, parent, nth, &mut pieces, limits);
    }
    (pieces, survey)
}

/// What can be told without reading.
fn earlier(parent: &Parent, path: &BytePath, side: Side) -> Earlier {
    let here = parent.deltas.get(path).and_then(|delta| delta.old).filter(|old| old.kind != Kind::Submodule);
    match (here, parent.unchanged.get(&side.id)) {
        (Some(old), _) if old.id == side.id => Earlier::Same(path.clone()),
        (_, Some(known)) => Earlier::Same(known.clone()),
        (Some(old), None) => Earlier::Other(path.clone(), old.id),
        (None, None) => Earlier::Nowhere,
    }
}

/// Gives files that are nowhere in the parent the deleted file most like them.
fn find_renames(repo: &Repo, parent: &Parent, nth: usize, pieces: &mut [Piece], limits: Limits<'_>) {
    let nowhere =
        |piece: &Piece| piece.side.kind == Kind::File && matches!(piece.earlier.get(nth), Some(Earlier::Nowhere));
    let new = pieces.iter().filter(|piece| nowhere(piece)).count();
    if new == 0 {
        return;
    }
    let state = RandomState::new();
    let mut room = MOST_PROFILED;
    let mut profile = |id: ObjectId| {
        let most = limits.max_file_size.min(room as u64);
        let Ok(Read::Bytes(bytes)) = repo.read(id, most) else { return None };
        room -= bytes.len().min(room);
        Some(Profile::new(&bytes, &state))
    };
    let gone: Vec<(&BytePath, ObjectId, Profile)> = parent
        .gone()
        .filter(|(path, _)| !limits.exclude.matches(path))
        .filter_map(|(path, id)| Some((path, id, profile(id)?)))
        .collect();
    if gone.is_empty() {
        return;
    }
    let many = gone.len().saturating_mul(new) > MOST_PAIRS;
    for piece in pieces.iter_mut().filter(|piece| nowhere(piece)) {
        let name = piece.path.file_name();
        let most = if many { MOST_NAMESAKES } else { usize::MAX };
        let mut near = gone.iter().filter(|(path, ..)| !many || path.file_name() == name).take(most).peekable();
        if near.peek().is_none() {
            continue;
        }
        let Ok(Read::Bytes(bytes)) = repo.read(piece.side.id, limits.max_file_size.min(MOST_PROFILED as u64)) else {
            continue;
        };
        let mine = Profile::new(&bytes, &state);
        // The most alike; of equals the one of the same name, then the first by path.
        let best = near
            .map(|(path, id, profile)| {
                (profile.likeness(&mine), path.file_name() == name, std::cmp::Reverse(*path), *id)
            })
            .max();
        if let (Some((likeness, _, path, id)), Some(slot)) = (best, piece.earlier.get_mut(nth))
            && likeness >= ALIKE
        {
            *slot = Earlier::Other(path.0.clone(), id);
        }
    }
}

/// Reads the file, works out what of it is fresh, and shows it.
pub(super) fn show(repo: &Repo, piece: &Piece, origin: Origin, limits: Limits<'_>, visit: &Visit<'_>) -> Survey {
    let mut survey = Survey::default();
    let origin = Origin { path: Some(piece.path.clone()), object: Some(piece.side.id), ..origin };
    if piece.earlier.iter().any(|earlier| matches!(earlier, Earlier::Same(path) if *path == piece.path)) {
        survey.coverage.skip(SkipReason::Unchanged);
        return survey;
    }
    let Some(bytes) = read(repo, &piece.path.to_string(), piece.side.id, limits, &mut survey) else { return survey };
    let (fresh, earlier) = freshness(repo, piece, &bytes, limits);
    let at_home = |earlier: &Earlier| matches!(earlier, Earlier::Other(path, _) if *path == piece.path);
    let former = |earlier: &'_ Earlier| match earlier {
        Earlier::Same(path) | Earlier::Other(path, _) => Some(path.clone()),
        Earlier::Nowhere => None,
    };
    // Where some parent had the path already, its rules looked at it then.
    let former_path = match piece.earlier.iter().any(at_home) {
        true => None,
        false => piece.earlier.iter().find_map(former),
    };
    visit(&Blob {
        origin: &origin,
        bytes: &bytes,
        fresh: &fresh,
        former_path: former_path.as_ref(),
        earlier: &earlier,
    });
    survey.coverage.scanned(bytes.len());
    survey
}

/// Shows a file of which nothing but its id is known, whole.
pub(super) fn show_alone(repo: &Repo, origin: Origin, id: ObjectId, limits: Limits<'_>, visit: &Visit<'_>) -> Survey {
    let mut survey = Survey::default();
    if let Some(bytes) = read(repo, &format!("object {id}"), id, limits, &mut survey) {
        visit(&Blob { origin: &origin, bytes: &bytes, fresh: &Fresh::All, former_path: None, earlier: &[] });
        survey.coverage.scanned(bytes.len());
    }
    survey
}

/// A file's bytes; or why there are none goes into the survey.
fn read(repo: &Repo, name: &str, id: ObjectId, limits: Limits<'_>, survey: &mut Survey) -> Option<Vec<u8>> {
    match repo.read(id, limits.max_file_size) {
        Ok(Read::Bytes(bytes)) => return Some(bytes),
        Ok(Read::TooLarge(size)) => survey.coverage.skip_large(name, size),
        Ok(Read::Missing) => {
            survey.coverage.skip(SkipReason::Missing);
            let missing = Problem::new(name, MISSING).fix("fetch it with: git fetch --refetch --no-filter");
            survey.problems.push(missing);
        }
        Err(error) => {
            survey.coverage.skip(SkipReason::Unreadable);
            survey.problems.push(Problem::new(name, error.to_string()));
        }
    }
    None
}

const MISSING: &str = "its content is missing from this clone";

/// True when a file could not be shown because this clone has not its content.
pub(super) fn is_missing(problem: &Problem) -> bool {
    problem.why == MISSING
}

/// What is fresh, and the earlier versions it was told by.
fn freshness(repo: &Repo, piece: &Piece, bytes: &[u8], limits: Limits<'_>) -> (Fresh, Vec<Vec<u8>>) {
    if piece.earlier.iter().all(|earlier| matches!(earlier, Earlier::Nowhere)) {
        return (Fresh::All, Vec::new());
    }
    let mut before = Vec::new();
    let whole = || Difference { added: vec![Span::new(0, bytes.len())], removed_at: Vec::new() };
    let against = |earlier: &Earlier| match earlier {
        Earlier::Nowhere => whole(),
        Earlier::Same(_) => Difference::default(),
        // An old version that cannot be read hides nothing: all is fresh.
        Earlier::Other(_, id) => match repo.read(*id, limits.max_file_size) {
            Ok(Read::Bytes(old)) => {
                let difference = difference(&old, bytes);
                before.push(old);
                difference
            }
            _ => whole(),
        },
    };
    let fresh = Fresh::Against(piece.earlier.iter().map(against).collect());
    (fresh, before)
}

/// Does `work` on every item, on as many threads as rayon's pool has, each with a repository handle and a state of
/// its own. The answers are in the items' order.
pub(super) fn each<T: Sync, S, R: Send>(
    repo: &Repo,
    items: &[T],
    state: impl Fn() -> S + Sync,
    work: impl Fn(&Repo, &mut S, &T) -> R + Sync,
) -> Result<Vec<R>, SourceError> {
    // So few are done before rayon, asked how many threads it has, had started them.
    let few = items.len() < 16;
    let threads = if few { 1 } else { rayon::current_num_threads().min(items.len() / 8) };
    if threads < 2 {
        let mut state = state();
        return Ok(items.iter().map(|item| work(repo, &mut state, item)).collect());
    }
    let handle = || repo.reopen().map(|repo| Mutex::new(Some(repo)));
    let handles: Vec<Mutex<Option<Repo>>> = (0..threads).map(|_| handle()).collect::<Result<_, GitError>>()?;
    let next = AtomicUsize::new(0);
    let run = |repo: Repo| {
        let mut state = state();
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, work(&repo, &mut state, item)));
        }
    };
    let mine = |thread: usize| handles.get(thread)?.lock().ok()?.take();
    let done = rayon::broadcast(|context| mine(context.index()).map(run).unwrap_or_default());
    let mut done: Vec<(usize, R)> = done.into_iter().flatten().collect();
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, answer)| answer).collect())
}
