//! Rows as the records that they were made from.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::encode::{AT, ORIGIN, RECORD};
use super::light;
use super::residue::{Columns, OURS, put_pair, put_text, record_of};
use super::row_binary::{Pairs, Values};
use super::schema::Schema;
use crate::model::{Signal, SpanId, TraceId};
use crate::otlp::write;

/// A record and where it comes from, as OTLP.
#[derive(Debug, Clone)]
pub(super) struct Whole {
    /// When and where it came in; empty where Pharos did not write it.
    pub(super) at: String,
    /// The request with resource and scope and one empty record.
    pub(super) origin: Vec<u8>,
    pub(super) record: Vec<u8>,
}

/// What [`read_span`] expects.
pub(super) fn span_columns(schema: &Schema) -> String {
    let column = |name| schema.spans.column(name, "''");
    format!(
        "TraceId, SpanId, ParentSpanId, SpanName, toUnixTimestamp64Nano(Timestamp), \
         toUInt64(Duration), SpanAttributes, `Events.Attributes`, {}, {}, {}, SpanKind, \
         StatusCode, StatusMessage, ResourceAttributes, ServiceName, \
         arrayMap(time -> toUnixTimestamp64Nano(time), `Events.Timestamp`), `Events.Name`, \
         `Links.TraceId`, `Links.SpanId`, `Links.TraceState`, `Links.Attributes`",
        column("TraceState"),
        column("ScopeName"),
        column("ScopeVersion"),
    )
}

/// What [`read_log`] expects.
pub(super) fn log_columns(schema: &Schema) -> String {
    let column = |name, instead| schema.logs.column(name, instead);
    format!(
        "TraceId, SpanId, Body, toUnixTimestamp64Nano(Timestamp), LogAttributes, SeverityText, \
         toUInt64(SeverityNumber), {}, {}, {}, {}, ResourceAttributes, ServiceName",
        column("ScopeName", "''"),
        column("ScopeVersion", "''"),
        column("ScopeAttributes", "mapFilter((key, value) -> 0, LogAttributes)"),
        column("EventName", "''"),
    )
}

/// Reads a span.
pub(super) fn read_span(values: &mut Values<'_>) -> Option<Whole> {
    let (trace_id, span_id, parent_id) = (values.text()?, values.text()?, values.text()?);
    let (name, time_ns, duration_ns) = (values.text()?, values.time()?, values.u64()?);
    let attributes = values.map()?;
    let events = values.list(Values::map)?;
    let rest = SpanRest {
        trace_state: values.text()?,
        scope: (values.text()?, values.text()?),
        kind: values.text()?,
        status: values.text()?,
        message: values.text()?,
        resource: values.map()?,
        service: values.text()?,
        event_times: values.list(Values::time)?,
        event_names: values.list(Values::text)?,
        link_traces: values.list(Values::text)?,
        link_spans: values.list(Values::text)?,
        link_states: values.list(Values::text)?,
        link_attributes: values.list(Values::map)?,
    };
    let columns = Columns {
        trace_id: &trace_id,
        span_id: &span_id,
        parent_id: &parent_id,
        text: &name,
        start_ns: time_ns,
        end_ns: time_ns.saturating_add(duration_ns),
        attributes: &attributes,
        events: &events,
    };
    let ours = kept(Signal::Traces, columns);
    let (origin, record) = ours.unwrap_or_else(|| {
        let origin = origin(&rest.resource, &rest.service, &rest.scope, &[]);
        (origin, rest.record(columns))
    });
    Some(Whole { at: text_of(&attributes, AT).to_owned(), origin, record })
}

/// Reads a log record.
pub(super) fn read_log(values: &mut Values<'_>) -> Option<Whole> {
    let (trace_id, span_id, body) = (values.text()?, values.text()?, values.text()?);
    let (time_ns, attributes) = (values.time()?, values.map()?);
    let (severity_text, severity) = (values.text()?, values.u64()?);
    let scope = (values.text()?, values.text()?);
    let (scope_attributes, event_name) = (values.map()?, values.text()?);
    let (resource, service) = (values.map()?, values.text()?);
    let columns = Columns {
        trace_id: &trace_id,
        span_id: &span_id,
        text: &body,
        start_ns: time_ns,
        attributes: &attributes,
        ..Columns::default()
    };
    let (origin, record) = kept(Signal::Logs, columns).unwrap_or_else(|| {
        let origin = origin(&resource, &service, &scope, &scope_attributes);
        let mut out = Vec::new();
        write::fixed64_field(&mut out, 1, time_ns);
        write::varint_field(&mut out, 2, severity);
        put_present(&mut out, 3, &severity_text);
        put_text(&mut out, 5, &body);
        attributes.iter().for_each(|(key, text)| put_pair(&mut out, 6, key, text));
        put_ids(&mut out, (9, &trace_id), (10, &span_id));
        put_present(&mut out, 12, &event_name);
        (origin, out)
    });
    Some(Whole { at: text_of(&attributes, AT).to_owned(), origin, record })
}

/// The origin and the record of a row that Pharos wrote.
fn kept(signal: Signal, columns: Columns<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    let decode = |key| {
        let text = text_of(columns.attributes, key);
        STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty())
    };
    Some((decode(ORIGIN)?, record_of(signal, &decode(RECORD)?, columns)?))
}

fn text_of<'p>(pairs: &'p [(String, String)], key: &str) -> &'p str {
    pairs.iter().find(|(found, _)| found == key).map_or("", |(_, text)| text)
}

/// The columns of a span that Pharos reads only where it did not write them.
struct SpanRest {
    trace_state: String,
    scope: (String, String),
    kind: String,
    status: String,
    message: String,
    resource: Pairs,
    service: String,
    event_times: Vec<u64>,
    event_names: Vec<String>,
    link_traces: Vec<String>,
    link_spans: Vec<String>,
    link_states: Vec<String>,
    link_attributes: Vec<Pairs>,
}

impl SpanRest {
    /// The span as its columns tell it: all values are texts.
    fn record(&self, columns: Columns<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        put_ids(&mut out, (1, columns.trace_id), (2, columns.span_id));
        put_present(&mut out, 3, &self.trace_state);
        if let Ok(parent) = columns.parent_id.parse::<SpanId>() {
            write::bytes_field(&mut out, 4, parent.as_bytes());
        }
        write::bytes_field(&mut out, 5, columns.text.as_bytes());
        write::varint_field(&mut out, 6, light::kind(&self.kind) as u64);
        write::fixed64_field(&mut out, 7, columns.start_ns);
        write::fixed64_field(&mut out, 8, columns.end_ns);
        let sent = columns.attributes.iter().filter(|(key, _)| !key.starts_with(OURS));
        sent.for_each(|(key, text)| put_pair(&mut out, 9, key, text));
        let events = self.event_times.iter().zip(&self.event_names).zip(columns.events);
        for ((time, name), attributes) in events {
            write::message_field(&mut out, 11, |out| {
                write::fixed64_field(out, 1, *time);
                write::bytes_field(out, 2, name.as_bytes());
                attributes.iter().for_each(|(key, text)| put_pair(out, 3, key, text));
            });
        }
        let links = self.link_traces.iter().zip(&self.link_spans).zip(&self.link_states);
        for (((trace, span), state), attributes) in links.zip(&self.link_attributes) {
            write::message_field(&mut out, 13, |out| {
                put_ids(out, (1, trace), (2, span));
                put_present(out, 3, state);
                attributes.iter().for_each(|(key, text)| put_pair(out, 4, key, text));
            });
        }
        write::message_field(&mut out, 15, |out| {
            put_present(out, 2, &self.message);
            write::varint_field(out, 3, light::status(&self.status) as u64);
        });
        out
    }
}

fn put_ids(out: &mut Vec<u8>, (trace_field, trace): (u32, &str), (span_field, span): (u32, &str)) {
    if let Ok(id) = trace.parse::<TraceId>() {
        write::bytes_field(out, trace_field, id.as_bytes());
    }
    if let Ok(id) = span.parse::<SpanId>() {
        write::bytes_field(out, span_field, id.as_bytes());
    }
}

fn put_present(out: &mut Vec<u8>, field: u32, text: &str) {
    if !text.is_empty() {
        write::bytes_field(out, field, text.as_bytes());
    }
}

/// A request with this resource and scope and one empty record.
fn origin(
    resource: &Pairs,
    service: &str,
    scope: &(String, String),
    attributes: &[(String, String)],
) -> Vec<u8> {
    let mut request = Vec::new();
    write::message_field(&mut request, 1, |out| {
        write::message_field(out, 1, |out| {
            if text_of(resource, "service.name").is_empty() && !service.is_empty() {
                put_pair(out, 1, "service.name", service);
            }
            resource.iter().for_each(|(key, text)| put_pair(out, 1, key, text));
        });
        write::message_field(out, 2, |out| {
            write::message_field(out, 1, |out| {
                put_present(out, 1, &scope.0);
                put_present(out, 2, &scope.1);
                attributes.iter().for_each(|(key, text)| put_pair(out, 3, key, text));
            });
            write::bytes_field(out, 2, &[]);
        });
    });
    request
}
