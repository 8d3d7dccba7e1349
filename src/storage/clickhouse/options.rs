//! How to reach ClickHouse and what to write there.

use std::fmt;
use std::time::Duration;

/// Where ClickHouse is and how spans and log records go there.
#[derive(Clone)]
pub struct ClickHouseOptions {
    /// The HTTP interface: `http://clickhouse:8123`.
    pub url: String,
    /// The database of both tables.
    pub database: String,
    /// The user.
    pub user: String,
    /// The user's password; empty where there is none.
    pub password: String,
    /// The table of spans.
    pub traces_table: String,
    /// The table of log records.
    pub logs_table: String,
    /// Whether database and tables are made where they are missing.
    pub create_schema: bool,
    /// Rows after which a batch is sent.
    pub batch_rows: usize,
    /// The longest that a row waits for a batch to fill.
    pub flush: Duration,
}

impl fmt::Debug for ClickHouseOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClickHouseOptions")
            .field("url", &self.url)
            .field("database", &self.database)
            .field("user", &self.user)
            .field("password", &"<secret>")
            .finish_non_exhaustive()
    }
}
