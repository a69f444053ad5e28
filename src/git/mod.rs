//! The only room that names git2. Opens repositories and answers questions about them in the model's words.

mod diff;
mod index;
mod loose;
mod objects;
mod open;
mod revision;
mod staging;
mod stores;
mod trees;
mod walk;

pub use diff::{Delta, Holding, Kind, Side, TreeMemo};
pub use index::{Entry as IndexEntry, IndexError, IndexFile};
pub use objects::{Object, ObjectKind, Pool, ReadError, Store};
pub use open::{GitError, Repo};
pub use revision::{Read, Tagged};
pub use trees::{Entry, EntryKind, first_entry};
pub use walk::{Losses, message_of};
