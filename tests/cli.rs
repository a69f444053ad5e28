//! The command line as a stranger meets it: exit codes, what is printed where, what is never printed.

use std::io::Write;
use std::process::{Output, Stdio};

use crate::common::repo::Repo;
use crate::common::{findings, github_token, json, keyward, text};

fn scan(dir: &std::path::Path, args: &[&str]) -> Output {
    keyward().arg("scan").args(args).current_dir(dir).output().unwrap()
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

#[test]
fn clean_is_0_findings_are_1_and_nothing_to_look_at_is_2() {
    let clean = folder(&[("a.txt", "hello\n")]);
    assert_eq!(scan(clean.path(), &[]).status.code(), Some(0));
    let token = github_token(1);
    let dirty = folder(&[("src/a.py", &format!("x = 1\ntoken = \"{token}\"\n"))]);
    let out = scan(dirty.path(), &[]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    assert!(text(&out).contains("src/a.py:2:10"), "{}", text(&out));
    let empty = folder(&[]);
    let out = scan(empty.path(), &[]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));
    let out = scan(clean.path(), &["no-such-file"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out).contains("no-such-file"), "{}", text(&out));
}

#[test]
fn a_secret_is_shown_in_no_format_unless_asked_for() {
    let token = github_token(2);
    let dir = folder(&[("a.env", &format!("GITHUB_TOKEN={token}\n"))]);
    for format in ["human", "json", "jsonl", "sarif"] {
        let out = scan(dir.path(), &["-f", format, "--explain", "-v"]);
        assert_eq!(out.status.code(), Some(1), "{format}: {}", text(&out));
        assert!(!text(&out).contains(&token[8..]), "{format} shows the secret");
        let out = scan(dir.path(), &["-f", format, "--show-secrets"]);
        assert!(text(&out).contains(&token), "{format} should show it when asked");
    }
}

#[test]
fn several_reports_are_written_at_once_and_whole() {
    let dir = folder(&[("a.env", &format!("T={}\n", github_token(3)))]);
    let out = scan(dir.path(), &["-o", "sarif:out.sarif", "-o", "json:out.json"]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    for name in ["out.sarif", "out.json"] {
        let report: serde_json::Value = serde_json::from_slice(&std::fs::read(dir.path().join(name)).unwrap()).unwrap();
        assert!(report.is_object());
    }
    let out = scan(dir.path(), &["-o", "json:no/such/dir/out.json"]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));
    assert!(text(&out).contains("no/such/dir"), "{}", text(&out));
}

#[cfg(target_os = "linux")]
#[test]
fn no_report_overwrites_another_or_goes_to_a_file_called_dash() {
    let dir = folder(&[("a.txt", "nothing\n")]);
    let out = scan(dir.path(), &["-o", "json:report", "-o", "sarif:./report"]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));
    assert!(text(&out).contains("two reports"), "{}", text(&out));
    let out = scan(dir.path(), &["-o", "json:none/report"]);
    assert!(out.status.code() == Some(2) && out.stdout.is_empty(), "said before the scan: {}", text(&out));
    let out = scan(dir.path(), &["-o", "json:-"]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));
    assert!(text(&out).contains("--format"), "{}", text(&out));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_full_disk_is_an_error_and_a_closed_pipe_is_not() {
    let dir = folder(&[("a.env", &format!("T={}\n", github_token(4)))]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let out = keyward().args(["scan", "-f", "json"]).current_dir(dir.path()).stdout(full).output().unwrap();
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let out = keyward().args(["scan", "-f", "json"]).current_dir(dir.path()).stdout(writer).output().unwrap();
    assert_eq!(out.status.code(), Some(1), "the verdict stands: {}", text(&out));
    assert_eq!(String::from_utf8_lossy(&out.stderr), "", "a closed pipe is not an error message");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_with_130_and_leaves_no_report() {
    let dir = folder(&[]);
    let mut child = keyward()
        .args(["scan", "--stdin", "-o", "json:out.json"])
        .current_dir(dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Held open until the end, or the scan would come to its own end first.
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"waiting").unwrap();
    for _ in 0..200 {
        std::thread::sleep(std::time::Duration::from_millis(50));
        // Linux says which signals a process handles; elsewhere a moment must do.
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        if caught.is_none_or(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 2 != 0)) {
            break;
        }
    }
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(input);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing may be left behind");
}

#[test]
fn standard_input_is_a_source_with_a_name() {
    let mut child = keyward()
        .args(["scan", "--stdin", "--path", "conf/prod.env", "-f", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let token = github_token(5);
    child.stdin.take().unwrap().write_all(format!("A=1\nT={token}\n").as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    let found = findings(&out);
    assert_eq!((found[0].0.as_str(), found[0].1), ("conf/prod.env", 2));
}

#[test]
fn a_single_file_is_scanned_wherever_it_lies() {
    let token = github_token(30);
    let dir = folder(&[("a.env", &format!("T={token}\n")), ("sub/b.env", &format!("T={token}\n"))]);
    for args in [&["a.env"][..], &["./a.env"], &["sub/b.env"], &["a.env", "sub"]] {
        let out = scan(dir.path(), args);
        assert_eq!(out.status.code(), Some(1), "{args:?}: {}", text(&out));
    }
    let absolute = dir.path().join("a.env");
    let out = keyward().arg("scan").arg(&absolute).output().unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    let repo = Repo::new();
    repo.write("keyward.toml", "[[allow]]\npaths = [\"sub/b.env\"]\n").write("sub/b.env", format!("T={token}\n"));
    let out = scan(&repo.join("sub"), &["b.env"]);
    assert_eq!(out.status.code(), Some(0), "paths are the repository's wherever one stands: {}", text(&out));
}

#[test]
fn one_source_at_a_time() {
    let repo = Repo::new();
    let out = repo.keyward(&["scan", "--staged", "--history"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out).contains("cannot be used with"), "{}", text(&out));
}

#[test]
fn nothing_staged_and_an_empty_range_are_clean_and_say_so() {
    let repo = Repo::new();
    repo.write("a", "x\n").commit("one");
    let out = repo.keyward(&["scan", "--staged"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    assert!(String::from_utf8_lossy(&out.stderr).contains("nothing is staged"), "{}", text(&out));
    let out = repo.keyward(&["scan", "--range", "HEAD..HEAD"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    assert!(!out.stderr.is_empty(), "an empty range says so");
}

#[test]
fn no_repository_and_an_unknown_ref_are_errors_in_one_line() {
    let dir = folder(&[("a", "x")]);
    for args in [&["--staged"][..], &["--history"], &["--range", "a..b"]] {
        let out = scan(dir.path(), args);
        assert_eq!(out.status.code(), Some(2), "{args:?}: {}", text(&out));
        assert_eq!(text(&out).trim_end().lines().count(), 1, "{}", text(&out));
        assert!(text(&out).contains("git repository"), "{}", text(&out));
    }
    let repo = Repo::new();
    repo.write("a", "x\n").commit("one");
    let out = repo.keyward(&["scan", "--range", "nosuch..HEAD"]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));
    assert!(text(&out).contains("nosuch"), "{}", text(&out));
}

#[test]
fn a_broken_configuration_is_an_error_with_line_and_suggestion() {
    let dir = folder(&[("a", "x"), ("keyward.toml", "[scan]\nexlude = [\"a\"]\n")]);
    let out = scan(dir.path(), &[]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));
    assert!(text(&out).contains("keyward.toml:2") && text(&out).contains("exclude"), "{}", text(&out));
}

#[test]
fn a_rule_of_ones_own_is_added_and_a_wrong_one_is_explained() {
    let rule = r#"
[[rule]]
id = "acme-token"
name = "Acme token"
severity = "high"
confidence = "high"
why = "It opens the warehouse."
fix = "Revoke it."
token = 'acme_[a-z0-9]{20}'
anchors = ["acme_"]
examples.match = ['acme_[a-z0-9]{20}']
examples.no_match = ['acme_[a-z]{4}']
"#;
    let value = crate::common::made_up("acme_[a-z0-9]{20}", 6);
    let source = format!("a {value}\nb {}\n", github_token(6));
    let dir = folder(&[("a.txt", &source), ("keyward.toml", rule)]);
    let out = scan(dir.path(), &["-f", "json"]);
    let rules: Vec<_> = findings(&out).into_iter().map(|(_, _, rule)| rule).collect();
    assert_eq!(rules.len(), 2, "additive: {}", text(&out));
    assert!(rules.contains(&"acme-token".to_owned()));

    let shown = keyward().args(["rules", "show", "acme-token"]).current_dir(dir.path()).output().unwrap();
    assert!(shown.status.success() && text(&shown).contains("Acme token"), "{}", text(&shown));
    let tested = keyward().args(["rules", "test", "acme-token"]).current_dir(dir.path()).output().unwrap();
    assert_eq!(text(&tested), "1 rule, 2 examples, 0 failed\n");

    let wrong = rule.replace("[a-z0-9]{20}'\nanchors", "[a-z0-9{20}'\nanchors");
    std::fs::write(dir.path().join("keyward.toml"), wrong).unwrap();
    let out = scan(dir.path(), &[]);
    assert_eq!(out.status.code(), Some(2));
    let said = text(&out);
    assert!(said.contains("keyward.toml:9") && said.contains("acme-token") && said.contains('^'), "{said}");
}

#[test]
fn the_configuration_that_counts_is_the_one_of_the_source() {
    let repo = Repo::new();
    let allow = "[[allow]]\npaths = [\"a.env\"]\n";
    repo.write("keyward.toml", "").commit("base");
    repo.write("a.env", format!("T={}\n", github_token(7))).write("keyward.toml", allow);
    repo.git(&["add", "a.env"]);
    assert_eq!(repo.keyward(&["scan", "--staged"]).status.code(), Some(1), "the index's file counts, not the disk's");
    repo.git(&["add", "keyward.toml"]);
    assert_eq!(repo.keyward(&["scan", "--staged"]).status.code(), Some(0));
    repo.git(&["commit", "-qm", "excuse myself"]);
    let out = repo.keyward(&["scan", "--range", "HEAD~1..HEAD"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    assert!(text(&out).contains("keyward.toml"), "an entry that the range itself adds is reported: {}", text(&out));
    let out = repo.keyward(&["scan", "--range", "HEAD~1..HEAD", "--config-from", "HEAD~1"]);
    assert_eq!(out.status.code(), Some(1), "a pull request cannot excuse itself: {}", text(&out));
}

#[test]
fn a_baseline_silences_what_is_known_wherever_it_moves() {
    let repo = Repo::new();
    let known = github_token(8);
    repo.write("a.env", format!("T={known}\n")).commit("one");
    let out = repo.keyward(&["baseline", "create"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    assert_eq!(repo.keyward(&["scan"]).status.code(), Some(0));
    repo.git(&["mv", "a.env", "b.env"]);
    repo.write("b.env", format!("\n\n# moved\nexport T={known}\n")).write("copy/c.env", format!("X={known}\n"));
    let out = repo.keyward(&["scan"]);
    assert_eq!(out.status.code(), Some(0), "moved, renamed, copied: {}", text(&out));
    repo.write("b.env", format!("\n\n# moved\nexport T={}\n", github_token(9)));
    assert_eq!(repo.keyward(&["scan"]).status.code(), Some(1), "a different secret in the same place is new");
    let shown = repo.keyward(&["baseline", "show"]);
    assert_eq!(shown.status.code(), Some(0));
    assert!(text(&shown).contains("a.env") && !text(&shown).contains(&known[8..]), "{}", text(&shown));
}

#[test]
fn fail_on_keeps_lesser_findings_but_not_their_exit_code() {
    let dir = folder(&[("a.env", &format!("T={}\n", github_token(10)))]);
    let severity = json(&scan(dir.path(), &["-f", "json"]))["findings"][0]["severity"].clone();
    assert_eq!(severity, "critical");
    let toml = "[rules.severity]\n\"github-pat\" = \"low\"\n";
    std::fs::write(dir.path().join("keyward.toml"), toml).unwrap();
    let out = scan(dir.path(), &["-f", "json", "--fail-on", "high"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    assert_eq!(findings(&out).len(), 1);
}

#[test]
fn the_answer_is_the_same_at_any_thread_count() {
    let files: Vec<(String, String)> =
        (0..60).map(|n| (format!("d{}/f{n}.env", n % 7), format!("a\nT={}\n", github_token(100 + n)))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let dir = folder(&files);
    let report = |threads: &str| {
        let out = scan(dir.path(), &["-f", "json", "--threads", threads]);
        let mut report = json(&out);
        assert_eq!(report["findings"].as_array().unwrap().len(), 60);
        report.as_object_mut().unwrap().remove("elapsed_ms");
        report
    };
    let one = report("1");
    assert_eq!(one, report("2"));
    assert_eq!(one, report("8"));
}

#[test]
fn what_is_advised_after_a_finding_can_be_done() {
    let repo = Repo::new();
    repo.write("a", "1\n").commit("one");
    repo.keyward(&["hooks", "install", "-q"]);
    // a secret in a message is in no source yet
    let out = repo.try_git(&["commit", "-q", "--allow-empty", "-m", &github_token(45)]);
    assert!(!out.status.success() && !text(&out).contains("baseline"), "{}", text(&out));
    // a staged one is accepted by a baseline that is staged as well
    repo.write("b", format!("T={}\n", github_token(46))).git(&["add", "b"]);
    let out = repo.try_git(&["commit", "-q", "-m", "two"]);
    assert!(text(&out).contains("`keyward baseline create`, or `update`"), "{}", text(&out));
    assert!(text(&out).contains("once it is staged"), "{}", text(&out));
    assert_eq!(text(&repo.keyward(&["baseline", "create", "-q"])), "");
    repo.git(&["add", ".keyward-baseline.json"]);
    assert_eq!(text(&repo.try_git(&["commit", "-q", "-m", "two"])), "");
    // one that only the history has
    repo.write("c", format!("T={}\n", github_token(47)));
    repo.git(&["add", "c"]);
    repo.git(&["commit", "-q", "--no-verify", "-m", "three"]);
    repo.write("c", "T=\n").commit("four");
    let out = repo.keyward(&["scan", "--history"]);
    assert!(text(&out).contains("`keyward baseline create --history`, or `update`"), "{}", text(&out));
    assert_eq!(repo.keyward(&["baseline", "update", "--history"]).status.code(), Some(0));
    assert_eq!(repo.keyward(&["baseline", "show"]).status.code(), Some(0));
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-q", "-m", "five"]);
    let out = repo.keyward(&["scan", "--history"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
}

#[cfg(unix)]
#[test]
fn a_pipe_as_an_argument_is_named() {
    let dir = folder(&[]);
    assert!(std::process::Command::new("mkfifo").arg(dir.path().join("pipe")).status().unwrap().success());
    let out = scan(dir.path(), &["pipe"]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));
    assert!(text(&out).contains("no file to scan in pipe"), "{}", text(&out));
}

#[test]
fn completions_and_manual_pages_are_printed() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let out = keyward().args(["completions", shell]).output().unwrap();
        assert!(out.status.success() && text(&out).contains("keyward"), "{shell}");
    }
    let out = keyward().args(["man"]).output().unwrap();
    assert!(text(&out).contains(".TH"), "{}", text(&out));
    let out = keyward().args(["man", "scan"]).output().unwrap();
    assert!(text(&out).contains("since"), "{}", text(&out));
    assert_eq!(keyward().args(["man", "nosuch"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn rules_are_listed_shown_tested_and_checked() {
    let list = keyward().args(["rules", "list", "-f", "json"]).output().unwrap();
    let rules = json(&list)["rules"].as_array().unwrap().len();
    assert!(rules >= 150, "{rules}");
    let out = keyward().args(["rules", "show", "github-pat"]).output().unwrap();
    assert!(text(&out).contains("GitHub"), "{}", text(&out));
    let out = keyward().args(["rules", "show", "github-pta"]).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out).contains("github-pat"), "{}", text(&out));
    let out = keyward().args(["rules", "test", "github-pat"]).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    let dir = folder(&[("own.toml", "[[rule]]\nid = \"x\"\n")]);
    let out = keyward().args(["rules", "check", "own.toml"]).current_dir(dir.path()).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out).contains("own.toml:"), "{}", text(&out));
}

#[cfg(unix)]
#[test]
fn a_repository_of_somebody_else_is_refused_with_the_command_to_run() {
    use std::os::unix::fs::{MetadataExt, chown};
    let repo = Repo::new();
    repo.write("a", "x\n").commit("one");
    if std::fs::metadata(repo.path()).unwrap().uid() != 0 {
        return; // only root can give a directory away
    }
    for path in [repo.path().to_path_buf(), repo.join(".git")] {
        chown(path, Some(12345), Some(12345)).unwrap();
    }
    for args in [&["scan"][..], &["scan", "--staged"], &["scan", "--history"]] {
        let out = repo.keyward(args);
        assert_eq!(out.status.code(), Some(2), "{args:?}: {}", text(&out));
        assert!(text(&out).contains("git config --global --add safe.directory"), "{}", text(&out));
    }
}

#[test]
fn the_installed_hook_blocks_the_first_commit_and_lets_a_clean_one_pass() {
    let repo = Repo::new();
    assert_eq!(repo.keyward(&["hooks", "install"]).status.code(), Some(0));
    repo.write("a.env", format!("T={}\n", github_token(20)));
    repo.git(&["add", "-A"]);
    let out = repo.try_git(&["commit", "-m", "first"]);
    assert!(!out.status.success() && text(&out).contains("a.env:1:3"), "{}", text(&out));
    repo.write("a.env", "T=from the vault\n");
    repo.git(&["add", "-A"]);
    let out = repo.try_git(&["commit", "-q", "-m", "first"]);
    assert!(out.status.success(), "{}", text(&out));
    assert_eq!(text(&out), "", "a clean commit goes unnoticed");
    let out = repo.keyward(&["hooks", "doctor"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
}

#[test]
fn the_hook_sees_what_git_is_about_to_commit() {
    let repo = Repo::new();
    repo.write("a", "1\n").write("b", "1\n").commit("one");
    repo.keyward(&["hooks", "install"]);
    let token = github_token(21);
    // commit -a: git makes another index
    repo.write("a", format!("1\nT={token}\n"));
    assert!(!repo.try_git(&["commit", "-qam", "all"]).status.success(), "commit -a");
    // commit FILE: the index holds other things
    repo.write("b", format!("1\nT={token}\n"));
    assert!(!repo.try_git(&["commit", "-qm", "one file", "b"]).status.success(), "commit FILE");
    repo.git(&["checkout", "-q", "--", "a", "b"]);
    // partial staging: the working tree's secret is not committed
    repo.write("a", "1\n2\n");
    repo.git(&["add", "a"]);
    repo.write("a", format!("1\n2\nT={token}\n"));
    assert!(repo.try_git(&["commit", "-qm", "staged part"]).status.success(), "partial staging");
    // the message is a source
    let out = repo.try_git(&["commit", "-q", "--allow-empty", "-m", &format!("use {token}")]);
    assert!(!out.status.success() && text(&out).contains("github-pat"), "{}", text(&out));
    assert!(!text(&out).contains(&token[8..]));
    // a merge in progress and a clean merge: theirs is not new
    repo.git(&["checkout", "-q", "-f", "-b", "side"]);
    repo.write("theirs", format!("T={token}\n"));
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-q", "--no-verify", "-m", "known on side"]);
    repo.git(&["checkout", "-q", "main"]);
    repo.write("ours", "x\n");
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-q", "-m", "ours"]);
    let out = repo.try_git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    assert!(out.status.success(), "a clean merge brings nothing new: {}", text(&out));
}

#[test]
fn a_message_given_on_the_command_line_is_scanned_to_the_last_line() {
    let repo = Repo::new();
    repo.write("a.txt", "a\n").commit("first");
    assert_eq!(repo.keyward(&["hooks", "install"]).status.code(), Some(0));
    let token = github_token(42);
    // git keeps a leading `#` where no editor ran.
    let out = repo.try_git(&["commit", "-q", "--allow-empty", "-m", &format!("#42 log in with {token}")]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    assert!(text(&out).contains("commit message:1:17:"), "{}", text(&out));
    let cut = format!("s\n\n# ------------------------ >8 ------------------------\n# Do not\n{token}\n");
    let out = repo.try_git(&["commit", "-q", "--allow-empty", "-m", &cut]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
}

#[test]
fn what_commit_v_shows_below_the_scissors_is_no_message() {
    let repo = Repo::new();
    repo.write("a.txt", format!("a\nk='{}'\n", github_token(43))).commit("leak");
    assert_eq!(repo.keyward(&["hooks", "install"]).status.code(), Some(0));
    let editor = "core.editor=sed -i 1s/^/subject/";
    for prefix in ["#", ";", "//"] {
        repo.write("a.txt", "a\n").git(&["add", "a.txt"]);
        let comment = format!("core.commentString={prefix}");
        let out = repo.try_git(&["-c", editor, "-c", &comment, "commit", "-q", "-v"]);
        assert_eq!(out.status.code(), Some(0), "{prefix}: {}", text(&out));
        repo.git(&["reset", "-q", "--soft", "HEAD~1"]);
    }
}

#[test]
fn files_handed_to_the_hook_are_scanned_even_when_they_are_not_staged() {
    let repo = Repo::new();
    repo.write("old.env", format!("T={}\n", github_token(22))).write("ok", "x\n").commit("one");
    let out = repo.keyward(&["hook", "pre-commit", "ok"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    let out = repo.keyward(&["hook", "pre-commit", "ok", "old.env"]);
    assert_eq!(out.status.code(), Some(1), "pre-commit run --all-files is never vacuous: {}", text(&out));
    assert!(text(&out).contains("in staged changes and given files") && !text(&out).contains("nothing is staged"));
    // a staged file means its fresh lines
    repo.write("old.env", format!("T={}\nX=1\n", github_token(22)));
    repo.git(&["add", "-A"]);
    let out = repo.keyward(&["hook", "pre-commit", "old.env"]);
    assert_eq!(out.status.code(), Some(0), "only the added line counts: {}", text(&out));
    assert_eq!(repo.keyward(&["hook", "pre-commit", "gone"]).status.code(), Some(2), "a missing file is no pass");
}

#[test]
fn a_push_is_scanned_by_what_the_remote_has_not() {
    let repo = Repo::new();
    let bare = tempfile::tempdir().unwrap();
    let remote = bare.path().to_str().unwrap();
    repo.git(&["init", "-q", "--bare", remote]);
    repo.git(&["remote", "add", "origin", remote]);
    repo.write("old.env", format!("T={}\n", github_token(23))).commit("known");
    repo.git(&["push", "-q", "origin", "main"]);
    repo.keyward(&["hooks", "install", "--pre-push"]);
    repo.write("b", "x\n").commit("clean");
    assert!(repo.try_git(&["push", "-q", "origin", "main"]).status.success(), "what the remote has is not new");
    repo.git(&["checkout", "-qb", "topic"]);
    repo.write("new.env", format!("T={}\n", github_token(24))).commit("leak");
    repo.write("new.env", "T=\n").commit("hide it");
    let out = repo.try_git(&["push", "-q", "origin", "topic"]);
    assert!(!out.status.success() && text(&out).contains("new.env"), "each commit counts: {}", text(&out));
    assert!(repo.try_git(&["push", "-q", "origin", ":refs/heads/nothing"]).status.code().is_some());
}

#[test]
fn a_pushed_tag_takes_its_text_along() {
    let repo = Repo::new();
    let bare = tempfile::tempdir().unwrap();
    let remote = bare.path().to_str().unwrap();
    repo.git(&["init", "-q", "--bare", remote]);
    repo.git(&["remote", "add", "origin", remote]);
    repo.write("a", "1\n").commit("one");
    repo.keyward(&["hooks", "install", "--pre-push"]);
    repo.git(&["push", "-q", "origin", "main"]);
    repo.git(&["tag", "-a", "v1", "-m", "ours"]);
    let out = repo.try_git(&["push", "-q", "origin", "v1"]);
    assert!(out.status.success() && text(&out).is_empty(), "{}", text(&out));
    repo.git(&["tag", "-a", "inner", "-m", &format!("release\n\nmade with {}", github_token(44))]);
    repo.git(&["tag", "-a", "outer", "inner", "-m", "signed off"]);
    let out = repo.try_git(&["push", "-q", "origin", "outer"]);
    assert!(!out.status.success() && text(&out).contains("github-pat"), "{}", text(&out));
    assert!(!text(&out).contains(&github_token(44)[8..]));
}

#[test]
fn an_unknown_base_scans_what_no_other_ref_has_and_is_never_vacuous() {
    let repo = Repo::new();
    repo.write("a", "x\n").commit("one");
    repo.git(&["checkout", "-qb", "topic"]);
    repo.write("a.env", format!("T={}\n", github_token(25))).commit("leak");
    // as a CI's clone has it: another ref is at the tip already
    repo.git(&["update-ref", "refs/remotes/origin/topic", "HEAD"]);
    let zeros = "0".repeat(40);
    let out = repo.keyward(&["scan", "--range", &format!("{zeros}..HEAD"), "-f", "json"]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    let gone = "1234567".repeat(6)[..40].to_owned();
    let out = repo.keyward(&["scan", "--range", &format!("{gone}..HEAD")]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    assert!(String::from_utf8_lossy(&out.stderr).contains(&gone), "it says so: {}", text(&out));
}

#[test]
fn a_history_says_who_when_and_where() {
    let repo = Repo::new();
    let token = github_token(26);
    repo.write("a", "x\n").commit("one");
    let leak = repo.write("conf/a.env", format!("T={token}\n")).commit("leak");
    repo.git(&["mv", "conf/a.env", "b.env"]);
    repo.commit("move");
    repo.git(&["rm", "-q", "b.env"]);
    repo.commit("hide");
    assert_eq!(repo.keyward(&["scan"]).status.code(), Some(0));
    let out = repo.keyward(&["scan", "--history", "-f", "json"]);
    assert_eq!(out.status.code(), Some(1));
    let report = json(&out);
    let finding = &report["findings"][0];
    assert_eq!(report["findings"].as_array().unwrap().len(), 1);
    assert_eq!((finding["commit"].as_str(), finding["path"].as_str()), (Some(leak.as_str()), Some("conf/a.env")));
    assert_eq!(finding["author"], "Ada Author");
    assert!(finding["date"].as_str().unwrap().starts_with("2023-11-1"), "{finding}");
    assert_eq!(finding["paths"], serde_json::json!(["b.env", "conf/a.env"]));
    let human = repo.keyward(&["scan", "--history"]);
    assert!(text(&human).contains("Ada Author") && text(&human).contains(&leak[..10]), "{}", text(&human));
}

#[test]
fn a_git_directory_of_any_name_is_read() {
    let repo = Repo::new();
    repo.write("a.env", format!("T={}\n", github_token(31))).commit("leak");
    let elsewhere = tempfile::tempdir().unwrap();
    let store = elsewhere.path().join("store");
    std::fs::rename(repo.join(".git"), &store).unwrap();
    std::fs::remove_file(store.join("config")).unwrap();
    let out = scan(&store, &["--history"]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    let out = scan(elsewhere.path(), &["--history", "store"]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
}
