//! The command line: one file per subcommand, its arguments and its wiring.

mod args;
mod baseline;
mod check;
mod console;
mod govern;
mod hook;
mod hooks;
mod info;
mod manifest;
mod pages;
mod policy;
mod profile;
mod rules;
mod scan;
mod setup;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::detect::Detector;
use crate::report;
use crate::rule::pack::Pack;

/// Keeps keys where they belong: scans commits, trees and whole histories for secrets.
///
/// Exit codes: 0 clean, 1 findings, 2 error (an error wins over findings).
#[derive(Debug, Parser)]
#[command(name = "keyward", version, about, long_about, max_term_width = 100, arg_required_else_help = true)]
#[command(propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// More detail; twice for even more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,

    /// Say nothing but findings and errors
    #[arg(short, long, global = true)]
    quiet: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Scan for secrets
    Scan(Box<scan::Scan>),
    /// Check for secrets and by manifests and policies, in one pass
    Check(Box<check::Check>),
    /// Check by manifests and policies alone
    Lint(Box<check::Check>),
    /// Install, remove or examine git hooks
    Hooks(hooks::HooksArgs),
    /// What git hooks call
    Hook(hook::Hook),
    /// Record what is known, so that only new secrets are reported
    Baseline(baseline::Baseline),
    /// Write, and look at, a micro-app's manifest
    Manifest(manifest::Manifest),
    /// Write, test and look at policies
    Policy(policy::Policy),
    /// Look at and test the rules
    Rules(rules::Rules),
    /// Print a completion script for a shell
    Completions(info::Completions),
    /// Print a manual page
    Man(info::Man),
}

/// How talkative to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Talk {
    /// 0, 1 or more.
    pub verbose: u8,
    /// Nothing but findings and errors.
    pub quiet: bool,
}

/// Parses the arguments, runs, and says how it ended.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misunderstood(&error),
    };
    // A hook that writes no file has nothing to clean up, and a commit need not wait for the thread that would.
    if !matches!(&cli.command, Command::Hook(hook) if !hook.writes_files()) {
        console::end_on_interrupt();
    }
    // A policy engine or parser that gives up is told as an error of its file, in one line of ours.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !crate::model::is_guarded() {
            usual(panic);
        }
    }));
    let talk = Talk { verbose: cli.verbose, quiet: cli.quiet };
    let done = match &cli.command {
        Command::Scan(args) => scan::run(args, talk),
        Command::Check(args) => check::run(args, talk, true),
        Command::Lint(args) => check::run(args, talk, false),
        Command::Hooks(args) => hooks::run(args, talk),
        Command::Hook(args) => hook::run(args, talk),
        Command::Baseline(args) => baseline::run(args, talk),
        Command::Manifest(args) => manifest::run(args),
        Command::Policy(args) => policy::run(args, talk),
        Command::Rules(args) => rules::run(args, talk),
        Command::Completions(args) => info::completions(args),
        Command::Man(args) => info::man(args),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            console::warn(&format!("error: {}", harmless(&one_line(&error))));
            ExitCode::from(2)
        }
    }
}

/// Help and the version go to standard output, an error to standard error: with its colours, unless it would repeat a
/// secret.
fn misunderstood(error: &clap::Error) -> ExitCode {
    let plain = error.render().to_string();
    let shown = if error.use_stderr() { harmless(&plain) } else { plain.clone() };
    if shown.trim_end() == plain.trim_end() {
        // A closed pipe or terminal is nobody's business.
        let _ = error.print();
    } else {
        console::complain(&shown);
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// What an error repeats of its input may be a secret or move the cursor: a ref, a path, a line of a configuration.
pub(crate) fn harmless(text: &str) -> String {
    let detector = Pack::builtin().ok().and_then(|pack| Detector::new(pack.rules).ok());
    let secrets = detector.map(|detector| detector.secrets_in(text)).unwrap_or_default();
    report::hide(text, &secrets).lines().map(report::safe).collect::<Vec<_>>().join("\n")
}

/// An error and its causes in one line, unless it shows a place in a file with a caret.
fn one_line(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
    }
    parts.join(": ")
}
