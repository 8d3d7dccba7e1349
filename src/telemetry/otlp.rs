//! Spans and log records over OTLP, as the `OTEL_*` variables and the app say.
//!
//! The SDK reads endpoint, headers, compression, timeouts, sampler and batch sizes itself; what it
//! does not read (`OTEL_SDK_DISABLED`, `OTEL_*_EXPORTER`, `ENABLE_TELEMETRY`) is read here. What a
//! variable says goes before what the app says.

use std::env;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{LogExporter, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

/// A layer of any subscriber, boxed because its type cannot be written down.
type Boxed<S> = Box<dyn Layer<S> + Send + Sync>;

/// Who exports, and where to.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// The service.
    pub(super) service: String,
    /// Its version.
    pub(super) version: Option<String>,
    /// Where it runs: `production`, `staging`.
    pub(super) environment: Option<String>,
    /// Where to, without the path of a signal; `None` where only a variable can say.
    pub(super) endpoint: Option<String>,
}

/// What exports.
#[derive(Debug)]
pub(super) struct Providers {
    spans: Option<SdkTracerProvider>,
    logs: Option<SdkLoggerProvider>,
}

/// The exporters, if anybody asks for them.
pub(super) fn providers(
    source: &Source,
    #[cfg(feature = "server")] runtime: Option<&tokio::runtime::Handle>,
) -> Result<Option<Providers>, String> {
    let variable = |name: &str| env::var(name).ok();
    if !wanted(source.endpoint.as_deref(), variable) {
        return Ok(None);
    }
    prepare_tls(source, variable)?;
    let over_grpc = env::var("OTEL_EXPORTER_OTLP_PROTOCOL").is_ok_and(|value| value == "grpc");
    let (spans, logs) = if over_grpc {
        #[cfg(not(feature = "server"))]
        return Err("this build speaks OTLP over HTTP only: OTEL_EXPORTER_OTLP_PROTOCOL".into());
        #[cfg(feature = "server")]
        {
            let _inside = runtime.map(tokio::runtime::Handle::enter);
            let spans = SpanExporter::builder().with_tonic();
            let logs = LogExporter::builder().with_tonic();
            match own_endpoint(source, variable) {
                Some(endpoint) => {
                    let spans = spans.with_endpoint(endpoint).build();
                    (spans, logs.with_endpoint(endpoint).build())
                }
                None => (spans.build(), logs.build()),
            }
        }
    } else {
        let protocol = Protocol::HttpBinary;
        let spans = SpanExporter::builder().with_http().with_protocol(protocol);
        let logs = LogExporter::builder().with_http().with_protocol(protocol);
        match own_endpoint(source, variable).map(|endpoint| endpoint.trim_end_matches('/')) {
            Some(endpoint) => (
                spans.with_endpoint(format!("{endpoint}/v1/traces")).build(),
                logs.with_endpoint(format!("{endpoint}/v1/logs")).build(),
            ),
            None => (spans.build(), logs.build()),
        }
    };
    let spans = spans.map_err(|error| error.to_string())?;
    let logs = logs.map_err(|error| error.to_string())?;
    let resource = resource(source, variable);
    let (none_spans, none_logs) =
        (is(variable, "OTEL_TRACES_EXPORTER", "none"), is(variable, "OTEL_LOGS_EXPORTER", "none"));
    if none_spans && none_logs {
        return Ok(None);
    }
    let tracer = || SdkTracerProvider::builder().with_resource(resource.clone());
    let logger = || SdkLoggerProvider::builder().with_resource(resource.clone());
    Ok(Some(Providers {
        spans: (!none_spans).then(|| tracer().with_batch_exporter(spans).build()),
        logs: (!none_logs).then(|| logger().with_batch_exporter(logs).build()),
    }))
}

/// Makes `https` endpoints work, or says that this build cannot.
fn prepare_tls(source: &Source, variable: impl Fn(&str) -> Option<String>) -> Result<(), String> {
    #[cfg(feature = "tls")]
    {
        let _ = (source, variable);
        // Without one no client can be made, not even for plain HTTP. Who installs another one
        // meanwhile is right too.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
    }
    #[cfg(not(feature = "tls"))]
    {
        let said = variable("OTEL_EXPORTER_OTLP_ENDPOINT").filter(|text| !text.is_empty());
        let endpoint = said.or_else(|| source.endpoint.clone()).unwrap_or_default();
        if endpoint.starts_with("https://") {
            return Err(format!("{endpoint} needs the feature `tls` of this crate"));
        }
    }
    Ok(())
}

fn resource(source: &Source, variable: impl Fn(&str) -> Option<String>) -> Resource {
    let attributes = variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let said = |key: &str| attributes.split(',').any(|it| it.trim_start().starts_with(key));
    let mut resource = Resource::builder();
    if variable("OTEL_SERVICE_NAME").is_none() && !said("service.name=") {
        resource = resource.with_service_name(source.service.clone());
    }
    for (key, value) in
        [("service.version", &source.version), ("deployment.environment.name", &source.environment)]
    {
        if let Some(value) = value.as_ref().filter(|_| !said(key)) {
            resource = resource.with_attribute(KeyValue::new(key, value.clone()));
        }
    }
    resource.build()
}

/// The endpoint that the app named, where no variable names one.
fn own_endpoint(source: &Source, variable: impl Fn(&str) -> Option<String>) -> Option<&str> {
    let names = ["", "_TRACES", "_LOGS"].map(|it| format!("OTEL_EXPORTER_OTLP{it}_ENDPOINT"));
    let said = names.iter().any(|name| variable(name).is_some_and(|value| !value.is_empty()));
    source.endpoint.as_deref().filter(|_| !said)
}

fn is(variable: impl Fn(&str) -> Option<String>, name: &str, value: &str) -> bool {
    variable(name).is_some_and(|found| found.trim().eq_ignore_ascii_case(value))
}

/// Whether export is asked for and not switched off.
fn wanted(endpoint: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> bool {
    let named = variable("OTEL_EXPORTER_OTLP_ENDPOINT").is_some_and(|value| !value.is_empty());
    (named || endpoint.is_some())
        && !is(&variable, "OTEL_SDK_DISABLED", "true")
        && !is(&variable, "ENABLE_TELEMETRY", "false")
}

impl Providers {
    /// Exports to something else, for tests.
    #[cfg(test)]
    pub(super) fn to(spans: SdkTracerProvider, logs: SdkLoggerProvider) -> Self {
        Self { spans: Some(spans), logs: Some(logs) }
    }

    /// A layer for spans and, behind it, one for warnings, errors and what recorders report.
    pub(super) fn layer<S>(&self) -> Boxed<S>
    where
        S: Subscriber + for<'s> LookupSpan<'s> + Send + Sync,
    {
        let spans = self.spans.as_ref().map(|spans| {
            // Where in the code a span was opened, on which thread, and how long it was idle, is
            // paid for with every span and asked for by nobody.
            let spans = tracing_opentelemetry::layer()
                .with_tracer(spans.tracer("pharos"))
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                .with_target(false)
                .with_level(false);
            // Events belong to the logs; on spans they would be told twice.
            spans.with_filter(filter_fn(|it| it.is_span() && not_the_exporter(it)))
        });
        let logs = self.logs.as_ref().map(|logs| {
            let logs = OpenTelemetryTracingBridge::new(logs);
            logs.with_filter(filter_fn(|it| it.is_event() && is_told(it) && not_the_exporter(it)))
        });
        // Not one layer of two options: an absent layer among filtered ones switches them all off.
        match (spans, logs) {
            (Some(spans), Some(logs)) => Box::new(spans.and_then(logs)),
            (Some(spans), None) => Box::new(spans),
            (None, Some(logs)) => Box::new(logs),
            (None, None) => Box::new(tracing_subscriber::layer::Identity::new()),
        }
    }

    /// Sends what waits.
    pub(super) fn flush(&self) {
        let _ = self.spans.as_ref().map(SdkTracerProvider::force_flush);
        let _ = self.logs.as_ref().map(SdkLoggerProvider::force_flush);
    }

    /// Sends what waits and ends the exporters' threads.
    pub(super) fn stop(self) {
        // An endpoint that is gone at the end is nobody's concern any more.
        let _ = self.spans.map(|spans| spans.shutdown());
        let _ = self.logs.map(|logs| logs.shutdown());
    }
}

/// Log records that go out: warnings and errors, and what Pharos reads by its name.
fn is_told(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::WARN
        || matches!(metadata.target(), "pharos::report" | "pharos::started")
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
        type Case<'a> = (&'a [(&'a str, &'a str)], bool, bool);

        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
        let cases: [Case<'_>; 5] = [
            (&[], false, true),
            (&[endpoint], true, true),
            (&[endpoint, ("OTEL_SDK_DISABLED", "TRUE")], false, false),
            (&[endpoint, ("ENABLE_TELEMETRY", "false")], false, false),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")], false, true),
        ];
        for (variables, expected, with_own) in cases {
            let find = |name: &str| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(wanted(None, find), expected, "{variables:?}");
            assert_eq!(wanted(Some("http://pharos:4318"), find), with_own, "{variables:?}");
        }
    }

    #[test]
    fn a_variable_goes_before_the_app() {
        let source = Source { endpoint: Some("http://a:4318".to_owned()), ..Source::default() };
        assert_eq!(own_endpoint(&source, |_| None), Some("http://a:4318"));
        let said = |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| "b".to_owned());
        assert_eq!(own_endpoint(&source, said), None);
    }
}
