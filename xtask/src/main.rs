//! Generates what is checked in: `cargo xtask pack` writes the rule pack and the rules' pages, and `--check` proves them current;
//! `cargo xtask pairs` counts the tables that the prefilter plans with.

mod docs;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use keyward::detect::{Detector, Places, plan_bytes, too_common, training_row};
use keyward::model::{Blob, BytePath, Fresh, Origin, OriginKind};
use keyward::rule::pack::{Pack, encode_examples};
use keyward::rule::written::{self, Proved};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["pack"] => pack(false),
        ["pack", "--check"] => pack(true),
        ["candidates", dirs @ ..] if !dirs.is_empty() => candidates(dirs),
        ["pairs", dirs @ ..] if !dirs.is_empty() => pairs(dirs),
        ["places", dirs @ ..] if !dirs.is_empty() => places(dirs),
        _ => Err(anyhow::anyhow!("usage: cargo xtask pack [--check] | pairs DIR… | places DIR… | candidates DIR…")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn pack(check: bool) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the repository")?;
    let families = read_rules(&root.join("rules/secrets"))?;
    let pages = docs::pages(&families)?;
    let mut proved: Vec<Proved> = families.into_iter().flat_map(|(_, rules)| rules).collect();
    proved.sort_by(|(a, _), (b, _)| a.id().cmp(b.id()));
    written::check_set(proved.iter().map(|(rule, _)| rule)).map_err(anyhow::Error::msg)?;
    let examples: Vec<_> = proved.iter().map(|(rule, examples)| (rule.id().to_owned(), examples.clone())).collect();
    let pack = Pack { rules: proved.into_iter().map(|(rule, _)| rule).collect() };
    let count = pack.rules.len();
    let common = too_common(&pack.rules);
    if !common.is_empty() {
        bail!("\n{}", common.join("\n"));
    }
    let places = std::fs::read(root.join("rules/places.bin")).context("rules/places.bin")?;
    let plan = plan_bytes(&pack.rules, &Places::read(&places))?;
    for (name, bytes) in [("pack.bin", pack.encode(&plan)?), ("examples.bin", encode_examples(&examples)?)] {
        let path = root.join("rules").join(name);
        if check {
            if std::fs::read(&path).unwrap_or_default() != bytes {
                bail!("{} is not current: run `cargo xtask pack`", path.display());
            }
        } else {
            std::fs::write(&path, bytes).with_context(|| path.display().to_string())?;
        }
    }
    docs::write(root, &pages, check)?;
    println!("{count} rules");
    Ok(())
}

/// The rules of every TOML file in `dir`, by its name; all errors at once.
fn read_rules(dir: &Path) -> Result<Vec<(String, Vec<Proved>)>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|ext| ext == "toml"));
    files.sort();
    let mut rules = Vec::new();
    let mut wrong = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        match written::read_file(&path.display().to_string(), &text) {
            Ok(more) => {
                let family = path.file_stem().context("a name")?.to_string_lossy().into_owned();
                rules.push((family, more));
            }
            Err(errors) => wrong.extend(errors.into_iter().map(|error| error.to_string())),
        }
    }
    if wrong.is_empty() { Ok(rules) } else { bail!("\n{}", wrong.join("\n")) }
}

/// How many of the commonest four bytes in a row are kept.
const QUADS: usize = 8192;

/// Counts pairs of folded bytes in every file below `dirs` into `rules/pairs.bin`: -8 log2 of each pair's share; and the
/// commonest four in a row into `rules/quads.bin`. The prefilter plans with them; any large body of source code and prose
/// gives nearly the same tables. Those that are checked in were counted over 480 MB: crates' sources, git, nats-server,
/// the libraries of Python and npm, C and C++ headers.
fn pairs(dirs: &[&str]) -> Result<()> {
    let mut counts = vec![1_u64; 64 * 64];
    let mut quads = vec![0_u64; 1 << 24];
    each_text(dirs, |bytes| {
        bytes.windows(2).for_each(|pair| counts[folded(pair[0]) * 64 + folded(pair[1])] += 1);
        bytes.windows(4).for_each(|quad| quads[four(quad)] += 1);
    })?;
    let all: u64 = counts.iter().sum();
    let cost = |count: &u64| (-8.0 * (*count as f64 / all as f64).log2()).round().clamp(0.0, 255.0) as u8;
    let table: Vec<u8> = counts.iter().map(cost).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the repository")?;
    std::fs::write(root.join("rules/pairs.bin"), table)?;
    let mut common: Vec<u32> = (0..1 << 24).collect();
    common.sort_by_key(|number| (std::cmp::Reverse(quads[*number as usize]), *number));
    common.truncate(QUADS);
    common.sort_unstable();
    let quad = |number: &u32| (number << 8 | u32::from(cost(&quads[*number as usize].max(1)))).to_le_bytes();
    std::fs::write(root.join("rules/quads.bin"), common.iter().flat_map(quad).collect::<Vec<u8>>())?;
    println!("{all} pairs");
    Ok(())
}

/// How many places are drawn.
const PLACES: usize = 1 << 15;

/// Draws places evenly from every file below `dirs` into `rules/places.bin`: the four folded bytes at each, 24 bits, little
/// endian. The sieve's buckets are dealt by them. Those that are checked in were drawn from 1.5 GB: crates' sources, C
/// headers, the library of Python.
fn places(dirs: &[&str]) -> Result<()> {
    let mut drawn: Vec<u32> = Vec::new();
    let (mut at, mut stride) = (0_u64, 1_u64);
    each_text(dirs, |bytes| {
        for place in bytes.windows(4) {
            if at.is_multiple_of(stride) {
                drawn.push(four(place) as u32);
            }
            at += 1;
            if drawn.len() == 4 * PLACES {
                // Every second of those so far, and from here on half as many.
                drawn = drawn.iter().step_by(2).copied().collect();
                stride *= 2;
            }
        }
    })?;
    if drawn.len() < PLACES {
        bail!("{} places are too few: {PLACES} are wanted", drawn.len());
    }
    let chosen = (0..PLACES).map(|number| drawn[number * drawn.len() / PLACES]);
    let bytes: Vec<u8> = chosen.flat_map(|place| place.to_le_bytes().into_iter().take(3)).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the repository")?;
    std::fs::write(root.join("rules/places.bin"), bytes)?;
    println!("{PLACES} of {at} places");
    Ok(())
}

/// A byte without what tells its case, as the prefilter's plan numbers it.
fn folded(byte: u8) -> usize {
    usize::from(byte & 0x1f | (byte & 0x40) >> 1)
}

fn four(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |number, byte| number << 6 | folded(*byte))
}

/// Shows every file of text below `dirs` in the order of its path. Large and binary ones would flatten what is counted.
fn each_text(dirs: &[&str], mut show: impl FnMut(&[u8])) -> Result<()> {
    let mut left: Vec<PathBuf> = dirs.iter().rev().map(PathBuf::from).collect();
    while let Some(path) = left.pop() {
        let meta = path.symlink_metadata()?;
        if meta.is_dir() {
            let mut inside: Vec<PathBuf> =
                std::fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
            inside.sort();
            left.extend(inside.into_iter().rev());
        } else if meta.is_file() && meta.len() < 1 << 20 {
            let bytes = std::fs::read(&path)?;
            if !bytes.contains(&0) {
                show(&bytes);
            }
        }
    }
    Ok(())
}

/// One line a candidate of the generic rule in the files below `dirs`, for `tools/train`: the path, first and last line,
/// the columns of the value in bytes from 0, why it was dropped if not by the model, why it is low at most, the score, and
/// the facts. No value is written.
fn candidates(dirs: &[&str]) -> Result<()> {
    let detector = Detector::new(Pack::builtin()?.rules)?;
    detector.tell_refused();
    let mut files = Vec::new();
    let mut left: Vec<PathBuf> = dirs.iter().map(PathBuf::from).collect();
    while let Some(path) = left.pop() {
        let meta = path.symlink_metadata()?;
        if meta.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                left.push(entry?.path());
            }
        } else if meta.is_file() && meta.len() < 64 << 20 {
            files.push(path);
        }
    }
    files.sort();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for path in files {
        let bytes = std::fs::read(&path)?;
        let name = BytePath::new(path.to_string_lossy().as_ref());
        let origin = Origin::at(OriginKind::Tree, name.clone());
        let blob = Blob { origin: &origin, bytes: &bytes, fresh: &Fresh::All, former_path: None, earlier: &[] };
        for candidate in detector.scan(&blob).map(|found| found.candidates).unwrap_or_default() {
            let Some(row) = training_row(&candidate, Some(&name)) else { continue };
            let dropped = candidate.dropped.as_deref().filter(|why| !why.contains("the model")).unwrap_or("");
            let facts: Vec<String> = row.facts.iter().map(u8::to_string).collect();
            let doubt = row.doubt.unwrap_or("");
            let line_start = |at: usize| bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
            let column = candidate.span.start - line_start(candidate.span.start);
            let last = candidate.span.end - line_start(candidate.span.end);
            let (start, end) = (candidate.start.line, candidate.end.line);
            writeln!(
                out,
                "{name}\t{start}\t{end}\t{column}\t{last}\t{dropped}\t{doubt}\t{}\t{}",
                row.score,
                facts.join(" ")
            )?;
        }
    }
    out.flush()?;
    Ok(())
}
