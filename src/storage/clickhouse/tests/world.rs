//! A log, its index and ClickHouse behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::engine::Engine;
use crate::clock;
use crate::model::Signal;
use crate::storage::clickhouse::{ClickHouse, ClickHouseObserver, ClickHouseOptions};
use crate::storage::fs::RealFs;
use crate::storage::index::{Index, OpenBook, Understand, double};
use crate::storage::{Batch, Log, LogOptions};

/// What was reported.
#[derive(Default)]
pub(super) struct Counted {
    pub(super) inserted: AtomicU64,
    pub(super) failed: AtomicU64,
}

impl ClickHouseObserver for Counted {
    fn inserted(&self, _: Signal, rows: u64) {
        self.inserted.fetch_add(rows, Ordering::Relaxed);
    }

    fn failed(&self, _: &'static str) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    fn expired(&self, _: Signal, _: u64) {}
}

pub(super) struct World<'e> {
    pub(super) engine: &'e Engine,
    pub(super) database: String,
    runtime: Runtime,
    log: Arc<Log>,
    pub(super) index: Arc<Index>,
    pub(super) store: Arc<ClickHouse>,
    pub(super) counted: Arc<Counted>,
    dir: TempDir,
}

impl<'e> World<'e> {
    pub(super) fn new(engine: &'e Engine) -> Self {
        Self::understanding(engine, double::reader(), double::open_book)
    }

    pub(super) fn understanding(
        engine: &'e Engine,
        understand: Understand,
        open_book: OpenBook,
    ) -> Self {
        // The binary does so at its start.
        let _ = rustls::crypto::ring::default_provider().install_default();
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let database = format!("world`{number}'");
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let log = Log::open(Arc::new(RealFs), dir.path(), LogOptions::default()).unwrap();
        let log = Arc::new(log);
        let index = Arc::new(Index::open(Arc::clone(&log), understand, open_book));
        let counted = Arc::new(Counted::default());
        let store = start(engine, &database, &log, &index, &counted, &runtime);
        Self { engine, database, runtime, log, index, store, counted, dir }
    }

    /// Ends the writer and starts it again from its cursor.
    pub(super) fn restart(&mut self) {
        self.store.stop();
        let Self { engine, database, log, index, counted, runtime, .. } = self;
        self.store = start(engine, database, log, index, counted, runtime);
    }

    /// Forgets how far the writer had come.
    pub(super) fn forget_cursor(&mut self) {
        self.store.stop();
        std::fs::remove_file(self.dir.path().join("clickhouse/taken.cursor")).unwrap();
        self.restart();
    }

    pub(super) fn append(&self, batch: &Batch) {
        let batch = Batch { arrived_ns: clock::unix_nanos(), ..batch.clone() };
        let at = self.runtime.block_on(self.log.append(batch.clone())).unwrap();
        self.index.apply(at, &batch);
    }

    /// Waits until ClickHouse has everything.
    pub(super) fn settle(&self) {
        self.wait(|| self.store.state.taken() >= self.log.end());
    }

    pub(super) fn wait(&self, so: impl Fn() -> bool) {
        for _ in 0..6_000 {
            if so() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it did not come about within a minute: {:?}", self.store.status(0));
    }

    /// A table of the world, quoted.
    pub(super) fn table(&self, name: &str) -> String {
        format!("{}.{name}", super::super::sql::name(&self.database))
    }
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        self.store.stop();
        self.log.stop();
    }
}

fn start(
    engine: &Engine,
    database: &str,
    log: &Arc<Log>,
    index: &Arc<Index>,
    counted: &Arc<Counted>,
    runtime: &Runtime,
) -> Arc<ClickHouse> {
    let options = ClickHouseOptions {
        url: engine.url(),
        database: database.to_owned(),
        user: "default".to_owned(),
        password: String::new(),
        traces_table: "otel_traces".to_owned(),
        logs_table: "otel_logs".to_owned(),
        create_schema: true,
        batch_rows: 10,
        flush: Duration::ZERO,
    };
    let watch = Arc::clone(counted) as Arc<dyn ClickHouseObserver>;
    ClickHouse::start(options, log, index, watch, runtime.handle()).unwrap()
}
