//! What is configured.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use super::amounts::picodollars;
use super::limits_of::{Limits, Payer};

/// The row that is for everybody who has none.
const DEFAULT: &str = "default";

/// Everything that is configured of budgets.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) zone: TimeZone,
    pub(super) zone_name: String,
    pub(super) unpriced_allowed: bool,
    rows: [HashMap<String, Limits>; 2],
}

/// A name that is no time zone's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not the name of a time zone")]
pub struct UnknownZone(pub String);

impl Plan {
    /// A plan without budgets.
    ///
    /// # Errors
    /// The zone's name is none of IANA's.
    pub fn new(zone: &str, unpriced_allowed: bool) -> Result<Self, UnknownZone> {
        let found = TimeZone::get(zone).map_err(|_| UnknownZone(zone.to_owned()))?;
        let zone_name = zone.to_owned();
        Ok(Self { zone: found, zone_name, unpriced_allowed, rows: Default::default() })
    }

    /// Adds a budget: tokens and US dollars, each of a day and of a month.
    pub fn add(
        &mut self,
        payer: Payer,
        name: &str,
        tokens: [Option<u64>; 2],
        usd: [Option<f64>; 2],
        (soft_ratio, enforced): (f64, bool),
    ) {
        let hard = [0, 1].map(|period: usize| {
            [tokens[period].map(u128::from), usd[period].and_then(picodollars)]
        });
        let limits = Limits { row: name.to_owned(), hard, soft_ratio, enforced };
        self.rows[payer as usize].insert(name.to_owned(), limits);
    }

    /// The limits of an account.
    pub(super) fn limits(&self, payer: Payer, name: &str) -> Option<&Limits> {
        let rows = &self.rows[payer as usize];
        rows.get(name).or_else(|| rows.get(DEFAULT))
    }

    /// Whether an account has a row of its own, and so always a place in the book.
    pub(super) fn names(&self, payer: Payer, name: &str) -> bool {
        self.rows[payer as usize].contains_key(name)
    }

    /// The names with a row of their own, sorted.
    pub(super) fn named(&self, payer: Payer) -> Vec<&str> {
        let rows = self.rows[payer as usize].keys().map(String::as_str);
        let mut names: Vec<&str> = rows.filter(|name| *name != DEFAULT).collect();
        names.sort_unstable();
        names
    }
}
