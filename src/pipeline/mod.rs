//! The life of one batch, from the door to the log and from the log to what is asked of it.
//!
//! ```text
//! body → one copy pass (validate, redact, recognise retries) → append, fdatasync → answer
//!                                  the log → projector → metrics, search
//! ```
//!
//! Invariant: every item that was counted as received ends in exactly one of stored, duplicate,
//! rejected, refused or dropped.

mod answer;
mod keep;
mod projector;
mod recent;
mod snapshot;

pub use answer::{Accepted, Refusal};
pub use keep::Pipeline;
pub use projector::{Progress, Projections, Projector};
pub use recent::{Entered, ItemId, Recent, Seen};
pub(crate) use snapshot::is_whole as is_whole_snapshot;
