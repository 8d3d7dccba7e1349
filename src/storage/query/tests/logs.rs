//! Searching log records: every filter, ties, bounds and what is damaged.

use super::*;
use crate::model::{SpanId, Value, find};
use crate::storage::index::double::{TestLog, logs, span_id};

/// The log records of a page as they were sent.
pub(super) fn read(records: &Records) -> Vec<TestLog> {
    let mut found = Vec::new();
    records.visit_logs(|origin, record| {
        let (nested, body) = match &record.body {
            Value::Map(entries) => (true, find(entries, "content").unwrap()),
            body => (false, body),
        };
        found.push(TestLog {
            trace: record.trace_id.map_or(0, |id| id.as_bytes()[15]),
            span: record.span_id.map_or(0, |id| id.as_bytes()[7]),
            service: origin.service().to_owned(),
            time: record.time_ns,
            observed: record.observed_ns,
            severity: record.severity,
            event: record.event_name.to_owned(),
            body: body.as_text().unwrap().to_owned(),
            nested,
            value: find(&record.attributes, "key").unwrap().as_text().unwrap().to_owned(),
        });
    });
    found
}

fn page(store: &Store, query: &LogQuery) -> LogPage {
    super::super::Store::logs(&store.index, query, Budget::default()).unwrap()
}

fn at(time: u64, body: &str) -> TestLog {
    TestLog { time, body: body.to_owned(), ..TestLog::default() }
}

fn bodies(page: &LogPage) -> Vec<String> {
    read(&page.records).into_iter().map(|record| record.body).collect()
}

#[test]
fn every_filter_finds_its_record_and_no_other() {
    let store = Store::new(&[&[TestSpan::default()]]);
    let text = |text: &str| text.to_owned();
    let records = [
        TestLog { trace: 2, severity: 1, ..at(1, "a") },
        TestLog { span: 7, severity: 9, service: text("bot"), ..at(2, "b") },
        TestLog { event: text("gen_ai.choice"), severity: 13, nested: true, ..at(3, "c c") },
        TestLog { trace: 0, span: 0, severity: 17, value: text("Gold"), ..at(4, "d") },
        TestLog { time: 0, observed: 5, severity: 0, ..at(0, "e") },
    ];
    store.append(&logs(&records[..2]), false);
    store.append(&logs(&records[2..]), true);
    let check = |filters: LogFilters, expected: &[&str]| {
        let found = page(&store, &LogQuery { filters: filters.clone(), ..LogQuery::default() });
        assert_eq!(bodies(&found), expected, "{filters:?}");
        assert!(found.next.is_none() && !found.incomplete);
    };
    let all = LogFilters::default;
    let span = |number| SpanId::from_bytes(&span_id(number));
    let pair = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    check(all(), &["e", "d", "c c", "b", "a"]);
    check(LogFilters { trace: Some(id(2)), ..all() }, &["a"]);
    check(LogFilters { trace: Some(id(3)), ..all() }, &[]);
    check(LogFilters { span: span(7), ..all() }, &["b"]);
    check(LogFilters { trace: Some(id(2)), span: span(7), ..all() }, &[]);
    check(LogFilters { service: some("bot"), ..all() }, &["b"]);
    check(LogFilters { service: some("bo"), ..all() }, &[]);
    check(LogFilters { min_severity: Some(0), ..all() }, &["d", "c c", "b", "a"]);
    check(LogFilters { min_severity: Some(9), ..all() }, &["d", "c c", "b"]);
    check(LogFilters { min_severity: Some(17), ..all() }, &["d"]);
    check(LogFilters { min_severity: Some(18), ..all() }, &[]);
    check(LogFilters { event_name: some("gen_ai.choice"), ..all() }, &["c c"]);
    check(LogFilters { event_name: some("gen_ai"), ..all() }, &[]);
    check(LogFilters { attributes: pair("key", "Gold"), ..all() }, &["d"]);
    check(LogFilters { attributes: pair("service.name", "bot"), ..all() }, &["b"]);
    check(LogFilters { attributes: pair("key", "gold"), ..all() }, &[]);
    check(LogFilters { text: some("gOLD"), ..all() }, &["d"]);
    check(LogFilters { text: some("C C"), ..all() }, &["c c"]);
    check(LogFilters { text: some("choice"), ..all() }, &["c c"]);
    check(LogFilters { text: some("content"), ..all() }, &[]);
    check(LogFilters { from_ns: Some(2), to_ns: Some(4), ..all() }, &["d", "c c", "b"]);
    check(LogFilters { from_ns: Some(5), ..all() }, &["e"]);
    check(LogFilters { from_ns: Some(4), to_ns: Some(2), ..all() }, &[]);
    check(LogFilters { to_ns: Some(0), ..all() }, &[]);
}

#[test]
fn an_event_is_also_known_by_the_attribute_that_named_it_before() {
    let store = Store::new(&[]);
    let mut body = Vec::new();
    use crate::otlp::write::{bytes_field, message_field};
    message_field(&mut body, 1, |out| {
        message_field(out, 2, |out| {
            message_field(out, 2, |out| {
                message_field(out, 6, |out| {
                    bytes_field(out, 1, b"event.name");
                    message_field(out, 2, |out| bytes_field(out, 1, b"gen_ai.choice"));
                });
            });
        });
    });
    let signal = crate::model::Signal::Logs;
    let batch = crate::storage::Batch { signal, arrived_ns: 0, items: 1, body: body.into() };
    store.append(&batch, false);
    let filters = LogFilters { event_name: some("gen_ai.choice"), ..LogFilters::default() };
    let found = page(&store, &LogQuery { filters, ..LogQuery::default() });
    assert_eq!(found.records.len(), 1);
}

#[test]
fn records_of_one_moment_are_told_apart_by_all_they_are() {
    let store = Store::new(&[]);
    let one = at(5, "same");
    let elsewhere = TestLog { service: "bot".to_owned(), ..one.clone() };
    store.append(&logs(&[one.clone(), one.clone(), at(5, "other")]), false);
    store.append(&logs(&[one.clone(), elsewhere.clone()]), true);
    let mut query = LogQuery { limit: Some(1), ..LogQuery::default() };
    let mut seen = Vec::new();
    loop {
        let found = page(&store, &query);
        seen.extend(read(&found.records));
        query.cursor = found.next;
        if query.cursor.is_none() {
            break;
        }
    }
    seen.sort();
    let mut expected = vec![one, elsewhere, at(5, "other")];
    expected.sort();
    assert_eq!(seen, expected);
}

#[test]
fn a_page_of_new_records_reads_no_old_ones() {
    let store = Store::new(&[]);
    for time in 1..=1_000 {
        store.append(&logs(&[at(time, "text")]), time % 100 == 0);
    }
    let newest = page(&store, &LogQuery { limit: Some(3), ..LogQuery::default() });
    let all = page(&store, &LogQuery { limit: Some(1_000), ..LogQuery::default() });
    assert_eq!((newest.records.len(), all.records.len()), (3, 1_000));
    assert!(newest.scanned_bytes * 100 < all.scanned_bytes, "{}", newest.scanned_bytes);
    let filters = LogFilters { min_severity: Some(17), ..LogFilters::default() };
    let none = page(&store, &LogQuery { filters, ..LogQuery::default() });
    assert_eq!((none.records.len(), none.scanned_bytes), (0, 0), "groups know their severity");
    let filters = LogFilters { trace: Some(id(9)), ..LogFilters::default() };
    assert_eq!(page(&store, &LogQuery { filters, ..LogQuery::default() }).scanned_bytes, 0);
}

#[test]
fn limits_out_of_bounds_are_bounded() {
    let store = Store::new(&[]);
    let many: Vec<TestLog> = (1..=1_500).map(|time| at(time, "text")).collect();
    store.append(&logs(&many), false);
    let of = |limit| page(&store, &LogQuery { limit, ..LogQuery::default() }).records.len();
    assert_eq!(of(Some(usize::MAX)), crate::limits::LOG_PAGE_RECORDS);
    assert_eq!((of(Some(0)), of(None)), (1, crate::limits::LOG_PAGE_DEFAULT_RECORDS));
}

#[test]
fn a_cancelled_search_for_records_stops_and_can_go_on() {
    let store = Store::new(&[]);
    (1..=3).for_each(|time| store.append(&logs(&[at(time, "text")]), true));
    let cancelled = std::sync::atomic::AtomicBool::new(true);
    let budget = Budget { cancelled: Some(&cancelled), ..Budget::default() };
    let mut query = LogQuery::default();
    let found = super::super::Store::logs(&store.index, &query, budget).unwrap();
    assert!(found.records.is_empty() && found.incomplete);
    query.cursor = found.next;
    assert_eq!(page(&store, &query).records.len(), 3);
}

#[test]
fn damaged_records_and_foreign_cursors() {
    let store = Store::new(&[]);
    let mut cut = logs(&[at(7, "whole")]);
    let whole = cut.body.clone();
    for length in 0..whole.len() {
        cut.body = whole.slice(..length);
        store.append(&cut, false);
    }
    store.append(&logs(&[at(5, "kept")]), false);
    let found = page(&store, &LogQuery { limit: Some(1), ..LogQuery::default() });
    assert_eq!(bodies(&found), ["kept"]);
    store.append(&logs(&[at(6, "more"), at(4, "less")]), false);
    let mut query = LogQuery { limit: Some(1), ..LogQuery::default() };
    query.cursor = page(&store, &query).next;
    assert_eq!(bodies(&page(&store, &query)), ["kept"]);
    query.filters.min_severity = Some(1);
    let foreign = super::super::Store::logs(&store.index, &query, Budget::default());
    assert!(matches!(foreign, Err(QueryError::Cursor(CursorError::Foreign))));
}
