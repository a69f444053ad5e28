//! Guesses of a history, decided anew once their paths are known. Remembers what it decided: versions of a file hold the
//! same guesses at the same paths.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::Detector;
use super::drops::DropReason;
use super::generic::{self, Decision, Facts, PathFacts};
use crate::model::{BytePath, Candidate, Confidence, Notes};

/// Decides guesses of one history.
pub struct Decider<'d> {
    detector: &'d Detector,
    /// By guess and paths.
    decided: RefCell<HashMap<Question, Option<(Notes, Decision)>>>,
    facts: RefCell<HashMap<BytePath, PathFacts>>,
}

/// Features, paths, and whether it lies elsewhere too. Shared lists are compared by their bytes only when hashes agree.
type Question = (Arc<[u8]>, Arc<[BytePath]>, bool);

impl<'d> Decider<'d> {
    pub(super) fn new(detector: &'d Detector) -> Self {
        Self { detector, decided: RefCell::default(), facts: RefCell::default() }
    }

    /// A guess is worth what it is worth at the best of its paths, or without one where there is none, or where it lies
    /// `elsewhere` too. Every other candidate is left as it is.
    pub fn decide(&self, candidate: &mut Candidate, paths: &Arc<[BytePath]>, elsewhere: bool) {
        if candidate.features.is_empty() || candidate.dropped.is_some() {
            return;
        }
        let index = self.detector.rule_of(&candidate.rule.id);
        let Some(rule) = index.and_then(|index| self.detector.rules.get(index)) else { return };
        let question = (Arc::clone(&candidate.features), Arc::clone(paths), elsewhere);
        let mut decided = self.decided.borrow_mut();
        let best =
            || self.best(&candidate.features, paths, elsewhere).map(|best| (Notes::from_iter([best.note()]), best));
        let best = decided.entry(question).or_insert_with(best);
        let Some((notes, best)) = best else { return };
        candidate.confidence = best.confidence.unwrap_or(Confidence::Low).min(rule.confidence);
        candidate.dropped = best.confidence.is_none().then_some(DropReason::Model.text().into());
        candidate.notes = notes.clone();
    }

    fn best(&self, features: &[u8], paths: &[BytePath], elsewhere: bool) -> Option<Decision> {
        let mut facts = Facts::from_pathless(features);
        let mut known = self.facts.borrow_mut();
        let nowhere = (elsewhere || paths.is_empty()).then_some(None);
        let decisions = paths.iter().map(Some).chain(nowhere).map(|path| {
            match path {
                Some(path) => facts.set_path(known.entry(path.clone()).or_insert_with(|| PathFacts::of(Some(path)))),
                None => facts.set_path(&PathFacts::of(None)),
            }
            generic::decide(&facts)
        });
        decisions.reduce(|best, next| if next.confidence > best.confidence { next } else { best })
    }
}
