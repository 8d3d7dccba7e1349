//! Points of metrics as apps send them.

use super::value::Attribute;

/// What the points of one metric share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric<'a> {
    /// The name, as sent.
    pub name: &'a str,
    /// What it measures; empty where not sent.
    pub description: &'a str,
    /// The unit, by UCUM: `s`, `By`, `{token}`; empty where not sent.
    pub unit: &'a str,
    /// What its points are.
    pub kind: MetricKind,
}

/// What the points of a metric are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// The last of several values.
    Gauge,
    /// A sum.
    Sum {
        /// Whether it only grows.
        monotonic: bool,
        /// Since when it is counted.
        temporality: Temporality,
    },
    /// Observations in buckets with bounds.
    Histogram(Temporality),
    /// Observations in buckets whose bounds grow by a factor.
    Exponential(Temporality),
    /// Quantiles.
    Summary,
}

/// Since when a point counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Temporality {
    /// Nobody says.
    #[default]
    Unspecified,
    /// Since the point before.
    Delta,
    /// Since a start that stays the same.
    Cumulative,
}

/// One point.
#[derive(Debug, Clone, PartialEq)]
pub struct Point<'a> {
    /// What it is told apart by.
    pub attributes: Vec<Attribute<'a>>,
    /// Since when it counts, in nanoseconds since the Unix epoch; 0 where not sent.
    pub start_ns: u64,
    /// When it was taken.
    pub time_ns: u64,
    /// Whether it only says that there is no value any more.
    pub no_value: bool,
    /// What it says.
    pub value: PointValue,
}

/// What a point says.
#[derive(Debug, Clone, PartialEq)]
pub enum PointValue {
    /// Nothing.
    Missing,
    /// A number, which may be NaN or infinite.
    Number(f64),
    /// Observations between bounds.
    Histogram {
        /// How many there were.
        count: u64,
        /// Their sum.
        sum: Option<f64>,
        /// How many in each bucket; one more than the bounds.
        counts: Vec<u64>,
        /// Upper bounds.
        bounds: Vec<f64>,
    },
    /// Observations between powers of `2^(2^-scale)`.
    Exponential {
        /// How many there were.
        count: u64,
        /// Their sum.
        sum: Option<f64>,
        /// How fine the buckets are.
        scale: i32,
        /// Observations no further than `zero_threshold` from 0.
        zero_count: u64,
        /// See there.
        zero_threshold: f64,
        /// The index of the first bucket of positive observations, and how many in each.
        positive: (i32, Vec<u64>),
        /// How many observations were negative.
        negative: u64,
    },
    /// Quantiles.
    Summary {
        /// How many observations there were.
        count: u64,
        /// Their sum.
        sum: f64,
        /// Quantiles and their values.
        quantiles: Vec<(f64, f64)>,
    },
}
