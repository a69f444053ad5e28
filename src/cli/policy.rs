//! `keyward policy`: for those who write policies.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::Talk;
use super::args::FilterArgs;
use super::console;
use super::govern::{self, PolicyArgs};
use super::setup::{Layer, config_dir, lines, read_config, today};
use crate::config::RuleChoice;
use crate::git::Repo;
use crate::manifest::USUAL_NAMES;
use crate::model::BytePath;
use crate::parse::{Kind, parse};
use crate::policy::{Judge, Policies, Query};
use crate::report::safe;

/// Write, test and look at policies.
#[derive(Debug, Args)]
pub(crate) struct Policy {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Run the `test_` rules of a directory, and say which lines they evaluated; with --builtin the built-in rules' examples
    Test {
        /// A directory or file with policies and their tests
        #[arg(required_unless_present = "builtin")]
        dir: Option<PathBuf>,
        #[command(flatten)]
        policy: PolicyArgs,
    },
    /// Say what each rule makes of a file
    Eval {
        /// The file
        file: PathBuf,
        /// Show each rule's value, and what it prints
        #[arg(long)]
        trace: bool,
        #[command(flatten)]
        policy: PolicyArgs,
    },
    /// List the rules that `keyward check` would ask here, the built-in ones too
    List {
        #[command(flatten)]
        policy: PolicyArgs,
    },
}

/// Runs the subcommand; its exit code.
pub(crate) fn run(args: &Policy, talk: Talk) -> anyhow::Result<u8> {
    match &args.what {
        What::Test { dir, policy } => {
            let own = if policy.builtin { prove()? } else { 0 };
            Ok(own.max(dir.as_ref().map_or(Ok(0), |dir| test(dir, policy, talk))?))
        }
        What::Eval { file, trace, policy } => eval(file, policy, *trace),
        What::List { policy } => list(policy),
    }
}

/// Runs the examples of the built-in rules.
fn prove() -> anyhow::Result<u8> {
    let (choice, limit) = (RuleChoice::default(), std::time::Duration::from_secs(30));
    let policies = Policies::built_in(&choice, limit, today()).map_err(|errors| anyhow::anyhow!(lines(&errors)))?;
    let wrong = crate::policy::prove(&policies);
    let mut page: String = wrong.iter().map(|wrong| format!("FAIL  {}\n", safe(wrong))).collect();
    page.push_str(&format!("{} built-in rules, {} failed\n", policies.queries().len(), wrong.len()));
    console::print(|out| out.write_all(page.as_bytes())).context("standard output")?;
    Ok(u8::from(!wrong.is_empty()))
}

fn test(dir: &std::path::Path, args: &PolicyArgs, talk: Talk) -> anyhow::Result<u8> {
    let policies = govern::with_tests(dir, args, today())?;
    anyhow::ensure!(!policies.tests().is_empty(), "{}: no `test_` rule there", dir.display());
    let mut judge = policies.judge();
    judge.cover();
    let mut failed = 0;
    let mut page = String::new();
    for test in policies.tests() {
        let name = safe(test.strip_prefix("data.").unwrap_or(test));
        match judge.test(test) {
            Ok(true) if talk.verbose == 0 => {}
            Ok(true) => page.push_str(&format!("ok    {name}\n")),
            Ok(false) => {
                failed += 1;
                page.push_str(&format!("FAIL  {name}: it is not true\n"));
            }
            Err(why) => {
                failed += 1;
                page.push_str(&format!("ERROR {name}: {}\n", safe(&why)));
            }
        }
    }
    for (file, covered, lines) in judge.covered() {
        let percent = (covered * 100).checked_div(lines).unwrap_or(100);
        page.push_str(&format!("{percent:>3} % of {}\n", safe(&file)));
    }
    let passed = policies.tests().len() - failed;
    page.push_str(&format!("{passed} passed, {failed} failed\n"));
    console::print(|out| out.write_all(page.as_bytes())).context("standard output")?;
    Ok(u8::from(failed > 0))
}

fn eval(file: &std::path::Path, args: &PolicyArgs, trace: bool) -> anyhow::Result<u8> {
    let policies = here(args)?.context("no policies: give --policy, or name them in [policy] of keyward.toml")?;
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let name = BytePath::from_os(file);
    let kind = policy_kind(args, &name)
        .with_context(|| format!("{name}: nothing about its name says how to read it: use --parser"))?;
    let documents = parse(kind, &bytes).map_err(|error| anyhow::anyhow!("{name}: {}", error.located(&bytes)))?;
    let mut judge = policies.judge();
    let mut page = String::new();
    let mut code = 0;
    for (n, document) in documents.iter().enumerate() {
        if documents.len() > 1 {
            page.push_str(&format!("document {}:\n", n + 1));
        }
        judge.hear(document);
        for query in policies.queries().iter().filter(|query| query.looks_at(kind)) {
            code = code.max(one(&mut judge, query, trace, &mut page));
        }
    }
    console::print(|out| out.write_all(page.as_bytes())).context("standard output")?;
    Ok(code)
}

/// The format that was asked for, or else the one that the name tells.
fn policy_kind(args: &PolicyArgs, name: &BytePath) -> Option<Kind> {
    args.parser.or_else(|| Kind::of(name))
}

fn one(judge: &mut Judge, query: &Query, trace: bool, page: &mut String) -> u8 {
    let name = safe(&format!("{}.{}", query.package, query.rule));
    if trace {
        match judge.trace(query) {
            Ok((prints, value)) => {
                prints.iter().for_each(|print| page.push_str(&format!("  {name} prints: {}\n", safe(print))));
                page.push_str(&format!("  {name} = {}\n", safe(&value)));
            }
            Err(why) => page.push_str(&format!("  {name}: error: {}\n", safe(&why))),
        }
    }
    match judge.ask(query) {
        Ok(denials) => {
            for denial in &denials {
                page.push_str(&format!("{name}: {}\n", safe(&denial.message)));
            }
            u8::from(!denials.is_empty())
        }
        Err(why) => {
            page.push_str(&format!("{name}: error: {}\n", safe(&why)));
            2
        }
    }
}

fn list(args: &PolicyArgs) -> anyhow::Result<u8> {
    let policies =
        here(args)?.context("no policies here: no [policy] in keyward.toml, no manifest; use --policy or --builtin")?;
    let mut page = String::new();
    for query in policies.queries() {
        let meta = &query.meta;
        page.push_str(&format!(
            "{:<34} {:<9} {:<8} {}\n",
            meta.id,
            query.verdict.name(),
            meta.severity,
            safe(&meta.name)
        ));
    }
    console::print(|out| out.write_all(page.as_bytes())).context("standard output")?;
    Ok(0)
}

/// The policies that `keyward check` would ask in the current directory; the built-in ones where a manifest lies here.
fn here(args: &PolicyArgs) -> anyhow::Result<Option<Policies>> {
    let here = PathBuf::from(".");
    let repo = Repo::discover(&here)?;
    let top = repo.as_ref().and_then(Repo::workdir).map(PathBuf::from);
    let dir = config_dir(&here, top.as_deref().unwrap_or(&here), top.as_deref());
    let layer = Layer::Disk(dir.clone());
    let config = read_config(&FilterArgs::default(), repo.as_ref(), &layer)?;
    let judged = govern::load(args, &config, repo.as_ref(), &layer, today())?;
    let manifest = || [&dir, &here].into_iter().any(|dir| USUAL_NAMES.iter().any(|name| dir.join(name).is_file()));
    if judged.policies.is_none() && judged.built_in && manifest() {
        let built_in = Policies::built_in(&config.choice, judged.timeout, judged.limits.today);
        return built_in.map(Some).map_err(|errors| anyhow::anyhow!(lines(&errors)));
    }
    Ok(judged.policies)
}
