//! Database queries and the connections in use.

use super::work_span;
use crate::metrics::catalog;
use crate::telemetry::guard::{Ended, Guard, Kind};
use crate::telemetry::{Context, meter};

/// A database query, under way.
pub type DbQuery = Guard<Query>;

/// What is known of it.
#[derive(Debug)]
pub struct Query {
    operation: Box<str>,
    table: Box<str>,
}

/// A database connection that is in use until this is dropped.
#[derive(Debug)]
#[must_use = "a connection that is dropped at once is not in use"]
pub struct DbConnection(Option<&'static crate::metrics::Registry>);

/// Begins a database query: `postgresql`, `SELECT`, `orders`.
pub fn db_query(system: &str, operation: &str, table: &str) -> DbQuery {
    let context = Context::current();
    let span = work_span!("client", "db", format!("{operation} {table}"), context, {
        "db.system.name" = system,
        "db.operation.name" = operation,
        "db.collection.name" = table,
    });
    Guard::begin(Query { operation: operation.into(), table: table.into() }, span, context)
}

/// A database connection is in use.
pub fn db_connection() -> DbConnection {
    let meter = meter::current();
    if let Some(meter) = meter {
        meter.shift(&catalog::DB_CONNECTIONS_ACTIVE, &[], 1.0);
    }
    DbConnection(meter)
}

impl Drop for DbConnection {
    fn drop(&mut self) {
        if let Some(meter) = self.0 {
            meter.shift(&catalog::DB_CONNECTIONS_ACTIVE, &[], -1.0);
        }
    }
}

impl Kind for Query {
    fn end(&mut self, ended: &Ended<'_>) {
        let labels = [&*self.operation, &*self.table];
        ended.count(&catalog::DB_QUERIES, &labels, 1);
        ended.observe(&catalog::DB_QUERY_DURATION, &labels, ended.seconds);
    }
}
