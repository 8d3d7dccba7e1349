//! What the parts tell, measured and logged.

use std::sync::Arc;

use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceState};
use opentelemetry::{Context, TraceFlags};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::api::auth::{AccessObserver, Denied, Role};
use crate::api::traceparent::TraceParent;
use crate::api::{Answered, HttpObserver};
use crate::debug::{DebugObserver, EventKind, Loss, SystemEvents};
use crate::exporter::ForwardObserver;
use crate::metrics::{Debugging, Forward, Ingest, Registry, Wal, Web};
use crate::model::Signal;
use crate::receiver::DoorObserver;
use crate::storage::{LogObserver, SegmentInfo};

/// Measures the log.
#[derive(Debug)]
pub(super) struct LogWatch(Wal);

/// Measures the forwarding targets.
pub(super) struct ForwardWatch(Forward);

/// Measures what the doors turn away.
pub(super) struct DoorWatch(Ingest);

/// Measures the API. Panics are counted by the hook that `telemetry` installs.
pub(super) struct WebWatch(Web);

/// Counts refused keys and tells of them; `api::auth` logs them, a bounded number each second.
pub(super) struct AccessWatch(Web, SystemEvents);

/// Measures debug events.
pub(super) struct DebugWatch(Debugging);

impl LogWatch {
    pub(super) fn new(registry: &Registry) -> Self {
        Self(Wal::new(registry))
    }
}

impl ForwardWatch {
    pub(super) fn new(registry: &Registry) -> Self {
        Self(Forward::new(registry))
    }

    /// What is counted of this target stands at 0.
    pub(super) fn expect(&self, target: &str) {
        self.0.target(target);
    }
}

impl DoorWatch {
    pub(super) fn new(registry: &Registry) -> Self {
        Self(Ingest::new(registry))
    }
}

impl WebWatch {
    pub(super) fn new(registry: &Registry) -> Arc<Self> {
        Arc::new(Self(Web::new(registry)))
    }
}

impl AccessWatch {
    pub(super) fn new(registry: &Registry, system: SystemEvents) -> Self {
        Self(Web::new(registry), system)
    }
}

impl DebugWatch {
    pub(super) fn new(registry: &Registry) -> Self {
        Self(Debugging::new(registry))
    }
}

impl LogObserver for LogWatch {
    fn synced(&self, seconds: f64, bytes: u64, _batches: u32) {
        self.0.synced(seconds, bytes);
    }

    fn sync_failed(&self) {
        self.0.sync_failed();
        tracing::error!("A write to the log failed; its segment was closed and a new one begun.");
    }

    fn quarantined(&self, bytes: u64) {
        tracing::warn!(bytes, "Damaged data in the log was put aside.");
    }

    fn torn(&self, bytes: u64) {
        tracing::info!(bytes, "Unacknowledged bytes at the log's end were cut off.");
    }

    fn expired(&self, segment: &SegmentInfo) {
        let SegmentInfo { number, bytes, .. } = *segment;
        tracing::info!(segment = number, bytes, "Retention removed a segment.");
    }
}

impl ForwardObserver for ForwardWatch {
    fn sent(&self, target: &str, signal: Signal, items: u64) {
        self.0.sent(target, signal, items);
    }

    fn failed(&self, target: &str, signal: Signal, items: u64) {
        self.0.failed(target, signal, items);
    }

    fn expired(&self, target: &str, signal: Signal, items: u64) {
        self.0.expired(target, signal, items);
    }

    fn request(&self, target: &str, outcome: &'static str) {
        self.0.request(target, outcome);
    }
}

impl DoorObserver for DoorWatch {
    fn turned_away(&self, signal: Signal, reason: &'static str, again: bool) {
        if again {
            self.0.refused_request(signal, reason);
        } else {
            self.0.rejected_request(signal, reason);
        }
    }

    fn left_out(&self, signal: Signal, reason: &'static str, items: u32) {
        self.0.received(signal, items.into());
        self.0.rejected(signal, reason, items.into());
    }
}

impl HttpObserver for WebWatch {
    fn started(&self) {
        self.0.started();
    }

    fn finished(&self, answered: Answered<'_>) {
        self.0.answered(answered.route, answered.status, answered.seconds);
    }

    fn called_from(&self, span: &tracing::Span, parent: &TraceParent) {
        let flags = TraceFlags::new(u8::from(parent.sampled));
        let parent = SpanContext::new(
            opentelemetry::TraceId::from_bytes(*parent.trace_id.as_bytes()),
            opentelemetry::SpanId::from_bytes(*parent.span_id.as_bytes()),
            flags,
            true,
            TraceState::default(),
        );
        // Fails where own spans are not exported, which is mostly.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
}

impl AccessObserver for AccessWatch {
    fn denied(&self, reason: Denied, needed: Role, key: Option<&str>) {
        let reason = match reason {
            Denied::Missing => "missing",
            Denied::Unknown => "unknown",
            Denied::Role(_) => "role",
        };
        self.0.denied(reason);
        self.1.access_denied(reason, needed.name(), key);
    }
}

impl DebugObserver for DebugWatch {
    fn written(&self, kind: EventKind) {
        self.0.written(kind.name());
    }

    fn lost(&self, file: &'static str, loss: Loss, events: u64) {
        self.0.lost(file, loss.name(), events);
    }

    fn scopes(&self, open: usize) {
        self.0.scopes(open);
    }
}
