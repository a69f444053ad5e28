//! Doors for `fuzz/`, which sees what is built with `--cfg fuzzing`; nobody else does.

use super::Simd;
use super::prefilter::{self, Go, Prefilter};
use crate::rule::Rule;

/// What opens an inline comment.
pub const MARK: &str = prefilter::MARK;

/// An anchor's rule and end, or none for keyward's own inline comment; and where it begins.
pub type Hit = (Option<(usize, usize)>, usize);

/// The prefilter of some rules, on one path.
pub struct Anchors(Prefilter);

impl Anchors {
    /// None where there are too many anchors.
    pub fn new(rules: &[Rule], simd: Simd) -> Option<Self> {
        Prefilter::new(rules, simd).ok().map(Self)
    }

    /// Every hit, in the order in which the detector hears of them.
    pub fn hits(&self, text: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        self.0.each(text, |hit| {
            hits.push(match hit {
                prefilter::Hit::Anchor { rule, at, end } => (Some((rule, end)), at),
                prefilter::Hit::Mark { at } => (None, at),
            });
            Go::On
        });
        hits
    }
}
