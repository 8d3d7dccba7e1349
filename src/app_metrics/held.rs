//! What a series holds, and how a point changes it.

use super::exponential::{self, Exponential};
use super::names::Shape;
use super::refusal::Refusal;
use crate::limits;
use crate::model::{Metric, MetricKind, Point, PointValue, Temporality};

/// What a series shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Held {
    /// A counter or gauge.
    Number(f64),
    /// A histogram: upper bounds, observations in each bucket and above the last bound, their sum.
    Buckets { bounds: Box<[f64]>, counts: Vec<u64>, sum: Option<f64> },
    /// A summary.
    Quantiles { count: u64, sum: f64, quantiles: Vec<(f64, f64)> },
}

/// Since when the points of a series count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// The last one is what is.
    Last,
    /// Since a start.
    Cumulative,
    /// Since the one before.
    Delta,
}

/// Where a series stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standing {
    pub(super) course: Course,
    /// Whether it must not fall.
    pub(super) grows: bool,
    pub(super) start_ns: u64,
    pub(super) time_ns: u64,
    pub(super) held: Held,
}

/// What the family of a metric is to Prometheus.
pub(super) fn shape(kind: MetricKind) -> Shape {
    match kind {
        MetricKind::Sum { monotonic: true, .. } => Shape::Counter,
        MetricKind::Gauge | MetricKind::Sum { .. } => Shape::Gauge,
        MetricKind::Histogram(_) | MetricKind::Exponential(_) => Shape::Histogram,
        MetricKind::Summary => Shape::Summary,
    }
}

impl Standing {
    /// What a point says by itself. `arrived_ns` stands in for a time that was not sent.
    pub(super) fn of(
        metric: &Metric<'_>,
        point: &Point<'_>,
        arrived_ns: u64,
    ) -> Result<Self, Refusal> {
        let course = match metric.kind {
            MetricKind::Gauge | MetricKind::Summary => Course::Last,
            MetricKind::Sum { temporality, .. }
            | MetricKind::Histogram(temporality)
            | MetricKind::Exponential(temporality) => match temporality {
                Temporality::Cumulative => Course::Cumulative,
                Temporality::Delta => Course::Delta,
                Temporality::Unspecified => return Err(Refusal::Temporality),
            },
        };
        let grows = !matches!(shape(metric.kind), Shape::Gauge);
        let held = Held::of(&point.value)?;
        if let Held::Number(number) = held
            && grows
            && number < 0.0
        {
            return Err(Refusal::Backwards);
        }
        let time_ns = if point.time_ns == 0 { arrived_ns } else { point.time_ns };
        Ok(Self { course, grows, start_ns: point.start_ns, time_ns, held })
    }

    /// Constant 1, whose labels are the message.
    pub(super) fn one(time_ns: u64) -> Self {
        let held = Held::Number(1.0);
        Self { course: Course::Last, grows: false, start_ns: 0, time_ns, held }
    }

    /// Goes on with the next point of the series, or stays as it is.
    pub(super) fn go_on(&mut self, next: Self) -> Result<(), Refusal> {
        if self.course != next.course {
            return Err(Refusal::Temporality);
        }
        match self.course {
            Course::Last if next.time_ns < self.time_ns => Err(Refusal::OutOfOrder),
            Course::Last => {
                *self = next;
                Ok(())
            }
            Course::Cumulative => self.replace(next),
            Course::Delta if next.time_ns <= self.time_ns => Err(Refusal::OutOfOrder),
            Course::Delta => {
                self.held.add(next.held)?;
                self.time_ns = next.time_ns;
                Ok(())
            }
        }
    }

    fn replace(&mut self, next: Self) -> Result<(), Refusal> {
        let started = [self.start_ns, next.start_ns];
        let again = if started.contains(&0) { None } else { Some(started[1].cmp(&started[0])) };
        match again {
            // Another process goes by the same name, or this came late.
            Some(std::cmp::Ordering::Less) => return Err(Refusal::OutOfOrder),
            Some(std::cmp::Ordering::Greater) => {}
            Some(std::cmp::Ordering::Equal) | None if next.time_ns < self.time_ns => {
                return Err(Refusal::OutOfOrder);
            }
            Some(std::cmp::Ordering::Equal) if self.grows && next.held.falls(&self.held) => {
                return Err(Refusal::Backwards);
            }
            _ => {}
        }
        *self = next;
        Ok(())
    }
}

impl Held {
    fn of(value: &PointValue) -> Result<Self, Refusal> {
        match value {
            PointValue::Missing => Err(Refusal::Malformed),
            PointValue::Number(number) => Ok(Self::Number(finite(*number)?)),
            PointValue::Histogram { count, sum, counts, bounds } => {
                Self::histogram(*count, *sum, counts, bounds)
            }
            PointValue::Exponential { count, sum, scale, zero_count, zero_threshold, .. } => {
                let PointValue::Exponential { positive, negative, .. } = value else {
                    return Err(Refusal::Malformed);
                };
                if positive.1.len() > limits::POINT_BUCKETS {
                    return Err(Refusal::TooLarge);
                }
                let exponential = Exponential {
                    count: *count,
                    scale: *scale,
                    zero_count: *zero_count,
                    zero_threshold: finite(*zero_threshold)?,
                    positive: (positive.0, &positive.1),
                    negative: *negative,
                };
                let counts = exponential.counts()?;
                Ok(Self::Buckets {
                    bounds: exponential::bounds(),
                    counts,
                    sum: sum.map(finite).transpose()?,
                })
            }
            PointValue::Summary { count, sum, quantiles } => Self::summary(*count, *sum, quantiles),
        }
    }

    fn histogram(
        count: u64,
        sum: Option<f64>,
        counts: &[u64],
        bounds: &[f64],
    ) -> Result<Self, Refusal> {
        if bounds.len() > limits::APP_HISTOGRAM_BOUNDS {
            return Err(Refusal::TooLarge);
        }
        // SDKs may say `+Inf`, which is implied.
        let bounds = match bounds.split_last() {
            Some((&f64::INFINITY, rest)) if counts.len() == bounds.len() => rest,
            _ => bounds,
        };
        let ascend = bounds.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascend || !bounds.iter().all(|bound| bound.is_finite()) {
            return Err(Refusal::Malformed);
        }
        // Without buckets there are only the count and the sum.
        let counts = match (counts, bounds) {
            ([], []) => vec![count],
            _ => counts.to_vec(),
        };
        let total = counts.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        if counts.len() != bounds.len() + 1 || total != Some(count) {
            return Err(Refusal::Malformed);
        }
        Ok(Self::Buckets { bounds: bounds.into(), counts, sum: sum.map(finite).transpose()? })
    }

    fn summary(count: u64, sum: f64, quantiles: &[(f64, f64)]) -> Result<Self, Refusal> {
        if quantiles.len() > limits::APP_HISTOGRAM_BOUNDS {
            return Err(Refusal::TooLarge);
        }
        if !quantiles.iter().all(|(quantile, _)| (0.0..=1.0).contains(quantile)) {
            return Err(Refusal::Malformed);
        }
        let mut quantiles: Vec<_> = quantiles.to_vec();
        quantiles.sort_by(|one, other| one.0.total_cmp(&other.0));
        if quantiles.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Refusal::Malformed);
        }
        // NaN says that there was nothing to look at.
        quantiles.retain(|(_, value)| value.is_finite());
        Ok(Self::Quantiles { count, sum: finite(sum)?, quantiles })
    }

    /// Adds what happened since. Buckets with other bounds begin anew: Prometheus sees that as a
    /// restart, which an app with other buckets has had.
    fn add(&mut self, since: Self) -> Result<(), Refusal> {
        match (&mut *self, since) {
            (Self::Number(number), Self::Number(more)) => {
                *number = finite(*number + more)?;
            }
            (
                Self::Buckets { bounds, counts, sum },
                Self::Buckets { bounds: same, counts: more, sum: added },
            ) if *bounds == same => {
                let mut total = Vec::with_capacity(counts.len());
                for (count, more) in counts.iter().zip(&more) {
                    total.push(count.checked_add(*more).ok_or(Refusal::Malformed)?);
                }
                let together =
                    sum.zip(added).map(|(sum, added)| finite(sum + added)).transpose()?;
                (*counts, *sum) = (total, together);
            }
            (_, since) => *self = since,
        }
        Ok(())
    }

    /// Whether it counts less than it did.
    fn falls(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Number(now), Self::Number(before)) => now < before,
            (Self::Buckets { counts: now, .. }, Self::Buckets { counts: before, .. }) => {
                total(now) < total(before)
            }
            _ => false,
        }
    }

    /// Lines on the page.
    pub(super) fn lines(&self) -> usize {
        match self {
            Self::Number(_) => 1,
            Self::Buckets { bounds, .. } => bounds.len() + 3,
            Self::Quantiles { quantiles, .. } => quantiles.len() + 2,
        }
    }
}

fn total(counts: &[u64]) -> u64 {
    counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
}

fn finite(number: f64) -> Result<f64, Refusal> {
    if number.is_finite() { Ok(number) } else { Err(Refusal::NotFinite) }
}
