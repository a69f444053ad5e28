//! From arguments and configuration to policies that are ready to be asked. Reads them from the same layer as the
//! configuration: the disk, the index, a commit.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use jiff::civil::Date;

use super::setup::{Layer, lines};
use crate::config::{Config, ManifestOptions};
use crate::git::Repo;
use crate::manifest::{Duration, Limits};
use crate::model::BytePath;
use crate::parse::{Kind, Node, Owners, Value, parse};
use crate::policy::{Options, Policies, PolicyFile, builtin};
use crate::scan::Required;

/// What files are held against.
#[derive(Debug, Clone, Default, Args)]
pub struct PolicyArgs {
    /// Rego policies: a file, or a directory with all below it; may be given several times [default: as `[policy] paths`]
    #[arg(long, value_name = "PATH", help_heading = "Policies")]
    pub policy: Vec<PathBuf>,

    /// Documents that policies find under `data`: a file or a directory
    #[arg(long, value_name = "PATH", help_heading = "Policies")]
    pub data: Vec<PathBuf>,

    /// Ask only the rules of this package; may be given several times [default: every package]
    #[arg(long, value_name = "PACKAGE", help_heading = "Policies")]
    pub namespace: Vec<String>,

    /// Ask the rules of every package, whatever the configuration says
    #[arg(long, conflicts_with = "namespace", help_heading = "Policies")]
    pub all_namespaces: bool,

    /// Read every file as yaml, json, toml, hcl2, dockerfile, dotenv, ini, properties, xml or codeowners [default: by name]
    #[arg(long, value_name = "FORMAT", value_parser = kind, help_heading = "Policies")]
    pub parser: Option<Kind>,

    /// Fail for what is advisory as well: `warn` rules, and what [[enforce]] makes so
    #[arg(long, help_heading = "Policies")]
    pub fail_on_warn: bool,

    /// Ask the built-in rules too, where there is neither a [policy] table nor a manifest; else they are asked anyway
    #[arg(long, conflicts_with = "no_builtin", help_heading = "Policies")]
    pub builtin: bool,

    /// Leave out the built-in rules
    #[arg(long, help_heading = "Policies")]
    pub no_builtin: bool,

    /// Report what deploys an app without a manifest [default: where there is a manifest or a [policy] table]
    #[arg(long, conflicts_with = "no_require_manifest", help_heading = "Policies")]
    pub require_manifest: bool,

    /// Do not report what deploys an app without a manifest
    #[arg(long, help_heading = "Policies")]
    pub no_require_manifest: bool,

    /// The day that decides what has expired, YYYY-MM-DD [default: today, UTC]
    #[arg(long, value_name = "DATE", help_heading = "Policies")]
    pub now: Option<Date>,

    /// Judge all files as one input, a list of {path, contents}
    #[arg(long, help_heading = "Policies")]
    pub combine: bool,
}

/// Seconds that a rule may take where nobody says otherwise.
const TIMEOUT: u64 = 5;
/// Policy files read.
const MOST: usize = 10_000;

/// Policies and how they are applied.
pub(crate) struct Judged {
    /// None where nobody names any: manifests are looked at all the same.
    pub policies: Option<Policies>,
    /// True where the built-in rules are asked as soon as a manifest is found.
    pub built_in: bool,
    /// The longest that a built-in rule may take then.
    pub timeout: std::time::Duration,
    /// Whether what deploys something must have a manifest.
    pub required: Required,
    /// What manifests are held against.
    pub limits: Limits,
    /// The ids of all policy rules, disabled ones too.
    pub ids: Vec<String>,
    pub combine: bool,
    /// What only tells fails as well.
    pub fail_on_warn: bool,
    /// The format that every file is read as.
    pub parser: Option<Kind>,
}

/// A format's name, as conftest has it.
fn kind(name: &str) -> Result<Kind, String> {
    let name = if name == "jsonc" { "json" } else { name };
    Kind::named(name).ok_or_else(|| format!("use one of {}", Kind::ALL.map(Kind::name).join(", ")))
}

/// What the files are held against.
pub(crate) fn load(
    args: &PolicyArgs,
    config: &Config,
    repo: Option<&Repo>,
    layer: &Layer,
    today: Date,
) -> anyhow::Result<Judged> {
    let today = args.now.unwrap_or(today);
    let limits = limits(config, repo, layer, today)?;
    let policies = policies(args, config, repo, layer, today)?;
    let combine = args.combine || config.policy.as_ref().is_some_and(|table| table.combine);
    let (policies, ids) = policies.unzip();
    let table = config.policy.as_ref();
    let wanted = !args.no_builtin && table.is_none_or(|table| table.builtin != Some(false));
    let asked = args.builtin || wanted && table.is_some();
    let stated = config.manifest.as_ref().and_then(|table| table.required);
    let required = match (args.require_manifest, args.no_require_manifest, stated) {
        (true, ..) | (false, false, Some(true)) => Required::Always,
        (_, true, _) | (_, _, Some(false)) => Required::Never,
        _ if wanted && table.is_some() => Required::Always,
        _ => Required::WithManifest,
    };
    let timeout = timeout(config);
    let built_in = wanted && !asked;
    Ok(Judged {
        policies,
        built_in,
        timeout,
        required,
        limits,
        ids: ids.unwrap_or_default(),
        combine,
        fail_on_warn: args.fail_on_warn,
        parser: args.parser,
    })
}

fn timeout(config: &Config) -> std::time::Duration {
    std::time::Duration::from_secs(config.policy.as_ref().and_then(|table| table.timeout).unwrap_or(TIMEOUT))
}

/// The defaults, or what `[manifest]` says. Where there is a list of owners or a CODEOWNERS file, owners must be found there.
fn limits(config: &Config, repo: Option<&Repo>, layer: &Layer, today: Date) -> anyhow::Result<Limits> {
    let mut limits = Limits::new(today);
    let usual = ManifestOptions::default();
    let table = config.manifest.as_ref().unwrap_or(&usual);
    let ttl = |key: &str, text: &String| {
        let found = Duration::read(text);
        found.ok_or_else(|| anyhow::anyhow!("{}: `{key}` is {text:?}, which is no duration: write 30d", config.file))
    };
    if let Some(text) = &table.prototype_ttl {
        limits.prototype = ttl("prototype_ttl", text)?;
    }
    if let Some(text) = &table.supported_ttl {
        limits.supported = ttl("supported_ttl", text)?;
    }
    limits.labels = table.labels.clone().unwrap_or(limits.labels);
    limits.expiring_days = table.expiring_days.and_then(|n| i64::try_from(n).ok()).unwrap_or(limits.expiring_days);
    let mut owners = table.owners.clone();
    let mut any = !owners.is_empty();
    for path in ["CODEOWNERS", ".github/CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"] {
        if let Some(bytes) = layer.read(repo, path)? {
            any = true;
            owners.extend(Owners::read(&bytes).names().map(str::to_owned));
        }
    }
    limits.owners = any.then_some(owners);
    Ok(limits)
}

/// The policies and the ids of their rules; none where nobody asks for any.
fn policies(
    args: &PolicyArgs,
    config: &Config,
    repo: Option<&Repo>,
    layer: &Layer,
    today: Date,
) -> anyhow::Result<Option<(Policies, Vec<String>)>> {
    let table = config.policy.as_ref();
    if table.is_none() && args.policy.is_empty() && !args.builtin {
        return Ok(None);
    }
    let wanted = |name: &str| name.ends_with(".rego") && !name.ends_with("_test.rego");
    let mut files = Vec::new();
    for path in &args.policy {
        let found = on_disk(path, &wanted)?;
        anyhow::ensure!(!found.is_empty(), "{}: no .rego file there", path.display());
        files.extend(found);
    }
    for path in table.map(|table| table.paths.as_slice()).unwrap_or_default().iter().filter(|_| args.policy.is_empty())
    {
        let found = layer.below(repo, &path.name, &wanted)?;
        if found.is_empty() {
            bail!("{}:{}: `paths` names {}, where no .rego file is", config.file, path.line, path.name);
        }
        files.extend(found);
    }
    let mut documents = Vec::new();
    for path in &args.data {
        documents.extend(on_disk(path, &readable)?);
    }
    for path in table.map(|table| table.data.as_slice()).unwrap_or_default().iter().filter(|_| args.data.is_empty()) {
        documents.extend(layer.below(repo, &path.name, &readable)?);
    }
    let data = documents.into_iter().map(document).collect::<anyhow::Result<Vec<_>>>()?;
    let mut files: Vec<PolicyFile> = files.into_iter().map(|(name, text)| PolicyFile::new(name, text)).collect();
    if args.builtin || !args.no_builtin && table.is_some_and(|table| table.builtin != Some(false)) {
        files.extend(builtin());
    }
    if files.is_empty() && table.is_some_and(|table| table.paths.is_empty() && !table.exclude.is_empty()) {
        // The table says only what is passed over.
        return Ok(None);
    }
    let namespaces = match (args.namespace.as_slice(), table) {
        _ if args.all_namespaces => Vec::new(),
        ([], Some(table)) => table.namespaces.clone(),
        (given, _) => given.to_vec(),
    };
    let options = Options { namespaces, limit: timeout(config), today };
    let mut policies = Policies::load(&files, &data, &options).map_err(|errors| anyhow::anyhow!(lines(&errors)))?;
    let ids = policies.queries().iter().map(|query| query.meta.id.clone()).collect();
    policies.choose(&config.choice);
    if policies.queries().is_empty() {
        bail!("no `deny`, `violation` or `warn` rule in the policies: nothing would be checked by them");
    }
    Ok(Some((policies, ids)))
}

/// Policies with their tests, from the disk.
pub(crate) fn with_tests(dir: &Path, args: &PolicyArgs, today: Date) -> anyhow::Result<Policies> {
    let files = on_disk(dir, &|name| name.ends_with(".rego"))?;
    anyhow::ensure!(!files.is_empty(), "{}: no .rego file there", dir.display());
    let mut documents = Vec::new();
    for path in &args.data {
        documents.extend(on_disk(path, &readable)?);
    }
    let data = documents.into_iter().map(document).collect::<anyhow::Result<Vec<_>>>()?;
    let files: Vec<PolicyFile> = files.into_iter().map(|(name, text)| PolicyFile::new(name, text)).collect();
    let options = Options { namespaces: args.namespace.clone(), limit: std::time::Duration::from_secs(TIMEOUT), today };
    Policies::load(&files, &data, &options).map_err(|errors| anyhow::anyhow!(lines(&errors)))
}

/// True for a file of data.
fn readable(name: &str) -> bool {
    matches!(Kind::of(&BytePath::new(name)), Some(Kind::Yaml | Kind::Json | Kind::Toml))
}

/// One document of data; what stands in several is merged by the engine.
fn document((name, bytes): (String, Vec<u8>)) -> anyhow::Result<(String, Node)> {
    let kind = Kind::of(&BytePath::new(&name)).unwrap_or(Kind::Yaml);
    let mut documents = parse(kind, &bytes).map_err(|error| anyhow::anyhow!("{name}: {}", error.located(&bytes)))?;
    match (documents.pop(), documents.is_empty()) {
        (Some(node), true) if matches!(node.value, Value::Map(_)) => Ok((name, node)),
        _ => bail!("{name}: data must be one map"),
    }
}

fn on_disk(path: &Path, wanted: &dyn Fn(&str) -> bool) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    use anyhow::Context;
    let meta = path.metadata().with_context(|| path.display().to_string())?;
    if meta.is_dir() {
        return below(path, wanted);
    }
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(vec![(path.display().to_string(), bytes)])
}

/// Regular files below a directory, sorted by name.
pub(super) fn below(dir: &Path, wanted: &dyn Fn(&str) -> bool) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    use anyhow::Context;
    let mut out = Vec::new();
    let mut walk = ignore::WalkBuilder::new(dir);
    walk.standard_filters(false).sort_by_file_name(std::cmp::Ord::cmp);
    for entry in walk.build() {
        let entry = entry?;
        let name = entry.path().display().to_string();
        if !entry.file_type().is_some_and(|kind| kind.is_file()) || !wanted(&name) {
            continue;
        }
        anyhow::ensure!(out.len() < MOST, "{}: more than {MOST} files", dir.display());
        out.push((name.clone(), std::fs::read(entry.path()).context(name)?));
    }
    Ok(out)
}
