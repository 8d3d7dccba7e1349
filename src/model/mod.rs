//! What Pharos talks about: spans, log records and the operations they describe.
//!
//! Invariant: nothing here knows protobuf, JSON or a disk. Text is borrowed from the batch it
//! arrived in, so that understanding a span costs no copies.

mod gen_ai_event;
mod id;
mod log_record;
mod operation;
mod origin;
mod settled;
mod signal;
mod span;
mod value;

pub use gen_ai_event::{GenAiEvent, GenAiEventKind};
pub use id::{SpanId, TraceId};
pub use log_record::LogRecord;
pub use operation::{
    AgentRun, DbQuery, HttpExchange, LlmCall, Operation, ToolCall, Understanding, Unexplained,
    Usage, WorkflowRun, WorkflowStep,
};
pub use origin::{Origin, Scope};
pub use settled::{CallBook, CallLabels, Settled};
pub use signal::Signal;
pub use span::{Event, Link, Span, SpanKind, Status};
pub use value::{Attribute, Value, find};
