//! Fields of spans and events, as JSON values.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// Fields in the order recorded; of two of one name the later counts.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(&'static str, Value)>);

/// Keeps each span's fields with the span, so that lines inside it can carry them.
pub(super) struct SpanFields;

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for SpanFields {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields(Vec::with_capacity(attributes.fields().len()));
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }
}

/// The event's fields and those of the spans around it; the innermost wins. Behind them all
/// stands whose work the task does.
pub(super) fn of_event<S>(event: &Event<'_>, context: &Context<'_, S>) -> Map<String, Value>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    let mut line = Map::new();
    for (key, value) in super::Context::current().entries() {
        line.insert(key.to_owned(), value.into());
    }
    let scope = context.event_scope(event).into_iter().flat_map(|scope| scope.from_root());
    scope.for_each(|span: SpanRef<'_, S>| {
        if let Some(Fields(of_span)) = span.extensions().get::<Fields>() {
            let entries = of_span.iter().map(|(key, value)| (key_of_line(key), value.clone()));
            line.extend(entries.map(|(key, value)| (key.to_owned(), value)));
        }
    });
    let mut fields = Fields::default();
    event.record(&mut fields);
    line.extend(fields.0.into_iter().map(|(key, value)| (key_of_line(key).to_owned(), value)));
    line
}

/// Whose work it was stands on lines under short names, whatever the conventions call it.
fn key_of_line(key: &'static str) -> &'static str {
    match key {
        "tenant.id" => "tenant_id",
        "user.id" => "user_id",
        "gen_ai.agent.name" | "gen_ai.agent.id" => "agent_id",
        "gen_ai.conversation.id" => "conversation_id",
        other => other,
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, value.to_string().into());
    }
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        // These steer the export of a span (its kind, its status) and are no facts.
        if !field.name().starts_with("otel.") {
            self.0.push((field.name(), value));
        }
    }
}
