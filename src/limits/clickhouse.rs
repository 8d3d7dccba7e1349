//! Bounds of keeping telemetry in ClickHouse.

use super::{KIB, MIB, REQUEST_UNPACKED_BYTES, TARGET_FAILING_DEGRADED_SECONDS};

/// How long a connection to ClickHouse may take: it is mostly near.
pub const CLICKHOUSE_CONNECT_SECONDS: u64 = 5;
/// How long ClickHouse may take for one insert: merges can hold it up for minutes.
pub const CLICKHOUSE_INSERT_SECONDS: u64 = 120;
/// The longest pause between two tries to insert.
pub const CLICKHOUSE_PAUSE_SECONDS: u64 = 30;
/// Encoded rows of one insert, whatever their number: fat spans fill memory before they are
/// many.
pub const CLICKHOUSE_BATCH_BYTES: usize = 32 * MIB;
/// The fewest rows that an insert is asked to have: smaller ones become more parts than
/// ClickHouse can merge.
pub const CLICKHOUSE_BATCH_MIN_ROWS: usize = 10_000;
/// The longest row read from ClickHouse: a span and what it was made from.
pub const CLICKHOUSE_ROW_BYTES: usize = 2 * REQUEST_UNPACKED_BYTES;
/// How much of an error of ClickHouse is read; its name stands at the end.
pub const CLICKHOUSE_ERROR_BYTES: usize = 64 * KIB;
/// Rows that ClickHouse may read for one query of a question.
pub const CLICKHOUSE_READ_ROWS: u64 = 2_000_000_000;
/// Traces that a search looks at together: each costs a look-up, which together cost one scan.
pub const CLICKHOUSE_LOOK_TRACES: usize = 64;
/// Values of attributes longer than this are not fetched to understand a span that another
/// sender wrote.
pub const CLICKHOUSE_LIGHT_BYTES: usize = KIB;
/// Failing inserts are news after as long as a failing target.
pub const CLICKHOUSE_FAILING_DEGRADED_SECONDS: u64 = TARGET_FAILING_DEGRADED_SECONDS;
/// Spans at the log's end that are remembered while rows are lent, because ClickHouse may take
/// them meanwhile: more than any batch has.
pub const CLICKHOUSE_OVERLAP_SPANS: usize = 200_000;
