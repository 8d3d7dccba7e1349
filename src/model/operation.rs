//! What a span describes once its dialect is understood: one model for all of them.

use std::borrow::Cow;

use super::cached::CachedTokens;
use super::cost::{Cost, Rates, ServiceTier, UsageSource};

/// What is known of a span beyond its bare fields.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Understanding<'a> {
    /// The operation it describes.
    pub operation: Operation<'a>,
    /// The dialect that explained it, for instance `openinference`; `None` for plain spans.
    pub dialect: Option<&'static str>,
    /// Whether it failed: by status, error attribute or HTTP status code.
    pub failed: bool,
    /// The class of the failure (`error.type`, `exception.type`, an HTTP status code).
    pub error_type: Option<&'a str>,
    /// Whose work it was.
    pub tenant: Option<&'a str>,
    /// The team that pays for it, where it is not the tenant.
    pub team: Option<&'a str>,
    /// The end user.
    pub user: Option<&'a str>,
    /// The conversation or session.
    pub conversation: Option<&'a str>,
    /// The agent that did it, as far as the span itself says.
    pub agent: Option<&'a str>,
    /// The skill that was used, as far as the span itself says.
    pub skill: Option<&'a str>,
    /// Set where it went through an LLM gateway that reported so.
    pub gateway: Option<GatewayExchange<'a>>,
    /// Set when the span looks like an LLM operation that no dialect explains.
    pub unexplained: Option<Unexplained<'a>>,
}

/// A span that speaks of LLMs in words that no dialect table knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unexplained<'a> {
    /// The instrumentation scope that sent it.
    pub scope: &'a str,
    /// The attribute that made it look like an LLM operation.
    pub attribute: &'a str,
}

/// The operations that Pharos measures.
#[expect(clippy::large_enum_variant, reason = "most spans are calls of models; none is boxed")]
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Operation<'a> {
    /// One call of a model: a leaf. Parents that merely repeat its usage are not this.
    Llm(LlmCall<'a>),
    /// One execution of a tool.
    Tool(ToolCall<'a>),
    /// One run of an agent.
    Agent(AgentRun<'a>),
    /// One run of a workflow.
    Workflow(WorkflowRun<'a>),
    /// One step (task) of a workflow.
    Step(WorkflowStep<'a>),
    /// One step of an agent that is neither a call of a model nor of a tool.
    AgentStep(AgentStep<'a>),
    /// A document or vector retrieval.
    Retrieval,
    /// Serving an HTTP request.
    HttpServer(HttpExchange<'a>),
    /// Making an HTTP request.
    HttpClient(HttpExchange<'a>),
    /// A database call.
    Db(DbQuery<'a>),
    /// One step of a skill.
    Skill(SkillStep<'a>),
    /// One execution of an orchestration pattern.
    Pattern(PatternExecution<'a>),
    /// One call of what an agent offers to others.
    Capability(CapabilityCall<'a>),
    /// One call of another service, whatever the protocol.
    Service(ServiceCall<'a>),
    /// One request to a model provider, told apart from the call of a model it serves.
    Provider(ProviderRequest<'a>),
    /// Anything else.
    #[default]
    Other,
}

/// A call of a model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LlmCall<'a> {
    /// GenAI operation name: `chat`, `text_completion`, `generate_content` or `embeddings`.
    pub operation: &'static str,
    /// Well-known provider name (`openai`, `aws.bedrock`, …); `unknown` where nothing says.
    pub provider: Cow<'a, str>,
    /// The model asked for, without a provider prefix.
    pub request_model: Option<&'a str>,
    /// The model that answered, without a provider prefix.
    pub response_model: Option<&'a str>,
    /// The provider's id of the answer.
    pub response_id: Option<&'a str>,
    /// Tokens, as far as reported.
    pub usage: Usage,
    /// How the sender counts the cached part of the prompt.
    pub cached_tokens: CachedTokens,
    /// Seconds from start to the first token or chunk.
    pub time_to_first_token_seconds: Option<f64>,
    /// What the sender says it cost, in USD.
    pub reported_cost_usd: Option<f64>,
    /// How sure the tokens are.
    pub usage_source: UsageSource,
    /// Why the model stopped.
    pub finish_reason: Option<&'a str>,
    /// How urgently it was served.
    pub service_tier: ServiceTier,
    /// Whether a cache in front of the provider answered, so that nothing was to be paid.
    pub from_response_cache: bool,
    /// What it cost. Understanding alone knows only what the sender says.
    pub cost: Cost,
    /// The rates that a computed cost was computed with.
    pub rates: Rates,
}

/// Token counts of one call. `None` means not reported, which is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Prompt tokens, including cached ones (completed where a sender leaves those out).
    pub input: Option<u64>,
    /// Completion tokens, including reasoning.
    pub output: Option<u64>,
    /// The part of the prompt that was read from the provider's cache.
    pub cached: Option<u64>,
    /// The part of the prompt that was written to the provider's cache.
    pub cache_write: Option<u64>,
    /// The part of the completion that was reasoning.
    pub reasoning: Option<u64>,
}

/// One execution of a tool.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ToolCall<'a> {
    /// The tool's name.
    pub name: &'a str,
    /// The model's id of the call.
    pub call_id: Option<&'a str>,
    /// The arguments, where they arrived as text.
    pub arguments: Option<&'a str>,
}

/// One run of an agent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentRun<'a> {
    /// The agent's name, which is its type for the metrics.
    pub name: &'a str,
}

/// One run of a workflow.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WorkflowRun<'a> {
    /// The workflow's name.
    pub name: &'a str,
}

/// One step of a workflow.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WorkflowStep<'a> {
    /// The step's own name.
    pub name: &'a str,
    /// The agent that took it; the step's name where none is said.
    pub agent: &'a str,
}

/// One step of an agent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentStep<'a> {
    /// The step's own name.
    pub name: &'a str,
}

/// One HTTP request, seen from either side.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HttpExchange<'a> {
    /// The request method, upper case; `_OTHER` where unknown.
    pub method: &'a str,
    /// The route template; `None` where there is none. Never a raw path.
    pub route: Option<&'a str>,
    /// The status code; `None` where no answer came.
    pub status_code: Option<u16>,
    /// The peer: `server.address` for a client, empty for a server.
    pub peer: &'a str,
}

/// One database call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DbQuery<'a> {
    /// `postgresql`, `redis`, …
    pub system: &'a str,
    /// `SELECT`, `GET`, …; `unknown` where neither said nor readable from the statement.
    pub operation: Cow<'a, str>,
    /// The table or collection; `unknown` where neither said nor readable.
    pub table: Cow<'a, str>,
    /// Connections that the caller had in use, where it says so.
    pub connections: Option<f64>,
}

/// One step of a skill.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SkillStep<'a> {
    /// The skill's name.
    pub skill: &'a str,
    /// How the step ended, in the app's own word; empty where it says none.
    pub outcome: &'a str,
}

/// One execution of an orchestration pattern.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PatternExecution<'a> {
    /// The pattern's id.
    pub id: &'a str,
}

/// One call of a capability.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CapabilityCall<'a> {
    /// The agent that offers it.
    pub agent: &'a str,
    /// The capability's name.
    pub capability: &'a str,
}

/// One call of another service.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServiceCall<'a> {
    /// The service called.
    pub service: &'a str,
    /// The method called.
    pub method: &'a str,
}

/// One request to a model provider.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProviderRequest<'a> {
    /// Well-known provider name.
    pub provider: Cow<'a, str>,
    /// What was asked for, as in `provider_requests_total`: `chat`, `embeddings`, `models`, …
    pub endpoint: &'a str,
}

/// What an LLM gateway says of a request that it passed on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GatewayExchange<'a> {
    /// The gateway's id: of our own one, the upstream's.
    pub id: &'a str,
    /// The HTTP method of the caller.
    pub method: &'a str,
    /// The status code that the caller got, 499 where it went away first; `None` where nothing
    /// is said.
    pub status_code: Option<u16>,
    /// Requests that the provider still allows, as its answer says.
    pub rate_limit_remaining: Option<f64>,
}

impl Usage {
    /// Whether any token was reported.
    pub fn is_some(&self) -> bool {
        let Self { input, output, cached, cache_write, reasoning } = *self;
        [input, output, cached, cache_write, reasoning].iter().any(|it| it.is_some_and(|n| n > 0))
    }

    /// The same with wholes that are at least their parts.
    pub fn completed(&self) -> Self {
        let parts = self.cached.unwrap_or(0).saturating_add(self.cache_write.unwrap_or(0));
        let at_least = |whole: Option<u64>, parts: u64| match whole {
            Some(whole) => Some(whole.max(parts)),
            None => (parts > 0).then_some(parts),
        };
        Self {
            input: at_least(self.input, parts),
            output: at_least(self.output, self.reasoning.unwrap_or(0)),
            ..*self
        }
    }
}

impl<'a> LlmCall<'a> {
    /// The `model` label: the requested model, else the one that answered, else `unknown`.
    pub fn model(&self) -> &'a str {
        self.request_model.or(self.response_model).unwrap_or("unknown")
    }
}

impl Operation<'_> {
    /// All names that [`Operation::name`] gives.
    pub const NAMES: [&'static str; 19] = [
        "chat",
        "text_completion",
        "generate_content",
        "embeddings",
        "execute_tool",
        "invoke_agent",
        "invoke_workflow",
        "workflow_step",
        "agent_step",
        "retrieval",
        "http.server",
        "http.client",
        "db",
        "skill_step",
        "pattern",
        "capability",
        "service_call",
        "provider_request",
        "other",
    ];

    /// The name that searches and answers use: GenAI operation names where there is one.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Llm(call) => call.operation,
            Self::Tool(_) => "execute_tool",
            Self::Agent(_) => "invoke_agent",
            Self::Workflow(_) => "invoke_workflow",
            Self::Step(_) => "workflow_step",
            Self::AgentStep(_) => "agent_step",
            Self::Retrieval => "retrieval",
            Self::HttpServer(_) => "http.server",
            Self::HttpClient(_) => "http.client",
            Self::Db(_) => "db",
            Self::Skill(_) => "skill_step",
            Self::Pattern(_) => "pattern",
            Self::Capability(_) => "capability",
            Self::Service(_) => "service_call",
            Self::Provider(_) => "provider_request",
            Self::Other => "other",
        }
    }
}
