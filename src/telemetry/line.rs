//! One record, one line: JSON for machines, text for people.

use std::io::Write;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};
use tracing::dispatcher::WeakDispatch;
use tracing::{Dispatch, Event, Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::{fields, trace};
use crate::{clock, limits};

/// The shape of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One JSON object: `timestamp`, `level`, `message`, `target`, then the fields.
    Json,
    /// `time LEVEL message key=value …`, control characters escaped.
    Text,
}

/// Replaces secrets in a text; `None` for a text without any.
pub type Scrub = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Is told the level of every line.
type Count = Arc<dyn Fn(Level) + Send + Sync>;

/// Writes every event as a line.
pub(super) struct LineLayer<W> {
    shape: Shape,
    writer: W,
    scrub: Scrub,
    colored: bool,
    count: Option<Count>,
    /// The subscriber that this layer is a part of, which knows the ids of spans.
    subscriber: OnceLock<WeakDispatch>,
}

impl<W> LineLayer<W> {
    pub(super) fn new(shape: Shape, writer: W, scrub: Scrub) -> Self {
        Self { shape, writer, scrub, colored: false, count: None, subscriber: OnceLock::new() }
    }

    pub(super) fn colored(self, colored: bool) -> Self {
        Self { colored, ..self }
    }

    #[cfg(feature = "server")]
    pub(super) fn counted(self, count: Option<Count>) -> Self {
        Self { count, ..self }
    }

    fn line(&self, level: Level, target: &str, mut fields: Map<String, Value>) -> String {
        let message = fields.remove("message");
        let message = message.as_ref().and_then(Value::as_str).unwrap_or_default();
        let time = timestamp();
        let line = match self.shape {
            Shape::Json => json(&time, level, target, message, fields),
            Shape::Text => text(&time, level, message, &fields, self.colored),
        };
        let line = (self.scrub)(&line).unwrap_or(line);
        if line.len() <= limits::LOG_LINE_BYTES {
            return line;
        }
        // A cut JSON object is no JSON, so only what it was about is left of such a line.
        let mut short = Map::new();
        short.insert("cut_bytes".to_owned(), line.len().into());
        match self.shape {
            Shape::Json => json(&time, level, target, head(message), short),
            Shape::Text => text(&time, level, head(message), &short, self.colored),
        }
    }
}

impl<S, W> Layer<S> for LineLayer<W>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        // A layer is part of one subscriber.
        let _ = self.subscriber.set(subscriber.downgrade());
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let level = *event.metadata().level();
        if let Some(count) = &self.count {
            count(level);
        }
        let mut fields = fields::of_event(event, &context);
        self.add_ids(event, &context, &mut fields);
        let mut line = self.line(level, event.metadata().target(), fields);
        line.push('\n');
        // Nobody can be told when the log cannot be written.
        let _ = self.writer.make_writer().write_all(line.as_bytes());
    }
}

impl<W> LineLayer<W> {
    /// Adds the ids of the span around a line, or those that its request came with.
    fn add_ids<S>(
        &self,
        event: &Event<'_>,
        context: &Context<'_, S>,
        fields: &mut Map<String, Value>,
    ) where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        let span = context.event_span(event).map(|span| span.id());
        let subscriber = self.subscriber.get().and_then(WeakDispatch::upgrade);
        let ids = span.zip(subscriber).and_then(|(span, all)| trace::ids_of(&all, &span));
        let Some(ids) = ids.or_else(|| super::Context::current().trace_parent()) else { return };
        fields.insert("trace_id".to_owned(), ids.trace_id.to_string().into());
        fields.insert("span_id".to_owned(), ids.span_id.to_string().into());
    }
}

fn json(
    time: &str,
    level: Level,
    target: &str,
    message: &str,
    fields: Map<String, Value>,
) -> String {
    let mut line = Map::new();
    line.insert("timestamp".to_owned(), time.into());
    line.insert("level".to_owned(), level.as_str().into());
    line.insert("message".to_owned(), message.into());
    line.insert("target".to_owned(), target.into());
    line.extend(fields);
    Value::Object(line).to_string()
}

fn text(
    time: &str,
    level: Level,
    message: &str,
    fields: &Map<String, Value>,
    colored: bool,
) -> String {
    let color = match level {
        _ if !colored => ("", ""),
        Level::ERROR => ("\u{1b}[31m", "\u{1b}[0m"),
        Level::WARN => ("\u{1b}[33m", "\u{1b}[0m"),
        Level::INFO => ("\u{1b}[32m", "\u{1b}[0m"),
        _ => ("\u{1b}[34m", "\u{1b}[0m"),
    };
    let mut line = format!("{time} {}{level:>5}{} ", color.0, color.1);
    escape(message, &mut line);
    for (key, value) in fields {
        line.push(' ');
        line.push_str(key);
        line.push('=');
        match value {
            Value::String(text) if text.is_empty() || text.contains([' ', '"', '=']) => {
                line.push('"');
                escape(text, &mut line);
                line.push('"');
            }
            Value::String(text) => escape(text, &mut line),
            other => line.push_str(&other.to_string()),
        }
    }
    line
}

/// Appends text without control characters or direction marks: one record stays one line, and a
/// terminal is told nothing by what a sender sent.
fn escape(text: &str, line: &mut String) {
    for c in text.chars() {
        let turns_text = matches!(
            c,
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        );
        if c.is_control() || turns_text {
            line.extend(c.escape_unicode());
        } else {
            line.push(c);
        }
    }
}

fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(limits::ERROR_MESSAGE_BYTES)]
}

fn timestamp() -> String {
    let nanos = i128::from(clock::unix_nanos());
    let time = jiff::Timestamp::from_nanosecond(nanos).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{time:.6}")
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use tracing_subscriber::layer::SubscriberExt;

    use super::super::fields::SpanFields;
    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(shape: Shape, act: impl FnOnce()) -> String {
        let memory = Memory::default();
        let writer = memory.clone();
        let scrub: Scrub = Arc::new(|line| {
            line.contains("hunter2").then(|| line.replace("hunter2", "<redacted>"))
        });
        let layer = LineLayer::new(shape, move || writer.clone(), scrub);
        let subscriber = tracing_subscriber::registry().with(SpanFields).with(layer);
        tracing::subscriber::with_default(subscriber, act);
        String::from_utf8(memory.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_lines_carry_the_fields_of_spans_around_them() {
        let line = logged(Shape::Json, || {
            let span = tracing::info_span!(
                "request",
                otel.kind = "server",
                request_id = "r-1",
                tenant_id = "acme"
            );
            span.in_scope(|| tracing::warn!(bytes = 7_u64, "Something happened."));
        });
        let line: Value = serde_json::from_str(line.trim_end()).unwrap();
        assert_eq!(line["message"], "Something happened.");
        assert_eq!((&line["level"], &line["bytes"]), (&"WARN".into(), &7.into()));
        assert_eq!((&line["request_id"], &line["tenant_id"]), (&"r-1".into(), &"acme".into()));
        assert_eq!(line.get("otel.kind"), None);
        let time = line["timestamp"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    }

    #[test]
    fn a_record_is_one_line_whatever_a_sender_puts_into_it() {
        let hostile = "a\r\nforged line\u{1b}[2J\u{202e}";
        for shape in [Shape::Json, Shape::Text] {
            let lines = logged(shape, || tracing::error!(value = hostile, "Bad."));
            assert_eq!(lines.matches('\n').count(), 1, "{lines}");
            assert!(!lines.contains('\u{1b}') && !lines.contains('\r'), "{lines:?}");
        }
    }

    #[test]
    fn long_lines_are_cut_and_secrets_scrubbed() {
        for shape in [Shape::Json, Shape::Text] {
            let long = "x".repeat(limits::LOG_LINE_BYTES);
            let line = logged(shape, || tracing::info!(value = long, "Long."));
            assert!(line.len() < limits::LOG_LINE_BYTES && line.contains("cut_bytes"));
            let line = logged(shape, || tracing::info!(password = "hunter2", "Login."));
            assert!(!line.contains("hunter2") && line.contains("<redacted>"), "{line}");
        }
    }
}
