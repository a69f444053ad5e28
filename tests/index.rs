//! Tests of: the reader of git's index, against git itself and against libgit2.

use std::path::Path;

use keyward::git::{Delta, IndexFile, Kind, Repo as Git};
use keyward::model::ObjectId;
use proptest::prelude::*;

use crate::common::repo::Repo;

/// An entry: path, mode, id, stage, and whether it is only announced, not checked out, assumed to be unchanged.
type Told = (Vec<u8>, u32, String, u8, [bool; 3]);

fn read(repo: &Repo) -> IndexFile {
    let git_dir = repo.join(".git");
    let index = IndexFile::read(&git_dir.join("index"), &git_dir).unwrap();
    index.check().unwrap();
    index
}

fn ours(index: &IndexFile) -> Vec<Told> {
    let tell = |entry: keyward::git::IndexEntry<'_>| {
        let flags = [entry.intent_to_add, entry.skip_worktree, entry.assume_valid];
        (entry.path.to_vec(), entry.mode, entry.object().to_string(), entry.stage, flags)
    };
    index.entries().map(tell).collect()
}

/// What git lists: "MODE ID STAGE\tPATH\0", then lines of which the last tells the flags.
fn gits(repo: &Repo) -> Vec<Told> {
    // git would list a sparse index even where the one on disk is not, as one that is also split cannot be.
    let sparse = if has(repo, b"sdir") { "index.sparse=true" } else { "index.sparse=false" };
    let out = repo.try_git(&["-c", sparse, "ls-files", "--stage", "--debug", "--sparse", "-z"]).stdout;
    let mut told = Vec::new();
    let mut rest = out.as_slice();
    while !rest.is_empty() {
        let nul = rest.iter().position(|b| *b == 0).unwrap();
        let (entry, after) = rest.split_at(nul);
        let tab = entry.iter().position(|b| *b == b'\t').unwrap();
        let words: Vec<String> = String::from_utf8_lossy(&entry[..tab]).split(' ').map(str::to_owned).collect();
        let at = after.windows(7).position(|window| window == b"flags: ").unwrap() + 7;
        let line = after[at..].split(|b| *b == b'\n').next().unwrap();
        let flags = u32::from_str_radix(std::str::from_utf8(line).unwrap(), 16).unwrap();
        let flags = [flags & 1 << 29 != 0, flags & 1 << 30 != 0, flags & 1 << 15 != 0];
        let mode = u32::from_str_radix(&words[0], 8).unwrap();
        told.push((entry[tab + 1..].to_vec(), mode, words[1].clone(), words[2].parse().unwrap(), flags));
        rest = &after[at + line.len() + 1..];
    }
    told
}

/// What libgit2 reads; none where it cannot.
fn libgit2s(repo: &Repo) -> Option<Vec<Told>> {
    let index = git2::Repository::open(repo.path()).unwrap().index().ok()?;
    let tell = |entry: git2::IndexEntry| {
        let more = entry.flags_extended;
        let flags = [more & 1 << 13 != 0, more & 1 << 14 != 0, entry.flags & 1 << 15 != 0];
        (entry.path, entry.mode, entry.id.to_string(), (entry.flags >> 12 & 3) as u8, flags)
    };
    Some(index.iter().map(tell).collect())
}

/// A path that differs: what it was and what it is.
type Change = (Vec<u8>, Option<(Kind, String)>, Option<(Kind, String)>);

fn changes(deltas: Vec<Delta>) -> Vec<Change> {
    let side = |side: Option<keyward::git::Side>| side.map(|side| (side.kind, side.id.to_string()));
    let tell = |delta: Delta| (delta.path.as_bytes().to_vec(), side(delta.old), side(delta.new));
    deltas.into_iter().map(tell).collect()
}

fn our_changes(git: &Git) -> Vec<Change> {
    changes(git.staged_changes(git.head().unwrap()).unwrap())
}

/// The same in git's words: ":MODE MODE ID ID STATUS\0PATH\0".
fn git_changes(repo: &Repo, args: &[&str]) -> Vec<Change> {
    let out = repo.try_git(&[&[args[0], "--raw", "-z", "--no-renames", "--no-abbrev"], &args[1..]].concat()).stdout;
    let mut parts = out.split(|b| *b == 0);
    let mut changes: Vec<Change> = Vec::new();
    while let (Some(told), Some(path)) = (parts.next(), parts.next()) {
        let told = String::from_utf8_lossy(told).into_owned();
        let words: Vec<&str> = told.trim_start_matches(':').split(' ').collect();
        let kind = |mode: &str| match mode {
            "000000" => None,
            "120000" => Some(Kind::Link),
            "160000" => Some(Kind::Submodule),
            _ => Some(Kind::File),
        };
        let side = |mode: &str, id: &str| kind(mode).map(|kind| (kind, id.to_owned()));
        if words[4] != "U" {
            changes.push((path.to_vec(), side(words[0], words[2]), side(words[1], words[3])));
        }
    }
    changes.sort_by(|a, b| a.0.cmp(&b.0));
    changes
}

/// Holds the reader against git, against libgit2 where that can read, and every path against its own lookup.
fn check(repo: &Repo) {
    let index = read(repo);
    let told = ours(&index);
    assert_eq!(told, gits(repo));
    if let Some(theirs) = libgit2s(repo) {
        assert_eq!(told, theirs);
    }
    for entry in &told {
        let found = index.find(&entry.0).map(|entry| entry.object().to_string());
        assert_eq!(found, (entry.3 == 0).then(|| entry.2.clone()), "{}", entry.0.escape_ascii());
    }
    assert_eq!(index.has_unmerged(), told.iter().any(|entry| entry.3 > 0));
    let git = Git::discover(repo.path()).unwrap().unwrap();
    let unmerged: Vec<&Vec<u8>> = told.iter().filter(|entry| entry.3 > 0).map(|entry| &entry.0).collect();
    let mut expected = match git.head().unwrap() {
        Some(_) => git_changes(repo, &["diff-index", "--cached", "--ita-invisible-in-index", "HEAD"]),
        None => git_changes(
            repo,
            &[
                "diff-index",
                "--cached",
                "--ita-invisible-in-index",
                &repo.git(&["hash-object", "-wt", "tree", "/dev/null"]),
            ],
        ),
    };
    expected.retain(|change| !unmerged.contains(&&change.0));
    assert_eq!(our_changes(&git), expected);
    if let Some(head) = git.head().unwrap() {
        let parent = git.parents(head).unwrap().first().copied();
        let args = if parent.is_some() { &["HEAD^", "HEAD"][..] } else { &["--root", "--no-commit-id", "HEAD"] };
        let expected = git_changes(repo, &[&["diff-tree", "-r"], args].concat());
        assert_eq!(changes(git.changes(parent, head).unwrap()), expected);
    }
}

#[derive(Clone, Debug)]
enum Edit {
    Write(u8, u8),
    Remove(u8),
    Announce(u8),
    Link(u8),
    Module(u8),
    Executable(u8),
    Unmerge(u8),
    AssumeUnchanged(u8),
    SkipWorktree(u8),
    Commit,
    ReadTree,
    Version(u8),
    Split(bool),
    Sparse(bool),
    SkipHash(bool),
    Forget,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        8 => (any::<u8>(), any::<u8>()).prop_map(|(path, text)| Edit::Write(path, text)),
        3 => any::<u8>().prop_map(Edit::Remove),
        1 => any::<u8>().prop_map(Edit::Announce),
        1 => any::<u8>().prop_map(Edit::Link),
        1 => any::<u8>().prop_map(Edit::Module),
        1 => any::<u8>().prop_map(Edit::Executable),
        1 => any::<u8>().prop_map(Edit::Unmerge),
        1 => any::<u8>().prop_map(Edit::AssumeUnchanged),
        1 => any::<u8>().prop_map(Edit::SkipWorktree),
        4 => Just(Edit::Commit),
        1 => Just(Edit::ReadTree),
        3 => (2u8..=4).prop_map(Edit::Version),
        3 => any::<bool>().prop_map(Edit::Split),
        2 => any::<bool>().prop_map(Edit::Sparse),
        1 => any::<bool>().prop_map(Edit::SkipHash),
        1 => Just(Edit::Forget),
    ]
}

/// Names that share beginnings, sort on both sides of `/`, and hold what must be quoted.
fn path(of: u8) -> String {
    const DIRS: [&str; 8] = ["", "a/", "a/b/", "a/b/c/", "a-b/", "a.b/", "k/\u{e9} \t/", "long/"];
    const NAMES: [&str; 6] = ["a", "b", "a.b", "file with spaces", "\u{e9}\"\\", "z"];
    format!("{}{}", DIRS[usize::from(of) % 8], NAMES[usize::from(of) / 8 % 6])
}

/// Whether the index has an extension of this name.
fn has(repo: &Repo, name: &[u8]) -> bool {
    std::fs::read(repo.join(".git/index")).is_ok_and(|bytes| bytes.windows(4).any(|four| four == name))
}

/// Does one edit, as far as git lets us: a path may be a directory, an index may be split or sparse but not both.
fn apply(repo: &Repo, edit: &Edit) {
    let info = |lines: String| {
        use std::io::Write as _;
        let mut git = crate::common::repo::frozen(std::process::Command::new("git"), 0);
        git.args(["update-index", "-z", "--index-info"]).current_dir(repo.path());
        let mut git = git.stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
        git.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        git.wait().unwrap();
    };
    let blob = |text: String| {
        repo.write("text", text);
        let id = repo.git(&["hash-object", "-w", "text"]);
        std::fs::remove_file(repo.join("text")).unwrap();
        id
    };
    let entry = |mode: &str, id: &str, stage: u8, at: u8| format!("{mode} {id} {stage}\t{}\0", path(at));
    match *edit {
        Edit::Write(at, text) => info(entry("100644", &blob(format!("{}\n", text % 16)), 0, at)),
        Edit::Remove(at) => info(entry("0", &"0".repeat(40), 0, at)),
        Edit::Announce(_) if repo.join(".git/info/sparse-checkout").exists() => {}
        Edit::Announce(at) => {
            let file = repo.join(&path(at));
            let made = std::fs::create_dir_all(file.parent().unwrap()).is_ok() && std::fs::write(&file, "x").is_ok();
            repo.try_git(&["add", "--sparse", "-N", &path(at)]);
            if made {
                std::fs::remove_file(&file).unwrap();
                // git spreads a sparse directory out in memory where the working tree has it.
                let dirs = file.ancestors().skip(1).take_while(|dir| *dir != repo.path());
                dirs.for_each(|dir| _ = std::fs::remove_dir(dir));
            }
        }
        Edit::Link(at) => info(entry("120000", &blob("a/target".into()), 0, at)),
        Edit::Module(at) => info(entry("160000", &"5".repeat(40), 0, at)),
        Edit::Executable(at) => _ = repo.try_git(&["update-index", "--chmod=+x", &path(at)]),
        Edit::Unmerge(at) => {
            let id = blob("unmerged\n".into());
            let gone = entry("0", &"0".repeat(40), 0, at);
            info(format!("{gone}{}{}", entry("100644", &id, 1, at), entry("100644", &id, 3, at)));
        }
        Edit::AssumeUnchanged(at) => _ = repo.try_git(&["update-index", "--assume-unchanged", &path(at)]),
        Edit::SkipWorktree(at) => _ = repo.try_git(&["update-index", "--skip-worktree", &path(at)]),
        Edit::Commit => {
            // As `git commit` does, but for the working tree, which is empty: this writes the cache-tree.
            if let Some(tree) = Some(repo.try_git(&["write-tree"])).filter(|out| out.status.success()) {
                let tree = String::from_utf8_lossy(&tree.stdout).trim().to_owned();
                let parent = repo.try_git(&["rev-parse", "-q", "--verify", "HEAD"]).stdout;
                let parent = String::from_utf8_lossy(&parent).trim().to_owned();
                let parents: Vec<&str> = if parent.is_empty() { vec![] } else { vec!["-p", &parent] };
                let commit = repo.git(&[&["commit-tree", &tree, "-m", "x"], parents.as_slice()].concat());
                repo.git(&["update-ref", "HEAD", &commit]);
            }
        }
        Edit::ReadTree => _ = repo.try_git(&["read-tree", "HEAD"]),
        Edit::Version(version) => _ = repo.try_git(&["update-index", "--index-version", &version.to_string()]),
        Edit::Split(split) => {
            // git 2.47 itself loses the shared index when it may not write checksums.
            repo.git(&["config", "index.skipHash", "false"]);
            repo.try_git(&["update-index", "--force-write-index"]);
            repo.try_git(&["update-index", if split { "--split-index" } else { "--no-split-index" }]);
        }
        // git 2.47 itself writes a broken sparse index where something is only announced.
        Edit::Sparse(true) if ours(&read(repo)).iter().any(|entry| entry.4[0]) => {}
        Edit::Sparse(true) => {
            repo.try_git(&["sparse-checkout", "set", "--cone", "--sparse-index", "a/b", "k"]);
        }
        Edit::Sparse(false) => _ = repo.try_git(&["sparse-checkout", "disable"]),
        Edit::SkipHash(_) if has(repo, b"link") => {}
        Edit::SkipHash(skip) => _ = repo.git(&["config", "index.skipHash", if skip { "true" } else { "false" }]),
        // Everything is written anew from a list: no cache-tree.
        Edit::Forget => {
            let all = repo.try_git(&["ls-files", "--stage", "-z"]).stdout;
            repo.try_git(&["read-tree", "--empty"]);
            info(String::from_utf8(all).unwrap());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24, rng_seed: proptest::test_runner::RngSeed::Fixed(11), failure_persistence: None,
        max_shrink_iters: 60, ..ProptestConfig::default()
    })]
    #[test]
    fn whatever_is_done_to_an_index_it_is_read_as_git_reads_it(edits in proptest::collection::vec(edit(), 1..24)) {
        let repo = Repo::new();
        // More changes than this would have git write the shared index anew.
        repo.git(&["config", "splitIndex.maxPercentChange", "100"]);
        for edit in &edits {
            apply(&repo, edit);
        }
        check(&repo);
    }
}

#[test]
fn each_format_is_read_and_none_is_missed() {
    let repo = Repo::new();
    for at in 0..48 {
        apply(&repo, &Edit::Write(at, at));
    }
    apply(&repo, &Edit::Commit);
    let has = |name: &[u8]| has(&repo, name);
    for version in [2, 4] {
        apply(&repo, &Edit::Version(version));
        assert_eq!(std::fs::read(repo.join(".git/index")).unwrap()[7], version);
        check(&repo);
    }
    apply(&repo, &Edit::SkipWorktree(4));
    apply(&repo, &Edit::Version(2));
    assert_eq!(std::fs::read(repo.join(".git/index")).unwrap()[7], 3, "extended flags need version 3");
    check(&repo);
    assert!(has(b"TREE"));
    // What git writes for its own speed.
    repo.git(&["config", "index.threads", "2"]);
    repo.git(&["config", "core.untrackedCache", "true"]);
    apply(&repo, &Edit::Write(1, 99));
    repo.git(&["update-index", "--untracked-cache"]);
    repo.git(&["update-index", "--force-write-index"]);
    assert!(has(b"UNTR") && has(b"EOIE"));
    check(&repo);
    apply(&repo, &Edit::Unmerge(2));
    apply(&repo, &Edit::Write(2, 1));
    assert!(has(b"REUC"));
    check(&repo);
    repo.git(&["config", "core.fsmonitor", "true-but-not-there"]);
    repo.git(&["update-index", "--fsmonitor"]);
    assert!(has(b"FSMN"));
    check(&repo);
    repo.git(&["config", "--unset", "core.fsmonitor"]);
    apply(&repo, &Edit::Commit);
    apply(&repo, &Edit::Split(true));
    for at in [0, 9, 17] {
        apply(&repo, &Edit::Write(at, 200));
        apply(&repo, &Edit::Remove(at + 1));
    }
    apply(&repo, &Edit::Unmerge(11));
    assert!(has(b"link"));
    check(&repo);
    apply(&repo, &Edit::Write(11, 1));
    apply(&repo, &Edit::Split(false));
    apply(&repo, &Edit::Commit);
    apply(&repo, &Edit::Sparse(true));
    assert!(has(b"sdir"));
    apply(&repo, &Edit::Write(3, 77));
    check(&repo);
}

#[test]
fn names_longer_than_the_length_field_are_read() {
    let repo = Repo::new();
    repo.write("a", "x");
    repo.git(&["add", "a"]);
    let id = repo.git(&["rev-parse", ":a"]);
    for length in [4093, 4094, 4095, 4096, 5000] {
        let name = format!("d/{}", "n".repeat(length - 2));
        repo.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{id},{name}")]);
    }
    for version in ["2", "4"] {
        repo.git(&["update-index", "--index-version", version]);
        check(&repo);
    }
}

#[test]
fn an_index_that_is_not_there_is_empty() {
    let repo = Repo::new();
    assert!(read(&repo).is_empty());
    check(&repo);
    assert!(IndexFile::read(repo.path(), repo.path()).unwrap_err().to_string().contains("not a file"));
}

#[test]
fn a_cache_tree_that_covers_other_entries_is_not_believed() {
    let repo = Repo::new();
    repo.write("a/x", "1\n").write("a/y", "1\n").write("b/z", "1\n");
    repo.commit("first");
    repo.write("b/z", "2\n");
    repo.git(&["add", "b/z"]);
    let path = repo.join(".git/index");
    let bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(8).position(|window| window == b"a\x002 0\n".as_slice() || &window[..6] == b"a\x002 0\n");
    let at = at.expect("the cache-tree knows the directory") + 2;
    for count in *b"0139" {
        let mut wrong = bytes.clone();
        wrong[at] = count;
        let end = wrong.len() - 20;
        wrong[end..].fill(0);
        std::fs::write(&path, wrong).unwrap();
        let git = Git::discover(repo.path()).unwrap().unwrap();
        let paths: Vec<Vec<u8>> = our_changes(&git).into_iter().map(|change| change.0).collect();
        assert_eq!(paths, [b"b/z"], "count {}", char::from(count));
    }
}

/// An index of each make: its name, its bytes and those of the index it shares.
fn makes() -> Vec<(Repo, &'static str, Vec<u8>)> {
    ["2", "4", "split", "sparse"]
        .into_iter()
        .map(|make| {
            let repo = Repo::new();
            for at in 0..20 {
                apply(&repo, &Edit::Write(at, at));
            }
            apply(&repo, &Edit::Commit);
            match make {
                "split" => apply(&repo, &Edit::Split(true)),
                "sparse" => apply(&repo, &Edit::Sparse(true)),
                version => apply(&repo, &Edit::Version(version.parse().unwrap())),
            }
            apply(&repo, &Edit::Write(3, 200));
            apply(&repo, &Edit::Remove(2));
            apply(&repo, &Edit::Write(90, 1));
            let bytes = std::fs::read(repo.join(".git/index")).unwrap();
            (repo, make, bytes)
        })
        .collect()
}

/// Reads what lies there, to the last entry and with all that differs from HEAD. The answer, unless it is refused.
fn answer(repo: &Repo) -> Option<(Vec<Told>, Vec<Change>)> {
    let git = Git::discover(repo.path()).unwrap().unwrap();
    let index = git.index().ok()?;
    let told = ours(index);
    told.iter().for_each(|entry| _ = (index.find(&entry.0), index.sparse_above(&entry.0)));
    let wanted = told.iter().filter_map(|entry| ObjectId::from_hex(&entry.2)).take(3).collect();
    assert!(index.holding(&wanted).count() <= told.len());
    let changes = git.staged_changes(git.head().unwrap()).ok()?;
    assert!(changes.len() <= told.len() + 1000);
    let changes = our_changes(&git);
    index.check().ok()?;
    Some((told, changes))
}

#[test]
fn a_damaged_index_is_refused_or_changes_nothing() {
    for (repo, make, good) in makes() {
        let right = answer(&repo).unwrap();
        let mut files = vec![repo.join(".git/index")];
        let shared =
            |entry: std::fs::DirEntry| entry.path().to_string_lossy().contains("sharedindex").then(|| entry.path());
        files.extend(std::fs::read_dir(repo.join(".git")).unwrap().filter_map(|entry| shared(entry.unwrap())));
        assert_eq!(files.len(), if make == "split" { 2 } else { 1 });
        for file in &files {
            let whole = std::fs::read(file).unwrap();
            for at in 0..whole.len() {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << (at % 8);
                write(file, &flipped);
                let got = answer(&repo);
                assert!(got.is_none() || got.as_ref() == Some(&right), "{make}: byte {at} flipped");
                // The same without a checksum: nobody can tell, and still nothing breaks.
                let end = flipped.len() - 20;
                if at < end {
                    flipped[end..].fill(0);
                    write(file, &flipped);
                    answer(&repo);
                }
            }
            for end in 0..whole.len() {
                write(file, &whole[..end]);
                let empty = end == 0 && *file == files[0];
                assert!(answer(&repo).is_none() || empty, "{make}: cut at {end}");
            }
            write(file, &whole);
        }
        assert_eq!(std::fs::read(&files[0]).unwrap(), good);
        assert_eq!(answer(&repo), Some(right));
    }
}

fn write(file: &Path, bytes: &[u8]) {
    // git leaves shared indexes read-only.
    let _ = std::fs::remove_file(file);
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn an_index_that_claims_to_be_huge_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("index");
    let refused = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        IndexFile::read(&file, dir.path()).unwrap_err().to_string()
    };
    let header = |version: u32, count: u32| [*b"DIRC", version.to_be_bytes(), count.to_be_bytes()].concat();
    assert!(refused(&[header(2, u32::MAX), vec![0; 2000]].concat()).contains("too short for its entries"));
    // In version 4 each entry may repeat the whole name before it.
    let entry = |suffix: &[u8]| {
        let mut stat = vec![0; 62];
        stat[24..28].copy_from_slice(&0o100_644u32.to_be_bytes());
        stat[60..].copy_from_slice(&0xfffu16.to_be_bytes());
        [&stat, b"\0".as_slice(), suffix, b"\0"].concat()
    };
    let mut bomb = header(4, 40_001);
    bomb.extend(entry(&b"n".repeat(1 << 20)));
    (0..40_000).for_each(|_| bomb.extend(entry(b"n")));
    bomb.extend([0; 20]);
    assert!(refused(&bomb).contains("--index-version 2"), "{}", refused(&bomb));
}
