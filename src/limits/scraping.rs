//! Bounds of the page for Prometheus beyond its number of series.

/// How long an exemplar keeps the place of a bucket against lesser ones, in seconds: some scrapes
/// long, and short enough that a page shows what happened lately.
pub const EXEMPLAR_SECONDS: u32 = 300;
