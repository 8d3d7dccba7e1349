//! Reading the facts of one LLM call.

use std::borrow::Cow;

use super::names::{Facts, Field};
use super::{first_token, frameworks, http, provider, usage};
use crate::limits;
use crate::model::{Cost, LlmCall, ServiceTier, Span, UsageSource, Value};

/// Builds the call out of what the span says.
pub(super) fn call<'a>(
    operation: &'static str,
    sender: [&str; 2],
    span: &Span<'a>,
    facts: &Facts<'_, 'a>,
) -> LlmCall<'a> {
    let (requested, answered) = models(facts);
    let (request_prefix, request_model) = split(requested);
    let (response_prefix, response_model) = split(answered);
    let said = facts.text(Field::Provider).map(provider::normalise);
    let inferred = || {
        let metadata = facts.text(Field::Metadata).and_then(provider_in_json);
        let host = || http::peer(facts).and_then(provider::of_host);
        let routed = || provider::split_model(facts.text(Field::RoutedModel)?).0;
        let prefix = request_prefix.or(response_prefix).or_else(routed).map(Cow::Borrowed);
        let prefix = prefix.or_else(|| provider::of_model(request_model?).map(Cow::Borrowed));
        prefix.or_else(|| metadata.map(provider::normalise)).or_else(|| host().map(Cow::Borrowed))
    };
    let provider = said.or_else(inferred).unwrap_or(Cow::Borrowed("unknown"));
    let (usage, cached_tokens) = usage::read(span, facts, sender, &provider);
    let call = LlmCall {
        operation,
        provider,
        request_model,
        response_model,
        response_id: facts.text(Field::ResponseId),
        usage,
        cached_tokens,
        time_to_first_token_seconds: first_token::seconds(span, facts),
        reported_cost_usd: cost(facts),
        usage_source: facts
            .text(Field::UsageSource)
            .and_then(UsageSource::of_name)
            .unwrap_or_default(),
        service_tier: facts
            .text(Field::ServiceTier)
            .and_then(ServiceTier::of_name)
            .unwrap_or_default(),
        finish_reason: facts.get(Field::FinishReason).and_then(first_reason),
        ..LlmCall::default()
    };
    LlmCall { cost: Cost::said(&call), ..call }
}

/// The models as sent, asked for and answered. OpenInference has one name for both: it starts as
/// the first and becomes the second, and its parameters keep what was asked for. They are also
/// all that a failed call may have.
fn models<'a>(facts: &Facts<'_, 'a>) -> (Option<&'a str>, Option<&'a str>) {
    let either = facts.text(Field::EitherModel);
    let answered = facts.text(Field::ResponseModel).or(either);
    if let Some(requested) = facts.text(Field::RequestModel) {
        return (Some(requested), answered);
    }
    let parameters = facts.text(Field::InvocationParameters);
    match (parameters.and_then(model_in_json), either) {
        (Some(requested), _) => (Some(requested), answered),
        (None, Some(either)) => (Some(either), facts.text(Field::ResponseModel)),
        (None, None) => (None, answered),
    }
}

fn split(model: Option<&str>) -> (Option<&'static str>, Option<&str>) {
    match model.map(provider::split_model) {
        Some((provider, model)) => (provider, Some(model)),
        None => (None, None),
    }
}

/// What the sender says it cost, if in dollars.
fn cost(facts: &Facts<'_, '_>) -> Option<f64> {
    let currency = facts.text(Field::CostCurrency).unwrap_or("USD");
    let cost = facts.number(Field::Cost).or_else(|| frameworks::cost_in_json(facts))?;
    (currency.eq_ignore_ascii_case("USD") && cost <= limits::COST_PER_CALL_USD).then_some(cost)
}

/// The first finish reason: of a list, of a list written as JSON, or the word itself.
fn first_reason<'a>(value: &Value<'a>) -> Option<&'a str> {
    let text = match value {
        Value::Array(reasons) => reasons.iter().find_map(Value::as_text)?,
        other => other.as_text()?,
    };
    let is_quote = |c| matches!(c, '[' | ']' | '"' | '\'' | ' ');
    let first = text.split(',').next().unwrap_or_default().trim_matches(is_quote);
    (!first.is_empty()).then_some(first)
}

/// The model in a JSON object of request parameters.
fn model_in_json(json: &str) -> Option<&str> {
    #[derive(serde::Deserialize)]
    struct Parameters<'a> {
        #[serde(borrow)]
        model: Option<&'a str>,
        #[serde(borrow, alias = "model_id", alias = "modelId")]
        model_name: Option<&'a str>,
    }
    if json.len() > limits::ATTRIBUTE_JSON_BYTES {
        return None;
    }
    let parameters: Parameters<'_> = serde_json::from_str(json).ok()?;
    parameters.model.or(parameters.model_name).filter(|model| !model.is_empty())
}

/// The provider in LangChain's metadata.
fn provider_in_json(json: &str) -> Option<&str> {
    #[derive(serde::Deserialize)]
    struct Metadata<'a> {
        #[serde(borrow)]
        ls_provider: Option<&'a str>,
    }
    if json.len() > limits::ATTRIBUTE_JSON_BYTES {
        return None;
    }
    let metadata: Metadata<'_> = serde_json::from_str(json).ok()?;
    metadata.ls_provider.filter(|name| provider::says_something(name))
}
