//! OTel database client conventions, stable and old names.

use std::borrow::Cow;

use super::kind::Kind;
use super::names::{Facts, Field, Name};
use super::statement::Statement;
use crate::model::{DbQuery, Span, SpanKind};

/// Stable names first.
pub(super) static NAMES: &[Name] = &[
    ("db.system.name", Field::DbSystem),
    ("db.system", Field::DbSystem),
    ("db.operation.name", Field::DbOperation),
    ("db.operation", Field::DbOperation),
    ("db.collection.name", Field::DbTable),
    ("db.sql.table", Field::DbTable),
    ("db.mongodb.collection", Field::DbTable),
    ("db.cassandra.table", Field::DbTable),
    ("db.query.summary", Field::DbSummary),
    ("db.query.text", Field::DbStatement),
    ("db.statement", Field::DbStatement),
];

/// Systems whose statements are commands (`GET key`) and name no table.
static COMMAND_SYSTEMS: &[&str] = &["redis", "memcached", "valkey"];

/// Whether the span is a database call: the client's side of it, or the driver's own work.
pub(super) fn kind(facts: &Facts<'_, '_>, span: &Span<'_>) -> Option<Kind> {
    let serves = matches!(span.kind, SpanKind::Server | SpanKind::Consumer);
    (facts.has(Field::DbSystem) && !serves).then_some(Kind::Db)
}

/// Reads the call. What the attributes leave out, the summary tells (`SELECT orders`), then the
/// statement, then the span's name.
pub(super) fn query<'a>(facts: &Facts<'_, 'a>, span: &Span<'a>) -> DbQuery<'a> {
    let system = facts.text(Field::DbSystem).unwrap_or_default();
    let (operation, table) = (facts.text(Field::DbOperation), facts.text(Field::DbTable));
    let mut read = Statement::default();
    if operation.is_none() || table.is_none() {
        if let Some(summary) = facts.text(Field::DbSummary) {
            read = Statement::of_summary(summary);
        }
        if read.table.is_none()
            && let Some(text) = facts.text(Field::DbStatement)
        {
            let whole = Statement::read(text);
            read = Statement { operation: read.operation.or(whole.operation), ..whole };
        }
        if COMMAND_SYSTEMS.contains(&system) {
            read.table = None;
        }
        read.operation = read.operation.or_else(|| Statement::verb(span.name));
    }
    let table = table.or(read.table).unwrap_or("unknown");
    DbQuery {
        system,
        operation: verb(operation.or(read.operation).unwrap_or("unknown")),
        table: unquoted(table),
        connections: facts.number(Field::DbConnections),
    }
}

/// SQL's verbs in upper case, whatever case they came in; other commands as sent.
fn verb(text: &str) -> Cow<'_, str> {
    let first = text.split_ascii_whitespace().next().unwrap_or(text);
    match Statement::verb(first) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Borrowed(text),
    }
}

/// A table's name without the quotes of its dialect: `"public"."orders"` → `public.orders`.
fn unquoted(table: &str) -> Cow<'_, str> {
    let is_quote = |c: char| matches!(c, '"' | '`' | '[' | ']' | '\'');
    let inner = table.trim_matches(is_quote);
    if inner.contains(is_quote) {
        Cow::Owned(inner.chars().filter(|c| !is_quote(*c)).collect())
    } else {
        Cow::Borrowed(inner)
    }
}
