//! What is measured: the names ([`catalog`]), where values live ([`Registry`]), how label values
//! stay few ([`CardinalityOptions`]), and the page that Prometheus scrapes.
//!
//! Metrics are a projection of the log: [`Measures`] records what the spans of a committed batch
//! say, and a snapshot of the durable families with a position in the log brings them back after
//! a crash. Everything is recorded through handles of the `metrics` facade.

mod cardinality;
pub mod catalog;
mod cell;
mod collectors;
mod exposition;
mod facade;
mod family;
#[cfg(test)]
mod figures;
mod measures;
mod own;
#[cfg(test)]
mod page_tests;
mod reference;
mod registry;
mod snapshot;

pub use cardinality::{CardinalityOptions, Offender};
pub use cell::Amount;
pub use collectors::{ClusterReading, Page, StoreReading, TargetReading};
pub use exposition::TEXT_CONTENT_TYPE;
pub use measures::{Arrival, Measures};
pub use own::{About, Cluster, Debugging, Findings, Forward, Ingest, Wal, Web};
pub use reference::reference;
pub use registry::{Reading, Registry, Value};
pub use snapshot::SnapshotError;
