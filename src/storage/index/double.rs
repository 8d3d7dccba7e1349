//! A log in memory and requests to put into it, for tests.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::{Frames, Index};
use crate::model::{
    AgentRun, CallBook, LlmCall, Operation, Origin, Settled, Signal, Span, ToolCall, Understand,
    Understanding, Usage, find,
};
use crate::otlp::write;
use crate::storage::fs::RealFs;
use crate::storage::layout::Layout;
use crate::storage::log::{ReadError, SegmentInfo};
use crate::storage::{Batch, Position};

/// A span to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::storage) struct TestSpan {
    pub(in crate::storage) trace: u8,
    pub(in crate::storage) id: u8,
    /// 0 for a root.
    pub(in crate::storage) parent: u8,
    pub(in crate::storage) service: &'static str,
    pub(in crate::storage) name: String,
    pub(in crate::storage) start: u64,
    pub(in crate::storage) end: u64,
    /// OTLP's number: 0 unset, 1 ok, 2 error.
    pub(in crate::storage) status: u64,
    pub(in crate::storage) attributes: Vec<(&'static str, String)>,
}

impl Default for TestSpan {
    fn default() -> Self {
        Self {
            trace: 1,
            id: 1,
            parent: 0,
            service: "shop",
            name: "work".to_owned(),
            start: 1_000,
            end: 2_000,
            status: 0,
            attributes: Vec::new(),
        }
    }
}

/// A log record to be written. Its body is a text or, `nested`, a map with the text in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::storage) struct TestLog {
    /// 0 for none.
    pub(in crate::storage) trace: u8,
    /// 0 for none.
    pub(in crate::storage) span: u8,
    pub(in crate::storage) service: String,
    pub(in crate::storage) time: u64,
    pub(in crate::storage) observed: u64,
    pub(in crate::storage) severity: u32,
    pub(in crate::storage) event: String,
    pub(in crate::storage) body: String,
    pub(in crate::storage) nested: bool,
    /// The value of the attribute `key`.
    pub(in crate::storage) value: String,
}

impl Default for TestLog {
    fn default() -> Self {
        let (service, body) = ("shop".to_owned(), "text".to_owned());
        let (event, value) = Default::default();
        let (trace, span, time, observed, severity, nested) = (1, 1, 1_000, 1_001, 9, false);
        Self { trace, span, service, time, observed, severity, event, body, nested, value }
    }
}

pub(in crate::storage) fn trace_id(number: u8) -> [u8; 16] {
    let mut id = [0; 16];
    (id[0], id[15]) = (0xaa, number);
    id
}

pub(in crate::storage) fn span_id(number: u8) -> [u8; 8] {
    [0xbb, 0, 0, 0, 0, 0, 0, number]
}

fn put_attribute(out: &mut Vec<u8>, field: u32, key: &str, text: &str) {
    write::message_field(out, field, |out| {
        write::bytes_field(out, 1, key.as_bytes());
        write::message_field(out, 2, |out| write::bytes_field(out, 1, text.as_bytes()));
    });
}

/// A traces request in which every span has a resource of its own.
pub(in crate::storage) fn spans(spans: &[TestSpan]) -> Batch {
    let mut body = Vec::new();
    for span in spans {
        write::message_field(&mut body, 1, |out| {
            write::message_field(out, 1, |out| put_attribute(out, 1, "service.name", span.service));
            write::message_field(out, 2, |out| {
                write::message_field(out, 1, |out| write::bytes_field(out, 1, b"scope"));
                write::message_field(out, 2, |out| put_span(out, span));
            });
        });
    }
    batch(Signal::Traces, spans.len(), body)
}

fn put_span(out: &mut Vec<u8>, span: &TestSpan) {
    write::bytes_field(out, 1, &trace_id(span.trace));
    write::bytes_field(out, 2, &span_id(span.id));
    if span.parent > 0 {
        write::bytes_field(out, 4, &span_id(span.parent));
    }
    write::bytes_field(out, 5, span.name.as_bytes());
    write::fixed64_field(out, 7, span.start);
    write::fixed64_field(out, 8, span.end);
    for (key, value) in &span.attributes {
        put_attribute(out, 9, key, value);
    }
    write::message_field(out, 15, |out| write::varint_field(out, 3, span.status));
}

/// A logs request of one record.
pub(in crate::storage) fn log_record(trace: u8, text: &str, time: u64) -> Batch {
    let mut body = Vec::new();
    write::message_field(&mut body, 1, |out| {
        write::message_field(out, 1, |out| put_attribute(out, 1, "service.name", "shop"));
        write::message_field(out, 2, |out| {
            write::message_field(out, 2, |out| {
                write::fixed64_field(out, 1, time);
                write::message_field(out, 5, |out| write::bytes_field(out, 1, text.as_bytes()));
                write::bytes_field(out, 9, &trace_id(trace));
            });
        });
    });
    batch(Signal::Logs, 1, body)
}

/// A logs request in which neighbours of one service share a resource.
pub(in crate::storage) fn logs(records: &[TestLog]) -> Batch {
    let mut body = Vec::new();
    for group in records.chunk_by(|one, other| one.service == other.service) {
        write::message_field(&mut body, 1, |out| {
            let service = &group[0].service;
            write::message_field(out, 1, |out| put_attribute(out, 1, "service.name", service));
            write::message_field(out, 2, |out| {
                for record in group {
                    write::message_field(out, 2, |out| put_log(out, record));
                }
            });
        });
    }
    batch(Signal::Logs, records.len(), body)
}

fn put_log(out: &mut Vec<u8>, record: &TestLog) {
    write::fixed64_field(out, 1, record.time);
    write::varint_field(out, 2, u64::from(record.severity));
    write::message_field(out, 5, |out| {
        if record.nested {
            write::message_field(out, 6, |out| put_attribute(out, 1, "content", &record.body));
        } else {
            write::bytes_field(out, 1, record.body.as_bytes());
        }
    });
    put_attribute(out, 6, "key", &record.value);
    if record.trace > 0 {
        write::bytes_field(out, 9, &trace_id(record.trace));
    }
    if record.span > 0 {
        write::bytes_field(out, 10, &span_id(record.span));
    }
    write::fixed64_field(out, 11, record.observed);
    write::bytes_field(out, 12, record.event.as_bytes());
}

fn batch(signal: Signal, items: usize, body: Vec<u8>) -> Batch {
    Batch { signal, arrived_ns: 0, items: items as u32, body: Bytes::from(body) }
}

/// A book in which every report is a call.
pub(in crate::storage) fn open_book() -> Box<dyn CallBook> {
    struct Each;
    impl CallBook for Each {
        fn settle(&mut self, _: &Span<'_>, _: &str, call: &LlmCall<'_>) -> Settled {
            Settled::whole(call)
        }
    }
    Box::new(Each)
}

/// How test spans are understood; their costs are what they say.
pub(in crate::storage) fn reader() -> Understand {
    Understand::unpriced(understand)
}

/// Understands `op`, `model`, `tool`, `agent`, `tenant` and a few more attributes.
pub(in crate::storage) fn understand<'a>(_: &Origin<'a>, span: &Span<'a>) -> Understanding<'a> {
    let text = |key| find(&span.attributes, key).and_then(|value| value.as_text());
    let number = |key| find(&span.attributes, key).and_then(|value| value.as_i64());
    let tokens = |key| number(key).map(i64::cast_unsigned);
    let operation = match text("op") {
        Some("chat") => Operation::Llm(LlmCall {
            operation: "chat",
            request_model: text("model"),
            response_model: text("response_model"),
            response_id: text("response"),
            usage: Usage { input: tokens("in"), output: tokens("out"), ..Usage::default() },
            ..LlmCall::default()
        }),
        Some("tool") => {
            Operation::Tool(ToolCall { name: text("tool").unwrap_or(""), ..ToolCall::default() })
        }
        Some("agent") => Operation::Agent(AgentRun { name: text("agent").unwrap_or("") }),
        _ => Operation::Other,
    };
    Understanding {
        operation,
        tenant: text("tenant"),
        conversation: text("conversation"),
        ..Understanding::default()
    }
}

/// Bytes of a frame.
fn frame_bytes(batch: &Batch) -> u64 {
    batch.body.len() as u64 + 1
}

/// A log in memory.
#[derive(Debug, Default)]
pub(in crate::storage) struct MemoryLog {
    batches: Mutex<Vec<(Position, Batch)>>,
    /// Segments up to this number were removed by retention.
    removed: Mutex<u64>,
}

impl MemoryLog {
    /// Appends a batch, to a new segment if asked for; says where.
    pub(in crate::storage) fn append(&self, batch: &Batch, new_segment: bool) -> Position {
        let mut batches = self.batches.lock().unwrap();
        let at = match batches.last() {
            None => Position { segment: 1, offset: 8 },
            Some((last, _)) if new_segment => Position { segment: last.segment + 1, offset: 8 },
            Some((last, before)) => {
                let offset = last.offset + frame_bytes(before);
                Position { segment: last.segment, offset }
            }
        };
        batches.push((at, batch.clone()));
        at
    }

    /// Removes all segments up to this one.
    pub(in crate::storage) fn remove_up_to(&self, segment: u64) {
        *self.removed.lock().unwrap() = segment;
        self.batches.lock().unwrap().retain(|(at, _)| at.segment > segment);
    }

    /// All batches from a position on.
    pub(in crate::storage) fn from(&self, from: Position) -> Vec<(Position, Batch)> {
        let batches = self.batches.lock().unwrap();
        batches.iter().filter(|(at, _)| *at >= from).cloned().collect()
    }
}

impl Frames for MemoryLog {
    fn segments(&self) -> Vec<SegmentInfo> {
        let mut segments: Vec<SegmentInfo> = Vec::new();
        for (at, batch) in &*self.batches.lock().unwrap() {
            if segments.last().is_none_or(|last| last.number != at.segment) {
                if let Some(last) = segments.last_mut() {
                    last.sealed = true;
                }
                segments.push(SegmentInfo { number: at.segment, ..SegmentInfo::default() });
            }
            let last = segments.last_mut().unwrap();
            last.end = at.offset + frame_bytes(batch);
            last.bytes = last.end;
        }
        segments
    }

    fn read(
        &self,
        from: Position,
        until: u64,
        visit: &mut dyn FnMut(Position, &Batch) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        if from.segment <= *self.removed.lock().unwrap() {
            return Err(ReadError::Gone { segment: from.segment });
        }
        for (at, batch) in self.from(from) {
            if at.segment != from.segment || at.offset >= until || visit(at, &batch).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The index over a log in memory, with its files in `dir`, brought up to date.
pub(in crate::storage) fn index(log: &Arc<MemoryLog>, dir: &Path, group_bytes: u64) -> Index {
    index_of(log, dir, group_bytes, reader())
}

/// The same with other ways to understand spans.
pub(in crate::storage) fn index_of(
    log: &Arc<MemoryLog>,
    dir: &Path,
    group_bytes: u64,
    understand: Understand,
) -> Index {
    let fs = Arc::new(RealFs);
    let frames: Arc<dyn Frames> = Arc::<MemoryLog>::clone(log);
    let index = Index::over(frames, fs, Layout::new(dir), (understand, open_book), group_bytes);
    for (at, batch) in log.from(index.wanted_from()) {
        index.apply(at, &batch);
    }
    index
}
