//! Manifests and policies as a check of one blob: parse it once, ask both, keep what its earlier versions had not.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::Config;
use crate::detect::Detector;
use crate::manifest;
use crate::model::lines::Lines;
use crate::model::{
    Blob, Candidate, Claim, Confidence, Enforcement, Found, Fresh, Note, Origin, Problem, RuleMeta, Secret, Snippet,
    Span,
};
use crate::parse::{self, Key, Kind, Node, Value};
use crate::policy::{Judge, Policies, Verdict};

/// What files are held against beside the secret rules.
#[derive(Clone, Copy, Debug)]
pub struct Governance<'a> {
    /// Policies; none: only manifests are looked at.
    pub policies: Option<&'a Policies>,
    /// What manifests are held against.
    pub limits: &'a manifest::Limits,
    /// Excluded paths and enforcement.
    pub config: &'a Config,
    /// All files of the run as one input.
    pub combine: bool,
}

/// What was said about one place of a file, before it is known whether that is new.
struct Saying {
    rule: Arc<RuleMeta>,
    message: String,
    at: String,
    span: Span,
    approximate: bool,
    usual: Enforcement,
}

/// A file that was parsed: where it is from, its bytes, its documents.
type Read = (Origin, Vec<u8>, Vec<Node>);

/// What the threads of one run share.
pub(super) struct Desk<'a> {
    governance: &'a Governance<'a>,
    /// Judges that nobody uses just now: making one copies the engine.
    idle: Mutex<Vec<Judge<'a>>>,
    /// For `combine`: every document, with the file it is from.
    all: Mutex<Vec<Read>>,
    /// Every manifest, for what must be unique among them.
    manifests: Mutex<Vec<Read>>,
    /// Templates that are no YAML before they are filled in.
    templates: Mutex<Vec<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Desk<'a> {
    pub(super) fn new(governance: &'a Governance<'a>) -> Self {
        Self {
            governance,
            idle: Mutex::default(),
            all: Mutex::default(),
            manifests: Mutex::default(),
            templates: Mutex::default(),
        }
    }

    /// Adds to `secrets` what manifests and policies say of the blob that none of its earlier versions had.
    pub(super) fn look(&self, blob: &Blob<'_>, detector: &Detector, secrets: Option<Found>) -> Option<Found> {
        let Some(said) = self.said(blob, detector) else { return secrets };
        // Inline comments are read by the detector, which was not asked where only this check runs.
        let mut found = secrets.or_else(|| detector.scan(blob).map(|seen| Found { candidates: Vec::new(), ..seen }));
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
        let path = blob.origin.path.as_ref()?;
        let kind = Kind::of(path)?;
        if blob.fresh.is_nothing() || self.governance.config.policy_excludes(path) {
            return None;
        }
        let manifest = matches!(kind, Kind::Yaml | Kind::Json) && manifest::may_be_manifest(blob.bytes);
        if !manifest && !self.looks_at(kind) {
            return None;
        }
        let mut found =
            Found { origin: blob.origin.clone(), candidates: Vec::new(), marks: Vec::new(), problems: Vec::new() };
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
        if manifest && documents.iter().any(manifest::is_manifest) {
            lock(&self.manifests).push((blob.origin.clone(), blob.bytes.to_vec(), documents.clone()));
        }
        let mut sayings = self.sayings(kind, &documents, path.to_string(), &mut found.problems);
        if self.governance.combine {
            lock(&self.all).push((blob.origin.clone(), blob.bytes.to_vec(), documents));
        }
        self.forget_earlier(blob, kind, &mut sayings);
        found.candidates = self.candidates(blob.origin, blob.bytes, sayings, detector);
        (!found.candidates.is_empty() || !found.problems.is_empty()).then_some(found)
    }

    fn looks_at(&self, kind: Kind) -> bool {
        self.governance.policies.is_some_and(|policies| policies.queries().iter().any(|query| query.looks_at(kind)))
    }

    /// Takes out what some parent's version of the file had as well: by content, wherever it stood there.
    fn forget_earlier(&self, blob: &Blob<'_>, kind: Kind, sayings: &mut Vec<Saying>) {
        for earlier in blob.earlier {
            if sayings.is_empty() {
                return;
            }
            // An earlier version that could not be read said nothing.
            let Ok(documents) = parse::parse(kind, earlier) else { continue };
            let old = self.sayings(kind, &documents, String::new(), &mut Vec::new());
            let known: HashSet<(&str, &str)> =
                old.iter().map(|old| (old.rule.id.as_str(), old.message.as_str())).collect();
            sayings.retain(|new| !known.contains(&(new.rule.id.as_str(), new.message.as_str())));
        }
    }

    fn sayings(&self, kind: Kind, documents: &[Node], file: String, problems: &mut Vec<Problem>) -> Vec<Saying> {
        let mut out = Vec::new();
        for document in documents.iter().filter(|node| manifest::is_manifest(node)) {
            out.extend(
                manifest::faults(document, self.governance.limits)
                    .into_iter()
                    .filter_map(|f| fault(document, &f, self.governance.config)),
            );
        }
        let Some(policies) = self.governance.policies.filter(|_| !self.governance.combine) else { return out };
        let mut judge = lock(&self.idle).pop().unwrap_or_else(|| policies.judge());
        for document in documents {
            self.ask(policies, &mut judge, Some(kind), document, &file, &mut out, problems);
        }
        lock(&self.idle).push(judge);
        out
    }

    #[allow(clippy::too_many_arguments)]
    fn ask(
        &self,
        policies: &Policies,
        judge: &mut Judge<'a>,
        kind: Option<Kind>,
        document: &Node,
        file: &str,
        out: &mut Vec<Saying>,
        problems: &mut Vec<Problem>,
    ) {
        judge.hear(document);
        for query in policies.queries() {
            if kind.is_some_and(|kind| !query.looks_at(kind)) {
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
                });
            }
            if !denials.is_empty() {
                judge.hear(document);
            }
        }
    }

    /// After all files were seen: what policies say of them together, and what could not be checked.
    pub(super) fn close(self, detector: &Detector, found: &mut Vec<Found>) -> Vec<String> {
        let mut notices = Vec::new();
        let mut templates = lock(&self.templates).clone();
        templates.sort();
        if let Some(first) = templates.first() {
            let n = templates.len();
            notices.push(format!(
                "{n} template(s), such as {first}, are no YAML before they are filled in: not checked by policies"
            ));
        }
        let mut all = std::mem::take(&mut *lock(&self.all));
        all.sort_by(|a, b| a.0.cmp(&b.0));
        self.combined(&all, detector, found);
        let mut manifests = std::mem::take(&mut *lock(&self.manifests));
        manifests.sort_by(|a, b| a.0.cmp(&b.0));
        self.identities(&manifests, detector, found);
        notices
    }

    /// conftest's `--combine`: one list of `{path, contents}`.
    fn combined(&self, all: &[Read], detector: &Detector, found: &mut Vec<Found>) {
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
        let items: Vec<(usize, Node)> =
            all.iter().enumerate().flat_map(|(n, file)| item(file).into_iter().map(move |i| (n, i))).collect();
        let Some((_, first)) = items.first() else { return };
        let files: Vec<usize> = items.iter().map(|(n, _)| *n).collect();
        let whole = Node::new(Value::List(items.iter().map(|(_, item)| item.clone()).collect()), first.span);
        let (mut sayings, mut problems) = (Vec::new(), Vec::new());
        let Some(policies) = self.governance.policies else { return };
        let mut judge = policies.judge();
        self.ask(policies, &mut judge, None, &whole, "all files together", &mut sayings, &mut problems);
        for saying in sayings {
            let index = saying.at.strip_prefix('[').and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
            let Some((origin, bytes, _)) = all.get(index.and_then(|index| files.get(index).copied()).unwrap_or(0))
            else {
                continue;
            };
            self.add(origin, bytes, saying, detector, found);
        }
        if let (false, Some((origin, ..))) = (problems.is_empty(), all.first()) {
            found.push(Found { origin: origin.clone(), candidates: Vec::new(), marks: Vec::new(), problems });
        }
    }

    /// Adds a saying to what was found in its file.
    fn add(&self, origin: &Origin, bytes: &[u8], saying: Saying, detector: &Detector, found: &mut Vec<Found>) {
        let candidates = self.candidates(origin, bytes, vec![saying], detector);
        let at = found.partition_point(|there| there.origin < *origin);
        if found.get(at).is_none_or(|there| there.origin != *origin) {
            let blob = Blob { origin, bytes, fresh: &Fresh::All, former_path: None, earlier: &[] };
            let marks = detector.scan(&blob).map(|seen| seen.marks).unwrap_or_default();
            let origin = origin.clone();
            found.insert(at, Found { origin, candidates: Vec::new(), marks, problems: Vec::new() });
        }
        if let Some(there) = found.get_mut(at) {
            there.candidates.extend(candidates);
        }
    }

    /// Two manifests of this run, at different paths, whose apps run as the same identity.
    fn identities(&self, manifests: &[Read], detector: &Detector, found: &mut Vec<Found>) {
        let mut known: HashMap<&str, &Origin> = HashMap::new();
        for (origin, bytes, documents) in manifests {
            for document in documents.iter().filter(|node| manifest::is_manifest(node)) {
                let Some(subject) = manifest::identity(document) else { continue };
                match known.get(subject) {
                    // The same file in several commits of a range is one manifest.
                    Some(other) if other.path != origin.path => {
                        let there = other.path.as_ref().map(ToString::to_string).unwrap_or_default();
                        let path =
                            ["spec", "governance", "identity", "subject"].map(|name| parse::Step::Key(name.into()));
                        let message = format!("{subject} is the identity of {there} too");
                        let fault_ = manifest::Fault { rule: "manifest-identity", path: path.to_vec(), message };
                        if let Some(saying) = fault(document, &fault_, self.governance.config) {
                            self.add(origin, bytes, saying, detector, found);
                        }
                    }
                    Some(_) => {}
                    None => {
                        known.insert(subject, origin);
                    }
                }
            }
        }
    }

    /// Sayings as candidates, each secret on their lines masked.
    fn candidates(&self, origin: &Origin, bytes: &[u8], sayings: Vec<Saying>, detector: &Detector) -> Vec<Candidate> {
        if sayings.is_empty() {
            return Vec::new();
        }
        let blob = Blob { origin, bytes, fresh: &Fresh::All, former_path: None, earlier: &[] };
        let secrets = detector.scan(&blob).map(|found| found.candidates).unwrap_or_default();
        let secrets: Vec<(Span, &Secret)> =
            secrets.iter().filter(|seen| seen.dropped.is_none()).map(|seen| (seen.span, &seen.secret)).collect();
        let lines = Lines::new(bytes, if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 });
        let config = self.governance.config;
        let mut out: Vec<Candidate> = sayings
            .into_iter()
            .map(|saying| {
                let level = config.enforcement(&saying.rule.id, origin.path.as_ref()).unwrap_or(saying.usual);
                candidate(bytes, &lines, saying, level, &secrets)
            })
            .collect();
        out.sort_by(|a, b| (a.span, &a.rule.id).cmp(&(b.span, &b.rule.id)));
        out
    }
}

/// What a manifest's fault says, at its place; nothing where the configuration disables its rule.
fn fault(document: &Node, fault: &manifest::Fault, config: &Config) -> Option<Saying> {
    let choice = &config.choice;
    if choice.disable.iter().any(|id| id.name == fault.rule) {
        return None;
    }
    let rule = manifest::rules().iter().find(|rule| rule.meta.id == fault.rule)?;
    let severity = choice.severity.iter().find(|(id, _)| id.name == fault.rule).map(|(_, severity)| *severity);
    let meta = match severity {
        Some(severity) => Arc::new(RuleMeta { severity, ..(*rule.meta).clone() }),
        None => Arc::clone(&rule.meta),
    };
    Some(Saying {
        rule: meta,
        message: fault.message.clone(),
        at: parse::shown(&fault.path),
        span: document.place(&fault.path),
        approximate: false,
        usual: if rule.advisory { Enforcement::Advisory } else { Enforcement::Soft },
    })
}

/// Bytes of a line shown.
const SHOWN: usize = 200;

fn candidate(
    bytes: &[u8],
    lines: &Lines,
    saying: Saying,
    enforcement: Enforcement,
    secrets: &[(Span, &Secret)],
) -> Candidate {
    let span = Span::new(saying.span.start.min(bytes.len()), saying.span.end.min(bytes.len()));
    let line = lines.span(lines.index(span.start)).unwrap_or(span);
    let text = String::from_utf8_lossy(line.of(bytes)).trim_end().chars().take(SHOWN).collect::<String>();
    let window = Span::new(line.start, line.start + text.len());
    let on_line: Vec<(Span, &Secret)> = secrets
        .iter()
        .filter(|(place, _)| place.overlaps(&window))
        .map(|(place, secret)| {
            let within = |at: usize| at.clamp(window.start, window.end) - window.start;
            (Span::new(within(place.start), within(place.end)), *secret)
        })
        .collect();
    let mut message = saying.message;
    for (_, secret) in secrets {
        if let Ok(value) = std::str::from_utf8(secret.reveal())
            && value.len() >= 4
        {
            message = message.replace(value, &secret.masked());
        }
    }
    let mut positions = lines.positions(bytes, &[span.start, span.end]).into_iter();
    let start = positions.next().unwrap_or(crate::model::Position { line: 1, column: 1, column_utf16: 1 });
    let notes = if saying.approximate {
        vec![Note(
            "the line is approximate: the rule names no place, and no single part of the file accounts for it".into(),
        )]
    } else {
        Vec::new()
    };
    Candidate {
        rule: saying.rule,
        secret: Secret::new(b"", 0),
        claim: Some(Claim { message, at: saying.at, approximate: saying.approximate, enforcement }),
        span,
        evidence: vec![span],
        start,
        end: positions.next().unwrap_or(start),
        confidence: Confidence::High,
        notes,
        related: Vec::new(),
        snippet: Snippet::new(text.as_bytes(), Span::new(0, 0), &on_line),
        guessable: false,
        dropped: None,
        paths: Vec::new(),
        features: Vec::new(),
    }
}

/// Helm's and Jinja's templates: YAML only once they are filled in.
fn is_template(kind: Kind, bytes: &[u8]) -> bool {
    matches!(kind, Kind::Yaml | Kind::Json)
        && (memchr::memmem::find(bytes, b"{{").is_some() || memchr::memmem::find(bytes, b"{%").is_some())
}
