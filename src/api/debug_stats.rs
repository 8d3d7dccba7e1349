//! `/api/debug/stats`: how much was written, of what and when.

use super::error::ApiError;
use super::{Shared, json_answer};
use axum::extract::State;
use axum::response::Response;

/// `GET /api/debug/stats`.
pub(super) async fn answer(State(api): State<Shared>) -> Result<Response, ApiError> {
    let records = api.handles.debug.records.clone();
    let stats = api.searches.run(move |cancelled| records.stats(cancelled)).await?;
    let stats = stats.map_err(ApiError::internal)?;
    Ok(json_answer(serde_json::to_vec(&stats).map_err(ApiError::internal)?))
}
