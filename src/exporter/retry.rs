//! When to try again: exponential back-off with jitter, as the OTLP specification asks.

use std::time::Duration;

use crate::limits;

/// The state of one target's patience.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause before the next try. A target that says when to come again is believed, but
    /// asked again within `limits::TARGET_PAUSE_SECONDS`. `chance` is uniform in 0..1.
    pub(super) fn pause(&mut self, after: Option<Duration>, chance: f64) -> Duration {
        let longest = Duration::from_secs(limits::TARGET_PAUSE_SECONDS);
        let doubled = Duration::from_millis(500).saturating_mul(1 << self.failures.min(20));
        self.failures = self.failures.saturating_add(1);
        let base = doubled.min(longest);
        // Half is fixed and half is left to chance, so that many senders do not come in step.
        let jittered = base.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0));
        jittered.max(after.unwrap_or(Duration::ZERO)).min(longest)
    }

    /// The target took something.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_are_bounded_and_start_over() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..12).map(|_| backoff.pause(None, 1.0)).collect();
        assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(pauses[0], Duration::from_millis(500));
        assert_eq!(pauses[11], Duration::from_secs(limits::TARGET_PAUSE_SECONDS));
        backoff.succeeded();
        assert_eq!(backoff.pause(None, 0.0), Duration::from_millis(250));
    }

    #[test]
    fn the_target_is_believed_within_the_bound() {
        let mut backoff = Backoff::default();
        let asked = Duration::from_secs(7);
        assert_eq!(backoff.pause(Some(asked), 0.5), asked);
        let absurd = Some(Duration::from_secs(86_000));
        assert_eq!(backoff.pause(absurd, 0.5), Duration::from_secs(limits::TARGET_PAUSE_SECONDS));
    }
}
