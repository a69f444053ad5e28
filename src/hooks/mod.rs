//! Installs, chains, removes and examines git hooks. It asks git where hooks live, and never decides what a
//! secret is: the scripts call `keyward hook NAME`.

mod doctor;
mod global;
mod install;
mod manager;
mod proof;
mod script;
mod state;
mod surroundings;

use std::path::{Path, PathBuf};

use crate::model::BytePath;

pub use doctor::{Check, Diagnosis, Health, doctor};
pub use global::{install_global, uninstall_global};
pub use install::{Action, Report, Step, install, uninstall};
pub use surroundings::{HooksPath, Layout, Surroundings};

/// Why hooks could not be installed, removed or examined. Every message is one line.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// There is no git to have hooks.
    #[error("git is not on PATH")]
    NoGit,
    /// git said no, in its words.
    #[error("git: {0}")]
    Git(String),
    /// Neither `XDG_CONFIG_HOME` nor `HOME` says where the global hooks could go.
    #[error("neither XDG_CONFIG_HOME nor HOME is set to an absolute path: no place for global hooks")]
    NoHome,
    /// Something in the way that is not keyward's to replace, with what to do about it.
    #[error("{0}")]
    InTheWay(String),
    /// The operating system said no; nothing was changed.
    #[error("cannot {doing} {path}: {why}; nothing was changed")]
    Io {
        /// The verb.
        doing: &'static str,
        /// Where.
        path: String,
        /// The system's reason.
        why: std::io::Error,
    },
}

impl HookError {
    fn io(doing: &'static str, path: &Path, why: std::io::Error) -> Self {
        Self::Io { doing, path: shown(path), why }
    }
}

/// A path fit for one line of a terminal.
fn shown(path: &Path) -> String {
    BytePath::from_os(path).to_string()
}

/// The program that scripts should call: the `keyward` found on PATH when it is the one now running (a stable
/// name, where the running file's own path may carry a version), else the running file.
pub fn own_binary(surroundings: &Surroundings) -> std::io::Result<PathBuf> {
    let running = std::env::current_exe()?;
    let real = running.canonicalize().unwrap_or_else(|_| running.clone());
    Ok(surroundings.on_path("keyward").filter(|found| found.canonicalize().is_ok_and(|f| f == real)).unwrap_or(running))
}
