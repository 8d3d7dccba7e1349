//! OpenAI's responses: an answer is a list of items; a stream tells of each and ends with all.

use serde::Deserialize;

use super::answer::{Answer, Fault, Tokens};
use super::lenient::{Maybe, Text};
use super::{Event, member, value};
use crate::gateway::scan::Member;
use crate::model::Usage;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    delta: Text<'a>,
    #[serde(borrow)]
    item: Option<Item<'a>>,
    #[serde(borrow)]
    response: Option<Response<'a>>,
    #[serde(borrow)]
    code: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Response<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    model: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow)]
    service_tier: Text<'a>,
    #[serde(borrow)]
    incomplete_details: Maybe<Incomplete<'a>>,
    usage: Maybe<Tokens>,
    #[serde(borrow)]
    error: Maybe<Fault<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Incomplete<'a> {
    #[serde(borrow)]
    reason: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Item<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    arguments: Text<'a>,
    #[serde(borrow)]
    content: Maybe<Vec<Part<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Part<'a> {
    #[serde(borrow)]
    text: Text<'a>,
    #[serde(borrow)]
    refusal: Text<'a>,
}

/// One event of a stream.
pub(super) fn event(data: &[u8], answer: &mut Answer) -> Option<Event> {
    let told: Told<'_> = serde_json::from_slice(data).ok()?;
    answer.understood = true;
    let kind = told.kind.as_str();
    if let Some(response) = &told.response {
        answer.named(&response.id, &response.model);
    }
    let content = match kind {
        "response.output_text.delta" | "response.refusal.delta" => answer.said(&told.delta),
        _ if kind.ends_with(".delta") => answer.gave(&told.delta),
        "response.output_item.added" => told.item.as_ref().is_some_and(|item| called(item, answer)),
        "response.completed" | "response.incomplete" | "response.failed" => {
            answer.ended = true;
            if let Some(response) = told.response {
                ended(response, answer);
            }
            false
        }
        "error" => {
            answer.failed(Some(Fault { code: told.code, ..Fault::default() }));
            false
        }
        _ => false,
    };
    Some(if content { Event::Content } else { Event::Nothing })
}

/// An answer in one piece.
pub(super) fn whole(members: &[Member], answer: &mut Answer) {
    finished(
        &value(members, "status").unwrap_or_default(),
        value(members, "incomplete_details"),
        answer,
    );
    let Some(items) = value::<Vec<Item<'_>>>(members, "output") else {
        let length = member(members, "output").map_or(0, |member| member.end - member.start);
        answer.said_bytes += length;
        return;
    };
    for item in &items {
        called(item, answer);
        answer.gave(&item.arguments);
        for part in item.content.0.iter().flatten() {
            answer.said(&part.text);
            answer.said(&part.refusal);
        }
    }
}

/// Notes the tool that an item calls; whether it does.
fn called(item: &Item<'_>, answer: &mut Answer) -> bool {
    let calls = matches!(item.kind.as_str(), "function_call" | "custom_tool_call" | "mcp_call");
    if calls {
        answer.called(&item.name);
    }
    calls
}

fn ended(response: Response<'_>, answer: &mut Answer) {
    if let Some(tokens) = &response.usage.0 {
        answer.count(tokens.usage(false));
        answer.usage_final = answer.usage != Usage::default();
    }
    if response.status.as_str() == "failed" {
        answer.failed(response.error.0);
    }
    answer.served(&response.service_tier);
    finished(&response.status, response.incomplete_details.0, answer);
}

/// A status, or why the answer is not whole.
fn finished(status: &Text<'_>, incomplete: Option<Incomplete<'_>>, answer: &mut Answer) {
    match incomplete {
        Some(Incomplete { reason }) if reason.0.is_some() => answer.finished(&reason),
        _ => answer.finished(status),
    }
}
