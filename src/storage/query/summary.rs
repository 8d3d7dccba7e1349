//! What a trace was, in a few words.

use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;

use super::Budget;
use crate::limits;
use crate::model::{
    CallBook, LlmCall, Operation, Origin, Signal, Span, Status, TraceId, Understanding,
};
use crate::otlp::read;
use crate::storage::Position;
use crate::storage::index::{Index, Place, SpanHead, read_group, span_trace_id};

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

    /// Reads the trace's spans in these places; `None` if there are none. Also says whether all
    /// could be read.
    pub(super) fn of(
        index: &Index,
        id: &TraceId,
        places: &[Place],
        budget: &mut Budget<'_>,
    ) -> (Option<Self>, bool) {
        let mut sum = Sum::new(*id, index.open_book());
        let understand = index.understand();
        let mut whole = true;
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
                            sum.add(origin, &span, &understand(origin, &span));
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

    pub(in crate::storage) fn add(
        &mut self,
        origin: &Origin<'_>,
        span: &Span<'_>,
        known: &Understanding<'_>,
    ) {
        if !self.seen.insert(span.span_id.digest()) {
            return;
        }
        let summary = &mut self.summary;
        summary.span_count += 1;
        if span.status == Status::Error {
            summary.error_count += 1;
            summary.status = Status::Error;
        }
        if span.start_ns > 0 {
            self.started = Some(self.started.map_or(span.start_ns, |at| at.min(span.start_ns)));
        }
        summary.end_ns = summary.end_ns.max(span.end_ns).max(span.start_ns);
        let rank = (span.parent_span_id.is_some(), span.start_ns);
        if self.named_by.is_none_or(|best| rank < best) {
            self.named_by = Some(rank);
            span.name.clone_into(&mut summary.name);
            origin.service().clone_into(&mut summary.service);
            summary.operation = known.operation.name();
        }
        keep_first(&mut summary.tenant, known.tenant);
        keep_first(&mut summary.conversation, known.conversation);
        keep_name(&mut self.services, origin.service());
        if let Operation::Llm(call) = &known.operation {
            self.add_call(origin.scope.name, span, call);
        }
    }

    fn add_call(&mut self, scope: &str, span: &Span<'_>, call: &LlmCall<'_>) {
        keep_name(&mut self.models, call.model());
        let settled = self.book.settle(span, scope, call);
        let summary = &mut self.summary;
        summary.llm_calls += u64::from(settled.counts);
        let add = |sum: &mut u64, more: Option<u64>| *sum = sum.saturating_add(more.unwrap_or(0));
        add(&mut summary.input_tokens, settled.usage.input);
        add(&mut summary.output_tokens, settled.usage.output);
    }

    pub(in crate::storage) fn finish(mut self) -> Option<TraceSummary> {
        self.named_by?;
        self.summary.start_ns = self.started.unwrap_or(0);
        self.summary.models = self.models.into_iter().collect();
        self.summary.services = self.services.into_iter().collect();
        Some(self.summary)
    }
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
