//! Budgets as they stand at one moment, for answers and metrics.

use super::account::Account;
use super::amounts::{Amounts, Period, Unit};
use super::calendar::Place;
use super::desk::{Budgets, State, is_shared};
use super::forecast::{Forecast, forecast};
use super::limits_of::{Limits, Payer};
use super::reported::Told;

/// All budgets.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The time zone of days and months.
    pub time_zone: String,
    /// Whether calls without a known price are let through.
    pub unpriced_allowed: bool,
    /// Every account, tenants first, by name.
    pub budgets: Vec<BudgetView>,
    /// Calls for which something is reserved.
    pub reservations: usize,
    /// Uses that went to the account `other`, by payer.
    pub overflowed: [u64; 2],
    /// Uses that came too late for their period, by period.
    pub late: [u64; 2],
    /// Amounts that no call can have, left out.
    pub implausible: u64,
    /// What apps reported, by what it is and what became of it, in the order of
    /// [`What::ALL`](super::What::ALL) and [`Outcome::ALL`](super::Outcome::ALL).
    pub reports: [[u64; 4]; 2],
}

/// One account.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetView {
    /// Who pays.
    pub payer: Payer,
    /// Its name.
    pub name: String,
    /// Whether it is shared by those for whom there was no room.
    pub shared: bool,
    /// Its limits; `None` where it has none.
    pub limits: Option<Limits>,
    /// Whether calls beyond a limit are refused.
    pub enforced: bool,
    /// All that was ever used: tokens and US dollars.
    pub total: [f64; 2],
    /// The day and the month.
    pub periods: [PeriodView; 2],
}

/// One period of an account.
#[derive(Debug, Clone, PartialEq)]
pub struct PeriodView {
    /// Which.
    pub period: Period,
    /// When it began, in nanoseconds since the Unix epoch.
    pub began_ns: u64,
    /// When the next one begins.
    pub resets_ns: u64,
    /// Calls in it that no price is known for: what was spent is at least what is said.
    pub unpriced_calls: u64,
    /// Tokens and US dollars.
    pub units: [UnitView; 2],
}

/// One unit of a period. Amounts are tokens or US dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnitView {
    /// Which.
    pub unit: Unit,
    /// Counted.
    pub used: f64,
    /// Reserved for calls in flight.
    pub reserved: f64,
    /// What follows from the limit, where there is one.
    pub limited: Option<Limited>,
}

/// What follows from a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limited {
    /// The hard limit.
    pub limit: f64,
    /// From here on people are warned.
    pub soft_limit: f64,
    /// What is left of the limit, without regard to what is reserved.
    pub remaining: f64,
    /// The part that is used; more than 1 where it was passed.
    pub used_ratio: f64,
    /// What has become of it.
    pub state: LimitState,
    /// What is to be expected.
    pub forecast: Forecast,
    /// Whether an app said the limit and what is used, because the configuration has none.
    pub reported: bool,
}

/// What has become of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitState {
    /// Below the soft limit.
    Ok,
    /// Between both.
    Soft,
    /// Nothing is left.
    Hard,
}

impl BudgetView {
    /// Whether there is a limit in any period and unit.
    pub fn has_limits(&self) -> bool {
        self.periods.iter().flat_map(|period| &period.units).any(|unit| unit.limited.is_some())
    }
}

impl LimitState {
    /// The name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Soft => "soft",
            Self::Hard => "hard",
        }
    }
}

impl Budgets {
    /// How all budgets stand.
    pub fn report(&self, now_ns: u64) -> Report {
        let mut state = self.state();
        let place = state.calendar.place(now_ns);
        let mut budgets = Vec::new();
        for payer in Payer::ALL {
            let mut names: Vec<&str> = state.book.names(payer).collect();
            names.extend(self.plan.named(payer));
            names.sort_unstable();
            names.dedup();
            let view = |name| self.view(&state, payer, name, place, now_ns);
            budgets.extend(names.into_iter().map(view));
        }
        Report {
            time_zone: self.plan.zone_name.clone(),
            unpriced_allowed: self.plan.unpriced_allowed,
            budgets,
            reservations: state.reservations.len(),
            overflowed: state.book.overflowed,
            late: state.book.late,
            implausible: state.book.implausible,
            reports: state.book.reports,
        }
    }

    fn view(
        &self,
        state: &State,
        payer: Payer,
        name: &str,
        place: Place,
        now_ns: u64,
    ) -> BudgetView {
        let nothing = Account::default();
        let account = state.book.account(payer, name).unwrap_or(&nothing);
        let limits = self.plan.limits(payer, name);
        let held = state.reservations.held(payer, name);
        BudgetView {
            payer,
            name: name.to_owned(),
            shared: is_shared(name),
            enforced: limits.is_some_and(|limits| limits.enforced),
            limits: limits.cloned(),
            total: Unit::ALL.map(|unit| unit.number(account.total.of(unit))),
            periods: Period::ALL.map(|period| {
                let number = place.of(period);
                let (began_ns, resets_ns) = state.calendar.bounds(period, number);
                let spent = account.spent(period, number);
                let unpriced_calls = spent.unpriced_calls();
                let told = account.reported[period as usize].filter(|told| told.number == number);
                let of =
                    Of { account, limits, told, period, used: spent.used, held, now_ns, resets_ns };
                let units = Unit::ALL.map(|unit| of.unit(unit));
                PeriodView { period, began_ns, resets_ns, unpriced_calls, units }
            }),
        }
    }
}

/// What the view of a unit is made from.
struct Of<'a> {
    account: &'a Account,
    limits: Option<&'a Limits>,
    told: Option<Told>,
    period: Period,
    used: Amounts,
    held: Amounts,
    now_ns: u64,
    resets_ns: u64,
}

impl Of<'_> {
    fn unit(&self, unit: Unit) -> UnitView {
        let counted = self.used.of(unit);
        let configured = self.limits.and_then(|it| Some((it, it.hard(self.period, unit)?)));
        let told = self.told.filter(|_| unit == Unit::Tokens);
        let (used, limited) = match (configured, told) {
            (Some((limits, hard)), _) => (counted, Some((hard, limits.soft(hard), false))),
            (None, Some(told)) => (told.used, Some((told.limit, told.limit, true))),
            (None, None) => (counted, None),
        };
        let limited = limited.map(|(hard, soft, reported)| {
            let remaining = hard.saturating_sub(used);
            let kind = (self.period, unit);
            Limited {
                limit: unit.number(hard),
                soft_limit: unit.number(soft),
                remaining: unit.number(remaining),
                used_ratio: if hard == 0 { 1.0 } else { used as f64 / hard as f64 },
                state: match used {
                    used if used >= hard => LimitState::Hard,
                    used if used >= soft => LimitState::Soft,
                    _ => LimitState::Ok,
                },
                forecast: forecast(self.account, kind, remaining, self.now_ns, self.resets_ns),
                reported,
            }
        });
        let reserved = unit.number(self.held.of(unit));
        UnitView { unit, used: unit.number(used), reserved, limited }
    }
}
