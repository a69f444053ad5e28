//! Tests of: the built-in policies in a repository, conftest's habits, and `keyward policy`.

use crate::common::repo::Repo;
use crate::common::{findings, json, text};

/// Messages of a lint of everything in the repository, with a policy written afresh after conftest's documentation.
fn lint(repo: &Repo, policy: &str, more: &[&str]) -> Vec<String> {
    repo.write("keyward.toml", "[policy]\npaths = ['policy']\nbuiltin = false\nexclude = ['policy/']\n");
    repo.write("policy/main.rego", policy);
    let out = repo.keyward(&[&["lint", "-f", "json"], more].concat());
    let report = json(&out);
    assert_eq!(report["problems"], serde_json::json!([]), "{}", text(&out));
    report["findings"].as_array().unwrap().iter().map(|f| f["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn conftests_kubernetes_example_gives_its_verdicts() {
    let repo = Repo::new();
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: hello\nspec:\n  template:\n    spec:\n      \
                      containers: [{name: a, image: b}]\n";
    repo.write("deployment.yaml", deployment);
    let policy = "package main\n\nimport data.kubernetes\n\nname = input.metadata.name\n\ndeny[msg] {\n  kubernetes.is_deployment\n  \
                  not input.spec.template.spec.securityContext.runAsNonRoot\n  msg = sprintf(\"%s must not run as root\", [name])\n}\n\n\
                  deny[msg] {\n  kubernetes.is_deployment\n  not input.spec.selector.matchLabels.app\n  msg = sprintf(\"%s needs app\", [name])\n}\n\n\
                  warn[msg] {\n  kubernetes.is_service\n  msg = sprintf(\"%s is a service\", [name])\n}\n";
    repo.write("policy/lib.rego", "package kubernetes\n\nis_deployment {\n  input.kind = \"Deployment\"\n}\n\nis_service {\n  input.kind = \"Service\"\n}\n");
    assert_eq!(lint(&repo, policy, &[]), ["hello must not run as root", "hello needs app"]);
    repo.write("deployment.yaml", format!("{deployment}---\napiVersion: v1\nkind: Service\nmetadata: {{name: s}}\n"));
    assert_eq!(lint(&repo, policy, &[]).len(), 3, "each document is judged");
}

#[test]
fn conftests_data_and_exceptions_examples_give_their_verdicts() {
    let repo = Repo::new();
    repo.write("service.yaml", "kind: Service\nspec:\n  ports: [{port: 9000}, {port: 22}]\n")
        .write("data/ports.yaml", "services:\n  ports: [22, 21]\n");
    let policy = "package main\nimport data.services\n\nports := services.ports\n\ndeny[msg] {\n  input.kind == \"Service\"\n  port := input.spec.ports[_].port\n  \
                  port == ports[_]\n  msg := sprintf(\"port %v may not be exposed\", [port])\n}\n";
    assert_eq!(lint(&repo, policy, &["service.yaml", "--data", "data"]), ["port 22 may not be exposed"]);
    let repo = Repo::new();
    repo.write(
        "a.yaml",
        "kind: Deployment\nmetadata: {name: can-be-root}\n---\nkind: Deployment\nmetadata: {name: other}\n",
    );
    let policy = "package main\ndeny_run_as_root[msg] {\n  input.kind == \"Deployment\"\n  not input.spec.x\n  msg := \"must not run as root\"\n}\n\
                  exception[rules] {\n  input.metadata.name == \"can-be-root\"\n  rules := [\"run_as_root\"]\n}\n";
    assert_eq!(lint(&repo, policy, &[]), ["must not run as root"]);
}

#[test]
fn conftests_docker_and_hcl2_examples_give_their_verdicts() {
    let repo = Repo::new();
    repo.write("Dockerfile", "FROM openjdk:8\nRUN apk add --no-cache python\nENV AWS_KEY x\nCMD [\"a\", \"b\"]\n");
    let policy = "package main\n\ndenylist = [\"openjdk\"]\ncommands = [\"apk\", \"apt\"]\n\ndeny[msg] {\n  input[i].Cmd == \"from\"\n  val := input[i].Value\n  \
                  contains(val[_], denylist[_])\n  msg = sprintf(\"unallowed image found %s\", [val])\n}\n\ndeny[msg] {\n  input[i].Cmd == \"run\"\n  \
                  val := input[i].Value\n  contains(val[_], commands[_])\n  msg = sprintf(\"unallowed commands found %s\", [val])\n}\n";
    let said = lint(&repo, policy, &["Dockerfile"]);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("openjdk:8") && said[1].contains("apk add"), "{said:?}");
    let repo = Repo::new();
    repo.write("main.tf", "resource \"aws_alb_listener\" \"my-alb\" {\n  port     = \"80\"\n  protocol = \"HTTP\"\n}\n\
        resource \"aws_security_group_rule\" \"open\" {\n  type        = \"ingress\"\n  cidr_blocks = [\"0.0.0.0/0\"]\n}\n");
    let policy = "package main\n\ndeny[msg] {\n  proto := input.resource.aws_alb_listener[lb][_].protocol\n  proto == \"HTTP\"\n  \
                  msg = sprintf(\"ALB `%v` is using HTTP rather than HTTPS\", [lb])\n}\n\ndeny[msg] {\n  rule := input.resource.aws_security_group_rule[name][_]\n  \
                  rule.type == \"ingress\"\n  contains(rule.cidr_blocks[_], \"0.0.0.0/0\")\n  msg = sprintf(\"ASG `%v` defines a fully open ingress\", [name])\n}\n";
    let mut said = lint(&repo, policy, &["main.tf"]);
    said.sort();
    assert_eq!(said, ["ALB `my-alb` is using HTTP rather than HTTPS", "ASG `open` defines a fully open ingress"]);
}

#[test]
fn conftests_combine_example_gives_its_verdict() {
    let repo = Repo::new();
    let policy = "package main\n\nviolation[msg] {\n  files := [file | input[i].contents.name == \"x\"; file := input[i].path]\n  count(files) > 1\n  \
                  msg := sprintf(\"twice: %v\", [files])\n}\n";
    repo.write("a.yaml", "name: x\n").write("b.yaml", "name: x\n");
    assert_eq!(lint(&repo, policy, &[]), Vec::<String>::new());
    assert_eq!(lint(&repo, policy, &["--combine"]), ["twice: [\"a.yaml\", \"b.yaml\"]"]);
}

#[test]
fn built_in_policies_hold_where_there_is_a_policy_table_or_a_flag() {
    let repo = Repo::new();
    repo.write(
        "k8s/d.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      initContainers:\n        \
               - name: i\n          image: a:1\n          securityContext:\n            privileged: true\n",
    );
    repo.write("Dockerfile", "FROM alpine:3\nADD http://example.com/x /x\nCMD [\"x\"]\n");
    repo.commit("all");
    assert_eq!(findings(&repo.keyward(&["check", "-f", "json"])), [], "no table, no flag");
    let expected = ["dockerfile-add-url", "dockerfile-root-user", "k8s-privileged"];
    let failing = |out: &std::process::Output| {
        let report = json(out);
        let all = report["findings"].as_array().unwrap().iter().filter(|f| f["enforcement"] != "advisory");
        let all = all.filter(|f| f["rule"] != "manifest-missing");
        let mut ids: Vec<_> = all.map(|f| f["rule"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let flagged = repo.keyward(&["check", "--builtin", "-f", "json"]);
    assert_eq!(failing(&flagged), expected, "{}", text(&flagged));
    repo.write("keyward.toml", "[policy]\n");
    let out = repo.keyward(&["check", "-f", "json"]);
    assert_eq!(failing(&out), expected);
    let line = findings(&out).into_iter().find(|f| f.2 == "k8s-privileged").unwrap();
    assert_eq!((line.0.as_str(), line.1), ("k8s/d.yaml", 10));
    repo.write("keyward.toml", "[policy]\n[rules]\ndisable = ['dockerfile-root-user', 'dockerfile-add-url', 'manifest-missing']\nseverity = {k8s-privileged = 'low'}\n");
    let out = repo.keyward(&["check", "-f", "json", "--fail-on", "medium"]);
    assert_eq!((failing(&out), out.status.code()), (vec!["k8s-privileged".to_owned()], Some(0)));
    let out = repo.keyward(&["check", "-f", "json", "--no-builtin"]);
    assert_eq!(out.status.code(), Some(2), "a table that brings nothing to ask is no success: {}", text(&out));
}

#[test]
fn tests_of_policies_run_with_coverage() {
    let repo = Repo::new();
    repo.write(
        "p/p.rego",
        "package p\ndeny[msg] {\n  input.a == 1\n  msg := \"one\"\n}\nwarn[msg] {\n  input.b\n  msg := \"b\"\n}\n",
    );
    repo.write("p/p_test.rego", "package p\ntest_one { deny[\"one\"] with input as {\"a\": 1} }\ntest_none { count(deny) == 0 with input as {\"a\": 2} }\n");
    let out = repo.keyward(&["policy", "test", "p", "-v"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    let said = text(&out);
    assert!(
        said.contains("ok    p.test_one") && said.contains("2 passed, 0 failed") && said.contains("% of p/p.rego"),
        "{said}"
    );
    repo.write("p/p_test.rego", "package p\ntest_wrong { deny[\"two\"] with input as {\"a\": 1} }\n");
    let out = repo.keyward(&["policy", "test", "p"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out).contains("FAIL  p.test_wrong"), "{}", text(&out));
    repo.write("p/p_test.rego", "package p\n");
    assert_eq!(repo.keyward(&["policy", "test", "p"]).status.code(), Some(2), "no test is no success");
}

#[test]
fn a_file_can_be_evaluated_with_a_trace_and_the_rules_listed() {
    let repo = Repo::new();
    repo.write(
        "p/p.rego",
        "package p\ndeny[msg] {\n  print(\"a is\", input.a)\n  msg := sprintf(\"a is %v\", [input.a])\n}\n",
    )
    .write("x.yaml", "a: 3\n");
    let out = repo.keyward(&["policy", "eval", "x.yaml", "--policy", "p", "--trace"]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    assert!(
        text(&out).contains("p.deny: a is 3")
            && text(&out).contains("p.deny prints: ")
            && text(&out).contains("p.deny = "),
        "{}",
        text(&out)
    );
    let out = repo.keyward(&["policy", "list", "--builtin"]);
    assert!(text(&out).contains("k8s-privileged") && text(&out).contains("iam-wildcard-action"), "{}", text(&out));
    assert_eq!(repo.keyward(&["policy", "eval", "x.yaml"]).status.code(), Some(2));
}
