//! The keys about the metrics that apps send, and the section they make.

use super::key::{Key, Kind, Preset};
use super::sections::AppMetrics;
use super::table::{count, seconds};
use super::values::Values;
use crate::limits;

const DAY: u64 = 24 * 60 * 60;

/// In the order in which people read about them.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "app_metrics.enabled",
        kind: Kind::Switch,
        preset: Preset::Text("true"),
        doc: "Whether the OTLP metrics that apps send are on the page. They are stored and sent \
              onward either way.",
    },
    Key {
        name: "app_metrics.max_series",
        kind: count(1, 5_000_000),
        preset: Preset::Number(limits::APP_SERIES as u64),
        doc: "Series of apps' own metrics, a part of `metrics.max_series` and at most half of \
              it. Points of further ones are refused and counted.",
    },
    Key {
        name: "app_metrics.max_series_per_metric",
        kind: count(1, 5_000_000),
        preset: Preset::Number(limits::APP_SERIES_PER_METRIC as u64),
        doc: "Series of one metric of theirs.",
    },
    Key {
        name: "app_metrics.expire_after",
        kind: seconds(1, 30 * DAY),
        preset: Preset::Text("5m"),
        doc: "How long a series stays on the page after its last point. Several times the \
              interval at which apps send.",
    },
];

/// The section.
pub(super) fn app_metrics(values: &Values) -> AppMetrics {
    AppMetrics {
        enabled: values.get("app_metrics.enabled"),
        max_series: values.get("app_metrics.max_series"),
        max_series_per_metric: values.get("app_metrics.max_series_per_metric"),
        expire_after: values.get("app_metrics.expire_after"),
    }
}
