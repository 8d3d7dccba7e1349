//! `/api/semconv/report`: what senders say, and what is made of it.

use super::Shared;
use super::error::ApiError;
use axum::Json;
use axum::extract::State;
use serde_json::Value;

/// `GET /api/semconv/report`.
pub(super) async fn answer(State(api): State<Shared>) -> Result<Json<Value>, ApiError> {
    let mapping = api.handles.mapping.clone();
    Ok(Json(super::blocking(move || mapping.answer()).await?))
}
