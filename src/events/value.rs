//! What a field's value may be, checked.

use std::borrow::Cow;

use super::json::{Json, quote};
use crate::limits;
use crate::model::{Attribute, SpanId, TraceId, Value};

/// A checked value on its way into an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Held<'t> {
    Text(Cow<'t, str>),
    /// A list of one text.
    List(Cow<'t, str>),
    Whole(i64),
    Number(f64),
    Flag(bool),
    Tree(&'t Json<'t>),
}

impl Held<'_> {
    /// The value as the model has it.
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::Text(text),
            Self::List(text) => Value::Array(vec![Value::Text(text)]),
            Self::Whole(number) => Value::Int(*number),
            Self::Number(number) => Value::Double(*number),
            Self::Flag(flag) => Value::Bool(*flag),
            Self::Tree(json) => tree(json),
        }
    }

    /// The text, if this is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn tree<'t>(json: &'t Json<'t>) -> Value<'t> {
    match json {
        Json::Null => Value::Empty,
        Json::Flag(flag) => Value::Bool(*flag),
        Json::Whole(number) => Value::Int(*number),
        Json::Number(number) => Value::Double(*number),
        Json::Text(text) => Value::Text(text),
        Json::List(items) => Value::Array(items.iter().map(tree).collect()),
        Json::Object(entries) => {
            let entry =
                |(key, value): &'t (Cow<'_, str>, Json<'_>)| Attribute { key, value: tree(value) };
            Value::Map(entries.iter().map(entry).collect())
        }
    }
}

/// Why a value is not what the field wants.
pub(super) type Wrong = String;

fn other(json: &Json<'_>, wanted: &str) -> Wrong {
    format!("is {}; {wanted} is needed", json.name())
}

/// Text that is not empty and not longer than a name may be.
pub(super) fn text<'t>(json: &'t Json<'t>) -> Result<&'t str, Wrong> {
    let Json::Text(text) = json else { return Err(other(json, "text")) };
    if text.trim_ascii().is_empty() {
        return Err("is empty".to_owned());
    }
    if text.len() > limits::EVENT_NAME_BYTES {
        return Err(format!("is longer than {} bytes", limits::EVENT_NAME_BYTES));
    }
    Ok(text)
}

/// Text of any length, or JSON as text.
pub(super) fn content<'t>(json: &'t Json<'t>) -> Cow<'t, str> {
    if let Json::Text(text) = json {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    json.write(&mut out);
    Cow::Owned(out)
}

/// Messages as the GenAI conventions write them; plain text becomes one of this role.
pub(super) fn messages<'t>(json: &'t Json<'t>, role: &str) -> Cow<'t, str> {
    let Json::Text(text) = json else { return content(json) };
    let mut out = format!("[{{\"role\":\"{role}\",\"parts\":[{{\"type\":\"text\",\"content\":");
    quote(&mut out, text);
    out.push_str("}]}]");
    Cow::Owned(out)
}

/// A whole number from 0 to `most`.
pub(super) fn count(json: &Json<'_>, most: u64) -> Result<i64, Wrong> {
    let number = match json {
        Json::Whole(number) => *number,
        Json::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => *number as i64,
        Json::Number(_) => return Err("is no whole number".to_owned()),
        _ => return Err(other(json, "a whole number")),
    };
    within(number as f64, most as f64)?;
    Ok(number)
}

/// A number from 0 to `most`.
pub(super) fn number(json: &Json<'_>, most: f64) -> Result<f64, Wrong> {
    let number = match json {
        Json::Whole(number) => *number as f64,
        Json::Number(number) => *number,
        _ => return Err(other(json, "a number")),
    };
    within(number, most)?;
    Ok(number)
}

fn within(number: f64, most: f64) -> Result<(), Wrong> {
    if number < 0.0 {
        return Err("is negative".to_owned());
    }
    if number.is_nan() || number > most {
        return Err(format!("is more than {most}, which cannot be"));
    }
    Ok(())
}

/// True or false.
pub(super) fn flag(json: &Json<'_>) -> Result<bool, Wrong> {
    match json {
        Json::Flag(flag) => Ok(*flag),
        _ => Err(other(json, "true or false")),
    }
}

/// One of these words, whatever its case.
pub(super) fn word(json: &Json<'_>, words: &[&'static str]) -> Result<&'static str, Wrong> {
    let said = text(json)?;
    let known = words.iter().find(|word| word.eq_ignore_ascii_case(said));
    known.copied().ok_or_else(|| format!("is none of {}", words.join(", ")))
}

/// An HTTP status code.
pub(super) fn code(json: &Json<'_>) -> Result<u16, Wrong> {
    match json {
        Json::Whole(code @ 100..=599) => Ok(*code as u16),
        Json::Whole(_) | Json::Number(_) => Err("is no HTTP status code".to_owned()),
        _ => Err(other(json, "an HTTP status code")),
    }
}

/// Nanoseconds since 1970 of RFC 3339, or of a number of seconds, milliseconds, microseconds or
/// nanoseconds: their magnitudes of our days do not overlap.
pub(super) fn time(json: &Json<'_>, now_ns: u64) -> Result<u64, Wrong> {
    let ns = match json {
        Json::Text(text) => match text.trim_ascii().parse::<jiff::Timestamp>() {
            Ok(time) => u64::try_from(time.as_nanosecond()).ok(),
            Err(_) => return Err("is no RFC 3339 time with a zone".to_owned()),
        },
        Json::Whole(number) => u64::try_from(*number).ok().and_then(|number| {
            number.checked_mul(match number {
                0..100_000_000_000 => 1_000_000_000,
                100_000_000_000..100_000_000_000_000 => 1_000_000,
                100_000_000_000_000..100_000_000_000_000_000 => 1_000,
                _ => 1,
            })
        }),
        Json::Number(number) if (0.0..1e11).contains(number) => Some((number * 1e9) as u64),
        Json::Number(number) if (1e11..1e14).contains(number) => Some((number * 1e6) as u64),
        Json::Number(_) => None,
        _ => return Err(other(json, "a time")),
    };
    let ahead = limits::EVENT_AHEAD_SECONDS * 1_000_000_000;
    match ns {
        Some(ns) if ns > now_ns.saturating_add(ahead) => {
            Err("lies more than a day ahead".to_owned())
        }
        Some(ns) if ns >= EARLIEST_NS => Ok(ns),
        _ => Err("lies before the year 2000".to_owned()),
    }
}

/// The year 2000: what lies before it is no time but another number.
const EARLIEST_NS: u64 = 946_684_800_000_000_000;

/// A trace id; a UUID is one too.
pub(super) fn trace_id(json: &Json<'_>) -> Result<TraceId, Wrong> {
    let text = text(json)?;
    let plain: Cow<'_, str> = match text.len() {
        36 => text.replace('-', "").into(),
        _ => text.into(),
    };
    plain.parse().map_err(|_| "is not 32 hexadecimal digits, not all zero".to_owned())
}

/// A span id.
pub(super) fn span_id(json: &Json<'_>) -> Result<SpanId, Wrong> {
    text(json)?.parse().map_err(|_| "is not 16 hexadecimal digits, not all zero".to_owned())
}

/// The trace and the span of a W3C `traceparent`.
pub fn traceparent(text: &str) -> Option<(TraceId, SpanId)> {
    let mut parts = text.trim_ascii().split('-');
    let version = parts.next().filter(|it| it.len() == 2 && *it != "ff")?;
    let ids = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next()?;
    (version != "00" || parts.next().is_none()).then_some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_unit_are_one() {
        let now = 1_800_000_000_000_000_000;
        for json in [
            Json::Text("2023-11-14T22:13:20Z".into()),
            Json::Text("2023-11-14T23:13:20+01:00".into()),
            Json::Whole(1_700_000_000),
            Json::Whole(1_700_000_000_000),
            Json::Whole(1_700_000_000_000_000),
            Json::Whole(1_700_000_000_000_000_000),
            Json::Number(1_700_000_000.0),
            Json::Number(1_700_000_000_000.0),
        ] {
            assert_eq!(time(&json, now), Ok(1_700_000_000_000_000_000), "{json:?}");
        }
        for json in [
            Json::Text("2023-11-14 22:13".into()),
            Json::Whole(-1),
            Json::Whole(5),
            Json::Whole(i64::MAX),
            Json::Number(1e300),
            Json::Whole(1_900_000_000),
            Json::Flag(true),
        ] {
            assert!(time(&json, now).is_err(), "{json:?}");
        }
    }

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        assert_eq!(count(&Json::Number(12.0), 100), Ok(12));
        for json in [
            Json::Whole(-1),
            Json::Whole(101),
            Json::Number(1.5),
            Json::Number(f64::NAN),
            Json::Number(f64::INFINITY),
            Json::Text("12".into()),
            Json::Null,
        ] {
            assert!(count(&json, 100).is_err(), "{json:?}");
            assert!(matches!(json, Json::Number(1.5)) || number(&json, 100.0).is_err());
        }
    }

    #[test]
    fn a_traceparent_has_two_ids() {
        let whole = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(traceparent(whole).is_some());
        assert!(traceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x").is_some());
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        ] {
            assert!(traceparent(bad).is_none(), "{bad}");
        }
    }
}
