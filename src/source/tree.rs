//! Working trees: a parallel walk that reads each file into a buffer kept per thread. Files are read, not mapped: at
//! any size below the limit that is as fast, and a file that shrinks meanwhile cannot kill the process.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ignore::{DirEntry, WalkBuilder, WalkState};
use rayon::prelude::*;

use super::{Limits, SourceError, Visit};
use crate::git::{GitError, Repo};
use crate::model::{Blob, BytePath, Fresh, Laps, Origin, OriginKind, Problem, SkipReason, Survey};

/// Most files fit: they cost one read and one more to see the end.
const BUFFER: usize = 256 << 10;

/// Shows every file below `paths` (none: the current directory), hidden ones too. Inside a repository git's ignore
/// files hold for untracked files. Links inside are not followed; their target's text is shown instead. Origins
/// are relative to the repository's root, so that configuration, baseline and code scanning mean the same file
/// wherever the scan was started; outside a repository to the current directory, or else to the directory given.
pub fn tree(paths: &[PathBuf], limits: Limits<'_>, visit: &Visit<'_>) -> Result<Survey, SourceError> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here } else { paths };
    let cwd = std::env::current_dir().unwrap_or_default();
    let scan = Scan { limits, visit, seen: (paths.len() > 1).then(Mutex::default), survey: Mutex::default() };
    let mut files: Vec<(PathBuf, BytePath)> = Vec::new();
    let mut only_files = true;
    for path in paths {
        // A link given as an argument is resolved, and only such a link.
        match path.canonicalize().and_then(|real| Ok((std::fs::metadata(&real)?.is_dir(), real))) {
            Ok((true, root)) => {
                only_files = false;
                let shown = below_repository(&root, &root).unwrap_or_else(|| as_given(path, &cwd, paths.len() == 1));
                scan.directory(&root, shown.as_bytes())?;
            }
            Ok((false, file)) => {
                let dir = file.parent().unwrap_or(&file);
                let shown = below_repository(&file, dir).unwrap_or_else(|| as_given(path, &cwd, false));
                files.push((file, shown));
            }
            Err(error) => {
                let what = BytePath::from_os(path).to_string();
                scan.report(|survey| survey.problems.push(Problem::new(what, error.to_string())))
            }
        }
    }
    files.retain(|(file, _)| scan.first_time(file));
    scan.files(&files);
    let mut survey = scan.survey.into_inner().unwrap_or_else(PoisonError::into_inner);
    survey.problems.sort();
    survey.problems.dedup();
    survey.notices.sort();
    let nothing = survey.coverage.blobs == 0 && survey.problems.is_empty();
    if nothing && !(only_files && survey.coverage.skipped.contains_key(&SkipReason::Excluded)) {
        let names: Vec<String> = paths.iter().map(|path| BytePath::from_os(path).to_string()).collect();
        return Err(SourceError::Nothing(format!("no file to scan in {}", names.join(", "))));
    }
    Ok(survey)
}

/// A thread that panicked has broken nothing that is kept behind these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A real path below the root of the repository that `dir` lies in; none outside. Whether the repository may be read
/// at all is asked later, by the walk.
fn below_repository(real: &Path, dir: &Path) -> Option<BytePath> {
    let repo = Repo::discover(dir).ok().flatten()?;
    let root = repo.workdir()?.canonicalize().ok()?;
    real.strip_prefix(root).ok().map(BytePath::from_os)
}

/// What the paths of a walk over `paths` are relative to: the repository's root, the directory given, or the current one.
pub(super) fn root(paths: &[PathBuf]) -> Option<PathBuf> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here } else { paths };
    let first = paths.first()?.canonicalize().ok()?;
    let dir = if first.is_dir() { first.as_path() } else { first.parent()? };
    if let Some(repo) = Repo::discover(dir).ok().flatten()
        && let Some(top) = repo.workdir()
    {
        return top.canonicalize().ok();
    }
    let cwd = std::env::current_dir().ok()?;
    let alone = paths.len() == 1 && first.is_dir();
    if alone && as_given(paths.first()?, &cwd, true).as_bytes().is_empty() { Some(first) } else { Some(cwd) }
}

/// A path as people wrote it, without `.`; relative where it lies below the current directory. An absolute one elsewhere
/// says nothing where it is the only one (`alone`): then what lies below it begins at it.
fn as_given(path: &Path, cwd: &Path, alone: bool) -> BytePath {
    let relative = path.strip_prefix(cwd).unwrap_or(path);
    if alone && (relative.is_absolute() || relative.components().any(|part| part == Component::ParentDir)) {
        return BytePath::new(b"");
    }
    let plain: PathBuf = relative.components().filter(|part| *part != Component::CurDir).collect();
    BytePath::from_os(&plain)
}

/// Adds a component or several to a path.
fn push(path: &mut Vec<u8>, more: &[u8]) {
    if !more.is_empty() {
        if !path.is_empty() && !path.ends_with(b"/") {
            path.push(b'/');
        }
        path.extend_from_slice(more);
    }
}

fn join(prefix: &[u8], path: &Path) -> BytePath {
    let mut joined = prefix.to_vec();
    push(&mut joined, &BytePath::os_bytes(path));
    BytePath::new(joined)
}

/// Paths as they are shown, made without an allocation where possible: of each length the last one is kept, and as soon
/// as nobody else holds it any more, its memory serves the next of that length.
#[derive(Default)]
struct Names {
    text: Vec<u8>,
    last: Vec<Option<BytePath>>,
}

impl Names {
    /// Longer paths are not kept.
    const LONGEST: usize = 1024;

    fn join(&mut self, prefix: &[u8], path: &Path) -> BytePath {
        self.text.clear();
        self.text.extend_from_slice(prefix);
        push(&mut self.text, &BytePath::os_bytes(path));
        if self.last.is_empty() {
            self.last.resize(Self::LONGEST, None);
        }
        let Some(last) = self.last.get_mut(self.text.len()) else { return BytePath::new(&self.text) };
        if !last.as_mut().is_some_and(|path| path.overwrite(&self.text)) {
            *last = Some(BytePath::new(&self.text));
        }
        last.clone().unwrap_or_else(|| BytePath::new(&self.text))
    }
}

/// One run over working trees.
struct Scan<'a> {
    limits: Limits<'a>,
    visit: &'a Visit<'a>,
    /// Real paths shown so far; kept only where arguments may overlap.
    seen: Option<Mutex<HashSet<PathBuf>>>,
    survey: Mutex<Survey>,
}

impl Scan<'_> {
    fn report(&self, tell: impl FnOnce(&mut Survey)) {
        tell(&mut lock(&self.survey));
    }

    fn first_time(&self, real: &Path) -> bool {
        let Some(seen) = &self.seen else { return true };
        lock(seen).insert(real.to_path_buf())
    }

    /// Files by name, in parallel.
    fn files(&self, files: &[(PathBuf, BytePath)]) {
        files.par_chunks(16).for_each(|some| {
            let mut reader = Reader::new(self);
            some.iter().for_each(|(file, shown)| reader.path(file, shown.clone(), false));
        });
    }

    /// All below `root`, a real path, shown below `prefix`.
    fn directory(&self, root: &Path, prefix: &[u8]) -> Result<(), SourceError> {
        let home = self.home(root)?;
        let mut builder = WalkBuilder::new(root);
        builder.standard_filters(false).threads(rayon::current_num_threads());
        if home.is_some() {
            builder.git_ignore(true).git_exclude(true).git_global(true).parents(true);
        }
        let trail = Trail::default();
        builder.build_parallel().run(|| {
            let mut walker = Walker {
                reader: Reader::new(self),
                root,
                prefix,
                trail: home.is_some().then_some(&trail),
                came_by: Vec::new(),
                names: Names::default(),
            };
            Box::new(move |entry| walker.entry(entry))
        });
        let nested = std::mem::take(&mut *lock(&trail.repositories));
        let walked = trail.walked();
        if let Some((home, tracked)) = &home {
            self.pruned(home, tracked, root, prefix, &walked);
        }
        for dir in nested.into_iter().collect::<BTreeSet<_>>() {
            let repo = Repo::discover(&dir).map(|repo| repo.filter(|repo| is_at(repo, &dir)));
            let show = |repo: Repo| {
                self.pruned(&repo, &repo.tracked()?, root, prefix, &walked);
                Ok(())
            };
            if let Err(error) = repo.and_then(|repo| repo.map_or(Ok(()), show)) {
                let shown = join(prefix, dir.strip_prefix(root).unwrap_or(&dir));
                let notice = format!("{shown}: files both tracked and ignored may have been passed over: {error}");
                self.report(|survey| survey.notices.push(notice));
            }
        }
        Ok(())
    }

    /// The repository that `root` lies in and what it tracks, if its ignore files are to hold. Without its index we could
    /// not tell what is tracked, so then they do not hold and more is scanned.
    fn home(&self, root: &Path) -> Result<Option<(Repo, Vec<BytePath>)>, SourceError> {
        let notice = |error: GitError| {
            self.report(|survey| survey.notices.push(format!("ignore files are not honoured here: {error}")));
        };
        match Repo::discover(root) {
            Ok(Some(repo)) if !repo.is_bare() => match repo.tracked() {
                Ok(tracked) => return Ok(Some((repo, tracked))),
                Err(error) => notice(error),
            },
            Ok(_) => {}
            Err(error @ GitError::Owner { .. }) => return Err(error.into()),
            Err(error) => notice(error),
        }
        Ok(None)
    }

    /// Shows the tracked files that the walk pruned.
    fn pruned(&self, repo: &Repo, tracked: &[BytePath], root: &Path, prefix: &[u8], walked: &Walked<'_>) {
        let Some(workdir) = repo.workdir().and_then(|dir| dir.canonicalize().ok()) else { return };
        // The index names files from the working tree's top; the walk from its root, which lies above or below that.
        let (above, below) = (workdir.strip_prefix(root), root.strip_prefix(&workdir));
        let (above, below) = (above.unwrap_or(Path::new("")), below.unwrap_or(Path::new("")));
        let (above, below) = (BytePath::os_bytes(above), BytePath::os_bytes(below));
        let mut shown = Vec::new();
        let mut pruned: Vec<(PathBuf, BytePath)> = Vec::new();
        for path in tracked {
            let Some(rest) = below_directory(path.as_bytes(), &below) else { continue };
            shown.clear();
            shown.extend_from_slice(prefix);
            push(&mut shown, &above);
            push(&mut shown, rest);
            if walked.contains(&shown) {
                continue;
            }
            let (file, shown) = (workdir.join(path.to_os()), BytePath::new(&shown));
            if is_inside(root, &file) && !self.limits.exclude.matches(&shown) && self.first_time(&file) {
                pruned.push((file, shown));
            }
        }
        self.files(&pruned);
    }
}

/// True when the repository's working tree is this real directory, not one above it.
fn is_at(repo: &Repo, dir: &Path) -> bool {
    repo.workdir().and_then(|workdir| workdir.canonicalize().ok()).is_some_and(|workdir| workdir == dir)
}

/// What of `path` is below `directory`; all where that is empty.
fn below_directory<'p>(path: &'p [u8], directory: &[u8]) -> Option<&'p [u8]> {
    let rest = path.strip_prefix(directory)?;
    if directory.is_empty() { Some(rest) } else { rest.strip_prefix(b"/") }
}

/// True when `file` exists below `root` by real directories only: neither a link nor `..` leads out.
fn is_inside(root: &Path, file: &Path) -> bool {
    let plain = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
    if !file.strip_prefix(root).is_ok_and(plain) {
        return false;
    }
    let is_dir = |dir: &Path| dir.symlink_metadata().is_ok_and(|meta| meta.is_dir());
    file.symlink_metadata().is_ok_and(|meta| !meta.is_dir())
        && file.ancestors().skip(1).take_while(|dir| *dir != root).all(is_dir)
}

/// What a walk that honours ignore files came by, to tell which tracked files it did not. Paths are kept as hashes of
/// 128 bits under keys of this run, which nobody can make collide.
#[derive(Default)]
struct Trail {
    keys: [RandomState; 2],
    walked: Mutex<Vec<u128>>,
    /// Directories below the root that are repositories themselves.
    repositories: Mutex<Vec<PathBuf>>,
}

impl Trail {
    fn hash(&self, path: &[u8]) -> u128 {
        let [high, low] = self.keys.each_ref().map(|key| u128::from(key.hash_one(path)));
        high << 64 | low
    }

    /// To be asked once the walk is over.
    fn walked(&self) -> Walked<'_> {
        let mut hashes = std::mem::take(&mut *lock(&self.walked));
        hashes.sort_unstable();
        Walked { trail: self, hashes }
    }
}

/// The files that a walk came by.
struct Walked<'t> {
    trail: &'t Trail,
    /// Sorted.
    hashes: Vec<u128>,
}

impl Walked<'_> {
    fn contains(&self, path: &[u8]) -> bool {
        self.hashes.binary_search(&self.trail.hash(path)).is_ok()
    }
}

/// One thread's walk.
struct Walker<'s, 'a> {
    reader: Reader<'s, 'a>,
    root: &'s Path,
    prefix: &'s [u8],
    trail: Option<&'s Trail>,
    came_by: Vec<u128>,
    names: Names,
}

impl Walker<'_, '_> {
    fn entry(&mut self, entry: Result<DirEntry, ignore::Error>) -> WalkState {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let (path, why) = path_of(&error);
                let shown = path.map(|path| join(self.prefix, path.strip_prefix(self.root).unwrap_or(path)));
                let what = shown.map_or_else(|| "walk".to_owned(), |path| path.to_string());
                self.reader.survey.coverage.skip(SkipReason::Unreadable);
                self.reader.survey.problems.push(Problem::new(what, why));
                return WalkState::Continue;
            }
        };
        let path = entry.path();
        let is_dir = entry.file_type().is_some_and(|kind| kind.is_dir());
        if entry.depth() == 0 {
            return WalkState::Continue;
        }
        if entry.file_name() == ".git" {
            if let (Some(trail), Some(dir)) = (self.trail, path.parent().filter(|dir| *dir != self.root)) {
                lock(&trail.repositories).push(dir.to_path_buf());
            }
            // git's own, be it a directory or the file that points to one.
            return WalkState::Skip;
        }
        let Ok(relative) = path.strip_prefix(self.root) else { return WalkState::Continue };
        let shown = self.names.join(self.prefix, relative);
        if is_dir {
            if self.reader.scan.limits.exclude.matches(&shown) {
                self.reader.survey.coverage.skip(SkipReason::Excluded);
                return WalkState::Skip;
            }
            return WalkState::Continue;
        }
        if let Some(trail) = self.trail {
            self.came_by.push(trail.hash(shown.as_bytes()));
        }
        if self.reader.scan.first_time(path) {
            let plain = entry.file_type().is_some_and(|kind| kind.is_file());
            self.reader.path(path, shown, plain);
        }
        WalkState::Continue
    }
}

impl Drop for Walker<'_, '_> {
    fn drop(&mut self) {
        if let Some(trail) = self.trail {
            lock(&trail.walked).append(&mut self.came_by);
        }
    }
}

/// The path an error is about and the rest of it.
fn path_of(error: &ignore::Error) -> (Option<&Path>, String) {
    match error {
        ignore::Error::WithPath { path, err } => (Some(path), path_of(err).1),
        ignore::Error::WithDepth { err, .. } => path_of(err),
        other => (None, other.to_string()),
    }
}

/// Reads files into a buffer of its own and keeps count.
struct Reader<'s, 'a> {
    scan: &'s Scan<'a>,
    buffer: Vec<u8>,
    survey: Survey,
    laps: Laps,
    walking: Duration,
    reading: Duration,
}

/// What came of reading a file.
enum Content {
    /// So many bytes of the buffer.
    Read(usize),
    /// Larger than the limit.
    TooLarge(u64),
    /// Neither file nor link.
    Special,
}

impl<'s, 'a> Reader<'s, 'a> {
    fn new(scan: &'s Scan<'a>) -> Self {
        let (walking, reading) = (Duration::ZERO, Duration::ZERO);
        Self { scan, buffer: Vec::new(), survey: Survey::default(), laps: scan.limits.clock.laps(), walking, reading }
    }

    /// Shows one file or link.
    fn path(&mut self, file: &Path, shown: BytePath, plain: bool) {
        if self.scan.limits.exclude.matches(&shown) {
            self.survey.coverage.skip(SkipReason::Excluded);
            return;
        }
        self.walking += self.laps.lap();
        let content = self.read(file, plain);
        self.reading += self.laps.lap();
        match content {
            Ok(Content::Read(len)) => {
                let origin = Origin::at(OriginKind::Tree, shown);
                let bytes = self.buffer.get(..len).unwrap_or_default();
                (self.scan.visit)(&Blob {
                    origin: &origin,
                    bytes,
                    fresh: &Fresh::All,
                    former_path: None,
                    earlier: &[],
                });
                self.laps.lap();
                self.survey.coverage.scanned(len);
            }
            Ok(Content::TooLarge(size)) => self.survey.coverage.skip_large(shown.to_string(), size),
            Ok(Content::Special) => self.survey.coverage.skip(SkipReason::Special),
            Err(error) => {
                self.survey.coverage.skip(SkipReason::Unreadable);
                self.survey.problems.push(Problem::new(shown.to_string(), error.to_string()));
            }
        }
    }

    /// `plain` when it is known to be a file; otherwise that is asked before opening, as opening a pipe would wait for
    /// its writer.
    fn read(&mut self, file: &Path, plain: bool) -> io::Result<Content> {
        let kind = if plain { None } else { Some(file.symlink_metadata()?.file_type()) };
        if kind.is_some_and(|kind| kind.is_symlink()) {
            let target = BytePath::from_os(&std::fs::read_link(file)?);
            self.buffer.clear();
            self.buffer.extend_from_slice(target.as_bytes());
            return Ok(Content::Read(self.buffer.len()));
        }
        if kind.is_some_and(|kind| !kind.is_file()) {
            return Ok(Content::Special);
        }
        let most = self.scan.limits.max_file_size;
        let mut file = File::open(file)?;
        let mut len = 0;
        loop {
            if len == self.buffer.len() {
                // Asked only of large files. The length is a hint: a file may grow, and in /proc it is zero.
                let size = if len < BUFFER { 0 } else { file.metadata()?.len() };
                if size > most || len as u64 > most {
                    return Ok(Content::TooLarge(size.max(len as u64)));
                }
                let size = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(1);
                self.buffer.resize(size.max(len.saturating_mul(2)).max(BUFFER), 0);
            }
            match file.read(self.buffer.get_mut(len..).unwrap_or_default()) {
                Ok(0) if len as u64 > most => return Ok(Content::TooLarge(len as u64)),
                Ok(0) => return Ok(Content::Read(len)),
                Ok(more) => len += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Reader<'_, '_> {
    fn drop(&mut self) {
        let mine = std::mem::take(&mut self.survey);
        self.scan.report(|survey| survey.add(mine));
        self.walking += self.laps.lap();
        self.scan.limits.clock.add("walk", self.walking);
        self.scan.limits.clock.add("read", self.reading);
    }
}
