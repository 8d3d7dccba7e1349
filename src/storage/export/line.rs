//! One line: an export request that is being gathered.

use std::collections::HashMap;
use std::io;

use super::TakeLine;
use crate::limits;
use crate::model::Signal;
use crate::otlp::wire::{Content, Fields};
use crate::otlp::{json, write};

/// Records of one signal, those of one origin together.
pub(super) struct Line {
    signal: Signal,
    /// Origins, each a request with one empty record, and the records from there.
    groups: Vec<(Vec<u8>, Vec<Vec<u8>>)>,
    known: HashMap<Vec<u8>, usize, foldhash::fast::RandomState>,
    records: usize,
    bytes: usize,
    json: Vec<u8>,
}

/// What became of the records of a line.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) records: u64,
    /// Records that cannot be told in JSON, because they are no OTLP.
    pub(super) unreadable: u64,
}

impl Line {
    pub(super) fn new(signal: Signal) -> Self {
        let (groups, known, json) = Default::default();
        Self { signal, groups, known, records: 0, bytes: 0, json }
    }

    pub(super) fn signal(&self) -> Signal {
        self.signal
    }

    /// Adds a record from `origin`, a request with its resource and scope and one empty record.
    pub(super) fn push(&mut self, origin: &[u8], record: &[u8]) {
        let group = match self.known.get(origin) {
            Some(group) => *group,
            None => {
                self.groups.push((origin.to_vec(), Vec::new()));
                self.known.insert(origin.to_vec(), self.groups.len() - 1);
                self.bytes += origin.len();
                self.groups.len() - 1
            }
        };
        self.groups[group].1.push(record.to_vec());
        self.records += 1;
        self.bytes += record.len();
    }

    /// Whether it is to be written now.
    pub(super) fn is_full(&self) -> bool {
        self.records >= limits::EXPORT_LINE_RECORDS || self.bytes >= limits::EXPORT_LINE_BYTES
    }

    /// Writes what was gathered, if anything, and begins anew.
    pub(super) fn write(&mut self, take: &mut TakeLine<'_>) -> io::Result<Written> {
        let groups = std::mem::take(&mut self.groups);
        self.known.clear();
        let records = std::mem::take(&mut self.records) as u64;
        self.bytes = 0;
        if groups.is_empty() {
            return Ok(Written::default());
        }
        let mut request = Vec::new();
        for (origin, records) in &groups {
            put_request(origin, records, &mut request);
        }
        if self.line(&request, take)? {
            return Ok(Written { records, unreadable: 0 });
        }
        // One of them is no OTLP: each for itself.
        let mut written = Written::default();
        for (origin, records) in &groups {
            for record in records.chunks(1) {
                request.clear();
                put_request(origin, record, &mut request);
                if self.line(&request, take)? {
                    written.records += 1;
                } else {
                    written.unreadable += 1;
                }
            }
        }
        Ok(written)
    }

    /// Hands out a request; `false` if it is no OTLP.
    fn line(&mut self, request: &[u8], take: &mut TakeLine<'_>) -> io::Result<bool> {
        self.json.clear();
        if json::write(self.signal, request, &mut self.json).is_err() {
            return Ok(false);
        }
        take(&self.json)?;
        Ok(true)
    }
}

/// Appends the resource group of an origin with these records in the place of the empty one.
fn put_request(origin: &[u8], records: &[Vec<u8>], out: &mut Vec<u8>) {
    refill(origin, 1, out, &mut |resource, out| {
        write::message_field(out, 1, |out| {
            refill(resource, 2, out, &mut |scope, out| {
                write::message_field(out, 2, |out| {
                    refill(scope, 2, out, &mut |_, _| {});
                    for record in records {
                        write::bytes_field(out, 2, record);
                    }
                });
            });
        });
    });
}

/// Copies the fields of a message; in the place of those with this number `fill` is called.
fn refill(
    message: &[u8],
    number: u32,
    out: &mut Vec<u8>,
    fill: &mut dyn FnMut(&[u8], &mut Vec<u8>),
) {
    for field in Fields::of(message).map_while(Result::ok) {
        match field.content {
            Content::Bytes(inner) if field.number == number => fill(inner, out),
            _ => out.extend_from_slice(field.raw),
        }
    }
}
