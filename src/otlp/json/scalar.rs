//! Text, ids, bytes and numbers of OTLP/JSON.

use super::super::schema::{Field, Kind};
use super::super::write::{bytes_field, fixed32_field, fixed64_field, varint, varint_field};
use super::{Sink, append_text};
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A text, bytes or id field.
pub(super) struct Text<'s, 'r> {
    pub(super) field: &'static Field,
    pub(super) sink: &'s mut Sink<'r>,
}

impl<'de> Visitor<'de> for Text<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a string ({})", self.field.name)
    }

    fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<(), E> {
        let Self { field, sink } = self;
        match field.kind {
            Kind::Id => id(sink, field, text),
            Kind::Bytes => match bytes(text) {
                Some(bytes) => bytes_field(&mut sink.out, field.number, &bytes),
                None => sink.fault(field, "is not base64"),
            },
            _ => append_text(&mut sink.out, field, text),
        }
        Ok(())
    }
}

/// An id; an empty one is absent. Its length is judged where items are judged.
fn id(sink: &mut Sink<'_>, field: &Field, hex: &[u8]) {
    let mut id = [0; 32];
    let length = hex.len() / 2;
    let fits = hex.len().is_multiple_of(2) && length <= id.len();
    let mut good = fits;
    if fits {
        for (byte, pair) in id.iter_mut().zip(hex.as_chunks::<2>().0) {
            match (digit(pair[0]), digit(pair[1])) {
                (Some(high), Some(low)) => *byte = high << 4 | low,
                _ => good = false,
            }
        }
    }
    if !good {
        sink.fault(field, "is not a hexadecimal id");
    } else if length > 0 {
        bytes_field(&mut sink.out, field.number, &id[..length]);
    }
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        b'A'..=b'F' => Some(letter - b'A' + 10),
        _ => None,
    }
}

/// Base64 in the standard or the URL-safe alphabet, padded or not.
fn bytes(text: &[u8]) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let url_safe = text.iter().any(|letter| matches!(letter, b'-' | b'_'));
    let alphabet = if url_safe { &base64::alphabet::URL_SAFE } else { &base64::alphabet::STANDARD };
    GeneralPurpose::new(alphabet, CONFIG).decode(text).ok()
}

/// A number, boolean or enum field, or one element of a packed list of numbers.
pub(super) struct Number<'s, 'r> {
    pub(super) field: &'static Field,
    pub(super) sink: &'s mut Sink<'r>,
    pub(super) packed: bool,
}

/// A number as JSON can write it.
#[derive(Debug, Clone, Copy)]
enum Figure {
    Unsigned(u64),
    Negative(i64),
    Float(f64),
}

impl<'de> DeserializeSeed<'de> for Number<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Number<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a number ({})", self.field.name)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.figure(Figure::Unsigned(number));
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.figure(Figure::Negative(number));
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.figure(Figure::Float(number));
        Ok(())
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<(), E> {
        if matches!(self.field.kind, Kind::Bool) {
            varint_field(&mut self.sink.out, self.field.number, u64::from(truth));
        } else {
            self.sink.fault(self.field, "is not a number");
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match self.field.kind {
            Kind::Bool => match text {
                "true" => varint_field(&mut self.sink.out, self.field.number, 1),
                "false" => varint_field(&mut self.sink.out, self.field.number, 0),
                _ => self.sink.fault(self.field, "is not a boolean"),
            },
            _ => match figure(text).or_else(|| named(self.field, text)) {
                Some(figure) => self.figure(figure),
                None => self.sink.fault(self.field, "is not a number"),
            },
        }
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.sink.fault(self.field, "is a list");
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.sink.fault(self.field, "is an object");
        Ok(())
    }
}

/// A number in a string, as 64-bit integers and the special doubles are sent.
fn figure(text: &str) -> Option<Figure> {
    if let Ok(number) = text.parse() {
        return Some(Figure::Unsigned(number));
    }
    if let Ok(number) = text.parse() {
        return Some(Figure::Negative(number));
    }
    match text {
        "NaN" => Some(Figure::Float(f64::NAN)),
        "Infinity" => Some(Figure::Float(f64::INFINITY)),
        "-Infinity" => Some(Figure::Float(f64::NEG_INFINITY)),
        // Rust also reads "inf" and "nan", which JSON never writes.
        _ => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Figure::Float),
    }
}

/// The number of an enum value that was sent by name.
fn named(field: &Field, name: &str) -> Option<Figure> {
    if !matches!(field.kind, Kind::Enum) {
        return None;
    }
    let kinds = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
    let codes = ["UNSET", "OK", "ERROR"];
    let temporalities = ["UNSPECIFIED", "DELTA", "CUMULATIVE"];
    let position = |names: &[&str], name: &str| names.iter().position(|known| *known == name);
    let number = if let Some(name) = name.strip_prefix("SPAN_KIND_") {
        position(&kinds, name)
    } else if let Some(name) = name.strip_prefix("STATUS_CODE_") {
        position(&codes, name)
    } else if let Some(name) = name.strip_prefix("AGGREGATION_TEMPORALITY_") {
        position(&temporalities, name)
    } else {
        name.strip_prefix("SEVERITY_NUMBER_").and_then(severity)
    };
    number.map(|number| Figure::Unsigned(number as u64))
}

/// `TRACE` is 1, `TRACE2` is 2, …, `FATAL4` is 24.
fn severity(name: &str) -> Option<usize> {
    let levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    if name == "UNSPECIFIED" {
        return Some(0);
    }
    let (level, step) = match name.as_bytes().last()? {
        digit @ b'2'..=b'4' => (&name[..name.len() - 1], usize::from(digit - b'0')),
        _ => (name, 1),
    };
    levels.iter().position(|known| *known == level).map(|level| 4 * level + step)
}

impl Number<'_, '_> {
    /// Writes a figure as its field wants it.
    fn figure(self, figure: Figure) {
        let bits = match self.field.kind {
            Kind::Double => Some(figure.double().to_bits()),
            Kind::Fixed64 | Kind::Uint64 => figure.unsigned(),
            Kind::Int64 | Kind::Sfixed64 => figure.signed().map(i64::cast_unsigned),
            Kind::Uint32 | Kind::Fixed32 => {
                figure.unsigned().filter(|number| u32::try_from(*number).is_ok())
            }
            // A negative enum value travels as the two's complement of its 64 bits.
            Kind::Enum => figure.int32().map(|number| i64::from(number).cast_unsigned()),
            Kind::Sint32 => figure.int32().map(zigzag),
            _ => None,
        };
        match bits {
            Some(bits) => self.write(bits),
            None => self.sink.fault(self.field, "does not fit its field"),
        }
    }

    fn write(self, bits: u64) {
        let out = &mut self.sink.out;
        let number = self.field.number;
        match (self.field.kind, self.packed) {
            (Kind::Double | Kind::Fixed64 | Kind::Sfixed64, true) => {
                out.extend_from_slice(&bits.to_le_bytes());
            }
            (Kind::Double | Kind::Fixed64 | Kind::Sfixed64, false) => {
                fixed64_field(out, number, bits);
            }
            // The figure was checked to be one of 32 bits.
            (Kind::Fixed32, _) => fixed32_field(out, number, bits as u32),
            (_, true) => varint(out, bits),
            (_, false) => varint_field(out, number, bits),
        }
    }
}

fn zigzag(number: i32) -> u64 {
    u64::from(((number << 1) ^ (number >> 31)).cast_unsigned())
}

impl Figure {
    fn double(self) -> f64 {
        match self {
            Self::Unsigned(number) => number as f64,
            Self::Negative(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    fn unsigned(self) -> Option<u64> {
        match self {
            Self::Unsigned(number) => Some(number),
            Self::Negative(number) => u64::try_from(number).ok(),
            Self::Float(number) => {
                let whole = number.fract() == 0.0 && (0.0..TWO_TO_64).contains(&number);
                whole.then_some(number as u64)
            }
        }
    }

    fn signed(self) -> Option<i64> {
        match self {
            Self::Unsigned(number) => i64::try_from(number).ok(),
            Self::Negative(number) => Some(number),
            Self::Float(number) => {
                let range = -TWO_TO_64 / 2.0..TWO_TO_64 / 2.0;
                (number.fract() == 0.0 && range.contains(&number)).then_some(number as i64)
            }
        }
    }

    fn int32(self) -> Option<i32> {
        self.signed().and_then(|number| i32::try_from(number).ok())
    }
}

const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;
