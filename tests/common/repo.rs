//! A scratch repository driven by git itself, which is also the oracle. Ids are stable: dates, names and
//! configuration are frozen.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A repository in a temporary directory; gone when dropped.
pub struct Repo {
    dir: tempfile::TempDir,
    clock: std::cell::Cell<u64>,
}

impl Repo {
    /// An empty repository whose default branch is `main`.
    pub fn new() -> Self {
        let repo = Self { dir: tempfile::tempdir().unwrap(), clock: std::cell::Cell::new(1_700_000_000) };
        repo.git(&["init", "-q", "-b", "main"]);
        repo
    }

    /// The working tree's root.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A path in the working tree.
    pub fn join(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Writes a file, making its directories.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// Runs git; fails the test when git fails. Returns its trimmed output.
    pub fn git(&self, args: &[&str]) -> String {
        let out = self.try_git(args);
        assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim_end().to_owned()
    }

    /// Runs git and returns whatever came of it.
    pub fn try_git(&self, args: &[&str]) -> Output {
        frozen(Command::new("git"), self.clock.get()).current_dir(self.path()).args(args).output().unwrap()
    }

    /// Stages everything and commits it, one minute after the last commit. Returns the commit's id.
    pub fn commit(&self, message: &str) -> String {
        self.clock.set(self.clock.get() + 60);
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "--no-verify", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// keyward run in this repository.
    pub fn keyward(&self, args: &[&str]) -> Output {
        frozen(super::keyward(), self.clock.get()).current_dir(self.path()).args(args).output().unwrap()
    }
}

/// A command whose git sees no configuration but the repository's, and a fixed time and author.
pub fn frozen(mut command: Command, now: u64) -> Command {
    let date = format!("{now} +0100");
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("HOME", "/nonexistent")
        .env("GIT_AUTHOR_NAME", "Ada Author")
        .env("GIT_AUTHOR_EMAIL", "ada@example.com")
        .env("GIT_AUTHOR_DATE", &date)
        .env("GIT_COMMITTER_NAME", "Carl Committer")
        .env("GIT_COMMITTER_EMAIL", "carl@example.com")
        .env("GIT_COMMITTER_DATE", &date);
    command
}
