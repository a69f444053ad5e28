//! `keyward manifest`: write a micro-app's manifest, or show what one says.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};

use super::console;
use super::setup::today;
use crate::manifest::{self, Answers, Limits};
use crate::model::BytePath;
use crate::parse::{Kind, Node, parse, shown};
use crate::report::safe;

/// Write, and look at, a micro-app's manifest.
#[derive(Debug, Args)]
pub(crate) struct Manifest {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Write a manifest that keeps to every rule; asks for what no flag gives
    Init(Box<Init>),
    /// Show what the manifests in a file say, and what is wrong with them
    Show {
        /// The file
        #[arg(default_value = "catalog-info.yaml")]
        file: PathBuf,
        /// Format: human or json
        #[arg(long, short, value_enum, default_value_t)]
        format: ShowFormat,
    },
    /// Print the manifest's JSON Schema
    Schema,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum ShowFormat {
    #[default]
    Human,
    Json,
}

#[derive(Debug, Args)]
struct Init {
    /// The app's name
    #[arg(long)]
    name: Option<String>,
    /// What it is for, in a sentence
    #[arg(long)]
    purpose: Option<String>,
    /// Who answers for it, such as group:default/marketing
    #[arg(long)]
    owner: Option<String>,
    /// The business unit
    #[arg(long)]
    unit: Option<String>,
    /// How sensitive its data is: public, internal, confidential or restricted
    #[arg(long)]
    class: Option<String>,
    /// prototype (30 days at most) or supported (a year)
    #[arg(long, default_value = "prototype")]
    tier: String,
    /// How long it may live [default: 30d; supported: 365d]
    #[arg(long)]
    ttl: Option<String>,
    /// The file to write
    #[arg(long, default_value = "catalog-info.yaml")]
    file: PathBuf,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
}

/// Runs the subcommand; its exit code.
pub(crate) fn run(args: &Manifest) -> anyhow::Result<u8> {
    match &args.what {
        What::Init(init) => self::init(init),
        What::Show { file, format } => show(file, *format),
        What::Schema => {
            console::print(|out| out.write_all(manifest::schema().as_bytes())).context("standard output")?;
            Ok(0)
        }
    }
}

fn init(args: &Init) -> anyhow::Result<u8> {
    if args.file.exists() && !args.force {
        bail!("{} is there already: use --force to write over it", args.file.display());
    }
    let ttl = args.ttl.clone().unwrap_or_else(|| if args.tier == "supported" { "365d" } else { "30d" }.into());
    let answers = Answers {
        name: ask(&args.name, "name", "Name")?,
        purpose: ask(&args.purpose, "purpose", "What is it for")?,
        owner: ask(&args.owner, "owner", "Who answers for it (group:default/team)")?,
        unit: ask(&args.unit, "unit", "Business unit")?,
        class: ask(&args.class, "class", "Data class (public, internal, confidential, restricted)")?,
        tier: args.tier.clone(),
        ttl,
        today: today(),
    };
    let text = manifest::write(&answers).with_context(|| format!("{:?} is no duration: write 30d", answers.ttl))?;
    let faults: Vec<String> = read(&text)?
        .iter()
        .flat_map(|node| manifest::faults(node, &Limits::new(today())))
        .filter(|fault| fault.rule != "manifest-expiring")
        .map(|fault| safe(&fault.message))
        .collect();
    if !faults.is_empty() {
        bail!("nothing written: {}", faults.join("; "));
    }
    std::fs::write(&args.file, text).with_context(|| args.file.display().to_string())?;
    console::warn(&format!("wrote {}", args.file.display()));
    Ok(0)
}

fn read(text: &str) -> anyhow::Result<Vec<Node>> {
    parse(Kind::Yaml, text.as_bytes()).map_err(|error| anyhow::anyhow!(error.located(text.as_bytes())))
}

/// What the flag gives, or else what somebody at a terminal says.
fn ask(given: &Option<String>, flag: &str, question: &str) -> anyhow::Result<String> {
    if let Some(given) = given {
        return Ok(given.clone());
    }
    if !std::io::stdin().is_terminal() {
        bail!("--{flag} is missing, and nobody is there to ask");
    }
    console::print(|out| {
        write!(out, "{question}: ")?;
        out.flush()
    })?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    match line.trim() {
        "" => bail!("no answer: give --{flag}"),
        answer => Ok(answer.to_owned()),
    }
}

fn show(file: &std::path::Path, format: ShowFormat) -> anyhow::Result<u8> {
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let name = BytePath::from_os(file);
    let kind = Kind::of(&name).filter(|kind| matches!(kind, Kind::Yaml | Kind::Json)).unwrap_or(Kind::Yaml);
    let documents = parse(kind, &bytes).map_err(|error| anyhow::anyhow!("{name}: {}", error.located(&bytes)))?;
    let found: Vec<&Node> = documents.iter().filter(|node| manifest::is_manifest(node)).collect();
    anyhow::ensure!(!found.is_empty(), "{name}: no micro-app's manifest in it");
    let limits = Limits::new(today());
    let mut page = String::new();
    let mut code = 0;
    for node in found {
        let faults = manifest::faults(node, &limits);
        code = code.max(u8::from(faults.iter().any(|fault| fault.rule != "manifest-expiring")));
        match format {
            ShowFormat::Json => {
                page.push_str(&serde_json::to_string_pretty(&serde_json::Value::from(node))?);
                page.push('\n');
            }
            ShowFormat::Human => {
                page.push_str(&summary(node));
                for fault in faults {
                    page.push_str(&format!(
                        "  {} at {}: {}\n",
                        fault.rule,
                        safe(&shown(&fault.path)),
                        safe(&fault.message)
                    ));
                }
            }
        }
    }
    console::print(|out| out.write_all(page.as_bytes())).context("standard output")?;
    Ok(code)
}

/// A line a fact.
fn summary(node: &Node) -> String {
    let text = |path: &str| {
        let found = node.at(&crate::parse::read_path(path));
        safe(found.and_then(Node::as_str).unwrap_or("-"))
    };
    let lines = [
        ("app", text("metadata.name")),
        ("purpose", text("metadata.description")),
        ("owner", text("spec.owner")),
        ("data", text("spec.governance.dataClassification")),
        ("tier", text("spec.governance.lifetime.tier")),
        ("until", text("spec.governance.lifetime.expiresAt")),
        ("identity", text("spec.governance.identity.subject")),
    ];
    lines.iter().map(|(label, words)| format!("{label:<9} {words}\n")).collect()
}
