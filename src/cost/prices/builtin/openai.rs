//! OpenAI's models, at OpenAI and, at the same prices, in Azure's global deployments.

use super::{Model, Usd, usd};

const OPENAI: &[&str] = &["openai"];
const BOTH: &[&str] = &["openai", "azure.ai.openai"];

/// OpenAI's table.
pub(super) const MODELS: &[Model] = &[
    Model {
        providers: BOTH,
        names: &["gpt-4o"],
        prices: &[usd(2.5, 10.0)
            .cached(1.25)
            .ever()
            .batch()
            .priority(usd(4.25, 17.0).cached(2.125))],
    },
    Model {
        providers: BOTH,
        names: &["gpt-4o-2024-05-13"],
        prices: &[usd(5.0, 15.0).ever().batch().priority(usd(8.75, 26.25))],
    },
    Model { providers: OPENAI, names: &["chatgpt-4o-latest"], prices: &[usd(5.0, 15.0).ever()] },
    Model {
        providers: BOTH,
        names: &["gpt-4o-mini"],
        prices: &[usd(0.15, 0.6)
            .cached(0.075)
            .ever()
            .batch()
            .priority(usd(0.25, 1.0).cached(0.125))],
    },
    Model {
        providers: BOTH,
        names: &["gpt-4.1"],
        prices: &[usd(2.0, 8.0).cached(0.5).ever().batch().priority(usd(3.5, 14.0).cached(0.875))],
    },
    Model {
        providers: BOTH,
        names: &["gpt-4.1-mini"],
        prices: &[usd(0.4, 1.6).cached(0.1).ever().batch().priority(usd(0.7, 2.8).cached(0.175))],
    },
    Model {
        providers: BOTH,
        names: &["gpt-4.1-nano"],
        prices: &[usd(0.1, 0.4).cached(0.025).ever().batch().priority(usd(0.2, 0.8).cached(0.05))],
    },
    Model {
        providers: BOTH,
        names: &["gpt-5", "gpt-5.1"],
        prices: &[FIVE.ever().batch().flex(FIVE_FLEX).priority(FIVE_PRIORITY)],
    },
    Model {
        providers: BOTH,
        names: &["gpt-5-chat-latest", "gpt-5.1-chat-latest"],
        prices: &[FIVE.ever()],
    },
    Model {
        providers: BOTH,
        names: &["gpt-5-codex", "gpt-5.1-codex", "gpt-5.1-codex-max"],
        prices: &[FIVE.ever().priority(FIVE_PRIORITY)],
    },
    Model {
        providers: BOTH,
        names: &["gpt-5.2"],
        prices: &[usd(1.75, 14.0)
            .cached(0.175)
            .ever()
            .batch()
            .flex(usd(0.875, 7.0).cached(0.0875))
            .priority(usd(3.5, 28.0).cached(0.35))],
    },
    Model {
        providers: BOTH,
        names: &["gpt-5.2-chat-latest", "gpt-5.2-codex"],
        prices: &[usd(1.75, 14.0).cached(0.175).ever().priority(usd(3.5, 28.0).cached(0.35))],
    },
    Model { providers: BOTH, names: &["gpt-5-pro"], prices: &[usd(15.0, 120.0).ever().batch()] },
    Model { providers: BOTH, names: &["gpt-5.2-pro"], prices: &[usd(21.0, 168.0).ever().batch()] },
    Model {
        providers: BOTH,
        names: &["gpt-5-mini"],
        prices: &[usd(0.25, 2.0)
            .cached(0.025)
            .ever()
            .batch()
            .flex(usd(0.125, 1.0).cached(0.0125))
            .priority(usd(0.45, 3.6).cached(0.045))],
    },
    Model {
        providers: BOTH,
        names: &["gpt-5.1-codex-mini"],
        prices: &[usd(0.25, 2.0).cached(0.025).ever().priority(usd(0.45, 3.6).cached(0.045))],
    },
    Model {
        providers: BOTH,
        names: &["gpt-5-nano"],
        prices: &[usd(0.05, 0.4).cached(0.005).ever().batch().flex(usd(0.025, 0.2).cached(0.0025))],
    },
    Model {
        providers: BOTH,
        names: &["o1", "o1-preview"],
        prices: &[usd(15.0, 60.0).cached(7.5).ever().batch()],
    },
    Model {
        providers: BOTH,
        names: &["o1-mini", "o3-mini"],
        prices: &[usd(1.1, 4.4).cached(0.55).ever().batch()],
    },
    Model { providers: BOTH, names: &["o1-pro"], prices: &[usd(150.0, 600.0).ever().batch()] },
    Model {
        providers: BOTH,
        names: &["o3"],
        prices: &[
            usd(10.0, 40.0).cached(2.5).ever().batch(),
            usd(2.0, 8.0)
                .cached(0.5)
                .since("2025-06-10")
                .batch()
                .flex(usd(1.0, 4.0).cached(0.25))
                .priority(usd(3.5, 14.0).cached(0.875)),
        ],
    },
    Model { providers: BOTH, names: &["o3-pro"], prices: &[usd(20.0, 80.0).ever().batch()] },
    Model {
        providers: BOTH,
        names: &["o4-mini"],
        prices: &[usd(1.1, 4.4)
            .cached(0.275)
            .ever()
            .batch()
            .flex(usd(0.55, 2.2).cached(0.138))
            .priority(usd(2.0, 8.0).cached(0.5))],
    },
    Model {
        providers: OPENAI,
        names: &["o3-deep-research"],
        prices: &[usd(10.0, 40.0).cached(2.5).ever().batch()],
    },
    Model {
        providers: OPENAI,
        names: &["o4-mini-deep-research"],
        prices: &[usd(2.0, 8.0).cached(0.5).ever().batch()],
    },
    Model {
        providers: BOTH,
        names: &["gpt-4-turbo", "gpt-4-turbo-preview", "gpt-4-1106-preview", "gpt-4-0125-preview"],
        prices: &[usd(10.0, 30.0).ever().batch()],
    },
    Model {
        providers: BOTH,
        names: &["gpt-4", "gpt-4-0613", "gpt-4-0314"],
        prices: &[usd(30.0, 60.0).ever().batch()],
    },
    Model { providers: BOTH, names: &["gpt-4-32k"], prices: &[usd(60.0, 120.0).ever().batch()] },
    Model {
        providers: BOTH,
        names: &["gpt-3.5-turbo", "gpt-3.5-turbo-0125", "gpt-35-turbo", "gpt-35-turbo-0125"],
        prices: &[usd(0.5, 1.5).ever().batch()],
    },
    Model {
        providers: BOTH,
        names: &["gpt-3.5-turbo-instruct"],
        prices: &[usd(1.5, 2.0).ever().batch()],
    },
    Model { providers: BOTH, names: &["text-embedding-3-small"], prices: &[reads(0.02)] },
    Model { providers: BOTH, names: &["text-embedding-3-large"], prices: &[reads(0.13)] },
    Model { providers: BOTH, names: &["text-embedding-ada-002"], prices: &[reads(0.1)] },
    Model {
        providers: OPENAI,
        names: &["ft:gpt-4o"],
        prices: &[usd(3.75, 15.0).cached(1.875).ever().batch()],
    },
    Model {
        providers: OPENAI,
        names: &["ft:gpt-4o-mini"],
        prices: &[usd(0.3, 1.2).cached(0.15).ever().batch()],
    },
    Model {
        providers: OPENAI,
        names: &["ft:gpt-4.1"],
        prices: &[usd(3.0, 12.0).cached(0.75).ever().batch()],
    },
    Model {
        providers: OPENAI,
        names: &["ft:gpt-4.1-mini"],
        prices: &[usd(0.8, 3.2).cached(0.2).ever().batch()],
    },
    Model {
        providers: OPENAI,
        names: &["ft:gpt-4.1-nano"],
        prices: &[usd(0.2, 0.8).cached(0.05).ever().batch()],
    },
    Model {
        providers: OPENAI,
        names: &["ft:gpt-3.5-turbo"],
        prices: &[usd(3.0, 6.0).ever().batch()],
    },
];

const FIVE: Usd = usd(1.25, 10.0).cached(0.125);
const FIVE_FLEX: Usd = usd(0.625, 5.0).cached(0.0625);
const FIVE_PRIORITY: Usd = usd(2.5, 20.0).cached(0.25);

const fn reads(input: f64) -> super::Since {
    usd(input, 0.0).ever().batch().reads_only()
}
