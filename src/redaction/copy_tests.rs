//! The copy pass against an independent reading of OTLP.

use std::path::Path;
use std::{env, fs};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use super::{Copied, ItemHead, Reason, RedactionOptions, Redactor, Verdict};
use crate::limits;
use crate::model::Signal;
use crate::otlp::wire::WireError;

fn redactor() -> Redactor {
    Redactor::new(&RedactionOptions::default()).unwrap()
}

fn copy(signal: Signal, body: &[u8]) -> Result<Copied, WireError> {
    redactor().copy(signal, body, &mut |_: &ItemHead<'_>| Verdict::Keep)
}

fn fixtures() -> Vec<(String, Signal, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp");
    let mut found = Vec::new();
    for library in fs::read_dir(root).unwrap().flatten() {
        for file in fs::read_dir(library.path()).into_iter().flatten().flatten() {
            let name = file.path().display().to_string();
            let signal =
                Signal::ALL.into_iter().find(|s| name.ends_with(&format!("{}.pb", s.name())));
            if let Some(signal) = signal {
                found.push((name, signal, fs::read(file.path()).unwrap()));
            }
        }
    }
    assert!(found.len() >= 5);
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

/// Checks that prost decodes it, and gives its reading as text, in which NaN equals NaN.
fn decoded(signal: Signal, body: &[u8]) -> Result<String, prost::DecodeError> {
    Ok(match signal {
        Signal::Traces => format!("{:?}", ExportTraceServiceRequest::decode(body)?),
        Signal::Logs => format!("{:?}", ExportLogsServiceRequest::decode(body)?),
        Signal::Metrics => format!("{:?}", ExportMetricsServiceRequest::decode(body)?),
    })
}

fn text(text: &str) -> AnyValue {
    AnyValue { value: Some(Any::StringValue(text.to_owned())) }
}

fn attribute(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..Default::default() }
}

fn span(number: u8) -> Span {
    Span {
        trace_id: vec![7; 16],
        span_id: vec![number; 8],
        name: format!("span {number}"),
        start_time_unix_nano: 1_000,
        end_time_unix_nano: 2_000,
        attributes: vec![attribute("tool", text("calculator"))],
        ..Default::default()
    }
}

fn traces(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope = InstrumentationScope { name: "scope".to_owned(), ..Default::default() };
    let scope_spans = ScopeSpans { scope: Some(scope), spans, ..Default::default() };
    let resource = Resource {
        attributes: vec![attribute("service.name", text("checkout"))],
        ..Default::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![scope_spans],
            ..Default::default()
        }],
    }
}

fn logs(records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let scope_logs = ScopeLogs { log_records: records, ..Default::default() };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { scope_logs: vec![scope_logs], ..Default::default() }],
    }
}

fn spans_of(copied: &Copied) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(&copied.body[..]).unwrap();
    let groups = request.resource_spans.into_iter().flat_map(|group| group.scope_spans);
    groups.flat_map(|scope| scope.spans).collect()
}

#[test]
fn recorded_bodies_are_copied_as_they_are() {
    let options = RedactionOptions { enabled: false, ..RedactionOptions::default() };
    let off = Redactor::new(&options).unwrap();
    for (name, signal, body) in fixtures() {
        let copied = off.copy(signal, &body, &mut |_: &ItemHead<'_>| Verdict::Keep).unwrap();
        assert!(copied.body == body, "{name}");
        assert!(copied.kept > 0 && copied.rejected.total() == 0 && !copied.hits.any(), "{name}");
        // Two of the recorded conversations give a secret away; all else stays.
        let copied = copy(signal, &body).unwrap();
        let (before, after) = (decoded(signal, &body).unwrap(), decoded(signal, &copied.body));
        let leaks = before.contains("hunter2");
        let clean = before
            .replace("hunter2", "<redacted:secret_key>")
            .replace("sk-leak-123", "<redacted:secret_key>");
        assert_eq!(after.unwrap(), clean, "{name}");
        assert_eq!(copied.hits.any(), leaks, "{name}");
    }
}

#[test]
fn a_bad_span_is_rejected_alone_and_with_its_reason() {
    let deep = (0..60).fold(text("end"), |value, _| AnyValue {
        value: Some(Any::ArrayValue(ArrayValue { values: vec![value] })),
    });
    let long_key = "k".repeat(limits::ATTRIBUTE_KEY_BYTES + 1);
    let with = |change: &dyn Fn(&mut Span)| {
        let mut bad = span(2);
        change(&mut bad);
        bad
    };
    let cases = [
        (with(&|s| s.trace_id = vec![0; 16]), Reason::InvalidTraceId),
        (with(&|s| s.trace_id = vec![1; 2]), Reason::InvalidTraceId),
        (with(&|s| s.trace_id.clear()), Reason::InvalidTraceId),
        (with(&|s| s.span_id = vec![0; 8]), Reason::InvalidSpanId),
        (with(&|s| s.span_id = vec![3; 16]), Reason::InvalidSpanId),
        (with(&|s| s.parent_span_id = vec![3; 3]), Reason::InvalidParentId),
        (with(&|s| s.attributes.push(attribute("deep", deep.clone()))), Reason::TooDeep),
        (with(&|s| s.attributes.push(attribute(&long_key, text("v")))), Reason::KeyTooLong),
    ];
    for (bad, reason) in cases {
        let body = traces(vec![span(1), bad, span(3)]).encode_to_vec();
        let copied = copy(Signal::Traces, &body).unwrap();
        assert_eq!((copied.kept, copied.rejected.total()), (2, 1), "{reason:?}");
        assert_eq!(copied.rejected.iter().collect::<Vec<_>>(), [(reason, 1)]);
        assert_eq!(spans_of(&copied), [span(1), span(3)]);
    }
}

#[test]
fn broken_text_and_wire_types_inside_a_record_are_its_own() {
    let body = traces(vec![span(1), span(2), span(3)]).encode_to_vec();
    for (good, bad, reason) in [
        (&b"span 2"[..], &b"span \xff"[..], Reason::InvalidUtf8),
        // The name's tag becomes one of wire type 5, and the fields behind it nonsense.
        (b"\x2a\x06span 2", b"\x2d\x06span 2", Reason::Malformed),
    ] {
        let at = body.windows(good.len()).position(|window| window == good).unwrap();
        let mut broken = body.clone();
        broken[at..at + bad.len()].copy_from_slice(bad);
        let copied = copy(Signal::Traces, &broken).unwrap();
        assert_eq!(copied.rejected.iter().collect::<Vec<_>>(), [(reason, 1)]);
        assert_eq!(spans_of(&copied), [span(1), span(3)]);
    }
    assert!(copy(Signal::Traces, &body[..body.len() - 5]).is_err());
    assert!(copy(Signal::Traces, b"not a request").is_err());
    assert_eq!(copy(Signal::Traces, b"").unwrap(), Copied::default());
}

#[test]
fn odd_times_keys_and_text_are_kept() {
    let mut odd = span(1);
    odd.start_time_unix_nano = u64::MAX;
    odd.end_time_unix_nano = 0;
    odd.name = "nul \0 and \u{1b}[31m".to_owned();
    for key in ["", "__proto__", "__name__", "le", "le", "\u{7f}\n"] {
        odd.attributes.push(attribute(key, text("v")));
    }
    odd.attributes.push(attribute("nothing", AnyValue { value: None }));
    odd.attributes.push(attribute("nan", AnyValue { value: Some(Any::DoubleValue(-0.0)) }));
    let body = traces(vec![odd]).encode_to_vec();
    let copied = copy(Signal::Traces, &body).unwrap();
    assert_eq!(copied.body, body);
}

#[test]
fn a_bad_resource_takes_its_records_with_it_and_no_others() {
    let mut request = traces(vec![span(1), span(2)]);
    request.resource_spans.extend(traces(vec![span(3)]).resource_spans);
    let mut body = request.encode_to_vec();
    let at = body.windows(8).position(|window| window == b"checkout").unwrap();
    body[at] = 0xff;
    let copied = copy(Signal::Traces, &body).unwrap();
    assert_eq!(copied.rejected.iter().collect::<Vec<_>>(), [(Reason::InvalidUtf8, 2)]);
    assert_eq!(copied.body, traces(vec![span(3)]).encode_to_vec());
}

#[test]
fn the_gate_decides_and_empty_groups_go() {
    let mut request = traces(vec![span(1), span(2), span(3)]);
    request.resource_spans.extend(traces(vec![span(1)]).resource_spans);
    let mut seen = Vec::new();
    let mut gate = |head: &ItemHead<'_>| {
        assert_eq!((head.trace_id.len(), head.start_ns, head.end_ns), (16, 1_000, 2_000));
        seen.push(head.span_id[0]);
        match head.span_id[0] {
            1 => Verdict::Duplicate,
            2 => Verdict::Reject(Reason::Refused),
            _ => Verdict::Keep,
        }
    };
    let copied = redactor().copy(Signal::Traces, &request.encode_to_vec(), &mut gate).unwrap();
    assert_eq!(seen, [1, 2, 3, 1]);
    assert_eq!((copied.kept, copied.duplicates, copied.rejected.total()), (1, 2, 1));
    assert_eq!(copied.body, traces(vec![span(3)]).encode_to_vec());
}

#[test]
fn attributes_beyond_the_limit_are_dropped_and_counted_on_their_record() {
    let many = |count: usize| {
        (0..count).map(|n| attribute(&format!("key.{n}"), text("v"))).collect::<Vec<_>>()
    };
    let limit = limits::ATTRIBUTES_PER_RECORD;
    let mut fat = span(1);
    fat.attributes = many(limit + 7);
    fat.dropped_attributes_count = 3;
    fat.events = vec![Event { attributes: many(limit + 2), ..Default::default() }];
    fat.links = vec![Link { attributes: many(limit + 1), ..Default::default() }];
    let copied = copy(Signal::Traces, &traces(vec![fat]).encode_to_vec()).unwrap();
    let spans = spans_of(&copied);
    assert_eq!(spans[0].attributes, many(limit));
    assert_eq!(spans[0].dropped_attributes_count, 10);
    assert_eq!(spans[0].events[0].attributes.len(), limit);
    assert_eq!(spans[0].events[0].dropped_attributes_count, 2);
    assert_eq!(spans[0].links[0].dropped_attributes_count, 1);
}

#[test]
fn log_records_need_no_ids_but_no_wrong_ones() {
    let record = |trace: usize, span: usize| LogRecord {
        trace_id: vec![1; trace],
        span_id: vec![1; span],
        body: Some(text("hello")),
        ..Default::default()
    };
    let zero = LogRecord { trace_id: vec![0; 16], span_id: vec![0; 8], ..record(0, 0) };
    let records = vec![record(0, 0), record(16, 8), zero, record(2, 0), record(16, 7)];
    let mut lengths = Vec::new();
    let copied = redactor()
        .copy(Signal::Logs, &logs(records).encode_to_vec(), &mut |head: &ItemHead<'_>| {
            lengths.push((head.trace_id.len(), head.span_id.len()));
            Verdict::Keep
        })
        .unwrap();
    assert_eq!(lengths, [(0, 0), (16, 8), (0, 0)]);
    assert_eq!(
        copied.rejected.iter().collect::<Vec<_>>(),
        [(Reason::InvalidTraceId, 1), (Reason::InvalidSpanId, 1)]
    );
}

#[test]
fn data_points_are_the_items_of_metrics() {
    let point =
        |attributes| NumberDataPoint { attributes, time_unix_nano: 5, ..Default::default() };
    let many = (0..=limits::ATTRIBUTES_PER_RECORD)
        .map(|n| attribute(&format!("k{n}"), text("v")))
        .collect();
    let metric = |name: &str, points| Metric {
        name: name.to_owned(),
        data: Some(metric::Data::Gauge(Gauge { data_points: points })),
        ..Default::default()
    };
    let request = |metrics| ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![ScopeMetrics { metrics, ..Default::default() }],
            ..Default::default()
        }],
    };
    let good = metric("good", vec![point(vec![attribute("a", text("b"))]), point(vec![])]);
    let body = request(vec![good.clone(), metric("wide", vec![point(many)])]).encode_to_vec();
    let copied = copy(Signal::Metrics, &body).unwrap();
    assert_eq!((copied.kept, copied.rejected.total()), (2, 1));
    assert_eq!(copied.body, request(vec![good]).encode_to_vec());
}

#[test]
fn values_under_secret_keys_are_replaced_whatever_their_type() {
    let list = |values| AnyValue { value: Some(Any::ArrayValue(ArrayValue { values })) };
    let map = |values| AnyValue { value: Some(Any::KvlistValue(KeyValueList { values })) };
    let int = |number| AnyValue { value: Some(Any::IntValue(number)) };
    let yes = AnyValue { value: Some(Any::BoolValue(true)) };
    let mut leaky = span(1);
    leaky.attributes = vec![
        attribute("http.request.header.authorization", list(vec![text("opensesame")])),
        attribute("db.password", int(4_711)),
        attribute("outer", map(vec![attribute("client_secret", text("opensesame"))])),
        attribute("credentials", map(vec![attribute("user", text("opensesame"))])),
        attribute("password", yes.clone()),
        attribute("gen_ai.usage.input_tokens", int(128)),
        attribute("token", int(5)),
    ];
    leaky.events = vec![Event {
        attributes: vec![attribute("api_key", text("opensesame"))],
        ..Default::default()
    }];
    leaky.status = Some(Status { message: "failed".to_owned(), code: 2 });
    let copied = copy(Signal::Traces, &traces(vec![leaky.clone()]).encode_to_vec()).unwrap();
    leaky.attributes = vec![
        attribute(
            "http.request.header.authorization",
            list(vec![text("<redacted:authorization>")]),
        ),
        attribute("db.password", text("<redacted:secret_key>")),
        attribute("outer", map(vec![attribute("client_secret", text("<redacted:secret_key>"))])),
        attribute("credentials", map(vec![attribute("user", text("<redacted:secret_key>"))])),
        attribute("password", yes),
        attribute("gen_ai.usage.input_tokens", int(128)),
        attribute("token", int(5)),
    ];
    leaky.events[0].attributes = vec![attribute("api_key", text("<redacted:secret_key>"))];
    assert_eq!(spans_of(&copied), [leaky]);
    let hits: Vec<_> = copied.hits.iter().collect();
    assert_eq!(hits, [("secret_key", 4), ("authorization", 1)]);
}

#[test]
fn a_secret_may_be_named_in_the_attribute_before() {
    let map = |values| AnyValue { value: Some(Any::KvlistValue(KeyValueList { values })) };
    let pair = |name: &str, value: &str| {
        map(vec![attribute("key", text(name)), attribute("value", text(value))])
    };
    let mut leaky = span(1);
    let attributes = |secret: &str| {
        vec![
            attribute("header.0.name", text("Authorization")),
            attribute("header.0.value", text(secret)),
            attribute("header.1.name", text("Accept")),
            attribute("header.1.value", text("text/html")),
            attribute("env", pair("DB_PASSWORD", secret)),
            attribute("env", pair("LANG", "de")),
            attribute("input.value", text("kept")),
        ]
    };
    leaky.attributes = attributes("opensesame");
    let copied = copy(Signal::Traces, &traces(vec![leaky]).encode_to_vec()).unwrap();
    let left = &spans_of(&copied)[0].attributes;
    assert!(!format!("{left:?}").contains("opensesame"));
    let whole = attributes("opensesame");
    for at in [0, 2, 3, 5, 6] {
        assert_eq!(left[at], whole[at]);
    }
}

#[test]
fn no_text_of_any_signal_is_passed_over() {
    const SECRET: &str = "api_key=opensesame77";
    let leak = || vec![attribute("input", text(SECRET))];
    let resource = || Some(Resource { attributes: leak(), ..Default::default() });
    let scope = || {
        Some(InstrumentationScope {
            name: SECRET.to_owned(),
            version: SECRET.to_owned(),
            attributes: leak(),
            ..Default::default()
        })
    };
    let mut leaky = span(1);
    leaky.name = SECRET.to_owned();
    leaky.trace_state = SECRET.to_owned();
    leaky.attributes = leak();
    leaky.events =
        vec![Event { name: SECRET.to_owned(), attributes: leak(), ..Default::default() }];
    leaky.links =
        vec![Link { trace_state: SECRET.to_owned(), attributes: leak(), ..Default::default() }];
    leaky.status = Some(Status { message: SECRET.to_owned(), code: 2 });
    let mut spans = traces(vec![leaky]);
    spans.resource_spans[0].resource = resource();
    spans.resource_spans[0].schema_url = SECRET.to_owned();
    spans.resource_spans[0].scope_spans[0].scope = scope();
    spans.resource_spans[0].scope_spans[0].schema_url = SECRET.to_owned();

    let bytes = AnyValue { value: Some(Any::BytesValue(SECRET.as_bytes().to_vec())) };
    let list = AnyValue { value: Some(Any::ArrayValue(ArrayValue { values: vec![bytes] })) };
    let map = KeyValueList { values: vec![attribute("inner", list)] };
    let mut records = logs(vec![LogRecord {
        severity_text: SECRET.to_owned(),
        event_name: SECRET.to_owned(),
        body: Some(AnyValue { value: Some(Any::KvlistValue(map)) }),
        attributes: leak(),
        ..Default::default()
    }]);
    records.resource_logs[0].resource = resource();
    records.resource_logs[0].scope_logs[0].scope = scope();

    let exemplar = Exemplar { filtered_attributes: leak(), ..Default::default() };
    let point =
        NumberDataPoint { attributes: leak(), exemplars: vec![exemplar], ..Default::default() };
    let metric = Metric {
        name: SECRET.to_owned(),
        description: SECRET.to_owned(),
        unit: SECRET.to_owned(),
        metadata: leak(),
        data: Some(metric::Data::Gauge(Gauge { data_points: vec![point] })),
    };
    let points = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: resource(),
            scope_metrics: vec![ScopeMetrics {
                scope: scope(),
                metrics: vec![metric],
                schema_url: SECRET.to_owned(),
            }],
            schema_url: SECRET.to_owned(),
        }],
    };
    for (signal, body) in [
        (Signal::Traces, spans.encode_to_vec()),
        (Signal::Logs, records.encode_to_vec()),
        (Signal::Metrics, points.encode_to_vec()),
    ] {
        let clean =
            decoded(signal, &body).unwrap().replace("opensesame77", "<redacted:secret_key>");
        let copied = copy(signal, &body).unwrap();
        let left = decoded(signal, &copied.body).unwrap();
        assert!(!String::from_utf8_lossy(&copied.body).contains("sesame"), "{left}");
        // Bytes are shown as numbers, so that only the other two compare as text.
        assert!(signal == Signal::Logs || left == clean, "{left}\n{clean}");
    }
}

#[test]
fn many_redactions_do_not_make_a_request_grow() {
    let mut leaky = span(1);
    let secrets = "pwd=abc,".repeat(limits::REDACTIONS_NAMED * 2);
    leaky.attributes = vec![attribute("input", text(&secrets))];
    let body = traces(vec![leaky]).encode_to_vec();
    let copied = copy(Signal::Traces, &body).unwrap();
    assert!(!copied.body.windows(7).any(|window| window == b"pwd=abc"));
    assert!(copied.body.len() < body.len() + limits::REDACTIONS_NAMED * 32);
}

#[test]
fn mutated_bodies_never_panic_and_what_is_kept_decodes() {
    let seeds = env::var("PHAROS_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    let (redactor, fixtures) = (redactor(), fixtures());
    for seed in 0..seeds.unwrap_or(20_000_u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let (name, signal, body) = &fixtures[random.usize(..fixtures.len())];
        let mut body = body.clone();
        for _ in 0..random.usize(1..6) {
            mutate(&mut random, &mut body);
        }
        let mut gate = |_: &ItemHead<'_>| match random.u8(..8) {
            0 => Verdict::Duplicate,
            1 => Verdict::Reject(Reason::Refused),
            _ => Verdict::Keep,
        };
        if let Ok(copied) = redactor.copy(*signal, &body, &mut gate) {
            let decoded = decoded(*signal, &copied.body);
            assert!(decoded.is_ok(), "seed {seed} of {name}: {decoded:?}");
            assert!(copied.kept > 0 || copied.body.is_empty());
        }
    }
}

fn mutate(random: &mut fastrand::Rng, body: &mut Vec<u8>) {
    let at = random.usize(..body.len());
    match random.u8(..6) {
        0 => body[at] ^= 1 << random.u8(..8),
        1 => body[at] = random.u8(..),
        2 => body.insert(at, random.u8(..)),
        3 if body.len() > 1 => drop(body.remove(at)),
        4 => {
            let end = body.len().min(at + random.usize(1..64));
            let piece = body[at..end].to_vec();
            let to = random.usize(..body.len());
            body.splice(to..to, piece);
        }
        _ => body[at] = *random.choice(b"\x00\x0a\x12\x1a\x2a\x4a\x7f\x80\xff=:\"\\").unwrap(),
    }
}
