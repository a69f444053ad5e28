//! Tests of: micro-app manifests in a repository, and `keyward manifest`.

use crate::common::repo::Repo;
use crate::common::{findings, json, text};

/// A repository with one clean manifest, written by `keyward manifest init`.
fn app() -> Repo {
    let repo = Repo::new();
    repo.write("a.txt", "x\n");
    let out = repo.keyward(&[
        "manifest",
        "init",
        "--name",
        "mailer",
        "--purpose",
        "Sends mail",
        "--owner",
        "group:default/ops",
        "--unit",
        "marketing",
        "--class",
        "internal",
    ]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    repo
}

fn manifest(repo: &Repo) -> String {
    std::fs::read_to_string(repo.join("catalog-info.yaml")).unwrap()
}

#[test]
fn a_manifest_that_is_written_is_clean_and_shown() {
    let repo = app();
    let out = repo.keyward(&["check", "-f", "json"]);
    assert_eq!((out.status.code(), findings(&out).len()), (Some(0), 0), "{}", text(&out));
    let out = repo.keyward(&["manifest", "show", "--format", "json"]);
    assert_eq!(json(&out)["spec"]["governance"]["dataClassification"], "internal", "{}", text(&out));
    let said = text(&repo.keyward(&["manifest", "show"]));
    assert!(said.contains("owner     group:default/ops"), "{said}");
    let again = repo.keyward(&["manifest", "init", "--name", "x"]);
    assert!(again.status.code() == Some(2) && text(&again).contains("--force"), "{}", text(&again));
    repo.git(&["rm", "-q", "--cached", "-r", "--ignore-unmatch", "."]);
    std::fs::remove_file(repo.join("catalog-info.yaml")).unwrap();
    let missing = repo.keyward(&["manifest", "init", "--name", "x"]);
    assert!(missing.status.code() == Some(2) && text(&missing).contains("--purpose is missing"), "{}", text(&missing));
    assert!(!repo.join("catalog-info.yaml").exists());
    let schema = repo.keyward(&["manifest", "schema"]);
    assert_eq!(json(&schema)["title"], "A micro-app's manifest");
}

#[test]
fn a_manifest_is_found_by_its_content_and_faulted_at_its_lines() {
    let repo = app();
    let broken = manifest(&repo)
        .replace("dataClassification: internal", "dataClassification: intrenal")
        .replace("tier: prototype, ttl: 30d", "tier: prototype, ttl: 90d");
    repo.write("deploy/anything.yml", format!("kind: Other\n---\n{broken}"));
    std::fs::remove_file(repo.join("catalog-info.yaml")).unwrap();
    let out = repo.keyward(&["check", "-f", "json"]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    let line = |needle: &str| {
        1 + format!("kind: Other\n---\n{broken}").lines().position(|line| line.contains(needle)).unwrap() as u64
    };
    let expected = [
        ("deploy/anything.yml".to_owned(), line("intrenal"), "manifest-schema".to_owned()),
        ("deploy/anything.yml".to_owned(), line("ttl: 90d"), "manifest-ttl".to_owned()),
        ("deploy/anything.yml".to_owned(), line("ttl: 90d"), "manifest-lifetime".to_owned()),
    ];
    assert_eq!(findings(&out), expected, "{}", text(&out));
    let said = text(&out);
    assert!(said.contains("did you mean internal?"), "{said}");
    assert_eq!(findings(&repo.keyward(&["scan", "-f", "json"])), []);
    assert_eq!(findings(&repo.keyward(&["lint", "-f", "json"])).len(), 3);
}

#[test]
fn a_manifest_expires_by_the_day_that_is_given() {
    let repo = app();
    let at = |day: &str| {
        let out = repo.keyward(&["check", "-f", "json", "--now", day]);
        (findings(&out).into_iter().map(|f| f.2).collect::<Vec<_>>(), out.status.code().unwrap())
    };
    assert_eq!(at("2001-01-01"), (vec![], 0));
    assert_eq!(at("2199-01-01"), (vec!["manifest-expired".to_owned()], 1));
    let text = manifest(&repo);
    let end = text.split("expiresAt: \"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(at(end), (vec!["manifest-expiring".to_owned()], 0), "a warning");
}

#[test]
fn a_staged_change_that_takes_the_owner_away_is_stopped_by_the_hook() {
    let repo = app();
    repo.commit("an app");
    repo.write("catalog-info.yaml", manifest(&repo).replace("  owner: \"group:default/ops\"\n", ""));
    repo.git(&["add", "-A"]);
    let out = repo.keyward(&["hook", "pre-commit"]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    assert!(text(&out).contains("`spec` has no `owner`: Who answers for it"), "{}", text(&out));
    repo.commit("without an owner");
    repo.write("catalog-info.yaml", manifest(&repo).replace("Sends mail", "Sends more mail"));
    repo.git(&["add", "-A"]);
    assert_eq!(repo.keyward(&["hook", "pre-commit"]).status.code(), Some(0), "it was so before");
}

#[test]
fn owners_and_limits_are_those_of_the_configuration_and_codeowners() {
    let repo = app();
    repo.write("keyward.toml", "[manifest]\nlabels = ['team']\nprototype_ttl = '10d'\n")
        .write(".github/CODEOWNERS", "* @example/sales\n");
    let mut ids: Vec<String> = findings(&repo.keyward(&["check", "-f", "json"])).into_iter().map(|f| f.2).collect();
    ids.sort();
    assert_eq!(ids, ["manifest-labels", "manifest-owner", "manifest-ttl"]);
    repo.write("keyward.toml", "[manifest]\n[rules]\ndisable = ['nosuch-rule']\n")
        .write(".github/CODEOWNERS", "* @example/ops\n");
    let out = repo.keyward(&["check"]);
    assert!(text(&out).contains("nosuch-rule"), "{}", text(&out));
    repo.write("keyward.toml", "[manifest]\nlabels = ['team']\n[rules]\nseverity = {manifest-labels = 'low'}\n");
    assert_eq!(json(&repo.keyward(&["check", "-f", "json"]))["findings"][0]["severity"], "low");
    repo.write("keyward.toml", "[manifest]\nlabels = ['team']\n[rules]\ndisable = ['manifest-labels']\n");
    assert_eq!(findings(&repo.keyward(&["check", "-f", "json"])), []);
    repo.write("keyward.toml", "[manifest]\nprototype_ttl = 'long'\n");
    let out = repo.keyward(&["check"]);
    assert!(out.status.code() == Some(2) && text(&out).contains("is no duration"), "{}", text(&out));
    repo.write("keyward.toml", "[manifest]\n");
    assert_eq!(findings(&repo.keyward(&["check", "-f", "json"])), []);
}

#[test]
fn a_codeowners_file_alone_says_who_can_own() {
    let repo = app();
    repo.write("CODEOWNERS", "* @example/sales\n");
    let found = findings(&repo.keyward(&["check", "-f", "json"]));
    assert_eq!(found.into_iter().map(|f| f.2).collect::<Vec<_>>(), ["manifest-owner"]);
    repo.write("CODEOWNERS", "* @example/sales\n/mail @example/ops\n");
    assert_eq!(findings(&repo.keyward(&["check", "-f", "json"])), []);
}

#[test]
fn an_identity_belongs_to_one_app() {
    let repo = app();
    repo.write("other/catalog-info.yaml", manifest(&repo).replace("name: \"mailer\"", "name: other"));
    let out = repo.keyward(&["check", "-f", "json"]);
    let found = findings(&out);
    assert_eq!(found.len(), 1, "{}", text(&out));
    assert_eq!((found[0].0.as_str(), found[0].2.as_str()), ("other/catalog-info.yaml", "manifest-identity"));
    assert!(text(&out).contains("mailer is the identity of catalog-info.yaml too"));
}
