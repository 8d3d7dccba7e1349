//! The volume under the log: how much room is left?

use super::Verdict;

/// Room on the volume, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// What an unprivileged process may still write; `None` where the system does not tell.
    pub free_bytes: Option<u64>,
    /// Where ingest stops (`storage.disk_reserve_bytes`).
    pub reserve_bytes: u64,
}

/// Below the reserve ingest has stopped; below twice the reserve it soon will.
pub fn check(state: &State) -> Verdict {
    let Some(free_bytes) = state.free_bytes else {
        return Verdict::degraded("The free space is not known.");
    };
    let free_mib = free_bytes >> 20;
    if free_bytes < state.reserve_bytes {
        Verdict::unhealthy(format!("{free_mib} MiB are free, less than the reserve."))
    } else if free_bytes < state.reserve_bytes.saturating_mul(2) {
        Verdict::degraded(format!("{free_mib} MiB are free; ingest stops at the reserve."))
    } else {
        Verdict::healthy()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Status;

    #[test]
    fn the_reserve_is_the_border() {
        let status = |free_bytes, reserve_bytes| {
            check(&State { free_bytes: Some(free_bytes), reserve_bytes }).status
        };
        assert_eq!(status(99, 100), Status::Unhealthy);
        assert_eq!(status(100, 100), Status::Degraded);
        assert_eq!(status(199, 100), Status::Degraded);
        assert_eq!(status(200, 100), Status::Healthy);
        assert_eq!(status(0, 0), Status::Healthy);
        assert_eq!(status(u64::MAX, u64::MAX), Status::Healthy);
        let unknown = State { free_bytes: None, reserve_bytes: 1 };
        assert_eq!(check(&unknown).status, Status::Degraded);
    }
}
