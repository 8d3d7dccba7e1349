//! `/api/anomalies`: what was found lately by watching runs, the newest first.

use super::Shared;
use super::error::ApiError;
use super::moment::rfc3339;
use super::parameters::{Parameters, nearest};
use super::search::time;
use super::span_view::Id;
use crate::limits;
use crate::model::{SpanId, TraceId};
use crate::watch::{Finding, Kind};
use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;

/// The query parameters.
pub(super) const PARAMETERS: &[&str] = &["kind", "name", "since", "limit"];
/// Findings in an answer unless asked for more or fewer.
const USUAL: usize = 100;

/// The answer.
#[derive(Debug, Serialize)]
pub(super) struct Anomalies {
    /// Whether anything is watched.
    enabled: bool,
    findings: Vec<Told>,
}

/// One finding.
#[derive(Debug, Serialize)]
struct Told {
    time: String,
    kind: &'static str,
    /// Whether a configured threshold was exceeded; else it is unlike what is usual.
    threshold: bool,
    /// What it is about, and the name of that.
    subject: &'static str,
    name: String,
    /// What was measured, and what that exceeds.
    value: f64,
    limit: f64,
    /// What both are measured in.
    unit: &'static str,
    agent: Option<String>,
    tenant: Option<String>,
    trace_id: Option<Id<TraceId>>,
    span_id: Option<Id<SpanId>>,
    /// What the run used, where it is about one.
    used: Option<Used>,
}

#[derive(Debug, Serialize)]
struct Used {
    llm_calls: u64,
    tool_calls: u64,
    tokens: u64,
}

/// `GET /api/anomalies`.
pub(super) async fn answer(
    State(api): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Json<Anomalies>, ApiError> {
    let parameters = Parameters::of(query.as_deref(), PARAMETERS)?;
    let kinds = parameters.all("kind").map(kind).collect::<Result<Vec<Kind>, _>>()?;
    let name = parameters.text("name")?;
    let since_ns = time(&parameters, "since")?.unwrap_or(0);
    let limit = parameters.number("limit", 1..=limits::WATCH_FINDINGS)?.unwrap_or(USUAL);
    let wanted = |finding: &Finding| {
        (kinds.is_empty() || kinds.contains(&finding.kind))
            && name.is_none_or(|name| *finding.name == *name)
            && finding.time_ns >= since_ns
    };
    let watch = api.handles.watch.as_ref();
    let found = watch.map(|watch| watch.findings(wanted, limit)).unwrap_or_default();
    let findings = found.into_iter().map(Told::of).collect();
    Ok(Json(Anomalies { enabled: watch.is_some(), findings }))
}

fn kind(text: &str) -> Result<Kind, ApiError> {
    let names = Kind::ALL.map(Kind::name);
    let found = Kind::ALL.into_iter().find(|kind| kind.name() == text);
    found.ok_or_else(|| {
        let message = match nearest(text, &names) {
            Some(nearest) => format!("There is no such kind: try {nearest}."),
            None => format!("kind is one of {}.", names.join(", ")),
        };
        ApiError::parameter("kind", message)
    })
}

impl Told {
    fn of(finding: Finding) -> Self {
        let used = finding.used.map(|used| Used {
            llm_calls: used.llm_calls,
            tool_calls: used.tool_calls,
            tokens: used.tokens,
        });
        Self {
            time: rfc3339(finding.time_ns),
            kind: finding.kind.name(),
            threshold: finding.kind.is_threshold(),
            subject: finding.subject.name(),
            name: finding.name.into(),
            value: finding.value,
            limit: finding.limit,
            unit: finding.kind.unit(),
            agent: finding.agent.map(String::from),
            tenant: finding.tenant.map(String::from),
            trace_id: finding.trace_id.map(Id),
            span_id: finding.span_id.map(Id),
            used,
        }
    }
}
