//! Whether a record has an attribute with a given value, by the value's text form.

use std::fmt::Write;

use crate::model::{Origin, Value};
use crate::otlp::read;
use crate::otlp::wire::Fields;

/// The field of `Span` that holds its attributes.
pub(super) const SPAN_ATTRIBUTES: u32 = 9;
/// The field of `LogRecord` that holds its attributes.
pub(super) const LOG_ATTRIBUTES: u32 = 6;
/// The field of `KeyValue` that holds the key.
const KEY: u32 = 1;

/// Whether the record of these bytes, whose attributes are this field, has one with this key and
/// value. Only attributes with the right key are read; what is damaged does not match.
fn has_attribute(record: &[u8], number: u32, key: &str, wanted: &str) -> bool {
    let attributes = Fields::of(record).map_while(Result::ok);
    let mut entries = attributes
        .filter(|field| field.number == number)
        .filter_map(|field| field.content.bytes().ok());
    entries.any(|entry| {
        has_key(entry, key)
            && read::attribute(entry, 0).is_ok_and(|sent| text_equals(&sent.value, wanted))
    })
}

fn has_key(entry: &[u8], key: &str) -> bool {
    let mut fields = Fields::of(entry).map_while(Result::ok);
    fields.any(|field| {
        field.number == KEY && field.content.bytes().is_ok_and(|sent| sent == key.as_bytes())
    })
}

/// Whether a record of these bytes, sent from there, has every attribute asked for, itself or by
/// its scope or resource.
pub(super) fn has_all(
    wanted: &[(String, String)],
    origin: &Origin<'_>,
    record: &[u8],
    number: u32,
) -> bool {
    wanted.iter().all(|(key, wanted)| {
        let sent = origin.resource.iter().chain(&origin.scope.attributes);
        let mut sent = sent.filter(|attribute| attribute.key == key);
        sent.any(|attribute| text_equals(&attribute.value, wanted))
            || has_attribute(record, number, key, wanted)
    })
}

/// Whether the text form of a value is `wanted`. A list is equal if one of its items is; bytes
/// are written in hexadecimal; nothing equals a map.
pub(super) fn text_equals(value: &Value<'_>, wanted: &str) -> bool {
    match value {
        Value::Empty => wanted.is_empty(),
        Value::Text(text) => *text == wanted,
        Value::Bool(flag) => wanted == if *flag { "true" } else { "false" },
        Value::Int(number) => wanted.parse() == Ok(*number),
        Value::Double(number) => double_equals(*number, wanted),
        Value::Bytes(bytes) => hexadecimal(bytes).eq_ignore_ascii_case(wanted),
        Value::Array(items) => items.iter().any(|item| text_equals(item, wanted)),
        Value::Map(_) => false,
    }
}

fn double_equals(number: f64, wanted: &str) -> bool {
    wanted.parse().is_ok_and(|wanted: f64| wanted == number || wanted.is_nan() && number.is_nan())
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::write;

    #[test]
    fn values_are_compared_by_their_text() {
        let check = |value: Value<'_>, equal: &[&str], other: &[&str]| {
            for text in equal {
                assert!(text_equals(&value, text), "{value:?} is {text}");
            }
            for text in other {
                assert!(!text_equals(&value, text), "{value:?} is not {text}");
            }
        };
        check(Value::Text("a"), &["a"], &["A", "", "a "]);
        check(Value::Empty, &[""], &["null"]);
        check(Value::Bool(true), &["true"], &["1", "True", "false"]);
        check(Value::Int(-3), &["-3"], &["3", "-3.0", ""]);
        check(Value::Double(0.5), &["0.5", "5e-1"], &["0,5", "1"]);
        check(Value::Double(2.0), &["2", "2.0"], &["3"]);
        check(Value::Double(f64::NAN), &["NaN"], &["0"]);
        check(Value::Bytes(&[0xab, 1]), &["ab01", "AB01"], &["ab1"]);
        let list = Value::Array(vec![Value::Text("stop"), Value::Int(1)]);
        check(list, &["stop", "1"], &["[stop, 1]"]);
        check(Value::Map(Vec::new()), &[], &["", "{}"]);
    }

    #[test]
    fn a_later_attribute_of_the_same_key_is_found_and_damage_is_none() {
        let mut span = Vec::new();
        for text in ["one", "two"] {
            write::message_field(&mut span, SPAN_ATTRIBUTES, |out| {
                write::bytes_field(out, KEY, b"key");
                write::message_field(out, 2, |out| write::bytes_field(out, 1, text.as_bytes()));
            });
        }
        assert!(
            has_attribute(&span, SPAN_ATTRIBUTES, "key", "one")
                && has_attribute(&span, SPAN_ATTRIBUTES, "key", "two")
        );
        assert!(
            !has_attribute(&span, SPAN_ATTRIBUTES, "ke", "one")
                && !has_attribute(&span, SPAN_ATTRIBUTES, "key", "three")
        );
        for cut in 1..span.len() {
            // However it is cut, the part before it still counts and nothing else.
            assert_eq!(
                has_attribute(&span[..cut], SPAN_ATTRIBUTES, "key", "one"),
                cut >= span.len() / 2,
                "{cut}"
            );
        }
    }
}
