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
fn conftests_flags_mean_what_they_mean_there() {
    let repo = Repo::new();
    let policy = "package main\nwarn[msg] { input.image\n msg := \"an image\" }\n";
    repo.write("policy/other.rego", "package other.ns\ndeny[\"other\"] { input.image }\n")
        .write("a.conf", "image: x\n");
    assert_eq!(lint(&repo, policy, &["--namespace", "main", "a.conf"]), [""; 0], "its name says nothing");
    let main = ["lint", "--policy", "policy", "--namespace", "main", "--parser", "yaml", "a.conf"];
    let out = repo.keyward(&main);
    assert!(out.status.code() == Some(0) && text(&out).contains("an image"), "{}", text(&out));
    let out = repo.keyward(&[&main[..], &["--fail-on-warn"]].concat());
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    repo.write("keyward.toml", "[policy]\npaths = ['policy']\nbuiltin = false\nnamespaces = ['main']\n");
    let asked = |more: &[&str]| {
        findings(&repo.keyward(&[&["lint", "-f", "json", "--parser", "yaml", "a.conf"], more].concat())).len()
    };
    assert_eq!((asked(&[]), asked(&["--all-namespaces"]), asked(&["--namespace", "other.ns"])), (1, 2, 1));
    let out = repo.keyward(&["policy", "eval", "a.conf", "--parser", "yaml"]);
    assert!(text(&out).contains("main.warn: an image"), "{}", text(&out));
    let out = repo.keyward(&["lint", "--parser", "ymal", "a.conf"]);
    assert!(out.status.code() == Some(2) && text(&out).contains("use one of yaml, json"), "{}", text(&out));
}

#[test]
fn standard_input_is_judged_by_its_name_or_by_a_format() {
    use std::io::Write;
    let repo = Repo::new();
    repo.write("p/p.rego", "package p\ndeny[\"an image\"] { input.image }\n");
    let ask = |more: &[&str]| {
        let args = [&["lint", "--policy", "p", "--stdin", "-f", "json"], more].concat();
        let mut command = crate::common::keyward();
        let command = command.current_dir(repo.path()).args(args);
        let piped = std::process::Stdio::piped;
        let mut child = command.stdin(piped()).stdout(piped()).stderr(piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"image: x\n").unwrap();
        json(&child.wait_with_output().unwrap())["findings"].as_array().unwrap().len()
    };
    assert_eq!((ask(&["--path", "a.yaml"]), ask(&["--parser", "yaml"]), ask(&["--path", "a.txt"])), (1, 1, 0));
}

#[test]
fn an_engine_that_panics_says_one_line_of_ours() {
    let repo = Repo::new();
    repo.write("p/p.rego", "package p\ndeny[\"x\"] { object.subset([1, 2], []) }\n").write("a.yaml", "a: 1\n");
    let out = repo.keyward(&["lint", "--policy", "p"]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(2), "{said}");
    assert_eq!(said.lines().filter(|line| !line.starts_with("keyward: ")).count(), 0, "{said}");
    assert!(said.contains("policy p.deny on a.yaml: the policy engine gave up on it"), "{said}");
}

#[test]
fn hostile_files_are_errors_at_their_place_and_the_others_are_checked() {
    let repo = Repo::new();
    repo.write("keyward.toml", "[policy]\npaths = ['p']\nbuiltin = false\n")
        .write("p/p.rego", "package p\ndeny[\"seen\"] { input.image }\n");
    let bomb: String = (1..40).map(|n| format!("a{n}: &a{n} [*a{}, *a{}]\n", n - 1, n - 1)).collect();
    let keys: String = (0..4_000_000).map(|n| format!("k{n}: v\n")).collect();
    assert!(keys.len() > 40 << 20);
    repo.write("bomb.yaml", format!("a0: &a0 [x, y]\n{bomb}")).write("large.yaml", keys);
    repo.write("deep.yaml", format!("a: {}1{}\n", "[".repeat(100_000), "]".repeat(100_000)));
    repo.write("deep.json", "[".repeat(100_000)).write("deep.tf", format!("a = {}", "(".repeat(100_000)));
    repo.write("twice.yaml", "a: 1\nb:\n  c: 1\n  c: 2\n").write("tab.yaml", "a:\n\tb: 1\n");
    repo.write("latin.yaml", b"a: b\nc: caf\xe9\n")
        .write("broken.yaml", "a: [1, 2\nb: 3\n")
        .write("good.yaml", "image: x\n");
    let out = repo.keyward(&["lint", "-f", "json"]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));
    assert_eq!(findings(&out), [("good.yaml".into(), 1, "p-deny".into())]);
    let said: Vec<String> = json(&out)["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| format!("{} {}", p["what"].as_str().unwrap(), p["why"].as_str().unwrap()))
        .collect();
    let expected = [
        ("bomb.yaml line ", "more than 1048576 values, aliases expanded"),
        ("broken.yaml line 2, column 2", "illegal placement"),
        ("deep.json line 1, column 513", "nesting depth exceeded"),
        ("deep.tf line 1, column 205", "nested deeper than 100 levels"),
        ("deep.yaml line 1, column 259", "nested deeper than 100 levels"),
        ("large.yaml line 1, column 1", "larger than 8 MiB"),
        ("latin.yaml line 2, column 7", "not UTF-8 text"),
        ("tab.yaml line 2, column 1", "tab"),
        ("twice.yaml line 4, column 3", "the key \"c\" is there twice"),
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (said, (place, why)) in said.iter().zip(expected) {
        assert!(said.starts_with(place) && said.contains(why), "{said} / {place} {why}");
    }
}

/// (line, rule) of what the built-in rules say of one file.
fn builtin(path: &str, content: &str) -> Vec<(u64, String)> {
    let repo = Repo::new();
    repo.write(path, content);
    let out = repo.keyward(&["lint", "--builtin", "-f", "json"]);
    assert_eq!(json(&out)["problems"], serde_json::json!([]), "{}", text(&out));
    findings(&out).into_iter().map(|(_, line, rule)| (line, rule)).collect()
}

#[test]
fn iam_policies_inside_terraform_and_templates_are_judged_as_structure() {
    let at = |found: &[(u64, String)], id: &str| {
        found.iter().filter(|(_, rule)| rule == id).map(|(line, _)| *line).collect::<Vec<_>>()
    };
    let hcl = "resource \"aws_iam_role_policy\" \"a\" {\n  policy = jsonencode({\n    Version = \"2024-10-01\"\n    Statement = [{\n      Effect = \"Allow\"\n      \
               Action = [\"s3:*\"]\n      Resource = aws_s3_bucket.b.arn\n    }]\n  })\n}\n";
    let found = builtin("main.tf", hcl);
    assert_eq!((at(&found, "iam-version"), at(&found, "iam-wildcard-action")), (vec![3], vec![6]), "{found:?}");
    assert_eq!(at(&found, "iam-grammar"), [0; 0], "an expression is no wrong ARN: {found:?}");
    let block = "data \"aws_iam_policy_document\" \"a\" {\n  statement {\n    effect = \"Allow\"\n    actions = [\"iam:PassRole\"]\n    resources = [\"*\"]\n  }\n}\n";
    assert_eq!(at(&builtin("p.tf", block), "iam-pass-role"), [5]);
    let plan = r#"{"planned_values": {"root_module": {"child_modules": [{"address": "module.a", "child_modules": [
      {"resources": [{"type": "aws_s3_bucket_acl", "name": "b", "values": {"acl": "public-read",
        "policy": "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}]}"}}]}]}]}}}"#;
    let found = builtin("plan.json", plan);
    assert_eq!(
        (at(&found, "terraform-public-storage"), at(&found, "iam-wildcard-action")),
        (vec![2], vec![3]),
        "{found:?}"
    );
    let template = "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      Policies:\n        - PolicyDocument:\n            Version: 2012-10-17\n            Statement:\n              - Effect: Allow\n                Action: '*'\n                Resource: '*'\n";
    assert_eq!(at(&builtin("t.yaml", template), "iam-wildcard-action"), [10]);
}

#[test]
fn gitlab_pipelines_are_known_by_their_jobs() {
    let found = builtin(
        ".gitlab-ci.yml",
        "include:\n  - remote: https://example.com/a.yml\nvariables:\n  API_TOKEN: written\nbuild:\n  image: node\n  script:\n    - curl -s https://example.com/i.sh | sh\n",
    );
    let ids: Vec<&str> = found.iter().map(|(_, id)| id.as_str()).collect();
    for id in ["gitlab-include-unpinned", "gitlab-secret-variable", "gitlab-image-tag", "gitlab-curl-shell"] {
        assert!(ids.contains(&id), "{id}: {found:?}");
    }
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn network_policies_are_looked_for_in_all_files_of_the_source() {
    let workload = |name: &str, ns: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {ns}}}\nspec: {{template: {{metadata: {{labels: {{app: {name}, tier: x}}}}, spec: {{containers: []}}}}}}\n"
        )
    };
    let policy = |ns: &str, labels: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: n, namespace: {ns}}}\nspec: {{podSelector: {labels}}}\n"
        )
    };
    let repo = Repo::new();
    repo.write("keyward.toml", "[policy]\n[manifest]\nrequired = false\n");
    repo.write("a.yaml", workload("a", "one"))
        .write("b.yaml", workload("b", "one"))
        .write("c.yaml", workload("c", "two"))
        .write("d.yaml", workload("d", "three"));
    repo.write("net/one.yaml", policy("one", "{matchLabels: {app: a, tier: x}}"))
        .write("net/two.yaml", policy("two", "{}"));
    let said = |args: &[&str]| -> Vec<String> {
        let out = repo.keyward(&[&["lint", "-f", "json"], args].concat());
        findings(&out).into_iter().filter(|f| f.2 == "k8s-network-policy").map(|f| f.0).collect()
    };
    assert_eq!(said(&[]), ["b.yaml", "d.yaml"]);
    repo.commit("all");
    repo.write("d.yaml", workload("d", "three").replace("tier: x", "tier: y"));
    repo.git(&["add", "-A"]);
    assert_eq!(said(&["--staged"]), [""; 0], "it was so before");
    repo.git(&["rm", "-q", "net/two.yaml"]);
    assert_eq!(said(&["--staged"]), ["c.yaml"], "the policy is gone");
    let base = repo.git(&["rev-parse", "HEAD"]);
    repo.commit("gone");
    assert_eq!(said(&["--range", &format!("{base}..HEAD")]), ["c.yaml"]);
    repo.write("net/three.yaml", policy("three", "{}"));
    repo.git(&["add", "-A"]);
    assert_eq!(said(&["--staged"]), [""; 0]);
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
