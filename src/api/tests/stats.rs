//! Statistics of tools, skills and requests over a real log.

use super::store::{self, Store};
use super::traces::router_over;
use super::*;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;

const SAME: &str = "from=2026-11-21T08:00:00Z&to=2026-11-21T09:00:00Z";

fn request(id: u8, method: &str, route: Option<&str>, status: i64, took_ms: u64) -> Span {
    let mut span = store::span(id, 0, method, u64::from(id), u64::from(id) + took_ms);
    span.kind = 2;
    let mut attributes = vec![
        store::text("http.request.method", method),
        store::int("http.response.status_code", status),
        store::text("url.path", "/v1/agents/7"),
    ];
    attributes.extend(route.map(|route| store::text("http.route", route)));
    store::with(span, attributes)
}

async fn groups(store: &Store, path: &str) -> Value {
    let answer = get(&router_over(store), path).await;
    assert_eq!(answer.status, 200, "{path}");
    answer.json()
}

#[tokio::test]
async fn tools_are_counted_with_their_failures() {
    let store = store::with_run().await;
    let found = groups(&store, &format!("/api/tools/stats?{SAME}")).await;
    let search = json!({
        "tool": "search", "count": 2, "errors": 1, "error_rate_pct": 50.0,
        "avg_duration_ms": 150.0, "p50_duration_ms": 100.0, "p95_duration_ms": 200.0,
        "max_duration_ms": 200.0, "last_time": "2026-11-21T08:00:00.400000000Z",
    });
    let mut tool = found["groups"][0].clone();
    for name in ["p50_duration_ms", "p95_duration_ms"] {
        // Percentiles are right to one percent.
        let (exact, value) = (search[name].as_f64().unwrap(), tool[name].as_f64().unwrap());
        assert!((value - exact).abs() <= exact / 100.0, "{name}: {value}");
        tool[name] = search[name].clone();
    }
    assert_eq!(tool, search);
    assert_eq!((&found["other"], &found["incomplete"]), (&Value::Null, &json!(false)));
    assert_eq!(found["window"]["to"], "2026-11-21T09:00:00.000000000Z");
    for none in ["service=other", "tenant=acme", "from=1&to=2"] {
        let path = format!("/api/tools/stats?{none}");
        assert_eq!(groups(&store, &path).await["groups"], json!([]), "{none}");
    }
}

#[tokio::test]
async fn requests_are_grouped_by_route_and_never_by_path() {
    let store = Store::new();
    let route = Some("/v1/agents/{id}");
    let spans = vec![
        request(1, "GET", route, 200, 10),
        request(2, "GET", route, 204, 30),
        request(3, "GET", route, 503, 50),
        request(4, "POST", None, 404, 5),
        request(5, "POST", route, 200, 5),
    ];
    store.append_spans(spans).await;
    let found = groups(&store, &format!("/api/requests/stats?{SAME}&limit=2")).await;
    let told = |group: &Value| {
        let names = ["method", "route", "status_class", "count", "errors", "max_duration_ms"];
        json!(names.map(|name| group[name].clone()))
    };
    let listed = found["groups"].as_array().unwrap();
    assert_eq!(told(&listed[0]), json!(["GET", "/v1/agents/{id}", "2xx", 2, 0, 30.0]));
    assert_eq!(told(&listed[1]), json!(["GET", "/v1/agents/{id}", "5xx", 1, 1, 50.0]));
    assert_eq!(listed.len(), 2);
    // Nothing is lost: what is not listed is summed up.
    assert_eq!(told(&found["other"]), json!(["other", "other", "other", 2, 0, 5.0]));
    let all = groups(&store, &format!("/api/requests/stats?{SAME}")).await;
    assert_eq!(all["groups"][3]["route"], "unmatched");
    assert_eq!(all["other"], Value::Null);
}

#[tokio::test]
async fn skills_are_counted_where_spans_name_them() {
    let store = store::with_run().await;
    let path = format!("/api/skills/stats?{SAME}");
    assert_eq!(groups(&store, &path).await["groups"], json!([]));
    let step = |id, skill: &str| {
        let span = store::span(id, 1, "step", 0, 100);
        store::with(span, vec![store::text("gen_ai.skill.name", skill)])
    };
    let call = store::with(
        step(12, "pdf"),
        vec![
            store::text("gen_ai.operation.name", "chat"),
            store::text("gen_ai.request.model", "gpt-4o"),
            store::int("gen_ai.usage.input_tokens", 40),
        ],
    );
    let broken = store::failed(step(11, "pdf"), "no such page", "KeyError");
    store.append_spans(vec![step(10, "csv"), broken, call]).await;
    let found = groups(&store, &path).await;
    let pdf = &found["groups"][0];
    let names = ["skill", "count", "errors", "error_rate_pct", "llm_calls"];
    assert_eq!(json!(names.map(|name| pdf[name].clone())), json!(["pdf", 2, 1, 50.0, 1]));
    assert_eq!((&pdf["tokens"]["total"], &pdf["cost"]["state"]), (&json!(40), &json!("unpriced")));
    assert_eq!(found["groups"][1]["cost"]["state"], "none");
}

#[tokio::test]
async fn what_cannot_be_asked_of_statistics() {
    let store = Store::new();
    let router = router_over(&store);
    for resource in ["tools", "skills", "requests"] {
        for (bad, parameter) in [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=1000000000", "limit"),
            ("hours=0", "hours"),
            ("hours=87601", "hours"),
            ("hours=1&from=1", "hours"),
            ("from=2&to=1", "from"),
            ("from=%00", "from"),
            ("sevrice=a", "sevrice"),
            ("tool=a", "tool"),
        ] {
            let answer = get(&router, &format!("/api/{resource}/stats?{bad}")).await;
            assert_eq!(answer.status.as_u16(), 400, "{resource} {bad}");
            assert_eq!(answer.json()["error"]["parameter"], parameter, "{resource} {bad}");
        }
        let long = get(&router, &format!("/api/{resource}/stats?hours=87600")).await;
        assert_eq!((long.status.as_u16(), &long.json()["groups"]), (200, &json!([])));
    }
}
