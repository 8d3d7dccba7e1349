//! ClickHouse: does it take what is kept, and can it be asked?

use super::Verdict;
use crate::limits;

/// How ClickHouse is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// Since when nothing was taken; `None` while the last insert was.
    pub failing_since_ns: Option<u64>,
    /// Why, in a word or a short sentence.
    pub reason: String,
    /// Items that retention removed before ClickHouse took them.
    pub expired_items: u64,
}

/// A ClickHouse that is down never makes Pharos unhealthy: the log keeps everything meanwhile
/// and is searched for it.
pub fn check(state: &State, now_ns: u64) -> Verdict {
    let failing = state.failing_since_ns.map(|since| now_ns.saturating_sub(since) / 1_000_000_000);
    match failing {
        Some(seconds) if seconds >= limits::CLICKHOUSE_FAILING_DEGRADED_SECONDS => {
            let reason = &state.reason;
            Verdict::degraded(format!(
                "ClickHouse has taken nothing for {seconds} s ({reason}); the log keeps it."
            ))
        }
        _ if state.expired_items > 0 => {
            let count = state.expired_items;
            Verdict::degraded(format!("{count} items expired before ClickHouse took them."))
        }
        _ => Verdict::healthy(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Status;

    #[test]
    fn a_pause_is_a_retry_and_a_long_one_is_news() {
        let now = 1_000_000_000_000;
        let check = |seconds: Option<u64>, expired_items| {
            let failing_since_ns = seconds.map(|seconds| now - seconds * 1_000_000_000);
            check(&State { failing_since_ns, reason: "slow".to_owned(), expired_items }, now)
        };
        assert_eq!(check(None, 0), Verdict::healthy());
        assert_eq!(check(Some(5), 0), Verdict::healthy());
        let down = check(Some(45), 0);
        assert_eq!(down.status, Status::Degraded);
        let said = "ClickHouse has taken nothing for 45 s (slow); the log keeps it.";
        assert_eq!(down.message.as_deref(), Some(said));
        assert_eq!(check(None, 3).status, Status::Degraded);
    }
}
