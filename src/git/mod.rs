//! The only room that names git2. Opens repositories and answers questions about them in the model's words.

mod open;

pub use open::{GitError, Repo};
