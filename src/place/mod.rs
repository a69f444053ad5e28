//! Gives candidates their place: who brought them in, and all their paths. Passes through what already has one.

use crate::model::{Found, Mark, Origin, Placement, Sighting};

/// What goes on to triage.
#[derive(Debug, Default)]
pub struct Placed {
    /// The candidates, each at its place.
    pub sightings: Vec<Sighting>,
    /// keyward's own inline comments, wherever they stand, so that unused ones can be reported. Empty for histories.
    pub marks: Vec<(Origin, Mark)>,
}

/// For sources that know their paths: nothing to look up.
pub fn in_place(found: Vec<Found>) -> Placed {
    let mut placed = Placed::default();
    for Found { origin, candidates, marks } in found {
        for candidate in candidates {
            let covers = |mark: &&Mark| mark.covers.0 <= candidate.end.line && candidate.start.line <= mark.covers.1;
            let near = marks.iter().filter(covers).cloned().collect();
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
