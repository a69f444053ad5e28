//! Why a check says of a candidate that it counts for nothing: every reason there is. Decides nothing.

macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident $text:literal,)*) => {
        /// Why a candidate counts for nothing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum DropReason {
            $($(#[$doc])* $reason,)*
        }

        impl DropReason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$reason,)*];

            /// What is said: the sentence, or its beginning where numbers or names follow.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$reason => $text,)*
                }
            }
        }
    };
}

reasons! {
    /// `${VAR}` and the like.
    FilledIn "it is filled in from elsewhere",
    /// A regex.
    Pattern "it is a pattern, not a value",
    /// `<password>`.
    Gap "it is a gap to be filled in",
    /// `__TOKEN__`.
    Variable "it is the name of a variable",
    /// `%s`.
    Format "it is a format's gap",
    /// `abc...`.
    CutShort "it is cut short with dots",
    /// `xxxxxxxx`.
    OneCharacter "it repeats one character",
    /// `a1xxxxxxxx`.
    Filler "it is mostly one character",
    /// `abcdefgh`.
    Steps "it is a sequence such as 1234 or abcd",
    /// `undefined`.
    Nothing "it is a word for nothing",
    /// `password123`.
    StandIn "it is made of words that stand for a secret",
    /// A word where a rule for keys expects what is drawn by chance.
    Words "it is made of words, and such keys are drawn by chance",
    /// Less than its rule asks for.
    Entropy "its entropy of ",
    /// A guess that is none.
    Model "the model takes it for no secret",
    /// A composite whose other half is not there.
    Part "no `",
    /// A better rule has it.
    Covered "covered by ",
}

impl DropReason {
    /// The reason that a sentence gives.
    pub fn of(why: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| why.starts_with(reason.text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Detector;
    use crate::detect::placeholder::{self, Look};
    use crate::model::{Blob, Candidate, Fresh, Origin, OriginKind};
    use crate::rule::pack::{Pack, builtin_examples};
    use crate::rule::pattern::{Seed, expand};

    /// Where a reason can be seen.
    enum Case {
        /// A text, as a pattern, and the rule that drops what it sees there.
        Text(&'static str, &'static str),
        /// A value that no rule takes so short.
        Value(&'static str),
    }

    /// One for every reason: a new one does not compile without.
    fn case(reason: DropReason) -> Case {
        const GENERIC: &str = "generic-assignment";
        match reason {
            DropReason::FilledIn => Case::Text(r#"password = "\$\{DB_PASSWORD\}""#, GENERIC),
            DropReason::Pattern => Case::Text(r#"password = "\[A-Za-z0-9\]\{20\}""#, GENERIC),
            DropReason::Gap => Case::Text(r#"password = "<password>""#, GENERIC),
            DropReason::Variable => Case::Text(r#"password = "__DB_PASSWORD__""#, GENERIC),
            DropReason::Format => Case::Value("%s"),
            DropReason::CutShort => Case::Text(r#"password = "abc12\.\.\.xyz89""#, GENERIC),
            DropReason::OneCharacter => Case::Text(r#"password = "x{10}""#, GENERIC),
            DropReason::Filler => Case::Text(r#"password = "a1x{10}""#, GENERIC),
            DropReason::Steps => Case::Text(r#"password = "abcdefgh1""#, GENERIC),
            DropReason::Nothing => Case::Text(r#"password = "undefined""#, GENERIC),
            DropReason::StandIn => Case::Text(r#"password = "password123""#, GENERIC),
            DropReason::Words => Case::Text("mockaroo_api_key = severity", "mockaroo-api-key"),
            DropReason::Entropy => Case::Text("DD_API_KEY=(?:9a1c){8}", "datadog-api-key"),
            DropReason::Model => Case::Text("token = parser_state", GENERIC),
            DropReason::Part => Case::Text("secret_key = \"[A-Za-z0-9+/]{40}\"", "aws-secret-near-key-id"),
            DropReason::Covered => Case::Text("github_token = \"ghp_[A-Za-z0-9]{36}\"", GENERIC),
        }
    }

    fn detector() -> Detector {
        let detector = Detector::new(Pack::builtin().unwrap().rules).unwrap();
        detector.tell_refused();
        detector
    }

    fn candidates(detector: &Detector, pattern: &str) -> Vec<Candidate> {
        let text = expand(pattern, &mut Seed::named(pattern)).unwrap();
        let origin = Origin::new(OriginKind::Stdin);
        let blob = Blob { origin: &origin, bytes: &text, fresh: &Fresh::All, former_path: None, earlier: &[] };
        detector.scan(&blob).map(|found| found.candidates).unwrap_or_default()
    }

    #[test]
    fn every_reason_is_given_where_it_belongs() {
        let detector = detector();
        for reason in DropReason::ALL {
            let said: Vec<Option<DropReason>> = match case(*reason) {
                Case::Text(pattern, rule) => candidates(&detector, pattern)
                    .iter()
                    .filter(|candidate| candidate.rule.id == rule)
                    .map(|candidate| DropReason::of(candidate.dropped.as_deref().unwrap_or_default()))
                    .collect(),
                Case::Value(value) => match placeholder::look(value.as_bytes(), 0) {
                    Look::Placeholder(why) => vec![DropReason::of(why)],
                    _ => Vec::new(),
                },
            };
            assert_eq!(said, [Some(*reason)], "{reason:?}");
        }
    }

    #[test]
    fn no_other_reason_is_ever_given() {
        let detector = detector();
        let mut seen = 0;
        for (id, examples) in builtin_examples().unwrap() {
            for pattern in examples.matching.iter().chain(&examples.clean) {
                for why in candidates(&detector, pattern).iter().filter_map(|candidate| candidate.dropped.as_deref()) {
                    seen += 1;
                    assert!(DropReason::of(why).is_some(), "{id}: {why}");
                }
            }
        }
        assert!(seen > 500, "{seen}");
    }

    #[test]
    fn a_sentence_gives_one_reason() {
        for reason in DropReason::ALL {
            assert_eq!(DropReason::of(reason.text()), Some(*reason));
        }
        assert_eq!(DropReason::of("it is a secret"), None);
    }
}
