//! Is Pharos well? One file per checked component.
//!
//! Invariant: a check is a pure function of a state and `now`; whoever owns the component fills
//! the state through [`Checks`]. Being alive depends on nothing but the process itself, being
//! ready on whether telemetry can be kept, and the report says the rest.

pub mod clickhouse;
pub mod disk;
pub mod forward;
pub mod projection;
pub mod store;

use crate::clock;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Instant;

/// How a component, or the whole, is doing. Later variants are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All is well.
    Healthy,
    /// It works, but someone should look.
    Degraded,
    /// It does not do its job.
    Unhealthy,
}

/// What a check says of its component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How it is doing.
    pub status: Status,
    /// What is wrong, in one sentence without names of files or hosts; `None` when healthy.
    pub message: Option<Cow<'static, str>>,
}

/// Where the process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Still reading the log back after a start.
    Starting,
    /// At work.
    Serving,
    /// Draining before the end.
    Stopping,
}

/// Where the states come from; every method is cheap enough for a probe each second.
pub trait Checks: Send + Sync {
    /// Where the process is in its life.
    fn phase(&self) -> Phase;
    /// The log that keeps what arrives.
    fn store(&self) -> store::State;
    /// The volume that the log lies on.
    fn disk(&self) -> disk::State;
    /// The reader of the log behind metrics and search.
    fn projection(&self) -> projection::State;
    /// The forwarding targets, in the order of the configuration.
    fn targets(&self) -> Vec<forward::State>;
    /// ClickHouse, where it is the store.
    fn clickhouse(&self) -> Option<clickhouse::State> {
        None
    }
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Component {
    /// How it is doing.
    pub status: Status,
    /// How long asking it took, in milliseconds.
    pub latency_ms: f64,
    /// What is wrong; absent when healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Cow<'static, str>>,
}

/// All components and the worst of their states.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The worst status among the components.
    pub status: Status,
    /// By name: `store`, `disk_space`, `projection`, `clickhouse`,
    /// `forward.<target>`.
    pub components: BTreeMap<String, Component>,
}

/// Why telemetry cannot be accepted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// The log is still being read back.
    #[error("Pharos is starting: it reads its log back.")]
    Starting,
    /// The process is about to end.
    #[error("Pharos is stopping.")]
    Stopping,
    /// The log takes nothing.
    #[error("The store is read-only: telemetry cannot be kept.")]
    ReadOnly,
}

impl Verdict {
    /// Nothing to say.
    pub fn healthy() -> Self {
        Self { status: Status::Healthy, message: None }
    }

    /// It works, but.
    pub fn degraded(message: impl Into<Cow<'static, str>>) -> Self {
        Self { status: Status::Degraded, message: Some(message.into()) }
    }

    /// It does not work, because.
    pub fn unhealthy(message: impl Into<Cow<'static, str>>) -> Self {
        Self { status: Status::Unhealthy, message: Some(message.into()) }
    }
}

/// Asks every component. Blocking calls may hide in the states, so call it off the async threads.
pub fn report(checks: &dyn Checks, now_ns: u64) -> Report {
    let mut components = BTreeMap::new();
    let mut add = |name: String, component| components.insert(name, component);
    add("store".to_owned(), timed(|| store::check(&checks.store())));
    add("disk_space".to_owned(), timed(|| disk::check(&checks.disk())));
    add("projection".to_owned(), timed(|| projection::check(&checks.projection(), now_ns)));
    if let Some(state) = checks.clickhouse() {
        add("clickhouse".to_owned(), timed(|| clickhouse::check(&state, now_ns)));
    }
    let begun = clock::monotonic();
    let targets = checks.targets();
    let latency_ms = elapsed_ms(begun);
    for target in targets {
        let Verdict { status, message } = forward::check(&target, now_ns);
        add(format!("forward.{}", target.name), Component { status, latency_ms, message });
    }
    let status = components.values().map(|component| component.status).max();
    Report { status: status.unwrap_or(Status::Healthy), components }
}

/// Whether telemetry can be accepted now.
pub fn ready(phase: Phase, store: &store::State) -> Result<(), NotReady> {
    match phase {
        Phase::Starting => Err(NotReady::Starting),
        Phase::Stopping => Err(NotReady::Stopping),
        Phase::Serving if store.read_only.is_some() => Err(NotReady::ReadOnly),
        Phase::Serving => Ok(()),
    }
}

fn timed(check: impl FnOnce() -> Verdict) -> Component {
    let begun = clock::monotonic();
    let Verdict { status, message } = check();
    Component { status, latency_ms: elapsed_ms(begun), message }
}

/// To the microsecond.
fn elapsed_ms(begun: Instant) -> f64 {
    begun.elapsed().as_micros() as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed {
        store: store::State,
        targets: Vec<forward::State>,
    }

    impl Checks for Fixed {
        fn phase(&self) -> Phase {
            Phase::Serving
        }
        fn store(&self) -> store::State {
            self.store.clone()
        }
        fn disk(&self) -> disk::State {
            disk::State { free_bytes: Some(100 << 30), reserve_bytes: 1 << 30 }
        }
        fn projection(&self) -> projection::State {
            projection::State { running: true, oldest_waiting_ns: None }
        }
        fn targets(&self) -> Vec<forward::State> {
            self.targets.clone()
        }
    }

    #[test]
    fn the_worst_component_decides() {
        let now = 1_000_000_000_000;
        let mut checks = Fixed { store: store::State::default(), targets: Vec::new() };
        assert_eq!(report(&checks, now).status, Status::Healthy);
        checks.targets = vec![forward::State {
            name: "jaeger".to_owned(),
            failing_since_ns: Some(1),
            expired_items: 0,
        }];
        let degraded = report(&checks, now);
        assert_eq!(degraded.status, Status::Degraded);
        assert_eq!(degraded.components["forward.jaeger"].status, Status::Degraded);
        checks.store.read_only = Some("a sync failed".to_owned());
        let unhealthy = report(&checks, now);
        assert_eq!(unhealthy.status, Status::Unhealthy);
        assert_eq!(unhealthy.components["disk_space"].status, Status::Healthy);
    }

    #[test]
    fn readiness_follows_phase_and_store() {
        let mut store = store::State::default();
        assert_eq!(ready(Phase::Serving, &store), Ok(()));
        assert_eq!(ready(Phase::Starting, &store), Err(NotReady::Starting));
        assert_eq!(ready(Phase::Stopping, &store), Err(NotReady::Stopping));
        store.read_only = Some("disk full".to_owned());
        assert_eq!(ready(Phase::Serving, &store), Err(NotReady::ReadOnly));
        assert_eq!(ready(Phase::Starting, &store), Err(NotReady::Starting));
    }
}
