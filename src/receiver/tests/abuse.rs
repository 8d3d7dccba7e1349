//! Hostile and broken senders. After each an honest request is taken.

use super::*;
use http::Request;

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

/// A gigabyte of zeros: a packed mebibyte, over and over.
fn gigabyte(coding: &str) -> Vec<u8> {
    let zeros = vec![0; 1 << 20];
    let packed = if coding == "gzip" { gzip(&zeros) } else { zstd(&zeros) };
    packed.repeat(1024)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_are_too_large_and_cost_little() {
    // A fraction of the usual bound: the decompressors of test builds are slow.
    let door = Arc::new(Door::open_with(|options| options.unpacked_bytes = 4 << 20).await);
    for coding in ["gzip", "zstd"] {
        let bomb = Arc::new(gigabyte(coding));
        let senders = (0..32).map(|_| {
            let (door, bomb) = (door.clone(), bomb.clone());
            tokio::spawn(async move {
                let headers = [PROTOBUF, ("content-encoding", coding)];
                door.post("/v1/traces", &headers, &bomb).await.status
            })
        });
        let mut most = 0;
        let senders: Vec<_> = senders.collect();
        for sender in senders {
            most = most.max(door.budget.used_bytes());
            // Who finds no room is told to come again; nobody is taken.
            assert!(matches!(sender.await.unwrap(), 413 | 429), "{coding}");
        }
        assert!(most < 64 << 20, "{most} bytes were held");
    }
    assert!(door.count("too_large") > 0);
    assert_eq!(door.batches(), 0);
    door.still_works().await;
}

#[tokio::test]
async fn empty_items_by_the_million_are_refused_before_they_are_read() {
    let door = Door::open().await;
    let spans = |inner: &[u8]| {
        let mut out = Vec::new();
        crate::otlp::write::message_field(&mut out, 1, |out| {
            crate::otlp::write::bytes_field(out, 2, inner);
        });
        out
    };
    let body = zstd(&spans(&[0x12, 0x00].repeat(2_097_152)));
    assert!(body.len() < 1_000);
    let headers = [PROTOBUF, ("content-encoding", "zstd")];
    assert_eq!(door.post("/v1/traces", &headers, &body).await.status, 413);
    let json = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}{{}}]}}]}}]}}"#,
        "{},".repeat(1_000_000)
    );
    assert_eq!(door.post("/v1/traces", &[JSON], json.as_bytes()).await.status, 413);
    assert_eq!(door.count("too_many_items"), 2);
    door.still_works().await;
}

#[tokio::test]
async fn the_bound_on_items_is_the_configured_one() {
    let spans = |count: usize| {
        use crate::otlp::write::message_field;
        let mut out = Vec::new();
        let span = &one_span()[4..];
        message_field(&mut out, 1, |out| {
            message_field(out, 2, |out| out.extend(span.repeat(count)))
        });
        out
    };
    let json = |count: usize| {
        let span = r#"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}"#;
        let spans = vec![span; count].join(",");
        format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#).into_bytes()
    };
    // Below the default bound and above it.
    for most in [3, limits::REQUEST_ITEMS + 7] {
        let door = Door::open_with(|options| options.items = most).await;
        for (headers, body) in [
            (&[PROTOBUF][..], &spans as &dyn Fn(usize) -> Vec<u8>),
            (&[PROTOBUF, ("content-encoding", "gzip")], &|count| gzip(&spans(count))),
            (&[JSON], &json),
            (&[JSON, ("content-encoding", "gzip")], &|count| gzip(&json(count))),
        ] {
            let reply = door.post("/v1/traces", headers, &body(most)).await;
            assert_eq!(reply.status, 200, "{headers:?}: {}", reply.text());
            assert_eq!(door.kept.batches.lock().unwrap().pop().unwrap().2 as usize, most);
            let reply = door.post("/v1/traces", headers, &body(most + 1)).await;
            let told = format!("more than {most} items");
            assert_eq!(reply.status, 413, "{headers:?}");
            assert!(reply.text().contains(&told), "{headers:?}: {}", reply.text());
        }
        assert_eq!((door.count("too_many_items"), door.batches()), (4, 0));
    }
}

#[tokio::test]
async fn oversize_with_and_without_a_length() {
    let door = Door::open_with(|options| options.body.wire_bytes = 1 << 20).await;
    let body = vec![0; 3 << 20];
    let reply = door.post("/v1/traces", &[PROTOBUF], &body).await;
    assert_eq!((reply.status, reply.header("retry-after")), (413, ""));
    let head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
        content-type: application/x-protobuf\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = [b"100000\r\n".as_slice(), &vec![0; 1 << 20], b"\r\n"].concat();
    let reply = door.raw(&[head, &chunk, &chunk, &chunk, b"0\r\n\r\n"]).await;
    assert_eq!(reply.status, 413);
    // A sender that asks first is told before it sends anything.
    let head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
        expect: 100-continue\r\ncontent-type: application/x-protobuf\r\n\
        content-length: 99999999\r\n\r\n";
    assert_eq!(door.raw(&[head]).await.status, 413);
    assert_eq!(door.count("too_large"), 3);
    door.still_works().await;
}

#[tokio::test]
async fn refusals_of_large_bodies_can_be_read_and_keep_the_connection() {
    let door = Door::open().await;
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    let body = vec![0; 8 << 20];
    for (path, content_type) in
        [("/v1/traces", "text/plain"), ("/nowhere", "application/json"), ("/v1/logs", "x/y")]
    {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {content_type}\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
        let mut answer = [0; 4096];
        let read = stream.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 4"), "{path}");
    }
    door.still_works().await;
}

#[tokio::test]
async fn chunks_without_a_length_are_fine() {
    let door = Door::open().await;
    let head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
        content-type: application/x-protobuf\r\ntransfer-encoding: chunked\r\n\r\n";
    let body = one_span();
    let mut pieces: Vec<Vec<u8>> = vec![head.to_vec()];
    for byte in &body {
        pieces.push([b"1\r\n".as_slice(), &[*byte], b"\r\n"].concat());
    }
    pieces.push(b"0\r\n\r\n".to_vec());
    let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    assert_eq!(door.raw(&pieces).await.status, 200);
    assert_eq!(door.kept.batches.lock().unwrap()[0].1, body);
}

#[tokio::test]
async fn slow_bodies_are_given_up() {
    let door = Door::open_with(|options| {
        options.body.rate_window = Duration::from_millis(200);
        options.body.rate_bytes = 1_000;
    })
    .await;
    let head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\n\
        content-type: application/x-protobuf\r\ncontent-length: 5000\r\n\r\nabc";
    let reply = door.raw(&[head]).await;
    assert_eq!((reply.status, reply.header("connection")), (408, "close"));
    assert_eq!(door.count("slow"), 1);
    door.still_works().await;
}

#[tokio::test]
async fn senders_that_go_away_leave_nothing_behind() {
    let door = Door::open().await;
    let body = fixtures(Signal::Traces).remove(0);
    let mut random = fastrand::Rng::with_seed(14);
    for _ in 0..300 {
        let mut stream = TcpStream::connect(door.address).await.unwrap();
        let head = format!(
            "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let whole = [head.as_bytes(), &body].concat();
        stream.write_all(&whole[..random.usize(1..whole.len())]).await.unwrap();
        if random.bool() {
            // A reset instead of an orderly end.
            stream.set_zero_linger().unwrap();
        }
    }
    door.still_works().await;
    assert_eq!(door.batches(), 1, "a part of a body was kept");
}

#[tokio::test]
async fn deep_nesting_is_a_clean_answer() {
    let door = Door::open().await;
    for depth in [10, 100, 1_000, 100_000] {
        let value = r#"{"arrayValue":{"values":["#.repeat(depth) + &"]}}".repeat(depth);
        let json = format!(
            r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{value}}}]}}]}}]}}"#
        );
        let status = door.post("/v1/logs", &[JSON], json.as_bytes()).await.status;
        assert_eq!(status, if depth < 40 { 200 } else { 400 }, "{depth}");
    }
    let mut value = Vec::new();
    for _ in 0..10_000 {
        let mut outer = Vec::new();
        crate::otlp::write::message_field(&mut outer, 5, |out| {
            crate::otlp::write::bytes_field(out, 1, &value);
        });
        value = outer;
    }
    let nested = |out: &mut Vec<u8>| crate::otlp::write::bytes_field(out, 5, &value);
    let mut body = Vec::new();
    crate::otlp::write::message_field(&mut body, 1, |out| {
        crate::otlp::write::message_field(out, 2, |out| {
            crate::otlp::write::message_field(out, 2, nested);
        });
    });
    // Whether the record is kept is redaction's to say; the door stands.
    assert_eq!(door.post("/v1/logs", &[PROTOBUF], &body).await.status, 200);
    door.still_works().await;
}

#[tokio::test]
async fn heads_that_are_no_heads() {
    let door = Door::open().await;
    let huge = format!("POST /v1/traces HTTP/1.1\r\nhost: x\r\na: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("POST /v1/traces HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(1_000));
    let heads = [
        huge.as_str(),
        &many,
        "\0\x01\x02\r\n\r\n",
        "POST /v1/traces HTTP/9.9\r\n\r\n",
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\
         \r\nabcde",
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\
            content-type: application/json\r\n\r\nzz\r\n",
    ];
    for head in heads {
        let mut stream = TcpStream::connect(door.address).await.unwrap();
        let _ = stream.write_all(head.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{head:.60}");
    }
    door.still_works().await;
}

async fn h2(door: &Door) -> h2::client::SendRequest<Bytes> {
    let stream = TcpStream::connect(door.address).await.unwrap();
    let mut builder = h2::client::Builder::new();
    builder.max_concurrent_reset_streams(100_000).initial_max_send_streams(100_000);
    let (client, connection) = builder.handshake(stream).await.unwrap();
    tokio::spawn(connection);
    client
}

fn head(door: &Door) -> Request<()> {
    Request::post(format!("http://{}/v1/traces", door.address))
        .header("content-type", "application/x-protobuf")
        .body(())
        .unwrap()
}

#[tokio::test]
async fn rapid_resets_end_the_connection() {
    let door = Door::open().await;
    let mut client = h2(&door).await;
    let mut sent = 0;
    for _ in 0..20_000 {
        let Ok(mut ready) = client.clone().ready().await else { break };
        let Ok((_, mut stream)) = ready.send_request(head(&door), false) else { break };
        stream.send_reset(h2::Reason::CANCEL);
        client = ready;
        sent += 1;
        tokio::task::yield_now().await;
    }
    assert!(sent < 20_000, "the connection should have been closed");
    door.still_works().await;
}

#[tokio::test]
async fn streams_beyond_the_bound_wait_and_hold_nothing() {
    let door = Door::open().await;
    let client = h2(&door).await;
    let mut streams = Vec::new();
    for _ in 0..limits::HTTP2_STREAMS {
        let mut ready = client.clone().ready().await.unwrap();
        let Ok((response, stream)) = ready.send_request(head(&door), false) else { break };
        streams.push((response, stream));
    }
    assert!(streams.len() >= 100);
    // Other connections are served meanwhile.
    let headers = [PROTOBUF];
    assert_eq!(door.post("/v1/traces", &headers, &one_span()).await.status, 200);
    drop((streams, client));
    door.still_works().await;
}

#[tokio::test]
async fn empty_frames_without_end_are_refused() {
    let door = Door::open().await;
    let mut client = h2(&door).await.ready().await.unwrap();
    let (response, mut stream) = client.send_request(head(&door), false).unwrap();
    let flood = tokio::spawn(async move {
        for number in 0..1_000_000 {
            if stream.send_data(Bytes::new(), false).is_err() {
                return;
            }
            if number % 100 == 0 {
                tokio::task::yield_now().await;
            }
        }
    });
    // Either the request is refused or the whole connection.
    if let Ok(response) = response.await {
        assert_eq!(response.status(), 400);
    }
    flood.abort();
    door.still_works().await;
}
