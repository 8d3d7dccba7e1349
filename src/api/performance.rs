//! `/api/observability/performance/{session_id}`: how the runs of one session went.

use super::error::ApiError;
use super::money::Cost;
use super::parameters::Parameters;
use super::run_profile::RunProfile;
use super::session_runs::SessionRuns;
use super::stats::Durations;
use super::window::Window;
use super::{Shared, insights};
use crate::clock;
use crate::limits;
use crate::storage::query::{Budget, QueryError, Store};
use axum::Json;
use axum::extract::{Path, RawQuery, State};
use serde::Serialize;

/// The query parameters.
pub(super) const PARAMETERS: &[&str] = &["hours"];

/// The runs of one session in figures.
#[derive(Debug, Serialize)]
pub(super) struct Performance {
    session_id: String,
    window: Window,
    runs: u64,
    completed: u64,
    failed: u64,
    error_rate_pct: Option<f64>,
    avg_duration_ms: Option<f64>,
    max_duration_ms: Option<f64>,
    llm_calls: u64,
    cost: Cost,
    /// Of the runs whose cost is known at least in part.
    avg_cost_usd: Option<f64>,
    /// Whether runs are missing, because there are more than are looked at, a bound was reached
    /// or something is not readable.
    incomplete: bool,
}

/// `GET /api/observability/performance/{session_id}`.
pub(super) async fn answer(
    State(api): State<Shared>,
    Path(session_id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Performance>, ApiError> {
    let parameters = Parameters::of(query.as_deref(), PARAMETERS)?;
    let window = Window::of(&parameters, clock::unix_nanos())?;
    let session_id = session(session_id, "session_id")?;
    let store = api.handles.store.clone();
    let found = api.searches.run(move |cancelled| {
        let budget = Budget { cancelled: Some(cancelled), ..Budget::default() };
        measure(&*store, session_id, window, budget)
    });
    Ok(Json(found.await??))
}

/// An id of a session or conversation, as a path says it.
pub(super) fn session(id: String, name: &str) -> Result<String, ApiError> {
    if id.len() > limits::PARAMETER_BYTES {
        let most = limits::PARAMETER_BYTES;
        return Err(ApiError::parameter(name, format!("At most {most} bytes.")));
    }
    Ok(id)
}

fn measure(
    store: &dyn Store,
    session_id: String,
    window: Window,
    mut budget: Budget<'_>,
) -> Result<Performance, QueryError> {
    let runs = SessionRuns::newest(store, &session_id, window, &mut budget)?;
    let mut incomplete = runs.incomplete;
    let mut profiles = Vec::with_capacity(runs.traces.len());
    for (trace, _) in runs.traces {
        let (profile, missing, bytes) = RunProfile::read(store, trace, budget.clone())?;
        budget.bytes = budget.bytes.saturating_sub(bytes);
        incomplete |= missing;
        profiles.extend(profile);
    }
    Ok(Performance { session_id, window, incomplete, ..Performance::of(&profiles) })
}

impl Performance {
    /// The figures of these runs.
    fn of(profiles: &[RunProfile]) -> Self {
        let mut durations = Durations::default();
        let mut cost = Cost::default();
        for profile in profiles {
            durations.add(profile.duration_ns());
            cost.merge(profile.cost);
        }
        let runs = profiles.len() as u64;
        let failed = profiles.iter().filter(|profile| profile.failed).count() as u64;
        let priced = profiles.iter().filter(|profile| profile.cost.usd().is_some()).count();
        Self {
            session_id: String::new(),
            window: Window { from_ns: 0, to_ns: u64::MAX },
            runs,
            completed: runs - failed,
            failed,
            error_rate_pct: insights::percentage(failed, runs),
            avg_duration_ms: durations.average_ms(),
            max_duration_ms: durations.max_ms(),
            llm_calls: profiles.iter().map(|profile| profile.llm_calls).sum(),
            avg_cost_usd: cost.usd().map(|usd| usd / priced.max(1) as f64),
            cost,
            incomplete: false,
        }
    }
}
