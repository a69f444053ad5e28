//! The object store read straight and in bulk: packs, delta families, commits and trees by number. What is no bulk
//! reading (refs, configuration, loose objects) is git2's, through the git room.

mod delta;
mod entry;
mod family;
mod forest;
mod graph;
mod idx;
mod links;
mod objects;
mod past;
mod read;
mod saved;
mod walk;

pub use forest::{Forest, Held};
pub use graph::{Commit, Graph, Tag, Written};
pub use links::{Link, Names, Stray, Strays, index};
pub use objects::{Index, Marked, Objects};
pub use past::{Past, Question};
pub use read::Reader;
pub use saved::{Count, Recalled, Saved};
pub use walk::{Base, Look, Object, show};

/// Doors for `fuzz/`, which sees what is built with `--cfg fuzzing`; nobody else does.
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use super::delta::apply;
}
