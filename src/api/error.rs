//! Every error of the API and the answer it becomes.
//!
//! The caller sees a code, a sentence and, where one is at fault, the parameter; what only
//! operators should know goes to the log.

use crate::limits;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::fmt::Display;

/// Why a request of the API could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A parameter is unknown, malformed or out of bounds.
    #[error("{message}")]
    Parameter {
        /// The parameter, as the caller wrote it.
        name: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// No key, or none that is known.
    #[error("This needs an API key: send it as X-Api-Key or as a bearer token.")]
    Unauthenticated,
    /// A known key whose role does not suffice.
    #[error("This key may not do that: it needs the role {needed}.")]
    Forbidden {
        /// The role that would suffice.
        needed: &'static str,
    },
    /// A name that an open Pharos does not answer to.
    #[error(
        "Without API keys Pharos answers to localhost only. Set auth.api_keys, or \
         web.external_url to the name that you use."
    )]
    Host,
    /// Nothing is kept under this id, or nothing is served under this path.
    #[error("{0}")]
    NotFound(String),
    /// The path exists, the method does not.
    #[error("This path does not answer that method; Allow names those that it answers.")]
    Method,
    /// Too much is going on; the same request will work later.
    #[error("{message}")]
    Overloaded {
        /// What there is too much of.
        message: &'static str,
        /// When to come back.
        retry_after_seconds: u64,
    },
    /// What keeps the telemetry cannot be asked now.
    #[error("The store cannot be asked now: {0}. What arrives is kept; ask again later.")]
    StoreUnavailable(String),
    /// A defect or a failing disk. The cause is logged, not shown.
    #[error("Something went wrong inside Pharos; its log says what.")]
    Internal(String),
}

impl ApiError {
    /// The error of one parameter.
    pub fn parameter(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Parameter { name: name.into(), message: message.into() }
    }

    /// An internal error: the cause is for the log.
    pub fn internal(cause: impl Display) -> Self {
        Self::Internal(cause.to_string())
    }

    /// The HTTP status and the code in the body.
    pub fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Parameter { .. } => (StatusCode::BAD_REQUEST, "invalid_parameter"),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Self::Forbidden { .. } => (StatusCode::FORBIDDEN, "forbidden"),
            Self::Host => (StatusCode::FORBIDDEN, "wrong_host"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Overloaded { .. } => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            Self::StoreUnavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Self::Internal(error) = &self {
            tracing::error!(error, "A request of the API failed.");
        }
        let (status, code) = self.status();
        let mut message = self.to_string();
        message.truncate(message.floor_char_boundary(limits::ERROR_MESSAGE_BYTES));
        let mut error = json!({ "code": code, "message": message });
        if let Self::Parameter { name, .. } = &self {
            error["parameter"] = json!(&name[..name.floor_char_boundary(64)]);
        }
        let mut response = (status, Json(json!({ "error": error }))).into_response();
        let headers = response.headers_mut();
        match self {
            Self::Unauthenticated => {
                let challenge = HeaderValue::from_static("Bearer realm=\"pharos\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            Self::Overloaded { retry_after_seconds, .. } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds));
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    async fn body(error: ApiError) -> (StatusCode, serde_json::Value) {
        let response = error.into_response();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn the_cause_of_an_internal_error_stays_inside() {
        let (status, body) = body(ApiError::internal("/secret/path: EIO")).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(body["error"]["code"], "internal");
        assert!(!body.to_string().contains("secret"));
    }

    #[tokio::test]
    async fn long_texts_of_a_caller_are_cut() {
        let (_, body) = body(ApiError::parameter("é".repeat(9_000), "ü".repeat(9_000))).await;
        assert!(body.to_string().len() < 2 * limits::ERROR_MESSAGE_BYTES);
    }

    #[tokio::test]
    async fn overload_says_when_to_come_back() {
        let error = ApiError::Overloaded { message: "Too many.", retry_after_seconds: 7 };
        let response = error.into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["retry-after"], "7");
    }
}
