//! What one run was in figures, out of its rows.

use super::money::Cost;
use super::span_view::Tokens;
use crate::limits;
use crate::model::TraceId;
use crate::storage::query::{Budget, Fields, QueryError, RowQuery, SpanRow, Store};
use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;

/// A run in figures. Spans that were sent more than once count once.
#[derive(Debug, Default)]
pub(super) struct RunProfile {
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    pub(super) spans: u64,
    pub(super) errors: u64,
    pub(super) llm_calls: u64,
    pub(super) tokens: Tokens,
    pub(super) cost: Cost,
    /// The first [`limits::PROFILE_NAMES`] by name.
    pub(super) tools: BTreeSet<String>,
    /// Whether the run as a whole failed: its root, or its earliest span where no root arrived.
    pub(super) failed: bool,
    /// Of the span that tells the outcome: whether it is no root, and its start.
    told_by: Option<(bool, u64)>,
    seen: HashSet<u64, foldhash::fast::RandomState>,
}

impl RunProfile {
    /// Reads a trace; `None` where nothing is kept of it. Also says whether rows may be missing,
    /// and how many bytes were read.
    pub(super) fn read(
        store: &dyn Store,
        trace: TraceId,
        budget: Budget<'_>,
    ) -> Result<(Option<Self>, bool, u64), QueryError> {
        let fields = Fields::FAILURE | Fields::TOOL | Fields::USAGE;
        let query = RowQuery { trace: Some(trace), fields, ..RowQuery::default() };
        let mut profile = Self::default();
        let scanned = store.rows(&query, budget, &mut |row| {
            profile.add(row);
            ControlFlow::Continue(())
        })?;
        let found = profile.told_by.is_some().then_some(profile);
        Ok((found, scanned.incomplete, scanned.bytes))
    }

    /// Adds a span.
    pub(super) fn add(&mut self, row: &SpanRow<'_>) {
        if self.seen.len() >= limits::SKELETON_TRACE_SPANS
            || !self.seen.insert(row.span_id.digest())
        {
            return;
        }
        self.spans += 1;
        self.errors += u64::from(row.failed);
        self.end_ns = self.end_ns.max(row.end_ns).max(row.start_ns);
        let first = self.told_by.is_none();
        self.start_ns = if first { row.start_ns } else { self.start_ns.min(row.start_ns) };
        let rank = (row.parent_span_id.is_some(), row.start_ns);
        if self.told_by.is_none_or(|best| rank < best) {
            self.told_by = Some(rank);
            self.failed = row.failed;
        }
        self.llm_calls += u64::from(row.counts);
        self.tokens.add(row.usage);
        self.cost.add_row(row);
        if let Some(tool) = row.tool
            && !self.tools.contains(tool)
        {
            self.tools.insert(tool.to_owned());
            if self.tools.len() > limits::PROFILE_NAMES {
                self.tools.pop_last();
            }
        }
    }

    /// From its earliest start to its latest end, in nanoseconds.
    pub(super) fn duration_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }
}
