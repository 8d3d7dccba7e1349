//! What the API reads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::baselines::Baselines;
use super::finding::{Finding, Subject};
use super::lineage::Work;
use super::telling::Findings;

/// The state that the API reads, shared with the thread that reads the log.
#[derive(Debug, Clone, Default)]
pub struct WatchHandle(Arc<Mutex<Shared>>);

/// What is shared.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) baselines: Baselines,
    pub(super) findings: Findings,
}

/// What is usual of a workflow or an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Usual {
    /// A workflow or an agent.
    pub subject: Subject,
    /// Its name.
    pub name: String,
    /// When a run of it was last seen to be over, in nanoseconds since the Unix epoch.
    pub last_ns: u64,
    /// In seconds.
    pub duration: Quantiles,
    /// In USD, of the runs whose cost is known.
    pub cost: Quantiles,
}

/// How values are distributed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Quantiles {
    /// How many there are.
    pub runs: u64,
    /// Half of them are below.
    pub p50: Option<f64>,
    /// 95 of a hundred are below.
    pub p95: Option<f64>,
    /// 99 of a hundred are below.
    pub p99: Option<f64>,
}

impl WatchHandle {
    /// The findings of late that `wanted` takes, the newest first.
    pub fn findings(&self, wanted: impl Fn(&Finding) -> bool, limit: usize) -> Vec<Finding> {
        let shared = self.lock();
        shared.findings.iter().rev().filter(|it| wanted(it)).take(limit).cloned().collect()
    }

    /// What is usual: workflows, then agents, each by name.
    pub fn baselines(&self) -> Vec<Usual> {
        // Copied, so that the log is not kept waiting while quantiles are taken.
        let baselines = self.lock().baselines.clone();
        let usual = |(work, name, it): (Work, &str, &super::baselines::Baseline)| {
            let quantiles = |values: &super::sketch::Windowed| {
                let [p50, p95, p99] = values.quantiles([0.5, 0.95, 0.99]);
                Quantiles { runs: values.count(), p50, p95, p99 }
            };
            Usual {
                subject: work.subject(),
                name: name.to_owned(),
                last_ns: it.last_ns,
                duration: quantiles(&it.seconds),
                cost: quantiles(&it.usd),
            }
        };
        baselines.all().into_iter().map(usual).collect()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
