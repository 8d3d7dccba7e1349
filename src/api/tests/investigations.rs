//! What an investigation finds beyond one span: repetitions, circles, earlier runs.

use super::store::{self, RUN, Store};
use super::traces::router_over;
use super::*;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;

async fn investigate(store: &Store) -> Value {
    get(&router_over(store), &format!("/api/investigate/{RUN}")).await.json()
}

fn tool(id: u8, name: &str, arguments: &str) -> Span {
    let at_ms = u64::from(id) * 10;
    store::with(
        store::span(id, 1, &format!("execute_tool {name}"), at_ms, at_ms + 5),
        vec![
            store::text("gen_ai.operation.name", "execute_tool"),
            store::text("gen_ai.tool.name", name),
            store::text("gen_ai.tool.call.arguments", arguments),
        ],
    )
}

fn ask(id: u8, prompt: &str) -> Span {
    let at_ms = u64::from(id) * 10;
    let prompt = json!([{"role": "user", "parts": [{"type": "text", "content": prompt}]}]);
    store::with(
        store::span(id, 1, "chat gpt-4o", at_ms, at_ms + 5),
        vec![
            store::text("gen_ai.operation.name", "chat"),
            store::text("gen_ai.request.model", "gpt-4o"),
            store::text("gen_ai.input.messages", &prompt.to_string()),
        ],
    )
}

#[tokio::test]
async fn an_agent_that_goes_round_in_circles_is_found_out() {
    let store = Store::new();
    let root = store::with(
        store::span(1, 0, "invoke_agent planner", 0, 500),
        vec![
            store::text("gen_ai.operation.name", "invoke_agent"),
            store::text("gen_ai.agent.name", "planner"),
        ],
    );
    let spans = vec![
        root,
        tool(2, "search", "lamp"),
        tool(3, "read", "1"),
        tool(4, "search", "lamp"),
        tool(5, "read", "1"),
        ask(6, "Which lamp?"),
        ask(7, "Which one?"),
        store::failed(ask(8, "Which lamp?"), "rate limited", "RateLimit"),
        ask(9, "Which lamp?"),
    ];
    store.append_spans(spans).await;
    let found = investigate(&store).await;
    let circle = json!([{
        "agent": "planner", "rounds": 2,
        "calls": [
            {"tool": "search", "arguments": "lamp"}, {"tool": "read", "arguments": "1"},
        ],
        "first_span_id": "0000000000000002", "last_span_id": "0000000000000005",
    }]);
    assert_eq!(found["loops"], circle);
    let prompt = &found["repeated_prompts"][0];
    assert_eq!((&prompt["prompt"], &prompt["model"]), (&json!("Which lamp?"), &json!("gpt-4o")));
    assert_eq!((&prompt["count"], &prompt["errors"]), (&json!(3), &json!(1)));
    assert_eq!(found["repeated_prompts"].as_array().unwrap().len(), 1);
    assert_eq!(found["repeated_calls"].as_array().unwrap().len(), 2);
}

/// A run of the workflow so many times ten seconds before the fixed one, half a second shorter.
fn earlier(number: u8, name: &str) -> Vec<Span> {
    let mut spans = store::run();
    spans[0].name = name.to_owned();
    // One that called no tool.
    spans.truncate(3);
    for span in &mut spans {
        span.trace_id[0] = number;
        span.start_time_unix_nano -= u64::from(number) * 10_000_000_000;
        span.end_time_unix_nano -= u64::from(number) * 10_000_000_000;
    }
    spans[0].end_time_unix_nano -= 500_000_000;
    spans[1].end_time_unix_nano -= 500_000_000;
    spans
}

#[tokio::test]
async fn a_run_is_compared_with_earlier_ones_of_its_workflow() {
    let store = store::with_run().await;
    for number in 1..=4 {
        store.append_spans(earlier(number, "POST /chat")).await;
    }
    // Other workflows, and a later run, are no earlier runs of this one.
    store.append_spans(earlier(9, "POST /other")).await;
    let mut later = earlier(10, "POST /chat");
    for span in &mut later {
        span.start_time_unix_nano += 1_000_000_000_000;
        span.end_time_unix_nano += 1_000_000_000_000;
    }
    store.append_spans(later).await;
    assert_eq!(investigate(&store).await["compared_with_median"], Value::Null);
    store.append_spans(earlier(5, "POST /chat")).await;
    let found = investigate(&store).await;
    let compared = &found["compared_with_median"];
    assert_eq!((&compared["runs"], &compared["incomplete"]), (&json!(5), &json!(false)));
    let figure = |name: &str, this: Value, median: Value, ratio: Value| {
        let mut figure = json!({"figure": name, "this": this, "median": median});
        figure["ratio"] = ratio;
        figure
    };
    let expected = json!([
        figure("duration_ms", json!(1000.0), json!(500.0), json!(2.0)),
        figure("spans", json!(7.0), json!(3.0), json!(2.333)),
        figure("llm_calls", json!(3.0), json!(1.0), json!(3.0)),
        figure("tokens", json!(407.0), json!(120.0), json!(3.392)),
        // One call of this run has no price, so its cost is not known.
        figure("cost_usd", Value::Null, json!(0.25), Value::Null),
        figure("errors", json!(1.0), json!(0.0), Value::Null),
    ]);
    assert_eq!(compared["figures"], expected);
    assert_eq!(compared["unusual_tools"], json!(["search"]));
    assert_eq!(compared["missing_tools"], json!([]));
}
