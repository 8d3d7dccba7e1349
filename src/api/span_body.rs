//! `/api/traces/{trace_id}/spans/{span_id}`: all of one span, long texts in pieces.
//!
//! A text longer than [`limits::TEXT_PIECE_BYTES`] is answered as its beginning, its size and
//! where to read on: with `field`, a JSON pointer into this very answer, and `offset`.

use super::error::ApiError;
use super::messages::LogMessages;
use super::parameters::Parameters;
use super::span_view::{Id, LogView};
use super::trace::{Told, not_kept, trace_id};
use super::{Shared, json_answer};
use crate::limits;
use crate::model::{SpanId, TraceId};
use crate::storage::index::Understand;
use crate::storage::query::{Budget, RowQuery, Store, StoredTrace};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde_json::{Value, json};
use std::ops::ControlFlow;

/// The query parameters.
pub(super) const PARAMETERS: &[&str] = &["field", "offset"];

/// The hexadecimal digits that an id has at least; a skeleton tells no fewer.
const ID_DIGITS: usize = 8;

/// `GET /api/traces/{trace_id}/spans/{span_id}`.
pub(super) async fn answer(
    State(api): State<Shared>,
    Path((trace, span)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let parameters = Parameters::of(query.as_deref(), PARAMETERS)?;
    let offset = parameters.number("offset", 0..=limits::TRACE_BYTES)?;
    let field = parameters.text("field")?.map(str::to_owned);
    if offset.is_some() && field.is_none() {
        return Err(ApiError::parameter("offset", "offset goes with field."));
    }
    let id = trace_id(&trace)?;
    let digits = digits(&span)?;
    let store = api.handles.store.clone();
    let understand = api.handles.understand.clone();
    let body = api.searches.run(move |cancelled| {
        let budget = Budget { cancelled: Some(cancelled), ..Budget::default() };
        let Some(span) = resolve(&*store, id, &digits, budget)? else { return Err(not_kept()) };
        let trace = store.span(id, span)?;
        let Some(whole) = view(&trace, span, &understand) else { return Err(not_kept()) };
        match field {
            Some(field) => piece(&whole, &field, offset.unwrap_or(0)),
            None => Ok(in_pieces(whole, &mut String::new())),
        }
    });
    Ok(json_answer(body.await??.to_string().into_bytes()))
}

/// The digits of an id or of its beginning, in lower case.
fn digits(text: &str) -> Result<String, ApiError> {
    let right = (ID_DIGITS..=16).contains(&text.len())
        && text.len().is_multiple_of(2)
        && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let message = "span_id is 16 hexadecimal digits, or the first 8 or more of them.";
    right.then(|| text.to_ascii_lowercase()).ok_or_else(|| ApiError::parameter("span_id", message))
}

/// The span whose id these digits are or begin.
fn resolve(
    store: &dyn Store,
    trace: TraceId,
    digits: &str,
    budget: Budget<'_>,
) -> Result<Option<SpanId>, ApiError> {
    if digits.len() == 16 {
        let message = "span_id is 16 hexadecimal digits, not all zero.";
        let id = digits.parse().map_err(|_| ApiError::parameter("span_id", message))?;
        return Ok(Some(id));
    }
    let (mut found, mut several) = (None, false);
    let query = RowQuery { trace: Some(trace), ..RowQuery::default() };
    store.rows(&query, budget, &mut |row| {
        if row.span_id.to_string().starts_with(digits) {
            several |= found.is_some_and(|found| found != row.span_id);
            found = Some(row.span_id);
        }
        if several { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if several {
        let message = "Several spans of this trace begin with these digits: send more of them.";
        return Err(ApiError::parameter("span_id", message));
    }
    Ok(found)
}

/// The whole answer, nothing cut.
fn view(trace: &StoredTrace, id: SpanId, understand: &Understand) -> Option<Value> {
    let from_logs = LogMessages::of(trace);
    let mut found = None;
    trace.visit(|origin, span| {
        if found.is_none() && span.span_id == id {
            let known = understand.span(origin, span);
            let said = from_logs.with(span, &known.operation);
            found = serde_json::to_value(Told::of(origin, span, &known, &said)).ok();
        }
    });
    let mut logs = Vec::new();
    trace.visit_logs(|origin, record| {
        logs.extend(serde_json::to_value(LogView::of(origin, record, usize::MAX)));
    });
    let trace_id = Id(trace.id).0.to_string();
    found.map(|span| json!({ "trace_id": trace_id, "span": span, "logs": logs }))
}

/// The same with long texts cut. `pointer` is where in the answer this value stands.
fn in_pieces(value: Value, pointer: &mut String) -> Value {
    match value {
        Value::String(text) if text.len() > limits::TEXT_PIECE_BYTES => cut(&text, pointer, 0),
        Value::Array(items) => (0_usize..)
            .zip(items)
            .map(|(index, item)| below(pointer, &index.to_string(), item))
            .collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| {
                let step = key.replace('~', "~0").replace('/', "~1");
                let value = below(pointer, &step, value);
                (key, value)
            })
            .collect(),
        other => other,
    }
}

/// The text, or its beginning if it is long; `field` is where it stands in its span's answer.
pub(super) fn text_or_piece(text: &str, field: &str) -> Value {
    match text.len() > limits::TEXT_PIECE_BYTES {
        true => cut(text, field, 0),
        false => Value::from(text),
    }
}

fn below(pointer: &mut String, step: &str, value: Value) -> Value {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(step);
    let value = in_pieces(value, pointer);
    pointer.truncate(length);
    value
}

/// A piece of the text that stands at `field`.
fn piece(whole: &Value, field: &str, offset: usize) -> Result<Value, ApiError> {
    let message = "field is a JSON pointer to a text in this span's answer.";
    let text = whole.pointer(field).and_then(Value::as_str);
    let text = text.ok_or_else(|| ApiError::parameter("field", message))?;
    if offset > text.len() || !text.is_char_boundary(offset) {
        let message = format!("offset is a next of this text, which has {} bytes.", text.len());
        return Err(ApiError::parameter("offset", message));
    }
    Ok(cut(text, field, offset))
}

fn cut(text: &str, field: &str, offset: usize) -> Value {
    let longest = offset.saturating_add(limits::TEXT_PIECE_BYTES).min(text.len());
    let end = text.floor_char_boundary(longest);
    let next = (end < text.len()).then_some(end);
    json!({ "text": &text[offset..end], "bytes": text.len(), "next": next, "field": field })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_read_piece_by_piece() {
        let long = "é".repeat(limits::TEXT_PIECE_BYTES) + "end";
        let whole = json!({ "a/b": { "~": ["short", long] }, "n": 1 });
        let cut = in_pieces(whole.clone(), &mut String::new());
        assert_eq!((&cut["n"], &cut["a/b"]["~"][0]), (&json!(1), &json!("short")));
        let first = &cut["a/b"]["~"][1];
        assert_eq!(first["field"], "/a~1b/~0/1");
        assert_eq!(first["bytes"], long.len());
        let mut read = first["text"].as_str().unwrap().to_owned();
        let mut next = first["next"].as_u64();
        while let Some(offset) = next {
            let piece = piece(&whole, "/a~1b/~0/1", offset as usize).unwrap();
            read.push_str(piece["text"].as_str().unwrap());
            next = piece["next"].as_u64();
        }
        assert_eq!(read, long);
        // A text that is not long can be read the same way; what is no text cannot.
        assert_eq!(piece(&whole, "/a~1b/~0/0", 0).unwrap()["next"], Value::Null);
        for (field, offset, at_fault) in
            [("/n", 0, "field"), ("", 0, "field"), ("x", 0, "field"), ("/a~1b/~0/1", 1, "offset")]
        {
            match piece(&whole, field, offset).unwrap_err() {
                ApiError::Parameter { name, .. } => assert_eq!(name, at_fault, "{field}"),
                other => panic!("{other}"),
            }
        }
        assert!(piece(&whole, "/a~1b/~0/0", usize::MAX).is_err());
    }

    #[test]
    fn ids_and_their_beginnings() {
        assert_eq!(digits("0123456789ABCDEF").unwrap(), "0123456789abcdef");
        assert_eq!(digits("01234567").unwrap(), "01234567");
        for bad in ["", "0123456", "012345678", "0123456789abcdef0", "zzzzzzzz", "éééé"] {
            assert!(digits(bad).is_err(), "{bad}");
        }
    }
}
