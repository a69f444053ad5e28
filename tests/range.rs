//! Tests of: the range source, and the questions to git that others ask.

use std::collections::BTreeSet;
use std::path::Path;

use keyward::config::PathFilter;
use keyward::git::{GitError, Repo as Git};
use keyward::model::{BytePath, Clock, Fresh, ObjectId, OriginKind, Survey};
use keyward::source::{Limits, Range, SourceError, range};

use crate::common::repo::Repo;
use crate::common::seen::{Seen, collect};

fn run(dir: &Path, range_: &Range) -> (Result<Survey, SourceError>, Vec<Seen>) {
    let git = Git::discover(dir).unwrap().unwrap();
    let exclude = PathFilter::default();
    collect(|visit| {
        range(&git, range_, Limits { max_file_size: 1 << 20, exclude: &exclude, clock: Clock::default() }, visit)
    })
}

fn look(repo: &Repo, text: &str) -> (Survey, Vec<Seen>) {
    let (survey, seen) = run(repo.path(), &Range::parse(text).unwrap());
    (survey.unwrap(), seen)
}

/// `subject path: fresh line, fresh line` for each file shown, in order of subjects.
fn told(repo: &Repo, seen: &[Seen]) -> Vec<String> {
    let files = seen.iter().filter(|seen| seen.origin.kind == OriginKind::Range);
    let mut told: Vec<String> = files
        .map(|seen| {
            let subject = repo.git(&["log", "-1", "--format=%s", &seen.origin.commit.unwrap().to_string()]);
            format!("{subject} {}: {}", seen.path.clone().unwrap(), seen.fresh_lines().join(", "))
        })
        .collect();
    told.sort();
    told
}

fn messages(seen: &[Seen]) -> BTreeSet<String> {
    let messages = seen.iter().filter(|seen| seen.origin.kind == OriginKind::CommitMessage);
    messages.map(|seen| String::from_utf8_lossy(&seen.bytes).trim_end().to_owned()).collect()
}

#[test]
fn each_commit_is_shown_by_what_it_adds() {
    let repo = Repo::new();
    repo.write("a", "1\n");
    let base = repo.commit("c0");
    repo.write("a", "1\n2\n").write("b", "x\n");
    repo.commit("c1");
    repo.write("a", "1\n2\n3\n");
    repo.commit("c2\n\nwith a body");
    repo.write("a", "1\n3\n");
    repo.git(&["mv", "b", "c"]);
    repo.commit("c3");
    let (survey, seen) = look(&repo, &format!("{base}..HEAD"));
    assert_eq!(told(&repo, &seen), ["c1 a: 2", "c1 b: x", "c2 a: 3", "c3 a: ", "c3 c: "]);
    assert_eq!(messages(&seen), ["c1", "c2\n\nwith a body", "c3"].map(str::to_owned).into());
    assert_eq!((survey.coverage.commits, survey.coverage.messages, survey.coverage.blobs), (3, 3, 8));
    let moved = seen.iter().find(|seen| seen.path.as_deref() == Some("c")).unwrap();
    assert_eq!(moved.former.as_deref(), Some("b"));
    assert!(moved.fresh.is_nothing());
    assert!(survey.notices.is_empty() && survey.problems.is_empty());
}

#[test]
fn a_first_commit_is_all_fresh() {
    let repo = Repo::new();
    repo.write("a", "1\n");
    repo.commit("c0");
    repo.git(&["switch", "-q", "--orphan", "new"]);
    repo.write("b", "2\n");
    repo.commit("root");
    let (_, seen) = look(&repo, "main..new");
    assert_eq!(told(&repo, &seen), ["root b: 2"]);
    assert!(seen.iter().all(|seen| seen.fresh == Fresh::All));
}

fn merged(repo: &Repo) {
    repo.write("a", "1\n2\n3\n4\n5\n");
    repo.commit("base");
    repo.git(&["switch", "-qc", "side"]);
    repo.write("a", "side\n1\n2\n3\n4\n5\n").write("s", "s\n");
    repo.commit("side");
    repo.git(&["switch", "-q", "main"]);
    repo.write("a", "1\n2\n3\n4\n5\nmain\n");
    repo.commit("main");
    repo.git(&["merge", "-q", "--no-commit", "side"]);
    repo.write("a", "side\n1\n2\nevil\n3\n4\n5\nmain\n").write("t", "in merge\n");
    repo.commit("merge");
}

#[test]
fn a_merge_is_shown_by_what_is_in_none_of_its_parents() {
    let repo = Repo::new();
    merged(&repo);
    let (survey, seen) = look(&repo, "HEAD^..HEAD");
    assert_eq!(told(&repo, &seen), ["merge a: evil", "merge t: in merge", "side a: side", "side s: s"]);
    assert_eq!(survey.coverage.commits, 2, "the second parent's commits are walked");
    let merge = seen.iter().find(|seen| seen.path.as_deref() == Some("a") && seen.fresh_lines() == ["evil"]).unwrap();
    assert!(matches!(&merge.fresh, Fresh::Against(parents) if parents.len() == 2));
}

#[test]
fn a_symmetric_range_begins_at_the_merge_base() {
    let repo = Repo::new();
    repo.write("a", "1\n");
    repo.commit("base");
    repo.git(&["switch", "-qc", "feature"]);
    repo.write("f", "f\n");
    repo.commit("feature");
    repo.git(&["switch", "-q", "main"]);
    repo.write("m", "m\n");
    repo.commit("main");
    for text in ["main...feature", "main..feature"] {
        assert_eq!(told(&repo, &look(&repo, text).1), ["feature f: f"], "{text}");
    }
    assert_eq!(told(&repo, &look(&repo, "feature...").1), ["main m: m"], "a side left out is HEAD");
    let (survey, seen) = run(repo.path(), &Range::since("feature"));
    assert!(survey.is_ok());
    assert_eq!(told(&repo, &seen), ["main m: m"]);
}

#[test]
fn an_empty_range_is_clean_and_says_so() {
    let repo = Repo::new();
    repo.write("a", "1\n");
    repo.commit("c0");
    let (survey, seen) = look(&repo, "HEAD..HEAD");
    assert!(seen.is_empty() && survey.problems.is_empty());
    assert_eq!(survey.notices, ["HEAD..HEAD: no commits to scan"]);
}

#[test]
fn an_unknown_name_is_an_error_and_no_range_is_none() {
    let repo = Repo::new();
    repo.write("a", "1\n");
    repo.commit("c0");
    for text in ["nowhere..HEAD", "HEAD..nowhere", "abcdef..HEAD"] {
        let (survey, seen) = run(repo.path(), &Range::parse(text).unwrap());
        assert!(matches!(survey, Err(SourceError::Git(GitError::UnknownRevision(_)))), "{text}");
        assert!(seen.is_empty());
    }
    assert!(matches!(Range::parse("HEAD"), Err(GitError::NotARange(_))));
}

#[test]
fn with_an_unknown_base_the_commits_on_no_other_ref_are_scanned() {
    let repo = Repo::new();
    repo.write("a", "1\n");
    repo.commit("c0");
    repo.git(&["switch", "-qc", "feature"]);
    repo.write("f", "f\n");
    let tip = repo.commit("feature");
    repo.git(&["update-ref", "refs/remotes/origin/feature", "HEAD"]);
    repo.git(&["update-ref", "refs/remotes/origin/main", "main"]);
    repo.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"]);
    // A host's test merge, and a stash, hold the commit without being a branch that has it.
    repo.write("f", "f\nstashed\n");
    repo.git(&["stash", "-q"]);
    repo.git(&["update-ref", "refs/remotes/pull/1/merge", "refs/stash"]);
    let zeros = "0".repeat(40);
    let lost = "a".repeat(40);
    for base in [&zeros, &lost] {
        for name in ["feature", "HEAD", &tip] {
            let (survey, seen) = look(&repo, &format!("{base}..{name}"));
            assert_eq!(told(&repo, &seen), ["feature f: f"], "{base}..{name}");
            assert!(survey.notices[0].contains("on no other ref"), "{:?}", survey.notices);
        }
    }
    repo.git(&["checkout", "-q", "--detach"]);
    assert_eq!(told(&repo, &look(&repo, &format!("{zeros}..HEAD")).1), ["feature f: f"], "detached, as in CI");
    repo.git(&["switch", "-qc", "main2", "main"]);
    let (survey, seen) = look(&repo, &format!("{zeros}..main2"));
    assert!(seen.is_empty(), "all of main2 is on main");
    assert!(survey.notices.iter().any(|notice| notice.contains("no commits to scan")));
}

#[test]
fn attributes_that_hide_text_from_a_diff_hide_nothing_in_a_range() {
    let repo = Repo::new();
    repo.write("a.dat", "1\n").write(".gitattributes", "*.dat binary\n");
    repo.commit("c0");
    repo.write("a.dat", "1\n2\n");
    repo.commit("c1");
    assert_eq!(told(&repo, &look(&repo, "HEAD^..HEAD").1), ["c1 a.dat: 2"]);
}

#[test]
fn a_copy_of_what_a_parent_has_is_not_new() {
    let repo = Repo::new();
    repo.write("deep/er/a", "1\n2\n").write("z", "1\n2\n");
    repo.commit("c0");
    repo.write("copy", "1\n2\n");
    repo.commit("c1");
    let (_, seen) = look(&repo, "HEAD^..HEAD");
    assert_eq!(told(&repo, &seen), ["c1 copy: "]);
    assert_eq!(seen.iter().find_map(|seen| seen.former.clone()).as_deref(), Some("deep/er/a"));
}

#[test]
fn a_cut_off_range_of_a_shallow_clone_is_an_error_unless_allowed() {
    let repo = Repo::new();
    for at in 0..4 {
        repo.write("a", (0..=at).map(|line| format!("{line}\n")).collect::<String>());
        repo.commit(&format!("c{at}"));
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let clone = elsewhere.path().join("clone");
    let url = format!("file://{}", repo.path().display());
    repo.git(&["clone", "-q", "--depth", "2", &url, clone.to_str().unwrap()]);
    let base = repo.git(&["rev-parse", "HEAD~3"]);
    let cut = Range::parse(&format!("{base}..HEAD")).unwrap();
    let (survey, _) = run(&clone, &cut);
    let error = survey.unwrap_err();
    assert!(matches!(&error, SourceError::Git(GitError::Shallow(_))), "{error}");
    assert!(error.to_string().contains("git fetch --unshallow"));
    let (survey, seen) = run(&clone, &Range { allow_shallow: true, ..cut });
    assert_eq!(survey.unwrap().coverage.commits, 2);
    assert_eq!(told(&repo, &seen), ["c2 a: 0, 1, 2", "c3 a: 3"]);
    let (survey, seen) = run(&clone, &Range::parse("HEAD~1..HEAD").unwrap());
    assert!(survey.is_ok(), "what is not cut off needs no leave");
    assert_eq!(told(&repo, &seen), ["c3 a: 3"]);
}

#[test]
fn the_same_is_shown_whatever_the_number_of_threads() {
    let repo = Repo::new();
    repo.write("seed", "0\n");
    repo.commit("seed");
    for at in 0..40 {
        repo.write(&format!("f{}", at % 5), format!("{at}\nx\n")).write("all", format!("{at}\n"));
        repo.commit(&format!("c{at}"));
    }
    let path = repo.path();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(path, &Range::parse("HEAD~40..HEAD").unwrap()))
    };
    let (one, many) = (with(1), with(4));
    assert_eq!(one.1, many.1);
    assert_eq!(one.0.unwrap().coverage, many.0.unwrap().coverage);
    assert_eq!(one.1.len(), 40 * 3);
}

/// For random histories with merges: a line is fresh exactly where `git diff` against every parent adds it.
#[test]
fn every_line_that_git_says_is_in_no_parent_is_fresh() {
    let repo = Repo::new();
    let mut seed = 11u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    repo.write("f", "l0\n");
    repo.commit("root");
    let mut fresh_name = 0;
    for step in 0..25 {
        let branch = format!("b{}", random(3));
        if !repo.try_git(&["switch", "-q", &branch]).status.success() {
            repo.git(&["switch", "-qc", &branch]);
        }
        if random(3) == 0 {
            let other = format!("b{}", random(3));
            let _ = repo.try_git(&["merge", "-q", "--no-commit", "-X", "ours", &other]);
        }
        let text = std::fs::read_to_string(repo.join("f")).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for _ in 0..random(4) {
            let at = random(lines.len() as u64 + 1) as usize;
            if random(3) == 0 && at < lines.len() {
                lines.remove(at);
            } else {
                fresh_name += 1;
                lines.insert(at, format!("l{fresh_name}"));
            }
        }
        repo.write("f", lines.iter().map(|line| format!("{line}\n")).collect::<String>());
        repo.commit(&format!("c{step}"));
    }
    repo.git(&["switch", "-q", "--detach", "b0"]);
    let _ = repo.try_git(&["merge", "-q", "-X", "ours", "b1", "b2"]);
    let root = repo.git(&["rev-list", "--max-parents=0", "HEAD"]);
    let (_, seen) = look(&repo, &format!("{root}..HEAD"));
    let mut merges = 0;
    for commit in repo.git(&["rev-list", &format!("{root}..HEAD")]).lines() {
        let id = ObjectId::from_hex(commit).unwrap();
        let ours: BTreeSet<String> = seen
            .iter()
            .filter(|seen| seen.origin.commit == Some(id) && seen.origin.kind == OriginKind::Range)
            .flat_map(Seen::fresh_lines)
            .collect();
        let parents = repo.git(&["rev-parse", &format!("{commit}^@")]);
        merges += usize::from(parents.lines().count() > 1);
        let added = |parent: &str| -> BTreeSet<String> {
            let diff = repo.git(&["diff", "-U0", parent, commit, "--", "f"]);
            let lines = diff.lines().filter(|line| line.starts_with('+') && !line.starts_with("+++"));
            lines.map(|line| line[1..].to_owned()).collect()
        };
        let sets: Vec<BTreeSet<String>> = parents.lines().map(added).collect();
        let expected = sets.iter().skip(1).fold(sets[0].clone(), |all, set| &all & set);
        assert_eq!(ours, expected, "{commit}");
    }
    assert!(merges > 0);
}

#[test]
fn questions_to_git_are_answered_as_git_answers_them() {
    let repo = Repo::new();
    let git = Git::discover(repo.path()).unwrap().unwrap();
    assert_eq!(git.head().unwrap(), None, "before the first commit");
    repo.write("dir/a", "1\n");
    let first = repo.commit("c0");
    repo.git(&["tag", "-a", "v1", "-m", "tagged"]);
    repo.write("dir/a", "2\n").write("b", "x");
    repo.git(&["add", "-A"]);
    repo.write("dir/a", "3\n");
    let path = BytePath::new("dir/a");
    assert_eq!(git.show("v1", &path).unwrap().as_deref(), Some(&b"1\n"[..]));
    assert_eq!(git.show("HEAD", &BytePath::new("b")).unwrap(), None);
    assert_eq!(git.show("HEAD", &BytePath::new("dir")).unwrap(), None);
    assert!(matches!(git.show("nowhere", &path), Err(GitError::UnknownRevision(_))));
    assert_eq!(git.staged_file(&path).unwrap().as_deref(), Some(&b"2\n"[..]));
    assert_eq!(git.resolve("v1").unwrap().to_string(), first);
    assert_eq!(git.head().unwrap().unwrap().to_string(), first);
    let tracked: Vec<String> = git.tracked().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(tracked.join("\n"), repo.git(&["ls-files"]));
    let info = git.commit_info(git.head().unwrap().unwrap()).unwrap();
    assert_eq!((info.author.as_str(), info.email.as_str(), info.offset), ("Ada Author", "ada@example.com", 60));
    assert_eq!(info.time.to_string(), repo.git(&["log", "-1", "--format=%at"]));
    assert!(!git.is_bare() && !git.is_shallow());
    assert_eq!(git.config("no.such").unwrap(), None);
    repo.git(&["config", "core.hooksPath", "my/hooks"]);
    let git = Git::discover(repo.path()).unwrap().unwrap();
    assert_eq!(git.config("core.hookspath").unwrap().as_deref(), Some("my/hooks"));
    assert_eq!(git.hooks_path().unwrap(), git.workdir().unwrap().join("my/hooks"));
}

#[test]
fn formats_that_cannot_be_read_are_named() {
    for (flag, word) in [("--ref-format=reftable", "reftable"), ("--object-format=sha256", "SHA-256")] {
        let dir = tempfile::tempdir().unwrap();
        let made = std::process::Command::new("git").args(["init", "-q", flag]).arg(dir.path()).status().unwrap();
        assert!(made.success());
        let opened = Git::discover(dir.path());
        match opened {
            Err(GitError::Unsupported { what, remedy }) => assert!(what.contains(word) && !remedy.is_empty()),
            Err(other) => panic!("{flag}: {other}"),
            Ok(_) => panic!("{flag}: opened"),
        }
    }
}

#[test]
fn a_repository_of_somebody_else_is_refused_with_the_command_to_run() {
    let repo = Repo::new();
    repo.write("a", "1\n");
    repo.commit("c0");
    let given = std::process::Command::new("chown").args(["-R", "12345"]).arg(repo.path()).status().unwrap();
    if !given.success() {
        return; // Only root can give a directory away.
    }
    std::fs::create_dir_all(repo.join("sub")).unwrap();
    let Err(error) = Git::discover(&repo.join("sub")) else { panic!("opened") };
    let told = error.to_string();
    let git = String::from_utf8_lossy(&repo.try_git(&["status"]).stderr).into_owned();
    let command = git.lines().find(|line| line.contains("safe.directory")).unwrap().trim();
    assert!(told.ends_with(command), "{told} / {command}");
}

#[test]
fn missing_blobs_of_a_partial_clone_are_problems_that_name_the_path() {
    let repo = Repo::new();
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    repo.write("a", "1\n").write("b", "1\n");
    repo.commit("c0");
    repo.write("a", "1\n2\n");
    repo.commit("c1");
    let elsewhere = tempfile::tempdir().unwrap();
    let clone = elsewhere.path().join("clone");
    let url = format!("file://{}", repo.path().display());
    repo.git(&["clone", "-q", "--filter=blob:none", "--no-checkout", &url, clone.to_str().unwrap()]);
    let (survey, seen) = run(&clone, &Range::parse("HEAD^..HEAD").unwrap());
    let survey = survey.unwrap();
    assert!(told(&repo, &seen).is_empty());
    assert_eq!(survey.problems[0].what, "a");
    assert!(survey.problems[0].fix.contains("git fetch"), "{:?}", survey.problems);
}

#[test]
fn a_bare_repository_has_ranges_too() {
    let repo = Repo::new();
    repo.write("a", "1\n");
    repo.commit("c0");
    repo.write("a", "1\n2\n");
    repo.commit("c1");
    let elsewhere = tempfile::tempdir().unwrap();
    let bare = elsewhere.path().join("bare.git");
    repo.git(&["clone", "-q", "--bare", repo.path().to_str().unwrap(), bare.to_str().unwrap()]);
    let (survey, seen) = run(&bare, &Range::parse("HEAD^..HEAD").unwrap());
    assert!(survey.is_ok());
    assert_eq!(told(&repo, &seen), ["c1 a: 2"]);
    let git = Git::discover(&bare).unwrap().unwrap();
    assert!(git.is_bare());
    assert_eq!(git.hooks_path().unwrap(), git.git_dir().join("hooks"));
}

/// Not a test of its own: what the hook below runs, in the environment that git gives it.
#[test]
fn probe() {
    let (Some(out), Ok(text)) = (std::env::var_os("PROBE_OUT"), std::env::var("PROBE_RANGE")) else { return };
    let git = Git::from_env(Path::new(".")).unwrap();
    let exclude = PathFilter::default();
    let limits = Limits { max_file_size: 1 << 20, exclude: &exclude, clock: Clock::default() };
    let (survey, seen) = collect(|visit| range(&git, &Range::parse(&text).unwrap(), limits, visit));
    let tell = |seen: &Seen| seen.fresh_lines().join(", ");
    let mut lines: Vec<String> = seen.iter().map(tell).collect();
    lines.extend(survey.unwrap().problems.iter().map(ToString::to_string));
    lines.sort();
    std::fs::write(out, lines.join("\n")).unwrap();
}

#[cfg(unix)]
#[test]
fn a_push_is_seen_in_quarantine_and_a_new_branch_by_its_own_commits() {
    use std::os::unix::fs::PermissionsExt;
    let repo = Repo::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let bare = elsewhere.path().join("bare.git");
    repo.git(&["init", "-q", "--bare", bare.to_str().unwrap()]);
    let (hook, out) = (bare.join("hooks/pre-receive"), elsewhere.path().join("out"));
    let test = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\nread old new ref\nPROBE_RANGE=$old..$new PROBE_OUT='{}' '{}' -q --exact range::probe >&2\n",
        out.display(),
        test.display()
    );
    std::fs::write(&hook, script).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let pushed = |branch: &str| {
        repo.git(&["push", "-q", bare.to_str().unwrap(), branch]);
        std::fs::read_to_string(&out).unwrap()
    };
    repo.write("a", "1\n");
    repo.commit("c0");
    assert_eq!(pushed("main"), "1\nc0");
    repo.write("a", "1\n2\n");
    repo.commit("c1");
    assert_eq!(pushed("main"), "2\nc1");
    repo.git(&["switch", "-qc", "feature"]);
    repo.write("a", "1\n2\n3\n");
    repo.commit("c2");
    assert_eq!(pushed("feature"), "3\nc2", "a new branch is not scanned from the beginning of time");
}
