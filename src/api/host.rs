//! Which names a caller may use for an open Pharos.
//!
//! Without keys Pharos listens on loopback addresses only, but a web page can make its visitor's
//! browser call those under a name of the page's own (DNS rebinding) and would read every prompt.
//! Such a call carries the page's name as its host, so other names than loopback's are refused.

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};
use std::net::IpAddr;

/// The hosts that a request may name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Hosts {
    /// Any: keys are asked for, or something in front of Pharos checks who calls.
    #[default]
    Any,
    /// `localhost` and loopback addresses, and this one where the configuration names it.
    Loopback {
        /// The host of `web.external_url`, without its port.
        also: Option<String>,
    },
}

impl Hosts {
    /// Loopback, and the host of this URL.
    pub fn loopback_and(external_url: Option<&str>) -> Self {
        let uri = external_url.and_then(|url| url.parse::<Uri>().ok());
        Self::Loopback { also: uri.and_then(|uri| uri.host().map(str::to_owned)) }
    }

    /// Whether a request to this URI with these headers may be answered. One that names no host
    /// comes from no browser.
    pub fn allow(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let Self::Loopback { also } = self else { return true };
        // HTTP/2 names the host in the URI, HTTP/1 in a header.
        let header = headers.get(header::HOST);
        let authority = match (uri.authority(), header) {
            (Some(authority), _) => Some(authority.clone()),
            (None, None) => return true,
            (None, Some(host)) => Authority::try_from(host.as_bytes()).ok(),
        };
        authority.is_some_and(|authority| {
            let host = authority.host();
            let also = also.as_deref().is_some_and(|also| host.eq_ignore_ascii_case(also));
            also || is_loopback(host)
        })
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    // Browsers resolve `localhost` and what ends in it themselves.
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    address.is_ok_and(|address| address.to_canonical().is_loopback())
        || name == "localhost"
        || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn allows(hosts: &Hosts, host: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        hosts.allow(&Uri::from_static("/api/status"), &headers)
    }

    #[test]
    fn a_page_cannot_call_under_its_own_name() {
        let hosts = Hosts::loopback_and(Some("https://pharos.example.com/base"));
        for own in [
            "localhost:9464",
            "LOCALHOST",
            "pharos.localhost:1",
            "127.0.0.1:9464",
            "127.1.2.3",
            "[::1]:9464",
            "[::ffff:127.0.0.1]:80",
            "pharos.example.com",
            "Pharos.Example.com:443",
        ] {
            assert!(allows(&hosts, own), "{own}");
        }
        for foreign in [
            "evil.example:9464",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "notlocalhost",
            "10.0.0.1:9464",
            "0.0.0.0:9464",
            "pharos.example.com.evil",
            "",
            "a b",
            "[::1",
        ] {
            assert!(!allows(&hosts, foreign), "{foreign}");
            assert!(allows(&Hosts::Any, foreign), "{foreign}");
        }
    }

    #[test]
    fn the_uri_of_http2_counts_before_the_header() {
        let hosts = Hosts::loopback_and(None);
        let none = HeaderMap::new();
        assert!(hosts.allow(&Uri::from_static("http://127.0.0.1:9464/metrics"), &none));
        assert!(!hosts.allow(&Uri::from_static("http://evil.example/metrics"), &none));
        assert!(hosts.allow(&Uri::from_static("/metrics"), &none));
    }
}
