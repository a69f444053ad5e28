//! What objects name each other by: an object's index, or a number for an id that the store has not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::objects::{Index, Objects};
use crate::model::ObjectId;

/// An [`Index`], or, with this bit set, the number of a [`Stray`].
pub type Link = u32;
/// Indices are smaller: see [`Objects::list`].
const STRAY: Link = 1 << 31;
/// Names nothing: a submodule's commit.
pub(super) const NOTHING: Link = Link::MAX;

/// An id that leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stray {
    /// The id.
    pub id: ObjectId,
    /// The store has it, but it is not what it is named as.
    pub misnamed: bool,
}

/// Numbers for strays, shared by threads.
#[derive(Default)]
pub struct Strays(Mutex<(Vec<Stray>, HashMap<Stray, Link>)>);

/// The index behind a link; `None` for a stray or nothing.
pub fn index(link: Link) -> Option<Index> {
    (link & STRAY == 0).then_some(link)
}

/// The number behind the link of a stray.
pub(super) fn stray(link: Link) -> usize {
    (link & !STRAY) as usize
}

impl Strays {
    /// All of them, by number.
    pub(super) fn all(&self) -> Vec<Stray> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// The link for an id.
    pub(super) fn link(&self, objects: &Objects, id: &[u8]) -> Link {
        match (objects.find_raw(id), ObjectId::from_bytes(id)) {
            (Some(index), _) => index,
            (None, Some(id)) => self.add(Stray { id, misnamed: false }),
            (None, None) => NOTHING,
        }
    }

    pub(super) fn add(&self, stray: Stray) -> Link {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (list, numbers) = &mut *held;
        if let Some(link) = numbers.get(&stray) {
            return *link;
        }
        let link = u32::try_from(list.len()).unwrap_or(NOTHING) | STRAY;
        list.push(stray);
        numbers.insert(stray, link);
        link
    }

    /// What a link that has no index stands for.
    pub fn get(&self, link: Link) -> Option<Stray> {
        if link == NOTHING || index(link).is_some() {
            return None;
        }
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.0.get(stray(link)).copied()
    }
}

/// File names, each once, by number. Shared by threads.
#[derive(Default)]
pub struct Names(Mutex<Numbered>);

#[derive(Default)]
struct Numbered {
    list: Vec<Arc<[u8]>>,
    numbers: HashMap<Arc<[u8]>, u32>,
}

/// A thread's own memory of the names it met: most are met again and again.
pub(super) type Known = HashMap<Arc<[u8]>, u32>;

impl Names {
    /// The number of a name.
    pub(super) fn number(&self, known: &mut Known, name: &[u8]) -> u32 {
        if let Some(number) = known.get(name) {
            return *number;
        }
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Numbered { list, numbers } = &mut *held;
        let (name, number) = match numbers.get_key_value(name) {
            Some((name, number)) => (Arc::clone(name), *number),
            None => {
                let (name, number) = (Arc::<[u8]>::from(name), u32::try_from(list.len()).unwrap_or(u32::MAX));
                list.push(Arc::clone(&name));
                numbers.insert(Arc::clone(&name), number);
                (name, number)
            }
        };
        known.insert(name, number);
        number
    }

    /// All of them, by number.
    pub(super) fn all(&self) -> Vec<Arc<[u8]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).list.clone()
    }

    /// The name behind a number.
    pub fn get(&self, number: u32) -> Arc<[u8]> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.list.get(number as usize).cloned().unwrap_or_default()
    }
}
