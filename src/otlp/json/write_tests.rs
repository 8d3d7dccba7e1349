//! What is written, read by us and by `opentelemetry_proto`.

use super::tests::fixtures;
use super::*;
use crate::otlp::wire::WireError;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use proptest::prelude::*;
use prost::Message as _;

fn written(signal: Signal, body: &[u8]) -> String {
    let mut json = Vec::new();
    write(signal, body, &mut json).unwrap();
    String::from_utf8(json).unwrap()
}

macro_rules! round_trips {
    ($signal:literal, $kind:expr, $request:ty) => {
        for body in fixtures($signal) {
            let sent = <$request>::decode(&body[..]).unwrap();
            let json = written($kind, &body);
            assert!(!json.contains('\n'));
            let ours = transcode($kind, json.as_bytes(), limits::REQUEST_ITEMS, &mut |_| true);
            let ours = ours.unwrap();
            assert_eq!(ours.rejected, Rejected::default());
            assert_eq!(<$request>::decode(&ours.body[..]).unwrap(), sent);
            assert_eq!(serde_json::from_str::<$request>(&json).unwrap(), sent, "{json}");
        }
    };
}

#[test]
fn recorded_bodies_are_read_back_by_us_and_by_others() {
    round_trips!("traces", Signal::Traces, ExportTraceServiceRequest);
    round_trips!("metrics", Signal::Metrics, ExportMetricsServiceRequest);
    round_trips!("logs", Signal::Logs, ExportLogsServiceRequest);
}

#[test]
fn a_span_in_the_form_of_the_collector() {
    let span = Span {
        trace_id: (0..16).collect(),
        span_id: vec![0xee; 8],
        name: "a \"name\"\n\u{1}é".to_owned(),
        kind: 3,
        start_time_unix_nano: 1_700_000_000_000_000_001,
        flags: 0x101,
        attributes: vec![KeyValue {
            key: "k".to_owned(),
            value: Some(AnyValue { value: Some(Any::IntValue(-7)) }),
            ..KeyValue::default()
        }],
        ..Span::default()
    };
    let scope = ScopeSpans { spans: vec![span], ..ScopeSpans::default() };
    let group = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    let body = ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec();
    let expected = concat!(
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"#,
        r#""traceId":"000102030405060708090a0b0c0d0e0f","spanId":"eeeeeeeeeeeeeeee","#,
        r#""name":"a \"name\"\n\u0001é","kind":3,"startTimeUnixNano":"1700000000000000001","#,
        r#""attributes":[{"key":"k","value":{"intValue":"-7"}}],"flags":257}]}]}]}"#,
    );
    assert_eq!(written(Signal::Traces, &body), expected);
    assert_eq!(written(Signal::Logs, b""), "{}");
}

/// A request with one span, which holds the raw fields given.
fn request(span: &[u8]) -> Vec<u8> {
    [2, 2, 1].iter().fold(span.to_vec(), |content, field| {
        let mut message = Vec::new();
        bytes_field(&mut message, *field, &content);
        message
    })
}

#[test]
fn fields_that_stand_twice_follow_protobufs_rules() {
    // The kind twice, a status in two parts around a name, an unknown field.
    let span = b"\x30\x01\x7a\x02\x18\x02\x2a\x01a\x7a\x03\x12\x01m\x30\x02\xf8\x07\x05";
    let expected = r#"{"name":"a","kind":2,"status":{"message":"m","code":2}}"#;
    assert!(written(Signal::Traces, &request(span)).contains(expected));
    // A value that is first a text and then a boolean.
    let span = b"\x4a\x09\x0a\x00\x12\x05\x0a\x01x\x10\x00";
    let expected = r#"{"key":"","value":{"boolValue":false}}"#;
    let json = written(Signal::Traces, &request(span));
    assert!(json.contains(expected), "{json}");
    // Text that is none.
    assert!(written(Signal::Traces, &request(b"\x2a\x02\xffa")).contains("\"\u{fffd}a\""));
}

#[test]
fn what_is_no_message_is_an_error() {
    let deep = (0..200).fold(Vec::new(), |content, _| {
        let (mut list, mut value) = (Vec::new(), Vec::new());
        bytes_field(&mut list, 1, &content);
        bytes_field(&mut value, 5, &list);
        value
    });
    let (mut attribute, mut span) = (Vec::new(), Vec::new());
    bytes_field(&mut attribute, 2, &deep);
    bytes_field(&mut span, 9, &attribute);
    for (span, expected) in [
        (&b"\x2a\x09a"[..], WireError::Truncated),
        (b"\x28\x01", WireError::WrongType),
        (b"\x32\x00", WireError::WrongType),
        (&span, WireError::TooDeep),
    ] {
        let error = write(Signal::Traces, &request(span), &mut Vec::new()).unwrap_err();
        assert_eq!(error, expected);
    }
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let some = |value| AnyValue { value: Some(value) };
    let leaf = prop_oneof![
        Just(AnyValue { value: None }),
        ".{0,12}".prop_map(move |text| some(Any::StringValue(text))),
        any::<bool>().prop_map(move |truth| some(Any::BoolValue(truth))),
        any::<i64>().prop_map(move |number| some(Any::IntValue(number))),
        any::<f64>().prop_map(move |number| some(Any::DoubleValue(number))),
        prop::collection::vec(any::<u8>(), 0..6)
            .prop_map(move |bytes| some(Any::BytesValue(bytes))),
    ];
    leaf.prop_recursive(6, 24, 4, move |inner| {
        let entry = (".{0,5}", inner.clone()).prop_map(|(key, value)| KeyValue {
            key,
            value: Some(value),
            ..KeyValue::default()
        });
        prop_oneof![
            prop::collection::vec(inner, 0..4)
                .prop_map(move |values| some(Any::ArrayValue(ArrayValue { values }))),
            prop::collection::vec(entry, 0..4)
                .prop_map(move |values| some(Any::KvlistValue(KeyValueList { values }))),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_is_read_back(value in any_value(), kind in any::<i32>(), time in any::<u64>()) {
        let attribute = KeyValue { value: Some(value), ..KeyValue::default() };
        let span = Span {
            kind,
            start_time_unix_nano: time,
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            attributes: vec![attribute],
            ..Span::default()
        };
        let body = request(&span.encode_to_vec());
        let json = written(Signal::Traces, &body);
        let back = transcode(Signal::Traces, json.as_bytes(), 1, &mut |_| true).unwrap();
        prop_assert_eq!(&back.rejected, &Rejected::default());
        let back = ExportTraceServiceRequest::decode(&back.body[..]).unwrap();
        // Not a number is not equal to itself, but it is written alike.
        let sent = ExportTraceServiceRequest::decode(&body[..]).unwrap();
        prop_assert_eq!(format!("{back:?}"), format!("{sent:?}"));
    }
}
