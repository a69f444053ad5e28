//! `keyward hook NAME`: what the installed hooks, and `pre-commit`, call. Quiet unless something is wrong.

use std::io::{BufRead, Read};
use std::mem::ManuallyDrop;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::Talk;
use super::args::{FilterArgs, OutputArgs};
use super::govern::PolicyArgs;
use super::scan::{Job, Kind, Looks, finish, perform};
use super::setup::{Layer, Setup};
use crate::git::Repo;
use crate::model::{Clock, Confidence, ObjectId};
use crate::scan::Source;
use crate::source::Range;

/// What git hooks call.
#[derive(Debug, Args)]
pub(crate) struct Hook {
    #[command(subcommand)]
    name: Name,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum Name {
    /// Scan what is about to be committed; files that are not staged are scanned whole
    PreCommit {
        /// Files handed in by `pre-commit`
        files: Vec<PathBuf>,
    },
    /// Scan what a merge is about to commit
    PreMergeCommit,
    /// Scan a commit message
    CommitMsg {
        /// The file that holds the message
        file: PathBuf,
    },
    /// Scan the commits that are about to be pushed; git writes them to standard input
    PrePush {
        /// The remote's name and address, as git gives them
        remote: Vec<String>,
    },
}

impl Hook {
    /// True when an interrupted run may leave half a report behind.
    pub(crate) fn writes_files(&self) -> bool {
        !self.output.output.is_empty()
    }
}

/// Scans what the hook is about; its exit code.
pub(crate) fn run(args: &Hook, talk: Talk) -> anyhow::Result<u8> {
    let repo = Repo::from_env(std::path::Path::new("."))?;
    let scan = Scan { args, talk, repo: &repo };
    match &args.name {
        Name::PreCommit { files } => scan.staged(files.clone()),
        Name::PreMergeCommit => scan.staged(Vec::new()),
        Name::CommitMsg { file } => {
            let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
            let edited = std::env::var_os("GIT_EDITOR").is_none_or(|editor| editor != ":");
            let message = spoken(&bytes, edited).to_vec();
            let setup = ManuallyDrop::new(scan.setup(&Layer::Index, &Layer::Nowhere)?);
            scan.scan(&setup, Source::Message(message), "commit message")
        }
        Name::PrePush { remote } => scan.push(remote.first().map_or("", String::as_str), &mut std::io::stdin().lock()),
    }
}

/// So many bytes of what git tells a pre-push hook are read: some hundred thousand refs.
const MOST_PUSHED: u64 = 64 << 20;

struct Scan<'a> {
    args: &'a Hook,
    talk: Talk,
    repo: &'a Repo,
}

impl Scan<'_> {
    fn setup(&self, layer: &Layer, before: &Layer) -> anyhow::Result<Setup> {
        // Policies are loaded only where the configuration names some.
        let filter = FilterArgs { govern: Some(PolicyArgs::default()), ..self.args.filter.clone() };
        Setup::new(&filter, Some(self.repo), layer, before, Confidence::High)
    }

    fn scan(&self, setup: &Setup, source: Source<'_>, name: &'static str) -> anyhow::Result<u8> {
        let kind = Kind { name, whole: false };
        let job = Job {
            setup,
            source,
            kind,
            looks: Looks { secrets: true, governance: true },
            output: &self.args.output,
            talk: self.talk,
            calm: true,
            clock: Clock::default(),
        };
        let outcome = perform(&job)?;
        finish(&job, &outcome)
    }

    fn staged(&self, files: Vec<PathBuf>) -> anyhow::Result<u8> {
        // The process ends after this: a commit need not wait until every rule has been freed.
        let setup = ManuallyDrop::new(self.setup(&Layer::Index, &Layer::Commit("HEAD".into()))?);
        let name = if files.is_empty() { "staged changes" } else { "staged changes and given files" };
        self.scan(&setup, Source::Staged(self.repo, files), name)
    }

    /// One range a pushed ref: what the remote is not known to have.
    fn push(&self, remote: &str, lines: &mut dyn BufRead) -> anyhow::Result<u8> {
        let mut code = 0;
        let mut text = String::new();
        let read = lines.take(MOST_PUSHED).read_to_string(&mut text).context("standard input")?;
        anyhow::ensure!((read as u64) < MOST_PUSHED, "more refs are pushed at once than keyward reads: push fewer");
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [_, local, _, theirs] = words.as_slice() else {
                anyhow::bail!("'{line}' is not what git tells a pre-push hook: LOCAL-REF ID REMOTE-REF ID");
            };
            if ObjectId::from_hex(local).is_some_and(|id| id.is_zero()) {
                continue; // a branch is being deleted
            }
            let range = Range::pushed(theirs, local, remote);
            // A tag may name a file or a tree, which has no configuration of its own.
            let own = if self.repo.resolve(local).is_ok() { *local } else { "HEAD" };
            let setup = self.setup(&Layer::Commit(own.to_owned()), &Layer::Nowhere)?;
            code = code.max(self.scan(&setup, Source::Range(self.repo, range), "commits to push")?);
        }
        Ok(code)
    }
}

/// The message without the diff that `commit -v` shows below the scissors; git says `GIT_EDITOR=:` where no editor ran,
/// and then there is none. Comment lines stay: whether git cuts them off is up to `--cleanup`, which no hook is told.
fn spoken(message: &[u8], edited: bool) -> &[u8] {
    let mut end = 0;
    let mut lines = message.split_inclusive(|b| *b == b'\n').peekable();
    while let Some(line) = lines.next() {
        if edited && is_scissors(line, lines.peek().copied()) {
            break;
        }
        end += line.len();
    }
    message.get(..end).unwrap_or(message)
}

/// Whether git itself wrote this line: behind any comment character (`git -c core.commentChar=X` reaches no
/// configuration file), and with its own comment below.
fn is_scissors(line: &[u8], next: Option<&[u8]>) -> bool {
    const SCISSORS: &[u8] = b" ------------------------ >8 ------------------------";
    let comment = line.trim_ascii_end().strip_suffix(SCISSORS);
    let Some(comment) = comment.filter(|c| !c.is_empty() && !c.contains(&b' ')) else {
        return false;
    };
    next.and_then(|next| next.strip_prefix(comment)).is_some_and(|rest| rest.starts_with(b" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_diff_below_gits_scissors_is_no_part_of_a_message() {
        let cut =
            |c: &str| format!("{c} ------------------------ >8 ------------------------\n{c} Do not modify\n-old\n");
        let message = format!("subject\n# a comment\nbody\n{}", cut("#"));
        assert_eq!(spoken(message.as_bytes(), true), b"subject\n# a comment\nbody\n");
        assert_eq!(spoken(format!("x\n#y\n{}", cut("//")).as_bytes(), true), b"x\n#y\n", "any comment character");
        let lone = &cut("#").replace("# Do", "Do");
        assert_eq!(spoken(lone.as_bytes(), true), lone.as_bytes(), "no scissors of git's");
        assert_eq!(spoken(message.as_bytes(), false), message.as_bytes(), "no editor ran");
    }
}
