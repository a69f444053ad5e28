//! The regression guard: what the engine does on fixed workloads, counted and never timed, so that it says the same on
//! any machine and under any load. Figures may grow by 5 % over those in `figures.txt`; after a change that is meant to
//! cost or to save, write them anew and commit them with it:
//!
//!     KEYWARD_GUARD=write cargo test --test guard
//!
//! A binary of its own, because it counts every allocation in the process.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod allocations;
mod hook;
mod sweep;
mod texts;
mod tree;
mod work;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use keyward::detect::{Detector, Simd};
use keyward::rule::pack::Pack;

/// Tests here count what the whole process does: one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The built-in rules, on the path that every machine has: how many places a sieve lets through to be compared differs by
/// path. That nothing else does, `work.rs` asserts.
fn detector() -> Detector {
    Detector::with_simd(Pack::builtin().unwrap().rules, Simd::Scalar).unwrap()
}

/// Per cent that a figure may be worse.
const SLACK: u64 = 5;

/// Holds figures against the committed ones whose names begin with `area.`, or writes those.
fn hold(area: &str, measured: &[(String, u64)]) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guard/figures.txt");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let mut known: BTreeMap<String, u64> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, number)| (name.to_owned(), number.trim().parse().unwrap()))
        .collect();
    let measured: BTreeMap<String, u64> =
        measured.iter().map(|(name, number)| (format!("{area}.{name}"), *number)).collect();
    if std::env::var_os("KEYWARD_GUARD").is_some_and(|value| value == "write") {
        known.retain(|name, _| !name.starts_with(&format!("{area}.")));
        known.extend(measured);
        let lines: String = known.iter().map(|(name, number)| format!("{name} {number}\n")).collect();
        std::fs::write(&path, format!("# Written by KEYWARD_GUARD=write cargo test --test guard\n{lines}")).unwrap();
        return;
    }
    let mut wrong = Vec::new();
    for (name, number) in &measured {
        match known.get(name) {
            None => wrong.push(format!("{name}: {number}, but no figure is committed")),
            Some(most) if *number * 100 > *most * (100 + SLACK) => {
                wrong.push(format!("{name}: {number}, committed {most}: {:+.1} %", percent(*number, *most)));
            }
            Some(_) => {}
        }
    }
    let prefix = format!("{area}.");
    let gone = known.keys().filter(|name| name.starts_with(&prefix) && !measured.contains_key(*name));
    wrong.extend(gone.map(|name| format!("{name}: committed, but no longer measured")));
    assert!(
        wrong.is_empty(),
        "{}\nIf that is meant: KEYWARD_GUARD=write cargo test --test guard, and commit the figures",
        wrong.join("\n")
    );
}

fn percent(number: u64, most: u64) -> f64 {
    (number as f64 / most.max(1) as f64 - 1.0) * 100.0
}
