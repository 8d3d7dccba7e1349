//! What has become too old or too much, or is kept elsewhere and needed by nobody, is removed:
//! whole segments, the oldest first.
//!
//! Ages are counted from when the newest batch of a segment was committed, on a clock that is set
//! from the wall clock once and then runs evenly, so that a step of the wall clock removes
//! nothing early.

use std::io;
use std::time::Instant;

use tracing::{debug, info, warn};

use super::header::SEGMENT_HEADER_BYTES;
use super::status::SegmentInfo;
use super::table::Table;
use super::writer::Writer;
use crate::clock;

/// The wall clock as it was at the start, running evenly since.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage) struct RetentionClock {
    began_ns: u64,
    began: Instant,
}

impl RetentionClock {
    pub(in crate::storage) fn start() -> Self {
        Self { began_ns: clock::unix_nanos(), began: clock::monotonic() }
    }

    /// Nanoseconds since the Unix epoch.
    pub(in crate::storage) fn now_ns(&self) -> u64 {
        let passed = clock::monotonic().saturating_duration_since(self.began).as_nanos();
        self.began_ns.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX))
    }
}

impl Writer {
    /// Removes what is too old or too much. The newest segment always stays: the number of the
    /// next one is found from it.
    pub(super) fn expire(&mut self, now_ns: u64) {
        let newest = self.shared.table().segments.values().next_back().map(|last| last.info);
        if newest.is_some_and(|newest| newest.batches > 0 && self.is_too_old(&newest, now_ns)) {
            // Nothing has come for long; what came last has to be behind something newer.
            self.seal();
            if let Err(error) = self.begin(now_ns) {
                warn!(%error, "An expired segment cannot be closed yet.");
            }
        }
        let mut removed = false;
        loop {
            let table = self.shared.table();
            let Some(next) = self.next_to_expire(&table, now_ns) else { break };
            drop(table);
            if !self.remove(next) {
                break;
            }
            removed = true;
        }
        if removed && let Err(error) = self.shared.fs.sync_dir(&self.shared.layout.segments()) {
            // Segments that come back after a crash expire again.
            warn!(%error, "The removal of segments could not be synced.");
        }
    }

    fn next_to_expire(&self, table: &Table, now_ns: u64) -> Option<u64> {
        let mut oldest = table.segments.values().map(|segment| segment.info);
        let first = oldest.next().filter(|first| first.sealed)?;
        let rest = oldest.map(|segment| segment.bytes).reduce(|sum, bytes| sum + bytes)?;
        let limit = self.shared.options.retention_bytes;
        let too_much = limit.is_some_and(|limit| first.bytes + rest > limit);
        let is_empty = first.end <= SEGMENT_HEADER_BYTES;
        let passed = first.number < self.shared.holds.needed_from();
        let expires = too_much || is_empty || passed || self.is_too_old(&first, now_ns);
        expires.then_some(first.number)
    }

    fn is_too_old(&self, segment: &SegmentInfo, now_ns: u64) -> bool {
        self.shared.options.retention_age.is_some_and(|age| {
            let age_ns = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
            segment.newest_ns.saturating_add(age_ns) < now_ns
        })
    }

    /// Removes a segment; says whether that went well.
    fn remove(&self, number: u64) -> bool {
        // Readers look into the table first, so it leaves that before the file goes.
        let Some(segment) = self.shared.table_mut().remove(number) else { return false };
        match self.shared.fs.remove(&self.shared.layout.segment(number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                warn!(%error, segment = number, "An expired segment cannot be removed yet.");
                self.shared.table_mut().put_back(segment);
                return false;
            }
            Ok(()) | Err(_) => {}
        }
        let mut table = self.shared.table_mut();
        table.damaged.retain(|(damaged, _), _| *damaged != number);
        // What is kept elsewhere by now is not lost.
        let passed = number < self.shared.holds.needed_from();
        if !passed {
            table.counts.expired.count(&segment.info, 0, None);
        }
        drop(table);
        if passed {
            debug!(segment = number, "A segment that is kept as a block was removed.");
        } else if segment.info.batches > 0 {
            let bytes = segment.info.bytes;
            info!(segment = number, bytes, "A segment has expired.");
            self.shared.observer.expired(&segment.info);
        }
        true
    }
}
