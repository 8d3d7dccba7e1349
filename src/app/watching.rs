//! Watching, connected: what it counts goes to the metrics, what it finds to the notices.

use std::sync::Arc;

use crate::config::Config;
use crate::metrics::{Registry, catalog};
use crate::model::{Notices, Projection};
use crate::watch::{
    Forgotten, Kind, LoopOptions, OutlierOptions, ThresholdOptions, VelocityOptions, Watch,
    WatchHandle, WatchObserver, WatchOptions,
};

/// The projection, if it is wanted, and what the API reads of it.
pub(super) fn start(
    config: &Config,
    registry: &Registry,
    notices: Arc<dyn Notices>,
) -> (Option<Box<dyn Projection>>, Option<WatchHandle>) {
    if !config.watch.enabled {
        return (None, None);
    }
    let observer = Box::new(WatchCounts { registry: registry.clone() });
    let watch = Watch::new(options(config), observer, notices);
    let handle = watch.handle();
    (Some(Box::new(watch)), Some(handle))
}

fn options(config: &Config) -> WatchOptions {
    let watch = &config.watch;
    let (thresholds, anomalies) = (watch.thresholds, watch.anomalies);
    WatchOptions {
        grace: watch.grace,
        notice_interval: watch.notice_interval,
        thresholds: ThresholdOptions {
            workflow_seconds: thresholds.workflow_seconds,
            step_seconds: thresholds.step_seconds,
            llm_call_seconds: thresholds.llm_call_seconds,
            workflow_cost_usd: thresholds.workflow_cost_usd,
            error_ratio: thresholds.error_ratio,
            error_runs: thresholds.error_runs,
            window: thresholds.window,
        },
        anomalies: OutlierOptions {
            window: anomalies.window,
            min_runs: anomalies.min_runs,
            margin: anomalies.margin,
            min_seconds: anomalies.min_seconds,
            min_cost_usd: anomalies.min_cost_usd,
        },
        loops: LoopOptions { repeats: watch.loops.repeats, rounds: watch.loops.rounds },
        velocity: VelocityOptions {
            usd_per_hour: watch.cost.usd_per_hour,
            times_typical: watch.cost.times_typical,
            min_usd: watch.cost.min_usd,
        },
    }
}

/// What watching counts. All of it is rare compared with spans, so handles are looked up.
struct WatchCounts {
    registry: Registry,
}

impl WatchCounts {
    fn count(&self, kind: Kind, name: &str, times: u64) {
        let family = match kind.is_threshold() {
            true => &catalog::THRESHOLD_EXCEEDED,
            false => &catalog::ANOMALIES,
        };
        self.registry.counter(family, &[kind.name(), name]).increment(times);
    }
}

impl WatchObserver for WatchCounts {
    fn workflow_cost(&self, workflow: &str, usd: f64) {
        self.registry.histogram(&catalog::WORKFLOW_COST, &[workflow]).record(usd);
    }

    fn workflow_cost_incomplete(&self, workflow: &str) {
        self.registry.counter(&catalog::WORKFLOW_COST_INCOMPLETE, &[workflow]).increment(1);
    }

    fn late_cost(&self, usd: f64) {
        if let Some(amount) = self.registry.amount(&catalog::LATE_COST, &[]) {
            amount.add(usd);
        }
    }

    fn expect(&self, kind: Kind, name: &str) {
        self.count(kind, name, 0);
    }

    fn found(&self, kind: Kind, name: &str) {
        self.count(kind, name, 1);
    }

    fn held_back(&self) {
        self.registry.counter(&catalog::WATCH_HELD_BACK, &[]).increment(1);
    }

    fn velocity(&self, tenant: Option<&str>, usd: f64) {
        match tenant {
            None => self.registry.gauge(&catalog::COST_VELOCITY, &[]).set(usd),
            Some(tenant) => {
                self.registry.gauge(&catalog::TENANT_COST_VELOCITY, &[tenant]).set(usd);
            }
        }
    }

    fn forgotten(&self, what: Forgotten, count: u64) {
        let what = match what {
            Forgotten::Waiting => "waiting",
            Forgotten::OpenRun => "open_run",
            Forgotten::Baseline => "baseline",
            Forgotten::Calls => "calls",
            Forgotten::Tenant => "tenant",
        };
        self.registry.counter(&catalog::WATCH_FORGOTTEN, &[what]).increment(count);
    }
}
