//! Where what is counted goes.

use super::finding::Kind;

/// What was forgotten, because what is remembered is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgotten {
    /// Costs that waited for a parent that did not come.
    Waiting,
    /// A run was closed before its grace was over.
    OpenRun,
    /// The usual figures of a workflow or an agent.
    Baseline,
    /// The tool calls of a run.
    Calls,
    /// The spending of a tenant.
    Tenant,
}

/// Hears what is to be counted. Called by the thread that reads the log, so that what is counted
/// of the log survives a crash.
pub trait WatchObserver: Send {
    /// A run of a workflow was closed whose whole cost is known, in USD.
    fn workflow_cost(&self, workflow: &str, usd: f64);

    /// One was closed of whose cost only a part is known.
    fn workflow_cost_incomplete(&self, workflow: &str);

    /// A cost came after a run above it had been closed, in USD.
    fn late_cost(&self, usd: f64);

    /// Something of this kind may be found about this name: its counter stands at 0.
    fn expect(&self, kind: Kind, name: &str);

    /// Something was found.
    fn found(&self, kind: Kind, name: &str);

    /// A notice was held back, because the same had been told a short while ago.
    fn held_back(&self);

    /// What was spent within the last hour, in USD: by a tenant, or by all.
    fn velocity(&self, tenant: Option<&str>, usd: f64);

    /// Something was forgotten.
    fn forgotten(&self, what: Forgotten, count: u64);
}
