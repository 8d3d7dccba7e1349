//! OTel GenAI: the current names, those of v1.3x to v1.41, and the first generation.

use super::kind::Kind;
use super::names::{Facts, Field, Name};

/// Current names first, then the ones they replaced.
pub(super) static NAMES: &[Name] = &[
    ("gen_ai.operation.name", Field::GenAiOperation),
    ("gen_ai.provider.name", Field::Provider),
    ("gen_ai.system", Field::Provider),
    ("gen_ai.request.model", Field::RequestModel),
    ("gen_ai.response.model", Field::ResponseModel),
    ("gen_ai.response.id", Field::ResponseId),
    ("openai.response.service_tier", Field::ServiceTier),
    ("gen_ai.openai.response.service_tier", Field::ServiceTier),
    ("openai.request.service_tier", Field::ServiceTier),
    ("gen_ai.openai.request.service_tier", Field::ServiceTier),
    ("gen_ai.response.finish_reasons", Field::FinishReason),
    ("gen_ai.response.time_to_first_chunk", Field::FirstTokenSeconds),
    ("gen_ai.usage.input_tokens", Field::InputTokens),
    ("gen_ai.usage.prompt_tokens", Field::InputTokens),
    ("gen_ai.usage.output_tokens", Field::OutputTokens),
    ("gen_ai.usage.completion_tokens", Field::OutputTokens),
    ("gen_ai.usage.cache_read.input_tokens", Field::CacheReadTokens),
    ("gen_ai.usage.cache_write.input_tokens", Field::CacheWriteTokens),
    ("gen_ai.usage.cache_creation.input_tokens", Field::CacheWriteTokens),
    ("gen_ai.usage.reasoning.output_tokens", Field::ReasoningTokens),
    ("gen_ai.usage.total_tokens", Field::TotalTokens),
    ("gen_ai.usage.cost.amount", Field::Cost),
    ("gen_ai.usage.cost.currency", Field::CostCurrency),
    ("gen_ai.conversation.id", Field::Conversation),
    ("gen_ai.agent.name", Field::AgentName),
    ("gen_ai.main_agent.name", Field::AgentName),
    ("gen_ai.agent.id", Field::AgentId),
    ("gen_ai.main_agent.id", Field::AgentId),
    ("gen_ai.workflow.name", Field::WorkflowName),
    ("error.type", Field::ErrorType),
    ("gen_ai.tool.name", Field::ToolName),
    ("gen_ai.tool.call.id", Field::ToolCallId),
    ("gen_ai.tool.call.arguments", Field::ToolArguments),
    ("gen_ai.tool.call.result", Field::ToolResult),
];

/// What `gen_ai.operation.name` says. Beside the conventions' own values stand those that
/// gateways and frameworks send there (LiteLLM its call types, Envoy its endpoints, Semantic
/// Kernel and Strands their own words).
pub(super) fn kind(facts: &Facts<'_, '_>) -> Option<Kind> {
    Some(match facts.text(Field::GenAiOperation)? {
        "chat"
        | "chat.completions"
        | "completion"
        | "acompletion"
        | "responses"
        | "aresponses"
        | "messages"
        | "anthropic_messages"
        | "llm_request"
        | "_arealtime"
        | "pass_through_endpoint"
        | "llm_passthrough_route"
        | "allm_passthrough_route" => Kind::Llm("chat"),
        "text_completion" | "text.completions" | "atext_completion" => Kind::Llm("text_completion"),
        "generate_content"
        | "agenerate_content"
        | "generate_content_stream"
        | "agenerate_content_stream"
        | "image_generation"
        | "aimage_generation"
        | "transcription"
        | "atranscription"
        | "speech"
        | "aspeech"
        | "image_edit"
        | "aimage_edit"
        | "image"
        | "audio" => Kind::Llm("generate_content"),
        "embeddings" | "embedding" | "aembedding" => Kind::Llm("embeddings"),
        "execute_tool" | "call_mcp_tool" => Kind::Tool,
        "invoke_agent" => Kind::Agent,
        "invoke_workflow" => Kind::Workflow,
        "execute_task" | "plan" | "execute_event_loop_cycle" | "agent_step" => Kind::Step,
        "retrieval"
        | "search_memory"
        | "vector_db_retrieve"
        | "vectordb"
        | "rerank"
        | "arerank"
        | "vector_store_search"
        | "avector_store_search" => Kind::Retrieval,
        // Fetching an answer that was given before is no call of a model, and what usage it
        // repeats was counted when the answer was made.
        "fetch_response"
        | "create_agent"
        | "create_memory"
        | "create_memory_store"
        | "update_memory"
        | "upsert_memory"
        | "delete_memory"
        | "delete_memory_store"
        | "moderation"
        | "amoderation"
        | "list_mcp_tools"
        | "framework" => Kind::Other,
        _ => return None,
    })
}

/// The kind of a span named as the conventions say (`execute_tool search`), for senders that
/// leave the operation name out.
pub(super) fn kind_of_name(name: &str) -> Option<Kind> {
    Some(match name.split_once(' ').map_or(name, |(verb, _)| verb) {
        "chat" => Kind::Llm("chat"),
        "text_completion" => Kind::Llm("text_completion"),
        "generate_content" => Kind::Llm("generate_content"),
        "embeddings" => Kind::Llm("embeddings"),
        "execute_tool" => Kind::Tool,
        "invoke_agent" => Kind::Agent,
        "invoke_workflow" => Kind::Workflow,
        "create_agent" => Kind::Other,
        _ => return None,
    })
}

/// The kind of a first-generation span, which had no operation name: it names a model and either
/// who serves it or what it used.
pub(super) fn kind_of_facts(facts: &Facts<'_, '_>) -> Option<Kind> {
    if facts.has(Field::ToolName) && !facts.has(Field::OutputTokens) {
        return Some(Kind::Tool);
    }
    let model = facts.has(Field::RequestModel) || facts.has(Field::ResponseModel);
    let served = facts.has(Field::Provider) || facts.has(Field::OutputTokens);
    (model && served && !facts.has(Field::GenAiOperation)).then_some(Kind::Llm("chat"))
}
