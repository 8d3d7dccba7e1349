//! One span in fixed columns: what lists, statistics and skeletons need of it.

use std::borrow::Cow;
use std::ops::BitOr;

use super::Filters;
use crate::model::{
    Cost, CostSource, CostState, LlmCall, Operation, Origin, Pricing, ServiceTier, Settled, Span,
    SpanId, SpanKind, Status, TraceId, Understanding, Usage, UsageSource,
};

/// A span without its attributes, events and links. Texts are borrowed from where it is stored;
/// what nothing says is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanRow<'a> {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// Its parent; `None` for a root.
    pub parent_span_id: Option<SpanId>,
    /// When it began, in nanoseconds since the Unix epoch.
    pub start_ns: u64,
    /// When it ended.
    pub end_ns: u64,
    /// OTLP's kind.
    pub kind: SpanKind,
    /// What it says of its outcome.
    pub status: Status,
    /// `service.name` of its resource.
    pub service: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The operation, by [`Operation::name`].
    pub operation: &'a str,
    /// Whether it failed, by its status or by what its dialect says.
    pub failed: bool,
    /// `error.type` or what stands for it.
    pub error_type: Option<&'a str>,
    /// The provider of a call of a model.
    pub provider: Option<&'a str>,
    /// The model asked for, or the one that answered.
    pub model: Option<&'a str>,
    /// The model that answered.
    pub response_model: Option<&'a str>,
    /// The tool executed.
    pub tool: Option<&'a str>,
    /// The agent that ran or did the work.
    pub agent: Option<&'a str>,
    /// The workflow that ran, of the span that is its run.
    pub workflow: Option<&'a str>,
    /// The skill that was used.
    pub skill: Option<&'a str>,
    /// Whose work it was.
    pub tenant: Option<&'a str>,
    /// For whom.
    pub user: Option<&'a str>,
    /// The conversation or session.
    pub conversation: Option<&'a str>,
    /// Method of an HTTP exchange.
    pub http_method: Option<&'a str>,
    /// Route template of an HTTP exchange.
    pub http_route: Option<&'a str>,
    /// Status code of an HTTP exchange.
    pub http_status: Option<u16>,
    /// Whether it is counted as a call of a model. Of two reports of one call one is.
    pub counts: bool,
    /// What it adds to the sums of tokens: of a call that is reported twice, each token once.
    pub usage: Usage,
    /// What it adds to the sum of costs, in USD, as far as known.
    pub cost_usd: Option<f64>,
    /// The same by the prices that were in force when it was stored.
    pub stored_cost_usd: Option<f64>,
    /// How much of the cost of its call is known, where it is the first to tell.
    pub cost_state: Option<CostState>,
    /// Who says what it adds.
    pub cost_source: CostSource,
    /// The version of the prices that this was computed with.
    pub cost_version: u64,
    /// How sure its tokens are.
    pub usage_source: UsageSource,
    /// How urgently it was served.
    pub service_tier: ServiceTier,
    /// How long the first token took, in seconds.
    pub time_to_first_token_seconds: Option<f64>,
}

/// Which of the columns a question needs beyond ids, times, kind, status, service, name and
/// operation. Others may be left empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fields(u32);

impl Fields {
    /// None but those that are always there.
    pub const NONE: Self = Self(0);
    /// [`SpanRow::failed`] and [`SpanRow::error_type`].
    pub const FAILURE: Self = Self(1);
    /// Provider and models.
    pub const MODEL: Self = Self(2);
    /// Tool.
    pub const TOOL: Self = Self(4);
    /// Agent, workflow and skill.
    pub const AGENT: Self = Self(8);
    /// Tenant, user and conversation.
    pub const OWNER: Self = Self(16);
    /// Method, route and status code.
    pub const HTTP: Self = Self(32);
    /// Calls, tokens, cost and time to the first token.
    pub const USAGE: Self = Self(64);
    /// All there are.
    pub const ALL: Self = Self(127);

    /// The same with the columns that a cost is computed from, where costs are asked for.
    pub(in crate::storage) fn with_what_prices_need(self) -> Self {
        if self.contain(Self::USAGE) { self | Self::MODEL } else { self }
    }

    /// Whether all of `other` are among them.
    pub fn contain(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Fields {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A question for rows: every span that fulfils the conditions, in no order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowQuery {
    /// The conditions. `status: Ok` is a matter of the span alone here.
    pub filters: Filters,
    /// Only spans of this trace.
    pub trace: Option<TraceId>,
    /// What is needed of each.
    pub fields: Fields,
}

/// How a question for rows went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scanned {
    /// Whether rows may be missing, because a bound was reached or something is not readable.
    pub incomplete: bool,
    /// Bytes that were read for it.
    pub bytes: u64,
}

impl<'a> SpanRow<'a> {
    /// The row of a span, from what is understood of it and, of a call of a model, what it adds
    /// to the sums.
    pub fn of(
        origin: &Origin<'a>,
        span: &Span<'a>,
        known: &'a Understanding<'a>,
        settled: Option<&Settled>,
    ) -> Self {
        let mut row = Self {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_span_id: span.parent_span_id,
            start_ns: span.start_ns,
            end_ns: span.end_ns,
            kind: span.kind,
            status: span.status,
            service: origin.service(),
            name: span.name,
            operation: known.operation.name(),
            failed: known.failed,
            error_type: known.error_type,
            provider: None,
            model: None,
            response_model: None,
            tool: None,
            agent: known.agent,
            workflow: None,
            skill: known.skill,
            tenant: known.tenant,
            user: known.user,
            conversation: known.conversation,
            http_method: None,
            http_route: None,
            http_status: None,
            counts: false,
            usage: Usage::default(),
            cost_usd: None,
            stored_cost_usd: None,
            cost_state: None,
            cost_source: CostSource::Nobody,
            cost_version: 0,
            usage_source: UsageSource::Provider,
            service_tier: ServiceTier::Standard,
            time_to_first_token_seconds: None,
        };
        row.describe(&known.operation);
        if let Some(settled) = settled {
            row.counts = settled.counts;
            row.usage = settled.usage;
            row.cost_usd = settled.cost_usd;
            row.stored_cost_usd = settled.cost_usd;
            row.cost_state = settled.cost_state;
            row.cost_source = settled.cost_source;
            row.cost_version = settled.cost_version;
            row.time_to_first_token_seconds = settled.time_to_first_token_seconds;
        }
        row
    }

    fn describe(&mut self, operation: &'a Operation<'a>) {
        match operation {
            Operation::Llm(call) => {
                self.provider = Some(&call.provider);
                self.model = Some(call.model());
                self.response_model = call.response_model;
                self.usage_source = call.usage_source;
                self.service_tier = call.service_tier;
            }
            Operation::Tool(call) => self.tool = Some(call.name),
            Operation::Agent(run) => self.agent = self.agent.or(Some(run.name)),
            Operation::Workflow(run) => self.workflow = Some(run.name),
            Operation::Step(step) => self.agent = self.agent.or(Some(step.agent)),
            Operation::HttpServer(exchange) | Operation::HttpClient(exchange) => {
                self.http_method = Some(exchange.method);
                self.http_route = exchange.route;
                self.http_status = exchange.status_code;
            }
            Operation::Skill(step) => self.skill = self.skill.or(Some(step.skill)),
            Operation::Capability(call) => self.agent = self.agent.or(Some(call.agent)),
            Operation::Provider(request) => self.provider = Some(&request.provider),
            Operation::Pattern(_)
            | Operation::AgentStep(_)
            | Operation::Service(_)
            | Operation::Db(_)
            | Operation::Retrieval
            | Operation::Other => {}
        }
    }

    /// Puts the cost by the prices in force, for the time of the call, in the place of one that
    /// was computed or could not be. What a sender said stays.
    pub fn price_anew(&mut self, prices: &dyn Pricing) {
        let computed = matches!(self.cost_source, CostSource::BuiltIn | CostSource::File);
        let current = computed && self.cost_version == prices.version();
        let told = self.cost_source == CostSource::Reported || current;
        if self.provider.is_none() || told || self.usage == Usage::default() {
            return;
        }
        let mut call = LlmCall {
            operation: Operation::NAMES
                .into_iter()
                .find(|name| *name == self.operation)
                .unwrap_or_default(),
            provider: Cow::Borrowed(self.provider.unwrap_or("unknown")),
            request_model: self.model,
            response_model: self.response_model,
            usage: self.usage,
            usage_source: self.usage_source,
            service_tier: self.service_tier,
            ..LlmCall::default()
        };
        prices.price(&mut call, self.start_ns);
        let Cost { usd, state, source, version } = call.cost;
        if self.counts {
            self.cost_usd = usd;
            self.cost_state = Some(state);
        } else {
            // A part of a whole that another row tells: it may make that one cheaper.
            self.cost_usd = usd.map(|_| call.rates.added_usd_of(&self.usage));
            self.cost_state = self.cost_state.filter(|_| usd.is_some());
        }
        (self.cost_source, self.cost_version) = (source, version);
    }

    /// How long it took, in nanoseconds; 0 where it ends before it starts.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }
}
