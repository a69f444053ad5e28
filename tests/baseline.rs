//! The baseline as a stranger uses it: where it is found, what it must never lose or hold, and what is told of it.

use crate::common::repo::Repo;
use crate::common::{github_token, made_up, text};

/// A repository with two accepted secrets: a token in `a`, a password in `dir/b.py`.
fn accepted() -> Repo {
    let repo = Repo::new();
    repo.write("a", github_token(1))
        .write("dir/b.py", format!("password = \"{}\"\n", made_up("[a-z]{5}[A-Z]{4}[0-9]{4}!", 9)));
    let out = repo.keyward(&["baseline", "create"]);
    assert!(text(&out).contains("2 known secrets"), "{}", text(&out));
    repo
}

fn known(repo: &Repo) -> String {
    text(&repo.keyward(&["baseline", "show"]))
}

#[test]
fn only_a_look_at_everything_may_prune() {
    let repo = accepted();
    std::fs::remove_file(repo.join("a")).unwrap();
    for part in ["dir", "dir/b.py", "--staged", "--stdin"] {
        let out = repo.keyward(&["baseline", "update", "--prune", part]);
        assert_eq!(out.status.code(), Some(2), "{part}: {}", text(&out));
        assert!(known(&repo).contains("2 known secrets"), "{part}");
    }
    let out = repo.keyward(&["baseline", "update", "--prune", "."]);
    assert!(text(&out).contains("0 added, 1 dropped, 1 known secret\n"), "{}", text(&out));
}

#[test]
fn it_is_shown_from_where_scans_read_it() {
    let repo = accepted();
    let show = |dir: &str| {
        let mut command = crate::common::repo::frozen(crate::common::keyward(), 1_700_000_000);
        text(&command.current_dir(repo.join(dir)).args(["baseline", "show"]).output().unwrap())
    };
    assert!(show("dir").contains("2 known secrets"), "{}", show("dir"));
    repo.write("keyward.toml", "[baseline]\npath = 'ci/known.json'\n").write("ci/x", "");
    std::fs::rename(repo.join(".keyward-baseline.json"), repo.join("ci/known.json")).unwrap();
    assert!(show(".").contains("2 known secrets"), "{}", show("."));
    assert!(show("dir").contains("2 known secrets"), "{}", show("dir"));
}

#[test]
fn it_holds_no_secret_even_where_a_path_does() {
    let repo = Repo::new();
    let (inside, name) = (github_token(1), github_token(2));
    repo.write(&format!("{name}/f"), &inside);
    assert_eq!(repo.keyward(&["baseline", "create"]).status.code(), Some(0));
    let file = std::fs::read_to_string(repo.join(".keyward-baseline.json")).unwrap();
    assert!(!file.contains(&name) && !file.contains(&inside), "{file}");
    assert_eq!(repo.keyward(&["scan"]).status.code(), Some(0));
    let out = repo.keyward(&["baseline", "update", "--prune"]);
    assert!(text(&out).contains("0 added, 0 dropped, 1 known secret\n"), "{}", text(&out));
    assert_eq!(std::fs::read_to_string(repo.join(".keyward-baseline.json")).unwrap(), file, "nothing moved");
}

#[test]
fn showing_a_hostile_one_neither_moves_the_cursor_nor_tells_a_secret() {
    let repo = accepted();
    let file = std::fs::read_to_string(repo.join(".keyward-baseline.json")).unwrap();
    let token = github_token(3);
    repo.write(".keyward-baseline.json", file.replace("\"path\": \"a\"", &format!("\"path\": \"\\u001b[2J/{token}\"")));
    assert!(known(&repo).contains("2 known secrets"), "{}", known(&repo));
    assert!(!known(&repo).contains('\x1b') && !known(&repo).contains(&token), "{}", known(&repo));
}

#[test]
fn what_nothing_needs_is_told_after_a_whole_tree_and_only_then() {
    let repo = accepted();
    repo.write("keyward.toml", "[[allow]]\npaths = ['/dir/gone']\n[[allow]]\npaths = ['/c']\n")
        .write("c", github_token(4));
    let run = |dir: &str, args: &[&str]| {
        let mut command = crate::common::repo::frozen(crate::common::keyward(), 1_700_000_000);
        text(&command.current_dir(repo.join(dir)).arg("scan").args(args).output().unwrap())
    };
    for whole in [run(".", &[]), run(".", &["."]), run("dir", &[".."])] {
        assert!(whole.contains("keyward.toml:1: this allowlist entry is unused"), "{whole}");
        assert!(!whole.contains("keyward.toml:3"), "{whole}");
        assert!(!whole.contains("baseline"), "{whole}");
    }
    for part in [run("dir", &[]), run(".", &["dir"]), run(".", &["a"])] {
        assert!(!part.contains("unused") && !part.contains("baseline"), "{part}");
    }
    repo.write("a", "nothing");
    assert!(run(".", &[]).contains("1 of 2 baseline entries was not needed (github-pat in a)"), "{}", run(".", &[]));
    assert!(!run(".", &["--confidence", "high"]).contains("2 of 2"), "what was not asked for is not unneeded");
    assert!(!run("dir", &[]).contains("not needed"));
}

#[cfg(unix)]
#[test]
fn a_link_in_the_repository_does_not_have_it_written_elsewhere() {
    let repo = Repo::new();
    let outside = tempfile::tempdir().unwrap();
    repo.write("a", github_token(1)).write("kept", "");
    let link = |to: &std::path::Path, at: &str| std::os::unix::fs::symlink(to, repo.join(at)).unwrap();
    link(&outside.path().join("made"), ".keyward-baseline.json");
    link(outside.path(), "dir");
    let create = |args: &[&str]| repo.keyward(&[&["baseline", "create"], args].concat());
    for config in ["", "[baseline]\npath = 'dir/known.json'\n"] {
        repo.write("keyward.toml", config);
        let out = create(&[]);
        assert_eq!(out.status.code(), Some(2), "{}", text(&out));
        assert!(text(&out).contains("leads out of"), "{}", text(&out));
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }
    repo.write("keyward.toml", "");
    std::fs::remove_file(repo.join(".keyward-baseline.json")).unwrap();
    link(std::path::Path::new("kept"), ".keyward-baseline.json");
    assert_eq!(create(&["--force"]).status.code(), Some(0), "a link inside is one's own affair");
    let given = outside.path().join("given.json");
    assert_eq!(create(&["--baseline", given.to_str().unwrap()]).status.code(), Some(0));
    assert!(given.exists());
}
