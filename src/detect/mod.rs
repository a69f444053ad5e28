//! Secrets: from a blob's bytes to candidates. Knows rules and the model; nothing of files, git or configuration.
//!
//! One blob goes: encoding → prefilter → matcher (or the generic grammar) → decode, and again → judge → assemble.

mod assemble;
mod checksum;
mod decider;
mod decode;
mod drops;
mod encoding;
mod entropy;
mod evidence;
#[cfg(fuzzing)]
pub mod fuzzing;
mod generic;
mod judge;
mod keys;
mod marks;
mod matcher;
mod placeholder;
mod prefilter;
mod search;
pub mod selftest;
mod structure;
mod sweep;
mod words;
mod work;

use std::collections::HashMap;
use std::sync::OnceLock;

pub use checksum::fix;
pub use decider::Decider;
pub use drops::DropReason;
pub use evidence::Evidence;
pub use generic::{Guess, Guessed, TrainingRow};
pub use prefilter::{Places, Simd, TooMany, plan_bytes};
pub use work::{RuleWork, Work};

use crate::model::lines;
use crate::model::{Blob, BytePath, Candidate, Confidence, Copied, Found, Fresh, Origin, OriginKind, Secret};
use crate::rule::Rule;

use matcher::Matcher;
use prefilter::Prefilter;
use work::Ledger;

/// Rules made ready to match. Shared by all threads; scratch memory is per thread.
pub struct Detector {
    rules: Vec<Rule>,
    matchers: Vec<Matcher>,
    by_id: OnceLock<HashMap<String, usize>>,
    prefilter: Prefilter,
    /// What the processor can do.
    simd: Simd,
    /// Names that are given values of one form only.
    claims: Vec<String>,
    /// Bytes of the longest anchor, with what must follow it.
    longest: usize,
    /// There when somebody wants to hear of guesses that the model refuses, and to see what else is dropped.
    refused: OnceLock<()>,
    /// There when somebody asked for counts.
    ledger: OnceLock<Ledger>,
}

/// Why a detector cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// A scan with no rules would be green for nothing.
    #[error("no rules are left to scan with")]
    NoRules,
    /// More anchors than can be numbered.
    #[error(transparent)]
    Anchors(#[from] TooMany),
}

/// An anchor may stand at one of so many places of ordinary text, unless its rule has a gate.
const RARE: f64 = 20_000.0;

/// Anchors so common that their rule's regex would run all the time, each with the rule and how often it is seen: rules
/// that have them are refused when the pack is made.
pub fn too_common(rules: &[Rule]) -> Vec<String> {
    let mut said = Vec::new();
    for rule in rules.iter().filter(|rule| !matcher::has_gate(rule)) {
        for anchor in &rule.anchors {
            let share = prefilter::share(anchor);
            if share * RARE > 1.0 {
                said.push(format!(
                    "rule '{}': its anchor '{}' stands at one of {:.0} places of ordinary text, and nothing cheap can be \
                     asked before the regex: say more of it, or what follows it",
                    rule.id(),
                    anchor.text,
                    1.0 / share
                ));
            }
        }
    }
    said
}

impl Detector {
    /// Makes the prefilter ready for all rules' anchors: built-in ones are planned for already. Regexes are compiled when first needed.
    pub fn new(rules: Vec<Rule>) -> Result<Self, DetectError> {
        Self::with_simd(rules, Simd::best())
    }

    /// The same by a certain path, for tests and benches. What the processor cannot do is not done: it goes without.
    pub fn with_simd(rules: Vec<Rule>, simd: Simd) -> Result<Self, DetectError> {
        if rules.is_empty() {
            return Err(DetectError::NoRules);
        }
        let simd = if simd.is_here() { simd } else { Simd::Scalar };
        let prefilter = Prefilter::new(&rules, simd)?;
        let matchers = rules.iter().map(|_| Matcher::default()).collect();
        let claims = rules.iter().flat_map(|rule| rule.claims.iter().cloned()).collect();
        let longest = evidence::longest_anchor(&rules);
        Ok(Self {
            rules,
            matchers,
            by_id: OnceLock::new(),
            prefilter,
            simd,
            claims,
            longest,
            refused: OnceLock::new(),
            ledger: OnceLock::new(),
        })
    }

    /// The rules it looks for.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The index of the rule with this id.
    fn rule_of(&self, id: &str) -> Option<usize> {
        let all = || self.rules.iter().enumerate().map(|(index, rule)| (rule.id().to_owned(), index)).collect();
        self.by_id.get_or_init(all).get(id).copied()
    }

    /// From here on, also tells of guesses that the model refuses, as dropped: for explaining and for training.
    pub fn tell_refused(&self) {
        self.refused.get_or_init(|| ());
    }

    /// From here on, counts what is done; see [`Detector::work`].
    pub fn count_work(&self) {
        self.ledger.get_or_init(|| Ledger::new(self.rules.len()));
    }

    /// What was done since [`Detector::count_work`]; all zeros without it.
    pub fn work(&self) -> Work {
        self.ledger.get().map(Ledger::total).unwrap_or_default()
    }

    /// The same for each rule, in the order of [`Detector::rules`]; empty without counting.
    pub fn work_by_rule(&self) -> Vec<RuleWork> {
        self.ledger.get().map(Ledger::rules).unwrap_or_default()
    }

    /// Everything seen in `blob` whose evidence is fresh, and its inline comments; `None` when there is nothing.
    ///
    /// Hostile input ends within a bounded amount of work; what was not looked at is among [`Found::problems`].
    pub fn scan(&self, blob: &Blob<'_>) -> Option<Found> {
        if blob.fresh.is_nothing() && blob.former_path.is_none() {
            return None;
        }
        assemble::found(self, blob, sweep::sweep(self, blob)?)
    }

    /// The same for a blob of a history: of one made from another, with what was seen in that, only what changed is looked
    /// at. What is found is what [`Detector::scan`] finds. Evidence of it comes only where it is `wanted`; without any,
    /// those made from it must be looked at whole.
    pub fn trace(
        &self,
        blob: &Blob<'_>,
        base: Option<(&Evidence, &[Copied])>,
        wanted: bool,
    ) -> (Option<Found>, Option<Evidence>) {
        let (swept, evidence) = evidence::trace(self, blob, base, wanted);
        (swept.and_then(|swept| assemble::found(self, blob, swept)), evidence)
    }

    /// Decides the guesses of one history.
    pub fn decider(&self) -> Decider<'_> {
        Decider::new(self)
    }

    /// Secrets in text that is about to be printed: an error, a path, a name. Guesses are left out: masked, they would
    /// make ordinary messages unreadable.
    pub fn secrets_in(&self, text: &str) -> Vec<Secret> {
        let origin = Origin::new(OriginKind::Stdin);
        let blob =
            Blob { origin: &origin, bytes: text.as_bytes(), fresh: &Fresh::All, former_path: None, earlier: &[] };
        let found = self.scan(&blob).map(|found| found.candidates).unwrap_or_default();
        let sure = found.into_iter().filter(|candidate| {
            candidate.dropped.is_none() && !candidate.guessable && candidate.confidence >= Confidence::Medium
        });
        sure.map(|candidate| candidate.secret).collect()
    }
}

/// One of the facts that decided a guess: what it is, its number, and how far it moved the log odds from what is usual.
pub type Reason = (&'static str, u8, f64);

/// The facts that decided a guess, those that moved it most first; empty for what is no guess.
pub fn reasons(candidate: &Candidate, path: Option<&BytePath>) -> Vec<Reason> {
    if candidate.features.is_empty() { Vec::new() } else { generic::reasons(&candidate.features, path) }
}

/// A guess at a path for `tools/train`, so that nothing but this crate computes its facts.
pub fn training_row(candidate: &Candidate, path: Option<&BytePath>) -> Option<TrainingRow> {
    (!candidate.features.is_empty()).then(|| TrainingRow::of(&candidate.features, path))
}
