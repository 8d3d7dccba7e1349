//! Logs and traces of a process: of Pharos itself (`own`) and of the apps that it observes.

#[cfg(feature = "server")]
mod fields;
#[cfg(feature = "server")]
mod line;
#[cfg(feature = "server")]
mod otlp;
#[cfg(feature = "server")]
pub mod own;
mod panics;

#[cfg(feature = "server")]
pub use line::{Scrub, Shape};
pub use panics::report_panics;
