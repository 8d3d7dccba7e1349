//! LiteLLM's own spans: the proxy's and the SDK callback's.

use super::kind::Kind;
use super::names::{Field, Name};
use crate::model::Span;

/// Names beside those of OTel GenAI and `llm.*`.
pub(super) static NAMES: &[Name] = &[
    ("gen_ai.cost.total_cost", Field::Cost),
    ("litellm.cost.total", Field::Cost),
    ("litellm.provider.model", Field::RoutedModel),
    ("metadata.team_id", Field::TeamId),
    ("metadata.user_api_key_team_id", Field::TeamId),
    ("metadata.user_api_key_team_alias", Field::Team),
    ("metadata.user_api_key_org_id", Field::Tenant),
    ("metadata.user_api_key_end_user_id", Field::User),
    ("metadata.user_api_key_user_id", Field::User),
    ("litellm.call_id", Field::Detail),
    ("hidden_params", Field::Detail),
];

/// The kind of a span that only its name tells: the raw request below the counted one repeats
/// it, and the proxy's inner services carry LLM names without calling a model.
pub(super) fn kind(scope: &str, span: &Span<'_>) -> Option<Kind> {
    if scope != "litellm" {
        return None;
    }
    let repeats = matches!(
        span.name,
        "raw_gen_ai_request" | "proxy_pre_call" | "auth" | "router" | "self" | "guardrail"
    );
    repeats.then_some(Kind::Other)
}
