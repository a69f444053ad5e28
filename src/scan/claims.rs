//! What manifests and policies say, as candidates: the place, the line with every secret on it masked, how binding it is.

use std::sync::Arc;

use super::governance::Governance;
use crate::config::Config;
use crate::detect::Detector;
use crate::manifest;
use crate::model::lines::Lines;
use crate::model::{
    Blob, Candidate, Claim, Confidence, Enforcement, Found, Fresh, Note, Origin, RuleMeta, Secret, Snippet, Span,
};
use crate::parse::{self, Node};

/// What was said about one place of a file, before it is known whether that is new.
pub(super) struct Saying {
    pub rule: Arc<RuleMeta>,
    pub message: String,
    pub at: String,
    pub span: Span,
    pub approximate: bool,
    pub usual: Enforcement,
    /// More about it that is no part of what it says: lines move, what is accepted must not.
    pub note: Option<String>,
}

/// Sayings as candidates, each secret on their lines masked.
pub(super) fn candidates(
    governance: &Governance<'_>,
    origin: &Origin,
    bytes: &[u8],
    sayings: Vec<Saying>,
    detector: &Detector,
) -> Vec<Candidate> {
    if sayings.is_empty() {
        return Vec::new();
    }
    let blob = Blob { origin, bytes, fresh: &Fresh::All, former_path: None, earlier: &[] };
    let secrets = detector.scan(&blob).map(|found| found.candidates).unwrap_or_default();
    let secrets: Vec<(Span, &Secret)> =
        secrets.iter().filter(|seen| seen.dropped.is_none()).map(|seen| (seen.span, &seen.secret)).collect();
    let lines = Lines::new(bytes, if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 });
    let mut out: Vec<Candidate> = sayings
        .into_iter()
        .map(|saying| {
            let level = governance.config.enforcement(&saying.rule.id, origin.path.as_ref()).unwrap_or(saying.usual);
            let binding = governance.fail_on_warn && level == Enforcement::Advisory;
            let level = if binding { Enforcement::Soft } else { level };
            candidate(bytes, &lines, saying, level, &secrets)
        })
        .collect();
    out.sort_by(|a, b| (a.span, &a.rule.id).cmp(&(b.span, &b.rule.id)));
    out
}

/// Adds sayings to what was found in their file.
pub(super) fn add(
    governance: &Governance<'_>,
    (origin, bytes): (&Origin, &[u8]),
    sayings: Vec<Saying>,
    detector: &Detector,
    found: &mut Vec<Found>,
) {
    let candidates = candidates(governance, origin, bytes, sayings, detector);
    let at = found.partition_point(|there| there.origin < *origin);
    if found.get(at).is_none_or(|there| there.origin != *origin) {
        let blob = Blob { origin, bytes, fresh: &Fresh::All, former_path: None, earlier: &[] };
        let marks = detector.scan(&blob).map(|seen| seen.marks).unwrap_or_default();
        let origin = origin.clone();
        found.insert(at, Found { marks, ..Found::new(origin) });
    }
    if let Some(there) = found.get_mut(at) {
        there.candidates.extend(candidates);
    }
}

/// What a rule about manifests says, at its place; nothing where the configuration disables it.
pub(super) fn about(id: &str, message: String, at: String, span: Span, config: &Config) -> Option<Saying> {
    let choice = &config.choice;
    if choice.disable.iter().any(|off| off.name == id) {
        return None;
    }
    let rule = manifest::rules().iter().find(|rule| rule.meta.id == id)?;
    let severity = choice.severity.iter().find(|(known, _)| known.name == id).map(|(_, severity)| *severity);
    let meta = match severity {
        Some(severity) => Arc::new(RuleMeta { severity, ..(*rule.meta).clone() }),
        None => Arc::clone(&rule.meta),
    };
    let usual = if rule.advisory { Enforcement::Advisory } else { Enforcement::Soft };
    Some(Saying { rule: meta, message, at, span, approximate: false, usual, note: None })
}

/// What a manifest's fault says.
pub(super) fn fault(document: &Node, fault: &manifest::Fault, config: &Config) -> Option<Saying> {
    about(fault.rule, fault.message.clone(), parse::shown(&fault.path), document.place(&fault.path), config)
}

/// Bytes of a line shown.
const SHOWN: usize = 200;

fn candidate(
    bytes: &[u8],
    lines: &Lines,
    saying: Saying,
    enforcement: Enforcement,
    secrets: &[(Span, &Secret)],
) -> Candidate {
    let span = Span::new(saying.span.start.min(bytes.len()), saying.span.end.min(bytes.len()));
    let line = lines.span(lines.index(span.start)).unwrap_or(span);
    let text = String::from_utf8_lossy(line.of(bytes)).trim_end().chars().take(SHOWN).collect::<String>();
    let window = Span::new(line.start, line.start + text.len());
    let on_line: Vec<(Span, &Secret)> = secrets
        .iter()
        .filter(|(place, _)| place.overlaps(&window))
        .map(|(place, secret)| {
            let within = |at: usize| at.clamp(window.start, window.end) - window.start;
            (Span::new(within(place.start), within(place.end)), *secret)
        })
        .collect();
    let mut message = saying.message;
    for (_, secret) in secrets {
        if let Ok(value) = std::str::from_utf8(secret.reveal())
            && value.len() >= 4
        {
            message = message.replace(value, &secret.masked());
        }
    }
    let mut positions = lines.positions(bytes, &[span.start, span.end]).into_iter();
    let start = positions.next().unwrap_or(crate::model::Position { line: 1, column: 1, column_utf16: 1 });
    let approximate =
        "the line is approximate: the rule names no place, and no single part of the file accounts for it";
    let approximate = saying.approximate.then_some(approximate.into());
    let notes = approximate.into_iter().chain(saying.note.map(Into::into)).map(Note).collect();
    Candidate {
        decoded: Vec::new(),
        encoded: None,
        rule: saying.rule,
        secret: Secret::new(b"", 0),
        claim: Some(Claim { message, at: saying.at, approximate: saying.approximate, enforcement }),
        span,
        whole: span,
        start,
        end: positions.next().unwrap_or(start),
        confidence: Confidence::High,
        notes,
        related: Vec::new(),
        snippet: Snippet::new(text.as_bytes(), Span::new(0, 0), &on_line),
        guessable: false,
        dropped: None,
        paths: Vec::new(),
        features: Arc::default(),
    }
}
