//! What a history's sweep keeps for the next one: the answer is the same with it as without it, whatever happened to the
//! repository or to the file in between.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::repo::Repo;
use crate::common::{github_token, json, keyward, made_up, text};

/// A user with a state directory of his own.
struct User(tempfile::TempDir);

impl User {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn command(&self, repo: &Path, more: &[&str]) -> Command {
        let mut command = keyward();
        command.args(["scan", "--history", "-f", "json", "--confidence", "low", "--explain"]).args(more).arg(repo);
        command.env("XDG_STATE_HOME", self.0.path());
        command
    }

    /// The report, without the time it took.
    fn report(&self, repo: &Repo, more: &[&str]) -> String {
        let out = self.command(repo.path(), more).output().unwrap();
        assert!(out.status.code() < Some(2), "{}", text(&out));
        let mut report = json(&out);
        report.as_object_mut().unwrap().remove("elapsed_ms");
        serde_json::to_string_pretty(&report).unwrap()
    }

    /// Scans with the cache, by default and for all objects, and compares with scans that go without.
    fn agrees(&self, repo: &Repo, when: &str) -> String {
        let plain = self.report(repo, &[]);
        assert_eq!(plain, self.report(repo, &["--no-cache"]), "{when}");
        assert_eq!(self.report(repo, &[]), plain, "{when}, once more");
        let all = self.report(repo, &["--all-objects"]);
        assert_eq!(all, self.report(repo, &["--all-objects", "--no-cache"]), "{when}, all objects");
        plain
    }
}

fn file(repo: &Repo) -> PathBuf {
    repo.join(".git/keyward/history.cache")
}

fn token_line(n: u64) -> String {
    format!("key: {}\n", github_token(n))
}

fn grown() -> Repo {
    let repo = Repo::new();
    let filler: String = (0..50).map(|n| format!("line {n} {}\n", made_up("[a-z ]{30}", n))).collect();
    repo.write("a/f", filler.clone() + &token_line(1)).commit("first");
    repo.write("a/f", filler.clone() + "more\n" + &token_line(1)).write("b", "plain").commit("second");
    repo.write("big", "x".repeat(5_000))
        .write("a/g", filler + "# keyward:allow -- known\n" + &token_line(2))
        .commit("third");
    repo
}

#[test]
fn the_answer_is_the_same_while_a_repository_grows_shrinks_and_is_packed() {
    let (user, repo) = (User::new(), grown());
    user.agrees(&repo, "at first");
    assert!(file(&repo).is_file());
    repo.write("c", token_line(3)).commit("fourth");
    user.agrees(&repo, "a commit later");
    repo.git(&["gc", "-q", "--aggressive", "--prune=now"]);
    user.agrees(&repo, "packed");
    repo.write("d", token_line(1)).write("a/f", "").commit("fifth");
    repo.git(&["checkout", "-q", "-b", "side", "HEAD~2"]);
    repo.write("e", token_line(4)).commit("on the side");
    repo.git(&["tag", "-a", "v1", "-m", &token_line(5)]);
    user.agrees(&repo, "a branch and a tag later");
    repo.git(&["repack", "-q", "-d"]);
    repo.git(&["merge", "-q", "--no-edit", "main"]);
    user.agrees(&repo, "merged, in two packs");
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["branch", "-q", "-D", "side"]);
    repo.git(&["tag", "-d", "v1"]);
    let shown = user.agrees(&repo, "a branch and its tag are gone");
    assert!(!shown.contains("on the side"));
    repo.git(&["checkout", "-q", "-b", "back", "HEAD@{1}"]);
    user.agrees(&repo, "what was gone is back");
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["branch", "-q", "-D", "back"]);
    repo.git(&["reflog", "expire", "--expire=all", "--all"]);
    repo.git(&["gc", "-q", "--prune=now"]);
    user.agrees(&repo, "objects are gone for good");
    let blob = repo.git(&["rev-parse", "HEAD:d"]);
    repo.git(&["update-ref", "refs/named/blob", &blob]);
    user.agrees(&repo, "a ref names a blob");
    repo.git(&["update-ref", "-d", "refs/named/blob"]);
    user.agrees(&repo, "and no longer");
}

#[test]
fn it_is_written_when_something_is_new() {
    let (user, repo) = (User::new(), grown());
    user.report(&repo, &[]);
    let before = std::fs::read(file(&repo)).unwrap();
    user.report(&repo, &[]);
    assert_eq!(std::fs::read(file(&repo)).unwrap(), before, "nothing new, nothing written");
    repo.write("c", token_line(3)).commit("fourth");
    user.report(&repo, &[]);
    assert_ne!(std::fs::read(file(&repo)).unwrap(), before);
}

#[test]
fn no_secret_is_kept_in_clear_and_no_copy_gives_it_away() {
    let (user, repo) = (User::new(), grown());
    user.report(&repo, &[]);
    let kept = std::fs::read(file(&repo)).unwrap();
    for needle in [github_token(1), github_token(2), "keyward:allow".into(), "a/f".into()] {
        assert!(memchr::memmem::find(&kept, needle.as_bytes()).is_none());
    }
    use std::os::unix::fs::PermissionsExt;
    for path in [file(&repo), user.0.path().join("keyward/cache.key")] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o077, 0);
    }
}

#[test]
fn a_cache_that_comes_with_a_repository_hides_nothing() {
    let (user, attacker, repo) = (User::new(), User::new(), grown());
    attacker.report(&repo, &[]);
    let planted = std::fs::read(file(&repo)).unwrap();
    // Whatever it says, it is not read: it is not this user's.
    assert_eq!(user.report(&repo, &[]), user.report(&repo, &["--no-cache"]));
    assert_ne!(std::fs::read(file(&repo)).unwrap(), planted, "and replaced");
}

#[test]
fn torn_files_other_rules_and_unwritable_places_do_no_harm() {
    let (user, repo) = (User::new(), grown());
    let plain = user.report(&repo, &[]);
    let whole = std::fs::read(file(&repo)).unwrap();
    for cut in [0, 10, whole.len() / 2, whole.len() - 1] {
        std::fs::write(file(&repo), &whole[..cut]).unwrap();
        assert_eq!(user.report(&repo, &[]), plain, "cut at {cut}");
    }
    let rule = "[[rule]]\nid = 'own'\nname = 'Own'\nseverity = 'high'\nconfidence = 'high'\nregex = '(?P<secret>plain)'\n\
                anchors = ['plain']\nwhy = 'w'\nfix = 'f'\nexamples.match = ['plain']\nexamples.no_match = ['none']\n";
    let config = user.0.path().join("own.toml");
    std::fs::write(&config, rule).unwrap();
    let args = ["--config", config.to_str().unwrap()];
    let with_rule = user.command(repo.path(), &args).output().unwrap();
    assert!(text(&with_rule).contains("\"own\""), "{}", text(&with_rule));
    assert_eq!(user.report(&repo, &[]), plain);
    let limited = user.report(&repo, &["--max-file-size", "4000"]);
    assert_ne!(limited, plain);
    assert_eq!(limited, user.report(&repo, &["--max-file-size", "4000"]), "what was too large is named again");
    // A file where the directory should be.
    std::fs::remove_dir_all(repo.join(".git/keyward")).unwrap();
    std::fs::write(repo.join(".git/keyward"), "").unwrap();
    let out = user.command(repo.path(), &[]).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out).contains("--no-cache"), "{}", text(&out));
}

#[test]
fn sweeps_at_the_same_time_agree() {
    let (user, repo) = (User::new(), grown());
    let start = || user.command(repo.path(), &[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    for round in 0..3 {
        repo.write("c", token_line(10 + round)).commit("more");
        let running: Vec<_> = (0..4).map(|_| start()).collect();
        let reports: Vec<_> = running.into_iter().map(|child| json(&child.wait_with_output().unwrap())).collect();
        assert!(reports.iter().all(|report| report["findings"] == reports[0]["findings"]));
        user.agrees(&repo, "after all of them");
    }
}
