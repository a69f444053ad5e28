//! Tests of: the staged source, against real git and in its real hooks.

use std::path::Path;

use keyward::config::PathFilter;
use keyward::git::Repo as Git;
use keyward::model::{BytePath, Clock, Fresh, SkipReason, Survey};
use keyward::source::{Limits, SourceError, staged};

use crate::common::repo::Repo;
use crate::common::seen::{Seen, collect};

fn run(git: &Git, globs: &[&str]) -> (Result<Survey, SourceError>, Vec<Seen>) {
    let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
    let exclude = PathFilter::new(&globs).unwrap();
    collect(|visit| staged(git, Limits { max_file_size: 1 << 20, exclude: &exclude, clock: Clock::default() }, visit))
}

fn look(dir: &Path) -> (Survey, Vec<Seen>) {
    let (survey, seen) = run(&Git::discover(dir).unwrap().unwrap(), &[]);
    (survey.unwrap(), seen)
}

/// `path: fresh line, fresh line` for each file shown.
fn told(seen: &[Seen]) -> Vec<String> {
    let tell = |seen: &Seen| format!("{}: {}", seen.path.clone().unwrap(), seen.fresh_lines().join(", "));
    seen.iter().map(tell).collect()
}

/// Not a test of its own: what the hooks below run, in the environment that git gives them.
#[test]
fn probe() {
    let Some(out) = std::env::var_os("PROBE_OUT") else { return };
    let (survey, seen) = run(&Git::from_env(Path::new(".")).unwrap(), &[]);
    let mut lines = told(&seen);
    lines.extend(survey.unwrap().notices);
    std::fs::write(out, lines.join("\n")).unwrap();
}

/// Installs the probe as a hook and returns where it writes.
fn hook(repo: &Repo, name: &str) -> std::path::PathBuf {
    let out = repo.join(&format!(".git/probe-{name}"));
    let test = std::env::current_exe().unwrap();
    let script =
        format!("#!/bin/sh\nPROBE_OUT='{}' '{}' -q --exact staged::probe >&2\n", out.display(), test.display());
    repo.write(&format!(".git/hooks/{name}"), script);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(repo.join(&format!(".git/hooks/{name}")), executable).unwrap();
    }
    out
}

fn probed(out: &Path) -> Vec<String> {
    std::fs::read_to_string(out).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn in_a_first_commit_everything_is_fresh() {
    let repo = Repo::new();
    repo.write("a", "one\ntwo\n").write("dir/b", "x\n");
    repo.git(&["add", "-A"]);
    let (survey, seen) = look(repo.path());
    assert_eq!(told(&seen), ["a: one, two", "dir/b: x"]);
    assert!(seen.iter().all(|seen| seen.fresh == Fresh::All && seen.former.is_none()));
    assert!(survey.notices.is_empty());
    assert_eq!(survey.coverage.blobs, 2);
}

#[test]
fn the_index_decides_not_the_working_tree() {
    let repo = Repo::new();
    repo.write("a", "one\ntwo\n");
    repo.commit("first");
    repo.write("a", "one\nstaged\ntwo\n");
    repo.git(&["add", "a"]);
    repo.write("a", "one\nunstaged\nstaged\ntwo\n").write("untracked", "x");
    let (_, seen) = look(repo.path());
    assert_eq!(told(&seen), ["a: staged"]);
    assert_eq!(seen[0].bytes, b"one\nstaged\ntwo\n");
    assert_eq!(seen[0].origin.object.unwrap().to_string(), repo.git(&["rev-parse", ":a"]));
}

#[test]
fn nothing_staged_is_said() {
    let repo = Repo::new();
    repo.write("a", "x");
    repo.commit("first");
    repo.write("a", "y");
    let (survey, seen) = look(repo.path());
    assert!(seen.is_empty());
    assert_eq!(survey.notices, ["nothing is staged"]);
}

#[test]
fn an_exact_rename_or_copy_brings_nothing_new() {
    let repo = Repo::new();
    repo.write("a", "one\ntwo\n").write("b", "three\nfour\n").write("c", "c\n");
    repo.commit("first");
    repo.git(&["mv", "a", "moved"]);
    repo.write("copied", "three\nfour\n").write("c", "three\nfour\n");
    repo.git(&["add", "-A"]);
    let (_, seen) = look(repo.path());
    assert_eq!(told(&seen), ["c: ", "copied: ", "moved: "]);
    assert!(seen.iter().all(|seen| seen.fresh.is_nothing()));
    let former: Vec<_> = seen.iter().map(|seen| seen.former.clone().unwrap()).collect();
    assert_eq!(former, ["b", "b", "a"]);
}

#[test]
fn a_copy_of_an_excluded_file_is_new_because_nobody_looked_at_it() {
    let repo = Repo::new();
    repo.write("fixtures/a", "one\n").write("gone/b", "two\nthree\n");
    repo.commit("first");
    repo.write("src/a", "one\n");
    std::fs::remove_dir_all(repo.join("gone")).unwrap();
    repo.write("src/b", "two\nthree\nx\n");
    repo.git(&["add", "-A"]);
    let git = Git::discover(repo.path()).unwrap().unwrap();
    let (_, seen) = run(&git, &["fixtures/", "gone/"]);
    assert_eq!(told(&seen), ["src/a: one", "src/b: two, three, x"]);
    let (_, seen) = run(&git, &[]);
    assert_eq!(told(&seen), ["src/a: ", "src/b: x"]);
}

#[test]
fn a_renamed_file_shows_only_its_edit_while_half_of_it_remains() {
    let repo = Repo::new();
    repo.write("old", "1111\n2222\n3333\n4444\n").write("other", "aaaa\nbbbb\ncccc\ndddd\n");
    repo.commit("first");
    repo.git(&["rm", "-q", "old", "other"]);
    repo.write("new", "1111\n2222\n3333\nedit\n").write("else", "aaaa\nxxxx\nyyyy\nzzzz\n");
    repo.git(&["add", "-A"]);
    let (_, seen) = look(repo.path());
    assert_eq!(told(&seen), ["else: aaaa, xxxx, yyyy, zzzz", "new: edit"]);
    assert_eq!((seen[0].former.as_deref(), seen[1].former.as_deref()), (None, Some("old")));
}

#[test]
fn a_change_of_mode_alone_shows_nothing() {
    let repo = Repo::new();
    repo.write("a", "x\n");
    repo.commit("first");
    repo.git(&["update-index", "--chmod=+x", "a"]);
    let (survey, seen) = look(repo.path());
    assert!(seen.is_empty() && survey.notices.is_empty());
    assert_eq!(survey.coverage.skipped[&SkipReason::Unchanged], 1);
}

#[test]
fn a_file_only_announced_is_not_part_of_the_commit() {
    let repo = Repo::new();
    repo.write("a", "x\n");
    repo.commit("first");
    repo.write("later", "secret\n");
    repo.git(&["add", "-N", "later"]);
    let (survey, seen) = look(repo.path());
    assert!(seen.is_empty(), "{seen:?}");
    assert_eq!(survey.notices, ["nothing is staged"]);
    let git = Git::discover(repo.path()).unwrap().unwrap();
    assert_eq!(git.staged_file(&BytePath::new("later")).unwrap(), None);
}

#[test]
fn a_submodule_is_counted_and_a_link_shows_its_text() {
    let repo = Repo::new();
    repo.write("a", "x\n");
    let commit = repo.commit("first");
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},mod")]);
    let text = repo.join("text");
    std::fs::write(&text, "some/target").unwrap();
    let blob = repo.git(&["hash-object", "-w", "text"]);
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("120000,{blob},link")]);
    repo.git(&["update-index", "--cacheinfo", &format!("120000,{blob},a")]);
    let (survey, seen) = look(repo.path());
    assert_eq!(told(&seen), ["a: some/target", "link: some/target"]);
    assert_eq!(survey.coverage.skipped[&SkipReason::Submodule], 1);
    assert!(survey.problems.is_empty());
}

#[test]
fn attributes_that_hide_text_from_a_diff_hide_nothing() {
    let repo = Repo::new();
    repo.write("a.dat", "one\ntwo\n").write(".gitattributes", "*.dat -diff -text binary\n");
    repo.commit("first");
    repo.write("a.dat", b"one\nnew \0 line\ntwo\n");
    repo.git(&["add", "-A"]);
    assert_eq!(told(&look(repo.path()).1), ["a.dat: new \0 line"]);
}

#[test]
fn a_removed_line_leaves_a_mark() {
    let repo = Repo::new();
    repo.write("a", "id\nbetween\nkey\n");
    repo.commit("first");
    repo.write("a", "id\nkey\n");
    repo.git(&["add", "-A"]);
    let (_, seen) = look(repo.path());
    let Fresh::Against(parents) = &seen[0].fresh else { panic!() };
    assert_eq!(parents[0].removed_at, [3]);
    assert!(parents[0].added.is_empty());
}

/// main and side both change `a` and add a file.
fn two_branches(repo: &Repo) {
    repo.write("a", "1\n2\n3\n4\n5\n6\n7\n");
    repo.commit("first");
    repo.git(&["switch", "-qc", "side"]);
    repo.write("a", "side\n1\n2\n3\n4\n5\n6\n7\n").write("side", "s\n");
    repo.commit("side");
    repo.git(&["switch", "-q", "main"]);
    repo.write("a", "1\n2\n3\n4\n5\n6\n7\nmain\n").write("main", "m\n");
    repo.commit("main");
}

#[test]
fn a_merge_in_progress_shows_what_neither_side_has() {
    let repo = Repo::new();
    two_branches(&repo);
    repo.git(&["merge", "-q", "--no-commit", "side"]);
    let (_, seen) = look(repo.path());
    assert_eq!(told(&seen), ["a: "], "only `a` differs from both, and every line of it is known");
    let Fresh::Against(parents) = &seen[0].fresh else { panic!() };
    assert_eq!(parents.len(), 2);
    repo.write("a", "side\n1\n2\n3\nevil\n4\n5\n6\n7\nmain\n").write("added", "by merge\n").write("side", "s\nmore\n");
    repo.git(&["add", "-A"]);
    assert_eq!(told(&look(repo.path()).1), ["a: evil", "added: by merge", "side: more"]);
}

#[test]
fn a_clean_merge_is_against_both_sides_in_its_own_hook() {
    let repo = Repo::new();
    two_branches(&repo);
    let out = hook(&repo, "pre-merge-commit");
    repo.git(&["merge", "-q", "--no-edit", "side"]);
    assert_eq!(probed(&out), ["a: "], "neither `side` nor `main` is new");
    // The same merge squashed has one parent, to which it all is new.
    repo.git(&["reset", "-q", "--hard", "HEAD^"]);
    let out = hook(&repo, "pre-commit");
    repo.git(&["merge", "-q", "--squash", "side"]);
    repo.git(&["commit", "-qm", "squashed"]);
    assert_eq!(probed(&out), ["a: side", "side: s"]);
}

#[test]
fn what_a_merge_leaves_in_the_environment_hides_nothing_later() {
    let repo = Repo::new();
    two_branches(&repo);
    let side = repo.git(&["rev-parse", "side"]);
    repo.git(&["merge", "-q", "--no-edit", "side"]);
    repo.git(&["rm", "-q", "side"]);
    repo.commit("take it away");
    repo.write("side", "s\n");
    repo.git(&["add", "side"]);
    let out = repo.join(".git/out");
    let mut probe = std::process::Command::new(std::env::current_exe().unwrap());
    probe.args(["-q", "--exact", "staged::probe"]).env("PROBE_OUT", &out).current_dir(repo.path());
    assert!(probe.env(format!("GITHEAD_{side}"), "side").output().unwrap().status.success());
    assert_eq!(probed(&out), ["side: s"]);
}

#[test]
fn a_submodule_commits_against_its_own_head() {
    let (outer, inner) = (Repo::new(), Repo::new());
    inner.write("a", "1\n");
    inner.commit("inner");
    let url = inner.path().to_str().unwrap();
    outer.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url, "mod"]);
    outer.commit("outer");
    outer.write("mod/a", "1\n2\n");
    let module = outer.join("mod");
    outer.git(&["-C", module.to_str().unwrap(), "add", "a"]);
    assert_eq!(told(&look(&module).1), ["a: 2"]);
    assert!(look(outer.path()).1.is_empty());
}

#[test]
fn a_merge_that_takes_one_side_whole_brings_nothing() {
    let repo = Repo::new();
    two_branches(&repo);
    repo.git(&["merge", "-q", "--no-commit", "-s", "ours", "side"]);
    let (survey, seen) = look(repo.path());
    assert!(seen.is_empty());
    assert_eq!(survey.notices, ["the merge is the same as one of its parents"]);
}

#[test]
fn an_octopus_merge_is_against_all_its_parents() {
    let repo = Repo::new();
    repo.write("a", "1\n");
    repo.commit("first");
    for branch in ["x", "y"] {
        repo.git(&["switch", "-qc", branch, "main"]);
        repo.write(branch, format!("{branch}\n"));
        repo.commit(branch);
    }
    repo.git(&["switch", "-q", "main"]);
    repo.write("m", "m\n");
    repo.commit("main");
    repo.git(&["merge", "-q", "--no-commit", "x", "y"]);
    assert!(look(repo.path()).1.is_empty(), "each file is in one of the parents");
    repo.write("x", "x\nevil\n");
    repo.git(&["add", "-A"]);
    assert_eq!(told(&look(repo.path()).1), ["x: evil"]);
}

#[test]
fn a_conflicted_merge_is_seen_once_resolved() {
    let repo = Repo::new();
    repo.write("a", "1\n").write("b", "1\n");
    repo.commit("first");
    repo.git(&["switch", "-qc", "side"]);
    repo.write("a", "side\n").write("b", "side\n");
    repo.commit("side");
    repo.git(&["switch", "-q", "main"]);
    repo.write("a", "main\n");
    repo.commit("main");
    assert!(!repo.try_git(&["merge", "-q", "side"]).status.success());
    let (survey, seen) = look(repo.path());
    assert!(seen.is_empty(), "{seen:?}");
    assert!(survey.notices[0].starts_with("1 unmerged path(s), such as a,"), "{:?}", survey.notices);
    repo.write("a", "main\nside\nresolved\n");
    let out = hook(&repo, "pre-commit");
    repo.git(&["commit", "-qam", "merge"]);
    assert_eq!(probed(&out), ["a: resolved"]);
}

#[test]
fn commit_all_and_commit_file_are_seen_as_git_will_commit_them() {
    let repo = Repo::new();
    repo.write("a", "1\n").write("b", "1\n").write("c", "1\n");
    repo.commit("first");
    let out = hook(&repo, "pre-commit");
    repo.write("a", "1\nall\n").write("b", "1\nall\n").write("new", "untracked\n");
    repo.git(&["commit", "-qam", "all"]);
    assert_eq!(probed(&out), ["a: all", "b: all"]);
    repo.write("a", "1\nall\nfile\n").write("b", "1\nall\nstaged\n").write("c", "1\nloose\n");
    repo.git(&["add", "b"]);
    repo.git(&["commit", "-qm", "file", "a"]);
    assert_eq!(probed(&out), ["a: file"], "b is staged but not part of `commit a`");
    repo.git(&["commit", "-qm", "include", "-i", "c"]);
    assert_eq!(probed(&out), ["b: staged", "c: loose"]);
}

#[test]
fn a_linked_worktree_has_its_own_index_and_head() {
    let repo = Repo::new();
    repo.write("a", "1\n");
    repo.commit("first");
    let elsewhere = tempfile::tempdir().unwrap();
    let tree = elsewhere.path().join("linked");
    repo.git(&["worktree", "add", "-q", "-b", "other", tree.to_str().unwrap()]);
    std::fs::write(tree.join("a"), "1\nlinked\n").unwrap();
    let linked = tree.to_str().unwrap();
    repo.git(&["-C", linked, "add", "a"]);
    assert_eq!(told(&look(&tree).1), ["a: linked"]);
    assert!(look(repo.path()).1.is_empty());
    let out = hook(&repo, "pre-commit");
    repo.git(&["-C", linked, "commit", "-qm", "in the linked one"]);
    assert_eq!(probed(&out), ["a: linked"]);
    let git = Git::discover(&tree).unwrap().unwrap();
    let hooks = repo.git(&["-C", linked, "rev-parse", "--path-format=absolute", "--git-path", "hooks"]);
    assert_eq!(git.hooks_path().unwrap().canonicalize().unwrap(), Path::new(&hooks).canonicalize().unwrap());
}

#[test]
fn git_variables_of_the_environment_are_honoured() {
    let repo = Repo::new();
    repo.write("a", "1\n");
    repo.commit("first");
    repo.write("a", "1\nelsewhere\n");
    let (bare, objects, out) = (repo.join(".moved"), repo.join(".objects"), repo.join(".out"));
    std::fs::rename(repo.join(".git"), &bare).unwrap();
    std::fs::create_dir(&objects).unwrap();
    let index = repo.join(".index");
    std::fs::copy(bare.join("index"), &index).unwrap();
    let with = |mut command: std::process::Command| {
        command.env("GIT_DIR", &bare).env("GIT_WORK_TREE", repo.path()).env("GIT_INDEX_FILE", &index);
        command.env("GIT_OBJECT_DIRECTORY", &objects);
        command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", bare.join("objects")).current_dir("/");
        command
    };
    let add = with(std::process::Command::new("git")).args(["add", "a"]).current_dir(repo.path()).status().unwrap();
    assert!(add.success());
    let mut probe = with(std::process::Command::new(std::env::current_exe().unwrap()));
    let done = probe.args(["-q", "--exact", "staged::probe"]).env("PROBE_OUT", &out).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    assert_eq!(probed(&out), ["a: elsewhere"]);
}

#[test]
fn a_split_and_a_sparse_index_are_read_like_any_other() {
    let repo = Repo::new();
    repo.write("a", "1\n").write("dir/b", "1\n").write("gone", "1\n").write("other/c", "1\n");
    repo.commit("first");
    repo.git(&["update-index", "--split-index"]);
    assert_eq!(look(repo.path()).0.notices, ["nothing is staged"]);
    repo.write("a", "1\n2\n").write("dir/new", "new\n");
    repo.git(&["rm", "-q", "gone"]);
    repo.git(&["add", "-A"]);
    assert!(std::fs::read(repo.join(".git/index")).unwrap().windows(4).any(|name| name == b"link"));
    assert_eq!(told(&look(repo.path()).1), ["a: 2", "dir/new: new"]);
    repo.commit("second");
    repo.git(&["update-index", "--no-split-index"]);
    repo.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "other"]);
    assert!(repo.git(&["ls-files", "--sparse"]).lines().any(|line| line == "dir/"));
    assert_eq!(look(repo.path()).0.notices, ["nothing is staged"]);
    repo.write("a", "1\n2\n3\n").write("other/c", "1\nc\n");
    repo.git(&["add", "-A"]);
    assert_eq!(told(&look(repo.path()).1), ["a: 3", "other/c: c"]);
    // A directory that is another tree than HEAD's is read to its files.
    repo.git(&["reset", "-q", "--soft", "HEAD^"]);
    assert_eq!(told(&look(repo.path()).1), ["a: 2, 3", "dir/new: new", "other/c: c"]);
}

#[test]
fn configuration_is_read_from_inside_a_sparse_directory() {
    let repo = Repo::new();
    repo.write("in/a", "1\n").write("out/deep/file", "text\n");
    repo.commit("first");
    repo.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "in"]);
    let git = Git::discover(repo.path()).unwrap().unwrap();
    assert_eq!(git.staged_file(&BytePath::new("out/deep/file")).unwrap().unwrap(), b"text\n");
    for none in ["out", "out/", "out/deep", "out/deep/other", "out/deep/file/x", "nowhere/x", ""] {
        assert_eq!(git.staged_file(&BytePath::new(none)).unwrap(), None, "{none}");
    }
}

#[test]
fn an_index_that_cannot_be_read_names_the_remedy() {
    let repo = Repo::new();
    repo.write("a", "1\n");
    repo.commit("first");
    repo.write("a", "1\n2\n");
    repo.git(&["add", "-A"]);
    let index = repo.join(".git/index");
    let good = std::fs::read(&index).unwrap();
    let refused = |bytes: &[u8]| {
        std::fs::write(&index, bytes).unwrap();
        match run(&Git::discover(repo.path()).unwrap().unwrap(), &[]).0 {
            Err(SourceError::Git(error)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let mut flipped = good.clone();
    flipped[60] ^= 1;
    assert!(refused(&flipped).contains("index is damaged: its checksum is wrong; "), "{}", refused(&flipped));
    assert!(refused(&good[..40]).contains("git reset"));
    let (content, _) = good.split_at(good.len() - 20);
    let unknown = [content, b"abcd\0\0\0\0", &[0; 20]].concat();
    assert_eq!(
        refused(&unknown),
        "an index with the required extension 'abcd' cannot be read yet: use a keyward that knows it"
    );
    let optional = [content, b"ABcd\0\0\0\x01x", &[0; 20]].concat();
    std::fs::write(&index, optional).unwrap();
    assert_eq!(told(&look(repo.path()).1), ["a: 2"]);
    std::fs::write(&index, flipped).unwrap();
    let out = repo.keyward(&["hook", "pre-commit"]);
    assert_eq!(out.status.code(), Some(2));
    let error = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(error.lines().count() == 1 && error.contains("rm -f"), "{error}");
}

#[test]
fn a_missing_object_is_a_problem_that_names_the_path() {
    let repo = Repo::new();
    repo.write("a", "1\n");
    repo.commit("first");
    repo.write("a", "2\n").write("b", "3\n");
    repo.git(&["add", "-A"]);
    let id = repo.git(&["rev-parse", ":a"]);
    std::fs::remove_file(repo.join(&format!(".git/objects/{}/{}", &id[..2], &id[2..]))).unwrap();
    let (survey, seen) = look(repo.path());
    assert_eq!(told(&seen), ["b: 3"]);
    assert_eq!(survey.problems[0].what, "a");
    assert_eq!(survey.coverage.skipped[&SkipReason::Missing], 1);
}

#[test]
fn an_old_version_that_is_missing_hides_nothing() {
    let repo = Repo::new();
    repo.write("a", "1\n");
    repo.commit("first");
    let id = repo.git(&["rev-parse", ":a"]);
    repo.write("a", "1\n2\n");
    repo.git(&["add", "-A"]);
    std::fs::remove_file(repo.join(&format!(".git/objects/{}/{}", &id[..2], &id[2..]))).unwrap();
    assert_eq!(told(&look(repo.path()).1), ["a: 1, 2"]);
}

#[test]
fn large_files_are_named_not_read() {
    let repo = Repo::new();
    repo.write("big", "x".repeat((1 << 20) + 1)).write("small", "x\n");
    repo.git(&["add", "-A"]);
    let (survey, seen) = look(repo.path());
    assert_eq!(told(&seen), ["small: x"]);
    assert_eq!(survey.coverage.too_large, [("big".to_owned(), (1 << 20) + 1)]);
}

#[test]
fn the_same_is_shown_whatever_the_number_of_threads() {
    let repo = Repo::new();
    for at in 0..60 {
        repo.write(&format!("d{}/f{at}", at % 7), format!("{at}\nshared\n"));
    }
    repo.commit("first");
    for at in 0..60 {
        repo.write(&format!("d{}/f{at}", at % 7), format!("{at}\nnew {at}\nshared\n"));
    }
    repo.git(&["mv", "d1", "moved"]);
    repo.git(&["add", "-A"]);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let path = repo.path();
        pool.install(|| look(path))
    };
    let (one, many) = (with(1), with(5));
    assert_eq!(one.1, many.1);
    assert_eq!(one.0.coverage, many.0.coverage);
    assert_eq!(one.1.len(), 60);
}

#[test]
fn an_index_without_a_checksum_is_read() {
    let repo = Repo::new();
    repo.git(&["config", "index.skipHash", "true"]);
    repo.git(&["config", "index.version", "4"]);
    repo.write("a", "1\n").write("ab", "1\n");
    repo.commit("first");
    repo.write("a", "1\n2\n");
    repo.git(&["add", "-A"]);
    assert_eq!(told(&look(repo.path()).1), ["a: 2"]);
}
