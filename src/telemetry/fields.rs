//! Fields of spans and events, as JSON values.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// Fields in the order recorded.
#[derive(Debug, Default)]
pub(super) struct Fields(pub(super) Map<String, Value>);

/// Keeps each span's fields with the span, so that lines inside it can carry them.
pub(super) struct SpanFields;

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for SpanFields {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
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

/// The event's fields and those of the spans around it; the innermost wins.
pub(super) fn of_event<S>(event: &Event<'_>, context: &Context<'_, S>) -> Map<String, Value>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    let mut fields = Fields::default();
    let scope = context.event_scope(event).into_iter().flat_map(|scope| scope.from_root());
    scope.for_each(|span: SpanRef<'_, S>| {
        if let Some(of_span) = span.extensions().get::<Fields>() {
            let entries = of_span.0.iter().map(|(key, value)| (key.clone(), value.clone()));
            fields.0.extend(entries);
        }
    });
    event.record(&mut fields);
    fields.0
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
            self.0.insert(field.name().to_owned(), value);
        }
    }
}
