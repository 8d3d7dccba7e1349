//! What the writer and those who ask know together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::ClickHouseError;
use super::schema::Schema;
use crate::clock;
use crate::storage::Position;

/// How ClickHouse is doing and how far behind it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClickHouseStatus {
    /// Seconds since the oldest batch that it has not taken arrived; 0 when it has all.
    pub lag_seconds: f64,
    /// Bytes of log that it has not taken.
    pub lag_bytes: u64,
    /// Since when inserts have failed, in nanoseconds since the Unix epoch; `None` after one
    /// that did not.
    pub failing_since_ns: Option<u64>,
    /// Why, as one of [`super::REASONS`].
    pub reason: Option<&'static str>,
    /// What does not fit of the tables, where that is why.
    pub misfit: Option<String>,
    /// Items that retention removed before ClickHouse took them, since the start.
    pub expired_items: u64,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Everything before this was taken.
    taken: Mutex<Position>,
    /// Arrival of the oldest batch not taken, 0 when there is none.
    waiting_since_ns: AtomicU64,
    failing: Mutex<Option<(u64, ClickHouseError)>>,
    schema: Mutex<Option<Arc<Schema>>>,
    expired_items: AtomicU64,
}

impl State {
    pub(super) fn starting_at(taken: Position) -> Self {
        Self { taken: Mutex::new(taken), ..Self::default() }
    }

    pub(super) fn taken(&self) -> Position {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The oldest batch that waits came at this time.
    pub(super) fn waits_since(&self, arrived_ns: u64) {
        self.waiting_since_ns.store(arrived_ns, Ordering::Relaxed);
    }

    /// Everything before this was taken and nothing is known to wait.
    pub(super) fn arrived(&self, at: Position) {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = at;
        self.waiting_since_ns.store(0, Ordering::Relaxed);
    }

    pub(super) fn succeeded(&self) {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn failed(&self, error: &ClickHouseError) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let since = failing.as_ref().map_or_else(clock::unix_nanos, |(since, _)| *since);
        *failing = Some((since, error.clone()));
        drop(failing);
        self.forget_schema();
    }

    pub(super) fn expired(&self, items: u64) {
        self.expired_items.fetch_add(items, Ordering::Relaxed);
    }

    /// The tables as they were last seen.
    pub(super) fn schema(&self) -> Option<Arc<Schema>> {
        self.schema.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn found(&self, schema: Schema) {
        *self.schema.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(schema));
    }

    /// The tables may have changed.
    pub(super) fn forget_schema(&self) {
        *self.schema.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How it is going; the bytes behind are for the log to say.
    pub(super) fn status(&self, now_ns: u64) -> ClickHouseStatus {
        let since = self.waiting_since_ns.load(Ordering::Relaxed);
        let lag_ns = if since == 0 { 0 } else { now_ns.saturating_sub(since) };
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reason = failing.as_ref().map(|(_, error)| error.reason());
        ClickHouseStatus {
            lag_seconds: lag_ns as f64 / 1e9,
            lag_bytes: 0,
            failing_since_ns: failing.as_ref().map(|(since, _)| *since),
            reason,
            misfit: failing.and_then(|(_, error)| match error {
                ClickHouseError::Schema(what) => Some(what),
                _ => None,
            }),
            expired_items: self.expired_items.load(Ordering::Relaxed),
        }
    }
}
