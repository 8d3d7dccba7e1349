//! Answers of each API, whole and as streams.

use super::*;
use crate::gateway::scan::Scanner;
use crate::model::Usage;

fn whole(endpoint: Endpoint, body: &str) -> Answer {
    let mut answer = Answer::default();
    let mut scanner = Scanner::new(endpoint.members());
    body.as_bytes().chunks(7).for_each(|piece| scanner.push(piece));
    endpoint.read_whole(&scanner.finish(), &mut answer);
    answer
}

fn stream(endpoint: Endpoint, events: &[&str]) -> (Answer, Vec<Event>) {
    let mut answer = Answer { said: Some(String::new()), ..Answer::default() };
    let read = |data: &&str| endpoint.read_event(data.as_bytes(), &mut answer);
    let events = events.iter().map(read).collect();
    (answer, events)
}

/// One event's data a line.
fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

fn usage(input: u64, output: u64, cached: u64, write: Option<u64>, reasoning: u64) -> Usage {
    Usage {
        input: Some(input),
        output: Some(output),
        cached: Some(cached),
        cache_write: write,
        reasoning: Some(reasoning),
    }
}

#[test]
fn endpoints_are_told_by_the_ends_of_paths() {
    let of = |kind, path| Endpoint::of(kind, &Method::POST, path);
    assert_eq!(of(Kind::OpenAi, "/v1/chat/completions"), Endpoint::Chat);
    let azure = "/openai/deployments/gpt/chat/completions";
    assert_eq!(of(Kind::OpenAi, azure), Endpoint::Chat);
    assert_eq!(of(Kind::OpenAi, "/completions"), Endpoint::Completion);
    assert_eq!(of(Kind::OpenAi, "/v1/responses"), Endpoint::Responses);
    assert_eq!(of(Kind::OpenAi, "/v1/responses/resp_1/cancel"), Endpoint::Other("responses"));
    assert_eq!(of(Kind::OpenAi, "/v1/threads/t/messages"), Endpoint::Other("threads"));
    assert_eq!(of(Kind::Anthropic, "/v1/messages"), Endpoint::Messages);
    assert_eq!(of(Kind::Anthropic, "/v1/messages/batches"), Endpoint::Other("messages"));
    assert_eq!(of(Kind::Other, "/v1/chat/completions"), Endpoint::Other("completions"));
    assert_eq!(Endpoint::of(Kind::OpenAi, &Method::GET, "/x/secret"), Endpoint::Other("other"));
}

#[test]
fn a_chat_completion() {
    let answer = whole(
        Endpoint::Chat,
        r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-2024-08-06",
        "choices":[{"index":0,"message":{"role":"assistant","content":"Hello","tool_calls":[
        {"id":"c1","type":"function","function":{"name":"search","arguments":"{}"}}]},
        "logprobs":null,"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":12,
        "completion_tokens":7,"total_tokens":19,"prompt_tokens_details":{"cached_tokens":4},
        "completion_tokens_details":{"reasoning_tokens":3}},"system_fingerprint":"fp"}"#,
    );
    assert_eq!(answer.id.as_deref(), Some("chatcmpl-1"));
    assert_eq!(answer.model.as_deref(), Some("gpt-4o-2024-08-06"));
    assert_eq!(answer.usage, usage(12, 7, 4, None, 3));
    assert_eq!((answer.finish, answer.tools), (vec!["tool_calls".into()], vec!["search".into()]));
    assert!(answer.usage_final && answer.understood && answer.error.is_none());
    assert_eq!(answer.said_bytes, "Hello".len() as u64 + "search".len() as u64 + 2);
}

#[test]
fn a_stream_of_a_chat_completion() {
    let (answer, events) =
        stream(Endpoint::Chat, &lines(include_str!("../../../tests/fixtures/gateway/chat.jsonl")));
    use Event::{Content, Nothing, Unread, UsageOnly};
    let expected = [Nothing, Nothing, Content, Content, Nothing, UsageOnly, Nothing, Unread];
    assert_eq!(events, expected);
    assert_eq!((answer.usage.input, answer.usage.output), (Some(5), Some(2)));
    assert_eq!(answer.id.as_deref(), Some("c-1"), "an empty id says nothing");
    assert_eq!((answer.said.as_deref(), answer.finish), (Some("Hi"), vec!["stop".to_owned()]));
}

#[test]
fn a_message_counts_its_cache() {
    let answer = whole(
        Endpoint::Messages,
        r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5",
        "content":[{"type":"text","text":"Hi"},{"type":"tool_use","id":"t","name":"search",
        "input":{"q":1}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{
        "input_tokens":10,"cache_creation_input_tokens":20,"cache_read_input_tokens":30,
        "output_tokens":5}}"#,
    );
    let expected = Usage { reasoning: None, ..usage(60, 5, 30, Some(20), 0) };
    assert_eq!(answer.usage, expected);
    assert_eq!((answer.finish, answer.tools), (vec!["tool_use".into()], vec!["search".into()]));
    assert_eq!(answer.said_bytes, 2 + 7);
}

#[test]
fn a_stream_of_a_message() {
    let (answer, events) = stream(
        Endpoint::Messages,
        &lines(include_str!("../../../tests/fixtures/gateway/messages.jsonl")),
    );
    assert_eq!(events.iter().position(|event| *event == Event::Content), Some(3));
    assert_eq!((answer.usage.input, answer.usage.output), (Some(40), Some(9)));
    assert_eq!(answer.error.as_deref(), Some("overloaded_error"));
    assert!(answer.usage_final);
}

#[test]
fn a_response_and_its_stream() {
    let body = r#"{"id":"resp_1","object":"response","status":"incomplete","model":"gpt-5",
        "error":null,"incomplete_details":{"reason":"max_output_tokens"},"output":[{"type":
        "message","content":[{"type":"output_text","text":"Hi"}]},{"type":"function_call",
        "name":"f","arguments":"{}"}],"usage":{"input_tokens":3,"input_tokens_details":
        {"cached_tokens":1},"output_tokens":4,"output_tokens_details":{"reasoning_tokens":2}}}"#;
    let answer = whole(Endpoint::Responses, body);
    assert_eq!(answer.usage, usage(3, 4, 1, None, 2));
    assert_eq!(answer.finish, ["max_output_tokens"]);
    assert!(answer.error.is_none(), "null is no error");
    let ended = format!("{{\"type\":\"response.completed\",\"response\":{body}}}");
    let mut told = lines(include_str!("../../../tests/fixtures/gateway/responses.jsonl"));
    told.push(&ended);
    let (answer, events) = stream(Endpoint::Responses, &told);
    assert_eq!(events.iter().position(|event| *event == Event::Content), Some(2));
    assert_eq!(answer.usage, usage(3, 4, 1, None, 2));
    assert_eq!((answer.tools, answer.said.as_deref()), (vec!["f".to_owned()], Some("Hi")));
}

#[test]
fn errors_are_classes_and_never_messages() {
    let class = |body: &str| whole(Endpoint::Chat, body).error;
    let limited = r#"{"error":{"message":"sk-123 is over","type":"requests","code":"rate_limit"}}"#;
    assert_eq!(class(limited).as_deref(), Some("rate_limit"));
    assert_eq!(class(r#"{"error":"sk-123 failed"}"#).as_deref(), Some("error"));
    let messages = r#"{"error":{"type":"no such thing","code":429}}"#;
    assert_eq!(class(messages).as_deref(), Some("error"));
    assert_eq!(class(r#"{"error":null,"id":"x"}"#), None);
}

#[test]
fn embeddings_are_not_kept() {
    let vectors = "0.125,".repeat(50_000);
    let body = format!(
        r#"{{"object":"list","data":[{{"embedding":[{vectors}0]}}],"model":"small",
        "usage":{{"prompt_tokens":8,"total_tokens":8}}}}"#
    );
    let answer = whole(Endpoint::Embeddings, &body);
    assert_eq!((answer.usage.input, answer.usage.output), (Some(8), None));
    assert_eq!(answer.model.as_deref(), Some("small"));
}

#[test]
fn the_tier_that_served_it_is_the_last_one_named() {
    let body = r#"{"id":"c","model":"gpt-5","service_tier":"flex","choices":[]}"#;
    assert_eq!(whole(Endpoint::Chat, body).tier.as_deref(), Some("flex"));
    let (chat, _) = stream(
        Endpoint::Chat,
        &[
            r#"{"service_tier":"auto","choices":[]}"#,
            r#"{"service_tier":"priority","choices":[]}"#,
            r#"{"choices":[]}"#,
        ],
    );
    assert_eq!(chat.tier.as_deref(), Some("priority"));
    let ended = r#"{"type":"response.completed","response":{"service_tier":"flex"}}"#;
    assert_eq!(stream(Endpoint::Responses, &[ended]).0.tier.as_deref(), Some("flex"));
}
