//! The fields that are a kind's own.

use super::schema::{Field, Frame, To, Want};
use crate::limits;

const fn say(name: &'static str, want: Want, attribute: &'static str, doc: &'static str) -> Field {
    Field::new(name, want, To::Attribute(attribute), doc)
}

const TOKENS: Want = Want::Count(limits::TOKENS_PER_CALL);
const BUDGET_TOKENS: Want = Want::Count(limits::EVENT_COUNT);
const USD: Want = Want::Number(limits::COST_PER_CALL_USD);
const MANY: Want = Want::Number(limits::EVENT_COUNT as f64);

pub(super) static HTTP: &[Field] = &[
    say("method", Want::Text, "http.request.method", "The HTTP method."),
    say("endpoint", Want::Text, "http.route", "The route template, never a raw path.")
        .or(&["route"]),
    say("path", Want::Text, "url.path", "The raw path; it is kept and not counted by."),
];
pub(super) static WORKFLOW: &[Field] =
    &[say("workflow", Want::Text, "gen_ai.workflow.name", "The workflow's name.")
        .or(&["workflow_name", "name"])];
pub(super) static AGENT: &[Field] = &[
    Field::new(
        "input",
        Want::Content,
        To::Messages("gen_ai.input.messages", "user"),
        "What the run was asked.",
    ),
    Field::new(
        "output",
        Want::Content,
        To::Messages("gen_ai.output.messages", "assistant"),
        "What it answered.",
    ),
];
pub(super) static LLM: &[Field] =
    &[
        say("provider", Want::Text, "gen_ai.provider.name", "Who serves the model."),
        say("model", Want::Text, "gen_ai.request.model", "The model asked for."),
        say("response_model", Want::Text, "gen_ai.response.model", "The model that answered."),
        say("response_id", Want::Text, "gen_ai.response.id", "The provider's id of the answer."),
        say(
            "operation",
            Want::Word(&["chat", "text_completion", "generate_content", "embeddings"]),
            "gen_ai.operation.name",
            "What the model was asked to do.",
        )
        .default("chat"),
        say("usage.input_tokens", TOKENS, "gen_ai.usage.input_tokens", "Prompt tokens.").or(&[
            "input_tokens",
            "prompt_tokens",
            "tokens_in",
            "usage.prompt_tokens",
        ]),
        say("usage.output_tokens", TOKENS, "gen_ai.usage.output_tokens", "Completion tokens.")
            .or(&["output_tokens", "completion_tokens", "tokens_out", "usage.completion_tokens"]),
        say(
            "usage.cached_tokens",
            TOKENS,
            "gen_ai.usage.cache_read.input_tokens",
            "The part of the prompt that the provider read from its cache.",
        )
        .or(&["cached_tokens"]),
        say(
            "usage.cache_write_tokens",
            TOKENS,
            "gen_ai.usage.cache_write.input_tokens",
            "The part of the prompt that the provider wrote to its cache.",
        )
        .or(&["cache_write_tokens"]),
        say(
            "usage.reasoning_tokens",
            TOKENS,
            "gen_ai.usage.reasoning.output_tokens",
            "The part of the completion that was reasoning.",
        )
        .or(&["reasoning_tokens"]),
        say("cost_usd", USD, "pharos.cost_usd", "What it cost, in USD, where the app knows.")
            .or(&["cost"]),
        say(
            "time_to_first_token",
            Want::Seconds(limits::EVENT_SECONDS),
            "gen_ai.response.time_to_first_chunk",
            "Seconds until the first token.",
        )
        .or(&["ttft"]),
        say(
            "time_to_first_token_ms",
            Want::Milliseconds(limits::EVENT_SECONDS),
            "gen_ai.response.time_to_first_chunk",
            "The same in milliseconds.",
        )
        .or(&["ttft_ms"]),
        Field::new(
            "finish_reason",
            Want::Text,
            To::List("gen_ai.response.finish_reasons"),
            "Why the model stopped.",
        ),
        Field::new(
            "input",
            Want::Content,
            To::Messages("gen_ai.input.messages", "user"),
            "What it was asked: text, or a list of messages.",
        )
        .or(&["messages", "prompt"]),
        Field::new(
            "output",
            Want::Content,
            To::Messages("gen_ai.output.messages", "assistant"),
            "What it answered: text, or a list of messages.",
        )
        .or(&["completion", "response"]),
    ];
pub(super) static TOOL: &[Field] = &[
    say("tool", Want::Text, "gen_ai.tool.name", "The tool's name.").or(&["tool_name", "name"]),
    say("call_id", Want::Text, "gen_ai.tool.call.id", "The model's id of the call.")
        .or(&["tool_call_id"]),
    say("arguments", Want::Content, "gen_ai.tool.call.arguments", "What it was called with.")
        .or(&["args", "input"]),
    say("result", Want::Content, "gen_ai.tool.call.result", "What it answered.").or(&["output"]),
];
pub(super) static SKILL: &[Field] = &[
    say("skill", Want::Text, "gen_ai.skill.name", "The skill's name.").or(&["skill_name"]),
    say("step", Want::Text, "pharos.step.name", "The step's name.").or(&["step_name"]),
    say("outcome", Want::Text, "pharos.skill.outcome", "How it ended, in the app's own word."),
];
pub(super) static STEP: &[Field] =
    &[say("step", Want::Text, "pharos.step.name", "The step's name.").or(&["step_name", "name"])];
pub(super) static IN_WORKFLOW: &[Field] =
    &[say("workflow", Want::Text, "gen_ai.workflow.name", "The workflow that it is a step of.")
        .or(&["workflow_name"])];
pub(super) static PATTERN: &[Field] =
    &[say("pattern", Want::Text, "pharos.pattern.id", "The pattern's id.")
        .or(&["pattern_id", "name"])];
pub(super) static CAPABILITY: &[Field] =
    &[say("capability", Want::Text, "pharos.capability.name", "The capability's name.")
        .or(&["capability_name", "name"])];
pub(super) static SERVICE: &[Field] = &[
    say("target", Want::Text, "pharos.service.name", "The service that was called.")
        .or(&["service_name", "peer"]),
    say("method", Want::Text, "pharos.service.method", "The method that was called."),
];
pub(super) static DB: &[Field] = &[
    say("system", Want::Text, "db.system.name", "`postgresql`, `redis`, …").default("other_sql"),
    say("operation", Want::Text, "db.operation.name", "`SELECT`, `GET`, …"),
    say("table", Want::Text, "db.collection.name", "The table or collection."),
    say(
        "statement",
        Want::Content,
        "db.query.text",
        "The statement; what is left out above is read \
        from it.",
    )
    .or(&["query"]),
    say(
        "connections_active",
        MANY,
        "pharos.db.connections.active",
        "How many connections the app has in use.",
    ),
];
pub(super) static PROVIDER: &[Field] = &[
    say("provider", Want::Text, "gen_ai.provider.name", "Who serves models."),
    say(
        "endpoint",
        Want::Text,
        "pharos.provider.endpoint",
        "What was asked for: `chat`, \
        `embeddings`, `models`, …",
    )
    .default("unknown"),
];
pub(super) static RATE_LIMIT: &[Field] = &[
    say("provider", Want::Text, "gen_ai.provider.name", "Who serves models."),
    say("remaining", MANY, "pharos.rate_limit.remaining", "How much is left."),
    say("limit", MANY, "pharos.rate_limit.limit", "How much there is in a period."),
    say(
        "resource",
        Want::Word(&["requests", "tokens"]),
        "pharos.rate_limit.resource",
        "What is limited; the metric shows requests.",
    )
    .default("requests"),
    say(
        "reset",
        Want::Seconds(limits::EVENT_SECONDS),
        "pharos.rate_limit.reset_seconds",
        "Seconds until there is all of it again.",
    ),
];
pub(super) static GATEWAY: &[Field] = &[
    say("gateway", Want::Text, "pharos.gateway.id", "The gateway's id.").or(&["gateway_id"]),
    say("method", Want::Text, "pharos.gateway.method", "The HTTP method of the caller.")
        .default("POST"),
];
pub(super) static TOKEN_BUDGET: &[Field] = &[
    say(
        "period",
        Want::Word(&["daily", "monthly"]),
        "pharos.budget.period",
        "The budget's period.",
    )
    .default("daily"),
    say("limit", BUDGET_TOKENS, "pharos.budget.limit_tokens", "Tokens that may be used."),
    say("used", BUDGET_TOKENS, "pharos.budget.used_tokens", "Tokens that were used."),
    say("remaining", BUDGET_TOKENS, "pharos.budget.remaining_tokens", "Tokens that are left."),
];
pub(super) static SPEND: &[Field] = &[
    say("cost_usd", USD, "pharos.cost_usd", "How much, in USD.").or(&["amount_usd", "usd", "cost"]),
    say("provider", Want::Text, "gen_ai.provider.name", "Whom it was paid to."),
    say("model", Want::Text, "gen_ai.request.model", "The model that it was paid for."),
    say("reason", Want::Text, "pharos.spend.reason", "What it was paid for, in a word."),
];
pub(super) static CONNECTIONS: &[Field] = &[
    say("active", MANY, "pharos.db.connections.active", "How many connections are in use.")
        .or(&["connections_active"]),
    say("system", Want::Text, "db.system.name", "`postgresql`, `redis`, …"),
];
pub(super) static DEBUG: &[Field] = &[
    Field::new(
        "event_type",
        Want::Word(&[
            "request",
            "history",
            "plan",
            "tool_call",
            "skill_step",
            "supervisor",
            "completion_prompt",
            "completion_response",
        ]),
        To::Frame(Frame::EventType),
        "What it tells of a run.",
    ),
    Field::new("text", Want::Content, To::Body, "What was said.")
        .or(&["content", "message", "data"]),
];
pub(super) static SECURITY: &[Field] = &[
    say("event", Want::Text, "pharos.security.event", "What happened, in a word.")
        .or(&["event_type", "action"]),
    Field::new("message", Want::Content, To::Body, "What happened, in words."),
];
pub(super) static ERROR: &[Field] = &[
    Field::new(
        "error_type",
        Want::Text,
        To::Frame(Frame::ErrorType),
        "The class of the error, in a word.",
    )
    .or(&["kind", "error_class", "exception"]),
    Field::new("message", Want::Content, To::Body, "What went wrong, in words.")
        .or(&["error", "error_message"]),
    say("stacktrace", Want::Content, "exception.stacktrace", "Where it went wrong.")
        .or(&["stack", "traceback"]),
];
