//! Bounds of budgets.

/// Tenants, and as many teams, whose use is told apart beside those that the configuration names;
/// further ones share the account `other`. An account takes about a kilobyte.
pub const BUDGET_ACCOUNTS: usize = 1_000;
/// Tenants, and as many teams, with a budget that the metrics page shows, by name; the API shows
/// all. With both periods and units it is some thousand series.
pub const BUDGET_SERIES: usize = 200;
/// The largest limit in tokens: beyond what a platform uses, and sums with it cannot overflow.
pub const BUDGET_TOKENS: u64 = 1_000_000_000_000_000;
/// The largest limit in USD.
pub const BUDGET_USD: f64 = 1e9;
/// Calls in flight for which something is reserved: far above the connections that a listener
/// holds.
pub const BUDGET_RESERVATIONS: usize = 65_536;
/// How long something stays reserved for a call that is never reported. Longer than any call
/// takes, so that what is in flight always counts.
pub const BUDGET_RESERVATION_SECONDS: u64 = 7_200;
/// Hours of use that are remembered for the forecast of a month; a day is forecast by fewer.
pub const BUDGET_HOURS: u64 = 24;
/// Hours by which a day is forecast.
pub const BUDGET_HOURS_OF_DAY: u64 = 6;
/// Use of less time than this says nothing of the time to come.
pub const BUDGET_FORECAST_SECONDS: u64 = 600;

const _: () = assert!(BUDGET_HOURS_OF_DAY <= BUDGET_HOURS);
