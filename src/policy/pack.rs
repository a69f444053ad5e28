//! The built-in policies. Each rule's annotation holds its examples; a test runs them.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::judge::{BUNDLE, Denial, Verdict};
use super::{Input, Policies, PolicyFile, Query, together};
use crate::model::Span;
use crate::parse::{Key, Kind, Node, Value, parse};

/// (name, text), as in `rules/policy/`.
const FILES: &[(&str, &str)] = &[
    ("actions.rego", include_str!("../../rules/policy/actions.rego")),
    ("cloudformation.rego", include_str!("../../rules/policy/cloudformation.rego")),
    ("compose.rego", include_str!("../../rules/policy/compose.rego")),
    ("dockerfile.rego", include_str!("../../rules/policy/dockerfile.rego")),
    ("gitlab.rego", include_str!("../../rules/policy/gitlab.rego")),
    ("iam.rego", include_str!("../../rules/policy/iam.rego")),
    ("kubernetes.rego", include_str!("../../rules/policy/kubernetes.rego")),
    ("kubernetes-together.rego", include_str!("../../rules/policy/kubernetes-together.rego")),
    ("terraform.rego", include_str!("../../rules/policy/terraform.rego")),
];

/// The built-in policies, as they are read.
pub fn builtin() -> Vec<PolicyFile> {
    let file = |(name, text): &(&str, &str)| PolicyFile {
        plain: true,
        ..PolicyFile::new(format!("built-in {name}"), format!("{text}{}", bundle(text)))
    };
    FILES.iter().map(file).collect()
}

/// One more rule, that holds all that can refuse: `pods` and the like are worked out once for all of them.
fn bundle(text: &str) -> String {
    let named = |line: &str| {
        let name = line.split_once(" contains ")?.0;
        (!name.contains(' ') && Verdict::of_rule(name).is_some()).then(|| name.to_owned())
    };
    let names: BTreeSet<String> = text.lines().filter_map(named).collect();
    let entries: Vec<String> = names.iter().map(|name| format!("\"{name}\": {name}")).collect();
    format!("\n{BUNDLE} := {{{}}}\n", entries.join(", "))
}

/// Runs every rule's own examples: what is wrong, a line each. A rule must find its bad example at a place that is there,
/// and not its good one.
pub fn prove(policies: &Policies) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut judge = policies.judge();
    for query in policies.queries() {
        let id = &query.meta.id;
        let Some((bad, good)) = &query.examples else { continue };
        for (text, is_bad) in [(bad, true), (good, false)] {
            let documents = match read(query, text) {
                Ok(documents) => heard(query, documents),
                Err(why) => {
                    wrong.push(format!("{id}: an example cannot be read: {why}"));
                    continue;
                }
            };
            let mut said = 0;
            for document in &documents {
                judge.hear(document);
                match judge.ask(query) {
                    Ok(denials) => {
                        said += denials.len();
                        let nowhere = |denial: &&Denial| !judge.locate(query, document, denial).exact;
                        if denials.iter().find(nowhere).is_some() {
                            wrong.push(format!("{id} names no place that is there"));
                        }
                    }
                    Err(why) => wrong.push(format!("{id}: {why}")),
                }
            }
            match (is_bad, said) {
                (true, 0) => wrong.push(format!("{id} does not find its bad example")),
                (false, 1..) => wrong.push(format!("{id} finds its good example")),
                _ => {}
            }
        }
    }
    wrong
}

fn read(query: &Query, text: &str) -> Result<Vec<Node>, String> {
    let kinds = [Kind::Yaml, Kind::Json, Kind::Hcl, Kind::Dockerfile];
    let first = |kind: &Kind| query.kinds.first().is_some_and(|name| name == kind.name());
    let kind = kinds.into_iter().find(first).unwrap_or(Kind::Yaml);
    parse(kind, text.as_bytes()).map_err(|error| error.located(text.as_bytes()))
}

/// The documents as the rule hears them: each, or all together.
fn heard(query: &Query, documents: Vec<Node>) -> Vec<Node> {
    if !query.hears(Input::Together) {
        return documents;
    }
    let none = Span::new(0, 0);
    let entry =
        |contents: Node| Node::new(Value::Map(vec![(Key { name: "contents".into(), span: none }, contents)]), none);
    let items = documents.iter().filter_map(together).map(entry).collect();
    vec![Node::new(Value::List(items), none)]
}

/// The ids of the built-in rules, read from their texts: nothing is compiled for it.
pub fn builtin_ids() -> &'static [&'static str] {
    static IDS: OnceLock<Vec<&'static str>> = OnceLock::new();
    IDS.get_or_init(|| {
        let lines = FILES.iter().flat_map(|(_, text)| text.lines());
        lines.filter_map(|line| line.strip_prefix("#   id: ")).map(str::trim).collect()
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::civil::Date;

    use super::*;
    use crate::policy::{Options, module};

    fn pack() -> Policies {
        let options =
            Options { namespaces: Vec::new(), limit: Duration::from_secs(30), today: Date::constant(2026, 2, 3) };
        Policies::load(&builtin(), &[], &options).unwrap_or_else(|errors| panic!("{errors:#?}"))
    }

    #[test]
    fn every_rule_finds_its_bad_example_at_its_place_and_not_its_good_one() {
        let policies = pack();
        assert!(policies.queries().len() >= 60, "{}", policies.queries().len());
        assert_eq!(prove(&policies), [""; 0]);
        let mut told: Vec<&str> = policies.queries().iter().map(|query| query.meta.id.as_str()).collect();
        let mut known = builtin_ids().to_vec();
        told.sort_unstable();
        known.sort_unstable();
        assert_eq!(told, known);
        known.dedup();
        assert_eq!(told.len(), known.len(), "two rules of one id");
        let kinds: Vec<&str> = policies.queries().iter().flat_map(|query| &query.kinds).map(String::as_str).collect();
        for kind in Kind::ALL {
            assert_eq!(kinds.contains(&kind.name()), Policies::built_in_looks_at(kind), "{kind}");
        }
        for query in policies.queries() {
            let id = &query.meta.id;
            assert!(!query.meta.why.is_empty() && !query.meta.fix.is_empty(), "{id} says too little");
            assert!(query.examples.is_some(), "{id} has no examples");
        }
    }

    #[test]
    fn a_package_asked_at_once_says_what_its_rules_say_alone() {
        let policies = pack();
        let (mut judge, mut alone) = (policies.judge(), policies.judge());
        for query in policies.queries() {
            let (bad, _) = query.examples.as_ref().unwrap();
            for document in heard(query, read(query, bad).unwrap()) {
                for other in
                    policies.queries().iter().filter(|other| other.kinds.iter().any(|k| query.kinds.contains(k)))
                {
                    judge.hear(&document);
                    alone.hear_without(&document, &Node::new(crate::parse::Value::Null, document.span));
                    let (together, one) = (judge.ask(other), alone.ask(other));
                    assert_eq!(together, one, "{} on the example of {}", other.meta.id, query.meta.id);
                    let silent = !other.speaks_of(&document) && !other.hears(Input::Together);
                    assert!(!silent || one == Ok(Vec::new()), "{} would be passed over", other.meta.id);
                }
            }
        }
    }

    #[test]
    fn nothing_in_our_own_files_need_be_rewritten() {
        for file in builtin() {
            let whole = PolicyFile { plain: false, ..file.clone() };
            let (plain, whole) = (module::prepare(&file), module::prepare(&whole));
            let told = |found: &Result<module::Prepared, _>| found.as_ref().map(|p| (p.text.clone(), p.v0)).ok();
            assert!(told(&plain).is_some());
            assert_eq!(told(&plain), told(&whole), "{}", file.name);
        }
    }

    #[test]
    fn no_rule_fails_on_odd_input() {
        let policies = pack();
        let mut judge = policies.judge();
        let odd = [
            "{}",
            "a: 1",
            "[1, x, null]",
            "apiVersion: 1\nkind: [x]",
            "apiVersion: v1\nkind: Pod\nspec: 3",
            "apiVersion: v1\nkind: Pod\nspec: {containers: {a: b}, volumes: [1]}",
            "apiVersion: v1\nkind: Pod\nspec: {containers: [1, {name: {a: b}, image: 3, env: [x, {name: 1}], securityContext: []}]}",
            "on: push\njobs: {a: {steps: [1, {uses: 3, run: [x]}]}, b: 3}",
            "services: {a: {image: 3, volumes: [3, {source: 1}]}}",
            "Version: 1\nStatement: [1, {Effect: [x], Action: {a: b}, Resource: 3, Sid: 4, Principal: 5}]",
            "Resources: {A: {Type: 3, Properties: 3}, B: {Type: 'AWS::X', Properties: {Policies: [3]}}, C: 3}",
            "resource: {aws_s3_bucket: {a: [{acl: 3}, 4]}, b: 3}\nprovider: {x: [3]}",
            "planned_values: {root_module: {resources: [3]}}",
            "planned_values: {root_module: {child_modules: [3, {resources: {a: b}, child_modules: [[1]]}]}}",
            "stages: 1\ninclude: 3\nvariables: x\nimage: [1]\nb: {script: [1, {a: b}], variables: 3, services: x, image: [1]}",
            "include: [1, {project: [1], remote: 3}]\nstages: []\na: {script: {b: c}}\nservices: {a: b}\nvariables: [1]",
            "Resources: {A: {Type: 'AWS::S3::Bucket', Properties: {Tags: x, PublicAccessBlockConfiguration: 3}}}\nParameters: 3",
            "Resources: {A: {Type: 'AWS::EC2::Instance', Properties: {Tags: [1, {Key: 3}]}}}\nParameters: {Password: 3}",
            "resource: {google_sql_database_instance: {a: [{settings: 3}]}, aws_instance: {a: [{tags: 3}]}}",
            "services: {a: {image: 'x:1', environment: [1, {a: b}]}, b: {image: 'x:1', environment: 3}}",
        ];
        let mut failed = Vec::new();
        for text in odd {
            for document in parse(Kind::Yaml, text.as_bytes()).unwrap() {
                judge.hear(&document);
                for query in policies.queries().iter().filter(|query| {
                    query.looks_at(Kind::Yaml) || query.looks_at(Kind::Hcl) || query.hears(Input::Embedded)
                }) {
                    failed.extend(judge.ask(query).err().map(|error| format!("{} on {text}: {error}", query.meta.id)));
                }
            }
        }
        assert!(failed.is_empty(), "{failed:#?}");
    }
}
