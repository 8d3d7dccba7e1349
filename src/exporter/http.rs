//! A target over OTLP/HTTP.

use std::io::Write;

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Identity, Response, redirect};

use super::options::{TargetError, TargetOptions, TlsOptions};
use super::outcome::{self, Outcome};
use crate::model::Signal;
use crate::{clock, limits};

pub(super) struct HttpTarget {
    client: Client,
    base: String,
    gzip: bool,
}

impl HttpTarget {
    pub(super) fn new(options: &TargetOptions) -> Result<Self, TargetError> {
        let endpoint = |why: &dyn ToString| TargetError::Endpoint(why.to_string());
        reqwest::Url::parse(&options.endpoint).map_err(|error| endpoint(&error))?;
        let mut builder = Client::builder()
            .default_headers(headers(options)?)
            .timeout(options.timeout)
            // A redirect could carry the headers, and with them a secret, somewhere else.
            .redirect(redirect::Policy::none());
        if let Some(path) = &options.tls.ca_file {
            let pem = read(path)?;
            let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| bad(path, error));
            builder = builder.tls_certs_only(certificates?);
        }
        if let Some((path, pem)) = identity(&options.tls)? {
            builder =
                builder.identity(Identity::from_pem(&pem).map_err(|error| bad(&path, error))?);
        }
        let client = builder.build().map_err(|error| endpoint(&error))?;
        let base = options.endpoint.trim_end_matches('/').to_owned();
        Ok(Self { client, base, gzip: options.gzip })
    }

    pub(super) async fn send(&self, signal: Signal, body: Bytes) -> Outcome {
        let mut request = self
            .client
            .post(format!("{}/v1/{}", self.base, signal.name()))
            .header(CONTENT_TYPE, "application/x-protobuf");
        request = if self.gzip {
            request.header(CONTENT_ENCODING, "gzip").body(gzip(&body))
        } else {
            request.body(body)
        };
        match request.send().await {
            Ok(response) => read_outcome(response).await,
            // The text of a transport error holds the URL at most, never a header.
            Err(error) => Outcome::Retry { after: None, why: error.without_url().to_string() },
        }
    }
}

async fn read_outcome(mut response: Response) -> Outcome {
    let status = response.status().as_u16();
    let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
    let after = after.and_then(|value| outcome::retry_after(value, clock::unix_nanos()));
    let mut body = BytesMut::new();
    // A target that answers without end must not fill our memory; what it said is enough.
    while let Ok(Some(chunk)) = response.chunk().await {
        if body.len() + chunk.len() > limits::TARGET_RESPONSE_BYTES {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    outcome::of_http(status, after, &body)
}

fn headers(options: &TargetOptions) -> Result<HeaderMap, TargetError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &options.headers {
        let bad = || TargetError::Header(name.clone());
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).expect("writing into a vector cannot fail");
    encoder.finish().expect("writing into a vector cannot fail")
}

/// The PEM of certificate and key together, and the path to blame.
fn identity(tls: &TlsOptions) -> Result<Option<(std::path::PathBuf, Vec<u8>)>, TargetError> {
    let (Some(certificate), Some(key)) = (&tls.cert_file, &tls.key_file) else { return Ok(None) };
    let mut pem = read(certificate)?;
    pem.push(b'\n');
    pem.extend(read(key)?);
    Ok(Some((certificate.clone(), pem)))
}

pub(super) fn read(path: &std::path::Path) -> Result<Vec<u8>, TargetError> {
    std::fs::read(path).map_err(|error| bad(path, error))
}

fn bad(path: &std::path::Path, reason: impl ToString) -> TargetError {
    TargetError::Certificate { path: path.to_owned(), reason: reason.to_string() }
}
