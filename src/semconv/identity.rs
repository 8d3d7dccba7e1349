//! Whose work a span was: tenant, user, conversation; and with which skill it was done.

use super::names::{Facts, Field, Name};
use crate::limits;
use crate::model::Understanding;

/// Generic names, also on the resource and copied from the baggage.
pub(super) const NAMES: &[Name] = &[
    ("tenant.id", Field::Tenant),
    ("tenant_id", Field::Tenant),
    ("tenantId", Field::Tenant),
    ("app.tenant.id", Field::Tenant),
    ("baggage.tenant.id", Field::Tenant),
    ("baggage.tenant_id", Field::Tenant),
    ("organization.id", Field::Tenant),
    ("organization_id", Field::Tenant),
    ("org_id", Field::Tenant),
    ("team_id", Field::Tenant),
    ("langfuse.trace.metadata.tenant_id", Field::Tenant),
    ("user.id", Field::User),
    ("enduser.id", Field::User),
    ("user_id", Field::User),
    ("session.id", Field::Conversation),
    ("conversation.id", Field::Conversation),
    ("conversation_id", Field::Conversation),
    ("session_id", Field::Conversation),
    ("thread_id", Field::Conversation),
    ("agent.id", Field::AgentId),
    ("agent_id", Field::AgentId),
    ("gen_ai.skill.name", Field::Skill),
    ("skill.name", Field::Skill),
    ("skill_name", Field::Skill),
    ("skill", Field::Skill),
];

/// Names of the dialects that stand on resources too.
const ON_RESOURCES: [&str; 3] = ["agent.name", "gen_ai.agent.name", "gen_ai.agent.id"];

/// The lengths of all these names, one bit each.
const LENGTHS: u64 = {
    let mut lengths = 0;
    let mut at = 0;
    while at < NAMES.len() {
        lengths |= 1 << NAMES[at].0.len();
        at += 1;
    }
    at = 0;
    while at < ON_RESOURCES.len() {
        lengths |= 1 << ON_RESOURCES[at].len();
        at += 1;
    }
    lengths
};

/// Whether a resource's key can be one of the names, by its length.
#[inline]
pub(super) fn may_name(key: &str) -> bool {
    key.len() < 64 && LENGTHS >> key.len() & 1 == 1
}

/// What frameworks put into the JSON attribute `metadata` (OpenInference) of these things.
#[derive(Debug, Default, serde::Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default, alias = "tenant.id", alias = "customer_id", alias = "team_id")]
    tenant_id: Option<&'a str>,
    #[serde(borrow, default)]
    user_id: Option<&'a str>,
    #[serde(borrow, default, alias = "thread_id", alias = "conversation_id")]
    session_id: Option<&'a str>,
}

/// Fills in whose work it was.
pub(super) fn fill<'a>(understanding: &mut Understanding<'a>, facts: &Facts<'_, 'a>) {
    understanding.tenant = facts.text(Field::Tenant);
    understanding.user = facts.text(Field::User);
    understanding.conversation = facts.text(Field::Conversation);
    understanding.skill = facts.text(Field::Skill);
    understanding.agent = facts.text(Field::AgentName).or_else(|| facts.text(Field::AgentId));
    let Some(json) = facts.text(Field::Metadata) else { return };
    if json.len() > limits::ATTRIBUTE_JSON_BYTES {
        return;
    }
    let metadata: Metadata<'a> = serde_json::from_str(json).unwrap_or_default();
    understanding.tenant = understanding.tenant.or(metadata.tenant_id);
    understanding.user = understanding.user.or(metadata.user_id);
    understanding.conversation = understanding.conversation.or(metadata.session_id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_lets_every_name_pass_and_stops_the_usual_ones() {
        assert!(NAMES.iter().all(|(key, _)| may_name(key)));
        assert!(!may_name("service.name") && !may_name("telemetry.sdk.language"));
    }
}
