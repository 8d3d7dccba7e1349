//! Sending export requests to an OTLP/HTTP door.

use std::time::Duration;

use super::DemoOptions;

/// Why a request was not sent or not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No client could be made, or no answer came.
    #[error("request failed: {0}")]
    Transport(#[from] reqwest::Error),
    /// The door answered something else than success.
    #[error("the door answered {0}")]
    Refused(reqwest::StatusCode),
}

pub(super) struct Sender {
    client: reqwest::Client,
    endpoint: String,
    api_key: Option<String>,
}

impl Sender {
    pub(super) fn new(options: &DemoOptions) -> Result<Self, DemoError> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
        let endpoint = options.endpoint.trim_end_matches('/').to_owned();
        Ok(Self { client, endpoint, api_key: options.api_key.clone() })
    }

    pub(super) async fn send(&self, signal: &str, body: Vec<u8>) -> Result<(), DemoError> {
        let mut request = self
            .client
            .post(format!("{}/v1/{signal}", self.endpoint))
            .header("content-type", "application/x-protobuf")
            .body(body);
        if let Some(key) = &self.api_key {
            request = request.header("x-api-key", key);
        }
        let answer = request.send().await?;
        if answer.status().is_success() { Ok(()) } else { Err(DemoError::Refused(answer.status())) }
    }
}
