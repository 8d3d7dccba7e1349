//! Attributes as texts with a letter that says what each was, and back.
//!
//! Other readers see a map from text to text. The letters, one for each attribute in order, tell
//! us the type, so that what is read is what came in:
//!
//! | letter | value | text |
//! |---|---|---|
//! | `s` | text | itself |
//! | `i` | integer | decimal |
//! | `d` | double | the shortest decimal that reads back |
//! | `b` | boolean | `true` or `false` |
//! | `n` | none | empty |
//! | `j` | list or map | JSON |
//! | `p` | anything JSON cannot carry exactly | the `AnyValue` in base64 |
//!
//! The same letter in upper case: the text stands in the contents, in as many pieces as the
//! decimal number in its place says.

use std::collections::HashSet;
use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value as Json;

use crate::model::{Attribute, Value};
use crate::otlp::write;

/// Writes the text of a value behind `out`; the letter that says how.
pub(super) fn encode(value: &Value<'_>, out: &mut String) -> u8 {
    match value {
        Value::Empty => b'n',
        Value::Text(text) => {
            out.push_str(text);
            b's'
        }
        Value::Bool(truth) => {
            out.push_str(if *truth { "true" } else { "false" });
            b'b'
        }
        Value::Int(number) => {
            // Writing to a string cannot fail.
            let _ = write!(out, "{number}");
            b'i'
        }
        Value::Double(number) if number.is_finite() => {
            let _ = write!(out, "{number:?}");
            b'd'
        }
        Value::Array(_) | Value::Map(_) if is_plain(value) => {
            json(value, out);
            b'j'
        }
        _ => {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            STANDARD_NO_PAD.encode_string(bytes, out);
            b'p'
        }
    }
}

/// Appends the `AnyValue` of a text and its letter, in lower case. `None` if they do not fit one
/// another, which only damage can bring about.
pub(super) fn decode(letter: u8, text: &str, out: &mut Vec<u8>) -> Option<()> {
    match letter {
        b'n' => {}
        b's' => write::bytes_field(out, 1, text.as_bytes()),
        b'b' => put(out, &Value::Bool(text == "true")),
        b'i' => put(out, &Value::Int(text.parse().ok()?)),
        b'd' => put(out, &Value::Double(text.parse().ok()?)),
        b'j' => put_json(out, &serde_json::from_str(text).ok()?)?,
        b'p' => out.extend(STANDARD_NO_PAD.decode(text).ok()?),
        _ => return None,
    }
    Some(())
}

/// Whether JSON carries the value exactly: no bytes, no key twice, nothing missing or infinite.
fn is_plain(value: &Value<'_>) -> bool {
    match value {
        Value::Text(_) | Value::Bool(_) | Value::Int(_) | Value::Empty => true,
        Value::Double(number) => number.is_finite(),
        Value::Bytes(_) => false,
        Value::Array(items) => items.iter().all(is_plain),
        Value::Map(entries) => {
            let mut keys = HashSet::with_capacity(entries.len());
            // Ordered as they came; serde_json's map sorts them, so only sorted ones come back.
            let sorted = entries.is_sorted_by(|a, b| a.key < b.key);
            sorted && entries.iter().all(|entry| keys.insert(entry.key) && is_plain(&entry.value))
        }
    }
}

fn json(value: &Value<'_>, out: &mut String) {
    match value {
        Value::Text(text) => json_text(text, out),
        Value::Bool(_) | Value::Int(_) | Value::Double(_) => {
            encode(value, out);
        }
        Value::Array(items) => {
            let mut open = '[';
            for item in items {
                out.push(std::mem::replace(&mut open, ','));
                json(item, out);
            }
            out.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Value::Map(entries) => {
            let mut open = '{';
            for entry in entries {
                out.push(std::mem::replace(&mut open, ','));
                json_text(entry.key, out);
                out.push(':');
                json(&entry.value, out);
            }
            out.push_str(if entries.is_empty() { "{}" } else { "}" });
        }
        Value::Empty | Value::Bytes(_) => out.push_str("null"),
    }
}

fn json_text(text: &str, out: &mut String) {
    // A text is always valid JSON once quoted.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// Appends the fields of an `AnyValue`.
fn put(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Empty => {}
        Value::Text(text) => write::bytes_field(out, 1, text.as_bytes()),
        Value::Bool(truth) => write::varint_field(out, 2, u64::from(*truth)),
        Value::Int(number) => write::varint_field(out, 3, number.cast_unsigned()),
        Value::Double(number) => write::fixed64_field(out, 4, number.to_bits()),
        Value::Bytes(bytes) => write::bytes_field(out, 7, bytes),
        Value::Array(items) => write::message_field(out, 5, |out| {
            for item in items {
                write::message_field(out, 1, |out| put(out, item));
            }
        }),
        Value::Map(entries) => write::message_field(out, 6, |out| {
            for Attribute { key, value } in entries {
                write::message_field(out, 1, |out| {
                    write::bytes_field(out, 1, key.as_bytes());
                    write::message_field(out, 2, |out| put(out, value));
                });
            }
        }),
    }
}

fn put_json(out: &mut Vec<u8>, value: &Json) -> Option<()> {
    match value {
        Json::Null => {}
        Json::Bool(truth) => put(out, &Value::Bool(*truth)),
        Json::String(text) => put(out, &Value::Text(text)),
        Json::Number(number) => match number.as_i64() {
            Some(number) => put(out, &Value::Int(number)),
            None => put(out, &Value::Double(number.as_f64()?)),
        },
        Json::Array(items) => {
            let list = write::begin_message(out, 5);
            for item in items {
                let at = write::begin_message(out, 1);
                put_json(out, item)?;
                write::end_message(out, at);
            }
            write::end_message(out, list);
        }
        Json::Object(entries) => {
            let map = write::begin_message(out, 6);
            for (key, value) in entries {
                let entry = write::begin_message(out, 1);
                write::bytes_field(out, 1, key.as_bytes());
                let at = write::begin_message(out, 2);
                put_json(out, value)?;
                write::end_message(out, at);
                write::end_message(out, entry);
            }
            write::end_message(out, map);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::read;

    fn check(value: &Value<'_>, letter: char, text: &str) {
        let mut written = String::new();
        assert_eq!(char::from(encode(value, &mut written)), letter, "{value:?}");
        assert_eq!(written, text, "{value:?}");
        let mut bytes = Vec::new();
        decode(letter as u8, &written, &mut bytes).unwrap();
        let back = read::value(&bytes, 0).unwrap();
        assert_eq!(format!("{back:?}"), format!("{value:?}"));
    }

    #[test]
    fn every_value_comes_back_as_it_was() {
        check(&Value::Empty, 'n', "");
        check(&Value::Text("é\0\"[1]"), 's', "é\0\"[1]");
        check(&Value::Bool(true), 'b', "true");
        check(&Value::Int(i64::MIN), 'i', "-9223372036854775808");
        check(&Value::Double(1.0), 'd', "1.0");
        check(&Value::Double(-0.0), 'd', "-0.0");
        check(&Value::Double(1e300), 'd', "1e300");
        check(&Value::Double(f64::NEG_INFINITY), 'p', "IQAAAAAAAPD/");
        check(&Value::Bytes(&[0, 255]), 'p', "OgIA/w");
        let list = Value::Array(vec![Value::Text("stop"), Value::Int(1), Value::Double(2.0)]);
        check(&list, 'j', r#"["stop",1,2.0]"#);
        check(&Value::Array(Vec::new()), 'j', "[]");
        let entry = |key, value| Attribute { key, value };
        let map = Value::Map(vec![entry("a", list), entry("b", Value::Empty)]);
        check(&map, 'j', r#"{"a":["stop",1,2.0],"b":null}"#);
        let unordered = vec![entry("b", Value::Int(1)), entry("a", Value::Int(2))];
        let mut text = String::new();
        assert_eq!(encode(&Value::Map(unordered.clone()), &mut text), b'p');
        check(&Value::Map(unordered), 'p', &text);
        check(&Value::Array(vec![Value::Bytes(&[1])]), 'p', "KgUKAzoBAQ");
    }

    #[test]
    fn what_does_not_fit_is_no_value() {
        for (letter, text) in [(b'i', "x"), (b'd', ""), (b'j', "{"), (b'p', "*"), (b'?', "")] {
            assert!(decode(letter, text, &mut Vec::new()).is_none(), "{letter} {text}");
        }
    }
}
