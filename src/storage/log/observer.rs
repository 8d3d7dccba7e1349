//! Who is told what the log does, so that it can be measured.

use std::fmt;

use super::status::SegmentInfo;

/// Is told what the log does. Called from the log's own thread and from readers; must be quick.
pub trait LogObserver: Send + Sync + fmt::Debug {
    /// A group was written and synced in this time.
    fn synced(&self, seconds: f64, bytes: u64, batches: u32) {
        let _ = (seconds, bytes, batches);
    }
    /// A write or sync failed; its segment was closed.
    fn sync_failed(&self) {}
    /// A damaged stretch of this many bytes was put aside.
    fn quarantined(&self, bytes: u64) {
        let _ = bytes;
    }
    /// Bytes that were never acknowledged were cut from the end of a segment.
    fn torn(&self, bytes: u64) {
        let _ = bytes;
    }
    /// Retention is about to remove this segment.
    fn expired(&self, segment: &SegmentInfo) {
        let _ = segment;
    }
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl LogObserver for Unobserved {}
