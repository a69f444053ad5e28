//! Tests of: rules.

use keyward::detect::selftest;
use keyward::rule::pack::{Pack, builtin_examples};

#[test]
fn every_built_in_rule_finds_its_examples_and_nothing_in_its_counter_examples() {
    let rules = Pack::builtin().unwrap().rules;
    let examples = builtin_examples().unwrap();
    assert_eq!(rules.len(), examples.len());
    let proved: Vec<_> = rules
        .into_iter()
        .zip(examples)
        .map(|(rule, (id, examples))| {
            assert_eq!(rule.id(), id);
            (rule, examples)
        })
        .collect();
    let failures: Vec<String> = selftest::check(&proved).iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
