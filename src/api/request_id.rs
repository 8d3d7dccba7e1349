//! The id that ties a caller's request to our log lines.

use crate::limits;
use axum::http::HeaderMap;

/// The header that carries it, both ways.
pub(super) const HEADER: &str = "x-request-id";

/// The caller's `X-Request-Id`, if it is one that can stand in a log line, else a new one.
pub(crate) fn accept_or_make(headers: &HeaderMap) -> String {
    let sent = headers.get(HEADER).and_then(|value| value.to_str().ok());
    match sent {
        Some(id) if acceptable(id) => id.to_owned(),
        _ => format!("{:032x}", fastrand::u128(1..)),
    }
}

fn acceptable(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=limits::REQUEST_ID_BYTES).contains(&id.len()) && id.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn taken(sent: &[u8]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_bytes(sent).unwrap());
        accept_or_make(&headers).as_bytes() == sent
    }

    #[test]
    fn plain_ids_are_kept_and_others_replaced() {
        assert!(taken(b"01J-abc_9.z"));
        assert!(taken(&[b'a'; limits::REQUEST_ID_BYTES]));
        for bad in [
            &[b'a'; limits::REQUEST_ID_BYTES + 1][..],
            b"",
            b"a b",
            b"a\tb",
            b"\"",
            b"<b>",
            b"\xff\xfe",
            "é".as_bytes(),
        ] {
            assert!(!taken(bad), "{bad:?}");
        }
        assert_eq!(accept_or_make(&HeaderMap::new()).len(), 32);
    }
}
