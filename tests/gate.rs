//! What a gate must never do: stay silent, lose what it found, or repeat the secret it stops.

use crate::common::repo::Repo;
use crate::common::{findings, github_token, text};

#[test]
fn a_message_given_on_the_command_line_is_scanned_with_its_comment_lines() {
    let repo = Repo::new();
    repo.keyward(&["hooks", "install"]);
    let message = format!("subject\n\n# token {}", github_token(1));
    let out = repo.try_git(&["commit", "-q", "--allow-empty", "-m", &message]);
    assert!(!out.status.success(), "git keeps the line, so it leaks: {}", text(&out));
    let cut = format!("s\n\n# ------------------------ >8 ------------------------\n{}", github_token(2));
    assert!(!repo.try_git(&["commit", "-q", "--allow-empty", "-m", &cut]).status.success());
}

#[test]
fn a_broken_configuration_before_a_change_does_not_stop_the_change_that_mends_it() {
    let repo = Repo::new();
    repo.write("keyward.toml", "nonsense = 1\n").commit("broken");
    repo.write("keyward.toml", "[scan]\n");
    repo.git(&["add", "-A"]);
    let out = repo.keyward(&["scan", "--staged"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    repo.commit("mended");
    let out = repo.keyward(&["scan", "--range", "HEAD~1..HEAD"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_loses_no_other() {
    let repo = Repo::new();
    repo.write("f", format!("k={}\n", github_token(1)));
    let out = repo.keyward(&["scan", "-f", "json", "-o", "json:/dev/full", "-o", "json:kept.json"]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));
    assert_eq!(findings(&out).len(), 1, "found is said though a report is lost");
    assert!(repo.join("kept.json").exists());
}

#[test]
fn lines_of_the_baseline_that_a_range_adds_are_told_whatever_the_configuration() {
    let repo = Repo::new();
    repo.write("a", "a").commit("a");
    repo.write("f", format!("k={}\n", github_token(1)));
    assert_eq!(repo.keyward(&["baseline", "create"]).status.code(), Some(0));
    repo.commit("secret and its excuse");
    let own = tempfile::NamedTempFile::new().unwrap();
    let own = own.path().to_str().unwrap().to_owned();
    for args in [&["--config", own.as_str()][..], &["--no-config"], &[]] {
        let out = repo.keyward(&[&["scan", "--range", "HEAD~1..HEAD"], args].concat());
        assert!(text(&out).contains("baseline: this change itself adds"), "{args:?}: {}", text(&out));
    }
}

#[test]
fn standard_input_takes_the_configuration_of_a_commit() {
    let repo = Repo::new();
    repo.write("keyward.toml", "[[allow]]\npaths = ['a']\n").commit("a");
    let token = github_token(1);
    let run = |name: &str| {
        let mut command = crate::common::keyward();
        command.current_dir(repo.path()).args(["scan", "--stdin", "--config-from", "HEAD", "--path", name]);
        let mut child =
            command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), token.as_bytes()).unwrap();
        child.wait().unwrap().code()
    };
    assert_eq!((run("a"), run("b")), (Some(0), Some(1)));
}

#[test]
fn a_bare_repository_has_no_tree_to_be_clean() {
    let repo = Repo::new();
    repo.write("f", github_token(1)).commit("a");
    repo.git(&["clone", "-q", "--bare", ".", "bare.git"]);
    for args in [&["scan"][..], &["scan", "--staged"]] {
        let mut command = crate::common::repo::frozen(crate::common::keyward(), 1_700_000_000);
        let out = command.current_dir(repo.join("bare.git")).args(args).output().unwrap();
        assert_eq!(out.status.code(), Some(2), "{args:?}: {}", text(&out));
        assert!(text(&out).contains("--history"), "{}", text(&out));
    }
}

#[test]
fn an_error_repeats_neither_a_secret_nor_a_control_character() {
    let repo = Repo::new();
    let token = github_token(1);
    repo.write("a", "a").commit("a");
    let silent = |out: &std::process::Output, what: &str| {
        assert_eq!(out.status.code(), Some(2), "{what}: {}", text(out));
        assert!(!text(out).contains(&token) && !text(out).contains('\x1b'), "{what}: {}", text(out));
    };
    for name in [&format!("x/{token}"), "x\x1b[2J"] {
        let output = format!("json:no/{name}");
        let range = format!("{name}..HEAD");
        for args in [
            &["scan", "--config", name][..],
            &["scan", "--baseline", name],
            &["scan", "--output", &output],
            &["scan", "--since-ref", name],
            &["scan", "--range", &range],
            &["scan", "--config-from", name],
            &["scan", name],
            &["baseline", "create", name],
            &["hook", "commit-msg", name],
            &["rules", "show", name],
            &["rules", "check", name],
        ] {
            silent(&repo.keyward(args), &format!("{args:?}"));
        }
    }
    for config in [
        format!("[[allow]]\nregexes = ['({token}']"),
        format!("[[allow]]\nrules = ['{token}']"),
        format!("{token} = 1"),
        format!("[scan]\nexclude = ['[{token}']"),
        format!("[baseline]\npath = '{token}'"),
        format!("[[rule]]\nid = '{token}'\nregex = '({token}'"),
    ] {
        repo.write("keyward.toml", &config);
        silent(&repo.keyward(&["scan"]), &config);
    }
}

#[test]
fn a_secret_in_a_path_or_an_authors_name_is_masked_in_every_report() {
    let repo = Repo::new();
    let (path, author, inner) = (github_token(1), github_token(2), github_token(3));
    repo.write(&format!("{path}.txt"), format!("k={inner}\n"));
    repo.write(&format!("d/{path}/large"), "x\n".repeat(2000));
    repo.git(&["add", "-A"]);
    repo.git(&[
        "-c",
        "core.quotepath=off",
        "commit",
        "-q",
        "-m",
        "m",
        &format!("--author={author} <{author}@x.example>"),
    ]);
    for source in [&["scan"][..], &["scan", "--history"], &["scan", "--since-ref", "0000000"], &["scan", "no-such"]] {
        for format in ["human", "json", "jsonl", "sarif"] {
            let out = repo.keyward(&[source, &["-v", "--explain", "--max-file-size", "1k", "-f", format]].concat());
            let shown = text(&out);
            for (what, token) in [("path", &path), ("author", &author), ("inner", &inner)] {
                assert!(!shown.contains(token.as_str()), "{what} {source:?} {format}: {shown}");
            }
        }
    }
}

#[test]
fn a_configuration_is_looked_for_upwards_but_not_above_the_repository() {
    let outer = tempfile::tempdir().unwrap();
    let inner = outer.path().join("a/b");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::write(inner.join("f"), github_token(1)).unwrap();
    std::fs::write(outer.path().join("keyward.toml"), "[[allow]]\nrules = ['github-pat']\n").unwrap();
    let scan = |args: &[&str]| {
        let mut command = crate::common::keyward();
        command.current_dir(&inner).arg("scan").args(args).output().unwrap().status.code()
    };
    assert_eq!((scan(&[]), scan(&["f"])), (Some(0), Some(0)), "outside a repository");
    assert!(
        std::process::Command::new("git").args(["init", "-q"]).arg(outer.path().join("a")).status().unwrap().success()
    );
    assert_eq!((scan(&[]), scan(&["f"])), (Some(1), Some(1)), "what lies above a repository is not its own");
    std::fs::rename(outer.path().join("keyward.toml"), outer.path().join("a/keyward.toml")).unwrap();
    assert_eq!((scan(&[]), scan(&["f"])), (Some(0), Some(0)), "at its root");
}

#[test]
fn an_unknown_name_is_called_unknown_however_short() {
    let repo = Repo::new();
    repo.write("a", "a").commit("a");
    for name in ["a", "abc", "deadbeef"] {
        let out = repo.keyward(&["scan", "--range", &format!("HEAD..{name}")]);
        assert_eq!(out.status.code(), Some(2), "{}", text(&out));
        assert!(text(&out).contains(&format!("unknown revision '{name}'")), "{}", text(&out));
    }
}

#[test]
fn a_relative_index_file_is_looked_for_where_git_looks() {
    let repo = Repo::new();
    repo.write("a", "a").write("dir/b", "b").commit("a");
    repo.write("f", github_token(1));
    let git = |args: &[&str]| {
        let mut command = crate::common::repo::frozen(std::process::Command::new("git"), 1_700_000_000);
        let done = command.args(args).current_dir(repo.path()).env("GIT_INDEX_FILE", "other.index").status();
        assert!(done.unwrap().success());
    };
    git(&["read-tree", "HEAD"]);
    git(&["add", "f"]);
    for (dir, path) in [(repo.path().to_owned(), "."), (repo.join("dir"), "."), (std::env::temp_dir(), "")] {
        let path = if path.is_empty() { repo.path().to_str().unwrap() } else { path };
        let mut command = crate::common::repo::frozen(crate::common::keyward(), 1_700_000_000);
        command.current_dir(&dir).env("GIT_INDEX_FILE", "other.index");
        let out = command.args(["scan", "--staged", "-f", "json", path]).output().unwrap();
        assert_eq!(findings(&out).len(), 1, "from {}: {}", dir.display(), text(&out));
    }
}

#[test]
fn a_flag_that_would_do_nothing_is_refused() {
    let repo = Repo::new();
    repo.write("a", "a").commit("a");
    for args in [
        &["scan", "--all-objects"][..],
        &["scan", "--all-objects", "--range", "HEAD..HEAD"],
        &["scan", "--all-objects", "--staged"],
        &["scan", "--path", "x"],
        &["scan", "--path", "x", "."],
        &["scan", "--path", "x", "--staged"],
        &["baseline", "update", "--prune", "a"],
        &["baseline", "update", "--prune", "--staged"],
    ] {
        let out = repo.keyward(args);
        assert_eq!(out.status.code(), Some(2), "{args:?}: {}", text(&out));
    }
}

#[test]
fn arguments_that_cannot_be_understood_are_not_repeated_with_their_secret() {
    let token = github_token(1);
    let (flag, value) = (format!("--{token}"), format!("--threads={token}"));
    for args in [&["scan", &flag][..], &["scan", &value], &[&token], &["completions", &token], &["scan", "-f", &token]]
    {
        let out = crate::common::keyward().args(args).output().unwrap();
        assert_eq!(out.status.code(), Some(2), "{}", text(&out));
        assert!(text(&out).contains("--help") && !text(&out).contains(&token[8..]), "{}", text(&out));
    }
}

#[test]
fn tags_of_files_and_trees_are_scanned_before_they_are_pushed() {
    let repo = Repo::new();
    let bare = tempfile::tempdir().unwrap();
    let remote = bare.path().to_str().unwrap();
    repo.git(&["init", "-q", "--bare", remote]);
    repo.git(&["remote", "add", "origin", remote]);
    repo.write("a", "clean\n").commit("one");
    repo.keyward(&["hooks", "install", "--pre-push"]);
    repo.git(&["tag", "clean-tree", "HEAD^{tree}"]);
    repo.git(&["tag", "-a", "-m", "a key", "clean-file", "HEAD:a"]);
    let out = repo.try_git(&["push", "-q", "origin", "clean-tree", "clean-file"]);
    assert!(out.status.success() && text(&out).is_empty(), "{}", text(&out));
    repo.write("dir/leak", github_token(1));
    repo.git(&["add", "-A"]);
    let tree = repo.git(&["write-tree"]);
    repo.git(&["tag", "tree", &tree]);
    repo.git(&["tag", "-a", "-m", "x", "file", &repo.git(&["rev-parse", ":dir/leak"])]);
    for (tag, place) in [("tree", "dir/leak:1:1"), ("file", "object ")] {
        let out = repo.try_git(&["push", "-q", "origin", tag]);
        assert!(!out.status.success() && text(&out).contains(place), "{tag}: {}", text(&out));
        assert!(text(&out).contains("github-pat"), "{tag}: {}", text(&out));
    }
}

#[test]
fn missing_blobs_are_accepted_in_a_range_too_and_the_remedy_works() {
    let repo = Repo::new();
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    repo.write("a", "1\n").commit("one");
    repo.write("a", github_token(1)).commit("two");
    let elsewhere = tempfile::tempdir().unwrap();
    let url = format!("file://{}", repo.path().display());
    repo.git(&["clone", "-q", "--filter=blob:none", "--no-checkout", &url, elsewhere.path().to_str().unwrap()]);
    let run = |program: &str, args: &[&str]| {
        let command = if program == "git" { std::process::Command::new("git") } else { crate::common::keyward() };
        let mut command = crate::common::repo::frozen(command, 1_700_000_000);
        command.current_dir(elsewhere.path()).args(args).output().unwrap()
    };
    let range = ["scan", "--range", "HEAD~1..HEAD"];
    let refused = run("keyward", &range);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    let allowed = run("keyward", &[&range[..], &["--allow-missing"]].concat());
    assert_eq!(allowed.status.code(), Some(0), "{}", text(&allowed));
    assert!(text(&allowed).contains("not scanned") && text(&allowed).contains("1 missing"), "{}", text(&allowed));
    let said = text(&refused);
    let remedy = said.split("git ").nth(1).and_then(|rest| rest.split([')', ',', '\n']).next()).unwrap().trim();
    assert!(run("git", &remedy.split(' ').collect::<Vec<_>>()).status.success(), "{remedy}");
    assert_eq!(run("keyward", &range).status.code(), Some(1), "`git {remedy}` brings what was missing");
}

#[test]
fn every_documented_comment_silences_unless_comments_do_not_count() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/config.md")).unwrap();
    let section = page.split_once("## Comments in the text").unwrap().1.split("\n## ").next().unwrap();
    let flat = section.replace('\n', " ");
    let token = github_token(1);
    for (comment, before, behind) in [
        ("keyward:allow", "", "  # keyward:allow github-pat -- why"),
        ("keyward:allow", "# keyward:allow\n", ""),
        ("keyward:allow-start", "# keyward:allow-start\n\n", "\n# keyward:allow-end"),
        ("gitleaks:allow", "", "  # gitleaks:allow"),
        ("betterleaks:allow", "", "  # betterleaks:allow"),
        ("ggignore", "", "  # ggignore"),
        ("trufflehog:ignore", "", "  # trufflehog:ignore"),
        ("kingfisher:ignore", "# kingfisher:ignore\n", ""),
        ("pragma: allowlist secret", "", "  # pragma: allowlist secret"),
        ("pragma: allowlist nextline secret", "# pragma: allowlist nextline secret\n", ""),
    ] {
        assert!(flat.contains(comment), "{comment} is not documented");
        let repo = Repo::new();
        repo.write("f.py", format!("{before}k = \"{token}\"{behind}\n"));
        let scan = |args: &[&str]| findings(&repo.keyward(&[&["scan", "-f", "json"], args].concat())).len();
        assert_eq!((scan(&[]), scan(&["--no-inline"])), (0, 1), "{comment}");
    }
}

#[test]
fn rules_of_ones_own_are_proved_where_they_stand() {
    let rule = |example: &str| {
        format!(
            "[scan]\nthreads = 1\n[[rule]]\nid = 'acme-token'\nname = 'Acme'\nseverity = 'high'\nconfidence = 'high'\n\
             why = 'w'\nfix = 'f'\ntoken = 'acme_[a-z0-9]{{20}}'\nanchors = ['acme_']\n\
             examples.match = ['{example}']\nexamples.no_match = ['acme_[a-z]{{4}}']\n"
        )
    };
    let repo = Repo::new();
    repo.write("keyward.toml", rule("acme_[a-z0-9]{20}"));
    for args in [&["rules", "check"][..], &["rules", "check", "keyward.toml"]] {
        let out = repo.keyward(args);
        assert_eq!(out.status.code(), Some(0), "{args:?}: {}", text(&out));
        assert!(text(&out).starts_with("1 rule, 2 examples, 0 failed"), "{}", text(&out));
    }
    repo.write("keyward.toml", rule("acme_[a-z]{3}"));
    let out = repo.keyward(&["rules", "check"]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    std::fs::remove_file(repo.join("keyward.toml")).unwrap();
    let out = repo.keyward(&["rules", "check"]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));
    assert!(text(&out).contains("no [[rule]] in"), "{}", text(&out));
}

#[test]
fn an_installation_that_will_refuse_every_commit_says_so() {
    for (format, why) in
        [("--object-format=sha256", "SHA-256"), ("--ref-format=reftable", "git clone --ref-format=files")]
    {
        let repo = Repo::new();
        let elsewhere = repo.join("other");
        repo.git(&["init", "-q", format, "other"]);
        let run = |args: &[&str]| {
            let mut command = crate::common::repo::frozen(crate::common::keyward(), 1_700_000_000);
            command.current_dir(&elsewhere).args(args).output().unwrap()
        };
        let out = run(&["hooks", "install"]);
        assert!(text(&out).contains("refuse every commit") && text(&out).contains(why), "{}", text(&out));
        assert_eq!(run(&["hook", "pre-commit"]).status.code(), Some(2));
    }
    let out = Repo::new().keyward(&["hooks", "install"]);
    assert!(!text(&out).contains("refuse"), "{}", text(&out));
}

#[test]
fn a_borrowed_object_store_that_is_gone_is_told() {
    let repo = Repo::new();
    repo.write("a", "a").commit("a");
    repo.git(&["clone", "-q", "--shared", ".", "borrower"]);
    let borrower = repo.join("borrower");
    std::fs::write(borrower.join(".git/objects/info/alternates"), "/no/such/store\n").unwrap();
    for source in ["--staged", "--history"] {
        let mut command = crate::common::repo::frozen(crate::common::keyward(), 1_700_000_000);
        let out = command.current_dir(&borrower).args(["scan", source]).output().unwrap();
        assert_eq!(out.status.code(), Some(2), "{source}: {}", text(&out));
        assert!(text(&out).contains("alternate") && text(&out).contains("git fsck"), "{source}: {}", text(&out));
    }
}

#[test]
fn a_message_that_came_first_introduces_what_a_file_holds_later() {
    let repo = Repo::new();
    let (first, second) = (github_token(1), github_token(2));
    let told = repo.commit(&format!("try it with {first}"));
    repo.write("f", format!("a={first}\nb={second}\n"));
    let held = repo.commit("keep it");
    repo.commit(&format!("it was {second}"));
    let report = crate::common::json(&repo.keyward(&["scan", "--history", "-f", "json"]));
    let all = report["findings"].as_array().unwrap();
    let found: Vec<_> = all.iter().map(|f| (f["origin"].as_str().unwrap(), f["commit"].as_str().unwrap())).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.contains(&("commit-message", &told)), "{found:?}");
    assert!(found.contains(&("history", &held)), "{found:?}");
    assert!(all.iter().all(|f| f["paths"] == serde_json::json!(["f"])), "{report}");
}
