//! Families that collectors of the `prometheus` crate have gathered.

use prometheus::proto::{Histogram, LabelPair, MetricFamily, MetricType, Summary};

use super::lines::{Lines, Word, push_label};

impl Lines {
    /// Writes a gathered family. None of our collectors has one without a type.
    pub(super) fn gathered(&mut self, family: &MetricFamily) {
        if family.get_field_type() == MetricType::UNTYPED {
            return;
        }
        let name = family.name();
        let word = word(family);
        self.head(name, family.help(), word);
        let mut labels = String::new();
        for metric in family.get_metric() {
            labels.clear();
            push_labels(&mut labels, metric.get_label());
            match family.get_field_type() {
                MetricType::COUNTER => {
                    let value = metric.get_counter().get_value();
                    self.sample(name, "", &labels).number(value).end();
                }
                MetricType::GAUGE => {
                    self.sample(name, "", &labels).number(metric.get_gauge().get_value()).end();
                }
                MetricType::HISTOGRAM => self.buckets(name, &labels, metric.get_histogram()),
                MetricType::SUMMARY => self.quantiles(name, &labels, metric.get_summary()),
                // Left out by `gathered`.
                MetricType::UNTYPED => {}
            }
        }
    }

    fn buckets(&mut self, name: &str, labels: &str, histogram: &Histogram) {
        let count = histogram.get_sample_count();
        let mut negative = false;
        for bucket in histogram.get_bucket() {
            let bound = bucket.upper_bound();
            negative |= bound < 0.0;
            if bound != f64::INFINITY {
                let bound = self.bound(bound);
                self.bucket(name, labels, &bound).whole(bucket.cumulative_count()).end();
            }
        }
        self.bucket(name, labels, "+Inf").whole(count).end();
        // In OpenMetrics a sum is a counter, and what may fall is none; without it there is no
        // count beside the last bucket. A sum that nobody sent is NaN.
        let sum = histogram.get_sample_sum();
        let told = !sum.is_nan();
        if self.is_open() && (negative || sum < 0.0 || !told) {
            return;
        }
        if told {
            self.sample(name, "_sum", labels).number(sum).end();
        }
        self.sample(name, "_count", labels).whole(count).end();
    }

    fn quantiles(&mut self, name: &str, labels: &str, summary: &Summary) {
        let mut with = String::new();
        let open = self.is_open();
        // OpenMetrics has no negative quantiles.
        let shown = |value: f64| !open || value >= 0.0;
        for quantile in summary.get_quantile().iter().filter(|it| shown(it.value())) {
            labels.clone_into(&mut with);
            let which = self.bound(quantile.quantile());
            push_label(&mut with, "quantile", &which);
            self.sample(name, "", &with).number(quantile.value()).end();
        }
        if shown(summary.sample_sum()) {
            self.sample(name, "_sum", labels).number(summary.sample_sum()).end();
        }
        self.sample(name, "_count", labels).whole(summary.sample_count()).end();
    }
}

fn word(family: &MetricFamily) -> Word {
    match family.get_field_type() {
        // OpenMetrics has no counter whose samples do not end so.
        MetricType::COUNTER if family.name().ends_with("_total") => Word::Counter,
        MetricType::COUNTER | MetricType::UNTYPED => Word::Unknown,
        MetricType::GAUGE if family.name() == super::TARGET_INFO => Word::Info,
        MetricType::GAUGE => Word::Gauge,
        MetricType::HISTOGRAM => Word::Histogram,
        MetricType::SUMMARY => Word::Summary,
    }
}

fn push_labels(text: &mut String, labels: &[LabelPair]) {
    for label in labels {
        push_label(text, label.name(), label.value());
    }
}
