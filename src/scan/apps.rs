//! Checks across files: apps that nobody registered, declarations against the code, identities that must be one app's
//! own. Knows files by what a source shows of them; which source, and what was there before, is told to it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::manifest::{self, Declared, app_dir};
use crate::model::{BytePath, Origin, Span};
use crate::parse::{Node, Step};

/// A manifest, and what the files of its app use.
pub(super) struct App {
    pub origin: Origin,
    pub bytes: Vec<u8>,
    pub node: Node,
    pub declared: Declared,
    pub used: Used,
}

/// A file that deploys something.
pub(super) struct Mark {
    pub origin: Origin,
    pub what: &'static str,
    pub span: Span,
    /// The file as far as the place, its line included.
    pub head: Vec<u8>,
}

/// One state of a source's files.
#[derive(Default)]
pub(super) struct State {
    /// By path.
    pub apps: Vec<App>,
    pub marks: Vec<Mark>,
}

/// What the code of an app uses, with the first place of each.
#[derive(Clone, Debug, Default)]
pub(super) struct Used {
    pub hosts: BTreeMap<String, Place>,
    pub variables: BTreeMap<String, Place>,
    /// Declared variables that some file names.
    pub mentioned: BTreeSet<String>,
    /// Files of code.
    pub code: usize,
    /// True where there were more files than are looked at.
    pub partial: bool,
}

pub(super) type Place = (BytePath, u32);

/// What one file adds to that.
#[derive(Clone, Debug, Default)]
pub(super) struct FileUse {
    is_code: bool,
    hosts: Vec<(String, u32)>,
    variables: Vec<(String, u32)>,
    mentioned: Vec<String>,
}

/// What is wrong across files. Two states are compared by rule, file and key.
pub(super) struct Item {
    pub rule: &'static str,
    pub origin: Origin,
    pub key: String,
    /// The place in the manifest that it is about.
    pub at: Vec<Step>,
    pub place: Option<Place>,
    /// Of an app by its index, or of a mark.
    pub of: Of,
}

#[derive(Clone, Copy)]
pub(super) enum Of {
    App(usize),
    Mark(usize),
}

/// So many are named in one message.
const NAMED: usize = 8;

impl App {
    pub(super) fn new(origin: Origin, bytes: Vec<u8>, node: Node) -> Self {
        let declared = manifest::declared(&node);
        Self { origin, bytes, node, declared, used: Used::default() }
    }

    fn path(&self) -> &[u8] {
        self.origin.path.as_ref().map(BytePath::as_bytes).unwrap_or_default()
    }

    /// The directory whose files are the app's.
    pub(super) fn dir(&self) -> &[u8] {
        self.origin.path.as_ref().map(app_dir).unwrap_or_default()
    }

    /// True where a file lies in the app's directory, or is named by the manifest.
    fn covers(&self, file: &BytePath) -> bool {
        let own = self.path().iter().rposition(|b| *b == b'/').and_then(|at| self.path().get(..at)).unwrap_or_default();
        let names = |name: &String| {
            let name = name.trim_start_matches("./").trim_end_matches('/').as_bytes();
            let beside = if own.is_empty() { name.to_vec() } else { [own, b"/", name].concat() };
            [name, &beside].iter().any(|known| !known.is_empty() && within(known, file.as_bytes()))
        };
        within(self.dir(), file.as_bytes()) || self.declared.files.iter().any(names)
    }
}

/// True for what lies in a directory, at any depth, and for the path itself.
pub(super) fn within(dir: &[u8], path: &[u8]) -> bool {
    dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

impl State {
    /// The deepest app that a path lies in; of several in one directory the first.
    pub(super) fn app_of(&self, path: &[u8]) -> Option<usize> {
        let inside = self.apps.iter().enumerate().filter(|(_, app)| within(app.dir(), path));
        inside.max_by_key(|(n, app)| (app.dir().len(), std::cmp::Reverse(*n))).map(|(n, _)| n)
    }

    /// True for a file that deploys something in no app.
    pub(super) fn is_missing(&self, file: &BytePath) -> bool {
        !self.apps.iter().any(|app| app.covers(file))
    }

    /// Variables that some manifest declares.
    pub(super) fn declared_variables(&self) -> BTreeSet<String> {
        self.apps.iter().flat_map(|app| &app.declared.secrets).filter_map(|(_, env)| env.clone()).collect()
    }

    /// Adds what a file uses to the app it lies in.
    pub(super) fn uses(&mut self, path: &BytePath, file: &FileUse) {
        let Some(app) = self.app_of(path.as_bytes()).and_then(|n| self.apps.get_mut(n)) else { return };
        let used = &mut app.used;
        used.code += usize::from(file.is_code);
        for (from, to) in [(&file.hosts, &mut used.hosts), (&file.variables, &mut used.variables)] {
            for (name, line) in from {
                let place = (path.clone(), *line);
                // The same answer in whatever order files are seen.
                to.entry(name.clone()).and_modify(|known| *known = place.clone().min(known.clone())).or_insert(place);
            }
        }
        used.mentioned.extend(file.mentioned.iter().cloned());
    }

    /// Everything wrong. `required`: what deploys something must be registered. `changed`: of two apps with one identity,
    /// the one that changes is told.
    pub(super) fn items(&self, required: bool, changed: &HashSet<BytePath>) -> Vec<Item> {
        let mut items = Vec::new();
        if required {
            for (n, mark) in self.marks.iter().enumerate() {
                if mark.origin.path.as_ref().is_some_and(|path| self.is_missing(path)) {
                    let key = mark.what.to_owned();
                    let (origin, of) = (mark.origin.clone(), Of::Mark(n));
                    items.push(Item { rule: "manifest-missing", origin, key, at: Vec::new(), place: None, of });
                }
            }
        }
        self.identities(changed, &mut items);
        for n in 0..self.apps.len() {
            self.declarations(n, &mut items);
        }
        items
    }

    fn identities(&self, changed: &HashSet<BytePath>, items: &mut Vec<Item>) {
        let mut order: Vec<(bool, usize)> = self
            .apps
            .iter()
            .map(|app| app.origin.path.as_ref().is_some_and(|path| changed.contains(path)))
            .zip(0..)
            .collect();
        order.sort_unstable();
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for (n, app) in order.into_iter().filter_map(|(_, n)| Some((n, self.apps.get(n)?))) {
            let Some(subject) = manifest::identity(&app.node).filter(|subject| !subject.is_empty()) else { continue };
            let Some(other) = known.get(subject).and_then(|n| self.apps.get(*n)) else {
                known.insert(subject, n);
                continue;
            };
            let there = other.origin.path.as_ref().map(ToString::to_string).unwrap_or_default();
            let at = path(&["identity", "subject"]);
            let key = format!("{subject} is the identity of {there} too");
            items.push(Item {
                rule: "manifest-identity",
                origin: app.origin.clone(),
                key,
                at,
                place: None,
                of: Of::App(n),
            });
        }
    }

    /// What the manifests of one directory declare together, against what its files use.
    fn declarations(&self, n: usize, items: &mut Vec<Item>) {
        let Some(app) = self.apps.get(n) else { return };
        let beside: Vec<&App> = self.apps.iter().filter(|other| other.dir() == app.dir()).collect();
        let mut add = |rule, key: &String, at, place: Option<&Place>| {
            let (origin, place) = (app.origin.clone(), place.cloned());
            items.push(Item { rule, origin, key: key.clone(), at, place, of: Of::App(n) });
        };
        for (host, place) in &app.used.hosts {
            if !beside.iter().any(|app| app.declared.has_host(host)) {
                add("manifest-integrations", host, path(&["integrations"]), Some(place));
            }
        }
        for (name, place) in app.used.variables.iter().filter(|(name, _)| manifest::looks_secret(name)) {
            if !beside.iter().any(|app| app.declared.has_variable(name)) {
                add("manifest-secret-undeclared", name, path(&["secrets"]), Some(place));
            }
        }
        // What is used was counted for the first of them; without any code nothing can be told.
        let used = |test: &dyn Fn(&Used) -> bool| beside.iter().any(|app| test(&app.used));
        if !used(&|used| used.code > 0) || used(&|used| used.partial) {
            return;
        }
        for (index, (_, env)) in app.declared.secrets.iter().enumerate() {
            let Some(env) = env.as_ref().filter(|env| !used(&|used| used.mentioned.contains(*env))) else { continue };
            let mut at = path(&["secrets"]);
            at.extend([Step::Index(index), Step::Key("env".into())]);
            add("manifest-secret-unused", env, at, None);
        }
    }
}

fn path(names: &[&str]) -> Vec<Step> {
    ["spec", "governance"].iter().chain(names).map(|name| Step::Key((*name).into())).collect()
}

/// What a file uses; `variables` are the declared ones. None for a file that neither is code nor configures it.
pub(super) fn file_use(path: &BytePath, bytes: &[u8], variables: &BTreeSet<String>) -> FileUse {
    let is_code = manifest::is_code(path);
    let mut file = FileUse { is_code, ..FileUse::default() };
    if is_code {
        let found = manifest::uses(bytes);
        let mut lines = LineCounter { bytes, at: 0, line: 1 };
        let mut numbered = |of: Vec<(String, Span)>| -> Vec<(String, u32)> {
            lines.restart();
            of.into_iter().map(|(name, span)| (name, lines.line(span.start))).collect()
        };
        (file.hosts, file.variables) = (numbered(found.hosts), numbered(found.variables));
    }
    file.mentioned = variables.iter().filter(|name| manifest::mentions(bytes, name)).cloned().collect();
    file
}

/// True for files that [`file_use`] can say something about.
pub(super) fn may_use(path: &BytePath) -> bool {
    manifest::is_code(path) || crate::parse::Kind::of(path).is_some() || path.file_name() == b"Makefile"
}

/// Lines of offsets that never go back.
struct LineCounter<'b> {
    bytes: &'b [u8],
    at: usize,
    line: u32,
}

impl LineCounter<'_> {
    fn restart(&mut self) {
        (self.at, self.line) = (0, 1);
    }

    fn line(&mut self, to: usize) -> u32 {
        let passed = self.bytes.get(self.at..to).unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', passed).count() as u32;
        self.at = to.max(self.at);
        self.line
    }
}

/// One message for the items of one rule at one place.
pub(super) fn message(rule: &str, items: &[&Item]) -> String {
    let list = some(items.iter().map(|item| item.key.clone()), items.len());
    match rule {
        "manifest-integrations" => format!("the code talks to hosts that no integration names: {list}"),
        "manifest-secret-undeclared" => {
            format!("the code reads variables that look secret and are not declared: {list}")
        }
        "manifest-secret-unused" => format!("{list} is declared and no file of the app names it"),
        _ => list,
    }
}

/// Where each of them is used first.
pub(super) fn note(items: &[&Item]) -> Option<String> {
    let places = items.iter().filter_map(|item| Some((&item.key, item.place.as_ref()?)));
    let places: Vec<String> = places.map(|(key, (path, line))| format!("{key} at {path}:{line}")).collect();
    let count = places.len();
    (count > 0).then(|| format!("first: {}", some(places.into_iter(), count)))
}

/// A list of which the end may be cut.
fn some(names: impl Iterator<Item = String>, count: usize) -> String {
    let mut named: Vec<String> = names.take(NAMED).collect();
    if count > NAMED {
        named.push(format!("{} more", count - NAMED));
    }
    named.join(", ")
}

/// What is said of a directory that deploys something and has no manifest.
pub(super) fn missing(dir: &[u8], marks: &[&Mark]) -> String {
    let named = marks.iter().map(|mark| {
        let file = mark.origin.path.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{} ({file})", mark.what)
    });
    let place = if dir.is_empty() { "here".to_owned() } else { format!("in {}", BytePath::new(dir)) };
    format!("an app is deployed {place} and no manifest covers it: {}", some(named, marks.len()))
}
