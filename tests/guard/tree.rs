//! The tree source takes no memory a file: what it allocates beyond the walk itself does not grow with the tree.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use ignore::{WalkBuilder, WalkState};
use keyward::config::PathFilter;
use keyward::model::{Blob, Clock};
use keyward::source::{Limits, tree};

use super::{allocations, texts};

/// Files in directories of ten, two levels deep, with names of many lengths.
fn grown(files: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for at in 0..files {
        let folder = dir.path().join(format!("part{}/{}", at / 100, at / 10 % 10));
        if at % 10 == 0 {
            std::fs::create_dir_all(&folder).unwrap();
        }
        let name = format!("{}{at:05}.py", "long".repeat(at % 7));
        std::fs::write(folder.join(name), texts::code(200 + at % 1800, at as u64)).unwrap();
    }
    dir
}

/// The walk alone, as the source sets it up outside a repository.
fn walk(root: &Path) -> u64 {
    let files = AtomicU64::new(0);
    WalkBuilder::new(root).standard_filters(false).threads(1).build_parallel().run(|| {
        Box::new(|entry| {
            if entry.unwrap().file_type().is_some_and(|kind| kind.is_file()) {
                files.fetch_add(1, Ordering::Relaxed);
            }
            WalkState::Continue
        })
    });
    files.into_inner()
}

fn show(root: &Path, visit: &(dyn Fn(&Blob<'_>) + Sync)) -> u64 {
    let exclude = PathFilter::default();
    let limits = Limits { max_file_size: 1 << 20, exclude: &exclude, clock: Clock::default() };
    tree(&[root.to_path_buf()], limits, visit).unwrap().coverage.blobs
}

/// Allocations beyond the walk's own, for a tree of so many files.
fn beyond(files: usize, visit: &(dyn Fn(&Blob<'_>) + Sync)) -> u64 {
    let dir = grown(files);
    let root = dir.path().canonicalize().unwrap();
    show(&root, visit);
    let (walking, walked) = allocations::during(|| walk(&root));
    let (showing, shown) = allocations::during(|| show(&root, visit));
    assert_eq!((walked, shown), (files as u64, files as u64));
    showing.saturating_sub(walking)
}

#[test]
fn the_tree_source_allocates_nothing_a_file() {
    let _alone = super::alone();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let detector = super::detector();
    let scan = |blob: &Blob<'_>| drop(detector.scan(blob));
    pool.install(|| {
        let (few, many) = (beyond(400, &|_| ()), beyond(4000, &|_| ()));
        // One a length of path, and what a source makes once.
        assert!(few < 200, "{few} for 400 files");
        assert!(many < few + 20, "{few} for 400 files, {many} for 4,000");
        let made = beyond(400, &scan);
        // What the detector does about the same files, once all is made that is made once.
        let dir = grown(400);
        detector.count_work();
        show(&dir.path().canonicalize().unwrap(), &scan);
        let work = detector.work();
        let figures = [
            ("allocations-with-the-detector", made),
            ("bytes", work.bytes),
            ("windows", work.windows),
            ("hits", work.hits),
            ("passed", work.passed),
            ("regexes", work.regexes),
            ("seen", work.seen),
        ];
        super::hold("tree", &figures.map(|(name, number)| (name.to_owned(), number)));
    });
}
