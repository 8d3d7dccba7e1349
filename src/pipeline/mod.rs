//! The life of one batch between the door and the log.
//!
//! ```text
//! body → one copy pass (validate, redact, recognise retries) → append, fdatasync → answer
//! ```
//!
//! Invariant: every item that was counted as received ends in exactly one of stored, duplicate,
//! rejected, refused or dropped.

mod answer;
mod recent;

pub use answer::{Accepted, Refusal};
pub use recent::{ItemId, Recent, Seen};
