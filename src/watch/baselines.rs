//! What is usual of a workflow or an agent, and which runs are not.
//!
//! A run is slow, or expensive, if it takes or costs more than the 99th percentile of the runs of
//! its own name, times a margin. Every run is then one of those that the next are compared with,
//! so a workflow that has become slower for good is told until a hundredth of its runs are so,
//! and then is usual. Failed runs are judged, but are no measure of others.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::bytes::{Kept, kept};
use super::lineage::{Run, Work};
use super::options::{OutlierOptions, WatchOptions};
use super::ratio::{Ratio, RatioOptions};
use super::sketch::Windowed;
use crate::limits;

/// The runs of one name.
#[derive(Debug, Clone, Default)]
pub(super) struct Baseline {
    pub(super) seconds: Windowed,
    pub(super) usd: Windowed,
    pub(super) ratio: Ratio,
    pub(super) last_ns: u64,
}

kept!(Baseline { seconds, usd, ratio, last_ns });

/// Baselines by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Baselines {
    workflows: Names,
    agents: Names,
}

type Names = HashMap<Box<str>, Baseline, RandomState>;

/// What is unusual about a run.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Verdict {
    /// The seconds that it should not have exceeded.
    pub(super) slow: Option<f64>,
    /// The USD that it should not have exceeded.
    pub(super) expensive: Option<f64>,
    /// The part of the runs that failed lately, and of how many.
    pub(super) failing: Option<(f64, u64)>,
    /// Whether the runs of another name were forgotten.
    pub(super) forgotten: bool,
}

impl Baselines {
    /// A run is closed.
    pub(super) fn judge(&mut self, run: &Run, now_ns: u64, options: &WatchOptions) -> Verdict {
        let names = match run.work {
            Work::Workflow => &mut self.workflows,
            Work::Agent => &mut self.agents,
        };
        let mut verdict = Verdict::default();
        if !names.contains_key(&*run.name) {
            verdict.forgotten = make_room(names, options.anomalies.min_runs);
            names.insert(run.name.clone(), Baseline::default());
        }
        let baseline = names.get_mut(&*run.name).expect("it was there or put there");
        baseline.judge(run, now_ns, options, &mut verdict);
        verdict
    }

    /// All of them: workflows, then agents, each by name.
    pub(super) fn all(&self) -> Vec<(Work, &str, &Baseline)> {
        let workflows = self.workflows.iter().map(|(name, it)| (Work::Workflow, &**name, it));
        let agents = self.agents.iter().map(|(name, it)| (Work::Agent, &**name, it));
        let mut all: Vec<_> = workflows.chain(agents).collect();
        all.sort_by_key(|(work, name, _)| (*work == Work::Agent, *name));
        all
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for names in [&self.workflows, &self.agents] {
            (names.len() as u32).write(out);
            for (name, baseline) in names {
                name.write(out);
                baseline.write(out);
            }
        }
    }

    pub(super) fn read(from: &mut &[u8]) -> Option<Self> {
        let mut read = Self::default();
        for names in [&mut read.workflows, &mut read.agents] {
            for _ in 0..u32::read(from)? {
                names.insert(Kept::read(from)?, Baseline::read(from)?);
            }
        }
        Some(read)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.workflows.len() + self.agents.len()
    }
}

impl Baseline {
    fn judge(&mut self, run: &Run, now_ns: u64, options: &WatchOptions, verdict: &mut Verdict) {
        let anomalies = &options.anomalies;
        let window_ns = anomalies.window_ns();
        self.seconds.turn(now_ns, window_ns);
        self.usd.turn(now_ns, window_ns);
        self.last_ns = now_ns;
        verdict.slow = outlier(&mut self.seconds, run.seconds, anomalies.min_seconds, anomalies);
        if let Some(usd) = run.sums.usd() {
            // A lower bound that is too much is too much.
            verdict.expensive = outlier(&mut self.usd, usd, anomalies.min_cost_usd, anomalies);
            if !run.sums.is_lower_bound() && !run.failed {
                self.usd.add(usd);
            }
        }
        if !run.failed {
            self.seconds.add(run.seconds);
        }
        let thresholds = &options.thresholds;
        let window_ns = thresholds.window.as_nanos() as u64;
        let least_runs = thresholds.error_runs;
        let most = thresholds.error_ratio.unwrap_or(f64::INFINITY);
        let ratio = RatioOptions { most, least_runs, window_ns };
        verdict.failing = self.ratio.count(now_ns, run.failed, &ratio);
    }
}

/// The limit that a value exceeds, if it does.
fn outlier(usual: &mut Windowed, value: f64, least: f64, options: &OutlierOptions) -> Option<f64> {
    if value < least || usual.count() < options.min_runs {
        return None;
    }
    let limit = usual.high()? * options.margin;
    (value > limit).then_some(limit)
}

/// Makes room for a name: the one that was not seen for the longest goes, and one that has few
/// runs before one that has many, so that names that never come again cost no other its baseline.
fn make_room(names: &mut Names, enough: u64) -> bool {
    if names.len() < limits::WATCH_NAMES {
        return false;
    }
    let rank = |baseline: &Baseline| (baseline.seconds.count() >= enough, baseline.last_ns);
    let least = names.iter().min_by(|(name, one), (other_name, other)| {
        rank(one).cmp(&rank(other)).then_with(|| name.cmp(other_name))
    });
    let least = least.map(|(name, _)| name.clone());
    least.is_some_and(|name| names.remove(&name).is_some())
}

#[cfg(test)]
#[path = "baselines_tests.rs"]
mod tests;
