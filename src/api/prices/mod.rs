//! `/api/prices`: what tokens cost, how a cost comes about, and what a correction changes.

pub(super) mod quote;
pub(super) mod repricing;

use super::Shared;
use super::error::ApiError;
use super::moment::rfc3339;
use super::parameters::Parameters;
use crate::cost::prices::{Band, Kinds, Line, Period, Prices};
use crate::{clock, limits};
use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};

/// The query parameters of the table.
pub(super) const PARAMETERS: &[&str] = &["provider", "model", "offset", "limit"];

/// Femtodollars a token in a dollar a million tokens.
const PER_USD_A_MILLION: f64 = 1e9;

/// `GET /api/prices`: the table in force.
pub(super) async fn answer(
    State(api): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let parameters = Parameters::of(query.as_deref(), PARAMETERS)?;
    let lower = |name| -> Result<Option<String>, ApiError> {
        Ok(parameters.text(name)?.map(str::to_ascii_lowercase))
    };
    let (provider, model) = (lower("provider")?, lower("model")?);
    let offset = parameters.number("offset", 0..=usize::MAX)?.unwrap_or(0);
    let limit = parameters.number("limit", 1..=limits::PRICE_PAGE_MODELS)?;
    let limit = limit.unwrap_or(limits::PRICE_PAGE_MODELS);
    let prices = api.handles.prices.clone();
    let page = super::blocking(move || {
        let table = prices.table();
        let wanted = |line: &&Line| {
            provider.as_ref().is_none_or(|provider| line.provider == *provider)
                && model.as_ref().is_none_or(|part| contains(&line.model, part))
        };
        let total = table.lines().iter().filter(wanted).count();
        let lines = table.lines().iter().filter(wanted).skip(offset).take(limit);
        let models: Vec<Value> = lines.map(|line| of_line(&prices, line)).collect();
        with_frame(&prices, json!({ "models": models, "total": total, "offset": offset }))
    });
    Ok(Json(page.await?))
}

fn contains(model: &str, part: &str) -> bool {
    model.to_ascii_lowercase().contains(part)
}

/// What is said of the table as a whole.
fn with_frame(prices: &Prices, mut answer: Value) -> Value {
    let status = prices.status(clock::unix_nanos());
    answer["version"] = json!(format!("{:016x}", prices.table().version()));
    answer["sources"] = json!(prices.sources());
    answer["newest"] = json!(rfc3339(status.newest_ns));
    answer["stale"] = json!(status.stale);
    answer["failing"] = json!(status.failing);
    answer["failing_since"] = json!(status.failing_since_ns.map(rfc3339));
    answer["problems"] = json!(status.problems);
    answer["models_without_token_prices"] = json!(status.without_tokens);
    answer
}

fn of_line(prices: &Prices, line: &Line) -> Value {
    let periods: Vec<Value> = line.periods.iter().map(|it| of_period(prices, it)).collect();
    json!({ "provider": line.provider, "model": line.model, "prices": periods })
}

fn of_period(prices: &Prices, period: &Period) -> Value {
    let bands: Vec<Value> = period.bands.iter().map(of_band).collect();
    json!({
        "from": (period.from_ns > 0).then(|| rfc3339(period.from_ns)),
        "source": prices.name_of(period),
        "bands": bands,
        "beyond_tokens": period.beyond_tokens,
    })
}

/// Prices in USD a million tokens; `null` is not known.
fn of_band(band: &Band) -> Value {
    let usd = |price: Option<u64>| price.map(|price| price as f64 / PER_USD_A_MILLION);
    let Kinds { input, output, cached, cache_write, cache_write_1h, reasoning } = band.kinds;
    json!({
        "tier": band.tier.name(),
        "above_tokens": band.above,
        "input": usd(input),
        "output": usd(output),
        "cached": usd(cached),
        "cache_write": usd(cache_write),
        "cache_write_1h": usd(cache_write_1h),
        "reasoning": usd(reasoning),
    })
}
