//! What was said: prompts, answers, tool arguments and results, out of every dialect.
//!
//! Best effort and bounded, for people who investigate one trace. Text stays borrowed where it
//! stands as text; messages inside JSON are taken out of it.

mod indexed;
mod messages;

use std::borrow::Cow;

use crate::limits;
use crate::model::{Attribute, LogRecord, Origin, Span, Value, find};
use crate::model::{GenAiEventKind, Operation};
use indexed::Indexed;

/// Something that was said in an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage<'a> {
    /// On which side of the operation it stands.
    pub part: Part,
    /// Who said it: `system`, `user`, `assistant`, `tool`; empty where nothing says.
    pub role: Cow<'a, str>,
    /// The text, or JSON as it was sent.
    pub text: Cow<'a, str>,
}

/// The sides of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Standing instructions.
    Instructions,
    /// What went to the model, agent or workflow.
    Prompt,
    /// What came back.
    Completion,
    /// What a tool was called with.
    ToolArguments,
    /// What a tool answered.
    ToolResult,
}

impl Part {
    /// The name in answers of the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Prompt => "prompt",
            Self::Completion => "completion",
            Self::ToolArguments => "tool_arguments",
            Self::ToolResult => "tool_result",
        }
    }
}

/// How good a carrier is: a dialect's message lists before the raw values that repeat them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Carrier {
    Messages,
    Text,
    Raw,
}

use Carrier::{Messages, Raw, Text};
use Part::{Completion, Instructions, Prompt, ToolArguments, ToolResult};

/// Attributes that hold content whole. Those of one part and a worse carrier are left out where
/// a better one is there: they repeat it.
static WHOLE: &[(&str, Part, Carrier)] = &[
    ("gen_ai.system_instructions", Instructions, Messages),
    ("gen_ai.input.messages", Prompt, Messages),
    ("gen_ai.output.messages", Completion, Messages),
    ("ai.prompt.messages", Prompt, Messages),
    ("pydantic_ai.all_messages", Prompt, Messages),
    ("gen_ai.prompt", Prompt, Text),
    ("gen_ai.completion", Completion, Text),
    ("ai.prompt", Prompt, Text),
    ("ai.response.text", Completion, Messages),
    ("ai.response.object", Completion, Messages),
    ("ai.response.toolCalls", Completion, Messages),
    ("ai.response.reasoning", Completion, Messages),
    ("ai.result.text", Completion, Text),
    ("ai.result.object", Completion, Text),
    ("final_result", Completion, Text),
    ("input.value", Prompt, Raw),
    ("output.value", Completion, Raw),
    ("traceloop.entity.input", Prompt, Raw),
    ("traceloop.entity.output", Completion, Raw),
    ("langfuse.observation.input", Prompt, Raw),
    ("langfuse.observation.output", Completion, Raw),
    ("mlflow.spanInputs", Prompt, Raw),
    ("mlflow.spanOutputs", Completion, Raw),
    ("gcp.vertex.agent.llm_request", Prompt, Raw),
    ("gcp.vertex.agent.llm_response", Completion, Raw),
    ("gen_ai.tool.call.arguments", ToolArguments, Messages),
    ("gen_ai.tool.call.result", ToolResult, Messages),
    ("ai.toolCall.args", ToolArguments, Text),
    ("ai.toolCall.result", ToolResult, Text),
    ("tool_arguments", ToolArguments, Text),
    ("tool_response", ToolResult, Text),
    ("gen_ai.tool.input", ToolArguments, Text),
    ("gen_ai.tool.args", ToolArguments, Text),
    ("gen_ai.tool.output", ToolResult, Text),
    ("gcp.vertex.agent.tool_call_args", ToolArguments, Text),
    ("gcp.vertex.agent.tool_response", ToolResult, Text),
    ("mcp.request.argument", ToolArguments, Text),
    ("mcp.response.value", ToolResult, Text),
];

/// What a span's attributes and events say, at most [`limits::CONTENT_PASSAGES`] passages, in the
/// order instructions, prompt, completion, tool. `operation` is what the span was understood as:
/// the raw input of a tool is its arguments.
pub fn passages<'a>(span: &Span<'a>, operation: &Operation<'a>) -> Vec<Passage<'a>> {
    let mut found: Vec<(Carrier, Passage<'a>)> = Vec::new();
    let mut indexed = Indexed::default();
    for attribute in &span.attributes {
        if let Some((part, carrier)) = whole(attribute.key) {
            add(&mut found, carrier, of_tool(part, operation), &attribute.value);
        } else {
            indexed.add(attribute);
        }
    }
    found.extend(indexed.passages().map(|passage| (Messages, passage)));
    for event in &span.events {
        if let Some((_, kind, role)) = super::log_event::known(event.name) {
            let said = event.attributes.iter().filter(|it| super::log_event::is_content(it.key));
            let before = found.len();
            said.for_each(|it| add(&mut found, Text, part_of(kind, it.key), &it.value));
            for (_, passage) in &mut found[before..] {
                if passage.role.is_empty() {
                    passage.role = Cow::Borrowed(role);
                }
            }
        }
        if found.len() >= limits::CONTENT_PASSAGES {
            break;
        }
    }
    let best = |part| found.iter().filter(|it| it.1.part == part).map(|it| it.0).min();
    let best: [_; 5] = [Instructions, Prompt, Completion, ToolArguments, ToolResult]
        .map(|part| (part, best(part)));
    found.retain(|(carrier, passage)| best.contains(&(passage.part, Some(*carrier))));
    let mut passages: Vec<Passage<'a>> = found.into_iter().map(|(_, passage)| passage).collect();
    passages.sort_by_key(|passage| passage.part);
    passages.truncate(limits::CONTENT_PASSAGES);
    passages
}

/// What a GenAI log event says; nothing for every other record.
pub fn log_passages<'a>(origin: &Origin<'a>, record: &LogRecord<'a>) -> Vec<Passage<'a>> {
    let Some(event) = super::understand_log(origin, record) else { return Vec::new() };
    let mut found = Vec::new();
    let body = match &record.body {
        Value::Map(entries) => {
            find(entries, "content").or_else(|| find(entries, "message")).unwrap_or(&record.body)
        }
        other => other,
    };
    add(&mut found, Text, part_of(event.kind, ""), body);
    for Attribute { key, value } in &record.attributes {
        if super::log_event::is_content(key) {
            add(&mut found, Text, part_of(event.kind, key), value);
        }
    }
    let mut passages: Vec<Passage<'a>> = found.into_iter().map(|(_, passage)| passage).collect();
    for passage in &mut passages {
        if passage.role.is_empty() {
            passage.role = Cow::Borrowed(event.role);
        }
    }
    passages.truncate(limits::CONTENT_PASSAGES);
    passages
}

/// A value in words: text as it is, everything else as JSON; nothing for what says nothing.
pub fn plain_text<'a>(value: &Value<'a>) -> Option<Cow<'a, str>> {
    match value {
        Value::Empty | Value::Bytes(_) | Value::Text("") => None,
        Value::Text(text) => Some(Cow::Borrowed(*text)),
        other => Some(Cow::Owned(messages::json(other).to_string())),
    }
}

fn whole(key: &str) -> Option<(Part, Carrier)> {
    WHOLE.iter().find(|(known, ..)| *known == key).map(|(_, part, carrier)| (*part, *carrier))
}

/// The part that an event's content belongs to; details name it in the attribute's key.
fn part_of(kind: GenAiEventKind, key: &str) -> Part {
    match (kind, whole(key)) {
        (_, Some((part, _))) => part,
        (GenAiEventKind::Completion | GenAiEventKind::Evaluation, None) => Completion,
        _ => Prompt,
    }
}

/// What goes into a tool and comes out of it are its arguments and its result.
fn of_tool(part: Part, operation: &Operation<'_>) -> Part {
    match (part, operation) {
        (Prompt, Operation::Tool(_)) => ToolArguments,
        (Completion, Operation::Tool(_)) => ToolResult,
        (part, _) => part,
    }
}

/// Adds what a value says: the messages in it, or the value as it is.
fn add<'a>(
    found: &mut Vec<(Carrier, Passage<'a>)>,
    carrier: Carrier,
    part: Part,
    value: &Value<'a>,
) {
    let room = limits::CONTENT_PASSAGES.saturating_sub(found.len());
    if room == 0 || matches!(value, Value::Empty | Value::Bytes(_)) {
        return;
    }
    let is_tool = matches!(part, ToolArguments | ToolResult);
    let messages = if is_tool { None } else { messages::of(value, part, room) };
    match (messages, value) {
        (Some(messages), _) => found.extend(messages.into_iter().map(|it| (carrier, it))),
        (None, Value::Text("")) => {}
        (None, Value::Text(text)) => {
            let (role, text) = (Cow::Borrowed(""), Cow::Borrowed(*text));
            found.push((carrier, Passage { part, role, text }));
        }
        (None, other) => {
            let text = Cow::Owned(messages::json(other).to_string());
            found.push((carrier, Passage { part, role: Cow::Borrowed(""), text }));
        }
    }
}

#[cfg(test)]
mod tests;
