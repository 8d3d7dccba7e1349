//! `/api/budgets`: what tenants and teams have used, what is left, and until when it will last.

use super::Shared;
use super::error::ApiError;
use super::moment::rfc3339;
use super::parameters::Parameters;
use crate::clock;
use crate::cost::budgets::{
    BudgetView, Forecast, Limited, Payer, PeriodView, Report, Unit, UnitView,
};
use axum::Json;
use axum::extract::{Path, RawQuery, State};
use serde_json::{Value, json};

/// The query parameters of the list.
pub(super) const PARAMETERS: &[&str] = &["kind", "state"];

/// `GET /api/budgets`: every tenant and team that has a budget.
pub(super) async fn list(
    State(api): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let parameters = Parameters::of(query.as_deref(), PARAMETERS)?;
    let kind = parameters.text("kind")?.map(kind).transpose()?;
    let state = parameters.text("state")?.map(state).transpose()?;
    let budgets = api.handles.budgets.clone();
    let report = super::blocking(move || budgets.report(clock::unix_nanos())).await?;
    let wanted = |budget: &&BudgetView| {
        budget.has_limits()
            && kind.is_none_or(|kind| budget.payer == kind)
            && state.is_none_or(|state| limited(budget).any(|it| it.state.name() == state))
    };
    let budgets: Vec<Value> = report.budgets.iter().filter(wanted).map(of_budget).collect();
    Ok(Json(with_frame(&report, json!({ "budgets": budgets }))))
}

/// `GET /api/budgets/{kind}/{name}`: one of them, also one without a budget.
pub(super) async fn one(
    State(api): State<Shared>,
    Path((payer, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let payer = kind(&payer)?;
    let budgets = api.handles.budgets.clone();
    let report = super::blocking(move || budgets.report(clock::unix_nanos())).await?;
    let found = report.budgets.iter().find(|it| it.payer == payer && it.name == name);
    match found {
        Some(budget) => Ok(Json(with_frame(&report, json!({ "budget": of_budget(budget) })))),
        None => {
            let what = format!("No {} of this name has used anything.", payer.name());
            Err(ApiError::NotFound(what))
        }
    }
}

fn kind(text: &str) -> Result<Payer, ApiError> {
    let found = Payer::ALL.into_iter().find(|payer| payer.name() == text);
    found.ok_or_else(|| ApiError::parameter("kind", "kind is tenant or team."))
}

fn state(text: &str) -> Result<&'static str, ApiError> {
    let found = ["ok", "soft", "hard"].into_iter().find(|state| *state == text);
    found.ok_or_else(|| ApiError::parameter("state", "state is ok, soft or hard."))
}

fn limited(budget: &BudgetView) -> impl Iterator<Item = Limited> + '_ {
    let units = budget.periods.iter().flat_map(|period| &period.units);
    units.filter_map(|unit| unit.limited)
}

/// What holds for all of them.
fn with_frame(report: &Report, mut answer: Value) -> Value {
    answer["time_zone"] = json!(report.time_zone);
    answer["unpriced"] = json!(if report.unpriced_allowed { "allow" } else { "refuse" });
    answer
}

fn of_budget(budget: &BudgetView) -> Value {
    let amount = |unit: Unit| self::amount(unit, budget.total[unit as usize]);
    json!({
        "kind": budget.payer.name(),
        "name": budget.name,
        "shared": budget.shared,
        "configured_as": budget.limits.as_ref().map(|limits| &limits.row),
        "enforced": budget.enforced,
        "total": { "tokens": amount(Unit::Tokens), "usd": amount(Unit::Usd) },
        "daily": of_period(&budget.periods[0]),
        "monthly": of_period(&budget.periods[1]),
    })
}

fn of_period(period: &PeriodView) -> Value {
    let [tokens, usd] = &period.units;
    json!({
        "began_at": rfc3339(period.began_ns),
        "resets_at": rfc3339(period.resets_ns),
        "unpriced_calls": period.unpriced_calls,
        "tokens": of_unit(tokens),
        "usd": of_unit(usd),
    })
}

fn of_unit(view: &UnitView) -> Value {
    let amount = |value: f64| self::amount(view.unit, value);
    let limited = view.limited.as_ref();
    let forecast = limited.map(|it| {
        let at = match it.forecast {
            Forecast::ExhaustedAt(at_ns) => Some(rfc3339(at_ns)),
            _ => None,
        };
        json!({ "state": it.forecast.name(), "exhausted_at": at })
    });
    json!({
        "used": amount(view.used),
        "reserved": amount(view.reserved),
        "limit": limited.map(|it| amount(it.limit)),
        "soft_limit": limited.map(|it| amount(it.soft_limit)),
        "remaining": limited.map(|it| amount(it.remaining)),
        "used_pct": limited.map(|it| it.used_ratio * 100.0),
        "state": limited.map(|it| it.state.name()),
        "reported": limited.is_some_and(|it| it.reported),
        "forecast": forecast,
    })
}

/// Tokens are whole, and money is written as people add it.
fn amount(unit: Unit, value: f64) -> Value {
    match unit {
        Unit::Tokens => json!(value as u64),
        Unit::Usd => json!((value * 1e12).round() / 1e12),
    }
}
