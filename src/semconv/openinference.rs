//! OpenInference (Arize): `openinference.span.kind` and the `llm.*` names.

use super::kind::Kind;
use super::names::{Facts, Field, Name};
use crate::model::Span;

/// Specific names first.
pub(super) static NAMES: &[Name] = &[
    ("openinference.span.kind", Field::OpenInferenceKind),
    ("llm.provider", Field::Provider),
    ("llm.system", Field::Provider),
    ("llm.request.model_name", Field::RequestModel),
    ("llm.model_name", Field::EitherModel),
    ("embedding.model_name", Field::EitherModel),
    ("reranker.model_name", Field::EitherModel),
    ("llm.response.model_name", Field::ResponseModel),
    ("llm.invocation_parameters", Field::InvocationParameters),
    ("embedding.invocation_parameters", Field::InvocationParameters),
    ("llm.response.id", Field::ResponseId),
    ("llm.token_count.prompt", Field::InputTokens),
    ("llm.token_count.completion", Field::OutputTokens),
    ("llm.token_count.prompt_details.cache_read", Field::CacheReadTokens),
    ("llm.token_count.prompt_details.cache_write", Field::CacheWriteTokens),
    ("llm.token_count.completion_details.reasoning", Field::ReasoningTokens),
    ("llm.token_count.total", Field::TotalTokens),
    ("llm.cost.total", Field::Cost),
    ("llm.finish_reason", Field::FinishReason),
    ("tool.name", Field::ToolName),
    ("tool_call.function.name", Field::ToolName),
    ("tool.id", Field::ToolCallId),
    ("tool_call.id", Field::ToolCallId),
    ("tool_call.function.arguments", Field::ToolArguments),
    ("input.value", Field::ToolArguments),
    ("tool.parameters", Field::ToolArguments),
    ("output.value", Field::ToolResult),
    ("agent.name", Field::AgentName),
    ("graph.node.name", Field::GraphNode),
    ("graph.node.id", Field::GraphNode),
    ("metadata", Field::Metadata),
];

/// What `openinference.span.kind` says. A chain at the root of its trace is the workflow, one
/// below it a step. The OpenAI Agents SDK calls each of its traces an agent, around the agents.
pub(super) fn kind(scope: &str, facts: &Facts<'_, '_>, span: &Span<'_>) -> Option<Kind> {
    let root = span.parent_span_id.is_none();
    Some(match facts.text(Field::OpenInferenceKind)? {
        "LLM" if span.name.contains("embedding") || span.name.contains("Embedding") => {
            Kind::Llm("embeddings")
        }
        "LLM" => Kind::Llm("chat"),
        "EMBEDDING" => Kind::Llm("embeddings"),
        "CHAIN" if root || span.name == "LangGraph" => Kind::Workflow,
        "CHAIN" => Kind::Step,
        "AGENT" if root && scope == "openinference.instrumentation.openai_agents" => Kind::Workflow,
        "AGENT" => Kind::Agent,
        "TOOL" => Kind::Tool,
        "RETRIEVER" | "RERANKER" => Kind::Retrieval,
        "GUARDRAIL" | "EVALUATOR" | "PROMPT" | "UNKNOWN" => Kind::Other,
        _ => return None,
    })
}
