//! Average, percentiles and maximum of durations in bounded memory.
//!
//! Durations are counted in buckets whose bounds grow by two percent (DDSketch, Masson, Rim and
//! Lee 2019), so a percentile is right to one percent, whatever the durations are; two sketches
//! are added exactly.

use crate::api::moment::milliseconds;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// Each bucket's upper bound is this times its lower one.
const GROWTH: f64 = 1.02;

/// Some durations in nanoseconds. There are at most 2,300 buckets.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::api) struct Durations {
    count: u64,
    sum_ns: u64,
    max_ns: u64,
    buckets: BTreeMap<u16, u64>,
}

impl Durations {
    /// Adds one.
    pub(in crate::api) fn add(&mut self, duration_ns: u64) {
        self.count += 1;
        self.sum_ns = self.sum_ns.saturating_add(duration_ns);
        self.max_ns = self.max_ns.max(duration_ns);
        *self.buckets.entry(bucket(duration_ns)).or_default() += 1;
    }

    /// Adds those of another.
    pub(in crate::api) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        for (bucket, count) in other.buckets {
            *self.buckets.entry(bucket).or_default() += count;
        }
    }

    /// The average in milliseconds; `None` of none.
    pub(in crate::api) fn average_ms(&self) -> Option<f64> {
        (self.count > 0).then(|| rounded(self.sum_ns as f64 / self.count as f64))
    }

    /// The longest in milliseconds; `None` of none.
    pub(in crate::api) fn max_ms(&self) -> Option<f64> {
        (self.count > 0).then(|| milliseconds(self.max_ns))
    }

    /// The duration that a part of them does not exceed, in milliseconds; `None` of none.
    pub(in crate::api) fn percentile_ms(&self, part: f64) -> Option<f64> {
        let rank = ((self.count as f64 * part).ceil() as u64).max(1);
        let mut passed = 0;
        let found = self.buckets.iter().find(|(_, count)| {
            passed += **count;
            passed >= rank
        });
        found.map(|(bucket, _)| rounded(middle_ns(*bucket).min(self.max_ns as f64)))
    }
}

impl Serialize for Durations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Durations", 4)?;
        fields.serialize_field("avg_duration_ms", &self.average_ms())?;
        fields.serialize_field("p50_duration_ms", &self.percentile_ms(0.5))?;
        fields.serialize_field("p95_duration_ms", &self.percentile_ms(0.95))?;
        fields.serialize_field("max_duration_ms", &self.max_ms())?;
        fields.end()
    }
}

/// Bucket 0 holds what takes no time.
fn bucket(duration_ns: u64) -> u16 {
    if duration_ns == 0 {
        return 0;
    }
    // At most 44.4 / 0.0198, which fits.
    1 + ((duration_ns as f64).ln() / GROWTH.ln()).ceil() as u16
}

/// The value whose distance to both bounds of the bucket is the same part of them.
fn middle_ns(bucket: u16) -> f64 {
    match bucket {
        0 => 0.0,
        _ => 2.0 * GROWTH.powi(i32::from(bucket) - 1) / (GROWTH + 1.0),
    }
}

/// Nanoseconds as milliseconds, to a microsecond.
fn rounded(nanoseconds: f64) -> f64 {
    (nanoseconds / 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_has_no_figures() {
        let nothing = Durations::default();
        assert_eq!((nothing.average_ms(), nothing.percentile_ms(0.5)), (None, None));
        assert_eq!(nothing.max_ms(), None);
    }

    #[test]
    fn no_time_and_all_time() {
        let mut durations = Durations::default();
        durations.add(0);
        assert_eq!((durations.percentile_ms(0.95), durations.max_ms()), (Some(0.0), Some(0.0)));
        durations.add(u64::MAX);
        durations.add(u64::MAX);
        assert_eq!(durations.max_ms(), Some(u64::MAX as f64 / 1e6));
        assert!(durations.buckets.keys().all(|bucket| *bucket < 2_300));
    }

    proptest! {
        /// A percentile is within one percent of the one by definition, also of a sum.
        #[test]
        fn percentiles_are_right(
            all in proptest::collection::vec(1_000_u64..1_000_000_000_000, 1..200),
            cut in 0_usize..200,
        ) {
            let (left, right) = all.split_at(cut.min(all.len()));
            let sketch = |durations: &[u64]| {
                let mut sketch = Durations::default();
                durations.iter().for_each(|duration| sketch.add(*duration));
                sketch
            };
            let mut sum = sketch(left);
            sum.merge(sketch(right));
            prop_assert_eq!(&sum, &sketch(&all));
            let mut sorted = all.clone();
            sorted.sort_unstable();
            for part in [0.5, 0.95, 1.0] {
                let rank = (sorted.len() as f64 * part).ceil() as usize;
                let exact = sorted[rank - 1] as f64 / 1e6;
                let found = sum.percentile_ms(part).unwrap();
                prop_assert!((found - exact).abs() <= exact * 0.0101 + 0.001, "{found} {exact}");
            }
        }
    }
}
