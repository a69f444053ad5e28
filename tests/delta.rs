//! A history looks only at what changed from version to version, and finds exactly what looking at every version whole
//! finds: per blob everything that is told, as `git cat-file` shows the blob.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use keyward::config::PathFilter;
use keyward::detect::{Detector, Evidence};
use keyward::git::Repo as Git;
use keyward::model::*;
use keyward::rule::pack::{Pack, builtin_examples};
use keyward::rule::pattern::{Seed, expand};
use keyward::source::{HistoryOptions, Limits, Witness, history};

use crate::common::made_up;
use crate::common::repo::Repo;

const ALL: HistoryOptions =
    HistoryOptions { all_objects: true, allow_shallow: true, allow_missing: true, no_cache: false };

fn detector() -> Detector {
    Detector::new(Pack::builtin().unwrap().rules).unwrap()
}

/// All that is told of one blob, as text; secrets are masked in it, their places are not.
fn told(found: Option<Found>) -> String {
    found.map(|found| format!("{:#?}\n{:#?}\n{:#?}", found.candidates, found.marks, found.problems)).unwrap_or_default()
}

/// Follows what changed, and looks at every blob whole beside it.
struct Both<'a> {
    detector: &'a Detector,
    seen: Mutex<Tally>,
}

#[derive(Default)]
struct Tally {
    blobs: BTreeMap<ObjectId, String>,
    followed: usize,
    candidates: usize,
    differences: Vec<String>,
}

impl Witness for Both<'_> {
    type Evidence = Evidence;

    fn show(&self, blob: &Blob<'_>, base: Option<(&Evidence, &[Copied])>, wanted: bool) -> Option<Evidence> {
        let whole = self.detector.scan(blob);
        let (found, evidence) = self.detector.trace(blob, base, wanted);
        let mut tally = self.seen.lock().unwrap();
        tally.followed += usize::from(base.is_some());
        tally.candidates += whole.as_ref().map_or(0, |found| found.candidates.len());
        let (found, whole) = (told(found), told(whole));
        let id = blob.origin.object.or(blob.origin.commit).unwrap();
        if found != whole {
            tally.differences.push(format!("{id}:\n{found}\n--- but whole:\n{whole}"));
        }
        assert!(tally.blobs.insert(id, whole).is_none(), "{id} is shown once");
        evidence
    }

    fn told(&self) -> HashSet<ObjectId> {
        HashSet::new()
    }
}

/// Sweeps the store and compares; what was seen.
fn compare(detector: &Detector, path: &Path, max_file_size: u64) -> Tally {
    let git = Git::discover(path).unwrap().unwrap();
    let exclude = PathFilter::default();
    let both = Both { detector, seen: Mutex::default() };
    let limits = Limits { max_file_size, exclude: &exclude, clock: Clock::default() };
    history(&git, ALL, limits, &both, None).unwrap().unwrap();
    let tally = both.seen.into_inner().unwrap();
    assert!(tally.differences.is_empty(), "{} differ, the first: {}", tally.differences.len(), tally.differences[0]);
    tally
}

/// Every blob that git knows, looked at whole: nothing was left out.
fn equals_cat_file(detector: &Detector, repo: &Repo, tally: &Tally) {
    let mut blobs = 0;
    for line in repo.git(&["cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)"]).lines() {
        let Some(id) = line.strip_prefix("blob ") else { continue };
        let bytes = repo.try_git(&["cat-file", "blob", id]).stdout;
        let id = ObjectId::from_hex(id).unwrap();
        let origin = Origin { object: Some(id), ..Origin::new(OriginKind::History) };
        let found = detector.scan(&Blob {
            origin: &origin,
            bytes: &bytes,
            fresh: &Fresh::All,
            former_path: None,
            earlier: &[],
        });
        assert_eq!(tally.blobs.get(&id), Some(&told(found)), "{id}");
        blobs += 1;
    }
    assert!(blobs > 0);
}

fn pack(repo: &Repo) {
    repo.git(&["-c", "gc.bigPackThreshold=0", "gc", "-q", "--aggressive", "--prune=now"]);
}

/// Lines that rules have something to say about, among others that they have not.
struct Texts {
    seed: Seed,
    patterns: Vec<String>,
}

impl Texts {
    fn new(seed: u64) -> Self {
        let patterns = builtin_examples().unwrap().into_iter().flat_map(|(_, examples)| examples.matching).collect();
        Self { seed: Seed::new(seed), patterns }
    }

    /// Some of the patterns' texts in base64, on one line or wrapped; a line that looks like one of it may stand before.
    fn encoded(&mut self) -> String {
        let mut said = String::new();
        for _ in 0..=self.seed.below(4) {
            let at = self.seed.below(self.patterns.len() as u64) as usize;
            said += &String::from_utf8_lossy(&expand(&self.patterns[at], &mut self.seed).unwrap());
            said += "\nand some other text between them\n";
        }
        if self.seed.below(4) == 0 {
            let form = self.seed.below(3);
            let say = |c: char| match form {
                0 => format!("%{:02x}", u32::from(c)),
                1 => format!("\\u{:04x}", u32::from(c)),
                _ => format!("&#{};", u32::from(c)),
            };
            let telling = |c: char| form == 1 || !c.is_ascii_alphanumeric();
            return said.chars().map(|c| if telling(c) { say(c) } else { c.to_string() }).collect::<String>() + "\n";
        }
        let encoded = STANDARD.encode(said);
        let before = ["data: ", "password: ", "0123456789abcdef0123456789abcdef\n", ""][self.seed.below(4) as usize];
        let (width, joint) =
            [(usize::MAX, ""), (64, "\n"), (76, "\r\n"), (64, "\\n"), (64, "\" +\n\"")][self.seed.below(5) as usize];
        let lines: Vec<&str> =
            encoded.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("{before}{}\n", lines.join(joint))
    }

    fn line(&mut self) -> String {
        match self.seed.below(10) {
            0..=1 => {
                let at = self.seed.below(self.patterns.len() as u64) as usize;
                let made = expand(&self.patterns[at], &mut self.seed).unwrap();
                String::from_utf8_lossy(&made).into_owned() + "\n"
            }
            2 => "    # keyward:allow -- a reason\n".to_owned(),
            3 => "password = \"\"\n-----BEGIN RSA PRIVATE KEY-----\n".to_owned(),
            4 => self.encoded(),
            _ => {
                String::from_utf8_lossy(&expand("[a-z]{3,9} = [a-z]{2,8}\\([a-z, ]{0,40}\\);", &mut self.seed).unwrap())
                    .into_owned()
                    + "\n"
            }
        }
    }
}

#[test]
fn random_edits_are_followed_exactly() {
    let detector = detector();
    let mut texts = Texts::new(11);
    let repo = Repo::new();
    let mut lines: Vec<String> = (0..60).map(|_| texts.line()).collect();
    for round in 0..90 {
        for _ in 0..=texts.seed.below(3) {
            let at = texts.seed.below(lines.len() as u64) as usize;
            match texts.seed.below(6) {
                0 => _ = lines.remove(at),
                1 => lines[at] = texts.line(),
                2 => {
                    // A cut in the middle of a line: half of a token, a value, a comment.
                    let half = lines[at].len() / 2;
                    let half = (0..=half).rev().find(|at2| lines[at].is_char_boundary(*at2)).unwrap();
                    lines[at].truncate(half);
                }
                3 => {
                    let to = texts.seed.below(lines.len() as u64) as usize;
                    let line = lines.remove(at);
                    lines.insert(to, line);
                }
                _ => {
                    let line = texts.line();
                    lines.insert(at, line);
                }
            }
        }
        repo.write(&format!("f{}", round % 2), lines.concat()).commit("edit");
    }
    equals_cat_file(&detector, &repo, &compare(&detector, repo.path(), 1 << 20));
    pack(&repo);
    let tally = compare(&detector, repo.path(), 1 << 20);
    assert!(tally.followed > 60 && tally.candidates > 300, "{} {}", tally.followed, tally.candidates);
    equals_cat_file(&detector, &repo, &tally);
}

/// Filler that deltas well and says nothing.
fn filler(from: u64, lines: u64) -> String {
    (from..from + lines).map(|n| format!("line {n}: {}\n", made_up("[a-z ]{40}", n))).collect()
}

fn chain(repo: &Repo, versions: &[String]) -> Tally {
    for version in versions {
        repo.write("file", version).commit("version");
    }
    pack(repo);
    let detector = detector();
    let tally = compare(&detector, repo.path(), 1 << 20);
    equals_cat_file(&detector, repo, &tally);
    assert!(tally.followed > 0, "git made no delta of it");
    tally
}

#[test]
fn a_secret_in_the_middle_of_a_chain_whose_base_is_the_newest() {
    let token = made_up("ghp_[A-Za-z0-9]{36}", 1);
    let grown = |n: u64, middle: &str| filler(0, 200) + middle + &filler(300, 20 * n);
    let versions = [grown(1, ""), grown(2, &format!("key: {token}\n")), grown(3, ""), grown(4, "")];
    let tally = chain(&Repo::new(), &versions);
    assert_eq!(tally.blobs.values().filter(|told| !told.is_empty()).count(), 1);
}

#[test]
fn parts_of_a_composite_that_a_deletion_brings_together() {
    let (id, secret) = (made_up("AKIA[A-Z2-7]{16}", 2), made_up("[A-Za-z0-9/+]{40}", 3));
    let apart = |n: u64| {
        let (id, secret) = (format!("aws_access_key_id = {id}\n"), format!("aws_secret_access_key = {secret}\n"));
        filler(0, 100) + &id + &filler(400, n) + &secret + &filler(800, 100)
    };
    chain(&Repo::new(), &[apart(90), apart(60), apart(1), apart(0), apart(40)]);
}

#[test]
fn a_private_key_whose_end_moves() {
    let body: Vec<String> = (0..30).map(|n| made_up("[A-Za-z0-9/+]{64}", n)).collect();
    let key = |lines: usize, end: &str| {
        let body = body[..lines].join("\n");
        filler(0, 90) + "-----BEGIN RSA PRIVATE KEY-----\n" + &body + "\n" + end + &filler(500, 90)
    };
    const END: &str = "-----END RSA PRIVATE KEY-----\n";
    chain(&Repo::new(), &[key(30, END), key(30, ""), key(12, END), key(3, END), key(29, END)]);
}

#[test]
fn marks_move_with_their_lines_and_quotes_open_and_close_far_away() {
    let token = made_up("ghp_[A-Za-z0-9]{36}", 4);
    let with = |mark: &str, n: u64| filler(0, 80) + mark + &filler(n, 1) + &format!("k = {token}\n") + &filler(600, 80);
    let start = "# keyward:allow-start\n";
    let versions =
        [with("", 200), with("# keyward:allow\n", 200), with(start, 201), with(start, 202) + "# keyward:allow-end\n"];
    chain(&Repo::new(), &versions);
}

#[test]
fn encoded_texts_that_change_in_their_middle_grow_and_lose_their_beginning() {
    let token = |n: u64| made_up("ghp_[A-Za-z0-9]{36}", n);
    let said = |n: u64, more: u64| filler(10, 30) + &format!("key: {}\n", token(n)) + &filler(70, 20 + more);
    let wrapped = |text: String| {
        let text = STANDARD.encode(text);
        text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>().join("\n") + "\n"
    };
    let file = |before: &str, blob: &str, behind: &str| filler(200, 90) + before + blob + behind + &filler(400, 90);
    let blob = wrapped(said(20, 0));
    let cut = blob.split_once('\n').unwrap().1;
    let line = STANDARD.encode(said(23, 0));
    // A run that says nothing joins the others from before, then one that does.
    let (nothing, something) =
        ("0123456789abcdef".repeat(4) + "\n", wrapped("some text that is as long as one line is ".into()));
    let versions = [
        file("", &blob, ""),
        file("", &wrapped(said(21, 0)), ""),
        file("", &wrapped(said(21, 40)), "x\n"),
        file("more\n", &blob, ""),
        file(&nothing, &blob, ""),
        file(&something, &blob, ""),
        file("", cut, ""),
        file("password: ", &line, "\n"),
        file("", &line, "\n"),
        file("", &format!("{}\n{line}", &line[..400]), "\n"),
        file("", &blob, &format!("password: {}\n", STANDARD.encode("correct-Horse-7!"))),
    ];
    let tally = chain(&Repo::new(), &versions);
    assert!(tally.candidates >= 8, "{}", tally.candidates);
}

/// What is told of a text that is made from `base` by copies, followed and looked at whole.
fn both(detector: &Detector, base: &[u8], made: &[u8], runs: &[Copied]) -> (String, String) {
    let origin = Origin::new(OriginKind::History);
    let blob = |bytes| Blob { origin: &origin, bytes, fresh: &Fresh::All, former_path: None, earlier: &[] };
    let (_, evidence) = detector.trace(&blob(base), None, true);
    let evidence = evidence.expect("nothing in it is too much");
    let (found, _) = detector.trace(&blob(made), Some((&evidence, runs)), false);
    (told(found), told(detector.scan(&blob(made))))
}

#[test]
fn what_is_copied_several_times_is_seen_each_time() {
    let (clear, hidden) = (made_up("ghp_[A-Za-z0-9]{36}", 8), made_up("ghp_[A-Za-z0-9]{36}", 9));
    let encoded = STANDARD.encode(format!("some text\nkey: {hidden}\nand more of it\n"));
    let base = filler(0, 40) + &format!("key: {clear}\n") + &filler(50, 40) + &encoded + "\n" + &filler(100, 40);
    let made = base.repeat(3);
    let runs = [0, 1, 2].map(|n| Copied { from: 0, to: n * base.len(), len: base.len() });
    let (followed, whole) = both(&detector(), base.as_bytes(), made.as_bytes(), &runs);
    assert_eq!(followed, whole);
    let decoded = whole.matches("decoded: [\n            Base64").count();
    assert!(decoded > 0 && decoded % 3 == 0, "{decoded} in three copies");
}

#[test]
fn random_copies_are_followed_exactly() {
    let detector = detector();
    let mut texts = Texts::new(12);
    let (mut copied, mut told) = (0, 0);
    for _ in 0..400 {
        let lines = 20 + texts.seed.below(40);
        let base: String = (0..lines).map(|_| texts.line()).collect();
        let (mut made, mut runs) = (Vec::new(), Vec::new());
        for _ in 0..=texts.seed.below(5) {
            if texts.seed.below(3) == 0 {
                made.extend(texts.line().bytes());
            }
            let from = texts.seed.below(base.len() as u64) as usize;
            let len = 1 + texts.seed.below((base.len() - from) as u64) as usize;
            runs.push(Copied { from, to: made.len(), len });
            made.extend(&base.as_bytes()[from..from + len]);
        }
        copied += runs.len();
        let (followed, whole) = both(&detector, base.as_bytes(), &made, &runs);
        assert_eq!(followed, whole, "{runs:?}");
        told += usize::from(!whole.is_empty());
    }
    assert!(copied > 800 && told > 300, "{copied} copies, {told} texts with something in them");
}

#[test]
fn an_encoding_that_changes() {
    let token = made_up("ghp_[A-Za-z0-9]{36}", 5);
    let text = filler(0, 60) + &format!("key: {token}\n") + &filler(100, 60);
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut changed = utf16.clone();
    changed.extend("more\n".encode_utf16().flat_map(u16::to_le_bytes));
    // The first bytes decide: NULs push the plain text over to UTF-16 and back, most bytes being the same.
    let tipped = [&b"a\0b\0c\0d\0".repeat(520)[..], text.as_bytes()].concat();
    let repo = Repo::new();
    // A binary with UTF-16 strings in it, between two that have none.
    let plain = [&b"MZ\x90\0\x03\0\0\0\xff"[..], text.as_bytes()].concat();
    let strings = [&plain[..], &[0xcc, 0, 0, 7], &utf16, b"\0\0\x01"].concat();
    for bytes in [
        utf16,
        changed,
        text.clone().into_bytes(),
        tipped,
        plain.clone(),
        strings,
        [&plain[..], b"more"].concat(),
        [&b"\xef\xbb\xbf"[..], text.as_bytes()].concat(),
    ] {
        repo.write("file", bytes).commit("version");
    }
    pack(&repo);
    let detector = detector();
    let tally = compare(&detector, repo.path(), 1 << 20);
    equals_cat_file(&detector, &repo, &tally);
}

#[test]
fn a_base_over_the_size_limit_still_makes_its_versions() {
    let token = made_up("ghp_[A-Za-z0-9]{36}", 6);
    let small = filler(0, 500) + &format!("key: {token}\n");
    let large = small.clone() + &filler(1000, 300);
    let repo = Repo::new();
    repo.write("file", &small).commit("small");
    repo.write("file", &large).commit("large");
    pack(&repo);
    let tally = compare(&detector(), repo.path(), small.len() as u64 + 10);
    let id = ObjectId::from_hex(&repo.git(&["rev-parse", "HEAD~:file"])).unwrap();
    assert!(tally.blobs[&id].contains("github"), "{:?}", tally.blobs[&id]);
    assert_eq!(tally.blobs.len(), 3, "one blob and two messages: the large one is not shown");
}

#[test]
fn a_base_that_no_ref_reaches() {
    let token = made_up("ghp_[A-Za-z0-9]{36}", 7);
    let repo = Repo::new();
    repo.write("file", filler(0, 300) + &format!("key: {token}\n")).commit("first");
    repo.write("file", filler(0, 300) + &format!("key: {token}\n") + &filler(400, 50)).commit("second");
    repo.git(&["repack", "-q", "-a", "-d", "-f"]);
    repo.git(&["update-ref", "refs/heads/main", "HEAD~"]);
    let detector = detector();
    let tally = compare(&detector, repo.path(), 1 << 20);
    assert!(tally.followed > 0, "the newer blob is the base");
    equals_cat_file(&detector, &repo, &tally);
}

#[test]
fn whatever_repository_is_named() {
    // KEYWARD_TEST_REPOS=/path/a:/path/b cargo test --release whatever_repository
    for path in std::env::var_os("KEYWARD_TEST_REPOS").iter().flat_map(std::env::split_paths) {
        let tally = compare(&detector(), &path, 100 << 20);
        println!("{}: {} blobs and messages, {} followed", path.display(), tally.blobs.len(), tally.followed);
        assert!(tally.followed > 0);
    }
}

#[test]
fn a_store_with_changed_bytes_ends_in_problems_never_in_a_panic() {
    let detector = detector();
    let repo = Repo::new();
    for n in 0..12 {
        repo.write("file", filler(n, 60)).write(&format!("d{n}/other"), filler(n * 9, 20)).commit("version");
    }
    repo.git(&["-c", "pack.threads=1", "repack", "-q", "-a", "-d", "-f", "--depth=50"]);
    repo.git(&["prune-packed", "-q"]);
    let packs = std::fs::read_dir(repo.join(".git/objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = packs.filter(|path| path.extension().is_some_and(|e| e == "pack" || e == "idx")).collect();
    let mut seed = Seed::new(99);
    let (mut told, mut silent) = (0, 0);
    for round in 0..400 {
        let file = &files[round % files.len()];
        let whole = std::fs::read(file).unwrap();
        let mut bytes = whole.clone();
        for _ in 0..=seed.below(3) {
            let at = seed.below(bytes.len() as u64) as usize;
            bytes[at] = seed.below(256) as u8;
        }
        if round % 10 == 0 {
            bytes.truncate(seed.below(bytes.len() as u64) as usize);
        }
        std::fs::remove_file(file).unwrap();
        std::fs::write(file, &bytes).unwrap();
        let git = Git::discover(repo.path()).unwrap().unwrap();
        let exclude = PathFilter::default();
        let limits = Limits { max_file_size: 1 << 20, exclude: &exclude, clock: Clock::default() };
        let both = Both { detector: &detector, seen: Mutex::default() };
        // Ids and trailers are not verified, so a change there may pass; whatever is made of the rest is bounded.
        match history(&git, ALL, limits, &both, None) {
            Ok(shown) if shown.as_ref().unwrap().survey.problems.is_empty() => silent += 1,
            _ => told += 1,
        }
        let differences = both.seen.into_inner().unwrap().differences;
        assert!(differences.is_empty(), "{}", differences[0]);
        std::fs::remove_file(file).unwrap();
        std::fs::write(file, &whole).unwrap();
    }
    assert!(told > 200, "{told} told, {silent} silent");
}
