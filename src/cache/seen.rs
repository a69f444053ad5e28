//! What was seen in a blob, as the sealed file keeps it. Here secrets are revealed, for the seal to hide.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{
    BytePath, Candidate, Coding, Confidence, Contents, Found, Mark, MarkScope, Note, ObjectId, Origin, OriginKind,
    Position, Problem, Related, RuleMeta, Secret, SkipReason, Snippet, Span,
};

#[derive(Serialize, Deserialize)]
pub(super) struct Seen {
    kind: u8,
    commit: Option<Vec<u8>>,
    object: Option<Vec<u8>>,
    /// The path inside an archive.
    inner: Option<Vec<u8>>,
    candidates: Vec<Kept>,
    marks: Vec<KeptMark>,
    problems: Vec<(String, String, String)>,
    contents: Option<KeptContents>,
}

/// What an archive held.
#[derive(Serialize, Deserialize)]
struct KeptContents {
    /// Archives, files, bytes.
    counts: (u64, u64, u64),
    skipped: Vec<(SkipReason, u64)>,
    named: Vec<(Option<Vec<u8>>, SkipReason, u64)>,
}

type Place = (u32, u32, u32);
type Range = (usize, usize);

#[derive(Serialize, Deserialize)]
struct Kept {
    rule: Word,
    secret: (Bytes, usize),
    decoded: Vec<u8>,
    encoded: Option<Bytes>,
    span: Range,
    whole: Range,
    start: Place,
    end: Place,
    confidence: Confidence,
    notes: Vec<Word>,
    related: Vec<(Word, Range, bool, Place, Place)>,
    /// The window, where in it the secret is, and all secrets there.
    snippet: (Bytes, Range, Vec<(Range, Bytes, usize)>),
    guessable: bool,
    dropped: Option<Word>,
    paths: Vec<Word>,
    features: Bytes,
}

/// A sentence's or a byte string's number among all those that are kept: versions of a file say the same again and again.
type Word = u32;
type Bytes = u32;

/// Sentences and byte strings, each once, by number.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Words(Vec<Arc<[u8]>>);

/// Gives numbers to sentences and byte strings.
#[derive(Default)]
pub(super) struct Numbers<'a>(HashMap<Cow<'a, [u8]>, u32>);

impl<'a> Numbers<'a> {
    fn of(&mut self, bytes: Cow<'a, [u8]>) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(bytes).or_insert(next)
    }

    fn word(&mut self, text: &'a str) -> Word {
        self.of(Cow::Borrowed(text.as_bytes()))
    }

    /// The list that the numbers stand for.
    pub(super) fn words(self) -> Words {
        let mut words: Vec<(u32, Vec<u8>)> = self.0.into_iter().map(|(bytes, at)| (at, bytes.into_owned())).collect();
        words.sort_unstable_by_key(|(at, _)| *at);
        Words(words.into_iter().map(|(_, bytes)| bytes.into()).collect())
    }
}

impl Words {
    fn bytes(&self, at: u32) -> Option<&[u8]> {
        self.0.get(at as usize).map(|bytes| &**bytes)
    }

    fn shared(&self, at: u32) -> Option<Arc<[u8]>> {
        self.0.get(at as usize).cloned()
    }

    fn word(&self, at: Word) -> Option<&str> {
        std::str::from_utf8(self.bytes(at)?).ok()
    }

    fn text(&self, at: Word) -> Option<String> {
        self.word(at).map(str::to_owned)
    }
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

fn coding_number(coding: &Coding) -> Option<u8> {
    u8::try_from(Coding::ALL.iter().position(|known| known == coding)?).ok()
}

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
    pub(super) fn of<'a>(found: &'a Found, numbers: &mut Numbers<'a>) -> Self {
        let bytes = |id: &ObjectId| id.as_bytes().to_vec();
        let kind = KINDS.iter().position(|kind| *kind == found.origin.kind);
        Self {
            kind: kind.and_then(|kind| u8::try_from(kind).ok()).unwrap_or(u8::MAX),
            commit: found.origin.commit.as_ref().map(bytes),
            object: found.origin.object.as_ref().map(bytes),
            inner: found.origin.inner.as_ref().map(|inner| inner.as_bytes().to_vec()),
            candidates: found.candidates.iter().map(|candidate| Kept::of(candidate, numbers)).collect(),
            marks: found.marks.iter().map(KeptMark::of).collect(),
            problems: found.problems.iter().map(|p| (p.what.clone(), p.why.clone(), p.fix.clone())).collect(),
            contents: found.contents.as_deref().map(KeptContents::of),
        }
    }

    /// None where it names a rule or a kind that there is not.
    pub(super) fn found<'r>(self, words: &Words, rule: &impl Fn(&str) -> Option<&'r Arc<RuleMeta>>) -> Option<Found> {
        let kind = *KINDS.get(usize::from(self.kind))?;
        let id = |bytes: Vec<u8>| ObjectId::from_bytes(&bytes);
        let (commit, object) = (self.commit.and_then(id), self.object.and_then(id));
        let origin = Origin { commit, object, inner: self.inner.map(BytePath::new), ..Origin::new(kind) };
        let candidates: Option<Vec<Candidate>> =
            self.candidates.into_iter().map(|kept| kept.candidate(words, rule)).collect();
        let marks: Option<Vec<Mark>> = self.marks.into_iter().map(KeptMark::mark).collect();
        let problems = self.problems.into_iter().map(|(what, why, fix)| Problem { what, why, fix }).collect();
        let contents = self.contents.map(|contents| Box::new(contents.contents()));
        Some(Found { origin, candidates: candidates?, marks: marks?, problems, contents })
    }
}

impl KeptContents {
    fn of(contents: &Contents) -> Self {
        let bytes = |path: &BytePath| path.as_bytes().to_vec();
        Self {
            counts: (contents.archives, contents.files, contents.bytes),
            skipped: contents.skipped.iter().map(|(reason, count)| (*reason, *count)).collect(),
            named: contents.named.iter().map(|(path, why, size)| (path.as_ref().map(bytes), *why, *size)).collect(),
        }
    }

    fn contents(self) -> Contents {
        let (archives, files, bytes) = self.counts;
        let named = self.named.into_iter().map(|(path, why, size)| (path.map(BytePath::new), why, size)).collect();
        Contents { archives, files, bytes, skipped: self.skipped.into_iter().collect(), named }
    }
}

impl Kept {
    fn of<'a>(candidate: &'a Candidate, numbers: &mut Numbers<'a>) -> Self {
        let mut related = |part: &'a Related| {
            (numbers.word(&part.rule.id), range(&part.span), part.needed, place(&part.start), place(&part.end))
        };
        let related = candidate.related.iter().map(&mut related).collect();
        let (window, focus, secrets) = candidate.snippet.reveal_parts();
        let mut masked = |(span, secret): &'a (Span, Secret)| {
            (range(span), numbers.of(Cow::Borrowed(secret.reveal())), secret.public())
        };
        let secrets = secrets.iter().map(&mut masked).collect();
        let snippet = (numbers.of(Cow::Borrowed(window)), range(&focus), secrets);
        Self {
            rule: numbers.word(&candidate.rule.id),
            secret: (numbers.of(Cow::Borrowed(candidate.secret.reveal())), candidate.secret.public()),
            decoded: candidate.decoded.iter().filter_map(coding_number).collect(),
            encoded: candidate.encoded.as_ref().map(|encoded| numbers.of(Cow::Borrowed(encoded.reveal()))),
            span: range(&candidate.span),
            whole: range(&candidate.whole),
            start: place(&candidate.start),
            end: place(&candidate.end),
            confidence: candidate.confidence,
            notes: candidate.notes.iter().map(|note| numbers.word(&note.0)).collect(),
            related,
            snippet,
            guessable: candidate.guessable,
            dropped: candidate.dropped.as_ref().map(|why| numbers.word(why)),
            paths: candidate.paths.iter().map(|glob| numbers.word(glob)).collect(),
            features: numbers.of(Cow::Borrowed(&candidate.features)),
        }
    }

    fn candidate<'r>(self, words: &Words, rule: &impl Fn(&str) -> Option<&'r Arc<RuleMeta>>) -> Option<Candidate> {
        let related = |(id, at, needed, start, end): (Word, Range, bool, Place, Place)| {
            let rule = Arc::clone(rule(words.word(id)?)?);
            Some(Related { rule, span: span(at), needed, start: position(start), end: position(end) })
        };
        let secret = |bytes: Bytes, public: usize| Some(Secret::shared(words.shared(bytes)?, public));
        let (window, focus, secrets) = self.snippet;
        let masked = |(at, bytes, public): (Range, Bytes, usize)| Some((span(at), secret(bytes, public)?));
        let secrets: Arc<[(Span, Secret)]> = secrets.into_iter().map(masked).collect::<Option<_>>()?;
        let dropped = match self.dropped {
            Some(why) => Some(words.text(why)?.into()),
            None => None,
        };
        let coding = |number: u8| Coding::ALL.get(usize::from(number)).copied();
        let encoded = match self.encoded {
            Some(encoded) => Some(secret(encoded, 0)?),
            None => None,
        };
        Some(Candidate {
            rule: Arc::clone(rule(words.word(self.rule)?)?),
            secret: secret(self.secret.0, self.secret.1)?,
            decoded: self.decoded.into_iter().map(coding).collect::<Option<_>>()?,
            encoded,
            span: span(self.span),
            whole: span(self.whole),
            start: position(self.start),
            end: position(self.end),
            confidence: self.confidence,
            notes: self
                .notes
                .into_iter()
                .map(|note| words.text(note).map(|note| Note(note.into())))
                .collect::<Option<_>>()?,
            related: self.related.into_iter().map(related).collect::<Option<_>>()?,
            snippet: Snippet::shared(words.shared(window)?, span(focus), secrets),
            guessable: self.guessable,
            dropped,
            // Secrets claim nothing; no other check looks at histories.
            claim: None,
            paths: self.paths.into_iter().map(|glob| words.text(glob)).collect::<Option<_>>()?,
            features: words.shared(self.features)?,
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
