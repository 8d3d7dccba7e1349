//! One call of a model.

use super::work_span;
use crate::clock;
use crate::limits;
use crate::metrics::catalog;
use crate::model::Usage;
use crate::telemetry::Context;
use crate::telemetry::guard::{Ended, Guard, Kind};

/// A call of a model, under way.
pub type LlmCall = Guard<Llm>;

/// What is known of a call of a model.
#[derive(Debug)]
pub struct Llm {
    operation: &'static str,
    provider: Box<str>,
    model: Box<str>,
    usage: Usage,
    first_token_seconds: Option<f64>,
    cost_usd: Option<f64>,
}

/// Begins a call of a model: a chat, unless [`operation`](LlmCall::operation) says otherwise.
///
/// `provider` is the well-known name of the GenAI conventions (`openai`, `anthropic`,
/// `aws.bedrock`, …), `model` the one that is asked for, without a provider in front.
///
/// ```
/// use pharos::telemetry;
///
/// let mut call = telemetry::llm_call("openai", "gpt-4o");
/// // … the answer comes in …
/// call.tokens(1_200, 80).cached(1_000).success();
/// ```
pub fn llm_call(provider: &str, model: &str) -> LlmCall {
    let context = Context::current();
    let span = work_span!("client", "chat", format!("chat {model}"), context, {
        "gen_ai.operation.name" = tracing::field::Empty,
        "gen_ai.provider.name" = provider,
        "gen_ai.request.model" = model,
        "gen_ai.response.model" = tracing::field::Empty,
        "gen_ai.response.id" = tracing::field::Empty,
        "gen_ai.response.finish_reasons" = tracing::field::Empty,
        "gen_ai.response.time_to_first_chunk" = tracing::field::Empty,
        "gen_ai.usage.input_tokens" = tracing::field::Empty,
        "gen_ai.usage.output_tokens" = tracing::field::Empty,
        "gen_ai.usage.cache_read.input_tokens" = tracing::field::Empty,
        "gen_ai.usage.cache_creation.input_tokens" = tracing::field::Empty,
        "gen_ai.usage.reasoning.output_tokens" = tracing::field::Empty,
        "gen_ai.usage.cost.amount" = tracing::field::Empty,
        "gen_ai.usage.cost.currency" = tracing::field::Empty,
    });
    let kind = Llm {
        operation: "chat",
        provider: provider.into(),
        model: model.into(),
        usage: Usage::default(),
        first_token_seconds: None,
        cost_usd: None,
    };
    Guard::begin(kind, span, context)
}

impl LlmCall {
    /// What kind of call it is: `chat`, `text_completion`, `generate_content` or `embeddings`.
    pub fn operation(&mut self, operation: &'static str) -> &mut Self {
        self.span.record("otel.name", format!("{operation} {}", self.kind.model));
        self.kind.operation = operation;
        self
    }

    /// The tokens that the provider counted.
    pub fn usage(&mut self, usage: Usage) -> &mut Self {
        self.kind.usage = usage;
        self
    }

    /// Prompt tokens, cached ones included, and completion tokens, reasoning included.
    pub fn tokens(&mut self, prompt: u64, completion: u64) -> &mut Self {
        self.kind.usage.input = Some(prompt);
        self.kind.usage.output = Some(completion);
        self
    }

    /// The part of the prompt tokens that was read from the provider's cache.
    pub fn cached(&mut self, tokens: u64) -> &mut Self {
        self.kind.usage.cached = Some(tokens);
        self
    }

    /// The part of the prompt tokens that was written to the provider's cache.
    pub fn cache_write(&mut self, tokens: u64) -> &mut Self {
        self.kind.usage.cache_write = Some(tokens);
        self
    }

    /// The part of the completion tokens that was reasoning.
    pub fn reasoning(&mut self, tokens: u64) -> &mut Self {
        self.kind.usage.reasoning = Some(tokens);
        self
    }

    /// The first token has come, now. Later calls change nothing.
    pub fn first_token(&mut self) -> &mut Self {
        let seconds = clock::monotonic().duration_since(self.begun).as_secs_f64();
        self.kind.first_token_seconds.get_or_insert(seconds);
        self
    }

    /// What it cost, in USD, where the app knows it. Pharos prices calls by itself; what is said
    /// here goes before its table.
    pub fn cost_usd(&mut self, cost: f64) -> &mut Self {
        self.kind.cost_usd = Some(cost);
        self
    }

    /// The model that answered and the provider's id of the answer.
    pub fn answered_by(&mut self, model: &str, response_id: &str) -> &mut Self {
        self.span.record("gen_ai.response.model", model);
        self.span.record("gen_ai.response.id", response_id);
        self
    }

    /// Why the model stopped: `stop`, `length`, `tool_calls`, …
    pub fn finish_reason(&mut self, reason: &str) -> &mut Self {
        self.span.record("gen_ai.response.finish_reasons", reason);
        self
    }
}

impl Kind for Llm {
    fn end(&mut self, ended: &Ended<'_>) {
        ended.span.record("gen_ai.operation.name", self.operation);
        let labels = [&*self.provider, &*self.model];
        let status = ended.status();
        ended.count(&catalog::LLM_REQUESTS, &[labels[0], labels[1], status], 1);
        ended.observe(&catalog::LLM_REQUEST_DURATION, &labels, ended.seconds);
        let request = [labels[0], self.operation];
        ended.count(&catalog::PROVIDER_REQUESTS, &[request[0], request[1], status], 1);
        ended.observe(&catalog::PROVIDER_REQUEST_DURATION, &request, ended.seconds);
        if let Some(agent) = ended.agent() {
            ended.count(&catalog::AGENT_STEPS, &[agent], 1);
        }
        self.end_tokens(ended, labels);
        self.end_speed(ended, labels);
        self.end_cost(ended, labels);
    }
}

impl Llm {
    fn end_tokens(&self, ended: &Ended<'_>, [provider, model]: [&str; 2]) {
        let prompt: &[&str] = &[provider, model, "prompt"];
        let completion: &[&str] = &[provider, model, "completion"];
        let (usage, labels): (_, &[&str]) = (&self.usage, &[provider, model]);
        for (tokens, family, labels, key) in [
            (usage.input, &catalog::LLM_TOKENS, prompt, "gen_ai.usage.input_tokens"),
            (usage.output, &catalog::LLM_TOKENS, completion, "gen_ai.usage.output_tokens"),
            (
                usage.cached,
                &catalog::LLM_CACHED_TOKENS,
                labels,
                "gen_ai.usage.cache_read.input_tokens",
            ),
            (
                usage.cache_write,
                &catalog::LLM_CACHE_WRITE_TOKENS,
                labels,
                "gen_ai.usage.cache_creation.input_tokens",
            ),
            (
                usage.reasoning,
                &catalog::LLM_REASONING_TOKENS,
                labels,
                "gen_ai.usage.reasoning.output_tokens",
            ),
        ] {
            let Some(tokens) = tokens else { continue };
            if tokens > limits::CALL_TOKENS {
                ended.invalid();
                continue;
            }
            ended.count(family, labels, tokens);
            ended.span.record(key, tokens as i64);
        }
    }

    fn end_speed(&self, ended: &Ended<'_>, labels: [&str; 2]) {
        let Some(first) = self.first_token_seconds else { return };
        ended.span.record("gen_ai.response.time_to_first_chunk", first);
        ended.observe(&catalog::LLM_TIME_TO_FIRST_TOKEN, &labels, first);
        if let Some(tokens @ 2..=limits::CALL_TOKENS) = self.usage.output {
            let each = (ended.seconds - first).max(0.0) / (tokens - 1) as f64;
            ended.observe(&catalog::LLM_TIME_PER_OUTPUT_TOKEN, &labels, each);
        }
    }

    /// A cost of 0 is what is said where there is no price: it is not known either.
    fn end_cost(&self, ended: &Ended<'_>, labels: [&str; 2]) {
        let plausible = |cost: &f64| (0.0..=limits::CALL_COST_USD).contains(cost);
        if self.cost_usd.is_some_and(|cost| !plausible(&cost)) {
            ended.invalid();
        }
        match self.cost_usd.filter(plausible).filter(|cost| *cost > 0.0) {
            Some(cost) => {
                ended.add_amount(&catalog::LLM_COST, &labels, cost);
                ended.span.record("gen_ai.usage.cost.amount", cost);
                ended.span.record("gen_ai.usage.cost.currency", "USD");
            }
            None if !ended.failed => ended.count(&catalog::LLM_UNPRICED_REQUESTS, &labels[1..], 1),
            None => {}
        }
    }
}
