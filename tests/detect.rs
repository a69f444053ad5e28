//! Tests of: detect.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use keyward::detect::Detector;
use keyward::model::{
    Blob, BytePath, Candidate, Confidence, Difference, Found, Fresh, MarkScope, Origin, OriginKind, Span,
};
use keyward::rule::pack::Pack;
use keyward::rule::written::read_file;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use crate::common::{github_token, made_up};

/// One rule of each kind.
const RULES: &str = r#"
[[rule]]
id = "zz-token"
name = "Zz token"
severity = "high"
confidence = "high"
why = "It opens."
fix = "Revoke it."
token = 'zzp_[A-Za-z0-9]{30}'
anchors = ["zzp_"]
entropy = 3.0
examples.match = ['zzp_[A-Za-z0-9]{30}']
examples.no_match = ['zzp_']

[[rule]]
id = "zz-checked"
name = "Zz checked token"
severity = "high"
confidence = "high"
why = "It opens."
fix = "Revoke it."
token = 'zzc_[A-Za-z0-9]{36}'
anchors = ["zzc_"]
checksum = "crc32-base62"
examples.match = ['zzc_[A-Za-z0-9]{36}']
examples.no_match = ['zzc_']

[[rule]]
id = "yy-key"
name = "Yy key"
severity = "high"
confidence = "medium"
why = "It opens."
fix = "Revoke it."
assigned = '[a-f0-9]{32}'
anchors = ["yydata", "yy_key"]
entropy = 2.8
examples.match = ['yydata_key = "[a-f0-9]{32}"']
examples.no_match = ['yydata']

[[rule]]
id = "mail-key"
name = "Mail key"
severity = "high"
confidence = "high"
why = "It opens."
fix = "Revoke it."
token = '[a-f0-9]{32}-mm[0-9]{2}'
lookback = 32
anchors = [{ text = "-mm", then = "[0-9]{2}" }]
examples.match = ['[a-f0-9]{32}-mm[0-9]{2}']
examples.no_match = ['-mm12']

[[rule]]
id = "block"
name = "Block"
severity = "high"
confidence = "high"
why = "It opens."
fix = "Revoke it."
regex = '(?P<secret>-----BEGIN ZZ KEY-----[A-Za-z0-9+/\r\n]{20,4000}-----END ZZ KEY-----)'
anchors = ["-----BEGIN ZZ"]
examples.match = ['-----BEGIN ZZ KEY-----\n[A-Za-z0-9]{60}\n-----END ZZ KEY-----']
examples.no_match = ['-----BEGIN ZZ']

[[rule]]
id = "wide"
name = "Wide"
severity = "high"
confidence = "high"
why = "It opens."
fix = "Revoke it."
token = 'wwp_[A-Za-z0-9_-]{20,9000}'
anchors = ["wwp_"]
examples.match = ['wwp_[A-Za-z0-9]{40}']
examples.no_match = ['wwp_']

[[rule]]
id = "pair-id"
name = "Pair id"
severity = "low"
confidence = "high"
why = "It names."
fix = "Nothing."
token = 'PPID[A-Z0-9]{12}'
anchors = ["PPID"]
part = true
examples.match = ['PPID[A-Z0-9]{12}']
examples.no_match = ['PPID']

[[rule]]
id = "pair-secret"
name = "Pair secret"
severity = "high"
confidence = "high"
why = "It opens."
fix = "Revoke it."
assigned = '[A-Za-z0-9]{40}'
anchors = ["pp_secret"]
requires = [{ rule = "pair-id", within_lines = 2 }]
examples.match = ['id=PPID[A-Z0-9]{12}\npp_secret=[A-Za-z0-9]{40}']
examples.no_match = ['pp_secret=[A-Za-z0-9]{40}']

[[rule]]
id = "rc-auth"
name = "Rc auth"
severity = "high"
confidence = "high"
why = "It opens."
fix = "Revoke it."
regex = '_auth=(?P<secret>[A-Za-z0-9]{20})'
anchors = ["_auth="]
paths = ["**/.zzrc"]
examples.match = ['_auth=[A-Za-z0-9]{20}']
examples.no_match = ['_auth=']
examples.path = ".zzrc"

[[rule]]
id = "generic-secret"
name = "Generic secret"
severity = "medium"
confidence = "high"
why = "It may open."
fix = "Change it."
generic = true
grammar = "assignment"
anchors = ["password", "secret", "token", "api_key"]
examples.match = ['password = "Aa1[a-z]{8}[0-9]{2}"']
examples.no_match = ['password = get\(\)']
"#;

/// One for all tests: regexes are compiled once.
fn detector() -> &'static Detector {
    static DETECTOR: LazyLock<Detector> = LazyLock::new(|| {
        let rules = read_file("rules.toml", RULES).unwrap().into_iter().map(|(rule, _)| rule).collect();
        Detector::new(rules).unwrap()
    });
    &DETECTOR
}

fn scan_at(detector: &Detector, path: &str, bytes: &[u8], fresh: &Fresh) -> Option<Found> {
    let origin = Origin::at(OriginKind::Tree, BytePath::new(path));
    detector.scan(&Blob { origin: &origin, bytes, fresh, former_path: None, earlier: &[] })
}

fn scan(bytes: impl AsRef<[u8]>) -> Vec<Candidate> {
    scan_at(detector(), "src/a.py", bytes.as_ref(), &Fresh::All).map(|found| found.candidates).unwrap_or_default()
}

fn kept(candidates: &[Candidate]) -> Vec<&str> {
    candidates.iter().filter(|c| c.dropped.is_none()).map(|c| c.rule.id.as_str()).collect()
}

#[test]
fn the_rules_of_this_test_keep_their_own_word() {
    assert_eq!(keyward::detect::selftest::check(&read_file("rules.toml", RULES).unwrap()), []);
}

#[test]
fn clean_text_yields_nothing_at_all() {
    let detector = detector();
    assert!(scan_at(detector, "a", b"", &Fresh::All).is_none());
    assert!(scan_at(detector, "a", b"nothing here, zzp is no anchor\n", &Fresh::All).is_none());
}

#[test]
fn a_token_inside_a_longer_word_is_none() {
    let token = made_up("zzp_[A-Za-z0-9]{30}", 1);
    assert_eq!(kept(&scan(format!("key='{token}'"))), ["zz-token"]);
    assert_eq!(kept(&scan(format!("https://{token}@host/a\\n{token}\\n%3D{token}"))), ["zz-token"; 3]);
    for text in [format!("x{token}"), format!("_{token}"), format!("{token}a"), format!("{token}7")] {
        assert!(scan(&text).is_empty());
    }
    assert_eq!(kept(&scan(format!("{token}_"))), ["zz-token"], "its own class has no underscore");
}

#[test]
fn an_assigned_value_stands_behind_its_name_in_many_forms_and_must_not_go_on() {
    let value = made_up("[a-f0-9]{32}", 1);
    for form in ["yydata_key = \"V\"", "YYDATA-KEY: V", "\"yyDataKey\": \"V\"", "yy_key=V", "<a yydata value=\"V\"/>"]
        .into_iter()
        .chain([
            "env YY_KEY V",
            "--yydata-key V",
            "<yydataKey>V</yydataKey>",
            "name: YYDATA\n  value: V",
            "yy_key || 'V'",
        ])
    {
        let found = scan(form.replace('V', &value));
        assert_eq!(kept(&found), ["yy-key"], "{form}");
        assert_eq!(found[0].secret.reveal(), value.as_bytes());
    }
    for form in ["yy_key=Va", "yy_key=V-x", "yy_key=V==", "yydata V", "yydata-keys are V", "yy_key=xV"] {
        assert!(!kept(&scan(form.replace('V', &value))).contains(&"yy-key"), "{form}");
    }
}

#[test]
fn a_match_may_start_before_its_anchor() {
    let key = made_up("[a-f0-9]{32}-mm[0-9]{2}", 1);
    let found = scan(format!("k = '{key}'"));
    assert_eq!((kept(&found), found[0].span), (vec!["mail-key"], Span::new(5, 5 + key.len())));
    assert!(scan(format!("k = 'a{key}'")).is_empty());
}

#[test]
fn the_alternative_that_fits_is_taken() {
    let rules = RULES
        .replace("'[a-f0-9]{32}'\nanchors = [\"yydata\"", "'(?:[a-f0-9]{32}|[a-f0-9]{40})'\nanchors = [\"yydata\"");
    let rules = read_file("rules.toml", &rules).unwrap().into_iter().map(|(rule, _)| rule).collect();
    let detector = &Detector::new(rules).unwrap();
    for length in [32, 40] {
        let value = made_up(&format!("[a-f0-9]{{{length}}}"), 1);
        let found = scan_at(detector, "a", format!("yydata={value}").as_bytes(), &Fresh::All).unwrap();
        assert_eq!((kept(&found.candidates), found.candidates[0].span), (vec!["yy-key"], Span::new(7, 7 + length)));
    }
}

#[test]
fn a_regex_that_does_not_compile_is_told() {
    let rules = RULES.replace("'zzp_[A-Za-z0-9]{30}'\nanchors", "'zzp_(?:[A-Za-z0-9]{900}){900}'\nanchors");
    let rules = read_file("rules.toml", &rules).unwrap().into_iter().map(|(rule, _)| rule).collect();
    let found = scan_at(&Detector::new(rules).unwrap(), "a", b"zzp_", &Fresh::All).unwrap();
    assert!(found.problems[0].to_string().starts_with("rule 'zz-token': the regex needs more than"));
}

#[test]
fn threads_share_one_detector() {
    let detector = detector();
    let token = made_up("zzp_[A-Za-z0-9]{30}", 1);
    std::thread::scope(|scope| {
        let scans: Vec<_> =
            (0..4).map(|_| scope.spawn(|| scan_at(detector, "a", token.as_bytes(), &Fresh::All))).collect();
        assert!(scans.into_iter().all(|scan| kept(&scan.join().unwrap().unwrap().candidates) == ["zz-token"]));
    });
}

/// What the generic rule makes of `text` at `path`; `None` when it drops it.
fn guessed_at(path: &str, text: &str) -> Option<Confidence> {
    let found = scan_at(detector(), path, text.as_bytes(), &Fresh::All)?.candidates;
    found.into_iter().find(|c| c.rule.id == "generic-secret" && c.dropped.is_none()).map(|c| c.confidence)
}

/// An assignment that is worth more at the one path than at the other.
fn surer_at(better: &str, worse: &str) -> String {
    let forms = ["[a-z]{8}", "[a-z]{5}[0-9]{2}", "[a-z]{10}", "[a-z]{4}-[a-z]{6}", "[a-z]{6}", "[A-Z][a-z]{6}"];
    let mut texts = (0..40).flat_map(|seed| forms.map(|form| format!("password={}\n", made_up(form, seed))));
    texts.find(|text| guessed_at(better, text) > guessed_at(worse, text)).unwrap()
}

#[test]
fn a_rename_to_where_a_guess_is_surer_makes_it_new() {
    let text = surer_at("home/.env", "src/a.py");
    let renamed = |from: &str, to: &str| {
        let (former, origin) = (BytePath::new(from), Origin::at(OriginKind::Staged, BytePath::new(to)));
        let fresh = Fresh::nothing();
        let blob =
            Blob { origin: &origin, bytes: text.as_bytes(), fresh: &fresh, former_path: Some(&former), earlier: &[] };
        detector().scan(&blob).map_or(0, |found| kept(&found.candidates).len())
    };
    assert_eq!((renamed("src/a.py", "home/.env"), renamed("home/.env", "src/a.py")), (1, 0));
}

#[test]
fn a_checksum_makes_certain_or_lowers() {
    let token = made_up("zzc_[A-Za-z0-9]{36}", 1);
    let found = scan(&token);
    assert_eq!((found[0].confidence, found[0].notes.len()), (Confidence::Low, 1));
    let mut fixed = token.into_bytes();
    keyward::detect::fix(keyward::rule::Checksum::Crc32Base62, &mut fixed);
    assert_eq!(scan(&fixed)[0].confidence, Confidence::Certain);
}

#[test]
fn nobody_guesses_a_token_whose_checksum_holds() {
    let builtin = Detector::new(Pack::builtin().unwrap().rules).unwrap();
    let guessable = |text: &str| {
        let found = scan_at(&builtin, "src/a.py", text.as_bytes(), &Fresh::All).unwrap().candidates;
        found.iter().map(|c| (c.rule.id.clone(), c.guessable)).collect::<BTreeMap<_, _>>()
    };
    let holds = guessable(&format!("github_token = '{}'", github_token(7)));
    assert!(holds.len() > 1 && holds.contains_key("github-pat"), "other rules see it, too: {holds:?}");
    assert!(holds.values().all(|guessable| !guessable), "{holds:?}");
    let fails = guessable(&format!("github_token = '{}'", made_up("ghp_[A-Za-z0-9]{36}", 7)));
    assert!(fails.values().any(|guessable| *guessable), "{fails:?}");
}

#[test]
fn strings_of_a_binary_are_read_in_utf16_at_even_and_odd_places() {
    let token = made_up("zzp_[A-Za-z0-9]{30}", 3);
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    for odd in [0, 1] {
        let head = [&b"MZ\x90\0\x03\0\0\0\n\xff\xff"[..], &[0xcc, 0, 0, 7, 7][..3 + odd]].concat();
        let line = [wide("server=a; key="), wide(&token)].concat();
        let bytes = [&head[..], &line, b"\0\0\x01\x02"].concat();
        let found = scan(&bytes);
        assert_eq!(kept(&found), ["zz-token"], "{odd}");
        let start = head.len() + line.len() - 2 * token.len();
        assert_eq!(found[0].span, Span::new(start, start + 2 * token.len()));
        assert_eq!((found[0].secret.reveal(), found[0].start.line), (token.as_bytes(), 2));
    }
}

#[test]
fn placeholders_are_dropped_with_a_reason() {
    let found = scan(format!("zzp_{}", "x".repeat(30)));
    assert_eq!(found.len(), 1);
    assert!(found[0].dropped.as_deref().unwrap().contains("one character"));
}

#[test]
fn a_composite_needs_its_part_near() {
    let (id, secret) = (made_up("PPID[A-Z0-9]{12}", 1), made_up("[A-Za-z0-9]{40}", 2));
    let near = format!("id={id}\n\npp_secret={secret}\n");
    let found = scan(&near);
    assert_eq!(kept(&found), ["pair-secret"]);
    let pair = found.iter().find(|c| c.rule.id == "pair-secret").unwrap();
    assert_eq!((pair.related.len(), pair.related[0].span), (1, Span::new(3, 19)));
    assert_eq!(pair.evidence().count(), 2);
    let far = scan(format!("id={id}\n\n\npp_secret={secret}\n"));
    assert_eq!(far.iter().filter(|c| c.rule.id == "pair-secret").count(), 1);
    let pair = far.iter().find(|c| c.rule.id == "pair-secret").unwrap();
    assert!(pair.dropped.as_deref().unwrap().contains("pair-id"));
    assert!(kept(&scan(&id)).is_empty(), "a part alone is nothing");
}

#[test]
fn a_part_that_becomes_fresh_makes_the_composite_fresh() {
    let (id, secret) = (made_up("PPID[A-Z0-9]{12}", 1), made_up("[A-Za-z0-9]{40}", 2));
    let text = format!("id={id}\npp_secret={secret}\nother\n");
    let fresh = |added: Span| {
        let difference = Difference { added: vec![added], removed_at: vec![] };
        scan_at(detector(), "a", text.as_bytes(), &Fresh::Against(vec![difference])).map_or(0, |f| f.candidates.len())
    };
    assert_eq!(fresh(Span::new(0, 20)), 1);
    assert_eq!(fresh(Span::new(text.len() - 6, text.len())), 0);
    let joined = Difference { added: vec![], removed_at: vec![20] };
    let found = scan_at(detector(), "a", text.as_bytes(), &Fresh::Against(vec![joined])).unwrap();
    assert_eq!(found.candidates.len(), 1, "a deletion brought the parts together");
}

#[test]
fn a_path_condition_holds_and_a_rename_into_it_is_new() {
    let text = format!("_auth={}\n", made_up("[A-Za-z0-9]{20}", 1));
    let detector = detector();
    let count = |found: Option<Found>| found.map_or(0, |found| kept(&found.candidates).len());
    assert_eq!(count(scan_at(detector, "home/.zzrc", text.as_bytes(), &Fresh::All)), 1);
    assert_eq!(count(scan_at(detector, "home/zzrc.txt", text.as_bytes(), &Fresh::All)), 0);
    let origin = Origin::at(OriginKind::Staged, BytePath::new(".zzrc"));
    let renamed = |former: &str| {
        let former = BytePath::new(former);
        let fresh = Fresh::nothing();
        let blob =
            Blob { origin: &origin, bytes: text.as_bytes(), fresh: &fresh, former_path: Some(&former), earlier: &[] };
        count(detector.scan(&blob))
    };
    assert_eq!((renamed("notes.txt"), renamed("old/.zzrc")), (1, 0));
}

#[test]
fn a_history_blob_keeps_what_its_paths_must_decide() {
    let text = format!("_auth={}\n{}", made_up("[A-Za-z0-9]{20}", 1), surer_at("home/.env", "src/a.py"));
    let origin = Origin::new(OriginKind::History);
    let blob = Blob { origin: &origin, bytes: text.as_bytes(), fresh: &Fresh::All, former_path: None, earlier: &[] };
    let found = detector().scan(&blob).unwrap().candidates;
    assert_eq!(kept(&found), ["rc-auth", "generic-secret"]);
    assert!(found[0].belongs_at(&BytePath::new("a/.zzrc")) && !found[0].belongs_at(&BytePath::new("a/b.yml")));
    let decided = |paths: &[&str]| {
        let mut candidate = found[1].clone();
        let paths: Arc<[BytePath]> = paths.iter().map(BytePath::new).collect();
        detector().decider().decide(&mut candidate, &paths, false);
        candidate.dropped.is_none().then_some(candidate.confidence)
    };
    let tree = |path: &str| guessed_at(path, &text);
    assert_eq!(decided(&["home/.env"]), tree("home/.env"), "as a tree's file");
    assert_eq!(decided(&["src/a.py"]), tree("src/a.py"));
    assert_eq!(decided(&["src/a.py", "home/.env"]), tree("home/.env"), "the best of its paths counts");
    let mut specific = found[0].clone();
    detector().decider().decide(&mut specific, &[BytePath::new("src/a.py")].into(), false);
    assert_eq!((specific.confidence, specific.dropped), (found[0].confidence, None), "no guess, not touched");
}

#[test]
fn a_generic_guess_gives_way_to_a_specific_rule() {
    let token = made_up("zzp_[A-Za-z0-9]{30}", 1);
    let found = scan(format!("api_token = \"{token}\""));
    assert_eq!(kept(&found), ["zz-token"]);
    let generic = found.iter().find(|c| c.rule.generic).unwrap();
    assert_eq!(generic.dropped.as_deref(), Some("covered by zz-token"));
    let other = made_up("Aa1[a-z]{12}9", 1);
    assert_eq!(kept(&scan(format!("a = \"{token}\"; password = \"{other}\""))), ["zz-token", "generic-secret"]);
}

#[test]
fn of_two_rules_over_one_secret_the_one_that_knows_its_form_wins() {
    let mut rules: Vec<_> = read_file("rules.toml", RULES).unwrap().into_iter().map(|(rule, _)| rule).collect();
    let mut place = rules.iter().find(|rule| rule.id() == "rc-auth").unwrap().clone();
    place.meta = keyward::model::RuleMeta { id: "aa-place".into(), ..(**place.meta).clone() }.into();
    place.paths.clear();
    place.regex = "_auth=(?P<secret>[a-z_A-Z0-9]{34})".into();
    place.max_len = 40;
    rules.push(place);
    let text = format!("_auth={}", made_up("zzp_[A-Za-z0-9]{30}", 1));
    let found = scan_at(&Detector::new(rules).unwrap(), "a", text.as_bytes(), &Fresh::All).unwrap();
    assert_eq!(kept(&found.candidates), ["zz-token"]);
    assert!(found.candidates.iter().any(|c| c.dropped.as_deref() == Some("covered by zz-token")));
}

#[test]
fn every_secret_on_a_line_is_masked_in_each_snippet() {
    let tokens: Vec<String> = (0..3).map(|n| made_up("zzp_[A-Za-z0-9]{30}", n)).collect();
    let password = made_up("Aa1[a-z]{12}9", 1);
    let line = format!("{} {} {} password='{password}' again {password}", tokens[0], tokens[1], tokens[2]);
    let found = scan(&line);
    assert_eq!(found.len(), 4);
    for candidate in &found {
        let shown = candidate.snippet.text(false);
        assert!(tokens.iter().chain([&password]).all(|secret| !shown.contains(secret)), "{shown}");
        assert_eq!(candidate.snippet.shown(false).filter(|piece| piece.focus).count(), 1);
    }
    let long = format!("{}{}{}", "lorem ".repeat(1000), tokens[0], " ipsum".repeat(1000));
    let snippet = scan(&long)[0].snippet.text(false);
    assert!(snippet.len() < 300 && snippet.contains("zzp_"), "{snippet}");
}

#[test]
fn marks_are_told_even_without_candidates() {
    let detector = detector();
    let found = scan_at(detector, "a", b"x = 1 # keyward:allow zz-token -- because\n", &Fresh::All).unwrap();
    assert!(found.candidates.is_empty());
    assert_eq!(found.marks[0].scope, MarkScope::Rules(vec!["zz-token".into()]));
    assert_eq!((found.marks[0].line, found.marks[0].covers, found.marks[0].fresh), (1, (1, 1), true));
    assert!(
        scan_at(detector, "a", b"x = 1 # gitleaks:allow\n", &Fresh::All).is_none(),
        "other tools' only beside some"
    );
    let token = made_up("zzp_[A-Za-z0-9]{30}", 1);
    let found = scan_at(detector, "a", format!("k='{token}' # gitleaks:allow").as_bytes(), &Fresh::All).unwrap();
    assert_eq!(found.marks[0].syntax, "gitleaks:allow");
}

#[test]
fn a_block_of_many_lines_has_its_own_ends() {
    let block = made_up("-----BEGIN ZZ KEY-----\r?\n[A-Za-z0-9]{60}\r?\n[A-Za-z0-9]{9}\r?\n-----END ZZ KEY-----", 3);
    let found = scan(format!("a\nkey = {block};\n"));
    assert_eq!(kept(&found), ["block"]);
    assert_eq!((found[0].start.line, found[0].start.column, found[0].end.line, found[0].end.column), (2, 7, 5, 21));
    let shown = found[0].snippet.text(false);
    assert!(shown.starts_with("key = -----BEGIN ZZ") && shown.ends_with('*') && !shown.contains("KEY--"), "{shown}");
}

/// The texts that must look the same wherever they stand.
fn piece(n: u64) -> String {
    let forms = [
        "k = 'zzp_[A-Za-z0-9]{30}'",
        "zzc_[A-Za-z0-9]{36}",
        "yydata_key: \"[a-f0-9]{32}\"",
        "[a-f0-9]{32}-mm[0-9]{2}",
        "-----BEGIN ZZ KEY-----\n[A-Za-z0-9]{60}\n-----END ZZ KEY-----",
        "id=PPID[A-Z0-9]{12}\npp_secret=[A-Za-z0-9]{40}",
        "password = \"Aa1[a-z]{8}[0-9]{2}\"",
        "zzp_x{30}",
        "zzp_zzp_[A-Za-z0-9]{30}",
        "yydata yydata = [a-f0-9]{32}",
        "\u{e9}\u{1f600} zzp_[A-Za-z0-9]{30}",
    ];
    let form = forms[usize::try_from(n).unwrap() % forms.len()];
    // The pattern language knows bytes only.
    form.split(' ')
        .map(|word| if word.is_ascii() { made_up(word, n) } else { word.to_owned() })
        .collect::<Vec<_>>()
        .join(" ")
}

type Told = (String, Span, u32, u32, Confidence, Option<std::borrow::Cow<'static, str>>);

fn told(candidates: &[Candidate], bytes: usize, lines: u32) -> Vec<Told> {
    candidates
        .iter()
        .map(|c| {
            let span = Span::new(c.span.start - bytes, c.span.end - bytes);
            (c.rule.id.clone(), span, c.start.line - lines, c.start.column, c.confidence, c.dropped.clone())
        })
        .collect()
}

fn config(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn the_same_text_is_told_the_same_wherever_it_stands(
        n in 0_u64..500,
        before in prop::collection::vec("[ -~\u{e9}\u{4e2d}\u{1f600}]{0,60}(zzp_|yydata|-----BEGIN ZZ|-mm12)?", 0..5),
        after in "[ -~\n]{0,80}",
    ) {
        let text = piece(n);
        let alone = scan(format!("{text}\n"));
        // Four empty lines keep parts of composites apart.
        let lines = before.len() + 4;
        let before: String = before.iter().map(|line| line.clone() + "\n").collect::<String>() + "\n\n\n\n";
        let among = scan(format!("{before}{text}\n\n\n\n{after}"));
        let here = before.len()..before.len() + text.len();
        let among: Vec<Candidate> = among.into_iter().filter(|c| here.contains(&c.span.start)).collect();
        prop_assert_eq!(told(&alone, 0, 0), told(&among, before.len(), u32::try_from(lines).unwrap()));
    }

    #[test]
    fn lines_and_columns_agree_with_an_independent_count_in_every_encoding(
        before in "([a-z \u{e9}\u{4e2d}\u{1f600}]{0,9}\n){0,6}[a-z\u{e9}\u{4e2d}\u{1f600}]{0,9} ",
        after in " [a-z\u{1f600}]{0,5}(\n[a-z]{0,9}){0,3}",
        crlf in any::<bool>(),
        encoding in 0_usize..6,
        seed in 0_u64..50,
    ) {
        let token = made_up("zzp_[A-Za-z0-9]{30}", seed);
        let ends = |text: String| if crlf { text.replace('\n', "\r\n") } else { text };
        let (before, after) = (ends(before), ends(after));
        let text = format!("{before}{token}{after}");
        let units = |big: bool, mark: bool| -> Vec<u8> {
            let text = if mark { format!("\u{feff}{text}") } else { text.clone() };
            text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
        };
        let (bytes, width): (Vec<u8>, usize) = match encoding {
            0 => (text.clone().into_bytes(), 0),
            1 => (format!("\u{feff}{text}").into_bytes(), 0),
            2 => (units(false, true), 2),
            3 => (units(true, true), 2),
            4 => (units(false, false), 2),
            _ => (units(true, false), 2),
        };
        let found = scan(&bytes);
        prop_assert_eq!(kept(&found), vec!["zz-token"]);
        let candidate = &found[0];
        prop_assert_eq!(candidate.secret.reveal(), token.as_bytes());
        let stored = candidate.span.of(&bytes);
        if width == 0 {
            prop_assert_eq!(stored, token.as_bytes());
        } else {
            let ascii: Vec<u8> = stored.iter().copied().filter(|b| *b != 0).collect();
            prop_assert_eq!((ascii.as_slice(), stored.len()), (token.as_bytes(), 2 * token.len()));
        }
        let line = before.matches('\n').count() + 1;
        let last = before.rsplit('\n').next().unwrap();
        let (column, utf16) = (last.chars().count() + 1, last.encode_utf16().count() + 1);
        let start = candidate.start;
        prop_assert_eq!((start.line as usize, start.column as usize, start.column_utf16 as usize), (line, column, utf16));
        let end = candidate.end;
        prop_assert_eq!((end.line as usize, end.column as usize), (line, column + token.len()));
    }

    #[test]
    fn nothing_printed_holds_a_raw_secret(picks in prop::collection::vec(0_u64..500, 1..6), joint in "[ ;\n]") {
        let text = picks.iter().map(|n| piece(*n)).collect::<Vec<_>>().join(&joint);
        let Some(found) = scan_at(detector(), "a.py", text.as_bytes(), &Fresh::All) else { return Ok(()) };
        let printed = format!("{found:?}");
        for candidate in &found.candidates {
            let secret = String::from_utf8(candidate.secret.reveal().to_vec()).unwrap();
            let escaped = format!("{secret:?}");
            prop_assert!(!printed.contains(&secret) && !printed.contains(&escaped));
            prop_assert!(!candidate.secret.to_string().contains(&secret));
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), n in 0_u64..500, at in 0_usize..200) {
        let mut text = bytes;
        let piece = piece(n);
        let at = at.min(text.len());
        text.splice(at..at, piece.bytes());
        for candidate in scan(&text) {
            prop_assert!(candidate.span.end <= text.len() && !candidate.span.is_empty());
            prop_assert!(candidate.start.line >= 1 && candidate.start.column >= 1);
        }
    }
}

#[test]
fn hostile_input_ends_quickly_and_says_what_was_left_out() {
    let size = 512 << 10;
    let of = |unit: &str| unit.repeat(size / unit.len());
    let token = made_up("zzp_[A-Za-z0-9]{30} ", 1);
    let texts = [
        ("anchors", of("zzp_"), false),
        ("names", of("password="), false),
        ("named values", of("password='password="), false),
        ("quotes", of("password=\"'`\\\""), false),
        ("begins", of("-----BEGIN ZZ KEY-----"), false),
        ("long blocks", of(&format!("-----BEGIN ZZ KEY-----{}", "a".repeat(3000))), false),
        ("lookback", of("aaaa-mm11"), false),
        ("wide windows", of("-wwp_"), true),
        ("wide windows in a word", of("wwp_"), false),
        ("marks", of("keyward:allow "), true),
        ("open marks", of("keyward:allow-start\n"), true),
        ("tokens on one line", of(&token), true),
        ("tokens on many lines", of(&token.replace(' ', "\n")), true),
        ("dropped ones", of(&format!("zzp_{} ", "x".repeat(30))), true),
        ("pairs", of("PPIDAAAABBBBCCCC\n"), true),
    ];
    let detector = detector();
    for (name, text, cut) in texts {
        let begun = Instant::now();
        let found = scan_at(detector, "a.yml", text.as_bytes(), &Fresh::All);
        let took = begun.elapsed();
        println!("{name}: {took:?}");
        assert!(took < Duration::from_secs(20), "{name} took {took:?}");
        assert_eq!(found.is_some_and(|found| !found.problems.is_empty()), cut, "{name}");
    }
}

#[test]
fn identifiers_are_shown_with_their_secret_and_missed_nowhere() {
    let detector = Detector::new(Pack::builtin().unwrap().rules).unwrap();
    let uuid = |seed| made_up("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", seed);
    let hex = |length, seed| made_up(&format!("[a-f0-9]{{{length}}}"), seed);
    let entra = made_up("[A-Za-z0-9]{3}8Q~[A-Za-z0-9]{34}", 3);
    let (tenant, client) = (uuid(1), uuid(2));
    let google = made_up("[1-9][0-9]{11}-[a-z0-9]{32}\\.apps\\.googleusercontent\\.com", 4);
    let cases: [(String, &str, &[&str]); 6] = [
        (
            format!("tenant_id: {tenant}\nclient_id: {client}\nclient_secret: {entra}\n"),
            "azure-entra-client-secret",
            &["azure-tenant-id", "azure-client-id"],
        ),
        (format!("client_secret: {entra}\n"), "azure-entra-client-secret", &[]),
        (
            format!("client_id = \"{google}\"\nsecret = \"{}\"\n", made_up("GOCSPX-[A-Za-z0-9_-]{28}", 5)),
            "google-oauth-client-secret",
            &["google-oauth-client-id"],
        ),
        (
            format!("ALGOLIA_APP_ID={}\nALGOLIA_ADMIN_KEY={}\n", made_up("[A-Z][A-Z0-9]{8}[0-9]", 6), hex(32, 7)),
            "algolia-admin-key",
            &["algolia-application-id"],
        ),
        (format!("DD_API_KEY={}\nDD_APP_KEY={}\n", hex(32, 8), hex(40, 9)), "datadog-api-key", &["datadog-app-key"]),
        (
            format!("sid = AC{}\nauth_token = {}\n", hex(32, 10), hex(32, 11)),
            "twilio-auth-token",
            &["twilio-account-sid"],
        ),
    ];
    for (text, rule, parts) in cases {
        let found = scan_at(&detector, "a.yml", text.as_bytes(), &Fresh::All).unwrap().candidates;
        let secret = found.iter().find(|c| c.rule.id == rule && c.dropped.is_none());
        let secret = secret.unwrap_or_else(|| {
            panic!("{rule}: {:?}", found.iter().map(|c| (&c.rule.id, &c.dropped)).collect::<Vec<_>>())
        });
        let shown: Vec<&str> = secret.related.iter().map(|part| part.rule.id.as_str()).collect();
        assert_eq!(shown, parts, "{rule}");
    }
    // A client id that changes makes the secret beside it no new one.
    let text = format!("client_id: {client}\nclient_secret: {entra}\n");
    let fresh = |added: Span| {
        let difference = Difference { added: vec![added], removed_at: vec![] };
        scan_at(&detector, "a.yml", text.as_bytes(), &Fresh::Against(vec![difference]))
            .map_or(0, |found| kept(&found.candidates).len())
    };
    let line = text.find('\n').unwrap();
    assert_eq!((fresh(Span::new(0, line)), fresh(Span::new(line + 1, text.len()))), (0, 1));
}
