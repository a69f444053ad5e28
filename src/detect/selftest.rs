//! Rules prove themselves: their examples, expanded with fixed seeds, are scanned. Messages never hold a secret.

use std::fmt;

use super::checksum::{self, Verdict};
use super::{DetectError, Detector, sweep};
use crate::model::{Blob, BytePath, Candidate, Confidence, Fresh, Origin, OriginKind};
use crate::rule::pattern::{Seed, expand};
use crate::rule::written::{Examples, Proved};
use crate::rule::{Checksum, Rule};

/// Texts made from each pattern.
const TEXTS: u32 = 8;

/// A rule that does not do what its examples say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The rule's id; empty when it is about all of them.
    pub rule: String,
    /// Which example, and what is wrong with it.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule '{}': {}", self.rule, self.what)
    }
}

/// Scans every example of every rule with all of `rules` at work: in each `match` the rule itself must see a
/// secret (certain, once the checksum is made to hold), in each `no_match` it must see none.
pub fn check(rules: &[Proved]) -> Vec<Failure> {
    let all: Vec<Rule> = rules.iter().map(|(rule, _)| rule.clone()).collect();
    let detector = match Detector::new(all) {
        Ok(detector) => detector,
        Err(DetectError::NoRules) => return Vec::new(),
        Err(error) => return vec![Failure { rule: String::new(), what: error.to_string() }],
    };
    let mut failures = Vec::new();
    for (rule, examples) in rules {
        let patterns = [("match", &examples.matching), ("no_match", &examples.clean)];
        for (kind, list) in patterns {
            for (index, pattern) in list.iter().enumerate() {
                let says = (0..TEXTS).find_map(|n| {
                    let mut seed = Seed::named(&format!("{}/{kind}/{index}/{n}", rule.id()));
                    let text = match expand(pattern, &mut seed) {
                        Ok(text) => text,
                        Err(error) => return Some(format!("cannot be expanded: {error}")),
                    };
                    let trial = Trial { detector: &detector, rule, examples };
                    if kind == "match" { trial.finds(text) } else { trial.spares(&text) }
                });
                if let Some(what) = says {
                    let what = format!("examples.{kind}, pattern {} of {}: {what}", index + 1, list.len());
                    failures.push(Failure { rule: rule.id().to_owned(), what });
                }
            }
        }
    }
    failures
}

struct Trial<'a> {
    detector: &'a Detector,
    rule: &'a Rule,
    examples: &'a Examples,
}

impl Trial<'_> {
    fn with_blob<T>(&self, text: &[u8], look: impl FnOnce(&Blob<'_>) -> T) -> T {
        let origin = if self.examples.path.is_empty() {
            Origin::new(OriginKind::Stdin)
        } else {
            Origin::at(OriginKind::Tree, BytePath::new(&self.examples.path))
        };
        look(&Blob { origin: &origin, bytes: text, fresh: &Fresh::All, former_path: None, earlier: &[] })
    }

    /// What the rule itself saw, what was dropped included.
    fn candidates(&self, text: &[u8]) -> Vec<Candidate> {
        let found = self.with_blob(text, |blob| self.detector.scan(blob));
        let own = |candidate: &Candidate| candidate.rule.id == self.rule.id();
        found.map(|found| found.candidates.into_iter().filter(own).collect()).unwrap_or_default()
    }

    /// Whether a part rule saw its part.
    fn sees_part(&self, text: &[u8]) -> bool {
        let swept = self.with_blob(text, |blob| sweep::sweep(self.detector, blob));
        swept.into_iter().flat_map(|swept| swept.stored.seen).any(|seen| {
            let own = self.detector.rules.get(seen.rule).is_some_and(|rule| rule.id() == self.rule.id());
            own && seen.dropped.is_none()
        })
    }

    /// What is wrong when the rule does not see the secret.
    fn finds(&self, mut text: Vec<u8>) -> Option<String> {
        if self.rule.part {
            return (!self.sees_part(&text)).then(|| "the part is not seen".to_owned());
        }
        let mut seen = self.candidates(&text);
        if self.rule.checksum.is_some() {
            // With a wrong checksum it may give way to a rule that is surer; with a right one it may not.
            let gave_way = |why: &std::borrow::Cow<'_, str>| why.starts_with("covered by");
            seen.iter_mut()
                .for_each(|candidate| candidate.dropped = candidate.dropped.take().filter(|why| !gave_way(why)));
        }
        let Some(candidate) = kept(seen) else { return Some(self.why_not(&text)) };
        let kind = self.rule.checksum?;
        let mut secret = candidate.secret.reveal().to_vec();
        checksum::fix(kind, &mut secret);
        if let Verdict::Unknown(_) = checksum::verify(kind, &secret) {
            return None;
        }
        text.splice(candidate.span.start..candidate.span.end, secret);
        // A structure made right from the example's first bytes on may not be what the rule wants further on.
        let loose = matches!(kind, Checksum::Jwt | Checksum::Base64Json | Checksum::Pem);
        match kept(self.candidates(&text)) {
            None if loose => None,
            None => Some(format!("with its checksum right: {}", self.why_not(&text))),
            Some(fixed) if fixed.confidence != Confidence::Certain => {
                Some(format!("with its checksum right it is {}, not certain", fixed.confidence))
            }
            Some(_) => None,
        }
    }

    fn spares(&self, text: &[u8]) -> Option<String> {
        // A made-up value, only shown on request (`--confidence low`), is spared. Where a checksum lowers it, its look
        // is not what did.
        let lowest = if self.rule.checksum.is_some() { Confidence::Low } else { Confidence::Medium };
        let shown = self.rule.confidence.min(lowest);
        let found = || kept(self.candidates(text)).is_some_and(|found| found.confidence >= shown);
        let seen = if self.rule.part { self.sees_part(text) } else { found() };
        seen.then(|| "a secret is seen where none is".to_owned())
    }

    fn why_not(&self, text: &[u8]) -> String {
        let paths = !self.rule.applies_to(Some(&BytePath::new(&self.examples.path)));
        let broken = || {
            let index = self.detector.rule_of(self.rule.id())?;
            self.detector.matchers.get(index)?.error().map(str::to_owned)
        };
        if paths {
            return "`examples.path` is not among the rule's paths".to_owned();
        }
        if let Some(why) = broken() {
            return why;
        }
        match self.candidates(text).into_iter().find_map(|candidate| candidate.dropped) {
            Some(why) => format!("the secret is seen but dropped: {why}"),
            None => "no secret is seen".to_owned(),
        }
    }
}

fn kept(candidates: Vec<Candidate>) -> Option<Candidate> {
    candidates.into_iter().filter(|candidate| candidate.dropped.is_none()).max_by_key(|candidate| candidate.confidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::written::read_file;

    const RULE: &str = r#"
[[rule]]
id = "zz-token"
name = "Zz token"
severity = "high"
confidence = "high"
why = "It opens."
fix = "Revoke it."
token = 'zzp_[A-Za-z0-9]{36}'
anchors = ["zzp_"]
entropy = 3.0
checksum = "crc32-base62"
examples.match = ['token: "zzp_[A-Za-z0-9]{36}"', 'https://zzp_[A-Za-z0-9]{36}@zz\.com/a']
examples.no_match = ['zzp_[A-Za-z0-9]{12}', 'zzp_x{36}', 'xzzp_[A-Za-z0-9]{36}', 'zzp_[A-Za-z0-9]{37}']
"#;

    #[test]
    fn a_rule_that_keeps_its_word_passes() {
        assert_eq!(check(&read_file("zz.toml", RULE).unwrap()), []);
    }

    #[test]
    fn a_rule_that_does_not_is_named_with_its_example() {
        let wrong =
            RULE.replace("'zzp_[A-Za-z0-9]{12}'", "'zzp_[A-Za-z0-9]{36}'").replace("entropy = 3.0", "entropy = 7.5");
        let failures = check(&read_file("zz.toml", &wrong).unwrap());
        let texts: Vec<String> = failures.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 2, "both matches fall below the entropy: {texts:?}");
        assert!(texts[0].contains("zz-token") && texts[0].contains("pattern 1 of 2") && texts[0].contains("entropy"));
        let wrong = RULE.replace("'zzp_[A-Za-z0-9]{12}'", "'zzp_[A-Za-z0-9]{36}'");
        let failures = check(&read_file("zz.toml", &wrong).unwrap());
        assert_eq!(failures.len(), 1);
        assert!(failures[0].what.contains("no_match, pattern 1 of 4"), "{failures:?}");
    }
}
