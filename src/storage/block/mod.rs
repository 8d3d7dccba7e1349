//! What closed segments become: immutable Parquet files, sorted for reading.
//!
//! A block is made of neighbouring segments ([`sealing`]) or of neighbouring blocks ([`merging`]).
//! It is three files of Parquet and a [`seal`], which says that they are whole: spans and log
//! records with narrow typed columns, and the [`content`] apart, where each long text is stored
//! once. [`read`] gives back every record exactly as it came in; [`catalog`] knows which blocks
//! there are.
//!
//! Invariant: a segment is removed only when a sealed block holds what it held.

mod adopt;
mod attributes;
#[expect(clippy::module_inception, reason = "a block is what this folder is about")]
mod block;
mod cache;
mod catalog;
mod column;
mod content;
mod error;
mod file;
mod merging;
mod part;
mod pieces;
mod records;
mod restore;
mod rows;
mod schema;
mod seal;
mod sealer;
mod sealing;
mod spans;
mod survey;
mod texts;
mod wide;
mod write;

pub(in crate::storage) use self::block::{Block, Shelf};
pub(in crate::storage) use self::cache::TextColumn;
pub(in crate::storage) use self::catalog::Shelved;
pub use self::catalog::{BlockCounts, BlockStatus, Catalog, CatalogError};
pub use self::error::BlockError;
pub(in crate::storage) use self::restore::Restored;
pub(in crate::storage) use self::rows::RowColumns;
pub(in crate::storage) use self::schema::{log, span};
pub use self::seal::SealError;
pub use self::sealer::{Sealer, SealerOptions};
pub(in crate::storage) use self::survey::{Around, SurveyedFile, survey};
pub(in crate::storage) use self::write::packed;

/// The steps of making a block, in order. After a crash behind any of them the next start finds
/// either the whole block or what it was to be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A first file was made.
    Begun,
    /// The contents are written and synced.
    ContentWritten,
    /// The log records are.
    LogsWritten,
    /// The spans are.
    SpansWritten,
    /// The files' names are synced.
    NamesSynced,
    /// The seal is written: the block is there.
    Sealed,
    /// Some of what the block replaces is removed.
    Removing,
}

#[cfg(test)]
pub(in crate::storage) mod double;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(in crate::storage) use self::tests::recorded;
