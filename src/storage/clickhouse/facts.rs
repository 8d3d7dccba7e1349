//! What is understood of a span, as attributes of our own: so that filters run as SQL, and lists
//! and statistics need no content.

use std::borrow::Cow;

use super::row_binary::Pairs;
use crate::model::{
    AgentRun, CostSource, HttpExchange, LlmCall, Operation, Pricing, ServiceTier, ToolCall,
    Understanding, Usage, UsageSource, WorkflowRun, WorkflowStep,
};

pub(super) const OPERATION: &str = "pharos.operation";
pub(super) const FAILED: &str = "pharos.failed";
pub(super) const ERROR_TYPE: &str = "pharos.error_type";
pub(super) const PROVIDER: &str = "pharos.provider";
pub(super) const MODEL: &str = "pharos.model";
pub(super) const RESPONSE_MODEL: &str = "pharos.response_model";
pub(super) const RESPONSE_ID: &str = "pharos.response_id";
pub(super) const TOOL: &str = "pharos.tool";
/// The agent or workflow that the operation itself names.
pub(super) const RUN: &str = "pharos.run";
pub(super) const AGENT: &str = "pharos.agent";
pub(super) const SKILL: &str = "pharos.skill";
pub(super) const TENANT: &str = "pharos.tenant";
pub(super) const USER: &str = "pharos.user";
pub(super) const CONVERSATION: &str = "pharos.conversation";
const HTTP_METHOD: &str = "pharos.http.method";
const HTTP_ROUTE: &str = "pharos.http.route";
const HTTP_STATUS: &str = "pharos.http.status";
const INPUT: &str = "pharos.tokens.input";
const OUTPUT: &str = "pharos.tokens.output";
const CACHED: &str = "pharos.tokens.cached";
const CACHE_WRITE: &str = "pharos.tokens.cache_write";
const REASONING: &str = "pharos.tokens.reasoning";
const COST: &str = "pharos.cost_usd";
const COST_STATE: &str = "pharos.cost.state";
const COST_SOURCE: &str = "pharos.cost.source";
const COST_VERSION: &str = "pharos.cost.version";
const USAGE_SOURCE: &str = "pharos.usage.source";
const TIER: &str = "pharos.service_tier";
const RESPONSE_CACHE: &str = "pharos.response_cache";
const FIRST_TOKEN: &str = "pharos.first_token_seconds";

/// The operations that are calls of a model.
pub(super) const LLM: [&str; 4] = ["chat", "text_completion", "generate_content", "embeddings"];

/// Adds what is understood of a span.
pub(super) fn put(pairs: &mut Pairs, known: &Understanding<'_>) {
    let mut text = |key: &str, value: Option<&str>| {
        pairs.extend(value.map(|value| (key.to_owned(), value.to_owned())));
    };
    text(OPERATION, Some(known.operation.name()));
    text(FAILED, known.failed.then_some("true"));
    text(ERROR_TYPE, known.error_type);
    text(AGENT, known.agent);
    text(SKILL, known.skill);
    text(TENANT, known.tenant);
    text(USER, known.user);
    text(CONVERSATION, known.conversation);
    match &known.operation {
        Operation::Llm(call) => {
            text(PROVIDER, Some(&call.provider));
            text(MODEL, Some(call.model()));
            text(RESPONSE_MODEL, call.response_model);
            text(RESPONSE_ID, call.response_id);
            put_usage(pairs, call);
        }
        Operation::Tool(call) => text(TOOL, Some(call.name)),
        Operation::Agent(run) => text(RUN, Some(run.name)),
        Operation::Workflow(run) => text(RUN, Some(run.name)),
        Operation::Step(step) => text(RUN, Some(step.agent)),
        Operation::HttpServer(exchange) | Operation::HttpClient(exchange) => {
            let status = exchange.status_code.map(|code| code.to_string());
            text(HTTP_METHOD, Some(exchange.method));
            text(HTTP_ROUTE, exchange.route);
            text(HTTP_STATUS, status.as_deref());
        }
        Operation::Skill(_)
        | Operation::AgentStep(_)
        | Operation::Pattern(_)
        | Operation::Capability(_)
        | Operation::Service(_)
        | Operation::Provider(_)
        | Operation::Db(_)
        | Operation::Retrieval
        | Operation::Other => {}
    }
}

fn put_usage(pairs: &mut Pairs, call: &LlmCall<'_>) {
    let Usage { input, output, cached, cache_write, reasoning } = call.usage;
    let tokens = [
        (INPUT, input),
        (OUTPUT, output),
        (CACHED, cached),
        (CACHE_WRITE, cache_write),
        (REASONING, reasoning),
    ];
    let tokens = tokens.map(|(key, count)| Some((key.to_owned(), count?.to_string())));
    put_cost(pairs, call);
    let numbers = [(COST, call.cost.usd), (FIRST_TOKEN, call.time_to_first_token_seconds)];
    let numbers = numbers.map(|(key, number)| Some((key.to_owned(), number?.to_string())));
    pairs.extend(tokens.into_iter().chain(numbers).flatten());
}

/// How much of the cost is known, who says so, and what else must be known to price it again.
fn put_cost(pairs: &mut Pairs, call: &LlmCall<'_>) {
    let cost = call.cost;
    let version = (cost.version > 0).then(|| format!("{:016x}", cost.version));
    let estimated = call.usage_source != UsageSource::default();
    let urgent = call.service_tier != ServiceTier::default();
    let facts = [
        (COST_STATE, Some(cost.state.name())),
        (COST_SOURCE, (cost.source != CostSource::Nobody).then(|| cost.source.name())),
        (COST_VERSION, version.as_deref()),
        (USAGE_SOURCE, estimated.then(|| call.usage_source.name())),
        (TIER, urgent.then(|| call.service_tier.name())),
        (RESPONSE_CACHE, call.from_response_cache.then_some("true")),
    ];
    let said = facts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text?.to_owned())));
    pairs.extend(said);
}

/// What was understood of a span when its row was written.
pub(super) fn understanding<'a>(
    pairs: &'a [(String, String)],
    prices: &dyn Pricing,
    start_ns: u64,
) -> Understanding<'a> {
    let text = |key: &str| pairs.iter().find(|(found, _)| found == key).map(|(_, text)| &**text);
    let run = text(RUN).unwrap_or_default();
    let exchange = || HttpExchange {
        method: text(HTTP_METHOD).unwrap_or_default(),
        route: text(HTTP_ROUTE),
        status_code: text(HTTP_STATUS).and_then(|code| code.parse().ok()),
        peer: "",
    };
    let name = text(OPERATION).unwrap_or_default();
    let operation = match name {
        "execute_tool" => Operation::Tool(ToolCall {
            name: text(TOOL).unwrap_or_default(),
            ..ToolCall::default()
        }),
        "invoke_agent" => Operation::Agent(AgentRun { name: run }),
        "invoke_workflow" => Operation::Workflow(WorkflowRun { name: run }),
        "workflow_step" => Operation::Step(WorkflowStep { name: run, agent: run }),
        "agent_step" => Operation::AgentStep(Default::default()),
        "retrieval" => Operation::Retrieval,
        "http.server" => Operation::HttpServer(exchange()),
        "http.client" => Operation::HttpClient(exchange()),
        "db" => Operation::Db(Default::default()),
        "skill_step" => Operation::Skill(Default::default()),
        "pattern" => Operation::Pattern(Default::default()),
        "capability" => Operation::Capability(Default::default()),
        "service_call" => Operation::Service(Default::default()),
        "provider_request" => Operation::Provider(Default::default()),
        _ => match LLM.into_iter().find(|known| *known == name) {
            Some(name) => Operation::Llm(call(pairs, name, prices, start_ns)),
            None => Operation::Other,
        },
    };
    Understanding {
        operation,
        failed: text(FAILED).is_some(),
        error_type: text(ERROR_TYPE),
        tenant: text(TENANT),
        user: text(USER),
        conversation: text(CONVERSATION),
        agent: text(AGENT),
        skill: text(SKILL),
        ..Understanding::default()
    }
}

/// A call of a model. A cost that was computed then is computed again, by the prices of now for
/// its time.
fn call<'a>(
    pairs: &'a [(String, String)],
    operation: &'static str,
    prices: &dyn Pricing,
    start_ns: u64,
) -> LlmCall<'a> {
    let text = |key: &str| pairs.iter().find(|(found, _)| found == key).map(|(_, text)| &**text);
    let count = |key| text(key)?.parse().ok();
    let number = |key| text(key)?.parse().ok();
    let source = text(COST_SOURCE).and_then(CostSource::of_name);
    let computed = matches!(source, Some(CostSource::BuiltIn | CostSource::File));
    let mut call = LlmCall {
        operation,
        provider: Cow::Borrowed(text(PROVIDER).unwrap_or("unknown")),
        request_model: text(MODEL),
        response_model: text(RESPONSE_MODEL),
        response_id: text(RESPONSE_ID),
        usage: Usage {
            input: count(INPUT),
            output: count(OUTPUT),
            cached: count(CACHED),
            cache_write: count(CACHE_WRITE),
            reasoning: count(REASONING),
        },
        time_to_first_token_seconds: number(FIRST_TOKEN),
        reported_cost_usd: number(COST).filter(|_| !computed),
        usage_source: text(USAGE_SOURCE).and_then(UsageSource::of_name).unwrap_or_default(),
        service_tier: text(TIER).and_then(ServiceTier::of_name).unwrap_or_default(),
        from_response_cache: text(RESPONSE_CACHE).is_some(),
        ..LlmCall::default()
    };
    prices.price(&mut call, start_ns);
    call
}
