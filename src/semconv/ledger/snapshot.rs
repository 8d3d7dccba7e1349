//! The ledger as bytes: what a restart must remember so that a second report of a call that was
//! counted before it is still known as one.
//!
//! Layout, version 2: `PHLG`, version (1 byte), labels (count, then provider and model, each
//! length and text), reports (count, then each), CRC-32 of all that (4 bytes, little-endian).
//! Numbers are varints. Totals are nine numbers, then five rates; version 1 had eight and none,
//! and is read too. Indexes are not written: they follow from the reports.

use std::collections::HashMap;
use std::sync::Arc;

use super::Ledger;
use super::report::{Inner, NONE, Number, Report, SCOPES};
use super::totals::Totals;
use crate::model::{CallLabels, Rates};
use crate::otlp::write;

const MAGIC: &[u8; 4] = b"PHLG";
const VERSION: u8 = 2;
/// How many numbers each totals of version 1 had.
const PARTS_OF_VERSION_1: usize = 8;

/// The bytes are not a ledger's snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// They do not begin as a snapshot does, or their checksum is wrong.
    #[error("the ledger's snapshot is damaged")]
    Damaged,
    /// Another version of Pharos wrote them.
    #[error("the ledger's snapshot has version {0}, this is version 2")]
    Version(u8),
}

impl Ledger {
    /// The ledger as bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.len() * 96);
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        let oldest = self.ring.oldest();
        let reports = || (oldest..self.ring.next()).filter_map(|number| self.ring.get(number));
        let mut places: HashMap<&CallLabels, u64> = HashMap::new();
        let mut labels = Vec::new();
        for report in reports() {
            places.entry(&report.labels).or_insert_with(|| {
                labels.push(&report.labels);
                labels.len() as u64 - 1
            });
        }
        write::varint(&mut out, labels.len() as u64);
        for label in labels {
            for text in [&label.provider, &label.model] {
                write::varint(&mut out, text.len() as u64);
                out.extend_from_slice(text.as_bytes());
            }
        }
        write::varint(&mut out, self.len() as u64);
        for report in reports() {
            write_report(&mut out, report, oldest, places[&*report.labels]);
        }
        let sum = crc32fast::hash(&out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    /// The ledger of a snapshot, remembering `capacity` reports: the newest where the snapshot
    /// holds more.
    pub fn restore(bytes: &[u8], capacity: usize) -> Result<Self, RestoreError> {
        let (body, sum) = bytes.split_last_chunk::<4>().ok_or(RestoreError::Damaged)?;
        let body = body.strip_prefix(MAGIC).ok_or(RestoreError::Damaged)?;
        if crc32fast::hash(&bytes[..bytes.len() - 4]) != u32::from_le_bytes(*sum) {
            return Err(RestoreError::Damaged);
        }
        let (&version, rest) = body.split_first().ok_or(RestoreError::Damaged)?;
        if !(1..=VERSION).contains(&version) {
            return Err(RestoreError::Version(version));
        }
        let mut reader = Reader { rest, version };
        Self::read(&mut reader, capacity).ok_or(RestoreError::Damaged)
    }

    fn read(reader: &mut Reader<'_>, capacity: usize) -> Option<Self> {
        let mut labels = Vec::new();
        for _ in 0..reader.varint()? {
            let (provider, model) = (reader.text()?.into(), reader.text()?.into());
            labels.push(Arc::new(CallLabels { provider, model }));
        }
        let mut ledger = Self::new(capacity);
        for _ in 0..reader.varint()? {
            // A smaller ring than the one that was written forgets on the way, as it would have.
            ledger.record(read_report(reader, &labels)?);
        }
        reader.rest.is_empty().then_some(ledger)
    }
}

fn write_report(out: &mut Vec<u8>, report: &Report, oldest: Number, labels: u64) {
    for id in [report.trace, report.span, report.parent, report.answer, report.alike] {
        out.extend_from_slice(&id.to_le_bytes());
    }
    write::varint(out, report.start_ns);
    write::varint(out, report.end_ns - report.start_ns);
    for scope in report.scopes {
        write::varint(out, u64::from(scope));
    }
    write_totals(out, &report.own);
    write::varint(out, report.inner.as_ref().map_or(0, |inner| inner.answers.len() as u64 + 1));
    if let Some(inner) = &report.inner {
        write_totals(out, &inner.totals);
        for answer in &inner.answers {
            out.extend_from_slice(&answer.to_le_bytes());
        }
    }
    write::varint(out, u64::from(report.surplus.is_some()));
    if let Some(surplus) = &report.surplus {
        write_totals(out, surplus);
    }
    out.push(report.height);
    for number in [report.same_as, report.outer] {
        // A forgotten report is none. The oldest remembered one is 1.
        let remembered = number != NONE && number >= oldest;
        write::varint(out, if remembered { number - oldest + 1 } else { 0 });
    }
    write::varint(out, labels);
}

fn write_totals(out: &mut Vec<u8>, totals: &Totals) {
    let Rates { input, cached, cache_write, output, reasoning } = totals.rates;
    for number in totals.parts.into_iter().chain([input, cached, cache_write, output, reasoning]) {
        write::varint(out, number);
    }
}

fn read_report(reader: &mut Reader<'_>, labels: &[Arc<CallLabels>]) -> Option<Report> {
    let [trace, span, parent, answer, alike] = reader.numbers()?;
    let start_ns = reader.varint()?;
    let end_ns = start_ns.checked_add(reader.varint()?)?;
    let mut scopes = [0; SCOPES];
    for scope in &mut scopes {
        *scope = u32::try_from(reader.varint()?).ok()?;
    }
    let own = reader.totals()?;
    let inner = match reader.varint()? {
        0 => None,
        count => {
            let totals = reader.totals()?;
            let answers = (1..count).map(|_| reader.numbers().map(|[id]| id));
            Some(Box::new(Inner { totals, answers: answers.collect::<Option<_>>()? }))
        }
    };
    let surplus = match reader.varint()? {
        0 => None,
        _ => Some(Box::new(reader.totals()?)),
    };
    let height = reader.bytes(1)?[0];
    let mut reference = || Some(reader.varint()?.checked_sub(1).unwrap_or(NONE));
    let (same_as, outer) = (reference()?, reference()?);
    let labels = Arc::clone(labels.get(usize::try_from(reader.varint()?).ok()?)?);
    Some(Report {
        trace,
        span,
        parent,
        answer,
        alike,
        start_ns,
        end_ns,
        scopes,
        own,
        inner,
        surplus,
        height,
        same_as,
        outer,
        next_waiting: NONE,
        next_alike: NONE,
        labels,
    })
}

struct Reader<'a> {
    rest: &'a [u8],
    version: u8,
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.bytes(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.varint()?).ok()?;
        std::str::from_utf8(self.bytes(length)?).ok()
    }

    fn numbers<const N: usize>(&mut self) -> Option<[u64; N]> {
        let mut numbers = [0; N];
        for number in &mut numbers {
            let (bytes, rest) = self.rest.split_first_chunk::<8>()?;
            self.rest = rest;
            *number = u64::from_le_bytes(*bytes);
        }
        Some(numbers)
    }

    fn totals(&mut self) -> Option<Totals> {
        let mut totals = Totals::default();
        let parts = if self.version == 1 { PARTS_OF_VERSION_1 } else { Totals::PARTS };
        for part in &mut totals.parts[..parts] {
            *part = self.varint()?;
        }
        if self.version > 1 {
            let rates = &mut totals.rates;
            for rate in [
                &mut rates.input,
                &mut rates.cached,
                &mut rates.cache_write,
                &mut rates.output,
                &mut rates.reasoning,
            ] {
                *rate = self.varint()?;
            }
        }
        Some(totals)
    }
}
