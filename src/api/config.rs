//! `/api/config`: the effective configuration.

use super::Shared;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// `GET /api/config`.
pub(super) async fn answer(State(api): State<Shared>) -> Json<Value> {
    Json(json!({ "config": (api.handles.config)() }))
}
