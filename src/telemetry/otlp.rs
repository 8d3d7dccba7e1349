//! Pharos' own spans and warnings over OTLP, as the `OTEL_*` variables say.
//!
//! The SDK reads endpoint, headers, compression, timeouts and batch sizes itself; what it does
//! not read (`OTEL_SDK_DISABLED`, `OTEL_*_EXPORTER`, `ENABLE_TELEMETRY`) is read here.

use std::env;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{LogExporter, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Metadata, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

/// A layer of any subscriber, boxed because its type cannot be written down.
type Boxed<S> = Box<dyn Layer<S> + Send + Sync>;

pub(super) struct Providers {
    spans: SdkTracerProvider,
    logs: SdkLoggerProvider,
}

/// The exporters, if the environment asks for them.
pub(super) fn providers(runtime: &tokio::runtime::Handle) -> Result<Option<Providers>, String> {
    if !wanted(|name| env::var(name).ok()) {
        return Ok(None);
    }
    let over_grpc = env::var("OTEL_EXPORTER_OTLP_PROTOCOL").is_ok_and(|value| value == "grpc");
    let (spans, logs) = if over_grpc {
        let _inside = runtime.enter();
        (SpanExporter::builder().with_tonic().build(), LogExporter::builder().with_tonic().build())
    } else {
        let protocol = Protocol::HttpBinary;
        let spans = SpanExporter::builder().with_http().with_protocol(protocol).build();
        (spans, LogExporter::builder().with_http().with_protocol(protocol).build())
    };
    let spans = spans.map_err(|error| error.to_string())?;
    let logs = logs.map_err(|error| error.to_string())?;
    let mut resource = Resource::builder();
    if env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name("pharos");
    }
    let resource = resource.build();
    Ok(Some(Providers {
        spans: SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_batch_exporter(spans)
            .build(),
        logs: SdkLoggerProvider::builder()
            .with_resource(resource)
            .with_batch_exporter(logs)
            .build(),
    }))
}

/// Whether own telemetry is asked for and not switched off.
fn wanted(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is = |name: &str, value: &str| {
        variable(name).is_some_and(|found| found.trim().eq_ignore_ascii_case(value))
    };
    let endpoint = variable("OTEL_EXPORTER_OTLP_ENDPOINT").is_some_and(|value| !value.is_empty());
    endpoint && !is("OTEL_SDK_DISABLED", "true") && !is("ENABLE_TELEMETRY", "false")
}

impl Providers {
    /// A layer for spans and, behind it, one for warnings and errors.
    pub(super) fn layer<S>(&self) -> Boxed<S>
    where
        S: Subscriber + for<'s> LookupSpan<'s> + Send + Sync,
    {
        let tracer = self.spans.tracer("pharos");
        let spans = tracing_opentelemetry::layer().with_tracer(tracer);
        let spans = spans.with_filter(filter_fn(not_the_exporter));
        let logs = OpenTelemetryTracingBridge::new(&self.logs);
        let logs = logs.with_filter(filter_fn(not_the_exporter)).with_filter(LevelFilter::WARN);
        Box::new(spans.and_then(logs))
    }

    /// Sends what waits and ends the exporters' threads.
    pub(super) fn stop(self) {
        // An endpoint that is gone at the end is nobody's concern any more.
        let _ = self.spans.shutdown();
        let _ = self.logs.shutdown();
    }
}

/// What the exporter itself does must not be exported: each export would cause the next one.
fn not_the_exporter(metadata: &Metadata<'_>) -> bool {
    let own = ["h2", "hyper", "hyper_util", "opentelemetry", "reqwest", "rustls", "tonic", "tower"];
    let root = metadata.target().split("::").next().unwrap_or_default();
    !own.iter().any(|name| root == *name || root.starts_with("opentelemetry"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
        let cases: [(&[(&str, &str)], bool); 5] = [
            (&[], false),
            (&[endpoint], true),
            (&[endpoint, ("OTEL_SDK_DISABLED", "TRUE")], false),
            (&[endpoint, ("ENABLE_TELEMETRY", "false")], false),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")], false),
        ];
        for (variables, expected) in cases {
            let find = |name: &str| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(wanted(find), expected, "{variables:?}");
        }
    }
}
