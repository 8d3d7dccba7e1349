//! What a Rust app calls, and what Pharos itself uses: logs, traces, metrics.
//!
//! ```no_run
//! use pharos::telemetry::{self, Telemetry};
//!
//! # async fn plan(goal: &str) -> Result<String, std::fmt::Error> { Ok(goal.to_owned()) }
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let telemetry = Telemetry::builder("shop").endpoint("http://127.0.0.1:4318").init()?;
//!     let answer = telemetry::agent_run("planner").run(plan("a trip to Alexandria")).await?;
//!     tracing::info!(answer, "Planned.");
//!     println!("{}", telemetry.render());
//!     Ok(())
//! }
//! ```
//!
//! [`Telemetry`] sets up logs, traces and metrics with one call. The recorders ([`agent_run`],
//! [`llm_call`], [`tool_call`], …) give a [`Guard`] each: it records when the work ends, also when
//! it panics or its future is dropped. [`Context`] is whose work a task does, and follows it.
//! With the feature `tower` there are layers for HTTP servers and clients.
//!
//! **Which page to scrape.** What a recorder records stands on the app's own page
//! ([`Telemetry::render`]) at once, and on Pharos' page when the span has arrived there. Both
//! count the same work, in families of the same names: scrape Pharos for the platform, the app
//! for itself, and keep their `job` labels apart when you add up.

mod baggage;
mod builder;
mod context;
mod fields;
mod guard;
#[cfg(feature = "tower")]
pub mod http;
mod line;
mod meter;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "server")]
pub mod own;
mod panics;
mod propagate;
mod recorders;
#[cfg(test)]
mod spans;
mod trace;

#[cfg(feature = "tower")]
pub use self::http::{HttpClientLayer, HttpServerLayer};
pub use builder::{Builder, InitError, SubscriberLayer, Telemetry, init};
pub use context::{Context, Scoped, carry, scope};
pub use guard::{Begun, Ended, Guard, Kind};
pub use line::{Scrub, Shape};
pub use panics::report_panics;
pub use propagate::outgoing_headers;
pub use recorders::*;

pub use crate::model::Usage;
