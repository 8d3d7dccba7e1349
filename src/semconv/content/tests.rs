//! What was said, out of every dialect.

use super::*;
use crate::semconv::recorded::bodies;
use crate::semconv::tests::span;
use crate::semconv::understand;

fn said(attributes: &[(&'static str, Value<'static>)]) -> Vec<String> {
    let span = span("x", attributes);
    let operation = understand(&Origin::default(), &span).operation;
    let passages = passages(&span, &operation);
    passages.iter().map(|it| format!("{} {}: {}", it.part.name(), it.role, it.text)).collect()
}

#[test]
fn one_exchange_reads_the_same_in_every_dialect() {
    let expected =
        ["prompt user: weather?", "completion assistant: get_weather({\"city\":\"Oslo\"})"];
    let input = r#"[{"role": "user", "parts": [{"type": "text", "content": "weather?"}]}]"#;
    let output = r#"[{"role": "assistant", "parts": [{"type": "tool_call", "name": "get_weather",
        "arguments": {"city": "Oslo"}}]}]"#;
    let gen_ai = [
        ("gen_ai.input.messages", Value::Text(input)),
        ("gen_ai.output.messages", Value::Text(output)),
        ("input.value", Value::Text("raw, and a repetition")),
    ];
    assert_eq!(said(&gen_ai), expected);
    let openinference = [
        ("openinference.span.kind", Value::Text("LLM")),
        (
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
            Value::Text("{\"city\":\"Oslo\"}"),
        ),
        (
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
            Value::Text("get_weather"),
        ),
        ("llm.output_messages.0.message.role", Value::Text("assistant")),
        ("llm.input_messages.0.message.content", Value::Text("weather?")),
        ("llm.input_messages.0.message.role", Value::Text("user")),
        ("output.value", Value::Text("{}")),
    ];
    assert_eq!(said(&openinference), expected);
    let openllmetry = [
        ("gen_ai.prompt.0.role", Value::Text("user")),
        ("gen_ai.prompt.0.content", Value::Text("weather?")),
        ("gen_ai.completion.0.role", Value::Text("assistant")),
        ("gen_ai.completion.0.tool_calls.0.name", Value::Text("get_weather")),
        ("gen_ai.completion.0.tool_calls.0.arguments", Value::Text("{\"city\":\"Oslo\"}")),
    ];
    assert_eq!(said(&openllmetry), expected);
    let vercel = [
        ("ai.operationId", Value::Text("ai.generateText.doGenerate")),
        (
            "ai.prompt.messages",
            Value::Text(r#"[{"role":"user","content":[{"type":"text","text":"weather?"}]}]"#),
        ),
        ("ai.response.text", Value::Text("It rains.")),
    ];
    assert_eq!(said(&vercel), ["prompt user: weather?", "completion : It rains."]);
}

#[test]
fn what_goes_into_a_tool_are_its_arguments() {
    let tool = [
        ("openinference.span.kind", Value::Text("TOOL")),
        ("input.value", Value::Text("{\"a\": 1}")),
        ("output.value", Value::Text("3")),
    ];
    assert_eq!(said(&tool), ["tool_arguments : {\"a\": 1}", "tool_result : 3"]);
}

#[test]
fn what_is_no_message_list_stays_as_it_came() {
    for text in ["[1, 2]", "{\"a\": 1}", "[{\"broken", "plain", "[]"] {
        assert_eq!(said(&[("gen_ai.prompt", Value::Text(text))]), [format!("prompt : {text}")]);
    }
    assert!(
        said(&[("gen_ai.prompt", Value::Text("")), ("gen_ai.prompt", Value::Empty)]).is_empty()
    );
}

#[test]
fn passages_are_bounded() {
    let list = format!("[{}]", vec![r#"{"role":"user","content":"x"}"#; 5_000].join(","));
    let attributes = [("gen_ai.input.messages", Value::Text(&list))];
    let span = span("x", &attributes);
    let operation = understand(&Origin::default(), &span).operation;
    assert_eq!(passages(&span, &operation).len(), limits::CONTENT_PASSAGES);
}

#[test]
fn every_recorded_call_says_something() {
    let (mut calls, mut answers) = (0, 0);
    for (name, body) in bodies() {
        if name.ends_with(".logs") {
            crate::otlp::read::log_records(&body, |origin, record| {
                if let Some(event) = crate::semconv::understand_log(origin, record) {
                    assert_eq!(!log_passages(origin, record).is_empty(), event.has_content);
                }
            })
            .unwrap();
            continue;
        }
        crate::otlp::read::spans(&body, |origin, span| {
            let operation = understand(origin, span).operation;
            let passages = passages(span, &operation);
            if matches!(operation, Operation::Llm(_)) {
                calls += 1;
                answers += usize::from(passages.iter().any(|it| it.part == Completion));
            }
            assert!(passages.iter().all(|it| !it.text.is_empty()), "{name} {}", span.name);
        })
        .unwrap();
    }
    assert!(calls > 60 && answers > 30, "{answers} of {calls} calls have an answer");
}
