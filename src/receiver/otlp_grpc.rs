//! OTLP/gRPC: unary calls framed by hand, so that the reader, decompressor and memory budget of
//! OTLP/HTTP serve here as well.
//!
//! A message is a byte that says whether it is packed, four bytes of length, and the message. A
//! refusal is an answer of headers only. `grpc.health.v1.Health/Check` is answered, too.

use super::admission::Packed;
use super::answer::{self, Answer, Encoding};
use super::body::Announced;
use super::budget::Reservation;
use super::failure::{Code, Failure};
use super::unpack::Coding;
use super::{Ingest, Shared, Visit};
use crate::limits;
use crate::model::Signal;
use crate::otlp::wire::Fields;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body::Body;
use std::sync::Arc;

/// Flag and length in front of a message.
const PREFIX: usize = 5;
const ACCEPTED: &str = "gzip,zstd,deflate,identity";
const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// The methods that take telemetry, and the services they belong to.
const METHODS: [(Signal, &str, &str); 3] = [
    (
        Signal::Traces,
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        "opentelemetry.proto.collector.trace.v1.TraceService",
    ),
    (
        Signal::Logs,
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        "opentelemetry.proto.collector.logs.v1.LogsService",
    ),
    (
        Signal::Metrics,
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        "opentelemetry.proto.collector.metrics.v1.MetricsService",
    ),
];

/// Whether a request is a gRPC call (gRPC-Web is not: it has other frames).
pub(super) fn is_call(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let rest = content_type.strip_prefix(b"application/grpc");
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// Answers one call.
pub(super) async fn answer<P, B>(shared: &Arc<Shared<P>>, request: Request<B>) -> Response<Answer>
where
    P: Ingest,
    B: Body<Data = Bytes, Error: Send> + Send,
{
    let (head, body) = request.into_parts();
    if head.version < Version::HTTP_2 {
        return too_old();
    }
    let path = head.uri.path();
    let method = METHODS.iter().find(|method| method.1 == path);
    let answered = match method {
        Some((signal, ..)) => {
            let visit = shared.visit(*signal);
            export(shared, *signal, &head, body, visit).await
        }
        None if path == HEALTH => health(shared, &head, body).await,
        None => Err(Failure::Framing { code: Code::Unimplemented, message: "unknown method" }),
    };
    match answered {
        Ok(message) => reply(&message),
        Err(failure) => refusal(&failure),
    }
}

async fn export<P, B>(
    shared: &Arc<Shared<P>>,
    signal: Signal,
    head: &Parts,
    body: B,
    mut visit: Visit<'_>,
) -> Result<Vec<u8>, Failure>
where
    P: Ingest,
    B: Body<Data = Bytes, Error: Send> + Send,
{
    let admitted = async {
        shared.check(&head.headers)?;
        let (coding, body, hold) = message(shared, head, body).await?;
        let packed = Packed { signal, encoding: Encoding::Protobuf, coding, body };
        shared.admission.prepare(packed, hold).await
    };
    let (prepared, hold) = visit.note(admitted.await)?;
    let accepted = shared.ingest(signal, prepared, hold).await?;
    Ok(answer::success(signal, Encoding::Protobuf, &accepted))
}

/// Reads the one message of a unary call.
async fn message<P, B>(
    shared: &Shared<P>,
    head: &Parts,
    body: B,
) -> Result<(Coding, Bytes, Reservation), Failure>
where
    B: Body<Data = Bytes, Error: Send> + Send,
{
    let content_type = head.headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let subtype = content_type.strip_prefix(b"application/grpc+").unwrap_or(b"proto");
    if !subtype.starts_with(b"proto") {
        let message = "messages must be protobuf";
        return Err(Failure::Framing { code: Code::Unimplemented, message });
    }
    let encoding = head.headers.get("grpc-encoding").map_or(&b""[..], HeaderValue::as_bytes);
    let coding = Coding::named(encoding).ok_or(Failure::UnknownCoding)?;
    let announced = Announced::of(&head.headers);
    let (framed, hold) = shared.admission.read(body, announced, coding, PREFIX).await?;
    let (packed, message) = unframe(&framed)?;
    match (packed, coding) {
        (false, _) => Ok((Coding::Identity, message, hold)),
        (true, Coding::Identity) => {
            let message = "a compressed message needs grpc-encoding";
            Err(Failure::Framing { code: Code::Internal, message })
        }
        (true, coding) => Ok((coding, message, hold)),
    }
}

/// Takes the frame off the one message; says whether it is packed.
fn unframe(framed: &Bytes) -> Result<(bool, Bytes), Failure> {
    let framing = |code, message| Failure::Framing { code, message };
    let Some((&[flag, a, b, c, d], rest)) = framed.split_first_chunk::<PREFIX>() else {
        return Err(if framed.is_empty() {
            // What gRPC calls a request cardinality violation.
            framing(Code::Unimplemented, "a unary call has one message, not none")
        } else {
            framing(Code::InvalidArgument, "the message is cut off")
        });
    };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    match (flag, rest.len()) {
        (2.., _) => Err(framing(Code::Internal, "unknown flag in front of the message")),
        (_, have) if have < length => Err(framing(Code::InvalidArgument, "the message is cut off")),
        (_, have) if have > length => {
            Err(framing(Code::Unimplemented, "a unary call has one message, not several"))
        }
        (flag, _) => Ok((flag == 1, framed.slice(PREFIX..))),
    }
}

/// `grpc.health.v1.Health/Check`: 1 is SERVING, 2 NOT_SERVING.
async fn health<P, B>(shared: &Shared<P>, head: &Parts, body: B) -> Result<Vec<u8>, Failure>
where
    B: Body<Data = Bytes, Error: Send> + Send,
{
    let (coding, request, _hold) = message(shared, head, body).await?;
    if coding != Coding::Identity {
        return Err(Failure::UnknownCoding);
    }
    let mut service = &b""[..];
    for field in Fields::of(&request) {
        match field.and_then(|field| Ok((field.number, field.content.bytes()?))) {
            Ok((1, name)) => service = name,
            Ok(_) => {}
            Err(error) => return Err(Failure::malformed(error.to_string())),
        }
    }
    let known = METHODS.iter().any(|method| method.2.as_bytes() == service);
    if !service.is_empty() && !known {
        return Err(Failure::Framing { code: Code::NotFound, message: "unknown service" });
    }
    Ok(vec![0x08, if (shared.options.ready)() { 1 } else { 2 }])
}

/// The answer to a call that was taken: one message, then the status in the trailers.
fn reply(message: &[u8]) -> Response<Answer> {
    let mut framed = BytesMut::with_capacity(PREFIX + message.len());
    framed.put_u8(0);
    // Messages of ours are bounded by limits::ERROR_MESSAGE_BYTES.
    framed.put_u32(message.len() as u32);
    framed.extend_from_slice(message);
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert("grpc-status", HeaderValue::from(Code::Ok as u16));
    let mut response = Response::new(Answer::with_trailers(framed.freeze(), trailers));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-accept-encoding", HeaderValue::from_static(ACCEPTED));
    response
}

/// The answer to a call that was not taken: its status stands in the headers.
fn refusal(failure: &Failure) -> Response<Answer> {
    let mut response = Response::new(Answer::default());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from(failure.code() as u16));
    headers.insert("grpc-accept-encoding", HeaderValue::from_static(ACCEPTED));
    if let Ok(message) = HeaderValue::try_from(percent_encoded(&failure.message())) {
        headers.insert("grpc-message", message);
    }
    let details = STANDARD_NO_PAD.encode(answer::status(failure, Encoding::Protobuf));
    if let Ok(details) = HeaderValue::try_from(details) {
        headers.insert("grpc-status-details-bin", details);
    }
    response
}

/// gRPC needs HTTP/2; its own statuses would not be understood here.
fn too_old() -> Response<Answer> {
    let mut response = Response::new(Answer::default());
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response
}

/// Text as `grpc-message` wants it: printable ASCII, everything else as `%` and hex.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // A status longer than this would not fit every client's header list.
    for &byte in text.as_bytes().iter().take(limits::ERROR_MESSAGE_BYTES) {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unframed(framed: &[u8]) -> Result<(bool, Bytes), Code> {
        unframe(&Bytes::copy_from_slice(framed)).map_err(|failure| failure.code())
    }

    #[test]
    fn one_message_and_nothing_else() {
        assert_eq!(unframed(&[0, 0, 0, 0, 0]), Ok((false, Bytes::new())));
        assert_eq!(unframed(&[1, 0, 0, 0, 2, 7, 8]), Ok((true, Bytes::from_static(&[7, 8]))));
        assert_eq!(unframed(&[]), Err(Code::Unimplemented));
        assert_eq!(unframed(&[0, 0, 0]), Err(Code::InvalidArgument));
        assert_eq!(unframed(&[0, 0, 0, 0, 3, 7]), Err(Code::InvalidArgument));
        assert_eq!(unframed(&[0, 255, 255, 255, 255]), Err(Code::InvalidArgument));
        assert_eq!(unframed(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Err(Code::Unimplemented));
        assert_eq!(unframed(&[9, 0, 0, 0, 0]), Err(Code::Internal));
    }

    #[test]
    fn messages_travel_as_printable_ascii() {
        assert_eq!(percent_encoded("100 % of é\r\n"), "100 %25 of %C3%A9%0D%0A");
    }

    #[test]
    fn only_grpc_is_grpc() {
        let is = |content_type: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            is_call(&headers)
        };
        assert!(is("application/grpc") && is("application/grpc+proto") && is("application/grpc;x"));
        assert!(!is("application/grpc-web") && !is("application/json"));
    }

    #[test]
    fn a_refusal_has_its_details() {
        let response = refusal(&Failure::Overloaded { retry_after_seconds: 3 });
        assert_eq!(response.headers()["grpc-status"], "14");
        let details = response.headers()["grpc-status-details-bin"].as_bytes();
        assert!(!details.contains(&b'='));
        let details = STANDARD_NO_PAD.decode(details).unwrap();
        assert!(details.windows(9).any(|window| window == b"RetryInfo"));
        let response = refusal(&Failure::TooLarge { limit_bytes: 1 });
        assert_eq!(response.headers()["grpc-status"], "8");
    }
}
