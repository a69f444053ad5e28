//! Gives candidates their place: who brought them in, and all their paths. Passes through what already has one.

mod history;
mod paths;

pub use history::{HistoryRules, history};

use crate::git::{GitError, Repo};
use crate::model::{Candidate, Found, Mark, Origin, Placement, Sighting};

/// What goes on to triage.
#[derive(Debug, Default)]
pub struct Placed {
    /// The candidates, each at its place.
    pub sightings: Vec<Sighting>,
    /// Candidates of a history all of whose paths are excluded: dropped, by [`crate::model::DropStage::Path`].
    pub excluded: Vec<Sighting>,
    /// keyward's own inline comments, wherever they stand, so that unused ones can be reported. Empty for histories.
    pub marks: Vec<(Origin, Mark)>,
}

/// For ranges: the commit that was scanned is the one that brings it in.
pub fn at_commits(repo: &Repo, found: Vec<Found>) -> Result<Placed, GitError> {
    let mut placed = in_place(found);
    for sighting in &mut placed.sightings {
        if let Some(commit) = sighting.origin.commit {
            sighting.placement.introduced = Some(repo.commit_info(commit)?);
        }
    }
    Ok(placed)
}

/// For sources that know their paths: nothing to look up.
pub fn in_place(found: Vec<Found>) -> Placed {
    let mut placed = Placed::default();
    for Found { origin, candidates, marks, .. } in found {
        for candidate in candidates {
            let near = covering(&marks, &candidate);
            placed.sightings.push(Sighting {
                origin: origin.clone(),
                candidate,
                placement: Placement::default(),
                marks: vec![near],
            });
        }
        placed.marks.extend(marks.into_iter().map(|mark| (origin.clone(), mark)));
    }
    placed
}

/// The inline comments that cover a candidate's lines.
fn covering(marks: &[Mark], candidate: &Candidate) -> Vec<Mark> {
    let covers = |mark: &&Mark| mark.covers.0 <= candidate.end.line && candidate.start.line <= mark.covers.1;
    marks.iter().filter(covers).cloned().collect()
}
