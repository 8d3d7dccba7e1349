//! Mistral, DeepSeek, xAI and Cohere at their own, and models that Groq and Bedrock serve.

use super::{Model, usd};

const MISTRAL: &[&str] = &["mistral_ai"];
const DEEPSEEK: &[&str] = &["deepseek"];
const XAI: &[&str] = &["x_ai"];
const COHERE: &[&str] = &["cohere"];
const GROQ: &[&str] = &["groq"];
const BEDROCK: &[&str] = &["aws.bedrock"];

/// The table of these providers.
pub(super) const MODELS: &[Model] = &[
    Model {
        providers: MISTRAL,
        names: &["mistral-large-2407", "mistral-large-2411", "pixtral-large-2411"],
        prices: &[usd(2.0, 6.0).ever().batch()],
    },
    Model {
        providers: MISTRAL,
        names: &["mistral-large-2512"],
        prices: &[usd(0.5, 1.5).ever().batch()],
    },
    Model {
        providers: MISTRAL,
        names: &["mistral-medium-2505", "mistral-medium-2508", "devstral-medium-2507"],
        prices: &[usd(0.4, 2.0).ever().batch()],
    },
    Model {
        providers: MISTRAL,
        names: &["mistral-small-2503", "mistral-small-2506", "devstral-small-2507"],
        prices: &[usd(0.1, 0.3).ever().batch()],
    },
    Model {
        providers: MISTRAL,
        names: &["codestral-2501", "codestral-2508"],
        prices: &[usd(0.3, 0.9).ever().batch()],
    },
    Model {
        providers: MISTRAL,
        names: &["ministral-8b-2410"],
        prices: &[usd(0.1, 0.1).ever().batch()],
    },
    Model {
        providers: MISTRAL,
        names: &["ministral-3b-2410"],
        prices: &[usd(0.04, 0.04).ever().batch()],
    },
    Model {
        providers: MISTRAL,
        names: &["pixtral-12b-2409", "open-mistral-nemo", "open-mistral-nemo-2407"],
        prices: &[usd(0.15, 0.15).ever().batch()],
    },
    Model { providers: MISTRAL, names: &["open-mistral-7b"], prices: &[usd(0.25, 0.25).ever()] },
    Model { providers: MISTRAL, names: &["open-mixtral-8x7b"], prices: &[usd(0.7, 0.7).ever()] },
    Model { providers: MISTRAL, names: &["open-mixtral-8x22b"], prices: &[usd(2.0, 6.0).ever()] },
    Model {
        providers: MISTRAL,
        names: &["magistral-medium-2506", "magistral-medium-2509"],
        prices: &[usd(2.0, 5.0).ever().batch()],
    },
    Model {
        providers: MISTRAL,
        names: &["magistral-small-2506", "magistral-small-2509"],
        prices: &[usd(0.5, 1.5).ever().batch()],
    },
    Model {
        providers: MISTRAL,
        names: &["mistral-embed"],
        prices: &[usd(0.1, 0.0).ever().batch().reads_only()],
    },
    Model {
        providers: DEEPSEEK,
        names: &["deepseek-chat"],
        prices: &[
            usd(0.27, 1.1).cached(0.07).ever(),
            usd(0.56, 1.68).cached(0.07).since("2025-09-05"),
            usd(0.28, 0.42).cached(0.028).since("2025-09-29"),
        ],
    },
    Model {
        providers: DEEPSEEK,
        names: &["deepseek-reasoner"],
        prices: &[
            usd(0.55, 2.19).cached(0.14).ever(),
            usd(0.56, 1.68).cached(0.07).since("2025-09-05"),
            usd(0.28, 0.42).cached(0.028).since("2025-09-29"),
        ],
    },
    Model {
        providers: XAI,
        names: &["grok-4", "grok-4-0709"],
        prices: &[usd(3.0, 15.0).cached(0.75).ever().longer(128_000, usd(6.0, 30.0).cached(0.75))],
    },
    Model {
        providers: XAI,
        names: &[
            "grok-4-fast",
            "grok-4-fast-reasoning",
            "grok-4-fast-non-reasoning",
            "grok-4-1-fast",
            "grok-4-1-fast-reasoning",
            "grok-4-1-fast-non-reasoning",
        ],
        prices: &[usd(0.2, 0.5).cached(0.05).ever().longer(128_000, usd(0.4, 1.0).cached(0.05))],
    },
    Model {
        providers: XAI,
        names: &["grok-code-fast-1", "grok-code-fast"],
        prices: &[usd(0.2, 1.5).cached(0.02).ever()],
    },
    Model { providers: XAI, names: &["grok-3"], prices: &[usd(3.0, 15.0).cached(0.75).ever()] },
    Model {
        providers: XAI,
        names: &["grok-3-mini"],
        prices: &[usd(0.3, 0.5).cached(0.075).ever()],
    },
    Model { providers: XAI, names: &["grok-2-1212", "grok-2"], prices: &[usd(2.0, 10.0).ever()] },
    Model {
        providers: COHERE,
        names: &["command-a-03-2025", "command-r-plus-08-2024"],
        prices: &[usd(2.5, 10.0).ever()],
    },
    Model { providers: COHERE, names: &["command-r-08-2024"], prices: &[usd(0.15, 0.6).ever()] },
    Model {
        providers: COHERE,
        names: &["command-r7b-12-2024"],
        prices: &[usd(0.0375, 0.15).ever()],
    },
    Model {
        providers: COHERE,
        names: &["embed-english-v3.0", "embed-multilingual-v3.0"],
        prices: &[usd(0.1, 0.0).ever().reads_only()],
    },
    Model {
        providers: COHERE,
        names: &["embed-v4.0"],
        prices: &[usd(0.12, 0.0).ever().reads_only()],
    },
    Model {
        providers: GROQ,
        names: &["llama-3.3-70b-versatile"],
        prices: &[usd(0.59, 0.79).ever().batch()],
    },
    Model {
        providers: GROQ,
        names: &["llama-3.1-8b-instant"],
        prices: &[usd(0.05, 0.08).ever().batch()],
    },
    Model {
        providers: GROQ,
        names: &["meta-llama/llama-4-scout-17b-16e-instruct"],
        prices: &[usd(0.11, 0.34).ever().batch()],
    },
    Model {
        providers: GROQ,
        names: &["meta-llama/llama-4-maverick-17b-128e-instruct"],
        prices: &[usd(0.2, 0.6).ever().batch()],
    },
    Model {
        providers: GROQ,
        names: &["qwen/qwen3-32b"],
        prices: &[usd(0.29, 0.59).ever().batch()],
    },
    Model { providers: BEDROCK, names: &["amazon.nova-micro"], prices: &[NOVA_MICRO] },
    Model { providers: BEDROCK, names: &["amazon.nova-lite"], prices: &[NOVA_LITE] },
    Model { providers: BEDROCK, names: &["amazon.nova-pro"], prices: &[NOVA_PRO] },
    Model {
        providers: BEDROCK,
        names: &["amazon.nova-premier"],
        prices: &[usd(2.5, 12.5).cached(0.625).ever().batch()],
    },
    Model {
        providers: BEDROCK,
        names: &["amazon.titan-embed-text"],
        prices: &[usd(0.1, 0.0).ever().reads_only()],
    },
    Model {
        providers: BEDROCK,
        names: &["amazon.titan-embed-text-v2:0"],
        prices: &[usd(0.02, 0.0).ever().reads_only()],
    },
    Model {
        providers: BEDROCK,
        names: &["meta.llama3-1-70b-instruct", "meta.llama3-3-70b-instruct"],
        prices: &[usd(0.72, 0.72).ever().batch()],
    },
    Model {
        providers: BEDROCK,
        names: &["meta.llama3-1-8b-instruct"],
        prices: &[usd(0.22, 0.22).ever().batch()],
    },
    Model {
        providers: BEDROCK,
        names: &["meta.llama3-70b-instruct"],
        prices: &[usd(2.65, 3.5).ever()],
    },
    Model {
        providers: BEDROCK,
        names: &["meta.llama3-8b-instruct"],
        prices: &[usd(0.3, 0.6).ever()],
    },
    Model {
        providers: BEDROCK,
        names: &["meta.llama4-scout-17b-instruct"],
        prices: &[usd(0.17, 0.66).ever().batch()],
    },
    Model {
        providers: BEDROCK,
        names: &["meta.llama4-maverick-17b-instruct"],
        prices: &[usd(0.24, 0.97).ever().batch()],
    },
];

const NOVA_MICRO: super::Since = usd(0.035, 0.14).cached(0.00875).ever().batch();
const NOVA_LITE: super::Since = usd(0.06, 0.24).cached(0.015).ever().batch();
const NOVA_PRO: super::Since = usd(0.8, 3.2).cached(0.2).ever().batch();
