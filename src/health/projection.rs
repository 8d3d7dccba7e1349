//! The reader of the log behind metrics and search: is it keeping up?

use super::Verdict;
use crate::limits;

/// Where the projection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Whether its thread lives.
    pub running: bool,
    /// When the oldest batch that it has not read yet arrived; `None` when it has read all.
    pub oldest_waiting_ns: Option<u64>,
}

/// A batch that waits long means metrics and search show the past.
pub fn check(state: &State, now_ns: u64) -> Verdict {
    if !state.running {
        return Verdict::unhealthy("Metrics and search have stopped following the log.");
    }
    let waiting = state.oldest_waiting_ns.map_or(0, |since| now_ns.saturating_sub(since));
    let seconds = waiting / 1_000_000_000;
    if seconds >= limits::PROJECTION_LAG_UNHEALTHY_SECONDS {
        Verdict::unhealthy(format!("Metrics and search are {seconds} s behind the log."))
    } else if seconds >= limits::PROJECTION_LAG_DEGRADED_SECONDS {
        Verdict::degraded(format!("Metrics and search are {seconds} s behind the log."))
    } else {
        Verdict::healthy()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Status;

    #[test]
    fn lag_is_what_counts() {
        let now = 10_000_000_000_000;
        let status = |running, lag_seconds: Option<u64>| {
            let oldest_waiting_ns = lag_seconds.map(|lag| now - lag * 1_000_000_000);
            check(&State { running, oldest_waiting_ns }, now).status
        };
        assert_eq!(status(true, None), Status::Healthy);
        assert_eq!(status(true, Some(1)), Status::Healthy);
        assert_eq!(status(true, Some(15)), Status::Degraded);
        assert_eq!(status(true, Some(3_600)), Status::Unhealthy);
        assert_eq!(status(false, None), Status::Unhealthy);
        // A clock that was set back is no lag.
        let ahead = State { running: true, oldest_waiting_ns: Some(now + 5) };
        assert_eq!(check(&ahead, now).status, Status::Healthy);
    }
}
