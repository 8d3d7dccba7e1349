//! Debug events: asking for them, and the toggle.

use super::*;
use std::fmt::Write as _;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

async fn post(router: &Router, key: &str, kind: &str, body: &str) -> Answer {
    let request = Request::builder().method("POST").uri("/api/debug/toggle");
    let request = request.header("content-type", kind).header("x-api-key", key);
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn change(router: &Router, body: &Value) -> Answer {
    post(router, "", "application/json", &body.to_string()).await
}

#[tokio::test]
async fn the_toggle_goes_on_and_off_and_shows_who_and_how_long() {
    let world = Arc::new(World::default());
    let keys = vec![key("reader", Role::Read), key("oncall", Role::Admin)];
    let router = router(handles(&world, keys));
    let read =
        async || send(&router, "GET", "/api/debug/toggle", &[("x-api-key", "reader")]).await.json();
    assert_eq!(
        (&read().await["enabled"], &read().await["changed_at"]),
        (&false.into(), &Value::Null)
    );
    let on = serde_json::json!({
        "enabled": true, "tenant": "acme", "trace_id": TRACE, "expires_in_seconds": 600,
    });
    let on = on.to_string();
    for (key, status) in [("reader", 403), ("", 401), ("wrong", 401)] {
        let refused = post(&router, key, "application/json", &on).await;
        assert_eq!(refused.status, status, "{key}");
    }
    assert_eq!(read().await["enabled"], false);
    let answer = post(&router, "oncall", "application/json; charset=utf-8", &on).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), read().await);
    let state = read().await;
    assert_eq!((&state["enabled"], &state["persisted"]), (&true.into(), &true.into()));
    assert_eq!(state["changed_by"], "oncall");
    let scope = &state["scopes"][0];
    assert_eq!((&scope["tenant"], &scope["trace_id"]), (&"acme".into(), &TRACE.into()));
    assert_eq!((&scope["agent"], &scope["by"]), (&Value::Null, &"oncall".into()));
    let times = ["since", "expires_at"].map(|key| scope[key].as_str().unwrap().to_owned());
    assert!(times[0] < times[1], "{times:?}");
    post(&router, "oncall", "application/json", "{\"enabled\":true,\"agent\":\"planner\"}").await;
    assert_eq!(read().await["scopes"].as_array().unwrap().len(), 2);
    let off = "{\"enabled\":false,\"agent\":\"planner\"}";
    post(&router, "oncall", "application/json", off).await;
    assert_eq!(read().await["scopes"].as_array().unwrap().len(), 1);
    post(&router, "oncall", "application/json", "{\"enabled\":false}").await;
    assert_eq!(
        (&read().await["enabled"], &read().await["scopes"]),
        (&false.into(), &Value::Array(vec![]))
    );
}

#[tokio::test]
async fn what_is_no_change_is_told_and_changes_nothing() {
    let world = Arc::new(World::default());
    let router = open_router(&world);
    let long = "a".repeat(300);
    let huge = format!("{{\"enabled\":true{}}}", " ".repeat(17 << 10));
    for (body, about) in [
        ("", "This is no change"),
        ("[]", "This is no change"),
        ("{}", "enabled"),
        ("{\"enabled\":\"yes\"}", "boolean"),
        ("{\"enabled\":true,\"tennant\":\"a\"}", "tennant"),
        ("{\"enabled\":true,\"trace_id\":\"xyz\"}", "32 hexadecimal"),
        ("{\"enabled\":true,\"tenant\":\"\"}", "tenant has 1 to 256 bytes"),
        (&format!("{{\"enabled\":true,\"agent\":\"{long}\"}}"), "agent has 1 to 256 bytes"),
        ("{\"enabled\":true,\"expires_in_seconds\":0}", "expires_in_seconds is a number"),
        ("{\"enabled\":true,\"expires_in_seconds\":-5}", "This is no change"),
        ("{\"enabled\":true,\"expires_in_seconds\":99999999999}", "expires_in_seconds is a number"),
        ("{\"enabled\":true,\"expires_at\":\"2020-01-01T00:00:00Z\"}", "a time ahead"),
        ("{\"enabled\":true,\"expires_at\":\"tomorrow\"}", "a time ahead"),
        ("{\"enabled\":true,\"expires_at\":true}", "a time ahead"),
        ("{\"enabled\":true,\"expires_in_seconds\":5,\"expires_at\":1}", "not both"),
        ("{\"enabled\":false,\"expires_in_seconds\":5}", "no expiry"),
        (&huge, "At most"),
    ] {
        let answer = post(&router, "", "application/json", body).await;
        assert_eq!(answer.status, 400, "{body}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        let found = message.contains(about) || (about == "At most" && message.contains("at most"));
        assert!(found, "{body}: {message}");
    }
    // What a form of a foreign page can send without asking.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        let answer = post(&router, "", kind, "{\"enabled\":true}").await;
        assert_eq!(answer.status, 400, "{kind}");
        assert_eq!(answer.json()["error"]["parameter"], "Content-Type");
    }
    assert_eq!(get(&router, "/api/debug/toggle").await.json()["enabled"], false);
    for number in 0..40 {
        let body = serde_json::json!({ "enabled": true, "tenant": number.to_string() });
        let expected = if number < crate::limits::DEBUG_SCOPES { 200 } else { 400 };
        assert_eq!(change(&router, &body).await.status, expected);
    }
    let one = "/api/debug/toggle?enabled=true";
    assert_eq!(send(&router, "POST", one, &[]).await.code(), "invalid_parameter");
}

fn write_events(world: &World) {
    let mut text = String::new();
    for number in 0..600 {
        let trace = if number % 2 == 0 { TRACE } else { "11111111111111111111111111111111" };
        let kind = ["completion_prompt", "completion_response", "tool_call"][number % 3];
        let time = format!("2026-11-21T08:{:02}:{:02}.000000000Z", number / 60, number % 60);
        let failed = number == 599;
        writeln!(
            text,
            "{{\"timestamp\":\"{time}\",\"event_type\":\"{kind}\",\"trace_id\":\"{trace}\",\
             \"failed\":{failed},\"text\":\"{number}\"}}"
        )
        .unwrap();
    }
    std::fs::write(world.folder.path().join("debug_logs.jsonl"), text).unwrap();
}

#[tokio::test]
async fn events_are_found_by_trace_and_type_the_newest_first() {
    let world = Arc::new(World::default());
    let router = open_router(&world);
    assert_eq!(get(&router, "/api/debug/logs").await.json()["logs"], Value::Array(vec![]));
    write_events(&world);
    let logs = async |query: &str| {
        let answer = get(&router, &format!("/api/debug/logs{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
        let answer = answer.json();
        assert_eq!(answer["incomplete"], false);
        answer["logs"].as_array().unwrap().clone()
    };
    let all = logs("").await;
    assert_eq!((all.len(), &all[0]["text"]), (100, &"599".into()));
    assert_eq!(logs("?limit=500").await.len(), 500);
    let found = logs(&format!("?trace_id={TRACE}&event_type=tool_call&limit=2")).await;
    assert_eq!((&found[0]["text"], &found[1]["text"]), (&"596".into(), &"590".into()));
    assert_eq!(logs("?trace_id=22222222222222222222222222222222").await.len(), 0);
    for bad in [
        "limit=501",
        "limit=0",
        "limit=x",
        "trace_id=xyz",
        "event_type=prompt",
        "event=plan",
        "limit=1&limit=2",
    ] {
        let answer = get(&router, &format!("/api/debug/logs?{bad}")).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "invalid_parameter"));
    }
}

#[tokio::test]
async fn statistics_say_how_much_of_what_and_when() {
    let world = Arc::new(World::default());
    let router = open_router(&world);
    let empty = get(&router, "/api/debug/stats").await.json();
    assert_eq!((&empty["total_logs"], &empty["by_event_type"]["plan"]), (&0.into(), &0.into()));
    write_events(&world);
    let stats = get(&router, "/api/debug/stats").await.json();
    assert_eq!(stats["total_logs"], 600);
    assert_eq!(stats["by_event_type"]["tool_call"], 200);
    assert_eq!(stats["by_hour"]["2026-11-21T08:00:00Z"], 600);
    assert_eq!(stats["recent_errors"].as_array().unwrap().len(), 1);
    assert_eq!(stats["recent_errors"][0]["text"], "599");
}
