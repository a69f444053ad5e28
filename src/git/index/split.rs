//! A split index: the entries of a shared index, some deleted, some replaced, and more added.

use std::cmp::Ordering;

use super::ewah::Bitmap;
use super::file::{File, Row, check};
use super::{Fault, ID};
use crate::model::ObjectId;

/// What the `link` extension says.
#[derive(Debug)]
pub(super) struct Link<'f> {
    base: ObjectId,
    deleted: Bitmap<'f>,
    replaced: Bitmap<'f>,
}

const LINK: Fault = Fault::Damaged("what it says of its shared index is damaged");

impl<'f> Link<'f> {
    /// Reads the extension; `None` when it names no shared index.
    pub(super) fn parse(data: &'f [u8]) -> Result<Option<Self>, Fault> {
        let (base, data) = data.split_at_checked(ID).ok_or(LINK)?;
        let base = ObjectId::from_bytes(base).ok_or(LINK)?;
        if base.is_zero() {
            return Ok(None);
        }
        if data.is_empty() {
            return Ok(Some(Self { base, deleted: Bitmap::default(), replaced: Bitmap::default() }));
        }
        let (deleted, data) = Bitmap::split(data).ok_or(LINK)?;
        let (replaced, data) = Bitmap::split(data).ok_or(LINK)?;
        if !data.is_empty() {
            return Err(LINK);
        }
        Ok(Some(Self { base, deleted, replaced }))
    }

    /// The shared index's checksum, which its name ends in.
    pub(super) fn base(&self) -> ObjectId {
        self.base
    }
}

/// What becomes of a shared entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stays,
    Deleted,
    Replaced,
}

/// The entries of both, sorted.
pub(super) fn merge(own: &File, shared: &File, link: &Link<'_>) -> Result<Vec<Row>, Fault> {
    if shared.bytes().last_chunk::<ID>().map(<[u8; ID]>::as_slice) != Some(link.base.as_bytes()) {
        return Err(Fault::Damaged("its shared index is another one"));
    }
    if shared.link().is_some() {
        return Err(Fault::Damaged("its shared index shares another one"));
    }
    let base = shared.rows();
    let mut fates = vec![Fate::Stays; base.len()];
    mark(&mut fates, link.replaced, Fate::Replaced)?;
    mark(&mut fates, link.deleted, Fate::Deleted)?;
    let replacing = fates.iter().filter(|fate| **fate == Fate::Replaced).count();
    let (replacing, added) = own.rows().split_at_checked(replacing).ok_or(LINK)?;
    if replacing.iter().any(|row| row.has_name()) || !added.iter().all(|row| row.has_name()) {
        return Err(LINK);
    }
    let mut replacing = replacing.iter();
    let kept: Vec<Row> = base
        .iter()
        .zip(&fates)
        .filter_map(|(row, fate)| match fate {
            Fate::Stays => Some(row.shared()),
            Fate::Deleted => None,
            Fate::Replaced => Some(replacing.next()?.named(row.shared())),
        })
        .collect();
    zip(own, shared, &kept, added)
}

fn mark(fates: &mut [Fate], bitmap: Bitmap<'_>, fate: Fate) -> Result<(), Fault> {
    for at in bitmap.ones(fates.len()) {
        match at.and_then(|at| fates.get_mut(at)) {
            Some(slot) if *slot == Fate::Stays => *slot = fate,
            _ => return Err(LINK),
        }
    }
    Ok(())
}

/// Puts what is added among what is kept, as `git add` would: it replaces an entry of its path and stage, and a merged
/// entry replaces the unmerged ones of its path.
fn zip(own: &File, shared: &File, kept: &[Row], added: &[Row]) -> Result<Vec<Row>, Fault> {
    let file = |is_shared: bool| if is_shared { shared } else { own };
    let name = |row: &Row| file(row.name_is_shared()).name(row);
    let stage = |row: &Row| file(row.data_is_shared()).stage(row);
    let mut rows: Vec<Row> = Vec::with_capacity(kept.len() + added.len());
    let (mut kept, mut added) = (kept.iter().peekable(), added.iter().peekable());
    let mut merged: Option<&[u8]> = None;
    loop {
        let order = match (kept.peek(), added.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => name(a).cmp(name(b)).then(stage(a).cmp(&stage(b))),
        };
        match order {
            Ordering::Less => rows.extend(kept.next().filter(|row| merged != Some(name(row)))),
            Ordering::Equal => _ = kept.next(),
            Ordering::Greater => {
                let Some(row) = added.next() else { break };
                if stage(row) == 0 {
                    merged = Some(name(row));
                }
                rows.push(*row);
            }
        }
    }
    let mut before = (&[][..], 0);
    for row in &rows {
        let this = (name(row), stage(row));
        check(before, this, file(row.data_is_shared()).is_sparse(row))?;
        before = this;
    }
    Ok(rows)
}
