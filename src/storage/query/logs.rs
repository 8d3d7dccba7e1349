//! Searching log records, newest first, a page at a time.

use super::Records;
use crate::limits;
use crate::model::{SpanId, TraceId};

/// The conditions of a search for log records; an empty set matches every record. Texts are
/// compared exactly unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogFilters {
    /// Only records of this trace.
    pub trace: Option<TraceId>,
    /// Only records of this span.
    pub span: Option<SpanId>,
    /// `service.name` of the record's resource.
    pub service: Option<String>,
    /// OTLP's severity number is at least this; 0 and records without one never fulfil it.
    pub min_severity: Option<u32>,
    /// The event's name; of a record without one, what its attribute `event.name` says.
    pub event_name: Option<String>,
    /// Keys and values of attributes of the record, its scope or its resource, as in
    /// [`super::Filters::attributes`].
    pub attributes: Vec<(String, String)>,
    /// Stands somewhere in the body, the event name or a text attribute, whatever the case of
    /// ASCII letters.
    pub text: Option<String>,
    /// The record's time is at or after this, in nanoseconds since the Unix epoch. A record
    /// without a time has the time at which it was observed.
    pub from_ns: Option<u64>,
    /// The record's time is at or before this.
    pub to_ns: Option<u64>,
}

/// A search for log records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogQuery {
    /// What a record must fulfil.
    pub filters: LogFilters,
    /// The most records in the page, at most [`limits::LOG_PAGE_RECORDS`].
    pub limit: Option<usize>,
    /// [`LogPage::next`] of the page before, for the same filters.
    pub cursor: Option<String>,
}

impl LogQuery {
    /// The most records in the page, within the bounds.
    pub(in crate::storage) fn page_records(&self) -> usize {
        let limit = self.limit.unwrap_or(limits::LOG_PAGE_DEFAULT_RECORDS);
        limit.clamp(1, limits::LOG_PAGE_RECORDS)
    }
}

/// A page of log records.
#[derive(Debug, Clone, Default)]
pub struct LogPage {
    /// The records, newest first.
    pub records: Records,
    /// Where the next page begins; `None` where there is none.
    pub next: Option<String>,
    /// Whether something that matches may be missing, because a bound was reached (`next` then
    /// goes on, if it can) or a part of what is kept could not be read.
    pub incomplete: bool,
    /// Bytes of telemetry that were read.
    pub scanned_bytes: u64,
}
