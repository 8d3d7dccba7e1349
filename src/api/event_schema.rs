//! `/api/schema/events`: what the JSON door takes, for machines.

use crate::events;
use axum::Json;
use serde_json::Value;

/// `GET /api/schema/events`.
pub(super) async fn answer() -> Json<Value> {
    Json(events::json_schema())
}
