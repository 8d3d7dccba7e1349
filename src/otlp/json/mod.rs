//! OTLP/JSON into protobuf bytes, in one pass and without a tree.
//!
//! The table in [`super::schema`] drives serde_json's streaming reader: every value is written
//! as protobuf when it is met. Rules are those of the specification (lowerCamelCase names,
//! hexadecimal ids, integers as strings or numbers, unknown fields ignored) and of proto3's JSON
//! mapping where the specification leaves them to it (`null` is absent, `"NaN"`, base64). Names
//! of enum values, which OTLP forbids, are understood because hand-written senders use them.
//!
//! A value that does not fit (a bad id, a negative count) spoils only its span, log record or
//! data point, which is left out and counted; JSON that cannot be read spoils the request.
//! A lone surrogate, which JavaScript sends for a cut emoji, becomes U+FFFD.
//!
//! [`write`](self::write()) is the way back.

mod scalar;
mod write;

pub use self::write::write;

use super::count::CountError;
use super::schema::{self, Field, Kind, Message};
use super::write::{begin_message, bytes_field, end_message};
use crate::limits;
use crate::model::Signal;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// What became of a JSON request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transcoded {
    /// The protobuf export request.
    pub body: Vec<u8>,
    /// What was left out of it.
    pub rejected: Rejected,
}

/// Items that were left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rejected {
    /// Items with an id that is not hexadecimal.
    pub invalid_ids: u32,
    /// Items with another value that its field cannot hold.
    pub invalid_values: u32,
    /// What was wrong with the first of them.
    pub message: Option<String>,
}

/// The JSON is no export request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// It cannot be read; the text says where.
    #[error("{0}")]
    Malformed(String),
    /// It holds more than one request may hold.
    #[error(transparent)]
    TooMany(CountError),
    /// It becomes larger than one request may be.
    #[error("the request is too large")]
    TooLarge,
}

/// Turns a JSON export request that may hold `most_items` items into protobuf bytes.
///
/// `room` is asked before the output may grow by so many bytes beyond the length of the input,
/// which only long lists of numbers make it do; `false` ends with [`JsonError::TooLarge`].
pub fn transcode(
    signal: Signal,
    json: &[u8],
    most_items: usize,
    room: &mut dyn FnMut(usize) -> bool,
) -> Result<Transcoded, JsonError> {
    let text = simdutf8::basic::from_utf8(json)
        .map_err(|_| JsonError::Malformed("the body is not valid UTF-8".to_owned()))?;
    let mut sink = Sink {
        out: Vec::with_capacity(json.len()),
        allowed: json.len(),
        room,
        most_items,
        items: 0,
        messages: 0,
        fault: None,
        stop: None,
        rejected: Rejected::default(),
    };
    // An empty body is an empty request, as it is in protobuf.
    if text.trim_ascii().is_empty() {
        return Ok(Transcoded::default());
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let root = Content { message: schema::request(signal), sink: &mut sink };
    let read = root.deserialize(&mut json).and_then(|()| json.end());
    if let Some(stop) = sink.stop {
        return Err(stop);
    }
    read.map_err(|error| JsonError::Malformed(error.to_string()))?;
    match sink.fault {
        Some(fault) => Err(JsonError::Malformed(fault.message)),
        None => Ok(Transcoded { body: sink.out, rejected: sink.rejected }),
    }
}

/// Where the output goes and what was noticed on the way.
struct Sink<'r> {
    out: Vec<u8>,
    /// What `out` may become before `room` is asked again.
    allowed: usize,
    room: &'r mut dyn FnMut(usize) -> bool,
    most_items: usize,
    items: usize,
    messages: usize,
    /// The first bad value of the current item, or of what stands outside of items.
    fault: Option<Fault>,
    /// A bound that was crossed; reading ends.
    stop: Option<JsonError>,
    rejected: Rejected,
}

/// A value that its field cannot hold.
#[derive(Debug)]
struct Fault {
    is_id: bool,
    message: String,
}

impl Sink<'_> {
    fn fault(&mut self, field: &Field, problem: &str) {
        if self.fault.is_none() {
            let message = format!("{} {problem}", field.name);
            self.fault = Some(Fault { is_id: matches!(field.kind, Kind::Id), message });
        }
    }

    fn stop<E: Error>(&mut self, stop: JsonError) -> E {
        let error = E::custom(&stop);
        self.stop = Some(stop);
        error
    }

    /// Asks for room where the output has outgrown what was allowed.
    fn check_room<E: Error>(&mut self) -> Result<(), E> {
        if self.out.len() <= self.allowed {
            return Ok(());
        }
        let more = self.out.len().max(limits::BODY_STEP_BYTES);
        if self.out.len() > limits::REQUEST_UNPACKED_BYTES || !(self.room)(more) {
            return Err(self.stop(JsonError::TooLarge));
        }
        self.allowed += more;
        Ok(())
    }

    fn begin(&mut self, message: &'static Message) -> Result<(), JsonError> {
        self.messages += 1;
        self.items += usize::from(is_item(message));
        if self.items > self.most_items {
            let error = CountError::TooManyItems(self.most_items);
            return Err(JsonError::TooMany(error));
        }
        // An attribute is three messages at most; the exact bound is kept by `count`.
        if self.messages > 3 * limits::REQUEST_PARTS + self.most_items {
            return Err(JsonError::TooMany(CountError::TooManyParts));
        }
        Ok(())
    }

    /// Leaves an item out that began at `start`.
    fn reject(&mut self, start: usize, fault: Fault) {
        self.out.truncate(start);
        self.items -= 1;
        let rejected = &mut self.rejected;
        if fault.is_id {
            rejected.invalid_ids += 1;
        } else {
            rejected.invalid_values += 1;
        }
        rejected.message.get_or_insert(fault.message);
    }
}

/// Whether a message is what OTLP counts: a span, a log record or a data point.
fn is_item(message: &'static Message) -> bool {
    let items = [
        &schema::SPAN,
        &schema::LOG_RECORD,
        &schema::NUMBER_POINT,
        &schema::HISTOGRAM_POINT,
        &schema::EXPONENTIAL_POINT,
        &schema::SUMMARY_POINT,
    ];
    items.into_iter().any(|item| std::ptr::eq(item, message))
}

/// The content of a message: a JSON object.
struct Content<'s, 'r> {
    message: &'static Message,
    sink: &'s mut Sink<'r>,
}

impl<'de> DeserializeSeed<'de> for Content<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Content<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an object ({})", self.message.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key_seed(Name(self.message))? {
            match field {
                Some(field) => {
                    map.next_value_seed(Present { field, sink: self.sink, list: true })?
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// The name of a field; one that the message does not have reads as `None`.
struct Name(&'static Message);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<&'static Field>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<&'static Field>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a field name")
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Self::Value, E> {
        Ok(self.0.fields.iter().find(|field| field.name.as_bytes() == name))
    }
}

/// A value that may be `null`, which means that it is not there.
struct Present<'s, 'r> {
    field: &'static Field,
    sink: &'s mut Sink<'r>,
    /// Whether a repeated field is still to be opened.
    list: bool,
}

impl<'de> DeserializeSeed<'de> for Present<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Present<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a value of {}", self.field.name)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        let Self { field, sink, list } = self;
        if list && field.repeated {
            return json.deserialize_seq(List { field, sink });
        }
        match field.kind {
            Kind::Message(message) => nested(field, message, sink, json),
            Kind::Text | Kind::Bytes | Kind::Id => {
                json.deserialize_bytes(scalar::Text { field, sink })
            }
            _ => json.deserialize_any(scalar::Number { field, sink, packed: false }),
        }
    }
}

/// Writes a message, and takes it back if it is an item with a bad value in it.
fn nested<'de, D: Deserializer<'de>>(
    field: &'static Field,
    message: &'static Message,
    sink: &mut Sink<'_>,
    json: D,
) -> Result<(), D::Error> {
    sink.begin(message).map_err(|stop| sink.stop(stop))?;
    let item = is_item(message);
    // What was wrong outside of this item is not its fault.
    let outer = if item { sink.fault.take() } else { None };
    let start = sink.out.len();
    let at = begin_message(&mut sink.out, field.number);
    Content { message, sink }.deserialize(json)?;
    end_message(&mut sink.out, at);
    if item && let Some(fault) = std::mem::replace(&mut sink.fault, outer) {
        sink.reject(start, fault);
    }
    sink.check_room()
}

/// The elements of a repeated field.
struct List<'s, 'r> {
    field: &'static Field,
    sink: &'s mut Sink<'r>,
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an array ({})", self.field.name)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { field, sink } = self;
        if matches!(field.kind, Kind::Message(_) | Kind::Text | Kind::Bytes | Kind::Id) {
            while list.next_element_seed(Present { field, sink, list: false })?.is_some() {}
            return Ok(());
        }
        // Numbers are packed: one field holds them all.
        let at = begin_message(&mut sink.out, field.number);
        while list.next_element_seed(scalar::Number { field, sink, packed: true })?.is_some() {
            sink.check_room()?;
        }
        end_message(&mut sink.out, at);
        Ok(())
    }
}

/// Appends text, of which JSON escapes may have made something that is no UTF-8.
fn append_text(out: &mut Vec<u8>, field: &Field, text: &[u8]) {
    match std::str::from_utf8(text) {
        Ok(_) => bytes_field(out, field.number, text),
        Err(_) => bytes_field(out, field.number, String::from_utf8_lossy(text).as_bytes()),
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod write_tests;
