//! What to keep: inline comments, allowlist, baseline, threshold. Every candidate dropped says who dropped it and why.

pub mod baseline;
mod digest;
pub mod fingerprint;
mod notices;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use jiff::civil::Date;

pub use baseline::{Baseline, BaselineError};
pub use fingerprint::Fingerprinter;

use crate::config::{Allow, Config, every_path};
use crate::model::{
    Candidate, Confidence, DropStage, Dropped, Enforcement, Finding, Mark, MarkScope, Note, Origin, OriginKind, Secret,
    Sighting,
};

/// What triage goes by.
#[derive(Debug)]
pub struct Settings<'a> {
    /// Allowlists, and the excluded paths that only a history leaves to triage.
    pub config: &'a Config,
    /// Candidates below this are dropped.
    pub confidence: Confidence,
    /// Accepted findings.
    pub baseline: Option<&'a Baseline>,
    /// For a range or an index: the configuration before it (`Config::default()` where there was none), so that what
    /// the change itself lets pass is told. None: not asked.
    pub before: Option<&'a Config>,
    /// The baseline before the change; none where there was none. Looked at only when `before` is given.
    pub baseline_before: Option<&'a Baseline>,
    /// Decides what has expired.
    pub today: Date,
    /// True for a scan of everything that the configuration is about (a whole tree, no paths named). Only then is
    /// something unused known to be unused.
    pub whole: bool,
    /// Whether comments in the text count.
    pub inline: bool,
    /// Makes fingerprints.
    pub fingerprinter: Fingerprinter,
}

impl<'a> Settings<'a> {
    /// With neither baselines nor earlier configuration nor key, for a scan of a part.
    pub fn new(config: &'a Config, confidence: Confidence, today: Date) -> Self {
        Self {
            config,
            confidence,
            baseline: None,
            before: None,
            baseline_before: None,
            today,
            whole: false,
            inline: true,
            fingerprinter: Fingerprinter::new(None),
        }
    }
}

/// What triage decided.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What counts, sorted by (origin, offset, rule).
    pub findings: Vec<Finding>,
    /// What does not, in the same order.
    pub dropped: Vec<Dropped>,
    /// Unused and expired entries, and those that the scanned change adds for itself; one sentence each.
    pub notices: Vec<String>,
}

/// What was of use, and what the change added for itself.
#[derive(Default)]
struct Usage {
    /// Comments that fit some sighting: where, their line, their syntax; and whether the change added them.
    marks: BTreeMap<(Origin, u32, &'static str), bool>,
    /// By index in `Config::allow`.
    allow: HashSet<usize>,
    /// Expired entries that would have applied.
    missed: HashSet<usize>,
    /// Digests of the baseline that covered something.
    baseline: HashSet<String>,
    /// True when a secret that can be guessed was left out for its confidence, without asking the baseline.
    unasked: bool,
}

/// Decides on every sighting: what the check dropped, then (for a history) excluded paths, inline comments, the
/// allowlist, the baseline, the threshold. The first that applies drops it.
pub fn decide(mut sightings: Vec<Sighting>, marks: &[(Origin, Mark)], settings: &Settings<'_>) -> Verdict {
    sightings.sort_by(|a, b| {
        let (x, y) = (&a.candidate, &b.candidate);
        let place = a.origin.cmp(&b.origin).then(x.span.start.cmp(&y.span.start));
        place.then_with(|| x.rule.id.cmp(&y.rule.id)).then(x.span.end.cmp(&y.span.end))
    });
    agree_on_guessable(&mut sightings);
    let mut usage = Usage::default();
    let early: Vec<Option<(DropStage, String)>> =
        sightings.iter().map(|sighting| before_baseline(sighting, settings, &mut usage)).collect();
    if let Some(baseline) = settings.baseline.filter(|baseline| baseline.has_slow()) {
        let left = sightings.iter().zip(&early).filter(|(_, early)| early.is_none()).map(|(s, _)| &s.candidate);
        let guessable = left.filter(|candidate| candidate.guessable && candidate.confidence >= settings.confidence);
        baseline.warm(guessable.map(|candidate| &candidate.secret));
    }
    let mut verdict = Verdict::default();
    for (sighting, early) in sightings.into_iter().zip(early) {
        let bare = unreasoned(&sighting);
        let Sighting { origin, mut candidate, placement, .. } = sighting;
        candidate.notes.extend(bare);
        match early.or_else(|| from_baseline(&candidate, settings, &mut usage)) {
            Some((stage, why)) => verdict.dropped.push(Dropped { origin, candidate, stage, why }),
            None => {
                let fingerprint = settings.fingerprinter.of(&origin, &candidate);
                verdict.findings.push(Finding { origin, candidate, placement, fingerprint });
            }
        }
    }
    verdict.notices = notices::all(marks, &usage, settings);
    verdict
}

/// A secret that one rule takes for guessable is treated so wherever it lies: else its fast hash, made for another
/// rule, would give it away.
fn agree_on_guessable(sightings: &mut [Sighting]) {
    let guessable: HashSet<Secret> =
        sightings.iter().filter(|s| s.candidate.guessable).map(|s| s.candidate.secret.clone()).collect();
    for candidate in sightings.iter_mut().map(|sighting| &mut sighting.candidate) {
        candidate.guessable = guessable.contains(&candidate.secret);
    }
}

/// All stages that cost little. Looks at comments and allowlist both, so that neither seems unused because the other
/// came first.
fn before_baseline(sighting: &Sighting, settings: &Settings<'_>, usage: &mut Usage) -> Option<(DropStage, String)> {
    if let Some(why) = &sighting.candidate.dropped {
        return Some((DropStage::Detect, why.clone().into_owned()));
    }
    let history = sighting.origin.kind == OriginKind::History;
    if history && every_path(&settings.config.exclude, sighting) {
        return Some((DropStage::Path, "every path of its blob is excluded by the configuration".into()));
    }
    let level = sighting.candidate.claim.as_ref().map(|claim| claim.enforcement);
    // A mandatory rule is overridden only by somebody who says why, and some by nobody.
    let may = |reason: Option<&str>| match level {
        None | Some(Enforcement::Advisory) => true,
        Some(Enforcement::Soft) => reason.is_some(),
        Some(Enforcement::Hard) => false,
    };
    let inline = if settings.inline { inline(sighting, &may, usage) } else { None };
    let inline = inline.map(|why| (DropStage::Inline, why));
    let mut allowed = None;
    for (index, entry) in settings.config.allow.iter().enumerate().filter(|(_, entry)| entry.silences(sighting)) {
        if !may(entry.reason.as_deref()) {
            continue;
        }
        if entry.expired(settings.today) {
            usage.missed.insert(index);
        } else {
            usage.allow.insert(index);
            allowed.get_or_insert_with(|| (DropStage::Allow, allowed_by(entry, settings.config, &sighting.candidate)));
        }
    }
    inline.or(allowed)
}

/// A sighting is silenced only where each of its occurrences has a fitting comment.
fn inline(sighting: &Sighting, may: &dyn Fn(Option<&str>) -> bool, usage: &mut Usage) -> Option<String> {
    let fits = |mark: &&Mark| names(mark, sighting) && may(mark.reason.as_deref());
    for mark in sighting.marks.iter().flatten().filter(fits) {
        usage.marks.insert((sighting.origin.clone(), mark.line, mark.syntax), mark.fresh);
    }
    let first = sighting.marks.first()?.iter().find(fits)?;
    if !sighting.marks.iter().all(|marks| marks.iter().any(|mark| fits(&mark))) {
        return None;
    }
    let others = match sighting.marks.len() {
        1 => String::new(),
        n => format!(" (as at each of its {n} occurrences)"),
    };
    let reason = because(first.reason.as_deref(), &sighting.candidate);
    Some(format!("the comment `{}` on line {} covers it{others}{reason}", first.syntax, first.line))
}

/// True when the comment is about the sighting's rule.
fn names(mark: &Mark, sighting: &Sighting) -> bool {
    match &mark.scope {
        MarkScope::AnyRule => true,
        MarkScope::Rules(ids) => ids.contains(&sighting.candidate.rule.id),
    }
}

/// Why a comment that names the rule does not silence it.
fn unreasoned(sighting: &Sighting) -> Option<Note> {
    let claim = sighting.candidate.claim.as_ref()?;
    let mark = sighting.marks.iter().flatten().find(|mark| names(mark, sighting))?;
    let why = match claim.enforcement {
        Enforcement::Hard => "but the rule is hard-mandatory: it cannot be overridden",
        _ if mark.reason.is_none() => "but gives no reason: write one behind `--`",
        _ => return None,
    };
    let note = format!("the comment `{}` on line {} asks to let it pass, {why}", mark.syntax, mark.line);
    Some(Note(note.into()))
}

fn allowed_by(entry: &Allow, config: &Config, candidate: &Candidate) -> String {
    let owner = entry.owner.as_deref().map_or(String::new(), |owner| format!(" (owner: {})", plain(owner)));
    let reason = because(entry.reason.as_deref(), candidate);
    format!("the allowlist entry at {}:{} covers it{owner}{reason}", config.file, entry.line)
}

/// A reason given by the user, unless it holds the secret: comments often stand on its line.
fn because(reason: Option<&str>, candidate: &Candidate) -> String {
    let secret = candidate.secret.reveal();
    match reason {
        Some(reason) if secret.is_empty() || memchr::memmem::find(reason.as_bytes(), secret).is_none() => {
            format!(": {}", plain(reason))
        }
        _ => String::new(),
    }
}

/// A user's text, short, on one line.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect::<String>().trim().to_owned()
}

/// The stages that come last. What can be guessed and is below the threshold anyway is not worth the slow digest.
fn from_baseline(candidate: &Candidate, settings: &Settings<'_>, usage: &mut Usage) -> Option<(DropStage, String)> {
    let below = candidate.confidence < settings.confidence;
    let hard = candidate.enforcement() == Enforcement::Hard;
    if below && candidate.guessable {
        usage.unasked = true;
    } else if hard {
        // No baseline covers it.
    } else if let Some(entry) = settings.baseline.and_then(|baseline| baseline.covering(candidate)) {
        usage.baseline.insert(entry.digest.clone());
        return Some((
            DropStage::Baseline,
            if candidate.claim.is_none() { "the baseline accepts this secret" } else { "the baseline accepts it" }
                .into(),
        ));
    }
    below.then(|| {
        let (is, asked) = (candidate.confidence, settings.confidence);
        (DropStage::Threshold, format!("its confidence is {is}, below the {asked} asked for"))
    })
}
