//! Answers: OTLP's responses and google.rpc.Status, in protobuf and JSON.

use super::failure::{Failure, cut};
use crate::limits;
use crate::model::Signal;
use crate::otlp::write::{bytes_field, message_field, varint_field};
use crate::pipeline::Accepted;
use bytes::Bytes;
use http::HeaderMap;
use http::header::HeaderValue;
use http_body::{Body, Frame, SizeHint};
use serde_json::json;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of an answer: at most one piece of data, and trailers for gRPC.
#[derive(Debug, Default)]
pub struct Answer {
    data: Bytes,
    trailers: Option<HeaderMap>,
}

impl Answer {
    pub(super) fn new(data: Bytes) -> Self {
        Self { data, trailers: None }
    }

    pub(super) fn with_trailers(data: Bytes, trailers: HeaderMap) -> Self {
        Self { data, trailers: Some(trailers) }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.data.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.data)))));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        // With trailers the length is left open: gRPC frames its own messages.
        if self.trailers.is_some() {
            return SizeHint::default();
        }
        SizeHint::with_exact(self.data.len() as u64)
    }
}

/// The encoding of a request, and so of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    /// The encoding of a `Content-Type`, whose parameters do not matter.
    pub(super) fn of(content_type: &[u8]) -> Option<Self> {
        let kind = content_type.split(|&byte| byte == b';').next().unwrap_or(&[]).trim_ascii();
        let is = |name: &str| kind.eq_ignore_ascii_case(name.as_bytes());
        if is("application/x-protobuf") || is("application/protobuf") {
            Some(Self::Protobuf)
        } else if is("application/json") {
            Some(Self::Json)
        } else {
            None
        }
    }

    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        })
    }
}

/// `Export*ServiceResponse`. A full success leaves `partial_success` unset.
pub(super) fn success(signal: Signal, encoding: Encoding, accepted: &Accepted) -> Vec<u8> {
    let message = accepted.message.as_deref().unwrap_or("");
    let message = cut(message, limits::ERROR_MESSAGE_BYTES);
    let full = accepted.rejected == 0 && message.is_empty();
    match encoding {
        Encoding::Protobuf if full => Vec::new(),
        Encoding::Json if full => b"{}".to_vec(),
        Encoding::Protobuf => {
            let mut out = Vec::new();
            message_field(&mut out, 1, |out| {
                varint_field(out, 1, accepted.rejected);
                bytes_field(out, 2, message.as_bytes());
            });
            out
        }
        Encoding::Json => {
            let rejected = match signal {
                Signal::Traces => "rejectedSpans",
                Signal::Logs => "rejectedLogRecords",
                Signal::Metrics => "rejectedDataPoints",
            };
            let count = accepted.rejected.to_string();
            json!({"partialSuccess": {rejected: count, "errorMessage": message}})
                .to_string()
                .into_bytes()
        }
    }
}

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";
const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";

/// `google.rpc.Status` of a failure, with `RetryInfo` or `BadRequest` where they say more.
pub(super) fn status(failure: &Failure, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Protobuf => protobuf_status(failure),
        Encoding::Json => json_status(failure),
    }
}

fn protobuf_status(failure: &Failure) -> Vec<u8> {
    let message = failure.message();
    let mut out = Vec::new();
    varint_field(&mut out, 1, failure.code() as u64);
    bytes_field(&mut out, 2, message.as_bytes());
    if let Some(seconds) = failure.retry_after_seconds() {
        message_field(&mut out, 3, |any| {
            bytes_field(any, 1, RETRY_INFO.as_bytes());
            message_field(any, 2, |retry_info| {
                message_field(retry_info, 1, |delay| varint_field(delay, 1, seconds.into()));
            });
        });
    }
    if let Failure::Malformed { .. } = failure {
        message_field(&mut out, 3, |any| {
            bytes_field(any, 1, BAD_REQUEST.as_bytes());
            message_field(any, 2, |bad_request| {
                message_field(bad_request, 1, |violation| {
                    bytes_field(violation, 1, b"body");
                    bytes_field(violation, 2, message.as_bytes());
                });
            });
        });
    }
    out
}

fn json_status(failure: &Failure) -> Vec<u8> {
    let message = failure.message();
    let mut details = Vec::new();
    if let Some(seconds) = failure.retry_after_seconds() {
        details.push(json!({"@type": RETRY_INFO, "retryDelay": format!("{seconds}s")}));
    }
    if let Failure::Malformed { .. } = failure {
        let violations = json!([{"field": "body", "description": message}]);
        details.push(json!({"@type": BAD_REQUEST, "fieldViolations": violations}));
    }
    let code = failure.code() as u8;
    let status = if details.is_empty() {
        json!({"code": code, "message": message})
    } else {
        json!({"code": code, "message": message, "details": details})
    };
    status.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
    use prost::Message;

    #[test]
    fn a_full_success_says_nothing_more() {
        let accepted = Accepted::default();
        assert_eq!(success(Signal::Logs, Encoding::Protobuf, &accepted), b"");
        assert_eq!(success(Signal::Logs, Encoding::Json, &accepted), b"{}");
    }

    #[test]
    fn a_partial_success_reads_as_prost_and_json_want_it() {
        let accepted = Accepted { rejected: 3, message: Some("é".repeat(2_000)) };
        let bytes = success(Signal::Logs, Encoding::Protobuf, &accepted);
        let response = ExportLogsServiceResponse::decode(&bytes[..]).unwrap();
        let partial = response.partial_success.unwrap();
        assert_eq!(partial.rejected_log_records, 3);
        assert_eq!(partial.error_message.len(), limits::ERROR_MESSAGE_BYTES);
        let json = success(Signal::Traces, Encoding::Json, &accepted);
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["partialSuccess"]["rejectedSpans"], "3");
    }

    #[test]
    fn a_status_carries_its_details_in_both_encodings() {
        let overloaded = Failure::Overloaded { retry_after_seconds: 7 };
        let json: serde_json::Value =
            serde_json::from_slice(&status(&overloaded, Encoding::Json)).unwrap();
        assert_eq!((&json["code"], &json["details"][0]["retryDelay"]), (&14.into(), &"7s".into()));
        let bytes = status(&overloaded, Encoding::Protobuf);
        assert!(bytes.windows(RETRY_INFO.len()).any(|window| window == RETRY_INFO.as_bytes()));
        assert!(bytes.ends_with(&[0x12, 0x04, 0x0a, 0x02, 0x08, 7]));
        let oversize = Failure::TooLarge { limit_bytes: 1 };
        assert!(!status(&oversize, Encoding::Protobuf).windows(5).any(|window| window == b"Retry"));
    }

    #[test]
    fn content_types_may_have_parameters() {
        assert_eq!(Encoding::of(b"Application/JSON ; charset=utf-8"), Some(Encoding::Json));
        assert_eq!(Encoding::of(b"application/x-protobuf"), Some(Encoding::Protobuf));
        for other in ["", "text/plain", "application/jsonx", "application/grpc"] {
            assert_eq!(Encoding::of(other.as_bytes()), None, "{other}");
        }
    }
}
