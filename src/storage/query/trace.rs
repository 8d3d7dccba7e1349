//! One trace as a whole: all its spans and log records, wherever in the log they are.

use std::collections::{HashMap, HashSet};
use std::ops::{ControlFlow, Range};

use super::QueryError;
use crate::limits;
use crate::model::{LogRecord, Origin, Signal, Span, TraceId};
use crate::otlp::wire::{Fields, WireError};
use crate::otlp::{read, write};
use crate::storage::index::{Index, SpanHead, log_trace_id, read_group, span_trace_id};
use crate::storage::{Batch, Position};

/// The records of one trace, in memory of their own. Empty if the trace is not known.
#[derive(Debug, Clone)]
pub struct StoredTrace {
    /// The trace.
    pub id: TraceId,
    /// Whether it has more spans or bytes than [`limits::TRACE_SPANS`] and
    /// [`limits::TRACE_BYTES`], or a part of it could not be read.
    pub truncated: bool,
    spans: Vec<Stored>,
    logs: Vec<Stored>,
    /// Requests with one empty record, each of which holds a resource and a scope.
    origins: Vec<Vec<u8>>,
    /// The records' bytes.
    bytes: Vec<u8>,
}

/// A record of the trace.
#[derive(Debug, Clone)]
struct Stored {
    time_ns: u64,
    origin: usize,
    at: Range<usize>,
}

impl Index {
    /// All that is kept of a trace. An unknown id is an empty trace, not an error.
    pub fn trace(&self, id: TraceId) -> Result<StoredTrace, QueryError> {
        let mut gathering = Gathering::new(id);
        let end = Position { segment: u64::MAX, offset: u64::MAX };
        let (mut read, mut failure) = (0, None);
        for place in self.places_of(&id) {
            if read > limits::SEARCH_SCAN_BYTES {
                gathering.trace.truncated = true;
                break;
            }
            read += place.group.bytes;
            let visited = read_group(self.frames(), &place, end, &mut |batch| {
                gathering.take(batch);
                ControlFlow::Continue(())
            });
            if let Err(error) = visited {
                gathering.trace.truncated = true;
                failure = Some(error);
            }
        }
        let trace = gathering.finish();
        match failure {
            Some(error) if trace.is_empty() => Err(error.into()),
            _ => Ok(trace),
        }
    }
}

impl StoredTrace {
    /// How many spans it has.
    pub fn span_count(&self) -> usize {
        self.spans.len()
    }

    /// Whether nothing is kept of it.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.logs.is_empty()
    }

    /// Calls `visit` with every span and where it came from, by start time; each span once,
    /// however often it was sent.
    pub fn visit<'a>(&'a self, mut visit: impl FnMut(&Origin<'a>, &Span<'a>)) {
        let origins = self.origins();
        for stored in &self.spans {
            if let Ok(span) = read::span(&self.bytes[stored.at.clone()]) {
                visit(&origins[stored.origin], &span);
            }
        }
    }

    /// Calls `visit` with every log record that names the trace and where it came from, by time.
    pub fn visit_logs<'a>(&'a self, mut visit: impl FnMut(&Origin<'a>, &LogRecord<'a>)) {
        let origins = self.origins();
        for stored in &self.logs {
            if let Ok(record) = read::log_record(&self.bytes[stored.at.clone()]) {
                visit(&origins[stored.origin], &record);
            }
        }
    }

    fn origins(&self) -> Vec<Origin<'_>> {
        let origins = self.origins.iter().map(|request| {
            let mut origin = Origin::default();
            // It was read once before, when its record was taken.
            let _ = read::records(request, |found, _| {
                origin = found.clone();
                Ok(())
            });
            origin
        });
        origins.collect()
    }
}

/// A trace that is being put together.
struct Gathering {
    trace: StoredTrace,
    seen: HashSet<[u8; 8], foldhash::fast::RandomState>,
    known_origins: HashMap<Vec<u8>, usize, foldhash::fast::RandomState>,
    late_roots: usize,
}

impl Gathering {
    fn new(id: TraceId) -> Self {
        let (spans, logs, origins, bytes) = Default::default();
        let trace = StoredTrace { id, truncated: false, spans, logs, origins, bytes };
        let (seen, known_origins) = Default::default();
        Self { trace, seen, known_origins, late_roots: 0 }
    }

    /// Takes the records of the trace out of a batch.
    fn take(&mut self, batch: &Batch) {
        let walked = match batch.signal {
            Signal::Traces => self.take_from(batch, span_trace_id, Self::take_span),
            Signal::Logs => self.take_from(batch, log_trace_id, Self::take_log),
            Signal::Metrics => Ok(()),
        };
        if let Err(error) = walked {
            tracing::debug!(%error, "A stored batch is damaged; the rest of it is left out.");
        }
    }

    fn take_from(
        &mut self,
        batch: &Batch,
        trace_of: fn(&[u8]) -> &[u8],
        take: impl Fn(&mut Self, &[u8], Groups<'_>) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        let id = self.trace.id;
        for resource_group in read::messages(&batch.body, 1) {
            let resource_group = resource_group?;
            for scope_group in read::messages(resource_group, 2) {
                let scope_group = scope_group?;
                for record in read::messages(scope_group, 2) {
                    let record = record?;
                    if trace_of(record) == id.as_bytes() {
                        let groups = Groups { resource: resource_group, scope: scope_group };
                        // A damaged record hides none of its neighbours.
                        let _ = take(self, record, groups);
                    }
                }
            }
        }
        Ok(())
    }

    fn take_span(&mut self, record: &[u8], groups: Groups<'_>) -> Result<(), WireError> {
        // Once there are too many, the root is still taken: it mostly arrives last.
        let full = self.trace.spans.len() >= limits::TRACE_SPANS || self.is_full(record);
        if full {
            self.trace.truncated = true;
            let small = record.len() as u64 <= limits::INDEX_GROUP_BYTES;
            if self.late_roots >= limits::TRACE_LATE_ROOTS
                || !small
                || !SpanHead::read(record)?.root
            {
                return Ok(());
            }
        }
        let span = read::span(record)?;
        if self.seen.insert(*span.span_id.as_bytes()) {
            self.late_roots += usize::from(full);
            let stored = self.keep(span.start_ns, record, groups.request());
            self.trace.spans.push(stored);
        }
        Ok(())
    }

    fn take_log(&mut self, record: &[u8], groups: Groups<'_>) -> Result<(), WireError> {
        if self.trace.logs.len() >= limits::TRACE_SPANS || self.is_full(record) {
            self.trace.truncated = true;
            return Ok(());
        }
        let log = read::log_record(record)?;
        let time_ns = if log.time_ns > 0 { log.time_ns } else { log.observed_ns };
        let stored = self.keep(time_ns, record, groups.request());
        self.trace.logs.push(stored);
        Ok(())
    }

    fn is_full(&self, record: &[u8]) -> bool {
        self.trace.bytes.len() + record.len() > limits::TRACE_BYTES
    }

    fn keep(&mut self, time_ns: u64, record: &[u8], origin: Vec<u8>) -> Stored {
        let trace = &mut self.trace;
        let origin = *self.known_origins.entry(origin).or_insert_with_key(|request| {
            trace.origins.push(request.clone());
            trace.origins.len() - 1
        });
        let from = trace.bytes.len();
        trace.bytes.extend_from_slice(record);
        Stored { time_ns, origin, at: from..trace.bytes.len() }
    }

    fn finish(mut self) -> StoredTrace {
        // Records of the same time stay in the order in which they arrived.
        self.trace.spans.sort_by_key(|stored| stored.time_ns);
        self.trace.logs.sort_by_key(|stored| stored.time_ns);
        self.trace
    }
}

/// The resource group and the scope group that a record stands in.
#[derive(Clone, Copy)]
struct Groups<'a> {
    resource: &'a [u8],
    scope: &'a [u8],
}

impl Groups<'_> {
    /// A request with their resource and scope and one empty record.
    fn request(self) -> Vec<u8> {
        let mut request = Vec::new();
        write::message_field(&mut request, 1, |out| {
            put_all_but_records(out, self.resource);
            write::message_field(out, 2, |out| {
                put_all_but_records(out, self.scope);
                write::bytes_field(out, 2, &[]);
            });
        });
        request
    }
}

/// Copies the fields of a group other than the scopes or records in it, which are field 2 of
/// both.
fn put_all_but_records(out: &mut Vec<u8>, group: &[u8]) {
    for field in Fields::of(group).map_while(Result::ok).filter(|field| field.number != 2) {
        out.extend_from_slice(field.raw);
    }
}
