//! An index or a range as checks across files see it: the new state, what it grew from, and what is wrong with the one
//! that was wrong with none of the others. Reads what is near to the change, and the rest only where that could matter.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use crate::git::Repo;
use crate::manifest::{self, app_dir};
use crate::model::{BytePath, ObjectId, Origin, OriginKind, Problem};
use crate::parse::{self, Kind, Node};
use crate::policy::{self, Input};
use crate::source::{Change, View};

use super::apps::{App, FileUse, Item, Of, State, file_use, may_use, within};
use super::around::{MOST_FILES, documents, mark, read};
use super::claims::Saying;
use super::governance::{Desk, Read};

/// An index or a commit, and what it grew from.
pub(super) struct Views<'a> {
    pub desk: &'a Desk<'a>,
    pub repo: &'a Repo,
}

/// What was read, by blob: the states share nearly all of theirs.
#[derive(Default)]
struct Memo {
    bytes: HashMap<ObjectId, Option<Rc<Vec<u8>>>>,
    uses: HashMap<(ObjectId, bool), FileUse>,
    read: usize,
}

impl Views<'_> {
    /// The new state and what is wrong with it that was not in any state before.
    pub fn compare(&self, change: &Change, required: bool) -> (State, Vec<Item>) {
        let mut memo = Memo::default();
        let (state, items, all) = self.compared(change, required, false, &mut memo);
        if all || !items.iter().any(|item| matches!(item.of, Of::Mark(_))) {
            return (state, items);
        }
        // A manifest that is not near may name the file.
        let (state, items, _) = self.compared(change, required, true, &mut memo);
        (state, items)
    }

    /// With the manifests near to what changes, or with `all`; which of the two it became.
    fn compared(&self, change: &Change, required: bool, all: bool, memo: &mut Memo) -> (State, Vec<Item>, bool) {
        let states: Vec<&View> = std::iter::once(&change.new).chain(&change.old).collect();
        let mut around: HashSet<Vec<u8>> = HashSet::new();
        for path in &change.changed {
            let mut dir = path.as_bytes();
            while let Some(at) = dir.iter().rposition(|b| *b == b'/') {
                dir = dir.get(..at).unwrap_or_default();
                around.insert(dir.to_vec());
            }
        }
        around.insert(Vec::new());
        let touched = |path: &BytePath| change.changed.contains(path);
        let mut all = all;
        for view in &states {
            let changed = change.changed.iter().filter_map(|path| Some((path, view.find(path)?)));
            all |= changed.into_iter().any(|(path, id)| !self.manifests(path, id, memo).is_empty());
        }
        let mut built: Vec<State> = states
            .iter()
            .map(|view| {
                let wanted = |path: &BytePath| {
                    all || touched(path)
                        || manifest::has_usual_name(path)
                        || self.desk.governance.config.names_manifest(path)
                        || around.contains(app_dir(path))
                };
                self.apps(view, change.tip, &wanted, memo)
            })
            .collect();
        // What a manifest covered that changed, or is gone, may be covered no more.
        let lost: Vec<(Vec<u8>, Vec<Vec<u8>>)> = built
            .iter()
            .skip(1)
            .flat_map(|old| &old.apps)
            .filter(|app| app.origin.path.as_ref().is_some_and(touched))
            .map(|app| (app.dir().to_vec(), app.declared.files.iter().map(|file| file.clone().into_bytes()).collect()))
            .collect();
        let open = |path: &BytePath| {
            touched(path)
                || lost.iter().any(|(dir, files)| {
                    within(dir, path.as_bytes()) || files.iter().any(|file| path.as_bytes().ends_with(file))
                })
        };
        let variables: BTreeSet<String> = built.iter().flat_map(State::declared_variables).collect();
        for (view, state) in states.iter().zip(&mut built) {
            if required {
                self.marks(view, change.tip, &open, state, memo);
            }
            self.uses(view, change, &variables, state, memo);
        }
        let mut built = built.into_iter();
        let new = built.next().unwrap_or_default();
        let mut items = new.items(required, &change.changed);
        for old in built {
            let known = old.items(required, &change.changed);
            let is = |item: &Item| {
                known.iter().any(|old| {
                    let moved = matches!(item.of, Of::Mark(_)) && old.origin.object == item.origin.object;
                    old.rule == item.rule && old.key == item.key && (old.origin.path == item.origin.path || moved)
                })
            };
            items.retain(|item| !is(item));
        }
        (new, items, all)
    }

    /// What rules say of all files of the new state together, and of none before it.
    pub fn together(&self, change: &Change, problems: &mut Vec<Problem>) -> (Vec<Read>, Vec<(usize, Saying)>) {
        let mut memo: HashMap<ObjectId, Option<Read>> = HashMap::new();
        let mut reads = |view: &View, only: Option<&HashSet<BytePath>>| -> Vec<Read> {
            let wanted = |path: &BytePath| {
                only.is_none_or(|only| only.contains(path))
                    && matches!(Kind::of(path), Some(Kind::Yaml | Kind::Json))
                    && !self.desk.governance.config.policy_excludes(path)
            };
            let files = view.files().filter(|(path, _)| wanted(path)).take(MOST_FILES);
            let read = |(path, id): (&BytePath, ObjectId)| {
                let kept = memo.entry(id).or_insert_with(|| self.slim(path, id)).as_ref()?;
                Some((Self::origin(path, id, change.tip), kept.1.clone(), kept.2.clone()))
            };
            files.filter_map(read).collect()
        };
        let states: Vec<&View> = std::iter::once(&change.new).chain(&change.old).collect();
        if states.iter().all(|view| reads(view, Some(&change.changed)).is_empty()) {
            return (Vec::new(), Vec::new());
        }
        let new = reads(&change.new, None);
        let mut sayings = self.desk.of_all(Input::Together, &new, problems);
        for old in &change.old {
            let old = reads(old, None);
            let known = self.desk.of_all(Input::Together, &old, &mut Vec::new());
            let file = |reads: &[Read], n: usize| reads.get(n).and_then(|(origin, ..)| origin.path.clone());
            let known: HashSet<(Option<BytePath>, &str, &str)> = known
                .iter()
                .map(|(n, saying)| (file(&old, *n), saying.rule.id.as_str(), saying.message.as_str()))
                .collect();
            sayings.retain(|(n, saying)| !known.contains(&(file(&new, *n), &saying.rule.id, &saying.message)));
        }
        (new, sayings)
    }

    /// What such rules hear of a file.
    fn slim(&self, path: &BytePath, id: ObjectId) -> Option<Read> {
        let bytes = read(self.repo, id).filter(|bytes| policy::may_be_together(bytes))?;
        let documents = parse::parse(Kind::of(path)?, &bytes).ok()?;
        let kept: Vec<Node> = documents.iter().filter_map(policy::together).collect();
        (!kept.is_empty()).then(|| (Origin::new(OriginKind::Staged), bytes, kept))
    }

    fn bytes(&self, id: ObjectId, memo: &mut Memo) -> Option<Rc<Vec<u8>>> {
        let read = || read(self.repo, id).map(Rc::new);
        memo.bytes.entry(id).or_insert_with(read).clone()
    }

    fn manifests(&self, path: &BytePath, id: ObjectId, memo: &mut Memo) -> Vec<Node> {
        let kind = matches!(Kind::of(path), Some(Kind::Yaml | Kind::Json));
        if !kind || self.desk.governance.config.policy_excludes(path) {
            return Vec::new();
        }
        self.bytes(id, memo).map(|bytes| documents(self.desk, path, &bytes)).unwrap_or_default()
    }

    fn origin(path: &BytePath, id: ObjectId, tip: Option<ObjectId>) -> Origin {
        let kind = if tip.is_some() { OriginKind::Range } else { OriginKind::Staged };
        Origin { commit: tip, object: Some(id), ..Origin::at(kind, path.clone()) }
    }

    fn apps(&self, view: &View, tip: Option<ObjectId>, wanted: &dyn Fn(&BytePath) -> bool, memo: &mut Memo) -> State {
        let mut state = State::default();
        let mut left = MOST_FILES;
        for (path, id) in view.files() {
            if !wanted(path) || !matches!(Kind::of(path), Some(Kind::Yaml | Kind::Json)) || left == 0 {
                continue;
            }
            left -= 1;
            for node in self.manifests(path, id, memo) {
                let bytes = self.bytes(id, memo).map(|bytes| (*bytes).clone()).unwrap_or_default();
                state.apps.push(App::new(Self::origin(path, id, tip), bytes, node));
            }
        }
        state
    }

    fn marks(
        &self,
        view: &View,
        tip: Option<ObjectId>,
        open: &dyn Fn(&BytePath) -> bool,
        state: &mut State,
        memo: &mut Memo,
    ) {
        let mut left = MOST_FILES;
        for (path, id) in view.files() {
            let wanted = open(path) && !self.desk.governance.config.policy_excludes(path) && left > 0;
            if wanted && manifest::may_deploy_by_name(path) && state.is_missing(path) {
                left -= 1;
                let bytes = self.bytes(id, memo);
                state.marks.extend(bytes.and_then(|bytes| mark(Self::origin(path, id, tip), &bytes)));
            }
        }
    }

    /// What the files of apps use in whose directory something changed.
    fn uses(&self, view: &View, change: &Change, variables: &BTreeSet<String>, state: &mut State, memo: &mut Memo) {
        let changes = |app: &App| change.changed.iter().any(|path| within(app.dir(), path.as_bytes()));
        let open: Vec<Vec<u8>> = state.apps.iter().filter(|app| changes(app)).map(|app| app.dir().to_vec()).collect();
        if open.is_empty() {
            return;
        }
        let own: HashSet<BytePath> = state.apps.iter().filter_map(|app| app.origin.path.clone()).collect();
        let mut partial = false;
        for (path, id) in view.files() {
            let inside = open.iter().any(|dir| within(dir, path.as_bytes()));
            let config = self.desk.governance.config;
            if !inside
                || !may_use(path)
                || own.contains(path)
                || config.policy_excludes(path)
                || config.exclude.matches(path)
            {
                continue;
            }
            let key = (id, manifest::is_code(path));
            if !memo.uses.contains_key(&key) {
                if memo.read >= MOST_FILES {
                    partial = true;
                    continue;
                }
                memo.read += 1;
                // Not kept: what is used is little, the files are not.
                let file = read(self.repo, id).map(|bytes| file_use(path, &bytes, variables)).unwrap_or_default();
                memo.uses.insert(key, file);
            }
            if let Some(file) = memo.uses.get(&key) {
                state.uses(path, file);
            }
        }
        state.apps.iter_mut().for_each(|app| app.used.partial = partial);
    }
}
