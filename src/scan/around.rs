//! The states that checks across files compare: of a tree what the run saw of it, of an index or a range the end and what
//! it grew from. Reads only where a manifest is, or one is asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::detect::Detector;
use crate::git::{Read as GitRead, Repo};
use crate::manifest::{self, app_dir};
use crate::model::{BytePath, Clock, Found, ObjectId, Origin, OriginKind, Problem};
use crate::parse::{self, Kind, Node};
use crate::source::{self, Limits, SourceError};

use super::apps::{App, FileUse, Item, Mark, Of, State, file_use, may_use, message, missing, note, within};
use super::claims::{Saying, about, add};
use super::governance::{Desk, Required, lock};
use super::views::Views;
use super::{Plan, Source};

/// No more files than this are held against manifests, and none larger.
pub(super) const MOST_FILES: usize = 5_000;
const LARGEST: u64 = 1 << 20;

/// Looks for manifests by the names they usually have, so that nothing need be looked at twice.
pub(super) fn before(plan: &Plan<'_>, desk: &Desk<'_>) -> Result<(), SourceError> {
    let named = plan.config.manifest.is_some();
    let usual = |path: &[u8]| {
        // Without an allocation where they are other ones.
        if !named && !manifest::may_have_usual_name(path) {
            return false;
        }
        let path = BytePath::new(path);
        manifest::has_usual_name(&path) && !plan.config.policy_excludes(&path) || plan.config.names_manifest(&path)
    };
    let any = |repo: &Repo, found: Vec<(BytePath, ObjectId)>| {
        found.iter().any(|(path, id)| read(repo, *id).is_some_and(|bytes| !documents(desk, path, &bytes).is_empty()))
    };
    let seen = match plan.source {
        Source::Staged(repo, _) => any(repo, source::staged_names(repo, &usual)?),
        Source::Range(repo, range) => any(repo, source::range_names(repo, range, &usual)?),
        Source::Tree(paths) => {
            let dirs = paths.iter().map(PathBuf::as_path).filter(|path| path.is_dir());
            let files = dirs.flat_map(|dir| manifest::USUAL_NAMES.iter().map(move |name| dir.join(name)));
            files
                .filter(|file| file.symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST))
                .filter_map(|file| {
                    Some((BytePath::new(file.file_name()?.as_encoded_bytes()), std::fs::read(&file).ok()?))
                })
                .any(|(name, bytes)| !documents(desk, &name, &bytes).is_empty())
        }
        _ => false,
    };
    if seen {
        desk.expect();
    }
    Ok(())
}

pub(super) fn read(repo: &Repo, id: ObjectId) -> Option<Vec<u8>> {
    match repo.read(id, LARGEST) {
        Ok(GitRead::Bytes(bytes)) => Some(bytes),
        _ => None,
    }
}

/// The manifests in a file.
pub(super) fn documents(desk: &Desk<'_>, path: &BytePath, bytes: &[u8]) -> Vec<Node> {
    let Some(kind) = Kind::of(path).filter(|kind| desk.may_be_manifest(path, *kind, bytes)) else { return Vec::new() };
    // What cannot be read is told where the file itself is looked at.
    let documents = parse::parse(kind, bytes).unwrap_or_default();
    desk.manifests_in(path, &documents).into_iter().cloned().collect()
}

/// What is wrong across the files of the source, added to what was found; what could not be looked at.
pub(super) fn close(
    plan: &Plan<'_>,
    desk: &Desk<'_>,
    found: &mut Vec<Found>,
) -> Result<(Vec<String>, Vec<Problem>), SourceError> {
    let mut problems = Vec::new();
    let required = match desk.governance.required {
        Required::Never => false,
        Required::WithManifest => desk.has_manifest(),
        Required::Always => true,
    };
    let together = !matches!(plan.source, Source::Tree(_)) && desk.may_hear_together();
    if !required && !desk.has_manifest() && !together {
        return Ok((Vec::new(), problems));
    }
    let change = match plan.source {
        Source::Staged(repo, _) => Some((repo, source::staged_change(repo)?)),
        Source::Range(repo, range) => Some((repo, source::range_change(repo, range)?)),
        _ => None,
    };
    let (state, items) = match (plan.source, &change) {
        (Source::Tree(paths), _) => {
            let state = Tree { plan, desk, paths }.state(required);
            let items = state.items(required, &HashSet::new());
            (state, items)
        }
        (_, Some((repo, change))) => {
            let views = Views { desk, repo };
            if together {
                let (reads, sayings) = views.together(change, &mut problems);
                desk.tell(&reads, sayings, plan.detector, found);
            }
            views.compare(change, required)
        }
        _ => return Ok((Vec::new(), problems)),
    };
    tell(desk, &state, &items, plan.detector, found);
    let partial = state.apps.iter().any(|app| app.used.partial);
    let notice = || format!("only {MOST_FILES} files were held against the manifests: the rest was not looked at");
    Ok((partial.then(notice).into_iter().collect(), problems))
}

/// Items as findings: those of one rule at one place, and what is deployed from one directory, in one each.
fn tell(desk: &Desk<'_>, state: &State, items: &[Item], detector: &Detector, found: &mut Vec<Found>) {
    let config = desk.governance.config;
    type Place<'i> = (&'i str, Option<&'i Origin>, Vec<u8>);
    let mut groups: BTreeMap<Place<'_>, Vec<&Item>> = BTreeMap::new();
    for item in items {
        let path = item.origin.path.as_ref();
        let key = match item.of {
            Of::Mark(_) => (item.rule, None, path.map(app_dir).unwrap_or_default().to_vec()),
            Of::App(n) => (item.rule, Some(&item.origin), format!("{n} {}", parse::shown(&item.at)).into_bytes()),
        };
        groups.entry(key).or_default().push(item);
    }
    for ((rule, _, place), items) in groups {
        let Some(first) = items.first() else { continue };
        match first.of {
            Of::App(n) => {
                let Some(app) = state.apps.get(n) else { continue };
                let (at, span) = (parse::shown(&first.at), app.node.place(&first.at));
                if let Some(saying) = about(rule, message(rule, &items), at, span, config) {
                    let saying = Saying { note: note(&items), ..saying };
                    add(desk.governance, (&app.origin, &app.bytes), vec![saying], detector, found);
                }
            }
            Of::Mark(_) => {
                let mark = |item: &&Item| match item.of {
                    Of::Mark(n) => state.marks.get(n),
                    Of::App(_) => None,
                };
                let marks: Vec<&Mark> = items.iter().filter_map(mark).collect();
                let Some(mark) = marks.first() else { continue };
                if let Some(saying) = about(rule, missing(&place, &marks), String::new(), mark.span, config) {
                    add(desk.governance, (&mark.origin, &mark.head), vec![saying], detector, found);
                }
            }
        }
    }
}

/// What deploys something in a file, with as much of the file as shows it.
pub(super) fn mark(origin: Origin, bytes: &[u8]) -> Option<Mark> {
    let found = manifest::deployable(origin.path.as_ref()?, bytes)?;
    let rest = bytes.get(found.span.end..).unwrap_or_default();
    let end = found.span.end + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    Some(Mark { origin, what: found.what, span: found.span, head: bytes.get(..end).unwrap_or_default().to_vec() })
}

/// A working tree, as the run saw it.
struct Tree<'a> {
    plan: &'a Plan<'a>,
    desk: &'a Desk<'a>,
    paths: &'a [PathBuf],
}

impl Tree<'_> {
    fn state(&self, required: bool) -> State {
        let mut state = State::default();
        for (origin, bytes, documents) in self.desk.manifests() {
            let Some(path) = &origin.path else { continue };
            for node in self.desk.manifests_in(path, &documents) {
                state.apps.push(App::new(origin.clone(), bytes.clone(), node.clone()));
            }
        }
        let dirs: Vec<&PathBuf> = self.paths.iter().filter(|path| path.is_dir()).collect();
        let Some(root) = source::tree_root(self.paths).filter(|_| !dirs.is_empty()) else {
            // Of single files nothing is known of what is around them.
            return state;
        };
        if required {
            let mut hints = self.desk.hints.as_ref().map(|hints| std::mem::take(&mut *lock(hints))).unwrap_or_default();
            hints.sort();
            hints.dedup();
            let read = |path: BytePath| {
                mark(Origin::at(OriginKind::Tree, path.clone()), &self.file(&root.join(path.to_os()))?)
            };
            state.marks = hints.into_iter().filter_map(read).collect();
            let whole = dirs.iter().any(|dir| dir.canonicalize().is_ok_and(|dir| dir == root));
            if !whole {
                self.above(&root, &mut state);
            }
        }
        self.uses(&root, &mut state);
        state
    }

    fn file(&self, file: &std::path::Path) -> Option<Vec<u8>> {
        let meta = file.symlink_metadata().ok()?;
        (meta.is_file() && meta.len() <= parse::LARGEST as u64).then(|| std::fs::read(file).ok()).flatten()
    }

    /// Takes out what a manifest above the scanned directories covers.
    fn above(&self, root: &std::path::Path, state: &mut State) {
        let mut known: HashMap<Vec<u8>, bool> = HashMap::new();
        let mut has = |dir: &[u8]| {
            *known.entry(dir.to_vec()).or_insert_with(|| {
                let dir = root.join(BytePath::new(dir).to_os());
                let parts = manifest::PARTS.iter().map(|part| dir.join(part));
                let dirs = std::iter::once(dir.clone()).chain(parts);
                let entries = dirs.filter_map(|dir| std::fs::read_dir(dir).ok()).flatten();
                entries.filter_map(Result::ok).take(MOST_FILES).any(|entry| {
                    let name = BytePath::from_os(std::path::Path::new(&entry.file_name()));
                    let wanted = matches!(Kind::of(&name), Some(Kind::Yaml | Kind::Json));
                    wanted
                        && self.file(&entry.path()).is_some_and(|bytes| !documents(self.desk, &name, &bytes).is_empty())
                })
            })
        };
        state.marks.retain(|mark| {
            let mut dir = mark.origin.path.as_ref().map(app_dir).unwrap_or_default();
            loop {
                if has(dir) {
                    return false;
                }
                match dir.iter().rposition(|b| *b == b'/') {
                    Some(at) => dir = dir.get(..at).unwrap_or_default(),
                    None if dir.is_empty() => return true,
                    None => dir = b"",
                }
            }
        });
    }

    /// Walks the apps' directories once more, for what their code uses.
    fn uses(&self, root: &std::path::Path, state: &mut State) {
        let all: BTreeSet<Vec<u8>> = state.apps.iter().map(|app| app.dir().to_vec()).collect();
        let scanned: Vec<PathBuf> = self.paths.iter().filter_map(|path| path.canonicalize().ok()).collect();
        let mut dirs: Vec<PathBuf> = Vec::new();
        for dir in &all {
            let full = root.join(BytePath::new(dir).to_os());
            let inside = all.iter().any(|other| other != dir && within(other, dir));
            if !inside {
                // No more than what the run was about.
                let parts = scanned.iter().filter(|path| path.starts_with(&full) && **path != full).cloned();
                if scanned.iter().any(|path| full.starts_with(path)) { dirs.push(full) } else { dirs.extend(parts) }
            }
        }
        if dirs.is_empty() {
            return;
        }
        let variables = state.declared_variables();
        let files: Mutex<Vec<(BytePath, FileUse)>> = Mutex::default();
        let count = AtomicUsize::new(0);
        let limits = Limits { max_file_size: LARGEST, exclude: &self.plan.config.exclude, clock: Clock::default() };
        let own: HashSet<&BytePath> = state.apps.iter().filter_map(|app| app.origin.path.as_ref()).collect();
        // A file that cannot be read was told of already.
        let _ = source::tree(&dirs, limits, &|blob| {
            let Some(path) = &blob.origin.path else { return };
            let wanted = may_use(path) && !own.contains(path) && !self.plan.config.policy_excludes(path);
            if wanted && count.fetch_add(1, Ordering::Relaxed) < MOST_FILES {
                lock(&files).push((path.clone(), file_use(path, blob.bytes, &variables)));
            }
        });
        for (path, file) in files.into_inner().unwrap_or_default() {
            state.uses(&path, &file);
        }
        let partial = count.into_inner() > MOST_FILES;
        state.apps.iter_mut().for_each(|app| app.used.partial = partial);
    }
}
