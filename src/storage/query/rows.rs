//! Lending the spans of the log as rows.

use std::ops::ControlFlow;

use super::block_scan::{Said, Wanted};
use super::scan::{Scanner, Starts};
use super::store::Store;
use super::{
    Budget, Fields, LogPage, LogQuery, QueryError, RowQuery, Scanned, SearchPage, SearchQuery,
    SpanRow, StoredTrace,
};
use crate::model::{CallBook, Operation, Origin, Signal, Span, SpanId, TraceId, Understanding};
use crate::otlp::read;
use crate::storage::Position;
use crate::storage::block::{Block, BlockError, RowColumns};
use crate::storage::index::{Index, Place, SpanHead, read_group, span_trace_id};

/// Behind everything.
const END: Position = Position { segment: u64::MAX, offset: u64::MAX };

/// Bytes of the columns of a row, about.
const ROW_BYTES: u64 = 64;

impl Store for Index {
    fn search(&self, query: &SearchQuery, budget: Budget<'_>) -> Result<SearchPage, QueryError> {
        self.search_within(query, budget)
    }

    fn trace(&self, id: TraceId) -> Result<StoredTrace, QueryError> {
        Self::trace(self, id)
    }

    fn span(&self, trace: TraceId, span: SpanId) -> Result<StoredTrace, QueryError> {
        self.span_of(trace, span)
    }

    fn logs(&self, query: &LogQuery, budget: Budget<'_>) -> Result<LogPage, QueryError> {
        self.logs_within(query, budget)
    }

    fn rows(
        &self,
        query: &RowQuery,
        mut budget: Budget<'_>,
        visit: &mut dyn FnMut(&SpanRow<'_>) -> ControlFlow<()>,
    ) -> Result<Scanned, QueryError> {
        let mut scanned = Scanned::default();
        let mut book = self.open_book();
        let scanner = Scanner::new(&query.filters, self.understand());
        let shelved = self.shelved();
        let mut said = Said::default();
        for block in &shelved.blocks {
            let rows = Asked { query, scanner: &scanner };
            match self.lend_block(block, &rows, &mut budget, &mut said, visit) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => {
                    scanned.incomplete |= budget.is_spent();
                    scanned.bytes = budget.spent;
                    return Ok(scanned);
                }
                Err(error) => {
                    self.report(block, &error);
                    scanned.incomplete = true;
                }
            }
        }
        for place in self.places_of_rows(query, &scanner, shelved.through, &mut scanned) {
            if budget.is_spent() {
                scanned.incomplete = true;
                break;
            }
            budget.spend(place.group.bytes);
            let mut flow = ControlFlow::Continue(());
            let read = read_group(self.frames(), &place, END, &mut |batch| {
                // Who asks for usage needs every report of a call, also those that are not lent.
                let settles = query.fields.contain(Fields::USAGE);
                if batch.signal == Signal::Traces && (settles || scanner.may_hold(&batch.body)) {
                    flow = self.lend(&batch.body, query, &scanner, &mut *book, visit);
                }
                flow
            });
            scanned.incomplete |= read.is_err();
            if flow.is_break() {
                break;
            }
        }
        scanned.bytes = budget.spent;
        Ok(scanned)
    }
}

/// What rows are asked for.
struct Asked<'q> {
    query: &'q RowQuery,
    scanner: &'q Scanner<'q>,
}

impl Index {
    /// Lends the rows of a block.
    fn lend_block(
        &self,
        block: &Block,
        asked: &Asked<'_>,
        budget: &mut Budget<'_>,
        said: &mut Said,
        visit: &mut dyn FnMut(&SpanRow<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, BlockError> {
        let Asked { query, scanner } = *asked;
        let starts = query.filters.from_ns.unwrap_or(0)..=query.filters.to_ns.unwrap_or(u64::MAX);
        let groups = match &query.trace {
            Some(id) => block.span_groups_of(id)?,
            None => (0..block.seal.spans.len()).collect(),
        };
        for group in groups {
            if !scanner.may_find(&block.seal.spans[group].facts(), &starts) {
                continue;
            }
            if budget.is_spent() {
                return Ok(ControlFlow::Break(()));
            }
            let wanted = Wanted { starts: &starts, only: query.trace.as_ref(), until: END };
            let selected = scanner.select(block, group, &wanted, said)?;
            budget.spend(selected.bytes);
            if selected.rows.is_empty() {
                continue;
            }
            let columns = RowColumns::of(block, group, query.fields.with_what_prices_need())?;
            budget.spend(u64::from(block.seal.spans[group].rows) * ROW_BYTES);
            for mut row in selected.rows.into_iter().filter_map(|at| columns.row(at)) {
                if query.fields.contain(Fields::USAGE) {
                    row.price_anew(self.understand().prices());
                }
                if visit(&row).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The groups that may hold rows that are asked for.
    fn places_of_rows(
        &self,
        query: &RowQuery,
        scanner: &Scanner<'_>,
        through: u64,
        scanned: &mut Scanned,
    ) -> Vec<Place> {
        let starts = query.filters.from_ns.unwrap_or(0)..=query.filters.to_ns.unwrap_or(u64::MAX);
        let mut places: Vec<Place> = match &query.trace {
            Some(id) => self.places_of(id, through),
            None => {
                let directory = self.directory(through);
                scanned.incomplete |= !directory.whole;
                directory.places().map(|(_, place)| place).collect()
            }
        };
        places.retain(|place| scanner.may_find(&place.group, &starts));
        places
    }

    /// Lends the rows of one request. Calls are settled in the order in which they arrived,
    /// whether their rows are asked for or not.
    fn lend(
        &self,
        body: &[u8],
        query: &RowQuery,
        scanner: &Scanner<'_>,
        book: &mut dyn CallBook,
        visit: &mut dyn FnMut(&SpanRow<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let starts = query.filters.from_ns.unwrap_or(0)..=query.filters.to_ns.unwrap_or(u64::MAX);
        let understand = self.understand();
        let mut flow = ControlFlow::Continue(());
        // What stands behind damage is found by no reader.
        let _ = read::records(body, |origin, bytes| {
            let other = query.trace.is_some_and(|id| span_trace_id(bytes) != id.as_bytes());
            if flow.is_break() || other {
                return Ok(());
            }
            // A damaged span hides none of its neighbours.
            let Ok(span) = read::span(bytes) else { return Ok(()) };
            let known = understand.span(origin, &span);
            let settled = match &known.operation {
                Operation::Llm(call) => Some(book.settle(&span, origin.scope.name, call)),
                _ => None,
            };
            if scanner.admits(origin, &span, &known, bytes, &starts) {
                flow = visit(&SpanRow::of(origin, &span, &known, settled.as_ref()));
            }
            Ok(())
        });
        flow
    }
}

impl Scanner<'_> {
    /// Whether a span that is read and understood already is looked for.
    pub(in crate::storage) fn admits(
        &self,
        origin: &Origin<'_>,
        span: &Span<'_>,
        known: &Understanding<'_>,
        bytes: &[u8],
        starts: &Starts,
    ) -> bool {
        let filters = self.filters();
        starts.contains(&span.start_ns)
            && filters.admits_origin(origin)
            && SpanHead::read(bytes).is_ok_and(|head| filters.admits(&head))
            && filters.admits_attributes(origin, bytes)
            && filters.admits_understanding(known)
            && self.may_say(bytes)
            && self.says(span)
    }
}
