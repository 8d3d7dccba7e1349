//! The door for JSON events over real sockets.

use super::*;

const JSON: (&str, &str) = ("content-type", "application/json");
const TOOL: &str = r#"{"type":"tool_call","tool":"search","duration":1}"#;
const ERROR: &str = r#"{"type":"error","message":"gone"}"#;

#[tokio::test]
async fn events_come_in_every_form_and_packing() {
    let door = Door::open().await;
    let list = format!("[{TOOL},{ERROR}]");
    let lines = format!("{TOOL}\n{ERROR}\n");
    let ndjson = ("content-type", "application/x-ndjson");
    for (headers, body) in [
        (&[JSON][..], list.as_bytes()),
        (&[ndjson], lines.as_bytes()),
        (&[("content-type", "text/plain; charset=utf-8")], lines.as_bytes()),
        (&[], lines.as_bytes()),
        (&[JSON, ("content-encoding", "gzip")], &gzip(list.as_bytes())),
        (&[ndjson, ("content-encoding", "zstd")], &zstd(lines.as_bytes())),
    ] {
        let reply = door.post("/v1/events", headers, body).await;
        assert_eq!((reply.status, reply.text().as_str()), (200, r#"{"accepted":2,"rejected":[]}"#));
        let batches = std::mem::take(&mut *door.kept.batches.lock().unwrap());
        let kinds: Vec<_> = batches.iter().map(|(signal, _, items)| (*signal, *items)).collect();
        assert_eq!(kinds, [(Signal::Logs, 1), (Signal::Traces, 1)]);
    }
    assert_eq!(door.budget.used_bytes(), 0);
    door.still_works().await;
}

#[tokio::test]
async fn the_answer_names_what_was_not_taken() {
    let door = Door::open().await;
    let bad = r#"{"type":"spend","usd":-1}"#;
    let reply = door.post("/v1/events", &[JSON], format!("[{TOOL},{bad}]").as_bytes()).await;
    assert_eq!(reply.status, 207);
    let expected = serde_json::json!({"accepted": 1, "rejected": [
        {"index": 1, "field": "usd", "reason": "is negative"}]});
    assert_eq!(reply.json(), expected);
    let reply = door.post("/v1/events", &[JSON], bad.as_bytes()).await;
    assert_eq!((reply.status, &reply.json()["accepted"]), (400, &0.into()));
    assert_eq!(door.count("invalid_event"), 2);
    let reply = door.post("/v1/events", &[JSON], format!("[{TOOL},{{").as_bytes()).await;
    assert_eq!((reply.status, &reply.json()["rejected"][0]["index"]), (400, &1.into()));
    assert!(reply.json()["error"].as_str().unwrap().contains("nothing of it was taken"));
    assert_eq!(door.batches(), 1, "a broken list is refused whole");
    assert_eq!(door.post("/v1/events", &[JSON], b" ").await.status, 400);
    assert_eq!(door.post("/v1/events", &[JSON], b"[]").await.status, 200);
    let xml = [("content-type", "application/xml")];
    assert_eq!(door.post("/v1/events", &xml, TOOL.as_bytes()).await.status, 415);
    let get = b"GET /v1/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let reply = door.raw(&[get]).await;
    assert_eq!((reply.status, reply.header("allow")), (405, "POST"));
    door.still_works().await;
}

#[tokio::test]
async fn a_refusal_of_the_pipeline_asks_to_come_again() {
    let door = Door::open().await;
    let say = |answer| *door.kept.answer.lock().unwrap() = Some(answer);
    say(Err(Refusal::Overloaded { retry_after_seconds: 9 }));
    let body = format!("[{TOOL},{ERROR}]");
    let reply = door.post("/v1/events", &[JSON], body.as_bytes()).await;
    assert_eq!((reply.status, reply.header("retry-after")), (429, "9"));
    say(Err(Refusal::Unavailable { reason: "disk_full", retry_after_seconds: 30 }));
    let reply = door.post("/v1/events", &[JSON], body.as_bytes()).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, "30"));
    assert_eq!(reply.json()["accepted"], 0);
}

/// Takes log records and no spans.
struct HalfFull;

impl Ingest for HalfFull {
    async fn ingest(
        self: Arc<Self>,
        signal: Signal,
        _: Bytes,
        _: u32,
        _: Box<dyn Send>,
    ) -> Result<Accepted, Refusal> {
        match signal {
            Signal::Logs => Ok(Accepted::default()),
            _ => Err(Refusal::Unavailable { reason: "disk_full", retry_after_seconds: 30 }),
        }
    }
}

#[tokio::test]
async fn what_was_taken_is_not_asked_for_again() {
    let options = ReceiverOptions::new(Arc::new(Counts::default()));
    let budget = Budget::new(limits::INFLIGHT_BYTES);
    let mut receiver = Receiver::new(Arc::new(HalfFull), budget, options);
    let body = format!("[{TOOL},{ERROR},{TOOL}]");
    let body = http_body_util::Full::new(Bytes::from(body));
    let request = Request::post("/v1/events").header("content-type", "application/json");
    let response = receiver.call(request.body(body).unwrap()).await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()["retry-after"]),
        (http::StatusCode::MULTI_STATUS, &http::HeaderValue::from(30))
    );
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(answer["accepted"], 1);
    let named: Vec<_> = answer["rejected"].as_array().unwrap().iter().collect();
    assert_eq!(named.iter().map(|it| it["index"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 2]);
    assert!(named.iter().all(|it| it["retry"] == true));
}

#[tokio::test]
async fn floods_of_events_are_refused() {
    let door = Door::open().await;
    let many = format!("[{}{{}}]", "{},".repeat(limits::REQUEST_ITEMS));
    assert_eq!(door.post("/v1/events", &[JSON], many.as_bytes()).await.status, 413);
    let packed = [JSON, ("content-encoding", "gzip")];
    let spaces = gzip(&[b' '; 64 * 1024 * 1024 + 1]);
    assert_eq!(door.post("/v1/events", &packed, &spaces).await.status, 413);
    let lists = format!("[{}0]", "[],".repeat(4_000_000));
    let reply = door.post("/v1/events", &packed, &gzip(lists.as_bytes())).await;
    assert_eq!(reply.status, 413);
    door.still_works().await;
}
