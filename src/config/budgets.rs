//! `budgets`: rows to budgets.

use super::build::Builder;
use super::key::{Key, Kind, Preset};
use super::sections::{Budget, Budgets};
use super::value::quote;
use super::values::Values;
use crate::limits;

/// One row of `budgets.tenants` and `budgets.teams`.
pub(super) static BUDGET: &[Key] = &[
    Key {
        name: "name",
        kind: Kind::Text,
        preset: Preset::Required,
        doc: "Whose budget it is, as the telemetry names it; `default` for everybody who has no \
              row, each with a budget of its own. Unique.",
    },
    Key {
        name: "daily_tokens",
        kind: TOKENS,
        preset: Preset::Absent,
        doc: "Tokens (prompt and completion) a day.",
    },
    Key { name: "monthly_tokens", kind: TOKENS, preset: Preset::Absent, doc: "Tokens a month." },
    Key { name: "daily_usd", kind: USD, preset: Preset::Absent, doc: "US dollars a day." },
    Key { name: "monthly_usd", kind: USD, preset: Preset::Absent, doc: "US dollars a month." },
    Key {
        name: "soft_ratio",
        kind: Kind::Decimal { min: 0.0, max: 1.0 },
        preset: Preset::Text("0.8"),
        doc: "The part of each limit from which on Pharos warns.",
    },
    Key {
        name: "enforce",
        kind: Kind::Switch,
        preset: Preset::Text("false"),
        doc: "Whether the gateway refuses (429) what would pass a limit. Otherwise Pharos only \
              warns.",
    },
];

const TOKENS: Kind = Kind::Count { min: 0, max: limits::BUDGET_TOKENS };
const USD: Kind = Kind::Decimal { min: 0.0, max: limits::BUDGET_USD };

pub(super) fn budgets(builder: &mut Builder, values: &Values) -> Budgets {
    let time_zone: String = values.get("budgets.time_zone");
    if jiff::tz::TimeZone::get(&time_zone).is_err() {
        let what = format!(
            "{} is not the name of a time zone such as UTC or Europe/Berlin",
            quote(&time_zone)
        );
        builder.problem(values.origin("budgets.time_zone"), "budgets.time_zone", what);
    }
    Budgets {
        time_zone,
        unpriced_allowed: values.get::<&str>("budgets.unpriced") == "allow",
        tenants: rows(builder, values, "budgets.tenants"),
        teams: rows(builder, values, "budgets.teams"),
    }
}

fn rows(builder: &mut Builder, values: &Values, key: &str) -> Vec<Budget> {
    let rows: Vec<Values> = values.get(key);
    if rows.len() > limits::BUDGET_ACCOUNTS {
        let what = format!("has more than {} rows", limits::BUDGET_ACCOUNTS);
        builder.problem(values.origin(key), key, what);
    }
    let mut budgets: Vec<Budget> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let path = format!("{key}[{index}]");
        let budget = budget(row);
        check(builder, row, &path, &budget);
        if budgets.iter().any(|other| other.name == budget.name) {
            let what = format!("{} has another row", quote(&budget.name));
            builder.problem(row.origin("name"), format!("{path}.name"), what);
        }
        budgets.push(budget);
    }
    budgets
}

fn budget(row: &Values) -> Budget {
    let name: String = row.get("name");
    Budget {
        name: name.trim().to_owned(),
        daily_tokens: row.get("daily_tokens"),
        monthly_tokens: row.get("monthly_tokens"),
        daily_usd: row.get("daily_usd"),
        monthly_usd: row.get("monthly_usd"),
        soft_ratio: row.get("soft_ratio"),
        enforce: row.get("enforce"),
    }
}

fn check(builder: &mut Builder, row: &Values, path: &str, budget: &Budget) {
    if budget.name.is_empty() || budget.name.len() > limits::LABEL_VALUE_BYTES {
        let what = format!("must have 1 to {} bytes", limits::LABEL_VALUE_BYTES);
        builder.problem(row.origin("name"), format!("{path}.name"), what);
    }
    let tokens = (budget.daily_tokens, budget.monthly_tokens);
    let usd = (budget.daily_usd, budget.monthly_usd);
    if (tokens, usd) == ((None, None), (None, None)) {
        let what = "has no limit: set one of daily_tokens, monthly_tokens, daily_usd, monthly_usd";
        builder.problem(row.origin("name"), path, what.to_owned());
    }
    let mut order = |name: &str, wrong: bool| {
        if wrong {
            let what = format!("is more than monthly_{name}, so it would never be reached");
            let key = format!("daily_{name}");
            builder.problem(row.origin(&key), format!("{path}.{key}"), what);
        }
    };
    order("tokens", matches!(tokens, (Some(day), Some(month)) if day > month));
    order("usd", matches!(usd, (Some(day), Some(month)) if day > month));
}
