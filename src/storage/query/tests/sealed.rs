//! The same questions to the log and to the block that it becomes have the same answers.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use super::*;
use crate::model::Signal;
use crate::storage::block::double::Shelves;

fn values() -> Vec<Any> {
    let text = |text: &str| Any::StringValue(text.to_owned());
    let list = |values: Vec<Any>| {
        let values = values.into_iter().map(|value| AnyValue { value: Some(value) });
        Any::ArrayValue(ArrayValue { values: values.collect() })
    };
    let long = "a long text with \"quotes\" and größe ".repeat(9);
    vec![
        text("plain"),
        text(""),
        text("7"),
        text(&long),
        Any::IntValue(7),
        Any::DoubleValue(7.0),
        Any::DoubleValue(0.25),
        Any::DoubleValue(f64::NAN),
        Any::DoubleValue(f64::NEG_INFINITY),
        Any::BoolValue(true),
        Any::BytesValue(vec![0xab, 1]),
        Any::BytesValue(vec![0xcd; 400]),
        list(vec![text("stop"), text("a \"b\" é"), Any::IntValue(7), Any::DoubleValue(1.0)]),
        list(vec![text(&long), text("other")]),
        list(Vec::new()),
    ]
}

fn batch() -> crate::storage::Batch {
    let attribute = |key: &str, value: Any| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    };
    let spans = values().into_iter().enumerate().map(|(place, value)| {
        let number = place as u8 + 1;
        Span {
            trace_id: trace_id(number).to_vec(),
            span_id: vec![number; 8],
            start_time_unix_nano: 100 + place as u64,
            end_time_unix_nano: 200,
            attributes: vec![attribute("other", Any::IntValue(9)), attribute("key", value)],
            ..Span::default()
        }
    });
    let scope_spans = vec![ScopeSpans { spans: spans.collect(), ..ScopeSpans::default() }];
    let resource = Resource {
        attributes: vec![attribute("where", Any::StringValue("here".to_owned()))],
        ..Resource::default()
    };
    let group = ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() };
    let body = ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec();
    crate::storage::Batch { signal: Signal::Traces, arrived_ns: 5, items: 1, body: body.into() }
}

#[test]
fn a_block_answers_as_the_log_did() {
    let store = Store::new(&[]);
    store.append(&batch(), false);
    store.append(&spans(&[TestSpan { trace: 200, start: 1, ..TestSpan::default() }]), true);
    let long = "a long text with \"quotes\" and größe ".repeat(9);
    let hexadecimal = "cd".repeat(400);
    let wanted = [
        "plain",
        "",
        "7",
        "7.0",
        "7e0",
        "07",
        "0.25",
        "NaN",
        "-inf",
        "true",
        "ab01",
        "AB01",
        "stop",
        "a \"b\" é",
        "1",
        "1.0",
        "o",
        "other",
        "here",
        "9",
        &long,
        &hexadecimal,
    ];
    let questions = |store: &Store| {
        let mut answers = Vec::new();
        for key in ["key", "other", "where", "none"] {
            for value in wanted {
                let attributes = vec![(key.to_owned(), value.to_owned())];
                answers.push(store.search(Filters { attributes, ..Filters::default() }));
            }
        }
        for text in wanted.iter().filter(|text| !text.is_empty()) {
            answers.push(store.search(Filters { text: some(text), ..Filters::default() }));
        }
        answers
    };
    let of_log = questions(&store);
    let shelves = Shelves::open(store._dir.path(), 1);
    let through = shelves.seal_closed(&*store.log);
    store.log.remove_up_to(through);
    let Store { log, index, _dir } = store;
    let sealed = Store { log, index: index.with_blocks(Arc::clone(&shelves.catalog)), _dir };
    assert_eq!(shelves.catalog.status().spans, values().len() as u64);
    let of_block = questions(&sealed);
    let many = wanted.len();
    for (place, (log, block)) in of_log.iter().zip(&of_block).enumerate() {
        assert_eq!(log, block, "question {place} about {:?}", wanted[place % many]);
    }
    assert!(of_log.iter().filter(|answer| !answer.is_empty()).count() > many);
    // A summary is made once and is the same the second time.
    assert_eq!(questions(&sealed), of_block);
}
