//! Other frameworks: what their spans say beyond the names of the dialects that have a file.
//!
//! Langfuse, LoongSuite, MLflow, LangSmith, Genkit, Strands, OpenLIT, MCP.

use std::collections::HashMap;

use super::kind::Kind;
use super::names::{Facts, Field, Name};
use crate::limits;
use crate::model::{Span, Usage};

/// In no particular order but the precedence of one field's carriers.
pub(super) static NAMES: &[Name] = &[
    ("langfuse.observation.type", Field::FrameworkKind),
    ("gen_ai.span.kind", Field::FrameworkKind),
    ("langsmith.span.kind", Field::FrameworkKind),
    ("mlflow.spanType", Field::FrameworkKind),
    ("genkit:metadata:subtype", Field::FrameworkKind),
    ("mcp.method.name", Field::McpMethod),
    ("langfuse.observation.model.name", Field::RequestModel),
    ("langfuse.observation.usage_details", Field::UsageDetails),
    ("gen_ai.usage.raw", Field::UsageDetails),
    ("langfuse.observation.cost_details", Field::CostDetails),
    ("gen_ai.usage.cache_read_tokens", Field::CacheReadTokens),
    ("gen_ai.usage.input_cached_tokens", Field::CacheReadTokens),
    ("gen_ai.usage.cached_tokens", Field::CacheReadTokens),
    ("gen_ai.usage.prompt_tokens_details.cached_tokens", Field::CacheReadTokens),
    ("gen_ai.usage.prompt_cache_hit_tokens", Field::CacheReadTokens),
    ("gen_ai.usage.cache_write_tokens", Field::CacheWriteTokens),
    ("gen_ai.usage.cache_write_input_tokens", Field::CacheWriteTokens),
    ("gen_ai.usage.input_cache_creation", Field::CacheWriteTokens),
    ("gen_ai.usage.prompt_cache_miss_tokens", Field::UncachedTokens),
    ("gen_ai.usage.cost", Field::Cost),
    ("gen_ai.usage.cost_usd", Field::Cost),
    ("gen_ai.server.time_to_first_token", Field::FirstTokenSeconds),
    ("gen_ai.response.time_to_first_token", Field::FirstTokenNanoseconds),
    ("langfuse.observation.completion_start_time", Field::FirstTokenMoment),
    ("completion_start_time", Field::FirstTokenMoment),
    ("lk.response.ttft", Field::FirstTokenSeconds),
    ("lk.function_tool.name", Field::ToolName),
    ("lk.function_tool.id", Field::ToolCallId),
    ("lk.pii.function_tool.arguments", Field::ToolArguments),
    ("lk.function_tool.arguments", Field::ToolArguments),
    ("lk.pii.function_tool.output", Field::ToolResult),
    ("lk.function_tool.output", Field::ToolResult),
    ("lk.agent_name", Field::AgentName),
    ("gen_ai.tool.input", Field::ToolArguments),
    ("gen_ai.tool.args", Field::ToolArguments),
    ("gcp.vertex.agent.tool_call_args", Field::ToolArguments),
    ("langfuse.observation.metadata.finish_reason", Field::FinishReason),
    ("gen_ai.tool.output", Field::ToolResult),
    ("gcp.vertex.agent.tool_response", Field::ToolResult),
    ("flue.task.agent", Field::AgentName),
    ("langgraph.node", Field::GraphNode),
    ("langgraph_node", Field::GraphNode),
    ("langfuse.session.id", Field::Conversation),
    ("gcp.vertex.agent.session_id", Field::Conversation),
    ("langfuse.user.id", Field::User),
    ("gen_ai.request.user", Field::User),
];

/// Langfuse's usage in JSON: in its own words, whose input leaves the cached part out, or as the
/// provider's answer had it.
#[derive(Debug, Default, serde::Deserialize)]
struct UsageDetails {
    input: Option<u64>,
    output: Option<u64>,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    #[serde(alias = "cache_read_input_tokens")]
    input_cached_tokens: Option<u64>,
    #[serde(alias = "cache_creation_input_tokens")]
    input_cache_creation: Option<u64>,
    output_reasoning_tokens: Option<u64>,
}

#[derive(Debug, Default, serde::Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

#[derive(Debug, Default, serde::Deserialize)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
}

/// The usage of a span that has it in JSON only, and who counts so.
pub(super) fn usage_in_json(facts: &Facts<'_, '_>) -> Option<(Usage, &'static str)> {
    let json = facts.text(Field::UsageDetails)?;
    if json.len() > limits::ATTRIBUTE_JSON_BYTES {
        return None;
    }
    let details: UsageDetails = serde_json::from_str(json).ok()?;
    let prompt = details.prompt_tokens_details.unwrap_or_default();
    let completion = details.completion_tokens_details.unwrap_or_default();
    let credible = |count: Option<u64>| count.filter(|count| *count <= limits::TOKENS_PER_CALL);
    let own = details.input.is_some() || details.output.is_some();
    let usage = Usage {
        input: credible(details.input.or(details.prompt_tokens)),
        output: credible(details.output.or(details.completion_tokens)),
        cached: credible(details.input_cached_tokens.or(prompt.cached_tokens)),
        cache_write: credible(details.input_cache_creation),
        reasoning: credible(details.output_reasoning_tokens.or(completion.reasoning_tokens)),
    };
    Some((usage, if own { "langfuse" } else { "openai" }))
}

/// The cost of a span that has it in JSON only: the total, else the sum of its parts.
pub(super) fn cost_in_json(facts: &Facts<'_, '_>) -> Option<f64> {
    let json = facts.text(Field::CostDetails)?;
    let details: HashMap<&str, f64> = serde_json::from_str(json).ok()?;
    let total = details.get("total").copied().unwrap_or_else(|| details.values().sum());
    (!details.is_empty() && total >= 0.0).then_some(total)
}

/// The kind that a framework's own attribute tells, and the framework's dialect name.
pub(super) fn kind(scope: &str, facts: &Facts<'_, '_>) -> Option<(Kind, &'static str)> {
    if let Some(method) = facts.text(Field::McpMethod) {
        return Some((if method == "tools/call" { Kind::Tool } else { Kind::Other }, "mcp"));
    }
    // MLflow writes its values as JSON, in quotes.
    let told = facts.text(Field::FrameworkKind)?.trim_matches('"');
    let is = |words: &[&str]| words.iter().any(|word| told.eq_ignore_ascii_case(word));
    let kind = if is(&["generation", "llm", "chat_model", "model"]) {
        Kind::Llm("chat")
    } else if is(&["embedding", "embedder"]) {
        Kind::Llm("embeddings")
    } else if is(&["agent"]) {
        Kind::Agent
    } else if is(&["tool"]) {
        Kind::Tool
    } else if is(&["entry", "flow", "workflow"]) {
        Kind::Workflow
    } else if is(&["step", "task", "chain"]) {
        Kind::Step
    } else if is(&["retriever", "reranker", "indexer"]) {
        Kind::Retrieval
    } else if is(&["guardrail", "evaluator", "event", "parser", "prompt"]) {
        Kind::Other
    } else {
        return None;
    };
    Some((kind, SCOPES.iter().find(|(of, _)| scope.starts_with(of)).map_or("framework", |it| it.1)))
}

/// Whose scope a kind in no convention's words comes from.
static SCOPES: &[(&str, &str)] = &[
    ("langfuse", "langfuse"),
    ("genkit", "genkit"),
    ("mlflow", "mlflow"),
    ("langsmith", "langsmith"),
    ("loongsuite", "loongsuite"),
    ("opentelemetry.instrumentation.loongsuite", "loongsuite"),
];

/// The kind of a span that only its scope and name tell.
pub(super) fn named(scope: &str, span: &Span<'_>) -> Option<(Kind, &'static str)> {
    let kind = match scope {
        "gcp.vertex.agent" => match span.name {
            "invocation" => Kind::Workflow,
            "call_llm" => return None,
            name if name.starts_with("agent_run [") => Kind::Agent,
            _ => return None,
        },
        "strands.telemetry.tracer" if span.name.starts_with("Cycle ") => Kind::Step,
        "livekit-agents" => match span.name {
            "agent_session" => Kind::Workflow,
            "agent_turn" => Kind::Agent,
            "function_tool" => Kind::Tool,
            "llm_node" | "tts_node" | "stt_node" => Kind::Step,
            _ => return None,
        },
        _ => return None,
    };
    let dialect = match scope {
        "gcp.vertex.agent" => "google_adk",
        "livekit-agents" => "livekit",
        _ => "strands",
    };
    Some((kind, dialect))
}
