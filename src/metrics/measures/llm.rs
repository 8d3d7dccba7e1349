//! What an LLM call says.

use ::metrics::{Counter, Histogram};

use super::cache::{Cache, Lookup};
use crate::limits;
use crate::metrics::catalog;
use crate::metrics::cell::Amount;
use crate::model::{LlmCall, Settled};

/// Handles of LLM calls by provider, model and operation.
#[derive(Debug, Default)]
pub(super) struct Llm {
    calls: Cache<3, Call>,
}

/// Handles of one combination. What not every call reports is looked up when it is first seen,
/// so that a page does not show a cost of 0 where none is known.
#[derive(Debug)]
struct Call {
    success: Counter,
    error: Counter,
    duration: Histogram,
    prompt: Counter,
    completion: Counter,
    unpriced: Counter,
    provider_success: Counter,
    provider_error: Counter,
    provider_duration: Histogram,
    first_token: Option<Histogram>,
    output_token: Option<Histogram>,
    cached: Option<Counter>,
    cache_write: Option<Counter>,
    reasoning: Option<Counter>,
    cost: Option<Amount>,
}

impl Llm {
    pub(super) fn record(
        &mut self,
        lookup: &mut Lookup<'_>,
        call: &LlmCall<'_>,
        settled: &Settled,
        (failed, seconds): (bool, f64),
        own_request: bool,
    ) {
        let [provider, model] = labels(settled);
        let key = [provider, model, call.operation];
        let handles = self.calls.get(key, lookup, Call::find);
        if settled.counts {
            handles.count(seconds, failed, own_request);
        }
        handles.tokens(lookup, settled);
        handles.speed(lookup, call, settled, seconds);
        match settled.cost_usd.filter(|cost| known_cost(lookup, *cost)) {
            Some(cost) => {
                if handles.cost.is_none() {
                    handles.cost = lookup.amount(&catalog::LLM_COST, &labels(settled));
                }
                if let Some(amount) = &handles.cost {
                    amount.add(cost);
                }
            }
            None if settled.counts && !failed => handles.unpriced.increment(1),
            None => {}
        }
    }
}

impl Call {
    fn find(lookup: &mut Lookup<'_>, [provider, model, operation]: [&str; 3]) -> Self {
        let mut status =
            |family, with: &str, status| lookup.counter(family, &[provider, with, status]).0;
        let success = status(&catalog::LLM_REQUESTS, model, "success");
        let error = status(&catalog::LLM_REQUESTS, model, "error");
        let provider_success = status(&catalog::PROVIDER_REQUESTS, operation, "success");
        let provider_error = status(&catalog::PROVIDER_REQUESTS, operation, "error");
        let prompt = status(&catalog::LLM_TOKENS, model, "prompt");
        let completion = status(&catalog::LLM_TOKENS, model, "completion");
        Self {
            success,
            error,
            prompt,
            completion,
            provider_success,
            provider_error,
            duration: lookup.histogram(&catalog::LLM_REQUEST_DURATION, &[provider, model]),
            provider_duration: lookup
                .histogram(&catalog::PROVIDER_REQUEST_DURATION, &[provider, operation]),
            unpriced: lookup.counter(&catalog::LLM_UNPRICED_REQUESTS, &[model]).0,
            first_token: None,
            output_token: None,
            cached: None,
            cache_write: None,
            reasoning: None,
            cost: None,
        }
    }

    /// `own_request`: no request to the provider was counted for it before.
    fn count(&self, seconds: f64, failed: bool, own_request: bool) {
        let (call, request) = match failed {
            true => (&self.error, &self.provider_error),
            false => (&self.success, &self.provider_success),
        };
        call.increment(1);
        self.duration.record(seconds);
        if own_request {
            request.increment(1);
            self.provider_duration.record(seconds);
        }
    }

    fn tokens(&mut self, lookup: &mut Lookup<'_>, settled: &Settled) {
        let usage = &settled.usage;
        self.prompt.increment(plausible_tokens(lookup, usage.input).unwrap_or(0));
        self.completion.increment(plausible_tokens(lookup, usage.output).unwrap_or(0));
        let parts = [
            (&mut self.cached, &catalog::LLM_CACHED_TOKENS, usage.cached),
            (&mut self.cache_write, &catalog::LLM_CACHE_WRITE_TOKENS, usage.cache_write),
            (&mut self.reasoning, &catalog::LLM_REASONING_TOKENS, usage.reasoning),
        ];
        for (counter, family, tokens) in parts {
            if let Some(tokens) = plausible_tokens(lookup, tokens) {
                let find = || lookup.counter(family, &labels(settled)).0;
                counter.get_or_insert_with(find).increment(tokens);
            }
        }
    }

    /// Records the time to the first token, and the time for each token after it.
    fn speed(
        &mut self,
        lookup: &mut Lookup<'_>,
        call: &LlmCall<'_>,
        settled: &Settled,
        seconds: f64,
    ) {
        let plausible = |first: &f64| (0.0..=seconds).contains(first);
        let Some(first) = settled.time_to_first_token_seconds.filter(plausible) else { return };
        let find = || lookup.histogram(&catalog::LLM_TIME_TO_FIRST_TOKEN, &labels(settled));
        self.first_token.get_or_insert_with(find).record(first);
        if let Some(tokens @ 2..) = call.usage.output {
            let find = || lookup.histogram(&catalog::LLM_TIME_PER_OUTPUT_TOKEN, &labels(settled));
            let each = (seconds - first) / (tokens - 1) as f64;
            self.output_token.get_or_insert_with(find).record(each);
        }
    }
}

/// The tokens, unless they are so many that they must be a mistake, which is counted.
fn plausible_tokens(lookup: &Lookup<'_>, tokens: Option<u64>) -> Option<u64> {
    let tokens = tokens?;
    if tokens <= limits::CALL_TOKENS {
        return Some(tokens);
    }
    lookup.invalid();
    None
}

/// Whether a cost says something. An absurd one is a mistake, which is counted.
fn known_cost(lookup: &Lookup<'_>, cost: f64) -> bool {
    if (0.0..=limits::CALL_COST_USD).contains(&cost) {
        return true;
    }
    lookup.invalid();
    false
}

/// The labels under which the call was counted: a second report may name the model otherwise.
fn labels(settled: &Settled) -> [&str; 2] {
    [&settled.labels.provider, &settled.labels.model]
}
