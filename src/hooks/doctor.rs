//! Would a commit made here really be scanned, and if not, why not? One check a line, each with its remedy.

use std::path::{Path, PathBuf};

use super::manager::{self, Manager};
use super::proof::{self, Subject};
use super::script::{CHAINED, GATES, ON_REQUEST, Written};
use super::state::{State, beside, exists, is_executable_file, look};
use super::surroundings::{HooksPath, Layout, Surroundings};
use super::{HookError, shown};
use crate::git::Repo;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Ok,
    /// Worth knowing; a commit is scanned all the same.
    Note,
    /// A commit is not scanned, or cannot be made.
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct Check {
    /// What.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// What was seen, in one line.
    pub detail: String,
    /// What to do, in one line.
    pub fix: Option<String>,
}

/// All checks.
#[derive(Clone, Debug, Default)]
pub struct Diagnosis {
    /// In the order they were made.
    pub checks: Vec<Check>,
}

impl Diagnosis {
    /// True when a commit made here would be scanned.
    pub fn scanned(&self) -> bool {
        self.checks.iter().all(|check| check.health != Health::Problem)
    }

    fn say(&mut self, name: &str, health: Health, detail: impl Into<String>, fix: Option<String>) {
        self.checks.push(Check { name: name.to_owned(), health, detail: detail.into(), fix });
    }

    fn ok(&mut self, name: &str, detail: impl Into<String>) {
        self.say(name, Health::Ok, detail, None);
    }

    fn problem(&mut self, name: &str, detail: impl Into<String>, fix: impl Into<String>) {
        self.say(name, Health::Problem, detail, Some(fix.into()));
    }
}

const REINSTALL: &str = "run: keyward hooks install";

/// Examines the hooks that a commit in these surroundings would run; `binary` is the keyward that asks.
pub fn doctor(here: &Surroundings, binary: &Path) -> Result<Diagnosis, HookError> {
    let mut found = Diagnosis::default();
    let layout = match here.layout() {
        Ok(layout) => layout,
        Err(HookError::Git(why)) => {
            found.problem("repository", why, "run this in the working tree of a repository that git accepts");
            return Ok(found);
        }
        Err(error) => return Err(error),
    };
    repository(&mut found, &layout);
    environment(&mut found, here);
    let directory_is_there = directory(&mut found, &layout);
    let mut subject = None;
    if directory_is_there {
        for name in GATES {
            let seen = hook(&mut found, here, &layout, name)?;
            if name == "pre-commit" {
                subject = seen;
            }
        }
    }
    match subject {
        Some(Seen::Script { text, program }) => {
            prove(&mut found, here, &Subject::Script(&text), "the installed script");
            in_place(&mut found, here, &program, &layout);
        }
        Some(Seen::Called) => {
            let program = here.on_path("keyward").unwrap_or_else(|| binary.to_path_buf());
            prove(&mut found, here, &Subject::Program(&program), &shown(&program));
            in_place(&mut found, here, &program, &layout);
        }
        None => {}
    }
    Ok(found)
}

/// The part of a hook that can be put to the proof.
enum Seen {
    Script { text: Vec<u8>, program: PathBuf },
    Called,
}

fn repository(found: &mut Diagnosis, layout: &Layout) {
    if layout.bare {
        found.problem(
            "repository",
            format!("{} is bare: no commit is made here", shown(&layout.root)),
            "run this in a working tree",
        );
        return;
    }
    match Repo::from_env(&layout.root) {
        Ok(_) => found.ok("repository", shown(&layout.root)),
        Err(error) => {
            let fix = "keyward cannot read this repository; see the message";
            found.problem("repository", error.to_string().replace('\n', " "), fix);
        }
    }
}

/// Variables that lead git, and so its hooks, elsewhere than the directory suggests.
fn environment(found: &mut Diagnosis, here: &Surroundings) {
    const LEADING: [&str; 10] = [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CONFIG_PARAMETERS",
        "GIT_CONFIG_COUNT",
        "GIT_CEILING_DIRECTORIES",
    ];
    let set: Vec<&str> = LEADING.into_iter().filter(|name| here.var(name).is_some()).collect();
    if set.is_empty() {
        found.ok("environment", "no GIT_* variable leads elsewhere");
    } else {
        let fix = format!("what follows holds while they are set; else: unset {}", set.join(" "));
        found.say("environment", Health::Note, format!("{} set", set.join(", ")), Some(fix));
    }
}

fn directory(found: &mut Diagnosis, layout: &Layout) -> bool {
    const NAME: &str = "hooks directory";
    let mut detail = shown(&layout.hooks);
    if let Some(setting) = &layout.setting {
        detail.push_str(&format!(" (core.hooksPath, {} {})", setting.scope, setting.origin));
    }
    if layout.hooks.is_dir() {
        found.ok(NAME, detail);
        return true;
    }
    if let Some(manager) = Manager::of_directory(&layout.hooks) {
        found.problem(NAME, format!("{detail} is not there"), format!("let {} install its hooks", manager.name()));
    } else if exists(&layout.hooks) {
        let unset = layout.setting.as_ref().map_or_else(|| "make it a directory".to_owned(), HooksPath::unset);
        found.problem(NAME, format!("{detail} is not a directory: git runs no hook here"), unset);
    } else {
        found.problem(NAME, format!("{detail} is not there: git runs no hook here"), REINSTALL);
    }
    false
}

/// How much the lack of a hook matters: without pre-commit a commit is not scanned; the others add to it.
fn lack(name: &str) -> Health {
    if name == "pre-commit" { Health::Problem } else { Health::Note }
}

fn hook(found: &mut Diagnosis, here: &Surroundings, layout: &Layout, name: &str) -> Result<Option<Seen>, HookError> {
    let path = layout.hooks.join(name);
    match look(&path)? {
        State::Absent if name == ON_REQUEST => {
            found.ok(name, "not installed (on request: keyward hooks install --pre-push)");
            Ok(None)
        }
        State::Absent => match Manager::of_directory(&layout.hooks) {
            Some(manager) => managed(found, here, layout, name, manager),
            None => {
                let missed = match name {
                    "pre-merge-commit" => "not installed: a merge without conflicts is not scanned",
                    "commit-msg" => "not installed: commit messages are not scanned",
                    _ => "not installed: commits are not scanned",
                };
                found.say(name, lack(name), missed, Some(REINSTALL.to_owned()));
                Ok(None)
            }
        },
        State::Ours { written, text } => Ok(ours(found, here, name, &path, &written, text)),
        State::Foreign { text } => foreign(found, here, layout, name, &path, &text),
    }
}

fn ours(
    found: &mut Diagnosis,
    here: &Surroundings,
    name: &str,
    path: &Path,
    written: &Written,
    text: Vec<u8>,
) -> Option<Seen> {
    if !is_executable_file(path) {
        found.say(
            name,
            lack(name),
            "keyward's, but not executable: git ignores it",
            Some(format!("chmod +x {}", shown(path))),
        );
        return None;
    }
    if written.global && written.binary.is_none() {
        found
            .ok(name, "only passes on to the repository's own (on request: keyward hooks install --global --pre-push)");
        return None;
    }
    let recorded = written.binary.as_deref();
    let again = if written.global { "run: keyward hooks install --global" } else { REINSTALL };
    let programs = proof::programs(here, recorded.filter(|program| is_executable_file(program)));
    let Some(program) = programs.into_iter().next() else {
        let gone = recorded.map(shown).unwrap_or_default();
        found.problem(
            name,
            format!("calls {gone}, which is gone, and keyward is not on PATH: every commit is refused"),
            again,
        );
        return None;
    };
    let Some(version) = proof::version(here, &program) else {
        found.problem(name, format!("calls {}, which does not answer as keyward", shown(&program)), again);
        return None;
    };
    let detail = format!("keyward {version}, {}", shown(&program));
    if recorded.is_some_and(|recorded| recorded != program) {
        let gone = recorded.map(shown).unwrap_or_default();
        found.say(name, Health::Note, format!("{detail} from PATH, because {gone} is gone"), Some(again.to_owned()));
    } else if written.other_version {
        found.say(name, Health::Note, format!("{detail}, by a script of another version"), Some(again.to_owned()));
    } else if written.edited {
        found.say(name, Health::Note, format!("{detail}, by a script changed by hand"), None);
    } else {
        found.ok(name, detail);
    }
    chained(found, name, path);
    Some(Seen::Script { text, program })
}

fn chained(found: &mut Diagnosis, name: &str, path: &Path) {
    let chained = beside(path, CHAINED);
    if !exists(&chained) {
        return;
    }
    if is_executable_file(&chained) {
        found.ok(name, format!("also runs {}", shown(&chained)));
    } else {
        let detail = format!("{} is not executable, so it does not run", shown(&chained));
        found.say(name, Health::Note, detail, Some(format!("chmod +x {}", shown(&chained))));
    }
}

fn foreign(
    found: &mut Diagnosis,
    here: &Surroundings,
    layout: &Layout,
    name: &str,
    path: &Path,
    text: &[u8],
) -> Result<Option<Seen>, HookError> {
    if !is_executable_file(path) {
        let detail = "somebody else's, and not executable: git ignores it";
        found.say(name, lack(name), detail, Some(REINSTALL.to_owned()));
        return Ok(None);
    }
    if let Some(manager) = Manager::of_directory(&layout.hooks).or_else(|| Manager::of_text(text)) {
        return managed(found, here, layout, name, manager);
    }
    if manager::mentions(text) {
        found.ok(name, "somebody else's, and it names keyward");
        return Ok(Some(Seen::Called));
    }
    let health = if name == ON_REQUEST { Health::Note } else { lack(name) };
    if exists(&beside(path, CHAINED)) {
        let detail = "something replaced keyward's hook after it was installed";
        let fix = format!("move {} or {} away, then {REINSTALL}", shown(path), shown(&beside(path, CHAINED)));
        found.say(name, health, detail, Some(fix));
    } else {
        let fix = "run: keyward hooks install (yours is kept and runs too)".to_owned();
        found.say(name, health, "somebody else's, and it does not call keyward", Some(fix));
    }
    Ok(None)
}

fn managed(
    found: &mut Diagnosis,
    here: &Surroundings,
    layout: &Layout,
    name: &str,
    manager: Manager,
) -> Result<Option<Seen>, HookError> {
    let owner = manager.name();
    // The pre-commit tool runs the hook it replaced as NAME.legacy; that may be keyward's.
    let legacy = beside(&layout.hooks.join(name), "legacy");
    if let State::Ours { written, text } = look(&legacy)? {
        found.ok(name, format!("{owner}'s, which also runs keyward's as {}", shown(&legacy)));
        return Ok(ours(found, here, name, &legacy, &written, text));
    }
    let Some(file) = manager.calls_keyward(layout, name) else {
        if name != ON_REQUEST {
            found.say(name, lack(name), format!("{owner}'s, and it does not call keyward"), Some(manager.recipe(name)));
        }
        return Ok(None);
    };
    if let Some(switch) = manager.switched_off(|variable| here.var(variable)) {
        found.problem(name, format!("{owner}'s, and switched off by {switch}"), "unset it");
        return Ok(None);
    }
    found.ok(name, format!("{owner}'s, and {} names keyward", shown(&file)));
    if manager != Manager::PreCommit && here.on_path("keyward").is_none() {
        found.problem(name, "keyward is not on PATH", "put keyward on the PATH that git sees");
        return Ok(None);
    }
    Ok(Some(Seen::Called))
}

fn prove(found: &mut Diagnosis, here: &Surroundings, subject: &Subject<'_>, what: &str) {
    match proof::scratch(here, subject) {
        Ok(()) => found.ok("proof", format!("{what} stops a made-up token in a scratch repository")),
        Err(why) => found.problem("proof", format!("{what}, in a scratch repository: {why}"), REINSTALL),
    }
}

fn in_place(found: &mut Diagnosis, here: &Surroundings, program: &Path, layout: &Layout) {
    match proof::in_place(here, program, &layout.root) {
        Ok(()) => found.ok("this index", "keyward can read what is staged here"),
        Err(why) => found.problem("this index", why, "commits are refused until this is put right"),
    }
}
