//! OTLP/gRPC against tonic's client, and framing that no client sends.

use super::*;
use bytes::{BufMut, BytesMut};
use http::HeaderMap;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

async fn channel(door: &Door) -> Channel {
    Endpoint::from_shared(format!("http://{}", door.address)).unwrap().connect().await.unwrap()
}

fn request() -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(&one_span()[..]).unwrap()
}

#[tokio::test]
async fn tonic_exports_every_signal_in_every_packing() {
    let door = Door::open().await;
    let channel = channel(&door).await;
    let packings =
        [CompressionEncoding::Gzip, CompressionEncoding::Zstd, CompressionEncoding::Deflate];
    for packing in packings {
        for body in fixtures(Signal::Traces) {
            let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
            let mut client = TraceServiceClient::new(channel.clone());
            client.export(request.clone()).await.unwrap();
            client = client.send_compressed(packing).accept_compressed(packing);
            let answer = client.export(request).await.unwrap().into_inner();
            assert!(answer.partial_success.is_none());
        }
        let body = &fixtures(Signal::Logs)[0][..];
        let mut client = LogsServiceClient::new(channel.clone()).send_compressed(packing);
        client.export(ExportLogsServiceRequest::decode(body).unwrap()).await.unwrap();
        let body = &fixtures(Signal::Metrics)[0][..];
        let mut client = MetricsServiceClient::new(channel.clone()).send_compressed(packing);
        client.export(ExportMetricsServiceRequest::decode(body).unwrap()).await.unwrap();
    }
    assert!(door.batches() >= 12);
    assert_eq!(door.budget.used_bytes(), 0);
}

async fn refused(door: &Door, answer: Result<Accepted, Refusal>) -> Status {
    *door.kept.answer.lock().unwrap() = Some(answer);
    TraceServiceClient::new(channel(door).await).export(request()).await.unwrap_err()
}

#[tokio::test]
async fn tonic_reads_refusals_and_partial_success() {
    let door = Door::open().await;
    let message = "50 % of schlüssel\nare bad".to_owned();
    let status = refused(&door, Err(Refusal::Malformed(message.clone()))).await;
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, message.as_str()));
    let status = refused(&door, Err(Refusal::Overloaded { retry_after_seconds: 5 })).await;
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.details().windows(9).any(|window| window == b"RetryInfo"));
    let partial = Accepted { rejected: 4, message: Some("bad ids".to_owned()) };
    *door.kept.answer.lock().unwrap() = Some(Ok(partial));
    let mut client = TraceServiceClient::new(channel(&door).await);
    let answer = client.export(request()).await.unwrap().into_inner();
    let partial = answer.partial_success.unwrap();
    assert_eq!((partial.rejected_spans, partial.error_message.as_str()), (4, "bad ids"));
}

#[tokio::test]
async fn oversize_is_exhausted_without_a_retry() {
    let door = Door::open_with(|options| {
        options.body.wire_bytes = 1 << 20;
        options.unpacked_bytes = 2 << 20;
    })
    .await;
    let mut large = request();
    large.resource_spans[0].scope_spans[0].spans[0].name = "x".repeat(3 << 20);
    let mut client = TraceServiceClient::new(channel(&door).await);
    let status = client.export(large.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(!status.details().windows(9).any(|window| window == b"RetryInfo"));
    let mut client = client.send_compressed(CompressionEncoding::Zstd);
    let status = client.export(large).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(door.count("too_large"), 2);
    door.still_works().await;
}

#[tokio::test]
async fn the_bound_on_items_is_the_configured_one() {
    let door = Door::open_with(|options| options.items = 3).await;
    let of = |count: usize| {
        let mut request = request();
        let spans = &mut request.resource_spans[0].scope_spans[0].spans;
        *spans = vec![spans[0].clone(); count];
        request
    };
    let mut client = TraceServiceClient::new(channel(&door).await);
    for packed in [false, true] {
        if packed {
            client = client.send_compressed(CompressionEncoding::Gzip);
        }
        client.export(of(3)).await.unwrap();
        let status = client.export(of(4)).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(status.message(), "the request holds more than 3 items");
        assert!(!status.details().windows(9).any(|window| window == b"RetryInfo"));
    }
    assert_eq!((door.count("too_many_items"), door.batches()), (2, 2));
}

fn framed(flag: u8, message: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u8(flag);
    out.put_u32(u32::try_from(message.len()).unwrap());
    out.extend_from_slice(message);
    out.freeze()
}

/// Calls with pieces as they are; answers with the status and the data.
async fn call(
    door: &Door,
    path: &str,
    headers: &[(&'static str, &str)],
    pieces: &[Bytes],
) -> (HeaderMap, Vec<u8>) {
    let stream = TcpStream::connect(door.address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let mut request = http::Request::post(format!("http://{}{path}", door.address))
        .version(http::Version::HTTP_2);
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/grpc");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (response, mut sender) = client.send_request(request.body(()).unwrap(), false).unwrap();
    for piece in pieces {
        sender.send_data(piece.clone(), false).unwrap();
        tokio::task::yield_now().await;
    }
    sender.send_data(Bytes::new(), true).unwrap();
    let response = response.await.unwrap();
    assert_eq!(response.status(), 200);
    let mut status = response.headers().clone();
    let mut body = response.into_body();
    let mut data = Vec::new();
    while let Some(piece) = body.data().await {
        data.extend_from_slice(&piece.unwrap());
    }
    if let Some(trailers) = body.trailers().await.unwrap() {
        assert!(!status.contains_key("grpc-status"));
        status.extend(trailers);
    }
    (status, data)
}

/// Headers, body and the status that they get.
type Case<'a> = (&'a [(&'static str, &'a str)], &'a [u8], u8);

async fn status(door: &Door, headers: &[(&'static str, &str)], pieces: &[Bytes]) -> u8 {
    let (status, _) = call(door, EXPORT, headers, pieces).await;
    status["grpc-status"].to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn framing_rules() {
    let door = Door::open().await;
    let whole = framed(0, &one_span());
    let bytes: Vec<Bytes> = whole.iter().map(|byte| Bytes::copy_from_slice(&[*byte])).collect();
    assert_eq!(status(&door, &[], &bytes).await, 0, "a message in frames of one byte");
    assert_eq!(door.kept.batches.lock().unwrap()[0].1, one_span());
    let gzipped = framed(1, &gzip(&one_span()));
    let twice = [&whole[..], &whole].concat();
    let cases: [Case<'_>; 15] = [
        (&[], &[0; 5], 0),
        (&[("grpc-encoding", "gzip")], &gzipped, 0),
        (&[("grpc-encoding", "gzip")], &whole, 0),
        (&[("grpc-timeout", "10S"), ("te", "trailers")], &whole, 0),
        (&[("content-type", "application/grpc+proto")], &whole, 0),
        (&[("content-type", "application/grpc+json")], &whole, 12),
        (&[], &gzipped, 13),
        (&[("grpc-encoding", "snappy")], &gzipped, 12),
        (&[("grpc-encoding", "zstd")], &gzipped, 3),
        (&[], &[], 12),
        (&[], &twice, 12),
        (&[], &whole[..3], 3),
        (&[], &whole[..20], 3),
        (&[], &framed(7, &one_span()), 13),
        (&[], &framed(0, b"\x0a\xff"), 3),
    ];
    for (number, (headers, body, expected)) in cases.iter().enumerate() {
        let pieces = [Bytes::copy_from_slice(body)];
        assert_eq!(status(&door, headers, &pieces).await, *expected, "case {number}");
    }
    let (unknown, _) = call(&door, "/some.Service/Method", &[], std::slice::from_ref(&whole)).await;
    assert_eq!(unknown["grpc-status"], "12");
    let (refused, _) = call(&door, EXPORT, &[("grpc-encoding", "br")], &[whole]).await;
    assert!(refused["grpc-accept-encoding"].to_str().unwrap().contains("gzip"));
    door.still_works().await;
}

#[tokio::test]
async fn health_is_told() {
    let door = Door::open().await;
    let path = "/grpc.health.v1.Health/Check";
    let service = |name: &str| {
        let mut out = Vec::new();
        crate::otlp::write::bytes_field(&mut out, 1, name.as_bytes());
        framed(0, &out)
    };
    let (status, data) = call(&door, path, &[], &[framed(0, b"")]).await;
    assert_eq!(
        (&status["grpc-status"], &data[..]),
        (&"0".parse().unwrap(), &[0, 0, 0, 0, 2, 8, 1][..])
    );
    let known = "opentelemetry.proto.collector.logs.v1.LogsService";
    let (_, data) = call(&door, path, &[], &[service(known)]).await;
    assert_eq!(data, [0, 0, 0, 0, 2, 8, 1]);
    let (status, _) = call(&door, path, &[], &[service("nobody")]).await;
    assert_eq!(status["grpc-status"], "5");
    let door = Door::open_with(|options| options.ready = Arc::new(|| false)).await;
    let (_, data) = call(&door, path, &[], &[framed(0, b"")]).await;
    assert_eq!(data, [0, 0, 0, 0, 2, 8, 2]);
}
