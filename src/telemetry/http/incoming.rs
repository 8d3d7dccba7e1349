//! What a request says of whose work it is.

use http::HeaderMap;

use crate::telemetry::Context;
use crate::telemetry::propagate::REQUEST_ID;

/// The context of a request. A caller from outside is believed nothing but its request id.
pub(super) fn context(headers: &HeaderMap, believed: bool) -> Context {
    let first = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if !believed {
        return Context::new().with_request_id_of(first(REQUEST_ID));
    }
    Context::of_headers(|name| {
        let several = || headers.get_all(name).iter().nth(1).is_some();
        // Of two traces nobody knows which one is meant.
        first(name).filter(|_| !name.starts_with("trace") || !several())
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::limits;

    fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| {
                let name = http::HeaderName::from_static(name);
                (name, HeaderValue::from_bytes(value).unwrap())
            })
            .collect()
    }

    #[test]
    fn headers_go_before_baggage() {
        let sent = headers(&[
            ("x-tenant-id", b"acme"),
            ("baggage", b"tenant.id=other,user.id=u-1"),
            ("x-session-id", b"s-1"),
            ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ]);
        let context = super::context(&sent, true);
        let facts = (context.tenant(), context.user(), context.conversation());
        assert_eq!(facts, (Some("acme"), Some("u-1"), Some("s-1")));
        assert!(context.trace_parent().unwrap().sampled);
        let outside = super::context(&sent, false);
        assert_eq!((outside.tenant(), outside.trace_parent()), (None, None));
    }

    #[test]
    fn hostile_headers_become_nothing_or_something_clean() {
        for bad in [&b"\xff\xfe"[..], b"a b", b"", &[b'a'; 5_000]] {
            let sent = headers(&[("x-request-id", bad), ("traceparent", bad), ("baggage", bad)]);
            let context = super::context(&sent, true);
            assert_eq!(context.request_id().unwrap().len(), 32, "{bad:?}");
            assert_eq!(context.trace_parent(), None);
        }
        let long = [b't'; 5_000];
        let context = super::context(&headers(&[("x-tenant-id", &long)]), true);
        assert_eq!(context.tenant().unwrap().len(), limits::CONTEXT_VALUE_BYTES);
        let kept = super::context(&headers(&[("x-request-id", b"01J-abc_9.z")]), true);
        assert_eq!(kept.request_id(), Some("01J-abc_9.z"));
    }
}
