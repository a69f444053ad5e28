//! Every path against a search that knows no tricks, for made-up anchors and for the pack's own.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::*;
use crate::model::{Confidence, RuleMeta, Severity};
use crate::rule::pack::Pack;
use crate::rule::pattern::Seed;
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
        meta: meta.into(),
        confidence: Confidence::High,
        kind: Kind::Token,
        regex: "".into(),
        anchors,
        lookback: 0,
        max_len: 0,
        entropy: 0.0,
        checksum: None,
        paths: Vec::new(),
        requires: Vec::new(),
        part: false,
        claims: Vec::new(),
        number: None,
    }
}

/// Every place of every anchor, as aho-corasick finds them.
fn plain(rules: &[Rule], text: &[u8]) -> Vec<Hit> {
    let anchors = rules.iter().enumerate().flat_map(|(rule, written)| written.anchors.iter().map(move |a| (rule, a)));
    let anchors: Vec<(usize, &Anchor)> = anchors.collect();
    let texts = anchors.iter().map(|(_, anchor)| anchor.text.as_bytes()).chain([MARK.as_bytes()]);
    let automaton = aho_corasick::AhoCorasick::builder().ascii_case_insensitive(true).build(texts).unwrap();
    let mut out = Vec::new();
    for found in automaton.find_overlapping_iter(text) {
        let (at, end) = (found.start(), found.end());
        let Some((rule, anchor)) = anchors.get(found.pattern().as_usize()) else {
            out.push(Hit::Mark { at });
            continue;
        };
        let case = anchor.ignore_case || &text[at..end] == anchor.text.as_bytes();
        if case && anchor.then.as_ref().is_none_or(|then| then.holds(&text[end..])) {
            out.push(Hit::Anchor { rule: *rule, at, end });
        }
    }
    out.sort();
    // Two anchors of a rule that differ by case alone are one.
    out.dedup();
    out
}

fn paths() -> impl Iterator<Item = Simd> {
    Simd::ALL.into_iter().filter(|simd| simd.is_here())
}

fn hits(prefilter: &Prefilter, text: &[u8]) -> Vec<Hit> {
    let mut hits = Vec::new();
    prefilter.each(text, |hit| {
        hits.push(hit);
        Go::On
    });
    hits
}

fn sorted(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort();
    hits.dedup();
    hits
}

fn anchors() -> impl Strategy<Value = Vec<Anchor>> {
    let anchor = ("[abAB_]{1,5}", any::<bool>(), prop::option::of(0_u8..3)).prop_map(|(text, ignore_case, least)| {
        let text = if ignore_case { text.to_ascii_lowercase() } else { text };
        let then = least.map(|least| Follow { class: vec![(b'a', b'b')], least });
        Anchor { text: text.into(), ignore_case, then }
    });
    prop::collection::vec(anchor, 1..5)
}

fn config(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn made_up_anchors_are_found_wherever_they_stand_and_nowhere_else(
        anchors in prop::collection::vec(anchors(), 1..6),
        text in "([abAB_c]{0,90}(keyward:allow)?){0,6}",
    ) {
        let rules: Vec<Rule> = anchors.into_iter().map(rule).collect();
        let expected = plain(&rules, text.as_bytes());
        let plan = Plan::new(&rules, &Places::none()).unwrap();
        let stored = Plan::read(Vec::leak(plan.write())).unwrap();
        prop_assert_eq!(&plan, &stored);
        // The second half of the rules as somebody's own.
        let (first, own) = rules.split_at(rules.len() / 2);
        let mut extended = Plan::new(first, &Places::none()).unwrap();
        let indexed = (first.len() as u16..).zip(own).flat_map(|(index, rule)| rule.anchors.iter().map(move |a| (a, index)));
        extended.extend(indexed).unwrap();
        for plan in [stored, extended] {
            let mut orders = Vec::new();
            for simd in paths() {
                let hits = hits(&Prefilter::of(plan.clone(), simd), text.as_bytes());
                prop_assert_eq!(&sorted(hits.clone()), &expected, "{:?}", simd);
                orders.push(hits);
            }
            prop_assert!(orders.windows(2).all(|two| two[0] == two[1]), "the order is the same on every path");
        }
    }

    #[test]
    fn bytes_that_are_no_plan_are_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Plan::read(Vec::leak(bytes)).is_none());
    }
}

/// Text that the pack's anchors stand in: whole and torn, in any case, followed by what they want and by anything.
fn text(rules: &[Rule], seed: &mut Seed, length: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let pick = |seed: &mut Seed, many: usize| seed.below(many as u64) as usize;
    while out.len() < length {
        let anchors = &rules[pick(seed, rules.len())].anchors;
        let anchor = &anchors[pick(seed, anchors.len())];
        let mut word = anchor.text.as_bytes().to_vec();
        match seed.below(6) {
            0 => word.make_ascii_uppercase(),
            1 => word.make_ascii_lowercase(),
            2 => word.truncate(word.len() - 1),
            3 => word.iter_mut().for_each(|byte| *byte |= if byte.is_ascii_digit() { 0 } else { 0x80 }),
            _ => {}
        }
        out.extend(word);
        if let (Some(then), 0..3) = (&anchor.then, seed.below(4)) {
            let least = usize::from(then.least) + pick(seed, 2) - pick(seed, 2);
            for _ in 0..least {
                let (low, high) = then.class[pick(seed, then.class.len())];
                out.push(low + seed.below(u64::from(high - low) + 1) as u8);
            }
        }
        let filler = pick(seed, 30);
        out.extend((0..filler).map(|_| b"  \n\"=:_-.aeiotsnKEY019\xc3\x00"[seed.below(24) as usize]));
        if seed.below(40) == 0 {
            out.extend_from_slice(MARK.as_bytes());
        }
    }
    out
}

#[test]
fn the_packs_anchors_are_found_on_every_path_as_a_plain_search_finds_them() {
    let rules = Pack::builtin().unwrap().rules;
    let filters: Vec<Prefilter> = paths().map(|simd| Prefilter::new(&rules, simd).unwrap()).collect();
    let mut seed = Seed::new(4);
    let mut seen = 0;
    for round in 0..60 {
        let length = if round % 3 == 0 { 200 } else { 9000 };
        let text = text(&rules, &mut seed, length);
        let expected = plain(&rules, &text);
        seen += expected.len();
        let first = hits(&filters[0], &text);
        assert_eq!(sorted(first.clone()), expected);
        for filter in &filters {
            assert_eq!(hits(filter, &text), first, "the same hits in the same order on every path");
        }
    }
    assert!(seen > 10_000, "{seen} hits");
}

#[test]
fn the_stored_plan_is_the_one_that_the_rules_make() {
    let rules = Pack::builtin().unwrap().rules;
    // How windows are dealt takes seconds: `cargo xtask pack --check` proves that.
    let undealt = |plan: Plan| Plan { buckets: Vec::new(), ..plan };
    let made = Plan::new(&rules, &Places::none()).unwrap();
    assert_eq!(undealt(Plan::read(pack::plan()).unwrap()), undealt(made));
    assert!(plan(&rules).unwrap().short.is_empty(), "every anchor of the pack has a window");
}

#[test]
fn rules_that_are_off_are_not_heard_of_and_own_ones_are() {
    let mut rules = Pack::builtin().unwrap().rules;
    rules.retain(|rule| rule.number.is_some_and(|number| number % 3 != 0));
    rules.insert(7, rule(vec![Anchor { text: "zzq-own".into(), ignore_case: false, then: None }]));
    let filter = Prefilter::new(&rules, Simd::best()).unwrap();
    let mut seed = Seed::new(5);
    let mut text = text(&rules, &mut seed, 20_000);
    text.extend_from_slice(b"zzq-own");
    let hits = sorted(hits(&filter, &text));
    assert!(hits.iter().any(|hit| matches!(hit, Hit::Anchor { rule: 7, .. })));
    assert_eq!(hits, plain(&rules, &text));
}

#[test]
fn whoever_has_enough_is_shown_no_more() {
    let rules = Pack::builtin().unwrap().rules;
    let text = text(&rules, &mut Seed::new(6), 20_000);
    for simd in paths() {
        let mut shown = 0;
        Prefilter::new(&rules, simd).unwrap().each(&text, |_| {
            shown += 1;
            if shown == 3 { Go::Stop } else { Go::On }
        });
        assert_eq!(shown, 3);
    }
}
