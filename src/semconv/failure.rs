//! Whether a span failed, and how its failure is called.

use super::http;
use super::kind::Kind;
use super::names::{Facts, Field};
use crate::limits;
use crate::model::{Span, Status, find};

/// Whether it failed, and the class of the failure.
pub(super) fn read<'a>(
    span: &Span<'a>,
    facts: &Facts<'_, 'a>,
    kind: Option<Kind>,
) -> (bool, Option<&'a str>) {
    let code = match kind {
        Some(Kind::HttpServer) => http::status_code(facts).filter(|code| *code >= 500),
        Some(Kind::HttpClient) => http::status_code(facts).filter(|code| *code >= 400),
        _ => None,
    };
    let named = facts.text(Field::ErrorType);
    // A success that was declared stays one, whatever was caught on the way.
    let declared_ok = span.status == Status::Ok;
    let failed = code.is_some()
        || span.status == Status::Error
        || (!declared_ok && (named.is_some() || escaped(span)))
        || (!declared_ok && reported_in_answer(facts, kind));
    if !failed {
        return (false, None);
    }
    let tool_error = || matches!(kind, Some(Kind::Tool)).then_some("tool_error");
    (
        true,
        named
            .or_else(|| exception(span))
            .or_else(|| code.map(code_name))
            .or_else(|| if reported_in_answer(facts, kind) { tool_error() } else { None }),
    )
}

/// The type of the last exception: the one that ended the span.
fn exception<'a>(span: &Span<'a>) -> Option<&'a str> {
    let mut exceptions = span.events.iter().rev().filter(|event| event.name == "exception");
    let kind = exceptions.find_map(|event| find(&event.attributes, "exception.type"))?;
    kind.as_text().filter(|text| !text.is_empty())
}

/// Whether an exception left the span. The attribute is a boolean by convention and a word in
/// Python's SDK.
fn escaped(span: &Span<'_>) -> bool {
    use crate::model::Value;
    span.events.iter().any(|event| {
        event.name == "exception"
            && match find(&event.attributes, "exception.escaped") {
                Some(Value::Bool(escaped)) => *escaped,
                Some(Value::Text(word)) => word.eq_ignore_ascii_case("true"),
                _ => false,
            }
    })
}

/// Failures that only the answer tells: a tool result with `isError` (MCP), a finish reason
/// `error` (Vercel).
fn reported_in_answer(facts: &Facts<'_, '_>, kind: Option<Kind>) -> bool {
    match kind {
        Some(Kind::Llm(_)) => facts.text(Field::FinishReason) == Some("error"),
        Some(Kind::Tool) => facts.text(Field::ToolResult).is_some_and(|result| {
            let head = &result.as_bytes()[..result.len().min(limits::ATTRIBUTE_JSON_BYTES)];
            [&b"\"isError\":true"[..], b"\"isError\": true"]
                .iter()
                .any(|words| memchr::memmem::find(head, words).is_some())
        }),
        _ => false,
    }
}

/// A status code as text, without an allocation.
fn code_name(code: u16) -> &'static str {
    match code {
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        408 => "408",
        409 => "409",
        410 => "410",
        413 => "413",
        415 => "415",
        422 => "422",
        429 => "429",
        451 => "451",
        499 => "499",
        500 => "500",
        501 => "501",
        502 => "502",
        503 => "503",
        504 => "504",
        529 => "529",
        _ if code < 500 => "4xx",
        _ => "5xx",
    }
}
