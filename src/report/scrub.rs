//! The last line of defence: values that were found are masked wherever else they turn up, in a path, an author's
//! name, a message, or a line where no rule saw them. A finding's own line is masked by its snippet before that.

use aho_corasick::{AhoCorasick, MatchKind};

use super::View;
use crate::model::{BytePath, Candidate, DropStage, Origin, Secret, Snippet};

/// A value shorter than this may be an ordinary word; masking it would only make messages unreadable.
const SHORTEST: usize = 8;
/// In paths only values that nobody would name a directory after: `admin` must stay findable.
const SHORTEST_IN_PATH: usize = 16;
const MASK: &str = "********";

/// Knows the secrets of one outcome.
pub struct Scrub {
    prose: Option<AhoCorasick>,
    path: Option<AhoCorasick>,
}

impl Scrub {
    /// For what a view shows; does nothing when the view reveals.
    pub fn new(view: &View<'_>) -> Self {
        if view.reveal {
            return Self { prose: None, path: None };
        }
        // What the checks themselves refused (placeholders, words) is no secret.
        let kept = view.outcome.dropped.iter().filter(|d| d.stage != DropStage::Detect).map(|d| &d.candidate);
        let found: Vec<&Candidate> = view.outcome.findings.iter().map(|f| &f.candidate).chain(kept).collect();
        let named = || view.outcome.named.iter().map(Secret::reveal).filter(|bytes| bytes.len() >= SHORTEST_IN_PATH);
        let long = |c: &&&Candidate, least: usize| c.secret.reveal().len() >= least;
        Self {
            prose: automaton(found.iter().filter(|c| long(c, SHORTEST)).map(|c| c.secret.reveal()).chain(named())),
            path: automaton(
                found
                    .iter()
                    .filter(|c| !c.guessable && long(c, SHORTEST_IN_PATH))
                    .map(|c| c.secret.reveal())
                    .chain(named()),
            ),
        }
    }

    /// Masks in a sentence.
    pub fn prose(&self, text: &str) -> String {
        String::from_utf8_lossy(&replace(self.prose.as_ref(), text.as_bytes())).into_owned()
    }

    /// A line of code. Its snippet masks what was found on it; this, what was found elsewhere.
    pub fn snippet(&self, snippet: &Snippet, reveal: bool) -> String {
        snippet.shown(reveal).map(|piece| self.prose(&piece.text)).collect()
    }

    /// Masks in a path.
    pub fn path(&self, path: &BytePath) -> BytePath {
        match &self.path {
            Some(automaton) if automaton.is_match(path.as_bytes()) => {
                BytePath::new(replace(Some(automaton), path.as_bytes()))
            }
            _ => path.clone(),
        }
    }

    /// Masks in the path of a place.
    pub fn origin(&self, origin: &Origin) -> Origin {
        Origin { path: origin.path.as_ref().map(|path| self.path(path)), ..origin.clone() }
    }
}

/// Masks these secrets in a text that belongs to no outcome: an error that ends the run.
pub fn hide(text: &str, secrets: &[Secret]) -> String {
    String::from_utf8_lossy(&replace(automaton(secrets.iter().map(Secret::reveal)).as_ref(), text.as_bytes())).into()
}

fn automaton<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<AhoCorasick> {
    let mut values: Vec<&[u8]> = values.collect();
    values.sort_unstable();
    values.dedup();
    if values.is_empty() {
        return None;
    }
    AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(values).ok()
}

fn replace(automaton: Option<&AhoCorasick>, text: &[u8]) -> Vec<u8> {
    let Some(automaton) = automaton else { return text.to_vec() };
    let mut out = Vec::with_capacity(text.len());
    automaton.replace_all_with_bytes(text, &mut out, |_, _, out| {
        out.extend_from_slice(MASK.as_bytes());
        true
    });
    out
}
