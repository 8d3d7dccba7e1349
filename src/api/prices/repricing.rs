//! `/api/prices/repricing`: what stored calls cost by the prices of then and by those of now.

use crate::api::Shared;
use crate::api::error::ApiError;
use crate::api::parameters::Parameters;
use crate::api::window::Window;
use crate::model::CostSource;
use crate::storage::query::{Budget, Fields, QueryError, RowQuery, SpanRow};
use crate::{clock, limits};
use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// The query parameters.
pub(in crate::api) const PARAMETERS: &[&str] = &["hours", "from", "to"];

/// Calls of one model.
#[derive(Debug, Default)]
struct Repriced {
    calls: u64,
    stored_usd: f64,
    now_usd: f64,
    became_priced: u64,
    became_unpriced: u64,
    unpriced: u64,
    reported: u64,
}

/// `GET /api/prices/repricing`.
pub(in crate::api) async fn answer(
    State(api): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let parameters = Parameters::of(query.as_deref(), PARAMETERS)?;
    let window = Window::of(&parameters, clock::unix_nanos())?;
    let store = api.handles.store.clone();
    let fields = Fields::USAGE | Fields::MODEL | Fields::FAILURE;
    let query = RowQuery { filters: window.filters(), fields, trace: None };
    let found = api.searches.run(move |cancelled| {
        let budget = Budget { cancelled: Some(cancelled), ..Budget::default() };
        let mut models = BTreeMap::new();
        let mut full = false;
        let scanned = store.rows(&query, budget, &mut |row| {
            full |= !take(&mut models, row);
            ControlFlow::Continue(())
        })?;
        Ok::<_, QueryError>((models, scanned.incomplete || full))
    });
    let (models, incomplete) = found.await??;
    let mut sum = Repriced::default();
    models.values().for_each(|repriced| sum.add(repriced));
    let of_models: Vec<Value> = models
        .iter()
        .map(|((provider, model), repriced)| {
            let mut told = repriced.told();
            told["provider"] = json!(provider);
            told["model"] = json!(model);
            told
        })
        .collect();
    Ok(Json(json!({
        "window": window,
        "version": format!("{:016x}", api.handles.prices.table().version()),
        "models": of_models,
        "sum": sum.told(),
        "incomplete": incomplete,
    })))
}

/// Adds a row; says whether there was room for its model.
fn take(models: &mut BTreeMap<(String, String), Repriced>, row: &SpanRow<'_>) -> bool {
    let Some(provider) = row.provider else { return true };
    let key = (provider.to_owned(), row.model.unwrap_or("unknown").to_owned());
    if models.len() >= limits::REPRICING_MODELS && !models.contains_key(&key) {
        return false;
    }
    let (then, now) = (row.stored_cost_usd, row.cost_usd);
    let one = Repriced {
        calls: u64::from(row.counts),
        stored_usd: then.unwrap_or(0.0),
        now_usd: now.unwrap_or(0.0),
        became_priced: u64::from(row.counts && then.is_none() && now.is_some()),
        became_unpriced: u64::from(row.counts && then.is_some() && now.is_none()),
        unpriced: u64::from(row.counts && now.is_none() && !row.failed),
        reported: u64::from(row.counts && row.cost_source == CostSource::Reported),
    };
    models.entry(key).or_default().add(&one);
    true
}

impl Repriced {
    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.stored_usd += other.stored_usd;
        self.now_usd += other.now_usd;
        self.became_priced += other.became_priced;
        self.became_unpriced += other.became_unpriced;
        self.unpriced += other.unpriced;
        self.reported += other.reported;
    }

    fn told(&self) -> Value {
        let usd = |usd: f64| (usd * 1e12).round() / 1e12;
        json!({
            "calls": self.calls,
            "stored_usd": usd(self.stored_usd),
            "now_usd": usd(self.now_usd),
            "difference_usd": usd(self.now_usd - self.stored_usd),
            "became_priced": self.became_priced,
            "became_unpriced": self.became_unpriced,
            "unpriced": self.unpriced,
            "reported": self.reported,
        })
    }
}
