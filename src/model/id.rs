//! Trace and span ids: random bytes, written as lower-case hexadecimal.

use std::fmt;
use std::str::FromStr;

/// The 16 bytes that name a trace. All zeros is invalid and never constructed by `from_bytes`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId([u8; 16]);

/// The 8 bytes that name a span within its trace. All zeros is invalid.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId([u8; 8]);

/// The text is not the hexadecimal form of a valid id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an id is {digits} hexadecimal digits, not all zero")]
pub struct InvalidId {
    digits: usize,
}

macro_rules! id {
    ($name:ident, $bytes:literal) => {
        impl $name {
            /// The id of these bytes; `None` for a wrong length or all zeros.
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                let bytes: [u8; $bytes] = bytes.try_into().ok()?;
                (bytes != [0; $bytes]).then_some(Self(bytes))
            }

            /// The bytes as they stand on the wire.
            pub fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let mut text = [0_u8; $bytes * 2];
                for (byte, pair) in self.0.iter().zip(text.chunks_exact_mut(2)) {
                    pair[0] = DIGITS[usize::from(byte >> 4)];
                    pair[1] = DIGITS[usize::from(byte & 0xf)];
                }
                f.write_str(std::str::from_utf8(&text).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let invalid = InvalidId { digits: $bytes * 2 };
                if text.len() != $bytes * 2 || !text.is_ascii() {
                    return Err(invalid);
                }
                let mut bytes = [0_u8; $bytes];
                for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                    let digit = |c: u8| char::from(c).to_digit(16);
                    match (digit(pair[0]), digit(pair[1])) {
                        (Some(high), Some(low)) => *byte = (high * 16 + low) as u8,
                        _ => return Err(invalid),
                    }
                }
                Self::from_bytes(&bytes).ok_or(invalid)
            }
        }
    };
}

id!(TraceId, 16);
id!(SpanId, 8);

impl TraceId {
    /// A well-mixed 64-bit digest, for indexes and sets. Not unique: confirm with the id.
    pub fn digest(&self) -> u64 {
        let (high, low) = self.0.split_at(8);
        fold(high) ^ fold(low).rotate_left(32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl SpanId {
    /// The id as a number, for sets.
    pub fn digest(&self) -> u64 {
        fold(&self.0)
    }
}

fn fold(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_both_ways() {
        let text = "0af7651916cd43dd8448eb211c80319c";
        let id: TraceId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!("0AF7651916CD43DD8448EB211C80319C".parse(), Ok(id));
    }

    #[test]
    fn zeros_and_wrong_lengths_are_refused() {
        assert!(SpanId::from_bytes(&[0; 8]).is_none());
        assert!(SpanId::from_bytes(&[1; 2]).is_none());
        assert!("zz".repeat(8).parse::<SpanId>().is_err());
        assert!("é".repeat(8).parse::<SpanId>().is_err());
    }
}
