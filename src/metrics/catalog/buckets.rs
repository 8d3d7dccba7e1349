//! Upper bounds of the histograms. A bound stands at every threshold that an alert compares
//! with, because a quantile between two bounds is only a guess.

/// Work of agents: from a cached lookup (5 ms) to a long workflow (600 s).
pub static AGENT_SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
];

/// Time to the first token: people notice 200 ms, reasoning models take a minute.
pub static FIRST_TOKEN_SECONDS: &[f64] =
    &[0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Time per output token: 400 tokens a second to one a second.
pub static OUTPUT_TOKEN_SECONDS: &[f64] =
    &[0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0];

/// USD of one run: a single call of a small model to a night of a fleet of agents.
pub static RUN_USD: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0,
];

/// A group commit's sync: 0.1 ms on good flash to seconds on a dying disk.
pub static SYNC_SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

/// Pharos' own answers: a health check to a search that reads gigabytes.
pub static ANSWER_SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
