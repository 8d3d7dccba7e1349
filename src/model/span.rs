//! A span as every dialect sends it, before anything is understood.

use super::id::{SpanId, TraceId};
use super::value::Attribute;

/// One span. Times are nanoseconds since the Unix epoch; `end_ns` may lie before `start_ns`
/// only in data that was stored before its admission was checked, so durations saturate.
#[derive(Debug, Clone, PartialEq)]
pub struct Span<'a> {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// The id of its parent; `None` for a root.
    pub parent_span_id: Option<SpanId>,
    /// W3C trace state; mostly empty.
    pub trace_state: &'a str,
    /// The operation's name as the instrumentation calls it.
    pub name: &'a str,
    /// Its role in a call between services.
    pub kind: SpanKind,
    /// When it began.
    pub start_ns: u64,
    /// When it ended.
    pub end_ns: u64,
    /// Whether it failed, as its instrumentation says.
    pub status: Status,
    /// What it says of the failure; empty otherwise.
    pub status_message: &'a str,
    /// Its attributes, in the order sent.
    pub attributes: Vec<Attribute<'a>>,
    /// Attributes that the sender or Pharos dropped.
    pub dropped_attributes: u32,
    /// What happened during it.
    pub events: Vec<Event<'a>>,
    /// Other spans it refers to.
    pub links: Vec<Link<'a>>,
}

/// Something that happened at one moment of a span.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'a> {
    /// When, in nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// Its name, for instance `exception`.
    pub name: &'a str,
    /// Its attributes.
    pub attributes: Vec<Attribute<'a>>,
}

/// A reference to another span. Ids stay raw: a link with a broken id is kept as sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Link<'a> {
    /// The other trace's id, as sent.
    pub trace_id: &'a [u8],
    /// The other span's id, as sent.
    pub span_id: &'a [u8],
    /// Its attributes.
    pub attributes: Vec<Attribute<'a>>,
}

/// OTLP's span kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SpanKind {
    /// Not said.
    #[default]
    Unspecified,
    /// Within the app.
    Internal,
    /// The serving side of a synchronous call.
    Server,
    /// The calling side of a synchronous call.
    Client,
    /// The sending side of a message.
    Producer,
    /// The receiving side of a message.
    Consumer,
}

/// OTLP's span status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Status {
    /// Not said, which means no error is known.
    #[default]
    Unset,
    /// Declared a success.
    Ok,
    /// Failed.
    Error,
}

impl Span<'_> {
    /// How long it took, in nanoseconds; 0 where it ends before it starts.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }

    /// How long it took, in seconds.
    pub fn duration_seconds(&self) -> f64 {
        self.duration_ns() as f64 / 1e9
    }
}

impl SpanKind {
    /// The kind of OTLP's enum number.
    pub fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Internal,
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Unspecified,
        }
    }

    /// OTLP's enum number.
    pub fn number(self) -> u64 {
        self as u64
    }

    /// The name in answers of the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

impl Status {
    /// The status of OTLP's enum number.
    pub fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Ok,
            2 => Self::Error,
            _ => Self::Unset,
        }
    }

    /// OTLP's enum number.
    pub fn number(self) -> u64 {
        self as u64
    }

    /// The name in answers of the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }
}
