//! What is measured of skills, patterns, capabilities and runs under way: mostly told by events.

use super::agents::{SECONDS, STATUS};
use super::{Family, Kind, Source, Unit, families, open};

families! {
    SKILL_STEPS = Kind::Counter, "skill_steps_total", Items,
        [open("skill"), open("outcome")], Log,
        "Steps of skills, by their outcome in the app's own word, else success or error.";
    PATTERN_EXECUTIONS = Kind::Counter, "pattern_executions_total", Items,
        [open("pattern_id"), STATUS], Log,
        "Executions of orchestration patterns.";
    PATTERN_EXECUTION_DURATION = SECONDS, "pattern_execution_duration_seconds", Seconds,
        [open("pattern_id")], Log,
        "Duration of executions of orchestration patterns.";
    CAPABILITY_CALLS = Kind::Counter, "agent_capability_calls_total", Items,
        [open("agent_name"), open("capability"), STATUS], Log,
        "Calls of what an agent offers to others.";
    CAPABILITY_DURATION = SECONDS, "agent_capability_duration_seconds", Seconds,
        [open("agent_name"), open("capability")], Log,
        "Duration of calls of what an agent offers to others.";
    ACTIVE_CONNECTIONS = Kind::Gauge, "active_connections", Items,
        [], Scrape,
        "Requests whose beginning was told and whose end was not.";
    ACTIVE_AGENT_RUNS = Kind::Gauge, "active_agent_runs", Items,
        [], Scrape,
        "Runs of agents whose beginning was told and whose end was not.";
    ACTIVE_WORKFLOW_RUNS = Kind::Gauge, "active_workflow_runs", Items,
        [], Scrape,
        "Runs of workflows whose beginning was told and whose end was not.";
    RUNS_UNTRACKED = Kind::Counter, "pharos_runs_untracked_total", Items,
        [], Scrape,
        "Beginnings of runs that were not tracked because too many runs are open.";
    PROVIDER_RATE_LIMIT_REMAINING = Kind::Gauge, "provider_rate_limit_remaining", Items,
        [open("provider")], Process,
        "Requests that a model provider still allows, as it was last reported.";
    DB_CONNECTIONS_ACTIVE = Kind::Gauge, "db_connections_active", Items,
        [], Process,
        "Database connections in use, the last word of every service added up.";
}
