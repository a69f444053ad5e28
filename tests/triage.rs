//! Tests of: triage. Configuration as documented, and the baseline under git's own merge.

use std::sync::Arc;

use keyward::config::{Config, EXAMPLE, KEYS};
use keyward::model::{
    BytePath, Candidate, Confidence, Mark, MarkScope, Notes, Origin, OriginKind, Placement, Position, RuleMeta, Secret,
    Severity, Sighting, Snippet, Span,
};
use keyward::triage::{Baseline, Settings, baseline, decide};
use proptest::prelude::*;

use crate::common::made_up;
use crate::common::repo::Repo;

const BASELINE: &str = ".keyward-baseline.json";

fn candidate(secret: &str, guessable: bool) -> Candidate {
    let meta = RuleMeta {
        id: "acme-token".into(),
        name: "Acme token".into(),
        provider: "Acme".into(),
        severity: Severity::High,
        why: "It opens.".into(),
        fix: "Close it.".into(),
        link: String::new(),
        generic: guessable,
    };
    let line = format!("key = {secret} # {secret}");
    let span = Span::new(6, 6 + secret.len());
    let secret = Secret::new(secret.as_bytes(), 0);
    Candidate {
        decoded: Vec::new(),
        encoded: None,
        claim: None,
        rule: Arc::new(meta),
        span,
        whole: span,
        start: Position { line: 1, column: 7, column_utf16: 7 },
        end: Position { line: 1, column: 9, column_utf16: 9 },
        confidence: Confidence::High,
        notes: Notes::default(),
        related: Vec::new(),
        snippet: Snippet::new(line.as_bytes(), span, &[(span, &secret)]),
        secret,
        guessable,
        dropped: None,
        paths: Vec::new(),
        features: Arc::default(),
    }
}

fn token(seed: u64) -> Candidate {
    candidate(&made_up("acme_[A-Za-z0-9]{30}", seed), false)
}

fn origin(path: &str) -> Origin {
    Origin::at(OriginKind::Tree, BytePath::new(path))
}

/// An empty baseline whose salt, and so whose order, is always the same.
fn empty_with_salt(salt: u64) -> String {
    let text = String::from_utf8(Baseline::empty(None).unwrap().to_bytes()).unwrap();
    let (head, tail) = text.split_once("\"salt\": \"").unwrap();
    format!("{head}\"salt\": \"{salt:032x}\"{}", tail.split_once('"').unwrap().1)
}

/// Adds the secrets of `seeds` to the baseline in the working tree.
fn accept(repo: &Repo, seeds: impl Iterator<Item = u64>) {
    let mut baseline = Baseline::read(&std::fs::read(repo.join(BASELINE)).unwrap(), None).unwrap();
    let (at, found): (Origin, Vec<Candidate>) = (origin("src/a b.rs"), seeds.map(token).collect());
    let seen: Vec<_> = found.iter().map(|candidate| (&at, candidate)).collect();
    baseline.update(&seen, false).unwrap();
    repo.write(BASELINE, baseline.to_bytes());
}

/// The line after which each new line of `new` stands, in `old`'s count.
fn gaps(old: &str, new: &str) -> Vec<usize> {
    let mut old = old.lines().peekable();
    let mut at = 0;
    let mut gaps = Vec::new();
    for line in new.lines() {
        if old.next_if_eq(&line).is_some() {
            at += 1;
        } else {
            gaps.push(at);
        }
    }
    gaps
}

#[test]
fn branches_that_accept_different_secrets_merge_without_conflict() {
    let mut merged = 0;
    // Of these the last is one where both add an entry at the same place.
    for (salt, size) in [(0, 0), (1, 30), (2, 300), (10, 0)] {
        let repo = Repo::new();
        repo.write(BASELINE, empty_with_salt(salt));
        let base = salt * 1_000;
        accept(&repo, base..base + size);
        repo.commit("base");
        let text = |at: &str| repo.git(&["show", &format!("{at}:{BASELINE}")]);
        repo.git(&["checkout", "-q", "-b", "side"]);
        accept(&repo, base + 500..base + 502);
        repo.commit("side");
        repo.git(&["checkout", "-q", "main"]);
        accept(&repo, base + 600..base + 602);
        repo.commit("main");
        let (old, side, main) = (text("main~1"), text("side"), text("main"));
        let (side, main) = (gaps(&old, &side), gaps(&old, &main));
        assert_eq!((side.len(), main.len()), (2, 2), "one line an entry, and no other line changes");
        let apart = side.iter().all(|gap| !main.contains(gap));
        let merge = repo.try_git(&["merge", "-q", "--no-edit", "side"]);
        assert_eq!(merge.status.success(), apart, "only the very same place conflicts: {side:?} {main:?}");
        if !apart {
            let bytes = std::fs::read(repo.join(BASELINE)).unwrap();
            let error = Baseline::read(&bytes, None).unwrap_err().to_string();
            assert!(error.contains("merge conflict"), "{error}");
            continue;
        }
        merged += 1;
        let both = Baseline::read(&std::fs::read(repo.join(BASELINE)).unwrap(), None).unwrap();
        assert_eq!(both.entries().len() as u64, size + 4);
        for seed in (base..base + size).chain(base + 500..base + 502).chain(base + 600..base + 602) {
            assert!(both.covers(&token(seed)), "{seed}");
        }
        assert_eq!(
            both.to_bytes(),
            std::fs::read(repo.join(BASELINE)).unwrap(),
            "the merge is what keyward would write"
        );
    }
    assert_eq!(merged, 3);
}

#[test]
fn with_merge_union_even_the_same_place_merges() {
    let repo = Repo::new();
    repo.write(".gitattributes", format!("{BASELINE} merge=union\n"));
    repo.write(BASELINE, Baseline::empty(None).unwrap().to_bytes());
    repo.commit("base");
    repo.git(&["checkout", "-q", "-b", "side"]);
    accept(&repo, 0..60);
    repo.commit("side");
    repo.git(&["checkout", "-q", "main"]);
    accept(&repo, 50..110);
    repo.commit("main");
    repo.git(&["merge", "-q", "--no-edit", "side"]);
    let both = Baseline::read(&std::fs::read(repo.join(BASELINE)).unwrap(), None).unwrap();
    assert_eq!(both.entries().len(), 110);
    assert!((0..110).all(|seed| both.covers(&token(seed))));
}

#[test]
fn a_baseline_of_one_scan_covers_the_next_though_everything_moved() {
    let config = Config::default();
    let today = jiff::civil::date(2030, 1, 1);
    let sighting = |path: &str, candidate: Candidate| Sighting {
        origin: origin(path),
        candidate,
        placement: Placement::default(),
        marks: vec![vec![]],
    };
    let seen: Vec<Sighting> = (0..5).map(|seed| sighting("a", token(seed))).collect();
    let first = decide(seen, &[], &Settings::new(&config, Confidence::Medium, today));
    assert_eq!(first.findings.len(), 5);
    let accepted = Baseline::create(&baseline::seen(&first.findings, &first.dropped), None).unwrap();
    let moved: Vec<Sighting> = (0..6).map(|seed| sighting("copy/of/b", token(seed))).collect();
    let settings = Settings { baseline: Some(&accepted), ..Settings::new(&config, Confidence::Medium, today) };
    let second = decide(moved, &[], &settings);
    assert_eq!((second.findings.len(), second.dropped.len()), (1, 5));
    // An update after a scan with the baseline keeps what it covered.
    let mut updated = Baseline::read(&accepted.to_bytes(), None).unwrap();
    let change = updated.update(&baseline::seen(&second.findings, &second.dropped), true).unwrap();
    assert_eq!((change.added, change.removed), (1, 0));
}

#[test]
fn every_toml_block_of_the_documentation_reads() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/config.md")).unwrap();
    let blocks: Vec<&str> = page.split("```toml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    assert!(blocks.len() >= 5);
    for block in blocks.iter().copied().chain([EXAMPLE]) {
        if let Err(errors) = Config::read("docs/config.md", block.as_bytes()) {
            panic!("{block}\n{errors:?}");
        }
    }
}

#[test]
fn every_key_is_documented_under_its_table_and_no_other_key_is() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/config.md")).unwrap();
    for table in ["scan", "rules", "rule", "allow", "baseline"] {
        let header =
            if ["rule", "allow"].contains(&table) { format!("## [[{table}]]") } else { format!("## [{table}]") };
        let section = page.split_once(&format!("{header}\n")).expect(&header).1;
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(key, _)| key));
        let mut documented: Vec<&str> = rows.collect();
        let mut keys: Vec<&str> = KEYS.iter().filter(|key| key.table == table).map(|key| key.name).collect();
        documented.sort_unstable();
        keys.sort_unstable();
        assert_eq!(documented, keys, "{header}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    /// Nothing that triage or a baseline says holds a secret, whatever drops it or gives a reason for it.
    #[test]
    fn nothing_that_triage_says_holds_a_secret(seed in any::<u64>(), guessable in any::<bool>(), stage in 0..4) {
        let pattern = if guessable { "[a-z]{5}-[0-9]{4}" } else { "acme_[A-Za-z0-9]{30}" };
        let secret = made_up(pattern, seed);
        let mut found = candidate(&secret, guessable);
        let reason = format!("because {secret} is fine");
        let text = format!("[[allow]]\nrules = ['acme-token']\nreason = '{reason}'\nexpires = 2030-01-0{}",
            if stage == 1 { 2 } else { 1 });
        let config = Config::read("keyward.toml", text.as_bytes()).unwrap();
        let mark = Mark { line: 1, covers: (1, 1), scope: MarkScope::AnyRule, syntax: "keyward:allow",
            reason: Some(reason), fresh: true };
        let at = Origin { kind: OriginKind::Staged, ..origin("a") };
        let accepted = Baseline::create(&[(&at, &found)], None).unwrap();
        if stage == 3 { found.confidence = Confidence::Low; }
        let marks = if stage == 0 { vec![mark.clone()] } else { vec![] };
        let sighting = Sighting { origin: at.clone(), candidate: found, placement: Placement::default(),
            marks: vec![marks] };
        let before = Config::default();
        let settings = Settings {
            baseline: (stage == 2).then_some(&accepted), before: Some(&before), whole: true,
            ..Settings::new(&config, Confidence::Medium, jiff::civil::date(2030, 1, 2))
        };
        let verdict = decide(vec![sighting], &[(at, mark)], &settings);
        prop_assert_eq!(verdict.dropped.len(), 1);
        let file = String::from_utf8(accepted.to_bytes()).unwrap();
        let said = format!("{verdict:?} {accepted:?} {file} {settings:?}");
        // The reason that stands in the configuration is the user's own; nothing else may hold the secret.
        let said = said.replace(&format!("reason: Some(\"because {secret} is fine\")"), "");
        prop_assert!(!said.contains(&secret), "{}", said);
        let digest = accepted.entries().next().unwrap().digest.clone();
        prop_assert_eq!(digest.ends_with("-argon2"), guessable);
    }

    /// Bytes of any kind are read or refused, never a panic; what is refused names its line.
    #[test]
    fn hostile_bytes_are_refused_politely(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..2_000) {
        let _ = Config::read("k", &bytes);
        let _ = Baseline::read(&bytes, None);
        let mut example = EXAMPLE.as_bytes().to_vec();
        let at = cut % example.len();
        example.splice(at..at, bytes.iter().copied().take(3));
        if let Err(errors) = Config::read("k", &example) {
            prop_assert!(errors.iter().all(|error| error.line >= 1));
        }
    }
}
