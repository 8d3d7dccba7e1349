//! Time to first token, in all the forms it is sent in: seconds, milliseconds, nanoseconds, a
//! moment, an event.

use super::names::{Facts, Field};
use crate::model::Span;

/// Events that mark the arrival of a first (or any) part of the answer.
static EVENTS: &[&str] = &[
    "First Token Stream Event",
    "gen_ai.content.chunk",
    "gen_ai.content.completion.chunk",
    "llm.content.completion.chunk",
    "ai.stream.firstChunk",
    "first_token",
    "llm.first_token",
    "gen_ai.first_token",
];

/// Seconds from the span's start to the first token; `None` where nothing says, or where what
/// is said cannot be.
pub(super) fn seconds(span: &Span<'_>, facts: &Facts<'_, '_>) -> Option<f64> {
    let attribute = None
        .or_else(|| facts.number(Field::FirstTokenSeconds))
        .or_else(|| facts.number(Field::FirstTokenMilliseconds).map(|number| number / 1e3))
        .or_else(|| facts.number(Field::FirstTokenNanoseconds).map(of_nanoseconds));
    if let Some(seconds) = attribute.and_then(|seconds| credible(seconds, span)) {
        return Some(seconds);
    }
    let moment = facts.text(Field::FirstTokenMoment).and_then(moment_ns);
    let event = || {
        let marks = span.events.iter().filter(|event| EVENTS.contains(&event.name));
        marks.map(|event| event.time_ns).filter(|time| *time >= span.start_ns).min()
    };
    let at = moment.filter(|time| *time >= span.start_ns).or_else(event)?;
    credible((at - span.start_ns) as f64 / 1e9, span)
}

/// The names that hold nanoseconds with one framework hold seconds with another; no first token
/// comes within a microsecond, so a small number is seconds.
fn of_nanoseconds(number: f64) -> f64 {
    if number < 1e3 { number } else { number / 1e9 }
}

/// A first token comes before the end of its span. A number beyond it is taken for the next
/// smaller unit that fits: `gen_ai.server.time_to_first_token` is sent in milliseconds too.
fn credible(seconds: f64, span: &Span<'_>) -> Option<f64> {
    // Clocks are read one after the other, so the end gets a little room.
    let bound = span.duration_seconds() * 1.01 + 0.002;
    [1.0, 1e3, 1e6, 1e9].into_iter().map(|unit| seconds / unit).find(|seconds| *seconds <= bound)
}

/// A moment in RFC 3339, which Langfuse writes in one or two pairs of quotes.
fn moment_ns(text: &str) -> Option<u64> {
    let moment: jiff::Timestamp = text.trim_matches(['"', '\\']).parse().ok()?;
    u64::try_from(moment.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_with_and_without_quotes() {
        let expected = Some(1_700_000_000_250_000_000);
        assert_eq!(moment_ns("2023-11-14T22:13:20.25Z"), expected);
        assert_eq!(moment_ns("\"2023-11-14T22:13:20.250Z\""), expected);
        assert_eq!(moment_ns("\"\\\"2023-11-14T23:13:20.25+01:00\\\"\""), expected);
        assert_eq!(moment_ns("yesterday"), None);
    }
}
