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
