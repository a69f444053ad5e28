//! What is known of a store after a sweep, as plain data: ids, commits, and the trees that lead to something. Numbers in
//! it are those of its own list of ids; it holds for any store that has all of these ids still.

use serde::{Deserialize, Serialize};

use super::forest::{Forest, Held};
use super::graph::Written;
use super::idx::ID;
use super::links::{Known, Link, NOTHING, Names, Stray, Strays, index};
use super::objects::{Index, Marked, Objects};
use super::past::Past;
use crate::git::{ObjectKind, ReadError};
use crate::model::ObjectId;

/// Blobs, bytes and messages that were shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Blobs and messages.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages among them.
    pub messages: u64,
}

/// A sweep's knowledge.
#[derive(Default, Serialize, Deserialize)]
pub struct Saved {
    #[serde(with = "bytes")]
    ids: Vec<u8>,
    #[serde(with = "bytes")]
    kinds: Vec<u8>,
    /// One bit for each object that the refs reached.
    #[serde(with = "bytes")]
    census: Vec<u8>,
    /// Trees and blobs that refs named directly.
    direct: Vec<Index>,
    pub(super) written: Written,
    strays: Vec<(Vec<u8>, bool)>,
    names: Vec<Vec<u8>>,
    nodes: Vec<(Index, Vec<Held>)>,
    /// Objects that were too large to be shown, and their bytes.
    large: Vec<(Index, u64)>,
    /// What was shown of all that was there.
    pub all: Count,
    /// What was shown of what the refs reached.
    pub reached: Count,
}

/// Byte strings as such: one by one they would take longer to read than to make.
mod bytes {
    use serde::de::Visitor;
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }
        from.deserialize_bytes(Bytes)
    }
}

/// A sweep's knowledge, its numbers turned into those of the store as it is now.
pub struct Recalled {
    saved: Saved,
    /// By the saved number, the one of now.
    now: Vec<Index>,
    /// By the number of now, the saved one.
    then: Vec<u32>,
}

const KINDS: [ObjectKind; 4] = [ObjectKind::Blob, ObjectKind::Tree, ObjectKind::Commit, ObjectKind::Tag];
/// In `then`: not known.
const NEW: u32 = u32::MAX;

impl Saved {
    /// Writes down what is known of a whole store. None where something of it could not be read: then nothing is known
    /// for certain. `large` is what was not shown for its size.
    pub fn of(
        past: &Past,
        written: &Written,
        wanted: &Marked,
        large: Vec<(Index, u64)>,
        counts: [Count; 2],
    ) -> Option<Self> {
        let census = past.census.as_ref()?;
        let objects = &past.objects;
        let sound = past.losses.broken.is_empty() && past.forest.lost.is_empty() && objects.problems.is_empty();
        if !sound {
            return None;
        }
        let trees = past.graph.trees.iter().filter_map(|link| index(*link));
        let direct = trees.chain(past.graph.blobs.iter().copied()).collect();
        let kind = |index: Index| objects.kind(index).and_then(|kind| KINDS.iter().position(|known| *known == kind));
        let count = Index::try_from(objects.len()).ok()?;
        let kinds: Option<Vec<u8>> = (0..count).map(|index| u8::try_from(kind(index)?).ok()).collect();
        let trees = || (0..count).filter(|index| objects.kind(*index) == Some(ObjectKind::Tree));
        let full = past.forest.leading_to(objects, wanted, true, trees());
        let matters = |held: &&Held| index(held.link).is_none_or(|at| wanted.has(at) || full.has(at));
        let node = |tree: Index| (tree, past.forest.held(tree).iter().filter(matters).copied().collect());
        let [all, reached] = counts;
        Some(Self {
            ids: (0..count).flat_map(|index| objects.id(index).as_bytes().to_vec()).collect(),
            kinds: kinds?,
            census: (0..count.div_ceil(8))
                .map(|byte| bits(|bit| census.has(8 * byte + bit) || past.reaches(8 * byte + bit)))
                .collect(),
            direct,
            written: written.clone(),
            strays: past.strays.all().iter().map(|stray| (stray.id.as_bytes().to_vec(), stray.misnamed)).collect(),
            names: past.names.all().iter().map(|name| name.to_vec()).collect(),
            nodes: trees().filter(|tree| full.has(*tree)).map(node).collect(),
            large,
            all,
            reached,
        })
    }

    /// Finds all its objects in a store. None where one is gone, or one is there now that was missing then.
    pub fn recall(self, objects: &Objects) -> Option<Recalled> {
        let mut now = Vec::with_capacity(self.ids.len() / ID);
        let mut then = vec![NEW; objects.len()];
        let mut place = 0;
        for (number, id) in (0..).zip(self.ids.chunks_exact(ID)) {
            // Both are sorted.
            while objects.raw(place)? < id {
                place += 1;
            }
            if objects.raw(place)? != id {
                return None;
            }
            now.push(place);
            *then.get_mut(place as usize)? = number;
        }
        let found = |(id, misnamed): &(Vec<u8>, bool)| !misnamed && objects.find_raw(id).is_some();
        if self.strays.iter().any(found) || self.kinds.len() != now.len() {
            return None;
        }
        Some(Recalled { saved: self, now, then })
    }
}

fn bits(set: impl Fn(u32) -> bool) -> u8 {
    (0..8).filter(|bit| set(*bit)).fold(0, |byte, bit| byte | 1 << bit)
}

impl Recalled {
    /// The objects that it knows.
    pub fn known(&self, objects: &Objects) -> Marked {
        let known = Marked::none(objects);
        self.now.iter().for_each(|index| _ = known.add(*index));
        known
    }

    /// What a known object is.
    pub fn kind(&self, index: Index) -> Option<ObjectKind> {
        let number = self.then.get(index as usize)?;
        KINDS.get(usize::from(*self.saved.kinds.get(*number as usize)?)).copied()
    }

    /// True when it knows all that there is.
    pub fn is_all(&self) -> bool {
        self.now.len() == self.then.len()
    }

    /// Objects that were too large to be shown.
    pub fn large(&self) -> impl Iterator<Item = (Index, ReadError)> + '_ {
        self.saved.large.iter().filter_map(|(number, size)| Some((self.index(*number)?, ReadError::TooLarge(*size))))
    }

    /// What was shown: of all, of what the refs reached.
    pub fn counts(&self) -> [Count; 2] {
        [self.saved.all, self.saved.reached]
    }

    fn index(&self, number: u32) -> Option<Index> {
        self.now.get(number as usize).copied()
    }

    /// True when the refs reached a known object then.
    pub(super) fn was_reached(&self, index: Index) -> Option<bool> {
        let number = self.then.get(index as usize).copied().filter(|number| *number != NEW)?;
        Some(self.saved.census.get(number as usize / 8)? >> (number % 8) & 1 == 1)
    }

    /// What refs named directly then: reached only as long as they do.
    pub(super) fn direct(&self) -> impl Iterator<Item = Option<Index>> + '_ {
        self.saved.direct.iter().map(|number| self.index(*number))
    }

    fn links(&self, strays: &Strays) -> impl Fn(Link) -> Link + '_ {
        let stray = |(id, misnamed): &(Vec<u8>, bool)| {
            ObjectId::from_bytes(id).map_or(NOTHING, |id| strays.add(Stray { id, misnamed: *misnamed }))
        };
        let numbers: Vec<Link> = self.saved.strays.iter().map(stray).collect();
        move |link| match index(link) {
            Some(number) => self.index(number).unwrap_or(NOTHING),
            None => numbers.get(super::links::stray(link)).copied().unwrap_or(NOTHING),
        }
    }

    /// Adds the known commits and tags.
    pub fn add_written(&self, strays: &Strays, to: &mut Written) {
        let link = self.links(strays);
        to.add(self.saved.written.renumbered(|number| self.index(number), link));
    }

    /// Adds the known trees that lead to something.
    pub(super) fn add_nodes(&self, strays: &Strays, names: &Names, forest: &mut Forest) {
        let link = self.links(strays);
        let mut known = Known::default();
        let names: Vec<u32> = self.saved.names.iter().map(|name| names.number(&mut known, name)).collect();
        let name = |number: u32| names.get(number as usize).copied().unwrap_or(u32::MAX);
        let nodes = self.saved.nodes.iter().filter_map(|(tree, held)| {
            let held: Vec<Held> =
                held.iter().map(|held| Held { name: name(held.name), link: link(held.link) }).collect();
            Some((self.index(*tree)?, held))
        });
        forest.add(nodes);
    }
}
