//! Google's models, in the Gemini API and on Vertex AI.

use super::{Model, Usd, usd};

const BOTH: &[&str] = &["gcp.gemini", "gcp.vertex_ai"];
const LONG_1_5: u64 = 128_000;
const LONG: u64 = 200_000;

const PRO_2_5: Usd = usd(1.25, 10.0).cached(0.125);
const PRO_2_5_LONG: Usd = usd(2.5, 15.0).cached(0.25);
const PRO_3: Usd = usd(2.0, 12.0).cached(0.2);
const PRO_3_LONG: Usd = usd(4.0, 18.0).cached(0.4);

/// Google's table.
pub(super) const MODELS: &[Model] = &[
    Model {
        providers: BOTH,
        names: &["gemini-1.5-pro"],
        prices: &[usd(1.25, 5.0)
            .cached(0.3125)
            .ever()
            .longer(LONG_1_5, usd(2.5, 10.0).cached(0.625))
            .batch()],
    },
    Model {
        providers: BOTH,
        names: &["gemini-1.5-flash"],
        prices: &[usd(0.075, 0.3)
            .cached(0.01875)
            .ever()
            .longer(LONG_1_5, usd(0.15, 0.6).cached(0.0375))
            .batch()],
    },
    Model {
        providers: BOTH,
        names: &["gemini-1.5-flash-8b"],
        prices: &[usd(0.0375, 0.15)
            .cached(0.01)
            .ever()
            .longer(LONG_1_5, usd(0.075, 0.3).cached(0.02))
            .batch()],
    },
    Model {
        providers: BOTH,
        names: &["gemini-2.0-flash"],
        prices: &[usd(0.1, 0.4).cached(0.025).ever().batch()],
    },
    Model {
        providers: BOTH,
        names: &["gemini-2.0-flash-lite"],
        prices: &[usd(0.075, 0.3).cached(0.01875).ever().batch()],
    },
    Model {
        providers: BOTH,
        names: &["gemini-2.5-pro"],
        prices: &[PRO_2_5.ever().longer(LONG, PRO_2_5_LONG).batch()],
    },
    Model {
        providers: BOTH,
        names: &["gemini-2.5-flash"],
        prices: &[usd(0.3, 2.5).cached(0.03).ever().batch()],
    },
    Model {
        providers: BOTH,
        names: &["gemini-2.5-flash-lite"],
        prices: &[usd(0.1, 0.4).cached(0.01).ever().batch()],
    },
    Model {
        providers: BOTH,
        names: &["gemini-3-pro-preview"],
        prices: &[PRO_3.ever().longer(LONG, PRO_3_LONG).batch()],
    },
    Model {
        providers: BOTH,
        names: &["gemini-3-flash-preview"],
        prices: &[usd(0.5, 3.0).cached(0.05).ever().batch()],
    },
    Model {
        providers: BOTH,
        names: &["gemini-embedding-001"],
        prices: &[usd(0.15, 0.0).ever().batch().reads_only()],
    },
];
