//! The metrics that apps send themselves, on Pharos' page.
//!
//! OTLP metrics come through the doors, are redacted and lie in the log like everything else.
//! This reads them from there ([`AppMetrics`], a projection) into a bounded table of series, which
//! a collector shows to Prometheus ([`Series`](AppSeries)). Names and labels follow OpenTelemetry's
//! rules for Prometheus.
//!
//! Deltas become sums that follow from the log, and so survive a crash. A cumulative value is
//! shown as it came: Prometheus sees an app's restart as it would see it at the app.
//!
//! Invariant: what cannot be shown without breaking the page, or what is on it, is refused and
//! counted with a reason.

mod collector;
mod exponential;
mod held;
mod kept;
mod labels;
mod names;
mod offenders;
mod refusal;
mod table;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::metrics::Counter;

use crate::limits;
use crate::metrics::{Offender, Registry, catalog};
use crate::model::{Moment, Projection};
use crate::otlp::metrics;

pub use collector::AppSeries;
use refusal::Refusal;
use table::Table;

/// The bounds, configurable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppMetricsOptions {
    /// Series of all apps, counted as Prometheus counts them.
    pub series: usize,
    /// Series of one metric.
    pub series_per_metric: usize,
    /// How long a series is shown after its last point.
    pub expire_after: Duration,
}

impl Default for AppMetricsOptions {
    fn default() -> Self {
        Self {
            series: limits::APP_SERIES,
            series_per_metric: limits::APP_SERIES_PER_METRIC,
            expire_after: Duration::from_secs(limits::APP_SERIES_EXPIRE_SECONDS),
        }
    }
}

/// The table, read by whoever shows it.
pub(crate) type Shared = Arc<Mutex<Table>>;

/// Reads the metrics of apps from the log.
#[derive(Debug)]
pub struct AppMetrics {
    table: Shared,
    taken: Counter,
    refused: [Counter; Refusal::ALL.len()],
    expired: Counter,
}

impl AppMetrics {
    /// An empty table within these bounds, counting in a registry. Labels that did not fit are
    /// among the registry's offenders.
    pub fn new(options: AppMetricsOptions, registry: &Registry) -> Self {
        let table = Arc::new(Mutex::new(Table::new(options)));
        let of_offenders = Arc::clone(&table);
        registry.report_offenders(move || lock(&of_offenders).offenders());
        let refused = &catalog::APP_METRICS_REFUSED;
        Self {
            table,
            taken: registry.counter(&catalog::APP_METRICS_POINTS, &[]),
            refused: Refusal::ALL.map(|reason| registry.counter(refused, &[reason.name()])),
            expired: registry.counter(&catalog::APP_METRICS_EXPIRED, &[]),
        }
    }

    /// What shows the table at every scrape.
    pub fn series(&self) -> AppSeries {
        AppSeries::new(Arc::clone(&self.table))
    }

    fn count(&self, outcome: Result<(), Refusal>) {
        match outcome {
            Ok(()) => self.taken.increment(1),
            Err(reason) => self.refused[reason as usize].increment(1),
        }
    }
}

impl Projection for AppMetrics {
    fn name(&self) -> &'static str {
        "app_metrics"
    }

    fn metrics(&mut self, request: &[u8], moment: Moment) {
        let mut table = lock(&self.table);
        let arrived_ns = moment.arrived_ns;
        let walked = metrics::points(request, |origin, metric, point| {
            self.count(table.point(origin, metric, point, arrived_ns));
        });
        let told = walked.and_then(|()| {
            metrics::resources(request, |resource| table.resource(resource, arrived_ns))
        });
        if told.is_err() {
            self.count(Err(Refusal::Malformed));
        }
    }

    fn tick(&mut self, now_ns: u64) {
        self.expired.increment(lock(&self.table).expire(now_ns));
    }

    fn snapshot(&self) -> Vec<u8> {
        kept::write(&lock(&self.table))
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        let mut table = lock(&self.table);
        let restored = kept::read(bytes, table.options().clone());
        *table = restored.ok_or_else(|| "the table of apps' metrics is damaged".to_owned())?;
        Ok(())
    }
}

/// Labels or metrics of apps that found no room.
fn lock(table: &Shared) -> MutexGuard<'_, Table> {
    // A panic while holding the lock leaves at worst a point that is counted in part.
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Table {
    fn offenders(&self) -> Vec<Offender> {
        self.refused_room().list()
    }
}
