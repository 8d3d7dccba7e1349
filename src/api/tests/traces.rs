//! Search, one trace and its investigation over a real log.

use super::store::{self, RUN, START_NS, Store};
use super::*;
use proptest::prelude::*;
use serde_json::json;

pub(super) fn router_over(store: &Store) -> Router {
    let world = Arc::new(World::default());
    router(ApiHandles { store: store.index.clone(), ..handles(&world, Vec::new()) })
}

#[tokio::test]
async fn a_run_is_found_by_what_it_did() {
    let store = store::with_run().await;
    let router = router_over(&store);
    let all = get(&router, "/api/traces/search").await.json();
    let expected = json!({
        "trace_id": RUN, "name": "POST /chat", "service": "shop", "operation": "other",
        "start_time": "2026-11-21T08:00:00.000000000Z", "duration_ms": 1_000.0, "status": "error",
        "span_count": 7, "error_count": 1, "llm_calls": 3, "input_tokens": 330,
        "output_tokens": 77, "models": ["gpt-4o", "gpt-4o-mini"], "services": ["shop"],
        "tenant": null, "conversation": null, "truncated": false,
    });
    assert_eq!(all, json!({ "traces": [expected], "next": null, "incomplete": false }));
    for (query, found) in [
        ("service=shop&tool=search&status=error", 1),
        ("service=shop&tool=search&status=ok", 0),
        ("operation=llm&model=gpt-4o-mini", 1),
        ("operation=chat&min_duration_ms=289&max_duration_ms=291", 1),
        ("operation=chat&min_duration_ms=291", 0),
        ("agent=planner", 1),
        ("attr=gen_ai.usage.output_tokens:50&attr=gen_ai.request.model:gpt-4o", 1),
        ("attr=gen_ai.usage.output_tokens:50&attr=gen_ai.request.model:gpt-4o-mini", 0),
        ("from=2026-11-21T08:00:00Z&to=2026-11-21T08:00:01Z", 1),
        ("from=2026-11-21T09:00:00%2B01:00&to=1795248001", 1),
        ("to=1795247999", 0),
        ("text=Index%20IS%20gone", 1),
        ("text=index%20is%20gone&tool=search", 1),
        ("text=index%20is%20gone&operation=chat", 0),
        ("text=%7B%22q%22:%22lamp", 1),
        ("text=gen_ai.tool.name", 0),
        ("text=%00", 0),
    ] {
        let answer = get(&router, &format!("/api/traces/search?{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
        assert_eq!(answer.json()["traces"].as_array().unwrap().len(), found, "{query}");
    }
}

#[tokio::test]
async fn pages_follow_one_another() {
    let store = Store::new();
    for number in 1..=5_u8 {
        let mut span = store::span(1, 0, "work", u64::from(number), 100);
        span.trace_id[15] = number;
        store.append_spans(vec![span]).await;
    }
    let router = router_over(&store);
    let mut seen = Vec::new();
    let mut path = "/api/traces/search?limit=2&name=work".to_owned();
    loop {
        let page = get(&router, &path).await.json();
        let traces = page["traces"].as_array().unwrap();
        seen.extend(traces.iter().map(|trace| trace["trace_id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/traces/search?limit=2&name=work&cursor={next}");
    }
    let ids: Vec<_> = (1..=5).rev().map(|n| format!("{}{n:02x}", &RUN[..30])).collect();
    assert_eq!(seen, ids);
    // A cursor belongs to its search, and is not to be made up.
    let cursor = path.split("cursor=").nth(1).unwrap();
    let long = "A".repeat(3_000);
    for bad in
        [format!("name=other&cursor={cursor}"), "cursor=x".to_owned(), format!("cursor={long}")]
    {
        let answer = get(&router, &format!("/api/traces/search?{bad}")).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "invalid_parameter"));
        assert_eq!(answer.json()["error"]["parameter"], "cursor");
    }
}

#[tokio::test]
async fn a_trace_is_answered_as_sent_and_as_understood() {
    let store = store::with_run().await;
    let answer = get(&router_over(&store), &format!("/api/traces/{RUN}")).await;
    assert_eq!(answer.header("content-type"), "application/json");
    let trace = answer.json();
    assert_eq!((&trace["trace_id"], &trace["truncated"]), (&json!(RUN), &json!(false)));
    let spans = trace["spans"].as_array().unwrap();
    let ids: Vec<_> = spans.iter().map(|span| span["span_id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted() && ids.len() == 7, "{ids:?}");
    let call = &spans[2];
    assert_eq!(call["parent_span_id"], "0000000000000002");
    assert_eq!(call["start_time"], "2026-11-21T08:00:00.020000000Z");
    assert_eq!((&call["duration_ms"], &call["kind"]), (&json!(200.0), &json!("internal")));
    assert_eq!((&call["operation"], &call["model"]), (&json!("chat"), &json!("gpt-4o")));
    assert_eq!((&call["provider"], &call["cost_usd"]), (&json!("openai"), &json!(0.25)));
    let tokens = json!({ "total": 120, "input": 100, "output": 20, "cached": null,
        "cache_write": null, "reasoning": null });
    assert_eq!(call["tokens"], tokens);
    assert_eq!(call["attributes"]["gen_ai.usage.input_tokens"], 100);
    assert_eq!(call["resource"], json!({ "service.name": "shop" }));
    assert_eq!(call["scope"]["name"], "test");
    // Unpriced is said, not left out and not 0.
    assert_eq!(spans[5].get("cost_usd"), Some(&Value::Null));
    assert_eq!(spans[0].get("cost_usd"), None);
    let broken = &spans[3];
    assert_eq!((&broken["status"], &broken["failed"]), (&json!("error"), &json!(true)));
    assert_eq!(
        (&broken["tool"], &broken["status_message"]),
        (&json!("search"), &json!("index is gone"))
    );
    assert_eq!(broken["events"][0]["attributes"]["exception.type"], "IOError");
}

#[tokio::test]
async fn ids_that_are_none_and_ids_that_nobody_sent() {
    let store = store::with_run().await;
    let router = router_over(&store);
    let unknown = "f".repeat(32);
    for resource in ["traces", "investigate"] {
        for bad in [
            "0",
            "zz",
            &"0".repeat(32),
            &RUN[1..],
            &format!("{RUN}0"),
            "..%2f..%2fetc%2fpasswd",
            "%00",
            &"%F0%9F%92%A9".repeat(4),
            &"a".repeat(9_000),
            "0x7651916cd43dd8448eb211c80319c0a",
        ] {
            let answer = get(&router, &format!("/api/{resource}/{bad}")).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (400, "invalid_parameter"),
                "{bad}"
            );
            assert_eq!(answer.json()["error"]["parameter"], "trace_id");
        }
        let answer = get(&router, &format!("/api/{resource}/{unknown}")).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"));
        let upper = RUN.to_uppercase();
        assert_eq!(get(&router, &format!("/api/{resource}/{upper}")).await.status, 200);
    }
}

#[tokio::test]
async fn an_investigation_tells_the_whole_story() {
    let store = store::with_run().await;
    let found = get(&router_over(&store), &format!("/api/investigate/{RUN}")).await.json();
    let tokens = |total: u64, input: u64, output: u64| {
        json!({ "total": total, "input": input, "output": output, "cached": null,
            "cache_write": null, "reasoning": null })
    };
    let partial = json!({ "usd": 0.75, "state": "partial", "unpriced_calls": 1 });
    let summary = json!({
        "name": "POST /chat", "service": "shop", "start_time": "2026-11-21T08:00:00.000000000Z",
        "duration_ms": 1_000.0, "span_count": 7, "error_spans": 1, "outcome": "recovered",
        "llm_calls": 3, "tool_calls": 2, "tokens": tokens(407, 330, 77), "cost": partial,
        "tools_used": ["search"],
    });
    assert_eq!(found["summary"], summary);
    let first_error = json!({
        "span_id": "0000000000000004", "name": "execute_tool search", "service": "shop",
        "operation": "execute_tool", "time": "2026-11-21T08:00:00.400000000Z",
        "error_type": "IOError", "message": "index is gone",
        "cause": { "type": "IOError", "message": "index is gone",
            "stacktrace": "Traceback:\n  line 1" },
        "propagated_to": [],
    });
    assert_eq!(found["first_error"], first_error);
    let path: Vec<_> = found["critical_path"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            (
                step["span_id"].as_str().unwrap().as_bytes()[15] - b'0',
                step["self_ms"].as_f64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        path,
        [(1, 60.0), (2, 150.0), (3, 200.0), (4, 100.0), (5, 100.0), (6, 100.0), (7, 290.0)]
    );
    let by_model = json!([
        { "provider": "openai", "name": "gpt-4o", "calls": 2, "errors": 0, "duration_ms": 490.0,
            "tokens": tokens(370, 300, 70),
            "cost": { "usd": 0.75, "state": "priced", "unpriced_calls": 0 } },
        { "provider": "openai", "name": "gpt-4o-mini", "calls": 1, "errors": 0,
            "duration_ms": 100.0, "tokens": tokens(37, 30, 7),
            "cost": { "usd": null, "state": "unpriced", "unpriced_calls": 1 } },
    ]);
    assert_eq!(found["by_model"], by_model);
    assert_eq!(found["by_agent"][0]["name"], "planner");
    assert_eq!(found["by_agent"][0]["tokens"], tokens(407, 330, 77));
    let by_tool = &found["by_tool"][0];
    assert_eq!((&by_tool["calls"], &by_tool["errors"]), (&json!(2), &json!(1)));
    assert_eq!(
        (&by_tool["tokens"], &by_tool["cost"]["state"]),
        (&tokens(37, 30, 7), &json!("unpriced"))
    );
    let repeated = &found["repeated_calls"][0];
    assert_eq!(
        (&repeated["count"], &repeated["arguments"]),
        (&json!(2), &json!("{\"q\":\"lamp\"}"))
    );
    assert_eq!(found["spans"].as_array().unwrap().len(), 7);
    assert_eq!(found["spans"][2]["attributes"]["gen_ai.request.model"], "gpt-4o");
    // Warnings come first, then the others, each in the order of time.
    assert_eq!(found["logs"][0]["body"], "Search failed.");
    assert_eq!(found["logs"][0]["span_id"], "0000000000000004");
    // There is no earlier run to compare with.
    assert_eq!(found["compared_with_median"], Value::Null);
    assert_eq!((&found["repeated_prompts"], &found["loops"]), (&json!([]), &json!([])));
    assert_eq!(found["logs"].as_array().unwrap().len(), 2);
    assert_eq!((&found["debug_logs"], &found["left_out"]), (&json!([]), &json!({})));
}

#[tokio::test]
async fn what_was_said_stands_with_its_span_however_it_was_sent() {
    use opentelemetry_proto::tonic::logs::v1::LogRecord;
    let said = |kind: &str, span: u8, at_ms: u64, text: &str| LogRecord {
        time_unix_nano: START_NS + at_ms * 1_000_000,
        event_name: format!("gen_ai.{kind}"),
        body: Some(store::map(vec![store::text("content", text)])),
        trace_id: RUN.parse::<crate::model::TraceId>().unwrap().as_bytes().to_vec(),
        span_id: vec![0, 0, 0, 0, 0, 0, 0, span],
        ..LogRecord::default()
    };
    let store = store::with_run().await;
    // Records may come before and behind their span, and in any order.
    store
        .append_logs(vec![
            said("choice", 3, 200, "It is a lamp."),
            said("user.message", 3, 30, "What is this?"),
            said("user.message", 7, 620, "And that?"),
            said("user.message", 9, 0, "Of a span that never came."),
        ])
        .await;
    let trace = get(&router_over(&store), &format!("/api/traces/{RUN}")).await.json();
    let messages = |span: usize| trace["spans"][span]["messages"].clone();
    let message =
        |role: &str, part: &str, text: &str| json!({"role": role, "part": part, "text": text});
    let exchange = json!([
        message("user", "prompt", "What is this?"),
        message("assistant", "completion", "It is a lamp."),
    ]);
    assert_eq!(messages(2), exchange);
    assert_eq!(messages(6), json!([message("user", "prompt", "And that?")]));
    assert_eq!(messages(4), json!([message("", "tool_arguments", "{\"q\":\"lamp\"}")]));
    assert_eq!(messages(0), json!([]));
}

#[tokio::test]
async fn a_message_sent_both_ways_is_told_once() {
    let store = Store::new();
    let messages = r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
    let attributes = vec![
        store::text("gen_ai.operation.name", "chat"),
        store::text("gen_ai.input.messages", messages),
    ];
    store.append_spans(vec![store::with(store::span(1, 0, "chat", 0, 9), attributes)]).await;
    for text in ["Hi", "Hi again"] {
        let record = opentelemetry_proto::tonic::logs::v1::LogRecord {
            event_name: "gen_ai.user.message".to_owned(),
            body: Some(store::map(vec![store::text("content", text)])),
            trace_id: RUN.parse::<crate::model::TraceId>().unwrap().as_bytes().to_vec(),
            span_id: vec![0, 0, 0, 0, 0, 0, 0, 1],
            ..Default::default()
        };
        store.append_logs(vec![record]).await;
    }
    let trace = get(&router_over(&store), &format!("/api/traces/{RUN}")).await.json();
    let texts: Vec<_> = trace["spans"][0]["messages"].as_array().unwrap().iter().collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert_eq!((&texts[0]["text"], &texts[1]["text"]), (&json!("Hi"), &json!("Hi again")));
}

/// Recorded from real client libraries.
#[tokio::test]
async fn recorded_bodies_can_be_investigated() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp");
    for name in ["openinference-litellm/004", "openllmetry-openai/001", "fastapi/013"] {
        let store = Store::new();
        let body = std::fs::read(root.join(format!("{name}.traces.pb"))).unwrap();
        store.append(crate::model::Signal::Traces, body).await;
        let router = router_over(&store);
        let traces = get(&router, "/api/traces/search").await.json()["traces"].clone();
        let traces = traces.as_array().unwrap();
        assert!(!traces.is_empty(), "{name}");
        for trace in traces {
            let id = trace["trace_id"].as_str().unwrap();
            let found = get(&router, &format!("/api/investigate/{id}")).await.json();
            assert_eq!(found["summary"]["span_count"], trace["span_count"], "{name}");
        }
    }
}

#[tokio::test]
async fn a_bound_leaves_details_out_in_a_fixed_order() {
    let store = store::with_run().await;
    let router = router_over(&store);
    let within = async |tokens: usize| {
        let path = format!("/api/investigate/{RUN}?max_tokens={tokens}");
        let answer = get(&router, &path).await;
        assert!(answer.body.len() <= tokens * 4, "{tokens}: {} bytes", answer.body.len());
        answer.json()
    };
    let small = within(750).await;
    assert_eq!(small["summary"]["llm_calls"], 3);
    assert_eq!(small["first_error"]["message"], "index is gone");
    assert_eq!(small["left_out"]["span_details"], 7);
    // Warnings come before other records, and of the spans the failed one comes first.
    for tokens in (750..6_000).step_by(50) {
        let found = within(tokens).await;
        let items = |part: &str| found[part].as_array().unwrap().clone();
        if items("logs").len() == 1 {
            assert_eq!(found["logs"][0]["body"], "Search failed.", "{tokens}");
        }
        let spans = items("spans");
        let failed = spans.iter().any(|span| span["failed"] == true);
        assert!(failed || spans.is_empty(), "{tokens}");
        let out = found["left_out"]["spans"].as_u64().unwrap_or(0);
        assert_eq!(spans.len() as u64 + out, 7, "{tokens}");
    }
    let large = within(100_000).await;
    assert_eq!(large["left_out"], json!({}));
    let whole = get(&router, &format!("/api/investigate/{RUN}")).await.json();
    assert_eq!(large, whole);
    for bad in ["0", "749", "-1", "1e3", "many", "99999999999999999999"] {
        let answer = get(&router, &format!("/api/investigate/{RUN}?max_tokens={bad}")).await;
        assert_eq!(answer.json()["error"]["parameter"], "max_tokens", "{bad}");
    }
}

#[tokio::test]
async fn the_status_names_what_failed_lately() {
    let store = Store::new();
    let now = crate::clock::unix_nanos();
    let recent = |number: u8, failed: bool| {
        let mut span = store::span(1, 0, "work", 0, 1);
        if failed {
            span = store::failed(span, "boom", "E");
        }
        span.trace_id[15] = number;
        let shift = now - START_NS - 1_000_000_000;
        span.start_time_unix_nano += shift;
        span.end_time_unix_nano += shift;
        span
    };
    let router = router_over(&store);
    let status = get(&router, "/api/status").await.json();
    assert_eq!((&status["status"], &status["recent_errors"]), (&json!("HEALTHY"), &json!([])));
    let spans = (1..=20).map(|number| recent(number, number % 10 == 0)).collect();
    store.append_spans(spans).await;
    // One from long ago is no news.
    store.append_spans(vec![store::failed(store::span(1, 0, "old", 0, 1), "x", "E")]).await;
    let status = get(&router, "/api/status").await.json();
    assert_eq!(status["status"], "DEGRADED", "{status}");
    assert_eq!(status["recent"]["error_rate_pct"], 10.0);
    let errors = status["recent_errors"].as_array().unwrap();
    assert_eq!(errors.len(), 2);
    let path = errors[0]["investigate"].as_str().unwrap();
    assert_eq!(get(&router, path).await.json()["first_error"]["message"], "boom");
    let action = &status["recommended_actions"][0]["action"];
    assert!(action.as_str().unwrap().ends_with(path), "{action}");
}

fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        "[\u{0}-\u{1f}\"\\\\]{0,400}",
        "\\PC{0,60}",
        Just("é".repeat(5_000)),
        Just("\u{0}".repeat(5_000)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the spans hold, the answer keeps its bound, is JSON, and comes out the same.
    #[test]
    fn the_bound_holds_for_every_trace(
        names in proptest::collection::vec((nasty(), nasty(), 0_u8..40, any::<bool>()), 1..40),
        tokens in 750_usize..6_000,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = Store::new();
            let spans = (1..).zip(&names).map(|(id, (name, value, parent, fails))| {
                let span = store::span(id, parent % id, name, u64::from(id), 50);
                let span = if *fails { store::failed(span, value, name) } else { span };
                let operation = if id % 2 == 0 { "chat" } else { "execute_tool" };
                store::with(span, vec![
                    store::text("gen_ai.operation.name", operation),
                    store::text("gen_ai.tool.name", name),
                    store::text("gen_ai.request.model", value),
                    store::text("gen_ai.tool.call.arguments", "{}"),
                    store::text(name, value),
                ])
            });
            let spans: Vec<_> = spans.collect();
            // Earlier runs to compare with, which used other tools.
            let before = (1_u8..=6).flat_map(|number| {
                spans.iter().take(3).cloned().map(move |mut span| {
                    span.trace_id[0] = number;
                    span.start_time_unix_nano -= u64::from(number) * 1_000_000_000;
                    span
                })
            });
            store.append_spans(before.collect()).await;
            store.append_spans(spans).await;
            let router = router_over(&store);
            let path = format!("/api/investigate/{RUN}?max_tokens={tokens}");
            let answer = get(&router, &path).await;
            let bytes = answer.body.len();
            prop_assert!(bytes <= tokens * 4, "{bytes} of {}", tokens * 4);
            prop_assert_eq!(&answer.json()["trace_id"], RUN);
            prop_assert_eq!(get(&router, &path).await.body, answer.body);
            Ok(())
        })?;
    }
}
