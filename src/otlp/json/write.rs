//! Protobuf bytes as OTLP/JSON: the way back, by the same table.
//!
//! What stands on the wire is written and nothing else: ids in hexadecimal, 64-bit integers as
//! strings, enum values as numbers, fields in the order of their numbers. Fields that the table
//! does not know cannot be named and are left out.

use std::io::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::limits;
use crate::model::Signal;
use crate::otlp::schema::{self, Field, Kind, Message};
use crate::otlp::wire::{Content, Fields, WireError};

/// Messages that may stand within one another: a request down to a record takes four, a value
/// that holds a map three for each level.
const MESSAGE_DEPTH: usize = 8 + 3 * limits::VALUE_DEPTH;

/// Appends an export request as one JSON object, without a line's end. After an error what was
/// appended is no JSON.
///
/// # Errors
///
/// The body is no request of this signal.
pub fn write(signal: Signal, body: &[u8], out: &mut Vec<u8>) -> Result<(), WireError> {
    message(schema::request(signal), body, 0, out)
}

fn message(
    of: &'static Message,
    bytes: &[u8],
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), WireError> {
    if depth > MESSAGE_DEPTH {
        return Err(WireError::TooDeep);
    }
    let mut found: Vec<(&'static Field, Content<'_>)> = Vec::new();
    for field in Fields::of(bytes) {
        let field = field?;
        let Some(known) = of.field(field.number) else { continue };
        // A value is one of its fields: the last one that is there.
        let is_choice = std::ptr::eq(of, &schema::ANY_VALUE);
        if is_choice && found.last().is_some_and(|(last, _)| last.number != known.number) {
            found.clear();
        }
        found.push((known, field.content));
    }
    // Stable: nothing in protobuf keeps the elements of a list together, but they have an order.
    found.sort_by_key(|(field, _)| field.number);
    let mut open = b'{';
    for same in found.chunk_by(|(one, _), (other, _)| one.number == other.number) {
        let Some((field, last)) = same.last() else { continue };
        out.push(std::mem::replace(&mut open, b','));
        text(field.name.as_bytes(), out);
        out.push(b':');
        if field.repeated {
            list(same, depth, out)?;
        } else {
            match field.kind {
                // Protobuf's rule for a message that stands there twice: its parts are one.
                Kind::Message(of) if same.len() > 1 => {
                    let parts: Result<Vec<&[u8]>, WireError> =
                        same.iter().map(|(_, content)| content.bytes()).collect();
                    message(of, &parts?.concat(), depth + 1, out)?;
                }
                _ => value(field, *last, depth, out)?,
            }
        }
    }
    out.extend_from_slice(if found.is_empty() { b"{}" } else { b"}" });
    Ok(())
}

fn list(
    elements: &[(&'static Field, Content<'_>)],
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), WireError> {
    let mut open = b'[';
    for (field, content) in elements {
        let is_number =
            !matches!(field.kind, Kind::Message(_) | Kind::Text | Kind::Bytes | Kind::Id);
        match content {
            Content::Bytes(packed) if is_number => {
                let mut rest = *packed;
                while !rest.is_empty() {
                    out.push(std::mem::replace(&mut open, b','));
                    value(field, Content::take_packed(field.kind, &mut rest)?, depth, out)?;
                }
            }
            _ => {
                out.push(std::mem::replace(&mut open, b','));
                value(field, *content, depth, out)?;
            }
        }
    }
    out.extend_from_slice(if open == b'[' { b"[]" } else { b"]" });
    Ok(())
}

fn value(
    field: &'static Field,
    content: Content<'_>,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), WireError> {
    // Writing to memory cannot fail.
    let _ = match field.kind {
        Kind::Message(of) => return message(of, content.bytes()?, depth + 1, out),
        Kind::Text => {
            text(content.bytes()?, out);
            Ok(())
        }
        Kind::Bytes => write!(out, "\"{}\"", STANDARD.encode(content.bytes()?)),
        Kind::Id => {
            out.push(b'"');
            for byte in content.bytes()? {
                let _ = write!(out, "{byte:02x}");
            }
            write!(out, "\"")
        }
        Kind::Bool => write!(out, "{}", content.varint()? != 0),
        Kind::Int64 => write!(out, "\"{}\"", content.varint()?.cast_signed()),
        Kind::Uint64 => write!(out, "\"{}\"", content.varint()?),
        Kind::Uint32 => write!(out, "{}", content.varint()? as u32),
        Kind::Sint32 => write!(out, "{}", unzigzag(content.varint()? as u32)),
        // A negative one travels as the two's complement of its 64 bits.
        Kind::Enum => write!(out, "{}", (content.varint()? as u32).cast_signed()),
        Kind::Fixed64 => write!(out, "\"{}\"", content.fixed64()?),
        Kind::Sfixed64 => write!(out, "\"{}\"", content.fixed64()?.cast_signed()),
        Kind::Fixed32 => match content {
            Content::Fixed32(number) => write!(out, "{number}"),
            _ => return Err(WireError::WrongType),
        },
        Kind::Double => double(f64::from_bits(content.fixed64()?), out),
    };
    Ok(())
}

/// The shortest decimal that reads back, and proto3's names for what JSON has no number for.
fn double(number: f64, out: &mut Vec<u8>) -> std::io::Result<()> {
    match number {
        _ if number.is_finite() => write!(out, "{number:?}"),
        _ if number.is_nan() => write!(out, "\"NaN\""),
        _ if number > 0.0 => write!(out, "\"Infinity\""),
        _ => write!(out, "\"-Infinity\""),
    }
}

fn unzigzag(number: u32) -> i32 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// A JSON string. What is no UTF-8, which OTLP forbids, becomes U+FFFD.
fn text(bytes: &[u8], out: &mut Vec<u8>) {
    // A text can always be written to memory.
    let _ = serde_json::to_writer(out, &String::from_utf8_lossy(bytes));
}
