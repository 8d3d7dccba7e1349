//! OTel HTTP conventions, stable and old names, serving and calling.

use super::kind::Kind;
use super::names::{Facts, Field, Name};
use crate::model::{HttpExchange, Span, SpanKind};

/// Stable names first.
pub(super) static NAMES: &[Name] = &[
    ("http.request.method", Field::HttpMethod),
    ("http.method", Field::HttpMethod),
    ("http.route", Field::HttpRoute),
    ("url.template", Field::HttpRoute),
    ("http.response.status_code", Field::HttpStatus),
    ("http.status_code", Field::HttpStatus),
    ("url.path", Field::HttpTarget),
    ("http.target", Field::HttpTarget),
    ("server.address", Field::PeerName),
    ("net.peer.name", Field::PeerName),
    ("http.host", Field::PeerName),
    ("peer.service", Field::PeerName),
    ("url.full", Field::PeerUrl),
    ("http.url", Field::PeerUrl),
];

/// The methods that stay what they are; every other is `_OTHER`, so that no client can fill the
/// page with its inventions.
static METHODS: &[&str] =
    &["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "CONNECT", "TRACE", "QUERY"];

/// Whether the span is an HTTP exchange. Parts of one (an ASGI app's `http send`) are internal
/// spans that repeat its status code, and are none.
pub(super) fn kind(facts: &Facts<'_, '_>, span: &Span<'_>) -> Option<Kind> {
    if !facts.has(Field::HttpMethod) && !facts.has(Field::HttpStatus) {
        return None;
    }
    match span.kind {
        SpanKind::Server => Some(Kind::HttpServer),
        SpanKind::Client => Some(Kind::HttpClient),
        _ => None,
    }
}

/// Reads the exchange.
pub(super) fn exchange<'a>(facts: &Facts<'_, 'a>, served: bool) -> HttpExchange<'a> {
    let method = facts.text(Field::HttpMethod).unwrap_or_default();
    let method = METHODS.iter().find(|known| known.eq_ignore_ascii_case(method));
    let route = facts.text(Field::HttpRoute);
    HttpExchange {
        method: method.copied().unwrap_or("_OTHER"),
        route,
        status_code: status_code(facts),
        peer: if served { "" } else { peer(facts).unwrap_or_default() },
    }
}

/// The status code, where it is one.
pub(super) fn status_code(facts: &Facts<'_, '_>) -> Option<u16> {
    let code = facts.number(Field::HttpStatus)?;
    (100.0..1000.0).contains(&code).then_some(code as u16)
}

/// The host that was called, without its port.
pub(super) fn peer<'a>(facts: &Facts<'_, 'a>) -> Option<&'a str> {
    let named = facts.text(Field::PeerName);
    let host = named.or_else(|| facts.text(Field::PeerUrl).and_then(host_of_url))?;
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(name),
        _ => Some(host),
    }
}

/// The host and port of a URL.
fn host_of_url(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_out_of_urls() {
        for (url, host) in [
            ("https://api.openai.com/v1/chat", Some("api.openai.com")),
            ("http://user:secret@127.0.0.1:8080?x=http://evil", Some("127.0.0.1:8080")),
            ("http://", None),
            ("/relative", None),
        ] {
            assert_eq!(host_of_url(url), host, "{url}");
        }
    }
}
