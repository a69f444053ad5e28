//! Gates against the regexes that they stand for.

use super::*;
use crate::detect::prefilter::{Go, Hit, Prefilter, Simd};
use crate::rule::pack::{Pack, builtin_examples};
use crate::rule::pattern::{Seed, expand};

#[test]
fn what_a_token_may_end_with_decides_what_continues_it() {
    let of = |text: &str| goes_on(&pattern::parse(text).unwrap());
    assert_eq!(of("abc_[a-z]{4}"), "");
    assert_eq!(of("(?:abc|de[A-Za-z0-9_-]{3}x*)"), r"\x5f\x2d");
    assert_eq!(of("[A-Za-z0-9+/]{4}={0,2}"), r"\x2b\x2f");
}

#[test]
fn an_escape_before_a_token_is_no_word() {
    for clean in ["", "x ", "\"", "\\n", "\\t", "%3D", "%3d", "\\u003d", "\\x3d", "=3D", "\u{1b}[31m", "\\x1b[0;1m"] {
        assert!(starts_clean(clean.as_bytes(), clean.len()), "{clean:?}");
    }
    for word in ["n", "xn", "_", "3D", "=ab", "[31m", "a%3", "\\q"] {
        assert!(!starts_clean(word.as_bytes(), word.len()), "{word:?}");
    }
}

#[test]
fn a_budget_ends() {
    let mut budget = Budget { all: 2, left: 2, refused: false };
    assert!(budget.spend(0) && budget.spend(255) && !budget.spend(0) && budget.is_spent());
}

/// The text with something wrong, or nothing: cut, a byte changed or doubled, something before or behind it.
fn spoiled(mut text: Vec<u8>, seed: &mut Seed) -> Vec<u8> {
    let at = seed.below(text.len().max(1) as u64) as usize;
    match seed.below(7) {
        0 => text.truncate(at),
        1 => text[at] = b"=-_ .:/\"@xA0\n"[seed.below(13) as usize],
        2 => text.insert(at, text[at]),
        3 => text.push(b"=-_ .:/\"@xA0\n"[seed.below(13) as usize]),
        4 => text = [b"x".to_vec(), text].concat(),
        5 => drop(text.remove(at)),
        _ => {}
    }
    text
}

#[test]
fn gates_refuse_nothing_that_a_rules_regex_matches_and_match_the_same() {
    let rules = Pack::builtin().unwrap().rules;
    let examples = builtin_examples().unwrap();
    let prefilter = Prefilter::new(&rules, Simd::best()).unwrap();
    let matchers: Vec<Matcher> = rules.iter().map(|_| Matcher::default()).collect();
    let (mut tried, mut matched, mut work) = (0_u64, 0_u64, Work::default());
    for (index, (id, examples)) in examples.iter().enumerate() {
        let mut seed = Seed::named(id);
        for pattern in examples.matching.iter().chain(&examples.clean) {
            for _ in 0..12 {
                let text = spoiled(expand(pattern, &mut seed).unwrap(), &mut seed);
                prefilter.each(&text, |hit| {
                    let Hit::Anchor { rule, at, end } = hit else { return Go::On };
                    if rules[rule].kind == Kind::Assignment {
                        return Go::On;
                    }
                    let anchor = Span::new(at, end);
                    let mut budget = Budget::new(1 << 20);
                    let found = matchers[rule].find(&rules[rule], &text, anchor, &mut budget, &mut work);
                    let plain = matchers[rule].by_regex(&rules[rule], &text, anchor, &mut budget, &mut Work::default());
                    let shown = String::from_utf8_lossy(&text);
                    assert_eq!(found, plain, "rule {}, example of {}: {shown}", rules[rule].id(), rules[index].id());
                    tried += 1;
                    matched += u64::from(found.is_some());
                    Go::On
                });
            }
        }
    }
    assert!(tried > 20_000 && matched > 5_000 && matched < tried, "{tried} tried, {matched} matched");
    assert!(work.regexes < tried / 2, "{} regex runs for {tried} hits", work.regexes);
}

#[test]
fn most_token_rules_need_no_regex_engine() {
    let rules = Pack::builtin().unwrap().rules;
    let tokens: Vec<&Rule> = rules.iter().filter(|rule| rule.kind == Kind::Token).collect();
    let plain = tokens.iter().filter(|rule| Gates::new(rule).shape.is_some_and(|shape| shape.is_whole())).count();
    assert!(plain * 10 > tokens.len() * 7, "{plain} of {}", tokens.len());
}

#[test]
fn a_part_of_a_name_is_no_part_of_a_word() {
    for text in ["my_acme", "myAcme", "v2acme", "-Dacme"] {
        assert!(starts_part(text.as_bytes(), text.len() - 4), "{text}");
    }
    assert!(!starts_part(b"lacme", 1) && !starts_part(b"LACME", 1));
}
