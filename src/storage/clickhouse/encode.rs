//! Batches of the log as rows of ClickHouse's tables.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::facts;
use super::plain::{self, REPEATED};
use super::residue::{self, Columns};
use super::row_binary::{Pairs, put_integer, put_map, put_text};
use super::schema::{LOG_COLUMNS, SPAN_COLUMNS, Schema, Shape};
use super::sql::clamped;
use super::trace::groups_of;
use crate::model::{LogRecord, Origin, Signal, Span, SpanKind, Status, find};
use crate::otlp::read;
use crate::otlp::wire::{Content, Fields, WireError};
use crate::storage::index::Understand;
use crate::storage::query::Groups;
use crate::storage::{Batch, Position};

/// When a row came in and where it stands in the log: `<arrival>-<segment>-<offset>-<number>`,
/// padded so that the order of the texts is that of arrival.
pub(super) const AT: &str = "pharos.at";
/// What the columns cannot hold, in base 64; see [`residue`].
pub(super) const RECORD: &str = "pharos.record";
/// When a span began and ended, where its columns cannot say it: after the year 2262, and an end
/// before the start.
pub(super) const START: &str = "pharos.start";
pub(super) const END: &str = "pharos.end";
/// Before the keys of the scope's attributes, for which spans have no column.
pub(super) const SCOPE: &str = "pharos.scope.";
/// The request with resource and scope and one empty record, in base 64.
pub(super) const ORIGIN: &str = "pharos.origin";

/// Rows that are to be inserted together.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Rows of spans, in RowBinary.
    pub(super) spans: Vec<u8>,
    /// Rows of log records.
    pub(super) logs: Vec<u8>,
    pub(super) span_count: usize,
    pub(super) log_count: usize,
}

impl Rows {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.span_count + self.log_count
    }

    /// Their bytes.
    pub(super) fn bytes(&self) -> usize {
        self.spans.len() + self.logs.len()
    }

    /// Adds the spans or log records of the batch at `at`. Damaged ones are left out, as every
    /// reader of the log leaves them out.
    pub(super) fn add(
        &mut self,
        schema: &Schema,
        understand: &Understand,
        at: Position,
        batch: &Batch,
    ) {
        if batch.signal == Signal::Metrics {
            return;
        }
        let walked = visit(&batch.body, |groups, origin, number, record| {
            let place = place(batch.arrived_ns, at, number);
            let row = Row { schema, groups, origin, record, place };
            match batch.signal {
                Signal::Traces => {
                    if let Ok(span) = read::span(record) {
                        row.put_span(&mut self.spans, understand, &span);
                        self.span_count += 1;
                    }
                }
                _ => {
                    if let Ok(log) = read::log_record(record) {
                        row.put_log(&mut self.logs, &log);
                        self.log_count += 1;
                    }
                }
            }
        });
        if let Err(error) = walked {
            tracing::debug!(%error, "A stored batch is damaged; the rest of it is left out.");
        }
    }
}

/// What of [`AT`] stands before everything that arrived at this time or later.
pub(super) fn arrival(arrived_ns: u64) -> String {
    format!("{arrived_ns:020}")
}

/// When and where the record of this number in a batch came in.
pub(super) fn place(arrived_ns: u64, at: Position, number: u32) -> String {
    let arrival = arrival(arrived_ns);
    format!("{arrival}-{:010}-{:012}-{number:06}", at.segment, at.offset)
}

/// Calls `visit` with every record of a request: what it stands in, where it comes from and its
/// number, counted from 1.
pub(super) fn visit(
    body: &[u8],
    mut visit: impl FnMut(Groups<'_>, &Origin<'_>, u32, &[u8]),
) -> Result<(), WireError> {
    let mut number = 0;
    for resource in read::messages(body, 1) {
        let resource = resource?;
        for scope in read::messages(resource, 2) {
            let groups = Groups { resource, scope: scope? };
            let request = groups.request();
            // The same without the records: whoever looks into it does so for every record.
            let slim = groups_of(&request).unwrap_or(groups);
            let mut origin = Origin::default();
            read::records(&request, |found, _| {
                origin = found.clone();
                Ok(())
            })?;
            for record in read::messages(groups.scope, 2) {
                number += 1;
                visit(slim, &origin, number, record?);
            }
        }
    }
    Ok(())
}

/// One record on its way into a row.
struct Row<'r> {
    schema: &'r Schema,
    groups: Groups<'r>,
    origin: &'r Origin<'r>,
    record: &'r [u8],
    place: String,
}

impl Row<'_> {
    fn put_span(&self, out: &mut Vec<u8>, understand: &Understand, span: &Span<'_>) {
        let (mut attributes, repeated) = plain::pairs(&span.attributes);
        let events: Vec<Pairs> =
            span.events.iter().map(|event| plain::pairs(&event.attributes).0).collect();
        let (trace_id, span_id) = (span.trace_id.to_string(), span.span_id.to_string());
        let parent_id = span.parent_span_id.map(|id| id.to_string()).unwrap_or_default();
        let start = clamped(span.start_ns);
        let columns_start = start.cast_unsigned();
        let columns_end = columns_start.saturating_add(span.duration_ns());
        let columns = Columns {
            trace_id: &trace_id,
            span_id: &span_id,
            parent_id: &parent_id,
            text: span.name,
            start_ns: columns_start,
            end_ns: columns_end,
            attributes: &attributes,
            events: &events,
        };
        let residue = residue::residue(Signal::Traces, self.record, columns);
        facts::put(&mut attributes, &understand.span(self.origin, span));
        for (key, held, sent) in
            [(START, columns_start, span.start_ns), (END, columns_end, span.end_ns)]
        {
            attributes.extend((held != sent).then(|| (key.to_owned(), sent.to_string())));
        }
        self.put_ours(&mut attributes, &residue, repeated);
        let resource = plain::pairs(&self.origin.resource).0;
        for (place, (name, ..)) in SPAN_COLUMNS.iter().enumerate() {
            let Some(shape) = self.schema.spans.shape(place) else { continue };
            match *name {
                "Timestamp" => put_time(out, start),
                "TraceId" => put_text(out, &trace_id),
                "SpanId" => put_text(out, &span_id),
                "ParentSpanId" => put_text(out, &parent_id),
                "TraceState" => put_text(out, span.trace_state),
                "SpanName" => put_text(out, span.name),
                "SpanKind" => put_text(out, kind_name(span.kind)),
                "ServiceName" => put_text(out, self.service()),
                "ResourceAttributes" => put_map(out, &resource),
                "ScopeName" => put_text(out, self.origin.scope.name),
                "ScopeVersion" => put_text(out, self.origin.scope.version),
                "SpanAttributes" => put_map(out, &attributes),
                "Duration" => put_sized(out, span.duration_ns(), shape),
                "StatusCode" => put_text(out, status_name(span.status)),
                "StatusMessage" => put_text(out, span.status_message),
                _ => put_nested(out, name, span, &events),
            }
        }
    }

    fn put_log(&self, out: &mut Vec<u8>, log: &LogRecord<'_>) {
        let (mut attributes, repeated) = plain::pairs(&log.attributes);
        let time = clamped(if log.time_ns > 0 { log.time_ns } else { log.observed_ns });
        let trace_id = log.trace_id.map(|id| id.to_string()).unwrap_or_default();
        let span_id = log.span_id.map(|id| id.to_string()).unwrap_or_default();
        let body = plain::text(&log.body);
        let columns = Columns {
            trace_id: &trace_id,
            span_id: &span_id,
            text: &body,
            start_ns: time.cast_unsigned(),
            attributes: &attributes,
            ..Columns::default()
        };
        let residue = residue::residue(Signal::Logs, self.record, columns);
        self.put_ours(&mut attributes, &residue, repeated);
        for (place, (name, ..)) in LOG_COLUMNS.iter().enumerate() {
            let Some(shape) = self.schema.logs.shape(place) else { continue };
            match *name {
                "Timestamp" => put_time(out, time),
                "TraceId" => put_text(out, &trace_id),
                "SpanId" => put_text(out, &span_id),
                "TraceFlags" => put_sized(out, flags(self.record) & 0xff, shape),
                "SeverityText" => put_text(out, log.severity_text),
                "SeverityNumber" => put_sized(out, log.severity.into(), shape),
                "ServiceName" => put_text(out, self.service()),
                "Body" => put_text(out, &body),
                "ResourceSchemaUrl" => put_text(out, schema_url(self.groups.resource)),
                "ResourceAttributes" => put_map(out, &plain::pairs(&self.origin.resource).0),
                "ScopeSchemaUrl" => put_text(out, schema_url(self.groups.scope)),
                "ScopeName" => put_text(out, self.origin.scope.name),
                "ScopeVersion" => put_text(out, self.origin.scope.version),
                "ScopeAttributes" => {
                    put_map(out, &plain::pairs(&self.origin.scope.attributes).0);
                }
                "LogAttributes" => put_map(out, &attributes),
                _ => put_text(out, log.event_name),
            }
        }
    }

    fn put_ours(&self, attributes: &mut Pairs, residue: &[u8], repeated: bool) {
        let (_, resource_repeated) = plain::pairs(&self.origin.resource);
        let (scope, scope_repeated) = plain::pairs(&self.origin.scope.attributes);
        let repeated = repeated || resource_repeated || scope_repeated;
        attributes.extend(scope.into_iter().map(|(key, text)| (format!("{SCOPE}{key}"), text)));
        let mut put = |key: &str, value: String| attributes.push((key.to_owned(), value));
        put(AT, self.place.clone());
        put(RECORD, STANDARD.encode(residue));
        put(ORIGIN, STANDARD.encode(self.groups.request()));
        if repeated {
            put(REPEATED, "true".to_owned());
        }
    }

    /// `service.name` as the collector writes it: empty where there is none.
    fn service(&self) -> &str {
        find(&self.origin.resource, "service.name")
            .and_then(|value| value.as_text())
            .unwrap_or_default()
    }
}

fn put_nested(out: &mut Vec<u8>, name: &str, span: &Span<'_>, events: &[Pairs]) {
    let (event_count, link_count) = (events.len() as u64, span.links.len() as u64);
    let count = if name.starts_with("Events.") { event_count } else { link_count };
    crate::otlp::write::varint(out, count);
    match name {
        "Events.Timestamp" => {
            span.events.iter().for_each(|event| put_time(out, clamped(event.time_ns)));
        }
        "Events.Name" => span.events.iter().for_each(|event| put_text(out, event.name)),
        "Events.Attributes" => events.iter().for_each(|pairs| put_map(out, pairs)),
        "Links.TraceId" => span.links.iter().for_each(|link| put_text(out, &hex(link.trace_id))),
        "Links.SpanId" => span.links.iter().for_each(|link| put_text(out, &hex(link.span_id))),
        "Links.TraceState" => span.links.iter().for_each(|_| put_text(out, "")),
        _ => {
            let pairs = span.links.iter().map(|link| plain::pairs(&link.attributes).0);
            pairs.for_each(|pairs| put_map(out, &pairs));
        }
    }
}

fn put_time(out: &mut Vec<u8>, time: i64) {
    out.extend_from_slice(&time.to_le_bytes());
}

fn put_sized(out: &mut Vec<u8>, number: u64, shape: Shape) {
    let bytes = if let Shape::Integer(bytes) = shape { bytes } else { 8 };
    put_integer(out, number, bytes);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Field 8 of a log record: W3C trace flags.
fn flags(record: &[u8]) -> u64 {
    let mut fields = Fields::of(record).map_while(Result::ok);
    let flags = fields.find_map(|field| match field.content {
        Content::Fixed32(flags) if field.number == 8 => Some(flags),
        _ => None,
    });
    flags.unwrap_or(0).into()
}

/// Field 3 of a resource group or a scope group.
fn schema_url(group: &[u8]) -> &str {
    let mut fields = Fields::of(group).map_while(Result::ok);
    let url = fields.find(|field| field.number == 3);
    url.and_then(|field| field.content.text().ok()).unwrap_or_default()
}

/// OTLP's name of a kind, as the collector writes it.
pub(super) fn kind_name(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "Unspecified",
        SpanKind::Internal => "Internal",
        SpanKind::Server => "Server",
        SpanKind::Client => "Client",
        SpanKind::Producer => "Producer",
        SpanKind::Consumer => "Consumer",
    }
}

/// OTLP's name of a status, as the collector writes it.
pub(super) fn status_name(status: Status) -> &'static str {
    match status {
        Status::Unset => "Unset",
        Status::Ok => "Ok",
        Status::Error => "Error",
    }
}
