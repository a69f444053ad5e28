//! What one version of a file adds to another, line by line, in bounded time whatever the bytes. Knows nothing of git,
//! so no attribute can call a file binary and hide it.

use std::collections::HashMap;
use std::ops::Range;

use imara_diff::{Algorithm, Diff, Token};

use crate::model::{Difference, Span};

/// Past this many lines (both sides, without what they share at the ends) nothing is compared: the differing middle
/// counts as added whole. More is fresh than need be, never less. Bounds memory.
const MOST_LINES: usize = 2_000_000;
/// Past this many lines the files are first cut at lines that each has once; then a piece is compared only if it is
/// no longer than this, and counts as added whole otherwise. Bounds time: two files that repeat few lines out of
/// step cost about n^2 below it.
const MOST_IN_PIECE: usize = 10_000;
/// And no more than this in all pieces of a file.
const MOST_IN_PIECES: usize = 200_000;

/// How `new` differs from `old`. The lines outside `added` are a subsequence of `old`'s lines, so whatever is in none
/// of them is added.
pub fn difference(old: &[u8], new: &[u8]) -> Difference {
    difference_by(old, new, MOST_IN_PIECE)
}

fn difference_by(old: &[u8], new: &[u8], most: usize) -> Difference {
    let mut added: Vec<Span> = Vec::new();
    let mut removed_at = Vec::new();
    let mut change = |span: Span, removes: bool| {
        if removes {
            removed_at.push(span.start);
        }
        match added.last_mut() {
            _ if span.is_empty() => {}
            Some(last) if last.end == span.start => *last = Span::new(last.start, span.end),
            _ => added.push(span),
        }
    };
    let (from, old_end, new_end) = differing(old, new);
    let old_middle = old.get(from..old_end).unwrap_or_default();
    let new_middle = new.get(from..new_end).unwrap_or_default();
    if old_middle.is_empty() || new_middle.is_empty() {
        if !(old_middle.is_empty() && new_middle.is_empty()) {
            change(Span::new(from, new_end), !old_middle.is_empty());
        }
        return Difference { added, removed_at };
    }
    let most_kinds = count(old_middle) + count(new_middle);
    if most_kinds > MOST_LINES {
        change(Span::new(from, new_end), true);
        return Difference { added, removed_at };
    }
    // std's hasher is seeded: a file made of colliding lines costs nothing here.
    let mut numbers: HashMap<&[u8], u32> = HashMap::with_capacity(most_kinds);
    let before = tokens(old_middle, &mut numbers);
    let after = tokens(new_middle, &mut numbers);
    let mut ends = Vec::with_capacity(after.len() + 1);
    ends.push(from);
    ends.extend(lines(new_middle).scan(from, |at, line| {
        *at += line.len();
        Some(*at)
    }));
    let offset = |line: usize| ends.get(line).copied().unwrap_or(new_end);
    for (old, new) in hunks(&before, &after, numbers.len(), most) {
        change(Span::new(offset(new.start), offset(new.end)), !old.is_empty());
    }
    Difference { added, removed_at }
}

type Lines = Range<usize>;

/// The differing line ranges, in order.
fn hunks(before: &[Token], after: &[Token], kinds: usize, most: usize) -> Vec<(Lines, Lines)> {
    let total = before.len() + after.len();
    let cuts = if total > most { anchors(before, after, kinds) } else { Vec::new() };
    let mut budget = MOST_IN_PIECES;
    let mut out = Vec::new();
    let mut at = (0, 0);
    for (old_end, new_end) in cuts.into_iter().chain([(before.len(), after.len())]) {
        let old = before.get(at.0..old_end).unwrap_or_default();
        let new = after.get(at.1..new_end).unwrap_or_default();
        let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
        let (old, new) = (old.get(head..).unwrap_or_default(), new.get(head..).unwrap_or_default());
        let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
        let old = old.get(..old.len() - tail).unwrap_or_default();
        let new = new.get(..new.len() - tail).unwrap_or_default();
        let (from_old, from_new) = (at.0 + head, at.1 + head);
        let size = old.len() + new.len();
        if old.is_empty() || new.is_empty() || size > most || size > budget {
            if size > 0 {
                out.push((from_old..from_old + old.len(), from_new..from_new + new.len()));
            }
        } else {
            budget -= size;
            let mut diff = Diff::default();
            diff.compute_with(Algorithm::Myers, old, new, u32::try_from(kinds).unwrap_or(u32::MAX));
            let range = |from: usize, lines: Range<u32>| from + lines.start as usize..from + lines.end as usize;
            out.extend(diff.hunks().map(|hunk| (range(from_old, hunk.before), range(from_new, hunk.after))));
        }
        at = (old_end, new_end);
    }
    out
}

/// Where to cut: pairs of equal lines, each the only one of its kind on its side, in rising order on both (patience
/// diff's anchors: the longest rising subsequence).
fn anchors(before: &[Token], after: &[Token], kinds: usize) -> Vec<(usize, usize)> {
    #[derive(Clone, Copy)]
    struct Seen {
        old: Option<usize>,
        olds: u32,
        news: u32,
    }
    let mut seen = vec![Seen { old: None, olds: 0, news: 0 }; kinds];
    for (at, token) in before.iter().enumerate() {
        if let Some(seen) = seen.get_mut(token.0 as usize) {
            *seen = Seen { old: Some(at), olds: seen.olds.saturating_add(1), ..*seen };
        }
    }
    for token in after {
        if let Some(seen) = seen.get_mut(token.0 as usize) {
            seen.news = seen.news.saturating_add(1);
        }
    }
    let once = |token: &Token| seen.get(token.0 as usize).filter(|seen| seen.olds == 1 && seen.news == 1)?.old;
    let pairs: Vec<(usize, usize)> =
        after.iter().enumerate().filter_map(|(new, token)| Some((once(token)?, new))).collect();
    // `piles` holds, for each length, the pair with the smallest old line that ends a rising run of that length.
    let mut piles: Vec<usize> = Vec::new();
    let mut before_it: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (at, (old, _)) in pairs.iter().enumerate() {
        let pile = piles.partition_point(|top| pairs.get(*top).is_some_and(|(known, _)| known < old));
        before_it.push(pile.checked_sub(1).and_then(|below| piles.get(below).copied()));
        match piles.get_mut(pile) {
            Some(top) => *top = at,
            None => piles.push(at),
        }
    }
    let run = std::iter::successors(piles.last().copied(), |at| before_it.get(*at).copied().flatten());
    let mut cuts: Vec<(usize, usize)> = run.filter_map(|at| pairs.get(at).copied()).collect();
    cuts.reverse();
    cuts
}

/// How much two files have in common.
pub struct Profile {
    /// (hash, length) of each line, sorted.
    lines: Vec<(u64, usize)>,
    bytes: usize,
}

impl Profile {
    /// Hashes must come from one `state` to be comparable.
    pub fn new(bytes: &[u8], state: &impl std::hash::BuildHasher) -> Self {
        let mut lines: Vec<(u64, usize)> = lines(bytes).map(|line| (state.hash_one(line), line.len())).collect();
        lines.sort_unstable();
        Self { lines, bytes: bytes.len() }
    }

    /// The bytes of common lines, in thousandths of the larger file; 0 where it cannot be half.
    pub fn likeness(&self, other: &Profile) -> usize {
        let (less, more) = (self.bytes.min(other.bytes), self.bytes.max(other.bytes));
        if less < more / 2 {
            return 0; // Too unlike in size to be asked; keeps a large file from being read again for each small one.
        }
        let mut common = 0usize;
        let mut theirs = other.lines.iter().peekable();
        for line in &self.lines {
            while theirs.next_if(|their| *their < line).is_some() {}
            if theirs.next_if_eq(&line).is_some() {
                common += line.1;
            }
        }
        common.saturating_mul(1000).checked_div(more).unwrap_or(0)
    }
}

/// The lines, each with its LF.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|b| *b == b'\n')
}

fn count(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count() + 1
}

fn tokens<'a>(bytes: &'a [u8], numbers: &mut HashMap<&'a [u8], u32>) -> Vec<Token> {
    let mut number = |line| {
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        Token(*numbers.entry(line).or_insert(next))
    };
    lines(bytes).map(&mut number).collect()
}

/// Where the whole lines shared at both ends leave off: (first differing byte, end in `old`, end in `new`).
fn differing(old: &[u8], new: &[u8]) -> (usize, usize, usize) {
    let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    if same == old.len() && same == new.len() {
        return (same, same, same);
    }
    let line_start =
        |bytes: &[u8], at: usize| bytes.get(..at).and_then(|head| memchr::memrchr(b'\n', head)).map_or(0, |lf| lf + 1);
    let from = line_start(new, same);
    let old_rest = old.get(from..).unwrap_or_default();
    let new_rest = new.get(from..).unwrap_or_default();
    let same = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    // The shared tail begins behind its first LF, unless it is all there is on one side and a line starts there.
    let shared = new_rest.get(new_rest.len() - same..).unwrap_or_default();
    let whole = |rest: &[u8]| rest.len() == same || rest.get(rest.len() - same - 1) == Some(&b'\n');
    let kept = if whole(old_rest) && whole(new_rest) {
        same
    } else {
        memchr::memchr(b'\n', shared).map_or(0, |lf| same - lf - 1)
    };
    (from, old.len() - kept, new.len() - kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    /// Text out of few kinds of lines, so that they repeat.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![Just("a"), Just("b"), Just(""), Just("ab"), Just("a\r"), Just("ba\u{0}b"), Just("c")];
        (proptest::collection::vec(line, 0..12), any::<bool>()).prop_map(|(lines, end)| {
            let mut text = lines.join("\n").into_bytes();
            if end && !lines.is_empty() {
                text.push(b'\n');
            }
            text
        })
    }

    fn check(old: &[u8], new: &[u8], most: usize) {
        let difference = difference_by(old, new, most);
        let mut at = 0;
        let mut kept: Vec<&[u8]> = Vec::new();
        for span in &difference.added {
            assert!(span.start >= at && span.end <= new.len() && !span.is_empty(), "sorted, disjoint, inside");
            for edge in [span.start, span.end] {
                assert!(edge == 0 || edge == new.len() || new[edge - 1] == b'\n', "whole lines");
            }
            kept.extend(lines(&new[at..span.start]));
            at = span.end;
        }
        kept.extend(lines(&new[at..]));
        let mut olds = lines(old);
        for line in &kept {
            assert!(olds.any(|known| known == *line), "what is not added is a subsequence of the old lines");
        }
        assert!(difference.removed_at.is_sorted());
        assert!(difference.removed_at.iter().all(|at| *at <= new.len()));
        let fewer = kept.len() < lines(old).count();
        assert_eq!(fewer, !difference.removed_at.is_empty(), "removals are told exactly when lines are gone");
        assert_eq!(difference.is_empty(), old == new);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 2000, rng_seed: proptest::test_runner::RngSeed::Fixed(7), failure_persistence: None,
            ..ProptestConfig::default()
        })]
        #[test]
        fn a_difference_never_hides_a_new_line(old in text(), new in text(), most in 0usize..20) {
            check(&old, &new, most);
            check(&old, &new, MOST_IN_PIECE);
        }
    }

    #[test]
    fn a_long_file_shows_only_what_changed() {
        let mut lines: Vec<String> = (0..60_000).map(|i| format!("{i}\n{}", "}\n".repeat(i % 3))).collect();
        let old = lines.concat();
        lines[5] = "new\n".into();
        lines.insert(30_000, "other\n}\n".into());
        lines.remove(50_000);
        lines[59_990] = "last\n".into();
        let new = lines.concat();
        check(old.as_bytes(), new.as_bytes(), MOST_IN_PIECE);
        let d = difference(old.as_bytes(), new.as_bytes());
        let added: usize = d.added.iter().map(Span::len).sum();
        assert!(added < 40 && d.added.len() == 3, "{d:?}");
    }

    #[test]
    fn a_changed_line_is_added_and_a_gone_one_leaves_a_mark() {
        let d = difference(b"one\ntwo\nthree\n", b"one\n2\nthree\n");
        assert_eq!(d, Difference { added: vec![Span::new(4, 6)], removed_at: vec![4] });
        let d = difference(b"one\ntwo\nthree\n", b"one\nthree\n");
        assert_eq!(d, Difference { added: vec![], removed_at: vec![4] });
        let d = difference(b"one\n", b"one\ntwo");
        assert_eq!(d, Difference { added: vec![Span::new(4, 7)], removed_at: vec![] });
        let d = difference(b"one", b"one\n");
        assert_eq!(d, Difference { added: vec![Span::new(0, 4)], removed_at: vec![0] });
        assert!(difference(b"", b"").is_empty());
    }

    #[test]
    fn hostile_lines_are_compared_in_bounded_time() {
        let begun = Instant::now();
        // Everything differs, nothing repeats; then everything repeats out of step.
        let file = |salt: u32| (0..150_000u32).map(|i| format!("{:x}\n", i.wrapping_mul(salt))).collect::<String>();
        difference(file(2_654_435_761).as_bytes(), file(40_503).as_bytes());
        let noise = |mut seed: u32| {
            let mut step = || {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if seed >> 31 == 0 { "a\n" } else { "b\n" }
            };
            (0..150_000).map(|_| step()).collect::<String>()
        };
        difference(noise(1).as_bytes(), noise(2).as_bytes());
        difference("\n".repeat(3_000_000).as_bytes(), noise(3).as_bytes());
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }

    #[test]
    fn likeness_counts_the_bytes_of_common_lines() {
        let state = std::collections::hash_map::RandomState::new();
        let profile = |text: &str| Profile::new(text.as_bytes(), &state);
        assert_eq!(profile("aaaa\nbbbb\n").likeness(&profile("bbbb\ncccc\n")), 500);
        assert_eq!(profile("aaaa\n").likeness(&profile("aaaa\n")), 1000);
        assert_eq!(profile("").likeness(&profile("")), 0);
    }
}
