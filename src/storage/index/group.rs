//! The directory of a segment: what is known of each stretch of it without reading it.

use super::head::{LogHead, SpanHead, log_trace_id};
use crate::model::{Signal, Status, TraceId};
use crate::otlp::read;
use crate::otlp::wire::WireError;
use crate::storage::Batch;

/// A run of neighbouring frames of one segment. Small frames share one, so that the directory
/// stays small whatever the senders' batches are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) struct Group {
    /// Where its first frame begins.
    pub(in crate::storage) first: u64,
    /// Where its last frame begins.
    pub(in crate::storage) last: u64,
    /// Where its last frame ends, or later; `u64::MAX` where that is not known yet.
    pub(in crate::storage) end: u64,
    /// Bytes of telemetry in it.
    pub(in crate::storage) bytes: u64,
    /// The earliest start of its spans; later than `max_start_ns` where it has none.
    pub(in crate::storage) min_start_ns: u64,
    /// The latest start of its spans.
    pub(in crate::storage) max_start_ns: u64,
    /// The longest duration of its spans.
    pub(in crate::storage) max_duration_ns: u64,
    /// A set of the services its spans are from, which may hold more than were put in.
    pub(in crate::storage) services: ServiceSet,
    /// Whether one of its spans says that it failed.
    pub(in crate::storage) failed: bool,
    /// The earliest time of its log records; later than `max_log_ns` where it has none.
    pub(in crate::storage) min_log_ns: u64,
    /// The latest time of its log records.
    pub(in crate::storage) max_log_ns: u64,
    /// A set of the services its log records are from, which may hold more than were put in.
    pub(in crate::storage) log_services: ServiceSet,
    /// The highest severity number of its log records.
    pub(in crate::storage) max_severity: u32,
}

/// A set of names in 64 bits: two bits for each, so it may say that it has one it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::storage) struct ServiceSet(pub(in crate::storage) u64);

impl ServiceSet {
    /// The set of one name. The bits are part of the sidecar's format.
    pub(in crate::storage) fn of(name: &str) -> Self {
        let hash = u64::from(crc32fast::hash(name.as_bytes()));
        Self(1 << (hash & 63) | 1 << (hash >> 6 & 63))
    }

    /// Whether all names of `other` may be in it.
    pub(in crate::storage) fn may_hold(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What the index keeps of one batch.
#[derive(Debug)]
pub(super) struct Survey {
    /// The facts as a group of its own, at no place yet.
    pub(super) group: Group,
    /// Digests of the traces in it, in no order, without repetition.
    pub(super) traces: Vec<u32>,
}

/// The digest by which the index finds a trace. It is part of the sidecar's format.
pub(super) fn digest(id: &[u8]) -> Option<u32> {
    TraceId::from_bytes(id).map(|id| {
        let mixed = (id.digest() ^ id.digest() >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as u32
    })
}

impl Group {
    /// Of nothing.
    pub(in crate::storage) fn empty() -> Self {
        Self {
            first: 0,
            last: 0,
            end: u64::MAX,
            bytes: 0,
            min_start_ns: u64::MAX,
            max_start_ns: 0,
            max_duration_ns: 0,
            services: ServiceSet::default(),
            failed: false,
            min_log_ns: u64::MAX,
            max_log_ns: 0,
            log_services: ServiceSet::default(),
            max_severity: 0,
        }
    }

    /// Whether it has any span.
    pub(in crate::storage) fn has_spans(&self) -> bool {
        self.min_start_ns <= self.max_start_ns
    }

    /// Whether it has any log record.
    pub(in crate::storage) fn has_logs(&self) -> bool {
        self.min_log_ns <= self.max_log_ns
    }

    /// Whether another frame still belongs to it, if it may have this many bytes.
    pub(super) fn takes(&self, other: &Self, most_bytes: u64) -> bool {
        self.bytes + other.bytes <= most_bytes
    }

    /// Adds a frame that begins at `at`.
    pub(super) fn take(&mut self, other: &Self, at: u64) {
        self.last = at;
        self.bytes += other.bytes;
        self.min_start_ns = self.min_start_ns.min(other.min_start_ns);
        self.max_start_ns = self.max_start_ns.max(other.max_start_ns);
        self.max_duration_ns = self.max_duration_ns.max(other.max_duration_ns);
        self.services.0 |= other.services.0;
        self.failed |= other.failed;
        self.min_log_ns = self.min_log_ns.min(other.min_log_ns);
        self.max_log_ns = self.max_log_ns.max(other.max_log_ns);
        self.log_services.0 |= other.log_services.0;
        self.max_severity = self.max_severity.max(other.max_severity);
    }
}

impl Survey {
    /// Looks at one batch. Where its framing is broken the rest is not indexed, as no other
    /// reader finds it either.
    pub(super) fn of(batch: &Batch) -> Self {
        let mut survey = Self { group: Group::empty(), traces: Vec::new() };
        survey.group.bytes = batch.body.len() as u64;
        let walked = match batch.signal {
            Signal::Traces => survey.spans(&batch.body),
            Signal::Logs => survey.log_records(&batch.body),
            Signal::Metrics => Ok(()),
        };
        if let Err(error) = walked {
            tracing::debug!(%error, "A stored batch is damaged; the rest of it is not indexed.");
        }
        survey.traces.sort_unstable();
        survey.traces.dedup();
        survey
    }

    fn spans(&mut self, body: &[u8]) -> Result<(), WireError> {
        let mut service = "";
        read::records(body, |origin, span| {
            // A damaged span hides none of its neighbours.
            let Ok(head) = SpanHead::read(span) else { return Ok(()) };
            let group = &mut self.group;
            group.min_start_ns = group.min_start_ns.min(head.start_ns);
            group.max_start_ns = group.max_start_ns.max(head.start_ns);
            group.max_duration_ns = group.max_duration_ns.max(head.duration_ns());
            group.failed |= head.status == Status::Error;
            let found = origin.service();
            // The same text at the same place is the same resource again.
            if !std::ptr::eq(found, service) {
                service = found;
                group.services.0 |= ServiceSet::of(service).0;
            }
            self.trace(head.trace_id);
            Ok(())
        })
    }

    fn log_records(&mut self, body: &[u8]) -> Result<(), WireError> {
        let mut service = "";
        read::records(body, |origin, record| {
            self.trace(log_trace_id(record));
            // A damaged record hides none of its neighbours.
            let Ok(head) = LogHead::read(record) else { return Ok(()) };
            let group = &mut self.group;
            group.min_log_ns = group.min_log_ns.min(head.time_ns);
            group.max_log_ns = group.max_log_ns.max(head.time_ns);
            group.max_severity = group.max_severity.max(head.severity);
            let found = origin.service();
            if !std::ptr::eq(found, service) {
                service = found;
                group.log_services.0 |= ServiceSet::of(service).0;
            }
            Ok(())
        })
    }

    fn trace(&mut self, id: &[u8]) {
        // Spans of one trace mostly stand together.
        if let Some(digest) = digest(id)
            && self.traces.last() != Some(&digest)
        {
            self.traces.push(digest);
        }
    }
}
