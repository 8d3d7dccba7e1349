//! The HTTP API: one file per resource, one table of routes.
//!
//! [`router`] turns [`ApiHandles`] into an axum router; who listens is not known here. Every
//! request passes `observe` (id, span, time, panics, headers) and then `access` (key, names of
//! parameters) before its resource sees it.
//!
//! Invariant: nothing that reads the log or renders a page runs on an async thread, and nothing
//! here changes what is stored; the toggle of debug events is all that can be changed.

mod access;
mod anomalies;
pub mod auth;
mod baselines;
mod budgets;
mod cardinality;
mod config;
mod conversations;
mod debug_logs;
mod debug_stats;
mod debug_toggle;
mod encoding;
mod error;
mod event_schema;
mod handles;
mod host;
mod insights;
mod investigate;
mod landing;
mod logs;
mod messages;
mod moment;
mod money;
mod observe;
mod openapi;
mod parameters;
mod performance;
mod prices;
mod probes;
mod request_id;
mod routes;
mod run_profile;
mod runs;
mod scrape;
mod scrape_form;
mod search;
mod searches;
mod semconv_report;
mod session_runs;
mod skeleton;
mod span_body;
mod span_view;
mod stats;
mod status;
mod trace;
mod trace_link;
pub mod traceparent;
mod window;

pub use error::ApiError;
pub use handles::ApiHandles;
pub use host::Hosts;
pub use landing::{About, Link};
pub(crate) use moment::parse as read_time;
pub use observe::{Answered, HttpObserver};
pub(crate) use request_id::accept_or_make as request_id;
pub use routes::router;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// The `endpoint` of requests that no route matches.
const UNMATCHED: &str = "unmatched";

/// What the handlers share.
struct Api {
    handles: ApiHandles,
    pages: scrape::Pages,
    searches: searches::Searches,
}

type Shared = Arc<Api>;

/// Runs what may block or take long off the async threads. A panic in it is an internal error.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let span = tracing::Span::current();
    let task = tokio::task::spawn_blocking(move || span.in_scope(work));
    task.await.map_err(ApiError::internal)
}

/// An answer whose JSON is already written.
fn json_answer(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[cfg(test)]
mod tests;
