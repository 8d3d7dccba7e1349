//! The page at `/`: what this is and where to go on.

use super::Shared;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:44rem;\
padding:0 1rem}code{font-size:.95em}li{margin:.4rem 0}@media(prefers-color-scheme:dark)\
{body{background:#111;color:#ddd}a{color:#8bf}}";

/// What the page and the reports say of this build.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The version, as in `Cargo.toml`.
    pub version: String,
    /// The revision it was built from; empty where unknown.
    pub revision: String,
    /// The URL under which people reach Pharos, without a slash at its end; empty where links
    /// from the root do.
    pub base_url: String,
    /// Further links, for instance to the console or to Grafana.
    pub links: Vec<Link>,
}

/// One link of the page.
#[derive(Debug, Clone)]
pub struct Link {
    /// Where it leads; only `http:`, `https:` and paths are shown as links.
    pub address: String,
    /// The words that one clicks on.
    pub text: String,
    /// What is found there.
    pub description: String,
}

/// The links of every Pharos: address, words, description.
const LINKS: [(&str, &str, &str); 5] = [
    ("/api/status", "Status", "what is wrong and what to do about it"),
    ("/api/traces/search", "Traces", "the newest runs; filters in the API description"),
    ("/api/otel-metrics", "Insights", "error rates, durations, tokens, failing tools"),
    ("/health", "Health", "every component and how long it took to answer"),
    ("/api/openapi.json", "API description", "OpenAPI 3.1"),
];

/// `GET /`.
pub(super) async fn answer(State(api): State<Shared>) -> Response {
    let page = page(&api.handles.about, &api.handles.metrics_path);
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    let mut response = page.into_response();
    let headers = response.headers_mut();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, html);
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn page(about: &About, metrics_path: &str) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Pharos</title>\
         <style>{STYLE}</style></head><body><h1>Pharos</h1>\
         <p>Observability for AI-agent platforms. Version {}",
        escape(&about.version)
    );
    // Writing to a string cannot fail.
    if !about.revision.is_empty() {
        let _ = write!(page, " ({})", escape(&about.revision));
    }
    page.push_str(".</p><ul>");
    let metrics = (metrics_path, "Metrics", "for Prometheus");
    for (path, text, description) in [metrics].into_iter().chain(LINKS) {
        item(&mut page, &format!("{}{path}", about.base_url), text, description);
    }
    for link in &about.links {
        item(&mut page, &link.address, &link.text, &link.description);
    }
    page.push_str(
        "</ul><p>Send telemetry over OTLP: gRPC on port <code>4317</code>, HTTP on port \
         <code>4318</code>.</p></body></html>\n",
    );
    page
}

fn item(page: &mut String, address: &str, text: &str, description: &str) {
    let (text, description) = (escape(text), escape(description));
    let safe = ["http://", "https://"].iter().any(|scheme| address.starts_with(scheme))
        || (address.starts_with('/') && !address.starts_with("//"));
    let _ = if safe {
        let address = escape(address);
        write!(page, "<li><a href=\"{address}\">{text}</a> — {description}</li>")
    } else {
        write!(page, "<li>{text} — {description}</li>")
    };
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_becomes_markup() {
        let link = |address: &str| Link {
            address: address.to_owned(),
            text: "<b>".to_owned(),
            description: "\"'&".to_owned(),
        };
        let about = About {
            version: "<script>".to_owned(),
            links: vec![link("javascript:alert(1)"), link("//evil"), link("/ok?a=1&b=\"2\"")],
            ..About::default()
        };
        let page = page(&about, "/metrics");
        assert!(!page.contains("<script") && !page.contains("<b>"));
        assert!(!page.contains("javascript:") && !page.contains("//evil"));
        assert!(page.contains("href=\"/ok?a=1&amp;b=&quot;2&quot;\""));
    }
}
