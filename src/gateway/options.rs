//! What is configured of the gateway.

use std::path::PathBuf;
use std::time::Duration;

use crate::limits;

/// The gateway's upstreams and what is done with calls.
#[derive(Debug, Clone)]
pub struct GatewayOptions {
    /// The upstreams, their ids unique. None: there is no gateway.
    pub upstreams: Vec<UpstreamOptions>,
    /// Whether what was asked and answered is recorded.
    pub capture_content: bool,
    /// Output tokens that budgets are asked for where a call names no bound.
    pub output_tokens: u64,
}

/// One upstream.
#[derive(Debug, Clone)]
pub struct UpstreamOptions {
    /// Its name in paths and labels.
    pub id: String,
    /// Where it is: `http://` or `https://`, without a slash at the end.
    pub url: String,
    /// Which API it speaks.
    pub kind: Kind,
    /// The provider's name in telemetry; empty: told by `url` and `kind`.
    pub provider: String,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long the head of an answer may take.
    pub first_byte_timeout: Duration,
    /// How long an answer may pause.
    pub idle_timeout: Duration,
    /// The largest request body.
    pub request_bytes: u64,
    /// The largest answer.
    pub response_bytes: u64,
    /// Whether streams are asked for their usage where the caller does not.
    pub ask_usage: bool,
    /// Certificates (PEM) to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// The API that an upstream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// OpenAI's, or what is made like it.
    OpenAi,
    /// Anthropic's.
    Anthropic,
    /// None that is read.
    Other,
}

impl Default for GatewayOptions {
    fn default() -> Self {
        Self {
            upstreams: Vec::new(),
            capture_content: false,
            output_tokens: limits::GATEWAY_OUTPUT_TOKENS,
        }
    }
}

impl UpstreamOptions {
    /// An upstream with the presets of the configuration.
    pub fn new(id: &str, url: &str, kind: Kind) -> Self {
        Self {
            id: id.to_owned(),
            url: url.to_owned(),
            kind,
            provider: String::new(),
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(600),
            idle_timeout: Duration::from_secs(300),
            request_bytes: limits::GATEWAY_REQUEST_BYTES,
            response_bytes: limits::GATEWAY_RESPONSE_BYTES,
            ask_usage: true,
            ca_file: None,
        }
    }
}
