//! Anthropic's messages.

use serde::Deserialize;

use super::answer::{Answer, Fault, Tokens};
use super::lenient::{Maybe, Text};
use super::{Event, member, value};
use crate::gateway::scan::Member;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    message: Option<Message<'a>>,
    #[serde(borrow)]
    content_block: Option<Block<'a>>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    usage: Maybe<Tokens>,
    #[serde(borrow)]
    error: Maybe<Fault<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    model: Text<'a>,
    usage: Maybe<Tokens>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Block<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    text: Text<'a>,
    #[serde(borrow)]
    thinking: Text<'a>,
    #[serde(borrow)]
    input: Option<&'a serde_json::value::RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delta<'a> {
    #[serde(borrow)]
    text: Text<'a>,
    #[serde(borrow)]
    thinking: Text<'a>,
    #[serde(borrow)]
    partial_json: Text<'a>,
    #[serde(borrow)]
    stop_reason: Text<'a>,
}

/// One event of a stream. Usage comes in two parts, the input at the beginning and the output at
/// the end; what the end repeats of the input is the better word.
pub(super) fn event(data: &[u8], answer: &mut Answer) -> Option<Event> {
    let told: Told<'_> = serde_json::from_slice(data).ok()?;
    answer.understood = true;
    let content = match told.kind.as_str() {
        "message_start" => {
            let Some(message) = told.message else { return Some(Event::Nothing) };
            answer.named(&message.id, &message.model);
            if let Some(tokens) = message.usage.0 {
                answer.count(tokens.usage(true));
            }
            false
        }
        "content_block_start" => told.content_block.as_ref().is_some_and(|it| block(it, answer)),
        "content_block_delta" => told.delta.is_some_and(|delta| {
            let said = answer.said(&delta.text);
            said | answer.gave(&delta.thinking) | answer.gave(&delta.partial_json)
        }),
        "message_delta" => {
            if let Some(tokens) = told.usage.0 {
                answer.count(tokens.usage(true));
                answer.usage_final = true;
            }
            if let Some(delta) = told.delta {
                answer.finished(&delta.stop_reason);
            }
            false
        }
        "message_stop" => {
            answer.ended = true;
            false
        }
        "error" => {
            answer.failed(told.error.0);
            false
        }
        _ => false,
    };
    Some(if content { Event::Content } else { Event::Nothing })
}

/// An answer in one piece.
pub(super) fn whole(members: &[Member], answer: &mut Answer) {
    answer.finished(&value(members, "stop_reason").unwrap_or_default());
    match value::<Vec<Block<'_>>>(members, "content") {
        Some(blocks) => blocks.iter().for_each(|it| {
            block(it, answer);
        }),
        None => {
            let length = member(members, "content").map_or(0, |member| member.end - member.start);
            answer.said_bytes += length;
        }
    }
}

/// Whether the model said anything in it.
fn block(block: &Block<'_>, answer: &mut Answer) -> bool {
    let calls = block.kind.as_str() == "tool_use";
    if calls {
        answer.called(&block.name);
        answer.said_bytes += block.input.map_or(0, |input| input.get().len() as u64);
    }
    answer.said(&block.text) | answer.gave(&block.thinking) | calls
}
