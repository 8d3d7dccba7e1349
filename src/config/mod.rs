//! Configuration: one table of keys, from which everything else is derived.
//!
//! ```text
//! table (name, kind, default, doc) ─┬─ reading of the YAML file, with file:line for each mistake
//!                                   ├─ flags and environment variables
//!                                   ├─ docs/configuration.md
//!                                   └─ `pharos config`: what is in force, and where it came from
//! ```
//!
//! A later layer wins: default, file, environment, flag. The result is a plain typed [`Config`];
//! nothing behind `app` sees it.
//!
//! Invariant: reading a configuration binds nothing and writes nothing.

mod api_keys;
mod app_metrics;
mod budgets;
mod build;
mod check;
mod clickhouse;
mod document;
mod effective;
mod events;
mod file;
mod flags;
mod forward;
mod gateway;
mod key;
mod load;
mod nearest;
mod origin;
mod prices;
mod secret;
mod sections;
mod table;
mod units;
mod value;
mod values;
mod watch;
mod yaml;

pub use document::document;
pub use flags::Flags;
pub use load::{Loaded, load};
pub use origin::{ConfigError, Origin, Problem};
pub use secret::Secret;

pub(crate) use build::read_text_file;
#[cfg(test)]
pub(crate) use check::TAKEN_PATHS;
pub use sections::{
    ApiKey, AppMetrics, Auth, Budget, Budgets, ClickHouse, Config, CostWatch, Debug, Durability,
    Events, Forward, Gateway, Log, LogFormat, LogLevel, LoopWatch, Metrics, Otlp, OutlierWatch,
    Protocol, Redaction, Retention, Role, Storage, Target, TargetTls, Thresholds, Upstream,
    UpstreamKind, Watch, Web,
};
pub(crate) use units::duration as read_duration;
pub(crate) use value::read_url;
