//! The last line of defence: values that were found are masked wherever else they turn up, in a path, an author's
//! name, a message, or a line where no rule saw them. A finding's own line is masked by its snippet before that.

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};

use super::View;
use crate::model::{BytePath, Candidate, DropStage, Origin, Secret, Snippet};

/// A value shorter than this may be an ordinary word; masking it would only make messages unreadable.
const SHORTEST: usize = 8;
/// In paths only values that nobody would name a directory after: `admin` must stay findable.
const SHORTEST_IN_PATH: usize = 16;
const MASK: &str = "********";

/// Knows the secrets of one outcome.
pub struct Scrub {
    prose: Option<Values>,
    path: Option<Values>,
}

/// Values to find by their beginnings.
struct Values {
    /// Finds beginnings.
    automaton: AhoCorasick,
    /// All values, sorted. Empty when they are too many: then a text that holds a beginning is masked whole.
    whole: Vec<Vec<u8>>,
}

/// Bytes of values in an automaton, which takes some thirty times as much memory.
const MOST: usize = 4 << 20;
/// Bytes of a value that give it away: a private key has thousands, and all of them in an automaton take longer to
/// make than most reports to write.
const BEGINNING: usize = 40;

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
            prose: Values::of(
                found
                    .iter()
                    .filter(|c| long(c, SHORTEST))
                    .flat_map(|c| std::iter::once(&c.secret).chain(&c.encoded))
                    .map(Secret::reveal)
                    .chain(named()),
            ),
            path: Values::of(
                found
                    .iter()
                    .filter(|c| !c.guessable && long(c, SHORTEST_IN_PATH))
                    .flat_map(|c| std::iter::once(&c.secret).chain(&c.encoded))
                    .map(Secret::reveal)
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
            Some(values) if values.automaton.is_match(path.as_bytes()) => path.map(|part| replace(Some(values), part)),
            _ => path.clone(),
        }
    }

    /// Masks in the path of a place.
    pub fn origin(&self, origin: &Origin) -> Origin {
        let masked = |path: &Option<BytePath>| path.as_ref().map(|path| self.path(path));
        Origin { path: masked(&origin.path), inner: masked(&origin.inner), ..origin.clone() }
    }
}

/// Masks these secrets in a text that belongs to no outcome: an error that ends the run.
pub fn hide(text: &str, secrets: &[Secret]) -> String {
    let values = Values::of(secrets.iter().map(Secret::reveal));
    String::from_utf8_lossy(&replace(values.as_ref(), text.as_bytes())).into()
}

impl Values {
    fn of<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let mut values: Vec<&[u8]> = values.collect();
        values.sort_unstable();
        values.dedup();
        if values.is_empty() {
            return None;
        }
        let cut = values.iter().map(|value| value.len().min(BEGINNING)).sum::<usize>() > MOST;
        let most = if cut { (MOST / values.len()).clamp(SHORTEST, BEGINNING) } else { BEGINNING };
        let whole = if cut { Vec::new() } else { values.iter().map(|value| value.to_vec()).collect() };
        values.iter_mut().for_each(|value| *value = value.get(..most).unwrap_or(value));
        values.dedup();
        // Built in the time it takes to read the values; a faster automaton would not earn back its making.
        let kind = Some(AhoCorasickKind::NoncontiguousNFA);
        let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).kind(kind).build(&values);
        // It only fails past billions of states; nothing at all to look for matches everything, so nothing leaks.
        let automaton = built.or_else(|_| AhoCorasick::new([""])).ok()?;
        Some(Self { automaton, whole })
    }

    /// The bytes of the longest value that `text` begins with.
    fn longest_at(&self, mut text: &[u8]) -> Option<usize> {
        loop {
            let after = self.whole.partition_point(|value| value.as_slice() <= text);
            let value = self.whole.get(after.checked_sub(1)?)?;
            let common = value.iter().zip(text).take_while(|(a, b)| a == b).count();
            if common == value.len() {
                return Some(common);
            }
            // Whatever else the text begins with begins there as well, and is shorter.
            text = text.get(..common).filter(|text| !text.is_empty())?;
        }
    }
}

fn replace(values: Option<&Values>, text: &[u8]) -> Vec<u8> {
    let Some(values) = values else { return text.to_vec() };
    if values.whole.is_empty() {
        return if values.automaton.is_match(text) { MASK.into() } else { text.to_vec() };
    }
    let mut out = Vec::with_capacity(text.len());
    let (mut written, mut from) = (0, 0);
    while let Some(found) = values.automaton.find(Input::new(text).range(from..)) {
        let rest = text.get(found.start()..).unwrap_or_default();
        let length = values.longest_at(rest);
        from = found.start() + 1;
        if let Some(length) = length {
            out.extend_from_slice(text.get(written..found.start()).unwrap_or_default());
            out.extend_from_slice(MASK.as_bytes());
            written = found.start() + length;
            from = written.max(from);
        }
    }
    out.extend_from_slice(text.get(written..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_masked_whole_and_only_where_they_stand_whole() {
        let long = format!("-----BEGIN-----{}", "abcdefghij".repeat(50));
        let other = format!("{}x", long.strip_suffix('j').unwrap());
        let short = "-----BEGIN";
        let values = Values::of([long.as_bytes(), other.as_bytes(), short.as_bytes(), b"12345678"].into_iter());
        let masked = |text: &str| String::from_utf8(replace(values.as_ref(), text.as_bytes())).unwrap();
        assert_eq!(masked(&format!("a {long} b {other} c")), format!("a {MASK} b {MASK} c"));
        let cut = long.strip_suffix("fghij").unwrap();
        assert_eq!(
            masked(&format!("a {cut}!")),
            format!("a {MASK}{}!", cut.strip_prefix(short).unwrap()),
            "the short one stands there"
        );
        assert_eq!(masked("1234567812345678 1234567"), format!("{MASK}{MASK} 1234567"));
        assert_eq!(masked("nothing"), "nothing");
    }

    #[test]
    fn of_too_many_values_the_beginnings_mask_the_whole_text() {
        let many: Vec<String> = (0..400_000).map(|n| format!("{n:08}-and-the-rest-of-it")).collect();
        let values = Values::of(many.iter().map(|value| value.as_bytes()));
        assert!(values.as_ref().is_some_and(|values| values.whole.is_empty()));
        assert_eq!(replace(values.as_ref(), b"see 00399999-and-the-rest-of-it there"), MASK.as_bytes());
        assert_eq!(replace(values.as_ref(), b"see nothing"), b"see nothing");
    }
}
