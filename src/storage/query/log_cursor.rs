//! The place of a log record among others, and where a search for log records goes on.
//!
//! A place is made of nothing but the record and what it came from, so it is the same wherever
//! the record is kept: answers of several stores fit together, and a record that moves from one
//! to another between two pages is neither told twice nor missed. For the same reason a cursor
//! needs no position: a record that arrives later has its place, above the cursor or below it,
//! and moves no other.

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};

use super::CursorError;
use super::cursor::{fingerprint, seal, unseal};
use super::logs::LogFilters;
use super::records::origin_of;
use crate::otlp::read;
use crate::storage::index::LogHead;

/// The place of a log record: the greatest comes first. Two records with one place are the same
/// record, sent or kept twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::storage) struct LogPlace {
    /// When it happened or was observed, in nanoseconds since the Unix epoch.
    pub(in crate::storage) time_ns: u64,
    /// Its trace; zeros where it belongs to none.
    trace: [u8; 16],
    /// Its span; zeros where it belongs to none.
    span: [u8; 8],
    /// The first half of a SHA-256 of what it says and of what it came from.
    digest: [u8; 16],
}

impl LogPlace {
    /// The place of a record with this head. `origin` is the request with its resource, scope
    /// and one empty record, as [`super::Records`] holds it.
    pub(in crate::storage) fn of(head: &LogHead<'_>, origin: &[u8], record: &[u8]) -> Self {
        let mut hasher = Hasher(Sha256::new());
        // As it is read, not as it is written: stores may put its fields in another order.
        // Hashing cannot fail.
        let _ = match read::log_record(record) {
            Ok(record) => write!(hasher, "{:?} {record:?}", origin_of(origin)),
            Err(_) => write!(hasher, "{origin:?} {record:?}"),
        };
        let digest: [u8; 32] = hasher.0.finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self {
            time_ns: head.time_ns,
            trace: head.trace_id.try_into().unwrap_or_default(),
            span: head.span_id.try_into().unwrap_or_default(),
            digest: half,
        }
    }

    /// Below all that happened later than `time_ns`, and above all else; `None` if nothing can
    /// be later.
    pub(in crate::storage) fn above_all_of(time_ns: u64) -> Option<Self> {
        let time_ns = time_ns.checked_add(1)?;
        Some(Self { time_ns, trace: [0; 16], span: [0; 8], digest: [0; 16] })
    }
}

/// Where a search for log records goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) struct LogCursor {
    /// Everything here or above has been answered.
    pub(in crate::storage) after: LogPlace,
    /// The search that it belongs to.
    fingerprint: u64,
}

/// Hashes what is written to it.
struct Hasher(Sha256);

impl fmt::Write for Hasher {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

/// Another version than that of cursors of traces.
const VERSION: u8 = 2;
const BYTES: usize = 1 + 8 + 16 + 8 + 16 + 8;

impl LogCursor {
    /// Goes on below this place.
    pub(in crate::storage) fn new(after: LogPlace, filters: &LogFilters) -> Self {
        Self { after, fingerprint: fingerprint(filters) }
    }

    /// The text that stands for it.
    pub(in crate::storage) fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(BYTES + 4);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.after.time_ns.to_le_bytes());
        bytes.extend_from_slice(&self.after.trace);
        bytes.extend_from_slice(&self.after.span);
        bytes.extend_from_slice(&self.after.digest);
        bytes.extend_from_slice(&self.fingerprint.to_le_bytes());
        seal(bytes)
    }

    /// Reads the text that an earlier page of the same search has given.
    pub(in crate::storage) fn decode(
        text: &str,
        filters: &LogFilters,
    ) -> Result<Self, CursorError> {
        let bytes = unseal(text, BYTES)?;
        let cursor = Self::read(&bytes).ok_or(CursorError::Damaged)?;
        if cursor.fingerprint != fingerprint(filters) {
            return Err(CursorError::Foreign);
        }
        Ok(cursor)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (time_ns, rest) = rest.split_first_chunk::<8>()?;
        let (trace, rest) = rest.split_first_chunk::<16>()?;
        let (span, rest) = rest.split_first_chunk::<8>()?;
        let (digest, rest) = rest.split_first_chunk::<16>()?;
        let (fingerprint, _) = rest.split_first_chunk::<8>()?;
        let time_ns = u64::from_le_bytes(*time_ns);
        (*version == VERSION).then(|| Self {
            after: LogPlace { time_ns, trace: *trace, span: *span, digest: *digest },
            fingerprint: u64::from_le_bytes(*fingerprint),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(time_ns: u64, origin: &[u8], record: &[u8]) -> LogPlace {
        let head = LogHead { time_ns, trace_id: &[7; 16], span_id: &[], severity: 9 };
        LogPlace::of(&head, origin, record)
    }

    #[test]
    fn equal_places_are_equal_records_from_the_same_place() {
        assert_eq!(place(5, b"here", b"text"), place(5, b"here", b"text"));
        let other =
            [place(5, b"here", b"next"), place(5, b"there", b"text"), place(5, b"heret", b"ext")];
        assert!(other.iter().all(|other| *other != place(5, b"here", b"text")));
        assert!(place(6, b"", b"") > place(5, b"here", b"text"));
        let above = LogPlace::above_all_of(5).unwrap();
        assert!(above > place(5, b"here", b"text") && above < place(6, b"here", b"text"));
        assert_eq!(LogPlace::above_all_of(u64::MAX), None);
    }

    #[test]
    fn cursors_come_back_and_only_to_their_own_search() {
        let filters = LogFilters { min_severity: Some(9), ..LogFilters::default() };
        let cursor = LogCursor::new(place(u64::MAX, b"here", b"text"), &filters);
        let text = cursor.encode();
        assert_eq!(LogCursor::decode(&text, &filters), Ok(cursor));
        let other = LogFilters { min_severity: Some(10), ..LogFilters::default() };
        assert_eq!(LogCursor::decode(&text, &other), Err(CursorError::Foreign));
        for at in 0..text.len() {
            assert!(LogCursor::decode(&text[..at], &filters).is_err(), "cut at {at}");
            let changed = format!("{}!{}", &text[..at], &text[at + 1..]);
            assert_eq!(LogCursor::decode(&changed, &filters), Err(CursorError::Damaged));
        }
        for bad in ["", "null", "é", &"A".repeat(1 << 16), &"A".repeat(text.len())] {
            assert_eq!(LogCursor::decode(bad, &filters), Err(CursorError::Damaged));
        }
    }
}
