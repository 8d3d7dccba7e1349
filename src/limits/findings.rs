//! Bounds of what Pharos says of what it saw.

/// Notices that wait to become log records: more at a time say nothing more to anybody.
pub const NOTICES: usize = 1_024;
/// Notices that go into one batch.
pub const NOTICES_PER_BATCH: usize = 256;
/// How long a batch of notices is tried to be appended before it is given up, in seconds.
pub const NOTICE_APPEND_SECONDS: u64 = 30;
