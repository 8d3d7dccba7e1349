//! Lending spans and log records out of an export request, without copying text.
//!
//! The three requests share one layout: resources (field 1) hold scopes (field 2) hold records
//! (field 2). `records` walks it; `span` and `log_record` read one record.

use super::wire::{Content, Fields, WireError};
use crate::limits;
use crate::model::{
    Attribute, Event, Link, LogRecord, Origin, Scope, Span, SpanId, SpanKind, Status, TraceId,
    Value,
};

/// Calls `visit` with every span of a traces request and where it came from.
pub fn spans<'a>(
    batch: &'a [u8],
    mut visit: impl FnMut(&Origin<'a>, &Span<'a>),
) -> Result<(), WireError> {
    records(batch, |origin, bytes| {
        visit(origin, &span(bytes)?);
        Ok(())
    })
}

/// Calls `visit` with every span that can be read, where it came from and its bytes.
pub fn spans_and_bytes<'a>(
    batch: &'a [u8],
    mut visit: impl FnMut(&Origin<'a>, &Span<'a>, &'a [u8]),
) -> Result<(), WireError> {
    records(batch, |origin, bytes| {
        if let Ok(span) = span(bytes) {
            visit(origin, &span, bytes);
        }
        Ok(())
    })
}

/// Calls `visit` with every record of a logs request and where it came from.
pub fn log_records<'a>(
    batch: &'a [u8],
    mut visit: impl FnMut(&Origin<'a>, &LogRecord<'a>),
) -> Result<(), WireError> {
    records(batch, |origin, bytes| {
        visit(origin, &log_record(bytes)?);
        Ok(())
    })
}

/// Calls `visit` with the bytes of every span, log record or metric of a request.
pub fn records<'a>(
    batch: &'a [u8],
    mut visit: impl FnMut(&Origin<'a>, &'a [u8]) -> Result<(), WireError>,
) -> Result<(), WireError> {
    for resource_group in messages(batch, 1) {
        let resource_group = resource_group?;
        // The resource may stand behind its scopes: nothing in protobuf orders fields.
        let mut origin = Origin { resource: resource(resource_group)?, scope: Scope::default() };
        for scope_group in messages(resource_group, 2) {
            let scope_group = scope_group?;
            origin.scope = scope(scope_group)?;
            for record in messages(scope_group, 2) {
                visit(&origin, record?)?;
            }
        }
    }
    Ok(())
}

/// The submessages of one field of a message.
pub fn messages(message: &[u8], number: u32) -> impl Iterator<Item = Result<&[u8], WireError>> {
    Fields::of(message).filter_map(move |field| match field {
        Ok(field) if field.number == number => Some(field.content.bytes()),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    })
}

fn resource(resource_group: &[u8]) -> Result<Vec<Attribute<'_>>, WireError> {
    let mut attributes = Vec::new();
    for resource in messages(resource_group, 1) {
        for entry in messages(resource?, 1) {
            attributes.push(attribute(entry?, 0)?);
        }
    }
    Ok(attributes)
}

fn scope(scope_group: &[u8]) -> Result<Scope<'_>, WireError> {
    let mut scope = Scope::default();
    for message in messages(scope_group, 1) {
        for field in Fields::of(message?) {
            let field = field?;
            match field.number {
                1 => scope.name = field.content.text()?,
                2 => scope.version = field.content.text()?,
                3 => scope.attributes.push(attribute(field.content.bytes()?, 0)?),
                _ => {}
            }
        }
    }
    Ok(scope)
}

/// Reads one span. Errors name the first thing that is wrong with it.
pub fn span(bytes: &[u8]) -> Result<Span<'_>, WireError> {
    let (mut trace_id, mut span_id) = (None, None);
    let mut attributes = Vec::with_capacity(16);
    let (mut events, mut links) = (Vec::new(), Vec::new());
    let (mut trace_state, mut name, mut status_message) = ("", "", "");
    let (mut kind, mut status) = (SpanKind::default(), Status::default());
    let (mut parent_span_id, mut start_ns, mut end_ns, mut dropped_attributes) = (None, 0, 0, 0);
    for field in Fields::of(bytes) {
        let field = field?;
        let content = field.content;
        match field.number {
            1 => trace_id = TraceId::from_bytes(content.bytes()?),
            2 => span_id = SpanId::from_bytes(content.bytes()?),
            3 => trace_state = content.text()?,
            4 => parent_span_id = SpanId::from_bytes(content.bytes()?),
            5 => name = content.text()?,
            6 => kind = SpanKind::from_number(content.varint()?),
            7 => start_ns = content.fixed64()?,
            8 => end_ns = content.fixed64()?,
            9 => attributes.push(attribute(content.bytes()?, 0)?),
            10 => dropped_attributes = saturating_u32(content.varint()?),
            11 => events.push(event(content.bytes()?)?),
            13 => links.push(link(content.bytes()?)?),
            15 => (status, status_message) = span_status(content.bytes()?)?,
            _ => {}
        }
    }
    Ok(Span {
        trace_id: trace_id.ok_or(WireError::InvalidId)?,
        span_id: span_id.ok_or(WireError::InvalidId)?,
        parent_span_id,
        trace_state,
        name,
        kind,
        start_ns,
        end_ns,
        status,
        status_message,
        attributes,
        dropped_attributes,
        events,
        links,
    })
}

/// Reads one log record.
pub fn log_record(bytes: &[u8]) -> Result<LogRecord<'_>, WireError> {
    let mut record = LogRecord {
        time_ns: 0,
        observed_ns: 0,
        severity: 0,
        severity_text: "",
        event_name: "",
        body: Value::Empty,
        attributes: Vec::new(),
        trace_id: None,
        span_id: None,
    };
    for field in Fields::of(bytes) {
        let field = field?;
        let content = field.content;
        match field.number {
            1 => record.time_ns = content.fixed64()?,
            2 => record.severity = saturating_u32(content.varint()?),
            3 => record.severity_text = content.text()?,
            5 => record.body = value(content.bytes()?, 0)?,
            6 => record.attributes.push(attribute(content.bytes()?, 0)?),
            9 => record.trace_id = TraceId::from_bytes(content.bytes()?),
            10 => record.span_id = SpanId::from_bytes(content.bytes()?),
            11 => record.observed_ns = content.fixed64()?,
            12 => record.event_name = content.text()?,
            _ => {}
        }
    }
    Ok(record)
}

/// Reads one `KeyValue`; `depth` is the nesting already behind it.
pub fn attribute(bytes: &[u8], depth: usize) -> Result<Attribute<'_>, WireError> {
    let mut attribute = Attribute { key: "", value: Value::Empty };
    for field in Fields::of(bytes) {
        let field = field?;
        match field.number {
            1 => attribute.key = field.content.text()?,
            2 => attribute.value = value(field.content.bytes()?, depth)?,
            _ => {}
        }
    }
    Ok(attribute)
}

/// Reads one `AnyValue`; `depth` is the nesting already behind it.
pub fn value(bytes: &[u8], depth: usize) -> Result<Value<'_>, WireError> {
    if depth > limits::VALUE_DEPTH {
        return Err(WireError::TooDeep);
    }
    let mut value = Value::Empty;
    for field in Fields::of(bytes) {
        let field = field?;
        value = match (field.number, field.content) {
            (1, content) => Value::Text(content.text()?),
            (2, content) => Value::Bool(content.varint()? != 0),
            // An int64 travels as the two's complement of its 64 bits.
            (3, content) => Value::Int(content.varint()?.cast_signed()),
            (4, content) => Value::Double(f64::from_bits(content.fixed64()?)),
            (5, content) => Value::Array(array(content, depth)?),
            (6, content) => Value::Map(map(content, depth)?),
            (7, content) => Value::Bytes(content.bytes()?),
            _ => value,
        };
    }
    Ok(value)
}

fn array(content: Content<'_>, depth: usize) -> Result<Vec<Value<'_>>, WireError> {
    messages(content.bytes()?, 1).map(|item| value(item?, depth + 1)).collect()
}

fn map(content: Content<'_>, depth: usize) -> Result<Vec<Attribute<'_>>, WireError> {
    messages(content.bytes()?, 1).map(|item| attribute(item?, depth + 1)).collect()
}

fn event(bytes: &[u8]) -> Result<Event<'_>, WireError> {
    let mut event = Event { time_ns: 0, name: "", attributes: Vec::new() };
    for field in Fields::of(bytes) {
        let field = field?;
        match field.number {
            1 => event.time_ns = field.content.fixed64()?,
            2 => event.name = field.content.text()?,
            3 => event.attributes.push(attribute(field.content.bytes()?, 0)?),
            _ => {}
        }
    }
    Ok(event)
}

fn link(bytes: &[u8]) -> Result<Link<'_>, WireError> {
    let mut link = Link { trace_id: &[], span_id: &[], attributes: Vec::new() };
    for field in Fields::of(bytes) {
        let field = field?;
        match field.number {
            1 => link.trace_id = field.content.bytes()?,
            2 => link.span_id = field.content.bytes()?,
            4 => link.attributes.push(attribute(field.content.bytes()?, 0)?),
            _ => {}
        }
    }
    Ok(link)
}

fn span_status(bytes: &[u8]) -> Result<(Status, &str), WireError> {
    let (mut status, mut message) = (Status::default(), "");
    for field in Fields::of(bytes) {
        let field = field?;
        match field.number {
            2 => message = field.content.text()?,
            3 => status = Status::from_number(field.content.varint()?),
            _ => {}
        }
    }
    Ok((status, message))
}

fn saturating_u32(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
    use prost::Message;
    use std::fs;
    use std::path::Path;

    fn fixtures(signal: &str) -> Vec<(String, Vec<u8>)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp");
        let mut found = Vec::new();
        for library in fs::read_dir(root).unwrap().flatten() {
            let Ok(files) = fs::read_dir(library.path()) else { continue };
            for file in files.flatten() {
                let name = file.path().display().to_string();
                if name.ends_with(&format!(".{signal}.pb")) {
                    found.push((name, fs::read(file.path()).unwrap()));
                }
            }
        }
        assert!(!found.is_empty());
        found
    }

    /// What prost decodes from the recorded bodies, we read as well.
    #[test]
    fn agrees_with_prost_on_recorded_bodies() {
        for (name, body) in fixtures("traces") {
            let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
            let mut expected = Vec::new();
            for group in &request.resource_spans {
                for scope in &group.scope_spans {
                    expected.extend(scope.spans.iter().map(|span| (group, scope, span)));
                }
            }
            let mut seen = 0;
            spans(&body, |origin, span| {
                let (group, scope, theirs) = expected[seen];
                seen += 1;
                let resource = group.resource.as_ref().unwrap();
                assert_eq!(origin.resource.len(), resource.attributes.len());
                assert_eq!(origin.scope.name, scope.scope.as_ref().unwrap().name);
                assert_eq!(span.name, theirs.name, "{name}");
                assert_eq!(span.start_ns, theirs.start_time_unix_nano);
                assert_eq!(span.end_ns, theirs.end_time_unix_nano);
                assert_eq!(span.trace_id.as_bytes()[..], theirs.trace_id[..]);
                assert_eq!(span.events.len(), theirs.events.len());
                assert_eq!(span.attributes.len(), theirs.attributes.len());
                for (ours, theirs) in span.attributes.iter().zip(&theirs.attributes) {
                    assert_eq!(ours.key, theirs.key);
                    let theirs = theirs.value.as_ref().and_then(|value| value.value.as_ref());
                    match (&ours.value, theirs) {
                        (Value::Text(a), Some(Any::StringValue(b))) => assert_eq!(a, b),
                        (Value::Int(a), Some(Any::IntValue(b))) => assert_eq!(a, b),
                        (Value::Double(a), Some(Any::DoubleValue(b))) => assert_eq!(a, b),
                        (Value::Bool(a), Some(Any::BoolValue(b))) => assert_eq!(a, b),
                        (Value::Array(a), Some(Any::ArrayValue(b))) => {
                            assert_eq!(a.len(), b.values.len());
                        }
                        (ours, theirs) => panic!("{ours:?} is not {theirs:?}"),
                    }
                }
            })
            .unwrap();
            assert_eq!(seen, expected.len());
        }
    }
}
