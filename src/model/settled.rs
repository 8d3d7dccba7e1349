//! What of an LLM call is still to be measured once other reports of it are known.

use std::sync::Arc;

use super::cost::{CostSource, CostState};
use super::operation::{LlmCall, Usage};
use super::span::Span;

/// The ledger's word on one report of an LLM call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settled {
    /// Whether this report is a call of its own. `false`: a second report of a counted call,
    /// which adds no request, no duration and no error.
    pub counts: bool,
    /// Tokens to add. For a counted call mostly what it reported; for a second report what the
    /// first one lacked. `None` where there is nothing to add.
    pub usage: Usage,
    /// The cost to add, in USD: what the call cost, reported or computed, less what was added for
    /// it before.
    pub cost_usd: Option<f64>,
    /// How much of the call's cost is known, where this report tells first.
    pub cost_state: Option<CostState>,
    /// Who says what is to be added.
    pub cost_source: CostSource,
    /// The version of the prices that it was computed with.
    pub cost_version: u64,
    /// Of a second report that says the cost: the spans, as digests, whose reports it belongs to.
    /// What was computed for one of them holds no more.
    pub says_cost_of: Vec<u64>,
    /// The time to first token to observe, in seconds.
    pub time_to_first_token_seconds: Option<f64>,
    /// The labels under which the call was counted, and all of this is to be added.
    pub labels: Arc<CallLabels>,
}

/// The labels of a counted call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct CallLabels {
    /// As `LlmCall::provider`.
    pub provider: Box<str>,
    /// As `LlmCall::model`.
    pub model: Box<str>,
}

/// Keeps count of one call once, however many instrumentations report it.
pub trait CallBook: Send {
    /// Says what of this report is to be counted. `scope` is the instrumentation's name.
    fn settle(&mut self, span: &Span<'_>, scope: &str, call: &LlmCall<'_>) -> Settled;
}

impl CallLabels {
    /// The labels of a call, as it reports them itself.
    pub fn of(call: &LlmCall<'_>) -> Self {
        Self { provider: (*call.provider).into(), model: call.model().into() }
    }
}

impl Settled {
    /// A call of which no other report is known.
    pub fn whole(call: &LlmCall<'_>) -> Self {
        Self {
            counts: true,
            usage: call.usage,
            cost_usd: call.cost.usd,
            cost_state: Some(call.cost.state),
            cost_source: call.cost.source,
            cost_version: call.cost.version,
            says_cost_of: Vec::new(),
            time_to_first_token_seconds: call.time_to_first_token_seconds,
            labels: Arc::new(CallLabels::of(call)),
        }
    }
}
