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
    ("team_id", Field::TeamId),
    ("team", Field::Team),
    ("team.name", Field::Team),
    ("team.id", Field::Team),
    ("pharos.team", Field::Team),
    ("team_name", Field::Team),
    ("app.team", Field::Team),
    ("baggage.team.id", Field::Team),
    ("baggage.team_id", Field::Team),
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
    #[serde(borrow, default, alias = "tenant.id", alias = "customer_id")]
    tenant_id: Option<&'a str>,
    #[serde(borrow, default)]
    team_id: Option<&'a str>,
    #[serde(borrow, default, alias = "team_name")]
    team: Option<&'a str>,
    #[serde(borrow, default)]
    user_id: Option<&'a str>,
    #[serde(borrow, default, alias = "thread_id", alias = "conversation_id")]
    session_id: Option<&'a str>,
}

/// Fills in whose work it was.
pub(super) fn fill<'a>(understanding: &mut Understanding<'a>, facts: &Facts<'_, 'a>) {
    understanding.tenant = facts.text_of_either(Field::Tenant, Field::TeamId);
    understanding.team = facts.text(Field::Team).or_else(|| facts.text(Field::TeamId));
    understanding.user = facts.text(Field::User);
    understanding.conversation = facts.text(Field::Conversation);
    understanding.skill = facts.text(Field::Skill);
    understanding.agent = facts.text(Field::AgentName).or_else(|| facts.text(Field::AgentId));
    let Some(json) = facts.text(Field::Metadata) else { return };
    if json.len() > limits::ATTRIBUTE_JSON_BYTES {
        return;
    }
    let metadata: Metadata<'a> = serde_json::from_str(json).unwrap_or_default();
    understanding.tenant = understanding.tenant.or(metadata.tenant_id).or(metadata.team_id);
    understanding.team = understanding.team.or(metadata.team).or(metadata.team_id);
    understanding.user = understanding.user.or(metadata.user_id);
    understanding.conversation = understanding.conversation.or(metadata.session_id);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attribute, Origin, Value};

    /// Of a span with these attributes, on a resource with those: the tenant and the team.
    fn check(said: &[(&str, &str)], resource: &[(&str, &str)], expected: [Option<&str>; 2]) {
        let attributes = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
        };
        let (said, resource) = (attributes(said), attributes(resource));
        let pairs: Vec<_> = said.iter().map(|(key, it)| (&**key, Value::Text(it))).collect();
        let span = crate::semconv::tests::span("work", &pairs);
        let resource =
            resource.iter().map(|(key, text)| Attribute { key, value: Value::Text(text) });
        let origin = Origin { resource: resource.collect(), ..Origin::default() };
        let known = crate::semconv::understand(&origin, &span);
        assert_eq!([known.tenant, known.team], expected, "{said:?}");
    }

    #[test]
    fn a_team_is_read_and_stands_in_for_a_tenant_where_none_is_said() {
        check(&[("team", "research")], &[], [None, Some("research")]);
        check(&[("team_id", "t1")], &[], [Some("t1"), Some("t1")]);
        check(&[("team_id", "t1"), ("team", "research")], &[], [Some("t1"), Some("research")]);
        check(&[("tenant.id", "acme"), ("team_id", "t1")], &[], [Some("acme"), Some("t1")]);
        check(&[], &[("team.name", "sales"), ("tenant.id", "acme")], [Some("acme"), Some("sales")]);
        check(&[("baggage.team_id", "t2")], &[("team", "sales")], [None, Some("t2")]);
        let litellm =
            [("metadata.user_api_key_team_id", "7f"), ("metadata.user_api_key_team_alias", "ml")];
        check(&litellm, &[], [Some("7f"), Some("ml")]);
        let json = r#"{"team_id": "t1", "tenant_id": "acme", "user_id": "u"}"#;
        check(&[("metadata", json)], &[], [Some("acme"), Some("t1")]);
        check(&[("metadata", r#"{"team_id": "t1"}"#)], &[], [Some("t1"), Some("t1")]);
    }

    #[test]
    fn the_filter_lets_every_name_pass_and_stops_the_usual_ones() {
        assert!(NAMES.iter().all(|(key, _)| may_name(key)));
        assert!(!may_name("service.name") && !may_name("telemetry.sdk.language"));
    }
}
