//! `/api/runs`: what runs at the moment, as far as beginnings were told.

use super::Shared;
use super::error::ApiError;
use super::moment::{milliseconds, rfc3339};
use super::parameters::Parameters;
use crate::model::RunKind;
use crate::runs::OpenRun;
use crate::{clock, limits};
use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};

/// The query parameters.
pub(super) const PARAMETERS: &[&str] = &["kind", "limit"];

/// `GET /api/runs`: the longest first.
pub(super) async fn answer(
    State(api): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let parameters = Parameters::of(query.as_deref(), PARAMETERS)?;
    let kind = parameters.text("kind")?.map(|name| {
        RunKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let names = RunKind::ALL.map(RunKind::name).join(", ");
            ApiError::parameter("kind", format!("kind is one of {names}."))
        })
    });
    let kind = kind.transpose()?;
    let limit = parameters.number("limit", 1..=limits::RUNS_PAGE)?;
    let limit = limit.unwrap_or(limits::RUNS_PAGE_DEFAULT);
    let runs = api.handles.runs.clone();
    let (found, total) = super::blocking(move || runs.list(kind, limit)).await?;
    let now_ns = clock::unix_nanos();
    let found: Vec<Value> = found.iter().map(|run| told(run, now_ns)).collect();
    Ok(Json(json!({"runs": found, "total": total})))
}

fn told(run: &OpenRun, now_ns: u64) -> Value {
    let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let begun = &run.begun;
    json!({
        "kind": run.kind.name(),
        "trace_id": run.key.0.to_string(),
        "span_id": run.key.1.to_string(),
        "parent_span_id": begun.parent.map(|parent| parent.to_string()),
        "name": begun.name,
        "method": said(&begun.method),
        "service": begun.service,
        "tenant": said(&begun.tenant),
        "team": said(&begun.team),
        "user": said(&begun.user),
        "agent": said(&begun.agent),
        "conversation": said(&begun.conversation),
        "started": rfc3339(begun.start_ns),
        "running_ms": milliseconds(now_ns.saturating_sub(begun.start_ns)),
    })
}
