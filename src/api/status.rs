//! `/api/status`: is the agent platform well, what failed lately, and what to do about it.
//!
//! Invariant: fixed rules over the health report, the metric families and the newest traces. The
//! same facts give the same answer; nothing is guessed.

use super::error::ApiError;
use super::insights::{self, Insights, percentage};
use super::moment::{milliseconds, rfc3339};
use super::span_view::Id;
use super::{Shared, search};
use crate::health::{self, Report};
use crate::metrics::catalog;
use crate::model::{Status, TraceId};
use crate::storage::query::{Filters, SearchPage, SearchQuery, TraceSummary};
use crate::{clock, limits};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Below so many traces a share of failures says nothing.
const ENOUGH_TRACES: u64 = 10;
/// Share of failed traces from which the platform is called degraded.
const DEGRADED_PCT: f64 = 5.0;
/// Share of failed traces from which it is called critical.
const CRITICAL_PCT: f64 = 25.0;
/// Share of failed calls from which a tool is worth a look.
const TOOL_PCT: f64 = 20.0;

/// How the platform is doing. Later variants are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Level {
    Healthy,
    Degraded,
    Critical,
}

/// What the rules look at.
struct Facts {
    health: Report,
    insights: Insights,
    recent: Recent,
    dropped_items: u64,
    unexplained_spans: u64,
    capped_labels: usize,
}

/// The newest traces of the window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Recent {
    window_seconds: u64,
    traces: u64,
    failed: u64,
    error_rate_pct: Option<f64>,
}

/// A failed trace of the window.
#[derive(Debug, Serialize)]
struct RecentError {
    trace_id: Id<TraceId>,
    name: String,
    service: String,
    start_time: String,
    duration_ms: f64,
    error_count: u64,
    investigate: String,
}

/// Something to do, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Action {
    level: Level,
    reason: String,
    action: String,
}

/// `GET /api/status`.
pub(super) async fn answer(State(api): State<Shared>) -> Result<Response, ApiError> {
    let now_ns = clock::unix_nanos();
    let window_ns = limits::STATUS_WINDOW_SECONDS * 1_000_000_000;
    let filters = Filters { from_ns: Some(now_ns.saturating_sub(window_ns)), ..Filters::default() };
    let sample =
        SearchQuery { filters: filters.clone(), limit: Some(limits::STATUS_TRACES), cursor: None };
    let failed = SearchQuery {
        filters: Filters { status: Some(Status::Error), ..filters },
        limit: Some(limits::STATUS_ERRORS),
        cursor: None,
    };
    let sample = search::run(&api, sample).await?;
    let failed = search::run(&api, failed).await?;
    let handles = api.handles.clone();
    let facts = super::blocking(move || Facts {
        health: health::report(&*handles.checks, now_ns),
        insights: insights::insights(&handles.registry),
        recent: Recent::of(&sample),
        dropped_items: handles.registry.total(&catalog::INGEST_DROPPED, &[]) as u64,
        unexplained_spans: handles.registry.total(&catalog::UNEXPLAINED_LLM_SPANS, &[]) as u64,
        capped_labels: handles.registry.offenders().len(),
    });
    let facts = facts.await?;
    let base_url = &api.handles.about.base_url;
    let recent_errors = failed.traces.into_iter().map(|trace| RecentError::of(trace, base_url));
    let recent_errors: Vec<_> = recent_errors.collect();
    let newest = recent_errors.first().map(|error| error.investigate.clone());
    let actions = actions(&facts, newest.as_deref());
    let level = actions.iter().map(|action| action.level).max().unwrap_or(Level::Healthy);
    let body = serde_json::json!({
        "status": level,
        "recent": facts.recent,
        "recent_errors": recent_errors,
        "recommended_actions": actions,
        "components": facts.health.components,
    });
    Ok(Json(body).into_response())
}

/// The rules, the worst first; equals in the order of the rules. Actions of the level healthy
/// are advice: they do not change the status.
fn actions(facts: &Facts, newest_error: Option<&str>) -> Vec<Action> {
    let mut actions = component_actions(&facts.health);
    let mut add = |level, reason: String, action: &str| {
        actions.push(Action { level, reason, action: action.to_owned() });
    };
    if let Some(rate) = facts.recent.error_rate_pct.filter(|_| facts.recent.traces >= ENOUGH_TRACES)
        && rate >= DEGRADED_PCT
    {
        let level = if rate >= CRITICAL_PCT { Level::Critical } else { Level::Degraded };
        let reason = format!("{rate} % of the newest {} traces failed.", facts.recent.traces);
        let action = match newest_error {
            Some(path) => format!("Look at the newest failure: GET {path}"),
            None => "Look at the failures: GET /api/traces/search?status=error".to_owned(),
        };
        add(level, reason, &action);
    }
    if facts.dropped_items > 0 {
        let reason = format!("{} items were lost inside Pharos.", facts.dropped_items);
        add(
            Level::Degraded,
            reason,
            "Look at pharos_ingest_dropped_items_total by reason and at Pharos' own log.",
        );
    }
    for tool in &facts.insights.top_failing_tools {
        if tool.calls >= ENOUGH_TRACES && tool.failure_rate_pct >= TOOL_PCT {
            let reason =
                format!("{} of {} calls of {} failed.", tool.failures, tool.calls, tool.tool);
            add(
                Level::Healthy,
                reason,
                "Look at its failures: GET /api/traces/search?status=error with its name as tool.",
            );
        }
    }
    if facts.unexplained_spans > 0 {
        let reason =
            format!("{} LLM-looking spans are in no known dialect.", facts.unexplained_spans);
        add(
            Level::Healthy,
            reason,
            "Look at pharos_unexplained_llm_spans_total for the library that sends them.",
        );
    }
    if facts.capped_labels > 0 {
        let reason = format!("{} labels have more values than are kept.", facts.capped_labels);
        add(Level::Healthy, reason, "See who sends them: GET /api/cardinality");
    }
    actions.sort_by_key(|action| std::cmp::Reverse(action.level));
    actions
}

fn component_actions(report: &Report) -> Vec<Action> {
    let unwell = report.components.iter().filter_map(|(name, component)| {
        let level = match component.status {
            health::Status::Healthy => return None,
            health::Status::Degraded => Level::Degraded,
            health::Status::Unhealthy => Level::Critical,
        };
        let message = component.message.as_deref().unwrap_or("It is not well.");
        let action = match name.as_str() {
            "store" => "Free space on the volume or mount it writable; senders retry meanwhile.",
            "disk_space" => "Free space or shorten storage.retention.",
            "projection" => "Give Pharos more CPU; if it has stopped, read its log and restart it.",
            _ => "Check that the target runs and takes OTLP; the log keeps what waits for it.",
        };
        let reason = format!("{name}: {message}");
        Some(Action { level, reason, action: action.to_owned() })
    });
    unwell.collect()
}

impl Recent {
    fn of(page: &SearchPage) -> Self {
        let traces = page.traces.len() as u64;
        let failed =
            page.traces.iter().filter(|trace| trace.status == Status::Error).count() as u64;
        let error_rate_pct = percentage(failed, traces);
        Self { window_seconds: limits::STATUS_WINDOW_SECONDS, traces, failed, error_rate_pct }
    }
}

impl RecentError {
    fn of(summary: TraceSummary, base_url: &str) -> Self {
        Self {
            trace_id: Id(summary.trace_id),
            start_time: rfc3339(summary.start_ns),
            duration_ms: milliseconds(summary.duration_ns()),
            error_count: summary.error_count,
            investigate: format!("{base_url}/api/investigate/{}", summary.trace_id),
            name: summary.name,
            service: summary.service,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Component;
    use crate::metrics::Registry;
    use std::collections::BTreeMap;

    fn facts(traces: u64, failed: u64) -> Facts {
        let error_rate_pct = percentage(failed, traces);
        Facts {
            health: Report { status: health::Status::Healthy, components: BTreeMap::new() },
            insights: insights::insights(&Registry::default()),
            recent: Recent { window_seconds: 900, traces, failed, error_rate_pct },
            dropped_items: 0,
            unexplained_spans: 0,
            capped_labels: 0,
        }
    }

    fn level(facts: &Facts) -> Level {
        actions(facts, None).first().map_or(Level::Healthy, |action| action.level)
    }

    #[test]
    fn failures_count_once_there_are_enough_of_them() {
        assert_eq!(level(&facts(0, 0)), Level::Healthy);
        assert_eq!(level(&facts(9, 9)), Level::Healthy);
        assert_eq!(level(&facts(100, 4)), Level::Healthy);
        assert_eq!(level(&facts(100, 5)), Level::Degraded);
        assert_eq!(level(&facts(100, 25)), Level::Critical);
        let actions = actions(&facts(100, 25), Some("/api/investigate/1"));
        assert!(actions[0].action.ends_with("/api/investigate/1"));
    }

    #[test]
    fn the_worst_comes_first_and_advice_changes_nothing() {
        let mut facts = facts(100, 5);
        facts.unexplained_spans = 3;
        facts.capped_labels = 1;
        let component = Component {
            status: health::Status::Unhealthy,
            latency_ms: 0.1,
            message: Some("The store is read-only: disk full.".into()),
        };
        facts.health.components.insert("store".to_owned(), component);
        let levels: Vec<_> = actions(&facts, None).iter().map(|action| action.level).collect();
        assert_eq!(levels, [Level::Critical, Level::Degraded, Level::Healthy, Level::Healthy]);
        facts.health.components.clear();
        facts.recent = Recent::of(&SearchPage::default());
        assert_eq!(level(&facts), Level::Healthy);
        assert_eq!(actions(&facts, None).len(), 2);
    }
}
