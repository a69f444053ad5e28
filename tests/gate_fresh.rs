//! What becomes a finding because of what a change moves together, renames or ends, in the index and in a range alike;
//! and the comments that silence it there.

use crate::common::repo::Repo;
use crate::common::{findings, github_token, made_up};

/// (path, line) of the findings of `rule`, when `change` is staged and when it is a commit of a range.
fn told(repo: &Repo, rule: &str, change: impl FnOnce(&Repo)) -> Vec<(String, u64)> {
    change(repo);
    repo.git(&["add", "-A"]);
    let of = |out: &std::process::Output| -> Vec<(String, u64)> {
        let all = findings(out).into_iter().filter(|(_, _, id)| id == rule);
        all.map(|(path, line, _)| (path, line)).collect()
    };
    let staged = of(&repo.keyward(&["scan", "--staged", "--confidence", "low", "-f", "json"]));
    repo.commit("change");
    let range = of(&repo.keyward(&["scan", "--range", "HEAD~1..HEAD", "--confidence", "low", "-f", "json"]));
    assert_eq!(staged, range, "the index and the range that it becomes say the same");
    staged
}

fn pair(between: usize) -> String {
    let (id, secret) = (made_up("AKIA[A-Z2-7]{16}", 3), made_up("[A-Za-z0-9+/]{40}", 4));
    format!("access_key: {id}\n{}secret_key: {secret}\n", "region: north\n".repeat(between))
}

#[test]
fn a_deletion_that_brings_two_parts_together_is_told_where_they_were_apart() {
    let repo = Repo::new();
    repo.write("f.yml", pair(200)).commit("apart");
    let rule = "aws-secret-near-key-id";
    assert_eq!(
        told(&repo, rule, |repo| {
            repo.write("other", "x");
        }),
        []
    );
    assert_eq!(
        told(&repo, rule, |repo| {
            repo.write("f.yml", pair(3));
        }),
        [("f.yml".to_owned(), 5)]
    );
    assert_eq!(
        told(&repo, rule, |repo| {
            repo.write("f.yml", pair(2));
        }),
        [("f.yml".to_owned(), 4)]
    );
}

#[test]
fn a_key_that_gets_its_end_or_a_line_inside_is_told() {
    let repo = Repo::new();
    let line = |seed| made_up("[A-Za-z0-9+/]{64}\n", seed);
    let body: String = (0..20).map(line).collect();
    let (begin, end) = (["-----BEGIN ", "PRIVATE KEY-----\n"].concat(), ["-----END ", "PRIVATE KEY-----\n"].concat());
    repo.write("k", format!("{begin}{body}")).write("l", format!("{begin}{body}{end}tail\n")).commit("no end");
    let whole = told(&repo, "private-key", |repo| {
        repo.write("k", format!("{begin}{body}{end}"));
    });
    assert_eq!(whole, [("k".to_owned(), 1)]);
    let inside = told(&repo, "private-key", |repo| {
        repo.write("l", format!("{begin}{body}{}{end}tail\n", line(99)));
    });
    assert_eq!(inside, [("l".to_owned(), 1)]);
    let beside = told(&repo, "private-key", |repo| {
        repo.write("l", format!("{begin}{body}{}{end}tail, and more\n", line(99)));
    });
    assert_eq!(beside, [], "what is beside the key does not make it new");
}

#[test]
fn a_rename_to_where_a_rule_looks_shows_the_whole_file() {
    let repo = Repo::new();
    let secret = made_up("[a-z0-9]{14}", 8);
    repo.write("notes", format!("db.acme.example:5432:app:reader:{secret}\n")).commit("no rule looks here");
    let renamed = told(&repo, "pgpass-password", |repo| {
        repo.git(&["mv", "notes", ".pgpass"]);
    });
    assert_eq!(renamed, [(".pgpass".to_owned(), 1)]);
}

#[test]
fn the_comments_of_other_tools_silence_their_lines_and_a_change_that_adds_them_is_told() {
    let repo = Repo::new();
    repo.write("x", "x").commit("x");
    let cases = [
        "k = '@' # gitleaks:allow",
        "k = '@' # betterleaks:allow",
        "k = '@' # trufflehog:ignore",
        "k = '@' # kingfisher:ignore",
        "# kingfisher:ignore\nk = '@'",
        "k = '@'  # pragma: allowlist secret",
        "k = '@'  // pragma: whitelist-secret",
        "k = '@'  /* pragma: allowlist secret */",
        "k = '@'  -- pragma: allowlist-secret",
        "<k a='@'/>  <!-- pragma: allowlist secret -->",
        "# pragma: allowlist nextline secret\nk = '@'",
        "k = '@' # ggignore",
        "k = '@' # keyward:allow",
        "// keyward:allow github-pat -- why\nk = '@'",
    ];
    for (n, case) in cases.iter().enumerate() {
        repo.write(&format!("f{n}"), case.replace('@', &github_token(n as u64)));
    }
    for (n, case) in
        ["k = '@' # gitleaks:deny", "# trufflehog:ignore\nk = '@'", "# keyward:allow jwt\nk = '@'"].iter().enumerate()
    {
        repo.write(&format!("open{n}"), case.replace('@', &github_token(90 + n as u64)));
    }
    repo.git(&["add", "-A"]);
    let out = repo.keyward(&["scan", "--staged", "-f", "json"]);
    let paths: Vec<String> = findings(&out).into_iter().map(|(path, ..)| path).collect();
    assert_eq!(paths, ["open0", "open1", "open2"]);
    let told = String::from_utf8_lossy(&out.stderr).into_owned();
    for n in 0..cases.len() {
        assert!(told.contains(&format!("f{n}:")), "{n}: {told}");
    }
}
