//! `/api/traces/{trace_id}`: every span of a run, as sent and as understood.

use super::error::ApiError;
use super::messages::{LogMessages, MessageView};
use super::parameters::Parameters;
use super::span_view::SpanView;
use super::{Shared, json_answer, skeleton};
use crate::model::{Origin, Span, TraceId, Understanding};
use crate::semconv::Passage;
use crate::storage::index::Understand;
use crate::storage::query::StoredTrace;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use std::io::Write as _;
use std::sync::atomic::Ordering;

/// The query parameters.
pub(super) const PARAMETERS: &[&str] = &["view", "page"];

/// A span with what was said in it.
#[derive(Serialize)]
pub(super) struct Told<'v, 'a> {
    #[serde(flatten)]
    span: SpanView<'v, 'a>,
    messages: Vec<MessageView<'v>>,
}

/// `GET /api/traces/{trace_id}`.
pub(super) async fn answer(
    State(api): State<Shared>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let parameters = Parameters::of(query.as_deref(), PARAMETERS)?;
    match parameters.text("view")?.unwrap_or("full") {
        "skeleton" => {
            return skeleton::answer(&api, trace_id(&id)?, &parameters, &headers).await;
        }
        "full" => {}
        _ => return Err(ApiError::parameter("view", "view is full or skeleton.")),
    }
    if parameters.text("page")?.is_some() {
        return Err(ApiError::parameter("page", "page goes with view=skeleton."));
    }
    let understand = api.handles.understand.clone();
    let body = with_trace(&api, &id, move |trace| write(trace, &understand)).await?;
    Ok(json_answer(body))
}

/// Reads a trace and makes something of it, off the async threads. A trace without spans is
/// not found.
pub(super) async fn with_trace<T: Send + 'static>(
    api: &Shared,
    id: &str,
    make: impl FnOnce(&StoredTrace) -> T + Send + 'static,
) -> Result<T, ApiError> {
    let id = trace_id(id)?;
    let store = api.handles.store.clone();
    let found = api.searches.run(move |cancelled| {
        let trace = store.trace(id)?;
        // Nobody waits for what follows if the caller has left meanwhile.
        let wanted = trace.span_count() > 0 && !cancelled.load(Ordering::Relaxed);
        Ok(wanted.then(|| make(&trace)))
    });
    let found =
        found.await?.map_err(|error: crate::storage::query::QueryError| ApiError::from(error))?;
    found.ok_or_else(not_kept)
}

/// Reads a trace's id.
pub(super) fn trace_id(text: &str) -> Result<TraceId, ApiError> {
    let message = "trace_id is 32 hexadecimal digits, not all zero.";
    text.parse().map_err(|_| ApiError::parameter("trace_id", message))
}

/// Nothing is kept under these ids.
pub(super) fn not_kept() -> ApiError {
    ApiError::NotFound("No span of this trace is kept.".to_owned())
}

impl<'v, 'a> Told<'v, 'a> {
    /// A whole span and what was said in it, nothing cut.
    pub(super) fn of(
        origin: &'v Origin<'a>,
        span: &'v Span<'a>,
        known: &Understanding<'a>,
        said: &'v [Passage<'a>],
    ) -> Self
    where
        'a: 'v,
    {
        let messages = said.iter().map(|passage| MessageView::of(passage, usize::MAX)).collect();
        Self { span: SpanView::of(origin, span, known, usize::MAX), messages }
    }
}

fn write(trace: &StoredTrace, understand: &Understand) -> Vec<u8> {
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
        let known = understand.span(origin, span);
        let said = from_logs.with(span, &known.operation);
        let _ = serde_json::to_writer(&mut out, &Told::of(origin, span, &known, &said));
    });
    out.extend_from_slice(b"]}");
    out
}
