//! What is measured: the names ([`catalog`]), where values live ([`Registry`]), how label values
//! stay few ([`CardinalityOptions`]), and the page that Prometheus scrapes.
//!
//! Metrics are a projection of the log: [`Measures`] records what the spans of a committed batch
//! say, and a snapshot of the durable families with a position in the log brings them back after
//! a crash. Everything is recorded through handles of the `metrics` facade.

mod cardinality;
pub mod catalog;
mod cell;
#[cfg(feature = "server")]
mod collectors;
mod exemplar;
mod exposition;
mod facade;
mod family;
#[cfg(test)]
#[cfg(feature = "server")]
mod figures;
#[cfg(feature = "server")]
mod gateway;
mod known;
#[cfg(feature = "server")]
mod measures;
#[cfg(feature = "server")]
mod own;
#[cfg(test)]
#[cfg(feature = "server")]
pub(crate) mod page_grammar;
#[cfg(test)]
#[cfg(feature = "server")]
mod page_tests;
#[cfg(feature = "server")]
mod price_pack;
mod recording;
#[cfg(feature = "server")]
mod reference;
mod registry;
mod reports;
#[cfg(feature = "server")]
mod snapshot;
#[cfg(feature = "server")]
mod tables;

pub use cardinality::{CardinalityOptions, Offender, clean as clean_label_value};
pub use cell::Amount;
#[cfg(feature = "server")]
pub use collectors::{ClusterReading, Page, StoreReading, TargetReading};
pub use exposition::{Format, TEXT_CONTENT_TYPE};
#[cfg(feature = "server")]
pub use gateway::Gateway;
#[cfg(feature = "server")]
pub use measures::{Arrival, Measures};
#[cfg(feature = "server")]
pub use own::{About, Cluster, Debugging, Findings, Forward, Ingest, Wal, Web};
#[cfg(feature = "server")]
pub use price_pack::PricePack;
#[cfg(feature = "server")]
pub use reference::reference;
pub use registry::{Reading, Registry, Value};
#[cfg(feature = "server")]
pub use snapshot::SnapshotError;
#[cfg(feature = "server")]
pub use tables::Rows;
