//! What is wrong with a text, and where.

use crate::model::lines::Lines;

/// The first mistake in a text. One line, nothing of the text but a key or a short word in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The byte at which it shows.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
}

impl ParseError {
    pub(super) fn new(offset: usize, message: String) -> Self {
        let message = message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
        Self { offset, message }
    }

    pub(super) fn moved(self, by: usize) -> Self {
        Self { offset: self.offset + by, ..self }
    }

    /// `line N, column N: what is wrong`, in `bytes` from which it came.
    pub fn located(&self, bytes: &[u8]) -> String {
        let offset = self.offset.min(bytes.len());
        match Lines::new(bytes, 0).positions(bytes, &[offset]).first() {
            Some(position) => format!("line {}, column {}: {}", position.line, position.column, self.message),
            None => self.message.clone(),
        }
    }
}
