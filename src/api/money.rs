//! The money of some calls of models.
//!
//! Invariant: a cost that nobody said is unpriced, never 0.

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

/// What some calls cost, as far as anybody said it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Cost {
    /// The sum of the known costs; `None` where none is known.
    usd: Option<f64>,
    /// Calls without a price, less the prices that came with a second report of a call. The two
    /// may be met in either order.
    unpriced: i64,
}

/// How much of a cost is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CostState {
    /// No call that could have cost anything.
    None,
    /// The cost of every call is known.
    Priced,
    /// That of some is.
    Partial,
    /// That of none is.
    Unpriced,
}

impl Cost {
    /// Adds one report of a call: whether it counts as a call of its own, what it adds to the
    /// sum, and whether the call failed.
    pub(super) fn add(&mut self, counts: bool, usd: Option<f64>, failed: bool) {
        if let Some(usd) = usd {
            self.usd = Some(self.usd.unwrap_or(0.0) + usd);
        }
        // A failed call that nobody priced cost nothing that anybody knows of, and the price
        // that the first report of a call lacked may come with the second.
        self.unpriced += i64::from(counts && usd.is_none() && !failed);
        self.unpriced -= i64::from(!counts && usd.is_some());
    }

    /// Adds another sum.
    pub(super) fn merge(&mut self, other: Self) {
        if let Some(usd) = other.usd {
            self.usd = Some(self.usd.unwrap_or(0.0) + usd);
        }
        self.unpriced += other.unpriced;
    }

    /// The sum of the known costs in USD, to a millionth of a millionth: 0.1 and 0.2 are 0.3.
    pub(super) fn usd(&self) -> Option<f64> {
        self.usd.map(|usd| (usd * 1e12).round() / 1e12)
    }

    /// Calls that could have cost something of which nobody said how much.
    pub(super) fn unpriced_calls(&self) -> u64 {
        u64::try_from(self.unpriced).unwrap_or(0)
    }

    /// How much of it is known.
    pub(super) fn state(&self) -> CostState {
        match (self.usd, self.unpriced_calls()) {
            (None, 0) => CostState::None,
            (None, _) => CostState::Unpriced,
            (Some(_), 0) => CostState::Priced,
            (Some(_), _) => CostState::Partial,
        }
    }
}

impl Serialize for Cost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Cost", 3)?;
        fields.serialize_field("usd", &self.usd())?;
        fields.serialize_field("state", &self.state())?;
        fields.serialize_field("unpriced_calls", &self.unpriced_calls())?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpriced_is_a_state_and_never_zero() {
        let mut cost = Cost::default();
        assert_eq!((cost.state(), cost.usd()), (CostState::None, None));
        cost.add(true, None, true);
        assert_eq!((cost.state(), cost.usd()), (CostState::None, None));
        cost.add(true, None, false);
        assert_eq!((cost.state(), cost.usd()), (CostState::Unpriced, None));
        cost.add(true, Some(0.0), false);
        assert_eq!((cost.state(), cost.usd()), (CostState::Partial, Some(0.0)));
        // The second report of the unpriced call brings its price.
        cost.add(false, Some(0.5), false);
        assert_eq!((cost.state(), cost.usd()), (CostState::Priced, Some(0.5)));
    }

    #[test]
    fn the_order_of_reports_does_not_matter() {
        let mut cost = Cost::default();
        cost.add(false, Some(0.5), false);
        cost.add(true, None, false);
        assert_eq!((cost.state(), cost.unpriced_calls()), (CostState::Priced, 0));
        let mut sum = Cost::default();
        sum.add(true, None, false);
        sum.merge(cost);
        assert_eq!((sum.state(), sum.usd()), (CostState::Partial, Some(0.5)));
    }

    #[test]
    fn sums_of_money_are_written_as_people_add_them() {
        let mut cost = Cost::default();
        cost.add(true, Some(0.1), false);
        cost.add(true, Some(0.2), false);
        let expected = serde_json::json!({ "usd": 0.3, "state": "priced", "unpriced_calls": 0 });
        assert_eq!(serde_json::to_value(cost).unwrap(), expected);
    }
}
