//! Searches and traces against a log in memory, and against a naive reading of all of it.

use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::model::{Status, TraceId};
use crate::storage::index::Index;
use crate::storage::index::double::{self, MemoryLog, TestSpan, log_record, spans, trace_id};

mod lives;
mod log_oracle;
mod logs;
mod one_span;
mod oracle;
mod prices;
mod sealed;

/// A log, its index and the folder of the index' files.
struct Store {
    log: Arc<MemoryLog>,
    index: Index,
    _dir: TempDir,
}

/// Groups of one frame each.
const ALONE: u64 = 1;

impl Store {
    fn new(batches: &[&[TestSpan]]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = Arc::new(MemoryLog::default());
        for batch in batches {
            log.append(&spans(batch), false);
        }
        let index = double::index(&log, dir.path(), ALONE);
        Self { log, index, _dir: dir }
    }

    fn append(&self, batch: &crate::storage::Batch, new_segment: bool) {
        let at = self.log.append(batch, new_segment);
        self.index.apply(at, batch);
    }

    fn search(&self, filters: Filters) -> Vec<u8> {
        let query = SearchQuery { filters, ..SearchQuery::default() };
        let page = self.index.search(&query).unwrap();
        assert!(!page.incomplete && page.next.is_none());
        page.traces.iter().map(|trace| trace.trace_id.as_bytes()[15]).collect()
    }

    fn rows(
        &self,
        query: &RowQuery,
        visit: &mut dyn FnMut(&SpanRow<'_>) -> std::ops::ControlFlow<()>,
    ) -> Scanned {
        super::Store::rows(&self.index, query, Budget::default(), visit).unwrap()
    }

    fn trace(&self, number: u8) -> StoredTrace {
        self.index.trace(id(number)).unwrap()
    }
}

fn id(number: u8) -> TraceId {
    TraceId::from_bytes(&trace_id(number)).unwrap()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn attributes(pairs: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    pairs.iter().map(|(key, value)| (*key, (*value).to_owned())).collect()
}

#[test]
fn every_filter_finds_its_trace_and_no_other() {
    let plain = TestSpan { trace: 1, start: 10, end: 20, ..TestSpan::default() };
    let failed = TestSpan { trace: 2, status: 2, start: 11, end: 500, ..TestSpan::default() };
    let chat = TestSpan {
        trace: 3,
        service: "bot",
        name: "chat gpt".to_owned(),
        start: 12,
        end: 100,
        attributes: attributes(&[("op", "chat"), ("model", "gpt"), ("response_model", "gpt-1")]),
        ..TestSpan::default()
    };
    let tool = TestSpan {
        trace: 4,
        start: 13,
        end: 13,
        status: 1,
        attributes: attributes(&[("op", "tool"), ("tool", "search"), ("tenant", "acme")]),
        ..TestSpan::default()
    };
    let agent = TestSpan {
        trace: 5,
        start: 14,
        end: 3,
        attributes: attributes(&[("op", "agent"), ("agent", "planner"), ("conversation", "c1")]),
        ..TestSpan::default()
    };
    let store = Store::new(&[&[plain, failed], &[chat, tool, agent]]);
    let check = |filters: Filters, expected: &[u8]| {
        assert_eq!(store.search(filters.clone()), expected, "{filters:?}");
    };
    let all = Filters::default;
    check(all(), &[5, 4, 3, 2, 1]);
    check(Filters { service: some("bot"), ..all() }, &[3]);
    check(Filters { service: some("bo"), ..all() }, &[]);
    check(Filters { name: some("chat gpt"), ..all() }, &[3]);
    check(Filters { name: some("chat"), ..all() }, &[]);
    check(Filters { status: Some(Status::Error), ..all() }, &[2]);
    check(Filters { status: Some(Status::Ok), ..all() }, &[5, 4, 3, 1]);
    check(Filters { status: Some(Status::Unset), ..all() }, &[5, 3, 1]);
    check(Filters { operation: some("chat"), ..all() }, &[3]);
    check(Filters { operation: some("llm"), ..all() }, &[3]);
    check(Filters { operation: some("execute_tool"), ..all() }, &[4]);
    check(Filters { operation: some("other"), ..all() }, &[2, 1]);
    check(Filters { model: some("gpt"), ..all() }, &[3]);
    check(Filters { model: some("gpt-1"), ..all() }, &[3]);
    check(Filters { model: some("gpt-2"), ..all() }, &[]);
    check(Filters { tool: some("search"), ..all() }, &[4]);
    check(Filters { agent: some("planner"), ..all() }, &[5]);
    check(Filters { tenant: some("acme"), ..all() }, &[4]);
    check(Filters { conversation: some("c1"), ..all() }, &[5]);
    check(Filters { min_duration_ns: Some(88), ..all() }, &[3, 2]);
    check(Filters { max_duration_ns: Some(10), ..all() }, &[5, 4, 1]);
    check(Filters { min_duration_ns: Some(9), max_duration_ns: Some(9), ..all() }, &[]);
    check(Filters { from_ns: Some(12), to_ns: Some(13), ..all() }, &[4, 3]);
    check(Filters { from_ns: Some(13), to_ns: Some(12), ..all() }, &[]);
    check(Filters { text: some("PLANner"), ..all() }, &[5]);
    check(Filters { text: some("chat G"), ..all() }, &[3]);
    check(Filters { text: some("gpt"), operation: some("chat"), ..all() }, &[3]);
    check(Filters { text: some("gpt"), service: some("shop"), ..all() }, &[]);
    check(Filters { text: some("conversation"), ..all() }, &[]);
    check(Filters { text: some("nothing says this"), ..all() }, &[]);
    let attribute = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    check(Filters { attributes: attribute("tenant", "acme"), ..all() }, &[4]);
    check(Filters { attributes: attribute("tenant", ""), ..all() }, &[]);
    check(Filters { attributes: attribute("service.name", "bot"), ..all() }, &[3]);
    let both = [attribute("op", "tool"), attribute("tenant", "acme")].concat();
    check(Filters { attributes: both, ..all() }, &[4]);
    let never = [attribute("op", "tool"), attribute("tenant", "other")].concat();
    check(Filters { attributes: never, ..all() }, &[]);
}

#[test]
fn one_span_must_fulfil_all_conditions() {
    let here = TestSpan { id: 1, service: "a", name: "x".to_owned(), ..TestSpan::default() };
    let there = TestSpan { id: 2, service: "b", name: "y".to_owned(), ..TestSpan::default() };
    let store = Store::new(&[&[here], &[there]]);
    let filters =
        |service, name| Filters { service: some(service), name: some(name), ..Filters::default() };
    assert_eq!(store.search(filters("a", "x")), [1]);
    assert!(store.search(filters("a", "y")).is_empty());
}

#[test]
fn a_trace_is_gathered_from_everywhere_in_order_and_each_span_once() {
    let span = |id, start| TestSpan { trace: 7, id, start, ..TestSpan::default() };
    let other = TestSpan { trace: 8, ..TestSpan::default() };
    let store = Store::new(&[&[span(1, 50), other.clone()], &[span(2, 10)]]);
    store.append(&spans(&[other, span(3, 30)]), true);
    store.append(&log_record(7, "late", 9), false);
    store.append(&spans(&[span(1, 60)]), true);
    store.append(&log_record(7, "early", 5), false);
    store.append(&log_record(8, "foreign", 5), false);
    let trace = store.trace(7);
    let mut seen = Vec::new();
    trace.visit(|origin, span| {
        assert_eq!((origin.service(), origin.scope.name), ("shop", "scope"));
        seen.push((span.span_id.as_bytes()[7], span.start_ns));
    });
    assert_eq!(seen, [(2, 10), (3, 30), (1, 50)]);
    let mut texts = Vec::new();
    trace.visit_logs(|origin, record| {
        assert_eq!(origin.service(), "shop");
        texts.push(record.body.as_text().unwrap().to_owned());
    });
    assert_eq!(texts, ["early", "late"]);
    assert!(!trace.truncated && store.trace(9).is_empty());
}

#[test]
fn a_trace_beyond_the_bound_says_so_and_keeps_its_late_root() {
    let store = Store::new(&[]);
    // Ids of a test span are bytes, so the rest is made unlike by hand.
    for chunk in 0..=(crate::limits::TRACE_SPANS / 100) as u64 {
        let parts: Vec<Vec<u8>> = (0..100).map(|at| wide_span(1 + chunk * 100 + at, 7)).collect();
        store.append(&raw_spans(&parts), chunk % 40 == 0);
    }
    store.append(&raw_spans(&[wide_span(1 << 40, 0)]), false);
    let trace = store.index.trace(id(1)).unwrap();
    assert!(trace.truncated);
    assert_eq!(trace.span_count(), crate::limits::TRACE_SPANS + 1);
    let mut roots = 0;
    trace.visit(|_, span| roots += u32::from(span.parent_span_id.is_none()));
    assert_eq!(roots, 1);
    let page = store.index.search(&SearchQuery::default()).unwrap();
    assert!(page.traces[0].truncated);
    assert_eq!(page.traces[0].name, "root");
}

fn wide_span(number: u64, parent: u64) -> Vec<u8> {
    use crate::otlp::write::{bytes_field, fixed64_field};
    let mut out = Vec::new();
    bytes_field(&mut out, 1, &trace_id(1));
    bytes_field(&mut out, 2, &number.to_be_bytes());
    if parent > 0 {
        bytes_field(&mut out, 4, &parent.to_be_bytes());
    }
    bytes_field(&mut out, 5, if parent > 0 { b"leaf" } else { b"root" });
    fixed64_field(&mut out, 7, 1000 + number % 10);
    out
}

fn raw_spans(parts: &[Vec<u8>]) -> crate::storage::Batch {
    use crate::otlp::write::{bytes_field, message_field};
    let mut body = Vec::new();
    message_field(&mut body, 1, |out| {
        message_field(out, 2, |out| parts.iter().for_each(|part| bytes_field(out, 2, part)));
    });
    let signal = crate::model::Signal::Traces;
    crate::storage::Batch { signal, arrived_ns: 0, items: parts.len() as u32, body: body.into() }
}

#[test]
fn a_damaged_span_hides_none_of_its_neighbours() {
    let store = Store::new(&[]);
    let mut damaged = wide_span(2, 7);
    damaged.truncate(damaged.len() - 1);
    store.append(&raw_spans(&[wide_span(1, 7), damaged, wide_span(3, 0)]), false);
    let trace = store.trace(1);
    assert_eq!((trace.span_count(), trace.truncated), (2, false));
    let query = SearchQuery::default();
    let page = store.index.search(&query).unwrap();
    assert_eq!((page.traces[0].name.as_str(), page.traces[0].span_count), ("root", 2));
    let mut query = SearchQuery::default();
    query.filters.operation = some("other");
    assert_eq!(store.index.search(&query).unwrap().traces.len(), 1);
}

#[test]
fn a_summary_says_what_the_trace_was() {
    let root = TestSpan { id: 1, start: 100, end: 900, status: 2, ..TestSpan::default() };
    let root = TestSpan { name: "run".to_owned(), service: "front", ..root };
    let call = |id, parent, pairs: &[(&'static str, &str)]| TestSpan {
        id,
        parent,
        start: 0,
        end: 950,
        attributes: [attributes(&[("op", "chat"), ("tenant", "acme")]), attributes(pairs)].concat(),
        ..TestSpan::default()
    };
    let store = Store::new(&[&[
        call(2, 1, &[("model", "a"), ("in", "10"), ("out", "5")]),
        call(5, 1, &[("model", "b"), ("in", "1"), ("out", "1")]),
        root.clone(),
        root,
    ]]);
    let page = store.index.search(&SearchQuery::default()).unwrap();
    let trace = &page.traces[0];
    assert_eq!(
        (trace.name.as_str(), trace.service.as_str(), trace.operation),
        ("run", "front", "other")
    );
    assert_eq!((trace.start_ns, trace.end_ns, trace.duration_ns()), (100, 950, 850));
    assert_eq!((trace.status, trace.span_count, trace.error_count), (Status::Error, 3, 1));
    assert_eq!((trace.llm_calls, trace.input_tokens, trace.output_tokens), (2, 11, 6));
    assert_eq!(
        (trace.models.join(","), trace.services.join(",")),
        ("a,b".into(), "front,shop".into())
    );
    assert_eq!(trace.tenant.as_deref(), Some("acme"));
}

#[test]
fn parents_in_a_circle_end() {
    let call = |id, parent| TestSpan {
        id,
        parent,
        attributes: attributes(&[("op", "chat"), ("in", "3")]),
        ..TestSpan::default()
    };
    let store = Store::new(&[&[call(1, 2), call(2, 1), call(3, 3)]]);
    let page = store.index.search(&SearchQuery::default()).unwrap();
    assert_eq!(page.traces[0].span_count, 3);
    assert!((1..=3).contains(&page.traces[0].llm_calls));
}

#[test]
fn cursors_of_another_search_and_damaged_ones_are_errors() {
    let span = |trace| TestSpan { trace, start: u64::from(trace), ..TestSpan::default() };
    let store = Store::new(&[&[span(1)], &[span(2)], &[span(3)]]);
    let mut query = SearchQuery { limit: Some(1), ..SearchQuery::default() };
    let next = store.index.search(&query).unwrap().next;
    query.cursor = next.clone();
    assert_eq!(store.index.search(&query).unwrap().traces[0].trace_id, id(2));
    query.filters.name = some("other");
    let foreign = store.index.search(&query).unwrap_err();
    assert!(matches!(foreign, QueryError::Cursor(CursorError::Foreign)));
    query.filters = Filters { text: some("work"), ..Filters::default() };
    let foreign = store.index.search(&query).unwrap_err();
    assert!(matches!(foreign, QueryError::Cursor(CursorError::Foreign)));
    query.cursor = next.map(|text| text[1..].to_owned());
    let damaged = store.index.search(&query).unwrap_err();
    assert!(matches!(damaged, QueryError::Cursor(CursorError::Damaged)));
}

#[test]
fn removed_segments_are_skipped_without_an_error() {
    let span = |trace| TestSpan { trace, start: u64::from(trace), ..TestSpan::default() };
    let store = Store::new(&[&[span(1)]]);
    for trace in 2..6 {
        store.append(&spans(&[span(trace)]), true);
    }
    store.log.remove_up_to(3);
    assert_eq!(store.search(Filters::default()), [5, 4]);
    assert!(store.trace(1).is_empty());
    // The next new segment lets the index forget them.
    store.append(&spans(&[span(6)]), true);
    assert_eq!(store.index.directory(0).places().count(), 3);
}

#[test]
fn a_cancelled_search_stops_and_can_go_on() {
    let span = |trace| TestSpan { trace, start: u64::from(trace), ..TestSpan::default() };
    let store = Store::new(&[&[span(1)], &[span(2)], &[span(3)]]);
    let cancelled = std::sync::atomic::AtomicBool::new(true);
    let budget = Budget { cancelled: Some(&cancelled), ..Budget::default() };
    let mut query = SearchQuery::default();
    let page = store.index.search_within(&query, budget).unwrap();
    assert!(page.traces.is_empty() && page.incomplete);
    query.cursor = page.next;
    assert_eq!(store.index.search(&query).unwrap().traces.len(), 3);
}

#[test]
fn rows_are_the_spans_that_fulfil_the_conditions_and_a_call_counts_once() {
    let call = |id, parent, start, end| TestSpan {
        id,
        parent,
        start,
        end,
        attributes: attributes(&[("op", "chat"), ("model", "gpt"), ("input", "5")]),
        ..TestSpan::default()
    };
    let other = TestSpan { trace: 2, id: 9, start: 50, ..TestSpan::default() };
    // The wrapper's report of a call and the call itself, in two batches.
    let store = Store::new(&[&[call(2, 1, 20, 30), other], &[call(1, 0, 10, 40)]]);
    let rows = |query: &RowQuery| {
        let mut rows = Vec::new();
        let visit = &mut |row: &SpanRow<'_>| {
            rows.push((row.span_id.as_bytes()[7], row.counts, row.usage.input));
            std::ops::ControlFlow::Continue(())
        };
        let scanned = Store::rows(&store, query, visit);
        assert!(!scanned.incomplete);
        rows.sort_unstable();
        rows
    };
    assert_eq!(rows(&RowQuery::default()).len(), 3);
    let of_trace = RowQuery { trace: Some(id(2)), ..RowQuery::default() };
    assert_eq!(rows(&of_trace), [(9, false, None)]);
    let filters = Filters { model: some("gpt"), ..Filters::default() };
    let calls = rows(&RowQuery { filters, ..RowQuery::default() });
    assert_eq!(calls.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), [1, 2]);
    assert!(calls.iter().any(|(_, counts, _)| *counts), "{calls:?}");
    let filters = Filters { text: some("GPT"), ..Filters::default() };
    assert_eq!(rows(&RowQuery { filters, ..RowQuery::default() }), calls);
}
