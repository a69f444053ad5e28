//! Histories, with git as the oracle: what is shown, who introduced it, and what is refused.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use keyward::config::PathFilter;
use keyward::git::Repo as GitRepo;
use keyward::model::*;
use keyward::pack::Past;
use keyward::place::{HistoryRules, Placed, history as place};
use keyward::source::{HistoryOptions, Limits, SourceError, Witness, history};

use crate::common::made_up;
use crate::common::repo::{Repo, frozen};

const PLAIN: HistoryOptions =
    HistoryOptions { all_objects: false, allow_shallow: false, allow_missing: false, no_cache: false };
const ALL: HistoryOptions = HistoryOptions { all_objects: true, ..PLAIN };

/// What a scan showed.
struct Shown {
    blobs: Vec<(Origin, Vec<u8>)>,
    survey: Survey,
    past: Past,
}

/// Keeps what is shown, and holds what is said of bases against them.
#[derive(Default)]
struct Keeper(Mutex<Vec<(Origin, Vec<u8>)>>);

impl Witness for Keeper {
    type Evidence = Vec<u8>;

    fn show(&self, blob: &Blob<'_>, base: Option<(&Vec<u8>, &[Copied])>, _: bool) -> Option<Vec<u8>> {
        assert_eq!(blob.fresh, &Fresh::All);
        let mut at = 0;
        for run in base.iter().flat_map(|(_, runs)| *runs) {
            assert!(run.to >= at && run.len > 0, "runs come in order");
            at = run.to + run.len;
            let base = base.unwrap().0;
            assert_eq!(base[run.from..run.from + run.len], blob.bytes[run.to..at], "a run is the same in both");
        }
        self.0.lock().unwrap().push((blob.origin.clone(), blob.bytes.to_vec()));
        Some(blob.bytes.to_vec())
    }

    fn told(&self) -> HashSet<ObjectId> {
        self.0.lock().unwrap().iter().filter_map(|(origin, _)| origin.object).collect()
    }
}

impl Shown {
    fn ids(&self) -> BTreeSet<String> {
        let blobs = self.blobs.iter().filter(|(origin, _)| origin.kind == OriginKind::History);
        blobs.map(|(origin, _)| origin.object.unwrap().to_string()).collect()
    }

    fn texts(&self, kind: OriginKind) -> BTreeSet<String> {
        let texts = self.blobs.iter().filter(|(origin, _)| origin.kind == kind);
        texts.map(|(_, bytes)| String::from_utf8_lossy(bytes).trim_end().to_owned()).collect()
    }

    fn holds(&self, needle: &str) -> bool {
        self.blobs.iter().any(|(_, bytes)| memchr::memmem::find(bytes, needle.as_bytes()).is_some())
    }
}

fn open(path: &Path) -> Result<GitRepo, SourceError> {
    GitRepo::discover(path)?.ok_or_else(|| SourceError::Nothing("no repository".into()))
}

fn try_scan(path: &Path, options: HistoryOptions, max_file_size: u64) -> Result<Shown, SourceError> {
    let (keeper, exclude) = (Keeper::default(), PathFilter::default());
    let limits = Limits { max_file_size, exclude: &exclude, clock: Clock::default() };
    let shown = history(&open(path)?, options, limits, &keeper, None)?.unwrap();
    let (survey, past) = (shown.survey, shown.past);
    let mut blobs = keeper.0.into_inner().unwrap();
    let reached = |origin: &Origin| past.reaches(past.objects.find(&origin.object.or(origin.commit).unwrap()).unwrap());
    blobs.retain(|(origin, _)| options.all_objects || reached(origin));
    Ok(Shown { blobs, survey, past })
}

fn scan(path: &Path, options: HistoryOptions) -> Shown {
    try_scan(path, options, 1 << 20).unwrap()
}

fn refusal(path: &Path, options: HistoryOptions) -> String {
    match try_scan(path, options, 1 << 20) {
        Ok(_) => panic!("was not refused"),
        Err(error) => error.to_string(),
    }
}

/// A stand-in for the detector: every occurrence of a needle, by the rule of its number.
fn look(shown: &Shown, needles: &[&str]) -> Vec<Found> {
    let mut found = Vec::new();
    for (origin, bytes) in &shown.blobs {
        let mut candidates = Vec::new();
        for (number, needle) in needles.iter().enumerate() {
            for at in memchr::memmem::find_iter(bytes, needle.as_bytes()) {
                let span = Span::new(at, at + needle.len());
                let line = 1 + bytes[..at].iter().filter(|b| **b == b'\n').count() as u32;
                candidates.push(candidate(&format!("rule-{number}"), bytes, span, line));
            }
        }
        let marks = if bytes.windows(13).any(|w| w == b"keyward:allow") {
            let (scope, syntax) = (MarkScope::AnyRule, "keyward:allow");
            vec![Mark { line: 1, covers: (1, 1), scope, syntax, reason: None, fresh: true }]
        } else {
            Vec::new()
        };
        found.push(Found { candidates, marks, ..Found::new(origin.clone()) });
    }
    found
}

fn candidate(rule: &str, bytes: &[u8], span: Span, line: u32) -> Candidate {
    let text = String::new;
    let rule = RuleMeta {
        id: rule.into(),
        name: text(),
        provider: text(),
        severity: Severity::High,
        why: text(),
        fix: text(),
        link: text(),
        generic: false,
    };
    let at = |column: usize| {
        let column = u32::try_from(column).unwrap();
        Position { line, column, column_utf16: column }
    };
    Candidate {
        claim: None,
        decoded: Vec::new(),
        encoded: None,
        rule: Arc::new(rule),
        secret: Secret::new(span.of(bytes), 0),
        span,
        whole: span,
        start: at(span.start + 1),
        end: at(span.end + 1),
        confidence: Confidence::High,
        notes: Notes::default(),
        related: Vec::new(),
        snippet: Snippet::default(),
        guessable: false,
        dropped: None,
        paths: Vec::new(),
        features: Arc::default(),
    }
}

fn placed_by(path: &Path, shown: &Shown, needles: &[&str], rules: &HistoryRules<'_>) -> Placed {
    place(&open(path).unwrap(), &shown.past, look(shown, needles), rules)
}

/// Scans and places with no path condition; panics unless there is one sighting for each needle.
fn sightings(path: &Path, options: HistoryOptions, needles: &[&str]) -> Vec<Sighting> {
    let rules = HistoryRules {
        all_objects: options.all_objects,
        exclude: &|_| false,
        applies: &|_, _| true,
        decider: &|| Box::new(|_, _, _| {}),
    };
    let placed = placed_by(path, &scan(path, options), needles, &rules);
    assert!(placed.excluded.is_empty());
    let mut sightings = placed.sightings;
    sightings.sort_by_key(|sighting| sighting.candidate.rule.id[5..].parse::<usize>().unwrap());
    assert_eq!(sightings.len(), needles.len());
    sightings
}

fn introducer(sighting: &Sighting) -> String {
    sighting.placement.introduced.as_ref().unwrap().id.to_string()
}

fn paths(sighting: &Sighting) -> Vec<String> {
    sighting.placement.paths.iter().map(ToString::to_string).collect()
}

fn secret(seed: u64) -> String {
    made_up("tok_[a-z0-9]{24}", seed)
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty())
}

/// git's answer: all objects of a kind, reachable or not.
fn of_kind(repo: &Repo, kind: &str, which: &[&str]) -> BTreeSet<String> {
    let ids: Vec<String> = if which.is_empty() {
        lines(&repo.git(&["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"])).map(Into::into).collect()
    } else {
        let args = [&["rev-list", "--objects", "--no-object-names"], which].concat();
        lines(&repo.git(&args)).map(Into::into).collect()
    };
    let mut check = frozen(Command::new("git"), 1_700_000_000)
        .current_dir(repo.path())
        .args(["cat-file", "--batch-check=%(objecttype) %(objectname)"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = check.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all((ids.join("\n") + "\n").as_bytes()).unwrap());
    let out = check.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    lines(&text).filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' ')).map(Into::into).collect()
}

/// Every object once, with the bytes that git has for it.
fn equals_git(repo: &Repo, shown: &Shown, which: &[&str]) {
    assert_eq!(shown.ids(), of_kind(repo, "blob", which));
    assert_eq!(shown.ids().len() as u64, shown.survey.coverage.blobs - shown.survey.coverage.messages, "each once");
    let blobs: Vec<_> = shown.blobs.iter().filter(|(origin, _)| origin.kind == OriginKind::History).collect();
    std::fs::create_dir_all(repo.join(".git/oracle")).unwrap();
    let mut hash = vec!["hash-object".to_owned(), "--no-filters".into()];
    for (number, (origin, bytes)) in blobs.iter().enumerate() {
        assert_eq!((&origin.path, origin.commit), (&None, None));
        hash.push(format!(".git/oracle/{number}"));
        std::fs::write(repo.join(&hash[hash.len() - 1]), bytes).unwrap();
    }
    let hashed = repo.git(&hash.iter().map(String::as_str).collect::<Vec<_>>());
    let told: Vec<String> = blobs.iter().map(|(origin, _)| origin.object.unwrap().to_string()).collect();
    assert_eq!(lines(&hashed).collect::<Vec<_>>(), told);

    let messages = shown.blobs.iter().filter(|(origin, _)| origin.kind == OriginKind::CommitMessage);
    let told: BTreeMap<String, &Vec<u8>> = messages.map(|(o, text)| (o.commit.unwrap().to_string(), text)).collect();
    assert_eq!(told.keys().cloned().collect::<BTreeSet<_>>(), of_kind(repo, "commit", which));
    for (id, text) in told.iter().take(5) {
        assert_eq!(repo.git(&["log", "-1", "--format=%B", id]).trim_end(), String::from_utf8_lossy(text).trim_end());
    }
}

/// The introducer and all paths of whatever holds each needle, by listing every commit's tree.
fn brute_force(repo: &Repo, needles: &[&str]) -> Vec<(String, BTreeSet<String>)> {
    let log = repo.git(&["log", "--all", "--format=%H %ct %P", "HEAD"]);
    let mut waiting: Vec<(i64, String, Vec<String>)> = lines(&log)
        .map(|line| {
            let mut words = line.split(' ');
            let (id, time) = (words.next().unwrap(), words.next().unwrap());
            (time.parse().unwrap(), id.into(), words.filter(|w| !w.is_empty()).map(Into::into).collect())
        })
        .collect();
    waiting.sort();
    let mut done = BTreeSet::new();
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let mut answers = vec![(String::new(), BTreeSet::new()); needles.len()];
    while !waiting.is_empty() {
        let next = waiting.iter().position(|(_, _, parents)| parents.iter().all(|p| done.contains(p))).unwrap();
        let (_, commit, _) = waiting.remove(next);
        for line in repo.git(&["ls-tree", "-r", "-z", "--full-tree", &commit]).split('\0').filter(|l| !l.is_empty()) {
            let (head, path) = line.split_once('\t').unwrap();
            let blob = head.split(' ').nth(2).unwrap();
            let text = texts.entry(blob.into()).or_insert_with(|| repo.git(&["cat-file", "blob", blob]));
            for (needle, (first, paths)) in needles.iter().zip(&mut answers) {
                if text.contains(needle) {
                    paths.insert(path.to_owned());
                    if first.is_empty() {
                        first.clone_from(&commit);
                    }
                }
            }
        }
        done.insert(commit);
    }
    answers
}

fn agrees_with_brute_force(repo: &Repo, needles: &[&str]) {
    let answers = brute_force(repo, needles);
    for (sighting, (first, all)) in sightings(repo.path(), PLAIN, needles).iter().zip(answers) {
        assert_eq!(introducer(sighting), first);
        assert_eq!(paths(sighting), all.into_iter().collect::<Vec<_>>());
        assert_eq!(sighting.origin.commit.unwrap().to_string(), first);
        let own = format!("{first}:{}", sighting.origin.path.as_ref().unwrap());
        assert_eq!(repo.git(&["rev-parse", &own]), sighting.origin.object.unwrap().to_string());
        let occurrences = &sighting.placement.occurrences;
        assert_eq!(occurrences[0].object, sighting.origin.object.unwrap());
        assert!(occurrences[1..].is_sorted());
        assert_eq!(sighting.marks.len(), occurrences.len());
        assert!(!sighting.placement.unreachable);
    }
}

/// Feeds a made-up history to `git fast-import`: branches, merges of up to three parents that take content from
/// nowhere, renames, deletions, equal dates and clocks that run backwards.
fn random_history(seed: u64, commits: u64, needles: &[&str]) -> Repo {
    let repo = Repo::new();
    let mut dice = keyward::rule::pattern::Seed::new(seed);
    let mut stream = Vec::new();
    for n in 1..=commits {
        let date = 1_700_000_000 + 60 * (n / 3) - 500 * (dice.below(8) / 7);
        let who = format!("A U Thor <a@example.com> {date} +0100");
        write!(stream, "commit refs/heads/b{n}\nmark :{n}\nauthor {who}\ncommitter {who}\n").unwrap();
        let message = format!("change {n}");
        write!(stream, "data {}\n{message}\n", message.len()).unwrap();
        let near = |dice: &mut keyward::rule::pattern::Seed| n - 1 - dice.below((n - 1).min(6));
        if n > 1 && dice.below(40) > 0 {
            writeln!(stream, "from :{}", near(&mut dice)).unwrap();
            for _ in 0..dice.below(8).saturating_sub(5) {
                writeln!(stream, "merge :{}", near(&mut dice)).unwrap();
            }
        }
        for _ in 0..=dice.below(3) {
            let path = format!("d{}/e{}/f{}", dice.below(3), dice.below(2), dice.below(4));
            if dice.below(6) == 0 {
                writeln!(stream, "D {path}").unwrap();
                continue;
            }
            let mut text = format!("version {}\n", dice.below(commits));
            if dice.below(4) == 0 {
                text += needles[dice.below(needles.len() as u64) as usize];
                text += "\n";
            }
            write!(stream, "M 100644 inline {path}\ndata {}\n{text}\n", text.len()).unwrap();
        }
    }
    import(&repo, &stream);
    repo.git(&["symbolic-ref", "HEAD", &format!("refs/heads/b{commits}")]);
    repo
}

fn import(repo: &Repo, stream: &[u8]) {
    let mut import = frozen(Command::new("git"), 1_700_000_000)
        .current_dir(repo.path())
        .args(["fast-import", "--quiet", "--force", "--date-format=raw-permissive"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    import.stdin.take().unwrap().write_all(stream).unwrap();
    assert!(import.wait().unwrap().success());
}

fn git_at(repo: &Repo, date: u64, args: &[&str]) -> String {
    let out = frozen(Command::new("git"), date).current_dir(repo.path()).args(args).output().unwrap();
    assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim_end().to_owned()
}

fn commit_at(repo: &Repo, date: u64) -> String {
    git_at(repo, date, &["add", "-A"]);
    git_at(repo, date, &["commit", "-q", "--allow-empty", "-m", "dated"]);
    repo.git(&["rev-parse", "HEAD"])
}

#[test]
fn random_histories_are_shown_and_placed_as_git_has_them() {
    let needles: Vec<String> = (0..4).map(secret).collect();
    let needles: Vec<&str> = needles.iter().map(String::as_str).collect();
    for seed in 1..=3 {
        let repo = random_history(seed, 90, &needles);
        equals_git(&repo, &scan(repo.path(), PLAIN), &["--all", "HEAD"]);
        agrees_with_brute_force(&repo, &needles);
    }
}

#[test]
fn a_delta_chain_whose_base_is_the_newest_blob_hides_nothing() {
    let repo = Repo::new();
    let mut text: Vec<String> = (0..200).map(|n| format!("line {n} {}", made_up("[a-z]{40}", n))).collect();
    let needle = secret(1);
    let mut introduced = String::new();
    for version in 0..40 {
        text[version * 5] = format!("changed in {version}: {}", made_up("[a-z]{40}", version as u64 + 1_000));
        text.push(format!("added in {version}"));
        let mut now = text.clone();
        if (12..14).contains(&version) {
            now.insert(100, needle.clone());
        }
        repo.write("grows", now.join("\n"));
        let commit = repo.commit(&format!("version {version}"));
        if version == 12 {
            introduced = commit;
        }
    }
    repo.git(&["gc", "-q", "--aggressive"]);
    let pack = repo.git(&["rev-parse", "--git-path", "objects/pack"]);
    let index = std::fs::read_dir(repo.join(&pack))
        .unwrap()
        .find_map(|e| Some(e.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "idx")));
    let report = repo.git(&["verify-pack", "-v", index.unwrap().to_str().unwrap()]);
    assert!(report.contains("chain length = 10"), "the chains are deep: {report}");
    let newest = repo.git(&["rev-parse", "HEAD:grows"]);
    let whole = lines(&report).find(|line| line.starts_with(&newest)).unwrap();
    assert_eq!(whole.split_whitespace().count(), 5, "the newest version is a base: {whole}");

    equals_git(&repo, &scan(repo.path(), PLAIN), &["--all"]);
    let sighting = &sightings(repo.path(), PLAIN, &[&needle])[0];
    assert_eq!(introducer(sighting), introduced);
    assert_eq!(sighting.placement.occurrences.len(), 2);
}

#[test]
fn loose_objects_several_packs_alternates_and_bare_repositories_are_read() {
    let repo = Repo::new();
    let needles: Vec<String> = (10..14).map(secret).collect();
    for (n, needle) in needles.iter().enumerate().take(3) {
        repo.write(&format!("f{n}"), needle).commit("more");
        if n < 2 {
            repo.git(&["repack", "-q", "-d"]);
        }
    }
    let all: Vec<&str> = needles.iter().map(String::as_str).collect();
    agrees_with_brute_force(&repo, &all[..3]);

    let other = Repo::new();
    let clone = other.join("clone");
    other.git(&["clone", "-q", "--shared", repo.path().to_str().unwrap(), clone.to_str().unwrap()]);
    std::fs::write(clone.join("own"), all[3]).unwrap();
    let git = |args: &[&str]| {
        let out = frozen(Command::new("git"), 1_800_000_000).current_dir(&clone).args(args).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    };
    git(&["add", "own"]);
    git(&["commit", "-q", "-m", "own"]);
    assert_eq!(sightings(&clone, PLAIN, &all).len(), 4, "borrowed and own objects");

    let bare = other.join("bare.git");
    other.git(&["clone", "-q", "--bare", clone.to_str().unwrap(), bare.to_str().unwrap()]);
    assert_eq!(sightings(&bare, PLAIN, &all).len(), 4);
}

#[test]
fn pack_indexes_of_version_1_and_multi_pack_indexes_are_read() {
    let repo = Repo::new();
    let needles: Vec<String> = (40..43).map(secret).collect();
    for (n, needle) in needles.iter().enumerate() {
        let noise: Vec<String> = (0..20).map(|line| made_up("[a-z]{50}", line)).collect();
        repo.write("file", format!("{}\n{needle}\n", noise.join("\n"))).commit(&format!("commit {n}"));
        repo.git(&["-c", "pack.indexVersion=1", "repack", "-q", "-d"]);
    }
    let indexes = || {
        let files = std::fs::read_dir(repo.join(".git/objects/pack")).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|e| e == "idx")).collect::<Vec<_>>()
    };
    assert!(indexes().iter().all(|path| !std::fs::read(path).unwrap().starts_with(b"\xfftOc")), "version 1");
    let shown = scan(repo.path(), PLAIN);
    equals_git(&repo, &shown, &["--all"]);
    assert!(needles.iter().all(|needle| shown.holds(needle)));
    repo.git(&["multi-pack-index", "write"]);
    assert_eq!(indexes().len(), 3);
    // git itself wants the indexes beside it; whoever has only the one still has the objects.
    indexes().iter().for_each(|path| std::fs::remove_file(path).unwrap());
    let again = scan(repo.path(), PLAIN);
    assert_eq!(again.survey.problems, []);
    assert_eq!(again.ids(), shown.ids());
    assert_eq!(again.texts(OriginKind::CommitMessage), shown.texts(OriginKind::CommitMessage));
}

#[test]
fn stashes_notes_remotes_and_detached_heads_of_worktrees_are_history() {
    let repo = Repo::new();
    let needles: Vec<String> = (20..25).map(secret).collect();
    let [stashed, untracked, noted, detached, remote] = [0, 1, 2, 3, 4].map(|n: usize| needles[n].as_str());
    repo.write("f", "first\n").commit("first");
    repo.write("f", stashed).write("new", untracked).git(&["stash", "-q", "--include-untracked"]);
    repo.git(&["notes", "add", "-m", noted]);
    repo.git(&["worktree", "add", "-q", "--detach", "linked"]);
    std::fs::write(repo.join("linked/g"), detached).unwrap();
    repo.git(&["-C", "linked", "add", "g"]);
    repo.git(&["-C", "linked", "commit", "-q", "-m", "nobody's branch"]);
    repo.git(&["checkout", "-q", "-b", "gone"]);
    repo.write("h", remote).git(&["add", "h"]);
    repo.git(&["commit", "-q", "-m", "theirs"]);
    repo.git(&["update-ref", "refs/remotes/origin/x", "HEAD"]);
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["branch", "-q", "-D", "gone"]);
    for place in [repo.path().to_owned(), repo.join("linked")] {
        let found = sightings(&place, PLAIN, &[stashed, untracked, noted, detached, remote]);
        assert!(found.iter().all(|sighting| sighting.placement.introduced.is_some()));
        assert_eq!(paths(&found[3]), ["g"]);
    }
}

#[test]
fn what_only_the_reflog_knows_is_shown_with_all_objects_and_marked() {
    let repo = Repo::new();
    let (amended, dangling, message) = (secret(30), secret(31), secret(32));
    repo.write("f", "first\n").commit("first");
    repo.write("dir/f", &amended).commit(&message);
    repo.git(&["reset", "-q", "--hard", "HEAD~"]);
    std::fs::write(repo.join(".git/loose"), &dangling).unwrap();
    repo.git(&["hash-object", "-w", ".git/loose"]);

    let plain = scan(repo.path(), PLAIN);
    equals_git(&repo, &plain, &["--all"]);
    assert!(!plain.holds(&amended) && !plain.holds(&message));
    equals_git(&repo, &scan(repo.path(), ALL), &[]);
    let found = sightings(repo.path(), ALL, &[&amended, &dangling, &message]);
    for sighting in &found {
        assert!(sighting.placement.unreachable);
        assert_eq!(sighting.placement.introduced, None);
    }
    assert_eq!(paths(&found[0]), ["dir/f"], "the commit is gone, but what it called the file helps");
    assert_eq!(found[0].origin.path, Some(BytePath::new("dir/f")));
    assert_eq!(found[1].origin.path, None);
}

#[test]
fn one_reachable_place_makes_a_secret_reachable() {
    let repo = Repo::new();
    let needle = secret(35);
    repo.write("f", "first\n").commit("first");
    repo.write("f", format!("lost {needle}")).commit("lost");
    repo.git(&["reset", "-q", "--hard", "HEAD~"]);
    repo.write("g", format!("kept {needle}"));
    let kept = repo.commit("kept");
    let sighting = &sightings(repo.path(), ALL, &[&needle])[0];
    assert_eq!(introducer(sighting), kept);
    assert!(!sighting.placement.unreachable);
    assert_eq!(sighting.placement.occurrences.len(), 2);
}

#[test]
fn tag_texts_and_commit_messages_have_places_of_their_own() {
    let repo = Repo::new();
    let needles: Vec<String> = (40..45).map(secret).collect();
    let [in_commit, in_tag, in_outer, in_blob, in_tree] = [0, 1, 2, 3, 4].map(|n: usize| needles[n].as_str());
    let first = repo.write("f", "first\n").commit(&format!("subject\n\nbody {in_commit}"));
    repo.git(&["tag", "-a", "v1", "-m", &format!("release {in_tag}")]);
    repo.git(&["tag", "-a", "outer", "-m", &format!("tag of a tag {in_outer}"), "v1"]);
    std::fs::write(repo.join(".git/blob"), in_blob).unwrap();
    let blob = repo.git(&["hash-object", "-w", ".git/blob"]);
    repo.git(&["tag", "-a", "blob", "-m", "a key", &blob]);
    std::fs::write(repo.join(".git/blob"), in_tree).unwrap();
    let leaf = repo.git(&["hash-object", "-w", ".git/blob"]);
    std::fs::write(repo.join(".git/list"), format!("100644 blob {leaf}\tleaf\n")).unwrap();
    let made = Command::new("git")
        .current_dir(repo.path())
        .arg("mktree")
        .stdin(std::fs::File::open(repo.join(".git/list")).unwrap())
        .output()
        .unwrap();
    repo.git(&["update-ref", "refs/odd/tree", String::from_utf8_lossy(&made.stdout).trim()]);

    let shown = scan(repo.path(), PLAIN);
    assert_eq!(shown.texts(OriginKind::TagMessage).len(), 3);
    assert!(shown.texts(OriginKind::CommitMessage).contains(&format!("subject\n\nbody {in_commit}")));
    assert_eq!((shown.survey.coverage.commits, shown.survey.coverage.messages), (1, 4));
    let found = sightings(repo.path(), PLAIN, &[in_commit, in_tag, in_outer, in_blob, in_tree]);
    for sighting in &found[..3] {
        assert_eq!(introducer(sighting), first);
        assert_eq!(sighting.origin.path, None);
    }
    assert_eq!(found[0].origin.kind, OriginKind::CommitMessage);
    assert_eq!(found[1].origin.kind, OriginKind::TagMessage);
    assert_eq!(found[1].origin.object.unwrap().to_string(), repo.git(&["rev-parse", "v1"]));
    assert_eq!(found[3].placement.introduced, None);
    assert!(!found[3].placement.unreachable && !found[4].placement.unreachable);
    assert_eq!(paths(&found[4]), ["leaf"]);
    let who = found[0].placement.introduced.as_ref().unwrap();
    assert_eq!((who.author.as_str(), who.email.as_str(), who.offset), ("Ada Author", "ada@example.com", 60));
}

#[test]
fn merges_introduce_only_what_no_parent_had() {
    let repo = Repo::new();
    let (second, evil) = (secret(50), secret(51));
    repo.write("f", "base\n").commit("base");
    repo.git(&["checkout", "-q", "-b", "side"]);
    let on_side = repo.write("side", &second).commit("second parent only");
    repo.git(&["checkout", "-q", "main"]);
    repo.write("g", "ours\n").commit("ours");
    repo.git(&["merge", "-q", "--no-commit", "--no-ff", "side"]);
    let merge = repo.write("evil", &evil).commit("evil merge");
    repo.git(&["branch", "-q", "-D", "side"]);
    agrees_with_brute_force(&repo, &[&second, &evil]);
    let found = sightings(repo.path(), PLAIN, &[&second, &evil]);
    assert_eq!((introducer(&found[0]), introducer(&found[1])), (on_side, merge));
}

#[test]
fn renames_and_copies_keep_the_first_introducer_and_all_paths() {
    let repo = Repo::new();
    let needle = secret(55);
    repo.write("z", "nothing").commit("before");
    let first = repo.write("old/name", format!("one {needle}")).commit("first");
    repo.git(&["mv", "old", "new"]);
    repo.commit("rename");
    repo.write("a-copy", format!("keyward:allow two {needle}")).commit("the same in another file");
    agrees_with_brute_force(&repo, &[&needle]);
    let sighting = &sightings(repo.path(), PLAIN, &[&needle])[0];
    assert_eq!(introducer(sighting), first);
    assert_eq!(sighting.origin.path, Some(BytePath::new("old/name")));
    assert_eq!(paths(sighting), ["a-copy", "new/name", "old/name"]);
    let marks: Vec<usize> = sighting.marks.iter().map(Vec::len).collect();
    assert_eq!(marks, [0, 1], "the comment covers the second occurrence only");
}

#[test]
fn equal_dates_and_clocks_that_run_backwards_do_not_move_the_introducer() {
    let repo = Repo::new();
    let (tied, skewed) = (secret(60), secret(61));
    repo.write("f", "base\n");
    commit_at(&repo, 1_700_000_000);
    let mut tips = Vec::new();
    for branch in ["a", "b", "c"] {
        repo.git(&["checkout", "-q", "-b", branch, "main"]);
        repo.write(branch, format!("{branch} {tied}"));
        tips.push(commit_at(&repo, 1_700_000_100));
    }
    repo.git(&["checkout", "-q", "main"]);
    repo.write("s", &skewed);
    let parent = commit_at(&repo, 1_700_000_900);
    repo.write("t", format!("again {skewed}"));
    commit_at(&repo, 1_600_000_000);
    agrees_with_brute_force(&repo, &[&tied, &skewed]);
    let found = sightings(repo.path(), PLAIN, &[&tied, &skewed]);
    assert_eq!(introducer(&found[0]), *tips.iter().min().unwrap());
    assert_eq!(introducer(&found[1]), parent, "the child claims to be older");
}

#[test]
fn a_secret_is_excluded_only_where_every_path_is() {
    let repo = Repo::new();
    let (only, both) = (secret(65), secret(66));
    repo.write("vendor/a", &only).write("vendor/b", &both).commit("vendored");
    repo.write("src/b", &both).commit("copied out");
    let exclude = |path: &BytePath| path.as_bytes().starts_with(b"vendor/");
    let shown = scan(repo.path(), PLAIN);
    let rules = HistoryRules {
        all_objects: false,
        exclude: &exclude,
        applies: &|_, _| true,
        decider: &|| Box::new(|_, _, _| {}),
    };
    let placed = placed_by(repo.path(), &shown, &[&only, &both], &rules);
    assert_eq!(placed.excluded.iter().map(paths).collect::<Vec<_>>(), [["vendor/a"]]);
    assert_eq!(placed.sightings.iter().map(paths).collect::<Vec<_>>(), [["src/b", "vendor/b"]]);

    let applies = |candidate: &Candidate, path: Option<&BytePath>| match path {
        Some(path) => candidate.belongs_at(path),
        None => candidate.paths.is_empty(),
    };
    let conditional = |glob: &str| {
        let mut found = look(&shown, &[&only, &both]);
        let candidates = found.iter_mut().flat_map(|found| &mut found.candidates);
        candidates.filter(|c| c.rule.id == "rule-1").for_each(|c| c.paths = vec![glob.to_owned()]);
        let rules = HistoryRules {
            all_objects: false,
            exclude: &|_| false,
            applies: &applies,
            decider: &|| Box::new(|_, _, _| {}),
        };
        place(&open(repo.path()).unwrap(), &shown.past, found, &rules).sightings
    };
    let placed = conditional("src/**");
    let sighting = placed.iter().find(|s| s.candidate.rule.id == "rule-1").unwrap();
    assert_eq!(introducer(sighting), repo.git(&["rev-parse", "HEAD"]), "where it first met its condition");
    assert_eq!(paths(sighting), ["src/b"]);
    assert_eq!(conditional("nowhere/**").len(), 1);
}

#[test]
fn no_path_exclusion_covers_a_message() {
    let repo = Repo::new();
    let needle = secret(67);
    repo.write("vendor/a", &needle).commit("vendored");
    repo.commit(&format!("by the way, {needle}"));
    let rules = HistoryRules {
        all_objects: false,
        exclude: &|_| true,
        applies: &|_, _| true,
        decider: &|| Box::new(|_, _, _| {}),
    };
    let placed = placed_by(repo.path(), &scan(repo.path(), PLAIN), &[&needle], &rules);
    let [sighting] = placed.sightings.as_slice() else { panic!("{placed:?}") };
    assert!(sighting.placement.elsewhere && placed.excluded.is_empty());
    assert_eq!(sighting.placement.occurrences.len(), 2);
}

#[test]
fn large_blobs_are_named_and_passed_over() {
    let repo = Repo::new();
    repo.write("large", "x".repeat(5_000)).write("small", "y").commit("both");
    let shown = try_scan(repo.path(), PLAIN, 1_000).unwrap();
    let large = repo.git(&["rev-parse", "HEAD:large"]);
    assert_eq!(shown.survey.coverage.too_large, [(large, 5_000)]);
    assert_eq!(shown.ids().len(), 1);
    assert_eq!(shown.survey.problems, []);
}

#[test]
fn trees_that_repeat_themselves_end_soon_and_count_their_paths() {
    let repo = Repo::new();
    let needle = secret(70);
    std::fs::write(repo.join(".git/blob"), &needle).unwrap();
    let mut entry = format!("100644 blob {}", repo.git(&["hash-object", "-w", ".git/blob"]));
    for _ in 0..10 {
        let list: String = (0..10).map(|n| format!("{entry}\tn{n}\n")).collect();
        std::fs::write(repo.join(".git/list"), list).unwrap();
        let tree = Command::new("git")
            .current_dir(repo.path())
            .arg("mktree")
            .stdin(std::fs::File::open(repo.join(".git/list")).unwrap())
            .output()
            .unwrap();
        entry = format!("040000 tree {}", String::from_utf8_lossy(&tree.stdout).trim());
    }
    let commit = repo.git(&["commit-tree", "-m", "bomb", entry.rsplit(' ').next().unwrap()]);
    repo.git(&["update-ref", "refs/heads/main", &commit]);
    let sighting = &sightings(repo.path(), PLAIN, &[&needle])[0];
    assert_eq!(introducer(sighting), commit);
    assert_eq!(sighting.placement.paths.len(), 1_000);
    assert!(sighting.placement.more_paths > 1_000);
}

#[test]
fn a_shallow_clone_is_refused_unless_allowed() {
    let repo = Repo::new();
    let (old, new) = (secret(75), secret(76));
    repo.write("old", &old).commit("old");
    repo.git(&["rm", "-q", "old"]);
    repo.write("new", &new).commit("new");
    let other = Repo::new();
    let clone = other.join("clone");
    let url = format!("file://{}", repo.path().display());
    other.git(&["clone", "-q", "--depth=1", &url, clone.to_str().unwrap()]);
    let refused = refusal(&clone, PLAIN);
    assert!(refused.contains("git fetch --unshallow") && refused.contains("--allow-shallow"), "{refused}");
    let allowed = HistoryOptions { allow_shallow: true, ..PLAIN };
    let shown = scan(&clone, allowed);
    assert!(shown.holds(&new) && !shown.holds(&old));
    assert_eq!(shown.survey.problems, []);
    assert_eq!(shown.survey.notices.len(), 1);
    assert_eq!(sightings(&clone, allowed, &[&new]).len(), 1);
}

#[test]
fn missing_blobs_of_a_partial_clone_are_counted_named_and_never_fetched() {
    let repo = Repo::new();
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    repo.write("a", "one").write("b", "two").commit("first");
    let other = Repo::new();
    let clone = other.join("clone");
    let url = format!("file://{}", repo.path().display());
    other.git(&["clone", "-q", "--no-checkout", "--filter=blob:none", &url, clone.to_str().unwrap()]);
    let allowed = HistoryOptions { allow_missing: true, ..PLAIN };
    // As git writes it today, with nothing said at all, and as older gits write it into the format itself.
    for said in ["remote", "nothing", "extension"] {
        if said == "nothing" {
            other.git(&["-C", "clone", "config", "--unset", "remote.origin.promisor"]);
            other.git(&["-C", "clone", "config", "--unset", "remote.origin.partialclonefilter"]);
        }
        if said == "extension" {
            other.git(&["-C", "clone", "config", "core.repositoryFormatVersion", "1"]);
            other.git(&["-C", "clone", "config", "extensions.partialClone", "origin"]);
        }
        let shown = scan(&clone, PLAIN);
        let [problem] = shown.survey.problems.as_slice() else { panic!("{:?}", shown.survey.problems) };
        let problem = problem.to_string();
        assert!(problem.starts_with("2 objects: ") && problem.contains("--allow-missing"), "{problem}");
        assert!(problem.contains(&repo.git(&["rev-parse", "HEAD:a"])), "{problem}");
        assert_eq!(problem.contains("partial clone"), said != "nothing");
        assert_eq!(shown.survey.coverage.skipped.get(&SkipReason::Missing), Some(&2));
        assert!(shown.texts(OriginKind::CommitMessage).contains("first"), "the scan goes on");
        let shown = scan(&clone, allowed);
        assert_eq!((shown.survey.problems.len(), shown.survey.notices.len()), (0, 1));
    }
}

#[test]
fn damaged_objects_are_named_and_the_rest_is_scanned() {
    let repo = Repo::new();
    let needle = secret(80);
    let noise: Vec<String> = (0..50).map(|n| made_up("[a-z0-9]{60}", n)).collect();
    repo.write("noise", noise.join("\n")).write("f", &needle).commit("first");
    repo.git(&["gc", "-q"]);
    let pack = std::fs::read_dir(repo.join(".git/objects/pack"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "pack"))
        .unwrap();
    let bad = repo.git(&["rev-parse", "HEAD:noise"]);
    let report = repo.git(&["verify-pack", "-v", pack.with_extension("idx").to_str().unwrap()]);
    let line = lines(&report).find(|line| line.starts_with(&bad)).unwrap();
    let offset: usize = line.split_whitespace().nth(4).unwrap().parse().unwrap();
    let mut bytes = std::fs::read(&pack).unwrap();
    bytes[offset + 200..offset + 220].fill(0xff);
    std::fs::remove_file(&pack).unwrap();
    std::fs::write(&pack, bytes).unwrap();

    let shown = scan(repo.path(), PLAIN);
    let [problem] = shown.survey.problems.as_slice() else { panic!("{:?}", shown.survey.problems) };
    assert_eq!(problem.what, format!("object {bad}"));
    assert!(shown.holds(&needle));
    assert_eq!(shown.survey.coverage.skipped.get(&SkipReason::Unreadable), Some(&1));
}

#[test]
fn a_pack_index_that_cannot_be_read_does_not_hide_the_loose_objects() {
    let repo = Repo::new();
    let needle = secret(85);
    repo.write("f", "packed").commit("first");
    repo.git(&["gc", "-q"]);
    repo.write("g", &needle).commit("second");
    let index = std::fs::read_dir(repo.join(".git/objects/pack"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "idx"))
        .unwrap();
    std::fs::remove_file(&index).unwrap();
    std::fs::write(&index, b"no index at all, but long enough to be looked at").unwrap();
    let shown = scan(repo.path(), PLAIN);
    assert!(!shown.survey.problems.is_empty());
    assert!(shown.holds(&needle), "{:?}", shown.survey.problems);
}

#[test]
fn formats_that_cannot_be_read_are_refused_in_one_line() {
    let repo = Repo::new();
    repo.git(&["init", "-q", "--object-format=sha256", "wide"]);
    repo.git(&["init", "-q", "--ref-format=reftable", "table"]);
    let wide = refusal(&repo.join("wide"), PLAIN);
    assert!(wide.contains("SHA-256") && wide.contains("keyward scan"), "{wide}");
    let table = refusal(&repo.join("table"), PLAIN);
    assert!(table.contains("reftable") && table.contains("git refs migrate"), "{table}");
    for text in [wide, table] {
        assert_eq!(text.lines().count(), 1);
    }
}

#[test]
fn a_repository_without_commits_is_refused() {
    let repo = Repo::new();
    for options in [PLAIN, ALL] {
        let refused = refusal(repo.path(), options);
        assert!(refused.contains("is empty: no ref names a commit"), "{refused}");
    }
}

#[test]
fn a_ref_that_names_a_missing_commit_is_a_problem() {
    let repo = Repo::new();
    repo.write("f", "text").commit("first");
    let gone = "1234567890123456789012345678901234567890";
    std::fs::write(repo.join(".git/refs/heads/gone"), format!("{gone}\n")).unwrap();
    let shown = scan(repo.path(), PLAIN);
    let [problem] = shown.survey.problems.as_slice() else { panic!("{:?}", shown.survey.problems) };
    assert!(problem.to_string().contains(gone), "{problem}");
    assert!(shown.texts(OriginKind::CommitMessage).contains("first"));
}

#[test]
fn paths_keep_bytes_that_are_no_text() {
    let repo = Repo::new();
    let needle = secret(90);
    let who = "A <a@example.com> 1 +0000";
    let stream = format!(
        "commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata 1\nm\nM 100644 inline \"d\\303/\\377\"\n\
         data {}\n{needle}\n",
        needle.len()
    );
    import(&repo, stream.as_bytes());
    let sighting = &sightings(repo.path(), PLAIN, &[&needle])[0];
    assert_eq!(sighting.placement.paths, [BytePath::new(b"d\xc3/\xff")]);
}

#[test]
fn broken_refs_are_told_and_hide_no_other() {
    let repo = Repo::new();
    let (old, new) = (secret(95), secret(96));
    repo.write("f", &old).commit("first");
    repo.git(&["branch", "kept"]);
    repo.git(&["pack-refs", "--all"]);
    repo.git(&["commit", "-q", "--amend", "--allow-empty", "-m", "second"]);
    repo.git(&["update-ref", "-d", "refs/heads/kept"]);
    repo.write("f", &new).git(&["commit", "-q", "-a", "--amend", "-m", "third"]);
    equals_git(&repo, &scan(repo.path(), PLAIN), &["--all"]);
    assert!(!scan(repo.path(), PLAIN).holds(&old), "its packed ref is out of date");
    std::fs::write(repo.join(".git/refs/heads/bad"), "no id").unwrap();
    std::fs::write(repo.join(".git/refs/heads/main.lock"), "").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", repo.join(".git/refs/heads/dangling")).unwrap();
    let shown = scan(repo.path(), PLAIN);
    assert!(shown.holds(&new));
    let told: Vec<&str> = shown.survey.problems.iter().map(|problem| problem.what.as_str()).collect();
    assert_eq!(told, if cfg!(unix) { vec!["refs/heads/bad", "refs/heads/dangling"] } else { vec!["refs/heads/bad"] });
}

/// A guess is worth what its path makes of it, in a history as in a tree, and at several paths what the best makes of it.
#[test]
fn a_guess_of_a_history_is_worth_what_it_is_worth_at_the_best_of_its_paths() {
    let forms = [
        "[a-z]{8}",
        "[a-z]{5}[0-9]{2}",
        "[a-z]{4}-[a-z]{6}",
        "[A-Z][a-z]{6}",
        "[A-Za-z0-9]{12}[0-9][A-Za-z0-9]{19}",
        "[A-Z]{12}12345678[A-Z]{12}",
    ];
    let texts: Vec<String> =
        (0..6).flat_map(|seed| forms.map(|form| format!("access_password={}\n", made_up(form, seed)))).collect();
    let told = |repo: &Repo, args: &[&str]| -> BTreeMap<String, String> {
        // A guess has a fingerprint for each place, so it is known by its value.
        let args = [&["scan", "--confidence", "low", "--format", "json", "--show-secrets"], args].concat();
        let report = crate::common::json(&repo.keyward(&args));
        let word = |finding: &serde_json::Value, key: &str| finding[key].as_str().unwrap().to_owned();
        let findings = report["findings"].as_array().unwrap();
        let generic = findings.iter().filter(|finding| finding["rule"] == "generic-assignment");
        generic.map(|finding| (word(finding, "secret"), word(finding, "confidence"))).collect()
    };
    let alone = |path: &str| {
        let repo = Repo::new();
        for (number, text) in texts.iter().enumerate() {
            repo.write(&path.replace('N', &number.to_string()), text);
        }
        repo.commit("all of them");
        let (tree, history) = (told(&repo, &[]), told(&repo, &["--history", "--no-cache"]));
        assert_eq!(history, tree, "{path}");
        // The second time from what the first learnt.
        assert_eq!(told(&repo, &["--history"]), tree, "{path}");
        assert_eq!(told(&repo, &["--history"]), tree, "{path}");
        (repo, tree)
    };
    let level = |confidence: Option<&String>| {
        ["low", "medium", "high"].iter().position(|level| Some(*level) == confidence.map(String::as_str))
    };
    let (repo, code) = alone("src/N/a.py");
    let (_, config) = alone("home/N/.env");
    assert_ne!(code, config, "the path decides of some of them");
    assert!(code.values().any(|confidence| confidence == "low"));
    // The same blobs once more, at the other path.
    for (number, text) in texts.iter().enumerate() {
        repo.write(&format!("home/{number}/.env"), text);
    }
    repo.commit("elsewhere, too");
    let both = told(&repo, &["--history", "--no-cache"]);
    let keys: BTreeSet<&String> = code.keys().chain(config.keys()).collect();
    assert_eq!(both.keys().collect::<BTreeSet<_>>(), keys);
    for (key, confidence) in &both {
        let best = level(code.get(key)).max(level(config.get(key)));
        assert_eq!(level(Some(confidence)), best, "{key}");
    }
}
