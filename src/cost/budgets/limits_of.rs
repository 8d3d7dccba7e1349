//! Who has a budget, and what its limits are.

use super::amounts::{Period, Unit};

/// Who pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Payer {
    /// A tenant: every call has one, even if it is `unknown`.
    Tenant,
    /// A team: a call may have none.
    Team,
}

/// The limits of one budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// The row of the configuration: a name, or `default`.
    pub row: String,
    /// Limits by period and unit, in tokens and picodollars.
    pub(super) hard: [[Option<u128>; 2]; 2],
    /// The part of a limit from which on people are warned.
    pub(super) soft_ratio: f64,
    /// Whether calls beyond a limit are refused.
    pub(super) enforced: bool,
}

impl Payer {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Tenant, Self::Team];

    /// The name in answers and labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Team => "team",
        }
    }
}

impl Limits {
    /// The limit of a period in a unit.
    pub(super) fn hard(&self, period: Period, unit: Unit) -> Option<u128> {
        self.hard[period as usize][unit as usize]
    }

    /// From where on people are warned, of a limit of these.
    pub(super) fn soft(&self, hard: u128) -> u128 {
        // Exact for tokens; of money it may be off by less than a millionth of a dollar.
        ((hard as f64 * self.soft_ratio).ceil() as u128).min(hard)
    }

    /// All limits that are set.
    pub(super) fn each(&self) -> impl Iterator<Item = (Period, Unit, u128)> + '_ {
        let all = Period::ALL.into_iter().flat_map(|period| Unit::ALL.map(|unit| (period, unit)));
        all.filter_map(|(period, unit)| Some((period, unit, self.hard(period, unit)?)))
    }
}
