//! The log: does it keep what arrives?

use super::Verdict;

/// What the log says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// Why nothing can be appended (`disk full`, `a sync failed`, …); `None` while it can.
    pub read_only: Option<String>,
    /// Stretches of damaged bytes that were put aside.
    pub quarantined: u64,
}

/// Read-only is a failure: senders are refused. Quarantined stretches are history lost
/// from view, which someone should look at.
pub fn check(state: &State) -> Verdict {
    match state {
        State { read_only: Some(reason), .. } => {
            Verdict::unhealthy(format!("The store is read-only: {reason}."))
        }
        State { quarantined: 0, .. } => Verdict::healthy(),
        State { quarantined: count, .. } => {
            Verdict::degraded(format!("{count} damaged stretches of the log were put aside."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Status;

    #[test]
    fn read_only_outweighs_quarantine() {
        let mut state = State::default();
        assert_eq!(check(&state), Verdict::healthy());
        state.quarantined = 2;
        assert_eq!(check(&state).status, Status::Degraded);
        state.read_only = Some("disk full".to_owned());
        let verdict = check(&state);
        assert_eq!(verdict.status, Status::Unhealthy);
        assert_eq!(verdict.message.as_deref(), Some("The store is read-only: disk full."));
    }
}
