//! Tests of: checks across files — apps without a manifest, declarations against the code — on trees, the index, ranges.

use keyward::manifest::{EXAMPLE, rules};

use crate::common::repo::Repo;
use crate::common::{findings, json, text};

const NOW: &str = "2026-02-03";
const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n    - {name: a, image: 'b:1', \
                   securityContext: {privileged: true}}\n";

/// (path, rule) of what a lint says beside schema faults of sketched manifests.
fn lint(repo: &Repo, more: &[&str]) -> Vec<(String, String)> {
    let out = repo.keyward(&[&["lint", "-f", "json", "--now", NOW, "--no-builtin"], more].concat());
    assert_eq!(json(&out)["problems"], serde_json::json!([]), "{}", text(&out));
    findings(&out)
        .into_iter()
        .map(|(path, _, rule)| (path, rule))
        .filter(|(_, rule)| rule != "manifest-schema")
        .collect()
}

fn messages(out: &std::process::Output) -> Vec<String> {
    let report = json(out);
    report["findings"].as_array().unwrap().iter().map(|f| f["message"].as_str().unwrap().to_owned()).collect()
}

fn pair(path: &str, rule: &str) -> (String, String) {
    (path.into(), rule.into())
}

#[test]
fn every_rule_across_files_finds_its_bad_example_and_not_its_good_one() {
    let across: Vec<_> = rules().iter().filter(|rule| !rule.example.beside.is_empty()).collect();
    assert_eq!(across.len(), 5);
    for rule in across {
        let found = |manifest: &str| {
            let repo = Repo::new();
            repo.write("catalog-info.yaml", manifest);
            rule.example.beside.iter().for_each(|(path, text)| {
                repo.write(path, text);
            });
            lint(&repo, &["--require-manifest"]).into_iter().filter(|(_, id)| *id == rule.meta.id).count()
        };
        assert_eq!(found(&rule.example.good_text()), 0, "{}", rule.meta.id);
        assert_eq!(found(&rule.example.bad_text()), 1, "{}", rule.meta.id);
    }
}

#[test]
fn without_a_manifest_or_a_policy_nothing_is_asked_for() {
    let repo = Repo::new();
    repo.write("Dockerfile", "FROM x\nCMD a\n").write("pod.yaml", POD).write("a.py", "get('https://api.acme.dev')\n");
    for args in [&["check"][..], &["lint"], &["check", "--staged"]] {
        repo.git(&["add", "-A"]);
        let out = repo.keyward(&[args, &["-f", "json"]].concat());
        assert_eq!((out.status.code(), findings(&out).len()), (Some(0), 0), "{}", text(&out));
    }
    assert_eq!(repo.keyward(&["hook", "pre-commit"]).status.code(), Some(0));
    let out = repo.keyward(&["check", "--require-manifest", "-f", "json"]);
    assert_eq!(out.status.code(), Some(1));
    let said = messages(&out);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("deployed here") && said[0].contains("a Dockerfile (Dockerfile)"), "{said:?}");
    assert!(said[0].contains("a Kubernetes workload (pod.yaml)"), "{said:?}");
}

#[test]
fn a_manifest_alone_switches_the_built_in_rules_on_wherever_it_stands_and_whatever_it_is_called() {
    for (place, before) in [("catalog-info.yaml", "a.yaml"), ("zz/any.yml", "a.yaml"), ("0.yaml", "z.yaml")] {
        let repo = Repo::new();
        repo.write(place, EXAMPLE).write(before, POD);
        let out = repo.keyward(&["check", "-f", "json", "--threads", "1", "--now", NOW]);
        let ids: Vec<String> = findings(&out).into_iter().map(|f| f.2).collect();
        assert!(ids.contains(&"k8s-privileged".to_owned()), "{place}: {}", text(&out));
        let off = repo.keyward(&["check", "-f", "json", "--no-builtin", "--now", NOW]);
        assert!(!findings(&off).iter().any(|f| f.2.starts_with("k8s-")), "{}", text(&off));
        repo.write("keyward.toml", "[rules]\ndisable = ['k8s-privileged', 'manifest-missing']\n");
        let off = repo.keyward(&["check", "-f", "json", "--now", NOW]);
        let ids: Vec<String> = findings(&off).into_iter().map(|f| f.2).collect();
        assert!(!ids.contains(&"k8s-privileged".to_owned()) && ids.iter().any(|id| id.starts_with("k8s-")), "{ids:?}");
    }
    let repo = Repo::new();
    repo.write("app/catalog-info.yaml", EXAMPLE);
    repo.commit("an app");
    repo.write("pod.yaml", POD);
    repo.git(&["add", "-A"]);
    let out = repo.keyward(&["hook", "pre-commit"]);
    assert!(out.status.code() == Some(1) && text(&out).contains("k8s-privileged"), "{}", text(&out));
}

#[test]
fn an_app_is_covered_from_its_directory_or_above_or_by_name() {
    let repo = Repo::new();
    let other = EXAMPLE.replace("newsletter-mailer", "other").replace("k8s/deployment.yaml", "../../run/pod.yaml");
    repo.write("services/a/catalog-info.yaml", EXAMPLE).write("services/a/deep/Dockerfile", "FROM x\n");
    repo.write("services/b/Dockerfile", "FROM x\n").write("services/b/k8s/pod.yaml", POD).write("run/pod.yaml", POD);
    assert_eq!(
        lint(&repo, &[]),
        [pair("run/pod.yaml", "manifest-missing"), pair("services/b/Dockerfile", "manifest-missing")]
    );
    repo.write("services/b/deploy/app.yaml", other.replace("../../run", "run"));
    assert_eq!(lint(&repo, &[]), []);
    assert_eq!(lint(&repo, &["--require-manifest", "services/b/k8s"]), [], "a manifest above what is looked at");
    assert_eq!(lint(&repo, &["--require-manifest", "run/pod.yaml"]), [], "of a file alone nothing is known");
    repo.write(
        "services/c/package.json",
        "{\n  \"name\": \"c\",\n  \"scripts\": {\n    \"start\": \"node .\"\n  }\n}\n",
    );
    let out = repo.keyward(&["lint", "-f", "json", "--now", NOW, "--no-builtin"]);
    assert_eq!(findings(&out), [("services/c/package.json".into(), 4, "manifest-missing".into())], "{}", text(&out));
    assert_eq!(lint(&repo, &["--no-require-manifest"]), []);
    repo.write("keyward.toml", "[manifest]\nrequired = false\n");
    assert_eq!(lint(&repo, &[]), []);
    repo.write("keyward.toml", "[policy]\nbuiltin = false\nexclude = ['services/c']\n");
    assert_eq!(lint(&repo, &[]), []);
}

#[test]
fn a_policy_table_asks_for_manifests_as_well_unless_only_ones_own_rules_count() {
    let repo = Repo::new();
    repo.write("Dockerfile", "FROM scratch\n").write("keyward.toml", "[policy]\n");
    let out = repo.keyward(&["lint", "-f", "json"]);
    assert!(findings(&out).iter().any(|f| f.2 == "manifest-missing"), "{}", text(&out));
    repo.write("p/p.rego", "package p\ndeny[\"x\"] { false }\n")
        .write("keyward.toml", "[policy]\nbuiltin = false\npaths = ['p']\n");
    assert_eq!(lint(&repo, &[]), []);
}

#[test]
fn a_staged_change_is_told_what_it_makes_missing() {
    let repo = Repo::new();
    repo.write("old/Dockerfile", "FROM x\n").write("a/catalog-info.yaml", EXAMPLE).write("a/Dockerfile", "FROM x\n");
    repo.commit("an old sin and an app");
    let staged = |repo: &Repo| {
        repo.git(&["add", "-A"]);
        lint(repo, &["--staged"])
    };
    repo.write("old/Dockerfile", "FROM y\n").write("a/Dockerfile", "FROM y\n");
    assert_eq!(staged(&repo), [], "it was so before");
    repo.write("a/catalog-info.yaml", EXAMPLE.replace("k8s/deployment.yaml", "run/pod.yaml"));
    repo.commit("names a file elsewhere");
    repo.write("run/pod.yaml", POD);
    assert_eq!(staged(&repo), [], "named by a manifest that is not near");
    repo.git(&["reset", "-q", "--hard"]);
    repo.git(&["mv", "old", "moved"]);
    repo.write("moved/Dockerfile", "FROM z\n");
    assert_eq!(staged(&repo), [pair("moved/Dockerfile", "manifest-missing")], "another file at another place");
    repo.git(&["reset", "-q", "--hard"]);
    repo.git(&["mv", "old", "moved"]);
    assert_eq!(staged(&repo), [], "the same file");
    repo.git(&["reset", "-q", "--hard"]);
    repo.write("new/Procfile", "web: x\n");
    assert_eq!(staged(&repo), [pair("new/Procfile", "manifest-missing")]);
    // The index decides, not the disk.
    std::fs::remove_dir_all(repo.join("new")).unwrap();
    assert_eq!(lint(&repo, &["--staged"]), [pair("new/Procfile", "manifest-missing")]);
    repo.git(&["reset", "-q", "--hard"]);
    std::fs::remove_file(repo.join("a/catalog-info.yaml")).unwrap();
    repo.write("keyward.toml", "[manifest]\nrequired = true\n");
    assert_eq!(staged(&repo), [pair("a/Dockerfile", "manifest-missing")], "what the manifest covered");
}

const CODE: &str = "import os\nmail(\"https://api.mailgun.net/v3\")\npay(\"https://api.acme.dev/v1\")\nkey = os.environ[\"PAY_TOKEN\"]\nx = os.environ['HOME']\n";

#[test]
fn declarations_are_held_against_the_code_of_the_app() {
    let repo = Repo::new();
    repo.write("a/catalog-info.yaml", EXAMPLE.replace("dynamic: true", "dynamic: true, env: DB_PASSWORD"));
    repo.write("a/src/pay.py", CODE).write("b/other.py", "get('https://elsewhere.acme.dev')\n");
    repo.write("a/tests/test_pay.py", "get('https://only.in.tests.dev')\n");
    let out = repo.keyward(&["check", "-f", "json", "--now", NOW]);
    assert_eq!(out.status.code(), Some(0), "warnings: {}", text(&out));
    let mut said = messages(&out);
    said.sort();
    assert_eq!(
        said,
        [
            "DB_PASSWORD is declared and no file of the app names it",
            "the code reads variables that look secret and are not declared: PAY_TOKEN",
            "the code talks to hosts that no integration names: api.acme.dev",
        ]
    );
    assert!(text(&out).contains("first: api.acme.dev at a/src/pay.py:3"), "{}", text(&out));
    let line = 1 + EXAMPLE.lines().position(|line| line.contains("integrations:")).unwrap() as u64;
    assert!(findings(&out).contains(&("a/catalog-info.yaml".into(), line, "manifest-integrations".into())));
    repo.write("a/run.sh", "exec app --password \"$DB_PASSWORD\"\n");
    assert_eq!(lint(&repo, &[]).len(), 2);
    // A manifest below takes its own code over.
    let own = EXAMPLE.replace("newsletter-mailer", "payer").replace("api.mailgun.net", "\"*.acme.dev\"");
    repo.write("a/src/catalog-info.yaml", own.replace("path: database", "env: PAY_TOKEN, path: database"));
    let out = repo.keyward(&["lint", "-f", "json", "--now", NOW]);
    assert_eq!(messages(&out), ["the code talks to hosts that no integration names: api.mailgun.net"]);
}

#[test]
fn a_staged_change_is_told_only_of_what_it_adds_to_the_code() {
    let repo = Repo::new();
    repo.write("catalog-info.yaml", EXAMPLE).write("pay.py", CODE);
    let base = repo.commit("with old sins");
    repo.write("more.py", "get('https://api.acme.dev')\nget('https://new.acme.dev')\n");
    repo.git(&["add", "-A"]);
    repo.write("more.py", "nothing\n");
    let said = |args: &[&str]| messages(&repo.keyward(&[&["lint", "-f", "json", "--now", NOW], args].concat()));
    let new = ["the code talks to hosts that no integration names: new.acme.dev"];
    assert_eq!(said(&["--staged"]), new);
    repo.git(&["checkout", "-q", "more.py"]);
    repo.commit("more code");
    repo.write(
        "catalog-info.yaml",
        EXAMPLE.replace("access: write}", "access: write}, {name: acme, host: new.acme.dev, access: read}"),
    );
    repo.git(&["add", "-A"]);
    assert_eq!(said(&["--staged"]), [""; 0]);
    repo.write("other.txt", "x\n");
    repo.commit("registered");
    assert_eq!(said(&["--range", &format!("{base}..HEAD~1")]), new);
    assert_eq!(said(&["--range", &format!("{base}..HEAD")]), [""; 0], "the end of a range counts");
    let root = repo.git(&["rev-list", "--max-parents=0", "HEAD"]);
    assert_eq!(root, base);
    let all = repo.keyward(&[
        "lint",
        "-f",
        "json",
        "--now",
        NOW,
        "--range",
        "0000000000000000000000000000000000000000..HEAD",
    ]);
    assert!(findings(&all).iter().any(|f| f.2 == "manifest-integrations"), "{}", text(&all));
    assert!(json(&all)["findings"][0]["commit"].is_string(), "{}", text(&all));
}

#[test]
fn an_identity_is_compared_with_manifests_beyond_the_change() {
    let repo = Repo::new();
    repo.write("z/any-name.yaml", EXAMPLE);
    repo.commit("an app");
    repo.write("a/catalog-info.yaml", EXAMPLE);
    repo.git(&["add", "-A"]);
    std::fs::remove_dir_all(repo.join("z")).unwrap();
    let found = lint(&repo, &["--staged"]);
    assert_eq!(found, [pair("a/catalog-info.yaml", "manifest-identity")], "the one that is new is told");
    repo.git(&["checkout", "-q", "z"]);
    let base = repo.commit("two apps");
    repo.write("a/catalog-info.yaml", EXAMPLE.replace("monthly", "weekly"));
    repo.git(&["add", "-A"]);
    assert_eq!(lint(&repo, &["--staged"]), [], "it was so before");
    assert_eq!(lint(&repo, &["--range", &format!("{base}~1..{base}")]), found);
}

#[test]
fn the_configuration_names_files_that_must_be_manifests() {
    let repo = Repo::new();
    repo.write("apps/x/app.yaml", "metadata: {name: x}\n")
        .write("keyward.toml", "[manifest]\npaths = ['apps/*/app.yaml']\n");
    let out = repo.keyward(&["check", "-f", "json"]);
    assert!(messages(&out).iter().any(|said| said.contains("the manifest has no `kind`")), "{}", text(&out));
    repo.commit("x");
    repo.write("apps/x/Dockerfile", "FROM x\n").write("y/Dockerfile", "FROM x\n");
    repo.git(&["add", "-A"]);
    assert_eq!(lint(&repo, &["--staged"]), [pair("y/Dockerfile", "manifest-missing")]);
}

#[test]
fn the_same_answer_at_any_thread_count() {
    let repo = Repo::new();
    for n in 0..30 {
        let name = format!("app{n}");
        repo.write(
            &format!("{name}/any.yaml"),
            EXAMPLE.replace("newsletter-mailer", if n % 3 == 0 { "same" } else { &name }),
        );
        repo.write(&format!("{name}/x{n}.py"), CODE)
            .write(&format!("{name}/y.py"), CODE)
            .write(&format!("d{n}/Dockerfile"), "FROM x\n");
    }
    let lines = |threads: &str| {
        let out = repo.keyward(&["check", "-f", "jsonl", "--threads", threads, "--now", NOW]);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        text.lines().filter(|line| !line.contains("elapsed_ms")).map(str::to_owned).collect::<Vec<_>>()
    };
    let one = lines("1");
    assert!(one.len() > 100, "{}", one.len());
    assert_eq!(one, lines("4"));
}
