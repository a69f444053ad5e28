//! One sighting for each secret of a history, at the commit that introduced it, out of all blobs and messages that
//! hold it. Decides nothing but path conditions and path exclusions, which cannot act before paths are known.

use std::cell::RefCell;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::paths::{MAX_PATHS, NOWHERE, Places, look_up};
use super::{Placed, covering};
use crate::git::Repo;
use crate::model::{BytePath, Candidate, CommitInfo, Found, Mark, ObjectId, Occurrence, Origin, OriginKind};
use crate::model::{Placement, Secret, Sighting};
use crate::pack::{Index, Past};

/// What placing goes by.
pub struct HistoryRules<'a> {
    /// The source showed what no ref reaches as well.
    pub all_objects: bool,
    /// True for a path that the configuration excludes.
    pub exclude: &'a dyn Fn(&BytePath) -> bool,
    /// True when the candidate counts at the path; without one, where no path is known. Depends on nothing but the
    /// candidate's rule; not asked where that has no path condition.
    pub applies: &'a dyn Fn(&Candidate, Option<&BytePath>) -> bool,
    /// Completes what could not be decided without paths: the candidate, its blob's paths, and whether it lies where no
    /// path is known as well.
    pub decide: &'a dyn Fn(&mut Candidate, &[BytePath], bool),
}

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
    let past = Map::of(past, &found);
    let mut groups: BTreeMap<(String, Secret, bool), Vec<Seen>> = BTreeMap::new();
    for Found { origin, candidates, marks, .. } in found {
        for candidate in candidates {
            let marks = covering(&marks, &candidate);
            if let Some(mut seen) = past.see(&origin, candidate, marks, rules) {
                (rules.decide)(&mut seen.candidate, &seen.paths, seen.elsewhere);
                let candidate = &seen.candidate;
                let key = (candidate.rule.id.clone(), candidate.secret.clone(), candidate.dropped.is_some());
                groups.entry(key).or_default().push(seen);
            }
        }
    }
    let mut authors = HashMap::new();
    for seen in groups.into_values() {
        let excluded = seen.iter().all(|seen| seen.excluded);
        let Some(sighting) = past.together(repo, seen, rules, &mut authors) else { continue };
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

/// What the history says about the blobs that matter.
struct Map<'p> {
    past: &'p Past,
    numbers: HashMap<Index, u32>,
    places: HashMap<ObjectId, Places>,
    /// Blobs that a tag or ref names without any tree.
    named: HashSet<ObjectId>,
    /// Whether a rule holds at a path: its globs are compiled for each question.
    applies: RefCell<HashMap<(String, BytePath), bool>>,
}

/// One candidate in one object.
struct Seen {
    /// Boxed, for these are sorted.
    candidate: Box<Candidate>,
    occurrence: Occurrence,
    marks: Vec<Mark>,
    rank: Rank,
    /// All paths that are known and where its rule holds.
    paths: Vec<BytePath>,
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
        Self { past, numbers, places, named, applies: RefCell::default() }
    }

    /// Where a candidate is; `None` when its path condition holds nowhere.
    fn see(&self, origin: &Origin, candidate: Candidate, marks: Vec<Mark>, rules: &HistoryRules<'_>) -> Option<Seen> {
        let object = origin.object.or(origin.commit)?;
        let Candidate { span, start, end, .. } = candidate;
        let occurrence = Occurrence { object, inner: origin.inner.clone(), span, start, end };
        let find = |id: ObjectId| self.past.objects.find(&id);
        let number = |commit: Option<Index>| commit.and_then(|at| self.numbers.get(&at).copied()).unwrap_or(NOWHERE);
        let rank = Rank { tag: false, commit: NOWHERE, message: true, excluded: false, path: None };
        let seen = |candidate: Candidate, rank: Rank| {
            let candidate = Box::new(candidate);
            let reached = rank.commit != NOWHERE;
            let (paths, more_paths, elsewhere, excluded) = (Vec::new(), 0, true, false);
            Seen { candidate, occurrence, marks, rank, paths, more_paths, elsewhere, excluded, reached }
        };
        match origin.kind {
            OriginKind::CommitMessage => {
                let commit = number(origin.commit.and_then(find));
                (rules.applies)(&candidate, None).then(|| seen(candidate, Rank { commit, ..rank }))
            }
            OriginKind::TagMessage => {
                let tag = find(object);
                let known = tag.is_some_and(|tag| self.past.graph.has_tag(tag));
                let commit = number(tag.and_then(|tag| self.past.graph.target_of(tag)));
                let rank = Rank { tag: true, commit, ..rank };
                (rules.applies)(&candidate, None).then(|| Seen { reached: known, ..seen(candidate, rank) })
            }
            _ => self.see_blob(object, origin.inner.as_ref(), candidate, rules, seen),
        }
    }

    fn see_blob(
        &self,
        blob: ObjectId,
        inner: Option<&BytePath>,
        candidate: Candidate,
        rules: &HistoryRules<'_>,
        seen: impl FnOnce(Candidate, Rank) -> Seen,
    ) -> Option<Seen> {
        let rank = Rank { tag: false, commit: NOWHERE, message: false, excluded: false, path: None };
        let places = self.places.get(&blob).filter(|places| !places.known.is_empty());
        let Some(places) = places else {
            // A tag's own blob, one beneath a tree that could not be read, or an unreachable one.
            let counts = (rules.applies)(&candidate, inner);
            let reached = self.named.contains(&blob);
            return counts.then(|| Seen { reached, ..seen(candidate, rank) });
        };
        let at = |commit: u32, path: BytePath| {
            let excluded = (rules.exclude)(&path);
            Rank { tag: false, commit, message: false, excluded, path: Some(path) }
        };
        let holds = |path: &BytePath| match self.applies.borrow_mut().entry((candidate.rule.id.clone(), path.clone())) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => *new.insert((rules.applies)(&candidate, Some(path))),
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
        let rank = counting.into_iter().min()?;
        Some(Seen { paths, more_paths: places.more, elsewhere, excluded, ..seen(candidate, rank) })
    }

    /// One sighting of all the places of one secret.
    fn together(
        &self,
        repo: &Repo,
        mut seen: Vec<Seen>,
        rules: &HistoryRules<'_>,
        authors: &mut HashMap<ObjectId, CommitInfo>,
    ) -> Option<Sighting> {
        seen.sort_by(|a, b| (&a.rank, &a.occurrence).cmp(&(&b.rank, &b.occurrence)));
        seen.dedup_by(|a, b| a.occurrence == b.occurrence);
        if let Some(rest) = seen.get_mut(1..) {
            rest.sort_by(|a, b| a.occurrence.cmp(&b.occurrence));
        }
        let mut placement = Placement {
            unreachable: rules.all_objects && seen.iter().all(|seen| !seen.reached),
            occurrences: seen.iter().map(|seen| seen.occurrence.clone()).collect(),
            ..Placement::default()
        };
        let mut paths: BTreeSet<BytePath> = BTreeSet::new();
        for one in &mut seen {
            placement.more_paths += one.more_paths;
            placement.elsewhere |= one.elsewhere;
            for path in std::mem::take(&mut one.paths) {
                if paths.len() < MAX_PATHS || paths.contains(&path) {
                    paths.insert(path);
                } else {
                    placement.more_paths += 1;
                    placement.elsewhere = true;
                }
            }
        }
        placement.paths = paths.into_iter().collect();
        let marks = seen.iter_mut().map(|seen| std::mem::take(&mut seen.marks)).collect();

        let mut seen = seen.into_iter();
        let own = seen.next()?;
        let mut candidate = own.candidate;
        // The same secret may be surer in another blob, say beside its other part.
        if let Some(surer) = seen.map(|seen| seen.candidate).max_by_key(|other| other.confidence)
            && surer.confidence > candidate.confidence
        {
            candidate.confidence = surer.confidence;
            candidate.notes = surer.notes;
        }
        let commit = self.past.graph.commits.get(own.rank.commit as usize);
        let commit = commit.map(|commit| (self.past.objects.id(commit.index), commit.time));
        placement.introduced = commit.map(|(id, time)| {
            let unknown = CommitInfo { id, author: String::new(), email: String::new(), time, offset: 0 };
            let read = || repo.commit_info(id).unwrap_or(unknown);
            authors.entry(id).or_insert_with(read).clone()
        });
        let Occurrence { object, inner, .. } = own.occurrence;
        let commit = commit.map(|(id, _)| id);
        let origin = match (own.rank.tag, own.rank.message) {
            (true, _) => Origin { object: Some(object), ..Origin::new(OriginKind::TagMessage) },
            (_, true) => Origin { commit: Some(object), ..Origin::new(OriginKind::CommitMessage) },
            _ => Origin { path: own.rank.path, kind: OriginKind::History, commit, object: Some(object), inner },
        };
        Some(Sighting { origin, candidate: *candidate, placement, marks })
    }
}
