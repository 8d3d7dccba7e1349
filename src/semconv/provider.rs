//! Who serves a model: the well-known names of the GenAI conventions.

use std::borrow::Cow;

/// What instrumentations write → the well-known name. Compared without regard to case.
static WELL_KNOWN: &[(&str, &str)] = &[
    ("openai", "openai"),
    ("text-completion-openai", "openai"),
    ("anthropic", "anthropic"),
    ("azure", "azure.ai.openai"),
    ("azure.ai.openai", "azure.ai.openai"),
    ("az.ai.openai", "azure.ai.openai"),
    ("azure_openai", "azure.ai.openai"),
    ("azure-openai", "azure.ai.openai"),
    ("azureopenai", "azure.ai.openai"),
    ("azure.ai.inference", "azure.ai.inference"),
    ("az.ai.inference", "azure.ai.inference"),
    ("azure_ai", "azure.ai.inference"),
    ("aws.bedrock", "aws.bedrock"),
    ("bedrock", "aws.bedrock"),
    ("bedrock_converse", "aws.bedrock"),
    ("aws_bedrock", "aws.bedrock"),
    ("amazon-bedrock", "aws.bedrock"),
    ("amazon_bedrock", "aws.bedrock"),
    ("aws", "aws.bedrock"),
    ("gcp.gemini", "gcp.gemini"),
    ("gemini", "gcp.gemini"),
    ("google", "gcp.gemini"),
    ("google-gla", "gcp.gemini"),
    ("google_genai", "gcp.gemini"),
    ("google.generative-ai", "gcp.gemini"),
    ("google_ai_studio", "gcp.gemini"),
    ("gcp.gen_ai", "gcp.gen_ai"),
    ("gcp.vertex_ai", "gcp.vertex_ai"),
    ("gcp.vertex.agent", "gcp.vertex_ai"),
    ("vertex_ai", "gcp.vertex_ai"),
    ("vertex_ai_beta", "gcp.vertex_ai"),
    ("vertexai", "gcp.vertex_ai"),
    ("google_vertexai", "gcp.vertex_ai"),
    ("google-vertex", "gcp.vertex_ai"),
    ("google.vertex", "gcp.vertex_ai"),
    ("google.vertex.chat", "gcp.vertex_ai"),
    ("google_vertex", "gcp.vertex_ai"),
    ("cohere", "cohere"),
    ("cohere_chat", "cohere"),
    ("deepseek", "deepseek"),
    ("groq", "groq"),
    ("ibm.watsonx.ai", "ibm.watsonx.ai"),
    ("watsonx", "ibm.watsonx.ai"),
    ("mistral_ai", "mistral_ai"),
    ("mistralai", "mistral_ai"),
    ("mistral", "mistral_ai"),
    ("moonshot_ai", "moonshot_ai"),
    ("moonshot", "moonshot_ai"),
    ("moonshotai", "moonshot_ai"),
    ("perplexity", "perplexity"),
    ("x_ai", "x_ai"),
    ("xai", "x_ai"),
    ("x-ai", "x_ai"),
    ("ollama", "ollama"),
    ("ollama_chat", "ollama"),
    ("openrouter", "openrouter"),
    ("together_ai", "together_ai"),
    ("together", "together_ai"),
    ("fireworks_ai", "fireworks_ai"),
    ("fireworks", "fireworks_ai"),
    ("huggingface", "huggingface"),
    ("hosted_vllm", "vllm"),
    ("vllm", "vllm"),
    ("nvidia_nim", "nvidia_nim"),
    ("cerebras", "cerebras"),
    ("sambanova", "sambanova"),
    ("databricks", "databricks"),
    ("replicate", "replicate"),
    ("deepinfra", "deepinfra"),
    ("voyage", "voyage"),
    ("lm_studio", "lm_studio"),
    ("github", "github"),
];

/// Hosts of providers, for spans that say where they called but not whom.
static HOSTS: &[(&str, &str)] = &[
    ("api.openai.com", "openai"),
    ("openai.azure.com", "azure.ai.openai"),
    ("api.anthropic.com", "anthropic"),
    ("amazonaws.com", "aws.bedrock"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("api.cohere.com", "cohere"),
    ("api.perplexity.ai", "perplexity"),
    ("api.x.ai", "x_ai"),
    ("openrouter.ai", "openrouter"),
];

/// Vendors in the model ids of Bedrock: `us.anthropic.claude-sonnet-4-v1:0`.
static BEDROCK_VENDORS: &[&str] = &[
    "ai21",
    "amazon",
    "anthropic",
    "cohere",
    "deepseek",
    "meta",
    "mistral",
    "openai",
    "qwen",
    "stability",
    "twelvelabs",
    "writer",
];

/// Regions that stand before them.
static BEDROCK_REGIONS: &[&str] = &["us", "eu", "apac", "ap", "au", "ca", "jp", "us-gov", "global"];

/// Prefixes of model names that are not providers of their own: they only route.
static ROUTERS: &[&str] = &["litellm_proxy", "litellm", "models"];

/// Frameworks and placeholders that senders put where the provider belongs.
static NOBODY: &[&str] = &[
    "unknown",
    "langchain",
    "litellm",
    "llamaindex",
    "llama_index",
    "haystack",
    "crewai",
    "pydantic-ai",
    "pydantic_ai",
    "langgraph",
    "strands-agents",
    "livekit",
    "openai_agents",
    "openai-agents",
    "autogen",
    "agno",
    "_other",
    "none",
];

/// Prefixes that stand before a colon. Ollama puts its tags there (`mistral:7b`), so a name that
/// is also a model's counts only before what looks like a model.
static MODELS_TOO: &[&str] = &["mistral", "deepseek", "vllm", "moonshot"];

/// Whether a provider attribute names a provider.
pub(super) fn says_something(text: &str) -> bool {
    !text.is_empty() && !NOBODY.iter().any(|name| text.eq_ignore_ascii_case(name))
}

/// The well-known name of a provider; one that is not well known stays, in lower case.
pub(super) fn normalise(text: &str) -> Cow<'_, str> {
    if let Some(name) = well_known(text) {
        return Cow::Borrowed(name);
    }
    // Vercel appends the interface to the provider: `openai.responses`, `anthropic.messages`.
    if let Some((first, _)) = text.split_once('.')
        && let Some(name) = well_known(first)
    {
        return Cow::Borrowed(name);
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

fn well_known(text: &str) -> Option<&'static str> {
    WELL_KNOWN.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, known)| *known)
}

/// The provider behind a host name.
pub(super) fn of_host(host: &str) -> Option<&'static str> {
    let serves = |domain: &str| {
        host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    HOSTS.iter().find(|(domain, _)| serves(domain)).map(|(_, name)| *name)
}

/// The provider that a bare model name gives away: Bedrock's ids have a form of their own.
pub(super) fn of_model(model: &str) -> Option<&'static str> {
    let (first, rest) = model.split_once('.')?;
    let (vendor, rest) = match BEDROCK_REGIONS.contains(&first) {
        true => rest.split_once('.')?,
        false => (first, rest),
    };
    let names_a_model = rest.starts_with(|c: char| c.is_ascii_alphabetic());
    (names_a_model && BEDROCK_VENDORS.contains(&vendor)).then_some("aws.bedrock")
}

/// A model's name without its provider prefixes, and the provider that the first of them names:
/// `openai/gpt-4o-mini`, `openrouter/anthropic/claude-sonnet-4`, `anthropic:claude-3-5-haiku`.
/// What stands before the slash of `meta-llama/Llama-3` is an organisation and stays.
pub(super) fn split_model(model: &str) -> (Option<&'static str>, &str) {
    let (mut provider, mut rest) = (None, model);
    while let Some(at) = rest.find(['/', ':']) {
        let (prefix, tail) = (&rest[..at], &rest[at + 1..]);
        let known = well_known(prefix);
        if tail.is_empty() || (known.is_none() && !ROUTERS.contains(&prefix)) {
            break;
        }
        let tagged = rest.as_bytes()[at] == b':' && MODELS_TOO.contains(&prefix);
        if tagged && !(tail.contains('-') && tail.starts_with(|c: char| c.is_alphabetic())) {
            break;
        }
        provider = provider.or(known);
        rest = tail;
    }
    (provider, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_called_by_their_well_known_names() {
        for (sent, expected) in [
            ("openai", "openai"),
            ("OpenAI", "openai"),
            ("openai.responses", "openai"),
            ("az.ai.openai", "azure.ai.openai"),
            ("Azure", "azure.ai.openai"),
            ("azure-openai.chat", "azure.ai.openai"),
            ("amazon-bedrock", "aws.bedrock"),
            ("google.generative-ai", "gcp.gemini"),
            ("google.vertex.chat", "gcp.vertex_ai"),
            ("xai", "x_ai"),
            ("MyOwnCloud", "myowncloud"),
        ] {
            assert_eq!(normalise(sent), expected, "{sent}");
        }
        assert!(!says_something("LangChain") && !says_something("") && says_something("groq"));
    }

    #[test]
    fn only_providers_are_cut_off_model_names() {
        for (sent, provider, model) in [
            ("openai/gpt-4o-mini", Some("openai"), "gpt-4o-mini"),
            ("gpt-4o", None, "gpt-4o"),
            ("meta-llama/Llama-3", None, "meta-llama/Llama-3"),
            ("together_ai/meta-llama/Llama-3", Some("together_ai"), "meta-llama/Llama-3"),
            ("openrouter/anthropic/claude-4", Some("openrouter"), "claude-4"),
            ("anthropic:claude-3-5-haiku", Some("anthropic"), "claude-3-5-haiku"),
            ("llama3:8b", None, "llama3:8b"),
            ("mistral:7b", None, "mistral:7b"),
            ("mistral:mistral-large", Some("mistral_ai"), "mistral-large"),
            ("models/gemini-2.0-flash", None, "gemini-2.0-flash"),
            ("bedrock/us.amazon.nova-v1:0", Some("aws.bedrock"), "us.amazon.nova-v1:0"),
            ("openai/", None, "openai/"),
            ("", None, ""),
        ] {
            assert_eq!(split_model(sent), (provider, model), "{sent}");
        }
    }

    #[test]
    fn model_ids_of_bedrock_are_told_by_their_form() {
        for model in ["anthropic.claude-3-haiku-v1:0", "us.amazon.nova-pro-v1:0"] {
            assert_eq!(of_model(model), Some("aws.bedrock"), "{model}");
        }
        for model in ["gpt-4.1", "claude-3.5", "us.", "llama3.1:8b", "openai.4", "eu.gpt.x"] {
            assert_eq!(of_model(model), None, "{model}");
        }
    }

    #[test]
    fn hosts_are_matched_by_whole_labels() {
        assert_eq!(of_host("api.openai.com"), Some("openai"));
        assert_eq!(of_host("bedrock-runtime.eu-west-1.amazonaws.com"), Some("aws.bedrock"));
        assert_eq!(of_host("notapi.openai.com.evil.test"), None);
        assert_eq!(of_host("evilapi.openai.com"), None);
    }
}
