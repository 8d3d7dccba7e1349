//! What is found by watching runs: their cost, thresholds, anomalies.

use super::buckets::RUN_USD;
use super::{Family, Kind, Label, Source, Unit, closed, families, open};

const NAME: Label = open("name");

families! {
    WORKFLOW_COST = Kind::Histogram(RUN_USD), "workflow_cost_usd", Usd,
        [open("workflow")], Log,
        "Cost of a workflow run with all that ran below it, where the cost of every call is known.";
    WORKFLOW_COST_INCOMPLETE = Kind::Counter, "workflow_cost_incomplete_total", Items,
        [open("workflow")], Log,
        "Workflow runs with calls that have no price; they are not in workflow_cost_usd.";
    THRESHOLD_EXCEEDED = Kind::Counter, "performance_threshold_exceeded_total", Items,
        [closed("threshold", &[
            "workflow_seconds", "step_seconds", "llm_call_seconds", "workflow_cost",
            "error_ratio"
        ]), NAME], Log,
        "Exceeded performance thresholds, by the workflow, agent, step or model.";
    ANOMALIES = Kind::Counter, "anomalies_total", Items,
        [closed("kind", &[
            "slow_run", "expensive_run", "tool_loop", "tool_cycle", "cost_velocity"
        ]), NAME], Log,
        "Anomalies, by the workflow, agent, tool or tenant they are about.";
    COST_VELOCITY = Kind::Gauge, "cost_velocity_usd_per_hour", Usd, [], Process,
        "USD spent on LLM calls within the last hour.";
    TENANT_COST_VELOCITY = Kind::Gauge, "tenant_cost_velocity_usd_per_hour", Usd,
        [open("tenant_id")], Process,
        "USD spent on LLM calls within the last hour, by tenant.";
    LATE_COST = Kind::Amount, "pharos_watch_late_cost_usd_total", Usd, [], Log,
        "Cost of calls that arrived after a run above them had been measured.";
    WATCH_FORGOTTEN = Kind::Counter, "pharos_watch_forgotten_total", Items,
        [closed("what", &["waiting", "open_run", "baseline", "calls", "tenant"])], Log,
        "What watching had to forget because its memory is bounded.";
    WATCH_HELD_BACK = Kind::Counter, "pharos_watch_held_back_total", Items, [], Process,
        "Findings that were not told one by one, because the same had been told a short while ago.";
}
