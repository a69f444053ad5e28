//! Example texts from patterns: a regex read backwards, with a seed. So no token-like literal is stored.

use regex_syntax::hir::{Class, Hir, HirKind};

/// A small deterministic generator (splitmix64); good enough to fill classes evenly.
#[derive(Clone, Debug)]
pub struct Seed(u64);

impl Seed {
    /// The same seed gives the same texts on every machine.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed from a name, so that a rule's examples stay the same when others are added.
    pub fn named(name: &str) -> Self {
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)))
    }

    /// A number below `n`; 0 when `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).checked_rem(n).unwrap_or(0)
    }
}

/// How far an unbounded repetition is spun out beyond its least count.
const SPIN: u32 = 8;
/// No text grows past this many bytes by repetition: patterns come from users, too.
const LONGEST: usize = 64 * 1024;

/// A text that `pattern` matches.
///
/// Classes are filled evenly; an unbounded repetition runs at most eight past its least; look-around is ignored.
pub fn expand(pattern: &str, seed: &mut Seed) -> Result<Vec<u8>, Box<regex_syntax::Error>> {
    let hir = parse(pattern)?;
    let mut out = Vec::new();
    fill(&hir, seed, &mut out);
    Ok(out)
}

/// The pattern's structure: bytes, no Unicode classes.
pub(crate) fn parse(pattern: &str) -> Result<Hir, Box<regex_syntax::Error>> {
    regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern).map_err(Box::new)
}

fn fill(hir: &Hir, seed: &mut Seed, out: &mut Vec<u8>) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.extend_from_slice(&literal.0),
        HirKind::Class(class) => out.push(pick(class, seed)),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min.saturating_add(SPIN)).max(repetition.min);
            let times = u64::from(repetition.min) + seed.below(u64::from(most - repetition.min) + 1);
            for _ in 0..times {
                let before = out.len();
                fill(&repetition.sub, seed, out);
                // Nested repetitions multiply: what is empty or long enough already is not gone on with.
                if out.len() == before || out.len() >= LONGEST {
                    break;
                }
            }
        }
        HirKind::Capture(capture) => fill(&capture.sub, seed, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| fill(part, seed, out)),
        HirKind::Alternation(choices) => {
            if let Some(choice) = choices.get(seed.below(choices.len() as u64) as usize) {
                fill(choice, seed, out);
            }
        }
    }
}

fn pick(class: &Class, seed: &mut Seed) -> u8 {
    let ranges: Vec<(u8, u8)> = match class {
        Class::Bytes(bytes) => bytes.ranges().iter().map(|r| (r.start(), r.end())).collect(),
        Class::Unicode(chars) => chars
            .ranges()
            .iter()
            .filter(|r| r.start().is_ascii())
            .map(|r| (r.start() as u8, if r.end().is_ascii() { r.end() as u8 } else { 0x7f }))
            .collect(),
    };
    // A negated class or a dot means "any ordinary character" to whoever wrote the example.
    let printable: Vec<(u8, u8)> = ranges
        .iter()
        .map(|(low, high)| ((*low).max(b' '), (*high).min(b'~')))
        .filter(|(low, high)| low <= high)
        .collect();
    let ranges = if printable.is_empty() { ranges } else { printable };
    let size: u64 = ranges.iter().map(|(low, high)| u64::from(high - low) + 1).sum();
    let mut at = seed.below(size);
    for (low, high) in ranges {
        let width = u64::from(high - low) + 1;
        if at < width {
            return low + at as u8;
        }
        at -= width;
    }
    b'?'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_pattern_neither_overflows_nor_grows_without_end() {
        for pattern in ["a{4294967295,}", "((a{1000}){1000}){1000}", "(((){999}){999}){999}"] {
            // A pattern may also be refused when it is read.
            if let Ok(text) = expand(pattern, &mut Seed::new(1)) {
                assert!(text.len() <= 2 * LONGEST, "{pattern}");
            }
        }
    }

    #[test]
    fn what_is_expanded_matches_and_stays_the_same() {
        for pattern in [r"abc_[A-Z]{20}", r"(?i)key\s{0,2}[:=]\s?'[^'\n]{8,12}'", r"(a|b|cc)+\d{3}", r"\x2d{5}x"] {
            let whole = regex::bytes::RegexBuilder::new(&format!("^(?:{pattern})$")).unicode(false).build().unwrap();
            let mut seed = Seed::named(pattern);
            for _ in 0..50 {
                let text = expand(pattern, &mut seed).unwrap();
                assert!(whole.is_match(&text), "{pattern}: {:?}", String::from_utf8_lossy(&text));
            }
            assert_eq!(expand(pattern, &mut Seed::new(7)).unwrap(), expand(pattern, &mut Seed::new(7)).unwrap());
        }
    }
}
