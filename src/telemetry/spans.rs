//! A subscriber of one test's own, with what it exported.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use opentelemetry::logs::AnyValue;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord, SdkLoggerProvider};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::Dispatch;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

use super::fields::SpanFields;
use super::line::{LineLayer, Shape};
use super::otlp::Providers;

/// Spans, log records and log lines in the order in which they ended or were written.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    spans: Arc<Mutex<Vec<SpanData>>>,
    records: Arc<Mutex<Vec<SdkLogRecord>>>,
    lines: Arc<Mutex<Vec<u8>>>,
}

/// One more subscriber, so that there are always two: of a single one `tracing` asks the thread
/// that first comes by a place in the code whether anybody listens there, and for a test without a
/// subscriber nobody does.
static BESIDE: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.spans.lock().unwrap().extend(batch);
        Ok(())
    }
}

impl LogExporter for Kept {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        self.records.lock().unwrap().extend(batch.iter().map(|(record, _)| record.clone()));
        Ok(())
    }
}

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lines.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    /// The subscriber of this thread until the guard is dropped.
    pub(super) fn install() -> (Self, tracing::subscriber::DefaultGuard) {
        LazyLock::force(&BESIDE);
        let kept = Self::default();
        let spans = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build();
        let logs = SdkLoggerProvider::builder().with_simple_exporter(kept.clone()).build();
        let writer = kept.clone();
        let lines = LineLayer::new(Shape::Json, move || writer.clone(), Arc::new(|_| None));
        let layer = SpanFields.and_then(lines).and_then(Providers::to(spans, logs).layer());
        let subscriber = tracing_subscriber::registry().with(layer);
        (kept, tracing::subscriber::set_default(subscriber))
    }

    /// The spans so far.
    pub(super) fn spans(&self) -> Vec<SpanData> {
        self.spans.lock().unwrap().clone()
    }

    /// The only span of this name.
    pub(super) fn span(&self, name: &str) -> SpanData {
        let named: Vec<_> = self.spans().into_iter().filter(|span| span.name == *name).collect();
        let [span] = &named[..] else {
            let names: Vec<_> = self.spans().into_iter().map(|span| span.name).collect();
            panic!("{} spans of {name} among {names:?}", named.len());
        };
        span.clone()
    }

    /// The log records so far: name and attributes.
    pub(super) fn records(&self) -> Vec<(String, Vec<(String, String)>)> {
        let text = |value: &AnyValue| match value {
            AnyValue::String(text) => text.as_str().to_owned(),
            AnyValue::Int(number) => number.to_string(),
            AnyValue::Double(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        let records = self.records.lock().unwrap();
        let record = |record: &SdkLogRecord| {
            let attributes = record.attributes_iter();
            let attributes = attributes.map(|(key, value)| (key.to_string(), text(value)));
            (record.event_name().unwrap_or_default().to_owned(), attributes.collect())
        };
        records.iter().map(record).collect()
    }

    /// The log lines so far.
    pub(super) fn lines(&self) -> Vec<serde_json::Value> {
        let bytes = self.lines.lock().unwrap();
        let lines = std::str::from_utf8(&bytes).unwrap().lines();
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The attributes of a span as text, sorted, without those of the place in the code.
pub(super) fn attributes(span: &SpanData) -> Vec<String> {
    let place = ["code.", "thread.", "busy_ns", "idle_ns", "target", "level"];
    let mut said: Vec<String> = span
        .attributes
        .iter()
        .filter(|it| !place.iter().any(|prefix| it.key.as_str().starts_with(prefix)))
        .map(|it| format!("{}={}", it.key, it.value))
        .collect();
    said.sort();
    said
}
