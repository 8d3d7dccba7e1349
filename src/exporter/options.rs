//! What a target is.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::Signal;

/// One receiver of what Pharos keeps.
#[derive(Clone)]
pub struct TargetOptions {
    /// Its name: the `target` label and the name of its cursor. Letters, digits, `-` and `_`.
    pub name: String,
    /// `http://host:4317` for gRPC; for HTTP the base URL, to which `/v1/<signal>` is added.
    pub endpoint: String,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// Sent with every request. Values may be secrets.
    pub headers: Vec<(String, String)>,
    /// Whether requests are compressed with gzip.
    pub gzip: bool,
    /// What it is sent.
    pub signals: Vec<Signal>,
    /// How long one request may take.
    pub timeout: Duration,
    /// Certificates, where the endpoint is `https`.
    pub tls: TlsOptions,
}

/// The two transports of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP with protobuf bodies.
    Http,
}

/// PEM files. Without a CA file the system's certificates are trusted.
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {
    /// Trusted instead of the system's certificates.
    pub ca_file: Option<PathBuf>,
    /// Shown to the target, together with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// The key of `cert_file`.
    pub key_file: Option<PathBuf>,
}

/// A target's options cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The endpoint is no URL that can be called.
    #[error("the endpoint is not a usable URL: {0}")]
    Endpoint(String),
    /// A header name or value has characters that headers may not have.
    #[error("header {0:?} cannot be sent")]
    Header(String),
    /// A certificate or key could not be read or used.
    #[error("{path}: {reason}", path = .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The cursor could not be read.
    #[error("the cursor could not be read: {0}")]
    Cursor(std::io::Error),
}

impl fmt::Debug for TargetOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("TargetOptions")
            .field("name", &self.name)
            .field("endpoint", &self.endpoint)
            .field("protocol", &self.protocol)
            .field("header_names", &headers)
            .finish_non_exhaustive()
    }
}
