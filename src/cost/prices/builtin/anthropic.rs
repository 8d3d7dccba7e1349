//! Anthropic's models: at Anthropic, on Bedrock and on Vertex AI.
//!
//! From Claude 4.5 on, regional endpoints of Bedrock cost a tenth more than the global ones,
//! which their names tell. Those of Vertex AI do so too and their names do not tell it, so the
//! models are not listed there.

use super::{Line, Model, Since, Usd, usd};

const ANTHROPIC: &[&str] = &["anthropic"];
const AND_VERTEX: &[&str] = &["anthropic", "gcp.vertex_ai"];
const BEDROCK: &[&str] = &["aws.bedrock"];

const HAIKU_3: Usd = usd(0.25, 1.25).cache(0.03, 0.3, 0.5);
const HAIKU_3_5: Usd = usd(0.8, 4.0).cache(0.08, 1.0, 1.6);
const HAIKU_4_5: Usd = usd(1.0, 5.0).cache(0.1, 1.25, 2.0);
const SONNET: Usd = usd(3.0, 15.0).cache(0.3, 3.75, 6.0);
const SONNET_LONG: Usd = usd(6.0, 22.5).cache(0.6, 7.5, 12.0);
const OPUS: Usd = usd(15.0, 75.0).cache(1.5, 18.75, 30.0);
const OPUS_4_5: Usd = usd(5.0, 25.0).cache(0.5, 6.25, 10.0);
/// Prompts above this many tokens cost more, where the model takes them at all.
const LONG: u64 = 200_000;

/// Anthropic's table.
pub(super) const MODELS: &[Model] = &[
    Model { providers: AND_VERTEX, names: &["claude-3-haiku"], prices: &[HAIKU_3.ever().batch()] },
    Model {
        providers: AND_VERTEX,
        names: &["claude-3-5-haiku"],
        prices: &[HAIKU_3_5.ever().batch()],
    },
    Model {
        providers: AND_VERTEX,
        names: &[
            "claude-3-sonnet",
            "claude-3-5-sonnet",
            "claude-3-5-sonnet-v2",
            "claude-3-7-sonnet",
        ],
        prices: &[SONNET.ever().batch()],
    },
    Model {
        providers: AND_VERTEX,
        names: &["claude-sonnet-4", "claude-sonnet-4-0"],
        prices: &[SONNET.ever().longer(LONG, SONNET_LONG).batch()],
    },
    Model {
        providers: AND_VERTEX,
        names: &["claude-3-opus", "claude-opus-4", "claude-opus-4-0", "claude-opus-4-1"],
        prices: &[OPUS.ever().batch()],
    },
    Model {
        providers: ANTHROPIC,
        names: &["claude-sonnet-4-5"],
        prices: &[SONNET.ever().longer(LONG, SONNET_LONG).batch()],
    },
    Model {
        providers: ANTHROPIC,
        names: &["claude-haiku-4-5"],
        prices: &[HAIKU_4_5.ever().batch()],
    },
    Model { providers: ANTHROPIC, names: &["claude-opus-4-5"], prices: &[OPUS_4_5.ever().batch()] },
    Model {
        providers: BEDROCK,
        names: &["anthropic.claude-3-haiku"],
        prices: &[HAIKU_3.ever().batch()],
    },
    Model {
        providers: BEDROCK,
        names: &["anthropic.claude-3-5-haiku"],
        prices: &[HAIKU_3_5.ever().batch()],
    },
    Model {
        providers: BEDROCK,
        names: &[
            "anthropic.claude-3-sonnet",
            "anthropic.claude-3-5-sonnet",
            "anthropic.claude-3-7-sonnet",
        ],
        prices: &[SONNET.ever().batch()],
    },
    Model {
        providers: BEDROCK,
        names: &["anthropic.claude-sonnet-4"],
        prices: &[SONNET.ever().longer(LONG, SONNET_LONG).batch()],
    },
    Model {
        providers: BEDROCK,
        names: &["anthropic.claude-3-opus", "anthropic.claude-opus-4", "anthropic.claude-opus-4-1"],
        prices: &[OPUS.ever().batch()],
    },
];

/// Models of Bedrock whose price depends on the region: name, and prices of the global endpoint.
static REGIONAL: &[(&str, Usd, Option<Usd>)] = &[
    ("anthropic.claude-sonnet-4-5", SONNET, Some(SONNET_LONG)),
    ("anthropic.claude-haiku-4-5", HAIKU_4_5, None),
    ("anthropic.claude-opus-4-5", OPUS_4_5, None),
];

/// The regions that stand before a name, `global.` first.
static REGIONS: &[&str] = &["global.", "us.", "eu.", "apac.", "jp.", "au.", "ca."];

/// A regional endpoint costs this much more.
const REGION_FACTOR: f64 = 1.1;

/// The lines of models whose price depends on the region.
pub(super) fn regional() -> impl Iterator<Item = Line> {
    REGIONAL.iter().flat_map(|(name, base, long)| {
        REGIONS.iter().map(move |region| {
            let factor = if *region == "global." { 1.0 } else { REGION_FACTOR };
            let base = times(*base, factor).ever().batch();
            let since: Since = match long {
                Some(long) => base.longer(LONG, times(*long, factor)),
                None => base,
            };
            Line {
                provider: BEDROCK[0].to_owned(),
                model: format!("{region}{name}"),
                maker: true,
                periods: vec![since.period()],
            }
        })
    })
}

fn times(usd: Usd, factor: f64) -> Usd {
    Usd {
        input: usd.input * factor,
        output: usd.output * factor,
        cached: usd.cached * factor,
        write: usd.write * factor,
        write_1h: usd.write_1h * factor,
    }
}
