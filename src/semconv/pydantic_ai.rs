//! Pydantic AI and Logfire: OTel GenAI names, with own span names in older versions.

use super::kind::Kind;
use super::names::{Facts, Field, Name};
use crate::model::{Span, Status};

/// Names beside those of OTel GenAI.
pub(super) static NAMES: &[Name] = &[
    ("gen_ai.usage.details.cache_read_tokens", Field::CacheReadTokens),
    ("gen_ai.usage.details.cache_read_input_tokens", Field::CacheReadTokens),
    ("gen_ai.usage.details.cache_write_tokens", Field::CacheWriteTokens),
    ("gen_ai.usage.details.cache_creation_input_tokens", Field::CacheWriteTokens),
    ("gen_ai.usage.details.reasoning_tokens", Field::ReasoningTokens),
    ("operation.cost", Field::Cost),
    ("agent_name", Field::AgentName),
    ("tool_arguments", Field::ToolArguments),
    ("tool_response", Field::ToolResult),
    ("request_data", Field::InvocationParameters),
];

/// Logfire's span around the opening of a stream: it ends before the first token, and the usage
/// comes with a second one (`streaming response from …`), which is the call.
pub(super) fn opening(scope: &str, span: &Span<'_>, facts: &Facts<'_, '_>) -> Option<Kind> {
    let client = scope.strip_prefix("logfire.")?;
    let calls = matches!(client, "openai" | "anthropic") && span.status != Status::Error;
    let answered = facts.has(Field::OutputTokens)
        || facts.has(Field::InputTokens)
        || facts.has(Field::ResponseId);
    (calls && !answered).then_some(Kind::Other)
}

/// The kind of a span of its older versions, which its name tells.
pub(super) fn kind(scope: &str, span: &Span<'_>) -> Option<Kind> {
    if scope != "pydantic-ai" {
        return None;
    }
    Some(match span.name {
        "agent run" => Kind::Agent,
        "running tool" => Kind::Tool,
        "running tools" => Kind::Step,
        name if name.ends_with(" run") => Kind::Agent,
        name if name.starts_with("running tool: ") => Kind::Tool,
        name if name.starts_with("running ") && name.ends_with(" tools") => Kind::Step,
        name if name.starts_with("running output function") => Kind::Other,
        name if name.starts_with("model request") => Kind::Llm("chat"),
        _ => return None,
    })
}
