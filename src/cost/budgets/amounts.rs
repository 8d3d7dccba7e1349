//! Tokens and money as whole numbers, so that sums do not depend on the order of adding.

use serde::{Deserialize, Serialize};

use crate::limits;

/// A millionth of a millionth of a dollar: the finest price of a token is a thousand of them.
const PER_USD: f64 = 1e12;

/// What one budget bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Prompt and completion tokens.
    Tokens,
    /// US dollars, counted in picodollars.
    Usd,
}

/// How long one budget lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// A calendar day of the configured time zone.
    Daily,
    /// A calendar month.
    Monthly,
}

/// An amount of each unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Amounts {
    pub(super) tokens: u128,
    pub(super) picodollars: u128,
}

impl Unit {
    /// Both, in the order in which they are told.
    pub const ALL: [Self; 2] = [Self::Tokens, Self::Usd];

    /// The name in answers and labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Usd => "usd",
        }
    }

    /// An amount as people read it: tokens, or US dollars.
    pub fn number(self, amount: u128) -> f64 {
        match self {
            Self::Tokens => amount as f64,
            Self::Usd => amount as f64 / PER_USD,
        }
    }
}

impl Period {
    /// Both, the shorter first.
    pub const ALL: [Self; 2] = [Self::Daily, Self::Monthly];

    /// The name in answers and labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Monthly => "monthly",
        }
    }
}

impl Amounts {
    pub(super) fn of(self, unit: Unit) -> u128 {
        match unit {
            Unit::Tokens => self.tokens,
            Unit::Usd => self.picodollars,
        }
    }

    /// Adds. Bounds keep real sums far from the largest number, so stopping there is never seen.
    pub(super) fn add(&mut self, other: Self) {
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.picodollars = self.picodollars.saturating_add(other.picodollars);
    }

    pub(super) fn take(&mut self, other: Self) {
        self.tokens = self.tokens.saturating_sub(other.tokens);
        self.picodollars = self.picodollars.saturating_sub(other.picodollars);
    }
}

/// An amount of US dollars; `None` for what no amount is.
pub(super) fn picodollars(usd: f64) -> Option<u128> {
    (usd.is_finite() && usd >= 0.0).then(|| (usd * PER_USD).round() as u128)
}

/// The cost of one call, unless it is a mistake.
pub(super) fn cost_of_call(usd: f64) -> Option<u128> {
    picodollars(usd).filter(|_| usd <= limits::CALL_COST_USD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_counted_exactly() {
        assert_eq!(picodollars(0.1).map(|a| a * 3), picodollars(0.3));
        assert_eq!(picodollars(1.5e-7), Some(150_000));
        assert_eq!(Unit::Usd.number(300_000_000_000), 0.3);
        for wrong in [-0.01, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(picodollars(wrong), None, "{wrong}");
        }
        assert_eq!(cost_of_call(limits::CALL_COST_USD * 2.0), None);
        assert!(cost_of_call(limits::CALL_COST_USD).is_some());
    }
}
