//! Pharos, told in the order in which a batch travels.
//!
//! A sender's request comes in through [`receiver`] (calls of models that pass through [`gateway`]
//! report themselves), is admitted (size, count, memory), redacted
//! and appended to the log in [`storage`]; only then does the sender get its OK. Committed
//! batches are read by projections: [`semconv`] understands their spans, [`metrics`] measures
//! them, [`watch`] looks for runs that go wrong, [`storage`] makes them searchable, [`exporter`]
//! ships them onward, and [`debug`] writes down what was said while somebody wants it. [`api`]
//! answers what people and machines ask.
//!
//! A Rust app that is observed takes the crate without its default features, and then compiles
//! only [`telemetry`] and what that stands on.

pub mod build_info;
pub mod clock;
pub mod limits;
#[cfg_attr(not(feature = "server"), expect(dead_code, reason = "an app needs a part of it"))]
pub mod metrics;
pub mod model;
pub mod telemetry;

#[cfg(feature = "server")]
pub mod api;
#[cfg(feature = "server")]
pub mod app;
#[cfg(feature = "server")]
pub mod app_metrics;
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "server")]
pub mod cost;
#[cfg(feature = "server")]
pub mod debug;
#[cfg(feature = "server")]
pub mod demo;
#[cfg(feature = "server")]
pub mod events;
#[cfg(feature = "server")]
pub mod exporter;
#[cfg(feature = "server")]
pub mod gateway;
#[cfg(feature = "server")]
pub mod health;
#[cfg(feature = "server")]
pub mod listener;
#[cfg(feature = "server")]
pub mod otlp;
#[cfg(feature = "server")]
pub mod pipeline;
#[cfg(feature = "server")]
pub mod receiver;
#[cfg(feature = "server")]
pub mod redaction;
#[cfg(feature = "server")]
pub mod runs;
#[cfg(feature = "server")]
pub mod semconv;
#[cfg(feature = "server")]
pub mod storage;
#[cfg(feature = "server")]
pub mod watch;
