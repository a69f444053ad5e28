//! One sighting for each secret of a history, at the commit that introduced it, out of all blobs and messages that
//! hold it. Decides nothing but path conditions and path exclusions, which cannot act before paths are known.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, btree_map};
use std::sync::Arc;

use rayon::prelude::*;

use super::paths::{MAX_PATHS, NOWHERE, Places, look_up};
use super::{Placed, covering};
use crate::git::Repo;
use crate::model::{
    BytePath, Candidate, CommitInfo, Confidence, Found, Mark, Notes, ObjectId, Occurrence, Origin, OriginKind,
};
use crate::model::{Placement, Secret, Sighting};
use crate::pack::{Index, Past};

/// What placing goes by.
pub struct HistoryRules<'a> {
    /// The source showed what no ref reaches as well.
    pub all_objects: bool,
    /// True for a path that the configuration excludes.
    pub exclude: &'a (dyn Fn(&BytePath) -> bool + Sync),
    /// True when the candidate counts at the path; without one, where no path is known. Depends on nothing but the
    /// candidate's rule; not asked where that has no path condition.
    pub applies: &'a (dyn Fn(&Candidate, Option<&BytePath>) -> bool + Sync),
    /// Makes what completes candidates that could not be decided without paths: one for each thread, for it remembers.
    pub decider: &'a (dyn Fn() -> Box<Decide<'a>> + Sync),
}

/// Completes a candidate, given its blob's paths, and whether it lies where no path is known as well.
pub type Decide<'a> = dyn Fn(&mut Candidate, &Arc<[BytePath]>, bool) + 'a;

/// Candidates by rule, then by secret and whether they are dropped.
type Groups = BTreeMap<String, BTreeMap<(Secret, bool), Group>>;

/// Finds for every candidate its paths and its introducing commit: the earliest over all blobs that hold the secret
/// (parents before children, ties by committer date, then id), and makes one sighting of all that is the same secret
/// by the same rule.
///
/// `past` must have been asked for the places of all blobs in `found`.
pub fn history(repo: &Repo, past: &Past, found: Vec<Found>, rules: &HistoryRules<'_>) -> Placed {
    let mut placed = Placed::default();
    if found.iter().all(|found| found.candidates.is_empty()) {
        return placed;
    }
    let map = Map::of(past, &found);
    let parts = parted(found, rayon::current_num_threads());
    let groups =
        parts.into_par_iter().map(|part| map.group(part, rules)).collect::<Vec<_>>().into_iter().reduce(merged);
    let groups: Vec<Group> = groups.into_iter().flatten().flat_map(|(_, groups)| groups.into_values()).collect();
    let together = groups.into_par_iter().filter_map(|group| {
        let excluded = group.seen.iter().all(|seen| seen.at.excluded);
        Some((excluded, map.together(group, rules)?))
    });
    let mut authors = HashMap::new();
    for (excluded, (mut sighting, commit)) in together.collect::<Vec<_>>() {
        sighting.placement.introduced = commit.map(|(id, time)| {
            let unknown = CommitInfo { id, author: String::new(), email: String::new(), time, offset: 0 };
            let read = || repo.commit_info(id).unwrap_or(unknown);
            authors.entry(id).or_insert_with(read).clone()
        });
        if excluded { placed.excluded.push(sighting) } else { placed.sightings.push(sighting) }
    }
    for list in [&mut placed.sightings, &mut placed.excluded] {
        list.sort_by(|a, b| {
            let key = |s: &Sighting| (s.candidate.span, s.candidate.rule.id.clone());
            a.origin.cmp(&b.origin).then_with(|| key(a).cmp(&key(b)))
        });
    }
    placed
}

/// So many parts of about as many candidates each.
fn parted(found: Vec<Found>, parts: usize) -> Vec<Vec<Found>> {
    let all: usize = found.iter().map(|found| found.candidates.len()).sum();
    let mut out: Vec<Vec<Found>> = Vec::new();
    let (mut before, mut borders) = (0, (0..parts).map(|part| part * all / parts.max(1)).peekable());
    for found in found {
        if borders.next_if(|border| before >= *border).is_some() {
            out.push(Vec::new());
        }
        before += found.candidates.len();
        if let Some(part) = out.last_mut() {
            part.push(found);
        }
    }
    out
}

fn merged(mut all: Groups, more: Groups) -> Groups {
    for (rule, groups) in more {
        let known = all.entry(rule).or_default();
        for (key, group) in groups {
            match known.entry(key) {
                btree_map::Entry::Occupied(mut known) => known.get_mut().add(group),
                btree_map::Entry::Vacant(new) => _ = new.insert(group),
            }
        }
    }
    all
}

/// What the history says about the blobs that matter.
struct Map<'p> {
    past: &'p Past,
    numbers: HashMap<Index, u32>,
    places: HashMap<ObjectId, Places>,
    /// Blobs that a tag or ref names without any tree.
    named: HashSet<ObjectId>,
}

/// What a thread remembers while it places.
#[derive(Default)]
struct Memory {
    /// Whether a rule holds at a path: its globs are compiled for each question.
    applies: HashMap<(String, BytePath), bool>,
    /// Lists of paths that were met, each once.
    lists: HashSet<Arc<[BytePath]>>,
}

/// All candidates of one secret.
struct Group {
    /// Of those seen so far the one that introduces it. The others' are not kept: a history has one for each version of a
    /// file.
    candidate: Candidate,
    first: (Rank, Occurrence),
    /// The surest, of equals the last, and why it is.
    surest: (Confidence, Occurrence, Notes),
    seen: Vec<Seen>,
}

impl Group {
    fn of(candidate: Candidate, seen: Seen) -> Self {
        let first = (seen.at.rank.clone(), seen.occurrence.clone());
        let surest = (candidate.confidence, seen.occurrence.clone(), candidate.notes.clone());
        Self { candidate, first, surest, seen: vec![seen] }
    }

    fn push(&mut self, candidate: Candidate, seen: Seen) {
        if (candidate.confidence, &seen.occurrence) > (self.surest.0, &self.surest.1) {
            self.surest = (candidate.confidence, seen.occurrence.clone(), candidate.notes.clone());
        }
        if (&seen.at.rank, &seen.occurrence) < (&self.first.0, &self.first.1) {
            self.first = (seen.at.rank.clone(), seen.occurrence.clone());
            self.candidate = candidate;
        }
        self.seen.push(seen);
    }

    fn add(&mut self, mut other: Group) {
        if (other.surest.0, &other.surest.1) > (self.surest.0, &self.surest.1) {
            self.surest = other.surest;
        }
        if other.first < self.first {
            (self.first, self.candidate) = (other.first, other.candidate);
        }
        self.seen.append(&mut other.seen);
    }
}

/// One candidate in one object.
struct Seen {
    occurrence: Occurrence,
    marks: Vec<Mark>,
    at: At,
}

/// Where a candidate is: the same for all candidates of an object whose rules have no path condition.
#[derive(Clone)]
struct At {
    rank: Rank,
    /// All paths that are known and where its rule holds; the same list for the same paths.
    paths: Arc<[BytePath]>,
    more_paths: u64,
    /// It has a place without a known path.
    elsewhere: bool,
    /// It has none, and every path is excluded.
    excluded: bool,
    reached: bool,
}

/// What comes first introduces. A tag is made after what it names, so it introduces only what nothing else holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    tag: bool,
    commit: u32,
    message: bool,
    excluded: bool,
    path: Option<BytePath>,
}

impl<'p> Map<'p> {
    fn of(past: &'p Past, found: &[Found]) -> Self {
        let holds = |found: &&Found| !found.candidates.is_empty() && found.origin.kind == OriginKind::History;
        let blobs: BTreeSet<ObjectId> = found.iter().filter(holds).filter_map(|found| found.origin.object).collect();
        let places = look_up(past, &blobs.into_iter().collect::<Vec<_>>());
        let commits: HashSet<Index> = found
            .iter()
            .filter_map(|found| match found.origin.kind {
                OriginKind::CommitMessage => past.objects.find(&found.origin.commit?),
                OriginKind::TagMessage => past.graph.target_of(past.objects.find(&found.origin.object?)?),
                _ => None,
            })
            .collect();
        let numbers = past.graph.commits.iter().map(|commit| commit.index).zip(0..);
        let numbers = numbers.filter(|(index, _)| commits.contains(index)).collect();
        let named = past.graph.blobs.iter().map(|index| past.objects.id(*index)).collect();
        Self { past, numbers, places, named }
    }

    /// Places candidates and puts those of one secret together.
    fn group(&self, found: Vec<Found>, rules: &HistoryRules<'_>) -> Groups {
        let mut groups = Groups::new();
        let (decide, mut memory) = ((rules.decider)(), Memory::default());
        for Found { origin, candidates, marks, .. } in found {
            let Some(object) = origin.object.or(origin.commit) else { continue };
            let mut here = None;
            for mut candidate in candidates {
                let marks = covering(&marks, &candidate);
                let at = self.whereabouts(&origin, object, &candidate, &mut here, rules, &mut memory);
                let Some(at) = at else { continue };
                decide(&mut candidate, &at.paths, at.elsewhere);
                let Candidate { span, start, end, .. } = candidate;
                let occurrence = Occurrence { object, inner: origin.inner.clone(), span, start, end };
                let seen = Seen { occurrence, marks, at };
                let key = (candidate.secret.clone(), candidate.dropped.is_some());
                // Mostly the rule is known: its name is copied once.
                if !groups.contains_key(&candidate.rule.id) {
                    groups.insert(candidate.rule.id.clone(), BTreeMap::new());
                }
                let Some(known) = groups.get_mut(&candidate.rule.id) else { continue };
                match known.entry(key) {
                    btree_map::Entry::Occupied(mut known) => known.get_mut().push(candidate, seen),
                    btree_map::Entry::Vacant(new) => _ = new.insert(Group::of(candidate, seen)),
                }
            }
        }
        groups
    }

    /// Where a candidate of an object is; `None` when its path condition holds nowhere. `here` keeps what holds for all
    /// candidates of the object without such a condition.
    fn whereabouts(
        &self,
        origin: &Origin,
        object: ObjectId,
        candidate: &Candidate,
        here: &mut Option<At>,
        rules: &HistoryRules<'_>,
        memory: &mut Memory,
    ) -> Option<At> {
        if !candidate.paths.is_empty() {
            return self.find(origin, object, candidate, rules, memory);
        }
        if here.is_none() {
            *here = self.find(origin, object, candidate, rules, memory);
        }
        here.clone()
    }

    fn find(
        &self,
        origin: &Origin,
        object: ObjectId,
        candidate: &Candidate,
        rules: &HistoryRules<'_>,
        memory: &mut Memory,
    ) -> Option<At> {
        let number = |commit: Option<Index>| commit.and_then(|at| self.numbers.get(&at).copied()).unwrap_or(NOWHERE);
        let rank = Rank { tag: false, commit: NOWHERE, message: true, excluded: false, path: None };
        let nowhere = |rank: Rank| {
            let reached = rank.commit != NOWHERE;
            At { rank, paths: Arc::default(), more_paths: 0, elsewhere: true, excluded: false, reached }
        };
        let counts = || (rules.applies)(candidate, None);
        match origin.kind {
            OriginKind::CommitMessage => {
                let commit = number(origin.commit.and_then(|id| self.past.objects.find(&id)));
                counts().then(|| nowhere(Rank { commit, ..rank }))
            }
            OriginKind::TagMessage => {
                let tag = self.past.objects.find(&object);
                let known = tag.is_some_and(|tag| self.past.graph.has_tag(tag));
                let commit = number(tag.and_then(|tag| self.past.graph.target_of(tag)));
                counts().then(|| At { reached: known, ..nowhere(Rank { tag: true, commit, ..rank }) })
            }
            _ => match self.places.get(&object).filter(|places| !places.known.is_empty()) {
                Some(places) => at_places(places, origin.inner.as_ref(), candidate, rules, memory),
                // A tag's own blob, one beneath a tree that could not be read, or an unreachable one.
                None => (rules.applies)(candidate, origin.inner.as_ref())
                    .then(|| At { reached: self.named.contains(&object), ..nowhere(Rank { message: false, ..rank }) }),
            },
        }
    }

    /// One sighting of all the places of one secret, and the commit that introduced it, with its time.
    fn together(&self, group: Group, rules: &HistoryRules<'_>) -> Option<(Sighting, Option<(ObjectId, i64)>)> {
        let Group { mut candidate, mut seen, surest, .. } = group;
        seen.sort_by(|a, b| (&a.at.rank, &a.occurrence).cmp(&(&b.at.rank, &b.occurrence)));
        seen.dedup_by(|a, b| a.occurrence == b.occurrence);
        if let Some(rest) = seen.get_mut(1..) {
            rest.sort_by(|a, b| a.occurrence.cmp(&b.occurrence));
        }
        let mut placement = Placement {
            unreachable: rules.all_objects && seen.iter().all(|seen| !seen.at.reached),
            occurrences: seen.iter().map(|seen| seen.occurrence.clone()).collect(),
            ..Placement::default()
        };
        let mut paths: BTreeSet<BytePath> = BTreeSet::new();
        let mut lists: HashSet<*const [BytePath]> = HashSet::new();
        for At { paths: list, more_paths, elsewhere, .. } in seen.iter().map(|seen| &seen.at) {
            placement.more_paths += more_paths;
            placement.elsewhere |= elsewhere;
            // Past the limit every path that is not among those kept counts, as often as it is met.
            if paths.len() < MAX_PATHS && !lists.insert(Arc::as_ptr(list)) {
                continue;
            }
            for path in list.iter() {
                if paths.len() < MAX_PATHS || paths.contains(path) {
                    paths.insert(path.clone());
                } else {
                    placement.more_paths += 1;
                    placement.elsewhere = true;
                }
            }
        }
        placement.paths = paths.into_iter().collect();
        let marks = seen.iter_mut().map(|seen| std::mem::take(&mut seen.marks)).collect();

        let own = seen.into_iter().next()?;
        // The same secret may be surer in another blob, say beside its other part.
        let (confidence, _, notes) = surest;
        if confidence > candidate.confidence {
            (candidate.confidence, candidate.notes) = (confidence, notes);
        }
        let commit = self.past.graph.commits.get(own.at.rank.commit as usize);
        let introduced = commit.map(|commit| (self.past.objects.id(commit.index), commit.time));
        let Occurrence { object, inner, .. } = own.occurrence;
        let commit = introduced.map(|(id, _)| id);
        let origin = match (own.at.rank.tag, own.at.rank.message) {
            (true, _) => Origin { object: Some(object), ..Origin::new(OriginKind::TagMessage) },
            (_, true) => Origin { commit: Some(object), ..Origin::new(OriginKind::CommitMessage) },
            _ => Origin { path: own.at.rank.path, kind: OriginKind::History, commit, object: Some(object), inner },
        };
        Some((Sighting { origin, candidate, placement, marks }, introduced))
    }
}

/// The same for a blob whose places are known.
fn at_places(
    places: &Places,
    inner: Option<&BytePath>,
    candidate: &Candidate,
    rules: &HistoryRules<'_>,
    memory: &mut Memory,
) -> Option<At> {
    let at = |commit: u32, path: BytePath| {
        let excluded = (rules.exclude)(&path);
        Rank { tag: false, commit, message: false, excluded, path: Some(path) }
    };
    let applies = &mut memory.applies;
    let mut holds = |path: &BytePath| match applies.entry((candidate.rule.id.clone(), path.clone())) {
        Entry::Occupied(known) => *known.get(),
        Entry::Vacant(new) => *new.insert((rules.applies)(candidate, Some(path))),
    };
    let counting: Vec<Rank> = places
        .known
        .iter()
        .map(|place| (place.first, inner.map_or_else(|| place.path.clone(), |inner| place.path.inside(inner))))
        .filter(|(_, path)| candidate.paths.is_empty() || holds(path))
        .map(|(first, path)| at(first, path))
        .collect();
    let elsewhere = places.more > 0;
    let excluded = !elsewhere && counting.iter().all(|rank| rank.excluded);
    let mut paths: Vec<BytePath> = counting.iter().filter_map(|rank| rank.path.clone()).collect();
    paths.sort();
    let lists = &mut memory.lists;
    let paths = lists.get(paths.as_slice()).cloned().unwrap_or_else(|| {
        let paths: Arc<[BytePath]> = paths.into();
        lists.insert(Arc::clone(&paths));
        paths
    });
    let rank = counting.into_iter().min()?;
    let reached = rank.commit != NOWHERE;
    Some(At { rank, paths, more_paths: places.more, elsewhere, excluded, reached })
}
