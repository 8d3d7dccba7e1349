//! Log records over a real log: conditions, pages, what is answered, and bad parameters.

use super::store::{self, RUN, START_NS, Store};
use super::*;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use proptest::prelude::*;
use serde_json::json;

fn router_over(store: &Store) -> Router {
    let world = Arc::new(World::default());
    router(ApiHandles { store: store.index.clone(), ..handles(&world, Vec::new()) })
}

fn plain(at_ms: u64, text: &str) -> LogRecord {
    LogRecord {
        time_unix_nano: START_NS + at_ms * 1_000_000,
        severity_number: 9,
        body: Some(AnyValue { value: Some(Any::StringValue(text.to_owned())) }),
        ..LogRecord::default()
    }
}

#[tokio::test]
async fn a_record_is_answered_as_sent_and_as_understood() {
    let store = Store::new();
    let event = LogRecord {
        observed_time_unix_nano: START_NS + 7,
        event_name: "gen_ai.choice".to_owned(),
        body: Some(store::map(vec![store::text("content", "It is a lamp.")])),
        attributes: vec![store::int("index", 0), store::text("gen_ai.system", "openai")],
        trace_id: RUN.parse::<crate::model::TraceId>().unwrap().as_bytes().to_vec(),
        span_id: vec![0, 0, 0, 0, 0, 0, 0, 3],
        severity_text: "INFO".to_owned(),
        ..plain(0, "")
    };
    let late = LogRecord { time_unix_nano: 0, observed_time_unix_nano: START_NS, ..plain(0, "x") };
    store.append_logs(vec![late, event]).await;
    let answer = get(&router_over(&store), "/api/logs?severity=info").await;
    assert_eq!(answer.header("content-type"), "application/json");
    let found = answer.json();
    let mut records = found["logs"].as_array().unwrap().clone();
    records.sort_by_key(|record| record["event_name"].as_str().unwrap().to_owned());
    let event = json!({
        "time": "2026-11-21T08:00:00.000000000Z", "observed_time": "2026-11-21T08:00:00.000000007Z",
        "severity_number": 9, "severity_text": "INFO", "event_name": "gen_ai.choice",
        "service": "shop", "trace_id": RUN, "span_id": "0000000000000003",
        "body": { "content": "It is a lamp." },
        "attributes": { "index": 0, "gen_ai.system": "openai" },
        "gen_ai": { "kind": "completion", "role": "assistant", "messages": [
            { "role": "assistant", "part": "completion", "text": "It is a lamp." },
        ] },
    });
    let late = json!({
        "time": "2026-11-21T08:00:00.000000000Z", "observed_time": "2026-11-21T08:00:00.000000000Z",
        "severity_number": 9, "severity_text": "", "event_name": "", "service": "shop",
        "trace_id": null, "span_id": null, "body": "x", "attributes": {},
    });
    assert_eq!(records, [late, event]);
    assert_eq!((&found["next"], &found["incomplete"]), (&Value::Null, &json!(false)));
}

#[tokio::test]
async fn every_condition_reaches_the_records() {
    let store = store::with_run().await;
    store.append_logs(vec![plain(800, "She said \"no\"."), plain(900, "größe")]).await;
    let router = router_over(&store);
    for (query, found) in [
        (String::new(), 4),
        (format!("trace_id={RUN}"), 2),
        (format!("trace_id={}", "f".repeat(32)), 0),
        ("span_id=0000000000000004".to_owned(), 2),
        ("span_id=0000000000000005".to_owned(), 0),
        ("severity=warn".to_owned(), 1),
        ("severity=9".to_owned(), 4),
        ("severity=fatal".to_owned(), 0),
        ("service=shop".to_owned(), 4),
        ("service=bot".to_owned(), 0),
        ("attr=service.name:shop".to_owned(), 4),
        ("event_name=x".to_owned(), 0),
        ("text=SEARCH%20failed".to_owned(), 1),
        ("text=%22NO%22".to_owned(), 1),
        ("text=gr%C3%B6%C3%9FE".to_owned(), 1),
        ("text=service.name".to_owned(), 0),
        ("from=2026-11-21T08:00:00.390Z&to=2026-11-21T08:00:00.8Z".to_owned(), 2),
        ("from=1970-01-01T00:00:00Z&to=2554-01-01T00:00:00Z".to_owned(), 4),
        ("to=1795247999".to_owned(), 0),
    ] {
        let answer = get(&router, &format!("/api/logs?{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
        assert_eq!(answer.json()["logs"].as_array().unwrap().len(), found, "{query}");
    }
}

#[tokio::test]
async fn pages_follow_one_another_while_records_arrive() {
    let store = Store::new();
    for at in 1..=10 {
        store.append_logs(vec![plain(at * 10, &format!("record {at}"))]).await;
    }
    let router = router_over(&store);
    let (mut seen, mut path) = (Vec::new(), "/api/logs?limit=3&text=record".to_owned());
    loop {
        let page = get(&router, &path).await.json();
        let logs = page["logs"].as_array().unwrap();
        seen.extend(logs.iter().map(|record| record["body"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/logs?limit=3&text=record&cursor={next}");
        // One that is newer than all answered, and one that was answered, sent again.
        store.append_logs(vec![plain(200, "record new")]).await;
        store.append_logs(vec![plain(100, "record 10")]).await;
    }
    let expected: Vec<_> = (1..=10).rev().map(|at| format!("record {at}")).collect();
    assert_eq!(seen, expected);
    let cursor = path.split("cursor=").nth(1).unwrap();
    let long = "A".repeat(3_000);
    for bad in
        [format!("text=other&cursor={cursor}"), "cursor=x".to_owned(), format!("cursor={long}")]
    {
        let answer = get(&router, &format!("/api/logs?{bad}")).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "invalid_parameter"));
        assert_eq!(answer.json()["error"]["parameter"], "cursor");
    }
    // A cursor of the other search is none of this one.
    let traces = format!("/api/traces/search?cursor={cursor}");
    assert_eq!(get(&router, &traces).await.json()["error"]["parameter"], "cursor");
}

#[tokio::test]
async fn absurd_questions_get_a_clear_refusal() {
    let router = router_over(&Store::new());
    for (query, parameter) in [
        ("limit=1000000000", "limit"),
        ("limit=0", "limit"),
        ("severity=9999999999999999999999", "severity"),
        ("trace_id=..%2f..%2fetc", "trace_id"),
        ("span_id=%00", "span_id"),
        ("attr=%00", "attr"),
        ("from=9999-99-99", "from"),
        ("text=", "text"),
        ("sort=time", "sort"),
    ] {
        let answer = get(&router, &format!("/api/logs?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.json()["error"]["parameter"], parameter, "{query}");
    }
    let whole = get(&router, "/api/logs?limit=1000&from=0&to=18446744073709551615").await;
    assert_eq!(whole.json(), json!({ "logs": [], "next": null, "incomplete": false }));
}

/// Recorded from a real client library.
#[tokio::test]
async fn recorded_log_bodies_can_be_searched() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp");
    let (mut files, mut records) = (0, 0);
    for library in std::fs::read_dir(root).unwrap().flatten() {
        let Ok(entries) = std::fs::read_dir(library.path()) else { continue };
        for file in entries
            .flatten()
            .filter(|file| file.file_name().to_string_lossy().ends_with(".logs.pb"))
        {
            let store = Store::new();
            let body = std::fs::read(file.path()).unwrap();
            let mut sent = 0;
            crate::otlp::read::log_records(&body, |_, _| sent += 1).unwrap();
            store.append(crate::model::Signal::Logs, body).await;
            let found = get(&router_over(&store), "/api/logs?limit=1000").await.json();
            let logs = found["logs"].as_array().unwrap();
            assert_eq!(logs.len(), sent, "{}", file.path().display());
            assert!(logs.is_sorted_by(|one, other| one["time"].as_str() >= other["time"].as_str()));
            (files, records) = (files + 1, records + sent);
        }
    }
    assert!(files > 0 && records > 0, "{files} files, {records} records");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever bytes are asked for, the answer is one of ours and nothing panics.
    #[test]
    fn hostile_texts_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 1..1_300)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = store::with_run().await;
            let text: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
            for resource in ["logs", "traces/search"] {
                let path = format!("/api/{resource}?text={text}");
                let answer = get(&router_over(&store), &path).await;
                let expected = [200, 400].contains(&answer.status.as_u16());
                prop_assert!(expected && answer.json().is_object(), "{}", answer.status);
            }
            Ok(())
        })?;
    }
}
