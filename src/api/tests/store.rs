//! A real log and index in a folder of their own, filled with a fixed agent run.

use crate::model::Signal;
use crate::storage::fs::RealFs;
use crate::storage::index::Index;
use crate::storage::{Batch, Durability, Log, LogOptions, Position};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;
use std::sync::Arc;
use tempfile::TempDir;

/// When the fixed run began: 2026-11-21T08:00:00Z.
pub(super) const START_NS: u64 = 1_795_248_000_000_000_000;
/// The trace of the fixed run.
pub(super) const RUN: &str = "0af7651916cd43dd8448eb211c80319c";

/// A log with its index.
pub(super) struct Store {
    log: Arc<Log>,
    pub(super) index: Arc<Index>,
    _folder: TempDir,
}

impl Store {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let durability = Durability::Os;
        let options = LogOptions { durability, disk_reserve_bytes: 0, ..LogOptions::default() };
        let log = Arc::new(Log::open(Arc::new(RealFs), folder.path(), options).unwrap());
        let index = Index::open(
            log.clone(),
            crate::model::Understand::unpriced(crate::semconv::understand),
            crate::semconv::call_book,
        );
        Self { log, index: Arc::new(index), _folder: folder }
    }

    pub(super) async fn append(&self, signal: Signal, body: Vec<u8>) {
        let batch = Batch { signal, arrived_ns: START_NS, items: 1, body: body.into() };
        self.log.append(batch).await.unwrap();
        let mut reader = self.log.reader(Position::OLDEST);
        while let Some((at, batch)) = reader.next().unwrap() {
            self.index.apply(at, &batch);
        }
    }

    pub(super) async fn append_logs(&self, records: Vec<LogRecord>) {
        self.append(Signal::Logs, logs(records)).await;
    }

    pub(super) async fn append_spans(&self, spans: Vec<Span>) {
        self.append(Signal::Traces, request(spans)).await;
    }
}

pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

pub(super) fn int(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

pub(super) fn map(values: Vec<KeyValue>) -> AnyValue {
    AnyValue { value: Some(Value::KvlistValue(KeyValueList { values })) }
}

pub(super) fn double(key: &str, value: f64) -> KeyValue {
    attribute(key, Value::DoubleValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// A span of the fixed run; times in milliseconds from its start.
pub(super) fn span(id: u8, parent: u8, name: &str, from_ms: u64, to_ms: u64) -> Span {
    let bytes = |id: u8| if id == 0 { Vec::new() } else { vec![0, 0, 0, 0, 0, 0, 0, id] };
    let trace: crate::model::TraceId = RUN.parse().unwrap();
    Span {
        trace_id: trace.as_bytes().to_vec(),
        span_id: bytes(id),
        parent_span_id: bytes(parent),
        name: name.to_owned(),
        kind: 1,
        start_time_unix_nano: START_NS + from_ms * 1_000_000,
        end_time_unix_nano: START_NS + to_ms * 1_000_000,
        ..Span::default()
    }
}

/// The span failed with this message and exception.
pub(super) fn failed(mut span: Span, message: &str, exception: &str) -> Span {
    span.status = Some(Status { code: 2, message: message.to_owned() });
    span.events.push(Event {
        time_unix_nano: span.end_time_unix_nano,
        name: "exception".to_owned(),
        attributes: vec![
            text("exception.type", exception),
            text("exception.message", message),
            text("exception.stacktrace", "Traceback:\n  line 1"),
        ],
        ..Event::default()
    });
    span
}

pub(super) fn with(mut span: Span, attributes: Vec<KeyValue>) -> Span {
    span.attributes.extend(attributes);
    span
}

pub(super) fn request(spans: Vec<Span>) -> Vec<u8> {
    let scope = InstrumentationScope { name: "test".to_owned(), ..Default::default() };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..Default::default() }];
    let resource = Some(resource());
    let resource_spans = vec![ResourceSpans { resource, scope_spans, ..Default::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn logs(log_records: Vec<LogRecord>) -> Vec<u8> {
    let scope_logs = vec![ScopeLogs { log_records, ..Default::default() }];
    let resource = Some(resource());
    let resource_logs = vec![ResourceLogs { resource, scope_logs, ..Default::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

fn resource() -> Resource {
    Resource { attributes: vec![text("service.name", "shop")], ..Default::default() }
}

fn llm(span: Span, model: &str, tokens: [i64; 2], cost: Option<f64>) -> Span {
    let mut attributes = vec![
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.provider.name", "openai"),
        text("gen_ai.request.model", model),
        int("gen_ai.usage.input_tokens", tokens[0]),
        int("gen_ai.usage.output_tokens", tokens[1]),
    ];
    attributes.extend(cost.map(|usd| double("gen_ai.usage.cost", usd)));
    with(span, attributes)
}

fn tool(span: Span, name: &str, arguments: &str) -> Span {
    let attributes = vec![
        text("gen_ai.operation.name", "execute_tool"),
        text("gen_ai.tool.name", name),
        text("gen_ai.tool.call.arguments", arguments),
    ];
    with(span, attributes)
}

/// An agent that asks a model, searches twice for the same, fails once and recovers.
pub(super) fn run() -> Vec<Span> {
    let agent = |span| {
        let name = text("gen_ai.agent.name", "planner");
        with(span, vec![text("gen_ai.operation.name", "invoke_agent"), name])
    };
    let broken = failed(span(4, 2, "execute_tool search", 300, 400), "index is gone", "IOError");
    vec![
        span(1, 0, "POST /chat", 0, 1_000),
        agent(span(2, 1, "invoke_agent planner", 10, 950)),
        llm(span(3, 2, "chat gpt-4o", 20, 220), "gpt-4o", [100, 20], Some(0.25)),
        tool(broken, "search", "{\"q\":\"lamp\"}"),
        tool(span(5, 2, "execute_tool search", 400, 600), "search", "{\"q\":\"lamp\"}"),
        llm(span(6, 5, "chat gpt-4o-mini", 450, 550), "gpt-4o-mini", [30, 7], None),
        llm(span(7, 2, "chat gpt-4o", 610, 900), "gpt-4o", [200, 50], Some(0.5)),
    ]
}

/// The fixed run with a log record of each of two severities.
pub(super) async fn with_run() -> Store {
    let store = Store::new();
    store.append_spans(run()).await;
    let trace: crate::model::TraceId = RUN.parse().unwrap();
    let record = |at_ms: u64, severity_number, severity: &str, body: &str| LogRecord {
        time_unix_nano: START_NS + at_ms * 1_000_000,
        severity_number,
        severity_text: severity.to_owned(),
        body: Some(AnyValue { value: Some(Value::StringValue(body.to_owned())) }),
        trace_id: trace.as_bytes().to_vec(),
        span_id: vec![0, 0, 0, 0, 0, 0, 0, 4],
        ..Default::default()
    };
    let records = vec![
        record(5, 9, "INFO", "A request came in."),
        record(390, 17, "ERROR", "Search failed."),
    ];
    store.append(Signal::Logs, logs(records)).await;
    store
}
