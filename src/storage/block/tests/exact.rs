//! What is read from a block is what came in.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use super::*;
use crate::storage::layout::BlockPart;

/// Every span with what it came from, decoded by prost, in an order of their own.
fn spans_of(requests: impl IntoIterator<Item = ExportTraceServiceRequest>) -> Vec<String> {
    let mut found = Vec::new();
    for group in requests.into_iter().flat_map(|request| request.resource_spans) {
        for scope in group.scope_spans {
            for mut span in scope.spans {
                // An empty status and none are the same.
                span.status.get_or_insert_default();
                found.push(format!("{:?} {:?} {span:?}", group.resource, scope.scope));
            }
        }
    }
    found.sort();
    found
}

fn restored_spans(block: &Block) -> Vec<String> {
    let mut requests = Vec::new();
    for (group, facts) in block.seal.spans.iter().enumerate() {
        let rows: Vec<usize> = (0..facts.rows as usize).collect();
        let mut seen = 0;
        let visit = &mut |restored: super::super::restore::Restored<'_>| {
            assert_eq!(restored.row, seen);
            seen += 1;
            let mut request = ExportTraceServiceRequest::decode(restored.origin).unwrap();
            let span = Span::decode(restored.record).unwrap();
            request.resource_spans[0].scope_spans[0].spans = vec![span];
            requests.push(request);
            false
        };
        block.restore_spans(group, &rows, visit).unwrap();
        assert_eq!(seen, rows.len());
    }
    spans_of(requests)
}

#[test]
fn recorded_spans_come_back_exactly() {
    let batches = recorded(Signal::Traces);
    let sent =
        batches.iter().map(|batch| ExportTraceServiceRequest::decode(&batch.body[..]).unwrap());
    let sent = spans_of(sent);
    let folder = Folder::new();
    let block = folder.seal(&log_of(&batches));
    assert_eq!(restored_spans(&block), sent);
    assert_eq!(block.seal.span_rows() as usize, sent.len());
    block.verify().unwrap();
}

fn any(value: Any) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

fn text(text: &str) -> Option<AnyValue> {
    any(Any::StringValue(text.to_owned()))
}

fn attribute(key: &str, value: Option<AnyValue>) -> KeyValue {
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// One attribute of every kind, and what is hard to keep of each.
fn hard_attributes() -> Vec<KeyValue> {
    let long =
        format!("[{}]", vec![r#"{"role":"user","content":"a long message, \"[,"}"#; 40].join(","));
    let list = |values| any(Any::ArrayValue(ArrayValue { values }));
    let map = |values| any(Any::KvlistValue(KeyValueList { values }));
    vec![
        attribute("", text("an empty key")),
        attribute("twice", text("1")),
        attribute("twice", text("2")),
        attribute("none", Some(AnyValue { value: None })),
        attribute("int", any(Any::IntValue(i64::MIN))),
        attribute("nan", any(Any::DoubleValue(f64::INFINITY))),
        attribute("double", any(Any::DoubleValue(1.0))),
        attribute("no", any(Any::BoolValue(false))),
        attribute("bytes", any(Any::BytesValue(vec![0, 255]))),
        attribute("long bytes", any(Any::BytesValue(vec![7; 900]))),
        attribute("long", text(&long)),
        attribute("long again", text(&long)),
        attribute("longer", text(&format!("{}, more]", &long[..long.len() - 1]))),
        attribute("list", list(vec![text("a").unwrap(), any(Any::IntValue(1)).unwrap()])),
        attribute("long list", list(vec![text(&long).unwrap(); 3])),
        attribute("map", map(vec![attribute("b", text("1")), attribute("a", text("2"))])),
        attribute(
            "sorted",
            map(vec![attribute("a", list(Vec::new())), attribute("b", text(&long))]),
        ),
        attribute("NUL", text("\0\u{1f980}")),
    ]
}

#[test]
fn hostile_spans_come_back_exactly() {
    let long = "an exception ".repeat(300);
    let event =
        Event { name: "exception".to_owned(), attributes: hard_attributes(), ..Event::default() };
    let plain = Span { trace_id: vec![1; 16], span_id: vec![1; 8], ..Span::default() };
    let link = Link { trace_id: vec![9; 16], span_id: vec![3; 8], ..Link::default() };
    let full = Span {
        span_id: vec![2; 8],
        parent_span_id: vec![1; 8],
        trace_state: "a=b".to_owned(),
        name: long.clone(),
        kind: 9,
        start_time_unix_nano: u64::MAX,
        end_time_unix_nano: 5,
        attributes: hard_attributes(),
        dropped_attributes_count: 3,
        events: vec![event.clone(), Event::default(), event],
        dropped_events_count: 4,
        links: vec![link],
        dropped_links_count: 5,
        status: Some(Status { message: long, code: 2 }),
        flags: 0x101,
        ..plain.clone()
    };
    let odd = Span {
        span_id: vec![3; 8],
        status: Some(Status { code: 7, ..Status::default() }),
        ..plain.clone()
    };
    let scope = ScopeSpans { spans: vec![plain, full, odd], ..ScopeSpans::default() };
    let group = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    let request = ExportTraceServiceRequest { resource_spans: vec![group] };
    let folder = Folder::new();
    let block = folder.seal(&log_of(&[batch(Signal::Traces, request.encode_to_vec())]));
    assert_eq!(restored_spans(&block), spans_of([request]));
    // What is said again and again is stored once.
    let content = block.part(BlockPart::Content).unwrap();
    assert!((0..content.groups()).map(|group| content.rows(group)).sum::<usize>() < 30);
}

#[test]
fn log_records_come_back_exactly_the_earliest_first() {
    let long = "a long body ".repeat(100);
    let record = |time, body: Option<AnyValue>| LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: 77,
        severity_number: 17,
        severity_text: "ERROR".to_owned(),
        event_name: "gen_ai.user.message".to_owned(),
        body,
        attributes: hard_attributes(),
        trace_id: vec![5; 16],
        span_id: vec![6; 8],
        flags: 1,
        dropped_attributes_count: 2,
    };
    let map = KeyValueList { values: vec![attribute("content", text(&long))] };
    let records = vec![
        record(30, text(&long)),
        record(10, any(Any::KvlistValue(map))),
        LogRecord { body: Some(AnyValue { value: None }), ..LogRecord::default() },
    ];
    let scope = ScopeLogs { log_records: records.clone(), ..ScopeLogs::default() };
    let group = ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() };
    let request = ExportLogsServiceRequest { resource_logs: vec![group] };
    let mut batches = recorded(Signal::Logs);
    batches.push(batch(Signal::Logs, request.encode_to_vec()));
    let mut sent: Vec<String> = Vec::new();
    for batch in &batches {
        let request = ExportLogsServiceRequest::decode(&batch.body[..]).unwrap();
        let groups = request.resource_logs.into_iter().flat_map(|group| group.scope_logs);
        for mut record in groups.flat_map(|scope| scope.log_records) {
            record.body.get_or_insert_default();
            sent.push(format!("{record:?}"));
        }
    }
    sent.sort();
    let folder = Folder::new();
    let block = folder.seal(&log_of(&batches));
    let (mut found, mut last) = (Vec::new(), 0);
    let rows: Vec<usize> = (0..block.seal.logs[0].rows as usize).collect();
    let visit = &mut |restored: super::super::restore::Restored<'_>| {
        let mut record = LogRecord::decode(restored.record).unwrap();
        record.body.get_or_insert_default();
        let time = record
            .time_unix_nano
            .max(u64::from(record.time_unix_nano == 0) * record.observed_time_unix_nano);
        assert!(time >= last);
        last = time;
        found.push(format!("{record:?}"));
        false
    };
    block.restore_logs(0, &rows, visit).unwrap();
    found.sort();
    assert_eq!(found, sent);
}
