//! Wires every part to the others.
//!
//! `build` opens the store and binds the ports, `start` lets telemetry in, `stop` closes the
//! doors first and then follows the data: what was let in is committed, measured and shipped as
//! far as it goes before the last part stops. Ports may be 0; [`App::addresses`] says what was
//! bound, so that a test can run a whole Pharos in its own process.

mod app_metrics;
mod blocks;
mod budgets;
mod checks;
mod debugging;
mod gateway;
mod notices;
mod observers;
mod options;
mod prices;
mod runs;
mod servers;
mod store;
mod watching;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::app_metrics::AppSeries;
use crate::build_info;
use crate::config::{Config, Loaded};
use crate::cost::budgets::Budgets;
use crate::cost::prices::LoadError;
use crate::debug::Debug;
use crate::exporter::{Shipper, TargetError};
use crate::gateway::UpstreamError;
use crate::metrics::Registry;
use crate::model::{Projection, Understand};
use crate::pipeline::{Pipeline, Progress, Projections, Projector, Recent};
use crate::redaction::{BadPattern, Redactor};
use crate::storage::block::{Catalog, CatalogError, Sealer};
use crate::storage::clickhouse::StartError;
use crate::storage::fs::{Fs, RealFs};
use crate::storage::index::Index;
use crate::storage::{Log, OpenError};
use crate::telemetry::own::{self, OwnError, OwnTelemetry};
use crate::telemetry::report_panics;
use crate::{limits, metrics, semconv};

use self::checks::{Life, States};
use self::notices::{NoticeBox, NoticeTask};
pub use self::prices::check_prices;
use self::runs::RunsTask;
use self::servers::Servers;
use self::store::Stores;

/// A whole Pharos.
pub struct App {
    addresses: Addresses,
    log: Arc<Log>,
    projector: Projector,
    progress: Arc<Progress>,
    rebuild: Rebuild,
    sealer: Option<Sealer>,
    shippers: Arc<Vec<Shipper>>,
    debug: Debug,
    notices: NoticeTask,
    abandoning: RunsTask,
    stores: Arc<Stores>,
    life: Arc<Life>,
    servers: Servers,
}

/// Where it listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// API, `/metrics`, health.
    pub web: SocketAddr,
    /// OTLP over gRPC.
    pub otlp_grpc: SocketAddr,
    /// OTLP over HTTP.
    pub otlp_http: SocketAddr,
}

/// Why Pharos cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The blocks cannot be used.
    #[error(transparent)]
    Blocks(#[from] CatalogError),
    /// A file of the store cannot be read or made.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A pattern of the redaction is no regular expression.
    #[error(transparent)]
    Redaction(#[from] BadPattern),
    /// The prices cannot be used.
    #[error("prices: {0}")]
    Prices(#[from] LoadError),
    /// ClickHouse cannot be used.
    #[error(transparent)]
    ClickHouse(#[from] StartError),
    /// An upstream of the gateway cannot be used.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// A forwarding target cannot be used.
    #[error("forwarding target {name}: {source}")]
    Target {
        /// The target's name.
        name: String,
        /// What is wrong.
        source: TargetError,
    },
}

/// The metric families, within the configured bounds, as the facade's recorder.
pub fn registry(config: &Config) -> Registry {
    let registry = Registry::new(options::cardinality(config));
    // A test runs several Pharos in one process: the first one hears what the facade is told.
    let _ = ::metrics::set_global_recorder(registry.clone());
    registry
}

/// Own logs and traces, as configured. Call once in a process.
pub fn telemetry(
    config: &Config,
    registry: &Registry,
    runtime: &Handle,
) -> Result<OwnTelemetry, OwnError> {
    let panics = registry.panics();
    let telemetry = own::init(options::telemetry(config, registry), runtime)?;
    report_panics(Arc::new(move || panics.increment(1)));
    Ok(telemetry)
}

impl App {
    /// Opens the store and binds the ports. Nothing is served before [`App::start`].
    pub async fn build(loaded: &Loaded, registry: &Registry) -> Result<Self, AppError> {
        let config = &loaded.config;
        let book = prices::open(config, registry)?;
        let bound = servers::bind(config).await?;
        let redactor = Arc::new(Redactor::new(&options::redaction(config))?);
        introduce(config, registry);
        let fs: Arc<dyn Fs> = Arc::new(RealFs);
        let log = Arc::new(open_log(config, &fs, registry).await?);
        let catalog = blocks::open(&log).await?;
        let index = open_index(&log, &catalog, book.understand()).await;
        let (progress, life) = (Arc::<Progress>::default(), Arc::<Life>::default());
        let recent = Arc::new(Recent::new(limits::RECENT_IDS));
        let snapshot = config.storage.path.join("metrics.snapshot");
        let (notices, waiting) = NoticeBox::new(metrics::Findings::new(registry));
        let (watch, watched) = watching::start(config, registry, Arc::new(notices.clone()));
        let budgets = budgets::open(&config.budgets, registry, Arc::new(notices));
        let mapping = semconv::Mapping::default();
        let (runs, of_runs) = runs::open(config, &recent);
        let (others, apps) = projections(config, registry, &budgets, &mapping, of_runs, watch);
        let projections = Projections {
            log: Arc::clone(&log),
            index: Arc::clone(&index),
            understand: book.understand(),
            registry: registry.clone(),
            recent: Arc::clone(&recent),
            others,
            fs: Arc::clone(&fs),
            snapshot: snapshot.clone(),
        };
        let projector = Projector::start(projections, Arc::clone(&progress))
            .map_err(|source| AppError::File { path: snapshot, source })?;
        let shippers = Arc::new(start_shippers(config, &log, &fs, registry)?);
        let stores = Arc::new(Stores::open(config, &log, &index, registry)?);
        let pipeline = Pipeline::new(log.clone(), redactor, recent, registry, progress.clone());
        let pipeline = Arc::new(pipeline);
        let notices = waiting.start(Arc::clone(&pipeline));
        let abandoning = runs::watch(&runs, &pipeline, &progress);
        let debug = debugging::start(loaded, &log, &fs, &pipeline, registry).await?;
        // From here on the log lets go of what nobody holds: every other reader holds its part.
        let sealer = blocks::seal(config, &log, &catalog, book.understand())?;
        let states = Arc::new(States {
            life: Arc::clone(&life),
            log: Arc::clone(&log),
            catalog,
            progress: Arc::clone(&progress),
            shippers: Arc::clone(&shippers),
            stores: Arc::clone(&stores),
            app_series: apps,
            budgets,
            book,
            mapping,
            runs,
            disk_reserve_bytes: config.storage.disk_reserve_bytes,
        });
        Ok(Self {
            addresses: bound.addresses,
            servers: Servers::new(bound, loaded, registry, pipeline, states, &debug, watched)?,
            log,
            projector,
            progress,
            rebuild: Rebuild::start(index),
            sealer,
            shippers,
            debug,
            notices,
            abandoning,
            stores,
            life,
        })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Serves the API at once, and the doors as soon as what the log holds has been measured.
    pub async fn start(&mut self) {
        self.servers.open_web();
        while !self.progress.caught_up() && self.progress.running() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.servers.open_doors();
        self.life.serving();
    }

    /// Closes the doors, commits what was let in, measures it, saves every cursor.
    pub async fn stop(self) {
        let Self { log, mut projector, rebuild, sealer, shippers, stores, life, .. } = self;
        let (mut debug, mut servers) = (self.debug, self.servers);
        life.stopping();
        servers.close_doors().await;
        self.notices.stop();
        self.abandoning.stop();
        let rest = tokio::task::spawn_blocking(move || {
            // It appends what it writes, and so ends before the log does.
            debug.stop();
            sealer.iter().for_each(Sealer::stop);
            log.stop();
            projector.stop();
            rebuild.stop();
            // The API may still hold the shippers for its answers; stopping needs no ownership.
            shippers.iter().for_each(Shipper::stop);
            stores.clickhouse.iter().for_each(|clickhouse| clickhouse.stop());
        });
        // A panic in there has been reported by the panic hook.
        let _ = rest.await;
        servers.close_web().await;
    }
}

/// What runs here, and where.
fn introduce(config: &Config, registry: &Registry) {
    registry.about(&metrics::About {
        version: build_info::VERSION,
        revision: build_info::REVISION,
        rust_version: build_info::RUST_VERSION,
        environment: &config.environment,
    });
}

/// What counts from the log beside the metrics.
fn projections(
    config: &Config,
    registry: &Registry,
    budgets: &Budgets,
    mapping: &semconv::Mapping,
    runs: Box<dyn Projection>,
    watch: Option<Box<dyn Projection>>,
) -> (Vec<Box<dyn Projection>>, Option<AppSeries>) {
    let always: [Box<dyn Projection>; 2] = [Box::new(budgets.clone()), Box::new(mapping.clone())];
    let mut others: Vec<_> = always.into_iter().chain([runs]).chain(watch).collect();
    let app_series = app_metrics::read(config, registry, &mut others);
    (others, app_series)
}

async fn open_log(config: &Config, fs: &Arc<dyn Fs>, registry: &Registry) -> Result<Log, AppError> {
    let options = options::log(config);
    let observer = Arc::new(observers::LogWatch::new(registry));
    let (fs, path) = (Arc::clone(fs), config.storage.path.clone());
    let opening = tokio::task::spawn_blocking(move || {
        // The log is recovered when it is opened; what a later release has made is left alone.
        Catalog::refuse_newer(&fs, &path)?;
        Ok(Log::open_observed(fs, &path, options, observer)?)
    });
    match opening.await {
        Ok(opened) => opened,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

async fn open_index(log: &Arc<Log>, catalog: &Arc<Catalog>, understand: Understand) -> Arc<Index> {
    let (log, catalog) = (Arc::clone(log), Arc::clone(catalog));
    let open = move || Index::open(log, understand, semconv::call_book).with_blocks(catalog);
    let opening = tokio::task::spawn_blocking(open);
    match opening.await {
        Ok(index) => Arc::new(index),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Brings back index files that were missing or damaged at the start, beside the ordinary work.
struct Rebuild {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Rebuild {
    fn start(index: Arc<Index>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || index.rebuild_missing(&stopped));
        Self { stop, thread }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        // A panic of the thread has been reported by the panic hook.
        let _ = self.thread.join();
    }
}

fn start_shippers(
    config: &Config,
    log: &Arc<Log>,
    fs: &Arc<dyn Fs>,
    registry: &Registry,
) -> Result<Vec<Shipper>, AppError> {
    let cursors = config.storage.path.join("cursors");
    let watch = Arc::new(observers::ForwardWatch::new(registry));
    let start = |target: &crate::config::Target| {
        watch.expect(&target.name);
        let (fs, watch) = (Arc::clone(fs), Arc::clone(&watch));
        Shipper::start(options::target(target), log, fs, &cursors, watch, &Handle::current())
            .map_err(|source| AppError::Target { name: target.name.clone(), source })
    };
    config.forward.targets.iter().map(start).collect()
}
