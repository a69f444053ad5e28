//! From arguments to a plan: which source, whose configuration, which baseline. Reads what the plan needs, scans nothing.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::args::FilterArgs;
use super::govern::{self, Judged};
use crate::config::{ARCHIVE_DEPTH, ARCHIVE_SIZE, Config};
use crate::detect::{Detector, Simd};
use crate::git::Repo;
use crate::manifest;
use crate::model::{BytePath, Confidence, Severity};
use crate::policy;
use crate::rule::pack::Pack;
use crate::triage::{Baseline, Fingerprinter, Settings, baseline, fingerprint};
use crate::unpack;

/// The configuration's name.
pub(crate) const CONFIG: &str = "keyward.toml";
/// Names the instructions that the prefilter uses: what they find is the same.
const SIMD_VARIABLE: &str = "KEYWARD_SIMD";
/// Files over this are passed over unless something else is asked for.
pub(crate) const MAX_FILE_SIZE: u64 = 64 << 20;

/// Where `keyward.toml` and the baseline are read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Nowhere: the defaults hold.
    Nowhere,
    /// A directory of the disk.
    Disk(PathBuf),
    /// The index that git is about to commit.
    Index,
    /// A commit.
    Commit(String),
}

impl Layer {
    /// Reads a file relative to the layer's root; `None` when it is not there.
    pub(crate) fn read(&self, repo: Option<&Repo>, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let name = BytePath::new(path);
        match (self, repo) {
            (Layer::Disk(dir), _) => match std::fs::read(dir.join(path)) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error).with_context(|| dir.join(path).display().to_string()),
            },
            (Layer::Index, Some(repo)) => Ok(repo.staged_file(&name)?),
            // Before the first commit there is no HEAD and so no file in it.
            (Layer::Commit(rev), Some(repo)) if rev == "HEAD" && repo.head()?.is_none() => Ok(None),
            (Layer::Commit(rev), Some(repo)) => Ok(repo.show(rev, &name)?),
            _ => Ok(None),
        }
    }

    /// The wanted files at or below a path relative to the layer's root, by name.
    pub(crate) fn below(
        &self,
        repo: Option<&Repo>,
        path: &str,
        wanted: &dyn Fn(&str) -> bool,
    ) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let names = match (self, repo) {
            (Layer::Disk(dir), _) => {
                let full = dir.join(path);
                return match full.symlink_metadata() {
                    Ok(meta) if meta.is_dir() => govern::below(&full, wanted),
                    Ok(meta) if meta.is_file() => {
                        Ok(self.read(repo, path)?.map(|bytes| (path.to_owned(), bytes)).into_iter().collect())
                    }
                    _ => Ok(Vec::new()),
                };
            }
            (Layer::Index, Some(repo)) => repo.tracked()?,
            (Layer::Commit(rev), Some(repo)) => {
                let all = repo.changes(None, repo.resolve(rev)?)?;
                all.into_iter().filter(|delta| delta.new.is_some()).map(|delta| delta.path).collect()
            }
            _ => Vec::new(),
        };
        let prefix = format!("{path}/");
        let names = names.iter().filter_map(|name| std::str::from_utf8(name.as_bytes()).ok());
        let mut out = Vec::new();
        for name in names.filter(|name| path.is_empty() || *name == path || name.starts_with(&prefix)) {
            if wanted(name)
                && let Some(bytes) = self.read(repo, name)?
            {
                out.push((name.to_owned(), bytes));
            }
        }
        Ok(out)
    }

    /// What errors and notices call a file of this layer.
    fn name(&self, path: &str) -> String {
        match self {
            Layer::Disk(dir) if dir.as_os_str().is_empty() || dir == Path::new(".") => path.to_owned(),
            Layer::Disk(dir) => dir.join(path).display().to_string(),
            Layer::Index => format!("{path} (staged)"),
            Layer::Commit(rev) => format!("{path} ({rev})"),
            Layer::Nowhere => path.to_owned(),
        }
    }
}

/// What a scan needs beside its source. Owns what [`Settings`] borrows.
pub(crate) struct Setup {
    /// The configuration that counts.
    pub config: Config,
    /// The configuration before the scanned change, to report what the change allows itself.
    pub before: Option<Config>,
    /// The baseline that counts.
    pub baseline: Option<Baseline>,
    /// The baseline before the scanned change.
    pub baseline_before: Option<Baseline>,
    /// Where the baseline is, relative to the layer's root.
    pub baseline_path: String,
    /// The directory it is relative to, where it can be written; none in a bare repository.
    pub root: Option<PathBuf>,
    /// Policies, where they are asked for and there are any.
    pub judged: Option<Judged>,
    /// The rules, ready to match.
    pub detector: Detector,
    /// Candidates below this are dropped.
    pub confidence: Confidence,
    /// Findings below this do not fail.
    pub fail_on: Option<Severity>,
    /// Blobs over this many bytes are passed over.
    pub max_file_size: u64,
    /// How far to look into archives; none: not at all.
    pub archives: Option<unpack::Limits>,
    /// Threads to use; 0 for one a core.
    pub threads: usize,
    /// Whether comments in the text count.
    pub inline: bool,
    key: Option<Vec<u8>>,
}

impl Setup {
    /// Reads configuration and baseline from `layer` (or as the flags say) and makes the rules ready.
    pub(crate) fn new(
        filter: &FilterArgs,
        repo: Option<&Repo>,
        layer: &Layer,
        before: &Layer,
        default: Confidence,
    ) -> anyhow::Result<Self> {
        let layer = match &filter.config_from {
            Some(rev) => {
                let Some(repo) = repo else { bail!("--config-from {rev}: not inside a git repository") };
                repo.resolve(rev)?;
                Layer::Commit(rev.clone())
            }
            None => layer.clone(),
        };
        let key = key();
        let root = match &layer {
            Layer::Disk(dir) => Some(dir.clone()),
            _ => repo.and_then(|repo| repo.workdir().map(Path::to_path_buf)),
        };
        let config = read_config(filter, repo, &layer)?;
        // What comes from another commit cannot be loosened by this change; of a configuration given by hand, only the
        // baseline beside it can. A broken one before the change is no reason to fail the change that mends it.
        let before = if filter.config_from.is_some() || *before == Layer::Nowhere {
            None
        } else {
            Some((before, read_config(filter, repo, before).unwrap_or_default()))
        };
        let baseline_path = config.baseline.clone().unwrap_or_else(|| baseline::DEFAULT_PATH.to_owned());
        let baseline = match (&filter.baseline, filter.no_baseline) {
            (_, true) => None,
            (Some(path), _) => {
                let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
                Some(read_baseline(&path.display().to_string(), &bytes, key.as_deref())?)
            }
            (None, false) => match layer.read(repo, &baseline_path)? {
                Some(bytes) => Some(read_baseline(&layer.name(&baseline_path), &bytes, key.as_deref())?),
                None if config.baseline.is_some() => {
                    bail!("{} names the baseline {baseline_path}, which is not there", layer.name(CONFIG))
                }
                None => None,
            },
        };
        let baseline_before = match &before {
            Some((layer, config)) if baseline.is_some() && filter.baseline.is_none() => {
                let path = config.baseline.clone().unwrap_or_else(|| baseline::DEFAULT_PATH.to_owned());
                // An unreadable baseline before the change is no reason to fail the change that mends it.
                layer.read(repo, &path)?.and_then(|bytes| Baseline::read(&bytes, key.as_deref()).ok())
            }
            _ => None,
        };
        let others = || -> Vec<&'static str> { policy::builtin_ids().iter().copied().chain(manifest_ids()).collect() };
        let rules =
            config.apply_beside(Pack::builtin()?.rules, &others).map_err(|errors| anyhow::anyhow!(lines(&errors)))?;
        let judged = match &filter.govern {
            Some(args) => Some(govern::load(args, &config, repo, &layer, today())?),
            None => None,
        };
        // Ids were checked already, but for those that may be a policy's.
        if let Some(judged) = judged.as_ref().filter(|_| config.policy.is_some()) {
            let own = judged.ids.iter().map(String::as_str).chain(others());
            let ids: Vec<&str> = rules.iter().map(|rule| rule.id()).chain(own).collect();
            config.check_rule_ids(&ids).map_err(|errors| anyhow::anyhow!(lines(&errors)))?;
        }
        let max_file_size = filter.max_file_size.or(config.scan.max_file_size).unwrap_or(MAX_FILE_SIZE);
        let limits = unpack::Limits {
            depth: config.scan.archive_depth.unwrap_or(ARCHIVE_DEPTH),
            file: max_file_size,
            total: config.scan.archive_size.unwrap_or(ARCHIVE_SIZE),
        };
        let open = filter.archives || !filter.no_archives && config.scan.archives.unwrap_or(true);
        Ok(Self {
            judged,
            max_file_size,
            archives: open.then_some(limits),
            confidence: filter.confidence.map(Confidence::from).or(config.scan.confidence).unwrap_or(default),
            fail_on: filter.fail_on.map(Severity::from).or(config.scan.fail_on),
            threads: filter.threads.map(usize::from).or(config.scan.threads).unwrap_or(0),
            detector: Detector::with_simd(rules, simd()?)?,
            inline: !filter.no_inline,
            before: before.map(|(_, config)| config),
            config,
            baseline,
            baseline_before,
            baseline_path,
            root,
            key,
        })
    }

    /// What triage goes by. `whole`: the source is a whole tree, so that an unused entry is really unused.
    pub(crate) fn triage(&self, whole: bool) -> Settings<'_> {
        Settings {
            config: &self.config,
            before: self.before.as_ref(),
            baseline: self.baseline.as_ref(),
            baseline_before: self.baseline_before.as_ref(),
            confidence: self.confidence,
            whole,
            today: today(),
            inline: self.inline,
            fingerprinter: Fingerprinter::new(variable(fingerprint::KEY_VARIABLE).as_deref()),
        }
    }

    /// The key from the environment, if any.
    pub(crate) fn key(&self) -> Option<&[u8]> {
        self.key.as_deref()
    }
}

/// The ids of the rules about manifests.
fn manifest_ids() -> impl Iterator<Item = &'static str> {
    manifest::rules().iter().map(|rule| rule.meta.id.as_str())
}

pub(crate) fn today() -> jiff::civil::Date {
    TimeZone::UTC.to_datetime(Timestamp::now()).date()
}

/// The baseline's key, if the environment holds one.
pub(crate) fn key() -> Option<Vec<u8>> {
    variable(baseline::KEY_VARIABLE)
}

/// The prefilter's path, if the environment asks for one: for tests and benches.
fn simd() -> anyhow::Result<Simd> {
    let Some(word) = variable(SIMD_VARIABLE) else { return Ok(Simd::best()) };
    let word = String::from_utf8_lossy(&word);
    match Simd::ALL.into_iter().find(|simd| simd.name() == word) {
        Some(simd) if simd.is_here() => Ok(simd),
        Some(_) => bail!("{SIMD_VARIABLE}={word}: this processor cannot do that"),
        None => bail!("{SIMD_VARIABLE}={word}: use one of {}", Simd::ALL.map(Simd::name).join(", ")),
    }
}

fn variable(name: &str) -> Option<Vec<u8>> {
    std::env::var_os(name).map(|value| value.into_encoded_bytes()).filter(|value| !value.is_empty())
}

pub(crate) fn read_config(filter: &FilterArgs, repo: Option<&Repo>, layer: &Layer) -> anyhow::Result<Config> {
    if filter.no_config {
        return Ok(Config::default());
    } else if let Some(path) = &filter.config {
        return config_file(path);
    }
    match layer.read(repo, CONFIG)? {
        Some(bytes) => config(&layer.name(CONFIG), &bytes),
        None => Ok(Config::default()),
    }
}

/// Reads a configuration that was given by hand.
pub(crate) fn config_file(path: &Path) -> anyhow::Result<Config> {
    let name = path.display().to_string();
    config(&name, &std::fs::read(path).with_context(|| name.clone())?)
}

fn config(name: &str, bytes: &[u8]) -> anyhow::Result<Config> {
    Config::read(name, bytes).map_err(|errors| anyhow::anyhow!(lines(&errors)))
}

fn read_baseline(name: &str, bytes: &[u8], key: Option<&[u8]>) -> anyhow::Result<Baseline> {
    Baseline::read(bytes, key).with_context(|| name.to_owned())
}

/// The directory at or above `start` that holds a `keyward.toml`; else `root`. Nothing above a repository's `top` counts:
/// its index and commits know nothing of it, and who may write there need not be who may excuse a secret here.
pub(crate) fn config_dir(start: &Path, root: &Path, top: Option<&Path>) -> PathBuf {
    let start = if start.as_os_str().is_empty() { Path::new(".") } else { start };
    let real = start.canonicalize().unwrap_or_else(|_| start.to_path_buf());
    let top = top.and_then(|top| top.canonicalize().ok()).filter(|top| real.starts_with(top));
    let within = |dir: &&Path| top.as_ref().is_none_or(|top| dir.starts_with(top));
    real.ancestors().take_while(within).find(|dir| dir.join(CONFIG).is_file()).unwrap_or(root).to_path_buf()
}

/// The `keyward.toml` that holds in the current directory, and the directory that its paths are relative to. Rules and
/// baselines can be looked at even where the repository may not be.
pub(crate) fn config_here() -> anyhow::Result<(PathBuf, Config)> {
    let here = Path::new(".");
    let repo = Repo::discover(here).ok().flatten();
    let top = repo.as_ref().and_then(Repo::workdir);
    let dir = config_dir(here, top.unwrap_or(here), top);
    let config = read_config(&FilterArgs::default(), None, &Layer::Disk(dir.clone()))?;
    Ok((dir, config))
}

/// Errors, each on its line.
pub(crate) fn lines(errors: &[impl std::fmt::Display]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
