//! The one noun every source yields: bytes, and the parts of them that are fresh.

use super::{BytePath, Origin, Span};

/// What a source hands to the checks. Borrowed, so that buffers are reused from blob to blob.
#[derive(Clone, Copy, Debug)]
pub struct Blob<'a> {
    /// Where the bytes come from.
    pub origin: &'a Origin,
    /// The whole file, message or object.
    pub bytes: &'a [u8],
    /// Which parts count as new.
    pub fresh: &'a Fresh,
    /// The path before a rename. A path-conditional rule that only the new path satisfies sees the whole blob.
    pub former_path: Option<&'a BytePath>,
    /// The bytes of its earlier versions, one for each parent that had one which differs. Empty for a new file, and for
    /// sources that have no earlier versions.
    pub earlier: &'a [Vec<u8>],
}

/// The fresh parts of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fresh {
    /// All of it.
    All,
    /// What differs from each parent, one entry a parent. Evidence is fresh when it is fresh against *every*
    /// parent. Kept per parent rather than intersected: two parts of one secret that a merge brings together,
    /// one from each side, are in neither parent though no byte is new to both.
    Against(Vec<Difference>),
}

/// How a blob differs from one earlier version of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Byte ranges of the blob that the earlier version has not; sorted, disjoint, whole lines.
    pub added: Vec<Span>,
    /// Offsets in the blob where bytes of the earlier version are gone; sorted.
    pub removed_at: Vec<usize>,
}

impl Difference {
    /// True when any of `parts` shares a byte with an added range, or a removal lies strictly inside their hull.
    pub fn touches(&self, parts: &[Span]) -> bool {
        let Some(hull) = parts.iter().copied().reduce(|a, b| a.hull(&b)) else { return false };
        let added = parts.iter().any(|part| {
            let first = self.added.partition_point(|range| range.end <= part.start);
            self.added.get(first).is_some_and(|range| range.overlaps(part))
        });
        added || {
            let first = self.removed_at.partition_point(|at| *at <= hull.start);
            self.removed_at.get(first).is_some_and(|at| *at < hull.end)
        }
    }

    /// True when nothing is added and nothing removed.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed_at.is_empty()
    }
}

impl Fresh {
    /// Nothing is fresh: an exact rename or copy.
    pub fn nothing() -> Self {
        Fresh::Against(vec![Difference::default()])
    }

    /// True when evidence made of `parts` (in blob bytes) is new against every parent.
    pub fn touches(&self, parts: impl IntoIterator<Item = Span>) -> bool {
        match self {
            Fresh::All => true,
            Fresh::Against(parents) => {
                let parts: Vec<Span> = parts.into_iter().collect();
                parents.iter().all(|difference| difference.touches(&parts))
            }
        }
    }

    /// True when no evidence at all can be fresh.
    pub fn is_nothing(&self) -> bool {
        match self {
            Fresh::All => false,
            Fresh::Against(parents) => parents.iter().any(Difference::is_empty),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(added: &[(usize, usize)], removed_at: &[usize]) -> Difference {
        Difference { added: added.iter().map(|(a, b)| Span::new(*a, *b)).collect(), removed_at: removed_at.to_vec() }
    }

    #[test]
    fn evidence_is_fresh_where_it_shares_a_byte_with_an_addition() {
        let d = difference(&[(10, 20), (30, 40)], &[]);
        assert!(d.touches(&[Span::new(19, 25)]));
        assert!(!d.touches(&[Span::new(20, 30)]));
        assert!(d.touches(&[Span::new(0, 5), Span::new(39, 50)]));
    }

    #[test]
    fn evidence_is_fresh_where_it_lies_across_a_removal() {
        let d = difference(&[], &[10]);
        assert!(d.touches(&[Span::new(5, 15)]));
        assert!(d.touches(&[Span::new(0, 5), Span::new(15, 20)]), "a deletion brought the parts together");
        assert!(!d.touches(&[Span::new(10, 15)]));
        assert!(!d.touches(&[Span::new(5, 10)]));
    }

    #[test]
    fn in_a_merge_evidence_is_fresh_only_against_every_parent() {
        let ours = difference(&[(0, 10)], &[]);
        let theirs = difference(&[(20, 30)], &[]);
        let fresh = Fresh::Against(vec![ours, theirs]);
        assert!(!fresh.touches([Span::new(0, 5)]), "theirs had it");
        assert!(fresh.touches([Span::new(0, 5), Span::new(20, 25)]), "neither had both");
        assert!(!fresh.is_nothing());
        assert!(Fresh::nothing().is_nothing());
    }
}
