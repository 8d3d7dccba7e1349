//! What the API needs of the rest of Pharos.

use super::auth::Keys;
use super::host::Hosts;
use super::landing::About;
use super::observe::HttpObserver;
use crate::cost::budgets::Budgets;
use crate::cost::prices::Prices;
use crate::debug::DebugHandle;
use crate::health::Checks;
use crate::metrics::{Format, Registry};
use crate::runs::Runs;
use crate::semconv::Mapping;
use crate::storage::index::Understand;
use crate::storage::query::Store;
use crate::watch::WatchHandle;
use std::sync::Arc;

/// Everything that `app` lends to the API.
#[derive(Clone)]
pub struct ApiHandles {
    /// Who may ask what.
    pub keys: Arc<Keys>,
    /// Which hosts a request may name.
    pub hosts: Hosts,
    /// Hears of every request.
    pub http: Arc<dyn HttpObserver>,
    /// The states behind `/health` and readiness.
    pub checks: Arc<dyn Checks>,
    /// Where spans and log records are kept.
    pub store: Arc<dyn Store>,
    /// The runs under way.
    pub runs: Arc<Runs>,
    /// The toggle of debug events, and what was written.
    pub debug: DebugHandle,
    /// What was found by watching runs; `None` where nothing is watched.
    pub watch: Option<WatchHandle>,
    /// How a span is understood and priced.
    pub understand: Understand,
    /// What tenants and teams have used.
    pub budgets: Budgets,
    /// What tokens cost.
    pub prices: Arc<Prices>,
    /// What senders say, and what is made of it.
    pub mapping: Mapping,
    /// The metric families, for insights and offenders.
    pub registry: Registry,
    /// Renders the page of `/metrics`.
    pub exposition: Arc<dyn Fn(Format) -> String + Send + Sync>,
    /// Where that page is: `/metrics` unless configured otherwise.
    pub metrics_path: String,
    /// The URL of a trace in the user's own tracing system, with `{trace_id}` in it.
    pub trace_url: Option<String>,
    /// The effective configuration; secrets are already written as `<secret>`.
    pub config: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    /// What this build is.
    pub about: About,
}
