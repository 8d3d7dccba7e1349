//! What runs at the moment: requests, agents and workflows whose beginning was told and whose end
//! was not.
//!
//! A record of a beginning opens a run; the span with its ids closes it, whoever sends it. What
//! does not end within a time is closed as abandoned: Pharos sends the span itself, through the
//! pipeline like everybody. Its ids make that idempotent. A crash between deciding and sending
//! decides again, one between sending and reading reads it again, and a late end is a duplicate.
//!
//! Invariant: what is open follows from the log alone, and is kept in the projections' snapshot.

mod abandon;
mod book;
mod projection;
mod saved;

pub use abandon::abandoned_spans;
pub use book::{Key, OpenRun, Overdue, Runs};
pub use projection::RunsProjection;

use crate::model::SpanId;
use serde::{Deserialize, Serialize};

/// What the beginning of a run said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Begun {
    /// When it began, in nanoseconds since the Unix epoch.
    pub start_ns: u64,
    /// Who said it.
    pub service: String,
    /// The span above it.
    pub parent: Option<SpanId>,
    /// The agent, the workflow or the route; empty where not said, like all below.
    pub name: String,
    /// The method of a request.
    pub method: String,
    /// Whose work it is.
    pub tenant: String,
    /// The team that pays for it.
    pub team: String,
    /// The end user.
    pub user: String,
    /// The agent that does it.
    pub agent: String,
    /// The conversation or session.
    pub conversation: String,
}

/// What is known of a run by its ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it was never begun, or that was long ago.
    Nothing,
    /// It was begun, and may have ended since.
    Begun(Box<Begun>),
    /// It was closed because its end did not come.
    Abandoned,
}

/// How a run was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Closed {
    /// Its span came.
    Ended,
    /// It was given up.
    Abandoned,
}

#[cfg(test)]
mod tests;
