//! The states behind health and readiness.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::prices::PriceBook;
use super::store::Stores;
use crate::app_metrics::AppSeries;
use crate::clock;
use crate::cost::budgets::Budgets;
use crate::exporter::Shipper;
use crate::health::{Checks, Phase, clickhouse, disk, forward, projection, store};
use crate::metrics::TargetReading;
use crate::pipeline::Progress;
use crate::runs::Runs;
use crate::semconv::Mapping;
use crate::storage::block::Catalog;
use crate::storage::{Log, Writable};

/// Where the process is in its life.
#[derive(Debug, Default)]
pub(super) struct Life(AtomicU8);

/// Asks the parts.
pub(super) struct States {
    pub(super) life: Arc<Life>,
    pub(super) log: Arc<Log>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) progress: Arc<Progress>,
    pub(super) shippers: Arc<Vec<Shipper>>,
    pub(super) stores: Arc<Stores>,
    pub(super) budgets: Budgets,
    pub(super) book: Arc<PriceBook>,
    pub(super) mapping: Mapping,
    pub(super) runs: Arc<Runs>,
    pub(super) app_series: Option<AppSeries>,
    pub(super) disk_reserve_bytes: u64,
}

const SERVING: u8 = 1;
const STOPPING: u8 = 2;

impl Life {
    pub(super) fn serving(&self) {
        self.0.store(SERVING, Ordering::Release);
    }

    pub(super) fn stopping(&self) {
        self.0.store(STOPPING, Ordering::Release);
    }
}

impl States {
    /// How far behind each forwarding target is, for the metrics page.
    pub(super) fn target_readings(&self) -> Vec<TargetReading> {
        let now_ns = clock::unix_nanos();
        let reading = |shipper: &Shipper| {
            let status = shipper.status(now_ns);
            TargetReading {
                target: shipper.name().to_owned(),
                lag_seconds: status.lag_seconds,
                queue_bytes: status.queue_bytes,
            }
        };
        self.shippers.iter().map(reading).collect()
    }
}

impl Checks for States {
    fn phase(&self) -> Phase {
        match self.life.0.load(Ordering::Acquire) {
            SERVING => Phase::Serving,
            STOPPING => Phase::Stopping,
            _ => Phase::Starting,
        }
    }

    fn store(&self) -> store::State {
        let status = self.log.status();
        let read_only = match status.writable {
            Writable::Yes => None,
            other => Some(format!("{other:?}")),
        };
        store::State { read_only, quarantined: status.counts.quarantined }
    }

    fn disk(&self) -> disk::State {
        let free_bytes = self.log.status().free_bytes;
        disk::State { free_bytes, reserve_bytes: self.disk_reserve_bytes }
    }

    fn projection(&self) -> projection::State {
        projection::State {
            running: self.progress.running(),
            oldest_waiting_ns: self.progress.oldest_waiting_ns(),
        }
    }

    fn targets(&self) -> Vec<forward::State> {
        let state = |shipper: &Shipper| {
            let status = shipper.status(clock::unix_nanos());
            forward::State {
                name: shipper.name().to_owned(),
                failing_since_ns: status.failing_since_ns,
                expired_items: status.expired_items,
            }
        };
        self.shippers.iter().map(state).collect()
    }

    fn clickhouse(&self) -> Option<clickhouse::State> {
        let clickhouse = self.stores.clickhouse.as_ref()?;
        Some(Stores::health(clickhouse, clock::unix_nanos()))
    }
}
