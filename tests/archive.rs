//! Archives, as every source shows them: what lies in one is found at its own line, under the archive's path and its own;
//! what cannot be looked into is counted; and no archive, however made, costs more than it may.

use std::collections::BTreeMap;
use std::process::{Output, Stdio};

use keyward::model::{BytePath, Contents, SkipReason, Span};
use keyward::unpack::{Format, Inside, Limits, open};

use crate::common::pack::{Entry, bzip2, gzip, tar, xz, zip, zipped, zstd};
use crate::common::repo::Repo;
use crate::common::{findings, github_token, json, keyward, made_up, text};

const LIMITS: Limits = Limits { depth: 3, file: 1 << 20, total: 64 << 20 };

/// What came out of an archive.
#[derive(Default)]
struct Out {
    files: Vec<(String, Vec<u8>)>,
    closed: Vec<(Option<String>, Vec<Span>)>,
}

impl Inside for Out {
    fn wants(&mut self, path: &BytePath) -> bool {
        !path.as_bytes().starts_with(b"not-wanted")
    }

    fn show(&mut self, path: &BytePath, bytes: &[u8]) {
        self.files.push((path.to_string(), bytes.to_vec()));
    }

    fn close(&mut self, archive: Option<&BytePath>, held: &[Span]) {
        self.closed.push((archive.map(ToString::to_string), held.to_vec()));
    }
}

fn unpack(bytes: &[u8], limits: Limits) -> (Out, Contents) {
    let mut out = Out::default();
    let contents = open(Format::of(bytes).expect("an archive"), bytes, limits, &mut out);
    (out, contents)
}

fn names(out: &Out) -> Vec<&str> {
    out.files.iter().map(|(name, _)| name.as_str()).collect()
}

fn skipped(contents: &Contents) -> Vec<(SkipReason, u64)> {
    contents.skipped.iter().map(|(reason, count)| (*reason, *count)).collect()
}

#[test]
fn every_format_is_known_by_its_content_and_gives_its_files_as_they_are() {
    let text = made_up("[a-z \n]{3000}", 1).into_bytes();
    let long = format!("{}/a.txt", "directory/".repeat(30));
    let files: Vec<(&str, &[u8])> = vec![("b/a.txt", &text), (&long, b"short"), ("empty", b"")];
    let stored: Vec<Entry> = files.iter().map(|(name, bytes)| Entry::stored(name, bytes)).collect();
    let tarred = tar(&files);
    let mut script = b"#!/bin/sh\nexec java -jar $0\n".to_vec();
    script.extend(zip(&stored));
    let cases = [
        (zipped(&files), Format::Zip),
        (zip(&stored), Format::Zip),
        (script, Format::Zip),
        (tarred.clone(), Format::Tar),
        (gzip(&tarred), Format::Gzip),
        (bzip2(&tarred), Format::Bzip2),
        (xz(&tarred), Format::Xz),
        (zstd(&tarred), Format::Zstd),
    ];
    for (bytes, format) in cases {
        assert_eq!(Format::of(&bytes), Some(format));
        let (out, contents) = unpack(&bytes, LIMITS);
        assert_eq!(names(&out), ["b/a.txt", &long], "{format:?}");
        assert_eq!(out.files[0].1, text, "{format:?}");
        assert_eq!((contents.archives, contents.files, contents.bytes), (1, 2, 3005), "{format:?}");
        assert_eq!(skipped(&contents), [], "{format:?}");
    }
    for bytes in [gzip(&text), bzip2(&text), xz(&text), zstd(&text)] {
        let twice = [bytes.clone(), bytes.clone()].concat();
        for (bytes, times) in [(bytes, 1), (twice, 2)] {
            let (out, contents) = unpack(&bytes, LIMITS);
            assert_eq!(out.files, [(String::new(), text.repeat(times))]);
            assert_eq!((contents.archives, skipped(&contents)), (1, vec![]));
        }
    }
    for plain in [&b""[..], b"PK", b"PK\x03\x05", b"BZh91", b"\x1f\x8b\x09\0", &[0; 600], &[b'0'; 600], &text] {
        assert_eq!(Format::of(plain), None);
    }
}

#[test]
fn places_of_files_that_are_stored_as_they_are_are_told() {
    let entries =
        [Entry::stored("a", b"first file"), Entry::deflated("b", b"second"), Entry::stored("not-wanted", b"xy")];
    for bytes in [zip(&entries), tar(&[("a", b"first file"), ("not-wanted", b"xy")])] {
        let (out, contents) = unpack(&bytes, LIMITS);
        let held: Vec<&[u8]> = out.closed[0].1.iter().map(|span| span.of(&bytes)).collect();
        assert_eq!(held, [&b"first file"[..], b"xy"]);
        assert_eq!(skipped(&contents), [(SkipReason::Excluded, 1)]);
        assert!(contents.named.is_empty(), "nobody needs the name of what was excluded on purpose");
    }
    let gzipped = gzip(&tar(&[("a", b"first file")]));
    assert_eq!(unpack(&gzipped, LIMITS).0.closed, [(None, vec![])]);
}

#[test]
fn archives_in_archives_are_opened_to_a_depth() {
    let deepest = zipped(&[("e.env", b"here")]);
    let third = gzip(&tar(&[("d.zip", &deepest)]));
    let bytes = zipped(&[("b.jar", &zipped(&[("c.tgz", &third)]))]);
    let (out, contents) = unpack(&bytes, LIMITS);
    assert_eq!(names(&out), ["b.jar", "b.jar!c.tgz", "b.jar!c.tgz!d.zip"]);
    assert_eq!(skipped(&contents), [(SkipReason::TooDeep, 1)]);
    assert_eq!(contents.named[0].0, Some(BytePath::new("b.jar!c.tgz!d.zip")));
    let (out, contents) = unpack(&bytes, Limits { depth: 4, ..LIMITS });
    assert_eq!(names(&out).last(), Some(&"b.jar!c.tgz!d.zip!e.env"));
    assert_eq!((contents.archives, skipped(&contents)), (4, vec![]));
    assert_eq!(names(&unpack(&bytes, Limits { depth: 1, ..LIMITS }).0), ["b.jar"]);
    let named = zipped(&[("a.env.gz", &gzip(b"here")), ("t.tgz", &third)]);
    assert_eq!(
        names(&unpack(&named, LIMITS).0),
        ["a.env.gz", "a.env.gz!a.env", "t.tgz", "t.tgz!d.zip", "t.tgz!d.zip!e.env"]
    );
}

#[test]
fn hostile_names_are_only_ever_shown() {
    let entries = ["/etc/passwd", "../../up", "C:\\x", "a\u{1b}[2J\nb", "!bang", "nul\0nul"];
    let mut all: Vec<Entry> = entries.iter().map(|name| Entry::stored(name, b"x")).collect();
    all.push(Entry { name: vec![b'n'; 60_000], ..Entry::stored("", b"x") });
    all.push(Entry::stored("", b"x"));
    let (out, _) = unpack(&zip(&all), LIMITS);
    let long = "n".repeat(2048);
    let shown = ["/etc/passwd", "../../up", "C:\\x", "a\\x1b[2J\\x0ab", "./!bang", "nulnul", &long, "./"];
    assert_eq!(names(&out), shown);
}

#[test]
fn sizes_that_lie_hide_nothing_and_take_no_memory() {
    let text = made_up("[a-z \n]{5000}", 2).into_bytes();
    for size in [0, 1, 4999, 5001, 100_000, u32::MAX] {
        let lying = Entry { size, ..Entry::deflated("a", &text) };
        let (out, contents) = unpack(&zip(&[lying]), LIMITS);
        assert_eq!(out.files, [("a".to_owned(), text.clone())], "{size}");
        assert_eq!(skipped(&contents), [], "{size}");
    }
    let mut gzipped = gzip(&text);
    for size in [0_u32, 1, u32::MAX] {
        let end = gzipped.len() - 4;
        gzipped[end..].copy_from_slice(&size.to_le_bytes());
        let (out, contents) = unpack(&gzipped, LIMITS);
        assert_eq!((out.files[0].1.as_slice(), skipped(&contents)), (&*text, vec![(SkipReason::Damaged, 1)]), "{size}");
    }
}

#[test]
fn what_is_too_large_or_encrypted_or_packed_otherwise_is_counted_and_named() {
    let large = vec![b'x'; (1 << 20) + 1];
    let entries = [
        Entry::deflated("large", &large),
        Entry { size: 3, ..Entry::deflated("large, says otherwise", &large) },
        Entry { flags: 1, ..Entry::stored("locked", b"twelve bytes and more") },
        Entry { method: 9, ..Entry::stored("deflate64", b"x") },
        Entry::stored("last", b"seen"),
    ];
    let (out, contents) = unpack(&zip(&entries), LIMITS);
    assert_eq!(names(&out), ["last"]);
    let all = [(SkipReason::TooLarge, 2), (SkipReason::Encrypted, 1), (SkipReason::UnknownMethod, 1)];
    assert_eq!(contents.skipped, BTreeMap::from(all));
    assert_eq!(contents.named[0], (Some(BytePath::new("large")), SkipReason::TooLarge, (1 << 20) + 1));
    for bytes in [tar(&[("large", &large), ("last", b"seen")]), gzip(&tar(&[("large", &large), ("last", b"seen")]))] {
        let (out, contents) = unpack(&bytes, LIMITS);
        assert_eq!((names(&out), skipped(&contents)), (vec!["last"], vec![(SkipReason::TooLarge, 1)]));
    }
    for bytes in [gzip(&large), xz(&large), zstd(&large), bzip2(&large)] {
        let (out, contents) = unpack(&bytes, LIMITS);
        assert_eq!((names(&out), skipped(&contents)), (vec![], vec![(SkipReason::TooLarge, 1)]));
    }
}

#[test]
fn a_bomb_is_left_when_enough_has_come_out() {
    let zeros = gzip(&vec![0; 1 << 20]);
    // 4,000 entries over the same compressed megabyte.
    let one = Entry { data: zeros[10..zeros.len() - 8].to_vec(), method: 8, size: 1 << 20, ..Entry::default() };
    let again = |n: usize| Entry { name: format!("{n}").into(), at: (n > 0).then_some(0), ..one.clone() };
    let entries: Vec<Entry> = (0..4_000).map(again).collect();
    let (out, contents) = unpack(&zip(&entries), LIMITS);
    assert_eq!(skipped(&contents), [(SkipReason::OverLimit, 1)]);
    assert!(contents.bytes <= LIMITS.total && out.files.len() > 40, "{}", contents.bytes);
    // Out of all proportion to what went in, though below the total.
    let generous = Limits { total: 4 << 30, file: 1 << 30, ..LIMITS };
    let (_, contents) = unpack(&gzip(&vec![0; 100 << 20]), generous);
    assert_eq!((contents.bytes, skipped(&contents)), (0, vec![(SkipReason::OverLimit, 1)]));
    // Bombs in a bomb share what there is.
    let inner = zipped(&[("a", &vec![0; 1 << 20]), ("b", &vec![0; 1 << 20])]);
    let many: Vec<Entry> = (0..200).map(|n| Entry::deflated(&format!("{n}.zip"), &inner)).collect();
    let (_, contents) = unpack(&zip(&many), LIMITS);
    assert!(contents.bytes <= LIMITS.total, "{}", contents.bytes);
    assert!(contents.skipped.contains_key(&SkipReason::OverLimit));
}

#[test]
fn entries_without_end_are_left_after_so_many() {
    let one = Entry::stored("a", b"");
    let all: Vec<Entry> = (0..60_000).map(|_| Entry { at: Some(0), ..one.clone() }).collect();
    let part = zip(&[vec![one], all].concat());
    // A zip of four, since its directory counts to 65,535 alone.
    let four: Vec<Entry> = (0..4).map(|n| Entry::deflated(&n.to_string(), &part)).collect();
    let (_, contents) = unpack(&zip(&four), Limits { file: 16 << 20, ..LIMITS });
    assert!(contents.skipped.contains_key(&SkipReason::OverLimit), "{contents:?}");
    assert_eq!(contents.files, 4, "an empty file shows nothing");
}

#[test]
fn a_tar_of_odd_headers_is_read_as_tar_reads_it() {
    let mut bytes = Vec::new();
    let mut entry = |kind: u8, name: &str, size: u64, data: &[u8]| {
        let mut header = ::tar::Header::new_ustar();
        header.set_entry_type(::tar::EntryType::new(kind));
        header.set_path(name).unwrap();
        header.set_size(size);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    };
    let pax = "30 path=named/by/attributes.e\n";
    let lying = "15 size=000004\n";
    let huge = made_up("[a-z]{200000}", 3);
    entry(b'5', "dir/", 0, b"");
    entry(b'2', "link", 0, b"");
    entry(b'x', "attributes", pax.len() as u64, pax.as_bytes());
    entry(b'0', "another", 4, b"text");
    entry(b'x', "attributes", lying.len() as u64, lying.as_bytes());
    entry(b'0', "sized", 0, b"four");
    entry(b'x', "huge", huge.len() as u64, huge.as_bytes());
    entry(b'0', "after", 4, b"last");
    bytes.extend([0; 1024]);
    let second = tar(&[("second.env", b"x")]);
    let joined = [bytes.as_slice(), &second].concat();
    let (out, contents) = unpack(&joined, LIMITS);
    assert_eq!(names(&out), ["named/by/attributes.e", "sized", "after", "second.env"]);
    assert_eq!((out.files[1].1.as_slice(), skipped(&contents)), (&b"four"[..], vec![]));
    // An old tar has no mark, only a checksum.
    let mut old = ::tar::Header::new_old();
    old.set_path("old.env").unwrap();
    old.set_size(2);
    old.set_cksum();
    let bytes = [old.as_bytes().as_slice(), b"ab", &[0; 510]].concat();
    let (out, contents) = unpack(&bytes, LIMITS);
    assert_eq!((names(&out), skipped(&contents)), (vec!["old.env"], vec![]));
    let mut damaged = bytes.clone();
    damaged[5] ^= 1;
    assert_eq!(Format::of(&damaged), None);
}

#[test]
fn of_what_is_cut_off_all_that_came_before_is_shown() {
    let mut dice = Dice(4);
    let noise: Vec<u8> = (0..600_000).map(|_| dice.roll(256) as u8).collect();
    let tarred = tar(&[("first", b"first"), ("noise", &noise), ("last", b"last")]);
    for bytes in [tarred.clone(), gzip(&tarred), xz(&tarred), zstd(&tarred)] {
        let half = &bytes[..bytes.len() / 2];
        let (out, contents) = unpack(half, LIMITS);
        assert_eq!(names(&out).first(), Some(&"first"), "{:?} {contents:?}", Format::of(half));
        assert!(contents.skipped.contains_key(&SkipReason::Damaged), "{contents:?}");
    }
    let zipped = zipped(&[("first", b"first"), ("noise", &noise)]);
    let (out, contents) = unpack(&zipped[..zipped.len() - 10], LIMITS);
    assert_eq!((names(&out), skipped(&contents)), (vec![], vec![(SkipReason::Damaged, 1)]));
    let mut damaged = zipped.clone();
    damaged[1_000] ^= 0xff;
    let (out, contents) = unpack(&damaged, LIMITS);
    assert!(out.files.len() == 2 || contents.skipped.contains_key(&SkipReason::Damaged), "{contents:?}");
}

/// A generator that gives the same numbers on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

#[test]
fn damaged_archives_end_in_no_panic_and_within_the_limits() {
    let text = made_up("[a-z \n]{4000}", 5).into_bytes();
    let noise = made_up("[A-Za-z0-9+/]{4000}", 6).into_bytes();
    let files: Vec<(&str, &[u8])> = vec![("a", &text), ("b", &noise), ("c.gz", b"")];
    let tarred = tar(&files);
    let nested = zipped(&[("x.tgz", &gzip(&tarred)), ("y.zip", &zipped(&files)), ("z.tar", &tarred)]);
    let stored: Vec<Entry> = files.iter().map(|(name, bytes)| Entry::stored(name, bytes)).collect();
    let whole = [zip(&stored), nested, tarred.clone(), gzip(&tarred), xz(&tarred), zstd(&tarred), bzip2(&tarred)];
    let limits = Limits { depth: 3, file: 1 << 20, total: 2 << 20 };
    let mut dice = Dice(7);
    let (mut opened, mut damaged) = (0, 0);
    for round in 0..2_100 {
        let mut bytes = whole[round % whole.len()].clone();
        for _ in 0..=dice.roll(4) {
            let at = dice.roll(bytes.len());
            match dice.roll(4) {
                0 => bytes.truncate(at.max(30)),
                1 => bytes[at] ^= 1 << dice.roll(8),
                2 => bytes[at] = [0, 0xff, 0x7f, 0x80][dice.roll(4)],
                _ => {
                    let run = dice.roll(40).min(bytes.len() - at);
                    bytes[at..at + run].iter_mut().for_each(|byte| *byte = dice.roll(256) as u8);
                }
            }
        }
        let Some(format) = Format::of(&bytes) else { continue };
        let contents = open(format, &bytes, limits, &mut Out::default());
        opened += 1;
        damaged += u64::from(contents.skipped.contains_key(&SkipReason::Damaged));
        assert!(contents.bytes <= limits.total, "round {round}: {contents:?}");
    }
    assert!(opened > 1_500 && damaged > 500, "{opened} opened, {damaged} damaged");
}

fn env(seed: u64) -> Vec<u8> {
    format!("# made up\n\ntoken = \"{}\"\n", github_token(seed)).into_bytes()
}

fn scan(dir: &std::path::Path, args: &[&str]) -> Output {
    keyward().arg("scan").args(args).args(["-f", "json"]).current_dir(dir).output().unwrap()
}

/// (path, line) of each finding.
fn found(out: &Output) -> Vec<(String, u64)> {
    findings(out).into_iter().map(|(path, line, _)| (path, line)).collect()
}

#[test]
fn the_same_archive_says_the_same_from_every_source() {
    let zip = zipped(&[("b/c.env", &env(1)), ("d.tgz", &gzip(&tar(&[("e.txt", &env(2))])))]);
    let expected = [("x/a.zip!b/c.env".to_owned(), 3), ("x/a.zip!d.tgz!e.txt".to_owned(), 3)];
    let repo = Repo::new();
    repo.write("readme", "hello\n").commit("first");
    repo.write("x/a.zip", &zip);
    assert_eq!(found(&scan(repo.path(), &[])), expected, "working tree");
    repo.git(&["add", "-A"]);
    assert_eq!(found(&scan(repo.path(), &["--staged"])), expected, "staged");
    repo.commit("second");
    assert_eq!(found(&scan(repo.path(), &["--range", "HEAD~1..HEAD"])), expected, "range");
    let history = scan(repo.path(), &["--history", "--no-cache"]);
    assert_eq!(found(&history), expected, "history");
    let place = &json(&history)["findings"][0];
    assert_eq!((&place["archive"], &place["inner"]), (&"x/a.zip".into(), &"b/c.env".into()));
    assert_eq!((&place["paths"][0], &place["occurrences"][0]["inner"]), (&"x/a.zip!b/c.env".into(), &"b/c.env".into()));
    assert_eq!(json(&history)["coverage"]["archives"], 2);
    let mut command = keyward();
    command.args(["scan", "--stdin", "--path", "x/a.zip", "-f", "json"]).current_dir(repo.path());
    let stdin = |mut command: std::process::Command| {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), &zip).unwrap();
        child.wait_with_output().unwrap()
    };
    assert_eq!(found(&stdin(command)), expected, "standard input");
    let mut command = keyward();
    command.args(["scan", "--stdin"]).current_dir(repo.path());
    assert!(text(&stdin(command)).contains("stdin!b/c.env:3:10"), "without a name");
}

#[test]
fn a_secret_of_an_archive_in_a_history_is_known_by_every_path_and_forgotten_by_none() {
    let repo = Repo::new();
    let zip = zipped(&[("b.env", &env(1)), ("b2.env", &env(1))]);
    repo.write("old/a.zip", &zip).commit("first");
    repo.git(&["mv", "old", "new"]);
    repo.commit("moved");
    repo.git(&["rm", "-q", "-r", "new"]);
    repo.write("keep", "x").commit("gone");
    let state = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let mut command = keyward();
        command.args(["scan", "--history", "-f", "json"]).args(args).env("XDG_STATE_HOME", state.path());
        let mut report = json(&command.current_dir(repo.path()).output().unwrap());
        report.as_object_mut().unwrap().remove("elapsed_ms");
        report
    };
    let first = run(&[]);
    let all: Vec<&serde_json::Value> = first["findings"][0]["paths"].as_array().unwrap().iter().collect();
    assert_eq!(all, ["new/a.zip!b.env", "new/a.zip!b2.env", "old/a.zip!b.env", "old/a.zip!b2.env"]);
    assert_eq!(first["findings"][0]["path"], "old/a.zip!b.env");
    assert_eq!(first["findings"].as_array().unwrap().len(), 1, "one secret is one finding");
    assert_eq!(first["findings"][0]["occurrences"].as_array().unwrap().len(), 2);
    assert_eq!(first, run(&[]), "from the cache");
    assert_eq!(first, run(&["--no-cache"]));
    // Unreachable, and then in no tree at all.
    repo.git(&["checkout", "-q", "--orphan", "fresh"]);
    repo.write("keep", "y").commit("anew");
    repo.git(&["branch", "-q", "-D", "main"]);
    assert_eq!(run(&["--no-cache"])["findings"], serde_json::json!([]));
    assert_eq!(run(&["--no-cache"])["coverage"]["archives"], 0);
    let all = run(&["--all-objects"]);
    assert_eq!(all["findings"][0]["unreachable"], true);
    assert_eq!(all, run(&["--all-objects", "--no-cache"]));
    let loose = Repo::new();
    loose.write("keep", "x").commit("first");
    loose.write("loose.zip", &zip).git(&["hash-object", "-w", "loose.zip"]);
    std::fs::remove_file(loose.join("loose.zip")).unwrap();
    let out = scan(loose.path(), &["--history", "--all-objects", "--no-cache"]);
    assert_eq!(
        (&json(&out)["findings"][0]["path"], &json(&out)["findings"][0]["inner"]),
        (&().into(), &"b.env".into())
    );
}

#[test]
fn only_what_an_archive_did_not_hold_before_is_fresh() {
    let repo = Repo::new();
    let before = zipped(&[("a.env", &env(1)), ("b.env", &env(2)), ("c.txt", b"one\n")]);
    repo.write("a.zip", &before).commit("first");
    let grown = [env(2), env(3)].concat();
    let after = zipped(&[("moved/a.env", &env(1)), ("b.env", &grown), ("c.txt", b"two\n"), ("d.env", &env(4))]);
    repo.write("a.zip", &after).git(&["add", "-A"]);
    let new = [("a.zip!b.env".to_owned(), 6), ("a.zip!d.env".to_owned(), 3)];
    assert_eq!(found(&scan(repo.path(), &["--staged"])), new);
    repo.commit("second");
    assert_eq!(found(&scan(repo.path(), &["--range", "HEAD~1..HEAD"])), new);
    repo.git(&["mv", "a.zip", "b.zip"]);
    assert_eq!(found(&scan(repo.path(), &["--staged"])), [], "a rename brings nothing");
    // What was no archive before has no files to compare with.
    repo.write("b.zip", "no archive").commit("third");
    repo.write("b.zip", zipped(&[("a.env", &env(1))])).git(&["add", "-A"]);
    assert_eq!(found(&scan(repo.path(), &["--staged"])), [("b.zip!a.env".to_owned(), 3)]);
}

#[test]
fn what_lies_in_an_archive_is_excluded_allowed_and_commented_like_any_file() {
    let dir = tempfile::tempdir().unwrap();
    let commented = [b"# keyward:allow github-pat -- made up\n".to_vec(), env(2)[11..].to_vec()].concat();
    let files = [("b/c.env", env(1)), ("d.env", commented), ("e.env", env(3))];
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    std::fs::write(dir.path().join("a.tar"), tar(&files)).unwrap();
    let stored: Vec<Entry> = files.iter().map(|(name, bytes)| Entry::stored(name, bytes)).collect();
    std::fs::write(dir.path().join("a.zip"), zip(&stored)).unwrap();
    let with = |config: &str, args: &[&str]| {
        std::fs::write(dir.path().join("keyward.toml"), config).unwrap();
        scan(dir.path(), args)
    };
    let all = |names: &[&str]| -> Vec<(String, u64)> {
        let both =
            ["a.tar", "a.zip"].iter().flat_map(|archive| names.iter().map(move |name| format!("{archive}!{name}")));
        both.map(|path| (path, 3)).collect()
    };
    assert_eq!(found(&with("", &[])), all(&["b/c.env", "e.env"]), "each once, the commented one not at all");
    let out = with("[scan]\nexclude = ['a.zip', 'a.tar!b/c.env', 'e.env']", &[]);
    assert_eq!(found(&out), []);
    assert_eq!(json(&out)["coverage"]["skipped"]["excluded"], 3);
    assert_eq!(found(&with("[[allow]]\npaths = ['a.zip']\n[[allow]]\npaths = ['*.tar/b/']", &[])).len(), 1);
    let stays = found(&with("[scan]\narchives = false", &[]));
    assert!(!stays.is_empty() && stays.iter().all(|(path, _)| !path.contains('!')), "stored as they are: {stays:?}");
    assert_eq!(found(&with("", &["--no-archives"])), stays);
    assert_eq!(found(&with("[scan]\narchives = false", &["--archives"])), all(&["b/c.env", "e.env"]));
    let deep = zipped(&[("x.zip", &zipped(&[("e.env", &env(3))]))]);
    std::fs::write(dir.path().join("a.zip"), deep).unwrap();
    std::fs::remove_file(dir.path().join("a.tar")).unwrap();
    assert_eq!(found(&with("", &[])), [("a.zip!x.zip!e.env".to_owned(), 3)]);
    assert_eq!(found(&with("[scan]\narchive_depth = 1", &[])), []);
    with("", &[]);
    let baseline = keyward().args(["baseline", "create"]).current_dir(dir.path()).output().unwrap();
    assert!(baseline.status.success(), "{}", text(&baseline));
    let kept = std::fs::read_to_string(dir.path().join(".keyward-baseline.json")).unwrap();
    assert!(kept.contains("a.zip!x.zip!e.env"), "{kept}");
    std::fs::write(dir.path().join("moved.zip"), zipped(&[("other.env", &env(3))])).unwrap();
    assert_eq!(found(&with("", &[])), [], "the baseline knows the secret wherever it lies");
}

#[test]
fn path_conditions_look_at_the_path_inside() {
    let dir = tempfile::tempdir().unwrap();
    let secret = made_up("[a-f0-9]{40}", 9);
    let rule = "[[rule]]\nid = 'acme-env'\nname = 'Acme'\nseverity = 'high'\nconfidence = 'high'\nwhy = 'x'\nfix = 'y'\n\
                token = 'acme_[a-f0-9]{40}'\nanchors = ['acme_']\npaths = ['*.acme']\n\
                examples.match = ['acme_[a-f0-9]{40}']\nexamples.no_match = ['acme_[a-f0-9]{4}']\n";
    std::fs::write(dir.path().join("keyward.toml"), rule).unwrap();
    let line = format!("acme_{secret}\n");
    let files: Vec<(&str, &[u8])> = vec![("a.acme", line.as_bytes()), ("a.txt", line.as_bytes())];
    std::fs::write(dir.path().join("a.zip"), zipped(&files)).unwrap();
    std::fs::write(dir.path().join("b.acme.gz"), gzip(line.as_bytes())).unwrap();
    let out = scan(dir.path(), &[]);
    assert_eq!(found(&out), [("a.zip!a.acme".to_owned(), 1), ("b.acme.gz!b.acme".to_owned(), 1)], "{}", text(&out));
}

#[test]
fn a_damaged_archive_is_told_and_fails_no_run() {
    let dir = tempfile::tempdir().unwrap();
    let zip = zipped(&[("a.txt", b"nothing")]);
    std::fs::write(dir.path().join("fixture.zip"), &zip[..zip.len() - 8]).unwrap();
    let locked = Entry { flags: 1, ..Entry::stored("b/locked", b"twelve bytes and more") };
    std::fs::write(dir.path().join("locked.zip"), crate::common::pack::zip(&[locked])).unwrap();
    let out = keyward().args(["scan", "-v"]).current_dir(dir.path()).output().unwrap();
    let said = text(&out);
    assert_eq!(out.status.code(), Some(0), "{said}");
    assert!(said.contains("2 archives, or files in them, could not be looked into"), "{said}");
    assert!(said.contains("fixture.zip (damaged)") && said.contains("locked.zip!b/locked (encrypted)"), "{said}");
    assert!(said.contains("skipped 1 encrypted, 1 damaged"), "{said}");
    let report = json(&scan(dir.path(), &[]));
    assert_eq!(
        report["coverage"]["unopened"][1],
        serde_json::json!({"name": "locked.zip!b/locked", "why": "encrypted"})
    );
}

#[test]
fn code_scanning_is_pointed_to_the_archive_and_told_the_place_inside() {
    let dir = tempfile::tempdir().unwrap();
    let name = "b]\u{1b}(/c d.env";
    std::fs::write(dir.path().join("a b.zip"), zipped(&[(name, &env(1))])).unwrap();
    let out = keyward().args(["scan", "-f", "sarif"]).current_dir(dir.path()).output().unwrap();
    let result = &json(&out)["runs"][0]["results"][0];
    let place = &result["locations"][0];
    assert_eq!(place["physicalLocation"]["artifactLocation"]["uri"], "a%20b.zip");
    assert_eq!(place["physicalLocation"]["region"]["startLine"], 1);
    assert!(place["physicalLocation"]["contextRegion"].is_null());
    assert_eq!(place["logicalLocations"][0]["kind"], "archive-entry");
    assert!(place["logicalLocations"][0]["fullyQualifiedName"].as_str().unwrap().starts_with("a b.zip!b]"), "{place}");
    let message = result["message"]["text"].as_str().unwrap();
    assert!(
        message.contains("a b.zip!b]") && message.contains(", line 3.") && !message.contains('\u{1b}'),
        "{message}"
    );
    assert!(!text(&out).contains(&github_token(1)[8..]));
}
