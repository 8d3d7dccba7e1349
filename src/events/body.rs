//! A body into events: one object, a list of them, or one a line. The bytes say which.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use super::json::{Json, Noticed, Reading};
use super::rejection::Rejection;
use crate::limits;

/// Takes what was read.
pub(super) trait Sink {
    /// An event, or why it cannot be read. `line` is told where the body has one a line.
    /// `false` ends the reading.
    fn event(&mut self, line: Option<usize>, event: Result<Json<'_>, Rejection>) -> bool;
}

/// Reads the events of a body in their order.
///
/// Lines are told apart before they are read: a broken one is rejected alone. A list or a single
/// object that is broken has no reliable rest: it is rejected whole, with the place.
///
/// # Errors
/// Why nothing of the body can be taken.
pub(super) fn read(body: &[u8], lines: bool, sink: &mut dyn Sink) -> Result<(), Rejection> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if lines || (body.trim_ascii_start().first() == Some(&b'{') && is_lines(body)) {
        read_lines(body, sink);
        return Ok(());
    }
    let text = simdutf8::basic::from_utf8(body)
        .map_err(|_| Rejection::of("the body is not valid UTF-8"))?;
    let mut json = serde_json::Deserializer::from_str(text);
    let mut noticed = Noticed::default();
    let mut index = 0;
    let read = if text.trim_ascii_start().starts_with('[') {
        let list = Events { sink, noticed: &mut noticed, index: &mut index };
        list.deserialize(&mut json)
    } else {
        Reading { noticed: &mut noticed, depth: 0 }.deserialize(&mut json).map(|event| {
            if json_is_whole(text, &event) {
                sink.event(None, whole(event, &noticed));
            }
        })
    };
    match read.and_then(|()| json.end()) {
        Ok(()) => Ok(()),
        Err(error) if error.is_data() && index == STOPPED => Ok(()),
        Err(error) => Err(broken(&error, &noticed, index)),
    }
}

/// Where reading ended because the sink had enough.
const STOPPED: usize = usize::MAX;

/// Nothing but white space is no event.
fn json_is_whole(text: &str, event: &Json<'_>) -> bool {
    !text.trim_ascii().is_empty() || *event != Json::Null
}

fn whole<'a>(event: Json<'a>, noticed: &Noticed) -> Result<Json<'a>, Rejection> {
    match noticed.excess {
        Some(excess) => Err(Rejection::of(excess)),
        None => Ok(event),
    }
}

fn broken(error: &serde_json::Error, noticed: &Noticed, index: usize) -> Rejection {
    let mut rejection = Rejection::of(&reason(error));
    rejection.index = index;
    rejection.field = noticed.trail.iter().rev().map(String::as_str).collect::<Vec<_>>().join(".");
    rejection.place = Some((error.line(), error.column()));
    rejection
}

/// What serde_json says, without the place, which stands in fields of its own.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    format!("is no JSON: {}", &text[..end])
}

/// Whether an object is followed by another one: its first line is whole, or another line begins
/// with one. Within a pretty-printed object, objects are indented.
fn is_lines(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    let Some(end) = memchr::memchr(b'\n', body) else { return false };
    let first_is_whole = body[..end].trim_ascii_end().ends_with(b"}");
    first_is_whole || memchr::memmem::find(body, b"\n{").is_some()
}

fn read_lines(body: &[u8], sink: &mut dyn Sink) {
    let lines = body.split(|byte| *byte == b'\n').enumerate();
    for (at, line) in lines.map(|(at, line)| (at + 1, line.trim_ascii())) {
        if !line.is_empty() && !read_line(at, line, sink) {
            return;
        }
    }
}

fn read_line(at: usize, line: &[u8], sink: &mut dyn Sink) -> bool {
    if line.len() > limits::EVENT_BYTES {
        let reason = format!("is longer than {} bytes", limits::EVENT_BYTES);
        return sink.event(Some(at), Err(Rejection::of(&reason)));
    }
    let Ok(text) = simdutf8::basic::from_utf8(line) else {
        return sink.event(Some(at), Err(Rejection::of("is not valid UTF-8")));
    };
    let mut noticed = Noticed::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Reading { noticed: &mut noticed, depth: 0 }.deserialize(&mut json);
    let event = match read.and_then(|event| json.end().map(|()| event)) {
        Ok(event) => whole(event, &noticed),
        Err(error) => {
            let mut rejection = broken(&error, &noticed, 0);
            rejection.place = Some((at, error.column()));
            Err(rejection)
        }
    };
    sink.event(Some(at), event)
}

/// A list of events, handed on one by one.
struct Events<'s> {
    sink: &'s mut dyn Sink,
    noticed: &'s mut Noticed,
    index: &'s mut usize,
}

impl<'de> DeserializeSeed<'de> for Events<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Events<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        loop {
            *self.noticed = Noticed::default();
            let reading = Reading { noticed: self.noticed, depth: 0 };
            let Some(event) = list.next_element_seed(reading)? else { return Ok(()) };
            if !self.sink.event(None, whole(event, self.noticed)) {
                *self.index = STOPPED;
                return Err(A::Error::custom("enough"));
            }
            *self.index += 1;
        }
    }
}
