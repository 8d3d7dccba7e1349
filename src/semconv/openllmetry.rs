//! OpenLLMetry (Traceloop): `traceloop.*`, `llm.*` of its first versions and its GenAI extras.

use super::kind::Kind;
use super::names::{Facts, Field, Name};

/// Newer names first.
pub(super) static NAMES: &[Name] = &[
    ("traceloop.span.kind", Field::TraceloopKind),
    ("llm.request.type", Field::RequestType),
    ("llm.vendor", Field::Provider),
    ("llm.request.model", Field::RequestModel),
    ("llm.response.model", Field::ResponseModel),
    ("llm.usage.prompt_tokens", Field::InputTokens),
    ("llm.usage.completion_tokens", Field::OutputTokens),
    ("llm.usage.total_tokens", Field::TotalTokens),
    ("gen_ai.usage.cache_read_input_tokens", Field::CacheReadTokens),
    ("gen_ai.usage.cache_creation_input_tokens", Field::CacheWriteTokens),
    ("gen_ai.usage.reasoning_tokens", Field::ReasoningTokens),
    ("llm.usage.reasoning_tokens", Field::ReasoningTokens),
    ("gen_ai.response.finish_reason", Field::FinishReason),
    ("gen_ai.response.stop_reason", Field::FinishReason),
    ("llm.response.finish_reason", Field::FinishReason),
    ("llm.response.stop_reason", Field::FinishReason),
    ("gen_ai.completion.0.finish_reason", Field::FinishReason),
    ("traceloop.entity.name", Field::EntityName),
    ("traceloop.entity.input", Field::ToolArguments),
    ("traceloop.entity.output", Field::ToolResult),
    ("mcp.request.argument", Field::ToolArguments),
    ("mcp.response.value", Field::ToolResult),
    ("traceloop.workflow.name", Field::WorkflowName),
    ("gen_ai.task.name", Field::StepName),
    ("traceloop.association.properties.session_id", Field::Conversation),
    ("traceloop.association.properties.conversation_id", Field::Conversation),
    ("traceloop.association.properties.thread_id", Field::Conversation),
    ("traceloop.association.properties.user_id", Field::User),
    ("gen_ai.user", Field::User),
    ("llm.user", Field::User),
    ("traceloop.association.properties.tenant_id", Field::Tenant),
    ("traceloop.association.properties.customer_id", Field::Tenant),
    ("traceloop.association.properties.organization_id", Field::Tenant),
    ("traceloop.association.properties.team_id", Field::Tenant),
];

/// What `traceloop.span.kind` says.
pub(super) fn entity(facts: &Facts<'_, '_>) -> Option<Kind> {
    Some(match facts.text(Field::TraceloopKind)? {
        "workflow" => Kind::Workflow,
        "task" => Kind::Step,
        "agent" => Kind::Agent,
        "tool" => Kind::Tool,
        _ => return None,
    })
}

/// What `llm.request.type` says.
pub(super) fn kind(facts: &Facts<'_, '_>) -> Option<Kind> {
    Some(match facts.text(Field::RequestType)? {
        "chat" => Kind::Llm("chat"),
        "completion" => Kind::Llm("text_completion"),
        "embedding" => Kind::Llm("embeddings"),
        "rerank" => Kind::Retrieval,
        _ => return None,
    })
}
