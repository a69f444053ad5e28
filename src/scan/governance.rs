//! Manifests and policies as a check of one blob: parse it once, ask both, keep what its earlier versions had not.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::config::Config;
use crate::detect::Detector;
use crate::manifest;
use crate::model::{Blob, BytePath, Enforcement, Found, Origin, Problem, Span};
use crate::parse::{self, Key, Kind, Node, Value};
use crate::policy::{self, Input, Judge, Policies, Verdict};

use super::claims::{Saying, add, candidates, fault};

/// What files are held against beside the secret rules.
#[derive(Clone, Copy, Debug)]
pub struct Governance<'a> {
    /// Policies; none: only manifests are looked at, until one is found.
    pub policies: Option<&'a Policies>,
    /// True where the built-in rules are asked too as soon as a manifest is found; they are not among `policies` then.
    pub built_in: bool,
    /// The longest that a built-in rule may take for one document.
    pub timeout: Duration,
    /// Whether what deploys something must have a manifest.
    pub required: Required,
    /// What manifests are held against.
    pub limits: &'a manifest::Limits,
    /// Excluded paths, paths of manifests, and enforcement.
    pub config: &'a Config,
    /// All files of the run as one input.
    pub combine: bool,
    /// What only tells fails as well.
    pub fail_on_warn: bool,
    /// The format that every file is read as, whatever it is called.
    pub parser: Option<Kind>,
}

/// Whether what deploys something must have a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    /// Nobody asks.
    Never,
    /// Where there is a manifest at all.
    WithManifest,
    /// Everywhere.
    Always,
}

/// A file that was parsed: where it is from, its bytes, its documents.
pub(super) type Read = (Origin, Vec<u8>, Vec<Node>);

/// Policies, and judges that nobody uses just now: making one copies the engine.
struct Bench<'p> {
    policies: &'p Policies,
    idle: &'p Mutex<Vec<Judge>>,
}

/// What the threads of one run share.
pub(super) struct Desk<'a> {
    pub(super) governance: &'a Governance<'a>,
    idle: [Mutex<Vec<Judge>>; 2],
    /// The built-in rules, once a manifest was found.
    late: OnceLock<Option<Policies>>,
    /// True once a manifest was found.
    seen: AtomicBool,
    /// Files that the built-in rules might have spoken of, seen before any manifest was.
    passed: Mutex<Vec<BytePath>>,
    /// True while those are looked at again.
    again: AtomicBool,
    /// For `combine`: every document, with the file it is from.
    all: Mutex<Vec<Read>>,
    /// What rules about all files together hear of a tree's files.
    together: Mutex<Vec<Read>>,
    tree: bool,
    /// Every manifest.
    manifests: Mutex<Vec<Read>>,
    /// Files of a tree that may deploy something; none where another source tells that.
    pub(super) hints: Option<Mutex<Vec<BytePath>>>,
    /// Templates that are no YAML before they are filled in.
    templates: Mutex<Vec<String>>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Desk<'a> {
    /// `tree`: the source is one, whose files are seen in no other way.
    pub(super) fn new(governance: &'a Governance<'a>, tree: bool) -> Self {
        Self {
            governance,
            idle: Default::default(),
            late: OnceLock::new(),
            seen: AtomicBool::new(false),
            passed: Mutex::default(),
            again: AtomicBool::new(false),
            all: Mutex::default(),
            together: Mutex::default(),
            tree,
            manifests: Mutex::default(),
            hints: (tree && governance.required != Required::Never).then(Mutex::default),
            templates: Mutex::default(),
        }
    }

    /// True once a manifest was found.
    pub(super) fn has_manifest(&self) -> bool {
        self.seen.load(Ordering::Relaxed)
    }

    /// Tells that a manifest is there.
    pub(super) fn expect(&self) {
        self.seen.store(true, Ordering::Relaxed);
    }

    /// The manifests that were seen, by path.
    pub(super) fn manifests(&self) -> Vec<Read> {
        let mut manifests = std::mem::take(&mut *lock(&self.manifests));
        manifests.sort_by(|a, b| a.0.cmp(&b.0));
        manifests
    }

    /// The policies that are asked by now.
    fn benches(&self) -> impl Iterator<Item = Bench<'_>> {
        let [first, second] = &self.idle;
        let late = (self.governance.built_in && self.has_manifest() && !self.governance.combine).then(|| self.late());
        let own = self.governance.policies.map(|policies| Bench { policies, idle: first });
        own.into_iter().chain(late.flatten().map(|policies| Bench { policies, idle: second }))
    }

    fn late(&self) -> Option<&Policies> {
        let (config, today) = (self.governance.config, self.governance.limits.today);
        let load = || Policies::built_in(&config.choice, self.governance.timeout, today).ok();
        self.late.get_or_init(load).as_ref()
    }

    /// Adds to `secrets` what manifests and policies say of the blob that none of its earlier versions had.
    pub(super) fn look(&self, blob: &Blob<'_>, detector: &Detector, secrets: Option<Found>) -> Option<Found> {
        let Some(said) = self.said(blob, detector) else { return secrets };
        // Inline comments are read by the detector, which was not asked where only this check runs.
        let comments = || detector.scan(blob).map(|seen| Found { candidates: Vec::new(), ..seen });
        let mut found = secrets.or_else(|| if said.candidates.is_empty() { None } else { comments() });
        match &mut found {
            Some(found) => {
                found.candidates.extend(said.candidates);
                found.problems.extend(said.problems);
            }
            None => found = Some(said),
        }
        found
    }

    fn said(&self, blob: &Blob<'_>, detector: &Detector) -> Option<Found> {
        let unnamed = BytePath::new("-");
        // Standard input may have no name, but then a format.
        let path = blob.origin.path.as_ref().or(self.governance.parser.map(|_| &unnamed))?;
        let kind = self.governance.parser.or_else(|| Kind::of(path));
        if blob.fresh.is_nothing() || self.governance.config.policy_excludes(path) {
            return None;
        }
        let again = self.again.load(Ordering::Relaxed);
        if let Some(hints) = self.hints.as_ref().filter(|_| !again && manifest::may_deploy(path, kind, blob.bytes)) {
            lock(hints).push(path.clone());
        }
        let kind = kind?;
        let manifest = self.may_be_manifest(path, kind, blob.bytes);
        if !manifest && !self.looks_at(kind) {
            if self.governance.built_in && !self.has_manifest() && Policies::built_in_looks_at(kind) {
                lock(&self.passed).push(path.clone());
            }
            return None;
        }
        let mut found = Found::new(blob.origin.clone());
        let documents = match parse::parse(kind, blob.bytes) {
            Ok(documents) => documents,
            Err(_) if is_template(kind, blob.bytes) => {
                lock(&self.templates).push(path.to_string());
                return None;
            }
            Err(error) => {
                let why = format!("{}: no {kind} that could be checked", error.located(blob.bytes));
                let fix = "correct it, or leave it out with `exclude` in [policy] of keyward.toml";
                found.problems.push(Problem::new(path.to_string(), why).fix(fix));
                return Some(found);
            }
        };
        if manifest && !again && !self.manifests_in(path, &documents).is_empty() {
            self.expect();
            lock(&self.manifests).push((blob.origin.clone(), blob.bytes.to_vec(), documents.clone()));
        }
        let mut sayings = self.sayings((path, blob.bytes), kind, &documents, &path.to_string(), &mut found.problems);
        if self.governance.combine {
            lock(&self.all).push((blob.origin.clone(), blob.bytes.to_vec(), documents));
        } else if self.tree && policy::may_be_together(blob.bytes) {
            self.keep_together(blob.origin, blob.bytes, &documents);
        }
        self.forget_earlier(blob, path, kind, &mut sayings);
        found.candidates = candidates(self.governance, blob.origin, blob.bytes, sayings, detector);
        (!found.candidates.is_empty() || !found.problems.is_empty()).then_some(found)
    }

    /// Keeps what rules about all files together hear of a file.
    fn keep_together(&self, origin: &Origin, bytes: &[u8], documents: &[Node]) {
        let kept: Vec<Node> = documents.iter().filter_map(policy::together).collect();
        if !kept.is_empty() && self.hears(Input::Together) {
            lock(&self.together).push((origin.clone(), bytes.to_vec(), kept));
        }
    }

    /// False for a file that surely holds no manifest.
    pub(super) fn may_be_manifest(&self, path: &BytePath, kind: Kind, bytes: &[u8]) -> bool {
        matches!(kind, Kind::Yaml | Kind::Json)
            && (manifest::may_be_manifest(bytes) || self.governance.config.names_manifest(path))
    }

    /// The manifests among a file's documents: those that say so, or else all where the configuration names the file.
    pub(super) fn manifests_in<'n>(&self, path: &BytePath, documents: &'n [Node]) -> Vec<&'n Node> {
        let found: Vec<&Node> = documents.iter().filter(|node| manifest::is_manifest(node)).collect();
        if found.is_empty() && self.governance.config.names_manifest(path) {
            return documents.iter().collect();
        }
        found
    }

    fn looks_at(&self, kind: Kind) -> bool {
        self.hears(Input::File(kind))
    }

    /// True when some rule is asked about such documents.
    pub(super) fn hears(&self, input: Input) -> bool {
        self.benches().any(|bench| bench.policies.queries().iter().any(|query| query.hears(input)))
    }

    /// False where surely no rule hears all files together; built-in rules are not loaded for the question.
    pub(super) fn may_hear_together(&self) -> bool {
        let own = |policies: &Policies| policies.queries().iter().any(|query| query.hears(Input::Together));
        let late = self.governance.built_in && self.has_manifest();
        !self.governance.combine && (late || self.governance.policies.is_some_and(own))
    }

    /// The files to look at again, now that the built-in rules are asked.
    pub(super) fn passed(&self) -> HashSet<BytePath> {
        let passed = std::mem::take(&mut *lock(&self.passed));
        if !self.governance.built_in || !self.has_manifest() {
            return HashSet::new();
        }
        self.again.store(true, Ordering::Relaxed);
        passed.into_iter().collect()
    }

    /// Takes out what some parent's version of the file had as well: by content, wherever it stood there.
    fn forget_earlier(&self, blob: &Blob<'_>, path: &BytePath, kind: Kind, sayings: &mut Vec<Saying>) {
        for earlier in blob.earlier {
            if sayings.is_empty() {
                return;
            }
            // An earlier version that could not be read said nothing.
            let Ok(documents) = parse::parse(kind, earlier) else { continue };
            let old = self.sayings((path, earlier), kind, &documents, "", &mut Vec::new());
            let known: HashSet<(&str, &str)> =
                old.iter().map(|old| (old.rule.id.as_str(), old.message.as_str())).collect();
            sayings.retain(|new| !known.contains(&(new.rule.id.as_str(), new.message.as_str())));
        }
    }

    fn sayings(
        &self,
        (path, bytes): (&BytePath, &[u8]),
        kind: Kind,
        documents: &[Node],
        file: &str,
        problems: &mut Vec<Problem>,
    ) -> Vec<Saying> {
        let mut out = Vec::new();
        for document in self.manifests_in(path, documents) {
            let faults = manifest::faults(document, self.governance.limits);
            out.extend(faults.iter().filter_map(|f| fault(document, f, self.governance.config)));
        }
        if self.governance.combine {
            return out;
        }
        let embedded = if self.hears(Input::Embedded) { parse::embedded(kind, bytes, documents) } else { Vec::new() };
        for bench in self.benches() {
            documents.iter().for_each(|node| ask(&bench, Input::File(kind), node, file, &mut out, problems));
            embedded.iter().for_each(|node| ask(&bench, Input::Embedded, node, file, &mut out, problems));
        }
        out
    }

    /// After all files were seen: what policies say of them together, and what could not be checked.
    pub(super) fn close(&self, detector: &Detector, found: &mut Vec<Found>) -> (Vec<String>, Vec<Problem>) {
        let mut notices = Vec::new();
        let mut templates = lock(&self.templates).clone();
        templates.sort();
        templates.dedup();
        if let Some(first) = templates.first() {
            let n = templates.len();
            notices.push(format!(
                "{n} template(s), such as {first}, are no YAML before they are filled in: not checked by policies"
            ));
        }
        let mut problems = Vec::new();
        for (input, reads) in [(Input::Combined, &self.all), (Input::Together, &self.together)] {
            let mut reads = std::mem::take(&mut *lock(reads));
            reads.sort_by(|a, b| a.0.cmp(&b.0));
            let sayings = self.of_all(input, &reads, &mut problems);
            self.tell(&reads, sayings, detector, found);
        }
        (notices, problems)
    }

    /// What rules say of files as one list of `{path, contents}`, with the number of the file that each is about.
    pub(super) fn of_all(&self, input: Input, reads: &[Read], problems: &mut Vec<Problem>) -> Vec<(usize, Saying)> {
        let none = Span::new(0, 0);
        let item = |(origin, _, documents): &Read| -> Vec<Node> {
            let path = origin.path.as_ref().map(ToString::to_string).unwrap_or_default();
            let entry = |name: &str, node: Node| (Key { name: name.into(), span: none }, node);
            let one = |document: &Node| {
                let entries =
                    vec![entry("path", Node::string(path.clone(), none)), entry("contents", document.clone())];
                Node::new(Value::Map(entries), document.span)
            };
            documents.iter().map(one).collect()
        };
        let (files, items): (Vec<usize>, Vec<Node>) =
            reads.iter().enumerate().flat_map(|(n, file)| item(file).into_iter().map(move |i| (n, i))).unzip();
        let Some(first) = items.first().map(|item| item.span) else { return Vec::new() };
        let whole = Node::new(Value::List(items), first);
        let mut sayings = Vec::new();
        let own = |bench: &Bench<'_>| input == Input::Together || self.is_own(bench);
        for bench in self.benches().filter(own) {
            ask(&bench, input, &whole, "all files together", &mut sayings, problems);
        }
        let number = |saying: &Saying| -> Option<usize> {
            let index = saying.at.strip_prefix('[')?.split(']').next()?.parse::<usize>().ok()?;
            files.get(index).copied()
        };
        sayings.into_iter().map(|saying| (number(&saying).unwrap_or(0), saying)).collect()
    }

    fn is_own(&self, bench: &Bench<'_>) -> bool {
        self.governance.policies.is_some_and(|policies| std::ptr::eq(policies, bench.policies))
    }

    /// Adds such sayings to what was found in their files.
    pub(super) fn tell(
        &self,
        reads: &[Read],
        sayings: Vec<(usize, Saying)>,
        detector: &Detector,
        found: &mut Vec<Found>,
    ) {
        let mut by_file: BTreeMap<usize, Vec<Saying>> = BTreeMap::new();
        for (n, saying) in sayings {
            by_file.entry(n).or_default().push(saying);
        }
        for (n, sayings) in by_file {
            if let Some((origin, bytes, _)) = reads.get(n) {
                add(self.governance, (origin, bytes), sayings, detector, found);
            }
        }
    }
}

/// What every rule that hears such a document says of it.
fn ask(
    bench: &Bench<'_>,
    input: Input,
    document: &Node,
    file: &str,
    out: &mut Vec<Saying>,
    problems: &mut Vec<Problem>,
) {
    let mut judge = lock(bench.idle).pop().unwrap_or_else(|| bench.policies.judge());
    judge.hear(document);
    for query in bench.policies.queries().iter().filter(|query| query.hears(input)) {
        if input != Input::Together && input != Input::Combined && !query.speaks_of(document) {
            continue;
        }
        let denials = match judge.ask(query) {
            Ok(denials) => denials,
            Err(why) => {
                let what = format!("policy {}.{} on {file}", query.package, query.rule);
                problems.push(Problem::new(what, why));
                continue;
            }
        };
        for denial in &denials {
            let place = judge.locate(query, document, denial);
            out.push(Saying {
                rule: Arc::clone(&query.meta),
                message: denial.message.clone(),
                at: parse::shown(&place.path),
                span: place.span,
                approximate: !place.exact,
                usual: if query.verdict == Verdict::Warn { Enforcement::Advisory } else { Enforcement::Soft },
                note: None,
            });
        }
        if !denials.is_empty() {
            judge.hear(document);
        }
    }
    lock(bench.idle).push(judge);
}

/// Helm's and Jinja's templates: YAML only once they are filled in.
fn is_template(kind: Kind, bytes: &[u8]) -> bool {
    matches!(kind, Kind::Yaml | Kind::Json)
        && (memchr::memmem::find(bytes, b"{{").is_some() || memchr::memmem::find(bytes, b"{%").is_some())
}
