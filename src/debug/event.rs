//! One debug event, and the line it becomes.

use std::borrow::Cow;

use serde::Serialize;
use serde::ser::Serializer;

use super::kind::EventKind;
use super::lines::json_line;
use crate::limits;
use crate::model::{SpanId, TraceId};

/// One debug event. Texts are at most [`limits::DEBUG_TEXT_CHARS`] characters long, and a mark
/// longer where they were cut.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct DebugEvent<'a> {
    /// When it happened, in nanoseconds since the Unix epoch.
    #[serde(rename = "timestamp", serialize_with = "as_time")]
    pub time_ns: u64,
    /// What it tells.
    #[serde(rename = "event_type", serialize_with = "as_name")]
    pub kind: EventKind,
    /// The run it belongs to.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub trace_id: Option<TraceId>,
    /// The span it was taken of.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub span_id: Option<SpanId>,
    /// `service.name` of whoever sent it.
    pub service: Cow<'a, str>,
    /// The model, tool, agent or span that it is about.
    pub name: Cow<'a, str>,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Cow<'a, str>>,
    /// Whose work it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Cow<'a, str>>,
    /// The conversation or session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Cow<'a, str>>,
    /// The side of the operation: `prompt`, `completion`, `tool_arguments`, …; empty where the
    /// sender made the event itself.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub part: &'static str,
    /// Whether the operation failed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// The class of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_type: Option<Cow<'a, str>>,
    /// How many characters of the text are missing.
    #[serde(rename = "cut_chars", skip_serializing_if = "is_zero")]
    pub missing_chars: usize,
    /// What was said.
    pub text: String,
}

impl DebugEvent<'_> {
    /// The event as one line, with its line feed.
    pub(super) fn line(&self) -> String {
        let mut line = json_line(self);
        line.push('\n');
        line
    }
}

/// A text and how many of its characters are missing.
pub(super) type Cut = (String, usize);

/// The beginning of a text. What is missing is said behind it.
pub(super) fn cut(text: &str) -> Cut {
    let Some((end, _)) = text.char_indices().nth(limits::DEBUG_TEXT_CHARS) else {
        return (text.to_owned(), 0);
    };
    let missing = text[end..].chars().count();
    (format!("{}… [{missing} more characters]", &text[..end]), missing)
}

/// The beginning and the end of a conversation: in a long one, what was said last matters, and
/// the instructions at its head. What is missing is said in between.
pub(super) fn cut_middle(text: &str) -> Cut {
    let chars = text.chars().count();
    let missing = chars.saturating_sub(limits::DEBUG_TEXT_CHARS);
    if missing == 0 {
        return (text.to_owned(), 0);
    }
    let place = |chars: usize| text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
    let head = limits::DEBUG_TEXT_CHARS / 4;
    let (end, begin) = (place(head), place(head + missing));
    let cut = format!("{}… [{missing} more characters] …{}", &text[..end], &text[begin..]);
    (cut, missing)
}

/// A name, which may be cut without telling.
pub(super) fn short(name: &str) -> Cow<'_, str> {
    Cow::Borrowed(&name[..name.floor_char_boundary(limits::DEBUG_NAME_BYTES)])
}

/// RFC 3339 in UTC with nanoseconds.
pub(super) fn rfc3339(unix_ns: u64) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(unix_ns));
    format!("{:.9}", time.unwrap_or(jiff::Timestamp::MAX))
}

/// Nanoseconds since the Unix epoch of an RFC 3339 time.
pub(super) fn from_rfc3339(text: &str) -> Option<u64> {
    let time: jiff::Timestamp = text.trim().parse().ok()?;
    u64::try_from(time.as_nanosecond()).ok()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn as_time<S: Serializer>(time_ns: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*time_ns))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn as_name<S: Serializer>(kind: &EventKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

fn as_text<T: std::fmt::Display, S: Serializer>(
    id: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => serializer.collect_str(id),
        None => serializer.serialize_none(),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        let most = limits::DEBUG_TEXT_CHARS;
        for unit in ["x", "é", "語", "🦀"] {
            let (text, missing) = cut(&unit.repeat(most));
            assert_eq!((text.chars().count(), missing), (most, 0));
            let (text, missing) = cut(&unit.repeat(most + 7));
            assert_eq!(missing, 7);
            assert_eq!(text, format!("{}… [7 more characters]", unit.repeat(most)));
        }
        assert_eq!(cut(""), (String::new(), 0));
    }

    #[test]
    fn a_long_conversation_keeps_its_head_and_its_end() {
        let most = limits::DEBUG_TEXT_CHARS;
        let text = format!("begin {}語 end", "é".repeat(most));
        let (cut, missing) = cut_middle(&text);
        assert_eq!(missing, text.chars().count() - most);
        assert!(cut.starts_with("begin éé") && cut.ends_with("é語 end"), "{cut}");
        assert!(cut.contains(&format!("… [{missing} more characters] …")));
        let mark = format!("… [{missing} more characters] …").chars().count();
        assert_eq!(cut.chars().count(), most + mark);
        assert_eq!(cut_middle("short"), ("short".to_owned(), 0));
    }

    #[test]
    fn a_line_is_one_line_of_json() {
        let event = DebugEvent {
            time_ns: 1_700_000_000_000_000_001,
            kind: EventKind::ToolCall,
            trace_id: TraceId::from_bytes(&[1; 16]),
            span_id: None,
            service: "shop".into(),
            name: "search\u{1b}[2J".into(),
            agent: None,
            tenant: Some("acme".into()),
            conversation: None,
            part: "tool_result",
            failed: true,
            error_type: Some("timeout".into()),
            missing_chars: 0,
            text: "one\ntwo".to_owned(),
        };
        let line = event.line();
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.ends_with('\n') && !line.contains('\u{1b}'));
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let expected = serde_json::json!({
            "timestamp": "2023-11-14T22:13:20.000000001Z", "event_type": "tool_call",
            "trace_id": "01".repeat(16), "service": "shop", "name": "search\u{1b}[2J",
            "tenant": "acme", "part": "tool_result", "failed": true, "error_type": "timeout",
            "text": "one\ntwo",
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn times_are_read_back() {
        assert_eq!(from_rfc3339(&rfc3339(123)), Some(123));
        assert_eq!(from_rfc3339("2023-11-14T23:13:20+01:00"), Some(1_700_000_000_000_000_000));
        for bad in ["", "tomorrow", "1969-12-31T23:59:59Z", "2023-11-14"] {
            assert_eq!(from_rfc3339(bad), None, "{bad}");
        }
    }
}
