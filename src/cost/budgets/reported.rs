//! What apps report of budgets and spend in their own bookkeeping.
//!
//! Money is counted once: a spend that names a model repeats what the calls of that model say, and
//! is left out. A budget that an app keeps is shown where the configuration has none.

use serde::{Deserialize, Serialize};

use super::amounts::{Amounts, Period, cost_of_call};
use super::book::{Book, News, Use, clean};
use super::calendar::Calendar;
use super::limits_of::Payer;
use super::plan::Plan;
use crate::limits;
use crate::model::{Report, Reported, Spend, TokenBudget};

/// What an app says of the tokens of a tenant in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) number: i32,
    pub(super) limit: u128,
    pub(super) used: u128,
}

/// What an app can report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Money spent.
    Spend,
    /// How a budget of tokens stands.
    TokenBudget,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was counted.
    Counted,
    /// It names a model, whose calls are counted already.
    RepeatsCalls,
    /// The configuration has a budget for this.
    NotNeeded,
    /// It does not say whose it is, of which period, or how much.
    Unusable,
}

impl What {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Spend, Self::TokenBudget];

    /// The name in labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spend => "spend",
            Self::TokenBudget => "token_budget",
        }
    }
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Counted, Self::RepeatsCalls, Self::NotNeeded, Self::Unusable];

    /// The name in labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::RepeatsCalls => "repeats_calls",
            Self::NotNeeded => "not_needed",
            Self::Unusable => "unusable",
        }
    }
}

impl Book {
    /// Takes a report of an app; answers which limits it passed.
    pub(super) fn report(
        &mut self,
        plan: &Plan,
        calendar: &mut Calendar,
        report: &Report<'_>,
        (at_ns, arrived_ns): (u64, u64),
    ) -> Vec<News> {
        let mut used = Use {
            payers: [report.tenant, report.team],
            // A record may come without a time of its own.
            at_ns: if at_ns == 0 { arrived_ns } else { at_ns },
            arrived_ns,
            amounts: Amounts::default(),
            unpriced: 0,
        };
        let (what, outcome, news) = match &report.said {
            Reported::Spend(spend) => {
                let outcome = spent(spend, &mut used);
                let counts = outcome == Outcome::Counted;
                let news = if counts { self.add(plan, calendar, &used) } else { Vec::new() };
                (What::Spend, outcome, news)
            }
            Reported::TokenBudget(budget) => {
                (What::TokenBudget, self.told(plan, calendar, budget, &used), Vec::new())
            }
            _ => return Vec::new(),
        };
        self.reports[what as usize][outcome as usize] += 1;
        news
    }

    fn told(
        &mut self,
        plan: &Plan,
        calendar: &mut Calendar,
        budget: &TokenBudget<'_>,
        used: &Use<'_>,
    ) -> Outcome {
        let period = Period::ALL.into_iter().find(|period| period.name() == budget.period);
        let amounts = standing(budget);
        let (Some(period), Some((limit, spent)), Some(tenant)) = (period, amounts, used.payers[0])
        else {
            return Outcome::Unusable;
        };
        let name = clean(tenant);
        let limits = plan.limits(Payer::Tenant, &name);
        if limits.is_some_and(|it| it.hard(period, super::Unit::Tokens).is_some()) {
            return Outcome::NotNeeded;
        }
        let entry = Self::entry(calendar, used);
        let number = entry.at.of(period);
        let account = self.open_account(plan, Payer::Tenant, &name, &entry);
        let told = &mut account.reported[period as usize];
        // What is heard of an earlier period does not replace what is known of this one.
        if told.is_none_or(|told| told.number <= number) {
            *told = Some(Told { number, limit, used: spent });
        }
        Outcome::Counted
    }
}

/// What a spend adds.
fn spent(spend: &Spend<'_>, used: &mut Use<'_>) -> Outcome {
    if spend.model.is_some() {
        return Outcome::RepeatsCalls;
    }
    match (used.payers, cost_of_call(spend.usd)) {
        ([None, None], _) | (_, None) => Outcome::Unusable,
        (_, Some(picodollars)) => {
            used.amounts.picodollars = picodollars;
            Outcome::Counted
        }
    }
}

/// The limit and what is used of it, where two of the three numbers say so.
fn standing(budget: &TokenBudget<'_>) -> Option<(u128, u128)> {
    let (limit, used) = match (budget.limit, budget.used, budget.remaining) {
        (Some(limit), Some(used), _) => (limit, used),
        (Some(limit), None, Some(remaining)) => (limit, limit.checked_sub(remaining)?),
        (None, Some(used), Some(remaining)) => (used.checked_add(remaining)?, used),
        _ => return None,
    };
    let plausible = limit <= limits::BUDGET_TOKENS && used <= limits::BUDGET_TOKENS;
    plausible.then_some((limit.into(), used.into()))
}
