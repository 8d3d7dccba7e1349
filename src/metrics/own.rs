//! What Pharos counts of itself, as handles that the other parts hold.
//!
//! Every handle is cheap to clone and safe to use from any thread. A part with a small trait of
//! its own (the log's observer, a target's) gets it implemented over these in `app`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ::metrics::{Counter, Gauge, Histogram};

use super::catalog::{self, Family};
use super::registry::Registry;
use crate::model::Signal;

/// Items and requests on their way in.
///
/// The law, per signal, whenever nothing is in flight:
/// received = stored + duplicate + rejected + refused + dropped.
/// `stored` is not here: it is counted by [`super::Measures::batch`] when the committed batch is
/// read back from the log, which makes it equal to the log also after a crash.
#[derive(Debug, Clone)]
pub struct Ingest {
    received: [Counter; 3],
    duplicate: [Counter; 3],
    rejected: Reasons,
    refused: Reasons,
    dropped: Reasons,
    rejected_requests: Reasons,
    refused_requests: Reasons,
    inflight: Gauge,
    inflight_limit: Gauge,
}

/// The log's writing side.
#[derive(Debug, Clone)]
pub struct Wal {
    synced: Histogram,
    sync_failures: Counter,
    append_bytes: Counter,
}

/// Forwarding, per target.
#[derive(Debug, Clone)]
pub struct Forward {
    registry: Registry,
}

/// What goes to ClickHouse.
#[derive(Debug, Clone)]
pub struct Cluster {
    registry: Registry,
}

/// Pharos' own HTTP server.
#[derive(Debug, Clone)]
pub struct Web {
    registry: Registry,
    inflight: Gauge,
}

/// Debug events and the files in which Pharos tells of itself.
#[derive(Debug, Clone)]
pub struct Debugging {
    registry: Registry,
    scopes: Gauge,
}

/// What Pharos found and said as log records.
#[derive(Debug, Clone)]
pub struct Findings {
    registry: Registry,
    dropped: Counter,
}

/// Counters of a family by signal and reason, looked up once per pair.
#[derive(Debug, Clone)]
struct Reasons {
    family: &'static Family,
    registry: Registry,
    known: Arc<Mutex<HashMap<(Signal, &'static str), Counter>>>,
}

impl Findings {
    /// The handles.
    pub fn new(registry: &Registry) -> Self {
        let dropped = registry.counter(&catalog::FINDINGS_DROPPED, &[]);
        Self { registry: registry.clone(), dropped }
    }

    /// A finding of this event name is on its way into the log.
    pub fn said(&self, event: &str) {
        self.registry.counter(&catalog::FINDINGS, &[event]).increment(1);
    }

    /// Findings did not get there.
    pub fn dropped(&self, findings: u64) {
        self.dropped.increment(findings);
    }
}

impl Ingest {
    /// The handles; counters stand at 0 for every signal.
    pub fn new(registry: &Registry) -> Self {
        Self {
            received: by_signal(registry, &catalog::INGEST_RECEIVED),
            duplicate: by_signal(registry, &catalog::INGEST_DUPLICATE),
            rejected: Reasons::new(registry, &catalog::INGEST_REJECTED),
            refused: Reasons::new(registry, &catalog::INGEST_REFUSED),
            dropped: Reasons::new(registry, &catalog::INGEST_DROPPED),
            rejected_requests: Reasons::new(registry, &catalog::INGEST_REJECTED_REQUESTS),
            refused_requests: Reasons::new(registry, &catalog::INGEST_REFUSED_REQUESTS),
            inflight: registry.gauge(&catalog::INGEST_INFLIGHT, &[]),
            inflight_limit: registry.gauge(&catalog::INGEST_INFLIGHT_LIMIT, &[]),
        }
    }

    /// These reasons can occur: their counters stand at 0 for every signal, so that the first
    /// rejected or refused item is an increase for Prometheus.
    pub fn expect(&self, rejected: &[&'static str], refused: &[&'static str]) {
        for signal in Signal::ALL {
            rejected.iter().for_each(|reason| self.rejected(signal, reason, 0));
            refused.iter().for_each(|reason| self.refused(signal, reason, 0));
            self.dropped(signal, "internal", 0);
        }
    }

    /// Items whose number is known have arrived.
    pub fn received(&self, signal: Signal, items: u64) {
        self.received[index(signal)].increment(items);
    }

    /// Items had been stored before.
    pub fn duplicate(&self, signal: Signal, items: u64) {
        self.duplicate[index(signal)].increment(items);
    }

    /// Items can never be accepted.
    pub fn rejected(&self, signal: Signal, reason: &'static str, items: u64) {
        self.rejected.add(signal, reason, items);
    }

    /// Items are not accepted now; the sender is told to try again.
    pub fn refused(&self, signal: Signal, reason: &'static str, items: u64) {
        self.refused.add(signal, reason, items);
    }

    /// Items that were received are lost.
    pub fn dropped(&self, signal: Signal, reason: &'static str, items: u64) {
        self.dropped.add(signal, reason, items);
    }

    /// A request is rejected for good; its items were not counted as received.
    pub fn rejected_request(&self, signal: Signal, reason: &'static str) {
        self.rejected_requests.add(signal, reason, 1);
    }

    /// A request is refused for now; its items were not counted as received.
    pub fn refused_request(&self, signal: Signal, reason: &'static str) {
        self.refused_requests.add(signal, reason, 1);
    }

    /// What requests in flight hold, and may hold, in bytes.
    pub fn inflight(&self, bytes: usize, limit: usize) {
        self.inflight.set(bytes as f64);
        self.inflight_limit.set(limit as f64);
    }
}

impl Wal {
    /// The handles.
    pub fn new(registry: &Registry) -> Self {
        Self {
            synced: registry.histogram(&catalog::WAL_FSYNC, &[]),
            sync_failures: registry.counter(&catalog::WAL_FSYNC_FAILURES, &[]),
            append_bytes: registry.counter(&catalog::WAL_APPEND_BYTES, &[]),
        }
    }

    /// A group of batches was synced.
    pub fn synced(&self, seconds: f64, bytes: u64) {
        self.synced.record(seconds);
        self.append_bytes.increment(bytes);
    }

    /// A sync failed.
    pub fn sync_failed(&self) {
        self.sync_failures.increment(1);
    }
}

impl Forward {
    /// The handles.
    pub fn new(registry: &Registry) -> Self {
        Self { registry: registry.clone() }
    }

    /// A target is configured: what is counted of it stands at 0.
    pub fn target(&self, target: &str) {
        for signal in Signal::ALL {
            self.sent(target, signal, 0);
            self.failed(target, signal, 0);
            self.expired(target, signal, 0);
        }
        for label in catalog::FORWARD_REQUESTS.labels {
            for outcome in label.values {
                self.registry.resolve(&catalog::FORWARD_REQUESTS, &[target, outcome]);
            }
        }
    }

    /// The target took items.
    pub fn sent(&self, target: &str, signal: Signal, items: u64) {
        self.add(&catalog::FORWARD_SENT, target, signal, items);
    }

    /// The target refused items for good.
    pub fn failed(&self, target: &str, signal: Signal, items: u64) {
        self.add(&catalog::FORWARD_FAILED, target, signal, items);
    }

    /// Retention removed items before the target took them.
    pub fn expired(&self, target: &str, signal: Signal, items: u64) {
        self.add(&catalog::FORWARD_EXPIRED, target, signal, items);
    }

    /// A request ended: `delivered`, `retry` or `refused`.
    pub fn request(&self, target: &str, outcome: &str) {
        self.registry.counter(&catalog::FORWARD_REQUESTS, &[target, outcome]).increment(1);
    }

    fn add(&self, family: &'static Family, target: &str, signal: Signal, items: u64) {
        self.registry.counter(family, &[target, signal.name()]).increment(items);
    }
}

impl Cluster {
    /// The handles; everything stands at 0.
    pub fn new(registry: &Registry) -> Self {
        let cluster = Self { registry: registry.clone() };
        for signal in [Signal::Traces, Signal::Logs] {
            cluster.inserted(signal, 0);
            cluster.expired(signal, 0);
        }
        for label in catalog::CLICKHOUSE_FAILED.labels {
            for reason in label.values {
                registry.resolve(&catalog::CLICKHOUSE_FAILED, &[reason]);
            }
        }
        cluster
    }

    /// ClickHouse took rows.
    pub fn inserted(&self, signal: Signal, rows: u64) {
        let family = &catalog::CLICKHOUSE_INSERTED;
        self.registry.counter(family, &[signal.name()]).increment(rows);
    }

    /// An insert failed.
    pub fn failed(&self, reason: &str) {
        self.registry.counter(&catalog::CLICKHOUSE_FAILED, &[reason]).increment(1);
    }

    /// Retention removed items before ClickHouse took them.
    pub fn expired(&self, signal: Signal, items: u64) {
        let family = &catalog::CLICKHOUSE_EXPIRED;
        self.registry.counter(family, &[signal.name()]).increment(items);
    }
}

impl Web {
    /// The handles.
    pub fn new(registry: &Registry) -> Self {
        let inflight = registry.gauge(&catalog::OWN_HTTP_INFLIGHT, &[]);
        inflight.set(0.0);
        Self { registry: registry.clone(), inflight }
    }

    /// A request has begun; `answered` follows.
    pub fn started(&self) {
        self.inflight.increment(1.0);
    }

    /// A request was turned away for its key: `missing`, `unknown` or `role`.
    pub fn denied(&self, reason: &'static str) {
        self.registry.counter(&catalog::ACCESS_DENIED, &[reason]).increment(1);
    }

    /// A request was answered. `handler` is the route template.
    pub fn answered(&self, handler: &str, code: u16, seconds: f64) {
        let requests = &catalog::OWN_HTTP_REQUESTS;
        self.inflight.decrement(1.0);
        self.registry.counter(requests, &[handler, &code.to_string()]).increment(1);
        let duration = &catalog::OWN_HTTP_REQUEST_DURATION;
        self.registry.histogram(duration, &[handler]).record(seconds);
    }
}

impl Debugging {
    /// The handles; what can be lost stands at 0.
    pub fn new(registry: &Registry) -> Self {
        let scopes = registry.gauge(&catalog::DEBUG_SCOPES, &[]);
        scopes.set(0.0);
        let this = Self { registry: registry.clone(), scopes };
        for (file, reasons) in [
            ("debug_logs", ["disk", "too_many"].as_slice()),
            ("app_logs", &["disk", "queue_full"]),
            ("system_events", &["disk", "queue_full"]),
            ("log", &["refused"]),
        ] {
            reasons.iter().for_each(|reason| this.lost(file, reason, 0));
        }
        this
    }

    /// An event of this type was written.
    pub fn written(&self, event_type: &str) {
        self.registry.counter(&catalog::DEBUG_EVENTS, &[event_type]).increment(1);
    }

    /// Lines were not written to a file.
    pub fn lost(&self, file: &str, reason: &str, lines: u64) {
        self.registry.counter(&catalog::DEBUG_LOST, &[file, reason]).increment(lines);
    }

    /// How many scopes of the toggle are open.
    pub fn scopes(&self, open: usize) {
        self.scopes.set(open as f64);
    }
}

impl Registry {
    /// Tells which build runs and where. Sets the two info gauges to 1.
    pub fn about(&self, about: &About<'_>) {
        let build = [about.version, about.revision, about.rust_version];
        self.gauge(&catalog::BUILD_INFO, &build).set(1.0);
        let os = std::env::consts::OS;
        let system = [about.version, about.environment, os, std::env::consts::ARCH];
        self.gauge(&catalog::SYSTEM_INFO, &system).set(1.0);
    }

    /// The counter of panics.
    pub fn panics(&self) -> Counter {
        self.counter(&catalog::PANICS, &[])
    }

    /// The counter of log lines of a level: `error`, `warn`, `info`, `debug` or `trace`.
    pub fn log_lines(&self, level: &str) -> Counter {
        self.counter(&catalog::LOG_LINES, &[level])
    }

    /// Counts secrets that a rule removed.
    pub fn redacted(&self, rule: &str, count: u64) {
        self.counter(&catalog::REDACTIONS, &[rule]).increment(count);
    }

    /// The gauge of committed bytes that are not measured yet.
    pub fn projection_lag(&self) -> Gauge {
        self.gauge(&catalog::PROJECTION_LAG, &[])
    }
}

/// What is running.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// Pharos' version.
    pub version: &'a str,
    /// The revision it was built from.
    pub revision: &'a str,
    /// The compiler it was built with.
    pub rust_version: &'a str,
    /// The environment it runs in, for instance `production`.
    pub environment: &'a str,
}

impl Reasons {
    fn new(registry: &Registry, family: &'static Family) -> Self {
        Self { family, registry: registry.clone(), known: Arc::default() }
    }

    fn add(&self, signal: Signal, reason: &'static str, items: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = known
            .entry((signal, reason))
            .or_insert_with(|| self.registry.counter(self.family, &[signal.name(), reason]));
        counter.increment(items);
    }
}

fn by_signal(registry: &Registry, family: &'static Family) -> [Counter; 3] {
    Signal::ALL.map(|signal| registry.counter(family, &[signal.name()]))
}

fn index(signal: Signal) -> usize {
    signal as usize - 1
}
