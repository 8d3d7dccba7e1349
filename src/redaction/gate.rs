//! What the copy pass asks of its caller about each item, and what it hands back.

use super::hits::Hits;
use crate::otlp::wire::WireError;

/// What tells an item apart before it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemHead<'a> {
    /// 16 bytes, or empty where a log record or data point names no trace.
    pub trace_id: &'a [u8],
    /// 8 bytes, or empty where a log record or data point names no span.
    pub span_id: &'a [u8],
    /// A span's start, a log record's time, a data point's start; nanoseconds since the Unix
    /// epoch, 0 where not sent. Any value is possible.
    pub start_ns: u64,
    /// A span's end, a log record's observed time, a data point's time. It may lie before the
    /// start: when something arrived is what counts, so odd times are kept as they were sent.
    pub end_ns: u64,
}

/// What is to become of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is written.
    Keep,
    /// It was kept before; it is left out and counted as a duplicate.
    Duplicate,
    /// It is left out and counted as rejected.
    Reject(Reason),
}

/// Decides about each valid item of a request, in the order in which they stand.
pub trait Gate {
    /// Asked once for every item that passed validation.
    fn item(&mut self, head: &ItemHead<'_>) -> Verdict;
}

impl<F: FnMut(&ItemHead<'_>) -> Verdict> Gate for F {
    fn item(&mut self, head: &ItemHead<'_>) -> Verdict {
        self(head)
    }
}

/// Why an item can never be kept. The set is closed, so that it can label a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The trace id is missing, has another length than 16 bytes, or is all zeros.
    InvalidTraceId,
    /// The span id is missing, has another length than 8 bytes, or is all zeros.
    InvalidSpanId,
    /// The parent's span id is neither absent nor 8 bytes long.
    InvalidParentId,
    /// A text is not UTF-8.
    InvalidUtf8,
    /// A value nests deeper than `limits::VALUE_DEPTH`.
    TooDeep,
    /// An attribute key is longer than `limits::ATTRIBUTE_KEY_BYTES`.
    KeyTooLong,
    /// A data point has more than `limits::ATTRIBUTES_PER_RECORD` attributes: dropping some would
    /// make it another series.
    TooManyAttributes,
    /// The item is no valid protobuf message of its kind.
    Malformed,
    /// The caller's own rule.
    Refused,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 9] = [
        Self::InvalidTraceId,
        Self::InvalidSpanId,
        Self::InvalidParentId,
        Self::InvalidUtf8,
        Self::TooDeep,
        Self::KeyTooLong,
        Self::TooManyAttributes,
        Self::Malformed,
        Self::Refused,
    ];

    /// The name in the `reason` label and in what the sender is told.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidTraceId => "invalid_trace_id",
            Self::InvalidSpanId => "invalid_span_id",
            Self::InvalidParentId => "invalid_parent_span_id",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::TooDeep => "too_deep",
            Self::KeyTooLong => "key_too_long",
            Self::TooManyAttributes => "too_many_attributes",
            Self::Malformed => "malformed",
            Self::Refused => "refused",
        }
    }
}

impl From<WireError> for Reason {
    fn from(error: WireError) -> Self {
        match error {
            WireError::InvalidUtf8 => Self::InvalidUtf8,
            WireError::TooDeep => Self::TooDeep,
            WireError::Truncated
            | WireError::InvalidTag
            | WireError::WrongType
            | WireError::InvalidId => Self::Malformed,
        }
    }
}

/// Rejected items by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejected {
    counts: [u64; Reason::ALL.len()],
}

impl Rejected {
    /// Counts `items` under `reason`.
    pub fn count(&mut self, reason: Reason, items: u64) {
        self.counts[reason as usize] += items;
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The reasons that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.into_iter().zip(self.counts).filter(|(_, count)| *count > 0)
    }
}

/// What came of a request: kept + duplicates + rejected are all of its items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// The kept items, redacted, as an export request; empty when none was kept.
    pub body: Vec<u8>,
    /// Items in `body`.
    pub kept: u32,
    /// Items that the gate called duplicates.
    pub duplicates: u32,
    /// Items left out for good.
    pub rejected: Rejected,
    /// What was redacted in `body`.
    pub hits: Hits,
}
