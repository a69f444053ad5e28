//! Tests of: rules.

use keyward::detect::{Detector, Simd, selftest, too_common};
use keyward::model::{Blob, Candidate, Confidence, Fresh, Origin, OriginKind};
use keyward::rule::Kind;
use keyward::rule::pack::{Pack, builtin_examples};
use keyward::rule::written::read_file;

use crate::common::{self, github_token, json, keyward};

#[test]
fn every_built_in_rule_finds_its_examples_and_nothing_in_its_counter_examples() {
    let rules = Pack::builtin().unwrap().rules;
    let examples = builtin_examples().unwrap();
    assert_eq!(rules.len(), examples.len());
    let proved: Vec<_> = rules
        .into_iter()
        .zip(examples)
        .map(|(rule, (id, examples))| {
            assert_eq!(rule.id(), id);
            (rule, examples)
        })
        .collect();
    let failures: Vec<String> = selftest::check(&proved).iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn what_a_profile_counts_follows_from_the_text_alone() {
    let token = github_token(5);
    let dir = tempfile::tempdir().unwrap();
    let text = format!("a = \"{token}\"\nb = \"ghp_{}\"\npassword = other\n", "x".repeat(10));
    std::fs::write(dir.path().join("a.py"), &text).unwrap();
    let profile = |threads: &str| {
        let args = ["rules", "profile", ".", "--format", "json", "--top", "0", "--threads", threads];
        let out = keyward().args(args).current_dir(dir.path()).output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{}", common::text(&out));
        let mut report = json(&out);
        for rule in report["rules"].as_array_mut().unwrap() {
            assert!(rule.as_object_mut().unwrap().remove("nanoseconds").is_some());
        }
        // Sorted by time, which is the one thing that differs.
        report["rules"].as_array_mut().unwrap().sort_by_key(|rule| rule["id"].to_string());
        report
    };
    let report = profile("1");
    assert_eq!(report, profile("2"));
    // Beside the file, a second text: the names that a report repeats are looked through as well.
    assert!(report["total"]["bytes"].as_u64().unwrap() >= text.len() as u64);
    let rules = report["rules"].as_array().unwrap();
    let of = |id: &str| rules.iter().find(|rule| rule["id"] == id).unwrap_or_else(|| panic!("{report}"));
    let github = of("github-pat");
    assert_eq!((&github["hits"], &github["candidates"], &github["findings"]), (&2.into(), &1.into(), &1.into()));
    assert_eq!(of("generic-assignment")["findings"], 0);
}

#[test]
fn the_environment_may_choose_the_prefilters_path_and_finds_the_same() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.py"), format!("{}\nt = \"{}\"\n", "x = 1\n".repeat(400), github_token(6)))
        .unwrap();
    let scan = |simd: &str| {
        let args = ["scan", "-f", "json"];
        keyward().args(args).env("KEYWARD_SIMD", simd).current_dir(dir.path()).output().unwrap()
    };
    for simd in Simd::ALL {
        let out = scan(simd.name());
        if simd.is_here() {
            assert_eq!(out.status.code(), Some(1), "{}", common::text(&out));
            assert_eq!(common::findings(&out), common::findings(&scan("")));
        } else {
            assert_eq!(out.status.code(), Some(2), "{}", common::text(&out));
        }
    }
    let out = scan("mmx");
    assert!(out.status.code() == Some(2) && common::text(&out).contains("scalar, avx2, avx512"));
}

#[test]
fn an_anchor_that_stands_everywhere_is_refused_unless_something_cheap_is_asked_first() {
    let rule = |regex: &str, anchor: &str| {
        let text = format!(
            "[[rule]]\nid = 'a'\nname = 'A'\nseverity = 'low'\nconfidence = 'low'\nwhy = 'w'\nfix = 'f'\nlookback = 20\n\
             regex = '{regex}'\nanchors = ['{anchor}']\nexamples.match = ['x']\nexamples.no_match = ['y']\n"
        );
        vec![read_file("a.toml", &text).unwrap().pop().unwrap().0]
    };
    let said = too_common(&rule("[^;]{0,20}return(?P<secret>[^;]{4,20})", "return"));
    assert!(said.len() == 1 && said[0].contains("'return' stands at one of"), "{said:?}");
    assert_eq!(too_common(&rule("[^;]{0,20}return(?P<secret>[a-f0-9]{32})", "return")), [""; 0]);
    assert_eq!(too_common(&rule("[^;]{0,20}zqxj(?P<secret>[^;]{4,20})", "zqxj")), [""; 0]);
    assert_eq!(too_common(&Pack::builtin().unwrap().rules), [""; 0]);
}

/// Words of every length that a short form may take, as prose and code have them behind a provider's name.
fn words() -> Vec<String> {
    let mut words: Vec<String> =
        ["severity", "customer", "standard", "position", "Username"].map(str::to_owned).into_iter().collect();
    let parts = ["request", "handler", "session", "default", "account", "storage", "message", "version"];
    for joint in ["", "_", "-"] {
        for first in 0..parts.len() {
            for many in 2..6 {
                let chosen: Vec<&str> = (0..many).map(|next| parts[(first + next) % parts.len()]).collect();
                for cut in 0..7 {
                    let joined = chosen.join(joint);
                    words.push(joined[..joined.len() - cut].to_owned());
                    words.push(joined[..joined.len() - cut].to_ascii_uppercase());
                }
            }
        }
    }
    words
}

#[test]
fn no_rule_that_goes_by_a_name_takes_a_neighbouring_word_for_a_key() {
    let detector = Detector::new(Pack::builtin().unwrap().rules).unwrap();
    let words = words();
    let (mut asked, mut wrong) = (0, Vec::new());
    for rule in detector.rules().iter().filter(|rule| matches!(rule.kind, Kind::Keyed | Kind::Assigned)) {
        let form = regex::Regex::new(&format!("^(?:{})$", rule.regex)).unwrap();
        let name = &rule.anchors[0].text;
        let mut taken = words.iter().filter(|word| form.is_match(word)).peekable();
        asked += usize::from(taken.peek().is_some());
        for word in taken.step_by(5) {
            for text in [
                format!("{name} API key: {word}\n"),
                format!("{name}_api_key = {word}\n"),
                format!("{name}(key={word})\n"),
            ] {
                let origin = Origin::new(OriginKind::Stdin);
                let blob = Blob {
                    origin: &origin,
                    bytes: text.as_bytes(),
                    fresh: &Fresh::All,
                    former_path: None,
                    earlier: &[],
                };
                let found = detector.scan(&blob).map(|found| found.candidates).unwrap_or_default();
                let counts = |candidate: &Candidate| {
                    candidate.rule.id == rule.id()
                        && candidate.dropped.is_none()
                        && candidate.confidence >= Confidence::Medium
                };
                if found.iter().any(counts) {
                    wrong.push(format!("{}: {}", rule.id(), text.trim()));
                }
            }
        }
    }
    assert!(asked > 100, "{asked} rules could take a word");
    assert!(wrong.is_empty(), "{} of {asked} rules' texts: {}", wrong.len(), wrong.join("\n"));
}
