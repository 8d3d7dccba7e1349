//! Pydantic AI and Logfire: OTel GenAI names, with own span names in older versions.

use super::kind::Kind;
use super::names::{Field, Name};
use crate::model::Span;

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
