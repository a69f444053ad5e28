//! Tests of the decisions: every drop reason, and every notice.

use jiff::civil::date;

use super::testing::{candidate, made_up, mark, origin, sighting};
use super::*;
use crate::model::{BytePath, CommitInfo, ObjectId, Placement, Span};

fn config(text: &str) -> Config {
    Config::read("keyward.toml", text.as_bytes()).unwrap()
}

fn settings(config: &Config) -> Settings<'_> {
    Settings::new(config, Confidence::Medium, date(2030, 6, 1))
}

fn token(seed: u64) -> Candidate {
    candidate("acme-token", &made_up(seed), false)
}

/// Decides on one sighting: who dropped it, with what sentence; None when it is a finding.
fn one(sighting: Sighting, settings: &Settings<'_>) -> Option<(DropStage, String)> {
    let mut verdict = decide(vec![sighting], &[], settings);
    assert_eq!(verdict.findings.len() + verdict.dropped.len(), 1);
    verdict.dropped.pop().map(|dropped| (dropped.stage, dropped.why))
}

fn marked(path: &str, candidate: Candidate, marks: Vec<Vec<Mark>>) -> Sighting {
    Sighting { marks, ..sighting(path, candidate) }
}

#[test]
fn what_nothing_drops_is_a_finding_with_a_fingerprint() {
    let verdict = decide(vec![sighting("a", token(1))], &[], &settings(&Config::default()));
    assert!(verdict.findings[0].fingerprint.starts_with("s1:"));
    assert!(verdict.dropped.is_empty() && verdict.notices.is_empty());
}

#[test]
fn what_the_check_dropped_stays_dropped_with_its_own_sentence() {
    let dropped = Candidate { dropped: Some("it is a placeholder".into()), ..token(1) };
    let (stage, why) = one(sighting("a", dropped), &settings(&Config::default())).unwrap();
    assert_eq!((stage, why.as_str()), (DropStage::Detect, "it is a placeholder"));
}

#[test]
fn a_comment_silences_its_rules_and_names_itself() {
    let none = Config::default();
    let with = |rules: &[&str]| one(marked("a", token(1), vec![vec![mark(rules)]]), &settings(&none));
    assert_eq!(with(&[]).unwrap().0, DropStage::Inline);
    assert_eq!(with(&["other", "acme-token"]).unwrap().1, "the comment `keyward:allow` on line 2 covers it");
    assert_eq!(with(&["other"]), None);
}

#[test]
fn every_occurrence_needs_a_comment() {
    let none = Config::default();
    let with = |marks: Vec<Vec<Mark>>| one(marked("a", token(1), marks), &settings(&none));
    assert_eq!(with(vec![vec![mark(&[])], vec![]]), None);
    assert_eq!(with(vec![vec![mark(&[])], vec![mark(&["other"])]]), None);
    assert_eq!(with(vec![]), None, "no occurrence known: not silenced");
    let (_, why) = with(vec![vec![mark(&[])], vec![mark(&["acme-token"])]]).unwrap();
    assert!(why.contains("each of its 2 occurrences"), "{why}");
}

#[test]
fn a_reason_is_told_unless_it_holds_the_secret() {
    let none = Config::default();
    let with = |reason: String| {
        let mark = Mark { reason: Some(reason), ..mark(&[]) };
        one(marked("a", token(1), vec![vec![mark]]), &settings(&none)).unwrap().1
    };
    assert!(with("sandbox\u{1b}[2J key".into()).ends_with(": sandbox [2J key"));
    assert!(!with(format!("it was {}", made_up(1))).contains(&made_up(1)));
}

#[test]
fn each_condition_of_an_allowlist_entry_works_alone() {
    let secret = made_up(1);
    let part = secret.chars().take(6).collect::<String>();
    for (entry, fits) in [
        ("paths = ['fixtures/']", true),
        ("paths = ['*.yml']", false),
        ("rules = ['acme-token']", true),
        ("rules = ['other']", false),
        ("stopwords = ['PART']", true),
        ("stopwords = ['zzzzzz']", false),
        ("regexes = ['^part']", true),
        ("regexes = ['^key = ']", false),
        ("regexes = ['^key = part']\nregex_target = 'line'", true),
    ] {
        let entry = entry.replace("part", &part).replace("PART", &part.to_uppercase());
        let config = config(&format!("\n[[allow]]\n{entry}\nreason = 'recorded'\nowner = 'Ada'"));
        match one(sighting("fixtures/a.env", token(1)), &settings(&config)) {
            Some((DropStage::Allow, why)) if fits => {
                assert_eq!(why, "the allowlist entry at keyward.toml:2 covers it (owner: Ada): recorded");
            }
            None if !fits => {}
            other => panic!("{entry}: {other:?}"),
        }
    }
}

#[test]
fn all_conditions_of_an_entry_must_hold() {
    let config = config("[[allow]]\npaths = ['fixtures/']\nrules = ['acme-token', 'other']");
    assert!(one(sighting("fixtures/a", token(1)), &settings(&config)).is_some());
    assert!(one(sighting("src/a", token(1)), &settings(&config)).is_none());
    assert!(one(sighting("fixtures/a", candidate("third", "x-y-z", false)), &settings(&config)).is_none());
}

#[test]
fn in_a_history_every_path_must_be_allowed_or_excluded() {
    let history = |paths: &[&str]| {
        let mut sighting = sighting(paths[0], token(1));
        sighting.origin.kind = OriginKind::History;
        sighting.placement = Placement { paths: paths.iter().map(BytePath::new).collect(), ..Placement::default() };
        sighting
    };
    let allow = config("[[allow]]\npaths = ['fixtures/']");
    assert_eq!(one(history(&["fixtures/a", "x/fixtures/b"]), &settings(&allow)).unwrap().0, DropStage::Allow);
    assert_eq!(one(history(&["fixtures/a", "src/b"]), &settings(&allow)), None);
    let exclude = config("[scan]\nexclude = ['vendor']");
    assert_eq!(one(history(&["vendor/a"]), &settings(&exclude)).unwrap().0, DropStage::Path);
    assert_eq!(one(history(&["src/b", "vendor/a"]), &settings(&exclude)), None);
    // Elsewhere the source has left excluded paths out; a file that is handed in is looked at all the same.
    assert_eq!(one(sighting("vendor/a", token(1)), &settings(&exclude)), None);
}

#[test]
fn a_secret_without_a_path_fits_no_path() {
    let config = config("[[allow]]\npaths = ['**']");
    let message = Sighting { origin: Origin::new(OriginKind::CommitMessage), ..sighting("a", token(1)) };
    assert_eq!(one(message, &settings(&config)), None);
}

#[test]
fn the_baseline_covers_the_secret_and_not_its_line() {
    let (old, weak) = (token(1), candidate("password", "swordfish", true));
    let at = origin("old/place");
    let baseline = Baseline::create(&[(&at, &old), (&at, &weak)], None).unwrap();
    let none = Config::default();
    let settings = Settings { baseline: Some(&baseline), ..settings(&none) };
    let moved = Candidate { span: Span::new(5_000, 5_040), ..old.clone() };
    assert_eq!(one(sighting("new/place", moved), &settings).unwrap().0, DropStage::Baseline);
    assert_eq!(one(sighting("new/place", weak), &settings).unwrap().0, DropStage::Baseline);
    assert_eq!(one(sighting("old/place", token(2)), &settings), None, "another secret on the same line");
    let other = candidate("password", "sailfish", true);
    assert_eq!(one(sighting("old/place", other), &settings), None);
}

#[test]
fn what_is_below_the_threshold_says_so() {
    let none = Config::default();
    let low = Candidate { confidence: Confidence::Low, ..token(1) };
    let (stage, why) = one(sighting("a", low.clone()), &settings(&none)).unwrap();
    assert_eq!((stage, why.as_str()), (DropStage::Threshold, "its confidence is low, below the medium asked for"));
    assert_eq!(one(sighting("a", low), &Settings { confidence: Confidence::Low, ..settings(&none) }), None);
}

/// A sighting that only this stage drops, and the configuration that makes it: a new stage does not compile without.
fn dropped_by(stage: DropStage) -> (Sighting, &'static str) {
    let plain = || sighting("a", token(1));
    match stage {
        DropStage::Detect => (sighting("a", Candidate { dropped: Some("no".into()), ..token(1) }), ""),
        DropStage::Path => {
            let origin = Origin { kind: OriginKind::History, ..origin("vendor/a") };
            let placement = Placement { paths: [BytePath::new("vendor/a")].into(), ..Placement::default() };
            (Sighting { origin, placement, ..plain() }, "[scan]\nexclude = ['vendor']")
        }
        DropStage::Inline => (marked("a", token(1), vec![vec![mark(&[])]]), ""),
        DropStage::Allow => (plain(), "[[allow]]\nrules = ['acme-token']"),
        DropStage::Baseline => (plain(), ""),
        DropStage::Threshold => (sighting("a", Candidate { confidence: Confidence::Low, ..token(1) }), ""),
    }
}

#[test]
fn every_stage_drops_what_is_its_own_and_nothing_else() {
    let accepted = Baseline::create(&[(&origin("a"), &token(1))], None).unwrap();
    for stage in DropStage::ALL {
        let (seen, text) = dropped_by(stage);
        let own = config(text);
        let baseline = (stage == DropStage::Baseline).then_some(&accepted);
        let settings = Settings { baseline, ..settings(&own) };
        assert_eq!(one(seen, &settings).map(|(stage, _)| stage), Some(stage));
        let other = candidate("other-token", &made_up(9), false);
        assert_eq!(one(sighting("b", other), &settings), None, "{stage}");
    }
}

#[test]
fn the_first_that_applies_drops_it() {
    let all = config("[[allow]]\nrules = ['acme-token']");
    let low = Candidate { confidence: Confidence::Low, ..token(1) };
    let at = origin("a");
    let baseline = Baseline::create(&[(&at, &low)], None).unwrap();
    let with = Settings { baseline: Some(&baseline), ..settings(&all) };
    let silenced = marked("a", low.clone(), vec![vec![mark(&[])]]);
    assert_eq!(one(silenced, &with).unwrap().0, DropStage::Inline);
    assert_eq!(one(sighting("a", low.clone()), &with).unwrap().0, DropStage::Allow);
    let none = Config::default();
    let with = Settings { baseline: Some(&baseline), ..settings(&none) };
    assert_eq!(one(sighting("a", low), &with).unwrap().0, DropStage::Baseline);
}

#[test]
fn findings_are_sorted_by_origin_offset_and_rule() {
    let at = |path: &str, start: usize, rule: &str| {
        let span = Span::new(start, start + 40);
        sighting(path, Candidate { span, ..candidate(rule, &made_up(1), false) })
    };
    let order = [("a", 5, "x"), ("a", 50, "a"), ("a", 50, "b"), ("b", 1, "a")];
    let mixed = [3, 1, 0, 2].map(|i: usize| at(order[i].0, order[i].1, order[i].2)).to_vec();
    let found = decide(mixed, &[], &settings(&Config::default())).findings;
    let got: Vec<_> = found
        .iter()
        .map(|f| (f.origin.path.clone().unwrap().to_string(), f.candidate.span.start, f.candidate.rule.id.clone()))
        .collect();
    assert_eq!(got, order.map(|(path, start, rule)| (path.to_owned(), start, rule.to_owned())));
}

#[test]
fn a_secret_that_any_rule_takes_for_guessable_has_no_content_fingerprint() {
    let (weak, same) = (candidate("password", "swordfish", true), candidate("url", "swordfish", false));
    let found = decide(vec![sighting("a", weak), sighting("b", same)], &[], &settings(&Config::default())).findings;
    assert!(found.iter().all(|finding| finding.fingerprint.starts_with("l1:")), "{found:?}");
}

#[test]
fn an_expired_entry_does_not_apply_and_says_so_where_it_would_have() {
    let config = config("[[allow]]\nrules = ['acme-token']\nexpires = '2030-05-31'\nowner = 'Ada'");
    let verdict = decide(vec![sighting("a", token(1))], &[], &settings(&config));
    assert_eq!(verdict.findings.len(), 1);
    assert_eq!(verdict.notices, ["keyward.toml:1: this allowlist entry applied until 2030-05-31 (owner: Ada)"]);
    assert!(decide(vec![], &[], &settings(&config)).notices.is_empty(), "a partial scan does not nag");
    assert_eq!(decide(vec![], &[], &Settings { whole: true, ..settings(&config) }).notices.len(), 1);
}

#[test]
fn what_is_unused_is_told_after_a_scan_of_everything_only() {
    let config = config("[[allow]]\nrules = ['acme-token']\n[[allow]]\npaths = ['gone/']");
    let (used, unused) = (mark(&[]), Mark { line: 40, covers: (40, 41), ..mark(&[]) });
    let foreign = Mark { line: 50, syntax: "gitleaks:allow", ..unused.clone() };
    let marks = [used.clone(), unused, foreign].map(|mark| (origin("a"), mark));
    let seen = || vec![marked("a", token(1), vec![vec![used.clone()]])];
    assert!(decide(seen(), &marks, &settings(&config)).notices.is_empty());
    let notices = decide(seen(), &marks, &Settings { whole: true, ..settings(&config) }).notices;
    assert_eq!(
        notices,
        ["keyward.toml:3: this allowlist entry is unused", "a:40: the comment `keyward:allow` is unused"],
        "the first entry was of use too, though the comment came first"
    );
}

#[test]
fn what_a_change_adds_to_excuse_itself_is_told() {
    let at = origin("base");
    let (old, new) = (token(8), token(9));
    let before_baseline = Baseline::create(&[(&at, &old)], None).unwrap();
    let mut baseline = Baseline::read(&before_baseline.to_bytes(), None).unwrap();
    baseline.update(&[(&at, &new)], false).unwrap();
    let (before, after) = (Config::default(), config("[[allow]]\nrules = ['x']"));
    let commit = ObjectId::from_hex(&"ab".repeat(20)).unwrap();
    let mut seen = marked("a", token(1), vec![vec![Mark { fresh: true, ..mark(&[]) }]]);
    seen.origin = Origin { kind: OriginKind::Range, commit: Some(commit), ..origin("a") };
    seen.placement.introduced =
        Some(CommitInfo { id: commit, author: "A".into(), email: String::new(), time: 0, offset: 0 });
    let with = Settings {
        baseline: Some(&baseline),
        before: Some(&before),
        baseline_before: Some(&before_baseline),
        ..settings(&after)
    };
    let notices = decide(vec![seen.clone()], &[], &with).notices;
    assert_eq!(notices.len(), 3, "{notices:?}");
    assert_eq!(notices[0], "a@ababababab:2: this change itself adds the comment `keyward:allow`");
    assert_eq!(notices[1], "keyward.toml:1: this change itself adds an allowlist entry");
    assert!(notices[2].starts_with("baseline: this change itself adds ") && notices[2].ends_with("in base)"));
    // In a tree everything is fresh: that says nothing.
    seen.origin.kind = OriginKind::Tree;
    assert!(decide(vec![seen], &[], &Settings { before: None, ..with }).notices.is_empty());
}

#[test]
fn many_notices_of_one_kind_are_counted() {
    let config = config(&"[[allow]]\npaths = ['gone']\n".repeat(100));
    let notices = decide(vec![], &[], &Settings { whole: true, ..settings(&config) }).notices;
    assert_eq!((notices.len(), notices[20].as_str()), (21, "and 80 more like these"));
}

#[test]
fn many_unused_comments_are_told_in_one_line() {
    let config = Config::default();
    let marks = |count: u32| -> Vec<(Origin, Mark)> {
        (1..=count).map(|line| (origin("a"), Mark { line, ..mark(&[]) })).collect()
    };
    let told = |count| {
        let settings = Settings { whole: true, ..settings(&config) };
        decide(Vec::new(), &marks(count), &settings).notices
    };
    assert_eq!(told(3).len(), 3);
    assert_eq!(told(4), ["4 comments `keyward:allow` are unused: a:1, a:2, a:3, …"]);
}
