//! A whole Pharos in a process of its own, asked from outside.
//!
//! One binary with a module per theme. Processes listen on free ports of the loopback interface,
//! keep their data in temporary folders and are ended when their test ends.

#![expect(clippy::disallowed_methods, reason = "these tests wait for real processes")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod app_metrics;
mod budgets;
mod clickhouse;
mod clients;
mod crash;
mod crate_app;
mod debug;
mod events;
mod gateway;
mod gateway_sdks;
mod harness;
mod law;
mod life;
#[path = "../../benches/load/mod.rs"]
mod load;
mod logs;
mod open_metrics;
mod oracle;
mod prometheus;
mod second_receiver;
mod storage_faults;
mod store;
mod watch;
