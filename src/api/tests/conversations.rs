//! Conversations, what was said in them and how they went, over a real log.

use super::store::{self, START_NS, Store};
use super::traces::router_over;
use super::*;
use crate::model::Signal;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::json;

/// A chat of a turn of a conversation: its trace, when it began and what was said.
fn chat(turn: u8, at_ms: u64, input: &Value, output: &str) -> Span {
    let message = json!([{"role": "assistant", "parts": [{"type": "text", "content": output}]}]);
    let mut span = store::span(2, 1, "chat gpt-4o", at_ms, at_ms + 50);
    span = store::with(
        span,
        vec![
            store::text("gen_ai.operation.name", "chat"),
            store::text("gen_ai.request.model", "gpt-4o"),
            store::int("gen_ai.usage.input_tokens", 10),
            store::text("gen_ai.input.messages", &input.to_string()),
            store::text("gen_ai.output.messages", &message.to_string()),
        ],
    );
    span.trace_id[15] = turn;
    span
}

/// The agent's run of a turn; only it names the conversation.
fn run(turn: u8, at_ms: u64, conversation: &str, tenant: &str) -> Span {
    let mut span = store::span(1, 0, "invoke_agent planner", at_ms, at_ms + 100);
    span = store::with(
        span,
        vec![
            store::text("gen_ai.operation.name", "invoke_agent"),
            store::text("gen_ai.agent.name", "planner"),
            store::text("gen_ai.conversation.id", conversation),
            store::text("tenant.id", tenant),
        ],
    );
    span.trace_id[15] = turn;
    span
}

fn said(role: &str, text: &str) -> Value {
    json!({"role": role, "parts": [{"type": "text", "content": text}]})
}

/// Three turns of one conversation, and one of another.
async fn talk() -> Store {
    let store = Store::new();
    let mut history = Vec::new();
    for (turn, (question, answer)) in
        (1..).zip([("Hi", "Hello"), ("Lamps?", "Two"), ("Hi", "Again?")])
    {
        history.push(said("user", question));
        let at_ms = u64::from(turn) * 1_000;
        let mut root = run(turn, at_ms, "c/1 é", "acme");
        if turn == 2 {
            root = store::failed(root, "too slow", "Timeout");
        }
        let chat = chat(turn, at_ms + 10, &json!(history), answer);
        store.append_spans(vec![chat, root]).await;
        history.push(said("assistant", answer));
    }
    let other = json!([said("user", "Who?")]);
    let of_other = vec![run(9, 500, "c-2", "globex"), chat(9, 510, &other, "Me")];
    store.append_spans(of_other).await;
    store
}

const SAME: &str = "from=2026-11-21T08:00:00Z&to=2026-11-21T09:00:00Z";
const ID: &str = "c%2F1%20%C3%A9";

#[tokio::test]
async fn conversations_are_listed_the_latest_first() {
    let store = talk().await;
    let router = router_over(&store);
    let all = get(&router, &format!("/api/conversations?{SAME}")).await.json();
    let first = json!({
        "id": "c/1 é", "tenant": "acme", "user": null, "agents": ["planner"], "runs": 3,
        "first_time": "2026-11-21T08:00:01.000000000Z",
        "last_time": "2026-11-21T08:00:03.100000000Z",
        "span_count": 6, "error_count": 1, "llm_calls": 3,
        "tokens": {"total": 30, "input": 30, "output": null, "cached": null,
            "cache_write": null, "reasoning": null},
        "cost": {"usd": null, "state": "unpriced", "unpriced_calls": 3},
    });
    assert_eq!(all["conversations"][0], first);
    assert_eq!(all["conversations"][1]["id"], "c-2");
    assert_eq!((&all["next"], &all["incomplete"]), (&Value::Null, &json!(false)));
    let found = async |query: &str| -> Vec<String> {
        let page = get(&router, &format!("/api/conversations?{query}")).await.json();
        let list = page["conversations"].as_array().unwrap();
        list.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found(&format!("{SAME}&tenant=globex")).await, ["c-2"]);
    assert!(found(&format!("{SAME}&agent=nobody")).await.is_empty());
    assert_eq!(found(&format!("{SAME}&agent=planner&limit=1")).await, ["c/1 é"]);
    let next = get(&router, &format!("/api/conversations?{SAME}&limit=1")).await.json();
    let cursor = next["next"].as_str().unwrap();
    assert_eq!(found(&format!("{SAME}&limit=1&cursor={cursor}")).await, ["c-2"]);
    // A window of ten years is bounded by what is kept.
    assert_eq!(get(&router, "/api/conversations?hours=87600").await.status, 200);
}

#[tokio::test]
async fn each_message_is_told_once_and_in_order() {
    let store = talk().await;
    let router = router_over(&store);
    let path = format!("/api/conversations/{ID}/messages");
    let all = get(&router, &path).await.json();
    let told: Vec<_> = all["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["role"].as_str().unwrap(), it["text"].as_str().unwrap()))
        .collect();
    let expected = [
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "Lamps?"),
        ("assistant", "Two"),
        ("user", "Hi"),
        ("assistant", "Again?"),
    ];
    assert_eq!(told, expected);
    let last = &all["messages"][5];
    assert_eq!(last["time"], "2026-11-21T08:00:03.060000000Z");
    assert_eq!(
        (&last["span_id"], &last["part"]),
        (&json!("0000000000000002"), &json!("completion"))
    );
    let mut paged = Vec::new();
    let mut next = json!("0");
    while let Some(cursor) = next.as_str() {
        let page = get(&router, &format!("{path}?limit=4&cursor={cursor}")).await.json();
        paged.extend(page["messages"].as_array().unwrap().clone());
        next = page["next"].clone();
    }
    assert_eq!(&json!(paged), &all["messages"]);
    let beyond = get(&router, &format!("{path}?cursor=1000")).await.json();
    assert_eq!((&beyond["messages"], &beyond["next"]), (&json!([]), &Value::Null));
    let unknown = get(&router, "/api/conversations/nobody/messages").await;
    assert_eq!((unknown.status.as_u16(), unknown.code().as_str()), (404, "not_found"));
}

#[tokio::test]
async fn long_messages_lead_to_their_span() {
    let store = Store::new();
    let long = "word ".repeat(10_000);
    let input = json!([said("system", "Be kind."), said("user", &long)]);
    store.append_spans(vec![chat(1, 10, &input, "Too long."), run(1, 0, "c", "acme")]).await;
    let router = router_over(&store);
    let found = get(&router, "/api/conversations/c/messages").await.json();
    let message = &found["messages"][1];
    assert_eq!(message["text"]["bytes"], long.len());
    let (trace, span) = (&message["trace_id"], &message["span_id"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut piece = message["text"].clone();
    let mut read = text(&piece["text"]);
    while let Some(next) = piece["next"].as_u64() {
        let field = text(&piece["field"]);
        let path = format!("/api/traces/{}/spans/{}", text(trace), text(span));
        piece = get(&router, &format!("{path}?field={field}&offset={next}")).await.json();
        read += &text(&piece["text"]);
    }
    assert!(read == long);
}

#[tokio::test]
async fn a_session_is_summed_up() {
    let store = talk().await;
    let mut priced =
        store::with(chat(8, 20, &json!([]), "x"), vec![store::double("gen_ai.usage.cost", 0.5)]);
    let mut root = run(8, 0, "s", "acme");
    let shift = crate::clock::unix_nanos() - START_NS - 3_600_000_000_000;
    for span in [&mut priced, &mut root] {
        span.start_time_unix_nano += shift;
        span.end_time_unix_nano += shift;
    }
    store.append_spans(vec![priced, root]).await;
    let router = router_over(&store);
    let path =
        |session: &str, query: &str| format!("/api/observability/performance/{session}?{query}");
    let found = get(&router, &path("s", "")).await.json();
    assert_eq!((&found["runs"], &found["completed"]), (&json!(1), &json!(1)));
    assert_eq!(found["cost"], json!({"usd": 0.5, "state": "priced", "unpriced_calls": 0}));
    assert_eq!((&found["avg_cost_usd"], &found["avg_duration_ms"]), (&json!(0.5), &json!(100.0)));
    let found = get(&router, &path(ID, "hours=87600")).await.json();
    let figures = ["runs", "completed", "failed", "error_rate_pct", "max_duration_ms", "llm_calls"];
    let figures = figures.map(|name| found[name].clone());
    assert_eq!(json!(figures), json!([3, 2, 1, 33.33, 100.0, 3]));
    assert_eq!(
        (&found["avg_cost_usd"], &found["cost"]["state"]),
        (&Value::Null, &json!("unpriced"))
    );
    // Nothing in the window, and nobody.
    for path in [path("nobody", "hours=1"), path("%00", "")] {
        let found = get(&router, &path).await.json();
        assert_eq!((&found["runs"], &found["error_rate_pct"]), (&json!(0), &Value::Null), "{path}");
        assert_eq!(found["cost"]["state"], "none");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_of_conversations() {
    let store = Store::new();
    let router = router_over(&store);
    let long = "a".repeat(5_000);
    for (bad, parameter) in [
        ("conversations?limit=0", "limit"),
        ("conversations?limit=501", "limit"),
        ("conversations?limit=1000000000", "limit"),
        ("conversations?hours=100000", "hours"),
        ("conversations?cursor=x", "cursor"),
        ("conversations?coursor=x", "coursor"),
        ("conversations/c/messages?limit=1001", "limit"),
        ("conversations/c/messages?cursor=-1", "cursor"),
        ("conversations/c/messages?cursor=99999999999999999999", "cursor"),
        ("conversations/c/messages?from=1", "from"),
        (&format!("conversations/{long}/messages"), "id"),
        (&format!("observability/performance/{long}"), "session_id"),
        ("observability/performance/s?hours=0", "hours"),
        ("observability/performance/s?hours=87601", "hours"),
        ("observability/performance/s?from=1", "from"),
        ("observability/traces/zz", "run_id"),
        ("observability/traces/00000000000000000000000000000000", "run_id"),
    ] {
        let answer = get(&router, &format!("/api/{bad}")).await;
        assert_eq!(answer.status.as_u16(), 400, "{bad}");
        assert_eq!(answer.json()["error"]["parameter"], parameter, "{bad}");
    }
}

#[tokio::test]
async fn a_link_leads_to_the_users_own_tracing() {
    let world = Arc::new(World::default());
    let path = format!("/api/observability/traces/{}", store::RUN.to_uppercase());
    let none = get(&open_router(&world), &path).await;
    assert_eq!((none.status.as_u16(), none.code().as_str()), (404, "not_found"));
    assert!(none.json()["error"]["message"].as_str().unwrap().contains("web.trace_url"));
    let trace_url = Some("http://localhost:16686/trace/{trace_id}".to_owned());
    let router = router(ApiHandles { trace_url, ..handles(&world, Vec::new()) });
    let url = format!("http://localhost:16686/trace/{}", store::RUN);
    assert_eq!(get(&router, &path).await.json(), json!({"trace_id": store::RUN, "url": url}));
}

/// The recorded bodies of a folder, with every span in one conversation.
fn recorded(folder: &std::path::Path) -> Vec<(Signal, Vec<u8>)> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    let mut bodies = Vec::new();
    for path in files {
        let (name, body) = (path.display().to_string(), std::fs::read(&path).unwrap());
        if name.ends_with(".traces.pb") {
            let mut request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
            let scopes = request.resource_spans.iter_mut().flat_map(|group| &mut group.scope_spans);
            for span in scopes.flat_map(|scope| &mut scope.spans) {
                span.attributes.retain(|attribute| attribute.key != "gen_ai.conversation.id");
                span.attributes.push(store::text("gen_ai.conversation.id", "talk"));
            }
            bodies.push((Signal::Traces, request.encode_to_vec()));
        } else if name.ends_with(".logs.pb") {
            bodies.push((Signal::Logs, body));
        }
    }
    bodies
}

/// Recorded from real client libraries in each dialect; `UPDATE=1` writes the expected file.
#[tokio::test]
async fn what_was_said_is_told_in_every_dialect() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp");
    let mut told = String::new();
    for name in [
        "litellm-and-openai",
        "litellm-own",
        "official-openai",
        "openinference-anthropic",
        "openinference-langchain",
        "openinference-openai",
        "openllmetry-and-openinference",
        "openllmetry-anthropic",
        "pydantic-ai",
        "pydantic-ai-2",
    ] {
        let store = Store::new();
        for (signal, body) in recorded(&root.join(name)) {
            store.append(signal, body).await;
        }
        let found = get(&router_over(&store), "/api/conversations/talk/messages").await.json();
        assert_eq!(found["incomplete"], false, "{name}");
        told += &format!("\n[{name}]\n");
        for message in found["messages"].as_array().unwrap() {
            let word = |name: &str| message[name].as_str().unwrap().to_owned();
            let text: String = word("text").chars().take(120).collect();
            told += &format!("{} | {} | {}\n", word("role"), word("part"), text.escape_debug());
        }
    }
    let expected = root.join("messages.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&expected, &told).unwrap();
    }
    assert_eq!(told, std::fs::read_to_string(&expected).unwrap_or_default());
}
