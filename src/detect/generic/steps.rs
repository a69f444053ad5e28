//! The generic rule's steps by themselves, for training and benches; a scan goes through none of this.

use super::facts::Facts;
use super::syntax::Reading;
use super::{doubt, model, reading};
use crate::model::{BytePath, Span};

/// A candidate as `tools/train` learns from it.
pub struct TrainingRow {
    /// All that the model sees.
    pub facts: Vec<u8>,
    /// What the model makes of it, in 1/4096 log odds.
    pub score: i32,
    /// Why it is low at most, whatever the model makes of it.
    pub doubt: Option<&'static str>,
}

impl TrainingRow {
    pub(in crate::detect) fn of(features: &[u8], path: Option<&BytePath>) -> Self {
        let facts = Facts::from_pathless(features).at(path);
        Self { score: model::weigh(&facts).score, doubt: doubt(&facts), facts: facts.0.to_vec() }
    }
}

/// What the grammar read: a name, and the value that it is given.
pub struct Guess<'t> {
    text: &'t [u8],
    reading: Reading,
    anchor: Span,
}

impl<'t> Guess<'t> {
    /// Reads the assignment whose name holds the telling word at `anchor`.
    pub fn read(text: &'t [u8], anchor: Span) -> Option<Self> {
        Some(Self { text, reading: reading(text, anchor).ok()?, anchor })
    }

    /// What the model goes by, without the path.
    pub fn facts(&self) -> Guessed {
        Guessed(Facts::of(self.text, &self.reading, self.anchor))
    }
}

/// All that is known of a guess.
pub struct Guessed(Facts);

impl Guessed {
    /// What the model makes of it, in 1/4096 log odds.
    pub fn score(&self) -> i32 {
        model::weigh(&self.0).score
    }
}
