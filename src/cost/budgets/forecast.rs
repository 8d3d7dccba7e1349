//! When a budget will be used up, if use goes on as in the last hours.

use super::account::{Account, HOUR_NS};
use super::amounts::{Period, Unit};
use crate::limits;

/// What is to be expected of a budget before its period ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forecast {
    /// Nothing is left already.
    Exhausted,
    /// It will last until about then, in nanoseconds since the Unix epoch.
    ExhaustedAt(u64),
    /// It will last until the period ends.
    Lasts,
    /// There is too little use to tell.
    Unknown,
}

impl Forecast {
    /// The name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::ExhaustedAt(_) => "exhausted_at",
            Self::Lasts => "lasts",
            Self::Unknown => "unknown",
        }
    }
}

/// Draws a line through the use of the last hours.
pub(super) fn forecast(
    account: &Account,
    (period, unit): (Period, Unit),
    remaining: u128,
    now_ns: u64,
    resets_ns: u64,
) -> Forecast {
    if remaining == 0 {
        return Forecast::Exhausted;
    }
    let hours = match period {
        Period::Daily => limits::BUDGET_HOURS_OF_DAY,
        Period::Monthly => limits::BUDGET_HOURS,
    };
    // The current hour, which is not over, and the full ones before it.
    let first_hour = (now_ns / HOUR_NS).saturating_sub(hours - 1);
    let from_ns = (first_hour * HOUR_NS).max(account.first_ns);
    let elapsed = now_ns.saturating_sub(from_ns) as f64 / 1e9;
    if account.first_ns == 0 || elapsed < limits::BUDGET_FORECAST_SECONDS as f64 {
        return Forecast::Unknown;
    }
    let recent = account.hours.iter().filter(|(hour, _)| *hour >= first_hour);
    let used: u128 = recent.map(|(_, amounts)| amounts.of(unit)).sum();
    if used == 0 {
        return Forecast::Lasts;
    }
    let seconds = remaining as f64 / (used as f64 / elapsed);
    let at_ns = now_ns.saturating_add((seconds * 1e9) as u64);
    if at_ns < resets_ns { Forecast::ExhaustedAt(at_ns) } else { Forecast::Lasts }
}

#[cfg(test)]
mod tests {
    use super::super::amounts::Amounts;
    use super::super::calendar::Place;
    use super::*;
    use crate::cost::budgets::account::Entry;

    /// An account that used so many tokens at these times, in hours.
    fn account(uses: &[(f64, u128)]) -> Account {
        let mut account = Account::default();
        for (hours, tokens) in uses {
            let at_ns = (hours * HOUR_NS as f64) as u64;
            let at = Place { day: (at_ns / HOUR_NS / 24) as i32, month: 0 };
            let amounts = Amounts { tokens: *tokens, picodollars: 0 };
            let (arrived_ns, arrived) = (at_ns, at);
            account.add(&Entry { at_ns, at, arrived_ns, arrived, amounts, unpriced: 0 });
        }
        account
    }

    fn check(uses: &[(f64, u128)], remaining: u128, now: f64, resets: f64, expected: Forecast) {
        let hours = |hours: f64| (hours * HOUR_NS as f64) as u64;
        let daily = (Period::Daily, Unit::Tokens);
        let found = forecast(&account(uses), daily, remaining, hours(now), hours(resets));
        // To a second.
        let rounded = |forecast| match forecast {
            Forecast::ExhaustedAt(at_ns) => {
                Forecast::ExhaustedAt((at_ns + 500_000_000) / 1_000_000_000)
            }
            other => other,
        };
        assert_eq!(rounded(found), rounded(expected), "{uses:?} {remaining} at {now}");
    }

    #[test]
    fn a_line_through_the_last_hours() {
        let at = |hours: f64| Forecast::ExhaustedAt((hours * HOUR_NS as f64) as u64);
        let steady: Vec<(f64, u128)> = (0..12).map(|hour| (100.0 + hour as f64, 100)).collect();
        // Six hours, the current one just over: a hundred an hour.
        check(&steady, 200, 112.0 - 1e-9, 120.0, at(114.0 - 1e-9));
        check(&steady, 900, 112.0, 120.0, Forecast::Lasts);
        check(&steady, 0, 112.0, 120.0, Forecast::Exhausted);
        // What was long ago says nothing.
        check(&steady, 200, 130.0, 140.0, Forecast::Lasts);
        // A young account is judged by its own time, and not before there is some.
        check(&[(100.0, 50), (100.5, 50)], 100, 101.0, 120.0, at(102.0));
        check(&[(100.0, 50)], 1, 100.1, 120.0, Forecast::Unknown);
        check(&[], 1, 100.0, 120.0, Forecast::Unknown);
        // Amounts that nobody has.
        check(&[(100.0, u128::MAX >> 1)], 1, 101.0, 120.0, at(101.0));
        check(&[(100.0, 1)], u128::MAX, 101.0, 120.0, Forecast::Lasts);
    }
}
