//! The questions that every store answers, embedded or not.

use std::ops::ControlFlow;

use super::{
    Budget, LogPage, LogQuery, QueryError, RowQuery, Scanned, SearchPage, SearchQuery, SpanRow,
    StoredTrace,
};
use crate::model::{SpanId, TraceId};

/// Where spans and log records are kept. Every method may wait for a disk or a server: ask on a
/// thread that may.
pub trait Store: Send + Sync {
    /// Traces with a span that fulfils the conditions, newest first.
    fn search(&self, query: &SearchQuery, budget: Budget<'_>) -> Result<SearchPage, QueryError>;

    /// All that is kept of a trace, exactly as it came in. An unknown id is an empty trace.
    fn trace(&self, id: TraceId) -> Result<StoredTrace, QueryError>;

    /// One span of a trace and the log records that name it; an empty trace if it is not kept.
    fn span(&self, trace: TraceId, span: SpanId) -> Result<StoredTrace, QueryError>;

    /// Log records that fulfil the conditions, newest first. A record that was sent twice is
    /// answered once.
    fn logs(&self, query: &LogQuery, budget: Budget<'_>) -> Result<LogPage, QueryError>;

    /// Calls `visit` with every span that fulfils the conditions, in no order, until it breaks
    /// off. Of a span that was sent twice it may be called twice.
    fn rows(
        &self,
        query: &RowQuery,
        budget: Budget<'_>,
        visit: &mut dyn FnMut(&SpanRow<'_>) -> ControlFlow<()>,
    ) -> Result<Scanned, QueryError>;
}
