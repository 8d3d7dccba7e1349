//! What the log says of itself.

use super::header::SEGMENT_HEADER_BYTES;
use crate::model::Signal;

/// Whether the log takes batches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Writable {
    /// It does.
    #[default]
    Yes,
    /// There is less free space than is kept in reserve.
    DiskFull,
    /// The operating system refuses; what it said.
    ReadOnly(String),
}

/// The log as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogStatus {
    /// Segments kept.
    pub segments: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Items kept, by signal in the order of [`Signal::ALL`].
    pub items: [u64; 3],
    /// Bytes that they may have before retention removes the oldest.
    pub limit_bytes: Option<u64>,
    /// Free bytes of the file system, if it tells.
    pub free_bytes: Option<u64>,
    /// Whether the log takes batches.
    pub writable: Writable,
    /// Counted since the log was opened, recovery included.
    pub counts: LogCounts,
}

/// What has happened since the log was opened, its recovery included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogCounts {
    /// Groups made durable.
    pub syncs: u64,
    /// Writes or syncs that failed; each closed its segment.
    pub sync_failures: u64,
    /// Stretches of damaged bytes put aside.
    pub quarantined: u64,
    /// Bytes in them.
    pub quarantined_bytes: u64,
    /// Bytes cut from the ends of segments: written, but never acknowledged.
    pub torn_bytes: u64,
    /// What retention has removed.
    pub expired: Expired,
}

/// What retention has removed, of the whole log or ahead of one reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expired {
    /// Segments.
    pub segments: u64,
    /// Bytes, as far as known: segments removed before the last start are not.
    pub bytes: u64,
    /// Items by signal in the order of [`Signal::ALL`], as far as known.
    pub items: [u64; 3],
}

/// One segment of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SegmentInfo {
    /// Its number. Numbers grow with time; there may be gaps.
    pub number: u64,
    /// Where its committed frames end: the offset that the next one has or would have.
    pub end: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Batches in it.
    pub batches: u64,
    /// Items in it by signal, in the order of [`Signal::ALL`].
    pub items: [u64; 3],
    /// When its newest batch arrived; never less than that of the segment before it.
    pub newest_ns: u64,
    /// Whether it is closed: nothing will be appended to it.
    pub sealed: bool,
}

impl SegmentInfo {
    /// Counts one batch.
    pub(super) fn count(&mut self, signal: Signal, items: u32) {
        self.batches += 1;
        add_items(&mut self.items, signal, u64::from(items));
    }
}

impl Expired {
    /// Counts a segment from its `from` offset on; `from` is 0 for all of it. Of a part it is not
    /// known how many items it held, unless `read` says how many stood before it.
    pub(super) fn count(&mut self, segment: &SegmentInfo, from: u64, read: Option<[u64; 3]>) {
        if segment.batches == 0 {
            return;
        }
        self.segments += 1;
        self.bytes += segment.bytes.saturating_sub(from);
        let whole = (from <= SEGMENT_HEADER_BYTES).then_some([0; 3]);
        let Some(read) = whole.or(read) else { return };
        for ((sum, items), read) in self.items.iter_mut().zip(segment.items).zip(read) {
            *sum += items.saturating_sub(read);
        }
    }

    /// Counts what another one counted as well.
    pub(super) fn add(&mut self, other: Self) {
        self.segments += other.segments;
        self.bytes += other.bytes;
        for (sum, items) in self.items.iter_mut().zip(other.items) {
            *sum += items;
        }
    }
}

/// Adds to the place of a signal.
pub(super) fn add_items(items: &mut [u64; 3], signal: Signal, count: u64) {
    let places = Signal::ALL.iter().zip(items);
    for (_, place) in places.filter(|(each, _)| **each == signal) {
        *place += count;
    }
}
