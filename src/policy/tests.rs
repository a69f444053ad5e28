use std::time::{Duration, Instant};

use super::*;
use crate::parse::{Kind, parse, shown};

/// As the founding text prints it.
const SEED: &str = r#"package microapp.security

deny[msg] {
  input.kind == "Pod"
  some c
  container := input.spec.containers[c]
  container.securityContext.privileged == true
  msg = sprintf("container %v requests privileged=true", [container.name])
}
"#;

const POD: &str = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: web\n    - name: agent\n      \
                   securityContext:\n        privileged: true\n";

fn options() -> Options {
    Options { namespaces: Vec::new(), limit: Duration::from_secs(5), today: Date::constant(2026, 2, 3) }
}

fn file(text: &str) -> PolicyFile {
    PolicyFile::new("p.rego", text)
}

fn load(texts: &[&str]) -> Result<Policies, Vec<PolicyError>> {
    let named = |(n, text): (usize, &&str)| PolicyFile::new(format!("p{n}.rego"), *text);
    Policies::load(&texts.iter().enumerate().map(named).collect::<Vec<_>>(), &[], &options())
}

fn node(yaml: &str) -> Node {
    parse(Kind::Yaml, yaml.as_bytes()).unwrap().remove(0)
}

/// Every message about a document, by rule.
fn said(policies: &Policies, yaml: &str) -> Vec<String> {
    let mut judge = policies.judge();
    judge.hear(&node(yaml));
    let ask = |query: &Query| match judge.ask(query) {
        Ok(denials) => denials.into_iter().map(|denial| format!("{}: {}", query.rule, denial.message)).collect(),
        Err(error) => vec![format!("{}: error: {error}", query.rule)],
    };
    policies.queries().iter().flat_map(ask).collect()
}

/// The one error of a policy, as `line: message`.
fn refused(text: &str) -> String {
    let errors = Policies::load(&[file(text)], &[], &options()).unwrap_err();
    errors.iter().map(|error| format!("{}: {}", error.line, error.message)).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_seeds_policy_denies_a_privileged_pod_at_its_container() {
    let policies = load(&[SEED]).unwrap();
    assert_eq!(said(&policies, POD), ["deny: container agent requests privileged=true"]);
    assert_eq!(policies.queries()[0].meta.id, "microapp-security-deny");
    let mut judge = policies.judge();
    let pod = node(POD);
    judge.hear(&pod);
    let query = &policies.queries()[0];
    let denial = judge.ask(query).unwrap().remove(0);
    let place = judge.locate(query, &pod, &denial);
    assert_eq!((shown(&place.path).as_str(), place.exact), ("spec.containers[1]", true));
    assert!(POD.get(place.span.start..).unwrap().starts_with("name: agent"));
}

#[test]
fn both_versions_of_rego_run_side_by_side() {
    let v1 =
        "package b\ndeny contains msg if {\n  some c in input.spec.containers\n  not c.image\n  msg := c.name\n}\n";
    let policies = load(&[SEED, v1]).unwrap();
    let expected = ["deny: agent", "deny: web", "deny: container agent requests privileged=true"];
    assert_eq!(said(&policies, POD), expected);
}

#[test]
fn rules_are_asked_one_by_one_through_import_aliases() {
    let lib = "package lib.k8s\n\nis_pod { input.kind == \"Pod\" }\nname(x) = x.name\n";
    let main = "package main\nimport data.lib.k8s as k\nimport input.spec\n\ndeny[msg] {\n  k.is_pod\n  msg := k.name(spec.containers[_])\n}\n";
    assert_eq!(said(&load(&[main, lib]).unwrap(), POD), ["deny: agent", "deny: web"]);
    let same = "package kubernetes\nis_pod { input.kind == \"Pod\" }\n";
    let main = "package main\nimport data.kubernetes\nviolation[{\"msg\": \"a pod\"}] { kubernetes.is_pod }\n";
    assert_eq!(said(&load(&[main, same]).unwrap(), POD), ["violation: a pod"]);
    let own = "package kubernetes\nimport data.kubernetes\nis_pod { input.kind == \"Pod\" }\nwarn[\"a pod\"] { kubernetes.is_pod }\n";
    assert_eq!(said(&load(&[own]).unwrap(), POD), ["warn: a pod"]);
    let shadowed = "package a\nimport data.lib.k\ndeny[msg] { some k\n msg := input[k] }\n";
    assert!(refused(shadowed).starts_with("3: `k` is imported on line 2"), "{}", refused(shadowed));
}

#[test]
fn an_engine_that_panics_is_an_error() {
    let policies = load(&["package a\ndeny[\"x\"] { object.subset([1, 2], []) }\n", SEED]).unwrap();
    let gave_up = "deny: error: the policy engine gave up on it";
    assert_eq!(said(&policies, POD), [gave_up, "deny: container agent requests privileged=true"], "the others go on");
}

#[test]
fn what_the_engine_would_leave_undefined_is_an_error_before_evaluation() {
    let rule = |body: &str| format!("package a\n\ndeny[msg] {{\n  msg := \"x\"\n  {body}\n}}\n");
    let of = |body: &str| refused(&rule(body));
    assert_eq!(of("startwith(input.a, \"b\")"), "5: there is no function `startwith`; did you mean `startswith`?");
    assert_eq!(of("data.lib.f(1)"), "5: there is no function `data.lib.f`");
    assert_eq!(
        of("regex.globs_match(\"a\", \"b\")"),
        "5: there is no function `regex.globs_match`; did you mean `glob.match`?"
            .replace("; did you mean `glob.match`?", "")
    );
    assert!(
        of("http.send({\"method\": \"get\", \"url\": \"x\"}).status_code == 200").contains("keyward sends nothing")
    );
    assert!(of("opa.runtime().env").contains("same verdict"));
    assert_eq!(of("x == input.a"), "5: nothing gives `x` a value (unsafe variable)");
    assert_eq!(
        of("not input.a[x] == y"),
        "5: nothing gives `x` a value (unsafe variable)\n5: nothing gives `y` a value (unsafe variable)"
    );
    assert_eq!(of("count([1 | z > 2]) == 0"), "5: nothing gives `z` a value (unsafe variable)");
    assert!(refused("package a\ndeny[msg] { input.a }\n").contains("`msg`"));
    let recursion = "package a\np { q }\nq { r }\nr { p }\ndeny[\"x\"] { p }\n";
    assert!(refused(recursion).contains("depends on itself"), "{}", refused(recursion));
    let conflict = "package a\np = 1 { input.a }\np[x] { x := 2 }\n";
    assert!(
        refused(conflict).starts_with("3: `p` is a set here and a single value at p.rego:2"),
        "{}",
        refused(conflict)
    );
    let call = "package a\n\ndeny[\"x\"] {\n  x := input.a\n  y := x\n  (y) >= 2\n}\n";
    assert!(refused(call).contains("read as a call"), "{}", refused(call));
    let pattern = refused("package a\n\ndeny[\"x\"] { regex.match(`a(b`, input.x) }\n");
    assert_eq!(pattern, "3: the pattern is no regex: unclosed group");
    assert!(refused("package a\nx := \n").starts_with("2: ") || refused("package a\nx := \n").starts_with("3: "));
    assert!(refused(&format!("package a\nx := {}1{}\n", "[".repeat(5000), "]".repeat(5000))).contains("nested deeper"));
}

#[test]
fn what_is_sound_is_not_refused() {
    let sound = r#"package a
import rego.v1

default limit := 3
pairs[k] := v if { some k, v in input.m }
f(x, [a, b]) := x + a if { b > 1 }
g(x) := y if { y := x * 2 } else := 0
ok if { every i, v in input.l { i >= 0; v != "" } }
all_names := {n | some c in input.c; n := c.name}
by := {k: v | some k, v in input.m}
deny contains msg if {
  walk(input, [path, value])
  value == "bad"
  split("a/b", "/") = [first, _]
  {"x": z} = {"x": first}
  msg := sprintf("%v %v %v %v", [path, z, g(2), f(1, [2, 3])])
}
deny contains sprintf("%d", [i]) if { some i; input.l[i] == "worse" }
deny contains msg if { msg := concat(",", [x | x := input.l[_]]); count(all_names) > limit with input.c as [] }
warn contains {"msg": "w", "details": {"path": ["l", 0]}} if { not ok }
"#;
    let policies = load(&[sound]).unwrap();
    assert_eq!(said(&policies, "l: [bad, worse]\nm: {a: 1}"), ["deny: 1", "deny: [\"l\", 0] a 4 3"]);
}

#[test]
fn a_policy_that_loops_is_stopped_and_says_so() {
    let loops = "package a\ndeny[\"x\"] { a := numbers.range(1, 4000)\n a[i] + a[j] == a[k] * 9000 }\n";
    let options = Options { limit: Duration::from_millis(200), ..options() };
    let policies = Policies::load(&[file(loops), PolicyFile::new("q", SEED)], &[], &options).unwrap();
    let begun = Instant::now();
    let said = said(&policies, POD);
    assert!(said[0].contains("time limit"), "{said:?}");
    assert_eq!(said[1], "deny: container agent requests privileged=true");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn results_are_texts_or_objects_and_name_their_place() {
    let text = "package a\ndeny[{\"msg\": \"m\", \"path\": [\"spec\", \"containers\", 1, \"name\"]}] { true }\n\
                warn[{\"msg\": \"n\", \"details\": {\"path\": \"spec.containers[0]\"}}] { true }\nviolation_x = \"alone\" { true }\n\
                deny_all { true }\n";
    let policies = load(&[text]).unwrap();
    let mut judge = policies.judge();
    let pod = node(POD);
    let mut places = Vec::new();
    for query in policies.queries() {
        judge.hear(&pod);
        for denial in judge.ask(query).unwrap() {
            let place = judge.locate(query, &pod, &denial);
            places.push(format!("{} {} {} {}", query.rule, denial.message, shown(&place.path), place.exact));
        }
    }
    let expected = [
        "deny m spec.containers[1].name true",
        "deny_all refused  false",
        "violation_x alone  false",
        "warn n spec.containers[0] true",
    ];
    assert_eq!(places, expected);
    let wrong = load(&["package a\ndeny[x] { x := 3 }\nwarn = {\"a\": 1} { true }\n"]).unwrap();
    assert!(said(&wrong, POD).iter().all(|said| said.contains(": error: ")), "{:?}", said(&wrong, POD));
}

#[test]
fn exceptions_data_and_namespaces_are_conftests() {
    let text = "package main\ndeny_run_as_root[msg] { input.root\n msg := \"root\" }\ndeny[msg] { input.port == data.ports[_]\n msg := \"port\" }\n\
                exception[rules] { input.name == \"can\"\n rules := [\"run_as_root\"] }\n";
    let other = "package other\ndeny[\"other\"] { true }\n";
    let files = [file(text), PolicyFile::new("o.rego", other)];
    let data = [("d.yaml".to_owned(), node("ports: [22, 21]"))];
    let main = Options { namespaces: vec!["main".into()], ..options() };
    let policies = Policies::load(&files, &data, &main).unwrap();
    assert_eq!(said(&policies, "{root: true, port: 22, name: no}"), ["deny: port", "deny_run_as_root: root"]);
    assert_eq!(said(&policies, "{root: true, port: 80, name: can}"), Vec::<String>::new());
    let all = Policies::load(&files, &data, &options()).unwrap();
    assert_eq!(all.queries().len(), 3);
    let not_a_map = [("d.yaml".to_owned(), node("x: 1").get("x").unwrap().clone())];
    assert!(Policies::load(&files, &not_a_map, &options()).is_err());
}

#[test]
fn annotations_tell_about_a_rule() {
    let text = "# METADATA\n# custom:\n#   kinds: [dockerfile]\npackage a\n\n# METADATA\n# title: No root\n# description: |\n#   Root may do\n#   everything.\n\
                # custom: {id: my-root, severity: critical, fix: Set USER.}\ndeny[\"x\"] { true }\n";
    let policies = load(&[text]).unwrap();
    let query = &policies.queries()[0];
    let meta = &query.meta;
    assert_eq!((meta.id.as_str(), meta.name.as_str(), meta.severity.name()), ("my-root", "No root", "critical"));
    assert_eq!((meta.why.as_str(), meta.fix.as_str()), ("Root may do everything.", "Set USER."));
    assert!(query.looks_at(Kind::Dockerfile) && !query.looks_at(Kind::Yaml));
    assert!(refused("package a\n# METADATA\n# custom: {id: Not_Good}\ndeny[\"x\"] { true }\n").contains("lower-case"));
    assert!(
        refused("package a\n# METADATA\n# a: [\ndeny[\"x\"] { true }\n").starts_with("2: the annotation is no YAML")
    );
}

#[test]
fn our_own_functions_answer_as_opas() {
    let text = "package a\ndeny[msg] { msg := sprintf(\"%v\", [time.now_ns()]) }\n\
                deny[msg] { msg := sprintf(\"%v\", [time.date(time.parse_rfc3339_ns(\"2026-05-06T23:00:00-05:00\"))]) }\n\
                deny[msg] { msg := sprintf(\"%v\", [time.parse_duration_ns(\"1h30m\")]) }\n\
                deny[msg] { msg := yaml.unmarshal(\"a: {b: c}\").a.b }\n";
    let expected = ["deny: 1770076800000000000", "deny: 5400000000000", "deny: [2026, 5, 7]", "deny: c"];
    assert_eq!(said(&load(&[text]).unwrap(), POD), expected);
}
