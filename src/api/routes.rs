//! The table of routes: path, who may use it, its query parameters, its handler.

use super::access::{Access, enforce};
use super::auth::Role;
use super::error::ApiError;
use super::observe::observe;
use super::semconv_report;
use super::{Api, ApiHandles, Shared};
use super::{anomalies, baselines};
use super::{
    budgets, cardinality, config, insights, investigate, landing, logs, openapi, prices, probes,
};
use super::{conversations, performance, stats, trace_link};
use super::{debug_logs, debug_stats, debug_toggle, event_schema, runs};
use super::{scrape, search, searches, span_body, status, trace};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};
use std::sync::Arc;

/// One path.
pub(super) struct Route {
    pub(super) path: &'static str,
    pub(super) access: Access,
    /// The query parameters it knows; `None` where any are ignored, because scrapers and probes
    /// add their own.
    pub(super) parameters: Option<&'static [&'static str]>,
    handler: MethodRouter<Shared>,
}

/// Where the page for Prometheus is unless configured otherwise.
pub(super) const METRICS: &str = "/metrics";
const READ: Access = Access::Needs(Role::Read);
const ADMIN: Access = Access::Needs(Role::Admin);

/// Every path that is served. Each answers GET and HEAD.
pub(super) fn routes() -> Vec<Route> {
    let open = |path, handler| Route { path, access: Access::Open, parameters: None, handler };
    let api = |path, access, parameters, handler| Route {
        path,
        access,
        parameters: Some(parameters),
        handler,
    };
    let routes = vec![
        open("/", get(landing::answer)),
        Route { access: READ, ..open(METRICS, get(scrape::answer)) },
        open("/-/healthy", get(probes::healthy)),
        open("/-/ready", get(probes::ready)),
        open("/health", get(probes::report)),
        open("/health/live", get(probes::live)),
        open("/health/ready", get(probes::ready_json)),
        open("/livez", get(probes::healthy)),
        open("/readyz", get(probes::ready)),
        open("/healthz", get(probes::healthy)),
        api("/api/health", READ, &[], get(probes::report)),
        api("/api/status", READ, &[], get(status::answer)),
        api("/api/traces/search", READ, search::PARAMETERS, get(search::answer)),
        api("/api/traces/{trace_id}", READ, trace::PARAMETERS, get(trace::answer)),
        api(
            "/api/traces/{trace_id}/spans/{span_id}",
            READ,
            span_body::PARAMETERS,
            get(span_body::answer),
        ),
        api("/api/investigate/{trace_id}", READ, investigate::PARAMETERS, get(investigate::answer)),
        api("/api/logs", READ, logs::PARAMETERS, get(logs::answer)),
        api(
            "/api/conversations",
            READ,
            conversations::list::PARAMETERS,
            get(conversations::list::answer),
        ),
        api(
            "/api/conversations/{id}/messages",
            READ,
            conversations::messages::PARAMETERS,
            get(conversations::messages::answer),
        ),
        api("/api/runs", READ, runs::PARAMETERS, get(runs::answer)),
        api("/api/schema/events", READ, &[], get(event_schema::answer)),
        api("/api/tools/stats", READ, stats::PARAMETERS, get(stats::tools::answer)),
        api("/api/skills/stats", READ, stats::PARAMETERS, get(stats::skills::answer)),
        api("/api/requests/stats", READ, stats::PARAMETERS, get(stats::requests::answer)),
        api(
            "/api/observability/performance/{session_id}",
            READ,
            performance::PARAMETERS,
            get(performance::answer),
        ),
        api("/api/observability/traces/{run_id}", READ, &[], get(trace_link::answer)),
        api("/api/otel-metrics", READ, &[], get(insights::answer)),
        api("/api/budgets", READ, budgets::PARAMETERS, get(budgets::list)),
        api("/api/budgets/{kind}/{name}", READ, &[], get(budgets::one)),
        api("/api/anomalies", READ, anomalies::PARAMETERS, get(anomalies::answer)),
        api("/api/watch/baselines", READ, &[], get(baselines::answer)),
        api("/api/cardinality", READ, &[], get(cardinality::answer)),
        api("/api/semconv/report", READ, &[], get(semconv_report::answer)),
        api("/api/debug/logs", READ, debug_logs::PARAMETERS, get(debug_logs::answer)),
        api("/api/debug/stats", READ, &[], get(debug_stats::answer)),
        api("/api/debug/toggle", READ, &[], get(debug_toggle::answer)),
        api("/api/config", ADMIN, &[], get(config::answer)),
        api("/api/openapi.json", READ, &[], get(openapi::answer)),
    ];
    routes.into_iter().chain(of_prices()).collect()
}

/// What tokens cost.
fn of_prices() -> [Route; 3] {
    let api = |path, parameters, handler| Route {
        path,
        access: READ,
        parameters: Some(parameters),
        handler,
    };
    [
        api("/api/prices", prices::PARAMETERS, get(prices::answer)),
        api("/api/prices/quote", prices::quote::PARAMETERS, get(prices::quote::answer)),
        api("/api/prices/repricing", prices::repricing::PARAMETERS, get(prices::repricing::answer)),
    ]
}

/// What can be changed: paths of the table above that answer POST too.
pub(super) fn changes() -> Vec<Route> {
    vec![Route {
        path: "/api/debug/toggle",
        access: ADMIN,
        parameters: Some(&[]),
        handler: post(debug_toggle::change),
    }]
}

/// The API as an axum router, ready to be served. The configuration
/// sees to it that `metrics_path` is no other path of these.
pub fn router(handles: ApiHandles) -> Router {
    let metrics_path = handles.metrics_path.clone();
    let api: Shared = Arc::new(Api {
        handles,
        pages: scrape::Pages::default(),
        searches: searches::Searches::default(),
    });
    let mut router = Router::new();
    for Route { path, access, parameters, handler } in routes().into_iter().chain(changes()) {
        let guard = from_fn_with_state((api.clone(), access, parameters), enforce);
        let path = if path == METRICS { metrics_path.as_str() } else { path };
        router = router.route(path, handler.layer(guard));
    }
    router
        .fallback(async || ApiError::NotFound("Nothing is served under this path.".to_owned()))
        .method_not_allowed_fallback(async || ApiError::Method)
        .layer(from_fn_with_state(api.clone(), observe))
        .with_state(api)
}
