//! Every way in which a request is not taken, and what its sender is told.

use super::budget::NoRoom;
use crate::limits;
use crate::otlp::count::CountError;
use crate::otlp::json::JsonError;
use crate::pipeline::Refusal;
use http::StatusCode;

/// Why a request was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// More bytes than one request may have, on the wire or unpacked.
    TooLarge { limit_bytes: usize },
    /// More items or parts than one request may have.
    TooMany { reason: &'static str, message: String },
    /// The bytes are no export request.
    Malformed { message: String },
    /// A packing that is not understood.
    UnknownCoding,
    /// A `Content-Type` that is not understood.
    UnknownType,
    /// A `Content-Type` of which no events are made.
    UnknownEventType,
    /// Another method than POST.
    WrongMethod,
    /// A path or method that does not exist.
    NotFound,
    /// No or a wrong key.
    Denied(Denied),
    /// A gRPC framing that is against its rules; unary calls have one message.
    Framing { code: Code, message: &'static str },
    /// The body came too slowly.
    Slow,
    /// The sender is gone.
    Disconnected,
    /// There is no room now.
    Overloaded { retry_after_seconds: u32 },
    /// It cannot be kept now.
    Unavailable { reason: &'static str, retry_after_seconds: u32 },
    /// A defect of ours.
    Internal,
}

/// The check of a request's key failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// There is no key, or one that nobody has.
    #[error("a valid API key is needed (x-api-key or authorization: Bearer)")]
    Unauthenticated,
    /// The key is known but may not send telemetry.
    #[error("this API key may not send telemetry")]
    Forbidden,
}

/// A canonical status code of google.rpc, which is also gRPC's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Code {
    Ok = 0,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl Failure {
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::Malformed { message: message.into() }
    }

    /// The HTTP status. OTLP senders retry 429, 502, 503 and 504 and nothing else.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } | Self::TooMany { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed { .. } | Self::Framing { .. } | Self::Disconnected => {
                StatusCode::BAD_REQUEST
            }
            Self::UnknownCoding | Self::UnknownType | Self::UnknownEventType => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Denied(Denied::Unauthenticated) => StatusCode::UNAUTHORIZED,
            Self::Denied(Denied::Forbidden) => StatusCode::FORBIDDEN,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Overloaded { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The code of google.rpc. OTLP senders retry `UNAVAILABLE`, and `RESOURCE_EXHAUSTED` only
    /// with `RetryInfo`, which an oversize request never gets.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } | Self::TooMany { .. } => Code::ResourceExhausted,
            Self::Malformed { .. }
            | Self::UnknownType
            | Self::UnknownEventType
            | Self::Disconnected => Code::InvalidArgument,
            Self::UnknownCoding | Self::WrongMethod => Code::Unimplemented,
            Self::NotFound => Code::NotFound,
            Self::Denied(Denied::Unauthenticated) => Code::Unauthenticated,
            Self::Denied(Denied::Forbidden) => Code::PermissionDenied,
            Self::Framing { code, .. } => *code,
            Self::Slow => Code::DeadlineExceeded,
            Self::Overloaded { .. } | Self::Unavailable { .. } => Code::Unavailable,
            Self::Internal => Code::Internal,
        }
    }

    /// When the sender should come again.
    pub(super) fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::Overloaded { retry_after_seconds }
            | Self::Unavailable { retry_after_seconds, .. } => Some(*retry_after_seconds),
            _ => None,
        }
    }

    /// Whether the same request may be taken another time.
    pub(super) fn again(&self) -> bool {
        let hindered = matches!(self, Self::Slow | Self::Disconnected);
        hindered || self.retry_after_seconds().is_some()
    }

    /// A bounded word for the `reason` label.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::TooMany { reason, .. } | Self::Unavailable { reason, .. } => reason,
            Self::Malformed { .. } | Self::Framing { .. } => "malformed",
            Self::UnknownCoding => "unknown_encoding",
            Self::UnknownType | Self::UnknownEventType => "unknown_content_type",
            Self::WrongMethod => "wrong_method",
            Self::NotFound => "not_found",
            Self::Denied(_) => "denied",
            Self::Slow => "slow",
            Self::Disconnected => "disconnected",
            Self::Overloaded { .. } => "overloaded",
            Self::Internal => "internal",
        }
    }

    /// What the sender reads, at most `limits::ERROR_MESSAGE_BYTES`.
    pub(super) fn message(&self) -> String {
        match self {
            Self::TooLarge { limit_bytes } => {
                format!("the request is larger than {limit_bytes} bytes")
            }
            Self::TooMany { message, .. } | Self::Malformed { message } => {
                cut(message, limits::ERROR_MESSAGE_BYTES).to_owned()
            }
            Self::UnknownCoding => {
                format!("unknown encoding; understood are {}", super::unpack::CODINGS)
            }
            Self::UnknownType => "the content type must be application/x-protobuf, \
                application/json or application/grpc"
                .to_owned(),
            Self::UnknownEventType => "the content type must be application/json, \
                application/x-ndjson or text/plain"
                .to_owned(),
            Self::WrongMethod => "telemetry is sent with POST".to_owned(),
            Self::NotFound => "OTLP is taken at /v1/traces, /v1/logs and /v1/metrics, JSON \
                events at /v1/events"
                .to_owned(),
            Self::Denied(denied) => denied.to_string(),
            Self::Framing { message, .. } => (*message).to_owned(),
            Self::Slow => "the body came too slowly".to_owned(),
            Self::Disconnected => "the body ended before its end".to_owned(),
            Self::Overloaded { .. } => "too much telemetry is in flight".to_owned(),
            Self::Unavailable { reason, .. } => {
                format!("telemetry cannot be kept at the moment: {reason}")
            }
            Self::Internal => "internal error".to_owned(),
        }
    }
}

/// The longest beginning of `text` that fits into so many bytes.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

impl From<NoRoom> for Failure {
    fn from(no_room: NoRoom) -> Self {
        match no_room {
            NoRoom::Now => Self::Overloaded { retry_after_seconds: limits::OVERLOAD_RETRY_SECONDS },
            // Told to come again it would come for ever.
            NoRoom::Ever => Self::TooLarge { limit_bytes: limits::INFLIGHT_BYTES },
        }
    }
}

impl From<CountError> for Failure {
    fn from(error: CountError) -> Self {
        let message = error.to_string();
        match error {
            CountError::Wire(_) => Self::Malformed { message },
            CountError::TooManyItems(_) => Self::TooMany { reason: "too_many_items", message },
            CountError::TooManyParts => Self::TooMany { reason: "too_many_parts", message },
        }
    }
}

impl From<JsonError> for Failure {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Malformed(message) => Self::Malformed { message },
            JsonError::TooMany(error) => error.into(),
            JsonError::TooLarge => Self::TooLarge { limit_bytes: limits::REQUEST_UNPACKED_BYTES },
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed(message) => Self::Malformed { message },
            Refusal::Overloaded { retry_after_seconds } => Self::Overloaded { retry_after_seconds },
            Refusal::Unavailable { reason, retry_after_seconds } => {
                Self::Unavailable { reason, retry_after_seconds }
            }
        }
    }
}
