//! What Pharos itself has to say of what it saw, as a log record of its own.

use super::id::{SpanId, TraceId};

/// One finding: it becomes a log record that is stored, searched and forwarded like any other.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// The event's name, for instance `pharos.loop.detected`.
    pub name: &'static str,
    /// How serious it is.
    pub level: NoticeLevel,
    /// One constant sentence.
    pub text: &'static str,
    /// The facts; keys are constants, values never a prompt or a secret.
    pub facts: Vec<(&'static str, Fact)>,
    /// The trace it is about.
    pub trace_id: Option<TraceId>,
    /// The span it is about.
    pub span_id: Option<SpanId>,
    /// When it was found, in nanoseconds since the Unix epoch.
    pub time_ns: u64,
}

/// How serious a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeLevel {
    /// Worth knowing.
    Info,
    /// Somebody should look.
    Warning,
    /// Something failed.
    Error,
}

/// The value of one fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A name.
    Text(String),
    /// A count.
    Count(u64),
    /// A measure.
    Number(f64),
}

/// Takes notices. Never blocks: what does not fit is counted and left out.
pub trait Notices: Send + Sync {
    /// Takes one.
    fn say(&self, notice: Notice);
}
