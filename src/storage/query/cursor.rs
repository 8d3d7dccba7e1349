//! Where a search goes on: an opaque text that survives new data and restarts.

use std::cmp::Reverse;
use std::fmt::Debug;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::filter::Filters;
use crate::storage::Position;

/// The place of a trace in an answer: newest first, the smaller id first among equals. The
/// greatest key comes first.
pub(in crate::storage) type Key = (u64, Reverse<[u8; 16]>);

/// Where a search goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) struct Cursor {
    /// Everything with this key or a greater one has been answered.
    pub(in crate::storage) after: Key,
    /// Batches from here on came after the first page and are left out, so that a trace that
    /// grows meanwhile is neither answered twice nor missed.
    pub(in crate::storage) until: Position,
    /// The search that it belongs to.
    pub(in crate::storage) fingerprint: u64,
}

/// The cursor is not one that this search has given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// It was cut, changed or made up.
    #[error("the cursor is damaged")]
    Damaged,
    /// It was given for other conditions.
    #[error("the cursor belongs to a search with other conditions")]
    Foreign,
}

const VERSION: u8 = 1;
const BYTES: usize = 1 + 8 + 16 + 8 + 8 + 8;

/// Names a set of conditions, so that a cursor cannot be used with another one.
pub(super) fn fingerprint(conditions: &impl Debug) -> u64 {
    let digest = Sha256::digest(format!("{conditions:?}"));
    digest.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

/// The text of a cursor of these bytes.
pub(super) fn seal(mut bytes: Vec<u8>) -> String {
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of a cursor, if they are this many and nothing was changed.
pub(super) fn unseal(text: &str, length: usize) -> Result<Vec<u8>, CursorError> {
    // A text of another length is not decoded at all: it may be very long.
    if text.len() != ((length + 4) * 8).div_ceil(6) {
        return Err(CursorError::Damaged);
    }
    let mut bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError::Damaged)?;
    let (body, crc) = bytes.split_last_chunk::<4>().ok_or(CursorError::Damaged)?;
    if body.len() != length || crc32fast::hash(body) != u32::from_le_bytes(*crc) {
        return Err(CursorError::Damaged);
    }
    bytes.truncate(length);
    Ok(bytes)
}

impl Cursor {
    /// The text that stands for it.
    pub(in crate::storage) fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(BYTES + 4);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.after.0.to_le_bytes());
        bytes.extend_from_slice(&self.after.1.0);
        for number in [self.until.segment, self.until.offset, self.fingerprint] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        seal(bytes)
    }

    /// Reads the text that an earlier page of the same search has given.
    pub(in crate::storage) fn decode(text: &str, filters: &Filters) -> Result<Self, CursorError> {
        let bytes = unseal(text, BYTES)?;
        let cursor = Self::read(&bytes).ok_or(CursorError::Damaged)?;
        if cursor.fingerprint != filters.fingerprint() {
            return Err(CursorError::Foreign);
        }
        Ok(cursor)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (start, rest) = rest.split_first_chunk::<8>()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (segment, rest) = rest.split_first_chunk::<8>()?;
        let (offset, rest) = rest.split_first_chunk::<8>()?;
        let (fingerprint, _) = rest.split_first_chunk::<8>()?;
        (*version == VERSION).then(|| Self {
            after: (u64::from_le_bytes(*start), Reverse(*id)),
            until: Position {
                segment: u64::from_le_bytes(*segment),
                offset: u64::from_le_bytes(*offset),
            },
            fingerprint: u64::from_le_bytes(*fingerprint),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(filters: &Filters) -> Cursor {
        Cursor {
            after: (u64::MAX, Reverse([7; 16])),
            until: Position { segment: 3, offset: 4 },
            fingerprint: filters.fingerprint(),
        }
    }

    #[test]
    fn cursors_come_back_and_only_to_their_own_search() {
        let filters = Filters { name: Some("chat".to_owned()), ..Filters::default() };
        let text = cursor(&filters).encode();
        assert_eq!(Cursor::decode(&text, &filters), Ok(cursor(&filters)));
        assert_eq!(Cursor::decode(&text, &Filters::default()), Err(CursorError::Foreign));
    }

    #[test]
    fn every_changed_or_missing_character_is_noticed() {
        let filters = Filters::default();
        let text = cursor(&filters).encode();
        for at in 0..text.len() {
            assert!(Cursor::decode(&text[..at], &filters).is_err(), "cut at {at}");
            for other in ['A', 'z', '-', '=', '\u{0}'] {
                let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                let same = changed == text;
                assert_eq!(Cursor::decode(&changed, &filters).is_ok(), same, "{at} {other:?}");
            }
        }
        for bad in ["", "null", "é", &"A".repeat(1 << 16)] {
            assert_eq!(Cursor::decode(bad, &filters), Err(CursorError::Damaged));
        }
    }
}
