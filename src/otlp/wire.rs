//! Protobuf's wire format: fields of one message, one after the other.

use super::schema::Kind;

/// The bytes are not a protobuf message of the expected shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A field, length or number runs past the end of its message.
    #[error("the message ends inside a field")]
    Truncated,
    /// A varint is longer than ten bytes, or a tag is zero or has a wire type that is not used.
    #[error("the message holds an invalid tag or number")]
    InvalidTag,
    /// A known field has another wire type than OTLP says.
    #[error("a field has the wrong wire type")]
    WrongType,
    /// A text field is not UTF-8.
    #[error("a text field is not valid UTF-8")]
    InvalidUtf8,
    /// Values nest deeper than `limits::VALUE_DEPTH`.
    #[error("values nest too deeply")]
    TooDeep,
    /// An id that must be present has a wrong length or is all zeros.
    #[error("an id has a wrong length or is all zeros")]
    InvalidId,
}

/// One field: its number, its content and the bytes it stood in (tag included).
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// The field number.
    pub number: u32,
    /// The content.
    pub content: Content<'a>,
    /// Tag, length and content as they stand on the wire.
    pub raw: &'a [u8],
}

/// The content of a field, by wire type.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 5.
    Fixed32(u32),
    /// Wire type 2: text, bytes, a message or packed numbers.
    Bytes(&'a [u8]),
}

impl<'a> Content<'a> {
    /// The bytes of a length-delimited field.
    pub fn bytes(self) -> Result<&'a [u8], WireError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(WireError::WrongType),
        }
    }

    /// The text of a string field.
    pub fn text(self) -> Result<&'a str, WireError> {
        text(self.bytes()?)
    }

    /// The number of a varint field.
    pub fn varint(self) -> Result<u64, WireError> {
        match self {
            Self::Varint(number) => Ok(number),
            _ => Err(WireError::WrongType),
        }
    }

    /// The number of a `fixed64` field.
    pub fn fixed64(self) -> Result<u64, WireError> {
        match self {
            Self::Fixed64(number) => Ok(number),
            _ => Err(WireError::WrongType),
        }
    }

    /// Takes the next number off the content of a packed field of this kind.
    pub fn take_packed(kind: Kind, rest: &mut &'a [u8]) -> Result<Self, WireError> {
        match kind {
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => {
                Ok(Self::Fixed64(u64::from_le_bytes(array(rest)?)))
            }
            Kind::Fixed32 => Ok(Self::Fixed32(u32::from_le_bytes(array(rest)?))),
            _ => Ok(Self::Varint(varint(rest)?)),
        }
    }
}

/// Text, checked. Short keys are the rule, where the standard check is the fastest.
pub fn text(bytes: &[u8]) -> Result<&str, WireError> {
    if bytes.len() < 64 {
        std::str::from_utf8(bytes).map_err(|_| WireError::InvalidUtf8)
    } else {
        simdutf8::basic::from_utf8(bytes).map_err(|_| WireError::InvalidUtf8)
    }
}

/// The fields of one message. After an error it ends.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
    beginning: bool,
}

impl<'a> Fields<'a> {
    /// The fields of `message`, which excludes its own tag and length.
    pub fn of(message: &'a [u8]) -> Self {
        Self { rest: message, beginning: false }
    }

    /// The fields of a message of which only the beginning is there: a field that is cut off is
    /// lent as far as it goes.
    pub fn of_beginning(message: &'a [u8]) -> Self {
        Self { rest: message, beginning: true }
    }

    fn read(&mut self) -> Result<Field<'a>, WireError> {
        let whole = self.rest;
        let mut rest = whole;
        let tag = varint(&mut rest)?;
        let number = u32::try_from(tag >> 3).map_err(|_| WireError::InvalidTag)?;
        if number == 0 || number > MAX_FIELD_NUMBER {
            return Err(WireError::InvalidTag);
        }
        let content = match tag & 7 {
            0 => Content::Varint(varint(&mut rest)?),
            1 => Content::Fixed64(u64::from_le_bytes(array(&mut rest)?)),
            2 => {
                let length = varint(&mut rest)?;
                let length = usize::try_from(length).map_err(|_| WireError::Truncated)?;
                let (bytes, after) = match rest.split_at_checked(length) {
                    Some(parts) => parts,
                    None if self.beginning => (rest, &rest[rest.len()..]),
                    None => return Err(WireError::Truncated),
                };
                rest = after;
                Content::Bytes(bytes)
            }
            5 => Content::Fixed32(u32::from_le_bytes(array(&mut rest)?)),
            _ => return Err(WireError::InvalidTag),
        };
        self.rest = rest;
        Ok(Field { number, content, raw: &whole[..whole.len() - rest.len()] })
    }
}

const MAX_FIELD_NUMBER: u32 = (1 << 29) - 1;

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, WireError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

#[inline]
fn varint(rest: &mut &[u8]) -> Result<u64, WireError> {
    let (&first, after) = rest.split_first().ok_or(WireError::Truncated)?;
    if first < 0x80 {
        *rest = after;
        return Ok(u64::from(first));
    }
    long_varint(rest)
}

fn long_varint(rest: &mut &[u8]) -> Result<u64, WireError> {
    let mut number = 0_u64;
    for (index, &byte) in rest.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            // The tenth byte holds the last bit of 64.
            if index == 9 && byte > 1 {
                return Err(WireError::InvalidTag);
            }
            *rest = &rest[index + 1..];
            return Ok(number);
        }
    }
    if rest.len() < 10 { Err(WireError::Truncated) } else { Err(WireError::InvalidTag) }
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], WireError> {
    let (bytes, after) = rest.split_first_chunk::<N>().ok_or(WireError::Truncated)?;
    *rest = after;
    Ok(*bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncation_anywhere_is_an_error_or_a_shorter_message() {
        let message =
            [0x0a, 0x03, b'a', b'b', b'c', 0x10, 0x96, 0x01, 0x19, 1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(Fields::of(&message).filter(|field| field.is_ok()).count(), 3);
        for cut in 0..message.len() {
            let fields = Fields::of(&message[..cut]);
            let whole = fields.clone().filter(Result::is_ok).count();
            assert!(whole <= 2, "cut at {cut}");
            assert!(fields.count() <= whole + 1);
        }
    }

    #[test]
    fn overlong_and_group_tags_are_refused() {
        for bad in [&[0xff_u8; 11][..], &[0x0b], &[0x00, 0x01], &[0x0a, 0xff, 0xff, 0xff, 0x7f]] {
            assert!(Fields::of(bad).next().unwrap().is_err(), "{bad:?}");
        }
    }
}
