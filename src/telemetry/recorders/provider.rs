//! Requests to model providers that are no calls of a model, and what providers still allow.

use super::work_span;
use crate::metrics::catalog;
use crate::telemetry::guard::{Ended, Guard, Kind};
use crate::telemetry::{Context, meter};

/// A request to a model provider, under way.
pub type ProviderRequest = Guard<Request>;

/// What is known of it.
#[derive(Debug)]
pub struct Request {
    provider: Box<str>,
    endpoint: Box<str>,
}

/// Begins a request to a model provider: `models`, `files`, `moderations`. A call of a model is
/// [`llm_call`](super::llm_call), which counts here by itself.
pub fn provider_request(provider: &str, endpoint: &str) -> ProviderRequest {
    let context = Context::current();
    let span = work_span!("client", "provider_request", format!("{provider} {endpoint}"), context, {
        "pharos.event.type" = "provider_request",
        "gen_ai.provider.name" = provider,
        "pharos.provider.endpoint" = endpoint,
    });
    Guard::begin(Request { provider: provider.into(), endpoint: endpoint.into() }, span, context)
}

/// A provider has told how many requests it still allows.
pub fn rate_limit(provider: &str, remaining: u64) {
    if let Some(meter) = meter::current() {
        meter.set(&catalog::PROVIDER_RATE_LIMIT_REMAINING, &[provider], remaining as f64);
    }
    tracing::info!(
        name: "pharos.rate_limit",
        target: "pharos::report",
        {
            "gen_ai.provider.name" = provider,
            "pharos.rate_limit.resource" = "requests",
            "pharos.rate_limit.remaining" = i64::try_from(remaining).unwrap_or(i64::MAX),
        },
        "A provider told what it still allows."
    );
}

impl Kind for Request {
    fn end(&mut self, ended: &Ended<'_>) {
        let labels = [&*self.provider, &*self.endpoint];
        ended.count(&catalog::PROVIDER_REQUESTS, &[labels[0], labels[1], ended.status()], 1);
        ended.observe(&catalog::PROVIDER_REQUEST_DURATION, &labels, ended.seconds);
    }
}
