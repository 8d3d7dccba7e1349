//! Which headers go on, upstream and down.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// The header with the caller's key for Pharos. The provider's key is in `Authorization` or
/// `X-Api-Key`, so ours has a name of its own, and stays here.
pub(super) const PHAROS_KEY: HeaderName = HeaderName::from_static("x-pharos-key");
/// The id of a request, taken from the caller or made.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The same where the upstream's answer has an id of its own under the usual name.
pub(super) const OWN_REQUEST_ID: HeaderName = HeaderName::from_static("x-pharos-request-id");
/// W3C Trace Context.
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// W3C Baggage.
pub(super) const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// Headers of one connection, which say nothing to the next. `Expect` is answered by our own
/// server.
const HOP_BY_HOP: [HeaderName; 10] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
];

/// Takes out what belongs to one connection only, also what `Connection` names.
pub(super) fn end_to_end(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// What of the caller's headers goes upstream: all that are not about its connection to us.
pub(super) fn upward(headers: &mut HeaderMap) {
    end_to_end(headers);
    headers.remove(PHAROS_KEY);
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
}

/// Restricts what the answer may be packed with to what is read on the side. A caller that
/// accepts one of these gets it; one that accepts only others gets the answer plain.
pub(super) fn readable_codings(headers: &mut HeaderMap) {
    const READ: [&str; 4] = ["gzip", "zstd", "deflate", "identity"];
    let Some(accepted) = headers.get(header::ACCEPT_ENCODING) else {
        // Without the header anything may be sent.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        return;
    };
    let accepted = accepted.to_str().unwrap_or_default();
    let name = |coding: &str| coding.split(';').next().unwrap_or_default().trim().to_owned();
    let known = |coding: &&str| READ.iter().any(|read| name(coding).eq_ignore_ascii_case(read));
    if accepted.split(',').all(|coding| known(&coding)) {
        return;
    }
    let kept: Vec<&str> = accepted.split(',').map(str::trim).filter(known).collect();
    let kept = if kept.is_empty() { "identity".to_owned() } else { kept.join(", ") };
    if let Ok(kept) = HeaderValue::from_str(&kept) {
        headers.insert(header::ACCEPT_ENCODING, kept);
    }
}

/// Asks for an answer that is not packed, because an event may be taken out of it.
pub(super) fn plain_answer(headers: &mut HeaderMap) {
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
}

/// Requests that the provider still allows, as its answer says.
pub(super) fn rate_limit_remaining(headers: &HeaderMap) -> Option<f64> {
    const NAMES: [&str; 2] =
        ["x-ratelimit-remaining-requests", "anthropic-ratelimit-requests-remaining"];
    let said = NAMES.iter().find_map(|name| headers.get(*name))?.to_str().ok()?;
    let number: f64 = said.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

/// Puts the id of the request into the answer. The upstream's own id stays where it is.
pub(super) fn tell_request_id(headers: &mut HeaderMap, id: &HeaderValue) {
    headers.entry(REQUEST_ID).or_insert_with(|| id.clone());
    headers.insert(OWN_REQUEST_ID, id.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn only_what_is_about_the_connection_stays_behind() {
        let mut headers = map(&[
            ("host", "localhost:9464"),
            ("authorization", "Bearer sk-1"),
            ("x-api-key", "sk-2"),
            ("x-pharos-key", "ours"),
            ("connection", "keep-alive, X-Once"),
            ("x-once", "1"),
            ("te", "trailers"),
            ("expect", "100-continue"),
            ("transfer-encoding", "chunked"),
            ("openai-organization", "org"),
            ("x-repeated", "a"),
            ("x-repeated", "b"),
        ]);
        upward(&mut headers);
        let left = map(&[
            ("authorization", "Bearer sk-1"),
            ("x-api-key", "sk-2"),
            ("openai-organization", "org"),
            ("x-repeated", "a"),
            ("x-repeated", "b"),
        ]);
        assert_eq!(headers, left);
    }

    #[test]
    fn codings_that_cannot_be_read_are_not_asked_for() {
        for (sent, expected) in [
            ("gzip, deflate, br, zstd", "gzip, deflate, zstd"),
            ("gzip, deflate", "gzip, deflate"),
            ("br;q=1.0, gzip;q=0.5", "gzip;q=0.5"),
            ("br", "identity"),
            ("*", "identity"),
            ("", "identity"),
        ] {
            let mut headers = map(&[("accept-encoding", sent)]);
            readable_codings(&mut headers);
            assert_eq!(headers["accept-encoding"], expected, "{sent}");
        }
        let mut headers = HeaderMap::new();
        readable_codings(&mut headers);
        assert_eq!(headers["accept-encoding"], "identity");
    }

    #[test]
    fn rate_limits_are_read() {
        let openai = map(&[("x-ratelimit-remaining-requests", "59")]);
        assert_eq!(rate_limit_remaining(&openai), Some(59.0));
        let anthropic = map(&[("anthropic-ratelimit-requests-remaining", "7")]);
        assert_eq!(rate_limit_remaining(&anthropic), Some(7.0));
        for bad in ["-1", "NaN", "inf", "many", ""] {
            assert_eq!(
                rate_limit_remaining(&map(&[("x-ratelimit-remaining-requests", bad)])),
                None
            );
        }
    }

    #[test]
    fn an_upstreams_own_request_id_stays() {
        let own = HeaderValue::from_static("mine");
        let mut headers = map(&[("x-request-id", "req_provider")]);
        tell_request_id(&mut headers, &own);
        assert_eq!(
            (&headers["x-request-id"], &headers["x-pharos-request-id"]),
            (&"req_provider".parse().unwrap(), &own)
        );
        let mut headers = HeaderMap::new();
        tell_request_id(&mut headers, &own);
        assert_eq!(headers["x-request-id"], own);
    }
}
