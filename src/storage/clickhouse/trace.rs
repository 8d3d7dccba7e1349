//! One trace as a whole, out of ClickHouse and the log.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::ClickHouse;
use super::encode;
use super::error::ClickHouseError;
use super::row_binary::Values;
use super::schema::Schema;
use super::sql;
use super::whole::{self, Whole};
use crate::limits;
use crate::model::{Signal, SpanId, TraceId};
use crate::otlp::read;
use crate::storage::index::{log_trace_id, span_trace_id};
use crate::storage::query::{Budget, Gathering, Groups, QueryError, StoredTrace};
use crate::storage::{Batch, Position};

/// A trace that is being put together.
struct Gather {
    gathering: Gathering,
    /// Where the log records taken so far came in, so that none is taken from both.
    logs: HashSet<String>,
}

impl ClickHouse {
    /// What is kept of a trace, or of one span of it.
    pub(super) fn gather(
        &self,
        id: TraceId,
        span: Option<SpanId>,
    ) -> Result<StoredTrace, QueryError> {
        let taken = self.state.taken();
        let mut gather = Gather { gathering: Gathering::new(id), logs: HashSet::new() };
        let asked = self.gather_rows(id, span, &mut gather);
        // Without ClickHouse, what the log still holds of older batches is better than nothing.
        let from = if asked.is_ok() { taken } else { Position::OLDEST };
        let mut budget = Budget::default();
        let whole = self.tail(Some(&id), from, &mut budget, &mut |at, batch| {
            gather.take_batch(at, batch);
            ControlFlow::Continue(())
        });
        gather.gathering.trace.truncated |= !whole || asked.is_err();
        let trace = gather.gathering.finish();
        let trace = span.map_or_else(|| trace.clone(), |span| trace.only(span));
        match asked {
            Err(error) if trace.is_empty() => Err(error.into()),
            _ => Ok(trace),
        }
    }

    fn gather_rows(
        &self,
        id: TraceId,
        span: Option<SpanId>,
        gather: &mut Gather,
    ) -> Result<(), ClickHouseError> {
        let budget = &mut Budget::default();
        let schema = self.schema(budget)?;
        let mut wanted = format!("TraceId = {}", sql::text(&id.to_string()));
        if let Some(span) = span {
            wanted.push_str(&format!(" AND SpanId = {}", sql::text(&span.to_string())));
        }
        let most = limits::TRACE_SPANS + 1;
        let tail = format!("LIMIT 1 BY SpanId LIMIT {most}");
        self.gather_spans(&schema, &wanted, &tail, gather, budget)?;
        if gather.gathering.trace.truncated {
            // The root names the trace and mostly arrives last.
            let roots = format!("{wanted} AND ParentSpanId = ''");
            let tail = format!("LIMIT 1 BY SpanId LIMIT {}", limits::TRACE_LATE_ROOTS);
            self.gather_spans(&schema, &roots, &tail, gather, budget)?;
        }
        let query = format!(
            "SELECT {} FROM {} WHERE {wanted} ORDER BY Timestamp, LogAttributes['{}'] \
             LIMIT 1 BY {} LIMIT {most}",
            whole::log_columns(&schema),
            schema.logs.name,
            encode::AT,
            super::logs::ROW,
        );
        self.ask(&query, budget, whole::read_log, |log| {
            gather.take_log(&log);
            ControlFlow::Continue(())
        })
    }

    fn gather_spans(
        &self,
        schema: &Schema,
        wanted: &str,
        tail: &str,
        gather: &mut Gather,
        budget: &mut Budget<'_>,
    ) -> Result<(), ClickHouseError> {
        let query = format!(
            "SELECT {} FROM {} WHERE {wanted} ORDER BY SpanAttributes['{}'], Timestamp {tail}",
            whole::span_columns(schema),
            schema.spans.name,
            encode::AT,
        );
        self.ask(&query, budget, whole::read_span, |span| {
            gather.take_span(&span);
            ControlFlow::Continue(())
        })
    }

    /// Asks; an answer that says that the tables have changed lets them be looked at anew.
    pub(super) fn ask<R>(
        &self,
        query: &str,
        budget: &mut Budget<'_>,
        read: impl Fn(&mut Values<'_>) -> Option<R>,
        visit: impl FnMut(R) -> ControlFlow<()>,
    ) -> Result<(), ClickHouseError> {
        let asked = self.client.select(query, budget, read, visit);
        if let Err(error) = &asked
            && !error.is_bound()
        {
            tracing::debug!(%error, "ClickHouse did not answer a question.");
            self.state.forget_schema();
        }
        asked
    }
}

impl Gather {
    fn take_span(&mut self, span: &Whole) {
        if let Some(groups) = groups_of(&span.origin) {
            // A damaged row hides none of its neighbours.
            let _ = self.gathering.take_span(&span.record, &|| groups.request());
        }
    }

    fn take_log(&mut self, log: &Whole) {
        if (log.at.is_empty() || self.logs.insert(log.at.clone()))
            && let Some(groups) = groups_of(&log.origin)
        {
            let _ = self.gathering.take_log(&log.record, &|| groups.request());
        }
    }

    fn take_batch(&mut self, at: Position, batch: &Batch) {
        let id = self.gathering.trace.id;
        let walked = encode::visit(&batch.body, |groups, _, number, record| match batch.signal {
            Signal::Traces if span_trace_id(record) == id.as_bytes() => {
                let _ = self.gathering.take_span(record, &|| groups.request());
            }
            Signal::Logs if log_trace_id(record) == id.as_bytes() => {
                let place = encode::place(batch.arrived_ns, at, number);
                if self.logs.insert(place) {
                    let _ = self.gathering.take_log(record, &|| groups.request());
                }
            }
            _ => {}
        });
        if let Err(error) = walked {
            tracing::debug!(%error, "A stored batch is damaged; the rest of it is left out.");
        }
    }
}

/// The groups of a request with one record.
pub(super) fn groups_of(request: &[u8]) -> Option<Groups<'_>> {
    let resource = read::messages(request, 1).next()?.ok()?;
    let scope = read::messages(resource, 2).next()?.ok()?;
    Some(Groups { resource, scope })
}
