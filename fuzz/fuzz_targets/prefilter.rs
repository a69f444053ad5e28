//! Anchors found on every path of the prefilter, against a plain aho-corasick search: the built-in rules' and made-up
//! ones, in text that they stand in whole, torn and in other letters.
#![no_main]

use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use keyward::detect::Simd;
use keyward::detect::fuzzing::{Anchors, Hit, MARK};
use keyward::model::{Confidence, RuleMeta, Severity};
use keyward::rule::pack::Pack;
use keyward::rule::{Anchor, Follow, Kind, Rule};
use keyward_fuzz::Piece;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    /// None for the built-in rules.
    own: Option<Vec<Vec<Own>>>,
    text: Vec<Part>,
}

#[derive(Arbitrary, Debug)]
struct Own {
    text: Vec<u8>,
    ignore_case: bool,
    follow: Option<(u8, u8, u8)>,
}

#[derive(Arbitrary, Debug)]
enum Part {
    Piece(Piece),
    /// An anchor of a rule: without so many of its last bytes, with these bits of its bytes turned over, and then one
    /// byte so many times.
    Anchor {
        rule: u8,
        anchor: u8,
        cut: u8,
        flip: u8,
        then: u8,
        times: u8,
    },
    Gap(u8),
}

/// Rules, what finds their anchors on each path, and what finds them without a trick.
struct Searched {
    rules: Vec<Rule>,
    paths: Vec<Anchors>,
    automaton: AhoCorasick,
}

impl Searched {
    fn new(rules: Vec<Rule>) -> Option<Self> {
        let paths = Simd::ALL.into_iter().filter(|simd| simd.is_here());
        let paths = paths.map(|simd| Anchors::new(&rules, simd)).collect::<Option<Vec<_>>>()?;
        let texts = rules.iter().flat_map(|rule| &rule.anchors).map(|anchor| anchor.text.as_bytes());
        let texts = texts.chain([MARK.as_bytes()]);
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(texts).unwrap();
        Some(Self { rules, paths, automaton })
    }

    fn plain(&self, text: &[u8]) -> Vec<Hit> {
        let anchors = self.rules.iter().enumerate();
        let anchors: Vec<_> = anchors.flat_map(|(at, rule)| rule.anchors.iter().map(move |a| (at, a))).collect();
        let mut out = Vec::new();
        for found in self.automaton.find_overlapping_iter(text) {
            let (at, end) = (found.start(), found.end());
            let Some((rule, anchor)) = anchors.get(found.pattern().as_usize()) else {
                out.push((None, at));
                continue;
            };
            let same = anchor.ignore_case || &text[at..end] == anchor.text.as_bytes();
            if same && anchor.then.as_ref().is_none_or(|then| then.holds(&text[end..])) {
                out.push((Some((*rule, end)), at));
            }
        }
        out.sort();
        out.dedup();
        out
    }

    fn text(&self, parts: &[Part]) -> Vec<u8> {
        let mut out = Vec::new();
        for part in parts {
            match part {
                Part::Piece(piece) => piece.write(&mut out),
                Part::Gap(length) => out.resize(out.len() + usize::from(*length), b' '),
                Part::Anchor { rule, anchor, cut, flip, then, times } => {
                    let anchors = &self.rules[usize::from(*rule) % self.rules.len()].anchors;
                    let text = anchors[usize::from(*anchor) % anchors.len()].text.as_bytes();
                    let kept = text.len() - usize::from(*cut % 4).min(text.len());
                    out.extend(text[..kept].iter().map(|byte| byte ^ (flip & 0xa0)));
                    out.resize(out.len() + usize::from(*times % 64), *then);
                }
            }
        }
        out.truncate(1 << 15);
        out
    }

    fn check(&self, text: &[u8]) {
        let expected = self.plain(text);
        let first = self.paths[0].hits(text);
        for path in &self.paths[1..] {
            assert_eq!(path.hits(text), first, "the same hits in the same order on every path");
        }
        let mut sorted = first;
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted, expected);
    }
}

fn rule(anchors: Vec<Anchor>) -> Rule {
    let meta = RuleMeta {
        id: "own".into(),
        name: String::new(),
        provider: String::new(),
        severity: Severity::Low,
        why: String::new(),
        fix: String::new(),
        link: String::new(),
        generic: false,
    };
    Rule {
        claims: Vec::new(),
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
        number: None,
    }
}

/// Made-up anchors of few letters, so that they overlap.
fn own(written: &[Vec<Own>]) -> Vec<Rule> {
    let anchor = |own: &Own| {
        let letters = b"abAB_k:y";
        let text: Vec<u8> = own.text.iter().take(12).map(|byte| letters[usize::from(byte % 8)]).collect();
        let mut text = String::from_utf8(text).unwrap();
        if own.ignore_case {
            text.make_ascii_lowercase();
        }
        let follow = |(from, to, least): (u8, u8, u8)| Follow { class: vec![(from.min(to), from.max(to))], least };
        let anchor = Anchor { text: text.into(), ignore_case: own.ignore_case, then: own.follow.map(follow) };
        (!anchor.text.is_empty()).then_some(anchor)
    };
    let rules = written.iter().take(8).map(|anchors| anchors.iter().take(6).filter_map(anchor).collect::<Vec<_>>());
    rules.filter(|anchors| !anchors.is_empty()).map(rule).collect()
}

fn built_in() -> &'static Searched {
    static BUILT_IN: OnceLock<Searched> = OnceLock::new();
    BUILT_IN.get_or_init(|| Searched::new(Pack::builtin().unwrap().rules).unwrap())
}

fuzz_target!(|input: Input| {
    match input.own.as_deref().map(own) {
        None => built_in().check(&built_in().text(&input.text)),
        Some(rules) if rules.is_empty() => {}
        Some(rules) => {
            if let Some(searched) = Searched::new(rules) {
                searched.check(&searched.text(&input.text));
            }
        }
    }
});
