//! The transcoder against prost and against the corners of JSON.

use super::*;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message as _;
use std::fs;
use std::path::Path;

pub(super) fn fixtures(signal: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp");
    let mut found = Vec::new();
    for library in fs::read_dir(root).unwrap().flatten() {
        let Ok(files) = fs::read_dir(library.path()) else { continue };
        for file in files.flatten() {
            if file.path().display().to_string().ends_with(&format!(".{signal}.pb")) {
                found.push(fs::read(file.path()).unwrap());
            }
        }
    }
    assert!(!found.is_empty());
    found
}

fn traces(json: &str) -> Result<(ExportTraceServiceRequest, Rejected), JsonError> {
    let transcoded =
        transcode(Signal::Traces, json.as_bytes(), limits::REQUEST_ITEMS, &mut |_| true)?;
    Ok((ExportTraceServiceRequest::decode(&transcoded.body[..]).unwrap(), transcoded.rejected))
}

/// A request with one span that holds `fields` beside its ids.
fn one_span(fields: &str) -> String {
    format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{
            "traceId":"5b8efff798038103d269b633813fc60c","spanId":"EEE19B7EC3C1B174",{fields}
        }}]}}]}}]}}"#
    )
}

fn attribute(value: &str) -> Any {
    let json = one_span(&format!(r#""attributes":[{{"key":"k","value":{value}}}]"#));
    let (request, rejected) = traces(&json).unwrap();
    assert_eq!(rejected, Rejected::default(), "{value}");
    let span = &request.resource_spans[0].scope_spans[0].spans[0];
    span.attributes[0].value.as_ref().unwrap().value.clone().unwrap()
}

macro_rules! round_trips {
    ($signal:literal, $kind:expr, $request:ty) => {
        for body in fixtures($signal) {
            let theirs = <$request>::decode(&body[..]).unwrap();
            let json = serde_json::to_vec(&theirs).unwrap();
            let ours = transcode($kind, &json, limits::REQUEST_ITEMS, &mut |_| true).unwrap();
            assert_eq!(ours.rejected, Rejected::default());
            assert_eq!(<$request>::decode(&ours.body[..]).unwrap(), theirs);
        }
    };
}

#[test]
fn recorded_bodies_survive_the_detour_over_json() {
    round_trips!("traces", Signal::Traces, ExportTraceServiceRequest);
    round_trips!("metrics", Signal::Metrics, ExportMetricsServiceRequest);
    round_trips!("logs", Signal::Logs, ExportLogsServiceRequest);
}

#[test]
fn values_of_every_kind() {
    assert_eq!(attribute(r#"{"stringValue":""}"#), Any::StringValue(String::new()));
    assert_eq!(attribute(r#"{"boolValue":false}"#), Any::BoolValue(false));
    assert_eq!(attribute(r#"{"intValue":"-9223372036854775808"}"#), Any::IntValue(i64::MIN));
    assert_eq!(attribute(r#"{"intValue":7}"#), Any::IntValue(7));
    assert_eq!(attribute(r#"{"intValue":1e3}"#), Any::IntValue(1_000));
    assert_eq!(attribute(r#"{"doubleValue":0.1}"#), Any::DoubleValue(0.1));
    assert_eq!(attribute(r#"{"doubleValue":3}"#), Any::DoubleValue(3.0));
    assert_eq!(attribute(r#"{"doubleValue":"-Infinity"}"#), Any::DoubleValue(f64::NEG_INFINITY));
    let Any::DoubleValue(number) = attribute(r#"{"doubleValue":"NaN"}"#) else { panic!() };
    assert!(number.is_nan());
    for text in ["+/8=", "-_8", "-_8="] {
        let value = attribute(&format!(r#"{{"bytesValue":"{text}"}}"#));
        assert_eq!(value, Any::BytesValue(vec![0xfb, 0xff]), "{text}");
    }
    let Any::ArrayValue(array) = attribute(r#"{"arrayValue":{}}"#) else { panic!() };
    assert!(array.values.is_empty());
    let nested = r#"{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[
        {"intValue":1},null,{}]}}}]}}"#;
    let Any::KvlistValue(map) = attribute(nested) else { panic!() };
    let inner = map.values[0].value.as_ref().unwrap().value.as_ref().unwrap();
    let Any::ArrayValue(array) = inner else { panic!() };
    assert_eq!(array.values.len(), 2);
}

#[test]
fn text_with_escapes_and_lone_surrogates() {
    let text = attribute(r#"{"stringValue":"a\n\u00e9\ud83d\ude00\u0000"}"#);
    assert_eq!(text, Any::StringValue("a\né😀\0".to_owned()));
    let Any::StringValue(text) = attribute(r#"{"stringValue":"cut \ud83d"}"#) else { panic!() };
    assert!(text.starts_with("cut \u{fffd}"), "{text}");
}

#[test]
fn null_and_empty_and_unknown_are_absent() {
    let json = one_span(
        r#""name":null,"attributes":null,"events":[],"status":{},"links":[null],"kind":null,
        "parentSpanId":"","later":{"deep":[1,{"x":[]}]},"start_time_unix_nano":"7","flags":256"#,
    );
    let (request, rejected) = traces(&json).unwrap();
    let span = &request.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!(rejected, Rejected::default());
    assert_eq!((span.name.as_str(), span.flags, span.start_time_unix_nano), ("", 256, 0));
    assert!(span.status.is_some() && span.links.is_empty() && span.parent_span_id.is_empty());
    for empty in ["", " \n", "{}", r#"{"resourceSpans":[]}"#, r#"{"resourceSpans":null}"#] {
        assert_eq!(traces(empty).unwrap().0, ExportTraceServiceRequest::default(), "{empty:?}");
    }
}

#[test]
fn enums_by_number_and_by_name() {
    for (kind, number) in [("3", 3), (r#""SPAN_KIND_CLIENT""#, 3), (r#""2""#, 2), ("99", 99)] {
        let (request, _) = traces(&one_span(&format!(r#""kind":{kind}"#))).unwrap();
        assert_eq!(request.resource_spans[0].scope_spans[0].spans[0].kind, number);
    }
    assert_eq!(scalar_severity("SEVERITY_NUMBER_ERROR2"), 18);
}

fn scalar_severity(name: &str) -> i32 {
    let json = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"severityNumber":"{name}"}}]}}]}}]}}"#
    );
    let body = transcode(Signal::Logs, json.as_bytes(), limits::REQUEST_ITEMS, &mut |_| true)
        .unwrap()
        .body;
    let request = ExportLogsServiceRequest::decode(&body[..]).unwrap();
    request.resource_logs[0].scope_logs[0].log_records[0].severity_number
}

#[test]
fn a_bad_value_spoils_its_own_span_only() {
    let good = r#"{"traceId":"01","spanId":"02","name":"good"}"#;
    let cases = [
        (r#"{"traceId":"nothex!!","name":"bad"}"#, 1, 0),
        (r#"{"traceId":"123"}"#, 1, 0),
        (r#"{"startTimeUnixNano":"-1"}"#, 0, 1),
        (r#"{"startTimeUnixNano":"yesterday"}"#, 0, 1),
        (r#"{"endTimeUnixNano":[1,[2]]}"#, 0, 1),
        (r#"{"kind":{"a":{}}}"#, 0, 1),
        (r#"{"flags":4294967296}"#, 0, 1),
        (r#"{"attributes":[{"key":"k","value":{"bytesValue":"*"}}]}"#, 0, 1),
        (r#"{"attributes":[{"key":"k","value":{"intValue":1.5}}]}"#, 0, 1),
    ];
    for (bad, ids, values) in cases {
        let json = format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{good},{bad},{good}]}}]}}]}}"#
        );
        let (request, rejected) = traces(&json).unwrap();
        assert_eq!((rejected.invalid_ids, rejected.invalid_values), (ids, values), "{bad}");
        assert!(rejected.message.is_some());
        let spans = &request.resource_spans[0].scope_spans[0].spans;
        assert!(spans.len() == 2 && spans.iter().all(|span| span.name == "good"));
    }
}

#[test]
fn what_cannot_be_read_spoils_the_request() {
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    let array = one_span(&format!(
        r#""attributes":[{{"key":"k","value":{}}}]"#,
        deep(r#"{"arrayValue":{"values":["#, "]}}")
    ));
    for bad in [
        "{",
        "[]",
        "null",
        "{}x",
        r#"{"resourceSpans":{}}"#,
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":5}]}]}]}"#,
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[1]}]}]}"#,
        r#"{"resourceSpans":[{"resource":{"droppedAttributesCount":-1}}]}"#,
        &array,
        &deep("[", "]"),
    ] {
        let error = traces(bad).unwrap_err();
        assert!(matches!(error, JsonError::Malformed(_)), "{bad:.60}: {error}");
    }
    let json = b"{\"a\":\"\xff\"}";
    let error = transcode(Signal::Traces, json, limits::REQUEST_ITEMS, &mut |_| true).unwrap_err();
    assert!(matches!(error, JsonError::Malformed(_)));
    // Fields that nobody knows may be as deep as they like.
    let ignored = format!(r#"{{"unknown":{}}}"#, deep("[", "]"));
    assert_eq!(traces(&ignored).unwrap().0, ExportTraceServiceRequest::default());
}

#[test]
fn log_records_and_events_as_they_are_sent() {
    let json = r#"{"resourceLogs":[{
        "resource":{"attributes":[{"key":"service.name","value":{"stringValue":"planner"}}]},
        "scopeLogs":[{"scope":{"name":"agents","version":"2","attributes":[]},"logRecords":[
            {"timeUnixNano":"1700000000000000001","observedTimeUnixNano":1700000000000000002,
             "severityNumber":17,"severityText":"Error","flags":1,
             "traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174",
             "body":{"stringValue":"it broke"},"droppedAttributesCount":2},
            {"eventName":"gen_ai.choice","body":{"kvlistValue":{"values":[
                {"key":"index","value":{"intValue":"0"}}]}}}]}],
        "schemaUrl":"https://example.com/1"}]}"#;
    let body = transcode(Signal::Logs, json.as_bytes(), limits::REQUEST_ITEMS, &mut |_| true)
        .unwrap()
        .body;
    let request = ExportLogsServiceRequest::decode(&body[..]).unwrap();
    let group = &request.resource_logs[0];
    assert_eq!(group.schema_url, "https://example.com/1");
    let records = &group.scope_logs[0].log_records;
    assert_eq!(records[0].time_unix_nano, 1_700_000_000_000_000_001);
    assert_eq!(records[0].observed_time_unix_nano, 1_700_000_000_000_000_002);
    assert_eq!((records[0].severity_number, records[0].flags), (17, 1));
    assert_eq!((records[0].trace_id[0], records[0].span_id[0]), (0x5b, 0xee));
    assert_eq!(records[0].dropped_attributes_count, 2);
    assert_eq!(records[1].event_name, "gen_ai.choice");
}

#[test]
fn amplification_is_bounded() {
    let spans = vec!["{}"; limits::REQUEST_ITEMS + 1].join(",");
    let json = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#);
    assert_eq!(
        traces(&json).unwrap_err(),
        JsonError::TooMany(CountError::TooManyItems(limits::REQUEST_ITEMS))
    );

    // One digit and a comma become eight bytes: room is asked for, and may be denied.
    let counts = vec!["1"; 200_000].join(",");
    let json = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[
            {{"bucketCounts":[{counts}]}}]}}}}]}}]}}]}}"#
    );
    let mut asked = 0;
    let mut room = |more| {
        asked += more;
        asked < 10 << 20
    };
    let body =
        transcode(Signal::Metrics, json.as_bytes(), limits::REQUEST_ITEMS, &mut room).unwrap().body;
    assert!(body.len() > json.len() && asked > 0);
    let denied = transcode(Signal::Metrics, json.as_bytes(), limits::REQUEST_ITEMS, &mut |_| false);
    assert_eq!(denied.unwrap_err(), JsonError::TooLarge);
}

#[test]
fn the_points_of_every_metric_kind() {
    let json = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[
        {"name":"g","gauge":{"dataPoints":[{"asInt":"-3","timeUnixNano":"1"}]}},
        {"name":"s","sum":{"aggregationTemporality":2,"isMonotonic":true,
            "dataPoints":[{"asDouble":"Infinity"}]}},
        {"name":"h","histogram":{"dataPoints":[{"count":"3","sum":1.5,"min":0,
            "bucketCounts":["1",2],"explicitBounds":[0.5]}]}},
        {"name":"e","exponentialHistogram":{"dataPoints":[{"scale":-2,"count":1,
            "positive":{"offset":-1,"bucketCounts":["1","0"]}}]}},
        {"name":"q","summary":{"dataPoints":[{"quantileValues":[{"quantile":0.5,"value":2}]}]}}
    ]}]}]}"#;
    let body = transcode(Signal::Metrics, json.as_bytes(), limits::REQUEST_ITEMS, &mut |_| true)
        .unwrap()
        .body;
    let request = ExportMetricsServiceRequest::decode(&body[..]).unwrap();
    let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
    let Some(Data::Histogram(histogram)) = &metrics[2].data else { panic!() };
    let point = &histogram.data_points[0];
    assert_eq!((&point.bucket_counts[..], point.min), (&[1, 2][..], Some(0.0)));
    let Some(Data::ExponentialHistogram(histogram)) = &metrics[3].data else { panic!() };
    let point = &histogram.data_points[0];
    let positive = point.positive.as_ref().unwrap();
    assert_eq!((point.scale, positive.offset, &positive.bucket_counts[..]), (-2, -1, &[1, 0][..]));
    let Some(Data::Summary(summary)) = &metrics[4].data else { panic!() };
    assert_eq!(summary.data_points[0].quantile_values[0].value, 2.0);
}
