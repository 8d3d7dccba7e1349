//! The price table, measured.

use ::metrics::{Counter, Gauge};

use super::catalog;
use super::registry::Registry;

/// Handles of what is measured of the price table.
#[derive(Debug, Clone)]
pub struct PricePack {
    build: Gauge,
    size: Gauge,
    freshness: Gauge,
    stale: Gauge,
    failing: Gauge,
    failures: Counter,
}

impl PricePack {
    /// The handles.
    pub fn new(registry: &Registry) -> Self {
        Self {
            build: registry.gauge(&catalog::PRICING_BUILD_DURATION, &[]),
            size: registry.gauge(&catalog::PRICING_SIZE, &[]),
            freshness: registry.gauge(&catalog::PRICING_FRESHNESS, &[]),
            stale: registry.gauge(&catalog::PRICING_STALE, &[]),
            failing: registry.gauge(&catalog::PRICING_FAILING, &[]),
            failures: registry.counter(&catalog::PRICING_RELOAD_FAILURES, &[]),
        }
    }

    /// The table in force was built in this time and has this size.
    pub fn built(&self, seconds: f64, bytes: u64) {
        self.build.set(seconds);
        self.size.set(bytes as f64);
    }

    /// How old its newest source is, and whether it is what the files say.
    pub fn age(&self, seconds: f64, stale: bool, failing: bool) {
        self.freshness.set(seconds);
        self.stale.set(f64::from(u8::from(stale)));
        self.failing.set(f64::from(u8::from(failing)));
    }

    /// Changed files could not be taken.
    pub fn failed(&self) {
        self.failures.increment(1);
    }
}
