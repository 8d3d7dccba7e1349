//! Other frameworks: what their spans say beyond the names of the dialects that have a file.
//!
//! Langfuse, LoongSuite, MLflow, LangSmith, Genkit, Strands, OpenLIT, MCP.

use std::collections::HashMap;

use super::kind::Kind;
use super::names::{Facts, Field, Name};
use crate::limits;
use crate::model::Usage;

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
    ("langfuse.observation.cost_details", Field::CostDetails),
    ("gen_ai.usage.cache_read_tokens", Field::CacheReadTokens),
    ("gen_ai.usage.input_cached_tokens", Field::CacheReadTokens),
    ("gen_ai.usage.cached_tokens", Field::CacheReadTokens),
    ("gen_ai.usage.prompt_tokens_details.cached_tokens", Field::CacheReadTokens),
    ("gen_ai.usage.prompt_cache_hit_tokens", Field::CacheReadTokens),
    ("gen_ai.usage.cache_write_tokens", Field::CacheWriteTokens),
    ("gen_ai.usage.cache_write_input_tokens", Field::CacheWriteTokens),
    ("gen_ai.usage.input_cache_creation", Field::CacheWriteTokens),
    ("gen_ai.usage.cost", Field::Cost),
    ("gen_ai.usage.cost_usd", Field::Cost),
    ("gen_ai.server.time_to_first_token", Field::FirstTokenSeconds),
    ("gen_ai.response.time_to_first_token", Field::FirstTokenNanoseconds),
    ("langfuse.observation.completion_start_time", Field::FirstTokenMoment),
    ("completion_start_time", Field::FirstTokenMoment),
    ("gen_ai.tool.input", Field::ToolArguments),
    ("gen_ai.tool.args", Field::ToolArguments),
    ("gcp.vertex.agent.tool_call_args", Field::ToolArguments),
    ("gen_ai.tool.output", Field::ToolResult),
    ("gcp.vertex.agent.tool_response", Field::ToolResult),
    ("flue.task.agent", Field::AgentName),
    ("langgraph.node", Field::GraphNode),
    ("langgraph_node", Field::GraphNode),
    ("langfuse.session.id", Field::Conversation),
    ("langfuse.user.id", Field::User),
    ("gen_ai.request.user", Field::User),
];

/// Langfuse's usage in JSON. Its input leaves the cached part out.
#[derive(Debug, Default, serde::Deserialize)]
struct UsageDetails {
    input: Option<u64>,
    output: Option<u64>,
    #[serde(alias = "cache_read_input_tokens")]
    input_cached_tokens: Option<u64>,
    #[serde(alias = "cache_creation_input_tokens")]
    input_cache_creation: Option<u64>,
    output_reasoning_tokens: Option<u64>,
}

/// The usage of a span that has it in JSON only.
pub(super) fn usage_in_json(facts: &Facts<'_, '_>) -> Option<Usage> {
    let json = facts.text(Field::UsageDetails)?;
    let details: UsageDetails = serde_json::from_str(json).ok()?;
    let (cached, cache_write) = (details.input_cached_tokens, details.input_cache_creation);
    let credible = |count: &u64| *count <= limits::TOKENS_PER_CALL;
    let from_cache =
        cached.filter(credible).unwrap_or(0) + cache_write.filter(credible).unwrap_or(0);
    Some(Usage {
        input: details.input.filter(credible).map(|input| input + from_cache),
        output: details.output.filter(credible),
        cached: cached.filter(credible),
        cache_write: cache_write.filter(credible),
        reasoning: details.output_reasoning_tokens.filter(credible),
    })
}

/// The cost of a span that has it in JSON only: the total, else the sum of its parts.
pub(super) fn cost_in_json(facts: &Facts<'_, '_>) -> Option<f64> {
    let json = facts.text(Field::CostDetails)?;
    let details: HashMap<&str, f64> = serde_json::from_str(json).ok()?;
    let total = details.get("total").copied().unwrap_or_else(|| details.values().sum());
    (!details.is_empty() && total >= 0.0).then_some(total)
}

/// The kind that a framework's own attribute tells, and the framework's dialect name.
pub(super) fn kind(facts: &Facts<'_, '_>) -> Option<(Kind, &'static str)> {
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
    Some((kind, "framework"))
}
