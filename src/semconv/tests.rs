//! What spans of every dialect are understood as.

use std::borrow::Cow;

use proptest::prelude::*;

use super::understand;
use crate::model::{
    Attribute, CallBook as _, Event, Operation, Origin, Scope, Span, SpanId, SpanKind, Status,
    TraceId, Understanding, Value,
};

/// A span of one second with these attributes.
pub(super) fn span<'a>(name: &'a str, attributes: &[(&'a str, Value<'a>)]) -> Span<'a> {
    let attributes = attributes.iter().cloned();
    Span {
        trace_id: TraceId::from_bytes(&[7; 16]).unwrap(),
        span_id: SpanId::from_bytes(&[1; 8]).unwrap(),
        parent_span_id: SpanId::from_bytes(&[2; 8]),
        trace_state: "",
        name,
        kind: SpanKind::Internal,
        start_ns: 1_700_000_000_000_000_000,
        end_ns: 1_700_000_001_000_000_000,
        status: Status::Unset,
        status_message: "",
        attributes: attributes.map(|(key, value)| Attribute { key, value }).collect(),
        dropped_attributes: 0,
        events: Vec::new(),
        links: Vec::new(),
    }
}

fn origin<'a>(scope: &'a str) -> Origin<'a> {
    Origin { scope: Scope { name: scope, ..Scope::default() }, ..Origin::default() }
}

fn read<'a>(name: &'a str, attributes: &[(&'a str, Value<'a>)]) -> Understanding<'a> {
    understand(&origin("test"), &span(name, attributes))
}

fn llm<'a>(understanding: &Understanding<'a>) -> crate::model::LlmCall<'a> {
    match &understanding.operation {
        Operation::Llm(call) => call.clone(),
        other => panic!("{other:?} is not an LLM call"),
    }
}

use Value::{Double, Int, Text};

#[test]
fn three_generations_of_gen_ai_are_one() {
    let current = [
        ("gen_ai.operation.name", Text("chat")),
        ("gen_ai.provider.name", Text("openai")),
        ("gen_ai.request.model", Text("gpt-4o")),
        ("gen_ai.usage.input_tokens", Int(34)),
        ("gen_ai.usage.output_tokens", Int(12)),
    ];
    let first = [
        ("gen_ai.system", Text("OpenAI")),
        ("gen_ai.request.model", Text("openai/gpt-4o")),
        ("gen_ai.usage.prompt_tokens", Text("34")),
        ("gen_ai.usage.completion_tokens", Double(12.0)),
    ];
    assert_eq!(llm(&read("chat gpt-4o", &current)), llm(&read("x", &first)));
    let call = llm(&read("x", &first));
    assert_eq!((call.usage.input, call.usage.output), (Some(34), Some(12)));
    assert_eq!((call.model(), &*call.provider), ("gpt-4o", "openai"));
}

#[test]
fn carriers_of_one_number_are_merged_and_never_added() {
    let call = llm(&read(
        "openai.chat",
        &[
            ("llm.usage.prompt_tokens", Int(7)),
            ("gen_ai.usage.prompt_tokens", Int(8)),
            ("gen_ai.usage.input_tokens", Text("not a number")),
            ("llm.request.type", Text("chat")),
            ("llm.token_count.completion", Int(-1)),
            ("gen_ai.usage.completion_tokens", Double(f64::NAN)),
        ],
    ));
    // The best carrier is unusable, so the next one speaks; nothing usable means not reported.
    assert_eq!((call.usage.input, call.usage.output), (Some(8), None));
}

#[test]
fn parents_that_repeat_usage_are_no_calls() {
    let usage = ("gen_ai.usage.input_tokens", Int(34));
    for (attributes, name) in [
        ([("gen_ai.operation.name", Text("invoke_agent")), usage.clone()], "invoke_agent"),
        ([("openinference.span.kind", Text("CHAIN")), usage.clone()], "workflow_step"),
        ([("openinference.span.kind", Text("AGENT")), usage.clone()], "invoke_agent"),
        ([("traceloop.span.kind", Text("workflow")), usage.clone()], "invoke_workflow"),
        ([("ai.operationId", Text("ai.streamText")), usage.clone()], "other"),
        ([("gen_ai.operation.name", Text("fetch_response")), usage], "other"),
    ] {
        let understanding = read("span", &attributes);
        assert_eq!(understanding.operation.name(), name);
        assert_eq!(understanding.unexplained, None, "{attributes:?}");
    }
}

#[test]
fn vercel_leaves_are_calls() {
    let call = llm(&read(
        "ai.streamText.doStream",
        &[
            ("ai.operationId", Text("ai.streamText.doStream")),
            ("ai.model.provider", Text("openai.responses")),
            ("ai.model.id", Text("gpt-4o")),
            ("ai.usage.inputTokens", Int(5)),
            ("ai.response.msToFirstChunk", Double(250.0)),
            ("ai.response.finishReason", Text("stop")),
        ],
    ));
    assert_eq!(&*call.provider, "openai");
    assert_eq!(call.time_to_first_token_seconds, Some(0.25));
    assert_eq!((call.usage.input, call.finish_reason), (Some(5), Some("stop")));
}

#[test]
fn time_to_first_token_in_every_unit() {
    for (attribute, value) in [
        ("gen_ai.response.time_to_first_chunk", Double(0.25)),
        ("ai.stream.msToFirstChunk", Text("250")),
        ("gen_ai.response.time_to_first_token", Int(250_000_000)),
        ("gen_ai.response.time_to_first_token", Double(0.25)),
        ("gen_ai.server.time_to_first_token", Int(250)),
        ("langfuse.observation.completion_start_time", Text("\"2023-11-14T22:13:20.25Z\"")),
    ] {
        let call = llm(&read("c", &[("llm.request.type", Text("chat")), (attribute, value)]));
        assert_eq!(call.time_to_first_token_seconds, Some(0.25), "{attribute}");
    }
    let attributes = [("openinference.span.kind", Text("LLM"))];
    let mut span = span("completion", &attributes);
    let event = |at, name| Event { time_ns: span.start_ns + at, name, attributes: Vec::new() };
    span.events = vec![event(900, "other"), event(250_000_000, "First Token Stream Event")];
    let understanding = understand(&origin("oi"), &span);
    assert_eq!(llm(&understanding).time_to_first_token_seconds, Some(0.25));
}

#[test]
fn a_failed_call_takes_its_model_from_its_parameters() {
    let attributes = [
        ("openinference.span.kind", Text("LLM")),
        ("llm.invocation_parameters", Text(r#"{"n": 1, "model": "anthropic/claude-4"}"#)),
    ];
    let mut span = span("completion", &attributes);
    span.status = Status::Error;
    span.events.push(Event {
        time_ns: span.end_ns,
        name: "exception",
        attributes: vec![Attribute { key: "exception.type", value: Text("RateLimitError") }],
    });
    let understanding = understand(&origin("oi"), &span);
    let call = llm(&understanding);
    assert_eq!((call.model(), call.provider), ("claude-4", Cow::Borrowed("anthropic")));
    assert_eq!((understanding.failed, understanding.error_type), (true, Some("RateLimitError")));
}

#[test]
fn input_without_the_cached_part_is_completed() {
    let call = llm(&read(
        "c",
        &[
            ("gen_ai.operation.name", Text("chat")),
            ("gen_ai.usage.input_tokens", Int(10)),
            ("gen_ai.usage.cache_read.input_tokens", Int(100)),
            ("gen_ai.usage.cache_creation.input_tokens", Int(5)),
        ],
    ));
    assert_eq!(call.usage.input, Some(115));
    assert_eq!((call.usage.cached, call.usage.cache_write), (Some(100), Some(5)));
}

#[test]
fn what_no_dialect_explains_is_named() {
    let odd = [("http.flavor", Text("2")), ("gen_ai.shape", Text("round"))];
    let understanding = read("think", &odd);
    let unexplained = understanding.unexplained.unwrap();
    assert_eq!((unexplained.scope, unexplained.attribute), ("test", "gen_ai.shape"));
    assert_eq!(read("openai.brainwave", &[]).unexplained.unwrap().attribute, "span.name");
    let operation = [("gen_ai.operation.name", Text("ponder"))];
    let unexplained = read("x", &operation).unexplained.unwrap();
    assert_eq!(unexplained.attribute, "gen_ai.operation.name");
}

#[test]
fn names_copied_from_a_parent_explain_nothing_and_accuse_nobody() {
    let inherited = [
        ("gen_ai.agent.name", Text("planner")),
        ("traceloop.workflow.name", Text("answer")),
        ("traceloop.association.properties.x", Text("y")),
    ];
    let understanding = read("sort list", &inherited);
    assert_eq!((understanding.unexplained, understanding.dialect), (None, None));
    assert_eq!(understanding.agent, Some("planner"));
}

#[test]
fn whose_work_it_was_the_span_says_before_the_resource() {
    let mut origin = origin("x");
    let attribute = |key, text| Attribute { key, value: Text(text) };
    origin.resource = vec![
        attribute("service.name", "agents"),
        attribute("tenant.id", "from-resource"),
        attribute("user.id", "resource-user"),
        attribute("session.id", "resource-session"),
    ];
    let attributes = [
        ("traceloop.association.properties.user_id", Text("u-1")),
        ("metadata", Text(r#"{"thread_id": "t-9", "other": [1, {"a": 2}]}"#)),
    ];
    let span = span("x", &attributes);
    let understanding = understand(&origin, &span);
    assert_eq!(understanding.tenant, Some("from-resource"));
    assert_eq!(understanding.user, Some("u-1"));
    assert_eq!(understanding.conversation, Some("resource-session"));
    origin.resource.pop();
    assert_eq!(understand(&origin, &span).conversation, Some("t-9"));
}

#[test]
fn a_skill_is_named_by_the_span_itself() {
    for key in ["gen_ai.skill.name", "skill.name", "skill_name", "skill"] {
        assert_eq!(read("step", &[(key, Text("pdf"))]).skill, Some("pdf"), "{key}");
    }
    // The conventions' name is trusted more than a word that anybody may use.
    let both = [("skill", Text("x")), ("gen_ai.skill.name", Text("pdf"))];
    assert_eq!(read("step", &both).skill, Some("pdf"));
    assert_eq!(read("step", &[("skill", Text(""))]).skill, None);
    let mut origin = origin("x");
    origin.resource = vec![Attribute { key: "skill", value: Text("all") }];
    assert_eq!(understand(&origin, &span("step", &[])).skill, None);
}

#[test]
fn tools_agents_and_steps_are_named_bare() {
    let tool = read("execute_tool search", &[("gen_ai.tool.call.id", Text("c1"))]);
    assert!(matches!(tool.operation, Operation::Tool(tool) if tool.name == "search"));
    let tool = read(
        "tools/call add",
        &[
            ("mcp.method.name", Text("tools/call")),
            ("mcp.response.value", Text(r#"{"content": [], "isError": true}"#)),
        ],
    );
    assert_eq!((tool.failed, tool.error_type), (true, Some("tool_error")));
    let agent = read("planner.agent", &[("traceloop.span.kind", Text("agent"))]);
    assert!(matches!(agent.operation, Operation::Agent(agent) if agent.name == "planner"));
}

#[test]
fn http_and_databases_old_and_new() {
    let exchange = |kind, attributes: &[(&'static str, Value<'static>)]| {
        let mut span = span("GET", attributes);
        span.kind = kind;
        let understanding = understand(&origin("http"), &span);
        (understanding.operation, understanding.failed, understanding.error_type)
    };
    let old = exchange(
        SpanKind::Client,
        &[
            ("http.method", Text("get")),
            ("http.url", Text("https://api.openai.com:443/v1")),
            ("http.status_code", Int(404)),
        ],
    );
    let new = exchange(
        SpanKind::Client,
        &[
            ("http.request.method", Text("GET")),
            ("server.address", Text("api.openai.com")),
            ("http.response.status_code", Int(404)),
        ],
    );
    assert_eq!(old, new);
    assert_eq!((new.1, new.2), (true, Some("404")));
    let served = [("http.request.method", Text("BREW")), ("http.status_code", Int(404))];
    let (operation, failed, _) = exchange(SpanKind::Server, &served);
    assert!(matches!(operation, Operation::HttpServer(it) if it.method == "_OTHER"));
    assert!(!failed);
    assert_eq!(exchange(SpanKind::Internal, &served).0, Operation::Other);

    let (operation, ..) = exchange(
        SpanKind::Client,
        &[
            ("db.system", Text("postgresql")),
            ("db.statement", Text("select * from \"public\".\"orders\"")),
        ],
    );
    let Operation::Db(query) = operation else { panic!("{operation:?}") };
    assert_eq!((&*query.operation, &*query.table), ("SELECT", "public.orders"));
}

#[test]
fn langfuse_says_usage_and_cost_in_json() {
    let call = llm(&read(
        "answer",
        &[
            ("langfuse.observation.type", Text("generation")),
            ("langfuse.observation.model.name", Text("claude-sonnet-4-5")),
            (
                "langfuse.observation.usage_details",
                Text(r#"{"input": 10, "output": 7, "cache_read_input_tokens": 100}"#),
            ),
            ("langfuse.observation.cost_details", Text(r#"{"input": 0.001, "output": 0.002}"#)),
        ],
    ));
    assert_eq!((call.usage.input, call.usage.output), (Some(110), Some(7)));
    assert_eq!((call.usage.cached, call.reported_cost_usd), (Some(100), Some(0.003)));
}

/// Texts that no instrumentation should send.
const ODD_TEXTS: &[&str] = &[
    "",
    "chat",
    "LLM",
    "workflow",
    "ai.",
    "tools/call",
    "-1",
    "1e400",
    "NaN",
    "/",
    ":",
    "openai/",
    "[",
    "[\"\"]",
    "{",
    "{\"model\": 3}",
    "é",
    "http://",
    "://@:",
    "SELECT",
    "FROM FROM",
    "\"",
    "99999999999999999999",
    "2023-11-14T22:13:20Z",
    "0001-01-01T00:00:00Z",
    " ",
    "models/",
];

/// Values that no instrumentation should send.
fn odd_values() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        prop::sample::select(ODD_TEXTS).prop_map(Text),
        any::<i64>().prop_map(Int),
        any::<f64>().prop_map(Double),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Empty),
        Just(Value::Array(vec![Value::Empty, Int(1), Text("stop")])),
        Just(Value::Map(vec![Attribute { key: "", value: Text("x") }])),
        Just(Value::Bytes(&[0xff])),
    ]
}

proptest! {
    /// Whatever stands under the names that are known: an answer, with credible numbers.
    #[test]
    fn nothing_that_is_sent_does_harm(
        attributes in prop::collection::vec((any::<prop::sample::Index>(), odd_values()), 0..20),
        times in (any::<u64>(), any::<u64>(), any::<u64>()),
        kind in 0..6_u64,
        name in prop::sample::select(&["", "chat", "ai.x", "execute_tool "][..]),
    ) {
        let names: Vec<&'static str> = super::names::keys().collect();
        let attributes: Vec<_> =
            attributes.into_iter().map(|(at, value)| (*at.get(&names), value)).collect();
        let mut span = span(name, &attributes);
        (span.start_ns, span.end_ns, span.kind) = (times.0, times.1, SpanKind::from_number(kind));
        let same = span.attributes.clone();
        let event = |name| Event { time_ns: times.2, name, attributes: same.clone() };
        span.events = vec![event("exception"), event("first_token"), event("gen_ai.choice")];
        let understanding = understand(&origin("litellm"), &span);
        let _ = super::passages(&span, &understanding.operation);
        if let Operation::Llm(call) = &understanding.operation {
            let usage = call.usage;
            let counts = [usage.input, usage.output, usage.cached, usage.cache_write];
            prop_assert!(counts.into_iter().flatten().all(|count| count <= 3_000_000_000));
            let seconds = call.time_to_first_token_seconds.unwrap_or(0.0);
            prop_assert!((0.0..=span.duration_seconds() * 1.01 + 0.002).contains(&seconds));
            prop_assert!(call.reported_cost_usd.is_none_or(|usd| (0.0..=1e6).contains(&usd)));
            prop_assert!(!call.provider.is_empty() && !call.model().is_empty());
            let settled = super::Ledger::new(2).settle(&span, "litellm", call);
            prop_assert!(settled.counts);
        }
    }
}
