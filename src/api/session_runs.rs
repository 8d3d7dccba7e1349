//! The runs of one session or conversation: the traces in which a span names it.

use super::window::Window;
use crate::limits;
use crate::model::TraceId;
use crate::storage::query::{Budget, Filters, QueryError, RowQuery, Store};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Traces and when each began to speak of the session.
#[derive(Debug, Default)]
pub(super) struct SessionRuns {
    pub(super) traces: Vec<(TraceId, u64)>,
    /// Whether there are more, or some may be missing.
    pub(super) incomplete: bool,
}

impl SessionRuns {
    /// The newest [`limits::SESSION_RUNS`] that have a span in the window, the newest first.
    pub(super) fn newest(
        store: &dyn Store,
        session: &str,
        window: Window,
        budget: &mut Budget<'_>,
    ) -> Result<Self, QueryError> {
        Self::find(store, session, window.filters(), budget, Reverse)
    }

    /// The oldest [`limits::SESSION_RUNS`], the oldest first.
    pub(super) fn oldest(
        store: &dyn Store,
        session: &str,
        budget: &mut Budget<'_>,
    ) -> Result<Self, QueryError> {
        Self::find(store, session, Filters::default(), budget, |start| start)
    }

    fn find<K: Ord>(
        store: &dyn Store,
        session: &str,
        filters: Filters,
        budget: &mut Budget<'_>,
        order: impl Fn(u64) -> K,
    ) -> Result<Self, QueryError> {
        let filters = Filters { conversation: Some(session.to_owned()), ..filters };
        let query = RowQuery { filters, ..RowQuery::default() };
        let mut found: HashMap<TraceId, u64, foldhash::fast::RandomState> = HashMap::default();
        let mut more = false;
        let scanned = store.rows(&query, budget.clone(), &mut |row| {
            let start = found.entry(row.trace_id).or_insert(row.start_ns);
            *start = row.start_ns.min(*start);
            if found.len() >= 2 * limits::SESSION_RUNS {
                more = true;
                let kept = first(std::mem::take(&mut found), &order);
                found.extend(kept);
            }
            ControlFlow::Continue(())
        })?;
        budget.bytes = budget.bytes.saturating_sub(scanned.bytes);
        more |= found.len() > limits::SESSION_RUNS;
        Ok(Self { traces: first(found, &order), incomplete: more || scanned.incomplete })
    }
}

/// The first [`limits::SESSION_RUNS`] in this order; equals by their ids.
fn first<K: Ord>(
    found: impl IntoIterator<Item = (TraceId, u64)>,
    order: &impl Fn(u64) -> K,
) -> Vec<(TraceId, u64)> {
    let mut all: Vec<(TraceId, u64)> = found.into_iter().collect();
    all.sort_by_key(|(trace, start)| (order(*start), *trace));
    all.truncate(limits::SESSION_RUNS);
    all
}
