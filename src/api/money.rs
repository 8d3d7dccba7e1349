//! The money of some calls of models.
//!
//! Invariant: a cost that nobody knows is unpriced, never 0.

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::model::{self, Settled};
use crate::storage::query::SpanRow;

/// What some calls cost, as far as anybody knows it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Cost {
    /// The sum of the known costs; `None` where none is known.
    usd: Option<f64>,
    /// Calls without a price, less the prices that came with a second report of a call. The two
    /// may be met in either order.
    unpriced: i64,
    /// Calls of whose cost a part is not known.
    partial: u64,
    /// Calls whose tokens were estimated.
    estimated: u64,
}

/// How much of a cost is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CostState {
    /// No call that could have cost anything.
    None,
    /// The cost of every call is known.
    Priced,
    /// It is, with tokens that were estimated.
    Estimated,
    /// That of some is not, or not all of it.
    Partial,
    /// That of none is.
    Unpriced,
}

/// One report of a call: whether it counts as a call of its own, what it adds to the sum, what
/// it is the first to tell of the call's cost, and whether the call failed.
#[derive(Debug, Clone, Copy)]
struct Told {
    counts: bool,
    usd: Option<f64>,
    state: Option<model::CostState>,
    failed: bool,
}

impl Cost {
    /// Adds a row.
    pub(super) fn add_row(&mut self, row: &SpanRow<'_>) {
        let SpanRow { counts, cost_usd: usd, cost_state: state, failed, .. } = *row;
        self.add(Told { counts, usd, state, failed });
    }

    /// Adds what a ledger says of a report.
    pub(super) fn add_settled(&mut self, settled: &Settled, failed: bool) {
        let Settled { counts, cost_usd: usd, cost_state: state, .. } = *settled;
        self.add(Told { counts, usd, state, failed });
    }

    fn add(&mut self, Told { counts, usd, state, failed }: Told) {
        if let Some(usd) = usd {
            self.usd = Some(self.usd.unwrap_or(0.0) + usd);
        }
        // A failed call that nobody priced cost nothing that anybody knows of, and the price
        // that the first report of a call lacked may come with the second.
        self.unpriced += i64::from(counts && usd.is_none() && !failed);
        self.unpriced -= i64::from(!counts && usd.is_some() && state.is_some());
        if usd.is_some() {
            self.partial += u64::from(state == Some(model::CostState::Partial));
            self.estimated += u64::from(state == Some(model::CostState::Estimated));
        }
    }

    /// Adds another sum.
    pub(super) fn merge(&mut self, other: Self) {
        if let Some(usd) = other.usd {
            self.usd = Some(self.usd.unwrap_or(0.0) + usd);
        }
        self.unpriced += other.unpriced;
        self.partial += other.partial;
        self.estimated += other.estimated;
    }

    /// The sum of the known costs in USD, to a millionth of a millionth: 0.1 and 0.2 are 0.3.
    pub(super) fn usd(&self) -> Option<f64> {
        self.usd.map(|usd| (usd * 1e12).round() / 1e12)
    }

    /// Calls that could have cost something of which nobody knows how much.
    pub(super) fn unpriced_calls(&self) -> u64 {
        u64::try_from(self.unpriced).unwrap_or(0)
    }

    /// How much of it is known.
    pub(super) fn state(&self) -> CostState {
        match (self.usd, self.unpriced_calls()) {
            (None, 0) => CostState::None,
            (None, _) => CostState::Unpriced,
            (Some(_), 0) if self.partial > 0 => CostState::Partial,
            (Some(_), 0) if self.estimated > 0 => CostState::Estimated,
            (Some(_), 0) => CostState::Priced,
            (Some(_), _) => CostState::Partial,
        }
    }
}

/// A version of the price table as answers write it.
pub(super) fn version(version: u64) -> Option<String> {
    (version > 0).then(|| format!("{version:016x}"))
}

impl Serialize for Cost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let told = [self.partial, self.estimated].iter().filter(|calls| **calls > 0).count();
        let mut fields = serializer.serialize_struct("Cost", 3 + told)?;
        fields.serialize_field("usd", &self.usd())?;
        fields.serialize_field("state", &self.state())?;
        fields.serialize_field("unpriced_calls", &self.unpriced_calls())?;
        // Most have none of these.
        if self.partial > 0 {
            fields.serialize_field("partial_calls", &self.partial)?;
        }
        if self.estimated > 0 {
            fields.serialize_field("estimated_calls", &self.estimated)?;
        }
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CostState as State;

    fn told(counts: bool, usd: Option<f64>, failed: bool) -> Told {
        let state = usd.map(|_| State::Priced);
        Told { counts, usd, state, failed }
    }

    #[test]
    fn unpriced_is_a_state_and_never_zero() {
        let mut cost = Cost::default();
        assert_eq!((cost.state(), cost.usd()), (CostState::None, None));
        cost.add(told(true, None, true));
        assert_eq!((cost.state(), cost.usd()), (CostState::None, None));
        cost.add(told(true, None, false));
        assert_eq!((cost.state(), cost.usd()), (CostState::Unpriced, None));
        cost.add(told(true, Some(0.0), false));
        assert_eq!((cost.state(), cost.usd()), (CostState::Partial, Some(0.0)));
        // The second report of the unpriced call brings its price.
        cost.add(told(false, Some(0.5), false));
        assert_eq!((cost.state(), cost.usd()), (CostState::Priced, Some(0.5)));
    }

    #[test]
    fn the_order_of_reports_does_not_matter() {
        let mut cost = Cost::default();
        cost.add(told(false, Some(0.5), false));
        cost.add(told(true, None, false));
        assert_eq!((cost.state(), cost.unpriced_calls()), (CostState::Priced, 0));
        let mut sum = Cost::default();
        sum.add(told(true, None, false));
        sum.merge(cost);
        assert_eq!((sum.state(), sum.usd()), (CostState::Partial, Some(0.5)));
    }

    #[test]
    fn sums_of_money_are_written_as_people_add_them() {
        let mut cost = Cost::default();
        cost.add(told(true, Some(0.1), false));
        cost.add(told(true, Some(0.2), false));
        let expected = serde_json::json!({ "usd": 0.3, "state": "priced", "unpriced_calls": 0 });
        assert_eq!(serde_json::to_value(cost).unwrap(), expected);
    }

    #[test]
    fn the_rest_of_a_known_cost_prices_no_other_call() {
        let mut cost = Cost::default();
        cost.add(told(true, None, false));
        cost.add(told(true, Some(0.25), false));
        // The second report of the second call says that it cost more.
        cost.add(Told { state: None, ..told(false, Some(0.5), false) });
        assert_eq!((cost.usd(), cost.unpriced_calls()), (Some(0.75), 1));
    }

    #[test]
    fn what_is_not_sure_is_told() {
        let mut cost = Cost::default();
        cost.add(Told { state: Some(State::Estimated), ..told(true, Some(1.0), false) });
        assert_eq!(cost.state(), CostState::Estimated);
        cost.add(Told { state: Some(State::Partial), ..told(true, Some(1.0), false) });
        let expected = serde_json::json!({
            "usd": 2.0, "state": "partial", "unpriced_calls": 0, "partial_calls": 1,
            "estimated_calls": 1,
        });
        assert_eq!(serde_json::to_value(cost).unwrap(), expected);
    }
}
