//! What of a record stands outside of the narrow columns: attributes, and the rest of its bytes.
//! Long texts of both are left out and stored among the contents.

use parquet::errors::ParquetError;

use super::attributes;
use super::column::{Texts, Values};
use super::content::ContentWriter;
use crate::limits;
use crate::model::{Attribute, Value};
use crate::otlp::wire::{Content, Fields, WireError};
use crate::otlp::write;

/// The columns of attributes, contents and the rest of the bytes.
#[derive(Debug, Default)]
pub(super) struct WideColumns {
    pub(super) keys: Texts,
    pub(super) values: Texts,
    pub(super) types: Texts,
    pub(super) content: Values<i64>,
    pub(super) rest: Texts,
    /// Of the row that is being put together.
    letters: Vec<u8>,
    numbers: Vec<i64>,
    scratch: String,
    out: Vec<u8>,
}

impl WideColumns {
    /// The text of one value as it is to stand in a column; its letter goes to the types.
    pub(super) fn text(
        &mut self,
        value: &Value<'_>,
        contents: &mut ContentWriter,
    ) -> Result<&str, ParquetError> {
        self.scratch.clear();
        let letter = attributes::encode(value, &mut self.scratch);
        if self.scratch.len() < limits::CONTENT_MIN_BYTES {
            self.letters.push(letter);
        } else {
            self.letters.push(letter.to_ascii_uppercase());
            let pieces = contents.put(&self.scratch, &mut self.numbers)?;
            self.scratch = pieces.to_string();
        }
        Ok(&self.scratch)
    }

    /// The attributes of a row.
    pub(super) fn attributes(
        &mut self,
        attributes: &[Attribute<'_>],
        contents: &mut ContentWriter,
    ) -> Result<(), ParquetError> {
        if attributes.is_empty() {
            self.keys.push_no_item();
            self.values.push_no_item();
        }
        for (place, attribute) in attributes.iter().enumerate() {
            self.keys.push_item(attribute.key.as_bytes(), place == 0, 2);
            self.text(&attribute.value, contents)?;
            self.values.push_item(self.scratch.as_bytes(), place == 0, 2);
        }
        Ok(())
    }

    /// The rest of the bytes of a row, and the end of the row. Long texts of events are cut out:
    /// in front of the bytes stand the number of cuts and, for each, how far it is behind the one
    /// before and how many pieces go there.
    pub(super) fn end_row(
        &mut self,
        rest: &[u8],
        contents: &mut ContentWriter,
    ) -> Result<(), ParquetError> {
        let mut cuts = Vec::new();
        // What cannot be read stays where it is.
        let _ = long_texts(rest, &mut cuts);
        self.out.clear();
        write::varint(&mut self.out, cuts.len() as u64);
        let mut end = 0;
        for text in &cuts {
            let at = text.as_ptr().addr() - rest.as_ptr().addr();
            let pieces = contents.put(text, &mut self.numbers)?;
            write::varint(&mut self.out, (at - end) as u64);
            write::varint(&mut self.out, pieces as u64);
            end = at + text.len();
        }
        let mut from = 0;
        for text in cuts {
            let at = text.as_ptr().addr() - rest.as_ptr().addr();
            self.out.extend_from_slice(&rest[from..at]);
            from = at + text.len();
        }
        self.out.extend_from_slice(&rest[from..]);
        self.rest.push(&self.out);
        self.types.push(&self.letters);
        self.letters.clear();
        self.content.push_list(self.numbers.drain(..));
        Ok(())
    }

    /// Bytes gathered.
    pub(super) fn bytes(&self) -> usize {
        self.keys.bytes() + self.values.bytes() + self.rest.bytes()
    }
}

/// The long texts among the attributes of a span's events, in order.
fn long_texts<'a>(rest: &'a [u8], found: &mut Vec<&'a str>) -> Result<(), WireError> {
    const EVENTS: u32 = 11;
    const ATTRIBUTES: u32 = 3;
    const VALUE: u32 = 2;
    const TEXT: u32 = 1;
    for event in fields(rest, EVENTS) {
        for attribute in fields(event, ATTRIBUTES) {
            for value in fields(attribute, VALUE) {
                for text in fields(value, TEXT) {
                    if text.len() >= limits::CONTENT_MIN_BYTES {
                        found.push(crate::otlp::wire::text(text)?);
                    }
                }
            }
        }
    }
    Ok(())
}

fn fields(message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    Fields::of(message).map_while(Result::ok).filter_map(move |field| match field.content {
        Content::Bytes(bytes) if field.number == number => Some(bytes),
        _ => None,
    })
}

/// Puts the rest of a row's bytes together again; `piece` gives the text of the next piece.
pub(super) fn restore_rest(
    stored: &[u8],
    out: &mut Vec<u8>,
    mut pieces: impl FnMut(usize, &mut Vec<u8>) -> Option<()>,
) -> Option<()> {
    let mut at = stored;
    let cuts = varint(&mut at)?;
    let mut places = Vec::new();
    for _ in 0..cuts {
        places.push((
            usize::try_from(varint(&mut at)?).ok()?,
            usize::try_from(varint(&mut at)?).ok()?,
        ));
    }
    for (bytes, count) in places {
        let (before, after) = at.split_at_checked(bytes)?;
        out.extend_from_slice(before);
        pieces(count, out)?;
        at = after;
    }
    out.extend_from_slice(at);
    Some(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
