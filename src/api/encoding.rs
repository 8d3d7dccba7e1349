//! `Accept-Encoding`: gzip where the caller takes it.

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;

/// Whether the caller takes gzip: named, or covered by `*`, with a weight above zero.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut any = false;
    for value in headers.get_all(header::ACCEPT_ENCODING) {
        for coding in value.to_str().unwrap_or_default().split(',') {
            let mut parts = coding.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=")).unwrap_or("1");
            let wanted = weight.parse::<f64>().is_ok_and(|weight| weight > 0.0);
            if name.eq_ignore_ascii_case("gzip") {
                return wanted;
            }
            any |= name == "*" && wanted;
        }
    }
    any
}

/// Packs a body. The lowest level: metric pages shrink tenfold with it already.
pub(super) fn gzip(body: &[u8]) -> Bytes {
    pack(body, Compression::fast())
}

/// Packs a body well: columns of numbers gain a tenth by it.
pub(super) fn gzip_small(body: &[u8]) -> Bytes {
    pack(body, Compression::default())
}

fn pack(body: &[u8], level: Compression) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), level);
    let packed = encoder.write_all(body).and_then(|()| encoder.finish());
    Bytes::from(packed.expect("writing to memory does not fail"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use flate2::read::GzDecoder;
    use std::io::Read as _;

    #[test]
    fn weights_and_wildcards() {
        let accepts = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap());
            accepts_gzip(&headers)
        };
        for yes in ["gzip", "deflate, gzip;q=0.5", "GZIP", "*", "br;q=1, *;q=0.1", "gzip ; q=1"] {
            assert!(accepts(yes), "{yes}");
        }
        for no in ["", "identity", "gzip;q=0", "*;q=0", "*, gzip;q=0", "gzip;q=x", "gzipped"] {
            assert!(!accepts(no), "{no}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn what_is_packed_unpacks() {
        let body = b"metric 1\n".repeat(1_000);
        let packed = gzip(&body);
        assert!(packed.len() < body.len() / 10);
        let mut unpacked = Vec::new();
        GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, body);
    }
}
