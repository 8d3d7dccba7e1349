//! What part of some runs failed, within a window that moves on.

use super::bytes::kept;

/// Parts that the window is counted in.
const SLOTS: usize = 10;

/// When a part of the runs is too much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RatioOptions {
    pub(super) most: f64,
    pub(super) least_runs: u64,
    pub(super) window_ns: u64,
}

/// Runs and failures, slot by slot.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Ratio {
    slots: [(u32, u32); SLOTS],
    /// The number of the newest slot since the epoch.
    newest: u64,
    /// Until when it has been told.
    quiet_until_ns: u64,
}

kept!(Ratio { slots, newest, quiet_until_ns });

impl Ratio {
    /// Counts a run. Says which part failed, of how many, where that is too much and has not
    /// been said within the window.
    pub(super) fn count(
        &mut self,
        now_ns: u64,
        failed: bool,
        options: &RatioOptions,
    ) -> Option<(f64, u64)> {
        let number = now_ns / (options.window_ns / SLOTS as u64).max(1);
        for gone in (self.newest + 1..=number).rev().take(SLOTS) {
            self.slots[gone as usize % SLOTS] = (0, 0);
        }
        self.newest = self.newest.max(number);
        let slot = &mut self.slots[number as usize % SLOTS];
        slot.0 = slot.0.saturating_add(1);
        slot.1 = slot.1.saturating_add(u32::from(failed));
        let sum = |(runs, failures): (u64, u64), slot: &(u32, u32)| {
            (runs + u64::from(slot.0), failures + u64::from(slot.1))
        };
        let (runs, failures) = self.slots.iter().fold((0, 0), sum);
        let part = failures as f64 / runs as f64;
        let too_much = failed && runs >= options.least_runs && part > options.most;
        if !too_much || now_ns < self.quiet_until_ns {
            return None;
        }
        self.quiet_until_ns = now_ns.saturating_add(options.window_ns);
        Some((part, runs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: RatioOptions = RatioOptions { most: 0.05, least_runs: 20, window_ns: 1_000 };

    fn told(runs: impl IntoIterator<Item = (u64, bool)>) -> Vec<(f64, u64)> {
        let mut ratio = Ratio::default();
        runs.into_iter().filter_map(|(now, failed)| ratio.count(now, failed, &OPTIONS)).collect()
    }

    #[test]
    fn too_many_failures_are_told_once_a_window() {
        assert_eq!(told((0..19).map(|at| (at, true))), [], "too few runs");
        assert_eq!(told((0..20).map(|at| (at, at == 19))), [], "5 % is not more than 5 %");
        assert_eq!(told((0..20).map(|at| (at, at >= 18))), [(0.1, 20)]);
        let always = told((0..3_000).map(|at| (at, true)));
        assert_eq!(always.len(), 3, "{always:?}");
    }

    #[test]
    fn what_is_older_than_the_window_does_not_count() {
        let burst = (0..15).map(|at| (at, true));
        assert_eq!(told(burst.clone().chain((0..15).map(|at| (1_100 + at, true)))), []);
        assert_eq!(told(burst.chain((0..15).map(|at| (500 + at, true)))).len(), 1);
    }
}
