//! `/api/watch/baselines`: what is usual of each workflow and agent.

use super::Shared;
use super::error::ApiError;
use super::moment::rfc3339;
use crate::watch::{Quantiles, Usual};
use axum::Json;
use axum::extract::State;
use serde::Serialize;

/// The answer.
#[derive(Debug, Serialize)]
pub(super) struct Baselines {
    /// Whether anything is watched.
    enabled: bool,
    baselines: Vec<Told>,
}

/// What is usual of one.
#[derive(Debug, Serialize)]
struct Told {
    /// `workflow` or `agent`.
    subject: &'static str,
    name: String,
    last_seen: String,
    duration_seconds: Distribution,
    /// Of the runs whose cost is known.
    cost_usd: Distribution,
}

#[derive(Debug, Serialize)]
struct Distribution {
    runs: u64,
    median: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
}

/// `GET /api/watch/baselines`.
pub(super) async fn answer(State(api): State<Shared>) -> Result<Json<Baselines>, ApiError> {
    let Some(watch) = api.handles.watch.clone() else {
        return Ok(Json(Baselines { enabled: false, baselines: Vec::new() }));
    };
    let usual = super::blocking(move || watch.baselines()).await?;
    let baselines = usual.into_iter().map(Told::of).collect();
    Ok(Json(Baselines { enabled: true, baselines }))
}

impl Told {
    fn of(usual: Usual) -> Self {
        Self {
            subject: usual.subject.name(),
            name: usual.name,
            last_seen: rfc3339(usual.last_ns),
            duration_seconds: Distribution::of(usual.duration),
            cost_usd: Distribution::of(usual.cost),
        }
    }
}

impl Distribution {
    fn of(Quantiles { runs, p50, p95, p99 }: Quantiles) -> Self {
        Self { runs, median: p50, p95, p99 }
    }
}
