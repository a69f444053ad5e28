//! Tests of: rules.

use keyward::detect::{Simd, selftest, too_common};
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
