//! What the calls below a span cost and used.

use super::bytes::{Kept, kept};
use super::finding::Used;
use crate::model::{CostState, Settled};

/// Money is added as whole numbers of 1e-10 USD, so that a sum does not depend on its order: a
/// hundredth of the price of one token of the cheapest models.
const PARTS_PER_USD: f64 = 1e10;

/// An amount of money, in parts of a USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Money(i64);

/// What some calls cost and used, together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sums {
    /// The costs that are known.
    pub(super) money: Money,
    /// Additions to it: with none, no cost is known.
    pub(super) priced: u64,
    /// Successful calls of which the cost, or a part of it, is not known, less the costs that
    /// came with a second report of a call.
    /// The two may be met in either order.
    pub(super) unpriced: i64,
    /// Calls of models.
    pub(super) llm_calls: u64,
    /// Calls of tools.
    pub(super) tool_calls: u64,
    /// Prompt and completion tokens.
    pub(super) tokens: u64,
}

kept!(Sums { money, priced, unpriced, llm_calls, tool_calls, tokens });

impl Money {
    pub(super) fn of_usd(usd: f64) -> Self {
        // The cast saturates, and makes 0 of what is no number.
        Self((usd * PARTS_PER_USD).round() as i64)
    }

    pub(super) fn usd(self) -> f64 {
        self.0 as f64 / PARTS_PER_USD
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }

    pub(super) fn subtract(&mut self, other: Self) {
        self.0 = self.0.saturating_sub(other.0);
    }
}

impl Kept for Money {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        i64::read(from).map(Self)
    }
}

impl Sums {
    /// One call of a tool.
    pub(super) const TOOL: Self =
        Self { money: Money(0), priced: 0, unpriced: 0, llm_calls: 0, tool_calls: 1, tokens: 0 };

    /// One report of a call of a model: what of it is to be added.
    pub(super) fn of_call(settled: &Settled, failed: bool) -> Self {
        let (counts, usd) = (settled.counts, settled.cost_usd);
        let usage = settled.usage;
        Self {
            money: Money::of_usd(usd.unwrap_or(0.0)),
            priced: u64::from(usd.is_some()),
            // A failed call that nobody priced cost nothing that anybody knows of.
            unpriced: match (counts, settled.cost_state) {
                _ if failed => 0,
                (true, _) if usd.is_none() => 1,
                (true, Some(CostState::Partial)) => 1,
                (false, Some(CostState::Priced | CostState::Estimated)) => -1,
                _ => 0,
            },
            llm_calls: u64::from(counts),
            tool_calls: 0,
            tokens: usage.input.unwrap_or(0).saturating_add(usage.output.unwrap_or(0)),
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.money.add(other.money);
        self.priced += other.priced;
        self.unpriced += other.unpriced;
        self.llm_calls += other.llm_calls;
        self.tool_calls += other.tool_calls;
        self.tokens = self.tokens.saturating_add(other.tokens);
    }

    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// What was used.
    pub(super) fn used(&self) -> Used {
        let Self { llm_calls, tool_calls, tokens, .. } = *self;
        Used { llm_calls, tool_calls, tokens }
    }

    /// What is known of the cost, in USD; a lower bound where [`Sums::is_lower_bound`].
    pub(super) fn usd(&self) -> Option<f64> {
        (self.priced > 0).then(|| self.money.usd())
    }

    /// Whether calls are among them that have no price.
    pub(super) fn is_lower_bound(&self) -> bool {
        self.unpriced > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reports as (counts, USD, state, failed); expected is what is known, and whether it is all.
    fn check(
        reports: &[(bool, Option<f64>, Option<CostState>, bool)],
        usd: Option<f64>,
        all: bool,
    ) {
        let mut sums = Sums::default();
        for (counts, cost_usd, cost_state, failed) in reports {
            let (counts, cost_usd, cost_state) = (*counts, *cost_usd, *cost_state);
            let settled = Settled { counts, cost_usd, cost_state, ..Settled::default() };
            sums.add(&Sums::of_call(&settled, *failed));
        }
        assert_eq!((sums.usd(), !sums.is_lower_bound()), (usd, all), "{reports:?}");
    }

    #[test]
    fn a_lower_bound_is_called_one() {
        use CostState::{Estimated, Partial, Priced, Unpriced};
        let priced = (true, Some(0.1), Some(Priced), false);
        let unpriced = (true, None, Some(Unpriced), false);
        check(&[], None, true);
        check(&[priced, (true, Some(0.2), Some(Estimated), false)], Some(0.3), true);
        check(&[priced, unpriced], Some(0.1), false);
        check(&[unpriced], None, false);
        check(&[priced, (true, Some(0.2), Some(Partial), false)], Some(0.3), false);
        check(&[priced, (true, None, Some(Unpriced), true)], Some(0.1), true);
        // A second report brings the price, in either order, or adds to a price that was known.
        let second = (false, Some(0.5), Some(Priced), false);
        check(&[unpriced, second], Some(0.5), true);
        check(&[second, unpriced], Some(0.5), true);
        check(&[priced, (false, Some(0.05), None, false), unpriced], Some(0.15), false);
    }
}
