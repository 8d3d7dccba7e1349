//! What one call or several amount to, part by part.

use crate::model::{LlmCall, Usage};

/// Calls, first tokens, five kinds of tokens and the cost, in whole units so that no order of
/// addition gives another sum. The cost is in 10^-12 USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals(pub(super) [u64; Self::PARTS]);

const PICODOLLARS_PER_USD: f64 = 1e12;

impl Totals {
    /// How many parts there are.
    pub(super) const PARTS: usize = 8;

    /// One call with what it reports.
    pub(super) fn of(call: &LlmCall<'_>) -> Self {
        let Usage { input, output, cached, cache_write, reasoning } = call.usage;
        let tokens = [input, output, cached, cache_write, reasoning].map(Option::unwrap_or_default);
        let [input, output, cached, cache_write, reasoning] = tokens;
        let first_tokens = u64::from(call.time_to_first_token_seconds.is_some());
        let cost = call.reported_cost_usd.map_or(0, picodollars);
        Self([1, first_tokens, input, output, cached, cache_write, reasoning, cost])
    }

    pub(super) fn calls(&self) -> u64 {
        self.0[0]
    }

    pub(super) fn first_tokens(&self) -> u64 {
        self.0[1]
    }

    /// The tokens of these totals, for a report that has `reported` them. A part without
    /// anything to add is `None`, except that a counted call says its zeros.
    pub(super) fn usage(&self, reported: Usage, counts: bool) -> Usage {
        let part = |amount: u64, reported: Option<u64>| {
            (amount > 0 || (counts && reported.is_some())).then_some(amount)
        };
        Usage {
            input: part(self.0[2], reported.input),
            output: part(self.0[3], reported.output),
            cached: part(self.0[4], reported.cached),
            cache_write: part(self.0[5], reported.cache_write),
            reasoning: part(self.0[6], reported.reasoning),
        }
    }

    /// The cost of these totals in USD, for a report that has `reported` one.
    pub(super) fn cost(&self, reported: Option<f64>, counts: bool) -> Option<f64> {
        match reported {
            // What is added whole keeps all its digits.
            Some(usd) if self.0[7] == picodollars(usd) => (counts || usd > 0.0).then_some(usd),
            Some(_) if counts => Some(self.0[7] as f64 / PICODOLLARS_PER_USD),
            _ => (self.0[7] > 0).then(|| self.0[7] as f64 / PICODOLLARS_PER_USD),
        }
    }

    /// What a report amounts to that has these reports inside it. Calls: at least its own one.
    /// Everything else is told best by who stands nearest to the wire; what those inside leave
    /// out, the outer one supplies.
    pub(super) fn around(self, inner: Self) -> Self {
        let mut amount = inner.or(self);
        amount.0[0] = self.0[0].max(inner.0[0]);
        amount
    }

    /// The parts of this, and where there are none, those of the other.
    pub(super) fn or(self, other: Self) -> Self {
        self.zip(other, |ours, theirs| if ours > 0 { ours } else { theirs })
    }

    pub(super) fn plus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_add)
    }

    /// The difference, where it is positive.
    pub(super) fn minus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_sub)
    }

    fn zip(self, other: Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|part| combine(self.0[part], other.0[part])))
    }
}

/// A cost that is finite and not negative, as `understand` gives it.
fn picodollars(usd: f64) -> u64 {
    (usd * PICODOLLARS_PER_USD).round() as u64
}
