//! What the log holds, and where.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use crate::model::Signal;

/// One redacted OTLP export request, as it is appended to the log and read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// What the request carries.
    pub signal: Signal,
    /// When it arrived, in nanoseconds since the Unix epoch.
    pub arrived_ns: u64,
    /// Spans, log records or data points in it.
    pub items: u32,
    /// The request, protobuf-encoded. A body read from the log is a slice of a larger read:
    /// whoever keeps it for long should copy it.
    pub body: Bytes,
}

/// The place of a batch in the log: the first byte of its frame. Positions are ordered as the
/// batches were committed; one that was saved as a cursor names the next batch to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// Number of the segment.
    pub segment: u64,
    /// Bytes from the start of the segment's file.
    pub offset: u64,
}

impl Position {
    /// Before everything: a reader that starts here starts at the oldest batch kept, and does
    /// not call older ones expired.
    pub const OLDEST: Self = Self { segment: 0, offset: 0 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.segment, self.offset)
    }
}

/// The text is not two decimal numbers with a colon between them.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a log position is written as <segment>:<offset>")]
pub struct InvalidPosition;

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let (segment, offset) = text.split_once(':').ok_or(InvalidPosition)?;
        let number = |text: &str| text.parse().map_err(|_| InvalidPosition);
        Ok(Self { segment: number(segment)?, offset: number(offset)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_written_and_read() {
        let at = Position { segment: 7, offset: 128 };
        assert_eq!(at.to_string(), "7:128");
        assert_eq!("7:128".parse(), Ok(at));
        for bad in ["", "7", "7:", ":8", "7:8:9", "-1:0", "a:b"] {
            assert_eq!(bad.parse::<Position>(), Err(InvalidPosition), "{bad}");
        }
    }
}
