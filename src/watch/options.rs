//! What is watched for.

use std::time::Duration;

pub use super::loops::LoopOptions;
pub use super::velocity::VelocityOptions;

/// What is watched for, as configured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WatchOptions {
    /// How long after a run's span its children may still arrive.
    pub grace: Duration,
    /// How often a finding of one kind about one name is told.
    pub notice_interval: Duration,
    /// What nothing should exceed.
    pub thresholds: ThresholdOptions,
    /// When a run is unlike the others of its name.
    pub anomalies: OutlierOptions,
    /// When a run goes round in circles.
    pub loops: LoopOptions,
    /// When money goes too fast.
    pub velocity: VelocityOptions,
}

/// What nothing should exceed; `None` is no threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThresholdOptions {
    /// A run of a workflow, in seconds.
    pub workflow_seconds: Option<f64>,
    /// A step of a workflow, in seconds.
    pub step_seconds: Option<f64>,
    /// A call of a model, in seconds.
    pub llm_call_seconds: Option<f64>,
    /// A run of a workflow, in USD.
    pub workflow_cost_usd: Option<f64>,
    /// The part of the runs that fail.
    pub error_ratio: Option<f64>,
    /// Runs below which that part says nothing.
    pub error_runs: u64,
    /// The window of that part.
    pub window: Duration,
}

/// When a run is unlike the others of its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutlierOptions {
    /// Half of the time that is remembered.
    pub window: Duration,
    /// Runs below which nothing is judged.
    pub min_runs: u64,
    /// How many times the 99th percentile.
    pub margin: f64,
    /// Below this nothing is slow.
    pub min_seconds: f64,
    /// Below this nothing is expensive.
    pub min_cost_usd: f64,
}

impl OutlierOptions {
    pub(super) fn window_ns(&self) -> u64 {
        self.window.as_nanos() as u64
    }
}
