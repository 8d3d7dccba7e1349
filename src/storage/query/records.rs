//! Records in memory of their own: what an answer holds of spans and log records.

use std::collections::HashMap;
use std::ops::Range;

use crate::model::{LogRecord, Origin, Span};
use crate::otlp::read;
use crate::otlp::wire::Fields;
use crate::otlp::write;

/// Spans or log records with what they came from, exactly as they came in.
#[derive(Debug, Clone, Default)]
pub struct Records {
    stored: Vec<Stored>,
    /// Requests with one empty record, each of which holds a resource and a scope.
    origins: Vec<Vec<u8>>,
    known_origins: HashMap<Vec<u8>, usize, foldhash::fast::RandomState>,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Stored {
    time_ns: u64,
    origin: usize,
    at: Range<usize>,
}

impl Records {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.stored.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.stored.is_empty()
    }

    /// Bytes of the records, without what they came from.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Calls `visit` with every record as a span, in order. What is no span is left out.
    pub fn visit_spans<'a>(&'a self, mut visit: impl FnMut(&Origin<'a>, &Span<'a>)) {
        let origins = self.origins();
        for stored in &self.stored {
            if let Ok(span) = read::span(&self.bytes[stored.at.clone()]) {
                visit(&origins[stored.origin], &span);
            }
        }
    }

    /// Calls `visit` with every record as a log record, in order.
    pub fn visit_logs<'a>(&'a self, mut visit: impl FnMut(&Origin<'a>, &LogRecord<'a>)) {
        let origins = self.origins();
        for stored in &self.stored {
            if let Ok(record) = read::log_record(&self.bytes[stored.at.clone()]) {
                visit(&origins[stored.origin], &record);
            }
        }
    }

    /// The records as bytes, in order: the request that holds resource and scope, and the record.
    pub fn raw(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.stored
            .iter()
            .map(|stored| (self.origins[stored.origin].as_slice(), &self.bytes[stored.at.clone()]))
    }

    /// Adds a record from `origin`, a request with its resource and scope and one empty record.
    pub(in crate::storage) fn push(&mut self, time_ns: u64, origin: &[u8], record: &[u8]) {
        let origin = match self.known_origins.get(origin) {
            Some(known) => *known,
            None => {
                self.origins.push(origin.to_vec());
                self.known_origins.insert(origin.to_vec(), self.origins.len() - 1);
                self.origins.len() - 1
            }
        };
        let from = self.bytes.len();
        self.bytes.extend_from_slice(record);
        self.stored.push(Stored { time_ns, origin, at: from..self.bytes.len() });
    }

    /// Puts the earliest first. Records of the same time stay in the order in which they came.
    pub(in crate::storage) fn sort_by_time(&mut self) {
        self.stored.sort_by_key(|stored| stored.time_ns);
    }

    fn origins(&self) -> Vec<Origin<'_>> {
        self.origins.iter().map(|request| origin_of(request)).collect()
    }
}

/// Where the record of such a request came from; from nowhere, if that is damaged.
pub(in crate::storage) fn origin_of(request: &[u8]) -> Origin<'_> {
    let mut origin = Origin::default();
    let _ = read::records(request, |found, _| {
        origin = found.clone();
        Ok(())
    });
    origin
}

/// The resource group and the scope group that a record stands in.
#[derive(Clone, Copy)]
pub(in crate::storage) struct Groups<'a> {
    /// `ResourceSpans` or `ResourceLogs`.
    pub(in crate::storage) resource: &'a [u8],
    /// `ScopeSpans` or `ScopeLogs`.
    pub(in crate::storage) scope: &'a [u8],
}

impl Groups<'_> {
    /// A request with their resource and scope and one empty record.
    pub(in crate::storage) fn request(self) -> Vec<u8> {
        let mut request = Vec::new();
        write::message_field(&mut request, 1, |out| {
            put_all_but_records(out, self.resource);
            write::message_field(out, 2, |out| {
                put_all_but_records(out, self.scope);
                write::bytes_field(out, 2, &[]);
            });
        });
        request
    }
}

/// Copies the fields of a group other than the scopes or records in it, which are field 2 of
/// both.
fn put_all_but_records(out: &mut Vec<u8>, group: &[u8]) {
    for field in Fields::of(group).map_while(Result::ok).filter(|field| field.number != 2) {
        out.extend_from_slice(field.raw);
    }
}
