//! OTLP/HTTP: `POST /v1/traces`, `/v1/logs`, `/v1/metrics`, in protobuf or JSON.

use super::admission::Packed;
use super::answer::{self, Answer, Encoding};
use super::body::Announced;
use super::failure::{Denied, Failure};
use super::unpack::{CODINGS, Coding};
use super::{Ingest, Shared};
use crate::model::Signal;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue,
    RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, Method, Request, Response, Version};
use http_body::Body;
use std::sync::Arc;

/// What a person who opens the door in a browser reads.
const HINT: &str =
    "Pharos takes OTLP here: POST /v1/traces, /v1/logs, /v1/metrics; and JSON: POST /v1/events.\n";

/// Answers one request.
pub(super) async fn answer<P, B>(shared: &Arc<Shared<P>>, request: Request<B>) -> Response<Answer>
where
    P: Ingest,
    B: Body<Data = Bytes, Error: Send> + Send,
{
    let (head, body) = request.into_parts();
    let is_read = matches!(head.method, Method::GET | Method::HEAD);
    if head.uri.path() == "/" && is_read {
        return Response::new(Answer::new(Bytes::from_static(HINT.as_bytes())));
    }
    let content_type = head.headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let encoding = Encoding::of(content_type);
    let path = head.uri.path();
    let signal =
        Signal::ALL.into_iter().find(|signal| path.strip_prefix("/v1/") == Some(signal.name()));
    let Some(signal) = signal else {
        shared.admission.discard(body, Announced::of(&head.headers)).await;
        return refusal(&Failure::NotFound, encoding, head.version);
    };
    let visit = shared.visit(signal);
    let taken = take(shared, signal, encoding, &head.method, &head.headers, body, visit).await;
    match taken {
        Ok(data) => {
            let mut response = Response::new(Answer::new(data));
            let encoding = encoding.unwrap_or(Encoding::Protobuf);
            response.headers_mut().insert(CONTENT_TYPE, encoding.content_type());
            response
        }
        Err(failure) => refusal(&failure, encoding, head.version),
    }
}

async fn take<P, B>(
    shared: &Arc<Shared<P>>,
    signal: Signal,
    encoding: Option<Encoding>,
    method: &Method,
    headers: &HeaderMap,
    body: B,
    mut visit: super::Visit<'_>,
) -> Result<Bytes, Failure>
where
    P: Ingest,
    B: Body<Data = Bytes, Error: Send> + Send,
{
    let announced = Announced::of(headers);
    let checked = checked(shared, encoding, method, headers);
    let admitted = async {
        match checked {
            Ok((encoding, coding)) => {
                let (body, hold) = shared.admission.read(body, announced, coding, 0).await?;
                let packed = Packed { signal, encoding, coding, body };
                Ok((encoding, shared.admission.prepare(packed, hold).await?))
            }
            Err(failure) => {
                shared.admission.discard(body, announced).await;
                Err(failure)
            }
        }
    };
    let (encoding, (prepared, hold)) = visit.note(admitted.await)?;
    let accepted = shared.ingest(signal, prepared, hold).await?;
    Ok(Bytes::from(answer::success(signal, encoding, &accepted)))
}

/// What can be said of a request before its body is read.
fn checked<P>(
    shared: &Shared<P>,
    encoding: Option<Encoding>,
    method: &Method,
    headers: &HeaderMap,
) -> Result<(Encoding, Coding), Failure> {
    if method != Method::POST {
        return Err(Failure::WrongMethod);
    }
    shared.check(headers)?;
    let encoding = encoding.ok_or(Failure::UnknownType)?;
    Ok((encoding, coding(headers)?))
}

/// How the body is packed; several codings on top of one another are nobody's.
pub(super) fn coding(headers: &HeaderMap) -> Result<Coding, Failure> {
    let mut named = headers.get_all(CONTENT_ENCODING).iter();
    let first = named.next().map_or(&b""[..], HeaderValue::as_bytes);
    match (Coding::named(first), named.next()) {
        (Some(coding), None) => Ok(coding),
        _ => Err(Failure::UnknownCoding),
    }
}

/// The answer to a request that was not taken, in the request's encoding where it has one.
fn refusal(failure: &Failure, encoding: Option<Encoding>, version: Version) -> Response<Answer> {
    let encoding = encoding.unwrap_or(Encoding::Json);
    let body = answer::status(failure, encoding);
    let mut response = Response::new(Answer::new(Bytes::from(body)));
    *response.status_mut() = failure.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, encoding.content_type());
    headers_of(failure, version, headers);
    response
}

/// The headers that tell more of a refusal.
pub(super) fn headers_of(failure: &Failure, version: Version, headers: &mut HeaderMap) {
    let mut say = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    match failure {
        Failure::WrongMethod => say(ALLOW, "POST"),
        Failure::UnknownCoding => say(ACCEPT_ENCODING, CODINGS),
        Failure::Denied(Denied::Unauthenticated) => say(WWW_AUTHENTICATE, "Bearer"),
        // What is left of this body would be taken for the next request.
        Failure::Slow if version < Version::HTTP_2 => say(CONNECTION, "close"),
        _ => {}
    }
    if let Some(seconds) = failure.retry_after_seconds() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    #[test]
    fn one_coding_at_a_time() {
        let mut headers = HeaderMap::new();
        assert_eq!(coding(&headers), Ok(Coding::Identity));
        headers.append(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert_eq!(coding(&headers), Ok(Coding::Gzip));
        headers.append(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
        assert_eq!(coding(&headers), Err(Failure::UnknownCoding));
    }

    #[test]
    fn statuses_are_retryable_only_when_waiting_helps() {
        let retryable = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
        let failures = [
            Failure::TooLarge { limit_bytes: 1 },
            Failure::malformed("x"),
            Failure::UnknownCoding,
            Failure::Slow,
            Failure::Internal,
            Failure::Overloaded { retry_after_seconds: 1 },
            Failure::Unavailable { reason: "disk_full", retry_after_seconds: 1 },
        ];
        for failure in failures {
            let response = refusal(&failure, None, Version::HTTP_11);
            let waits = failure.retry_after_seconds().is_some();
            assert_eq!(retryable.contains(&response.status()), waits, "{failure:?}");
            assert_eq!(response.headers().contains_key(RETRY_AFTER), waits);
        }
    }
}
