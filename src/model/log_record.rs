//! A log record or event.

use super::id::{SpanId, TraceId};
use super::value::{Attribute, Value};

/// One log record. Times are nanoseconds since the Unix epoch, 0 where not sent.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRecord<'a> {
    /// When it happened.
    pub time_ns: u64,
    /// When the collecting side saw it.
    pub observed_ns: u64,
    /// OTLP's severity number, 1 (trace) to 24 (fatal); 0 where not sent.
    pub severity: u32,
    /// The severity in the source's own words.
    pub severity_text: &'a str,
    /// The name that makes this record an event; empty for a plain log line.
    pub event_name: &'a str,
    /// The message.
    pub body: Value<'a>,
    /// Its attributes.
    pub attributes: Vec<Attribute<'a>>,
    /// The trace it belongs to, where it says so.
    pub trace_id: Option<TraceId>,
    /// The span it belongs to, where it says so.
    pub span_id: Option<SpanId>,
}
