//! What one question may cost.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::{clock, limits};

/// How much one search may read and how long it may take. One that reaches a bound answers with
/// what it has and says so.
#[derive(Debug, Clone)]
pub struct Budget<'b> {
    /// Bytes of telemetry.
    pub bytes: u64,
    /// When it must end, by the monotonic clock.
    pub deadline: Option<Instant>,
    /// Set by whoever asked, once the answer is no longer wanted.
    pub cancelled: Option<&'b AtomicBool>,
    /// Bytes of telemetry read so far.
    pub spent: u64,
}

impl Default for Budget<'_> {
    /// The bounds of [`limits`], from now on.
    fn default() -> Self {
        let longest = Duration::from_millis(limits::SEARCH_MILLISECONDS);
        Self {
            bytes: limits::SEARCH_SCAN_BYTES,
            deadline: clock::monotonic().checked_add(longest),
            cancelled: None,
            spent: 0,
        }
    }
}

impl Budget<'_> {
    /// Takes the cost of a read that is about to be made.
    pub(in crate::storage) fn spend(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.spent += bytes;
    }

    /// Whether nothing more may be read.
    pub(in crate::storage) fn is_spent(&self) -> bool {
        self.bytes == 0
            || self.deadline.is_some_and(|deadline| clock::monotonic() >= deadline)
            || self.cancelled.is_some_and(|cancelled| cancelled.load(Ordering::Relaxed))
    }
}
