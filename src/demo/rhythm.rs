//! When runs happen: busy by day, quiet by night, never evenly spaced; and when things go wrong.

use std::time::Duration;

const DAY_SECONDS: u64 = 86_400;
/// Every so often a provider has a bad while.
const INCIDENT_EVERY_SECONDS: u64 = 900;
const INCIDENT_SECONDS: u64 = 240;

/// The pause before the next run: exponential, around the rate of this hour of the day.
pub(super) fn pause(dice: &mut fastrand::Rng, rate: f64, now_ns: u64) -> Duration {
    let mean = 1.0 / (rate * busyness(now_ns));
    let spread = -(1.0 - dice.f64()).ln();
    Duration::from_secs_f64((mean * spread).min(mean * 5.0))
}

/// Between 0.35 at four in the morning and 1 at four in the afternoon, UTC.
fn busyness(now_ns: u64) -> f64 {
    let hour = (now_ns / 1_000_000_000 % DAY_SECONDS) as f64 / 3600.0;
    let wave = ((hour - 16.0) / 24.0 * std::f64::consts::TAU).cos();
    0.675 + 0.325 * wave
}

/// Whether a provider has its bad while now.
pub(super) fn in_incident(provider: &str, now_ns: u64) -> bool {
    let second = now_ns / 1_000_000_000;
    let turn = second / INCIDENT_EVERY_SECONDS;
    let struck = if turn.is_multiple_of(2) { "anthropic" } else { "openai" };
    provider == struck && second % INCIDENT_EVERY_SECONDS < INCIDENT_SECONDS
}

/// A duration with a long tail: log-normal around `typical` seconds.
pub(super) fn tail(dice: &mut fastrand::Rng, typical: f64) -> f64 {
    // The sum of twelve uniform numbers is close enough to normal.
    let normal = (0..12).map(|_| dice.f64()).sum::<f64>() - 6.0;
    (typical * (0.55 * normal).exp()).clamp(typical * 0.2, typical * 40.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn afternoons_are_busier_than_nights() {
        let at = |hour: u64| busyness(hour * 3600 * 1_000_000_000);
        assert!(at(16) > 0.99 && at(4) < 0.36 && at(10) > at(4));
    }

    #[test]
    fn tails_are_long_and_bounded() {
        let mut dice = fastrand::Rng::with_seed(1);
        let mut times: Vec<f64> = (0..10_000).map(|_| tail(&mut dice, 1.0)).collect();
        times.sort_by(f64::total_cmp);
        assert!((0.8..1.2).contains(&times[5_000]));
        assert!(times[9_900] > 2.5 && times[9_999] <= 40.0);
    }
}
