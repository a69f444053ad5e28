//! What keyward owes to speed and can be held on any machine: stages that can be told.

use crate::common::repo::Repo;
use crate::common::{json, keyward, text};

#[test]
fn timings_name_the_stages_on_standard_error_and_change_no_report() {
    let repo = Repo::new();
    repo.write("a.txt", "nothing\n").commit("first");
    let scan = |args: &[&str]| keyward().args(["scan", "-f", "json"]).args(args).current_dir(repo.path()).output();
    let plain = scan(&[]).unwrap();
    assert_eq!(text(&plain).matches("walk").count(), 0, "{}", text(&plain));
    let out = scan(&["--timings"]).unwrap();
    assert_eq!(json(&out)["coverage"], json(&plain)["coverage"]);
    let said = String::from_utf8(out.stderr).unwrap();
    let names: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("keyward: ")?.get(..10)).collect();
    let names: Vec<&str> = names.iter().map(|name| name.trim_end()).collect();
    assert_eq!(names, ["setup", "walk", "read", "detect", "place", "triage", "report", "in all"], "{said}");
    let out = scan(&["--timings", "--history"]).unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(said.contains("keyward: detect "), "{said}");
}
