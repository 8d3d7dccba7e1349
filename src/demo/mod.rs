//! A simulated agent platform that sends real OTLP through the front door.
//!
//! Several tenants run agents and workflows on several models; calls have long tails, providers
//! have bad minutes, one agent now and then loops, a tool hangs. The fleet is data in
//! [`fleet`]; [`run`] plays one run of it as a neutral tree of steps; [`dialect`] says each step
//! in the words of the instrumentation that this agent uses; [`encode`] makes OTLP of it.

mod dialect;
mod encode;
mod fleet;
mod rhythm;
mod run;
mod sender;

use std::time::Duration;

use crate::{clock, limits};
pub use sender::DemoError;

/// What the simulation is asked to do.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// Agent runs per second at the busiest hour, bounded by `limits::DEMO_RUNS_PER_SECOND`.
    pub rate: f64,
    /// How long to go on; `None` until stopped.
    pub duration: Option<Duration>,
    /// Equal seeds play equal runs.
    pub seed: u64,
    /// Base URL of an OTLP/HTTP door, for instance `http://127.0.0.1:4318`.
    pub endpoint: String,
    /// Sent as `x-api-key` where the door asks for one.
    pub api_key: Option<String>,
}

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Agent runs.
    pub runs: u64,
    /// Spans that were acknowledged.
    pub spans: u64,
    /// Requests that were not acknowledged.
    pub failures: u64,
}

/// Plays the fleet until the duration is over. Requests that fail are counted and not repeated:
/// the fleet is a load, not a record. Dropping the future stops it at once.
pub async fn play(options: &DemoOptions) -> Result<Sent, DemoError> {
    let sender = sender::Sender::new(options)?;
    let mut dice = fastrand::Rng::with_seed(options.seed);
    let rate = options.rate.clamp(0.01, limits::DEMO_RUNS_PER_SECOND);
    let began = clock::monotonic();
    let mut sent = Sent::default();
    while options.duration.is_none_or(|duration| began.elapsed() < duration) {
        let now_ns = clock::unix_nanos();
        let run = run::play(&mut dice, now_ns);
        match sender.send("traces", encode::traces(&run, now_ns)).await {
            Ok(()) => sent.spans += run.steps.len() as u64,
            Err(error) => {
                sent.failures += 1;
                tracing::warn!(%error, "A demo run was not acknowledged.");
            }
        }
        if let Some(logs) = encode::logs(&run, now_ns)
            && let Err(error) = sender.send("logs", logs).await
        {
            sent.failures += 1;
            tracing::warn!(%error, "The logs of a demo run were not acknowledged.");
        }
        sent.runs += 1;
        tokio::time::sleep(rhythm::pause(&mut dice, rate, now_ns)).await;
    }
    Ok(sent)
}
