//! Recording by family and label values, without keeping a handle.
//!
//! A known series costs a hash, a look into a shard and an addition; see the bench `crate`.

use ::metrics::{CounterFn, GaugeFn, HistogramFn};

use super::catalog::{Family, Kind};
use super::family::Cell;
use super::known::LabelSet;
use super::registry::Registry;

impl Registry {
    /// Adds to a counter.
    pub fn count(&self, family: &'static Family, values: &[&str], more: u64) {
        self.record(family, values, |cell| match cell {
            Cell::Counter(cell) => cell.increment(more),
            _ => self.mismatch(family, ()),
        });
    }

    /// Adds to an amount, for instance of money.
    pub fn add_amount(&self, family: &'static Family, values: &[&str], more: f64) {
        self.record(family, values, |cell| match cell {
            Cell::Amount(cell) => cell.add(more),
            _ => self.mismatch(family, ()),
        });
    }

    /// Observes a value in a histogram.
    pub fn observe(&self, family: &'static Family, values: &[&str], value: f64) {
        self.record(family, values, |cell| match cell {
            Cell::Histogram(cell) => cell.record(value),
            _ => self.mismatch(family, ()),
        });
    }

    /// Moves a gauge up, or down by a negative number.
    pub fn shift(&self, family: &'static Family, values: &[&str], by: f64) {
        self.record(family, values, |cell| match cell {
            Cell::Gauge(cell) => cell.increment(by),
            _ => self.mismatch(family, ()),
        });
    }

    /// Sets a gauge.
    pub fn set(&self, family: &'static Family, values: &[&str], value: f64) {
        self.record(family, values, |cell| match cell {
            Cell::Gauge(cell) => cell.set(value),
            _ => self.mismatch(family, ()),
        });
    }

    /// Makes the other outcomes of something stand at 0, so that its first error is an increase.
    fn start_outcomes(&self, family: &'static Family, values: &[&str]) {
        let Some((outcome, rest)) = values.split_last() else { return };
        let outcomes = family.labels.last().map_or(&[][..], |label| label.values);
        if family.kind == Kind::Counter {
            for other in outcomes.iter().filter(|other| *other != outcome) {
                self.resolve(family, &[rest, &[other]].concat());
            }
        }
    }

    #[inline]
    fn record(&self, family: &'static Family, values: &[&str], record: impl Fn(&Cell)) {
        let known = self.known();
        let hash = known.hash(family, values);
        if known.with(hash, |key| key.is(family, values), &record).is_some() {
            return;
        }
        let (cell, exact) = self.resolve(family, values);
        record(&cell);
        if exact {
            self.start_outcomes(family, values);
            known.keep(hash, LabelSet::new(family, values), cell);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::catalog::{LLM_COST, LLM_REQUESTS, TOOL_CALLS, TOOL_DURATION};
    use crate::metrics::{CardinalityOptions, Registry};

    #[test]
    fn recordings_by_value_and_by_handle_meet_in_one_series() {
        let registry = Registry::default();
        for _ in 0..3 {
            registry.count(&TOOL_CALLS, &["search", "true"], 2);
        }
        registry.counter(&TOOL_CALLS, &["search", "true"]).increment(1);
        registry.count(&TOOL_CALLS, &["search", "false"], 1);
        registry.observe(&TOOL_DURATION, &["search"], 0.5);
        registry.observe(&TOOL_DURATION, &["search"], 1.0);
        registry.add_amount(&LLM_COST, &["openai", "gpt-4o"], 0.5);
        registry.add_amount(&LLM_COST, &["openai", "gpt-4o"], 0.25);
        registry.count(&LLM_REQUESTS, &["openai", "o3", "success"], 1);
        let page = registry.render();
        for line in [
            "tool_calls_total{tool_name=\"search\",success=\"true\"} 7\n",
            "tool_calls_total{tool_name=\"search\",success=\"false\"} 1\n",
            "tool_duration_seconds_sum{tool_name=\"search\"} 1.5\n",
            "llm_requests_total{provider=\"openai\",model=\"o3\",status=\"error\"} 0\n",
            "llm_cost_usd_total{provider=\"openai\",model=\"gpt-4o\"} 0.75\n",
        ] {
            assert!(page.contains(line), "{line} in\n{page}");
        }
    }

    #[test]
    fn what_overflows_is_never_taken_for_known() {
        let options = CardinalityOptions { label_values: 2, ..Default::default() };
        let registry = Registry::new(options);
        for round in 0..3 {
            for name in ["a", "b", "c", "d"] {
                registry.count(&TOOL_CALLS, &[name, "true"], 1);
            }
            let overflowed = registry.offenders().first().map(|offender| offender.overflowed);
            assert_eq!(overflowed, Some(2 * (round + 1)));
        }
        assert_eq!(registry.total(&TOOL_CALLS, &[("tool_name", "other")]), 6.0);
    }

    #[test]
    fn threads_lose_nothing() {
        let registry = Registry::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for index in 0..1_000 {
                        let name = format!("tool-{}", index % 50);
                        registry.count(&TOOL_CALLS, &[&name, "true"], 1);
                    }
                });
            }
        });
        assert_eq!(registry.total(&TOOL_CALLS, &[]), 4_000.0);
    }
}
