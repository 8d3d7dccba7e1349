//! What the gateway counts itself. Its calls are counted from the log, like all others.

use ::metrics::Gauge;

use super::catalog;
use super::registry::Registry;

/// Handles of the gateway.
#[derive(Debug, Clone)]
pub struct Gateway {
    registry: Registry,
}

impl Gateway {
    /// The handles.
    pub fn new(registry: &Registry) -> Self {
        Self { registry: registry.clone() }
    }

    /// These upstreams and reasons can occur: their counters stand at 0, so that the first one is
    /// an increase for Prometheus.
    pub fn expect<'a>(
        &self,
        ids: impl Iterator<Item = &'a str>,
        failures: &[&'static str],
        unmetered: &[&'static str],
        unrecorded: &[&'static str],
    ) {
        for id in ids {
            self.active(id).set(0.0);
            for reason in failures {
                self.registry.counter(&catalog::GATEWAY_FAILURES, &[id, reason]).increment(0);
            }
        }
        for reason in unmetered {
            self.registry.counter(&catalog::GATEWAY_UNMETERED, &[reason]).increment(0);
        }
        for reason in unrecorded {
            self.unrecorded(reason, 0);
        }
    }

    /// The gauge of requests that pass to an upstream.
    pub fn active(&self, id: &str) -> Gauge {
        self.registry.gauge(&catalog::GATEWAY_ACTIVE, &[id])
    }

    /// A call did not end as it should have.
    pub fn failed(&self, id: &str, reason: &'static str) {
        self.registry.counter(&catalog::GATEWAY_FAILURES, &[id, reason]).increment(1);
    }

    /// Not all of an answer could be read.
    pub fn unmetered(&self, reason: &'static str) {
        self.registry.counter(&catalog::GATEWAY_UNMETERED, &[reason]).increment(1);
    }

    /// Calls could not be recorded.
    pub fn unrecorded(&self, reason: &'static str, calls: u64) {
        self.registry.counter(&catalog::GATEWAY_UNRECORDED, &[reason]).increment(calls);
    }
}
