//! The traps of the dialects, one test each: what reads well and counts wrong.

use super::tests::span;
use super::{Ledger, understand};
use crate::model::{
    CachedBy, CachedTokens, CallBook as _, LlmCall, Operation, Origin, Scope, ServiceTier, SpanId,
    Understanding, Usage, Value,
};

use Value::{Double, Int, Text};

fn read<'a>(
    scope: &'a str,
    name: &'a str,
    attributes: &[(&'a str, Value<'a>)],
) -> Understanding<'a> {
    let origin = Origin { scope: Scope { name: scope, ..Scope::default() }, ..Origin::default() };
    understand(&origin, &span(name, attributes))
}

fn call<'a>(attributes: &[(&'a str, Value<'a>)]) -> LlmCall<'a> {
    match read("test", "x", attributes).operation {
        Operation::Llm(call) => call,
        other => panic!("{other:?} is not an LLM call"),
    }
}

/// Vercel 7 puts the usage on agent, step and call; 4 to 6 on both spans of a call; an embedding
/// of many values has it on the inner spans only.
#[test]
fn usage_on_parents_is_not_added() {
    let usage = [("gen_ai.usage.input_tokens", Int(34)), ("gen_ai.usage.output_tokens", Int(12))];
    for (scope, name, key, word, is) in [
        ("gen_ai", "invoke_agent m", "gen_ai.operation.name", "invoke_agent", "invoke_agent"),
        ("gen_ai", "step 1", "gen_ai.operation.name", "agent_step", "workflow_step"),
        ("gen_ai", "chat m", "gen_ai.operation.name", "chat", "chat"),
        ("ai", "ai.streamText", "ai.operationId", "ai.streamText", "other"),
        ("ai", "ai.streamText.doStream", "ai.operationId", "ai.streamText.doStream", "chat"),
        ("ai", "ai.embedMany", "ai.operationId", "ai.embedMany", "other"),
        ("ai", "ai.embedMany.doEmbed", "ai.operationId", "ai.embedMany.doEmbed", "embeddings"),
    ] {
        let attributes = [(key, Text(word)), usage[0].clone(), usage[1].clone()];
        assert_eq!(read(scope, name, &attributes).operation.name(), is, "{name}");
    }
}

/// A wrapper's span around two calls (an embedding of two values) is those two.
#[test]
fn a_call_around_two_calls_is_those_two() {
    let attributes = [
        ("gen_ai.operation.name", Text("embeddings")),
        ("gen_ai.usage.input_tokens", Int(4)),
        ("gen_ai.request.model", Text("m")),
    ];
    let mut ledger = Ledger::new(10);
    let mut calls = 0;
    for (own, parent) in [(1, 9), (2, 9), (9, 8)] {
        let with_usage = if own == 9 { &attributes[..1] } else { &attributes[..] };
        let mut span = span("embeddings m", with_usage);
        span.span_id = SpanId::from_bytes(&[own; 8]).unwrap();
        span.parent_span_id = SpanId::from_bytes(&[parent; 8]);
        let known = understand(&Origin::default(), &span);
        let Operation::Llm(call) = &known.operation else { panic!("{known:?}") };
        calls += u32::from(ledger.settle(&span, "gen_ai", call).counts);
    }
    assert_eq!(calls, 2);
}

/// What others map to agents and calls stays what it is: chains, tasks, prompts.
#[test]
fn chains_tasks_and_prompts_are_neither_agents_nor_calls() {
    for (attributes, is) in [
        (vec![("openinference.span.kind", Text("CHAIN"))], "workflow_step"),
        (vec![("openinference.span.kind", Text("PROMPT"))], "other"),
        (vec![("traceloop.span.kind", Text("task"))], "workflow_step"),
        // OpenLLMetry's chains call themselves agents in the words of the conventions.
        (
            vec![
                ("gen_ai.operation.name", Text("invoke_agent")),
                ("traceloop.span.kind", Text("workflow")),
            ],
            "invoke_workflow",
        ),
    ] {
        assert_eq!(read("test", "x", &attributes).operation.name(), is, "{attributes:?}");
    }
}

/// Anthropic counts cached tokens beside the input, the conventions in it.
#[test]
fn cached_tokens_are_a_part_of_the_input_and_the_decision_is_told() {
    let chat = ("gen_ai.operation.name", Text("chat"));
    let raw = call(&[
        chat.clone(),
        ("gen_ai.provider.name", Text("anthropic")),
        ("gen_ai.usage.input_tokens", Int(10)),
        ("gen_ai.usage.cache_read.input_tokens", Int(100)),
        ("gen_ai.usage.cache_write.input_tokens", Int(5)),
    ]);
    assert_eq!(raw.usage.input, Some(115));
    assert_eq!(raw.cached_tokens, CachedTokens::Exclusive(CachedBy::Numbers));
    let summed = call(&[
        chat,
        ("gen_ai.usage.input_tokens", Int(115)),
        ("gen_ai.usage.cache_read.input_tokens", Int(100)),
    ]);
    assert_eq!(summed.usage.input, Some(115));
    assert_eq!(summed.cached_tokens, CachedTokens::Inclusive(CachedBy::Convention));
    // Vercel's SDK before its sixth version, with more new than cached tokens.
    let vercel = call(&[
        ("ai.operationId", Text("ai.streamText.doStream")),
        ("ai.model.provider", Text("anthropic.messages")),
        ("ai.usage.inputTokens", Int(200)),
        ("ai.usage.cachedInputTokens", Int(100)),
    ]);
    assert_eq!(vercel.usage.input, Some(300));
    assert_eq!(vercel.cached_tokens, CachedTokens::Exclusive(CachedBy::Dialect));
    // Langfuse: its own words leave them out, those of the provider do not.
    let langfuse = |json| {
        let call = call(&[
            ("langfuse.observation.type", Text("generation")),
            ("langfuse.observation.usage_details", Text(json)),
        ]);
        (call.usage.input, call.usage.cached)
    };
    let own = r#"{"input": 200, "output": 7, "input_cached_tokens": 100}"#;
    let theirs = r#"{"prompt_tokens": 200, "completion_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 100, "audio_tokens": 0}}"#;
    assert_eq!(langfuse(own), (Some(300), Some(100)));
    assert_eq!(langfuse(theirs), (Some(200), Some(100)));
    assert_eq!(langfuse("{\"input\": \"many\"}"), (None, None));
}

/// Milliseconds of Vercel and Strands, seconds of the conventions, nanoseconds of LoongSuite; and
/// one that says seconds and means milliseconds.
#[test]
fn the_first_token_comes_in_every_unit() {
    for (key, value) in [
        ("ai.response.msToFirstChunk", Double(250.0)),
        ("gen_ai.client.operation.time_to_first_chunk", Double(0.25)),
        ("gen_ai.response.time_to_first_chunk", Double(0.25)),
        ("gen_ai.response.time_to_first_token", Int(250_000_000)),
        ("gen_ai.server.time_to_first_token", Int(250)),
        ("lk.response.ttft", Double(0.25)),
    ] {
        let call = call(&[("gen_ai.operation.name", Text("chat")), (key, value)]);
        assert_eq!(call.time_to_first_token_seconds, Some(0.25), "{key}");
    }
}

/// JSON carries 64-bit integers as strings, and hand-written instrumentations everything.
#[test]
fn numbers_and_lists_may_be_text() {
    let call = call(&[
        ("gen_ai.operation.name", Text("chat")),
        ("gen_ai.usage.input_tokens", Text("34")),
        ("gen_ai.usage.output_tokens", Text(" 12.0 ")),
        ("gen_ai.usage.cache_read.input_tokens", Double(16.0)),
        ("gen_ai.usage.cost.amount", Text("0.25")),
        ("gen_ai.usage.cost.currency", Text("usd")),
        ("gen_ai.response.finish_reasons", Text("[\"stop\"]")),
    ]);
    let usage = Usage { input: Some(34), output: Some(12), cached: Some(16), ..Usage::default() };
    assert_eq!(call.usage, usage);
    assert_eq!((call.reported_cost_usd, call.finish_reason), (Some(0.25), Some("stop")));
}

/// A sum in another currency is not dollars.
#[test]
fn a_cost_in_another_currency_is_not_taken_for_dollars() {
    let call = call(&[
        ("gen_ai.operation.name", Text("chat")),
        ("gen_ai.usage.cost.amount", Double(0.25)),
        ("gen_ai.usage.cost.currency", Text("EUR")),
    ]);
    assert_eq!(call.reported_cost_usd, None);
}

/// Tokens by modality are parts; where nothing else is said, their sum is the number.
#[test]
fn tokens_by_modality_are_added_only_where_no_sum_is_said() {
    let parts = [
        ("gen_ai.operation.name", Text("chat")),
        ("gen_ai.usage.text.input_tokens", Int(30)),
        ("gen_ai.usage.audio.input_tokens", Int(4)),
        ("gen_ai.usage.audio.cache_read.input_tokens", Int(2)),
        ("gen_ai.usage.audio.output_tokens", Int(12)),
    ];
    let usage = call(&parts).usage;
    assert_eq!((usage.input, usage.output), (Some(34), Some(12)));
    let mut all = parts.to_vec();
    all.push(("gen_ai.usage.input_tokens", Int(40)));
    assert_eq!((call(&all).usage.input, call(&all).usage.output), (Some(40), None));
}

/// Operations of the newest conventions; a fetched response repeats what was counted.
#[test]
fn newer_operations_are_none_of_the_older_ones() {
    for (operation, is) in [
        ("plan", "workflow_step"),
        ("search_memory", "retrieval"),
        ("fetch_response", "other"),
        ("create_memory", "other"),
        ("invoke_workflow", "invoke_workflow"),
        ("acompletion", "chat"),
        ("aresponses", "chat"),
        ("messages", "chat"),
        ("arerank", "retrieval"),
    ] {
        let attributes =
            [("gen_ai.operation.name", Text(operation)), ("gen_ai.usage.input_tokens", Int(34))];
        let understanding = read("test", "x", &attributes);
        assert_eq!(understanding.operation.name(), is, "{operation}");
        assert_eq!(understanding.unexplained, None, "{operation}");
    }
    let agent =
        [("gen_ai.main_agent.name", Text("chief")), ("gen_ai.operation.name", Text("plan"))];
    assert_eq!(read("test", "plan", &agent).agent, Some("chief"));
}

/// Logfire opens a stream in one span and tells its usage in another.
#[test]
fn a_stream_of_logfire_is_one_call() {
    let opening = [
        ("gen_ai.operation.name", Text("chat")),
        ("gen_ai.request.model", Text("gpt-4o")),
        ("logfire.span_type", Text("span")),
    ];
    let mut told = opening.to_vec();
    told[2] = ("logfire.span_type", Text("log"));
    told.push(("gen_ai.usage.input_tokens", Int(34)));
    assert_eq!(read("logfire.openai", "Chat Completion", &opening).operation, Operation::Other);
    let call = read("logfire.openai", "streaming response from", &told);
    assert_eq!(call.operation.name(), "chat");
    let mut failed = span("Chat Completion", &opening);
    failed.status = crate::model::Status::Error;
    let scope = Scope { name: "logfire.openai", ..Scope::default() };
    let origin = Origin { scope, ..Origin::default() };
    assert_eq!(understand(&origin, &failed).operation.name(), "chat");
}

#[test]
fn the_tier_that_served_a_call_goes_before_the_one_asked_for() {
    let chat = ("gen_ai.operation.name", Text("chat"));
    for (request, response, is) in [
        (None, None, ServiceTier::Standard),
        (Some("auto"), Some("priority"), ServiceTier::Priority),
        (Some("priority"), Some("default"), ServiceTier::Standard),
        (Some("flex"), None, ServiceTier::Flex),
        (Some("of gold"), None, ServiceTier::Standard),
    ] {
        let mut attributes = vec![chat.clone()];
        attributes.extend(request.map(|tier| ("openai.request.service_tier", Text(tier))));
        attributes.extend(response.map(|tier| ("openai.response.service_tier", Text(tier))));
        assert_eq!(call(&attributes).service_tier, is, "{request:?} {response:?}");
    }
}
