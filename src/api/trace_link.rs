//! `/api/observability/traces/{run_id}`: where the same trace stands in the user's own Jaeger,
//! Tempo or Grafana.

use super::Shared;
use super::error::ApiError;
use super::span_view::Id;
use crate::model::TraceId;
use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;

/// What the configured URL has where the trace's id goes.
const PLACE: &str = "{trace_id}";

/// The link.
#[derive(Debug, Serialize)]
pub(super) struct Link {
    trace_id: Id<TraceId>,
    url: String,
}

/// `GET /api/observability/traces/{run_id}`. Whether the other system has the trace is not asked.
pub(super) async fn answer(
    State(api): State<Shared>,
    Path(run_id): Path<String>,
) -> Result<Json<Link>, ApiError> {
    let message = "run_id is a trace id: 32 hexadecimal digits, not all zero.";
    let trace_id = run_id.parse().map_err(|_| ApiError::parameter("run_id", message))?;
    let template = api.handles.trace_url.as_deref().ok_or_else(|| {
        let message = "No other tracing system is known: set web.trace_url to its URL of a trace, \
            for instance http://localhost:16686/trace/{trace_id}.";
        ApiError::NotFound(message.to_owned())
    })?;
    Ok(Json(Link { trace_id: Id(trace_id), url: link(template, trace_id) }))
}

fn link(template: &str, trace_id: TraceId) -> String {
    // An id is hexadecimal digits, so nothing needs to be escaped.
    template.replace(PLACE, &trace_id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_filled() {
        let id: TraceId = "0af7651916cd43dd8448eb211c80319c".parse().unwrap();
        let found = link("http://grafana/explore?left={\"q\":\"{trace_id}\"}#{trace_id}", id);
        assert_eq!(found, format!("http://grafana/explore?left={{\"q\":\"{id}\"}}#{id}"));
    }
}
