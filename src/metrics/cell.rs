//! Where a value lives: cells of atomics that the handles of the `metrics` facade point to.
//!
//! Invariant: a counter, an amount and a histogram's sum are finite and never shrink while the
//! process lives. What is not a finite number is counted in `invalid` and otherwise ignored.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ::metrics::{CounterFn, GaugeFn, HistogramFn};

use super::exemplar::Slot;

/// How many values were refused because they are not finite numbers.
pub(super) type Invalid = Arc<AtomicU64>;

/// A whole number that grows.
#[derive(Debug, Default)]
pub(super) struct CounterCell {
    value: AtomicU64,
    exemplar: Option<Box<Slot>>,
}

/// A finite fraction, stored as its bits.
#[derive(Debug)]
pub(super) struct FloatCell {
    bits: AtomicU64,
    invalid: Invalid,
}

/// A sum of fractions that grows: what the facade's integer counters cannot hold.
#[derive(Debug)]
pub(super) struct AmountCell {
    value: FloatCell,
    exemplar: Option<Box<Slot>>,
}

/// A value that comes and goes.
#[derive(Debug)]
pub(super) struct GaugeCell(FloatCell);

/// Observations in fixed buckets. The count is the sum of the buckets, so that a page written
/// during a recording never contradicts itself.
#[derive(Debug)]
pub(super) struct HistogramCell {
    bounds: &'static [f64],
    buckets: Box<[AtomicU64]>,
    sum: FloatCell,
    /// One per bucket, or none at all.
    exemplars: Box<[Slot]>,
}

/// A handle on an amount, for instance of money.
#[derive(Debug, Clone)]
pub struct Amount(pub(super) Arc<AmountCell>);

impl Amount {
    /// Adds to it. What is negative or not finite is ignored and counted as invalid.
    pub fn add(&self, value: f64) {
        self.0.add(value);
    }
}

impl CounterCell {
    /// At 0, with room for an exemplar or without.
    pub(super) fn new(exemplar: bool) -> Self {
        Self { value: AtomicU64::new(0), exemplar: exemplar.then(Box::default) }
    }

    pub(super) fn get(&self) -> u64 {
        self.value.load(Relaxed)
    }

    pub(super) fn set(&self, value: u64) {
        self.value.store(value, Relaxed);
    }

    pub(super) fn exemplar(&self) -> Option<&Slot> {
        self.exemplar.as_deref()
    }
}

impl CounterFn for CounterCell {
    fn increment(&self, value: u64) {
        let before = self.value.fetch_add(value, Relaxed);
        if before.checked_add(value).is_none() {
            // A counter that starts again from 0 looks like a restart; one that stands still
            // does not.
            self.value.store(u64::MAX, Relaxed);
        }
        if let Some(slot) = &self.exemplar {
            slot.offer_failure(value);
        }
    }

    fn absolute(&self, value: u64) {
        self.value.fetch_max(value, Relaxed);
    }
}

impl FloatCell {
    fn new(invalid: Invalid) -> Self {
        Self { bits: AtomicU64::new(0.0_f64.to_bits()), invalid }
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.bits.load(Relaxed))
    }

    fn set(&self, value: f64) {
        if value.is_finite() {
            self.bits.store(value.to_bits(), Relaxed);
        } else {
            self.refuse();
        }
    }

    fn add(&self, value: f64) {
        let sum = |bits: u64| f64::from_bits(bits) + value;
        let step = |bits| Some(sum(bits)).filter(|sum| sum.is_finite()).map(f64::to_bits);
        if self.bits.fetch_update(Relaxed, Relaxed, step).is_err() {
            self.refuse();
        }
    }

    fn refuse(&self) {
        self.invalid.fetch_add(1, Relaxed);
    }
}

impl AmountCell {
    /// At 0, with room for an exemplar or without.
    pub(super) fn new(exemplar: bool, invalid: Invalid) -> Self {
        Self { value: FloatCell::new(invalid), exemplar: exemplar.then(Box::default) }
    }

    pub(super) fn get(&self) -> f64 {
        self.value.get()
    }

    pub(super) fn set(&self, value: f64) {
        self.value.set(value);
    }

    pub(super) fn exemplar(&self) -> Option<&Slot> {
        self.exemplar.as_deref()
    }

    pub(super) fn add(&self, value: f64) {
        if !(value >= 0.0 && value.is_finite()) {
            return self.value.refuse();
        }
        self.value.add(value);
        if let Some(slot) = self.exemplar.as_ref().filter(|_| value > 0.0) {
            slot.offer(value);
        }
    }
}

impl GaugeCell {
    pub(super) fn new(invalid: Invalid) -> Self {
        Self(FloatCell::new(invalid))
    }

    pub(super) fn get(&self) -> f64 {
        self.0.get()
    }
}

impl GaugeFn for GaugeCell {
    fn increment(&self, value: f64) {
        self.0.add(value);
    }

    fn decrement(&self, value: f64) {
        self.0.add(-value);
    }

    fn set(&self, value: f64) {
        self.0.set(value);
    }
}

impl HistogramCell {
    /// Empty, with room for exemplars or without.
    pub(super) fn new(bounds: &'static [f64], exemplars: bool, invalid: Invalid) -> Self {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        let slots = if exemplars { bounds.len() + 1 } else { 0 };
        let exemplars = (0..slots).map(|_| Slot::default()).collect();
        Self { bounds, buckets, sum: FloatCell::new(invalid), exemplars }
    }

    pub(super) fn exemplar(&self, bucket: usize) -> Option<&Slot> {
        self.exemplars.get(bucket)
    }

    pub(super) fn bounds(&self) -> &'static [f64] {
        self.bounds
    }

    /// Observations per bucket, the one above the last bound included; not cumulative.
    pub(super) fn buckets(&self) -> impl Iterator<Item = u64> {
        self.buckets.iter().map(|bucket| bucket.load(Relaxed))
    }

    pub(super) fn sum(&self) -> f64 {
        self.sum.get()
    }

    /// Takes over another state; `buckets` beyond the own ones are ignored.
    pub(super) fn set(&self, buckets: &[u64], sum: f64) {
        for (mine, value) in self.buckets.iter().zip(buckets) {
            mine.store(*value, Relaxed);
        }
        self.sum.set(sum);
    }
}

impl HistogramFn for HistogramCell {
    fn record(&self, value: f64) {
        self.record_many(value, 1);
    }

    fn record_many(&self, value: f64, count: usize) {
        if !value.is_finite() {
            self.sum.refuse();
            return;
        }
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.buckets[bucket].fetch_add(count as u64, Relaxed);
        self.sum.add(value * count as f64);
        if let Some(slot) = self.exemplars.get(bucket) {
            slot.offer(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_reaches_no_sum() {
        let invalid = Invalid::default();
        let amount = AmountCell::new(false, Arc::clone(&invalid));
        let histogram = HistogramCell::new(&[1.0], false, Arc::clone(&invalid));
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            amount.add(value);
            histogram.record(value);
        }
        amount.add(-1.0);
        amount.add(f64::MAX);
        amount.add(f64::MAX);
        assert_eq!(amount.get(), f64::MAX);
        assert_eq!(histogram.sum(), 0.0);
        assert_eq!(histogram.buckets().sum::<u64>(), 0);
        assert_eq!(invalid.load(Relaxed), 8);
    }

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let histogram = HistogramCell::new(&[1.0, 2.0], false, Invalid::default());
        for value in [-1.0, 1.0, 1.5, 2.0, 2.5] {
            histogram.record(value);
        }
        assert_eq!(histogram.buckets().collect::<Vec<_>>(), [2, 2, 1]);
        assert_eq!(histogram.sum(), 6.0);
    }

    #[test]
    fn counters_stay_exact_beyond_what_a_double_holds() {
        let counter = CounterCell::default();
        counter.increment(1 << 53);
        counter.increment(1);
        assert_eq!(counter.get(), (1 << 53) + 1);
        counter.increment(u64::MAX);
        assert_eq!(counter.get(), u64::MAX);
    }
}
