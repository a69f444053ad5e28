//! Tests of: hooks/ci/scan.sh, which chooses what a CI run scans. The stub writes down what it was asked.

use std::path::Path;
use std::process::{Command, Output};

use super::Scene;
use crate::common::repo::frozen;

const ZEROS: &str = "0000000000000000000000000000000000000000";

/// A clone with two commits on main and one more on `side`, as a CI run finds it.
struct Run {
    scene: Scene,
    dir: std::path::PathBuf,
}

impl Run {
    fn new(clone: &[&str]) -> Self {
        let scene = Scene::new();
        scene.repo.write("b.txt", "b\n").commit("second");
        scene.repo.git(&["checkout", "-qb", "side"]);
        scene.repo.write("c.txt", "c\n").commit("third");
        let dir = scene.aside.path().join("clone");
        let url = format!("file://{}", scene.repo.path().display());
        let mut args = vec!["clone", "-q"];
        args.extend(clone);
        args.extend([url.as_str(), dir.to_str().unwrap()]);
        scene.repo.git(&args);
        Self { scene, dir }
    }

    fn id(&self, rev: &str) -> String {
        self.scene.repo.git(&["rev-parse", rev])
    }

    fn scan(&self, vars: &[(&str, &str)]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("hooks/ci/scan.sh");
        let mut command = frozen(Command::new("sh"), 0);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("KEYWARD_") {
                command.env_remove(name);
            }
        }
        command.env_remove("GITHUB_ACTIONS").env("KEYWARD", self.scene.binary()).envs(vars.iter().copied());
        command.arg(script).current_dir(&self.dir).output().unwrap()
    }

    /// What keyward was asked to do; fails the test when the run did not end with `code`.
    fn asked(&self, code: i32, vars: &[(&str, &str)]) -> Vec<String> {
        let out = self.scan(vars);
        assert_eq!(out.status.code(), Some(code), "{}", String::from_utf8_lossy(&out.stderr));
        self.scene.calls()
    }
}

#[test]
fn a_request_is_scanned_from_its_base_with_the_bases_config() {
    let run = Run::new(&[]);
    let (base, head) = (run.id("main"), run.id("side"));
    let vars = [("KEYWARD_EVENT", "request"), ("KEYWARD_BASE", &base), ("KEYWARD_HEAD", &head)];
    assert_eq!(run.asked(0, &vars), [format!("check --range {base}..{head} --config-from {base}")]);
    let more = [
        vars.as_slice(),
        &[
            ("KEYWARD_CONFIG_FROM", "v1"),
            ("KEYWARD_FAIL_ON", "high"),
            ("KEYWARD_SARIF", "o"),
            ("KEYWARD_ARGS", "-v -q"),
        ],
    ];
    let expected = format!("check --range {base}..{head} --config-from v1 --fail-on high --output sarif:o -v -q");
    assert_eq!(run.asked(0, &more.concat()), [expected]);
    run.scene.says("1");
    run.asked(1, &vars);
}

#[test]
fn a_run_that_cannot_see_its_commits_fails_with_2() {
    let shallow = Run::new(&["--depth", "1"]);
    let (base, head) = (shallow.id("main"), shallow.id("side"));
    for event in ["request", "push"] {
        let vars =
            [("KEYWARD_EVENT", event), ("KEYWARD_BASE", &base), ("KEYWARD_HEAD", &head), ("GITHUB_ACTIONS", "true")];
        let out = shallow.scan(&vars);
        assert_eq!(out.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&out.stderr).contains("fetch-depth: 0"));
        assert!(String::from_utf8_lossy(&out.stdout).starts_with("::error "));
    }
    let whole = Run::new(&[]);
    let gone = "1234567890123456789012345678901234567890";
    for (base, head) in [(gone, whole.id("side").as_str()), (whole.id("main").as_str(), gone), ("", "")] {
        assert!(
            whole.asked(2, &[("KEYWARD_EVENT", "request"), ("KEYWARD_BASE", base), ("KEYWARD_HEAD", head)]).is_empty()
        );
    }
}

#[test]
fn a_push_is_scanned_by_what_it_adds_also_when_its_base_is_unknown() {
    let run = Run::new(&[]);
    let (main, side, first) = (run.id("main"), run.id("side"), run.id("main~1"));
    let push = |base: &str, head: &str| {
        let vars =
            [("KEYWARD_EVENT", "push"), ("KEYWARD_BASE", base), ("KEYWARD_HEAD", head), ("KEYWARD_MAIN", "main")];
        run.asked(0, &vars)
    };
    assert_eq!(push(&first, &main), [format!("check --range {first}..{main}")]);
    // A new branch, and a force push whose old commit is gone: its own remote branch must not count as known.
    for base in [ZEROS, "1234567890123456789012345678901234567890", ""] {
        assert_eq!(push(base, &side), [format!("check --range {main}..{side}")]);
    }
    // The default branch itself for the first time.
    assert_eq!(push(ZEROS, &main), ["check --history"]);
}

#[test]
fn where_nothing_is_new_the_tree_is_scanned() {
    let run = Run::new(&[]);
    let (main, side) = (run.id("main"), run.id("side"));
    let same = [("KEYWARD_EVENT", "request"), ("KEYWARD_BASE", side.as_str()), ("KEYWARD_HEAD", main.as_str())];
    assert_eq!(run.asked(0, &same), [format!("check . --config-from {side}")]);
    let deleted = [("KEYWARD_EVENT", "push"), ("KEYWARD_BASE", main.as_str()), ("KEYWARD_HEAD", ZEROS)];
    assert_eq!(run.asked(0, &deleted), ["check ."]);
    assert_eq!(run.asked(0, &[("KEYWARD_EVENT", "schedule")]), ["check ."]);
    assert_eq!(run.asked(0, &[]), ["check ."]);
}
