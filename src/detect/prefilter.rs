//! Where a rule may match: every anchor of every rule, found in one pass. Knows literals, not regexes.

use std::collections::BTreeMap;

use aho_corasick::automaton::{Automaton, OverlappingState};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, BuildError, Input, MatchKind};

use crate::rule::Rule;

/// What stands at a place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hit {
    /// An anchor of a rule, its case and what follows checked.
    Anchor {
        /// The rule's index.
        rule: usize,
        /// The anchor's first byte.
        at: usize,
        /// One past its last byte.
        end: usize,
    },
    /// keyward's own inline comment.
    Mark {
        /// Its first byte.
        at: usize,
    },
}

/// Whether to go on.
pub(super) enum Go {
    /// Show the next hit.
    On,
    /// Enough.
    Stop,
}

/// What opens an inline comment; looked for in every text.
pub(super) const MARK: &str = "keyward:allow";

/// All anchors in one automaton. The only door to it is [`Prefilter::each`], so that static tables can replace it.
pub(super) struct Prefilter {
    automaton: NFA,
    /// For each literal of the automaton, who wants to hear of it.
    wanted: Vec<Vec<Wanted>>,
}

#[derive(Clone, Copy)]
enum Wanted {
    Anchor { rule: usize, anchor: usize },
    Mark,
}

impl Prefilter {
    /// Plans for all anchors of `rules`.
    pub(super) fn new(rules: &[Rule]) -> Result<Self, BuildError> {
        let mut literals: BTreeMap<String, Vec<Wanted>> = BTreeMap::new();
        for (rule, written) in rules.iter().enumerate() {
            for (anchor, literal) in written.anchors.iter().enumerate() {
                literals.entry(literal.text.to_ascii_lowercase()).or_default().push(Wanted::Anchor { rule, anchor });
            }
        }
        literals.entry(MARK.to_owned()).or_default().push(Wanted::Mark);
        literals.remove("");
        let automaton =
            NFA::builder().match_kind(MatchKind::Standard).ascii_case_insensitive(true).build(literals.keys())?;
        Ok(Self { automaton, wanted: literals.into_values().collect() })
    }

    /// Shows every hit in `text`, overlapping ones too, in the order of their last bytes.
    pub(super) fn each(&self, rules: &[Rule], text: &[u8], mut show: impl FnMut(Hit) -> Go) {
        let input = Input::new(text).anchored(Anchored::No);
        let mut state = OverlappingState::start();
        loop {
            // The only error is an anchored mode the automaton does not have.
            if self.automaton.try_find_overlapping(&input, &mut state).is_err() {
                return;
            }
            let Some(found) = state.get_match() else { return };
            for wanted in self.wanted.get(found.pattern().as_usize()).into_iter().flatten() {
                let hit = match *wanted {
                    Wanted::Mark => Hit::Mark { at: found.start() },
                    Wanted::Anchor { rule, anchor } => {
                        if !holds(rules, rule, anchor, text, found.start(), found.end()) {
                            continue;
                        }
                        Hit::Anchor { rule, at: found.start(), end: found.end() }
                    }
                };
                if let Go::Stop = show(hit) {
                    return;
                }
            }
        }
    }
}

/// The anchor's case and what must follow it.
fn holds(rules: &[Rule], rule: usize, anchor: usize, text: &[u8], at: usize, end: usize) -> bool {
    let Some(anchor) = rules.get(rule).and_then(|rule| rule.anchors.get(anchor)) else { return false };
    let case = anchor.ignore_case || text.get(at..end) == Some(anchor.text.as_bytes());
    case && anchor.then.as_ref().is_none_or(|then| then.holds(text.get(end..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use proptest::test_runner::{Config, RngSeed};

    use super::*;
    use crate::model::{Confidence, RuleMeta, Severity};
    use crate::rule::{Anchor, Follow, Kind};

    fn rule(anchors: Vec<Anchor>) -> Rule {
        let meta = RuleMeta {
            id: "a".into(),
            name: String::new(),
            provider: String::new(),
            severity: Severity::Low,
            why: String::new(),
            fix: String::new(),
            link: String::new(),
            generic: false,
        };
        Rule {
            meta: Arc::new(meta),
            confidence: Confidence::High,
            kind: Kind::Token,
            regex: String::new(),
            anchors,
            lookback: 0,
            max_len: 0,
            entropy: 0.0,
            checksum: None,
            paths: Vec::new(),
            requires: Vec::new(),
            part: false,
        }
    }

    /// Every place of every anchor, tried one by one.
    fn naive(rules: &[Rule], text: &[u8]) -> Vec<Hit> {
        let mut out = Vec::new();
        for at in 0..text.len() {
            for (rule, written) in rules.iter().enumerate() {
                for anchor in &written.anchors {
                    let end = at + anchor.text.len();
                    let Some(here) = text.get(at..end) else { continue };
                    let same = if anchor.ignore_case {
                        here.eq_ignore_ascii_case(anchor.text.as_bytes())
                    } else {
                        here == anchor.text.as_bytes()
                    };
                    if same && anchor.then.as_ref().is_none_or(|then| then.holds(&text[end..])) {
                        out.push(Hit::Anchor { rule, at, end });
                    }
                }
            }
            if text[at..].len() >= MARK.len() && text[at..at + MARK.len()].eq_ignore_ascii_case(MARK.as_bytes()) {
                out.push(Hit::Mark { at });
            }
        }
        out.sort();
        out
    }

    fn anchors() -> impl Strategy<Value = Vec<Anchor>> {
        let anchor =
            ("[abAB_]{1,5}", any::<bool>(), prop::option::of(0_u8..3)).prop_map(|(text, ignore_case, least)| {
                let text = if ignore_case { text.to_ascii_lowercase() } else { text };
                let then = least.map(|least| Follow { class: vec![(b'a', b'b')], least });
                Anchor { text, ignore_case, then }
            });
        prop::collection::vec(anchor, 1..5)
    }

    proptest! {
        #![proptest_config(Config { cases: 400, rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..Config::default() })]

        #[test]
        fn every_hit_of_a_naive_search_is_shown_and_no_other(
            anchors in prop::collection::vec(anchors(), 1..6),
            text in "([abAB_c]{0,40}(keyward:allow)?){0,4}",
        ) {
            let rules: Vec<Rule> = anchors.into_iter().map(rule).collect();
            let mut hits = Vec::new();
            let prefilter = Prefilter::new(&rules).unwrap();
            prefilter.each(&rules, text.as_bytes(), |hit| { hits.push(hit); Go::On });
            hits.sort();
            prop_assert_eq!(hits, naive(&rules, text.as_bytes()));
        }
    }
}
