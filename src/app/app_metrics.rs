//! The metrics of apps, connected: read from the log, shown on the page.

use crate::app_metrics::{AppMetrics, AppMetricsOptions, AppSeries};
use crate::config::{self, Config};
use crate::metrics::Registry;
use crate::model::Projection;

/// Lets apps' metrics be read, unless that is switched off; says what shows them.
pub(super) fn read(
    config: &Config,
    registry: &Registry,
    others: &mut Vec<Box<dyn Projection>>,
) -> Option<AppSeries> {
    if !config.app_metrics.enabled {
        return None;
    }
    let app_metrics = AppMetrics::new(options(config), registry);
    let series = app_metrics.series();
    others.push(Box::new(app_metrics));
    Some(series)
}

/// What apps may have of the page.
fn options(config: &Config) -> AppMetricsOptions {
    let config::AppMetrics { max_series, max_series_per_metric, expire_after, .. } =
        config.app_metrics;
    AppMetricsOptions {
        series: max_series.min(config.metrics.max_series / 2),
        series_per_metric: max_series_per_metric,
        expire_after,
    }
}

/// Series of the page that are not for Pharos' own families.
pub(super) fn series(config: &Config) -> usize {
    if config.app_metrics.enabled { options(config).series } else { 0 }
}
