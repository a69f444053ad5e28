//! Generates what is checked in: `cargo xtask pack` writes it, `cargo xtask pack --check` proves it current.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use keyward::rule::pack::{Pack, encode_examples};
use keyward::rule::written::{self, Proved};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["pack"] => pack(false),
        ["pack", "--check"] => pack(true),
        _ => Err(anyhow::anyhow!("usage: cargo xtask pack [--check]")),
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
    let mut proved = read_rules(&root.join("rules/secrets"))?;
    proved.sort_by(|(a, _), (b, _)| a.id().cmp(b.id()));
    written::check_set(proved.iter().map(|(rule, _)| rule)).map_err(anyhow::Error::msg)?;
    let examples: Vec<_> = proved.iter().map(|(rule, examples)| (rule.id().to_owned(), examples.clone())).collect();
    let pack = Pack { rules: proved.into_iter().map(|(rule, _)| rule).collect() };
    let count = pack.rules.len();
    for (name, bytes) in [("pack.bin", pack.encode()?), ("examples.bin", encode_examples(&examples)?)] {
        let path = root.join("rules").join(name);
        if check {
            if std::fs::read(&path).unwrap_or_default() != bytes {
                bail!("{} is not current: run `cargo xtask pack`", path.display());
            }
        } else {
            std::fs::write(&path, bytes).with_context(|| path.display().to_string())?;
        }
    }
    println!("{count} rules");
    Ok(())
}

/// Every rule of every TOML file in `dir`; all errors at once.
fn read_rules(dir: &Path) -> Result<Vec<Proved>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|ext| ext == "toml"));
    files.sort();
    let mut rules = Vec::new();
    let mut wrong = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        match written::read_file(&path.display().to_string(), &text) {
            Ok(more) => rules.extend(more),
            Err(errors) => wrong.extend(errors.into_iter().map(|error| error.to_string())),
        }
    }
    if wrong.is_empty() { Ok(rules) } else { bail!("\n{}", wrong.join("\n")) }
}
