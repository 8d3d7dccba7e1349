//! GenAI log events: messages, operation details, evaluations, exceptions.

use crate::model::{GenAiEvent, GenAiEventKind, LogRecord, Origin, Value, find};

/// The events, what they report and the role that their name tells.
static EVENTS: &[(&str, GenAiEventKind, &str)] = &[
    ("gen_ai.system.message", GenAiEventKind::Prompt, "system"),
    ("gen_ai.user.message", GenAiEventKind::Prompt, "user"),
    ("gen_ai.assistant.message", GenAiEventKind::Prompt, "assistant"),
    ("gen_ai.tool.message", GenAiEventKind::Prompt, "tool"),
    ("gen_ai.content.prompt", GenAiEventKind::Prompt, "user"),
    ("gen_ai.choice", GenAiEventKind::Completion, "assistant"),
    ("gen_ai.content.completion", GenAiEventKind::Completion, "assistant"),
    ("gen_ai.client.inference.operation.details", GenAiEventKind::Details, ""),
    ("gen_ai.evaluation.result", GenAiEventKind::Evaluation, ""),
    ("gen_ai.client.operation.exception", GenAiEventKind::Exception, ""),
];

/// Attributes and keys of a body that hold what was said.
static CONTENT: &[&str] = &[
    "content",
    "message",
    "tool_calls",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.evaluation.explanation",
    "gen_ai.event.content",
];

/// The event of this name: its name, what it reports and the role that the name tells.
pub(super) fn known(name: &str) -> Option<(&'static str, GenAiEventKind, &'static str)> {
    let known = || EVENTS.iter().find(|(known, ..)| *known == name).copied();
    name.starts_with("gen_ai.").then(known)?
}

/// Whether an attribute of an event holds what was said.
pub(super) fn is_content(key: &str) -> bool {
    CONTENT.contains(&key)
}

/// Reads what a log record says of a GenAI operation; `None` for every other record.
///
/// The name stands in the record since events have a field for it, in an attribute before.
pub fn understand_log<'a>(_: &Origin<'a>, record: &LogRecord<'a>) -> Option<GenAiEvent<'a>> {
    let attribute = || find(&record.attributes, "event.name").and_then(Value::as_text);
    let name = Some(record.event_name).filter(|name| !name.is_empty()).or_else(attribute)?;
    let (_, kind, role) = known(name)?;
    let said = role_in(&record.body).filter(|_| !role.is_empty());
    Some(GenAiEvent {
        name,
        kind,
        role: said.unwrap_or(role),
        has_content: says_something(&record.body)
            || record.attributes.iter().any(|it| is_content(it.key)),
    })
}

/// The role that a body names itself: a choice in its message, a message at its top.
fn role_in<'a>(body: &Value<'a>) -> Option<&'a str> {
    let Value::Map(entries) = body else { return None };
    let role = |entries| find(entries, "role").and_then(Value::as_text);
    match find(entries, "message") {
        Some(Value::Map(message)) => role(message).or_else(|| role(entries)),
        _ => role(entries),
    }
}

/// Whether a body holds what was said, and not only who spoke or why they stopped.
fn says_something(body: &Value<'_>) -> bool {
    match body {
        Value::Text(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(says_something),
        Value::Map(entries) => entries.iter().any(|entry| match entry.key {
            "message" => says_something(&entry.value),
            key => CONTENT.contains(&key) && entry.value != Value::Empty,
        }),
        _ => false,
    }
}
