//! What one call or several amount to, part by part.

use crate::model::{Cost, LlmCall, Rates, Usage};

/// Calls, first tokens, five kinds of tokens, the cost that was reported and the cost that was
/// computed, in whole units so that no order of addition gives another sum. Costs are in 10^-12
/// USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    pub(super) parts: [u64; Self::PARTS],
    /// Of one call whose cost is computed: the rates, so that what another report adds to its
    /// tokens has its price.
    pub(super) rates: Rates,
}

const PICODOLLARS_PER_USD: f64 = 1e12;
const FEMTODOLLARS_PER_PICODOLLAR: i128 = 1_000;

/// Where the reported cost stands, and behind it the computed one.
const REPORTED: usize = 7;
const COMPUTED: usize = 8;

impl Totals {
    /// How many parts there are.
    pub(super) const PARTS: usize = 9;

    /// One call with what it reports.
    pub(super) fn of(call: &LlmCall<'_>) -> Self {
        let Usage { input, output, cached, cache_write, reasoning } = call.usage;
        let tokens = [input, output, cached, cache_write, reasoning].map(Option::unwrap_or_default);
        let [input, output, cached, cache_write, reasoning] = tokens;
        let first_tokens = u64::from(call.time_to_first_token_seconds.is_some());
        let cost = call.cost.usd.map_or(0, picodollars);
        let computed = call.cost.is_computed();
        let (reported, computed) = if computed { (0, cost) } else { (cost, 0) };
        let parts =
            [1, first_tokens, input, output, cached, cache_write, reasoning, reported, computed];
        Self { parts, rates: if computed > 0 { call.rates } else { Rates::default() } }
    }

    pub(super) fn calls(&self) -> u64 {
        self.parts[0]
    }

    pub(super) fn first_tokens(&self) -> u64 {
        self.parts[1]
    }

    /// The tokens of these totals, for a report that has `reported` them. A part without
    /// anything to add is `None`, except that a counted call says its zeros.
    pub(super) fn usage(&self, reported: Usage, counts: bool) -> Usage {
        let part = |amount: u64, reported: Option<u64>| {
            (amount > 0 || (counts && reported.is_some())).then_some(amount)
        };
        Usage {
            input: part(self.parts[2], reported.input),
            output: part(self.parts[3], reported.output),
            cached: part(self.parts[4], reported.cached),
            cache_write: part(self.parts[5], reported.cache_write),
            reasoning: part(self.parts[6], reported.reasoning),
        }
    }

    /// Whether somebody said a cost.
    pub(super) fn is_cost_reported(&self) -> bool {
        self.parts[REPORTED] > 0
    }

    /// Whether anything was spent.
    pub(super) fn has_cost(&self) -> bool {
        self.spent() > 0
    }

    /// The cost of these totals in USD, for a report that says or was computed to have `known`.
    pub(super) fn cost(&self, known: Cost, counts: bool) -> Option<f64> {
        let spent = self.spent();
        match known.usd {
            // What is added whole keeps all its digits.
            Some(usd) if spent == picodollars(usd) => (counts || usd > 0.0).then_some(usd),
            Some(_) if counts => Some(spent as f64 / PICODOLLARS_PER_USD),
            _ => (spent > 0).then(|| spent as f64 / PICODOLLARS_PER_USD),
        }
    }

    fn spent(&self) -> u64 {
        self.parts[REPORTED].saturating_add(self.parts[COMPUTED])
    }

    /// The same for the books of what was counted, which do not care whence a cost comes.
    pub(super) fn counted(mut self) -> Self {
        self.parts[REPORTED] = self.spent();
        self.parts[COMPUTED] = 0;
        self.rates = Rates::default();
        self
    }

    /// What a report amounts to that has these reports inside it. Calls: at least its own one.
    /// Everything else is told best by who stands nearest to the wire; what those inside leave
    /// out, the outer one supplies.
    pub(super) fn around(self, inner: Self) -> Self {
        let mut amount = inner.joined(self);
        amount.parts[0] = self.parts[0].max(inner.parts[0]);
        amount.settled(inner, self)
    }

    /// The parts of this, and where there are none, those of the other.
    pub(super) fn or(self, other: Self) -> Self {
        self.joined(other).settled(self, other)
    }

    fn joined(self, other: Self) -> Self {
        self.zip(other, |ours, theirs| if ours > 0 { ours } else { theirs })
    }

    /// The cost after two reports became one. What anybody reports is the cost; where nobody
    /// does, one call's tokens are priced anew, because each report may have had a part of them.
    fn settled(mut self, nearer: Self, other: Self) -> Self {
        if nearer.parts[REPORTED] > 0 {
            self.parts[COMPUTED] = nearer.parts[COMPUTED];
        } else if other.parts[REPORTED] > 0 {
            self.parts[COMPUTED] = 0;
        } else if self.calls() <= 1 && !self.rates.are_none() {
            let usage = self.usage(Usage::default(), false).completed();
            let cost = self.rates.cost_of(&usage) + FEMTODOLLARS_PER_PICODOLLAR / 2;
            let picodollars = u64::try_from(cost / FEMTODOLLARS_PER_PICODOLLAR);
            self.parts[COMPUTED] = picodollars.unwrap_or(u64::MAX);
        }
        self
    }

    pub(super) fn plus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_add)
    }

    /// The difference, where it is positive.
    pub(super) fn minus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_sub)
    }

    fn zip(self, other: Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        let parts = std::array::from_fn(|part| combine(self.parts[part], other.parts[part]));
        let rates = if self.rates.are_none() { other.rates } else { self.rates };
        Self { parts, rates }
    }
}

/// A cost that is finite and not negative, as `understand` gives it.
fn picodollars(usd: f64) -> u64 {
    (usd * PICODOLLARS_PER_USD).round() as u64
}
