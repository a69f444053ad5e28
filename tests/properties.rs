//! What must hold for any input, tried on many made ones with fixed seeds: masking, freshness, history.

use std::collections::BTreeSet;
use std::sync::Mutex;

use keyward::config::PathFilter;
use keyward::detect::Detector;
use keyward::git::Repo as Git;
use keyward::model::{Blob, Clock, Fresh, Origin, OriginKind, Span};
use keyward::rule::pack::{Pack, builtin_examples};
use keyward::rule::pattern::{Seed, expand};
use keyward::source::{Limits, staged};

use crate::common::repo::Repo;
use crate::common::{github_token, json, keyward, made_up, text};

fn detector() -> Detector {
    Detector::new(Pack::builtin().unwrap().rules).unwrap()
}

fn limits(exclude: &PathFilter) -> Limits<'_> {
    Limits { max_file_size: 1 << 20, exclude, clock: Clock::default() }
}

/// One line that is like no other: text, or a secret of some kind.
fn line(seed: &mut Seed, number: u64) -> String {
    match seed.below(4) {
        0 => format!("token_{number} = \"{}\"\n", github_token(seed.below(u64::MAX))),
        1 => format!("s{number}: {}\n", made_up("xoxb-[0-9]{12}-[0-9]{12}-[A-Za-z0-9]{24}", seed.below(u64::MAX))),
        _ => format!("let line_{number} = {};\n", seed.below(1_000_000)),
    }
}

#[test]
fn a_staged_edit_shows_exactly_what_the_whole_blob_shows_in_its_added_lines() {
    let detector = detector();
    let none = PathFilter::default();
    let mut seed = Seed::new(41);
    let mut number = 0;
    let repo = Repo::new();
    let mut lines: Vec<String> = (0..30).map(|n| line(&mut seed, n + 1_000_000)).collect();
    repo.write("a.txt", lines.concat()).commit("start");
    let mut some = 0;
    for round in 0..25 {
        let old: BTreeSet<String> = lines.iter().cloned().collect();
        for _ in 0..=seed.below(5) {
            let at = seed.below(lines.len() as u64 + 1) as usize;
            number += 1;
            match seed.below(3) {
                0 if at < lines.len() => drop(lines.remove(at)),
                1 if at < lines.len() => lines[at] = line(&mut seed, number),
                _ => lines.insert(at, line(&mut seed, number)),
            }
        }
        let new = lines.concat();
        repo.write("a.txt", &new);
        repo.git(&["add", "-A"]);
        // Every line is unique, so the added ones are those that the old version had not.
        let mut at = 0;
        let mut added = Vec::new();
        for text in &lines {
            if !old.contains(text) {
                added.push(Span::new(at, at + text.len()));
            }
            at += text.len();
        }
        let origin = Origin::new(OriginKind::Stdin);
        let whole = detector.scan(&Blob {
            origin: &origin,
            bytes: new.as_bytes(),
            fresh: &Fresh::All,
            former_path: None,
            earlier: &[],
        });
        let whole = whole.map(|found| found.candidates).unwrap_or_default();
        let expected: BTreeSet<(Span, String)> = whole
            .iter()
            .filter(|c| c.evidence().any(|part| added.iter().any(|line| line.overlaps(&part))))
            .map(|c| (c.span, c.rule.id.clone()))
            .collect();
        let seen = Mutex::new(BTreeSet::new());
        let git = Git::discover(repo.path()).unwrap().unwrap();
        staged(&git, limits(&none), &|blob: &Blob<'_>| {
            let found = detector.scan(blob).map(|found| found.candidates).unwrap_or_default();
            seen.lock().unwrap().extend(found.iter().map(|c| (c.span, c.rule.id.clone())));
        })
        .unwrap();
        assert_eq!(seen.into_inner().unwrap(), expected, "round {round}");
        some += expected.len();
        repo.commit("next");
    }
    assert!(some > 20, "the rounds must show something: {some}");
}

#[test]
fn no_report_of_any_rule_shows_a_raw_secret() {
    // Every rule's own examples in one file: whatever is found, dropped or printed beside it stays masked.
    let mut secrets: Vec<String> = Vec::new();
    let dir = tempfile::tempdir().unwrap();
    for (number, (id, examples)) in builtin_examples().unwrap().into_iter().enumerate() {
        let mut seed = Seed::named(&id);
        let mut lines = String::new();
        for pattern in &examples.matching {
            let made = String::from_utf8_lossy(&expand(pattern, &mut seed).unwrap()).into_owned();
            lines.push_str(&made);
            lines.push('\n');
        }
        let folder = dir.path().join(format!("{number}"));
        let name = if examples.path.is_empty() { "example.txt" } else { &examples.path };
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, &lines).unwrap();
    }
    let run = |args: &[&str]| keyward().arg("scan").args(args).current_dir(dir.path()).output().unwrap();
    let shown = run(&["-f", "json", "--confidence", "low", "--show-secrets", "--explain"]);
    let report = json(&shown);
    for finding in report["findings"].as_array().unwrap() {
        let secret = finding["secret"].as_str().unwrap().to_owned();
        // Shorter ones may stand in a report as ordinary words.
        if secret.len() >= 12 {
            secrets.push(secret);
        }
    }
    assert!(secrets.len() > 300, "{}", secrets.len());
    // All at once: thousands of secrets in megabytes of reports take minutes one by one.
    let any = aho_corasick::AhoCorasick::new(&secrets).unwrap();
    for format in ["human", "json", "jsonl", "sarif"] {
        let out = text(&run(&["-f", format, "--confidence", "low", "--explain", "-v"]));
        let shown = any.find(&out).map(|found| found.len());
        assert_eq!(shown, None, "{format} shows a secret of so many bytes");
    }
}
