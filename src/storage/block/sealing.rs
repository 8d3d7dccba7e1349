//! Making a block of a closed segment.

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use bytes::Bytes;

use super::Step;
use super::error::BlockError;
use super::seal::Seal;
use super::write::{BlockWriter, Raw, packed};
use crate::model::{CallBook, CostSource, Operation, Origin, Settled, Signal};
use crate::otlp::read;
use crate::storage::fs::Fs;
use crate::storage::index::{Frames, SpanHead, Understand, span_trace_id};
use crate::storage::layout::{BlockName, BlockPart, Layout};
use crate::storage::log::SegmentInfo;
use crate::storage::query::{Groups, SpanRow, origin_of};
use crate::storage::{Batch, Position};

/// Where blocks are made and how spans are understood.
#[derive(Clone)]
pub(super) struct Workshop {
    pub(super) fs: Arc<dyn Fs>,
    pub(super) layout: Layout,
    pub(super) understand: Understand,
    /// Is told of every step.
    pub(super) watch: fn(Step),
}

/// A record of the segment: where its bytes are and where it came from.
struct Entry {
    batch: usize,
    at: Range<usize>,
    origin: usize,
    position: i64,
}

/// A span and what it is sorted by.
struct SpanEntry {
    entry: Entry,
    /// The trace's place: when its first span of this segment started, and a part of its id.
    trace: (u64, u64),
    start_ns: u64,
}

/// All records of a segment. Holds the segment's bytes: at most one segment is in the works.
#[derive(Default)]
struct Gathering {
    batches: Vec<Bytes>,
    /// Requests with one empty record, each of which holds a resource and a scope.
    origins: Vec<Vec<u8>>,
    known_origins: HashMap<Vec<u8>, usize, foldhash::fast::RandomState>,
    spans: Vec<SpanEntry>,
    logs: Vec<(u64, Entry)>,
    /// When the first span of each trace started.
    traces: HashMap<[u8; 16], u64, foldhash::fast::RandomState>,
    arrivals: Option<(u64, u64)>,
    bytes: u64,
}

/// A day in nanoseconds.
pub(super) const DAY_NS: u64 = 24 * 60 * 60 * 1_000_000_000;

impl Workshop {
    /// Makes a block of a closed segment. Calls of models are settled in `book`.
    pub(super) fn seal(
        &self,
        log: &dyn Frames,
        segment: &SegmentInfo,
        book: &mut dyn CallBook,
    ) -> Result<Seal, BlockError> {
        let mut gathering = Gathering::default();
        let from = Position { segment: segment.number, offset: 0 };
        log.read(from, segment.end, &mut |at, batch| {
            gathering.take(at, batch);
            ControlFlow::Continue(())
        })?;
        let (first_ns, last_ns) = gathering.arrivals.unwrap_or_default();
        let day = u32::try_from(first_ns / DAY_NS).unwrap_or(u32::MAX);
        let name = BlockName { day, first: segment.number, last: segment.number };
        gathering.sort();
        self.make(name, |writer| {
            writer.note_arrival(first_ns, last_ns, gathering.bytes);
            gathering.write_spans(writer, &self.understand, book)?;
            gathering.write_logs(writer)?;
            Ok(true)
        })
        .and_then(|seal| seal.ok_or(BlockError::Inconsistent))
    }

    /// Makes a block; `None` if `fill` says that it is not wanted any more. What was written of a
    /// block that does not come about is removed: a full disk needs the room.
    pub(super) fn make(
        &self,
        name: BlockName,
        fill: impl FnOnce(&mut BlockWriter) -> Result<bool, BlockError>,
    ) -> Result<Option<Seal>, BlockError> {
        let (fs, layout) = (Arc::clone(&self.fs), self.layout.clone());
        let made =
            BlockWriter::new(fs, layout, name, self.watch).and_then(|mut writer| {
                match fill(&mut writer)? {
                    true => writer.finish().map(Some),
                    false => Ok(None),
                }
            });
        if !matches!(made, Ok(Some(_))) {
            for part in BlockPart::ALL {
                // What stays is removed at the next start.
                let _ = self.fs.remove(&self.layout.block_file(&name, part));
            }
        }
        made
    }
}

impl Gathering {
    /// Takes the records of a batch. What stands behind damage is found by no reader.
    fn take(&mut self, position: Position, batch: &Batch) {
        let (first, last) = self.arrivals.unwrap_or((batch.arrived_ns, batch.arrived_ns));
        self.arrivals = Some((first.min(batch.arrived_ns), last.max(batch.arrived_ns)));
        self.bytes += batch.body.len() as u64;
        // Metrics of apps are shown and shipped, not searched.
        if batch.signal == Signal::Metrics {
            return;
        }
        let number = self.batches.len();
        for resource in read::messages(&batch.body, 1).map_while(Result::ok) {
            for scope in read::messages(resource, 2).map_while(Result::ok) {
                let origin = self.origin(Groups { resource, scope });
                for record in read::messages(scope, 2).map_while(Result::ok) {
                    let from = record.as_ptr().addr() - batch.body.as_ptr().addr();
                    let at = from..from + record.len();
                    let position = packed(position);
                    let entry = Entry { batch: number, at, origin, position };
                    match batch.signal {
                        Signal::Traces => self.take_span(entry, record),
                        _ => self.take_log(entry, record),
                    }
                }
            }
        }
        self.batches.push(batch.body.clone());
    }

    fn origin(&mut self, groups: Groups<'_>) -> usize {
        let request = groups.request();
        if let Some(known) = self.known_origins.get(&request) {
            return *known;
        }
        self.origins.push(request.clone());
        self.known_origins.insert(request, self.origins.len() - 1);
        self.origins.len() - 1
    }

    fn take_span(&mut self, entry: Entry, record: &[u8]) {
        let Ok(head) = SpanHead::read(record) else { return };
        let Ok(id) = <[u8; 16]>::try_from(head.trace_id) else { return };
        let first = self.traces.entry(id).or_insert(head.start_ns);
        *first = (*first).min(head.start_ns);
        let (_, tail) = id.split_at(8);
        let part = tail.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
        self.spans.push(SpanEntry { entry, trace: (0, part), start_ns: head.start_ns });
    }

    fn take_log(&mut self, entry: Entry, record: &[u8]) {
        let Ok(log) = read::log_record(record) else { return };
        let time = if log.time_ns > 0 { log.time_ns } else { log.observed_ns };
        self.logs.push((time, entry));
    }

    /// Puts the spans of a trace together, in the order in which they came, the traces in the
    /// order in which they began, and log records by their time.
    fn sort(&mut self) {
        let traces = std::mem::take(&mut self.traces);
        for span in &mut self.spans {
            let bytes = &self.batches[span.entry.batch][span.entry.at.clone()];
            let id = span_trace_id(bytes);
            let began = <[u8; 16]>::try_from(id).ok().and_then(|id| traces.get(&id));
            span.trace.0 = began.copied().unwrap_or(span.start_ns);
        }
        self.spans.sort_by_key(|span| span.trace);
        self.logs.sort_by_key(|(time, _)| *time);
    }

    fn write_spans(
        &self,
        writer: &mut BlockWriter,
        understand: &Understand,
        book: &mut dyn CallBook,
    ) -> Result<(), BlockError> {
        let origins: Vec<Origin<'_>> = self.origins.iter().map(|from| origin_of(from)).collect();
        for trace in self.spans.chunk_by(|one, other| one.trace == other.trace) {
            let mut settled = self.settle(trace, &origins, understand, book).into_iter();
            for SpanEntry { entry, .. } in trace {
                let record = &self.batches[entry.batch][entry.at.clone()];
                // A damaged span hides none of its neighbours.
                let Ok(span) = read::span(record) else { continue };
                let origin = &origins[entry.origin];
                let known = understand.span(origin, &span);
                let settled = match &known.operation {
                    Operation::Llm(_) => settled.next().map(|(_, settled)| settled),
                    _ => None,
                };
                let row = SpanRow::of(origin, &span, &known, settled.as_ref());
                writer.push_span(&row, &span, self.raw(entry))?;
            }
        }
        Ok(())
    }

    /// What the calls of a trace amount to, in their order, with the digests of their spans. A
    /// cost that was said by a later report stands with the first one: what was computed for it
    /// would be computed again when prices are corrected.
    fn settle(
        &self,
        trace: &[SpanEntry],
        origins: &[Origin<'_>],
        understand: &Understand,
        book: &mut dyn CallBook,
    ) -> Vec<(u64, Settled)> {
        let mut settled: Vec<(u64, Settled)> = Vec::new();
        for SpanEntry { entry, .. } in trace {
            let record = &self.batches[entry.batch][entry.at.clone()];
            let Ok(span) = read::span(record) else { continue };
            let origin = &origins[entry.origin];
            if let Operation::Llm(call) = &understand.span(origin, &span).operation {
                let mut later = book.settle(&span, origin.scope.name, call);
                let of = std::mem::take(&mut later.says_cost_of);
                let first = settled.iter_mut().find(|(span, earlier)| {
                    of.contains(span) && earlier.counts && earlier.cost_usd.is_some()
                });
                if let Some((_, first)) = first {
                    let more = later.cost_usd.take().unwrap_or(0.0);
                    first.cost_usd = first.cost_usd.map(|usd| usd + more);
                    first.cost_source = CostSource::Reported;
                }
                settled.push((span.span_id.digest(), later));
            }
        }
        settled
    }

    fn raw(&self, entry: &Entry) -> Raw<'_> {
        let record = &self.batches[entry.batch][entry.at.clone()];
        Raw { record, origin: &self.origins[entry.origin], position: entry.position }
    }

    fn write_logs(&self, writer: &mut BlockWriter) -> Result<(), BlockError> {
        let origins: Vec<Origin<'_>> = self.origins.iter().map(|from| origin_of(from)).collect();
        for (_, entry) in &self.logs {
            let record = &self.batches[entry.batch][entry.at.clone()];
            let Ok(log) = read::log_record(record) else { continue };
            writer.push_log(origins[entry.origin].service(), &log, self.raw(entry))?;
        }
        Ok(())
    }
}
