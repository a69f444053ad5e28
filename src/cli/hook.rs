//! `keyward hook NAME`: what the installed hooks, and `pre-commit`, call. Quiet unless something is wrong.

use std::io::{BufRead, Read};
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::Talk;
use super::args::{FilterArgs, OutputArgs};
use super::scan::{Job, Kind, finish, perform};
use super::setup::{Layer, Setup};
use crate::git::Repo;
use crate::model::{Confidence, ObjectId};
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

/// Scans what the hook is about; its exit code.
pub(crate) fn run(args: &Hook, talk: Talk) -> anyhow::Result<u8> {
    let repo = Repo::from_env(std::path::Path::new("."))?;
    let scan = Scan { args, talk, repo: &repo };
    match &args.name {
        Name::PreCommit { files } => scan.staged(files.clone()),
        Name::PreMergeCommit => scan.staged(Vec::new()),
        Name::CommitMsg { file } => {
            let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
            let message = spoken(&bytes, &Cleanup::of(&repo)?);
            let setup = scan.setup(&Layer::Index, &Layer::Nowhere)?;
            scan.scan(&setup, Source::Message(message), "commit message")
        }
        Name::PrePush { remote } => scan.push(remote.first().map_or("", String::as_str), &mut std::io::stdin().lock()),
    }
}

struct Scan<'a> {
    args: &'a Hook,
    talk: Talk,
    repo: &'a Repo,
}

impl Scan<'_> {
    fn setup(&self, layer: &Layer, before: &Layer) -> anyhow::Result<Setup> {
        Setup::new(&self.args.filter, Some(self.repo), layer, before, Confidence::High)
    }

    fn scan(&self, setup: &Setup, source: Source<'_>, name: &'static str) -> anyhow::Result<u8> {
        let kind = Kind { name, whole: false };
        let job = Job { setup, source, kind, output: &self.args.output, talk: self.talk, calm: true };
        let outcome = perform(&job)?;
        finish(&job, &outcome)
    }

    fn staged(&self, files: Vec<PathBuf>) -> anyhow::Result<u8> {
        let setup = self.setup(&Layer::Index, &Layer::Commit("HEAD".into()))?;
        self.scan(&setup, Source::Staged(self.repo, files), "staged changes")
    }

    /// One range a pushed ref: what the remote is not known to have.
    fn push(&self, remote: &str, lines: &mut dyn BufRead) -> anyhow::Result<u8> {
        let mut code = 0;
        let mut text = String::new();
        lines.take(1 << 20).read_to_string(&mut text).context("standard input")?;
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [_, local, _, theirs] = words.as_slice() else {
                anyhow::bail!("'{line}' is not what git tells a pre-push hook: LOCAL-REF ID REMOTE-REF ID");
            };
            if ObjectId::from_hex(local).is_some_and(|id| id.is_zero()) {
                continue; // a branch is being deleted
            }
            let range = Range::pushed(theirs, local, remote);
            let setup = self.setup(&Layer::Commit((*local).to_owned()), &Layer::Nowhere)?;
            code = code.max(self.scan(&setup, Source::Range(self.repo, range), "commits to push")?);
        }
        Ok(code)
    }
}

/// What git will take out of the message after this hook.
struct Cleanup {
    /// Lines that start so.
    comments: Option<String>,
    /// The diff of `commit -v`.
    scissors: bool,
}

impl Cleanup {
    /// git says `GIT_EDITOR=:` where no editor ran (`-m`, `-F`, a merge): then it keeps the message as it stands, lines
    /// that start with `#` too. Which character `auto` chose it does not say; what is in doubt is scanned.
    fn of(repo: &Repo) -> anyhow::Result<Self> {
        if std::env::var_os("GIT_EDITOR").is_some_and(|editor| editor == ":") {
            return Ok(Self { comments: None, scissors: false });
        }
        let strips = matches!(repo.config("commit.cleanup")?.as_deref(), None | Some("" | "default" | "strip"));
        let comment = repo.config("core.commentString")?.or(repo.config("core.commentChar")?);
        let comment = comment.filter(|c| !c.is_empty()).unwrap_or_else(|| "#".to_owned());
        Ok(Self { comments: Some(comment).filter(|c| strips && c != "auto"), scissors: true })
    }
}

/// The message without what git will cut off.
fn spoken(message: &[u8], cleanup: &Cleanup) -> Vec<u8> {
    let mut kept = Vec::with_capacity(message.len());
    let mut lines = message.split_inclusive(|b| *b == b'\n').peekable();
    while let Some(line) = lines.next() {
        if cleanup.scissors && is_scissors(line, lines.peek().copied()) {
            break;
        }
        match &cleanup.comments {
            // An empty line keeps the numbers of those that follow.
            Some(comment) if line.starts_with(comment.as_bytes()) => kept.push(b'\n'),
            _ => kept.extend_from_slice(line),
        }
    }
    kept
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

    fn edited(comment: &str) -> Cleanup {
        Cleanup { comments: Some(comment.to_owned()), scissors: true }
    }

    #[test]
    fn what_git_cuts_off_a_message_is_not_scanned() {
        let cut =
            |c: &str| format!("{c} ------------------------ >8 ------------------------\n{c} Do not modify\n-old\n");
        let message = format!("subject\n# a comment\nbody\n{}", cut("#"));
        assert_eq!(spoken(message.as_bytes(), &edited("#")), b"subject\n\nbody\n");
        assert_eq!(spoken(b"subject\n; note\n# kept\n", &edited(";")), b"subject\n\n# kept\n");
        let unknown = Cleanup { comments: None, scissors: true };
        assert_eq!(spoken(format!("x\n#y\n{}", cut("//")).as_bytes(), &unknown), b"x\n#y\n");
        let lone = &cut("#").replace("# Do", "Do");
        assert_eq!(spoken(lone.as_bytes(), &unknown), lone.as_bytes(), "no scissors of git's");
        let unedited = Cleanup { comments: None, scissors: false };
        assert_eq!(spoken(message.as_bytes(), &unedited), message.as_bytes());
    }
}
