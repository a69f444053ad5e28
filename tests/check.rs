//! Tests of: `keyward check` and `keyward lint`, on trees, the index and ranges.

use serde_json::Value;

use crate::common::repo::Repo;
use crate::common::{findings, github_token, json, text};

/// As the founding text prints it.
pub const SEED: &str = r#"package microapp.security

deny[msg] {
  input.kind == "Pod"
  some c
  container := input.spec.containers[c]
  container.securityContext.privileged == true
  msg = sprintf("container %v requests privileged=true", [container.name])
}
"#;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n    - name: web\n      image: a:1\n\
                   \x20   - name: agent\n      image: b:1\n      securityContext:\n        privileged: true\n";

const CONFIG: &str = "[policy]\npaths = [\"policy\"]\nbuiltin = false\n";

/// A repository with the seed's policy in force.
fn governed() -> Repo {
    let repo = Repo::new();
    repo.write("keyward.toml", CONFIG).write("policy/seed.rego", SEED);
    repo.commit("policies");
    repo
}

fn messages(out: &std::process::Output) -> Vec<String> {
    let report = json(out);
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    report["findings"].as_array().unwrap().iter().map(|f| word(&f["message"])).collect()
}

#[test]
fn the_seeds_policy_denies_a_privileged_pod_at_the_line_of_its_container() {
    let repo = governed();
    repo.write("k8s/pod.yaml", POD);
    let out = repo.keyward(&["check", "-f", "json"]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    assert_eq!(findings(&out), [("k8s/pod.yaml".into(), 8, "microapp-security-deny".into())]);
    assert_eq!(messages(&out), ["container agent requests privileged=true"]);
    let finding = &json(&out)["findings"][0];
    assert_eq!((&finding["at"], &finding["approximate"]), (&"spec.containers[1]".into(), &false.into()));
    assert_eq!((&finding["kind"], &finding["secret"]), (&"claim".into(), &"".into()));
    let said = text(&repo.keyward(&["check"]));
    assert!(said.contains("k8s/pod.yaml:8:7: high: container agent requests privileged=true"), "{said}");
    let scan = repo.keyward(&["scan"]);
    assert_eq!(scan.status.code(), Some(0), "a scan looks for secrets alone: {}", text(&scan));
}

#[test]
fn a_flag_brings_policies_where_the_repository_has_none() {
    let repo = Repo::new();
    repo.write("pod.yaml", POD);
    repo.commit("pod");
    assert_eq!(repo.keyward(&["check"]).status.code(), Some(0));
    let policies = Repo::new();
    policies.write("seed.rego", SEED).write("other.rego", "package other\ndeny[\"all\"] { true }\n");
    let dir = policies.path().display().to_string();
    let out = repo.keyward(&["lint", "-f", "json", "--policy", &dir]);
    assert_eq!(findings(&out).len(), 2, "{}", text(&out));
    let out = repo.keyward(&["lint", "-f", "json", "--policy", &dir, "--namespace", "other"]);
    assert_eq!(messages(&out), ["all"]);
    let nothing = Repo::new();
    let out = repo.keyward(&["lint", "--policy", &nothing.path().display().to_string()]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));
}

#[test]
fn secrets_and_policies_are_one_pass_one_report_one_exit_code() {
    let repo = governed();
    let token = github_token(7);
    repo.write("pod.yaml", format!("{POD}      env: [{{name: T, value: {token}}}]\n"));
    let out = repo.keyward(&["check", "-f", "sarif"]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    let log = json(&out);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let mut ids: Vec<_> = results.iter().map(|result| result["ruleId"].as_str().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["github-pat", "microapp-security-deny"]);
    assert!(!text(&out).contains(&token), "no secret in a report");
    let tags = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let policy = tags.iter().find(|rule| rule["id"] == "microapp-security-deny").unwrap();
    assert!(!policy["properties"]["tags"].to_string().contains("secret"), "{policy}");
    let lint = repo.keyward(&["lint", "-f", "json"]);
    assert_eq!(findings(&lint).len(), 1, "{}", text(&lint));
    assert!(!text(&lint).contains(&token));
}

#[test]
fn sarif_links_each_built_in_rule_to_its_page_where_that_is_known_to_be() {
    let repo = Repo::new();
    repo.write("pod.yaml", format!("{POD}      env: [{{name: T, value: {}}}]\n", github_token(7)));
    let rules = |more: &[&str]| {
        let log = json(&repo.keyward(&[&["check", "--builtin", "-f", "sarif"], more].concat()));
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().clone();
        move |id: &str| rules.iter().find(|rule| rule["id"] == id).unwrap().clone()
    };
    let plain = rules(&[]);
    let policy = plain("k8s-privileged");
    assert!(policy.get("helpUri").is_none(), "a relative one is against the format: {policy}");
    assert_eq!(policy["properties"]["docs"], "docs/rules/policy/k8s-privileged.md");
    assert!(policy["help"]["markdown"].as_str().unwrap().contains("`docs/rules/policy/k8s-privileged.md`"));
    assert!(plain("github-pat")["helpUri"].as_str().unwrap().starts_with("https://docs.github.com/"));
    let linked = rules(&["--docs-url", "https://git.example.org/keyward/blob/v1/"]);
    let base = "https://git.example.org/keyward/blob/v1/docs/rules";
    assert_eq!(linked("k8s-privileged")["helpUri"], format!("{base}/policy/k8s-privileged.md"));
    assert_eq!(linked("github-pat")["helpUri"], format!("{base}/secrets/github.md#github-pat"));
    assert!(linked("github-pat")["help"]["markdown"].as_str().unwrap().contains("provider's page"));
    let odd = rules(&["--docs-url", "javascript:alert(1)"]);
    assert!(odd("k8s-privileged").get("helpUri").is_none());
}

#[test]
fn a_policy_that_repeats_a_secret_does_not_print_it() {
    let repo = Repo::new();
    let token = github_token(9);
    let policy = "package p\ndeny[msg] { msg := sprintf(\"value %v\", [input.value]) }\n";
    repo.write("keyward.toml", CONFIG).write("policy/p.rego", policy).write("a.yaml", format!("value: {token}\n"));
    repo.commit("all");
    for format in ["human", "json", "jsonl", "sarif"] {
        for command in ["check", "lint"] {
            let out = repo.keyward(&[command, "-f", format]);
            assert!(text(&out).contains("value ghp_"), "{}", text(&out));
            assert!(!text(&out).contains(&token), "{command} {format}");
        }
    }
}

#[test]
fn staged_counts_what_the_index_has_and_head_had_not() {
    let repo = governed();
    repo.write("pod.yaml", POD);
    repo.commit("an old sin");
    let out = repo.keyward(&["check", "--staged", "-f", "json"]);
    assert_eq!((out.status.code(), findings(&out).len()), (Some(0), 0));
    // The container moves and another setting changes: the finding is the same.
    repo.write("pod.yaml", POD.replace("metadata: {name: x}", "metadata:\n  name: y"));
    repo.git(&["add", "-A"]);
    assert_eq!(findings(&repo.keyward(&["check", "--staged", "-f", "json"])), []);
    // A second privileged container is new; that one alone is told.
    repo.write("pod.yaml", POD.replace("image: a:1", "securityContext: {privileged: true}"));
    repo.git(&["add", "-A"]);
    let out = repo.keyward(&["check", "--staged", "-f", "json"]);
    assert_eq!(messages(&out), ["container web requests privileged=true"]);
    // The index counts, not the disk.
    repo.write("pod.yaml", "kind: Pod\n");
    assert_eq!(messages(&repo.keyward(&["check", "--staged", "-f", "json"])).len(), 1);
}

#[test]
fn a_deletion_that_breaks_a_rule_is_found_though_no_byte_is_fresh() {
    let repo = Repo::new();
    let policy = "package p\ndeny[\"no owner\"] { input.kind == \"App\"\n not input.owner }\n";
    repo.write("keyward.toml", CONFIG).write("policy/p.rego", policy).write("app.yaml", "kind: App\nowner: me\n");
    repo.commit("all is well");
    repo.write("app.yaml", "kind: App\n");
    repo.git(&["add", "-A"]);
    let out = repo.keyward(&["check", "--staged", "-f", "json"]);
    assert_eq!(messages(&out), ["no owner"], "{}", text(&out));
    let before = repo.git(&["rev-parse", "HEAD"]);
    repo.commit("no owner");
    let out = repo.keyward(&["check", "--range", &format!("{before}..HEAD"), "-f", "json"]);
    assert_eq!(messages(&out), ["no owner"], "{}", text(&out));
    assert!(json(&out)["findings"][0]["commit"].is_string());
}

#[test]
fn policies_are_those_of_the_layer_whose_configuration_counts() {
    let repo = governed();
    repo.write("policy/seed.rego", "package none\nwarn[\"x\"] { false }\n").write("pod.yaml", POD);
    // On the disk the policy is gone; in the index it is still there.
    repo.git(&["add", "pod.yaml"]);
    assert_eq!(messages(&repo.keyward(&["check", "--staged", "-f", "json"])).len(), 1);
    assert_eq!(messages(&repo.keyward(&["check", "-f", "json"])).len(), 0);
    let base = repo.git(&["rev-parse", "HEAD"]);
    repo.commit("a change that excuses itself");
    let range = format!("{base}..HEAD");
    assert_eq!(messages(&repo.keyward(&["check", "--range", &range, "-f", "json"])).len(), 0);
    let out = repo.keyward(&["check", "--range", &range, "--config-from", &base, "-f", "json"]);
    assert_eq!(messages(&out).len(), 1, "{}", text(&out));
}

#[test]
fn comments_allowlists_and_baselines_silence_by_the_rules_level() {
    let repo = governed();
    let with = |comment: &str| POD.replace("- name: agent", &format!("- name: agent # {comment}"));
    let found = |config: &str, pod: &str| {
        repo.write("keyward.toml", config).write("pod.yaml", pod);
        let out = repo.keyward(&["check", "-f", "json"]);
        (findings(&out).len(), out.status.code().unwrap(), text(&out))
    };
    let reasoned = with("keyward:allow microapp-security-deny -- it drives the disks");
    assert_eq!(found(CONFIG, &reasoned).0, 0);
    let (n, code, said) = found(CONFIG, &with("keyward:allow microapp-security-deny"));
    assert!(n == 1 && code == 1 && said.contains("gives no reason"), "{said}");
    let level = |level: &str| format!("{CONFIG}[[enforce]]\nrules = ['microapp-security-deny']\nlevel = '{level}'\n");
    let (n, code, said) = found(&level("hard-mandatory"), &reasoned);
    assert!(n == 1 && code == 1 && said.contains("hard-mandatory"), "{said}");
    let (n, code, _) = found(&level("advisory"), POD);
    assert_eq!((n, code), (1, 0), "told, but it does not fail");
    let allow =
        "[[allow]]\nrules = ['microapp-security-deny']\npaths = ['pod.yaml']\nreason = 'known'\nowner = 'ops'\n";
    assert_eq!(found(&format!("{CONFIG}{allow}"), POD).0, 0);
    let expired = format!("{CONFIG}{allow}expires = '2020-01-01'\n");
    assert_eq!(found(&expired, POD).0, 1);
    let unknown = format!("{CONFIG}[[allow]]\nrules = ['microapp-security-dent']\n");
    let (.., said) = {
        repo.write("keyward.toml", unknown);
        let out = repo.keyward(&["check"]);
        (0, out.status.code(), text(&out))
    };
    assert!(said.contains("did you mean 'microapp-security-deny'"), "{said}");
}

#[test]
fn what_cannot_be_read_is_an_error_at_its_place_and_the_rest_goes_on() {
    let repo = governed();
    repo.write("pod.yaml", POD).write("broken.yaml", "a: 1\nb: [1,\nc: 2\n").write("tab.yml", "a:\n\tb: 1\n");
    repo.write("chart/templates/x.yaml", "{{- if .Values.a }}\na: {{ .Values.b }}\n{{- end }}\n");
    repo.write("latin.json", b"{\"a\": \"caf\xe9\"}");
    let out = repo.keyward(&["check", "-f", "json"]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));
    assert_eq!(messages(&out).len(), 1, "the pod is found all the same");
    let problems: Vec<String> = json(&out)["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| format!("{} {}", p["what"].as_str().unwrap(), p["why"].as_str().unwrap()))
        .collect();
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(
        problems[0].starts_with("broken.yaml line ")
            && problems[1].starts_with("latin.json line 1, column 11: not UTF-8"),
        "{problems:?}"
    );
    assert!(text(&out).contains("1 template(s), such as chart/templates/x.yaml"), "{}", text(&out));
    repo.write("keyward.toml", format!("{CONFIG}exclude = ['broken.yaml', 'tab.yml', '*.json']\n"));
    assert_eq!(repo.keyward(&["check"]).status.code(), Some(1));
}

#[test]
fn a_wrong_policy_fails_before_anything_is_checked() {
    let repo = Repo::new();
    repo.write("keyward.toml", CONFIG).write("policy/p.rego", "package p\n\ndeny[msg] {\n  msg := nosuch(input)\n}\n");
    repo.write("a.yaml", "a: 1\n");
    let out = repo.keyward(&["check"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out).contains("p.rego:4: there is no function `nosuch`"), "{}", text(&out));
    repo.write(
        "policy/p.rego",
        "package p\ndeny[\"x\"] { a := numbers.range(1, 4000)\n a[i] + a[j] == a[k] * 9000 }\n",
    );
    repo.write("keyward.toml", format!("{CONFIG}timeout = 1\n"));
    let out = repo.keyward(&["check", "a.yaml", "-f", "json"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out).contains("time limit"), "{}", text(&out));
}

#[test]
fn all_files_can_be_judged_as_one_input() {
    let repo = Repo::new();
    let policy = "package main\nviolation[{\"msg\": msg}] {\n  d := input[_].contents\n  d.kind == \"Deployment\"\n  \
                  not service(d.metadata.name)\n  msg := sprintf(\"%v has no service\", [d.metadata.name])\n}\n\
                  service(app) { s := input[_].contents\n s.kind == \"Service\"\n s.spec.selector.app == app }\n";
    repo.write("keyward.toml", CONFIG).write("policy/c.rego", policy);
    repo.write("a.yaml", "kind: Deployment\nmetadata: {name: a}\n---\nkind: Deployment\nmetadata: {name: b}\n");
    repo.write("s.yaml", "kind: Service\nspec: {selector: {app: a}}\n");
    let out = repo.keyward(&["check", "--combine", "-f", "json"]);
    assert_eq!(findings(&out), [("a.yaml".into(), 4, "main-violation".into())], "{}", text(&out));
    assert_eq!(messages(&out), ["b has no service"]);
}

#[test]
fn the_same_answer_at_any_thread_count() {
    let repo = governed();
    for n in 0..40 {
        repo.write(&format!("k/{n}.yaml"), POD.replace("agent", &format!("agent{n}")));
    }
    let one = repo.keyward(&["check", "-f", "jsonl", "--threads", "1"]);
    let four = repo.keyward(&["check", "-f", "jsonl", "--threads", "4"]);
    let lines = |out: &std::process::Output| {
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        text.lines().filter(|line| !line.contains("elapsed_ms")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(&one).len(), 40);
    assert_eq!(lines(&one), lines(&four));
}
