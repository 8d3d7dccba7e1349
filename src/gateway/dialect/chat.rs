//! OpenAI's chat completions, which half of the world speaks, and its first completions.

use serde::Deserialize;

use super::answer::{Answer, Fault, Tokens};
use super::lenient::{Maybe, Text};
use super::{Event, member, value};
use crate::gateway::scan::Member;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Chunk<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    model: Text<'a>,
    #[serde(borrow)]
    service_tier: Text<'a>,
    #[serde(borrow)]
    choices: Maybe<Vec<Choice<'a>>>,
    usage: Option<Maybe<Tokens>>,
    #[serde(borrow)]
    error: Option<Maybe<Fault<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Option<Said<'a>>,
    #[serde(borrow)]
    message: Option<Said<'a>>,
    #[serde(borrow)]
    text: Text<'a>,
    #[serde(borrow)]
    finish_reason: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said<'a> {
    #[serde(borrow)]
    content: Text<'a>,
    #[serde(borrow)]
    refusal: Text<'a>,
    #[serde(borrow)]
    reasoning: Text<'a>,
    #[serde(borrow)]
    reasoning_content: Text<'a>,
    #[serde(borrow)]
    tool_calls: Maybe<Vec<Call<'a>>>,
    #[serde(borrow)]
    function_call: Option<Function<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Call<'a> {
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    arguments: Text<'a>,
}

/// One event of a stream.
pub(super) fn event(data: &[u8], answer: &mut Answer) -> Option<Event> {
    if data == b"[DONE]" {
        answer.ended = true;
        return Some(Event::Nothing);
    }
    let chunk: Chunk<'_> = serde_json::from_slice(data).ok()?;
    answer.understood = true;
    answer.named(&chunk.id, &chunk.model);
    answer.served(&chunk.service_tier);
    let tokens = chunk.usage.and_then(|usage| usage.0);
    if let Some(tokens) = &tokens {
        answer.count(tokens.usage(false));
        answer.usage_final = true;
    }
    if let Some(fault) = chunk.error {
        answer.failed(fault.0);
    }
    let choices = chunk.choices.0;
    if tokens.is_some() && choices.as_ref().is_some_and(Vec::is_empty) {
        return Some(Event::UsageOnly);
    }
    let mut content = false;
    for choice in choices.iter().flatten() {
        content |= read(choice, answer);
    }
    Some(if content { Event::Content } else { Event::Nothing })
}

/// An answer in one piece. Of one with very long choices only their length is known.
pub(super) fn whole(members: &[Member], answer: &mut Answer) {
    match value::<Vec<Choice<'_>>>(members, "choices") {
        Some(choices) => choices.iter().for_each(|choice| {
            read(choice, answer);
        }),
        None => {
            let length = member(members, "choices").map_or(0, |member| member.end - member.start);
            answer.said_bytes += length;
        }
    }
}

/// Whether the model said anything in it.
fn read(choice: &Choice<'_>, answer: &mut Answer) -> bool {
    let mut content = answer.said(&choice.text);
    for said in choice.delta.iter().chain(&choice.message) {
        content |= answer.said(&said.content) | answer.said(&said.refusal);
        content |= answer.gave(&said.reasoning) | answer.gave(&said.reasoning_content);
        let calls = said.tool_calls.0.iter().flatten().filter_map(|call| call.function.as_ref());
        for function in calls.chain(&said.function_call) {
            answer.called(&function.name);
            content |= answer.gave(&function.name) | answer.gave(&function.arguments);
        }
    }
    answer.finished(&choice.finish_reason);
    content
}
