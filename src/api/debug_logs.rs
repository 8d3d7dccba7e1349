//! `/api/debug/logs`: what was said in the runs that somebody looks into.

use super::error::ApiError;
use super::parameters::Parameters;
use super::{Shared, json_answer};
use crate::debug::{EventKind, Wanted};
use crate::limits;
use axum::extract::{RawQuery, State};
use axum::response::Response;

/// The query parameters.
pub(super) const PARAMETERS: &[&str] = &["trace_id", "event_type", "limit"];

/// `GET /api/debug/logs`: the newest first.
pub(super) async fn answer(
    State(api): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let wanted = wanted(&Parameters::of(query.as_deref(), PARAMETERS)?)?;
    let records = api.handles.debug.records.clone();
    let found = api.searches.run(move |cancelled| records.newest(&wanted, cancelled)).await?;
    let found = found.map_err(ApiError::internal)?;
    Ok(json_answer(serde_json::to_vec(&found).map_err(ApiError::internal)?))
}

fn wanted(parameters: &Parameters) -> Result<Wanted, ApiError> {
    let trace_id = parameters.text("trace_id")?.map(|text| {
        text.parse().map_err(|_| {
            let message = "trace_id is 32 hexadecimal digits, not all zero.";
            ApiError::parameter("trace_id", message)
        })
    });
    let kind = parameters.text("event_type")?.map(|name| {
        EventKind::from_name(name).ok_or_else(|| {
            let names = EventKind::ALL.map(EventKind::name).join(", ");
            ApiError::parameter("event_type", format!("event_type is one of {names}."))
        })
    });
    let limit = parameters.number("limit", 1..=limits::DEBUG_PAGE_EVENTS)?;
    Ok(Wanted {
        trace_id: trace_id.transpose()?,
        kind: kind.transpose()?,
        limit: limit.unwrap_or(limits::DEBUG_PAGE_DEFAULT_EVENTS),
    })
}
