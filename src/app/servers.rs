//! The listening side: ports are bound early, served when it is their turn, closed in order.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::checks::States;
use super::gateway;
use super::observers::{AccessWatch, DoorWatch, WebWatch};
use super::store::Stores;
use super::{Addresses, AppError, options};
use crate::api::auth::{Keys, Role};
use crate::api::{self, ApiHandles, Hosts};
use crate::build_info;
use crate::clock;
use crate::config::{Config, Loaded};
use crate::debug::{Debug, DebugHandle};
use crate::gateway::{Front, Gateway};
use crate::health::{self, Checks};
use crate::listener::{self, ListenerOptions, Patience};
use crate::metrics::{Ingest, Page, Registry, StoreReading};
use crate::model::RunKind;
use crate::pipeline::Pipeline;
use crate::receiver::{self, BodyBounds, Budget, Receiver, ReceiverOptions};
use crate::storage::block::BlockStatus;
use crate::storage::{Log, SegmentInfo, Writable};
use crate::watch::WatchHandle;

/// Bound ports that nobody serves yet.
pub(super) struct Bound {
    pub(super) addresses: Addresses,
    web: TcpListener,
    otlp_grpc: TcpListener,
    otlp_http: TcpListener,
}

/// The servers, first closed, then open, then closed again.
pub(super) struct Servers {
    web: Option<TcpListener>,
    otlp: Vec<TcpListener>,
    service: Front<axum::Router>,
    patience: Patience,
    gateway: Gateway,
    doors: Receiver<Pipeline>,
    on_panic: Arc<dyn Fn() + Send + Sync>,
    close_doors: watch::Sender<bool>,
    close_web: watch::Sender<bool>,
    door_tasks: Vec<JoinHandle<()>>,
    web_task: Option<JoinHandle<()>>,
}

/// Binds the three ports.
pub(super) async fn bind(config: &Config) -> Result<Bound, AppError> {
    let web = listen(config.web.listen_address)?;
    let otlp_grpc = listen(config.otlp.grpc_listen_address)?;
    let otlp_http = listen(config.otlp.http_listen_address)?;
    let address = |listener: &TcpListener| {
        listener
            .local_addr()
            .map_err(|source| AppError::Bind { address: config.web.listen_address, source })
    };
    let addresses = Addresses {
        web: address(&web)?,
        otlp_grpc: address(&otlp_grpc)?,
        otlp_http: address(&otlp_http)?,
    };
    Ok(Bound { addresses, web, otlp_grpc, otlp_http })
}

fn listen(address: std::net::SocketAddr) -> Result<TcpListener, AppError> {
    listener::bind(address).map_err(|source| AppError::Bind { address, source })
}

impl Servers {
    pub(super) fn new(
        bound: Bound,
        loaded: &Loaded,
        registry: &Registry,
        pipeline: Arc<Pipeline>,
        states: Arc<States>,
        debug: &Debug,
        watched: Option<WatchHandle>,
    ) -> Result<Self, AppError> {
        let config = &loaded.config;
        let watch = Arc::new(AccessWatch::new(registry, debug.system()));
        let keys = Arc::new(Keys::new(options::keys(config), watch));
        let budget = Budget::new(config.otlp.memory_budget_bytes);
        let receiver_options = receiver_options(config, &keys, registry, Arc::clone(&states));
        let gateway = gateway::start(config, &keys, &pipeline, registry, &states)?;
        let doors = Receiver::new(pipeline, Arc::clone(&budget), receiver_options);
        let handles = api_handles(loaded, keys, registry, states, budget, debug.handle());
        let router = api::router(ApiHandles { watch: watched, ..handles });
        Ok(Self {
            web: Some(bound.web),
            otlp: vec![bound.otlp_grpc, bound.otlp_http],
            patience: gateway::patience(config),
            service: gateway.front(router),
            gateway,
            doors,
            // The hook that `telemetry` installs has counted it.
            on_panic: Arc::new(|| {}),
            close_doors: watch::channel(false).0,
            close_web: watch::channel(false).0,
            door_tasks: Vec::new(),
            web_task: None,
        })
    }

    /// Serves the API.
    pub(super) fn open_web(&mut self) {
        let Some(web) = self.web.take() else { return };
        let service = self.service.clone();
        let stop = closed(self.close_web.subscribe());
        let options = ListenerOptions { patience: self.patience, ..self.options() };
        self.web_task = Some(tokio::spawn(listener::serve(web, service, options, stop)));
    }

    /// Lets telemetry in.
    pub(super) fn open_doors(&mut self) {
        for door in std::mem::take(&mut self.otlp) {
            let (service, options) = (self.doors.clone(), self.options());
            let stop = closed(self.close_doors.subscribe());
            self.door_tasks.push(tokio::spawn(listener::serve(door, service, options, stop)));
        }
    }

    /// Takes no more connections and returns once every request in flight is answered, and every
    /// call through the gateway is in the log.
    pub(super) async fn close_doors(&mut self) {
        self.otlp.clear();
        self.close_doors.send_replace(true);
        self.gateway.stop().await;
        for task in self.door_tasks.drain(..) {
            // A panic in there has been reported by the panic hook.
            let _ = task.await;
        }
    }

    /// The same for the API.
    pub(super) async fn close_web(&mut self) {
        self.close_web.send_replace(true);
        if let Some(task) = self.web_task.take() {
            let _ = task.await;
        }
    }

    fn options(&self) -> ListenerOptions {
        ListenerOptions { on_panic: Arc::clone(&self.on_panic), ..ListenerOptions::default() }
    }
}

async fn closed(closed: watch::Receiver<bool>) {
    let mut closed = closed;
    let _ = closed.wait_for(|closed| *closed).await;
}

fn receiver_options(
    config: &Config,
    keys: &Arc<Keys>,
    registry: &Registry,
    states: Arc<States>,
) -> ReceiverOptions {
    let mut options = ReceiverOptions::new(Arc::new(DoorWatch::new(registry)));
    let runs = Arc::clone(&states.runs);
    options.body = BodyBounds { wire_bytes: config.otlp.max_wire_bytes, ..BodyBounds::default() };
    options.unpacked_bytes = config.otlp.max_unpacked_bytes;
    options.items = config.otlp.max_items;
    options.ready = Arc::new(move || health::ready(states.phase(), &states.store()).is_ok());
    options.runs = runs;
    if !keys.open() {
        let keys = Arc::clone(keys);
        options.check = Some(Arc::new(move |headers| {
            keys.check(headers, Role::Ingest).map(drop).map_err(|denied| match denied {
                api::auth::Denied::Role(_) => receiver::Denied::Forbidden,
                _ => receiver::Denied::Unauthenticated,
            })
        }));
    }
    options
}

fn api_handles(
    loaded: &Loaded,
    keys: Arc<Keys>,
    registry: &Registry,
    states: Arc<States>,
    budget: Arc<Budget>,
    debug: DebugHandle,
) -> ApiHandles {
    let page = Page::new(registry);
    let log = Arc::clone(&states.log);
    let catalog = Arc::clone(&states.catalog);
    page.store(move || store_reading(&log, &catalog.status()));
    super::budgets::show(&page, &states.budgets, registry);
    let of_targets = Arc::clone(&states);
    page.targets(move || of_targets.target_readings());
    if let Some(clickhouse) = states.stores.clickhouse.clone() {
        page.cluster(move || Stores::reading(&clickhouse, clock::unix_nanos()));
    }
    page.runs({
        let runs = Arc::clone(&states.runs);
        move || {
            let [requests, agents, workflows] = RunKind::ALL.map(|kind| runs.count(kind));
            [requests, agents, workflows, Some(runs.untracked())]
        }
    });
    if let Some(series) = states.app_series.clone() {
        page.with(series);
    }
    let (ingest, lag) = (Ingest::new(registry), registry.projection_lag());
    let of_lag = Arc::clone(&states);
    let exposition = move |format| {
        ingest.inflight(budget.used_bytes(), budget.limit_bytes());
        of_lag.book.measure();
        lag.set(of_lag.progress.lag_bytes(of_lag.log.end()) as f64);
        page.render(format)
    };
    let effective = loaded.effective_json.clone();
    let web = &loaded.config.web;
    let hosts = hosts(&loaded.config, &keys);
    ApiHandles {
        keys,
        hosts,
        http: WebWatch::new(registry),
        store: Arc::clone(&states.stores.store),
        understand: states.book.understand(),
        prices: Arc::clone(&states.book.prices),
        mapping: states.mapping.clone(),
        budgets: states.budgets.clone(),
        runs: Arc::clone(&states.runs),
        checks: states,
        debug,
        watch: None,
        registry: registry.clone(),
        exposition: Arc::new(exposition),
        metrics_path: web.telemetry_path.clone(),
        trace_url: web.trace_url.clone(),
        config: Arc::new(move || effective.clone()),
        about: api::About {
            version: build_info::VERSION.to_owned(),
            revision: build_info::REVISION.to_owned(),
            base_url: web.external_url.clone().unwrap_or_default(),
            links: Vec::new(),
        },
    }
}

/// Without keys, a page in somebody's browser must not reach us under a name of its own.
pub(super) fn hosts(config: &Config, keys: &Keys) -> Hosts {
    let web = &config.web;
    match keys.open() && web.listen_address.ip().to_canonical().is_loopback() {
        true => Hosts::loopback_and(web.external_url.as_deref()),
        false => Hosts::Any,
    }
}

fn store_reading(log: &Log, blocks: &BlockStatus) -> StoreReading {
    let status = log.status();
    let waits = |info: &SegmentInfo| info.sealed && info.number > blocks.through;
    StoreReading {
        blocks: blocks.blocks,
        block_bytes: blocks.bytes,
        blocks_expired: blocks.counts.expired,
        seal_failures: blocks.counts.failures,
        unsealed_segments: log.segments().iter().filter(|info| waits(info)).count() as u64,
        segments: status.segments,
        bytes: status.bytes,
        limit_bytes: status.limit_bytes,
        free_bytes: status.free_bytes,
        read_only: status.writable != Writable::Yes,
        quarantined: status.counts.quarantined + blocks.counts.damaged,
        torn_bytes: status.counts.torn_bytes,
    }
}
