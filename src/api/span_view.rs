//! A span in answers: what was sent, and what is understood of it.

use super::moment::{milliseconds, rfc3339};
use crate::model::{
    Attribute, CachedTokens, Event, Link, LogRecord, Operation, Origin, Span, SpanId,
    Understanding, Usage, Value,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use std::borrow::Cow;
use std::collections::HashMap;

/// What is said of a span in every answer. Fields that do not apply are absent; `cost_usd` and
/// the parts of `tokens` are `null` where the sender did not say them, which is not 0.
#[derive(Debug, serde::Serialize)]
pub(super) struct Facts<'a> {
    pub(super) span_id: Id<SpanId>,
    pub(super) parent_span_id: Option<Id<SpanId>>,
    pub(super) name: Cow<'a, str>,
    pub(super) service: Cow<'a, str>,
    kind: &'static str,
    start_time: String,
    duration_ms: f64,
    status: &'static str,
    failed: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) status_message: Cow<'a, str>,
    operation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<Cow<'a, str>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    llm: Option<LlmFacts<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dialect: Option<&'static str>,
}

#[derive(Debug, serde::Serialize)]
struct LlmFacts<'a> {
    provider: Cow<'a, str>,
    model: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_model: Option<Cow<'a, str>>,
    tokens: Tokens,
    cost_usd: Option<f64>,
    cost_state: &'static str,
    cost_source: &'static str,
    /// Of the price table; absent where it was not needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_tokens: Option<CachedFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_to_first_token_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<Cow<'a, str>>,
}

/// How the sender counts cached tokens, where it speaks of any; `tokens.input` includes them.
#[derive(Debug, serde::Serialize)]
struct CachedFacts {
    counted: &'static str,
    by: &'static str,
}

/// Tokens of one or more calls; `null` where no call said them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Tokens {
    /// Of the prompt and the completion together.
    total: Option<u64>,
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) cached: Option<u64>,
    pub(super) cache_write: Option<u64>,
    pub(super) reasoning: Option<u64>,
}

/// A span with all that was sent.
#[derive(Debug, serde::Serialize)]
pub(super) struct SpanView<'v, 'a> {
    #[serde(flatten)]
    facts: Facts<'v>,
    #[serde(flatten)]
    pub(super) details: Details<'v, 'a>,
}

/// What a span carries beyond its facts.
#[derive(Debug, serde::Serialize)]
pub(super) struct Details<'v, 'a> {
    attributes: Attributes<'v, 'a>,
    #[serde(skip_serializing_if = "is_zero")]
    dropped_attributes: u32,
    events: Vec<EventView<'v, 'a>>,
    links: Vec<LinkView<'v, 'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    trace_state: &'v str,
    resource: Attributes<'v, 'a>,
    scope: ScopeView<'v, 'a>,
}

#[derive(Debug, serde::Serialize)]
struct EventView<'v, 'a> {
    time: String,
    name: &'v str,
    attributes: Attributes<'v, 'a>,
}

#[derive(Debug, serde::Serialize)]
struct LinkView<'v, 'a> {
    trace_id: String,
    span_id: String,
    attributes: Attributes<'v, 'a>,
}

#[derive(Debug, serde::Serialize)]
struct ScopeView<'v, 'a> {
    name: &'v str,
    version: &'v str,
    #[serde(skip_serializing_if = "Attributes::is_empty")]
    attributes: Attributes<'v, 'a>,
}

/// A log record that belongs to a trace.
#[derive(Debug, serde::Serialize)]
pub(super) struct LogView<'v, 'a> {
    time: String,
    severity: u32,
    severity_text: Cow<'v, str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    event_name: Cow<'v, str>,
    service: Cow<'v, str>,
    span_id: Option<Id<SpanId>>,
    body: Json<'v, 'a>,
    attributes: Attributes<'v, 'a>,
}

/// An id in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id<T>(pub(super) T);

/// Attributes as a JSON object. Of keys that repeat the last one counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes<'v, 'a> {
    list: &'v [Attribute<'a>],
    longest_text: usize,
}

/// One value as JSON. Texts are cut at `longest_text` bytes and say so.
#[derive(Debug, Clone, Copy)]
pub(super) struct Json<'v, 'a> {
    value: &'v Value<'a>,
    longest_text: usize,
}

impl<'a> Facts<'a> {
    /// What is said of this span; texts are cut at `longest_text` bytes.
    pub(super) fn of(
        service: &'a str,
        span: &Span<'a>,
        known: &Understanding<'a>,
        longest_text: usize,
    ) -> Self {
        let cut = |text: &'a str| cut(text, longest_text);
        let (mut tool, mut workflow, mut llm, mut agent) = (None, None, None, known.agent);
        match &known.operation {
            Operation::Llm(call) => {
                llm = Some(LlmFacts {
                    provider: Cow::Owned(cut_owned(&call.provider, longest_text)),
                    model: cut(call.model()),
                    response_model: call.response_model.map(cut),
                    tokens: Tokens::from(call.usage),
                    cost_usd: call.cost.usd,
                    cached_tokens: CachedFacts::of(call.cached_tokens),
                    cost_state: call.cost.state.name(),
                    cost_source: call.cost.source.name(),
                    cost_version: super::money::version(call.cost.version),
                    time_to_first_token_ms: call.time_to_first_token_seconds.map(|s| s * 1e3),
                    finish_reason: call.finish_reason.map(cut),
                });
            }
            Operation::Tool(call) => tool = Some(call.name),
            Operation::Agent(run) => agent = Some(run.name),
            Operation::Workflow(run) => workflow = Some(run.name),
            Operation::Step(step) => agent = Some(step.agent),
            _ => {}
        }
        Self {
            span_id: Id(span.span_id),
            parent_span_id: span.parent_span_id.map(Id),
            name: cut(span.name),
            service: cut(service),
            kind: span.kind.name(),
            start_time: rfc3339(span.start_ns),
            duration_ms: milliseconds(span.duration_ns()),
            status: span.status.name(),
            failed: known.failed,
            status_message: cut(span.status_message),
            operation: known.operation.name(),
            error_type: known.error_type.map(cut),
            agent: agent.map(cut),
            workflow: workflow.map(cut),
            tool: tool.map(cut),
            llm,
            tenant: known.tenant.map(cut),
            user: known.user.map(cut),
            conversation: known.conversation.map(cut),
            dialect: known.dialect,
        }
    }
}

impl<'v, 'a> SpanView<'v, 'a> {
    /// The whole span. Texts longer than `longest_text` bytes are cut.
    pub(super) fn of(
        origin: &'v Origin<'a>,
        span: &'v Span<'a>,
        known: &Understanding<'a>,
        longest_text: usize,
    ) -> Self
    where
        'a: 'v,
    {
        let facts = Facts::of(origin.service(), span, known, longest_text);
        Self { facts, details: Details::of(origin, span, longest_text) }
    }
}

impl<'v, 'a> Details<'v, 'a> {
    /// What the span carries beyond its facts.
    pub(super) fn of(origin: &'v Origin<'a>, span: &'v Span<'a>, longest_text: usize) -> Self {
        let attributes = |list: &'v [Attribute<'a>]| Attributes { list, longest_text };
        let event = |event: &'v Event<'a>| EventView {
            time: rfc3339(event.time_ns),
            name: event.name,
            attributes: attributes(&event.attributes),
        };
        let link = |link: &'v Link<'a>| LinkView {
            trace_id: hexadecimal(link.trace_id),
            span_id: hexadecimal(link.span_id),
            attributes: attributes(&link.attributes),
        };
        Self {
            attributes: attributes(&span.attributes),
            dropped_attributes: span.dropped_attributes,
            events: span.events.iter().map(event).collect(),
            links: span.links.iter().map(link).collect(),
            trace_state: span.trace_state,
            resource: attributes(&origin.resource),
            scope: ScopeView {
                name: origin.scope.name,
                version: origin.scope.version,
                attributes: attributes(&origin.scope.attributes),
            },
        }
    }
}

impl<'v, 'a> LogView<'v, 'a> {
    /// A record and where it comes from.
    pub(super) fn of(
        origin: &'v Origin<'a>,
        record: &'v LogRecord<'a>,
        longest_text: usize,
    ) -> Self {
        let time_ns = if record.time_ns == 0 { record.observed_ns } else { record.time_ns };
        Self {
            time: rfc3339(time_ns),
            severity: record.severity,
            severity_text: cut(record.severity_text, longest_text),
            event_name: cut(record.event_name, longest_text),
            service: cut(origin.service(), longest_text),
            span_id: record.span_id.map(Id),
            body: Json { value: &record.body, longest_text },
            attributes: Attributes { list: &record.attributes, longest_text },
        }
    }
}

impl CachedFacts {
    fn of(cached: CachedTokens) -> Option<Self> {
        Some(Self { counted: cached.name()?, by: cached.by()?.name() })
    }
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        let mut tokens = Self::default();
        tokens.add(usage);
        tokens
    }
}

impl Tokens {
    /// Adds those of another call.
    pub(super) fn add(&mut self, usage: Usage) {
        let add = |sum: &mut Option<u64>, part: Option<u64>| {
            if let Some(part) = part {
                *sum = Some(sum.unwrap_or(0).saturating_add(part));
            }
        };
        add(&mut self.total, usage.input);
        add(&mut self.total, usage.output);
        add(&mut self.input, usage.input);
        add(&mut self.output, usage.output);
        add(&mut self.cached, usage.cached);
        add(&mut self.cache_write, usage.cache_write);
        add(&mut self.reasoning, usage.reasoning);
    }

    /// Adds those of other calls.
    pub(super) fn merge(&mut self, other: Self) {
        let Self { input, output, cached, cache_write, reasoning, .. } = other;
        self.add(Usage { input, output, cached, cache_write, reasoning });
    }

    /// Of the prompt and the completion together; `None` where nothing was said.
    pub(super) fn said(&self) -> Option<u64> {
        self.total
    }

    /// Of the prompt and the completion together; 0 where nothing was said.
    pub(super) fn total(&self) -> u64 {
        self.total.unwrap_or(0)
    }
}

impl<'v, 'a> Attributes<'v, 'a> {
    /// All of them, at their full length.
    pub(super) fn whole(list: &'v [Attribute<'a>]) -> Self {
        Self { list, longest_text: usize::MAX }
    }
}

impl<'v, 'a> Json<'v, 'a> {
    /// The value at its full length.
    pub(super) fn whole(value: &'v Value<'a>) -> Self {
        Self { value, longest_text: usize::MAX }
    }
}

impl Attributes<'_, '_> {
    fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl<T: std::fmt::Display> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl Serialize for Attributes<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let last: HashMap<&str, usize> =
            (0..).zip(self.list).map(|(index, attribute)| (attribute.key, index)).collect();
        let mut map = serializer.serialize_map(Some(last.len()))?;
        for (index, Attribute { key, value }) in (0..).zip(self.list) {
            if last.get(key) == Some(&index) {
                let longest_text = self.longest_text;
                map.serialize_entry(&cut(key, longest_text), &Json { value, longest_text })?;
            }
        }
        map.end()
    }
}

impl Serialize for Json<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let longest_text = self.longest_text;
        match self.value {
            Value::Empty => serializer.serialize_unit(),
            Value::Text(text) => serializer.serialize_str(&cut(text, longest_text)),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::Int(number) => serializer.serialize_i64(*number),
            // JSON has no such numbers; these are the words that OTLP's own JSON uses.
            Value::Double(number) if number.is_nan() => serializer.serialize_str("NaN"),
            Value::Double(number) if number.is_infinite() => {
                serializer.serialize_str(if *number > 0.0 { "Infinity" } else { "-Infinity" })
            }
            Value::Double(number) => serializer.serialize_f64(*number),
            Value::Bytes(bytes) => {
                serializer.serialize_str(&cut(&STANDARD.encode(bytes), longest_text))
            }
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for value in items {
                    list.serialize_element(&Json { value, longest_text })?;
                }
                list.end()
            }
            Value::Map(list) => Attributes { list, longest_text }.serialize(serializer),
        }
    }
}

/// The text, or its beginning and how many bytes are missing.
pub(super) fn cut(text: &str, longest: usize) -> Cow<'_, str> {
    if text.len() <= longest {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(longest);
    Cow::Owned(format!("{}… [{} more bytes]", &text[..end], text.len() - end))
}

fn cut_owned(text: &str, longest: usize) -> String {
    cut(text, longest).into_owned()
}

/// A link's id, whatever was sent as one.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn attribute<'a>(key: &'a str, value: Value<'a>) -> Attribute<'a> {
        Attribute { key, value }
    }

    fn written(list: &[Attribute<'_>]) -> serde_json::Value {
        let text = serde_json::to_string(&Attributes { list, longest_text: 40 }).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn values_keep_their_types() {
        let list = [
            attribute("text", Value::Text("a\u{0}\u{1b}\"\u{2028}")),
            attribute("int", Value::Int(i64::MIN)),
            attribute("double", Value::Double(0.5)),
            attribute("nan", Value::Double(f64::NAN)),
            attribute("inf", Value::Double(f64::NEG_INFINITY)),
            attribute("bool", Value::Bool(false)),
            attribute("empty", Value::Empty),
            attribute("bytes", Value::Bytes(&[0xff, 0])),
            attribute("list", Value::Array(vec![Value::Int(1), Value::Text("b")])),
            attribute("map", Value::Map(vec![attribute("__proto__", Value::Int(1))])),
            attribute("", Value::Int(7)),
        ];
        let expected = json!({
            "text": "a\u{0}\u{1b}\"\u{2028}", "int": i64::MIN, "double": 0.5, "nan": "NaN",
            "inf": "-Infinity", "bool": false, "empty": null, "bytes": "/wA=", "list": [1, "b"],
            "map": { "__proto__": 1 }, "": 7,
        });
        assert_eq!(written(&list), expected);
    }

    #[test]
    fn of_keys_that_repeat_the_last_counts_and_is_written_once() {
        let list = [
            attribute("k", Value::Int(1)),
            attribute("other", Value::Int(2)),
            attribute("k", Value::Text("last")),
        ];
        let text = serde_json::to_string(&Attributes { list: &list, longest_text: 9 }).unwrap();
        assert_eq!(text, r#"{"other":2,"k":"last"}"#);
    }

    #[test]
    fn long_texts_are_cut_between_characters_and_say_so() {
        let long = "é".repeat(30);
        let list = [attribute("k", Value::Text(&long))];
        assert_eq!(written(&list)["k"], format!("{}… [20 more bytes]", "é".repeat(20)));
        assert_eq!(cut("ab", 2), "ab");
        assert_eq!(cut("é", 1), "… [2 more bytes]");
    }

    #[test]
    fn a_million_repeated_keys_cost_no_square() {
        let list: Vec<_> = (0..100_000).map(|n| attribute("k", Value::Int(n))).collect();
        assert_eq!(written(&list), json!({ "k": 99_999 }));
    }
}
