//! The tables of the OpenTelemetry collector's ClickHouse exporter.
//!
//! The exporter's schema changed several times; what matters here is which columns a table has
//! and of which type, asked once and again after every failure. Columns are always named, in
//! writing and in reading, so that further ones disturb nothing.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::client::Client;
use super::error::ClickHouseError;
use super::options::ClickHouseOptions;
use super::sql;
use crate::storage::query::Budget;

/// What a column is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `DateTime64(9)`.
    Time,
    /// `String`, `LowCardinality(String)`.
    Text,
    /// An integer of this many bytes.
    Integer(usize),
    /// `Map(String, String)`.
    Map,
    /// `Array` of times.
    Times,
    /// `Array` of texts.
    Texts,
    /// `Array` of maps.
    Maps,
}

/// A column that Pharos knows: its name, what it holds, and whether a table must have it. The
/// size of an integer is that of the newest schema.
pub(super) type Column = (&'static str, Shape, bool);

/// The columns of spans, in the order in which they are written.
pub(super) const SPAN_COLUMNS: [Column; 22] = [
    ("Timestamp", Shape::Time, true),
    ("TraceId", Shape::Text, true),
    ("SpanId", Shape::Text, true),
    ("ParentSpanId", Shape::Text, true),
    ("TraceState", Shape::Text, false),
    ("SpanName", Shape::Text, true),
    ("SpanKind", Shape::Text, true),
    ("ServiceName", Shape::Text, true),
    ("ResourceAttributes", Shape::Map, true),
    ("ScopeName", Shape::Text, false),
    ("ScopeVersion", Shape::Text, false),
    ("SpanAttributes", Shape::Map, true),
    ("Duration", Shape::Integer(8), true),
    ("StatusCode", Shape::Text, true),
    ("StatusMessage", Shape::Text, true),
    ("Events.Timestamp", Shape::Times, true),
    ("Events.Name", Shape::Texts, true),
    ("Events.Attributes", Shape::Maps, true),
    ("Links.TraceId", Shape::Texts, true),
    ("Links.SpanId", Shape::Texts, true),
    ("Links.TraceState", Shape::Texts, true),
    ("Links.Attributes", Shape::Maps, true),
];

/// The columns of log records, in the order in which they are written.
pub(super) const LOG_COLUMNS: [Column; 16] = [
    ("Timestamp", Shape::Time, true),
    ("TraceId", Shape::Text, true),
    ("SpanId", Shape::Text, true),
    ("TraceFlags", Shape::Integer(1), false),
    ("SeverityText", Shape::Text, true),
    ("SeverityNumber", Shape::Integer(1), true),
    ("ServiceName", Shape::Text, true),
    ("Body", Shape::Text, true),
    ("ResourceSchemaUrl", Shape::Text, false),
    ("ResourceAttributes", Shape::Map, true),
    ("ScopeSchemaUrl", Shape::Text, false),
    ("ScopeName", Shape::Text, false),
    ("ScopeVersion", Shape::Text, false),
    ("ScopeAttributes", Shape::Map, false),
    ("LogAttributes", Shape::Map, true),
    ("EventName", Shape::Text, false),
];

/// A table as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// Database and name, quoted.
    pub(super) name: String,
    /// The known columns that it has, by their place among the known ones; an integer with the
    /// size that it has here.
    columns: Vec<Option<Shape>>,
    known: &'static [Column],
}

/// Both tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schema {
    pub(super) spans: Table,
    pub(super) logs: Table,
}

impl Schema {
    /// Asks what tables there are; makes those that are missing if that is wanted.
    pub(super) fn find(
        client: &Client,
        options: &ClickHouseOptions,
        budget: &mut Budget<'_>,
    ) -> Result<Self, ClickHouseError> {
        let mut table = |name: &str, known| Table::find(client, options, name, known, budget);
        let mut find = || {
            let spans = table(&options.traces_table, &SPAN_COLUMNS)?;
            Ok((spans, table(&options.logs_table, &LOG_COLUMNS)?))
        };
        let (mut spans, mut logs) = find()?;
        if options.create_schema && (spans.is_none() || logs.is_none()) {
            for statement in creation(options) {
                client.run(&statement)?;
            }
            (spans, logs) = find()?;
        }
        let missing = |table: &str| ClickHouseError::Schema(format!("there is no table {table}"));
        Ok(Self {
            spans: spans.ok_or_else(|| missing(&options.traces_table))?,
            logs: logs.ok_or_else(|| missing(&options.logs_table))?,
        })
    }
}

impl Table {
    /// The table; `None` where there is none.
    fn find(
        client: &Client,
        options: &ClickHouseOptions,
        table: &str,
        known: &'static [Column],
        budget: &mut Budget<'_>,
    ) -> Result<Option<Self>, ClickHouseError> {
        let query = format!(
            "SELECT name, type FROM system.columns WHERE database = {} AND table = {} \
             AND default_kind NOT IN ('ALIAS', 'MATERIALIZED')",
            sql::text(&options.database),
            sql::text(table)
        );
        let mut found = HashMap::new();
        client.select(
            &query,
            budget,
            |values| Some((values.text()?, values.text()?)),
            |(name, kind)| {
                found.insert(name, kind);
                ControlFlow::Continue(())
            },
        )?;
        if found.is_empty() {
            return Ok(None);
        }
        let name = format!("{}.{}", sql::name(&options.database), sql::name(table));
        Self::of(name, &found, known)
            .map(Some)
            .map_err(|why| ClickHouseError::Schema(format!("{table}: {why}")))
    }

    /// A table with columns of these types.
    fn of(
        name: String,
        found: &HashMap<String, String>,
        known: &'static [Column],
    ) -> Result<Self, String> {
        let column = |(name, shape, required): &Column| match found.get(*name) {
            None if *required => Err(format!("column {name} is missing")),
            None => Ok(None),
            Some(kind) => match shape_of(kind) {
                Some(Shape::Integer(bytes)) if matches!(shape, Shape::Integer(_)) => {
                    Ok(Some(Shape::Integer(bytes)))
                }
                Some(found) if found == *shape => Ok(Some(found)),
                _ => Err(format!("column {name} has the type {kind}")),
            },
        };
        let columns = known.iter().map(column).collect::<Result<_, _>>()?;
        Ok(Self { name, columns, known })
    }

    /// The shape of a known column; `None` where the table does not have it.
    pub(super) fn shape(&self, place: usize) -> Option<Shape> {
        self.columns.get(place).copied().flatten()
    }

    /// An expression for a column: its name, or `instead` where the table does not have it.
    pub(super) fn column(&self, name: &str, instead: &str) -> String {
        let place = self.known.iter().position(|(known, ..)| *known == name);
        match place.and_then(|place| self.shape(place)) {
            Some(_) => sql::name(name),
            None => instead.to_owned(),
        }
    }

    /// The statement that inserts rows of all columns that the table has.
    pub(super) fn insertion(&self) -> String {
        let places = self.known.iter().zip(&self.columns);
        let names = places.filter(|(_, shape)| shape.is_some());
        let names: Vec<String> = names.map(|((name, ..), _)| sql::name(name)).collect();
        format!("INSERT INTO {} ({}) FORMAT RowBinary", self.name, names.join(", "))
    }
}

/// What a value of a ClickHouse type is written as; `None` for types that are not written.
fn shape_of(kind: &str) -> Option<Shape> {
    let kind = kind.replace(' ', "").replace("LowCardinality(String)", "String");
    Some(match kind.as_str() {
        "String" => Shape::Text,
        "Array(String)" => Shape::Texts,
        "Map(String,String)" => Shape::Map,
        "Array(Map(String,String))" => Shape::Maps,
        "UInt8" | "Int8" => Shape::Integer(1),
        "UInt16" | "Int16" => Shape::Integer(2),
        "UInt32" | "Int32" => Shape::Integer(4),
        "UInt64" | "Int64" => Shape::Integer(8),
        kind if kind.starts_with("DateTime64(9") => Shape::Time,
        kind if kind.starts_with("Array(DateTime64(9") => Shape::Times,
        _ => return None,
    })
}

/// The statements that make the database and both tables, and of traces the table of their times
/// with the view that fills it, as the collector's exporter would.
fn creation(options: &ClickHouseOptions) -> Vec<String> {
    let database = sql::name(&options.database);
    let table = |name: &str| format!("{database}.{}", sql::name(name));
    let traces = table(&options.traces_table);
    let times = table(&format!("{}_trace_id_ts", options.traces_table));
    let view = table(&format!("{}_trace_id_ts_mv", options.traces_table));
    vec![
        format!("CREATE DATABASE IF NOT EXISTS {database}"),
        format!("CREATE TABLE IF NOT EXISTS {traces} ({SPANS} {TOKENS}"),
        format!("CREATE TABLE IF NOT EXISTS {} ({LOGS} {TOKENS}", table(&options.logs_table)),
        format!("CREATE TABLE IF NOT EXISTS {times} ({TIMES}"),
        format!(
            "CREATE MATERIALIZED VIEW IF NOT EXISTS {view} TO {times} AS \
             SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End \
             FROM {traces} WHERE TraceId != '' GROUP BY TraceId"
        ),
    ]
}

/// A table of its own replicas forgets nothing; one without is told to remember what it took
/// lately, so that a batch that is sent again is not taken again.
const TOKENS: &str = "SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, \
                      non_replicated_deduplication_window = 1000";

const SPANS: &str = "
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    ParentSpanId String CODEC(ZSTD(1)),
    TraceState String CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)),
    SpanKind LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion String CODEC(ZSTD(1)),
    SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    Duration UInt64 CODEC(ZSTD(1)),
    StatusCode LowCardinality(String) CODEC(ZSTD(1)),
    StatusMessage String CODEC(ZSTD(1)),
    Events Nested (
        Timestamp DateTime64(9),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    Links Nested (
        TraceId String,
        SpanId String,
        TraceState String,
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_key mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_value mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_duration Duration TYPE minmax GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
PRIMARY KEY (ServiceName, SpanName, toDateTime(Timestamp))
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp), Timestamp)";

const LOGS: &str = "
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    TimestampTime DateTime DEFAULT toDateTime(Timestamp),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    TraceFlags UInt8,
    SeverityText LowCardinality(String) CODEC(ZSTD(1)),
    SeverityNumber UInt8,
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    Body String CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    EventName String CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_scope_attr_key mapKeys(ScopeAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_scope_attr_value mapValues(ScopeAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_log_attr_key mapKeys(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_log_attr_value mapValues(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_body Body TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8
) ENGINE = MergeTree
PARTITION BY toDate(TimestampTime)
PRIMARY KEY (ServiceName, TimestampTime)
ORDER BY (ServiceName, TimestampTime, Timestamp)";

const TIMES: &str = "
    TraceId String CODEC(ZSTD(1)),
    Start DateTime CODEC(Delta(4), ZSTD(1)),
    End DateTime CODEC(Delta(4), ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY toDate(Start)
ORDER BY (TraceId, Start)
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1";

#[cfg(test)]
mod tests {
    use super::*;

    fn found(columns: &[Column]) -> HashMap<String, String> {
        let kind = |shape: &Shape| match shape {
            Shape::Time => "DateTime64(9)",
            Shape::Text => "LowCardinality(String)",
            Shape::Integer(_) => "Int32",
            Shape::Map => "Map(LowCardinality(String), String)",
            Shape::Times => "Array(DateTime64(9, 'UTC'))",
            Shape::Texts => "Array(LowCardinality(String))",
            Shape::Maps => "Array(Map(LowCardinality(String), String))",
        };
        columns.iter().map(|(name, shape, _)| ((*name).into(), kind(shape).into())).collect()
    }

    #[test]
    fn older_schemas_fit_and_others_say_why_not() {
        let check = |change: &dyn Fn(&mut HashMap<String, String>)| {
            let mut columns = found(&LOG_COLUMNS);
            change(&mut columns);
            Table::of("t".to_owned(), &columns, &LOG_COLUMNS)
        };
        let newest = check(&|_| ()).unwrap();
        assert!(newest.insertion().contains("`EventName`"));
        assert_eq!(newest.shape(5), Some(Shape::Integer(4)));
        let older = check(&|columns| drop(columns.remove("EventName"))).unwrap();
        assert!(!older.insertion().contains("EventName"));
        assert_eq!(older.column("EventName", "''"), "''");
        let missing = check(&|columns| drop(columns.remove("Body"))).unwrap_err();
        assert_eq!(missing, "column Body is missing");
        let json = |columns: &mut HashMap<String, String>| {
            columns.insert("LogAttributes".to_owned(), "JSON".to_owned());
        };
        assert_eq!(check(&json).unwrap_err(), "column LogAttributes has the type JSON");
    }
}
