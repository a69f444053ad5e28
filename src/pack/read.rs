//! Reading single objects: a pack's entry through its chain of deltas, a loose object through libgit2.

use std::sync::{Mutex, PoisonError};

use libdeflater::Decompressor;

use super::delta;
use super::entry::{Form, header, inflate};
use super::objects::{Objects, Pack, Place};
use crate::git::{GitError, ObjectKind, ReadError, Repo, Store};
use crate::model::ObjectId;

/// No object is made larger than this many bytes, not even as a base: 1 GiB.
pub(super) const MOST: u64 = 1 << 30;
/// Chains are followed this far. git makes them 50 long, and 4,095 at the most.
const DEEPEST: usize = 10_000;

/// Reads any object of a store, one at a time.
pub struct Reader<'o> {
    objects: &'o Objects,
    repo: Mutex<Repo>,
}

impl<'o> Reader<'o> {
    /// A reader with a handle of its own on the repository.
    pub fn new(repo: &Repo, objects: &'o Objects) -> Result<Self, GitError> {
        Ok(Self { objects, repo: Mutex::new(repo.reopen()?) })
    }

    fn is_open(&self, pack: u32) -> bool {
        self.objects.packs.get(pack as usize).is_some_and(Pack::is_open)
    }

    /// What libgit2 must read: loose objects, and packs that nobody opened.
    fn loose(&self, id: &ObjectId, most: u64) -> Result<(ObjectKind, Vec<u8>), ReadError> {
        let repo = self.repo.lock().unwrap_or_else(PoisonError::into_inner);
        let store = Store::of(&repo).map_err(|error| ReadError::Broken(error.to_string()))?;
        let object = store.read(id, most)?;
        Ok((object.kind(), object.bytes().to_vec()))
    }

    /// Reads an entry through its chain, the base first. `detours` counts bases in other packs on the way.
    pub(super) fn packed(&self, pack: u32, entry: u32, detours: usize) -> Result<(ObjectKind, Vec<u8>), ReadError> {
        let broken = |why: &str| ReadError::Broken(why.to_owned());
        let held = self.objects.packs.get(pack as usize).ok_or_else(|| broken("its pack is not there"))?;
        let mut chain = vec![entry];
        let mut inflater = Decompressor::new();
        let (kind, mut bytes) = loop {
            let top = chain.last().copied().unwrap_or(entry);
            let start = held.start(top).ok_or_else(|| broken("it is not in its pack"))?;
            let head = header(held.bytes(), start).ok_or_else(|| broken("its header is damaged"))?;
            match head.form {
                Form::Whole(kind) => {
                    let mut bytes = Vec::new();
                    let size = within(head.size)?;
                    let deflated = held.bytes().get(head.data..held.end(top)).unwrap_or_default();
                    inflate(&mut inflater, deflated, size, &mut bytes).map_err(broken)?;
                    chain.pop();
                    break (kind, bytes);
                }
                Form::Offset(_) | Form::Id(_) => match held.families.base.get(top as usize).copied() {
                    Some(base) if (base as usize) < held.families.base.len() && chain.len() < DEEPEST => {
                        chain.push(base)
                    }
                    _ => {
                        let Form::Id(id) = head.form else { return Err(broken("its base is damaged")) };
                        break self.base(&id, detours)?;
                    }
                },
            }
        };
        let (mut deflated, mut made, mut runs) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(next) = chain.pop() {
            let head = held.start(next).and_then(|start| header(held.bytes(), start));
            let head = head.ok_or_else(|| broken("its header is damaged"))?;
            let part = held.bytes().get(head.data..held.end(next)).unwrap_or_default();
            inflate(&mut inflater, part, within(head.size)?, &mut deflated).map_err(broken)?;
            delta::apply(&bytes, &deflated, MOST, &mut made, &mut runs).map_err(broken)?;
            std::mem::swap(&mut bytes, &mut made);
        }
        Ok((kind, bytes))
    }

    /// A base that lies in another pack, or loose.
    fn base(&self, id: &[u8], detours: usize) -> Result<(ObjectKind, Vec<u8>), ReadError> {
        let missing = || ReadError::Broken("its base is not in the object store".into());
        if detours >= 16 {
            return Err(ReadError::Broken("its chain of bases does not end".into()));
        }
        let index = self.objects.find_raw(id).ok_or_else(missing)?;
        match self.objects.place(index) {
            Some(Place::Packed { pack, entry }) if self.is_open(pack) => self.packed(pack, entry, detours + 1),
            _ => self.loose(&self.objects.id(index), MOST).map_err(|_| missing()),
        }
    }
}

/// A size that may be allocated.
pub(super) fn within(size: u64) -> Result<usize, ReadError> {
    match usize::try_from(size) {
        Ok(fits) if size <= MOST => Ok(fits),
        _ => Err(ReadError::Broken(format!("{size} bytes are more than any object may have"))),
    }
}
