//! Where git looks for hooks. git itself is asked: it knows its own configuration, worktrees and submodules best.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::HookError;
use crate::model::BytePath;

/// A directory and an environment to ask git in: the process's own, and what is laid over it.
#[derive(Clone, Debug)]
pub struct Surroundings {
    cwd: PathBuf,
    vars: Vec<(OsString, OsString)>,
}

/// The setting that moves git's hooks, and who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HooksPath {
    /// `system`, `global`, `local`, `worktree` or `command`.
    pub scope: String,
    /// For example `file:.git/config`.
    pub origin: String,
    /// The value, with `~` expanded.
    pub value: PathBuf,
}

/// Where things are in a repository.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Where hooks run: the working tree's root, or the git directory of a bare repository.
    pub root: PathBuf,
    /// No working tree here.
    pub bare: bool,
    /// The git directory shared by all linked working trees.
    pub common_dir: PathBuf,
    /// The directory whose hooks git runs here.
    pub hooks: PathBuf,
    /// `core.hooksPath`, when it is set.
    pub setting: Option<HooksPath>,
}

impl HooksPath {
    /// How to take the setting back, in one line.
    pub fn unset(&self) -> String {
        match self.scope.as_str() {
            // From `git -c`, or from GIT_CONFIG_COUNT or GIT_CONFIG_PARAMETERS in the environment.
            "command" => "take core.hooksPath out of the environment or the command line".to_owned(),
            scope => format!("git config --{scope} --unset core.hooksPath"),
        }
    }
}

impl Layout {
    /// The directory git would use were `core.hooksPath` not set.
    pub fn own_hooks(&self) -> PathBuf {
        self.common_dir.join("hooks")
    }
}

impl Surroundings {
    /// The process's environment, in `cwd`.
    pub fn at(cwd: impl Into<PathBuf>) -> Self {
        Self { cwd: cwd.into(), vars: Vec::new() }
    }

    /// The same with one more variable.
    #[must_use]
    pub fn with_var(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.vars.push((name.into(), value.into()));
        self
    }

    /// The directory.
    pub fn cwd(&self) -> &Path {
        &self.cwd
    }

    /// A variable, when it is set and not empty.
    pub fn var(&self, name: &str) -> Option<OsString> {
        let laid_over = self.vars.iter().rev().find(|(n, _)| n == OsStr::new(name)).map(|(_, v)| v.clone());
        laid_over.or_else(|| std::env::var_os(name)).filter(|v| !v.is_empty())
    }

    /// The names of all variables.
    pub fn names(&self) -> Vec<OsString> {
        let mut names: Vec<OsString> = std::env::vars_os().map(|(n, _)| n).collect();
        names.extend(self.vars.iter().map(|(n, _)| n.clone()));
        names.sort();
        names.dedup();
        names
    }

    /// The first executable file of this name on PATH.
    pub fn on_path(&self, program: &str) -> Option<PathBuf> {
        let path = self.var("PATH")?;
        let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
        std::env::split_paths(&path)
            .filter(|dir| dir.is_absolute())
            .map(|dir| dir.join(&file))
            .find(|found| super::state::is_executable_file(found))
    }

    /// A command in these surroundings, in `dir`, with nothing on its stdin.
    pub(super) fn command(&self, program: impl AsRef<OsStr>, dir: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(dir).stdin(Stdio::null());
        for (name, value) in &self.vars {
            command.env(name, value);
        }
        command
    }

    /// git's stdout without its last line end; `None` when it exits 1, which is how it says "not set".
    pub(super) fn git(&self, dir: &Path, args: &[&OsStr]) -> Result<Option<Vec<u8>>, HookError> {
        let Output { status, mut stdout, stderr } =
            match self.command("git", dir).env("LC_ALL", "C").args(args).output() {
                Ok(output) => output,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && dir.is_dir() => {
                    return Err(HookError::NoGit);
                }
                Err(error) => return Err(HookError::io("run git in", dir, error)),
            };
        if status.success() {
            if stdout.last() == Some(&b'\n') {
                stdout.pop();
            }
            return Ok(Some(stdout));
        }
        if status.code() == Some(1) {
            return Ok(None);
        }
        Err(refusal(dir, &stderr))
    }

    /// The layout of the repository that holds the directory.
    pub fn layout(&self) -> Result<Layout, HookError> {
        let bare = self.line(&self.cwd, "--is-bare-repository")? == b"true";
        let root = path(if bare {
            self.line(&self.cwd, "--absolute-git-dir")?
        } else {
            self.line(&self.cwd, "--show-toplevel")?
        });
        let common_dir = root.join(path(self.line(&root, "--git-common-dir")?));
        // Asked in the root, because a relative core.hooksPath is relative to it.
        let hooks = self.git(&root, &["rev-parse".as_ref(), "--git-path".as_ref(), "hooks".as_ref()])?;
        let hooks = root.join(path(hooks.unwrap_or_default()));
        Ok(Layout { bare, common_dir, hooks, setting: self.setting(&root, &[])?, root })
    }

    fn line(&self, dir: &Path, question: &str) -> Result<Vec<u8>, HookError> {
        let answer = self.git(dir, &["rev-parse".as_ref(), question.as_ref()])?;
        answer.ok_or_else(|| HookError::Git(format!("no answer to rev-parse {question}")))
    }

    /// `core.hooksPath` as git sees it in `dir`; `scope` may narrow it (`--global`).
    pub(super) fn setting(&self, dir: &Path, scope: &[&str]) -> Result<Option<HooksPath>, HookError> {
        let mut args: Vec<&OsStr> = vec!["config".as_ref()];
        args.extend(scope.iter().map(AsRef::<OsStr>::as_ref));
        for arg in ["-z", "--show-scope", "--show-origin", "--type=path", "--get", "core.hooksPath"] {
            args.push(arg.as_ref());
        }
        let Some(answer) = self.git(dir, &args)? else { return Ok(None) };
        let mut parts = answer.split(|b| *b == 0).map(<[u8]>::to_vec);
        let mut next = || parts.next().unwrap_or_default();
        let (scope, origin) = (next(), next());
        Ok(Some(HooksPath {
            scope: BytePath::new(scope).to_string(),
            origin: BytePath::new(origin).to_string(),
            value: path(next()),
        }))
    }
}

fn path(bytes: Vec<u8>) -> PathBuf {
    BytePath::new(bytes).to_os()
}

/// git's complaint as one line, with the remedy where there is one.
fn refusal(dir: &Path, stderr: &[u8]) -> HookError {
    let text = String::from_utf8_lossy(stderr);
    let dir = super::shown(dir);
    if text.contains("dubious ownership") {
        return HookError::Git(format!(
            "{dir} is owned by somebody else; if you trust it, run: git config --global --add safe.directory {dir}"
        ));
    }
    if text.contains("not a git repository") {
        return HookError::Git(format!("{dir} is not inside a git repository"));
    }
    if text.contains("must be run in a work tree") {
        return HookError::Git(format!("{dir} is inside a git directory: run this in the working tree"));
    }
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("failed without a word");
    HookError::Git(BytePath::new(first.trim_start_matches("fatal: ")).to_string())
}
