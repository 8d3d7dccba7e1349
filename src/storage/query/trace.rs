//! One trace as a whole: all its spans and log records, wherever in the log they are.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::ops::ControlFlow;

use super::records::Groups;
use super::{QueryError, Records};
use crate::limits;
use crate::model::{LogRecord, Origin, Signal, Span, SpanId, TraceId};
use crate::otlp::read;
use crate::otlp::wire::WireError;
use crate::storage::block::{Block, BlockError, Restored, log, span};
use crate::storage::index::{Index, LogHead, SpanHead, log_trace_id, read_group, span_trace_id};
use crate::storage::layout::BlockPart;
use crate::storage::{Batch, Position};

/// The records of one trace, in memory of their own. Empty if the trace is not known.
#[derive(Debug, Clone)]
pub struct StoredTrace {
    /// The trace.
    pub id: TraceId,
    /// Whether it has more spans or bytes than [`limits::TRACE_SPANS`] and
    /// [`limits::TRACE_BYTES`], or a part of it could not be read.
    pub truncated: bool,
    pub(in crate::storage) spans: Records,
    pub(in crate::storage) logs: Records,
}

impl Index {
    /// All that is kept of a trace. An unknown id is an empty trace, not an error.
    pub fn trace(&self, id: TraceId) -> Result<StoredTrace, QueryError> {
        self.gather(Gathering::new(id))
    }

    /// One span of a trace and the records that name it, wherever in the trace it stands: the
    /// bounds of a whole trace are not reached by those before it.
    pub(super) fn span_of(&self, id: TraceId, span: SpanId) -> Result<StoredTrace, QueryError> {
        self.gather(Gathering { only: Some(span), ..Gathering::new(id) })
    }

    fn gather(&self, mut gathering: Gathering) -> Result<StoredTrace, QueryError> {
        let id = gathering.trace.id;
        let end = Position { segment: u64::MAX, offset: u64::MAX };
        let (mut read, mut failure) = (0, None);
        let shelved = self.shelved();
        for block in &shelved.blocks {
            if let Err(error) = gathering.take_block(block) {
                self.report(block, &error);
                gathering.trace.truncated = true;
            }
        }
        for place in self.places_of(&id, shelved.through) {
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
    /// Nothing of a trace.
    pub(in crate::storage) fn empty(id: TraceId) -> Self {
        let (spans, logs) = Default::default();
        Self { id, truncated: false, spans, logs }
    }

    /// Only this span of it, and the log records that name the span.
    pub(in crate::storage) fn only(&self, span: SpanId) -> Self {
        let mut only = Self { truncated: self.truncated, ..Self::empty(self.id) };
        for (origin, record) in self.spans.raw() {
            if let Ok(read) = read::span(record)
                && read.span_id == span
            {
                only.spans.push(read.start_ns, origin, record);
            }
        }
        for (origin, record) in self.logs.raw() {
            if let Ok(read) = read::log_record(record)
                && read.span_id == Some(span)
            {
                only.logs.push(read.time_ns, origin, record);
            }
        }
        only
    }

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
    pub fn visit<'a>(&'a self, visit: impl FnMut(&Origin<'a>, &Span<'a>)) {
        self.spans.visit_spans(visit);
    }

    /// Calls `visit` with every log record that names the trace and where it came from, by time.
    pub fn visit_logs<'a>(&'a self, visit: impl FnMut(&Origin<'a>, &LogRecord<'a>)) {
        self.logs.visit_logs(visit);
    }
}

/// A trace that is being put together.
pub(in crate::storage) struct Gathering {
    pub(in crate::storage) trace: StoredTrace,
    seen: HashSet<[u8; 8], foldhash::fast::RandomState>,
    late_roots: usize,
    /// Only this span, and the records that name it.
    only: Option<SpanId>,
}

impl Gathering {
    pub(in crate::storage) fn new(id: TraceId) -> Self {
        let (trace, seen) = (StoredTrace::empty(id), HashSet::default());
        Self { trace, seen, late_roots: 0, only: None }
    }

    /// Whether the span of this raw id is asked for.
    fn wants(&self, span: &[u8]) -> bool {
        self.only.is_none_or(|only| only.as_bytes() == span)
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
        take: impl Fn(&mut Self, &[u8], &dyn Fn() -> Vec<u8>) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        let id = self.trace.id;
        for resource_group in read::messages(&batch.body, 1) {
            let resource_group = resource_group?;
            for scope_group in read::messages(resource_group, 2) {
                let scope_group = scope_group?;
                let groups = Groups { resource: resource_group, scope: scope_group };
                // Once for all records of the scope: to find it, all of them are stepped over.
                let request = OnceCell::new();
                let origin = || request.get_or_init(|| groups.request()).clone();
                for record in read::messages(scope_group, 2) {
                    let record = record?;
                    if trace_of(record) == id.as_bytes() {
                        // A damaged record hides none of its neighbours.
                        let _ = take(self, record, &origin);
                    }
                }
            }
        }
        Ok(())
    }

    /// Of these rows of a block, those whose span is asked for: others are not restored.
    fn wanted_of(
        &self,
        block: &Block,
        of: BlockPart,
        group: usize,
        leaf: usize,
        mut rows: Vec<usize>,
    ) -> Result<Vec<usize>, BlockError> {
        if self.only.is_some() && !rows.is_empty() {
            let ids = block.span_ids(of, group, leaf)?;
            rows.retain(|row| ids.get(*row).is_some_and(|id| self.wants(id)));
        }
        Ok(rows)
    }

    /// Takes the records of the trace out of a block.
    fn take_block(&mut self, block: &Block) -> Result<(), BlockError> {
        let id = self.trace.id;
        for group in block.span_groups_of(&id)? {
            let rows = block.rows_of(BlockPart::Spans, group, span::TRACE_ID, &id)?;
            let rows = self.wanted_of(block, BlockPart::Spans, group, span::SPAN_ID, rows)?;
            let rows = self.that_fit(block, group, rows)?;
            block.restore_spans(group, &rows, &mut |Restored { record, origin, .. }| {
                let _ = self.take_span(record, &|| origin.to_vec());
                self.late_roots >= limits::TRACE_LATE_ROOTS
            })?;
        }
        for group in block.groups_of(BlockPart::Logs, log::TRACE_ID, &id)? {
            let rows = block.rows_of(BlockPart::Logs, group, log::TRACE_ID, &id)?;
            let rows = self.wanted_of(block, BlockPart::Logs, group, log::SPAN_ID, rows)?;
            block.restore_logs(group, &rows, &mut |Restored { record, origin, .. }| {
                let _ = self.take_log(record, &|| origin.to_vec());
                self.trace.logs.len() >= limits::TRACE_SPANS
            })?;
        }
        Ok(())
    }

    /// Those rows that still have room, and behind them the roots.
    fn that_fit(
        &mut self,
        block: &Block,
        group: usize,
        mut rows: Vec<usize>,
    ) -> Result<Vec<usize>, BlockError> {
        let room = limits::TRACE_SPANS.saturating_sub(self.trace.spans.len());
        if rows.len() > room {
            self.trace.truncated = true;
            let parents = block.span_ids(BlockPart::Spans, group, span::PARENT_SPAN_ID)?;
            let roots = rows.split_off(room).into_iter().filter(|row| parents[*row] == [0; 8]);
            rows.extend(roots);
        }
        Ok(rows)
    }

    pub(in crate::storage) fn take_span(
        &mut self,
        record: &[u8],
        origin: &dyn Fn() -> Vec<u8>,
    ) -> Result<(), WireError> {
        if self.only.is_some() && !self.wants(SpanHead::read(record)?.span_id) {
            return Ok(());
        }
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
            self.trace.spans.push(span.start_ns, &origin(), record);
        }
        Ok(())
    }

    pub(in crate::storage) fn take_log(
        &mut self,
        record: &[u8],
        origin: &dyn Fn() -> Vec<u8>,
    ) -> Result<(), WireError> {
        if self.only.is_some() && !self.wants(LogHead::read(record)?.span_id) {
            return Ok(());
        }
        if self.trace.logs.len() >= limits::TRACE_SPANS || self.is_full(record) {
            self.trace.truncated = true;
            return Ok(());
        }
        let log = read::log_record(record)?;
        let time_ns = if log.time_ns > 0 { log.time_ns } else { log.observed_ns };
        self.trace.logs.push(time_ns, &origin(), record);
        Ok(())
    }

    fn is_full(&self, record: &[u8]) -> bool {
        let held = self.trace.spans.bytes() + self.trace.logs.bytes();
        held + record.len() > limits::TRACE_BYTES
    }

    pub(in crate::storage) fn finish(mut self) -> StoredTrace {
        self.trace.spans.sort_by_time();
        self.trace.logs.sort_by_time();
        self.trace
    }
}
