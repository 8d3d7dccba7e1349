//! What a caller is told whose budget runs low.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::amounts::{Period, Unit};
use super::limits_of::Payer;

/// A budget beyond its soft limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Warning<'a> {
    pub(super) payer: Payer,
    pub(super) name: &'a str,
    pub(super) period: Period,
    pub(super) unit: Unit,
    pub(super) limit: u128,
    /// Used and reserved, with what is asked for.
    pub(super) taken: u128,
    pub(super) resets_ns: u64,
}

impl Warning<'_> {
    /// The part of the limit that is taken.
    pub(super) fn part(&self) -> f64 {
        if self.limit == 0 { f64::INFINITY } else { self.taken as f64 / self.limit as f64 }
    }

    pub(super) fn text(&self, zone: &TimeZone) -> String {
        let Self { payer, name, period, unit, .. } = self;
        let amount = |amount| match unit {
            Unit::Tokens => format!("{amount} tokens"),
            Unit::Usd => format!("{:.2} USD", unit.number(amount)),
        };
        let (taken, limit) = (amount(self.taken), amount(self.limit));
        let (payer, period) = (payer.name(), period.name());
        let resets = resets(zone, self.resets_ns);
        format!(
            "The {period} budget of {payer} {name} runs low: {taken} of {limit} are used or \
             reserved. It begins anew at {resets}."
        )
    }
}

/// A moment as it is written in a zone: `2026-11-22T00:00:00+01:00`.
pub(super) fn resets(zone: &TimeZone, at_ns: u64) -> String {
    let at = Timestamp::from_nanosecond(i128::from(at_ns)).unwrap_or(Timestamp::MAX);
    at.display_with_offset(zone.to_offset(at)).to_string()
}
