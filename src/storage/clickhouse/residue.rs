//! What of a record its columns cannot hold: the record itself, with everything left out that
//! stands in a column exactly.
//!
//! The residue is the record's own protobuf, field by field. A field that its column can give
//! back is replaced by a field of the same number and the wire type of a varint, which none of
//! these fields has: the residue of a span without numbers among its attributes is a few bytes,
//! mostly the same ones, and no text is stored twice. Of text attributes the varint is the place
//! of the key among all keys in order, because a `Map` need not keep the order in which it was
//! written. Putting the values back gives the record byte for byte; a record of which that is
//! not so is kept whole.

use crate::model::{Signal, SpanId, TraceId};
use crate::otlp::wire::{Content, Field, Fields};
use crate::otlp::{read, write};

/// Keys of our own in the columns of attributes begin with this.
pub(super) const OURS: &str = "pharos.";

/// The first byte: how the rest is to be read.
const WHOLE: u8 = 0;
const STRIPPED: u8 = 1;

/// What the columns of a row say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Columns<'c> {
    pub(super) trace_id: &'c str,
    pub(super) span_id: &'c str,
    /// Of a span its parent.
    pub(super) parent_id: &'c str,
    /// The name of a span, the body of a log record.
    pub(super) text: &'c str,
    pub(super) start_ns: u64,
    /// Of a span when it ended.
    pub(super) end_ns: u64,
    /// The attributes; those of our own are left out here.
    pub(super) attributes: &'c [(String, String)],
    /// Of a span the attributes of its events.
    pub(super) events: &'c [Vec<(String, String)>],
}

/// What a field that is left out was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    TraceId,
    SpanId,
    ParentId,
    Name,
    Body,
    Start,
    End,
    Attribute,
    Event,
}

fn role(signal: Signal, number: u32) -> Option<Role> {
    match (signal, number) {
        (Signal::Traces, 1) | (Signal::Logs, 9) => Some(Role::TraceId),
        (Signal::Traces, 2) | (Signal::Logs, 10) => Some(Role::SpanId),
        (Signal::Traces, 4) => Some(Role::ParentId),
        (Signal::Traces, 5) => Some(Role::Name),
        (Signal::Logs, 5) => Some(Role::Body),
        (Signal::Traces, 7) | (Signal::Logs, 1) => Some(Role::Start),
        (Signal::Traces, 8) => Some(Role::End),
        (Signal::Traces, 9) | (Signal::Logs, 6) => Some(Role::Attribute),
        (Signal::Traces, 11) => Some(Role::Event),
        _ => None,
    }
}

/// The field of an event that holds its attributes.
const EVENT_ATTRIBUTES: u32 = 3;

/// What is to be kept of a record beside these columns.
pub(super) fn residue(signal: Signal, record: &[u8], columns: Columns<'_>) -> Vec<u8> {
    let mut out = vec![STRIPPED];
    let pairs = sorted(columns.attributes);
    let mut events = columns.events.iter();
    for field in Fields::of(record).map_while(Result::ok) {
        let number = field.number;
        match (role(signal, number), field.content) {
            (Some(Role::Attribute), Content::Bytes(entry)) => {
                put_place(&mut out, &field, entry, &pairs);
            }
            (Some(Role::Event), Content::Bytes(event)) => {
                let pairs = events.next().map(|pairs| sorted(pairs)).unwrap_or_default();
                write::message_field(&mut out, number, |out| {
                    for field in Fields::of(event).map_while(Result::ok) {
                        match field.content {
                            Content::Bytes(entry) if field.number == EVENT_ATTRIBUTES => {
                                put_place(out, &field, entry, &pairs);
                            }
                            _ => out.extend_from_slice(field.raw),
                        }
                    }
                });
            }
            (Some(role), _) => match value_of(role, number, columns) {
                Some(value) if value == field.raw => write::varint_field(&mut out, number, 0),
                _ => out.extend_from_slice(field.raw),
            },
            (None, _) => out.extend_from_slice(field.raw),
        }
    }
    if record_of(signal, &out, columns).as_deref() != Some(record) {
        out = vec![WHOLE];
        out.extend_from_slice(record);
    }
    out
}

/// The record that left this residue; `None` if the columns are not those it was taken from.
pub(super) fn record_of(signal: Signal, residue: &[u8], columns: Columns<'_>) -> Option<Vec<u8>> {
    let (first, rest) = residue.split_first()?;
    match *first {
        WHOLE => return Some(rest.to_vec()),
        STRIPPED => {}
        _ => return None,
    }
    let mut out = Vec::with_capacity(rest.len() + 256);
    let pairs = sorted(columns.attributes);
    let mut events = columns.events.iter();
    for field in Fields::of(rest) {
        let field = field.ok()?;
        match (role(signal, field.number), field.content) {
            (Some(Role::Attribute), Content::Varint(place)) => {
                put_attribute(&mut out, field.number, &pairs, place)?;
            }
            (Some(Role::Event), Content::Bytes(event)) => {
                let pairs = sorted(events.next()?);
                write::message_field(&mut out, field.number, |out| put_event(out, event, &pairs))?;
            }
            (Some(role), Content::Varint(_)) => {
                out.extend(value_of(role, field.number, columns)?);
            }
            _ => out.extend_from_slice(field.raw),
        }
    }
    Some(out)
}

fn put_event(out: &mut Vec<u8>, event: &[u8], pairs: &[(&str, &str)]) -> Option<()> {
    for field in Fields::of(event) {
        let field = field.ok()?;
        match field.content {
            Content::Varint(place) if field.number == EVENT_ATTRIBUTES => {
                put_attribute(out, EVENT_ATTRIBUTES, pairs, place)?;
            }
            _ => out.extend_from_slice(field.raw),
        }
    }
    Some(())
}

/// A whole field as a column gives it.
fn value_of(role: Role, number: u32, columns: Columns<'_>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match role {
        Role::TraceId => {
            let id: TraceId = columns.trace_id.parse().ok()?;
            write::bytes_field(&mut out, number, id.as_bytes());
        }
        Role::SpanId | Role::ParentId => {
            let hex = if role == Role::SpanId { columns.span_id } else { columns.parent_id };
            let id: SpanId = hex.parse().ok()?;
            write::bytes_field(&mut out, number, id.as_bytes());
        }
        Role::Name => write::bytes_field(&mut out, number, columns.text.as_bytes()),
        Role::Body => put_text(&mut out, number, columns.text),
        Role::Start => write::fixed64_field(&mut out, number, columns.start_ns),
        Role::End => write::fixed64_field(&mut out, number, columns.end_ns),
        Role::Attribute | Role::Event => return None,
    }
    Some(out)
}

/// Appends an attribute's place among those of the column, or the attribute if the column does
/// not have it as it is.
fn put_place(out: &mut Vec<u8>, field: &Field<'_>, entry: &[u8], pairs: &[(&str, &str)]) {
    if let Ok(attribute) = read::attribute(entry, 0)
        && let Ok(place) = pairs.binary_search_by_key(&attribute.key, |(key, _)| key)
    {
        let mut plain = Vec::with_capacity(field.raw.len());
        put_pair(&mut plain, field.number, pairs[place].0, pairs[place].1);
        if plain == field.raw {
            return write::varint_field(out, field.number, place as u64);
        }
    }
    out.extend_from_slice(field.raw);
}

fn put_attribute(out: &mut Vec<u8>, number: u32, pairs: &[(&str, &str)], place: u64) -> Option<()> {
    let (key, text) = pairs.get(usize::try_from(place).ok()?)?;
    put_pair(out, number, key, text);
    Some(())
}

/// Appends an attribute with a text.
pub(super) fn put_pair(out: &mut Vec<u8>, number: u32, key: &str, text: &str) {
    write::message_field(out, number, |out| {
        write::bytes_field(out, 1, key.as_bytes());
        put_text(out, 2, text);
    });
}

/// Appends an `AnyValue` with a text.
pub(super) fn put_text(out: &mut Vec<u8>, number: u32, text: &str) {
    write::message_field(out, number, |out| write::bytes_field(out, 1, text.as_bytes()));
}

/// The attributes of a column by key, without ours.
fn sorted(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    let pairs = pairs.iter().filter(|(key, _)| !key.starts_with(OURS));
    let mut pairs: Vec<(&str, &str)> = pairs.map(|(key, text)| (&**key, &**text)).collect();
    pairs.sort_by_key(|(key, _)| *key);
    pairs.dedup_by_key(|(key, _)| *key);
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::clickhouse::plain;

    /// A span with a text, a number, a text twice, a key like ours and an event.
    fn span() -> Vec<u8> {
        let mut out = Vec::new();
        write::bytes_field(&mut out, 1, &[7; 16]);
        write::bytes_field(&mut out, 2, &[8; 8]);
        write::bytes_field(&mut out, 5, b"call");
        write::fixed64_field(&mut out, 7, 100);
        write::fixed64_field(&mut out, 8, 350);
        for (key, text) in [("z", "last"), ("a", "first"), ("twice", "1"), ("twice", "2")] {
            put_pair(&mut out, 9, key, text);
        }
        put_pair(&mut out, 9, "pharos.model", "not ours");
        write::message_field(&mut out, 9, |out| {
            write::bytes_field(out, 1, b"n");
            write::message_field(out, 2, |out| write::varint_field(out, 3, 42));
        });
        write::message_field(&mut out, 11, |out| {
            write::bytes_field(out, 2, b"said");
            put_pair(out, 3, "text", "a long story");
        });
        write::varint_field(&mut out, 10, 3);
        write::varint_field(&mut out, 500, 1);
        out
    }

    fn with_columns<T>(record: &[u8], then: impl FnOnce(Columns<'_>) -> T) -> T {
        let span = read::span(record).unwrap();
        let mut attributes = plain::pairs(&span.attributes).0;
        // As a column may give them: in another order, with ours among them.
        attributes.reverse();
        attributes.push(("pharos.at".to_owned(), "1".to_owned()));
        let events: Vec<_> =
            span.events.iter().map(|event| plain::pairs(&event.attributes).0).collect();
        then(Columns {
            trace_id: &span.trace_id.to_string(),
            span_id: &span.span_id.to_string(),
            parent_id: "",
            text: span.name,
            start_ns: span.start_ns,
            end_ns: span.end_ns,
            attributes: &attributes,
            events: &events,
        })
    }

    #[test]
    fn what_the_columns_hold_is_left_out_and_comes_back() {
        let record = span();
        with_columns(&record, |columns| {
            let residue = residue(Signal::Traces, &record, columns);
            assert_eq!(residue[0], STRIPPED);
            let has = |text: &str| residue.windows(text.len()).any(|part| part == text.as_bytes());
            assert!(!has("first") && !has("long story") && !has("call"));
            assert!(has("twice") && has("not ours"));
            assert_eq!(record_of(Signal::Traces, &residue, columns), Some(record.clone()));
        });
    }

    #[test]
    fn what_does_not_fit_its_columns_is_kept_whole() {
        let record = span();
        with_columns(&record, |columns| {
            let less = Columns { attributes: &columns.attributes[2..], ..columns };
            let residue = residue(Signal::Traces, &record, less);
            assert_eq!(record_of(Signal::Traces, &residue, less), Some(record.clone()));
        });
    }

    #[test]
    fn damage_is_none_or_another_record_and_never_a_panic() {
        let record = span();
        with_columns(&record, |columns| {
            let residue = residue(Signal::Traces, &record, columns);
            for cut in 0..residue.len() {
                let _ = record_of(Signal::Traces, &residue[..cut], columns);
                let mut changed = residue.clone();
                changed[cut] ^= 0x15;
                let _ = record_of(Signal::Traces, &changed, Columns::default());
                let _ = record_of(Signal::Traces, &changed, columns);
            }
            assert_eq!(record_of(Signal::Traces, &[], columns), None);
            assert_eq!(record_of(Signal::Traces, &[9], columns), None);
        });
    }
}
