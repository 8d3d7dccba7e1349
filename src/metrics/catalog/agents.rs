//! What is measured of the platform: families computed from the spans in the log.

use super::buckets::{AGENT_SECONDS, FIRST_TOKEN_SECONDS, OUTPUT_TOKEN_SECONDS};
use super::{Family, Kind, Label, Source, Unit, closed, families, open};

/// How a piece of work ended.
pub(super) const STATUS: Label = closed("status", &["success", "error"]);
const SUCCESS: Label = closed("success", &["true", "false"]);
const PROVIDER: Label = open("provider");
const MODEL: Label = open("model");
pub(super) const SECONDS: Kind = Kind::Histogram(AGENT_SECONDS);

families! {
    HTTP_REQUESTS = Kind::Counter, "http_requests_total", Items,
        [open("method"), open("endpoint"), open("status")], Log,
        "HTTP requests served, by route template and status code.";
    HTTP_REQUEST_DURATION = SECONDS, "http_request_duration_seconds", Seconds,
        [open("method"), open("endpoint")], Log,
        "Time to serve an HTTP request.";
    LLM_REQUESTS = Kind::Counter, "llm_requests_total", Items,
        [PROVIDER, MODEL, STATUS], Log,
        "LLM calls; each call counts once, however many instrumentations report it.";
    LLM_REQUEST_DURATION = SECONDS, "llm_request_duration_seconds", Seconds,
        [PROVIDER, MODEL], Log,
        "Duration of LLM calls.";
    LLM_TIME_TO_FIRST_TOKEN = Kind::Histogram(FIRST_TOKEN_SECONDS),
        "llm_time_to_first_token_seconds", Seconds, [PROVIDER, MODEL], Log,
        "Time from the start of an LLM call to its first token.";
    LLM_TIME_PER_OUTPUT_TOKEN = Kind::Histogram(OUTPUT_TOKEN_SECONDS),
        "llm_time_per_output_token_seconds", Seconds, [PROVIDER, MODEL], Log,
        "Time per output token after the first one.";
    LLM_TOKENS = Kind::Counter, "llm_tokens_total", Items,
        [PROVIDER, MODEL, closed("token_type", &["prompt", "completion"])], Log,
        "Tokens of LLM calls; prompt and completion together are the total.";
    LLM_CACHED_TOKENS = Kind::Counter, "llm_cached_tokens_total", Items,
        [PROVIDER, MODEL], Log,
        "Prompt tokens read from the provider's cache, a part of the prompt tokens.";
    LLM_CACHE_WRITE_TOKENS = Kind::Counter, "llm_cache_write_tokens_total", Items,
        [PROVIDER, MODEL], Log,
        "Prompt tokens written to the provider's cache, a part of the prompt tokens.";
    LLM_REASONING_TOKENS = Kind::Counter, "llm_reasoning_tokens_total", Items,
        [PROVIDER, MODEL], Log,
        "Tokens spent on reasoning, a part of the completion tokens.";
    LLM_COST = Kind::Amount, "llm_cost_usd_total", Usd,
        [PROVIDER, MODEL], Log,
        "Cost of LLM calls whose cost is known.";
    LLM_UNPRICED_REQUESTS = Kind::Counter, "llm_unpriced_requests_total", Items,
        [MODEL], Log,
        "Successful LLM calls whose cost is not known; they add nothing to the cost.";
    AGENT_RUNS = Kind::Counter, "agent_runs_total", Items,
        [open("agent_type"), STATUS], Log,
        "Agent runs that ended.";
    AGENT_RUN_DURATION = SECONDS, "agent_run_duration_seconds", Seconds,
        [open("agent_type"), STATUS], Log,
        "Duration of agent runs.";
    AGENT_STEPS = Kind::Counter, "agent_steps_total", Items,
        [open("agent_type")], Log,
        "Steps of agents: LLM calls, tool calls and reported steps whose agent is known.";
    WORKFLOW_RUNS = Kind::Counter, "workflow_runs_total", Items,
        [open("workflow"), STATUS], Log,
        "Workflow runs that ended.";
    WORKFLOW_DURATION = SECONDS, "workflow_duration_seconds", Seconds,
        [open("workflow"), STATUS], Log,
        "Duration of workflow runs.";
    WORKFLOW_STEP_DURATION = SECONDS, "workflow_step_duration_seconds", Seconds,
        [open("agent"), STATUS], Log,
        "Duration of workflow steps, by the agent that took them.";
    TOOL_CALLS = Kind::Counter, "tool_calls_total", Items,
        [open("tool_name"), SUCCESS], Log,
        "Tool executions.";
    TOOL_DURATION = SECONDS, "tool_duration_seconds", Seconds,
        [open("tool_name")], Log,
        "Duration of tool executions.";
    SERVICE_CALLS = Kind::Counter, "service_calls_total", Items,
        [open("service_name"), open("method"), STATUS], Log,
        "Calls of other services.";
    SERVICE_CALL_DURATION = SECONDS, "service_call_duration_seconds", Seconds,
        [open("service_name"), open("method")], Log,
        "Duration of calls of other services.";
    DB_QUERIES = Kind::Counter, "db_queries_total", Items,
        [open("operation"), open("table")], Log,
        "Database queries.";
    DB_QUERY_DURATION = SECONDS, "db_query_duration_seconds", Seconds,
        [open("operation"), open("table")], Log,
        "Duration of database queries.";
    PROVIDER_REQUESTS = Kind::Counter, "provider_requests_total", Items,
        [PROVIDER, open("endpoint"), STATUS], Log,
        "Requests to model providers, by the kind of call.";
    PROVIDER_REQUEST_DURATION = SECONDS, "provider_request_duration_seconds", Seconds,
        [PROVIDER, open("endpoint")], Log,
        "Duration of requests to model providers.";
    ERRORS = Kind::Counter, "errors_total", Items,
        [open("kind")], Log,
        "Failed spans, and reported errors and security events, by class.";
}
