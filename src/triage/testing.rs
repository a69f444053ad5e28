//! What this room's tests share: made-up candidates.

use std::sync::Arc;

use crate::model::{
    BytePath, Candidate, Confidence, Mark, MarkScope, Origin, OriginKind, Placement, Position, RuleMeta, Secret,
    Severity, Sighting, Snippet, Span,
};

/// Forty characters that nobody guesses.
pub fn made_up(seed: u64) -> String {
    blake3::hash(&seed.to_le_bytes()).to_hex().chars().take(40).collect()
}

pub fn origin(path: &str) -> Origin {
    Origin::at(OriginKind::Tree, BytePath::new(path))
}

/// A candidate on line 3 of a file.
pub fn candidate(rule: &str, secret: &str, guessable: bool) -> Candidate {
    let rule = Arc::new(RuleMeta {
        id: rule.into(),
        name: "Thing".into(),
        provider: String::new(),
        severity: Severity::High,
        why: "It opens.".into(),
        fix: "Close it.".into(),
        link: String::new(),
        generic: guessable,
    });
    let line = format!("key = {secret}");
    let span = Span::new(6, line.len());
    let secret = Secret::new(secret.as_bytes(), 0);
    let snippet = Snippet::new(line.as_bytes(), span, &[(span, &secret)]);
    Candidate {
        rule,
        secret,
        decoded: Vec::new(),
        encoded: None,
        claim: None,
        span,
        whole: span,
        start: Position { line: 3, column: 7, column_utf16: 7 },
        end: Position { line: 3, column: 20, column_utf16: 20 },
        confidence: Confidence::High,
        notes: crate::model::Notes::default(),
        related: Vec::new(),
        snippet,
        guessable,
        dropped: None,
        paths: Vec::new(),
        features: Arc::default(),
    }
}

pub fn sighting(path: &str, candidate: Candidate) -> Sighting {
    Sighting { origin: origin(path), candidate, placement: Placement::default(), marks: vec![Vec::new()] }
}

pub fn mark(rules: &[&str]) -> Mark {
    let scope = match rules {
        [] => MarkScope::AnyRule,
        some => MarkScope::Rules(some.iter().map(|id| (*id).into()).collect()),
    };
    Mark { line: 2, covers: (2, 3), scope, syntax: "keyward:allow", reason: None, fresh: false }
}
