//! What a store's commits and trees say of its blobs: which of them a history reaches, and where they lie.

use std::collections::HashSet;

use super::forest::{Census, Forest, Surveyor};
use super::graph::{Graph, Written};
use super::links::{Names, Stray, Strays};
use super::objects::{Index, Marked, Objects};
use super::read::Reader;
use super::saved::Recalled;
use super::walk::show;
use crate::git::{GitError, Losses, ObjectKind, Pool, ReadError, Repo};
use crate::model::ObjectId;

/// A store whose commits and trees are known.
pub struct Past {
    /// Every object.
    pub objects: Objects,
    /// What the refs reach.
    pub graph: Graph,
    /// What they do not, where that was asked for.
    pub unreached: Option<Graph>,
    /// The trees.
    pub forest: Forest,
    /// The names in them.
    pub names: Names,
    /// What is named but not there.
    pub strays: Strays,
    /// Of commits, tags, trees and the objects whose places were asked for: those that the refs reach.
    reached: Marked,
    all_objects: bool,
    /// Every object that the refs reach, where that is known.
    pub(super) census: Option<Marked>,
    /// What the refs reach that is not there or damaged.
    pub losses: Losses,
}

/// Where a history starts, and what of it is asked for.
pub struct Question<'a> {
    /// What the refs name.
    pub tips: &'a [ObjectId],
    /// Commits whose parents are cut off.
    pub shallow: &'a HashSet<ObjectId>,
    /// Objects whose places will be asked for.
    pub wanted: &'a Marked,
    /// Also what no ref reaches.
    pub all_objects: bool,
    /// What is known from before; only the rest was shown and is read.
    pub recalled: Option<&'a Recalled>,
}

impl Past {
    /// Reads all trees that are not known. None where what is known does not hold any more: what refs reach has changed
    /// beyond what was added.
    pub fn survey(
        repo: &Repo,
        pool: &Pool,
        objects: Objects,
        written: &Written,
        strays: Strays,
        question: &Question<'_>,
    ) -> Result<Option<Self>, GitError> {
        let mut graph = written.reach(&objects, &strays, question.tips, question.shallow);
        let unreached = question.all_objects.then(|| written.unreached(&objects, &graph));
        let (names, named, reached) = (Names::default(), Marked::none(&objects), Marked::none(&objects));
        let reader = Reader::new(repo, &objects)?;
        let kind = |index: Index| objects.kind(index);
        let surveyor = || Surveyor {
            objects: &objects,
            strays: &strays,
            names: &names,
            kind: &kind,
            wanted: question.wanted,
            named: &named,
        };
        let shares = show(pool, &objects, &reader, &[ObjectKind::Tree], &surveyor())?;
        let mut forest = Forest::of(&objects, shares);
        if let Some(recalled) = question.recalled {
            recalled.add_nodes(&strays, &names, &mut forest);
        }
        let ids = graph.commits.iter().map(|commit| commit.index).chain(graph.tags.iter().map(|tag| tag.index));
        ids.chain(graph.blobs.iter().copied()).for_each(|index| _ = reached.add(index));
        let is_tree = |index: Index| !objects.is_known(index) && objects.kind(index) == Some(ObjectKind::Tree);
        let (trees, lost) = forest.reach(graph.roots(), &reached, &is_tree);
        let mut losses = std::mem::take(&mut graph.losses);
        for stray in lost.into_iter().filter_map(|link| strays.get(link)) {
            let Stray { id, misnamed } = stray;
            let misnamed = misnamed.then(|| ReadError::Broken("not of the kind that it is named as".into()));
            losses.note(id, misnamed.unwrap_or(ReadError::Missing));
        }
        for (index, why) in &forest.lost {
            if question.all_objects || reached.has(*index) {
                losses.note(objects.id(*index), why.clone());
            }
        }
        // What some tree names is what the refs reach, as long as they reach all trees.
        let census = if trees >= forest.trees {
            Some(named)
        } else if question.all_objects {
            None
        } else {
            let exact = Marked::none(&objects);
            let look = Census { surveyor: surveyor(), reached: &reached, exact: &exact };
            show(pool, &objects, &reader, &[ObjectKind::Tree], &look)?;
            Some(exact)
        };
        if let (Some(recalled), Some(census)) = (question.recalled, &census)
            && !still_holds(recalled, written, &reached, census, &objects)
        {
            return Ok(None);
        }
        drop(reader);
        let all_objects = question.all_objects;
        Ok(Some(Self { graph, unreached, forest, names, strays, reached, all_objects, census, losses, objects }))
    }

    /// True when the refs reach an object, among those that were asked for, commits, tags and trees.
    pub fn reaches(&self, index: Index) -> bool {
        self.reached.has(index)
    }

    /// True when the refs reach it, whatever it is, as far as that is known.
    pub fn is_reached(&self, index: Index) -> bool {
        self.reached.has(index) || self.census.as_ref().is_some_and(|census| census.has(index))
    }

    /// True when it counts: everything does where everything was asked for.
    pub fn counts(&self, index: Index) -> bool {
        self.all_objects || self.is_reached(index)
    }
}

/// Adds to `census` what was reached before. False where known objects are reached now that were not, or no longer.
fn still_holds(recalled: &Recalled, written: &Written, reached: &Marked, census: &Marked, objects: &Objects) -> bool {
    let same = |index: Index| recalled.was_reached(index).is_none_or(|before| before == reached.has(index));
    let direct = |index: Option<Index>| index.is_some_and(|index| reached.has(index));
    if !written.objects().all(same) || !recalled.direct().all(direct) {
        return false;
    }
    (0..).take(objects.len()).all(|index| match recalled.was_reached(index) {
        Some(true) => {
            census.add(index);
            true
        }
        Some(false) => !census.has(index) && !reached.has(index),
        None => true,
    })
}
