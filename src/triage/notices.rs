//! What the user should know of entries that did nothing, no longer do, or were added by the very change they excuse.

use std::collections::BTreeSet;

use super::baseline::Entry;
use super::{Settings, Usage, plain};
use crate::config::Allow;
use crate::model::{Mark, Origin, OriginKind};

/// Of one kind, so many are named; the others are counted.
const NAMED: usize = 20;
/// Unused comments may be talk about comments, as in a manual: more than this are told in one line.
const FEW: usize = 3;

/// Every notice, in a fixed order.
pub(super) fn all(marks: &[(Origin, Mark)], usage: &Usage, settings: &Settings<'_>) -> Vec<String> {
    let mut out = Vec::new();
    push(&mut out, expired(usage, settings));
    if settings.whole {
        push(&mut out, unused_allow(usage, settings));
        if settings.inline {
            push(&mut out, unused_marks(marks, usage));
        }
        out.extend(unused_baseline(usage, settings));
    }
    push(&mut out, own_marks(marks, usage));
    push(&mut out, own_config(settings));
    push(&mut out, own_baseline(settings));
    out
}

fn push(out: &mut Vec<String>, found: Vec<String>) {
    let more = found.len().saturating_sub(NAMED);
    out.extend(found.into_iter().take(NAMED));
    if more > 0 {
        out.push(format!("and {more} more like these"));
    }
}

/// On a part of the tree, an expired entry is worth a word only where it would have applied.
fn expired(usage: &Usage, settings: &Settings<'_>) -> Vec<String> {
    let told = |(index, entry): &(usize, &Allow)| {
        entry.expired(settings.today) && (settings.whole || usage.missed.contains(index))
    };
    let sentence = |(_, entry): (usize, &Allow)| {
        let day = entry.expires.map(|day| day.to_string()).unwrap_or_default();
        let owner = entry.owner.as_deref().map_or(String::new(), |owner| format!(" (owner: {})", plain(owner)));
        format!("{}:{}: this allowlist entry applied until {day}{owner}", settings.config.file, entry.line)
    };
    settings.config.allow.iter().enumerate().filter(told).map(sentence).collect()
}

fn unused_allow(usage: &Usage, settings: &Settings<'_>) -> Vec<String> {
    let unused = |(index, entry): &(usize, &Allow)| !usage.allow.contains(index) && !entry.expired(settings.today);
    let sentence = |(_, entry): (usize, &Allow)| {
        format!("{}:{}: this allowlist entry is unused", settings.config.file, entry.line)
    };
    settings.config.allow.iter().enumerate().filter(unused).map(sentence).collect()
}

/// One line for all of them. Of secrets that can be guessed nothing is said where some were not looked up.
fn unused_baseline(usage: &Usage, settings: &Settings<'_>) -> Option<String> {
    let entries = settings.baseline?.entries();
    let all = entries.len();
    let asked = |entry: &&Entry| !(usage.unasked && entry.is_slow());
    let unused: Vec<&Entry> = entries.filter(asked).filter(|entry| !usage.baseline.contains(&entry.digest)).collect();
    let first = unused.first()?;
    let (was, like, it) = if unused.len() == 1 { ("was", "", "it") } else { ("were", "such as ", "them") };
    Some(format!(
        "{} of {all} baseline entries {was} not needed ({like}{} in {}): drop {it} with `keyward baseline update \
         --prune`, unless `--history` needs {it}",
        unused.len(),
        plain(&first.rule),
        plain(&first.path)
    ))
}

/// Only keyward's own comments: others may be there for their own tools.
fn unused_marks(marks: &[(Origin, Mark)], usage: &Usage) -> Vec<String> {
    let used: BTreeSet<(&Origin, u32, &str)> =
        usage.marks.keys().map(|(origin, line, of)| (origin, *line, *of)).collect();
    let unused: BTreeSet<(&Origin, u32, &str)> = marks
        .iter()
        .map(|(origin, mark)| (origin, mark.line, mark.syntax))
        .filter(|mark| mark.2.starts_with("keyward") && !used.contains(mark))
        .collect();
    let at = |(origin, line, _): &(&Origin, u32, &str)| format!("{}:{line}", place(origin));
    if unused.len() > FEW {
        let some: Vec<String> = unused.iter().take(FEW).map(at).collect();
        return vec![format!("{} comments `keyward:allow` are unused: {}, …", unused.len(), some.join(", "))];
    }
    unused.iter().map(|mark| format!("{}: the comment `{}` is unused", at(mark), mark.2)).collect()
}

/// Comments that the scanned change adds: those that silence something, and keyward's own in any case.
fn own_marks(marks: &[(Origin, Mark)], usage: &Usage) -> Vec<String> {
    // In a tree or on standard input everything is new, which says nothing.
    let change =
        |origin: &Origin| matches!(origin.kind, OriginKind::Staged | OriginKind::Range | OriginKind::CommitMessage);
    let all = marks.iter().map(|(origin, mark)| (origin, mark.line, mark.syntax, mark.fresh));
    let used = usage.marks.iter().map(|((origin, line, syntax), fresh)| (origin, *line, *syntax, *fresh));
    let fresh: BTreeSet<(&Origin, u32, &str)> = all
        .chain(used)
        .filter(|(origin, _, _, fresh)| *fresh && change(origin))
        .map(|(origin, line, syntax, _)| (origin, line, syntax))
        .collect();
    fresh
        .into_iter()
        .map(|(origin, line, syntax)| {
            format!("{}:{line}: this change itself adds the comment `{syntax}`", place(origin))
        })
        .collect()
}

fn own_config(settings: &Settings<'_>) -> Vec<String> {
    let Some(before) = settings.before else { return Vec::new() };
    let file = &settings.config.file;
    let sentence = |line: usize, what: &str| match line {
        0 => format!("{file}: this change itself brings {what}"),
        line => format!("{file}:{line}: this change itself adds {what}"),
    };
    settings.config.loosened_since(before).iter().map(|one| sentence(one.line, &one.what)).collect()
}

fn own_baseline(settings: &Settings<'_>) -> Vec<String> {
    let (Some(_), Some(baseline)) = (settings.before, settings.baseline) else { return Vec::new() };
    let sentence = |entry: &&Entry| {
        let short: String = entry.digest.chars().take(8).collect();
        format!("baseline: this change itself adds {short}… ({} in {})", plain(&entry.rule), plain(&entry.path))
    };
    baseline.added_since(settings.baseline_before).iter().map(sentence).collect()
}

fn place(origin: &Origin) -> String {
    let path = origin.path.as_ref().map_or_else(|| format!("({})", origin.kind.name()), ToString::to_string);
    match &origin.commit {
        Some(commit) => format!("{path}@{}", commit.short()),
        None => path,
    }
}
