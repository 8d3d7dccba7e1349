//! Pharos, told in the order in which a batch travels.
//!
//! A sender's request comes in through [`receiver`], is admitted (size, count, memory), redacted
//! and appended to the log in [`storage`]; only then does the sender get its OK. Committed
//! batches are read by projections: [`semconv`] understands their spans, [`metrics`] measures
//! them, [`storage`] makes them searchable, [`exporter`] ships them onward, and [`debug`] writes
//! down what was said while somebody wants it. [`api`] answers what people and machines ask.

pub mod api;
pub mod app;
pub mod build_info;
pub mod cli;
pub mod clock;
pub mod config;
pub mod debug;
pub mod demo;
pub mod exporter;
pub mod health;
pub mod limits;
pub mod listener;
pub mod metrics;
pub mod model;
pub mod otlp;
pub mod pipeline;
pub mod receiver;
pub mod redaction;
pub mod semconv;
pub mod storage;
pub mod telemetry;
