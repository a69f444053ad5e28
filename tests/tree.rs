//! Tests of: the working tree source.

use std::path::{Path, PathBuf};

use keyward::config::PathFilter;
use keyward::model::{BytePath, Clock, SkipReason, Survey};
use keyward::source::{Limits, SourceError, tree};

use crate::common::repo::Repo;
use crate::common::seen::{Seen, collect};

fn walk_with(paths: &[PathBuf], exclude: &[&str], most: u64) -> (Result<Survey, SourceError>, Vec<Seen>) {
    let globs: Vec<String> = exclude.iter().map(|glob| (*glob).to_owned()).collect();
    let exclude = PathFilter::new(&globs).unwrap();
    collect(|visit| tree(paths, Limits { max_file_size: most, exclude: &exclude, clock: Clock::default() }, visit))
}

fn walk(path: &Path) -> (Survey, Vec<Seen>) {
    let (survey, seen) = walk_with(&[path.to_path_buf()], &[], 1 << 20);
    (survey.unwrap(), seen)
}

fn names(seen: &[Seen]) -> Vec<String> {
    seen.iter().map(|seen| seen.path.clone().unwrap()).collect()
}

#[test]
fn hidden_files_are_shown_and_git_directories_are_not() {
    let repo = Repo::new();
    repo.write("a.txt", "a").write(".env", "b").write(".github/x.yml", "c").write(".gitattributes", "d");
    repo.write("sub/.git-credentials", "e").write("sub/.git/config", "f");
    let (survey, seen) = walk(repo.path());
    assert_eq!(names(&seen), [".env", ".gitattributes", ".github/x.yml", "a.txt", "sub/.git-credentials"]);
    assert_eq!((survey.coverage.blobs, survey.coverage.bytes), (5, 5));
}

#[test]
fn ignore_files_hold_for_untracked_files_only() {
    let repo = Repo::new();
    repo.write("kept/secret.env", "tracked").write("kept/plain", "x").write("gone.env", "x");
    repo.commit("first");
    repo.write(".gitignore", "*.env\nkept/\nbuild/\n")
        .write("loose.env", "u")
        .write("kept/new", "u")
        .write("build/o", "u");
    repo.write("excluded", "u").write(".ignore", "shown\n").write("shown", "s");
    std::fs::write(repo.join(".git/info/exclude"), "excluded\n").unwrap();
    std::fs::remove_file(repo.join("gone.env")).unwrap();
    let (_, seen) = walk(repo.path());
    let not_ignored = repo.git(&["ls-files", "--cached", "--others", "--exclude-standard"]);
    let mut git: Vec<&str> = not_ignored.lines().filter(|path| repo.join(path).exists()).collect();
    git.sort_unstable();
    assert_eq!(names(&seen), git);
    assert_eq!(names(&seen), [".gitignore", ".ignore", "kept/plain", "kept/secret.env", "shown"]);
}

#[test]
fn outside_a_repository_ignore_files_are_not_honoured() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(".gitignore"), "*").unwrap();
    std::fs::write(dir.path().join(".env"), "x").unwrap();
    assert_eq!(names(&walk(dir.path()).1), [".env", ".gitignore"]);
}

#[test]
fn below_the_root_of_a_repository_its_ignore_files_and_index_count_too() {
    let repo = Repo::new();
    repo.write("sub/tracked.env", "x").write("other", "x");
    repo.commit("first");
    repo.write(".gitignore", "*.env\n").write("sub/loose.env", "x").write("sub/plain", "x");
    assert_eq!(names(&walk(&repo.join("sub")).1), ["sub/plain", "sub/tracked.env"]);
}

#[test]
fn tracked_files_of_a_submodule_that_it_ignores_are_shown() {
    let outer = Repo::new();
    outer.write("a", "x");
    outer.commit("first");
    let inner = outer.join("mod");
    outer.git(&["init", "-q", "mod"]);
    outer.write("mod/kept.env", "x");
    let path = inner.to_str().unwrap();
    outer.git(&["-C", path, "add", "kept.env"]);
    outer.git(&["-C", path, "commit", "-qm", "inner"]);
    outer.write("mod/.gitignore", "*.env\n").write("mod/loose.env", "x");
    assert_eq!(names(&walk(outer.path()).1), ["a", "mod/.gitignore", "mod/kept.env"]);
}

#[test]
fn a_file_given_by_name_is_shown_though_ignored() {
    let repo = Repo::new();
    repo.write(".gitignore", "*.env\n").write("loose.env", "x");
    let (survey, seen) = walk_with(&[repo.join("loose.env")], &[], 100);
    assert_eq!(survey.unwrap().coverage.blobs, 1);
    assert!(names(&seen)[0].ends_with("loose.env"));
}

#[cfg(unix)]
#[test]
fn a_link_given_is_resolved_and_a_link_inside_shows_only_its_text() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    std::fs::create_dir(outside.path().join("dir")).unwrap();
    std::fs::write(outside.path().join("dir/far"), "far").unwrap();
    let dir = tempfile::tempdir().unwrap();
    symlink(outside.path().join("dir"), dir.path().join("link")).unwrap();
    symlink("nowhere/at-all", dir.path().join("dangling")).unwrap();
    std::fs::write(dir.path().join("near"), "near").unwrap();
    let (_, seen) = walk(dir.path());
    assert_eq!(names(&seen), ["dangling", "link", "near"]);
    assert_eq!(seen[0].bytes, b"nowhere/at-all");
    assert!(seen[1].bytes.ends_with(b"/dir"));
    assert_eq!(names(&walk(&dir.path().join("link")).1), ["far"]);
}

#[cfg(unix)]
#[test]
fn a_tracked_path_behind_a_link_does_not_lead_out_of_the_tree() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("file"), "outside").unwrap();
    let repo = Repo::new();
    repo.write("dir/file", "inside");
    repo.commit("first");
    std::fs::remove_dir_all(repo.join("dir")).unwrap();
    std::os::unix::fs::symlink(outside.path(), repo.join("dir")).unwrap();
    let (_, seen) = walk(repo.path());
    assert_eq!(names(&seen), ["dir"]);
    assert!(seen.iter().all(|seen| seen.bytes != b"outside"));
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_passed_over_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "x").unwrap();
    let made = std::process::Command::new("mkfifo").arg(dir.path().join("pipe")).status().unwrap();
    assert!(made.success());
    let (survey, seen) = walk(dir.path());
    assert_eq!(names(&seen), ["file"]);
    assert_eq!(survey.coverage.skipped[&SkipReason::Special], 1);
    let (survey, _) = walk_with(&[dir.path().join("pipe")], &[], 100);
    assert!(matches!(survey, Err(SourceError::Nothing(_))));
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_utf8_survives() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "x").unwrap();
    let (_, seen) = walk(dir.path());
    assert_eq!(seen[0].path.as_deref(), Some("caf\\xe9"));
    assert_eq!(seen[0].origin.path, Some(BytePath::new(b"caf\xe9")));
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_read_is_a_problem_and_the_scan_goes_on() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    for (name, mode) in [("closed", 0o000), ("open", 0o644)] {
        std::fs::write(dir.path().join(name), "x").unwrap();
        std::fs::set_permissions(dir.path().join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    // Permissions do not hold root back; a path below a file fails for everybody.
    let (survey, seen) = walk_with(&[dir.path().to_path_buf(), dir.path().join("open/below")], &[], 100);
    let survey = survey.unwrap();
    assert!(survey.problems.iter().any(|problem| problem.what.ends_with("open/below")), "{:?}", survey.problems);
    assert!(names(&seen).iter().any(|name| name.ends_with("open")));
    if std::fs::read(dir.path().join("closed")).is_err() {
        assert!(survey.problems.iter().any(|problem| problem.what.ends_with("closed")));
        assert_eq!(survey.coverage.skipped[&SkipReason::Unreadable], 1);
    }
}

#[test]
fn excluded_paths_and_large_files_are_counted_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("vendor")).unwrap();
    for (name, size) in [("vendor/a", 1), ("b.lock", 1), ("big", 700_000), ("fits", 600_000), ("empty", 0)] {
        std::fs::write(dir.path().join(name), "x".repeat(size)).unwrap();
    }
    let (survey, seen) = walk_with(&[dir.path().to_path_buf()], &["vendor/", "*.lock"], 600_000);
    let coverage = survey.unwrap().coverage;
    assert_eq!(names(&seen), ["empty", "fits"]);
    assert_eq!(seen[1].bytes.len(), 600_000);
    assert_eq!(coverage.skipped[&SkipReason::Excluded], 2);
    assert_eq!(coverage.too_large, [("big".to_owned(), 700_000)]);
    let (survey, _) = walk_with(&[dir.path().join("big")], &[], 10);
    assert!(matches!(survey, Err(SourceError::Nothing(_))), "a gate that looked at nothing must not pass");
}

#[test]
fn no_file_at_all_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    assert!(matches!(walk_with(&[dir.path().to_path_buf()], &[], 100).0, Err(SourceError::Nothing(_))));
}

#[test]
fn several_paths_are_shown_as_given_and_no_file_twice() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["one/a", "two/b"] {
        std::fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
        std::fs::write(dir.path().join(name), "x").unwrap();
    }
    let path = |name: &str| dir.path().join(name);
    let (_, seen) = walk_with(&[path("one"), path("./two/"), path("two/b"), path("one/a")], &[], 100);
    let root = dir.path().to_str().unwrap();
    assert_eq!(names(&seen), [format!("{root}/one/a"), format!("{root}/two/b")]);
}

#[test]
fn a_damaged_index_switches_ignoring_off_rather_than_hiding_tracked_files() {
    let repo = Repo::new();
    repo.write("a.env", "x");
    repo.commit("first");
    repo.write(".gitignore", "*.env\n");
    repo.write(".git/index", "no index");
    let (survey, seen) = walk(repo.path());
    assert!(names(&seen).contains(&"a.env".to_owned()));
    assert!(survey.notices[0].contains("damaged"), "{:?}", survey.notices);
}

#[test]
fn a_split_and_a_sparse_index_tell_what_is_tracked() {
    let repo = Repo::new();
    repo.write("a.env", "x").write("in/b.env", "x").write("out/deep/c.env", "x");
    repo.commit("first");
    repo.write(".gitignore", "*.env\nout/\n").write("untracked.env", "x");
    repo.git(&["update-index", "--split-index"]);
    let (survey, seen) = walk(repo.path());
    assert_eq!(names(&seen), [".gitignore", "a.env", "in/b.env", "out/deep/c.env"]);
    assert!(survey.notices.is_empty(), "{:?}", survey.notices);
    repo.git(&["update-index", "--no-split-index"]);
    repo.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "in"]);
    assert_eq!(names(&walk(repo.path()).1), [".gitignore", "a.env", "in/b.env"]);
    // Outside the sparse checkout, and there all the same.
    repo.write("out/deep/c.env", "x").write("out/deep/d.env", "x");
    assert_eq!(names(&walk(repo.path()).1), [".gitignore", "a.env", "in/b.env", "out/deep/c.env"]);
}

#[test]
fn a_broken_nested_repository_neither_stops_the_walk_nor_doubles_it() {
    let repo = Repo::new();
    repo.write("kept.env", "x");
    repo.commit("first");
    repo.write(".gitignore", "*.env\n").write("sub/.git/HEAD", "junk").write("sub/a", "x").write("wt/.git", "junk");
    assert_eq!(names(&walk(repo.path()).1), [".gitignore", "kept.env", "sub/a"]);
}

#[test]
fn a_linked_worktree_is_walked_with_its_own_index() {
    let repo = Repo::new();
    repo.write("a.env", "x").write("b", "x");
    repo.commit("first");
    let elsewhere = tempfile::tempdir().unwrap();
    let linked = elsewhere.path().join("linked");
    repo.git(&["worktree", "add", "-q", "-b", "other", linked.to_str().unwrap()]);
    std::fs::write(linked.join(".gitignore"), "*.env\n").unwrap();
    std::fs::write(linked.join("c.env"), "x").unwrap();
    let (_, seen) = walk(&linked);
    assert_eq!(names(&seen), [".gitignore", "a.env", "b"]);
}

#[test]
fn the_same_is_shown_whatever_the_number_of_threads() {
    let repo = Repo::new();
    for at in 0..200 {
        repo.write(&format!("d{}/e{}/f{at}", at % 7, at % 3), format!("{at}\n"));
    }
    let path = repo.path();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| walk(path))
    };
    let (one, many) = (with(1), with(6));
    assert_eq!(one.1, many.1);
    assert_eq!(one.0.coverage, many.0.coverage);
    assert_eq!(one.1.len(), 200);
}

/// git itself says what is ignored; patterns and paths are drawn from parts that collide often.
#[test]
fn ignore_patterns_mean_what_git_takes_them_to_mean() {
    let patterns = [
        "a", "/a", "a/", "!a", "!a/", "*.x", "!k.x", "/b/*", "!/b/a", "a/b", "**/b", "b/**", "a/**/k.x", "*", "!*/",
        "?.x", "[ab].x", "[!a].x", "\\!k", "#no", "\\#k", "k.x  ", "b/k.x", "!b/k.x", "/*/b", "a*b", "*/a",
    ];
    let parts = ["a", "b", "ab", "c"];
    let files = ["k.x", "a.x", "b.x", "a", "b", "!k", "#k", "axb"];
    let mut seed = 5u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for round in 0..12 {
        let repo = Repo::new();
        for _ in 0..40 {
            let mut path = String::new();
            for _ in 0..random(4) {
                path.push_str(&format!("{}/", parts[random(parts.len())]));
            }
            path.push_str(files[random(files.len())]);
            let whole = repo.join(&path);
            if std::fs::create_dir_all(whole.parent().unwrap()).is_ok() && !whole.exists() {
                std::fs::write(whole, "x").unwrap();
            }
            if random(8) == 0 {
                let _ = repo.try_git(&["add", "-f", "--", &path]);
            }
        }
        for dir in ["", "a/", "b/"] {
            let text: String = (0..1 + random(4)).map(|_| format!("{}\n", patterns[random(patterns.len())])).collect();
            if repo.join(dir).is_dir() {
                repo.write(&format!("{dir}.gitignore"), text);
            }
        }
        let listed = repo.git(&["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let mut git: Vec<String> = listed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
        git.sort();
        let (survey, seen) = walk_with(&[repo.path().to_path_buf()], &[], 100);
        if git.is_empty() {
            assert!(survey.is_err());
            continue;
        }
        let rules = repo.try_git(&["grep", "--no-index", "", "--", ":(glob)**/.gitignore"]);
        assert_eq!(names(&seen), git, "round {round}\n{}", String::from_utf8_lossy(&rules.stdout));
    }
}
