//! The only reader of time. Code that decides takes `now` as an argument instead.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds since the Unix epoch, as OTLP counts them. A clock before 1970 reads 0.
#[expect(clippy::disallowed_methods, reason = "this is the one reader of the wall clock")]
pub fn unix_nanos() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

/// A monotonic instant, for measuring how long something took.
#[expect(clippy::disallowed_methods, reason = "this is the one reader of the monotonic clock")]
pub fn monotonic() -> Instant {
    Instant::now()
}

/// Processor time this process has used, in seconds.
#[cfg(feature = "server")]
pub fn process_cpu_seconds() -> f64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}
