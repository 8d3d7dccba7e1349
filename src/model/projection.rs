//! Readers behind the log that count: their state is a projection of what is committed.

use super::log_record::LogRecord;
use super::operation::Understanding;
use super::origin::Origin;
use super::report::Report;
use super::settled::Settled;
use super::span::Span;

/// How a batch came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When it arrived, in nanoseconds since the Unix epoch.
    pub arrived_ns: u64,
    /// Whether it came in through the door of this process. `false`: it was in the log when the
    /// process started and is counted again, but what was said of it is not said again.
    pub live: bool,
}

/// A committed span with all that is known of it.
#[derive(Debug, Clone, Copy)]
pub struct SeenSpan<'s, 'a> {
    /// How it came.
    pub moment: Moment,
    /// Who sent it.
    pub origin: &'s Origin<'a>,
    /// The span.
    pub span: &'s Span<'a>,
    /// What it means.
    pub known: &'s Understanding<'a>,
    /// Of a call of a model: what of it counts.
    pub settled: Option<&'s Settled>,
}

/// A committed log record.
#[derive(Debug, Clone, Copy)]
pub struct SeenRecord<'s, 'a> {
    /// How it came.
    pub moment: Moment,
    /// Who sent it.
    pub origin: &'s Origin<'a>,
    /// The record.
    pub record: &'s LogRecord<'a>,
    /// What it reports that is to be counted; `None` where another record with the same id has
    /// reported it.
    pub report: Option<&'s Report<'a>>,
}

/// A state that follows from the log alone.
///
/// One thread calls it with every committed item, in the log's order and, over a crash, each
/// exactly once: its snapshot is kept beside the position in the log up to which it has seen.
/// Nothing here may block or fail.
pub trait Projection: Send {
    /// The name of its part of the snapshot.
    fn name(&self) -> &'static str;

    /// A span.
    fn span(&mut self, _seen: &SeenSpan<'_, '_>) {}

    /// A log record.
    fn record(&mut self, _seen: &SeenRecord<'_, '_>) {}

    /// An export request of metrics, in OTLP's protobuf.
    fn metrics(&mut self, _request: &[u8], _moment: Moment) {}

    /// Some time has passed. Called a few times a second, also when nothing comes, once all that
    /// the log held at the start has been seen.
    fn tick(&mut self, _now_ns: u64) {}

    /// Its state as bytes; not called often.
    fn snapshot(&self) -> Vec<u8>;

    /// Takes over a state that [`Projection::snapshot`] gave.
    ///
    /// # Errors
    /// Why the bytes cannot be used; then it is as new.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), String>;
}
