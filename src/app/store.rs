//! Which store answers questions.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::AppError;
use crate::config::{self, Config};
use crate::health::clickhouse::State;
use crate::metrics::{Cluster, ClusterReading, Registry};
use crate::model::Signal;
use crate::storage::Log;
use crate::storage::clickhouse::{ClickHouse, ClickHouseObserver, ClickHouseOptions};
use crate::storage::index::Index;
use crate::storage::query::Store;

/// The store that the configuration chooses.
pub(super) struct Stores {
    /// What questions are put to.
    pub(super) store: Arc<dyn Store>,
    /// ClickHouse, where it is the store.
    pub(super) clickhouse: Option<Arc<ClickHouse>>,
}

impl Stores {
    /// Opens the store. ClickHouse need not be there yet.
    pub(super) fn open(
        config: &Config,
        log: &Arc<Log>,
        index: &Arc<Index>,
        registry: &Registry,
    ) -> Result<Self, AppError> {
        let Some(chosen) = &config.storage.clickhouse else {
            return Ok(Self { store: Arc::clone(index) as Arc<dyn Store>, clickhouse: None });
        };
        let watch = Arc::new(ClusterWatch(Cluster::new(registry)));
        let options = options(chosen);
        let clickhouse = ClickHouse::start(options, log, index, watch, &Handle::current())?;
        let store = Arc::clone(&clickhouse) as Arc<dyn Store>;
        Ok(Self { store, clickhouse: Some(clickhouse) })
    }

    /// How far ClickHouse is behind, for the metrics page.
    pub(super) fn reading(clickhouse: &ClickHouse, now_ns: u64) -> ClusterReading {
        let status = clickhouse.status(now_ns);
        ClusterReading { lag_seconds: status.lag_seconds, queue_bytes: status.lag_bytes }
    }

    /// How ClickHouse is doing, for health.
    pub(super) fn health(clickhouse: &ClickHouse, now_ns: u64) -> State {
        let status = clickhouse.status(now_ns);
        let reason = status.misfit.or_else(|| status.reason.map(|reason| reason.replace('_', " ")));
        State {
            failing_since_ns: status.failing_since_ns,
            reason: reason.unwrap_or_default(),
            expired_items: status.expired_items,
        }
    }
}

fn options(chosen: &config::ClickHouse) -> ClickHouseOptions {
    let password = chosen.password.as_ref().map(|password| password.expose().to_owned());
    ClickHouseOptions {
        url: chosen.url.clone(),
        database: chosen.database.clone(),
        user: chosen.user.clone(),
        password: password.unwrap_or_default(),
        traces_table: chosen.traces_table.clone(),
        logs_table: chosen.logs_table.clone(),
        create_schema: chosen.create_schema,
        batch_rows: chosen.batch_rows,
        flush: chosen.flush,
    }
}

/// Measures what goes to ClickHouse.
struct ClusterWatch(Cluster);

impl ClickHouseObserver for ClusterWatch {
    fn inserted(&self, signal: Signal, rows: u64) {
        self.0.inserted(signal, rows);
    }

    fn failed(&self, reason: &'static str) {
        self.0.failed(reason);
    }

    fn expired(&self, signal: Signal, items: u64) {
        self.0.expired(signal, items);
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::catalog::CLICKHOUSE_FAILED;
    use crate::storage::clickhouse::REASONS;

    #[test]
    fn every_reason_is_one_that_is_measured() {
        assert_eq!(CLICKHOUSE_FAILED.labels[0].values, REASONS);
    }
}
