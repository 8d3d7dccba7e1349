//! `/api/cardinality`: which label values had to be called `other`, and who sent them.

use super::Shared;
use super::error::ApiError;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// `GET /api/cardinality`.
pub(super) async fn answer(State(api): State<Shared>) -> Result<Json<Value>, ApiError> {
    let registry = api.handles.registry.clone();
    let offenders = super::blocking(move || registry.offenders()).await?;
    let offenders: Vec<Value> = offenders
        .into_iter()
        .map(|offender| {
            json!({
                "metric": offender.metric,
                "label": offender.label,
                "overflowed": offender.overflowed,
                "samples": offender.samples,
                "service": offender.service,
            })
        })
        .collect();
    Ok(Json(json!({ "offenders": offenders })))
}
