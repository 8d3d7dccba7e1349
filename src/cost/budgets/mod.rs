//! Budgets of tenants and teams: what they used, what is reserved, what is left.
//!
//! The [`Book`](book::Book) is a projection of the log, so it is after a kill -9 what it would
//! have been without one. Reservations are memory only: the calls they stand for die with the
//! process. Both stand behind one lock, so that of two calls that ask for the last tokens one is
//! refused, and what was reserved is released in the step that counts it.

mod account;
mod amounts;
mod book;
mod calendar;
mod desk;
mod forecast;
mod limits_of;
mod plan;
mod projection;
mod reported;
mod reservations;
mod view;
mod warning;

#[cfg(test)]
mod tests;

pub use amounts::{Period, Unit};
pub use desk::{Budgets, BudgetsObserver};
pub use forecast::Forecast;
pub use limits_of::{Limits, Payer};
pub use plan::{Plan, UnknownZone};
pub use reported::{Outcome, What};
pub use view::{BudgetView, LimitState, Limited, PeriodView, Report, UnitView};
