//! Tests of: report. Outcomes are built by hand here, so that a format's test needs no engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use keyward::model::{
    BytePath, Candidate, CommitInfo, Confidence, Coverage, DropStage, Dropped, Finding, Note, Notes, ObjectId,
    Occurrence, Origin, OriginKind, Outcome, Placement, Position, Problem, Related, RuleMeta, Secret, Severity,
    SkipReason, Snippet, Span,
};
use keyward::report::{Format, View, json, write};
use proptest::prelude::*;
use serde_json::Value;

use super::common::made_up;

/// How to bring goldens and the schema up to date.
const UPDATE: &str = "KEYWARD_UPDATE=1 cargo test --test suite report";

fn rule(id: &str, name: &str, severity: Severity) -> Arc<RuleMeta> {
    Arc::new(RuleMeta {
        id: id.into(),
        name: name.into(),
        provider: "Example Cloud".into(),
        severity,
        why: "Whoever holds it reads and writes every bucket of the account, and pays with the account's money".into(),
        fix: "Revoke it in the console under Keys, make a new one, and keep that in the environment or a vault.".into(),
        link: "https://example.com/docs/keys#revoke".into(),
        generic: false,
    })
}

fn position(bytes: &[u8], at: usize) -> Position {
    let before = &bytes[..at];
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    let text = String::from_utf8_lossy(&before[start..]);
    Position {
        line: u32::try_from(line).unwrap(),
        column: u32::try_from(text.chars().count() + 1).unwrap(),
        column_utf16: u32::try_from(text.encode_utf16().count() + 1).unwrap(),
    }
}

/// The candidate that an engine would make of `secret` in `bytes`.
fn candidate(rule: &Arc<RuleMeta>, bytes: &[u8], secret: &[u8]) -> Candidate {
    let at = bytes.windows(secret.len()).position(|w| w == secret).expect("the secret is in the bytes");
    let span = Span::new(at, at + secret.len());
    let line = bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    let end = bytes[at..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| at + n);
    let value = Secret::new(secret, secret.iter().position(|b| *b == b'_').map_or(0, |n| n + 1));
    let inside = Span::new(at - line, span.end.min(end) - line);
    Candidate {
        decoded: Vec::new(),
        encoded: None,
        claim: None,
        rule: rule.clone(),
        snippet: Snippet::new(&bytes[line..end], inside, &[(inside, &value)]),
        secret: value,
        span,
        whole: span,
        start: position(bytes, span.start),
        end: position(bytes, span.end),
        confidence: Confidence::High,
        notes: Notes::default(),
        related: Vec::new(),
        guessable: false,
        dropped: None,
        paths: Vec::new(),
        features: Arc::default(),
    }
}

fn finding(origin: Origin, candidate: Candidate) -> Finding {
    let fingerprint = format!("kw1-{}", candidate.rule.id);
    Finding { origin, candidate, placement: Placement::default(), fingerprint }
}

fn id(byte: u8) -> ObjectId {
    ObjectId::from_bytes(&[byte; 20]).unwrap()
}

fn token(seed: u64) -> String {
    made_up("ex_[a-zA-Z0-9]{32}", seed)
}

fn commit(byte: u8) -> CommitInfo {
    CommitInfo {
        id: id(byte),
        author: "Ada \x1b[31mAuthor".into(),
        email: "ada@example.com".into(),
        time: 1_700_000_000,
        offset: 60,
    }
}

/// What a stopped commit looks like: two rules, one of them twice, a composite, a note.
fn staged() -> Outcome {
    let key = rule("example-key", "Example Cloud secret key", Severity::Critical);
    let bot = rule("example-bot", "Example bot token", Severity::Medium);
    let (a, b, c) = (token(1), token(2), token(3));
    let text = format!("import os\n\nname = \"wörld 漢字 🔑\"; key = \"{a}\"  # prod\nother = \"{b}\"\n");
    let mut first = candidate(&key, text.as_bytes(), a.as_bytes());
    first.confidence = Confidence::Certain;
    first.notes.push(Note("its checksum holds".into()));
    first.related.push(Related {
        rule: rule("example-key-id", "Example Cloud key id", Severity::Low),
        span: Span::new(0, 6),
        needed: true,
        start: position(text.as_bytes(), 0),
        end: position(text.as_bytes(), 6),
    });
    let second = candidate(&key, text.as_bytes(), b.as_bytes());
    let long = format!("{}bot={c};{}", "x".repeat(150), "y".repeat(150));
    let third = candidate(&bot, long.as_bytes(), c.as_bytes());
    let at = |path: &str| Origin::at(OriginKind::Staged, BytePath::new(path));
    let mut coverage = Coverage { blobs: 3, bytes: 4_200, messages: 1, ..Coverage::default() };
    coverage.skip(SkipReason::Submodule);
    coverage.skip_large("data/dump.sql", 123_456_789);
    Outcome {
        findings: vec![
            finding(at("src/settings.py"), first),
            finding(at("src/settings.py"), second),
            finding(at("web/app.min.js"), third),
        ],
        dropped: vec![Dropped {
            origin: at("docs/readme.md"),
            candidate: candidate(&bot, long.as_bytes(), c.as_bytes()),
            stage: DropStage::Inline,
            why: "keyward:allow example-bot on line 1: an example".into(),
        }],
        notices: vec!["allowlist entry 2 of keyward.toml matched nothing".into()],
        coverage,
        fail_on: Some(Severity::High),
        elapsed: Duration::from_millis(4),
        ..Outcome::default()
    }
}

/// A history: a non-UTF-8 path, several places, an unreachable object, a message, a tag, a key over several lines.
fn history() -> Outcome {
    let key = rule("example-key", "Example Cloud secret key", Severity::High);
    let pem = rule("private-key", "Private key", Severity::Critical);
    let (a, b, c) = (token(11), token(12), token(13));
    let text = format!("key={a}\n");
    let odd = BytePath::new(b"conf/k\xe9y \x1b[2J%.env");
    let mut placed = finding(
        Origin {
            path: Some(odd.clone()),
            kind: OriginKind::History,
            commit: Some(id(1)),
            object: Some(id(2)),
            inner: None,
        },
        candidate(&key, text.as_bytes(), a.as_bytes()),
    );
    placed.placement = Placement {
        introduced: Some(commit(1)),
        paths: vec![BytePath::new("a/older.env"), odd],
        more_paths: 0,
        elsewhere: false,
        occurrences: [2, 3].map(|n| occurrence(n, &placed.candidate)).to_vec(),
        unreachable: false,
    };
    let message = format!("Add the bucket\n\nkey is {b}\n");
    let mut said = finding(
        Origin { path: None, kind: OriginKind::CommitMessage, commit: Some(id(4)), object: None, inner: None },
        candidate(&key, message.as_bytes(), b.as_bytes()),
    );
    said.placement.introduced = Some(commit(4));
    let tagged = finding(
        Origin { path: None, kind: OriginKind::TagMessage, commit: None, object: Some(id(5)), inner: None },
        candidate(&key, message.as_bytes(), b.as_bytes()),
    );
    let block = made_up("-{5}HEAD-{5}\n([a-zA-Z0-9+]{40}\n){3}-{5}FOOT-{5}", 7);
    let file = format!("# {c}\n{block}\n");
    let mut lost = finding(
        Origin { path: None, kind: OriginKind::History, commit: None, object: Some(id(6)), inner: None },
        candidate(&pem, file.as_bytes(), block.as_bytes()),
    );
    lost.placement.unreachable = true;
    lost.placement.occurrences = vec![occurrence(6, &lost.candidate)];
    let coverage = Coverage { blobs: 1_234, bytes: 5 << 20, commits: 321, messages: 300, ..Coverage::default() };
    Outcome {
        findings: vec![placed, said, tagged, lost],
        problems: vec![
            Problem::new("object 0707070707", "is missing from this partial clone").fix("git fetch --refetch"),
            Problem::new("src/\x1b[2Jx", "permission denied"),
        ],
        coverage,
        elapsed: Duration::from_millis(1_234),
        ..Outcome::default()
    }
}

fn occurrence(object: u8, candidate: &Candidate) -> Occurrence {
    Occurrence { object: id(object), inner: None, span: candidate.span, start: candidate.start, end: candidate.end }
}

fn empty() -> Outcome {
    Outcome {
        coverage: Coverage { blobs: 12, bytes: 3_000, ..Coverage::default() },
        elapsed: Duration::from_millis(3),
        ..Outcome::default()
    }
}

fn view<'a>(outcome: &'a Outcome, source: &'a str) -> View<'a> {
    View { source, pack_hash: "0123abcd", version: "0.0.0", explain: true, ..View::new(outcome) }
}

fn render(format: Format, view: &View<'_>) -> String {
    let mut out = Vec::new();
    write(format, view, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn parsed(format: Format, view: &View<'_>) -> Value {
    serde_json::from_str(&render(format, view)).unwrap()
}

/// Compares with a checked-in text, or renews it.
fn golden(path: &str, actual: &str) {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("KEYWARD_UPDATE").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(expected == actual, "{path} is stale; if the change is meant, run `{UPDATE}` and read the diff\n{actual}");
}

#[test]
fn human_reports_read_as_their_goldens() {
    let (staged, history, empty) = (staged(), history(), empty());
    golden("tests/golden/report-staged.human.txt", &render(Format::Human, &view(&staged, "staged changes")));
    let verbose = View { verbose: true, width: Some(90), explain: false, ..view(&history, "history") };
    golden("tests/golden/report-history.human.txt", &render(Format::Human, &verbose));
    let calm = View { explain: false, ..view(&empty, "working tree") };
    golden("tests/golden/report-empty.human.txt", &render(Format::Human, &calm));
}

#[test]
fn machine_reports_read_as_their_goldens() {
    let (staged, history) = (staged(), history());
    golden("tests/golden/report-staged.json", &render(Format::Json, &view(&staged, "staged changes")));
    golden("tests/golden/report-history.jsonl", &render(Format::Jsonl, &view(&history, "history")));
    let suppressed = View { suppressed: true, ..view(&staged, "staged changes") };
    golden("tests/golden/report-staged.sarif", &render(Format::Sarif, &suppressed));
    golden("tests/golden/report-empty.sarif", &render(Format::Sarif, &view(&empty(), "working tree")));
    let categorised = View { category: Some("nightly"), ..view(&history, "history") };
    golden("tests/golden/report-history.sarif", &render(Format::Sarif, &categorised));
}

#[test]
fn nothing_found_is_one_calm_line() {
    let outcome = empty();
    let text = render(Format::Human, &View { explain: false, ..view(&outcome, "working tree") });
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!text.contains("error") && text.contains("no secrets found"), "{text}");
}

#[test]
fn nothing_found_by_a_broken_scan_does_not_sound_clean() {
    let outcome = Outcome { problems: vec![Problem::new("a.txt", "permission denied")], ..empty() };
    let text = render(Format::Human, &view(&outcome, "working tree"));
    assert!(text.contains("error: a.txt: permission denied") && text.contains("incomplete (1 error)"), "{text}");
    assert_eq!(parsed(Format::Sarif, &view(&outcome, ""))["runs"][0]["invocations"][0]["executionSuccessful"], false);
    assert_eq!(parsed(Format::Json, &view(&outcome, ""))["summary"]["exit_code"], 2);
}

#[test]
fn the_published_schema_is_current_and_holds() {
    golden("report.schema.json", &json::schema());
    let schema: Value = serde_json::from_str(&json::schema()).unwrap();
    let document = jsonschema::validator_for(&schema).unwrap();
    let mut of_line = serde_json::json!({ "$ref": "#/$defs/Line" });
    of_line["$defs"] = schema["$defs"].clone();
    let line = jsonschema::validator_for(&of_line).unwrap();
    for outcome in [staged(), history(), empty()] {
        let view = view(&outcome, "history");
        let report = parsed(Format::Json, &view);
        let errors: Vec<String> = document.iter_errors(&report).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        for text in render(Format::Jsonl, &view).lines() {
            let value: Value = serde_json::from_str(text).unwrap();
            let errors: Vec<String> = line.iter_errors(&value).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{text}: {errors:#?}");
            assert!(!document.is_valid(&value), "a line is no document: the schema can refuse");
        }
    }
}

#[test]
fn json_lines_say_what_the_document_says() {
    for outcome in [staged(), history(), empty()] {
        let view = view(&outcome, "x");
        let document = parsed(Format::Json, &view);
        let mut by_type: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let text = render(Format::Jsonl, &view);
        for line in text.lines() {
            let mut value: Value = serde_json::from_str(line).unwrap();
            let kind = value.as_object_mut().unwrap().remove("type").unwrap();
            by_type.entry(kind.as_str().unwrap().to_owned()).or_default().push(value);
        }
        for (kind, key) in [("finding", "findings"), ("dropped", "dropped"), ("problem", "problems")] {
            assert_eq!(Value::from(by_type.remove(kind).unwrap_or_default()), document[key], "{kind}");
        }
        assert!(text.lines().last().unwrap().starts_with("{\"type\":\"summary\""), "the end tells a cut report");
        assert_eq!(by_type.remove("summary").unwrap()[0]["coverage"], document["coverage"]);
    }
}

#[test]
fn dropped_candidates_are_listed_only_on_request() {
    let outcome = staged();
    let quiet = View { explain: false, ..view(&outcome, "x") };
    assert!(parsed(Format::Json, &quiet).get("dropped").is_none());
    assert!(!render(Format::Human, &quiet).contains("docs/readme.md"));
    assert!(!render(Format::Jsonl, &quiet).contains("docs/readme.md"));
    let explained = render(Format::Human, &view(&outcome, "x"));
    assert!(explained.contains("docs/readme.md:1:155: example-bot: inline: keyward:allow example-bot"), "{explained}");
}

#[test]
fn sarif_shows_suppressed_results_only_on_request() {
    let outcome = staged();
    let plain = parsed(Format::Sarif, &view(&outcome, "x"));
    assert_eq!(plain["runs"][0]["results"].as_array().unwrap().len(), 3);
    let all = parsed(Format::Sarif, &View { suppressed: true, ..view(&outcome, "x") });
    assert_eq!(all["runs"][0]["results"][3]["suppressions"][0]["kind"], "inSource");
    sarif_invariants(&all);
}

#[test]
fn colour_is_there_only_when_asked_for_and_says_nothing_else() {
    let outcome = history();
    let plain = render(Format::Human, &view(&outcome, "history"));
    assert!(!plain.contains('\x1b'));
    let coloured = render(Format::Human, &View { color: true, ..view(&outcome, "history") });
    assert!(coloured.contains('\x1b'));
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
}

#[test]
fn marks_stand_under_the_masked_secret() {
    let outcome = staged();
    let text = render(Format::Human, &view(&outcome, "x"));
    let lines: Vec<&str> = text.lines().collect();
    let mut seen = 0;
    for pair in lines.windows(2).filter(|pair| pair[1].contains("^^^")) {
        let wide = |c: char| if u32::from(c) >= 0x2e80 { 2 } else { 1 };
        let columns = |text: &str| text.chars().map(wide).sum::<usize>();
        let at = pair[0].find("ex_").unwrap();
        let end = pair[0].find("********").unwrap() + 8;
        assert_eq!(columns(&pair[0][..at]), columns(&pair[1][..pair[1].find('^').unwrap()]), "{text}");
        assert_eq!(end - at, pair[1].matches('^').count(), "{text}");
        seen += 1;
    }
    assert_eq!(seen, 3);
    let code = lines.iter().filter(|line| line.contains(" | "));
    assert!(code.clone().all(|line| line.chars().count() <= 100), "long lines are cut: {text}");
}

#[test]
fn secrets_are_shown_when_asked_for() {
    let outcome = staged();
    for format in Format::ALL {
        let text = render(format, &View { reveal: true, ..view(&outcome, "x") });
        assert!(text.contains(&token(1)) && text.contains(&token(3)), "{format}");
        let text = render(format, &view(&outcome, "x"));
        assert!(!text.contains(&token(1)) && !text.contains(&token(3)), "{format}");
    }
}

#[test]
fn a_secret_found_in_one_file_is_masked_where_no_rule_saw_it_in_another() {
    let key = rule("example-key", "Example", Severity::High);
    let (a, b) = (token(21), token(22));
    let tree = |path: &str| Origin::at(OriginKind::Tree, BytePath::new(path));
    let beside = format!("{b} # was {a} before");
    let outcome = Outcome {
        findings: vec![
            finding(tree("a"), candidate(&key, a.as_bytes(), a.as_bytes())),
            finding(tree("b"), candidate(&key, beside.as_bytes(), b.as_bytes())),
        ],
        ..Outcome::default()
    };
    for format in Format::ALL {
        let text = render(format, &view(&outcome, "x"));
        assert!(!text.contains(&a) && text.contains("# was ******** before"), "{format}: {text}");
    }
}

#[test]
fn sarif_holds_what_code_scanning_needs() {
    for outcome in [staged(), history(), empty()] {
        let log = parsed(Format::Sarif, &View { category: Some("nightly"), ..view(&outcome, "x") });
        sarif_invariants(&log);
        assert_eq!(log["runs"][0]["automationDetails"]["id"], "nightly/");
        let text = log.to_string();
        assert!(!text.contains("ada@example.com"), "no e-mail addresses");
    }
}

#[test]
fn sarif_columns_count_utf16_units_and_ends_are_exclusive() {
    let log = parsed(Format::Sarif, &view(&staged(), "x"));
    let region = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"];
    // `name = "wörld 漢字 🔑"; key = "`: 28 characters, one of them two units.
    assert_eq!(*region, serde_json::json!({ "startLine": 3, "startColumn": 30, "endLine": 3, "endColumn": 65 }));
    let report = parsed(Format::Json, &view(&staged(), "x"));
    assert_eq!(report["findings"][0]["start_column"], 29);
}

#[test]
fn line_hashes_do_not_depend_on_the_secret_or_the_line_number() {
    let key = rule("example-key", "Example", Severity::High);
    let hash = |prefix: &str, secret: &str| {
        let text = format!("{prefix}k = {secret}");
        let at = Origin::at(OriginKind::Tree, BytePath::new("a"));
        let outcome =
            Outcome { findings: vec![finding(at, candidate(&key, text.as_bytes(), secret.as_bytes()))], ..empty() };
        let log = parsed(Format::Sarif, &view(&outcome, "x"));
        log["runs"][0]["results"][0]["partialFingerprints"]["primaryLocationLineHash"].clone()
    };
    let (a, b) = (made_up("ex_aaaa[a-z]{30}", 1), made_up("ex_aaaa[a-z]{30}", 2));
    assert_ne!(a, b);
    assert_eq!(hash("", &a), hash("\n\n", &b));
    assert_ne!(hash("", &a), hash("other ", &a));
}

#[test]
fn the_same_view_gives_the_same_bytes() {
    for format in Format::ALL {
        assert_eq!(render(format, &view(&history(), "x")), render(format, &view(&history(), "x")), "{format}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_in_every_format() {
    let outcome = history();
    for format in Format::ALL {
        let mut full = std::io::BufWriter::new(std::fs::File::options().write(true).open("/dev/full").unwrap());
        let error = write(format, &view(&outcome, "x"), &mut full).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{format}");
    }
}

/// What must hold for every log, whatever its golden says.
fn sarif_invariants(log: &Value) {
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().contains("sarif-2.1.0"));
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let ids: BTreeSet<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), rules.len(), "each rule once");
    for rule in rules {
        for text in [&rule["shortDescription"]["text"], &rule["fullDescription"]["text"], &rule["help"]["text"]] {
            assert!(!text.as_str().unwrap().trim().is_empty(), "{rule}");
        }
        assert!(!rule["help"]["markdown"].as_str().unwrap().is_empty());
        assert!(rule["properties"]["tags"].as_array().unwrap().len() <= 10);
        let badge: f64 = rule["properties"]["security-severity"].as_str().unwrap().parse().unwrap();
        assert!((0.0..=10.0).contains(&badge));
        assert!(["error", "warning", "note"].contains(&rule["defaultConfiguration"]["level"].as_str().unwrap()));
    }
    let mut hashes = BTreeSet::new();
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert_eq!(result["level"], rules[index]["defaultConfiguration"]["level"]);
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let locations = result["locations"].as_array().unwrap();
        assert_eq!(locations.len(), 1);
        let related = result.get("relatedLocations").and_then(Value::as_array).cloned().unwrap_or_default();
        for place in locations.iter().chain(&related) {
            let physical = &place["physicalLocation"];
            uri_parses(physical["artifactLocation"]["uri"].as_str().unwrap());
            let field = |name: &str| physical["region"][name].as_u64().unwrap();
            let (start, end) = ((field("startLine"), field("startColumn")), (field("endLine"), field("endColumn")));
            assert!(start.0 >= 1 && start.1 >= 1 && start < end && end.1 >= 1, "{physical}");
        }
        let uri = locations[0]["physicalLocation"]["artifactLocation"]["uri"].clone();
        let hash = result["partialFingerprints"]["primaryLocationLineHash"].clone();
        assert!(hashes.insert((uri.to_string(), result["ruleId"].to_string(), hash.to_string())), "a hash of its own");
    }
}

/// RFC 3986: a relative path reference of unreserved characters and percent escapes.
fn uri_parses(uri: &str) {
    assert!(!uri.is_empty() && !uri.starts_with('/') && !uri.starts_with("./"), "{uri}");
    let mut bytes = uri.bytes();
    while let Some(b) = bytes.next() {
        if b == b'%' {
            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
            assert!(digits.iter().all(u8::is_ascii_hexdigit), "{uri}");
        } else {
            assert!(b.is_ascii_alphanumeric() || b"-._~/".contains(&b), "{uri}");
        }
    }
}

/// Any bytes of a path component, spaces, controls, stray bytes and Unicode among them.
fn component() -> impl Strategy<Value = Vec<u8>> {
    let any = proptest::collection::vec((1u8..=255).prop_filter("no separator", |b| *b != b'/'), 1..12);
    let text = "[ a-zäß漢🔑%#?:\\\\\u{202e}\u{1b}.-]{1,10}".prop_map(String::into_bytes);
    prop_oneof![any, text].prop_filter("an ordinary component", |c| c != b"." && c != b"..")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(19), ..ProptestConfig::default() })]

    #[test]
    fn no_format_holds_a_raw_secret_or_a_control_character(
        seed in any::<u64>(),
        parts in proptest::collection::vec(component(), 1..4),
        around in "[ -~äö漢🔑\t\u{1b}\u{202e}\r]{0,40}",
        leak in 0..4usize,
        kind in 0..4usize,
    ) {
        let secret = token(seed);
        let other = token(seed.wrapping_add(1));
        let mut path = parts.join(&b'/');
        let mut info = commit(3);
        info.author = around.clone();
        // The secret also where nobody looks for it.
        match leak {
            0 => path.extend([b"/".as_slice(), secret.as_bytes()].concat()),
            1 => info.author.push_str(&secret),
            2 => info.email.push_str(&secret),
            _ => {}
        }
        let key = rule("example-key", "Example", Severity::High);
        let text = format!("\n{around}{secret}{around}{secret}\n{other}");
        let kind = [OriginKind::Tree, OriginKind::Staged, OriginKind::Range, OriginKind::History][kind];
        let mut one = finding(
            Origin::at(kind, BytePath::new(&path)),
            candidate(&key, text.as_bytes(), secret.as_bytes()),
        );
        one.placement.introduced = Some(info);
        one.placement.paths = vec![BytePath::new(&path), BytePath::new([b"z".as_slice(), &path].concat())];
        one.candidate.notes.push(Note(format!("beside {secret}").into()));
        let dropped = Dropped {
            origin: Origin::at(kind, BytePath::new(&path)),
            candidate: candidate(&key, text.as_bytes(), other.as_bytes()),
            stage: DropStage::Baseline,
            why: format!("{other} is known"),
        };
        let mut coverage = Coverage::default();
        coverage.skip_large(format!("big {secret}\u{1b}"), 1);
        let outcome = Outcome {
            findings: vec![one],
            dropped: vec![dropped],
            problems: vec![Problem::new(format!("{secret}\u{1b}[2J"), &other).fix(&secret)],
            notices: vec![format!("notice {secret}{around}")],
            coverage,
            ..Outcome::default()
        };
        for format in Format::ALL {
            let shown = View { verbose: true, suppressed: true, ..view(&outcome, "x") };
            let text = render(format, &shown);
            for raw in [&secret, &other] {
                // Past the marker and the four characters that a mask may show.
                prop_assert!(!text.contains(raw.as_str()) && !text.contains(&raw[8..]), "{}: {}", format, text);
            }
            let control = |c: char| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
            prop_assert!(format != Format::Human || !text.chars().any(control), "{:?}", text);
        }
        let log = parsed(Format::Sarif, &View { suppressed: true, ..view(&outcome, "x") });
        sarif_invariants(&log);
        if leak != 0 {
            let uri = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].clone();
            let decoded: Vec<u8> = percent_encoding::percent_decode_str(uri.as_str().unwrap()).collect();
            prop_assert_eq!(&decoded, &path, "a path survives, whatever its bytes");
            let report = parsed(Format::Json, &view(&outcome, "x"));
            let lossless = report["findings"][0].get("path_bytes").map_or_else(
                || report["findings"][0]["path"].as_str().unwrap().as_bytes().to_vec(),
                |bytes| percent_encoding::percent_decode_str(bytes.as_str().unwrap()).collect(),
            );
            prop_assert_eq!(&lossless, &path);
        }
    }
}
