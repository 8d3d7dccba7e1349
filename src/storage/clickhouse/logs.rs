//! Searching for log records, out of ClickHouse and the log.
//!
//! ClickHouse is asked for the newest records in stretches of time that grow backwards, until the
//! page is full with records that are newer than all that was not read. A record's place is made
//! of nothing but the record, so it is one record wherever it was read, and however often.

use std::ops::ControlFlow;

use super::ClickHouse;
use super::condition;
use super::encode::AT;
use super::error::ClickHouseError;
use super::schema::Schema;
use super::search::{beginning, half};
use super::sql;
use super::whole::{self, Whole};
use crate::limits;
use crate::model::Signal;
use crate::storage::index::LogHead;
use crate::storage::query::{
    Budget, LogCursor, LogFilters, LogPage, LogPlace, LogQuery, LogScanner, NewestLogs, QueryError,
    Store, origin_of,
};

/// What makes a row of a log record what it is. Two rows that agree in all of it are one that
/// was inserted twice: what Pharos writes says where in the log it came in.
pub(super) const ROW: &str = "Timestamp, TraceId, SpanId, SeverityText, SeverityNumber, \
                              ServiceName, Body, ResourceAttributes, LogAttributes";

/// A page that is being filled.
struct Filling<'q> {
    filters: &'q LogFilters,
    scanner: LogScanner<'q>,
    newest: NewestLogs,
    /// How new the records can be that were not read; `None` when all were.
    unread_ns: Option<u64>,
    /// Rows of this time that were read already.
    passed: usize,
    /// Rows to ask for at once.
    most: usize,
}

impl ClickHouse {
    pub(super) fn search_logs(
        &self,
        query: &LogQuery,
        mut budget: Budget<'_>,
    ) -> Result<LogPage, QueryError> {
        let filters = &query.filters;
        let limit = query.limit.unwrap_or(limits::LOG_PAGE_DEFAULT_RECORDS);
        let limit = limit.clamp(1, limits::LOG_PAGE_RECORDS);
        let cursor = query.cursor.as_deref();
        let cursor = cursor.map(|text| LogCursor::decode(text, filters)).transpose()?;
        let after: Option<LogPlace> = cursor.map(|cursor| cursor.after);
        let latest = after.map_or(u64::MAX, |after| after.time_ns);
        let mut filling = Filling {
            filters,
            scanner: LogScanner::new(filters),
            newest: NewestLogs::new(limit, after),
            unread_ns: Some(latest.min(filters.to_ns.unwrap_or(u64::MAX))),
            passed: 0,
            most: limit + 2,
        };
        let taken = self.state.taken();
        let whole = self.tail(filters.trace.as_ref(), taken, &mut budget, &mut |_, batch| {
            if batch.signal == Signal::Logs {
                // What stands behind damage is found by no reader.
                let _ = filling.scanner.scan(&batch.body, &mut filling.newest);
            }
            ControlFlow::Continue(())
        });
        let mut part = half(&budget);
        if let Err(error) = self.fill_logs(&mut filling, &mut part) {
            tracing::debug!(%error, "A search for log records is answered from the log alone.");
            let mut page = Store::logs(&*self.index, query, budget)?;
            page.incomplete = true;
            return Ok(page);
        }
        let unread = filling.unread_ns;
        let (records, next) = filling.newest.finish(unread);
        Ok(LogPage {
            incomplete: !whole || unread.is_some() && records.len() < limit,
            next: next.map(|after| LogCursor::new(after, filters).encode()),
            records,
            scanned_bytes: part.spent,
        })
    }

    /// Reads until the page is full or a bound is reached. An error where nothing was read.
    fn fill_logs(
        &self,
        filling: &mut Filling<'_>,
        budget: &mut Budget<'_>,
    ) -> Result<(), ClickHouseError> {
        let schema = self.schema(budget)?;
        let oldest = filling.filters.from_ns.unwrap_or(0);
        let mut read_any = false;
        while let Some(unread) = filling.unread_ns {
            if unread < oldest {
                filling.unread_ns = None;
                break;
            }
            if filling.newest.is_full_above(unread) && filling.newest.has_left_out() {
                break;
            }
            match self.read_logs(&schema, filling, unread, oldest, budget) {
                Ok(()) => read_any = true,
                Err(error) if error.is_bound() && read_any => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read_logs(
        &self,
        schema: &Schema,
        filling: &mut Filling<'_>,
        unread: u64,
        oldest: u64,
        budget: &mut Budget<'_>,
    ) -> Result<(), ClickHouseError> {
        let from = beginning(unread, oldest);
        let query = format!(
            "SELECT {}, toUnixTimestamp64Nano(Timestamp) FROM {} WHERE {} AND {} \
             ORDER BY Timestamp DESC, TraceId, SpanId, LogAttributes['{AT}'] LIMIT {} OFFSET {}",
            whole::log_columns(schema),
            schema.logs.name,
            condition::between(from, unread),
            of_log(schema, filling.filters),
            filling.most,
            filling.passed,
        );
        let (mut rows, mut last, mut at_last) = (0, None, 0);
        self.ask(
            &query,
            budget,
            |values| Some((whole::read_log(values)?, values.time()?)),
            |(log, time_ns)| {
                filling.offer(&log);
                rows += 1;
                at_last = if last == Some(time_ns) { at_last + 1 } else { 1 };
                last = Some(time_ns);
                ControlFlow::Continue(())
            },
        )?;
        match last {
            Some(time_ns) if rows >= filling.most => {
                let same = sql::clamped(time_ns) == sql::clamped(unread);
                filling.passed = if same { filling.passed + rows } else { at_last };
                filling.unread_ns = Some(if same { unread } else { time_ns });
            }
            _ => {
                filling.passed = 0;
                filling.unread_ns = from.checked_sub(1).filter(|_| from > oldest);
            }
        }
        Ok(())
    }
}

impl Filling<'_> {
    fn offer(&mut self, log: &Whole) {
        let Ok(head) = LogHead::read(&log.record) else { return };
        if self.newest.wants(head.time_ns)
            && self.scanner.admits_head(&head)
            && self.scanner.admits(&origin_of(&log.origin), &log.record)
        {
            self.newest.offer(&head, &log.origin, &log.record);
        }
    }
}

/// The conditions on a log record, but for its time.
fn of_log(schema: &Schema, filters: &LogFilters) -> String {
    let mut all = Vec::new();
    let id = |column, id: String| format!("{column} = {}", sql::text(&id));
    all.extend(filters.trace.map(|trace| id("TraceId", trace.to_string())));
    all.extend(filters.span.map(|span| id("SpanId", span.to_string())));
    all.extend(filters.service.as_deref().map(condition::service_is));
    // A number beyond the column's stands there as its greatest.
    let severity = filters.min_severity.map(|least| least.min(127));
    all.extend(severity.map(|least| format!("SeverityNumber >= {least}")));
    let event = schema.logs.column("EventName", "");
    if let Some(name) = filters.event_name.as_deref().filter(|_| !event.is_empty()) {
        let name = sql::text(name);
        all.push(format!("({event} = {name} OR LogAttributes['event.name'] = {name})"));
    }
    let scope = schema.logs.column("ScopeAttributes", "ResourceAttributes");
    for (key, wanted) in &filters.attributes {
        all.push(condition::has_attribute("LogAttributes", &scope, key, wanted));
    }
    if let Some(text) = &filters.text {
        let event = schema.logs.column("EventName", "''");
        let texts = format!("arrayConcat([Body, toString({event})], mapValues(LogAttributes))");
        all.push(condition::says(text, &texts));
    }
    condition::together(all)
}
