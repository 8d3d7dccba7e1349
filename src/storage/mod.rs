//! What Pharos keeps: the log of batches, and what is projected from it.
//!
//! [`log`] appends redacted OTLP batches to segments on disk and answers once they are durable;
//! everything else is a reader of it: [`index`] makes it searchable, [`query`] answers questions.
//! [`verify`] and [`export`] look at a folder at rest and change nothing in it.
//! All file access goes through [`fs`], so that tests can run the production code over a disk
//! that forgets what was not synced.
//!
//! Invariant: nothing here knows what a span means; [`index::Understand`] is handed in.

mod batch;
pub mod block;
pub mod clickhouse;
mod cursor;
pub mod export;
pub mod fs;
pub mod index;
pub mod layout;
pub mod log;
pub mod query;
pub mod verify;

#[cfg(test)]
mod double;
#[cfg(test)]
mod format_tests;

pub use batch::{Batch, Position};
pub use cursor::Cursor;
pub use log::{
    AppendError, Durability, Expired, Hold, Log, LogObserver, LogOptions, LogReader, LogStatus,
    OpenError, Purpose, ReadError, SegmentInfo, Writable,
};
