//! The model that weighs what the grammar read: boosted trees over [`Facts`], in integers. Knows no text.

use std::sync::OnceLock;

use super::facts::{COUNT, Facts, NAMES, PATHLESS};
use crate::model::Confidence;

/// Made by `tools/train/train.py`; how, and what it scored, stands in `rules/generic-model.md`.
static WEIGHTS: &[u8] = include_bytes!("../../../rules/generic-model.bin");

/// Every tree asks so many questions.
const DEPTH: usize = 4;
const QUESTIONS: usize = (1 << DEPTH) - 1;
const LEAVES: usize = 1 << DEPTH;
/// A question is a fact and the most that leads to the left; a leaf is an `i16`.
const TREE: usize = 2 * QUESTIONS + 2 * LEAVES;
/// The version, the number of facts, the bias, and the scores from which on a candidate is low, medium and high.
const HEAD: usize = 2 + 4 * 4;
/// Scores are log odds times this.
const SCALE: f64 = 4096.0;
#[cfg(test)]
const VERSION: u8 = 1;

/// What the model makes of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Log odds, in 1/4096.
    pub(super) score: i32,
    /// `None` when it is below all thresholds.
    pub(super) confidence: Option<Confidence>,
}

impl Verdict {
    /// How likely the model takes it to be a secret, in percent.
    pub(super) fn chance(self) -> u8 {
        let odds = 1.0 / (1.0 + (-f64::from(self.score) / SCALE).exp());
        // Between 1 and 99: nothing guessed is certain.
        (odds * 100.0).round().clamp(1.0, 99.0) as u8
    }
}

/// Weighs a candidate.
pub(super) fn weigh(facts: &Facts) -> Verdict {
    let score = score(facts);
    let level = |index: usize| score >= number(2 + 4 * index);
    let confidence = match (level(1), level(2), level(3)) {
        (_, _, true) => Some(Confidence::High),
        (_, true, _) => Some(Confidence::Medium),
        (true, ..) => Some(Confidence::Low),
        _ => None,
    };
    Verdict { score, confidence }
}

fn trees() -> &'static [[u8; TREE]] {
    WEIGHTS.get(HEAD + COUNT..).unwrap_or_default().as_chunks().0
}

fn score(facts: &Facts) -> i32 {
    trees().iter().fold(number(2), |sum, tree| sum + i32::from(leaf(tree, facts)))
}

/// The fact that a node asks about, and the most that leads to the left.
fn question(tree: &[u8; TREE], node: usize) -> (usize, u8) {
    let byte = |at: usize| tree.get(at).copied().unwrap_or_default();
    (usize::from(byte(2 * node)), byte(2 * node + 1))
}

fn value(tree: &[u8; TREE], leaf: usize) -> i16 {
    let byte = |at: usize| tree.get(2 * QUESTIONS + at).copied().unwrap_or_default();
    i16::from_le_bytes([byte(2 * leaf), byte(2 * leaf + 1)])
}

fn leaf(tree: &[u8; TREE], facts: &Facts) -> i16 {
    let mut node = 0;
    for _ in 0..DEPTH {
        let (fact, most) = question(tree, node);
        node = 2 * node + 1 + usize::from(facts.0.get(fact).copied().unwrap_or_default() > most);
    }
    value(tree, node - QUESTIONS)
}

/// True when some path may yet make it a candidate, whatever the facts say that hang on the path: each tree counts by the
/// highest leaf that can be reached.
pub(super) fn may_count(facts: &Facts) -> bool {
    reaches_low(|tree| highest(tree, facts, 0))
}

/// True when [`weigh`] makes a candidate of it, without finding out how far it is from one.
pub(super) fn counts(facts: &Facts) -> bool {
    reaches_low(|tree| leaf(tree, facts))
}

/// True when the leaves add up to the least of the thresholds. Ends as soon as the trees that are left cannot do it:
/// the first of them say most.
fn reaches_low(leaf: impl Fn(&[u8; TREE]) -> i16) -> bool {
    let low = number(6);
    let mut sum = number(2);
    for (tree, rest) in trees().iter().zip(rest()) {
        if sum + rest < low {
            return false;
        }
        sum += i32::from(leaf(tree));
    }
    sum >= low
}

/// For each tree the most that it and those behind it can add.
fn rest() -> &'static [i32] {
    static REST: OnceLock<Vec<i32>> = OnceLock::new();
    REST.get_or_init(|| {
        let highest = |tree| (0..LEAVES).map(|leaf| i32::from(value(tree, leaf))).max().unwrap_or_default();
        let mut rest: Vec<i32> = trees().iter().map(highest).collect();
        let mut sum = 0;
        for most in rest.iter_mut().rev() {
            sum += *most;
            *most = sum;
        }
        rest
    })
}

/// The highest leaf below a node that the facts without the path leave open.
fn highest(tree: &[u8; TREE], facts: &Facts, mut node: usize) -> i16 {
    while node < QUESTIONS {
        let (fact, most) = question(tree, node);
        if fact >= PATHLESS {
            return highest(tree, facts, 2 * node + 1).max(highest(tree, facts, 2 * node + 2));
        }
        node = 2 * node + 1 + usize::from(facts.0.get(fact).copied().unwrap_or_default() > most);
    }
    value(tree, node - QUESTIONS)
}

fn number(at: usize) -> i32 {
    WEIGHTS.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, i32::from_le_bytes)
}

/// The facts that moved the score most: each is set to what is usual, and the difference told, largest first.
pub(super) fn reasons(facts: &Facts) -> Vec<(&'static str, u8, i32)> {
    let here = score(facts);
    let usual = WEIGHTS.get(HEAD..HEAD + COUNT).unwrap_or_default();
    let mut reasons: Vec<_> = Vec::new();
    for (index, (name, usual)) in NAMES.iter().zip(usual).enumerate() {
        let mut other = facts.clone();
        if let Some(slot) = other.0.get_mut(index) {
            let value = std::mem::replace(slot, *usual);
            let moved = here - score(&other);
            if moved != 0 {
                reasons.push((*name, value, moved));
            }
        }
    }
    reasons.sort_by_key(|(name, _, moved)| (std::cmp::Reverse(moved.abs()), *name));
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_fit_the_facts() {
        assert_eq!(WEIGHTS.first(), Some(&VERSION));
        assert_eq!(WEIGHTS.get(1).copied().map(usize::from), Some(COUNT), "retrain: the facts have changed");
        let trees = WEIGHTS.get(HEAD + COUNT..).unwrap();
        assert_eq!(trees.len() % TREE, 0);
        assert!(trees.len() / TREE >= 50);
        for tree in trees.chunks_exact(TREE) {
            assert!(tree[..2 * QUESTIONS].chunks_exact(2).all(|question| usize::from(question[0]) < COUNT));
        }
        assert!(number(6) < number(10) && number(10) < number(14), "low, medium, high");
    }

    #[test]
    fn a_chance_is_never_certain() {
        let chance = |score| Verdict { score, confidence: None }.chance();
        assert_eq!((chance(i32::MIN), chance(0), chance(i32::MAX)), (1, 50, 99));
    }
}
