//! One directory for all repositories of a user, by `core.hooksPath` in the user's git configuration.
//!
//! That setting hides each repository's own hooks, so the directory answers to every name git knows and passes on.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::install::{Action, Report, Step, gates, put, take_away};
use super::script::{self, GATES, OTHERS};
use super::state::{State, look};
use super::surroundings::Surroundings;
use super::{HookError, shown};

/// Installs the global directory and points git at it.
pub fn install_global(here: &Surroundings, binary: &Path, pre_push: bool) -> Result<Report, HookError> {
    let directory = directory(here)?;
    let already = refuse_other(here, &directory)?;
    let names: Vec<&'static str> = GATES.into_iter().chain(OTHERS).collect();
    for name in &names {
        // Nothing is chained here: what is not keyward's in keyward's own directory wants a human.
        if let State::Foreign { .. } = look(&directory.join(name))? {
            return Err(HookError::InTheWay(format!(
                "{} is not keyward's: move it away",
                shown(&directory.join(name))
            )));
        }
    }
    let mut answered = gates(pre_push);
    if let Some(before) = super::install::global_gates(&directory)? {
        answered.extend(before.into_iter().filter(|name| !gates(pre_push).contains(name)));
    }
    let fresh = !directory.is_dir();
    let text = |name: &str| script::global(name, Some(binary).filter(|_| answered.contains(&name)));
    let mut report = put(&directory, names, true, text)?;
    report.steps.retain(|step| answered.contains(&step.name));
    if !already {
        let set = ["config", "--global", "core.hooksPath"].map(OsStr::new);
        let [config, global, key] = set;
        let outcome = here.git(here.cwd(), &[config, global, key, directory.as_os_str()]);
        if !matches!(outcome, Ok(Some(_))) {
            if fresh {
                clear(&directory, &mut Report::default())?;
            }
            outcome?;
            return Err(HookError::Git("could not set core.hooksPath globally".to_owned()));
        }
    }
    report
        .notes
        .push("each repository's own hooks still run; one with a core.hooksPath of its own does not use these".into());
    Ok(report)
}

/// Takes the setting and the directory away.
pub fn uninstall_global(here: &Surroundings) -> Result<Report, HookError> {
    let directory = directory(here)?;
    let mut report = Report { directory: directory.clone(), ..Report::default() };
    let set = here.setting(here.cwd(), &["--global"])?.is_some_and(|setting| setting.value == directory);
    if set {
        let args = ["config", "--global", "--unset", "core.hooksPath"].map(OsStr::new);
        here.git(here.cwd(), &args)?;
        report.notes.push("core.hooksPath is no longer set globally".to_owned());
    }
    clear(&directory, &mut report)?;
    Ok(report)
}

fn clear(directory: &Path, report: &mut Report) -> Result<(), HookError> {
    if !directory.is_dir() {
        return Ok(());
    }
    for name in GATES.into_iter().chain(OTHERS) {
        let path = directory.join(name);
        if let Some(Action::Removed | Action::Restored) = take_away(&path, &mut report.notes)?
            && GATES.contains(&name)
        {
            report.steps.push(Step { name, action: Action::Removed });
        }
    }
    // It stays when somebody put something else there.
    drop(std::fs::remove_dir(directory));
    Ok(())
}

/// `$XDG_CONFIG_HOME/keyward/hooks`, or `~/.config/keyward/hooks`.
fn directory(here: &Surroundings) -> Result<PathBuf, HookError> {
    let absolute = |name: &str| here.var(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    Ok(config.ok_or(HookError::NoHome)?.join("keyward").join("hooks"))
}

/// True when git is already pointed at `directory`; an error when it is pointed elsewhere.
fn refuse_other(here: &Surroundings, directory: &Path) -> Result<bool, HookError> {
    for scope in ["--global", "--system"] {
        match here.setting(here.cwd(), &[scope])? {
            Some(setting) if setting.value == directory => return Ok(true),
            Some(setting) => {
                return Err(HookError::InTheWay(format!(
                    "core.hooksPath is already {} ({} {}): install into it with `keyward hooks install` in a repository \
                     that uses it, or run: git config {scope} --unset core.hooksPath",
                    shown(&setting.value),
                    setting.scope,
                    setting.origin
                )));
            }
            None => {}
        }
    }
    Ok(false)
}
