//! Views of an outcome, one file per format, each written to a `&mut dyn Write`.

use crate::model::Outcome;

/// What a report is made from.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What happened.
    pub outcome: &'a Outcome,
    /// Show secrets in clear.
    pub reveal: bool,
    /// List what was dropped and why.
    pub explain: bool,
}
