//! How a log is kept.

use std::time::Duration;

use crate::limits;

/// When an append is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Once the disk has it: survives power loss.
    #[default]
    Fsync,
    /// Once the operating system has it: survives the end of the process, not of the machine.
    Os,
}

/// How a log is kept.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// When an append is answered.
    pub durability: Durability,
    /// A segment is closed before it grows over this many bytes.
    pub segment_bytes: u64,
    /// A segment whose newest batch arrived longer ago than this is removed.
    pub retention_age: Option<Duration>,
    /// The oldest segments are removed while all of them together hold more than this.
    pub retention_bytes: Option<u64>,
    /// Appends are refused while the file system has less free than this.
    pub disk_reserve_bytes: u64,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            durability: Durability::Fsync,
            segment_bytes: limits::SEGMENT_BYTES,
            retention_age: None,
            retention_bytes: None,
            disk_reserve_bytes: limits::DISK_RESERVE_BYTES,
        }
    }
}
