//! Where calls are asked for and counted: one lock over the book and what is reserved.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::amounts::{Amounts, Period, Unit, picodollars};
use super::book::{Book, OTHER, UNKNOWN, clean};
use super::calendar::Calendar;
use super::limits_of::{Limits, Payer};
use super::plan::Plan;
use super::reservations::Reservations;
use super::warning::Warning;
use crate::model::{Ask, Exhausted, Leave, Notices, SpanId, Spending, Why};

/// Budgets of tenants and teams. Clones share them.
#[derive(Clone)]
pub struct Budgets {
    pub(super) plan: Arc<Plan>,
    pub(super) state: Arc<Mutex<State>>,
    pub(super) observer: Arc<dyn BudgetsObserver>,
    pub(super) notices: Arc<dyn Notices>,
}

/// Hears what happens to calls that are asked for.
pub trait BudgetsObserver: Send + Sync {
    /// A call was refused.
    fn refused(&self, payer: Payer, period: Period, unit: Unit);

    /// A call without a known price was asked for under an enforced budget in USD.
    fn unpriced(&self, allowed: bool);

    /// Calls for which something was reserved were never reported.
    fn expired(&self, calls: u64);
}

/// What stands behind the lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) book: Book,
    pub(super) calendar: Calendar,
    pub(super) reservations: Reservations,
}

/// One budget that an ask touches.
struct Touched<'p> {
    payer: Payer,
    name: Box<str>,
    limits: &'p Limits,
    period: Period,
    unit: Unit,
    limit: u128,
    /// Used and reserved by others.
    taken: u128,
    /// What the ask would add.
    asked: u128,
    resets_ns: u64,
}

impl Budgets {
    /// Budgets by a plan, of which nothing is used.
    pub fn new(plan: Plan, observer: Arc<dyn BudgetsObserver>, notices: Arc<dyn Notices>) -> Self {
        let calendar = Calendar::new(plan.zone.clone());
        let state = State { book: Book::new(), calendar, reservations: Reservations::default() };
        Self { plan: Arc::new(plan), state: Arc::new(Mutex::new(state)), observer, notices }
    }

    /// A panic elsewhere leaves a book that is at most one call short.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Every limit that an ask has to do with.
    fn touched<'p>(&mut self, plan: &'p Plan, ask: &Ask<'_>, amounts: Amounts) -> Vec<Touched<'p>> {
        let place = self.calendar.place(ask.now_ns);
        let mut touched = Vec::new();
        for (payer, name) in Payer::ALL.into_iter().zip(accounts(&self.book, plan, ask)) {
            let Some(name) = name else { continue };
            let Some(limits) = plan.limits(payer, &name) else { continue };
            let held = self.reservations.held_but(payer, &name, ask.span);
            for (period, unit, limit) in limits.each() {
                let number = place.of(period);
                let account = self.book.account(payer, &name);
                let used = account.map_or(0, |it| it.spent(period, number).used.of(unit));
                touched.push(Touched {
                    payer,
                    name: name.clone(),
                    limits,
                    period,
                    unit,
                    limit,
                    taken: used.saturating_add(held.of(unit)),
                    asked: amounts.of(unit),
                    resets_ns: self.calendar.bounds(period, number).1,
                });
            }
        }
        touched
    }
}

/// The accounts that an ask is charged to.
fn accounts(book: &Book, plan: &Plan, ask: &Ask<'_>) -> [Option<Box<str>>; 2] {
    let account = |payer, name: Option<&str>| {
        name.map(|name| book.account_of(plan, payer, &clean(name)).into())
    };
    let tenant = ask.tenant.unwrap_or(UNKNOWN);
    [account(Payer::Tenant, Some(tenant)), account(Payer::Team, ask.team)]
}

impl Touched<'_> {
    /// Whether the call may not be made for it. A call of which no price is known needs leave.
    fn refuses(&self, priced: bool, unpriced_allowed: bool) -> Option<Why> {
        let beyond = self.taken >= self.limit || self.taken.saturating_add(self.asked) > self.limit;
        let unknown = self.unit == Unit::Usd && !priced && !unpriced_allowed;
        let why = match (beyond, unknown) {
            (true, _) => Some(Why::UsedUp),
            (false, true) => Some(Why::Unpriced),
            (false, false) => None,
        };
        why.filter(|_| self.limits.enforced)
    }

    fn exhausted(&self, why: Why) -> Exhausted {
        Exhausted {
            why,
            budget: format!("{} {}", self.payer.name(), self.name),
            period: self.period.name(),
            unit: self.unit.name(),
            limit: self.unit.number(self.limit),
            used: self.unit.number(self.taken),
            resets_at_ns: self.resets_ns,
        }
    }

    fn warning(&self) -> Option<Warning<'_>> {
        let taken = self.taken.saturating_add(self.asked);
        (taken > 0 && taken >= self.limits.soft(self.limit)).then_some(Warning {
            payer: self.payer,
            name: &self.name,
            period: self.period,
            unit: self.unit,
            limit: self.limit,
            taken,
            resets_ns: self.resets_ns,
        })
    }
}

impl Spending for Budgets {
    fn reserve(&self, ask: &Ask<'_>) -> Result<Leave, Exhausted> {
        let priced = ask.usd.and_then(picodollars);
        let amounts =
            Amounts { tokens: ask.tokens.into(), picodollars: priced.unwrap_or_default() };
        let mut state = self.state();
        let touched = state.touched(&self.plan, ask, amounts);
        let priced = priced.is_some();
        let enforced = |it: &&Touched<'_>| it.limits.enforced;
        if !priced && touched.iter().filter(enforced).any(|it| it.unit == Unit::Usd) {
            self.observer.unpriced(self.plan.unpriced_allowed);
        }
        let full = state.reservations.is_full();
        let refusing = touched.iter().filter_map(|it| {
            let no_room = (full && it.limits.enforced).then_some(Why::UsedUp);
            Some((it, it.refuses(priced, self.plan.unpriced_allowed).or(no_room)?))
        });
        // Of several the one that lasts longest: before its end asking again is in vain.
        if let Some((refusing, why)) = refusing.max_by_key(|(it, _)| it.resets_ns) {
            self.observer.refused(refusing.payer, refusing.period, refusing.unit);
            return Err(refusing.exhausted(why));
        }
        let accounts = accounts(&state.book, &self.plan, ask);
        if !full {
            state.reservations.hold(ask.span, accounts, amounts, ask.now_ns);
        }
        drop(state);
        let warnings = touched.iter().filter_map(Touched::warning);
        let worst = warnings.max_by(|one, other| one.part().total_cmp(&other.part()));
        Ok(Leave { warning: worst.map(|worst| worst.text(&self.plan.zone)) })
    }

    fn release(&self, span: SpanId) {
        self.state().reservations.release(span);
    }
}

impl std::fmt::Debug for Budgets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Budgets").field("plan", &self.plan).finish_non_exhaustive()
    }
}

/// Whether an account is shared by those for whom there is no room.
pub(super) fn is_shared(name: &str) -> bool {
    name == OTHER
}
