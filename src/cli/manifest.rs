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
    /// prototype (30 days at most) or supported (a year) [default: prototype]
    #[arg(long)]
    tier: Option<String>,
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
    let mut answers = usual();
    let questions: [(&Option<String>, Question); 6] = [
        (&args.name, Question { flag: "name", text: "Name", usual: directory(), field: |a| &mut a.name }),
        (&args.purpose, Question { flag: "purpose", text: "What is it for", usual: None, field: |a| &mut a.purpose }),
        (
            &args.owner,
            Question {
                flag: "owner",
                text: "Who answers for it, such as group:default/marketing",
                usual: None,
                field: |a| &mut a.owner,
            },
        ),
        (&args.unit, Question { flag: "unit", text: "Business unit", usual: None, field: |a| &mut a.unit }),
        (
            &args.class,
            Question {
                flag: "class",
                text: "Data class (public, internal, confidential, restricted)",
                usual: None,
                field: |a| &mut a.class,
            },
        ),
        (
            &args.tier,
            Question {
                flag: "tier",
                text: "Tier (prototype: 30 days at most; supported: a year)",
                usual: Some("prototype".into()),
                field: |a| &mut a.tier,
            },
        ),
    ];
    for (given, question) in &questions {
        let answer = ask(given, question)?;
        *(question.field)(&mut answers) = answer;
    }
    let length = if answers.tier == "supported" { "365d" } else { "30d" };
    answers.ttl = args.ttl.clone().unwrap_or_else(|| length.into());
    let text = manifest::write(&answers).with_context(|| format!("{:?} is no duration: write 30d", answers.ttl))?;
    let faults = faults(&text)?;
    if !faults.is_empty() {
        bail!("nothing written: {}", faults.join("; "));
    }
    std::fs::write(&args.file, text).with_context(|| args.file.display().to_string())?;
    console::warn(&format!("wrote {}", args.file.display()));
    Ok(0)
}

/// Something that a manifest is written from.
struct Question {
    flag: &'static str,
    text: &'static str,
    /// What holds where nothing is said.
    usual: Option<String>,
    field: fn(&mut Answers) -> &mut String,
}

/// Answers that nothing is wrong with.
fn usual() -> Answers {
    Answers {
        name: "app".into(),
        purpose: "An app".into(),
        owner: "group:default/app".into(),
        unit: "app".into(),
        class: "internal".into(),
        tier: "prototype".into(),
        ttl: "30d".into(),
        today: today(),
    }
}

/// The name of the current directory, where it could be an app's.
fn directory() -> Option<String> {
    let name = std::env::current_dir().ok()?.file_name()?.to_str()?.to_lowercase();
    let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    (fits && name.starts_with(|c: char| c.is_ascii_alphanumeric())).then_some(name)
}

/// What is wrong with a manifest that is about to be written.
fn faults(text: &str) -> anyhow::Result<Vec<String>> {
    let limits = Limits::new(today());
    let all = read(text)?;
    let all = all.iter().flat_map(|node| manifest::faults(node, &limits));
    Ok(all.filter(|fault| fault.rule != "manifest-expiring").map(|fault| safe(&fault.message)).collect())
}

fn read(text: &str) -> anyhow::Result<Vec<Node>> {
    parse(Kind::Yaml, text.as_bytes()).map_err(|error| anyhow::anyhow!(error.located(text.as_bytes())))
}

/// So often somebody is asked again.
const TRIES: usize = 3;

/// What the flag gives, or else what somebody at a terminal says; asked again where it cannot be.
fn ask(given: &Option<String>, question: &Question) -> anyhow::Result<String> {
    if let Some(given) = given {
        return Ok(given.clone());
    }
    if !std::io::stdin().is_terminal() {
        return match &question.usual {
            Some(usual) if question.flag == "tier" => Ok(usual.clone()),
            _ => bail!("--{} is missing, and nobody is there to ask", question.flag),
        };
    }
    for _ in 0..TRIES {
        let usual = question.usual.as_ref().map(|usual| format!(" [{usual}]")).unwrap_or_default();
        console::print(|out| {
            write!(out, "{}{usual}: ", question.text)?;
            out.flush()
        })?;
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line)? == 0 {
            bail!("no answer: give --{}", question.flag);
        }
        let answer = match (line.trim(), &question.usual) {
            ("", Some(usual)) => usual.clone(),
            (answer, _) => answer.to_owned(),
        };
        let mut probe = usual_with(question, &answer);
        if probe.tier == "supported" {
            probe.ttl = "365d".into();
        }
        let wrong = match manifest::write(&probe) {
            _ if answer.is_empty() => vec!["an answer is needed".to_owned()],
            Some(text) => faults(&text)?,
            None => Vec::new(),
        };
        if wrong.is_empty() {
            return Ok(answer);
        }
        console::print(|out| writeln!(out, "  {}", wrong.join("; ")))?;
    }
    bail!("no answer that could be: give --{}", question.flag)
}

fn usual_with(question: &Question, answer: &str) -> Answers {
    let mut probe = usual();
    answer.clone_into((question.field)(&mut probe));
    probe
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
