//! The table as families of the `prometheus` crate, made anew for every scrape.

use prometheus::core::{Collector, Desc};
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType, Quantile,
    Summary,
};

use super::held::Held;
use super::labels::Labels;
use super::names::Shape;
use super::table::{Family, Table};
use super::{Shared, lock};
use crate::metrics::catalog;

/// Shows the series of apps.
#[derive(Debug, Clone)]
pub struct AppSeries {
    table: Shared,
}

impl AppSeries {
    pub(super) fn new(table: Shared) -> Self {
        Self { table }
    }
}

impl Collector for AppSeries {
    /// Nothing: what apps send is not known beforehand.
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let table = lock(&self.table);
        let families = table.families().iter();
        let mut families: Vec<_> =
            families.map(|(name, family)| gathered(&table, name, family)).collect();
        families.push(own(&catalog::APP_METRICS_SERIES, table.lines()));
        families.push(own(&catalog::APP_METRICS_SERIES_LIMIT, table.options().series));
        families
    }
}

fn own(family: &catalog::Family, value: usize) -> MetricFamily {
    let mut gathered = MetricFamily::default();
    gathered.set_name(family.name.to_owned());
    gathered.set_help(family.help.to_owned());
    gathered.set_field_type(MetricType::GAUGE);
    gathered.set_metric(vec![number(Shape::Gauge, value as f64)]);
    gathered
}

fn gathered(table: &Table, name: &str, family: &Family) -> MetricFamily {
    let mut gathered = MetricFamily::default();
    gathered.set_name(name.to_owned());
    gathered.set_help(family.help.clone());
    gathered.set_field_type(match family.shape {
        Shape::Counter => MetricType::COUNTER,
        Shape::Gauge => MetricType::GAUGE,
        Shape::Histogram => MetricType::HISTOGRAM,
        Shape::Summary => MetricType::SUMMARY,
    });
    let members = family.members.iter().filter_map(|(labels, identity)| {
        let series = table.series(*identity)?;
        let mut metric = match &series.standing.held {
            Held::Number(value) => number(family.shape, *value),
            Held::Buckets { bounds, counts, sum } => histogram(bounds, counts, *sum),
            Held::Quantiles { count, sum, quantiles } => summary(*count, *sum, quantiles),
        };
        metric.set_label(pairs(labels));
        Some(metric)
    });
    gathered.set_metric(members.collect());
    gathered
}

fn number(shape: Shape, value: f64) -> Metric {
    let mut metric = Metric::default();
    if shape == Shape::Counter {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    metric
}

/// A sum that nobody sent is NaN, and so left out of the page.
fn histogram(bounds: &[f64], counts: &[u64], sum: Option<f64>) -> Metric {
    let mut histogram = Histogram::default();
    let mut total = 0_u64;
    let buckets = bounds.iter().zip(counts).map(|(bound, count)| {
        total = total.saturating_add(*count);
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound);
        bucket.set_cumulative_count(total);
        bucket
    });
    histogram.set_bucket(buckets.collect());
    let above = counts.last().copied().unwrap_or_default();
    histogram.set_sample_count(total.saturating_add(above));
    histogram.set_sample_sum(sum.unwrap_or(f64::NAN));
    let mut metric = Metric::default();
    metric.set_histogram(histogram);
    metric
}

fn summary(count: u64, sum: f64, quantiles: &[(f64, f64)]) -> Metric {
    let mut summary = Summary::default();
    summary.set_sample_count(count);
    summary.set_sample_sum(sum);
    let quantiles = quantiles.iter().map(|(quantile, value)| {
        let mut pair = Quantile::default();
        pair.set_quantile(*quantile);
        pair.set_value(*value);
        pair
    });
    summary.set_quantile(quantiles.collect());
    let mut metric = Metric::default();
    metric.set_summary(summary);
    metric
}

fn pairs(labels: &Labels) -> Vec<LabelPair> {
    let pair = |(name, value): &(String, String)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.clone());
        pair.set_value(value.clone());
        pair
    };
    labels.iter().map(pair).collect()
}
