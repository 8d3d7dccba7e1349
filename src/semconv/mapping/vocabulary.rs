//! The words of the dialects beyond those that are measured: details that are kept and shown,
//! and old names with what replaced them.

use std::borrow::Cow;

use crate::semconv::names::{Field, field_of, speaks_of_llms};

/// What an attribute's name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// A dialect knows it.
    Known,
    /// It looks like a word of a dialect, but none knows it.
    Unknown,
    /// It does not speak of agents and models.
    Foreign,
}

/// Old names and those that replaced them. Both are read.
pub(super) static DEPRECATED: &[(&str, &str)] = &[
    ("gen_ai.system", "gen_ai.provider.name"),
    ("gen_ai.usage.prompt_tokens", "gen_ai.usage.input_tokens"),
    ("gen_ai.usage.completion_tokens", "gen_ai.usage.output_tokens"),
    ("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens"),
    ("gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.cache_write.input_tokens"),
    ("gen_ai.usage.cache_write_input_tokens", "gen_ai.usage.cache_write.input_tokens"),
    ("gen_ai.usage.cache_read_input_tokens", "gen_ai.usage.cache_read.input_tokens"),
    ("gen_ai.usage.reasoning_tokens", "gen_ai.usage.reasoning.output_tokens"),
    ("gen_ai.response.finish_reason", "gen_ai.response.finish_reasons"),
    ("gen_ai.response.stop_reason", "gen_ai.response.finish_reasons"),
    ("gen_ai.prompt", "gen_ai.input.messages"),
    ("gen_ai.completion", "gen_ai.output.messages"),
    ("gen_ai.openai.request.response_format", "gen_ai.output.type"),
    ("gen_ai.openai.request.seed", "gen_ai.request.seed"),
    ("gen_ai.openai.request.service_tier", "openai.request.service_tier"),
    ("gen_ai.openai.response.service_tier", "openai.response.service_tier"),
    ("gen_ai.openai.response.system_fingerprint", "openai.response.system_fingerprint"),
    ("llm.vendor", "gen_ai.provider.name"),
    ("llm.request.model", "gen_ai.request.model"),
    ("llm.response.model", "gen_ai.response.model"),
    ("llm.request.type", "gen_ai.operation.name"),
    ("llm.usage.prompt_tokens", "gen_ai.usage.input_tokens"),
    ("llm.usage.completion_tokens", "gen_ai.usage.output_tokens"),
    ("llm.usage.reasoning_tokens", "gen_ai.usage.reasoning.output_tokens"),
    ("llm.response.finish_reason", "gen_ai.response.finish_reasons"),
    ("llm.response.stop_reason", "gen_ai.response.finish_reasons"),
    ("llm.user", "user.id"),
    ("ai.usage.promptTokens", "ai.usage.inputTokens"),
    ("ai.usage.completionTokens", "ai.usage.outputTokens"),
    ("ai.finishReason", "ai.response.finishReason"),
    ("ai.stream.msToFirstChunk", "ai.response.msToFirstChunk"),
    ("enduser.id", "user.id"),
    ("http.method", "http.request.method"),
    ("http.status_code", "http.response.status_code"),
    ("http.target", "url.path"),
    ("http.url", "url.full"),
    ("net.peer.name", "server.address"),
    ("db.system", "db.system.name"),
    ("db.operation", "db.operation.name"),
    ("db.sql.table", "db.collection.name"),
    ("db.mongodb.collection", "db.collection.name"),
    ("db.cassandra.table", "db.collection.name"),
    ("db.statement", "db.query.text"),
];

/// Names of the dialects that are kept and shown, and measure nothing.
static DETAILS: &[&str] = &[
    "ai.documents",
    "ai.embedding",
    "ai.embeddings",
    "ai.prompt",
    "ai.prompt.format",
    "ai.prompt.messages",
    "ai.prompt.toolChoice",
    "ai.prompt.tools",
    "ai.ranking",
    "ai.ranking.type",
    "ai.response.avgCompletionTokensPerSecond",
    "ai.response.avgOutputTokensPerSecond",
    "ai.response.files",
    "ai.response.msToFinish",
    "ai.response.object",
    "ai.response.providerMetadata",
    "ai.response.reasoning",
    "ai.response.text",
    "ai.response.timestamp",
    "ai.response.toolCalls",
    "ai.result.object",
    "ai.result.text",
    "ai.result.toolCalls",
    "ai.schema",
    "ai.schema.description",
    "ai.schema.name",
    "ai.usage.outputTokenDetails.textTokens",
    "ai.value",
    "ai.values",
    "gen_ai.agent.call.id",
    "gen_ai.agent.description",
    "gen_ai.agent.tools",
    "gen_ai.agent.version",
    "gen_ai.client.operation.duration",
    "gen_ai.client.operation.time_per_output_chunk",
    "gen_ai.completion",
    "gen_ai.conversation.compacted",
    "gen_ai.data_source.id",
    "gen_ai.embeddings.dimension.count",
    "gen_ai.evaluation.explanation",
    "gen_ai.evaluation.name",
    "gen_ai.evaluation.score.label",
    "gen_ai.evaluation.score.value",
    "gen_ai.event.end_time",
    "gen_ai.event.start_time",
    "gen_ai.execute_tool.duration",
    "gen_ai.headers",
    "gen_ai.input.messages",
    "gen_ai.is_streaming",
    "gen_ai.main_agent.description",
    "gen_ai.output.messages",
    "gen_ai.output.type",
    "gen_ai.prompt",
    "gen_ai.request.choice.count",
    "gen_ai.request.encoding_formats",
    "gen_ai.request.frequency_penalty",
    "gen_ai.request.is_stream",
    "gen_ai.request.max_tokens",
    "gen_ai.request.presence_penalty",
    "gen_ai.request.previous_response.id",
    "gen_ai.request.reasoning.level",
    "gen_ai.request.reasoning_effort",
    "gen_ai.request.seed",
    "gen_ai.request.stop_sequences",
    "gen_ai.request.stream",
    "gen_ai.request.stream_cursor",
    "gen_ai.request.structured_output_schema",
    "gen_ai.request.temperature",
    "gen_ai.request.top_k",
    "gen_ai.request.top_p",
    "gen_ai.response.status",
    "gen_ai.server.request.duration",
    "gen_ai.skill.description",
    "gen_ai.skill.resource.name",
    "gen_ai.skill.source.uri",
    "gen_ai.skills",
    "gen_ai.system_instructions",
    "gen_ai.task.id",
    "gen_ai.task.input",
    "gen_ai.task.kind",
    "gen_ai.task.output",
    "gen_ai.task.parent.id",
    "gen_ai.task.status",
    "gen_ai.token.modality",
    "gen_ai.token.type",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.definitions",
    "gen_ai.tool.description",
    "gen_ai.tool.status",
    "gen_ai.tool.type",
    "gen_ai.usage.cost.source",
    "gen_ai.workflow.edges",
    "gen_ai.workflow.nodes",
    "llm.chat.stop_sequences",
    "llm.frequency_penalty",
    "llm.headers",
    "llm.input_messages",
    "llm.is_streaming",
    "llm.output_messages",
    "llm.presence_penalty",
    "llm.prompt_template.template",
    "llm.prompt_template.variables",
    "llm.prompt_template.version",
    "llm.request.repetition_penalty",
    "llm.request.structured_output_schema",
    "llm.response.id",
    "llm.response.usage",
    "llm.tools",
    "llm.top_k",
    "traceloop.correlation.id",
    "traceloop.entity.path",
    "traceloop.entity.version",
    "traceloop.prompt.key",
    "traceloop.prompt.managed",
    "traceloop.prompt.template",
    "traceloop.prompt.template_variables",
    "traceloop.prompt.version",
    "traceloop.prompt.version_hash",
    "traceloop.prompt.version_name",
];

/// What names begin with whose end the sender chooses, or that hold messages piece by piece.
static FAMILIES: &[&str] = &[
    "ai.request.",
    "ai.settings.",
    "ai.telemetry.metadata.",
    "gcp.vertex.agent.",
    "gen_ai.aggregated_usage.",
    "gen_ai.completion.",
    "gen_ai.cost.",
    "gen_ai.memory.",
    "gen_ai.openai.",
    "gen_ai.prompt.",
    "gen_ai.retrieval.",
    "gen_ai.tool.definitions.",
    "gen_ai.usage.audio.",
    "gen_ai.usage.details.",
    "gen_ai.usage.image.",
    "gen_ai.usage.text.",
    "gen_ai.usage.video.",
    "genkit:",
    "langfuse.",
    "litellm.",
    "lk.",
    "llm.None.",
    "llm.anthropic.",
    "llm.azure.",
    "llm.bedrock.",
    "llm.choices.",
    "llm.cost.",
    "llm.gemini.",
    "llm.input_messages.",
    "llm.openai.",
    "llm.output_messages.",
    "llm.prompts.",
    "llm.request.functions.",
    "llm.token_count.",
    "llm.tools.",
    "llm.vertex_ai.",
    "mlflow.",
    "traceloop.association.properties.",
];

/// What a name is.
pub(super) fn word(key: &str) -> Word {
    if field_of(key).is_some() {
        return Word::Known;
    }
    let looks_so = speaks_of_llms(key)
        || ["traceloop.", "langfuse.", "genkit:", "mlflow.", "lk.", "gcp.vertex.", "litellm."]
            .iter()
            .any(|prefix| key.starts_with(prefix));
    match looks_so {
        false => Word::Foreign,
        true if is_detail(key) => Word::Known,
        true => Word::Unknown,
    }
}

fn is_detail(key: &str) -> bool {
    DETAILS.binary_search(&key).is_ok() || FAMILIES.iter().any(|family| key.starts_with(family))
}

/// What a known name says, in the words of the report: a field, or `detail`.
pub(super) fn meaning(key: &str) -> String {
    let Some(field) = field_of(key).filter(|field| *field != Field::Detail) else {
        return "detail".to_owned();
    };
    let mut name = String::new();
    for letter in format!("{field:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// The name that replaced an old one.
pub(super) fn replaced_by(key: &str) -> Option<&'static str> {
    DEPRECATED.iter().find(|(old, _)| *old == key).map(|(_, new)| *new)
}

/// A name with `N` for its numbers, so that a list of messages is one name.
pub(super) fn without_numbers(key: &str) -> Cow<'_, str> {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    if !key.bytes().any(|byte| byte.is_ascii_digit()) || !key.split('.').any(is_number) {
        return Cow::Borrowed(key);
    }
    let parts = key.split('.').map(|part| if is_number(part) { "N" } else { part });
    Cow::Owned(parts.collect::<Vec<_>>().join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_in_order_and_say_nothing_twice() {
        assert!(DETAILS.is_sorted());
        assert!(FAMILIES.is_sorted());
        for key in DETAILS {
            assert!(!FAMILIES.iter().any(|family| key.starts_with(family)), "{key} is in a family");
        }
    }

    #[test]
    fn what_replaces_an_old_name_says_the_same() {
        for (old, new) in DEPRECATED {
            assert_eq!(
                word(old),
                if field_of(old).is_some() || is_detail(old) { Word::Known } else { Word::Foreign }
            );
            if let (Some(was), Some(is)) = (field_of(old), field_of(new)) {
                let kinds = [Field::RequestType, Field::GenAiOperation];
                assert!(was == is || kinds.contains(&was) && kinds.contains(&is), "{old} {new}");
            }
            assert_eq!(replaced_by(new), None, "{new} is deprecated itself");
        }
    }

    #[test]
    fn names_are_known_unknown_or_foreign() {
        for (key, expected) in [
            ("gen_ai.usage.input_tokens", Word::Known),
            ("gen_ai.request.temperature", Word::Known),
            ("llm.input_messages.3.message.content", Word::Known),
            ("gen_ai.usage.image.cache_read.input_tokens", Word::Known),
            ("gen_ai.request.temprature", Word::Unknown),
            ("ai.usage.inputTokenz", Word::Unknown),
            ("langfuse.trace.name", Word::Known),
            ("server.address", Word::Known),
            ("thread.name", Word::Foreign),
        ] {
            assert_eq!(word(key), expected, "{key}");
        }
        assert_eq!(without_numbers("llm.tools.12.x.0"), "llm.tools.N.x.N");
        assert_eq!(without_numbers("http2.x1"), "http2.x1");
        assert_eq!(meaning("ai.usage.inputTokens"), "input_tokens");
        assert_eq!(meaning("gen_ai.request.seed"), "detail");
    }
}
