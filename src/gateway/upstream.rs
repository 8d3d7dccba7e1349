//! An upstream: where it is, and the connections to it.

use std::sync::Arc;
use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::options::{Kind, UpstreamOptions};
use super::outgoing::Outgoing;
use crate::limits;

/// Why an upstream cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("upstream {id}: {why}")]
pub struct UpstreamError {
    id: String,
    why: String,
}

/// One upstream, ready to be called.
pub(super) struct Upstream {
    pub(super) options: UpstreamOptions,
    pub(super) client: Client<HttpsConnector<HttpConnector>, Outgoing>,
    /// The provider's well-known name.
    pub(super) provider: String,
    /// `Host` of requests to it.
    pub(super) host: HeaderValue,
    pub(super) port: u16,
    scheme: Scheme,
    authority: Authority,
    /// The path in front of every path, without a slash at its end.
    prefix: String,
}

impl Upstream {
    pub(super) fn new(options: UpstreamOptions) -> Result<Self, UpstreamError> {
        let failed = |why: String| UpstreamError { id: options.id.clone(), why };
        let parts = options.url.parse::<Uri>().map(Uri::into_parts);
        let parts = parts.map_err(|_| failed("the URL is not one".to_owned()))?;
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(failed("the URL is not one".to_owned()));
        };
        let host = HeaderValue::from_str(authority.as_str());
        let host = host.map_err(|_| failed("the URL's host is none".to_owned()))?;
        let preset = if scheme == Scheme::HTTPS { 443 } else { 80 };
        let port = authority.port_u16().unwrap_or(preset);
        let prefix = parts.path_and_query.as_ref().map_or("", PathAndQuery::path);
        let prefix = prefix.trim_end_matches('/').to_owned();
        let client = client(&options, scheme == Scheme::HTTPS).map_err(failed)?;
        let provider = match &*options.provider {
            "" => provider_of(options.kind, authority.host()),
            named => named.to_owned(),
        };
        Ok(Self { options, client, provider, host, port, scheme, authority, prefix })
    }

    /// The URI of a path (and query) below the gateway's own prefix; `None` for a path that
    /// climbs out of it, or is none.
    pub(super) fn uri(&self, path: &str, query: Option<&str>) -> Option<Uri> {
        if climbs(path) {
            return None;
        }
        let mut target = String::with_capacity(
            self.prefix.len() + path.len() + query.map_or(0, |query| query.len() + 1) + 1,
        );
        target.push_str(&self.prefix);
        // The bare prefix needs no slash; anything behind it, or nothing at all, does.
        let bare = path.is_empty() && !target.is_empty();
        if !bare && !path.starts_with('/') {
            target.push('/');
        }
        target.push_str(path);
        if let Some(query) = query {
            target.push('?');
            target.push_str(query);
        }
        let target = PathAndQuery::from_maybe_shared(bytes::Bytes::from(target)).ok()?;
        let uri = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone());
        uri.path_and_query(target).build().ok()
    }

    /// The name of the host, without its port.
    pub(super) fn address(&self) -> &str {
        self.authority.host()
    }
}

/// Whether a path has a step upwards, also one that is written with escapes.
fn climbs(path: &str) -> bool {
    path.split(['/', '\\']).any(|part| {
        let mut rest = part;
        let mut dots = 0;
        while !rest.is_empty() {
            let dot = ["%2e", "%2E", "."].into_iter().find_map(|dot| rest.strip_prefix(dot));
            let Some(behind) = dot else { return false };
            (rest, dots) = (behind, dots + 1);
        }
        dots == 2
    })
}

/// The well-known name of whoever is behind a host, else of who made the API that it speaks.
fn provider_of(kind: Kind, host: &str) -> String {
    const HOSTS: [(&str, &str); 14] = [
        ("api.openai.com", "openai"),
        ("api.anthropic.com", "anthropic"),
        ("openai.azure.com", "azure.ai.openai"),
        ("services.ai.azure.com", "azure.ai.inference"),
        ("amazonaws.com", "aws.bedrock"),
        ("generativelanguage.googleapis.com", "gcp.gemini"),
        ("aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("api.mistral.ai", "mistral_ai"),
        ("api.groq.com", "groq"),
        ("api.deepseek.com", "deepseek"),
        ("api.cohere.com", "cohere"),
        ("api.perplexity.ai", "perplexity"),
        ("api.x.ai", "x_ai"),
        ("openrouter.ai", "openrouter"),
    ];
    let serves = |domain: &str| {
        host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let known = HOSTS.iter().find(|(domain, _)| serves(domain)).map(|(_, name)| *name);
    let spoken = match kind {
        Kind::OpenAi => "openai",
        Kind::Anthropic => "anthropic",
        Kind::Other => "unknown",
    };
    known.unwrap_or(spoken).to_owned()
}

fn client(
    options: &UpstreamOptions,
    secure: bool,
) -> Result<Client<HttpsConnector<HttpConnector>, Outgoing>, String> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(options.connect_timeout));
    tcp.set_keepalive(Some(Duration::from_secs(limits::GATEWAY_IDLE_SECONDS)));
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls(options, secure)?);
    let connector = connector.https_or_http().enable_http1().enable_http2().wrap_connector(tcp);
    Ok(Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(limits::GATEWAY_IDLE_SECONDS))
        .pool_max_idle_per_host(limits::GATEWAY_IDLE_CONNECTIONS)
        .http1_max_buf_size(limits::GATEWAY_BUFFER_BYTES)
        .http1_max_headers(limits::GATEWAY_HEADERS)
        .http2_initial_stream_window_size(limits::HTTP2_WINDOW_BYTES)
        .http2_initial_connection_window_size(limits::HTTP2_WINDOW_BYTES)
        .http2_max_header_list_size(limits::GATEWAY_BUFFER_BYTES as u32)
        .set_host(false)
        .build(connector))
}

/// Certificates are always verified: against those of the file, or the system's.
fn tls(options: &UpstreamOptions, secure: bool) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    if let Some(file) = &options.ca_file {
        let certificates = CertificateDer::pem_file_iter(file);
        let certificates = certificates.map_err(|error| format!("{}: {error}", file.display()))?;
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            let certificate =
                certificate.map_err(|error| format!("{}: {error}", file.display()))?;
            roots.add(certificate).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        return Ok(config.with_root_certificates(roots).with_no_client_auth());
    }
    if !secure {
        // Nothing is trusted where nothing is asked for.
        return Ok(config.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    }
    let config = config.with_native_roots();
    let config = config.map_err(|error| format!("the system has no certificates: {error}"))?;
    Ok(config.with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(url: &str, path: &str, query: Option<&str>) -> Option<String> {
        let upstream = Upstream::new(UpstreamOptions::new("a", url, Kind::OpenAi)).unwrap();
        upstream.uri(path, query).map(|uri| uri.to_string())
    }

    #[test]
    fn paths_are_put_behind_the_upstreams_own() {
        for (url, path, query, expected) in [
            ("http://a/v1", "/chat", None, "http://a/v1/chat"),
            ("http://a/v1/", "/chat", Some("x=1"), "http://a/v1/chat?x=1"),
            ("http://a:8080", "/v1/chat", None, "http://a:8080/v1/chat"),
            ("http://a", "", None, "http://a/"),
            ("http://a/v1", "", Some("q"), "http://a/v1?q"),
            ("http://a/v1", "//b/c", None, "http://a/v1//b/c"),
            ("http://a/v1", "/%2f..%2f/x", None, "http://a/v1/%2f..%2f/x"),
            ("http://a/v1", "/a.b/...", None, "http://a/v1/a.b/..."),
        ] {
            assert_eq!(uri(url, path, query).as_deref(), Some(expected));
        }
        for bad in ["/..", "/../x", "/x/../..", "/%2e%2E/x", "/.%2e", "/a\\..\\b"] {
            assert_eq!(uri("http://a/v1", bad, None), None, "{bad}");
        }
    }

    #[test]
    fn providers_are_told_by_host_then_by_kind() {
        assert_eq!(provider_of(Kind::OpenAi, "api.groq.com"), "groq");
        assert_eq!(provider_of(Kind::OpenAi, "x.openai.azure.com"), "azure.ai.openai");
        assert_eq!(provider_of(Kind::OpenAi, "localhost"), "openai");
        assert_eq!(provider_of(Kind::Anthropic, "proxy.internal"), "anthropic");
        assert_eq!(provider_of(Kind::Other, "notapi.openai.com.test"), "unknown");
    }
}
