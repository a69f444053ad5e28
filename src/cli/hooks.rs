//! `keyward hooks install | uninstall | doctor`.

use std::io::Write;
use std::path::Path;

use clap::{Args, Subcommand};

use super::{Talk, console};
use crate::git::Repo;
use crate::hooks::{self, Action, Diagnosis, Health, Report, Surroundings};
use crate::model::BytePath;

/// Install, remove or examine the git hooks that call keyward.
#[derive(Args, Clone, Debug)]
pub struct HooksArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: HooksCommand,
}

/// What to do with the hooks.
#[derive(Subcommand, Clone, Debug)]
pub enum HooksCommand {
    /// Install pre-commit, pre-merge-commit and commit-msg where git looks for hooks here; what is there is kept and run too.
    Install {
        /// For all your repositories, by core.hooksPath; each one's own hooks still run.
        #[arg(long)]
        global: bool,
        /// Also scan what is about to be pushed.
        #[arg(long)]
        pre_push: bool,
    },
    /// Remove keyward's hooks and put back what was there before.
    Uninstall {
        /// The global ones.
        #[arg(long)]
        global: bool,
    },
    /// Would a commit made here be scanned, and if not, why not? Exits 0 when it would, 1 when not.
    Doctor,
}

/// Runs the command in the current directory and prints what there is to say; the exit code.
pub(crate) fn run(args: &HooksArgs, talk: Talk) -> anyhow::Result<u8> {
    let mut said = Vec::new();
    let code = say(args, &mut said)?;
    // What the doctor says is what it was asked for.
    if !talk.quiet || matches!(args.command, HooksCommand::Doctor) {
        console::print(|out| out.write_all(&said))?;
    }
    Ok(code)
}

fn say(args: &HooksArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    let here = Surroundings::at(std::env::current_dir()?);
    match args.command {
        HooksCommand::Install { global, pre_push } => {
            let binary = hooks::own_binary(&here)?;
            let install = if global { hooks::install_global } else { hooks::install };
            tell(&install(&here, &binary, pre_push)?, "already installed", out)?;
            if let (false, Err(error)) = (global, Repo::discover(Path::new("."))) {
                writeln!(
                    out,
                    "  note: keyward cannot read this repository, so its hooks refuse every commit: {error}"
                )?;
            }
        }
        HooksCommand::Uninstall { global } => {
            let uninstall = if global { hooks::uninstall_global } else { hooks::uninstall };
            tell(&uninstall(&here)?, "nothing of keyward's is installed", out)?;
        }
        HooksCommand::Doctor => {
            let diagnosis = hooks::doctor(&here, &hooks::own_binary(&here)?)?;
            explain(&diagnosis, out)?;
            return Ok(u8::from(!diagnosis.scanned()));
        }
    }
    Ok(0)
}

fn tell(report: &Report, nothing: &str, out: &mut dyn Write) -> std::io::Result<()> {
    let directory = BytePath::from_os(&report.directory);
    if report.steps.is_empty() {
        writeln!(out, "{nothing}: {directory}")?;
    } else {
        writeln!(out, "{directory}")?;
    }
    for step in &report.steps {
        let done = match step.action {
            Action::Written => "installed",
            Action::Updated => "brought up to date",
            Action::Unchanged => "already installed",
            Action::Chained => "installed; the one that was here is kept and runs too",
            Action::Removed => "removed",
            Action::Restored => "removed; the one from before is back",
        };
        writeln!(out, "  {:<17} {done}", step.name)?;
    }
    for note in &report.notes {
        writeln!(out, "  note: {note}")?;
    }
    Ok(())
}

fn explain(diagnosis: &Diagnosis, out: &mut dyn Write) -> std::io::Result<()> {
    for check in &diagnosis.checks {
        let health = match check.health {
            Health::Ok => "ok",
            Health::Note => "note",
            Health::Problem => "PROBLEM",
        };
        writeln!(out, "{health:<8} {}: {}", check.name, check.detail)?;
        if let Some(fix) = &check.fix {
            writeln!(out, "         → {fix}")?;
        }
    }
    let verdict =
        if diagnosis.scanned() { "a commit made here is scanned" } else { "a commit made here is NOT scanned" };
    writeln!(out, "{verdict}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        hooks: HooksArgs,
    }

    #[test]
    fn the_command_line_is_understood() {
        let parse = |args: &[&str]| Line::try_parse_from([&["hooks"], args].concat()).map(|line| line.hooks.command);
        let install = parse(&["install", "--global", "--pre-push"]).unwrap();
        assert!(matches!(install, HooksCommand::Install { global: true, pre_push: true }));
        assert!(matches!(parse(&["uninstall"]).unwrap(), HooksCommand::Uninstall { global: false }));
        assert!(matches!(parse(&["doctor"]).unwrap(), HooksCommand::Doctor));
        assert!(parse(&[]).is_err());
    }

    #[test]
    fn the_doctor_prints_a_line_a_check_its_remedy_and_a_verdict() {
        let check = |name: &str, health, fix: Option<&str>| hooks::Check {
            name: name.to_owned(),
            health,
            detail: "seen".to_owned(),
            fix: fix.map(str::to_owned),
        };
        let mut diagnosis = Diagnosis { checks: vec![check("one", Health::Ok, None)] };
        let print = |diagnosis: &Diagnosis| {
            let mut out = Vec::new();
            explain(diagnosis, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(print(&diagnosis), "ok       one: seen\na commit made here is scanned\n");
        diagnosis.checks.push(check("two", Health::Problem, Some("do this")));
        let expected =
            "ok       one: seen\nPROBLEM  two: seen\n         → do this\na commit made here is NOT scanned\n";
        assert_eq!(print(&diagnosis), expected);
    }
}
