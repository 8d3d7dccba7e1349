//! `/api/traces/{trace_id}?view=skeleton`: a trace as columns, without anything that was said.
//!
//! [`gathering`] takes the rows of a trace and keeps a few numbers of each; [`page`] writes one
//! page of them. No attribute is read for it, so that a trace of ten thousand spans opens as
//! quickly as a small one. Bodies are asked for span by span.

mod gathering;
mod page;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(super) use tests::row;

use super::error::ApiError;
use super::parameters::Parameters;
use super::trace::not_kept;
use super::{Shared, encoding, json_answer};
use crate::limits;
use crate::model::TraceId;
use crate::storage::query::{Budget, Fields, QueryError, RowQuery};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use gathering::Gathering;
use std::ops::ControlFlow;

/// The last page that can be asked for.
const LAST_PAGE: usize = (limits::SKELETON_TRACE_SPANS - 1) / limits::SKELETON_SPANS;

/// Answers with the skeleton of a trace, packed if the caller takes it so.
pub(super) async fn answer(
    api: &Shared,
    id: TraceId,
    parameters: &Parameters,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let page = parameters.number("page", 0..=LAST_PAGE)?.unwrap_or(0);
    let packed = encoding::accepts_gzip(headers);
    let store = api.handles.store.clone();
    let found = api.searches.run(move |cancelled| {
        let fields = Fields::FAILURE | Fields::MODEL | Fields::TOOL | Fields::AGENT | Fields::USAGE;
        let query = RowQuery { trace: Some(id), fields, ..RowQuery::default() };
        let budget = Budget { cancelled: Some(cancelled), ..Budget::default() };
        let mut gathering = Gathering::default();
        let scanned = store.rows(&query, budget, &mut |row| {
            gathering.take(row);
            ControlFlow::Continue(())
        })?;
        let trace = gathering.finish(scanned.incomplete);
        let body = (!trace.lines.is_empty()).then(|| page::write(id, &trace, page).into_bytes());
        Ok::<_, QueryError>(body.map(|body| match packed {
            true => encoding::gzip_small(&body).to_vec(),
            false => body,
        }))
    });
    let body = found.await??;
    let mut response = json_answer(body.ok_or_else(not_kept)?);
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}
