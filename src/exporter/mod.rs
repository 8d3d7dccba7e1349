//! Shipping what is in the log onward over OTLP, to any number of targets.
//!
//! Each target is a reader of the log with a durable cursor of its own: one that is down for
//! hours falls behind, disturbs nobody and catches up. A batch leaves the cursor only when the
//! target took it or refused it for good, so delivery is at least once; what retention removes
//! ahead of a cursor is counted as expired.

mod codec;
mod grpc;
mod http;
mod options;
mod outcome;
mod retry;
mod shipper;
#[cfg(test)]
mod tests;
mod window;

pub use codec::Encoded;
pub use options::{Protocol, TargetError, TargetOptions, TlsOptions};
pub use shipper::{ForwardObserver, ForwardStatus, Shipper};
