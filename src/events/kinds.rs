//! Every kind of event: the one table from which reading, errors, the JSON Schema and the
//! reference in `docs/EVENTS.md` follow.

use super::fields::{
    AGENT, CAPABILITY, CONNECTIONS, DB, DEBUG, ERROR, GATEWAY, HTTP, IN_WORKFLOW, LLM, PATTERN,
    PROVIDER, RATE_LIMIT, SECURITY, SERVICE, SKILL, SPEND, STEP, TOKEN_BUDGET, TOOL, WORKFLOW,
};
use super::frame::{ALSO_CODE, COMMON, LASTING, SEVERITY, STATUS_CODE, STATUS_WORD};
use super::schema::{Field, Kind, Shape};
use crate::model::{RunKind, SpanKind};

const SERVER: SpanKind = SpanKind::Server;
const CLIENT: SpanKind = SpanKind::Client;
const INTERNAL: SpanKind = SpanKind::Internal;

const fn span(kind: SpanKind, name: &'static [&'static str]) -> Shape {
    Shape::Span { kind, name, run: false }
}

const fn run(kind: SpanKind, name: &'static [&'static str]) -> Shape {
    Shape::Span { kind, name, run: true }
}

const fn moment(record: &'static str, severity: u32) -> Shape {
    Shape::Moment { record, severity }
}

/// A kind without other names, and nothing that must be there.
const fn kind(
    name: &'static str,
    doc: &'static str,
    shape: Shape,
    fields: &'static [&'static [Field]],
) -> Kind {
    Kind { name, aliases: &[], doc, shape, must: &[], one_of: &[], constant: &[], fields }
}

const REQUEST_NAME: &[&str] = &["method", "endpoint"];
const AGENT_NAME: &[&str] = &["=invoke_agent", "agent"];
const WORKFLOW_NAME: &[&str] = &["=invoke_workflow", "workflow"];
const IS_AGENT: &[(&str, &str)] = &[("gen_ai.operation.name", "invoke_agent")];
const IS_WORKFLOW: &[(&str, &str)] = &[("gen_ai.operation.name", "invoke_workflow")];

const INFO: u32 = 9;
const WARN: u32 = 13;
const ERROR_LEVEL: u32 = 17;

/// All kinds of events.
pub static KINDS: &[Kind] = &[
    Kind {
        aliases: &["http_request_start", "api_request_start"],
        ..kind(
            "request_start",
            "A request that is being served.",
            Shape::Start { record: "pharos.request.started", run: RunKind::Request },
            &[HTTP, COMMON],
        )
    },
    Kind {
        aliases: &["http_request_end", "api_request_end"],
        ..kind(
            "request_end",
            "The end of a request that was begun by `request_start`.",
            Shape::End { kind: SERVER, name: REQUEST_NAME, run: RunKind::Request },
            &[HTTP, STATUS_CODE, LASTING, COMMON],
        )
    },
    Kind {
        aliases: &["http_request", "api_request"],
        ..kind(
            "request",
            "A request that was served, told once.",
            run(SERVER, REQUEST_NAME),
            &[HTTP, STATUS_CODE, LASTING, COMMON],
        )
    },
    Kind {
        aliases: &["llm", "llm_request", "completion"],
        must: &["model"],
        ..kind(
            "llm_call",
            "One call of a model.",
            span(CLIENT, &["operation", "model"]),
            &[LLM, STATUS_WORD, LASTING, COMMON],
        )
    },
    Kind {
        aliases: &["tool", "tool_execution"],
        must: &["tool"],
        constant: &[("gen_ai.operation.name", "execute_tool")],
        ..kind(
            "tool_call",
            "One execution of a tool.",
            span(INTERNAL, &["=execute_tool", "tool"]),
            &[TOOL, STATUS_WORD, LASTING, COMMON],
        )
    },
    Kind {
        must: &["skill"],
        constant: &[("pharos.event.type", "skill_step")],
        ..kind(
            "skill_step",
            "One step of a skill.",
            span(INTERNAL, &["=skill_step", "skill"]),
            &[SKILL, STATUS_WORD, LASTING, COMMON],
        )
    },
    Kind {
        aliases: &["agent_start", "agent_execution_start"],
        must: &["agent"],
        ..kind(
            "agent_run_start",
            "A run of an agent that has begun.",
            Shape::Start { record: "pharos.agent_run.started", run: RunKind::Agent },
            &[AGENT, COMMON],
        )
    },
    Kind {
        aliases: &["agent_end", "agent_execution_end"],
        constant: IS_AGENT,
        ..kind(
            "agent_run_end",
            "The end of a run that was begun by `agent_run_start`.",
            Shape::End { kind: INTERNAL, name: AGENT_NAME, run: RunKind::Agent },
            &[AGENT, STATUS_WORD, LASTING, COMMON],
        )
    },
    Kind {
        aliases: &["agent_execution"],
        must: &["agent"],
        constant: IS_AGENT,
        ..kind(
            "agent_run",
            "A run of an agent, told once.",
            run(INTERNAL, AGENT_NAME),
            &[AGENT, STATUS_WORD, LASTING, COMMON],
        )
    },
    Kind {
        must: &["agent"],
        constant: &[("pharos.event.type", "agent_step")],
        ..kind(
            "agent_step",
            "One step of an agent that is neither a call of a model nor of a tool.",
            span(INTERNAL, &["=agent_step", "step"]),
            &[STEP, STATUS_WORD, LASTING, COMMON],
        )
    },
    Kind {
        aliases: &["workflow_run_start"],
        must: &["workflow"],
        ..kind(
            "workflow_start",
            "A run of a workflow that has begun.",
            Shape::Start { record: "pharos.workflow.started", run: RunKind::Workflow },
            &[WORKFLOW, COMMON],
        )
    },
    Kind {
        aliases: &["workflow_run_end"],
        constant: IS_WORKFLOW,
        ..kind(
            "workflow_end",
            "The end of a run that was begun by `workflow_start`.",
            Shape::End { kind: INTERNAL, name: WORKFLOW_NAME, run: RunKind::Workflow },
            &[WORKFLOW, STATUS_WORD, LASTING, COMMON],
        )
    },
    Kind {
        aliases: &["workflow_run"],
        must: &["workflow"],
        constant: IS_WORKFLOW,
        ..kind(
            "workflow",
            "A run of a workflow, told once.",
            run(INTERNAL, WORKFLOW_NAME),
            &[WORKFLOW, STATUS_WORD, LASTING, COMMON],
        )
    },
    Kind {
        must: &["step"],
        constant: &[("pharos.event.type", "workflow_step")],
        ..kind(
            "workflow_step",
            "One step of a workflow.",
            span(INTERNAL, &["=workflow_step", "step"]),
            &[STEP, IN_WORKFLOW, STATUS_WORD, LASTING, COMMON],
        )
    },
    Kind {
        aliases: &["pattern"],
        must: &["pattern"],
        constant: &[("pharos.event.type", "pattern_execution")],
        ..kind(
            "pattern_execution",
            "One execution of an orchestration pattern.",
            span(INTERNAL, &["=pattern", "pattern"]),
            &[PATTERN, STATUS_WORD, LASTING, COMMON],
        )
    },
    Kind {
        aliases: &["agent_capability_call", "capability"],
        must: &["capability", "agent"],
        constant: &[("pharos.event.type", "capability_call")],
        ..kind(
            "capability_call",
            "One call of what an agent offers to others; `agent` is the one that offers it.",
            span(CLIENT, &["=capability", "capability"]),
            &[CAPABILITY, STATUS_WORD, LASTING, COMMON],
        )
    },
    Kind {
        must: &["target"],
        constant: &[("pharos.event.type", "service_call")],
        ..kind(
            "service_call",
            "One call of another service, whatever the protocol.",
            span(CLIENT, &["target", "method"]),
            &[SERVICE, STATUS_WORD, ALSO_CODE, LASTING, COMMON],
        )
    },
    Kind {
        aliases: &["database_query", "db"],
        one_of: &["operation", "statement", "table"],
        ..kind(
            "db_query",
            "One database query.",
            span(CLIENT, &["operation", "table"]),
            &[DB, STATUS_WORD, LASTING, COMMON],
        )
    },
    Kind {
        aliases: &["provider_call"],
        must: &["provider"],
        constant: &[("pharos.event.type", "provider_request")],
        ..kind(
            "provider_request",
            "One request to a model provider. Below an `llm_call` it is that call's own request.",
            span(CLIENT, &["provider", "endpoint"]),
            &[PROVIDER, STATUS_WORD, ALSO_CODE, LASTING, COMMON],
        )
    },
    Kind {
        aliases: &["provider_rate_limit"],
        must: &["provider", "remaining"],
        ..kind(
            "rate_limit",
            "What a provider still allows.",
            moment("pharos.rate_limit", INFO),
            &[RATE_LIMIT, COMMON],
        )
    },
    Kind {
        aliases: &["gateway"],
        must: &["gateway"],
        constant: &[("pharos.event.type", "gateway_request")],
        ..kind(
            "gateway_request",
            "One request that a gateway of the app's own passed on.",
            span(INTERNAL, &["=gateway", "gateway"]),
            &[GATEWAY, STATUS_WORD, ALSO_CODE, LASTING, COMMON],
        )
    },
    Kind {
        aliases: &["budget"],
        must: &["tenant"],
        one_of: &["limit", "used", "remaining"],
        ..kind(
            "token_budget",
            "How a budget of tokens stands, in the app's own bookkeeping.",
            moment("pharos.token_budget", INFO),
            &[TOKEN_BUDGET, COMMON],
        )
    },
    Kind {
        aliases: &["cost"],
        must: &["cost_usd"],
        ..kind(
            "spend",
            "Money that was spent and that no `llm_call` carries.",
            moment("pharos.spend", INFO),
            &[SPEND, COMMON],
        )
    },
    Kind {
        must: &["active"],
        ..kind(
            "db_connections",
            "How many database connections the app has in use.",
            moment("pharos.db_connections", INFO),
            &[CONNECTIONS, COMMON],
        )
    },
    Kind {
        aliases: &["debug_event"],
        must: &["event_type", "text"],
        ..kind(
            "debug",
            "A debug event; see debugging.md.",
            moment("debug.", 5),
            &[DEBUG, SEVERITY, COMMON],
        )
    },
    Kind {
        aliases: &["security_event"],
        must: &["event"],
        ..kind(
            "security",
            "Something that security wants to know.",
            moment("pharos.security", WARN),
            &[SECURITY, SEVERITY, COMMON],
        )
    },
    Kind {
        aliases: &["exception"],
        one_of: &["error_type", "message"],
        ..kind(
            "error",
            "An error that no other event carries.",
            moment("pharos.error", ERROR_LEVEL),
            &[ERROR, SEVERITY, COMMON],
        )
    },
];
