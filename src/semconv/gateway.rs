//! What an LLM gateway says of a call that it passed on: our own one, and whoever uses its words.

use super::names::{Facts, Field, Name};
use crate::model::GatewayExchange;

/// Names of our own, where no convention has one.
pub(super) static NAMES: &[Name] = &[
    ("pharos.gateway.id", Field::GatewayId),
    ("pharos.gateway.method", Field::GatewayMethod),
    ("pharos.gateway.status", Field::GatewayStatus),
    ("pharos.gateway.rate_limit_remaining", Field::RateLimitRemaining),
    ("pharos.usage.source", Field::UsageSource),
];

/// What the gateway says. Gateways that are not ours have only the status of the answer.
pub(super) fn exchange<'a>(facts: &Facts<'_, 'a>) -> Option<GatewayExchange<'a>> {
    let id = facts.text(Field::GatewayId)?;
    let status = facts.number(Field::GatewayStatus).or_else(|| facts.number(Field::HttpStatus));
    Some(GatewayExchange {
        id,
        method: facts.text(Field::GatewayMethod).unwrap_or("_OTHER"),
        status_code: status.filter(|it| (100.0..1000.0).contains(it)).map(|it| it as u16),
        rate_limit_remaining: facts.number(Field::RateLimitRemaining),
    })
}
