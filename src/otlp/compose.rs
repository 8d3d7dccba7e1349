//! Export requests made out of spans and log records of our own: the other direction of
//! [`super::read`].

use super::write::{bytes_field, fixed64_field, message_field, varint_field};
use crate::model::{Attribute, Event, LogRecord, Origin, Span, Value};

/// A traces request with these spans, all of one origin.
pub fn traces<'a>(origin: &Origin<'_>, spans: impl IntoIterator<Item = &'a Span<'a>>) -> Vec<u8> {
    let mut request = Vec::new();
    group(&mut request, origin, |out| {
        spans.into_iter().for_each(|it| message_field(out, 2, |out| span(out, it)));
    });
    request
}

/// A logs request with these records, all of one origin.
pub fn logs<'a>(
    origin: &Origin<'_>,
    records: impl IntoIterator<Item = &'a LogRecord<'a>>,
) -> Vec<u8> {
    let mut request = Vec::new();
    group(&mut request, origin, |out| {
        records.into_iter().for_each(|it| message_field(out, 2, |out| log_record(out, it)));
    });
    request
}

/// Appends one group of records of one origin to a request. `records` writes them as fields 2.
/// A request may hold several groups.
pub fn group(request: &mut Vec<u8>, origin: &Origin<'_>, records: impl FnOnce(&mut Vec<u8>)) {
    message_field(request, 1, |out| {
        message_field(out, 1, |out| attributes(out, 1, &origin.resource));
        message_field(out, 2, |out| {
            message_field(out, 1, |out| {
                text_field(out, 1, origin.scope.name);
                text_field(out, 2, origin.scope.version);
                attributes(out, 3, &origin.scope.attributes);
            });
            records(out);
        });
    });
}

/// Appends the fields of a span. Links are written as they were sent.
pub fn span(out: &mut Vec<u8>, span: &Span<'_>) {
    bytes_field(out, 1, span.trace_id.as_bytes());
    bytes_field(out, 2, span.span_id.as_bytes());
    text_field(out, 3, span.trace_state);
    if let Some(parent) = span.parent_span_id {
        bytes_field(out, 4, parent.as_bytes());
    }
    text_field(out, 5, span.name);
    number_field(out, 6, span.kind.number());
    fixed64_field(out, 7, span.start_ns);
    fixed64_field(out, 8, span.end_ns);
    attributes(out, 9, &span.attributes);
    number_field(out, 10, span.dropped_attributes.into());
    for it in &span.events {
        message_field(out, 11, |out| event(out, it));
    }
    for link in &span.links {
        message_field(out, 13, |out| {
            bytes_field(out, 1, link.trace_id);
            bytes_field(out, 2, link.span_id);
            attributes(out, 4, &link.attributes);
        });
    }
    message_field(out, 15, |out| {
        text_field(out, 2, span.status_message);
        number_field(out, 3, span.status.number());
    });
}

/// Appends the fields of a log record.
pub fn log_record(out: &mut Vec<u8>, record: &LogRecord<'_>) {
    fixed64_field(out, 1, record.time_ns);
    number_field(out, 2, record.severity.into());
    text_field(out, 3, record.severity_text);
    if record.body != Value::Empty {
        message_field(out, 5, |out| value(out, &record.body));
    }
    attributes(out, 6, &record.attributes);
    if let Some(trace_id) = record.trace_id {
        bytes_field(out, 9, trace_id.as_bytes());
    }
    if let Some(span_id) = record.span_id {
        bytes_field(out, 10, span_id.as_bytes());
    }
    fixed64_field(out, 11, record.observed_ns);
    text_field(out, 12, record.event_name);
}

/// Appends attributes as repeated fields of this number.
pub fn attributes(out: &mut Vec<u8>, field: u32, attributes: &[Attribute<'_>]) {
    for attribute in attributes {
        message_field(out, field, |out| {
            bytes_field(out, 1, attribute.key.as_bytes());
            message_field(out, 2, |out| value(out, &attribute.value));
        });
    }
}

/// Appends the fields of an `AnyValue`.
pub fn value(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Empty => {}
        Value::Text(text) => bytes_field(out, 1, text.as_bytes()),
        Value::Bool(truth) => varint_field(out, 2, u64::from(*truth)),
        Value::Int(number) => varint_field(out, 3, *number as u64),
        Value::Double(number) => fixed64_field(out, 4, number.to_bits()),
        Value::Array(items) => message_field(out, 5, |out| {
            items.iter().for_each(|item| message_field(out, 1, |out| self::value(out, item)));
        }),
        Value::Map(entries) => message_field(out, 6, |out| attributes(out, 1, entries)),
        Value::Bytes(bytes) => bytes_field(out, 7, bytes),
    }
}

fn event(out: &mut Vec<u8>, event: &Event<'_>) {
    fixed64_field(out, 1, event.time_ns);
    text_field(out, 2, event.name);
    attributes(out, 3, &event.attributes);
}

/// Protobuf leaves out what is empty.
fn text_field(out: &mut Vec<u8>, field: u32, text: &str) {
    if !text.is_empty() {
        bytes_field(out, field, text.as_bytes());
    }
}

fn number_field(out: &mut Vec<u8>, field: u32, number: u64) {
    if number != 0 {
        varint_field(out, field, number);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use prost::Message as _;

    use super::super::read;
    use super::*;
    use crate::model::{Link, Scope, SpanId, SpanKind, Status, TraceId};

    fn values() -> Vec<Attribute<'static>> {
        let nested = Attribute { key: "in", value: Value::Bool(true) };
        let values = [
            Value::Empty,
            Value::Text("a"),
            Value::Bool(false),
            Value::Int(-3),
            Value::Double(0.5),
            Value::Bytes(b"\xff"),
            Value::Array(vec![Value::Int(1), Value::Text("")]),
            Value::Map(vec![nested]),
        ];
        values.into_iter().map(|value| Attribute { key: "k", value }).collect()
    }

    fn origin() -> Origin<'static> {
        let scope = Scope { name: "s", version: "1", attributes: values() };
        Origin { resource: values(), scope }
    }

    #[test]
    fn a_span_reads_back() {
        let span = Span {
            trace_id: TraceId::from_bytes(&[1; 16]).unwrap(),
            span_id: SpanId::from_bytes(&[2; 8]).unwrap(),
            parent_span_id: SpanId::from_bytes(&[3; 8]),
            trace_state: "a=b",
            name: "chat",
            kind: SpanKind::Client,
            start_ns: 5,
            end_ns: 9,
            status: Status::Error,
            status_message: "no",
            attributes: values(),
            dropped_attributes: 4,
            events: vec![Event { time_ns: 6, name: "e", attributes: values() }],
            links: vec![Link { trace_id: &[4; 16], span_id: &[5; 8], attributes: values() }],
        };
        let request = traces(&origin(), [&span]);
        let mut read_back = 0;
        read::spans(&request, |from, read| {
            assert_eq!((from, read), (&origin(), &span));
            read_back += 1;
        })
        .unwrap();
        assert_eq!(read_back, 1);
        let judged = ExportTraceServiceRequest::decode(&request[..]).unwrap();
        assert_eq!(judged.encode_to_vec().len(), request.len());
    }

    #[test]
    fn a_record_reads_back() {
        let record = LogRecord {
            time_ns: 1,
            observed_ns: 2,
            severity: 13,
            severity_text: "WARN",
            event_name: "pharos.x",
            body: Value::Text("said"),
            attributes: values(),
            trace_id: TraceId::from_bytes(&[1; 16]),
            span_id: SpanId::from_bytes(&[2; 8]),
        };
        let request = logs(&origin(), [&record]);
        read::log_records(&request, |from, read| assert_eq!((from, read), (&origin(), &record)))
            .unwrap();
        let judged = ExportLogsServiceRequest::decode(&request[..]).unwrap();
        assert_eq!(judged.resource_logs[0].scope_logs[0].log_records[0].event_name, "pharos.x");
    }
}
