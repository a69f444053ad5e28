//! The nouns every room speaks: what was read, what was seen in it, what came of it. No I/O, no policy.

mod blob;
mod candidate;
mod claim;
mod contents;
mod derived;
mod finding;
mod glob;
mod guard;
pub mod lines;
mod object;
mod origin;
mod outcome;
mod path;
mod rule;
mod secret;
mod snippet;
mod span;
mod stages;

pub use blob::{Blob, Difference, Fresh};
pub use candidate::{Candidate, Found, Mark, MarkScope, Note, Related};
pub use claim::{Claim, Enforcement, ParseEnforcementError};
pub use contents::Contents;
pub use derived::Copied;
pub use finding::{DropStage, Dropped, Finding, Occurrence, Placement, Sighting};
pub use glob::any_glob_matches;
pub use guard::{guard, is_guarded};
pub use object::ObjectId;
pub use origin::{CommitInfo, Origin, OriginKind};
pub use outcome::{Coverage, Outcome, Problem, SkipReason, Survey};
pub use path::{BytePath, stem};
pub use rule::{Confidence, ParseLevelError, RuleMeta, Severity};
pub use secret::Secret;
pub use snippet::{Shown, Snippet};
pub use span::{Position, Span};
pub use stages::{Clock, Laps, Stage, Stages};
