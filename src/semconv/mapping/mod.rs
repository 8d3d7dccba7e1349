//! The mapping report: what each sender says, and what Pharos makes of it.
//!
//! For every sender (service, instrumentation scope and its version) it counts the spans, what
//! they were understood as and by which dialect, and of a sample the names they use: recognised,
//! deprecated, unknown, and numbers that contradict one another. It is what one reads when a
//! dashboard stays empty.
//!
//! Spans, dialects and operations are counted of every span. Attributes are looked at of the
//! first [`limits::MAPPING_FIRST_SPANS`] spans of a sender and then of one in
//! [`limits::MAPPING_EVERY_SPANS`], so that the hot path pays some tens of nanoseconds a span.

mod examine;
mod sender;
mod vocabulary;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sender::{Id, Sender};

use crate::limits;
use crate::model::{Projection, SeenSpan};

/// The report, shared with whoever reads it.
#[derive(Debug, Clone, Default)]
pub struct Mapping(Arc<Mutex<State>>);

/// What is kept, in the form it is snapshot in.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(in crate::semconv) struct State {
    senders: Vec<Sender>,
    /// Spans of senders for which there was no room.
    other_spans: u64,
    /// Where the sender of the last span stands: spans of one scope come together.
    #[serde(skip)]
    last: usize,
}

impl Mapping {
    /// The report as JSON, the senders with the most spans first.
    pub fn answer(&self) -> serde_json::Value {
        // Written outside the lock, which the projector waits for.
        let mut state = self.state().clone();
        state.senders.sort_by_key(|sender| std::cmp::Reverse(sender.spans));
        let senders: Vec<_> = state.senders.iter().map(Sender::answer).collect();
        serde_json::json!({
            "senders": senders,
            "other_spans": state.other_spans,
            "sampling": {
                "first_spans": limits::MAPPING_FIRST_SPANS,
                "then_every": limits::MAPPING_EVERY_SPANS,
            },
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A count may be missing after a panic elsewhere, but nothing of it is half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Projection for Mapping {
    fn name(&self) -> &'static str {
        "semconv-report"
    }

    fn span(&mut self, seen: &SeenSpan<'_, '_>) {
        self.state().count(seen);
    }

    fn snapshot(&self) -> Vec<u8> {
        serde_json::to_vec(&*self.state()).unwrap_or_default()
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        let mut state: State = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        state.senders.truncate(limits::MAPPING_SENDERS);
        *self.state() = state;
        Ok(())
    }
}

impl State {
    fn count(&mut self, seen: &SeenSpan<'_, '_>) {
        let scope = &seen.origin.scope;
        let id = Id { service: seen.origin.service(), scope: scope.name, version: scope.version };
        match self.place(&id, seen.moment.arrived_ns) {
            Some(at) => {
                self.last = at;
                self.senders[at].count(seen);
            }
            None => self.other_spans += 1,
        }
    }

    /// Where a sender stands; makes room for a new one in the place of one long silent.
    fn place(&mut self, id: &Id<'_>, now_ns: u64) -> Option<usize> {
        if self.senders.get(self.last).is_some_and(|sender| sender.is(id)) {
            return Some(self.last);
        }
        if let Some(at) = self.senders.iter().position(|sender| sender.is(id)) {
            return Some(at);
        }
        if self.senders.len() < limits::MAPPING_SENDERS {
            self.senders.push(Sender::new(id, now_ns));
            return Some(self.senders.len() - 1);
        }
        let (at, silent) =
            self.senders.iter_mut().enumerate().min_by_key(|(_, sender)| sender.last_ns)?;
        let since_ns = now_ns.saturating_sub(silent.last_ns);
        if since_ns < limits::MAPPING_SILENT_SECONDS * 1_000_000_000 {
            return None;
        }
        *silent = Sender::new(id, now_ns);
        Some(at)
    }
}
