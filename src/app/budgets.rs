//! Budgets, connected: configured, measured, shown.

use std::sync::Arc;

use crate::config;
use crate::cost::budgets::{
    BudgetView, Budgets, BudgetsObserver, Forecast, Outcome, Payer, Period, Plan, Report, Unit,
    What,
};
use crate::metrics::catalog::{self, Family};
use crate::metrics::{Page, Registry, Rows};
use crate::model::Notices;
use crate::{clock, limits};

/// Measures what becomes of calls that are asked for.
struct BudgetsWatch(Registry);

impl BudgetsObserver for BudgetsWatch {
    fn refused(&self, payer: Payer, period: Period, unit: Unit) {
        let labels = [payer.name(), period.name(), unit.name()];
        self.0.counter(&catalog::BUDGET_REFUSALS, &labels).increment(1);
    }

    fn unpriced(&self, allowed: bool) {
        let decision = if allowed { "allowed" } else { "refused" };
        self.0.counter(&catalog::BUDGET_UNPRICED, &[decision]).increment(1);
    }

    fn expired(&self, calls: u64) {
        self.0.counter(&catalog::BUDGET_EXPIRED, &[]).increment(calls);
        tracing::warn!(calls, "Calls for which budgets were reserved were never reported.");
    }
}

/// Budgets as configured, of which nothing is used.
pub(super) fn open(
    budgets: &config::Budgets,
    registry: &Registry,
    notices: Arc<dyn Notices>,
) -> Budgets {
    Budgets::new(plan(budgets), Arc::new(BudgetsWatch(registry.clone())), notices)
}

fn plan(budgets: &config::Budgets) -> Plan {
    let plan = Plan::new(&budgets.time_zone, budgets.unpriced_allowed);
    let mut plan = plan.expect("the configuration has looked the time zone up");
    for (payer, rows) in [(Payer::Tenant, &budgets.tenants), (Payer::Team, &budgets.teams)] {
        for row in rows {
            let tokens = [row.daily_tokens, row.monthly_tokens];
            let usd = [row.daily_usd, row.monthly_usd];
            plan.add(payer, &row.name, tokens, usd, (row.soft_ratio, row.enforce));
        }
    }
    plan
}

/// The families that [`tables`] fills, in its order.
static FAMILIES: &[&Family] = &[
    &catalog::TOKEN_BUDGET_LIMIT,
    &catalog::TOKEN_BUDGET_USAGE,
    &catalog::TOKEN_BUDGET_REMAINING,
    &catalog::TOKEN_BUDGET_USED,
    &catalog::TOKEN_BUDGET_EXHAUSTION,
    &catalog::COST_BUDGET_LIMIT,
    &catalog::COST_BUDGET_USAGE,
    &catalog::COST_BUDGET_REMAINING,
    &catalog::COST_BUDGET_USED,
    &catalog::COST_BUDGET_EXHAUSTION,
    &catalog::TEAM_SPEND,
    &catalog::TEAM_BUDGET_LIMIT,
    &catalog::TEAM_BUDGET_USED_RATIO,
    &catalog::BUDGET_RESERVATIONS,
    &catalog::BUDGET_LATE,
    &catalog::BUDGET_OVERFLOW,
    &catalog::BUDGET_IMPLAUSIBLE,
    &catalog::BUDGET_REPORTS,
];

/// Shows budgets on the page, read at every scrape.
pub(super) fn show(page: &Page, budgets: &Budgets, registry: &Registry) {
    let (budgets, registry) = (budgets.clone(), registry.clone());
    page.tables(FAMILIES, move || {
        let report = budgets.report(clock::unix_nanos());
        let [tenants, teams] = [
            shown(&report, Payer::Tenant, &registry, &catalog::TOKEN_BUDGET_REMAINING),
            shown(&report, Payer::Team, &registry, &catalog::TEAM_SPEND),
        ];
        tables(&report, &tenants, &teams)
    });
}

/// Whom the page has room for: those that the configuration names before those of `default`. The
/// others are counted, and the API tells of all.
fn shown<'r>(
    report: &'r Report,
    payer: Payer,
    registry: &Registry,
    family: &Family,
) -> Vec<&'r BudgetView> {
    let of_payer = report.budgets.iter().filter(|it| it.payer == payer);
    // What a team spends is shown without a budget too.
    let told = of_payer.filter(|it| payer == Payer::Team || it.has_limits());
    let mut shown: Vec<&BudgetView> = told.collect();
    let named = |it: &BudgetView| it.limits.as_ref().is_some_and(|limits| limits.row == it.name);
    shown.sort_by_key(|it| !named(it));
    if let Some(beyond @ 1..) = shown.len().checked_sub(limits::BUDGET_SERIES) {
        let label = if payer == Payer::Team { "team" } else { "tenant_id" };
        registry.counter(&catalog::METRICS_CAPPED, &[family.name, label]).absolute(beyond as u64);
        shown.truncate(limits::BUDGET_SERIES);
    }
    shown
}

fn tables(report: &Report, tenants: &[&BudgetView], teams: &[&BudgetView]) -> Vec<Rows> {
    let mut tables: Vec<Rows> = Vec::new();
    for unit in Unit::ALL {
        tables.extend(of_tenants(tenants, unit));
    }
    tables.extend(of_teams(teams));
    let number = |number: u64| vec![(Vec::new(), number as f64)];
    let by = |names: [&str; 2], counts: [u64; 2]| {
        let rows = names.into_iter().zip(counts);
        rows.map(|(name, count)| (vec![name.to_owned()], count as f64)).collect()
    };
    tables.push(number(report.reservations as u64));
    tables.push(by(Period::ALL.map(Period::name), report.late));
    tables.push(by(Payer::ALL.map(Payer::name), report.overflowed));
    tables.push(number(report.implausible));
    let reports = What::ALL.into_iter().zip(report.reports);
    let by_outcome = reports.flat_map(|(what, counts)| {
        let labels = move |outcome: Outcome| [what.name(), outcome.name()].map(str::to_owned);
        let counts = Outcome::ALL.into_iter().zip(counts);
        counts.map(move |(outcome, count)| (labels(outcome).to_vec(), count as f64))
    });
    tables.push(by_outcome.collect());
    tables
}

/// Limit, usage, what remains, all that was used, and when it will be used up.
fn of_tenants(tenants: &[&BudgetView], unit: Unit) -> [Rows; 5] {
    let mut rows: [Rows; 5] = Default::default();
    for tenant in tenants {
        for period in &tenant.periods {
            let of_unit = period.units[unit as usize];
            let Some(limited) = of_unit.limited else { continue };
            let labels = vec![tenant.name.clone(), period.period.name().to_owned()];
            let values = [
                Some(limited.limit),
                Some(of_unit.used),
                Some(limited.remaining),
                // Of what an app keeps itself, Pharos does not know all that was ever used.
                Some(tenant.total[unit as usize]).filter(|_| !limited.reported),
                match limited.forecast {
                    Forecast::ExhaustedAt(at_ns) => Some((at_ns as f64 / 1e9).round()),
                    _ => None,
                },
            ];
            for (rows, value) in rows.iter_mut().zip(values) {
                rows.extend(value.map(|value| (labels.clone(), value)));
            }
        }
    }
    rows
}

/// Spend and limit of the month, and the part that is used of every budget.
fn of_teams(teams: &[&BudgetView]) -> [Rows; 3] {
    let [mut spend, mut limit, mut ratio]: [Rows; 3] = Default::default();
    for team in teams {
        let month = team.periods[Period::Monthly as usize].units[Unit::Usd as usize];
        spend.push((vec![team.name.clone()], month.used));
        limit.extend(month.limited.map(|it| (vec![team.name.clone()], it.limit)));
        for period in &team.periods {
            for unit in &period.units {
                let Some(limited) = unit.limited else { continue };
                let names = [period.period.name(), unit.unit.name()].map(str::to_owned);
                let labels = [vec![team.name.clone()], names.to_vec()].concat();
                ratio.push((labels, limited.used_ratio));
            }
        }
    }
    [spend, limit, ratio]
}
