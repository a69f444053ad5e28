//! The longest run of one class that every match of a regex holds: where none is near, no engine need look.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::bytes::Bytes;

/// A run must tell at least so much, in bits over ordinary text, to be worth looking for.
const LEAST_BITS: f64 = 12.0;
/// Longer runs are looked for by a part of them: what is asked of a rule ends at its longest match.
const LONGEST: u32 = 4096;

/// Bytes of one class, so many in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    class: Bytes,
    least: u32,
}

/// A piece of a match: bytes of a class, at least so many; none where nothing is known.
type Piece = Option<(Bytes, u32)>;

impl Run {
    /// The run of `hir` that tells most.
    pub(super) fn of(hir: &Hir) -> Option<Self> {
        let mut pieces = Vec::new();
        spell(hir, &mut pieces);
        let mut best: Option<(f64, Self)> = None;
        for from in 0..pieces.len() {
            let (mut class, mut least) = (Bytes::default(), 0_u32);
            for (piece, more) in pieces.iter().skip(from).map_while(|piece| *piece) {
                (class, least) = (class.or(piece), least.saturating_add(more));
                let bits = f64::from(least.min(LONGEST)) * (97.0 / f64::from(class.count().clamp(1, 96))).log2();
                if bits >= LEAST_BITS && best.is_none_or(|(most, _)| bits > most) {
                    best = Some((bits, Self { class, least: least.min(LONGEST) }));
                }
            }
        }
        best.map(|(_, run)| run)
    }

    /// True when `text` holds the run. Looks at one byte in so many, as Boyer and Moore do.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        let least = self.least as usize;
        let mut from = 0;
        while let Some(here) = text.get(from..from + least) {
            match here.iter().rposition(|byte| !self.class.has(*byte)) {
                Some(wrong) => from += wrong + 1,
                None => return true,
            }
        }
        false
    }
}

/// The pieces that `hir` is made of, in order.
fn spell(hir: &Hir, pieces: &mut Vec<Piece>) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => pieces.extend(literal.0.iter().map(|byte| Some((Bytes::one(*byte), 1)))),
        HirKind::Class(Class::Bytes(class)) => pieces.push(Some((Bytes::of(class), 1))),
        HirKind::Class(Class::Unicode(_)) => pieces.push(None),
        HirKind::Capture(capture) => spell(&capture.sub, pieces),
        HirKind::Concat(parts) => parts.iter().for_each(|part| spell(part, pieces)),
        HirKind::Repetition(repetition) => match together(&repetition.sub) {
            Some((class, least)) => pieces.push(Some((class, least.saturating_mul(repetition.min)))),
            None => {
                pieces.push(None);
                if repetition.min > 0 {
                    spell(&repetition.sub, pieces);
                    pieces.push(None);
                }
            }
        },
        HirKind::Alternation(choices) => {
            let all = choices.iter().map(together).collect::<Option<Vec<_>>>();
            let join = |(a, n): (Bytes, u32), (b, m): (Bytes, u32)| (a.or(b), n.min(m));
            pieces.push(all.and_then(|all| all.into_iter().reduce(join)));
        }
    }
}

/// All of it as one piece.
fn together(hir: &Hir) -> Option<(Bytes, u32)> {
    let mut pieces = Vec::new();
    spell(hir, &mut pieces);
    let join = |(a, n): (Bytes, u32), piece: Piece| piece.map(|(b, m)| (a.or(b), n.saturating_add(m)));
    pieces.into_iter().try_fold((Bytes::default(), 0), join)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::pattern;

    fn run(pattern: &str) -> Option<Run> {
        Run::of(&pattern::parse(pattern).unwrap())
    }

    #[test]
    fn the_run_that_tells_most_is_taken() {
        let of = |pattern: &str| run(pattern).map(|run| (run.least, run.class.count()));
        assert_eq!(of("abc[a-f0-9]{32}"), Some((35, 16)));
        assert_eq!(of(r"[^\n]{0,40}=[A-Za-z0-9]{40}={0,2}"), Some((40, 62)));
        assert_eq!(of("(?:[a-f0-9]{32}|[a-f0-9]{40})"), Some((32, 16)));
        assert_eq!(of("(?:[a-f0-9]{8}-){3}x?"), Some((27, 17)));
        assert_eq!(of(r"[^\n]{0,40}[a-z]{2}"), None, "too little to look for");
    }

    #[test]
    fn a_run_is_found_at_every_place_it_may_have() {
        let run = run("[a-f0-9]{32}").unwrap();
        for before in 0..70 {
            let text = format!("{}{}{}", "x".repeat(before), "a".repeat(32), "x".repeat(before % 3));
            assert!(run.is_in(text.as_bytes()), "{before}");
            assert!(!run.is_in(text.replacen('a', "", 1).as_bytes()), "{before}");
        }
        assert!(!run.is_in(b""));
    }
}
