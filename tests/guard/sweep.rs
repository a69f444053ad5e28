//! What a history's sweep looks at: of each version what changed, not all of it.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Stdio};

use keyward::config::PathFilter;
use keyward::detect::{Detector, Evidence};
use keyward::git::Repo;
use keyward::model::{Blob, Clock, Copied, ObjectId};
use keyward::source::{HistoryOptions, Limits, Witness, history};

use super::{allocations, texts};

/// Runs git with nothing of the user's, and `input`.
pub fn git(dir: &Path, args: &[&str], input: &[u8]) {
    let mut command = Command::new("git");
    command.current_dir(dir).args(args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
        command.env_remove(name);
    }
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
    assert!(child.wait().unwrap().success(), "git {args:?}");
}

/// 300 versions of a file of 60 KB, of which each differs from the last by a line or two, packed with deep chains.
fn grown() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "-b", "main"], b"");
    let text = String::from_utf8(texts::code(60_000, 7)).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut stream = Vec::new();
    for version in 0..300_usize {
        let at = version * 7919 % lines.len();
        lines[at] = format!("changed = {version}");
        if version % 3 == 0 {
            lines.insert(version * 104_729 % lines.len(), format!("added({version})"));
        }
        let bytes = lines.join("\n");
        let who = format!("A <a@example.com> {} +0000", 1_700_000_000 + version);
        stream.extend(format!("commit refs/heads/main\ncommitter {who}\ndata 1\nx\nM 644 inline file\n").into_bytes());
        stream.extend(format!("data {}\n{bytes}\n", bytes.len()).into_bytes());
    }
    git(dir.path(), &["fast-import", "--quiet"], &stream);
    git(dir.path(), &["-c", "pack.threads=1", "repack", "-q", "-a", "-d", "-f", "--depth=50", "--window=10"], b"");
    dir
}

struct Eye<'a>(&'a Detector);

impl Witness for Eye<'_> {
    type Evidence = Evidence;

    fn show(&self, blob: &Blob<'_>, base: Option<(&Evidence, &[Copied])>, wanted: bool) -> Option<Evidence> {
        self.0.trace(blob, base, wanted).1
    }

    fn told(&self) -> HashSet<ObjectId> {
        HashSet::new()
    }
}

#[test]
fn a_sweep_looks_at_no_more_than_it_did() {
    let _alone = super::alone();
    let dir = grown();
    let detector = super::detector();
    let exclude = PathFilter::default();
    let limits = Limits { max_file_size: 1 << 20, exclude: &exclude, clock: Clock::default() };
    let sweep = |repo: &Repo| history(repo, HistoryOptions::default(), limits, &Eye(&detector), None).unwrap().unwrap();
    // On one thread: how many there are, and who takes what, decides how many buffers are made.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let (made, shown) = pool.install(|| {
        let repo = Repo::discover(dir.path()).unwrap().unwrap();
        // Regexes are compiled by the first.
        sweep(&repo);
        detector.count_work();
        allocations::during(|| sweep(&repo))
    });
    let (work, all) = (detector.work(), shown.survey.coverage.bytes);
    assert_eq!(shown.survey.coverage.blobs, 600);
    assert!(work.bytes * 20 < all, "{} of {all} bytes", work.bytes);
    let figures = [
        ("allocations", made),
        ("bytes", work.bytes),
        ("windows", work.windows),
        ("hits", work.hits),
        ("passed", work.passed),
        ("regexes", work.regexes),
    ];
    super::hold("sweep", &figures.map(|(name, number)| (name.to_owned(), number)));
}
