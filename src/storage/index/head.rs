//! The few fields of a record that the index needs, read without the rest.

use crate::model::Status;
use crate::otlp::wire::{Content, Fields, WireError};

/// The fields of a span that are cheap to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::storage) struct SpanHead<'a> {
    /// The raw trace id.
    pub(in crate::storage) trace_id: &'a [u8],
    /// The raw id of its own.
    pub(in crate::storage) span_id: &'a [u8],
    /// The name, not yet checked to be text.
    pub(in crate::storage) name: &'a [u8],
    /// When it began, in nanoseconds since the Unix epoch.
    pub(in crate::storage) start_ns: u64,
    /// When it ended.
    pub(in crate::storage) end_ns: u64,
    /// Whether it says that it failed.
    pub(in crate::storage) status: Status,
    /// Whether it has no parent.
    pub(in crate::storage) root: bool,
}

impl<'a> SpanHead<'a> {
    /// Reads the span of these bytes.
    pub(in crate::storage) fn read(span: &'a [u8]) -> Result<Self, WireError> {
        let mut head = Self { root: true, ..Self::default() };
        for field in Fields::of(span) {
            let field = field?;
            match (field.number, field.content) {
                (1, Content::Bytes(id)) => head.trace_id = id,
                (2, Content::Bytes(id)) => head.span_id = id,
                (4, Content::Bytes(id)) => head.root = id.iter().all(|byte| *byte == 0),
                (5, Content::Bytes(name)) => head.name = name,
                (7, Content::Fixed64(time)) => head.start_ns = time,
                (8, Content::Fixed64(time)) => head.end_ns = time,
                (15, Content::Bytes(status)) => head.status = status_code(status)?,
                _ => {}
            }
        }
        Ok(head)
    }

    /// How long it took, in nanoseconds; 0 where it ends before it starts.
    pub(in crate::storage) fn duration_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }
}

/// The fields of a log record that are cheap to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::storage) struct LogHead<'a> {
    /// The raw trace id; empty where it belongs to none.
    pub(in crate::storage) trace_id: &'a [u8],
    /// The raw span id; empty where it belongs to none.
    pub(in crate::storage) span_id: &'a [u8],
    /// When it happened or, where that was not sent, was observed, in nanoseconds since the Unix
    /// epoch; 0 where nothing says.
    pub(in crate::storage) time_ns: u64,
    /// OTLP's severity number; 0 where not sent.
    pub(in crate::storage) severity: u32,
}

impl<'a> LogHead<'a> {
    /// Reads the log record of these bytes.
    pub(in crate::storage) fn read(record: &'a [u8]) -> Result<Self, WireError> {
        let (mut head, mut observed_ns) = (Self::default(), 0);
        for field in Fields::of(record) {
            let field = field?;
            match (field.number, field.content) {
                (1, Content::Fixed64(time)) => head.time_ns = time,
                (2, Content::Varint(number)) => {
                    head.severity = u32::try_from(number).unwrap_or(u32::MAX);
                }
                (9, Content::Bytes(id)) => head.trace_id = id,
                (10, Content::Bytes(id)) => head.span_id = id,
                (11, Content::Fixed64(time)) => observed_ns = time,
                _ => {}
            }
        }
        if head.time_ns == 0 {
            head.time_ns = observed_ns;
        }
        Ok(head)
    }
}

fn status_code(status: &[u8]) -> Result<Status, WireError> {
    let mut code = Status::Unset;
    for field in Fields::of(status) {
        if let (3, Content::Varint(number)) = {
            let field = field?;
            (field.number, field.content)
        } {
            code = Status::from_number(number);
        }
    }
    Ok(code)
}

/// The raw trace id of a span, which senders write first.
pub(in crate::storage) fn span_trace_id(span: &[u8]) -> &[u8] {
    trace_id(span, 1)
}

/// The raw trace id of a log record; empty where it belongs to no trace.
pub(in crate::storage) fn log_trace_id(record: &[u8]) -> &[u8] {
    trace_id(record, 9)
}

fn trace_id(record: &[u8], number: u32) -> &[u8] {
    let mut fields = Fields::of(record).map_while(Result::ok);
    let field = fields.find(|field| field.number == number);
    field.and_then(|field| field.content.bytes().ok()).unwrap_or_default()
}
