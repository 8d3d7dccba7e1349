//! Who still needs which segments.
//!
//! Every reader with a durable cursor holds the log from there on. Where what the log holds is
//! also kept elsewhere, in blocks or in a database, that reader's hold says so; then a segment
//! that nobody holds any more is removed at once and not by its age.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::table::Shared;
use crate::storage::Position;

/// What a reader needs the log for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To hand on what it reads.
    Read,
    /// To keep what it reads in another place, where it is searched from then on.
    Keep,
}

/// All holds on a log.
#[derive(Debug, Default)]
pub(super) struct Holds {
    holds: Mutex<BTreeMap<u64, (Position, Purpose)>>,
}

/// A hold on the log, until it is dropped.
pub struct Hold {
    number: u64,
    shared: Arc<Shared>,
}

impl Holds {
    /// Segments below this number are needed by nobody: 0 where nothing else keeps them.
    pub(super) fn needed_from(&self) -> u64 {
        let holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = holds.values().any(|(_, purpose)| *purpose == Purpose::Keep);
        let oldest = holds.values().map(|(at, _)| at.segment).min();
        oldest.filter(|_| kept).unwrap_or(0)
    }
}

impl Hold {
    pub(super) fn new(shared: Arc<Shared>, from: Position, purpose: Purpose) -> Self {
        let mut holds = shared.holds.holds.lock().unwrap_or_else(PoisonError::into_inner);
        let number = holds.last_key_value().map_or(0, |(last, _)| last + 1);
        holds.insert(number, (from, purpose));
        drop(holds);
        Self { number, shared }
    }

    /// From now on only batches from this position on are needed.
    pub fn move_to(&self, at: Position) {
        let mut holds = self.shared.holds.holds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((from, _)) = holds.get_mut(&self.number) {
            *from = at;
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut holds = self.shared.holds.holds.lock().unwrap_or_else(PoisonError::into_inner);
        holds.remove(&self.number);
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("number", &self.number).finish_non_exhaustive()
    }
}
