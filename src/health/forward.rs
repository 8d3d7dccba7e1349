//! A forwarding target: does it take what is sent?

use super::Verdict;
use crate::limits;

/// How one target is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The target's name in the configuration.
    pub name: String,
    /// Since when no attempt has succeeded; `None` while the last one did.
    pub failing_since_ns: Option<u64>,
    /// Items that retention removed before the target took them.
    pub expired_items: u64,
}

/// A target that is down never makes Pharos unhealthy: the log keeps its place, and the other
/// targets and all reading go on.
pub fn check(state: &State, now_ns: u64) -> Verdict {
    let failing = state.failing_since_ns.map_or(0, |since| now_ns.saturating_sub(since));
    let seconds = failing / 1_000_000_000;
    if state.failing_since_ns.is_some() && seconds >= limits::TARGET_FAILING_DEGRADED_SECONDS {
        Verdict::degraded(format!("Nothing could be delivered for {seconds} s."))
    } else if state.expired_items > 0 {
        let count = state.expired_items;
        Verdict::degraded(format!("{count} items expired before they could be delivered."))
    } else {
        Verdict::healthy()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Status;

    #[test]
    fn a_short_failure_is_a_retry_and_a_long_one_is_news() {
        let now = 1_000_000_000_000;
        let status = |failing_seconds: Option<u64>, expired_items| {
            let failing_since_ns = failing_seconds.map(|seconds| now - seconds * 1_000_000_000);
            check(&State { name: "t".to_owned(), failing_since_ns, expired_items }, now).status
        };
        assert_eq!(status(None, 0), Status::Healthy);
        assert_eq!(status(Some(5), 0), Status::Healthy);
        assert_eq!(status(Some(30), 0), Status::Degraded);
        assert_eq!(status(None, 7), Status::Degraded);
    }
}
