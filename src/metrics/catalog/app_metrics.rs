//! What becomes of the metrics that apps send. Their own names are not known beforehand; those
//! that are taken here are theirs with a prefix (`app_metrics/names.rs`).

use super::{Family, Kind, Label, Source, Unit, closed, families};

/// Why a point was refused.
const REASON: Label = closed(
    "reason",
    &[
        "series_limit",
        "too_large",
        "name",
        "conflict",
        "temporality",
        "out_of_order",
        "backwards",
        "not_finite",
        "malformed",
    ],
);

families! {
    APP_METRICS_POINTS = Kind::Counter, "pharos_app_metrics_points_total", Items, [], Log,
        "Points of apps' own metrics that went into the series on this page.";
    APP_METRICS_REFUSED = Kind::Counter, "pharos_app_metrics_refused_points_total", Items,
        [REASON], Log,
        "Points of apps' own metrics that are stored but not on this page, by reason.";
    APP_METRICS_EXPIRED = Kind::Counter, "pharos_app_metrics_expired_series_total", Items,
        [], Process,
        "Series of apps' own metrics that left this page because no point came any more.";
    APP_METRICS_SERIES = Kind::Gauge, "pharos_app_metrics_series", Items, [], Scrape,
        "Series of apps' own metrics on this page.";
    APP_METRICS_SERIES_LIMIT = Kind::Gauge, "pharos_app_metrics_series_limit", Items, [], Scrape,
        "Series of apps' own metrics that this page may have.";
}
