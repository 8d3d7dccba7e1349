//! `/api/prices/quote`: a computation, told line by line.

use crate::api::Shared;
use crate::api::error::ApiError;
use crate::api::moment::rfc3339;
use crate::api::money::version;
use crate::api::parameters::Parameters;
use crate::api::search::time;
use crate::model::{ServiceTier, Usage};
use crate::{clock, limits};
use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};

/// The query parameters.
pub(in crate::api) const PARAMETERS: &[&str] =
    &["provider", "model", "input", "output", "cached", "cache_write", "reasoning", "tier", "at"];

/// `GET /api/prices/quote`.
pub(in crate::api) async fn answer(
    State(api): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let parameters = Parameters::of(query.as_deref(), PARAMETERS)?;
    let needed = |name: &'static str| {
        let missing = || ApiError::parameter(name, format!("{name} is needed."));
        parameters.text(name)?.map(str::to_owned).ok_or_else(missing)
    };
    let (provider, model) = (needed("provider")?.to_ascii_lowercase(), needed("model")?);
    let tokens = |name| parameters.number(name, 0..=limits::CALL_TOKENS);
    let usage = Usage {
        input: tokens("input")?,
        output: tokens("output")?,
        cached: tokens("cached")?,
        cache_write: tokens("cache_write")?,
        reasoning: tokens("reasoning")?,
    };
    if usage.completed() != usage {
        let parts = "cached and cache_write are parts of input, reasoning is one of output.";
        return Err(ApiError::parameter("input", parts));
    }
    let tier = parameters.text("tier")?.map(|name| {
        let names = "tier is standard, batch, flex or priority.";
        ServiceTier::of_name(name).ok_or_else(|| ApiError::parameter("tier", names))
    });
    let now_ns = clock::unix_nanos();
    let at_ns = time(&parameters, "at")?.unwrap_or(now_ns);
    let tier = tier.transpose()?.unwrap_or_default();
    let prices = api.handles.prices.clone();
    let quote =
        crate::api::blocking(move || prices.explain((&provider, &model), usage, tier, at_ns));
    let quote = quote.await?;
    let lines: Vec<Value> = quote
        .lines
        .iter()
        .map(|line| {
            json!({
                "kind": line.kind,
                "tokens": line.tokens,
                "usd_per_million": line.usd_per_million,
                "usd": line.usd,
            })
        })
        .collect();
    let (found_provider, found_model) = quote.found.unzip();
    Ok(Json(json!({
        "provider": found_provider,
        "model": found_model,
        "tier": quote.tier.name(),
        "above_tokens": quote.above,
        "from": (quote.from_ns > 0).then(|| rfc3339(quote.from_ns)),
        "source": quote.source,
        "at": rfc3339(at_ns),
        "lines": lines,
        "cost_usd": quote.cost.usd,
        "cost_state": quote.cost.state.name(),
        "version": version(quote.cost.version),
        "notes": quote.notes,
    })))
}
