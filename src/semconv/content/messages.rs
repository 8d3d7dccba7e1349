//! Messages inside JSON: the conventions' `[{role, parts}]`, and the `{role, content}` of the
//! providers' own interfaces.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::{Part, Passage};
use crate::limits;
use crate::model::Value;

/// The messages of a value, if it is a list of messages (or parts of one), at most `room` of
/// them. The value may be structured or JSON in a text.
pub(super) fn of<'a>(value: &Value<'a>, part: Part, room: usize) -> Option<Vec<Passage<'a>>> {
    let json = match value {
        Value::Text(text) => {
            let text = text.trim_start();
            let may_be = text.starts_with(['[', '{']) && text.len() <= limits::CONTENT_JSON_BYTES;
            may_be.then(|| serde_json::from_str(text).ok())??
        }
        Value::Array(_) | Value::Map(_) => json(value),
        _ => return None,
    };
    let mut passages = Vec::new();
    match &json {
        Json::Array(items) => {
            for item in items.iter().take(room) {
                message(item, part, &mut passages)?;
            }
        }
        Json::Object(object) => match object.get("messages") {
            Some(Json::Array(items)) => {
                for item in items.iter().take(room) {
                    message(item, part, &mut passages)?;
                }
            }
            _ => message(&json, part, &mut passages)?,
        },
        _ => return None,
    }
    passages.truncate(room);
    (!passages.is_empty()).then_some(passages)
}

/// One message, or one part of a message without its role.
fn message<'a>(item: &Json, part: Part, passages: &mut Vec<Passage<'a>>) -> Option<()> {
    let object = item.as_object()?;
    let known = ["role", "content", "parts", "type"].iter().any(|key| object.contains_key(*key));
    if !known {
        return None;
    }
    let role = object.get("role").and_then(Json::as_str).unwrap_or_default();
    let before = passages.len();
    let mut say = |text: String| {
        if !text.is_empty() {
            let role = Cow::Owned(role.to_owned());
            passages.push(Passage { part, role, text: Cow::Owned(text) });
        }
    };
    if object.contains_key("type") && !object.contains_key("role") {
        say(text_of_part(item));
    }
    for key in ["parts", "content"] {
        match object.get(key) {
            Some(Json::Array(parts)) => parts.iter().for_each(|part| say(text_of_part(part))),
            Some(Json::String(text)) if object.contains_key("role") => say(text.clone()),
            _ => {}
        }
    }
    for call in object.get("tool_calls").and_then(Json::as_array).into_iter().flatten() {
        say(text_of_part(call));
    }
    // A message of which nothing can be said in words is shown as it came.
    if passages.len() == before {
        let (role, text) = (Cow::Owned(role.to_owned()), Cow::Owned(item.to_string()));
        passages.push(Passage { part, role, text });
    }
    Some(())
}

/// A part in words: its text, a call as `name(arguments)`, or the part as it came.
fn text_of_part(part: &Json) -> String {
    let text = |key: &str| part.get(key).and_then(Json::as_str);
    let function = part.get("function").unwrap_or(part);
    let name = function.get("name").and_then(Json::as_str);
    if let (Some(name), Some(arguments)) = (name, function.get("arguments")) {
        return call(name, &plain(arguments));
    }
    let said = part.as_str().or_else(|| text("text")).or_else(|| text("content"));
    match said {
        Some(said) => said.to_owned(),
        None => part
            .get("response")
            .or_else(|| part.get("result"))
            .map_or_else(|| part.to_string(), plain),
    }
}

/// A tool call as it reads.
pub(super) fn call(name: &str, arguments: &str) -> String {
    format!("{name}({arguments})")
}

fn plain(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

/// A value as JSON. Bytes are not text and stay out.
pub(super) fn json(value: &Value<'_>) -> Json {
    match value {
        Value::Empty | Value::Bytes(_) => Json::Null,
        Value::Text(text) => Json::from(*text),
        Value::Bool(flag) => Json::from(*flag),
        Value::Int(number) => Json::from(*number),
        Value::Double(number) => Json::from(*number),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Map(entries) => {
            entries.iter().map(|entry| (entry.key.to_owned(), json(&entry.value))).collect()
        }
    }
}
