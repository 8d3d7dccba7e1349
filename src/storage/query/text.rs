//! Free text: whether it stands in what a record says, whatever the case of ASCII letters.
//!
//! Keys are not searched. Messages are often JSON within a text, so the text is also looked for
//! as JSON writes it: with the least escaping, and with everything but ASCII escaped.

use std::fmt::Write as _;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use crate::limits;
use crate::model::{Attribute, LogRecord, Span, Value};

/// A text that is looked for in names, messages, bodies and text attributes.
#[derive(Debug)]
pub(in crate::storage) struct Needle {
    /// `None` for a text beyond the bound, which stands nowhere.
    forms: Option<AhoCorasick>,
}

/// Forms longer than this are searched by a smaller automaton: a table of all steps takes a
/// kilobyte for each byte of them.
const QUICK_FORM_BYTES: usize = 512;

impl Needle {
    /// What looks for `text`. The empty text stands in every text; one of more than
    /// [`limits::PARAMETER_BYTES`] in none.
    pub(in crate::storage) fn new(text: &str) -> Self {
        let bounded = (text.len() <= limits::PARAMETER_BYTES).then_some(text);
        Self { forms: bounded.and_then(automaton) }
    }

    /// Whether it stands in this text.
    pub(in crate::storage) fn is_in_text(&self, text: &str) -> bool {
        self.is_in_bytes(text.as_bytes())
    }

    /// Whether it may stand in a record of these bytes, or in any record of this request. Where
    /// it does not, no record needs to be read.
    pub(in crate::storage) fn is_in_bytes(&self, bytes: &[u8]) -> bool {
        self.forms.as_ref().is_some_and(|forms| forms.is_match(bytes))
    }

    /// Whether it stands in the span's name, status message or text attributes, or in the name or
    /// a text attribute of one of its events.
    pub(in crate::storage) fn is_in_span(&self, span: &Span<'_>) -> bool {
        self.is_in_text(span.name)
            || self.is_in_text(span.status_message)
            || self.is_in_attributes(&span.attributes)
            || span.events.iter().any(|event| {
                self.is_in_text(event.name) || self.is_in_attributes(&event.attributes)
            })
    }

    /// Whether it stands in the record's body, event name or text attributes.
    pub(in crate::storage) fn is_in_log(&self, record: &LogRecord<'_>) -> bool {
        self.is_in_value(&record.body)
            || self.is_in_text(record.event_name)
            || self.is_in_attributes(&record.attributes)
    }

    fn is_in_attributes(&self, attributes: &[Attribute<'_>]) -> bool {
        attributes.iter().any(|attribute| self.is_in_value(&attribute.value))
    }

    fn is_in_value(&self, value: &Value<'_>) -> bool {
        match value {
            Value::Text(text) => self.is_in_text(text),
            // Reading a value has bounded how deep it nests.
            Value::Array(items) => items.iter().any(|item| self.is_in_value(item)),
            Value::Map(entries) => self.is_in_attributes(entries),
            _ => false,
        }
    }
}

fn automaton(text: &str) -> Option<AhoCorasick> {
    let mut forms = vec![text.to_owned(), json_form(text, false), json_form(text, true)];
    forms.dedup();
    let quick = forms.iter().map(String::len).sum::<usize>() <= QUICK_FORM_BYTES;
    let kind = if quick { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
    let builder = AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(kind)).build(forms);
    // It fails for more states than the bound on the text allows for.
    builder.ok()
}

/// The text as it stands within a JSON string; with `ascii`, as writers do that escape whatever
/// is not printable ASCII (Python's `json.dumps`).
pub(in crate::storage) fn json_form(text: &str, ascii: bool) -> String {
    let mut form = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => form.push_str("\\\""),
            '\\' => form.push_str("\\\\"),
            '\n' => form.push_str("\\n"),
            '\r' => form.push_str("\\r"),
            '\t' => form.push_str("\\t"),
            '\u{8}' => form.push_str("\\b"),
            '\u{c}' => form.push_str("\\f"),
            ' '..='~' => form.push(character),
            '\0'..='\u{1f}' => push_units(&mut form, character),
            _ if ascii => push_units(&mut form, character),
            _ => form.push(character),
        }
    }
    form
}

/// Adds a character as `\uXXXX`, twice for one beyond the first 65,536.
fn push_units(form: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a string cannot fail.
        let _ = write!(form, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span<'a>(name: &'a str, attributes: Vec<Attribute<'a>>) -> Span<'a> {
        Span {
            trace_id: crate::model::TraceId::from_bytes(&[1; 16]).unwrap(),
            span_id: crate::model::SpanId::from_bytes(&[1; 8]).unwrap(),
            parent_span_id: None,
            trace_state: "state",
            name,
            kind: Default::default(),
            start_ns: 0,
            end_ns: 0,
            status: Default::default(),
            status_message: "it broke",
            attributes,
            dropped_attributes: 0,
            events: vec![crate::model::Event {
                time_ns: 0,
                name: "exception",
                attributes: vec![Attribute { key: "type", value: Value::Text("IOError") }],
            }],
            links: Vec::new(),
        }
    }

    #[test]
    fn ascii_letters_match_in_either_case_and_others_as_they_are() {
        let check = |needle: &str, text: &str, expected: bool| {
            assert_eq!(Needle::new(needle).is_in_text(text), expected, "{needle:?} in {text:?}");
        };
        check("TimeOut", "a tImEoUt came", true);
        check("timeout", "time out", false);
        check("größe", "GRößE", true);
        check("größe", "GRÖSSE", false);
        check("é", "É", false);
        check("", "", true);
        check("a", "", false);
        check("a\0b", "xA\0Bx", true);
        check("日本", "das ist 日本語", true);
        check(&"x".repeat(limits::PARAMETER_BYTES + 1), &"x".repeat(9_000), false);
        check(&"x".repeat(limits::PARAMETER_BYTES), &"X".repeat(9_000), true);
    }

    #[test]
    fn json_within_a_text_is_seen_through() {
        let said = "He said \"no\"\n\tthen\u{1} left: größe \\ 日本 😀\u{7f}";
        let needle = Needle::new(said);
        let message = serde_json::json!({ "content": said }).to_string();
        assert!(needle.is_in_text(&message), "{message}");
        // What json.dumps({"content": said}) of Python 3 writes.
        let python = "{\"content\": \"He said \\\"no\\\"\\n\\tthen\\u0001 left: gr\\u00f6\\u00dfe \
            \\\\ \\u65e5\\u672c \\ud83d\\ude00\\u007f\"}";
        assert!(needle.is_in_text(python));
        assert!(!needle.is_in_text(&python.replace("d83d", "d83e")));
    }

    #[test]
    fn every_text_of_a_span_is_searched_and_no_key() {
        let nested = Value::Array(vec![
            Value::Int(7),
            Value::Map(vec![Attribute { key: "inner key", value: Value::Text("deep") }]),
        ]);
        let attributes = vec![
            Attribute { key: "outer key", value: nested },
            Attribute { key: "raw", value: Value::Bytes(b"bytes are no text") },
        ];
        let span = span("chat gpt", attributes);
        for text in ["CHAT", "it broke", "deep", "exception", "ioerror"] {
            assert!(Needle::new(text).is_in_span(&span), "{text}");
        }
        for text in ["key", "inner", "type", "state", "bytes", "7", "chat gpt it broke"] {
            assert!(!Needle::new(text).is_in_span(&span), "{text}");
        }
    }

    #[test]
    fn every_text_of_a_log_record_is_searched_and_no_key() {
        let text = |key, text| Attribute { key, value: Value::Text(text) };
        let record = LogRecord {
            time_ns: 0,
            observed_ns: 0,
            severity: 9,
            severity_text: "INFO",
            event_name: "gen_ai.choice",
            body: Value::Map(vec![text("content", "Hello there")]),
            attributes: vec![text("code.function", "answer")],
            trace_id: None,
            span_id: None,
        };
        for text in ["hello", "gen_ai.CHOICE", "answer"] {
            assert!(Needle::new(text).is_in_log(&record), "{text}");
        }
        for text in ["content", "function", "info"] {
            assert!(!Needle::new(text).is_in_log(&record), "{text}");
        }
    }

    proptest! {
        /// Whatever is looked for in whatever, the answer is that of a naive comparison, and the
        /// bytes of a record hold at least what its texts hold.
        #[test]
        fn hostile_texts_are_found_as_a_naive_reading_finds_them(
            needle in "[aA\"\\\\\u{0}é\u{1f600}]{1,3}",
            text in "[aA\"\\\\\u{0}é\u{1f600}u0]{0,24}",
        ) {
            let lower = text.to_ascii_lowercase();
            let forms = [needle.clone(), json_form(&needle, false), json_form(&needle, true)];
            let expected = forms.iter().any(|form| lower.contains(&form.to_ascii_lowercase()));
            prop_assert_eq!(Needle::new(&needle).is_in_text(&text), expected);
        }

        #[test]
        fn no_text_and_no_bytes_panic(
            needle in "(?s).{0,40}", times in 0_usize..200, bytes in any::<Vec<u8>>(),
        ) {
            let needle = Needle::new(&needle.repeat(times));
            let _ = needle.is_in_bytes(&bytes);
        }
    }
}
