//! `keyward rules`: look at the rules, and prove them.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::setup::{CONFIG, config_file, config_here};
use super::{Talk, console, profile};
use crate::detect::{Detector, reasons, selftest};
use crate::model::{Blob, BytePath, Fresh, Origin, OriginKind};
use crate::rule::pack::{Pack, builtin_examples, builtin_hash};
use crate::rule::written::{Examples, Proved, read_file};
use crate::rule::{Kind, Rule};

/// Look at and test the rules.
#[derive(Debug, Args)]
pub(crate) struct Rules {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List all rules
    List {
        /// As a table or as JSON
        #[arg(long, short, value_enum, default_value_t)]
        format: Format,
    },
    /// Show one rule: what it looks for, why, and how to fix a finding
    Show {
        /// The rule's id
        id: String,
    },
    /// Run the rules' own examples
    Test {
        /// Only these rules [default: all]
        ids: Vec<String>,
    },
    /// Show which facts decided the generic rule's guesses in a text
    Explain {
        /// The path that the text is taken to lie at
        #[arg(long, value_name = "NAME")]
        path: Option<String>,
        /// The text, such as 'password = "…"' [default: standard input]
        text: Option<String>,
    },
    /// Check files of rules before using them: syntax, regexes, anchors, examples
    Check {
        /// TOML files with [[rule]] tables [default: the keyward.toml that holds here]
        files: Vec<PathBuf>,
    },
    /// Scan, and show what each rule cost: time, anchors seen, regex runs, matches, findings
    Profile(Box<profile::Profile>),
}

/// How to show it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table.
    #[default]
    Human,
    /// JSON.
    Json,
}

/// Runs the subcommand; its exit code.
pub(crate) fn run(args: &Rules, talk: Talk) -> anyhow::Result<u8> {
    match &args.command {
        Command::List { format } => list(*format),
        Command::Show { id } => show(id),
        Command::Test { ids } => test(ids),
        Command::Explain { path, text } => explain(path.as_deref(), text.as_deref()),
        Command::Check { files } => check(files),
        Command::Profile(args) => profile::run(args, talk),
    }
}

fn list(format: Format) -> anyhow::Result<u8> {
    let rules: Vec<Rule> = all()?.into_iter().map(|(rule, _)| rule).collect();
    console::print(|out| match format {
        Format::Human => {
            let width = rules.iter().map(|rule| rule.id().len()).max().unwrap_or(0);
            for rule in &rules {
                let part = if rule.part { " (a part of others)" } else { "" };
                let meta = &rule.meta;
                writeln!(
                    out,
                    "{:<width$}  {:<8}  {:<6}  {}{part}",
                    meta.id, meta.severity, rule.confidence, meta.name
                )?;
            }
            writeln!(out, "{} rules, pack {}", rules.len(), builtin_hash())
        }
        Format::Json => {
            let rules: Vec<_> = rules.iter().map(describe).collect();
            serde_json::to_writer_pretty(&mut *out, &json!({ "pack": builtin_hash(), "rules": rules }))?;
            writeln!(out)
        }
    })?;
    Ok(0)
}

fn describe(rule: &Rule) -> serde_json::Value {
    let meta = &rule.meta;
    let parts = |optional: bool| -> Vec<&String> {
        rule.requires.iter().filter(|part| part.optional == optional).map(|part| &part.rule).collect()
    };
    json!({
        "id": meta.id, "name": meta.name, "provider": meta.provider, "severity": meta.severity.name(),
        "confidence": rule.confidence.name(), "why": meta.why, "fix": meta.fix, "link": meta.link,
        "generic": meta.generic, "part": rule.part, "checksum": rule.checksum, "entropy": rule.entropy,
        "anchors": rule.anchors.iter().map(|anchor| &anchor.text).collect::<Vec<_>>(),
        "regex": rule.regex, "paths": rule.paths,
        "requires": parts(false), "shows": parts(true),
    })
}

fn show(id: &str) -> anyhow::Result<u8> {
    let rules: Vec<Rule> = all()?.into_iter().map(|(rule, _)| rule).collect();
    let Some(rule) = rules.iter().find(|rule| rule.id() == id) else {
        let near = rules
            .iter()
            .map(Rule::id)
            .max_by(|a, b| strsim::jaro_winkler(a, id).total_cmp(&strsim::jaro_winkler(b, id)));
        bail!("there is no rule '{id}': did you mean '{}'? See keyward rules list", near.unwrap_or_default());
    };
    console::print(|out| show_rule(rule, out))?;
    Ok(0)
}

fn show_rule(rule: &Rule, out: &mut dyn Write) -> io::Result<()> {
    let meta = &rule.meta;
    writeln!(out, "{}\n  {}", meta.id, meta.name)?;
    let kind = match rule.kind {
        Kind::Regex => "a pattern",
        Kind::Token => "a token that stands alone",
        Kind::Assigned => "a value given to a telling name",
        Kind::Keyed => "the value of a key named after its provider, or right behind its name",
        Kind::Assignment => "the generic assignment grammar",
    };
    let anchors: Vec<_> = rule.anchors.iter().map(|anchor| &*anchor.text).collect();
    let mut lines = vec![
        ("severity", meta.severity.to_string()),
        ("confidence", rule.confidence.to_string()),
        ("looks for", kind.to_owned()),
        ("anchors", anchors.join(" ")),
        ("regex", rule.regex.to_string()),
    ];
    if rule.entropy > 0.0 {
        lines.push(("entropy", format!("at least {} bits a byte", rule.entropy)));
    }
    if let Some(checksum) = rule.checksum {
        let name = serde_json::to_value(checksum).ok().and_then(|value| value.as_str().map(str::to_owned));
        lines.push(("checksum", name.unwrap_or_default()));
    }
    lines.push(("paths", rule.paths.join(" ")));
    for part in &rule.requires {
        let key = if part.optional { "shows" } else { "requires" };
        lines.push((key, format!("{} within {} lines", part.rule, part.within_lines)));
    }
    lines.extend([("why", meta.why.clone()), ("fix", meta.fix.clone()), ("link", meta.link.clone())]);
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(out, "  {name:<11} {value}")?;
    }
    Ok(())
}

/// The built-in rules with their examples.
fn builtin() -> anyhow::Result<Vec<Proved>> {
    let examples = builtin_examples()?;
    let rules = Pack::builtin()?.rules;
    if examples.len() != rules.len() {
        bail!("the built-in pack and its examples do not fit: run cargo xtask pack");
    }
    Ok(rules.into_iter().zip(examples).map(|(rule, (_, examples))| (rule, examples)).collect())
}

/// The built-in rules and those of the `keyward.toml` that holds here.
fn all() -> anyhow::Result<Vec<Proved>> {
    let (_, config) = config_here()?;
    let mut proved = builtin()?;
    proved.retain(|(rule, _)| !config.rules.iter().any(|(own, _)| own.id() == rule.id()));
    proved.extend(config.rules);
    proved.sort_by(|(a, _), (b, _)| a.id().cmp(b.id()));
    Ok(proved)
}

fn test(ids: &[String]) -> anyhow::Result<u8> {
    let proved = all()?;
    if let Some(id) = ids.iter().find(|id| !proved.iter().any(|(rule, _)| rule.id() == id.as_str())) {
        bail!("there is no rule '{id}': see keyward rules list");
    }
    let wanted = |id: &str| ids.is_empty() || ids.iter().any(|want| want == id);
    prove(&proved, &wanted)
}

/// Runs the examples of the wanted rules among all of them (parts need their fellows) and reports.
fn prove(proved: &[Proved], wanted: &dyn Fn(&str) -> bool) -> anyhow::Result<u8> {
    let failures: Vec<_> = selftest::check(proved).into_iter().filter(|failure| wanted(&failure.rule)).collect();
    let examples = |examples: &Examples| examples.matching.len() + examples.clean.len();
    let (rules, count) = proved
        .iter()
        .filter(|(rule, _)| wanted(rule.id()))
        .fold((0, 0), |(rules, count), (_, written)| (rules + 1, count + examples(written)));
    console::print(|out| {
        for failure in &failures {
            writeln!(out, "{failure}")?;
        }
        let rules = if rules == 1 { "1 rule".to_owned() } else { format!("{rules} rules") };
        writeln!(out, "{rules}, {count} examples, {} failed", failures.len())
    })?;
    Ok(u8::from(!failures.is_empty()))
}

/// Facts shown for each guess.
const FACTS: usize = 8;

/// The generic rule's candidates in a text, what was decided, and by what. Values are not shown.
fn explain(path: Option<&str>, text: Option<&str>) -> anyhow::Result<u8> {
    let mut bytes = text.unwrap_or_default().as_bytes().to_vec();
    if text.is_none() {
        io::stdin().read_to_end(&mut bytes).context("standard input")?;
    }
    let detector = Detector::new(all()?.into_iter().map(|(rule, _)| rule).collect())?;
    detector.tell_refused();
    let path = path.map(BytePath::new);
    let origin = path.clone().map_or(Origin::new(OriginKind::Stdin), |path| Origin::at(OriginKind::Stdin, path));
    let blob = Blob { origin: &origin, bytes: &bytes, fresh: &Fresh::All, former_path: None, earlier: &[] };
    let mut guesses = detector.scan(&blob).map(|found| found.candidates).unwrap_or_default();
    guesses.retain(|candidate| !candidate.features.is_empty());
    console::print(|out| {
        for guess in &guesses {
            let (line, column) = (guess.start.line, guess.start.column);
            let decided = match &guess.dropped {
                Some(why) => format!("no finding: {why}"),
                None => format!("confidence {}", guess.confidence),
            };
            writeln!(out, "{line}:{column}  {}  {decided}", guess.secret)?;
            for note in guess.notes.iter() {
                writeln!(out, "    {}", note.0)?;
            }
            for (fact, number, moved) in reasons(guess, path.as_ref()).into_iter().take(FACTS) {
                writeln!(out, "    {moved:+.2}  {fact} ({number})")?;
            }
        }
        if guesses.is_empty() {
            writeln!(out, "the generic rule reads no value here")?;
        }
        Ok(())
    })?;
    Ok(0)
}

fn check(files: &[PathBuf]) -> anyhow::Result<u8> {
    let mut proved = builtin()?;
    let mut own = Vec::new();
    let mut named: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    if files.is_empty() {
        let (dir, config) = config_here()?;
        named.push(dir.join(CONFIG).display().to_string());
        own.extend(config.rules);
    }
    for file in files {
        if file.file_name().is_some_and(|name| name == CONFIG) {
            own.extend(config_file(file)?.rules);
            continue;
        }
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        match read_file(&file.display().to_string(), &text) {
            Ok(rules) => own.extend(rules),
            Err(errors) => {
                errors.iter().for_each(|error| console::warn(&format!("error: {error}")));
                return Ok(2);
            }
        }
    }
    if own.is_empty() {
        bail!("there is no [[rule]] in {}", named.join(", "));
    }
    let ids: Vec<String> = own.iter().map(|(rule, _)| rule.id().to_owned()).collect();
    proved.retain(|(rule, _)| !ids.iter().any(|id| id == rule.id()));
    proved.extend(own);
    crate::rule::written::check_set(proved.iter().map(|(rule, _)| rule)).map_err(anyhow::Error::msg)?;
    prove(&proved, &|id| ids.iter().any(|own| own == id))
}
