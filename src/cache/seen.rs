//! What was seen in a blob, as the sealed file keeps it. Here secrets are revealed, for the seal to hide.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{
    Candidate, Confidence, Found, Mark, MarkScope, Note, ObjectId, Origin, OriginKind, Position, Problem, Related,
    RuleMeta, Secret, Snippet, Span,
};

#[derive(Serialize, Deserialize)]
pub(super) struct Seen {
    kind: u8,
    commit: Option<Vec<u8>>,
    object: Option<Vec<u8>>,
    candidates: Vec<Kept>,
    marks: Vec<KeptMark>,
    problems: Vec<(String, String, String)>,
}

type Place = (u32, u32, u32);
type Range = (usize, usize);

#[derive(Serialize, Deserialize)]
struct Kept {
    rule: String,
    secret: (Vec<u8>, usize),
    span: Range,
    evidence: Vec<Range>,
    start: Place,
    end: Place,
    confidence: Confidence,
    notes: Vec<String>,
    related: Vec<(String, Range, Place, Place)>,
    snippet: Vec<(Vec<u8>, Option<String>, bool)>,
    guessable: bool,
    dropped: Option<String>,
    paths: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct KeptMark {
    line: u32,
    covers: (u32, u32),
    rules: Option<Vec<String>>,
    syntax: String,
    reason: Option<String>,
    fresh: bool,
}

/// Kinds of origin that a history has.
const KINDS: [OriginKind; 3] = [OriginKind::History, OriginKind::CommitMessage, OriginKind::TagMessage];

fn range(span: &Span) -> Range {
    (span.start, span.end)
}

fn span((start, end): Range) -> Span {
    Span::new(start, end)
}

fn place(position: &Position) -> Place {
    (position.line, position.column, position.column_utf16)
}

fn position((line, column, column_utf16): Place) -> Position {
    Position { line, column, column_utf16 }
}

impl Seen {
    pub(super) fn of(found: &Found) -> Self {
        let bytes = |id: &ObjectId| id.as_bytes().to_vec();
        let kind = KINDS.iter().position(|kind| *kind == found.origin.kind);
        Self {
            kind: kind.and_then(|kind| u8::try_from(kind).ok()).unwrap_or(u8::MAX),
            commit: found.origin.commit.as_ref().map(bytes),
            object: found.origin.object.as_ref().map(bytes),
            candidates: found.candidates.iter().map(Kept::of).collect(),
            marks: found.marks.iter().map(KeptMark::of).collect(),
            problems: found.problems.iter().map(|p| (p.what.clone(), p.why.clone(), p.fix.clone())).collect(),
        }
    }

    /// None where it names a rule or a kind that there is not.
    pub(super) fn found<'r>(self, rule: &impl Fn(&str) -> Option<&'r Arc<RuleMeta>>) -> Option<Found> {
        let kind = *KINDS.get(usize::from(self.kind))?;
        let id = |bytes: Vec<u8>| ObjectId::from_bytes(&bytes);
        let origin = Origin { commit: self.commit.and_then(id), object: self.object.and_then(id), ..Origin::new(kind) };
        let candidates: Option<Vec<Candidate>> = self.candidates.into_iter().map(|kept| kept.candidate(rule)).collect();
        let marks: Option<Vec<Mark>> = self.marks.into_iter().map(KeptMark::mark).collect();
        let problems = self.problems.into_iter().map(|(what, why, fix)| Problem { what, why, fix }).collect();
        Some(Found { origin, candidates: candidates?, marks: marks?, problems })
    }
}

impl Kept {
    fn of(candidate: &Candidate) -> Self {
        let related = |part: &Related| (part.rule.id.clone(), range(&part.span), place(&part.start), place(&part.end));
        Self {
            rule: candidate.rule.id.clone(),
            secret: (candidate.secret.reveal().to_vec(), candidate.secret.public()),
            span: range(&candidate.span),
            evidence: candidate.evidence.iter().map(range).collect(),
            start: place(&candidate.start),
            end: place(&candidate.end),
            confidence: candidate.confidence,
            notes: candidate.notes.iter().map(|note| note.0.clone()).collect(),
            related: candidate.related.iter().map(related).collect(),
            snippet: candidate.snippet.reveal_pieces().collect(),
            guessable: candidate.guessable,
            dropped: candidate.dropped.clone(),
            paths: candidate.paths.clone(),
        }
    }

    fn candidate<'r>(self, rule: &impl Fn(&str) -> Option<&'r Arc<RuleMeta>>) -> Option<Candidate> {
        let related = |(id, at, start, end): (String, Range, Place, Place)| {
            let rule = Arc::clone(rule(&id)?);
            Some(Related { rule, span: span(at), start: position(start), end: position(end) })
        };
        Some(Candidate {
            rule: Arc::clone(rule(&self.rule)?),
            secret: Secret::new(&self.secret.0, self.secret.1),
            span: span(self.span),
            evidence: self.evidence.into_iter().map(span).collect(),
            start: position(self.start),
            end: position(self.end),
            confidence: self.confidence,
            notes: self.notes.into_iter().map(Note).collect(),
            related: self.related.into_iter().map(related).collect::<Option<_>>()?,
            snippet: Snippet::from_pieces(self.snippet),
            guessable: self.guessable,
            dropped: self.dropped,
            paths: self.paths,
        })
    }
}

impl KeptMark {
    fn of(mark: &Mark) -> Self {
        let rules = match &mark.scope {
            MarkScope::AnyRule => None,
            MarkScope::Rules(rules) => Some(rules.clone()),
        };
        let (syntax, reason) = (mark.syntax.to_owned(), mark.reason.clone());
        Self { line: mark.line, covers: mark.covers, rules, syntax, reason, fresh: mark.fresh }
    }

    fn mark(self) -> Option<Mark> {
        let syntax = Mark::SYNTAXES.iter().find(|known| **known == self.syntax)?;
        Some(Mark {
            line: self.line,
            covers: self.covers,
            scope: self.rules.map_or(MarkScope::AnyRule, MarkScope::Rules),
            syntax,
            reason: self.reason,
            fresh: self.fresh,
        })
    }
}
