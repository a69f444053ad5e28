//! Into and out of the hooks directory that git uses here.

use std::fs;
use std::path::{Path, PathBuf};

use super::script::{self, CHAINED, EDITED, GATES, ON_REQUEST, Written};
use super::state::{Changes, Ready, State, beside, exists, is_executable_file, look};
use super::surroundings::{Layout, Surroundings};
use super::{HookError, manager, shown};

/// What was done to one hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// There was none.
    Written,
    /// An older script of keyward's gave way.
    Updated,
    /// Already as it should be.
    Unchanged,
    /// Somebody else's was kept, and is run too.
    Chained,
    /// keyward's is gone.
    Removed,
    /// keyward's is gone and the one before it is back.
    Restored,
}

/// One hook and what was done to it.
#[derive(Clone, Debug)]
pub struct Step {
    /// The hook's name.
    pub name: &'static str,
    /// What was done.
    pub action: Action,
}

/// What an installation or a removal did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The directory.
    pub directory: PathBuf,
    /// Hook by hook. The global dispatchers that only pass on are not listed.
    pub steps: Vec<Step>,
    /// What the user should know besides.
    pub notes: Vec<String>,
}

/// Installs keyward's hooks where git looks for hooks here; `binary` is what they call.
///
/// All or nothing: on an error everything is as it was. Installing twice is installing once.
pub fn install(here: &Surroundings, binary: &Path, pre_push: bool) -> Result<Report, HookError> {
    let layout = here.layout()?;
    if let Some(refusal) = manager::refuses(&layout) {
        return Err(HookError::InTheWay(refusal));
    }
    let mut notes = Vec::new();
    let mut directory = layout.hooks.clone();
    let mut wanted: Vec<&'static str> = gates(pre_push);
    if let Some(global) = global_gates(&directory)? {
        wanted.retain(|name| !global.contains(name));
        notes.push(format!("keyward's global hooks in {} already cover this repository", shown(&directory)));
        directory = layout.own_hooks();
    } else {
        notes.extend(about_directory(&layout));
    }
    if exists(&directory) && !directory.is_dir() {
        return Err(HookError::InTheWay(not_a_directory(&layout, &directory)));
    }
    let mut report = put(&directory, wanted, pre_push, |name| script::local(name, binary))?;
    for step in &report.steps {
        notes.extend(manager::note(&directory, step));
    }
    notes.append(&mut report.notes);
    Ok(Report { notes, ..report })
}

/// The hooks to install.
pub(super) fn gates(pre_push: bool) -> Vec<&'static str> {
    GATES.into_iter().filter(|name| pre_push || *name != ON_REQUEST).collect()
}

/// Writes each hook into `directory`, keeping what was there. An older `pre-push` of keyward's is brought up to date
/// though not asked for.
pub(super) fn put(
    directory: &Path,
    wanted: Vec<&'static str>,
    pre_push: bool,
    text: impl Fn(&str) -> Vec<u8>,
) -> Result<Report, HookError> {
    let mut report = Report { directory: directory.to_path_buf(), ..Report::default() };
    if wanted.is_empty() {
        return Ok(report);
    }
    let mut wanted = wanted;
    if !pre_push && matches!(look(&directory.join(ON_REQUEST))?, State::Ours { written, .. } if !written.global) {
        wanted.push(ON_REQUEST);
    }
    let mut changes = Changes::default();
    changes.directory(directory)?;
    // Everything is written beside its place first: a read-only directory or a full disk shows before a hook is touched.
    let mut prepared = Vec::new();
    for name in wanted {
        let path = directory.join(name);
        let text = text(name);
        let state = look(&path)?;
        let same = matches!(&state, State::Ours { text: old, .. } if *old == text) && is_executable_file(&path);
        prepared.push((name, path, state, if same { None } else { Some(Ready::write(directory, &text)?) }));
    }
    for (name, path, state, ready) in prepared {
        let Some(ready) = ready else {
            report.steps.push(Step { name, action: Action::Unchanged });
            continue;
        };
        let action = match state {
            State::Absent => {
                changes.place(ready, &path, None)?;
                Action::Written
            }
            State::Ours { written: Written { edited: true, .. }, .. } => {
                let kept = beside(&path, EDITED);
                changes.rename(&path, &kept)?;
                changes.place(ready, &path, None)?;
                report.notes.push(format!("{name} had been changed by hand: kept as {}", shown(&kept)));
                Action::Updated
            }
            State::Ours { text: old, .. } => {
                changes.place(ready, &path, Some(old))?;
                Action::Updated
            }
            State::Foreign { .. } => {
                chain(&mut changes, &path)?;
                changes.place(ready, &path, None)?;
                Action::Chained
            }
        };
        report.steps.push(Step { name, action });
    }
    changes.keep();
    Ok(report)
}

fn chain(changes: &mut Changes, path: &Path) -> Result<(), HookError> {
    let chained = beside(path, CHAINED);
    if exists(&chained) {
        return Err(HookError::InTheWay(format!(
            "{} and {} are both there and neither is keyward's: something replaced keyward's hook; move one of them away",
            shown(path),
            shown(&chained)
        )));
    }
    changes.rename(path, &chained)
}

/// The gates that keyward's own global dispatchers in `directory` answer; `None` when it is no such directory.
pub(super) fn global_gates(directory: &Path) -> Result<Option<Vec<&'static str>>, HookError> {
    if !directory.is_dir() {
        return Ok(None);
    }
    let mut found = None;
    for name in GATES {
        if let State::Ours { written, .. } = look(&directory.join(name))?
            && written.global
        {
            let gates: &mut Vec<&'static str> = found.get_or_insert_with(Vec::new);
            if written.binary.is_some() {
                gates.push(name);
            }
        }
    }
    Ok(found)
}

fn not_a_directory(layout: &Layout, directory: &Path) -> String {
    let why = match &layout.setting {
        Some(setting) => format!(
            " (core.hooksPath, {} {}); if it should not be so: {}",
            setting.scope,
            setting.origin,
            setting.unset()
        ),
        None => String::new(),
    };
    format!("hooks are switched off here: {} is not a directory{why}", shown(directory))
}

fn about_directory(layout: &Layout) -> Vec<String> {
    let mut notes = Vec::new();
    if layout.bare {
        notes.push("a bare repository: commit hooks run only in working trees that are linked to it".to_owned());
    }
    let Some(setting) = &layout.setting else { return notes };
    if setting.scope == "global" || setting.scope == "system" {
        notes.push(format!("core.hooksPath ({}): this directory serves all your repositories", setting.origin));
    } else if layout.hooks.starts_with(&layout.root) && !layout.hooks.starts_with(&layout.common_dir) {
        notes.push(
            "this directory is part of the working tree: commit the scripts only if keyward is everywhere".into(),
        );
    }
    notes
}

/// Takes keyward's hooks away and puts back what was there before, byte for byte.
///
/// Both the directory that git uses now and the repository's own are looked at; global hooks stay.
pub fn uninstall(here: &Surroundings) -> Result<Report, HookError> {
    let layout = here.layout()?;
    let mut report = Report { directory: layout.hooks.clone(), ..Report::default() };
    let mut directories = vec![layout.own_hooks()];
    if global_gates(&layout.hooks)?.is_some() {
        report.notes.push("keyward's global hooks stay: keyward hooks uninstall --global".to_owned());
        report.directory = layout.own_hooks();
    } else if !same(&layout.hooks, &layout.own_hooks()) {
        directories.push(layout.hooks.clone());
    }
    for directory in directories.into_iter().filter(|dir| dir.is_dir()) {
        for name in GATES {
            if let Some(action) = take_away(&directory.join(name), &mut report.notes)? {
                report.directory.clone_from(&directory);
                report.steps.push(Step { name, action });
            }
        }
    }
    Ok(report)
}

fn same(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Undoes one hook; `None` when it is not keyward's.
pub(super) fn take_away(path: &Path, notes: &mut Vec<String>) -> Result<Option<Action>, HookError> {
    let chained = beside(path, CHAINED);
    let edited = match look(path)? {
        State::Ours { written, .. } => written.edited,
        State::Absent if exists(&chained) => false,
        State::Absent => return Ok(None),
        State::Foreign { .. } => {
            if exists(&chained) {
                notes.push(format!("{} stays: {} is not keyward's", shown(&chained), shown(path)));
            }
            return Ok(None);
        }
    };
    if edited {
        let kept = beside(path, EDITED);
        let mut changes = Changes::default();
        changes.rename(path, &kept)?;
        changes.keep();
        notes.push(format!("{} had been changed by hand: kept as {}", shown(path), shown(&kept)));
    }
    if exists(&chained) {
        fs::rename(&chained, path).map_err(|error| HookError::io("restore", path, error))?;
        return Ok(Some(Action::Restored));
    }
    if !edited {
        fs::remove_file(path).map_err(|error| HookError::io("remove", path, error))?;
    }
    Ok(Some(Action::Removed))
}
