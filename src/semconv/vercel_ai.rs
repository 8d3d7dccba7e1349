//! Vercel AI SDK: the `ai.*` names. Its outer spans (`ai.streamText`) repeat the usage of the
//! inner ones (`ai.streamText.doStream`), which alone are calls of a model.

use super::kind::Kind;
use super::names::{Facts, Field, Name};
use crate::model::Span;

/// AI SDK 5 names first, then those of 3 and 4.
pub(super) static NAMES: &[Name] = &[
    ("ai.operationId", Field::VercelOperation),
    ("operation.name", Field::VercelOperationName),
    ("ai.model.provider", Field::Provider),
    ("ai.model.id", Field::RequestModel),
    ("ai.response.model", Field::ResponseModel),
    ("ai.response.id", Field::ResponseId),
    ("ai.usage.inputTokens", Field::InputTokens),
    ("ai.usage.promptTokens", Field::InputTokens),
    ("ai.usage.tokens", Field::InputTokens),
    ("ai.usage.outputTokens", Field::OutputTokens),
    ("ai.usage.completionTokens", Field::OutputTokens),
    ("ai.usage.totalTokens", Field::TotalTokens),
    ("ai.usage.inputTokenDetails.noCacheTokens", Field::UncachedTokens),
    ("ai.usage.cachedInputTokens", Field::CacheReadTokens),
    ("ai.usage.inputTokenDetails.cacheReadTokens", Field::CacheReadTokens),
    ("ai.usage.inputTokenDetails.cacheWriteTokens", Field::CacheWriteTokens),
    ("ai.usage.reasoningTokens", Field::ReasoningTokens),
    ("ai.usage.outputTokenDetails.reasoningTokens", Field::ReasoningTokens),
    ("gen_ai.client.operation.time_to_first_chunk", Field::FirstTokenSeconds),
    ("ai.response.msToFirstChunk", Field::FirstTokenMilliseconds),
    ("ai.stream.msToFirstChunk", Field::FirstTokenMilliseconds),
    ("ai.response.finishReason", Field::FinishReason),
    ("ai.finishReason", Field::FinishReason),
    ("ai.toolCall.name", Field::ToolName),
    ("ai.toolCall.id", Field::ToolCallId),
    ("ai.toolCall.args", Field::ToolArguments),
    ("ai.toolCall.result", Field::ToolResult),
    ("ai.telemetry.functionId", Field::AgentFunction),
    ("ai.telemetry.metadata.sessionId", Field::Conversation),
    ("ai.telemetry.metadata.session_id", Field::Conversation),
    ("ai.telemetry.metadata.conversationId", Field::Conversation),
    ("ai.telemetry.metadata.threadId", Field::Conversation),
    ("ai.telemetry.metadata.userId", Field::User),
    ("ai.telemetry.metadata.user_id", Field::User),
    ("ai.telemetry.metadata.tenantId", Field::Tenant),
    ("ai.telemetry.metadata.tenant_id", Field::Tenant),
    ("ai.settings.context.sessionId", Field::Conversation),
    ("ai.settings.context.userId", Field::User),
    ("ai.settings.context.tenantId", Field::Tenant),
    ("ai.settings.runtimeContext.sessionId", Field::Conversation),
    ("ai.settings.runtimeContext.userId", Field::User),
    ("ai.settings.runtimeContext.tenantId", Field::Tenant),
];

/// What `ai.operationId` says, or the first word of `operation.name`.
pub(super) fn kind(facts: &Facts<'_, '_>, span: &Span<'_>) -> Option<Kind> {
    let operation = facts.text(Field::VercelOperation).or_else(|| {
        let name = facts.text(Field::VercelOperationName)?;
        name.split(' ').next()
    });
    let operation = operation.unwrap_or(span.name);
    Some(match operation.strip_prefix("ai.")? {
        "embed.doEmbed" | "embedMany.doEmbed" => Kind::Llm("embeddings"),
        inner if inner.ends_with(".doGenerate") || inner.ends_with(".doStream") => {
            Kind::Llm("chat")
        }
        "toolCall" => Kind::Tool,
        "rerank.doRerank" => Kind::Retrieval,
        "generateText" | "streamText" | "generateObject" | "streamObject"
            if facts.has(Field::AgentFunction) || facts.has(Field::AgentName) =>
        {
            Kind::Agent
        }
        "generateText" | "streamText" | "generateObject" | "streamObject" | "embed"
        | "embedMany" | "rerank" | "generateSpeech" | "transcribe" | "streamTranscribe"
        | "decide" => Kind::Other,
        "workflowAgent.stream" => Kind::Agent,
        _ => return None,
    })
}

/// The `step 1` spans of its OpenTelemetry package.
pub(super) fn step(scope: &str, span: &Span<'_>) -> Option<Kind> {
    let number = span.name.strip_prefix("step ")?;
    let is_step = matches!(scope, "ai" | "@ai-sdk/otel") && number.parse::<u32>().is_ok();
    is_step.then_some(Kind::Step)
}
