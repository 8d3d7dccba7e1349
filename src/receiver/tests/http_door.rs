//! OTLP/HTTP as the specification says.

use super::*;

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

#[tokio::test]
async fn every_signal_in_every_packing() {
    let door = Door::open().await;
    type Pack = fn(&[u8]) -> Vec<u8>;
    let packings: [(&str, Pack); 4] =
        [("identity", <[u8]>::to_vec), ("gzip", gzip), ("deflate", zlib), ("zstd", zstd)];
    for signal in Signal::ALL {
        for body in fixtures(signal) {
            for (coding, pack) in packings {
                let path = format!("/v1/{}", signal.name());
                let headers = [PROTOBUF, ("content-encoding", coding)];
                let reply = door.post(&path, &headers, &pack(&body)).await;
                assert_eq!((reply.status, reply.text().as_str()), (200, ""), "{coding}");
                assert_eq!(reply.header("content-type"), "application/x-protobuf");
                let kept = door.kept.batches.lock().unwrap().pop().unwrap();
                assert!(kept.0 == signal && kept.1 == body && kept.2 > 0);
            }
        }
    }
    assert_eq!(door.budget.used_bytes(), 0);
}

#[tokio::test]
async fn json_comes_in_and_goes_out() {
    let door = Door::open().await;
    let json = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[
        {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"a"},
        {"traceId":"zz","name":"b"}]}]}]}"#;
    let reply = door.post("/v1/traces", &[JSON], json.as_bytes()).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
    let partial = &reply.json()["partialSuccess"];
    assert_eq!(partial["rejectedSpans"], "1");
    assert_eq!(partial["errorMessage"], "traceId is not a hexadecimal id");
    assert_eq!(door.kept.batches.lock().unwrap()[0].2, 1);
    assert_eq!(door.count("invalid_id"), 1);
    let reply = door.post("/v1/metrics", &[JSON], b"{}").await;
    assert_eq!((reply.status, reply.text().as_str()), (200, "{}"));
    assert_eq!(door.batches(), 1, "an empty request needs no pipeline");
}

#[tokio::test]
async fn empty_requests_succeed() {
    let door = Door::open().await;
    for headers in [&[PROTOBUF][..], &[JSON], &[PROTOBUF, ("content-encoding", "gzip")]] {
        assert_eq!(door.post("/v1/logs", headers, b"").await.status, 200);
    }
    assert_eq!(door.batches(), 0);
}

#[tokio::test]
async fn refusals_have_their_status_and_a_body_in_the_requests_encoding() {
    let door = Door::open().await;
    let reply =
        door.raw(&[b"GET /v1/traces HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"]).await;
    assert_eq!((reply.status, reply.header("allow")), (405, "POST"));
    assert_eq!(door.post("/v1development/profiles", &[JSON], b"{}").await.status, 404);
    assert_eq!(door.post("/v1/traces/", &[JSON], b"{}").await.status, 404);
    assert_eq!(door.post("/v1/traces", &[], b"{}").await.status, 415);
    let text = [("content-type", "text/plain")];
    assert_eq!(door.post("/v1/traces", &text, b"{}").await.status, 415);
    let grpc = [("content-type", "application/grpc")];
    assert_eq!(door.post("/v1/traces", &grpc, b"").await.status, 415);
    let brotli = [JSON, ("content-encoding", "br")];
    let reply = door.post("/v1/traces", &brotli, b"{}").await;
    assert_eq!(reply.status, 415);
    assert!(reply.header("accept-encoding").contains("zstd"));

    let reply = door.post("/v1/traces", &[JSON], b"{\"resourceSpans\":7}").await;
    assert_eq!((reply.status, &reply.json()["code"]), (400, &3.into()));
    let violation = &reply.json()["details"][0]["fieldViolations"][0]["description"];
    assert!(violation.as_str().unwrap().contains("line 1 column"), "{violation}");
    let reply = door.post("/v1/traces", &[PROTOBUF], b"\x0a\xff").await;
    assert_eq!((reply.status, reply.header("content-type")), (400, "application/x-protobuf"));
    assert_eq!(&reply.body[..2], [0x08, 3]);
    assert_eq!(door.count("malformed"), 2);
    assert_eq!(door.count("unknown_content_type"), 2);
    door.still_works().await;
}

#[tokio::test]
async fn what_the_pipeline_says_is_passed_on() {
    let door = Door::open().await;
    let say = |answer| *door.kept.answer.lock().unwrap() = Some(answer);
    say(Ok(Accepted { rejected: 2, message: Some("two were bad".to_owned()) }));
    let reply = door.post("/v1/traces", &[PROTOBUF], &one_span()).await;
    assert_eq!(reply.body, b"\x0a\x10\x08\x02\x12\x0ctwo were bad");
    say(Err(Refusal::Overloaded { retry_after_seconds: 9 }));
    let reply = door.post("/v1/traces", &[PROTOBUF], &one_span()).await;
    assert_eq!((reply.status, reply.header("retry-after")), (429, "9"));
    say(Err(Refusal::Unavailable { reason: "disk_full", retry_after_seconds: 30 }));
    let reply = door.post("/v1/traces", &[PROTOBUF], &one_span()).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, "30"));
    say(Err(Refusal::Malformed("text is not UTF-8".to_owned())));
    let reply = door.post("/v1/traces", &[PROTOBUF], &one_span()).await;
    assert_eq!((reply.status, reply.header("retry-after")), (400, ""));
}

#[tokio::test]
async fn a_full_budget_is_an_overload() {
    let door = Door::open().await;
    let mut others = door.budget.share();
    others.grow(limits::INFLIGHT_BYTES - 10).unwrap();
    let reply = door.post("/v1/traces", &[PROTOBUF], &one_span()).await;
    assert_eq!((reply.status, reply.header("retry-after")), (429, "1"));
    assert_eq!(door.counts.0.lock().unwrap()[&("overloaded", true)], 1);
    drop(others);
    door.still_works().await;
}

#[tokio::test]
async fn keys_are_asked_for_where_they_are_wanted() {
    let door = Door::open_with(|options| {
        options.check = Some(Arc::new(|headers| match headers.get("x-api-key") {
            Some(key) if key == "right" => Ok(()),
            Some(_) => Err(Denied::Forbidden),
            None => Err(Denied::Unauthenticated),
        }));
    })
    .await;
    let reply = door.post("/v1/traces", &[PROTOBUF], &one_span()).await;
    assert_eq!((reply.status, reply.header("www-authenticate")), (401, "Bearer"));
    let wrong = [PROTOBUF, ("x-api-key", "wrong")];
    assert_eq!(door.post("/v1/traces", &wrong, &one_span()).await.status, 403);
    let right = [PROTOBUF, ("x-api-key", "right")];
    assert_eq!(door.post("/v1/traces", &right, &one_span()).await.status, 200);
    assert_eq!((door.count("denied"), door.batches()), (2, 1));
}

#[tokio::test]
async fn a_browser_gets_a_hint() {
    let door = Door::open().await;
    let reply = door.raw(&[b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"]).await;
    assert!(reply.status == 200 && reply.text().contains("/v1/traces"));
}
