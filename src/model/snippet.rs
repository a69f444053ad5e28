//! The line a finding is shown on, cut into plain and secret pieces so that no renderer can forget to mask.

use std::fmt;
use std::sync::Arc;

use super::{Secret, Span};

/// Part of one line of text around a finding. Cheap to clone, and cut only when shown: of a history's many versions of a
/// line one is.
#[derive(Clone, Default)]
pub struct Snippet {
    window: Arc<[u8]>,
    focus: Span,
    /// All secrets known to lie there, and where; beyond its end those that may stand there as well.
    secrets: Arc<[(Span, Secret)]>,
}

/// Part of a window.
struct Piece {
    span: Span,
    /// What to show instead; `None` for plain text.
    mask: Option<String>,
    /// Part of the finding this snippet belongs to.
    focus: bool,
}

/// A piece ready to print: one line, no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The text, masked unless it was asked for in clear.
    pub text: String,
    /// True when it is the finding's own secret.
    pub focus: bool,
}

impl Snippet {
    /// `window` is a line or part of one; `focus` the finding's secret in it; `secrets` every secret known to lie
    /// there, by place. Any further occurrence of one of their values is masked as well.
    pub fn new(window: &[u8], focus: Span, secrets: &[(Span, &Secret)]) -> Self {
        let secrets = secrets.iter().map(|(span, secret)| (*span, (*secret).clone())).collect();
        Self { window: window.into(), focus, secrets }
    }

    /// The same of a window and secrets that others hold as well.
    pub fn shared(window: Arc<[u8]>, focus: Span, secrets: Arc<[(Span, Secret)]>) -> Self {
        Self { window, focus, secrets }
    }

    fn pieces(&self) -> Vec<Piece> {
        let Self { window, focus, secrets } = self;
        let mut masked: Vec<(Span, &Secret)> = Vec::with_capacity(secrets.len());
        for (span, secret) in secrets.iter() {
            masked.push((*span, secret));
            let value = secret.reveal();
            if (4..=window.len()).contains(&value.len()) {
                let more = memchr::memmem::find_iter(window, value);
                masked.extend(more.map(|at| (Span::new(at, at + value.len()), secret)));
            }
        }
        masked.retain(|(span, _)| span.start < window.len() && !span.is_empty());
        masked.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| one.masked().cmp(&other.masked())));
        // The mask of each, or none where two secrets overlap: the shorter mask of the two could show bytes of the other.
        let mut merged: Vec<(Span, Option<&Secret>)> = Vec::with_capacity(masked.len());
        for (span, secret) in masked {
            match merged.last_mut() {
                Some((last, shown)) if span.start < last.end => {
                    if *last != span {
                        *shown = None;
                    }
                    *last = last.hull(&span);
                }
                _ => merged.push((span, Some(secret))),
            }
        }
        let mut pieces = Vec::with_capacity(2 * merged.len() + 1);
        let mut at = 0;
        for (span, secret) in merged {
            let span = Span::new(span.start, span.end.min(window.len()));
            if at < span.start {
                pieces.push(Piece { span: Span::new(at, span.start), mask: None, focus: false });
            }
            let mask = secret.map_or_else(|| Secret::new(b"", 0).masked(), Secret::masked);
            pieces.push(Piece { span, mask: Some(mask), focus: span.overlaps(focus) });
            at = span.end;
        }
        if at < window.len() {
            pieces.push(Piece { span: Span::new(at, window.len()), mask: None, focus: false });
        }
        pieces
    }

    /// The pieces to print, in order. `reveal` shows secrets in clear.
    pub fn shown(&self, reveal: bool) -> impl Iterator<Item = Shown> + '_ {
        self.pieces().into_iter().map(move |piece| Shown {
            text: match piece.mask {
                Some(mask) if !reveal => mask,
                _ => printable(piece.span.of(&self.window)),
            },
            focus: piece.focus,
        })
    }

    /// What it was made of, in clear. For keeping it where nobody reads, sealed.
    pub fn reveal_parts(&self) -> (&[u8], Span, &[(Span, Secret)]) {
        (&self.window, self.focus, &self.secrets)
    }

    /// The whole line as one string.
    pub fn text(&self, reveal: bool) -> String {
        self.shown(reveal).map(|shown| shown.text).collect()
    }
}

/// Shows the masked text only.
impl fmt::Debug for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text(false))
    }
}

/// One line that cannot move a terminal's cursor: tabs become spaces, other control characters `\xNN`,
/// bidirectional overrides and invalid bytes U+FFFD.
fn printable(raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in String::from_utf8_lossy(raw).chars() {
        match c {
            '\t' => out.push_str("    "),
            '\r' | '\n' => out.push(' '),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_on_the_line_is_masked_not_only_the_reported_one() {
        let line = b"a=first-secret-value b=other-secret-value c=first-secret-value\x1b[2J";
        let first = Secret::new(b"first-secret-value", 0);
        let other = Secret::new(b"other-secret-value", 0);
        let focus = Span::new(2, 20);
        let snippet = Snippet::new(line, focus, &[(focus, &first), (Span::new(23, 41), &other)]);
        assert_eq!(snippet.text(false), "a=******** b=******** c=********\\x1b[2J");
        assert!(snippet.text(true).contains("first-secret-value b=other"));
        let focused: Vec<_> = snippet.shown(false).filter(|p| p.focus).collect();
        assert_eq!(focused.len(), 1);
        assert!(!format!("{snippet:?}").contains("secret-value"));
    }

    #[test]
    fn overlapping_secrets_never_show_each_others_bytes() {
        let line = b"user:token_abcdefghijklmnopqrstuvwxyz@host";
        let a = Secret::new(b"user:token_abcdefghijklmnopqrstuvwxyz", 5);
        let b = Secret::new(b"token_abcdefghijklmnopqrstuvwxyz", 6);
        let spans = (Span::new(0, 37), Span::new(5, 37));
        let snippet = Snippet::new(line, spans.1, &[(spans.0, &a), (spans.1, &b)]);
        assert_eq!(snippet.text(false), "********@host");
    }
}
