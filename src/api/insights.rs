//! `/api/otel-metrics`: the counters as JSON, and what they say.
//!
//! Everything is computed from the metric families, so it agrees with `/metrics` to the digit.
//! Counters survive restarts: the figures are those of the log's whole life.

use super::Shared;
use super::error::ApiError;
use crate::metrics::catalog::{self, Family, Kind};
use crate::metrics::{Registry, Value};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, json};
use std::collections::BTreeMap;

/// Tools that the insights name.
const TOP_TOOLS: usize = 5;

/// What the counters say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Insights {
    /// What counts as a request here: `http_requests` where apps serve any, else `agent_runs`,
    /// else `llm_requests`.
    request_basis: &'static str,
    error_rate_pct: Option<f64>,
    avg_request_duration_ms: Option<f64>,
    avg_llm_duration_ms: Option<f64>,
    llm_error_rate_pct: Option<f64>,
    tool_error_rate_pct: Option<f64>,
    totals: Totals,
    /// `null`: finished spans do not tell what is still running.
    active_requests: Option<u64>,
    pub(super) top_failing_tools: Vec<FailingTool>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Totals {
    requests: u64,
    failed_requests: u64,
    llm_requests: u64,
    failed_llm_requests: u64,
    agent_runs: u64,
    workflow_runs: u64,
    tool_calls: u64,
    failed_tool_calls: u64,
    db_queries: u64,
    tokens: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    /// The cost of the calls whose cost is known; `null` where it is of none.
    cost_usd: Option<f64>,
    unpriced_llm_requests: u64,
    errors: u64,
}

/// A tool and how often it fails.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct FailingTool {
    pub(super) tool: String,
    pub(super) calls: u64,
    pub(super) failures: u64,
    pub(super) failure_rate_pct: f64,
}

/// `GET /api/otel-metrics`.
pub(super) async fn answer(State(api): State<Shared>) -> Result<Json<serde_json::Value>, ApiError> {
    let registry = api.handles.registry.clone();
    let answer = super::blocking(
        move || json!({ "counters": counters(&registry), "insights": insights(&registry) }),
    );
    Ok(Json(answer.await?))
}

/// Every counter's sum over its series, by name. Money that nobody spoke of is `null`, not 0.
fn counters(registry: &Registry) -> Map<String, serde_json::Value> {
    let countable = |family: &&Family| matches!(family.kind, Kind::Counter | Kind::Amount);
    catalog::all()
        .filter(countable)
        .map(|family| {
            let total = registry.total(family, &[]);
            let said = || !registry.readings(family).is_empty();
            let number = match family.kind {
                Kind::Amount => json!(said().then_some(total)),
                _ => json!(total as u64),
            };
            (family.name.to_owned(), number)
        })
        .collect()
}

/// What the counters say.
pub(super) fn insights(registry: &Registry) -> Insights {
    let total = |family, with: &[(&str, &str)]| registry.total(family, with) as u64;
    let error = [("status", "error")];
    let (http, failed_http) = http_requests(registry);
    let runs = (total(&catalog::AGENT_RUNS, &[]), total(&catalog::AGENT_RUNS, &error));
    let llm = (total(&catalog::LLM_REQUESTS, &[]), total(&catalog::LLM_REQUESTS, &error));
    let tools =
        (total(&catalog::TOOL_CALLS, &[]), total(&catalog::TOOL_CALLS, &[("success", "false")]));
    let (request_basis, requests, duration) = if http > 0 {
        ("http_requests", (http, failed_http), &catalog::HTTP_REQUEST_DURATION)
    } else if runs.0 > 0 {
        ("agent_runs", runs, &catalog::AGENT_RUN_DURATION)
    } else {
        ("llm_requests", llm, &catalog::LLM_REQUEST_DURATION)
    };
    let tokens = |kind| total(&catalog::LLM_TOKENS, &[("token_type", kind)]);
    let (prompt_tokens, completion_tokens) = (tokens("prompt"), tokens("completion"));
    let priced = !registry.readings(&catalog::LLM_COST).is_empty();
    Insights {
        request_basis,
        error_rate_pct: percentage(requests.1, requests.0),
        avg_request_duration_ms: average_ms(registry, duration),
        avg_llm_duration_ms: average_ms(registry, &catalog::LLM_REQUEST_DURATION),
        llm_error_rate_pct: percentage(llm.1, llm.0),
        tool_error_rate_pct: percentage(tools.1, tools.0),
        totals: Totals {
            requests: requests.0,
            failed_requests: requests.1,
            llm_requests: llm.0,
            failed_llm_requests: llm.1,
            agent_runs: runs.0,
            workflow_runs: total(&catalog::WORKFLOW_RUNS, &[]),
            tool_calls: tools.0,
            failed_tool_calls: tools.1,
            db_queries: total(&catalog::DB_QUERIES, &[]),
            tokens: prompt_tokens + completion_tokens,
            prompt_tokens,
            completion_tokens,
            cost_usd: priced.then(|| registry.total(&catalog::LLM_COST, &[])),
            unpriced_llm_requests: total(&catalog::LLM_UNPRICED_REQUESTS, &[]),
            errors: total(&catalog::ERRORS, &[]),
        },
        active_requests: None,
        top_failing_tools: failing_tools(registry),
    }
}

/// HTTP requests served, and those of them that the server failed.
fn http_requests(registry: &Registry) -> (u64, u64) {
    let (mut all, mut failed) = (0, 0);
    for reading in registry.readings(&catalog::HTTP_REQUESTS) {
        let count = reading.value.number() as u64;
        let server_error = |(name, value): &(_, std::sync::Arc<str>)| {
            let name: &std::sync::Arc<str> = name;
            **name == *"status" && value.starts_with('5')
        };
        all += count;
        failed += if reading.labels.iter().any(server_error) { count } else { 0 };
    }
    (all, failed)
}

/// The tools with the most failures; equals stand in the order of their names.
fn failing_tools(registry: &Registry) -> Vec<FailingTool> {
    let mut tools: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for reading in registry.readings(&catalog::TOOL_CALLS) {
        let label = |wanted: &str| {
            let mut labels = reading.labels.iter();
            labels.find(|(name, _)| **name == *wanted).map(|(_, value)| &**value)
        };
        let count = reading.value.number() as u64;
        let entry = tools.entry(label("tool_name").unwrap_or_default().to_owned()).or_default();
        entry.0 += count;
        entry.1 += if label("success") == Some("false") { count } else { 0 };
    }
    let mut failing: Vec<_> =
        tools.into_iter().filter(|(_, (_, failures))| *failures > 0).collect();
    failing.sort_by_key(|(_, (_, failures))| std::cmp::Reverse(*failures));
    failing.truncate(TOP_TOOLS);
    failing
        .into_iter()
        .map(|(tool, (calls, failures))| FailingTool {
            tool,
            calls,
            failures,
            failure_rate_pct: percentage(failures, calls).unwrap_or_default(),
        })
        .collect()
}

/// `None` where there is nothing to take a part of.
pub(super) fn percentage(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (1e4 * part as f64 / whole as f64).round() / 1e2)
}

fn average_ms(registry: &Registry, family: &'static Family) -> Option<f64> {
    let (mut seconds, mut observations) = (0.0, 0);
    for reading in registry.readings(family) {
        if let Value::Observations { sum, count } = reading.value {
            seconds += sum;
            observations += count;
        }
    }
    (observations > 0).then(|| (seconds / observations as f64 * 1e6).round() / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_measured_is_nothing_said() {
        let insights = insights(&Registry::default());
        assert_eq!(insights.error_rate_pct, None);
        assert_eq!(insights.avg_llm_duration_ms, None);
        assert_eq!(insights.totals.cost_usd, None);
        assert_eq!(insights.request_basis, "llm_requests");
        let counters = counters(&Registry::default());
        assert_eq!(counters["llm_cost_usd_total"], serde_json::Value::Null);
        assert_eq!(counters["llm_requests_total"], 0);
        assert!(insights.top_failing_tools.is_empty());
    }

    #[test]
    fn figures_are_those_of_the_families() {
        let registry = Registry::default();
        let add =
            |family, values: &[&str], count| registry.counter(family, values).increment(count);
        add(&catalog::LLM_REQUESTS, &["openai", "gpt-4o", "success"], 3);
        add(&catalog::LLM_REQUESTS, &["openai", "gpt-4o", "error"], 1);
        add(&catalog::LLM_TOKENS, &["openai", "gpt-4o", "prompt"], 100);
        add(&catalog::LLM_TOKENS, &["openai", "gpt-4o", "completion"], 20);
        add(&catalog::TOOL_CALLS, &["search", "true"], 7);
        add(&catalog::TOOL_CALLS, &["search", "false"], 1);
        add(&catalog::TOOL_CALLS, &["browse", "false"], 2);
        add(&catalog::TOOL_CALLS, &["add", "true"], 2);
        let observe = registry.histogram(&catalog::LLM_REQUEST_DURATION, &["openai", "gpt-4o"]);
        observe.record(1.0);
        observe.record(2.0);
        let found = insights(&registry);
        assert_eq!((found.request_basis, found.error_rate_pct), ("llm_requests", Some(25.0)));
        assert_eq!(found.avg_llm_duration_ms, Some(1_500.0));
        assert_eq!((found.totals.tokens, found.totals.failed_tool_calls), (120, 3));
        let tools: Vec<_> =
            found.top_failing_tools.iter().map(|t| (t.tool.as_str(), t.failure_rate_pct)).collect();
        assert_eq!(tools, [("browse", 100.0), ("search", 12.5)]);
        assert_eq!(counters(&registry)["llm_requests_total"], 4);

        add(&catalog::HTTP_REQUESTS, &["GET", "/chat", "200"], 9);
        add(&catalog::HTTP_REQUESTS, &["GET", "/chat", "503"], 1);
        add(&catalog::HTTP_REQUESTS, &["GET", "/chat", "404"], 10);
        let found = insights(&registry);
        assert_eq!((found.request_basis, found.error_rate_pct), ("http_requests", Some(5.0)));
    }
}
