//! Lending spans as rows, out of ClickHouse and the log.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::ClickHouse;
use super::condition;
use super::encode::{self, AT};
use super::error::ClickHouseError;
use super::facts;
use super::light::{self, Light};
use super::schema::Schema;
use super::search::half;
use super::sql;
use super::whole;
use crate::limits;
use crate::model::{CallBook, Operation, Signal, SpanId, TraceId};
use crate::otlp::read;
use crate::storage::query::{
    Budget, Fields, Filters, QueryError, RowQuery, Scanned, Scanner, SpanRow, Starts, origin_of,
};

/// Names a span.
pub(super) type Key = (TraceId, SpanId);

/// Spans that were looked at whole, and when and where they came in.
pub(super) struct Confirmed(HashSet<(Key, String)>);

/// A question for rows on its way.
struct Lending<'q> {
    query: &'q RowQuery,
    scanner: Scanner<'q>,
    starts: Starts,
    book: Box<dyn CallBook>,
    /// Spans at the log's end that ClickHouse may have got meanwhile.
    overlap: HashSet<Key>,
    /// Of these, those that were lent.
    lent: HashSet<Key>,
    flow: ControlFlow<()>,
}

impl ClickHouse {
    pub(super) fn lend(
        &self,
        query: &RowQuery,
        mut budget: Budget<'_>,
        visit: &mut dyn FnMut(&SpanRow<'_>) -> ControlFlow<()>,
    ) -> Result<Scanned, QueryError> {
        let filters = &query.filters;
        let taken = self.state.taken();
        let mut lending = Lending {
            query,
            scanner: Scanner::new(filters, self.index.understand()),
            starts: filters.from_ns.unwrap_or(0)..=filters.to_ns.unwrap_or(u64::MAX),
            book: self.index.open_book(),
            overlap: HashSet::new(),
            lent: HashSet::new(),
            flow: ControlFlow::Continue(()),
        };
        let mut whole = self.tail(query.trace.as_ref(), taken, &mut budget, &mut |_, batch| {
            lending.note_overlap(batch.signal, &batch.body)
        });
        let mut part = half(&budget);
        let asked = self.lend_rows(&mut lending, &mut part, visit);
        (budget.bytes, budget.spent) = (part.bytes, part.spent);
        let from = match &asked {
            Ok(()) => taken,
            Err(error) => {
                whole = false;
                // What ClickHouse has lent until a bound was reached is not lent again.
                if error.is_bound() { taken } else { super::Position::OLDEST }
            }
        };
        if lending.flow.is_continue() {
            whole &= self.tail(query.trace.as_ref(), from, &mut budget, &mut |_, batch| {
                if batch.signal == Signal::Traces {
                    lending.lend_batch(self, &batch.body, visit);
                }
                lending.flow
            });
        }
        Ok(Scanned { incomplete: !whole, bytes: budget.spent })
    }

    fn lend_rows(
        &self,
        lending: &mut Lending<'_>,
        budget: &mut Budget<'_>,
        visit: &mut dyn FnMut(&SpanRow<'_>) -> ControlFlow<()>,
    ) -> Result<(), ClickHouseError> {
        let schema = self.schema(budget)?;
        let RowQuery { filters, trace, fields } = lending.query;
        let matched = condition::of_span(filters);
        let (from, to) = (*lending.starts.start(), *lending.starts.end());
        let mut within = vec![condition::between(from, to)];
        within.extend(trace.map(|id| format!("TraceId = {}", sql::text(&id.to_string()))));
        let within = condition::together(within);
        let confirmed = self.confirm(&schema, filters, &within, budget)?;
        let mut wanted = matched.clone();
        if fields.contain(Fields::USAGE) && matched != "1" {
            // Two reports of one call need not both fulfil the conditions, but count once.
            wanted = format!(
                "({matched} OR (SpanAttributes['{}'] IN {} OR NOT {}) AND TraceId IN \
                 (SELECT TraceId FROM {} WHERE {within} AND {matched}))",
                facts::OPERATION,
                sql::list(facts::LLM),
                condition::ours("SpanAttributes"),
                schema.spans.name,
            );
        }
        // What a late report adds to a call depends on what came before it.
        let order = match fields.contain(Fields::USAGE) {
            true => format!("ORDER BY SpanAttributes['{AT}']"),
            false => String::new(),
        };
        let query = format!(
            "SELECT {} FROM {} WHERE {within} AND {wanted} {order} LIMIT 1 BY TraceId, SpanId",
            light::columns(&schema, &matched),
            schema.spans.name,
        );
        self.ask(&query, budget, light::read, |light| {
            let Some(light) = light else { return ControlFlow::Continue(()) };
            lending.lend_light(self, &light, confirmed.as_ref(), visit);
            lending.flow
        })
    }

    /// The spans that really have the attributes and the text asked for; `None` where neither is
    /// asked for.
    pub(super) fn confirm(
        &self,
        schema: &Schema,
        filters: &Filters,
        within: &str,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Confirmed>, ClickHouseError> {
        if filters.attributes.is_empty() && filters.text.is_none() {
            return Ok(None);
        }
        let scanner = Scanner::new(filters, self.index.understand());
        let mut confirmed = HashSet::new();
        let query = format!(
            "SELECT {} FROM {} WHERE {within} AND {}",
            whole::span_columns(schema),
            schema.spans.name,
            condition::of_span(filters),
        );
        self.ask(&query, budget, whole::read_span, |row| {
            let Ok(span) = read::span(&row.record) else { return ControlFlow::Continue(()) };
            let origin = origin_of(&row.origin);
            if filters.admits_attributes(&origin, &row.record) && scanner.says(&span) {
                confirmed.insert(((span.trace_id, span.span_id), row.at));
            }
            ControlFlow::Continue(())
        })?;
        Ok(Some(Confirmed(confirmed)))
    }
}

impl Confirmed {
    /// Whether a span is among them.
    pub(super) fn has(&self, light: &Light) -> bool {
        self.0.contains(&((light.trace_id, light.span_id), light.at().to_owned()))
    }
}

impl Lending<'_> {
    /// Remembers a bounded number of spans at the log's end: only the batch that is on its way
    /// now can be in both.
    fn note_overlap(&mut self, signal: Signal, body: &[u8]) -> ControlFlow<()> {
        if signal == Signal::Traces {
            // What stands behind damage is found by no reader.
            let _ = read::spans(body, |_, span| {
                self.overlap.insert((span.trace_id, span.span_id));
            });
        }
        match self.overlap.len() < limits::CLICKHOUSE_OVERLAP_SPANS {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    }

    fn lend_light(
        &mut self,
        store: &ClickHouse,
        light: &Light,
        confirmed: Option<&Confirmed>,
        visit: &mut dyn FnMut(&SpanRow<'_>) -> ControlFlow<()>,
    ) {
        let key = (light.trace_id, light.span_id);
        let (origin, span, known) = light.span(store.index.understand());
        let settled = match &known.operation {
            Operation::Llm(call) => Some(self.book.settle(&span, origin.scope.name, call)),
            _ => None,
        };
        if self.overlap.contains(&key) {
            self.lent.insert(key);
        }
        let filters = &self.query.filters;
        let wanted = light.matched
            && confirmed.is_none_or(|confirmed| confirmed.has(light))
            && filters.admits_understanding(&known);
        if wanted {
            self.flow = visit(&SpanRow::of(&origin, &span, &known, settled.as_ref()));
        }
    }

    fn lend_batch(
        &mut self,
        store: &ClickHouse,
        body: &[u8],
        visit: &mut dyn FnMut(&SpanRow<'_>) -> ControlFlow<()>,
    ) {
        let understand = store.index.understand();
        // What stands behind damage is found by no reader.
        let _ = read::records(body, |origin, bytes| {
            let Ok(span) = read::span(bytes) else { return Ok(()) };
            let other = self.query.trace.is_some_and(|id| id != span.trace_id);
            let key = (span.trace_id, span.span_id);
            if self.flow.is_break() || other || self.lent.contains(&key) {
                return Ok(());
            }
            let known = understand.span(origin, &span);
            let settled = match &known.operation {
                Operation::Llm(call) => Some(self.book.settle(&span, origin.scope.name, call)),
                _ => None,
            };
            if self.scanner.admits(origin, &span, &known, bytes, &self.starts) {
                self.flow = visit(&SpanRow::of(origin, &span, &known, settled.as_ref()));
            }
            Ok(())
        });
    }
}

/// Rows that came in before this time, and all that another sender wrote.
pub(super) fn came_before(light: &Light, until_ns: u64) -> bool {
    light.at().is_empty() || light.at() < encode::arrival(until_ns).as_str()
}
