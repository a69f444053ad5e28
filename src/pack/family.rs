//! The delta families of one pack: which entry is made from which, read from the entries' headers alone.

use std::cmp::Reverse;

use rayon::prelude::*;

use super::entry::{Form, header};
use super::idx::ID;
use crate::git::ObjectKind;

/// Stands for "no entry".
pub(super) const NONE: u32 = u32::MAX;
/// The entry is a delta whose base is not in this pack.
pub(super) const ELSEWHERE: u32 = u32::MAX - 1;
/// The entry cannot be read, or is made from itself by a detour.
pub(super) const BROKEN: u32 = u32::MAX - 2;

/// Entries are named by their number in the order of offsets.
#[derive(Default)]
pub(super) struct Families {
    /// What each entry is made from; [`NONE`] for one that stands by itself.
    pub(super) base: Vec<u32>,
    /// The first entry made from this one.
    first: Vec<u32>,
    /// The next made from the same base.
    next: Vec<u32>,
    /// Entries that stand by themselves or are made from something elsewhere, the heaviest family first.
    pub(super) roots: Vec<u32>,
    /// What each entry is, by its root; `None` where that is not known from this pack.
    pub(super) kinds: Vec<Option<ObjectKind>>,
    /// Entries that must be made, where not all must.
    needed: Option<Vec<bool>>,
}

impl Families {
    /// Reads all headers. `starts` are the entries' offsets, sorted; `find` knows an id's entry in this pack.
    pub(super) fn read(pack: &[u8], starts: &[u64], find: impl Fn(&[u8; ID]) -> Option<u32> + Sync) -> Self {
        let place = |offset: u64| starts.binary_search(&offset).ok().and_then(|at| u32::try_from(at).ok());
        let (base, own): (Vec<u32>, Vec<Option<ObjectKind>>) = starts
            .par_iter()
            .with_min_len(4096)
            .map(|start| match header(pack, *start).map(|header| header.form) {
                Some(Form::Whole(kind)) => (NONE, Some(kind)),
                Some(Form::Offset(base)) => (place(base).unwrap_or(BROKEN), None),
                Some(Form::Id(id)) => (find(&id).unwrap_or(ELSEWHERE), None),
                None => (BROKEN, None),
            })
            .unzip();
        let mut families = Self {
            first: vec![NONE; base.len()],
            next: vec![NONE; base.len()],
            base,
            roots: Vec::new(),
            kinds: own,
            needed: None,
        };
        families.link(starts, pack.len() as u64);
        families
    }

    /// Finds every entry's root, and each family's weight: its bytes in the pack.
    fn link(&mut self, starts: &[u64], end: u64) {
        let count = self.base.len();
        let mut root = vec![NONE; count];
        let mut path: Vec<u32> = Vec::new();
        for entry in 0..count {
            // Bases nearly always stand before their deltas, so the way is one step.
            let mut at = u32::try_from(entry).unwrap_or(NONE);
            let top = loop {
                let known = root.get(at as usize).copied().unwrap_or(BROKEN);
                if known != NONE {
                    break known;
                }
                let base = self.base.get(at as usize).copied().unwrap_or(BROKEN);
                if base == BROKEN || path.len() > count {
                    path.push(at);
                    break BROKEN;
                }
                path.push(at);
                if base == NONE || base == ELSEWHERE {
                    break at;
                }
                at = base;
            };
            for step in path.drain(..) {
                if let Some(slot) = root.get_mut(step as usize) {
                    *slot = top;
                }
            }
        }
        let mut weight = vec![0_u64; count];
        for (entry, top) in root.iter().enumerate() {
            let from = starts.get(entry).copied().unwrap_or(end);
            let bytes = starts.get(entry + 1).copied().unwrap_or(end).saturating_sub(from);
            if let Some(slot) = weight.get_mut(*top as usize) {
                *slot += bytes;
            }
            let kind = self.kinds.get(*top as usize).copied().flatten();
            if let Some(slot) = self.kinds.get_mut(entry) {
                *slot = kind;
            }
            if *top == BROKEN
                && let Some(base) = self.base.get_mut(entry)
            {
                *base = BROKEN;
            }
        }
        // From the last to the first, so that each list is in the order of the pack.
        for entry in (0..count).rev() {
            let Some(base) = self.base.get(entry).copied().filter(|base| *base < BROKEN) else { continue };
            if let Some(head) = self.first.get_mut(base as usize) {
                let after = std::mem::replace(head, u32::try_from(entry).unwrap_or(NONE));
                if let Some(slot) = self.next.get_mut(entry) {
                    *slot = after;
                }
            }
        }
        let is_root = |entry: &u32| matches!(self.base.get(*entry as usize), Some(&NONE | &ELSEWHERE));
        let mut roots: Vec<u32> = (0..u32::try_from(count).unwrap_or(NONE)).filter(is_root).collect();
        roots.sort_by_key(|entry| Reverse(weight.get(*entry as usize).copied().unwrap_or_default()));
        self.roots = roots;
    }

    /// Only what `wanted` says, and what that is made from, must be made from here on.
    pub(super) fn need(&mut self, wanted: impl Fn(u32) -> bool) {
        let mut needed = vec![false; self.base.len()];
        for entry in (0..u32::try_from(needed.len()).unwrap_or(NONE)).filter(|entry| wanted(*entry)) {
            let mut at = entry;
            while let Some(slot) = needed.get_mut(at as usize).filter(|slot| !**slot) {
                *slot = true;
                at = self.base.get(at as usize).copied().unwrap_or(NONE);
            }
        }
        self.roots.retain(|root| needed.get(*root as usize).copied().unwrap_or_default());
        self.needed = needed.contains(&false).then_some(needed);
    }

    /// The entries made from this one that must be made, in the order of the pack.
    pub(super) fn children(&self, entry: u32) -> impl Iterator<Item = u32> + '_ {
        let from = |list: &[u32], at: u32| list.get(at as usize).copied().filter(|entry| *entry != NONE);
        let all = std::iter::successors(from(&self.first, entry), move |at| from(&self.next, *at));
        let needed = |entry: &u32| self.needed.as_ref().is_none_or(|needed| needed.get(*entry as usize) == Some(&true));
        all.filter(needed)
    }

    /// True when something is made from this entry.
    pub(super) fn has_children(&self, entry: u32) -> bool {
        self.children(entry).next().is_some()
    }

    /// Roots whose base lies elsewhere and whose kind is therefore not known.
    pub(super) fn borrowed(&self) -> impl Iterator<Item = u32> + '_ {
        let elsewhere = |root: &u32| self.base.get(*root as usize) == Some(&ELSEWHERE);
        let unknown = |root: &u32| self.kinds.get(*root as usize) == Some(&None);
        self.roots.iter().copied().filter(move |root| elsewhere(root) && unknown(root))
    }

    /// Sets the kind of a whole family; its entries.
    pub(super) fn learn(&mut self, root: u32, kind: ObjectKind) -> Vec<u32> {
        let mut family = vec![root];
        let mut next = 0;
        while let Some(entry) = family.get(next).copied() {
            next += 1;
            if let Some(slot) = self.kinds.get_mut(entry as usize) {
                *slot = Some(kind);
            }
            family.extend(self.children(entry));
        }
        family
    }

    /// Entries that cannot be read at all.
    pub(super) fn broken(&self) -> impl Iterator<Item = u32> + '_ {
        (0..).zip(&self.base).filter(|(_, base)| **base == BROKEN).map(|(entry, _)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_id(id: u8) -> Vec<u8> {
        [&[0x71][..], &[id; ID]].concat()
    }

    #[test]
    fn bases_may_stand_later_or_elsewhere_and_circles_are_broken() {
        // 0 is made from 2 (by id), 1 from something unknown, 2 is a blob, 3 and 4 are made from each other.
        let parts = [by_id(2), by_id(77), vec![0x31, 1, 2, 3], by_id(4), by_id(3)];
        let mut pack = Vec::new();
        let mut starts = Vec::new();
        for part in &parts {
            starts.push(pack.len() as u64);
            pack.extend_from_slice(part);
        }
        let families = Families::read(&pack, &starts, |id| Some(u32::from(id[0])).filter(|id| *id < 5));
        assert_eq!(families.base, [2, ELSEWHERE, NONE, BROKEN, BROKEN]);
        assert_eq!(families.kinds[..3], [Some(ObjectKind::Blob), None, Some(ObjectKind::Blob)]);
        assert_eq!(families.roots, [2, 1], "two entries of 25 bytes are heavier than one of 21");
        assert_eq!(families.children(2).collect::<Vec<_>>(), [0]);
        assert_eq!(families.broken().collect::<Vec<_>>(), [3, 4]);
    }
}
