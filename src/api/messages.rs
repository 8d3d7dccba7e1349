//! What was said in a span: out of its attributes and events, and out of the log records that
//! instrumentations send for it.

use super::span_view::cut;
use crate::limits;
use crate::model::{Operation, Span, SpanId};
use crate::semconv::{Passage, log_passages, passages};
use crate::storage::query::StoredTrace;
use std::borrow::Cow;
use std::collections::HashMap;

/// What the log records of a trace say, by the span that they name.
#[derive(Debug, Default)]
pub(super) struct LogMessages<'a> {
    by_span: HashMap<SpanId, Vec<Passage<'a>>>,
}

/// Something that was said, in answers.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct MessageView<'v> {
    /// `system`, `user`, `assistant`, `tool`; empty where nothing says.
    role: Cow<'v, str>,
    /// By [`crate::semconv::Part::name`].
    part: &'static str,
    text: Cow<'v, str>,
}

impl<'a> LogMessages<'a> {
    /// Reads the log records of a trace.
    pub(super) fn of(trace: &'a StoredTrace) -> Self {
        let mut messages = Self::default();
        trace.visit_logs(|origin, record| {
            let Some(span) = record.span_id else { return };
            let said = log_passages(origin, record);
            if !said.is_empty() {
                let of_span = messages.by_span.entry(span).or_default();
                let room = limits::CONTENT_PASSAGES.saturating_sub(of_span.len());
                of_span.extend(said.into_iter().take(room));
            }
        });
        messages
    }

    /// What was said in a span: what it carries itself, then what its records say besides, at
    /// most [`limits::CONTENT_PASSAGES`], in the order of [`crate::semconv::Part`].
    pub(super) fn with(&self, span: &Span<'a>, operation: &Operation<'a>) -> Vec<Passage<'a>> {
        let mut said = passages(span, operation);
        let own = said.len();
        for passage in self.by_span.get(&span.span_id).into_iter().flatten() {
            // Some instrumentations send the same message both ways.
            let repeats =
                said[..own].iter().any(|it| it.part == passage.part && it.text == passage.text);
            if !repeats && said.len() < limits::CONTENT_PASSAGES {
                said.push(passage.clone());
            }
        }
        said.sort_by_key(|passage| passage.part);
        said
    }
}

impl<'v> MessageView<'v> {
    /// A passage; its text is cut at `longest_text` bytes.
    pub(super) fn of(passage: &'v Passage<'_>, longest_text: usize) -> Self {
        Self {
            role: cut(&passage.role, longest_text),
            part: passage.part.name(),
            text: cut(&passage.text, longest_text),
        }
    }
}
