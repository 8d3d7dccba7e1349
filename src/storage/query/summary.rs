//! What a trace was, in a few words.

use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;

use super::records::origin_of;
use super::{Budget, Fields, SpanRow};
use crate::limits;
use crate::model::{
    CallBook, Operation, Origin, Signal, Span, SpanId, Status, TraceId, Understanding, Usage,
};
use crate::otlp::read;
use crate::storage::Position;
use crate::storage::block::{Block, BlockError, Restored, RowColumns, Shelved, span};
use crate::storage::index::{Index, Place, SpanHead, Understand, read_group, span_trace_id};
use crate::storage::layout::BlockPart;

/// One trace in a list. Spans that were sent more than once count once.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSummary {
    /// The trace.
    pub trace_id: TraceId,
    /// The name of its root span; of its earliest span where no root has arrived.
    pub name: String,
    /// The service of that span.
    pub service: String,
    /// The operation of that span, by [`Operation::name`].
    pub operation: &'static str,
    /// The earliest start of its spans, in nanoseconds since the Unix epoch. Spans without a
    /// start are left out, unless none has one.
    pub start_ns: u64,
    /// The latest end of its spans, not before its start.
    pub end_ns: u64,
    /// `Error` if any of its spans says that it failed, otherwise `Ok`.
    pub status: Status,
    /// Its spans.
    pub span_count: u64,
    /// Spans that say that they failed.
    pub error_count: u64,
    /// Calls of models; a call that two instrumentations report counts once.
    pub llm_calls: u64,
    /// Prompt tokens of those calls, as far as reported.
    pub input_tokens: u64,
    /// Completion tokens of those calls, as far as reported.
    pub output_tokens: u64,
    /// The models called, the first [`limits::SUMMARY_NAMES`] by name.
    pub models: Vec<String>,
    /// The services it passed through, the first [`limits::SUMMARY_NAMES`] by name.
    pub services: Vec<String>,
    /// Whose work it was, by the first span that says.
    pub tenant: Option<String>,
    /// The conversation, by the first span that says.
    pub conversation: Option<String>,
    /// Whether it has more than [`limits::TRACE_SPANS`] spans, or so many bytes that not all
    /// were looked at; the figures are then too small.
    pub truncated: bool,
}

impl TraceSummary {
    /// How long it took from its earliest start to its latest end, in nanoseconds.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }

    /// Reads the trace's spans in these sources; `None` if there are none. Also says whether all
    /// could be read.
    pub(super) fn of(
        sources: &Sources<'_>,
        id: &TraceId,
        budget: &mut Budget<'_>,
    ) -> (Option<Self>, bool) {
        let in_log = sources.places.iter().any(|place| place.group.has_spans());
        if in_log {
            return Self::sum(sources, id, budget);
        }
        if let Some(known) = sources.index.known().get(id, sources.shelved) {
            return (Some(known), true);
        }
        let (summary, whole) = Self::sum(sources, id, budget);
        if let Some(summary) = summary.as_ref().filter(|_| whole) {
            sources.index.known().put(summary.clone(), sources.shelved);
        }
        (summary, whole)
    }

    fn sum(sources: &Sources<'_>, id: &TraceId, budget: &mut Budget<'_>) -> (Option<Self>, bool) {
        let Sources { index, shelved, places } = *sources;
        let in_log = places.iter().any(|place| place.group.has_spans());
        let mut sum = Sum::new(*id, index.open_book());
        let understand = index.understand();
        let mut whole = true;
        for block in &shelved.blocks {
            // In blocks calls are settled; with more of the trace in the log they are once more.
            let taken = match in_log {
                true => sum.take_spans(block, understand),
                false => sum.take_rows(block),
            };
            if let Err(error) = taken {
                index.report(block, &error);
                whole = false;
            }
        }
        let end = Position { segment: u64::MAX, offset: u64::MAX };
        for place in places.iter().filter(|place| place.group.has_spans()) {
            // What was begun is finished within the trace's own bounds, not the search's.
            if sum.bytes > limits::SUMMARY_BYTES {
                sum.summary.truncated = true;
                break;
            }
            sum.bytes += place.group.bytes;
            budget.spend(place.group.bytes);
            let read = read_group(index.frames(), place, end, &mut |batch| {
                if batch.signal == Signal::Traces {
                    // What stands behind damage is found by no reader.
                    let _ = read::records(&batch.body, |origin, bytes| {
                        if span_trace_id(bytes) == id.as_bytes()
                            && sum.wants(bytes)
                            && let Ok(span) = read::span(bytes)
                        {
                            sum.add(origin, &span, &understand.span(origin, &span));
                        }
                        Ok(())
                    });
                }
                ControlFlow::Continue(())
            });
            whole &= read.is_ok();
        }
        (sum.finish(), whole)
    }
}

/// Where a trace may be.
pub(super) struct Sources<'s> {
    /// The index of the log.
    pub(super) index: &'s Index,
    /// The blocks.
    pub(super) shelved: &'s Shelved,
    /// The groups of the log that may hold the trace, behind the blocks.
    pub(super) places: &'s [Place],
}

/// A summary that is being put together.
pub(in crate::storage) struct Sum {
    summary: TraceSummary,
    seen: HashSet<u64, foldhash::fast::RandomState>,
    /// Of the span that gives the name: whether it is no root, and its start.
    named_by: Option<(bool, u64)>,
    /// The earliest start other than zero.
    started: Option<u64>,
    book: Box<dyn CallBook>,
    models: BTreeSet<String>,
    services: BTreeSet<String>,
    bytes: u64,
}

impl Sum {
    pub(in crate::storage) fn new(trace_id: TraceId, book: Box<dyn CallBook>) -> Self {
        let summary = TraceSummary {
            trace_id,
            name: String::new(),
            service: String::new(),
            operation: Operation::Other.name(),
            start_ns: 0,
            end_ns: 0,
            status: Status::Ok,
            span_count: 0,
            error_count: 0,
            llm_calls: 0,
            input_tokens: 0,
            output_tokens: 0,
            models: Vec::new(),
            services: Vec::new(),
            tenant: None,
            conversation: None,
            truncated: false,
        };
        let (seen, models, services) = Default::default();
        let (named_by, started, bytes) = (None, None, 0);
        Self { summary, seen, named_by, started, book, models, services, bytes }
    }

    /// Whether a span is to be read: once the trace is too long, only roots are, because the
    /// root names the trace and mostly arrives last.
    fn wants(&mut self, span: &[u8]) -> bool {
        self.wants_span(|| SpanHead::read(span).is_ok_and(|head| head.root))
    }

    /// The same of a span that says whether it is a root.
    pub(in crate::storage) fn wants_span(&mut self, root: impl FnOnce() -> bool) -> bool {
        let full = self.seen.len() >= limits::TRACE_SPANS;
        self.summary.truncated |= full;
        !full || root()
    }

    /// Adds the rows of a block, whose calls are settled.
    fn take_rows(&mut self, block: &Block) -> Result<(), BlockError> {
        let id = self.summary.trace_id;
        let fields = Fields::MODEL | Fields::OWNER | Fields::USAGE;
        for group in block.span_groups_of(&id)? {
            let rows = block.rows_of(BlockPart::Spans, group, span::TRACE_ID, &id)?;
            if rows.is_empty() {
                continue;
            }
            let columns = RowColumns::of_rows(block, group, &rows, fields)?;
            for row in (0..rows.len()).filter_map(|at| columns.row(at)) {
                self.summary.truncated |= self.seen.len() >= limits::TRACE_SPANS;
                if !self.summary.truncated || row.parent_span_id.is_none() {
                    self.add_row(&row);
                }
            }
        }
        Ok(())
    }

    /// Adds the spans of a block as if they stood in the log.
    fn take_spans(&mut self, block: &Block, understand: &Understand) -> Result<(), BlockError> {
        let id = self.summary.trace_id;
        for group in block.span_groups_of(&id)? {
            let rows = block.rows_of(BlockPart::Spans, group, span::TRACE_ID, &id)?;
            block.restore_spans(group, &rows, &mut |Restored { record, origin, .. }| {
                let origin = origin_of(origin);
                if self.wants(record)
                    && let Ok(span) = read::span(record)
                {
                    self.add(&origin, &span, &understand.span(&origin, &span));
                }
                false
            })?;
        }
        Ok(())
    }

    fn add_row(&mut self, row: &SpanRow<'_>) {
        let parts = Parts {
            id: row.span_id,
            root: row.parent_span_id.is_none(),
            failed: row.status == Status::Error,
            start_ns: row.start_ns,
            end_ns: row.end_ns,
            name: row.name,
            service: row.service,
            operation: Operation::NAMES
                .into_iter()
                .find(|name| *name == row.operation)
                .unwrap_or("other"),
            tenant: row.tenant,
            conversation: row.conversation,
        };
        if !self.add_parts(&parts) {
            return;
        }
        // Only calls of models have a provider.
        if row.provider.is_some() {
            keep_name(&mut self.models, row.model.unwrap_or("unknown"));
        }
        self.add_usage(row.counts, &row.usage);
    }

    pub(in crate::storage) fn add(
        &mut self,
        origin: &Origin<'_>,
        span: &Span<'_>,
        known: &Understanding<'_>,
    ) {
        let parts = Parts {
            id: span.span_id,
            root: span.parent_span_id.is_none(),
            failed: span.status == Status::Error,
            start_ns: span.start_ns,
            end_ns: span.end_ns,
            name: span.name,
            service: origin.service(),
            operation: known.operation.name(),
            tenant: known.tenant,
            conversation: known.conversation,
        };
        if !self.add_parts(&parts) {
            return;
        }
        if let Operation::Llm(call) = &known.operation {
            keep_name(&mut self.models, call.model());
            let settled = self.book.settle(span, origin.scope.name, call);
            self.add_usage(settled.counts, &settled.usage);
        }
    }

    /// Adds what every span has; says whether it is a new one.
    fn add_parts(&mut self, parts: &Parts<'_>) -> bool {
        if !self.seen.insert(parts.id.digest()) {
            return false;
        }
        let summary = &mut self.summary;
        summary.span_count += 1;
        if parts.failed {
            summary.error_count += 1;
            summary.status = Status::Error;
        }
        if parts.start_ns > 0 {
            let start = parts.start_ns;
            self.started = Some(self.started.map_or(start, |at| at.min(start)));
        }
        summary.end_ns = summary.end_ns.max(parts.end_ns).max(parts.start_ns);
        let rank = (!parts.root, parts.start_ns);
        if self.named_by.is_none_or(|best| rank < best) {
            self.named_by = Some(rank);
            parts.name.clone_into(&mut summary.name);
            parts.service.clone_into(&mut summary.service);
            summary.operation = parts.operation;
        }
        keep_first(&mut summary.tenant, parts.tenant);
        keep_first(&mut summary.conversation, parts.conversation);
        keep_name(&mut self.services, parts.service);
        true
    }

    fn add_usage(&mut self, counts: bool, usage: &Usage) {
        let summary = &mut self.summary;
        summary.llm_calls += u64::from(counts);
        let add = |sum: &mut u64, more: Option<u64>| *sum = sum.saturating_add(more.unwrap_or(0));
        add(&mut summary.input_tokens, usage.input);
        add(&mut summary.output_tokens, usage.output);
    }

    pub(in crate::storage) fn finish(mut self) -> Option<TraceSummary> {
        self.named_by?;
        self.summary.start_ns = self.started.unwrap_or(0);
        self.summary.models = self.models.into_iter().collect();
        self.summary.services = self.services.into_iter().collect();
        Some(self.summary)
    }
}

/// What a summary needs of every span.
struct Parts<'a> {
    id: SpanId,
    root: bool,
    failed: bool,
    start_ns: u64,
    end_ns: u64,
    name: &'a str,
    service: &'a str,
    operation: &'static str,
    tenant: Option<&'a str>,
    conversation: Option<&'a str>,
}

fn keep_first(place: &mut Option<String>, found: Option<&str>) {
    if place.is_none() {
        *place = found.map(str::to_owned);
    }
}

fn keep_name(names: &mut BTreeSet<String>, name: &str) {
    if !names.contains(name) {
        names.insert(name.to_owned());
        if names.len() > limits::SUMMARY_NAMES {
            names.pop_last();
        }
    }
}
