//! `/api/traces/{trace_id}`: every span of a run, as sent and as understood.

use super::error::ApiError;
use super::messages::{LogMessages, MessageView};
use super::span_view::SpanView;
use super::{Shared, json_answer};
use crate::model::TraceId;
use crate::storage::index::Understand;
use crate::storage::query::StoredTrace;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;
use std::io::Write as _;
use std::sync::atomic::Ordering;

/// A span with what was said in it.
#[derive(Serialize)]
struct Told<'v, 'a> {
    #[serde(flatten)]
    span: SpanView<'v, 'a>,
    messages: Vec<MessageView<'v>>,
}

/// `GET /api/traces/{trace_id}`.
pub(super) async fn answer(
    State(api): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let understand = api.handles.understand;
    let body = with_trace(&api, &id, move |trace| write(trace, understand)).await?;
    Ok(json_answer(body))
}

/// Reads a trace and makes something of it, off the async threads. A trace without spans is
/// not found.
pub(super) async fn with_trace<T: Send + 'static>(
    api: &Shared,
    id: &str,
    make: impl FnOnce(&StoredTrace) -> T + Send + 'static,
) -> Result<T, ApiError> {
    let id: TraceId = id.parse().map_err(|_| {
        let message = "trace_id is 32 hexadecimal digits, not all zero.";
        ApiError::parameter("trace_id", message)
    })?;
    let store = api.handles.store.clone();
    let found = api.searches.run(move |cancelled| {
        let trace = store.trace(id)?;
        // Nobody waits for what follows if the caller has left meanwhile.
        let wanted = trace.span_count() > 0 && !cancelled.load(Ordering::Relaxed);
        Ok(wanted.then(|| make(&trace)))
    });
    let found =
        found.await?.map_err(|error: crate::storage::query::QueryError| ApiError::from(error))?;
    found.ok_or_else(|| ApiError::NotFound("No span of this trace is kept.".to_owned()))
}

fn write(trace: &StoredTrace, understand: Understand) -> Vec<u8> {
    let mut out = Vec::with_capacity(trace.span_count() * 2_048);
    // Writing to memory cannot fail.
    let (id, truncated) = (trace.id, trace.truncated);
    let _ = write!(out, "{{\"trace_id\":\"{id}\",\"truncated\":{truncated},\"spans\":[");
    let from_logs = LogMessages::of(trace);
    let mut first = true;
    trace.visit(|origin, span| {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        let known = understand(origin, span);
        let said = from_logs.with(span, &known.operation);
        let messages = said.iter().map(|passage| MessageView::of(passage, usize::MAX)).collect();
        let span = SpanView::of(origin, span, &known, usize::MAX);
        let _ = serde_json::to_writer(&mut out, &Told { span, messages });
    });
    out.extend_from_slice(b"]}");
    out
}
