//! Health and readiness, for orchestrators (`/-/…`, `/health/…`) and for people (`/health`).

use super::error::ApiError;
use super::{Shared, blocking};
use crate::clock;
use crate::health::{self, Status};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// `GET /-/healthy`: the process answers. Nothing else is asked.
pub(super) async fn healthy() -> &'static str {
    "Pharos is healthy.\n"
}

/// `GET /health/live`: the same in JSON.
pub(super) async fn live() -> Response {
    Json(json!({ "status": "healthy" })).into_response()
}

/// `GET /-/ready`: whether telemetry can be kept, as text.
pub(super) async fn ready(State(api): State<Shared>) -> Result<Response, ApiError> {
    Ok(match readiness(api).await? {
        Ok(()) => "Pharos is ready.\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    })
}

/// `GET /health/ready`: the same in JSON.
pub(super) async fn ready_json(State(api): State<Shared>) -> Result<Response, ApiError> {
    Ok(match readiness(api).await? {
        Ok(()) => Json(json!({ "status": "ready" })).into_response(),
        Err(reason) => {
            let body = json!({ "status": "not_ready", "reason": reason.to_string() });
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
    })
}

/// `GET /health` and `/api/health`: every component.
pub(super) async fn report(State(api): State<Shared>) -> Result<Response, ApiError> {
    let checks = api.handles.checks.clone();
    let report = blocking(move || health::report(&*checks, clock::unix_nanos())).await?;
    let status = match report.status {
        Status::Healthy | Status::Degraded => StatusCode::OK,
        Status::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = json!({
        "status": report.status,
        "version": api.handles.about.version,
        "components": report.components,
    });
    Ok((status, Json(body)).into_response())
}

async fn readiness(api: Shared) -> Result<Result<(), health::NotReady>, ApiError> {
    let checks = api.handles.checks.clone();
    blocking(move || health::ready(checks.phase(), &checks.store())).await
}
