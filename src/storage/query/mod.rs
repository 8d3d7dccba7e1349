//! Answers about what is kept: traces by what their spans say, and one trace as a whole.
//!
//! [`store`] says what may be asked. Of the log, [`search`] finds where to look in the index, reads
//! the batches there and keeps the spans that [`filter`] admits; [`trace`] gathers one trace;
//! [`summary`] says in a few words what a trace was; [`rows`] lends spans as rows of fixed
//! columns; [`log_search`] finds log records. Reading blocks on the disk: ask on a thread that may.

mod attribute;
mod block_log_scan;
mod block_scan;
mod budget;
mod candidates;
mod cursor;
mod filter;
mod known;
mod log_cursor;
mod log_scan;
mod log_search;
mod logs;
mod newest_logs;
mod records;
mod row;
mod rows;
mod scan;
mod search;
mod store;
mod summary;
mod text;
mod trace;

pub use self::budget::Budget;
pub use self::cursor::CursorError;
pub(in crate::storage) use self::cursor::{Cursor, Key};
pub use self::filter::Filters;
pub(in crate::storage) use self::filter::is_text;
pub(in crate::storage) use self::known::KnownSummaries;
pub(in crate::storage) use self::log_cursor::{LogCursor, LogPlace};
pub(in crate::storage) use self::log_scan::LogScanner;
pub use self::logs::{LogFilters, LogPage, LogQuery};
pub(in crate::storage) use self::newest_logs::NewestLogs;
pub use self::records::Records;
pub(in crate::storage) use self::records::{Groups, origin_of};
pub use self::row::{Fields, RowQuery, Scanned, SpanRow};
pub(in crate::storage) use self::scan::{Scanner, Starts};
pub use self::search::{SearchPage, SearchQuery};
pub use self::store::Store;
pub(in crate::storage) use self::summary::Sum;
pub use self::summary::TraceSummary;
pub(in crate::storage) use self::text::json_form;
pub(in crate::storage) use self::trace::Gathering;
pub use self::trace::StoredTrace;
use super::clickhouse::ClickHouseError;
use super::log::ReadError;

/// A question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The cursor is none of this search.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// Nothing could be read from the log.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// ClickHouse did not answer, and the log holds nothing of it.
    #[error(transparent)]
    ClickHouse(#[from] ClickHouseError),
}

#[cfg(test)]
mod tests;
