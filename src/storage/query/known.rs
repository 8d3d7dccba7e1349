//! Summaries of traces that stand in blocks: these do not change, so one is made once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::TraceSummary;
use crate::limits;
use crate::model::TraceId;
use crate::storage::block::Shelved;

/// Summaries made lately.
#[derive(Default)]
pub(in crate::storage) struct KnownSummaries {
    held: Mutex<HashMap<TraceId, Known, foldhash::fast::RandomState>>,
}

struct Known {
    summary: TraceSummary,
    /// The first and the last segment that were looked at.
    first: u64,
    last: u64,
}

impl KnownSummaries {
    /// The summary of a trace that has nothing in the log; `None` if it is not known or blocks
    /// have come or gone that may hold more or less of it.
    pub(super) fn get(&self, id: &TraceId, shelved: &Shelved) -> Option<TraceSummary> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let known = held.get(id)?;
        let first = shelved.blocks.first()?.seal.name.first;
        let mut newer = shelved.blocks.iter().rev();
        let mut newer = newer.by_ref().take_while(|block| block.seal.name.last > known.last);
        let same = first == known.first
            && newer.all(|block| block.span_groups_of(id).is_ok_and(|groups| groups.is_empty()));
        same.then(|| known.summary.clone())
    }

    /// Remembers a summary that was made of these blocks.
    pub(super) fn put(&self, summary: TraceSummary, shelved: &Shelved) {
        let Some(first) = shelved.blocks.first() else { return };
        let (first, last) = (first.seal.name.first, shelved.through);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= limits::KNOWN_SUMMARIES {
            // Half of them, whichever: what is asked for again comes again.
            let mut keep = false;
            held.retain(|_, _| {
                keep = !keep;
                keep
            });
        }
        held.insert(summary.trace_id, Known { summary, first, last });
    }
}
