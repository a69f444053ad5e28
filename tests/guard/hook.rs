//! What a hook does about one staged line among many files: it reads the index, one old and one new version, no more.

use std::fmt::Write as _;

use keyward::config::PathFilter;
use keyward::detect::Detector;
use keyward::git::Repo;
use keyward::model::Clock;
use keyward::source::{Limits, staged};

use super::sweep::git;
use super::{allocations, texts};

/// So many files in directories of forty, committed; in one directory a line more and the loss of a file are staged. There
/// is no working tree: what git knows of files' times would be another in each run.
fn grown(files: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut stream = String::new();
    let commit = "committer A <a@example.com> 1700000000 +0000\ndata 1\nx\n";
    _ = write!(stream, "commit refs/heads/main\n{commit}");
    for at in 0..files {
        let text = format!("value = {at}\n");
        _ = write!(stream, "M 644 inline part{}/file{at}.py\ndata {}\n{text}\n", at / 40, text.len());
    }
    let text = String::from_utf8(texts::code(20_000, 3)).unwrap();
    for (line, commit) in [("", String::new()), ("one = more\n", format!("commit refs/heads/next\n{commit}"))] {
        let from = if commit.is_empty() { "" } else { "from refs/heads/main\n" };
        let text = format!("{text}{line}");
        _ = write!(stream, "{commit}{from}M 644 inline part0/long.py\ndata {}\n{text}\n", text.len());
    }
    git(dir.path(), &["init", "-q", "-b", "main"], b"");
    git(dir.path(), &["fast-import", "--quiet"], stream.as_bytes());
    git(dir.path(), &["read-tree", "next"], b"");
    git(dir.path(), &["update-index", "--force-remove", "part0/file1.py"], b"");
    dir
}

/// Bytes filtered, places passed on, regexes run, allocations made.
fn figures(detector: &Detector, dir: &std::path::Path) -> [(&'static str, u64); 6] {
    let exclude = PathFilter::default();
    let limits = Limits { max_file_size: 1 << 20, exclude: &exclude, clock: Clock::default() };
    let before = detector.work();
    let (made, survey) = allocations::during(|| {
        let repo = Repo::discover(dir).unwrap().unwrap();
        staged(&repo, limits, &|blob| drop(detector.scan(blob))).unwrap()
    });
    let work = detector.work();
    assert_eq!((survey.coverage.blobs, survey.problems.len()), (1, 0));
    [
        ("allocations", made),
        ("bytes", work.bytes - before.bytes),
        ("windows", work.windows - before.windows),
        ("hits", work.hits - before.hits),
        ("passed", work.passed - before.passed),
        ("regexes", work.regexes - before.regexes),
    ]
}

#[test]
fn a_hook_does_no_more_for_a_larger_repository() {
    let _alone = super::alone();
    let detector = super::detector();
    detector.count_work();
    let (small, large) = (grown(240), grown(2400));
    // Regexes are compiled and scratch memory is made by the first.
    for dir in [&small, &large] {
        figures(&detector, dir.path());
    }
    let (few, many) = (figures(&detector, small.path()), figures(&detector, large.path()));
    assert_eq!(few[1..], many[1..], "the detector sees one file in both");
    // A directory more has a place in the tree at the root: lists grow, by doubling.
    assert!(many[0].1 < few[0].1 + 40, "{} for 240 files, {} for 2,400", few[0].1, many[0].1);
    super::hold("hook", &many.map(|(name, number)| (name.to_owned(), number)));
}
