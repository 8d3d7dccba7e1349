//! Names of providers as LiteLLM writes them, and what of a key is the model's name.

use std::borrow::Cow;

/// LiteLLM's name → the well-known one. Others stay as they are.
static PROVIDERS: &[(&str, &str)] = &[
    ("text-completion-openai", "openai"),
    ("azure", "azure.ai.openai"),
    ("azure_text", "azure.ai.openai"),
    ("azure_ai", "azure.ai.inference"),
    ("bedrock", "aws.bedrock"),
    ("bedrock_converse", "aws.bedrock"),
    ("gemini", "gcp.gemini"),
    ("cohere_chat", "cohere"),
    ("watsonx", "ibm.watsonx.ai"),
    ("mistral", "mistral_ai"),
    ("codestral", "mistral_ai"),
    ("text-completion-codestral", "mistral_ai"),
    ("moonshot", "moonshot_ai"),
    ("xai", "x_ai"),
    ("ollama_chat", "ollama"),
    ("hosted_vllm", "vllm"),
    ("github", "github"),
];

/// Names of providers that stand before a model's own name within a key.
static MAKERS: &[&str] = &["openai", "anthropic", "google", "cohere", "deepseek", "groq", "meta"];

/// The well-known name of a provider that LiteLLM calls so.
pub(super) fn provider(litellm: &str) -> Cow<'_, str> {
    if let Some((_, known)) = PROVIDERS.iter().find(|(name, _)| *name == litellm) {
        return Cow::Borrowed(known);
    }
    // Groups of one provider's models: `vertex_ai-anthropic_models`.
    for (group, known) in [("vertex_ai", "gcp.vertex_ai"), ("fireworks_ai", "fireworks_ai")] {
        if litellm.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        {
            return Cow::Borrowed(known);
        }
    }
    Cow::Owned(litellm.to_ascii_lowercase())
}

/// A key as provider and model, and whether it names the provider. `said` is `litellm_provider`.
pub(super) fn split<'a>(key: &'a str, said: Option<&'a str>) -> (Cow<'a, str>, &'a str, bool) {
    let first = key.split_once('/');
    match (said.map(provider), first) {
        (Some(known), Some((prefix, rest))) if provider(prefix) == known && !rest.is_empty() => {
            (known, rest, true)
        }
        (Some(known), _) => (known, key, false),
        (None, Some((prefix, rest))) if !rest.is_empty() => (provider(prefix), rest, true),
        (None, _) => (Cow::Borrowed("unknown"), key, false),
    }
}

/// The name that is left when makers are cut off: senders' names are cut in the same way.
pub(super) fn short(model: &str) -> Option<&str> {
    let mut rest = model;
    while let Some((prefix, tail)) = rest.split_once('/') {
        if tail.is_empty() || !MAKERS.contains(&prefix) {
            break;
        }
        rest = tail;
    }
    (rest.len() < model.len()).then_some(rest)
}
