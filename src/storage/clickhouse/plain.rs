//! Attribute values as texts, in the collector's way: what is not a text is written as JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value as Json};

use super::residue::OURS;
use super::row_binary::Pairs;
use crate::model::{Attribute, Value};

/// Marks a record with a key that occurs more than once, of which the column has the first.
pub(super) const REPEATED: &str = "pharos.repeated";

/// The name of a key in a column of attributes: what senders call as we call our own moves aside.
pub(super) fn key_in_column(key: &str) -> String {
    if key.starts_with(OURS) { format!("{OURS}sent.{key}") } else { key.to_owned() }
}

/// The attributes as a column has them: the first of each key. Also says whether a key occurs
/// more than once.
pub(super) fn pairs(attributes: &[Attribute<'_>]) -> (Pairs, bool) {
    let mut pairs: Pairs = Vec::with_capacity(attributes.len());
    let mut seen = std::collections::HashSet::new();
    let mut repeated = false;
    for attribute in attributes {
        if seen.insert(attribute.key) {
            pairs.push((key_in_column(attribute.key), text(&attribute.value)));
        } else {
            repeated = true;
        }
    }
    (pairs, repeated)
}

/// A value as text.
pub(super) fn text(value: &Value<'_>) -> String {
    match value {
        Value::Empty => String::new(),
        Value::Text(text) => (*text).to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Bytes(bytes) => STANDARD.encode(bytes),
        Value::Array(_) | Value::Map(_) => json(value).to_string(),
    }
}

fn json(value: &Value<'_>) -> Json {
    match value {
        Value::Empty => Json::Null,
        Value::Text(text) => Json::from(*text),
        Value::Bool(flag) => Json::from(*flag),
        Value::Int(number) => Json::from(*number),
        Value::Double(number) => match Number::from_f64(*number) {
            Some(finite) => Json::Number(finite),
            None => Json::from(number.to_string()),
        },
        Value::Bytes(bytes) => Json::from(STANDARD.encode(bytes)),
        Value::Array(items) => Json::Array(items.iter().map(json).collect()),
        Value::Map(entries) => {
            let entries = entries.iter().map(|entry| (entry.key.to_owned(), json(&entry.value)));
            Json::Object(entries.collect::<Map<_, _>>())
        }
    }
}
