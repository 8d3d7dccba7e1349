//! Whether the sections fit one another.

use std::net::SocketAddr;

use super::origin::{Origin, Problem};
use super::sections::Config;
use super::units::write_bytes;
use super::value::read_url;
use super::values::Values;

/// Paths of the API where the metrics page cannot be; a test of the API compares them with its
/// routes.
pub(crate) const TAKEN_PATHS: [&str; 9] = [
    "/",
    "/-/healthy",
    "/-/ready",
    "/health",
    "/health/live",
    "/health/ready",
    "/healthz",
    "/livez",
    "/readyz",
];

/// The mistakes that only show when several keys are looked at together.
pub(super) fn check(config: &Config, values: &Values) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |key: &str, what: String| {
        problems.push(Problem { origin: values.origin(key), key: key.to_owned(), what });
    };
    let otlp = &config.otlp;
    if otlp.max_wire_bytes > otlp.max_unpacked_bytes {
        let most = write_bytes(otlp.max_unpacked_bytes as u64);
        problem("otlp.max_wire_bytes", format!("is more than otlp.max_unpacked_bytes ({most})"));
    }
    if otlp.max_unpacked_bytes > otlp.memory_budget_bytes {
        let least = write_bytes(otlp.max_unpacked_bytes as u64);
        let key = pick(values, "otlp.memory_budget_bytes", "otlp.max_unpacked_bytes");
        problem(key, format!("one unpacked request ({least}) must fit otlp.memory_budget_bytes"));
    }
    let storage = &config.storage;
    if storage.retention.bytes.is_some_and(|bytes| bytes < storage.segment_bytes) {
        let segment = write_bytes(storage.segment_bytes);
        let key = pick(values, "storage.retention.bytes", "storage.segment_bytes");
        problem(key, format!("storage.retention.bytes must hold at least one segment ({segment})"));
    }
    let metrics = &config.metrics;
    if metrics.max_label_values > metrics.max_series_per_metric {
        let key = pick(values, "metrics.max_label_values", "metrics.max_series_per_metric");
        problem(key, "metrics.max_label_values is more than metrics.max_series_per_metric".into());
    }
    if metrics.max_series_per_metric > metrics.max_series {
        let key = pick(values, "metrics.max_series_per_metric", "metrics.max_series");
        problem(key, "metrics.max_series_per_metric is more than metrics.max_series".into());
    }
    let apps = &config.app_metrics;
    if apps.max_series_per_metric > apps.max_series {
        let key = pick(values, "app_metrics.max_series_per_metric", "app_metrics.max_series");
        let what = "app_metrics.max_series_per_metric is more than app_metrics.max_series";
        problem(key, what.into());
    }
    let path = config.web.telemetry_path.as_str();
    if TAKEN_PATHS.contains(&path)
        || path == "/api"
        || path.starts_with("/api/")
        || path.starts_with("/gateway")
    {
        problem("web.telemetry_path", format!("{path} belongs to something else"));
    }
    let trace_url = config.web.trace_url.as_deref();
    if let Some(what) = trace_url.and_then(|url| not_a_template(url).err()) {
        problem("web.trace_url", what);
    }
    addresses(config, values, &mut problem);
    problems
}

/// The URL of a trace becomes a link in browsers: what stands before the place of the id must be
/// a URL like any other.
fn not_a_template(url: &str) -> Result<(), String> {
    let base = url.split(['?', '#', '{']).next().unwrap_or_default();
    read_url(base)?;
    match (url.contains("{trace_id}"), url.contains(char::is_whitespace)) {
        (_, true) => Err("must not have spaces; write %20".to_owned()),
        (true, false) => Ok(()),
        (false, false) => Err("must have {trace_id} where the id of a trace goes".to_owned()),
    }
}

fn addresses(config: &Config, values: &Values, problem: &mut impl FnMut(&str, String)) {
    let listeners = [
        ("web.listen_address", config.web.listen_address),
        ("otlp.grpc.listen_address", config.otlp.grpc_listen_address),
        ("otlp.http.listen_address", config.otlp.http_listen_address),
    ];
    for (index, (key, address)) in listeners.iter().enumerate() {
        let twin = listeners[..index].iter().find(|(_, other)| collide(*other, *address));
        if let Some((other, _)) = twin {
            let what = format!("{other} and {key} cannot both be {address}");
            problem(pick(values, key, other), what);
        }
        let open = !address.ip().to_canonical().is_loopback();
        if open && config.auth.api_keys.is_empty() && !config.auth.allow_public_without_auth {
            problem(
                key,
                format!(
                    "{address} can be reached from other machines and no API key is set; \
                     set auth.api_keys, listen on 127.0.0.1, or say \
                     --auth.allow-public-without-auth if something in front checks who calls"
                ),
            );
        }
    }
}

fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (one.ip() == other.ip() || everywhere)
}

/// The key that somebody set, so that the mistake is shown where it was made.
fn pick(values: &Values, first: &'static str, second: &'static str) -> &'static str {
    if values.origin(first) == Origin::Default { second } else { first }
}
