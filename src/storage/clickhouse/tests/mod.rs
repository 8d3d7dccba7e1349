//! The same questions to ClickHouse's own engine and to the log: the answers must be the same.
//!
//! These need the engine that `make prepare` brings; `scripts/integration` runs them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use bytes::Bytes;
use proptest::prelude::*;

use self::engine::Engine;
use self::world::World;
use crate::model::{Signal, Status, TraceId};
use crate::storage::Batch;
use crate::storage::index::double::{TestSpan, log_record, spans, trace_id};
use crate::storage::query::{
    Budget, Fields, Filters, LogFilters, LogQuery, QueryError, RowQuery, SearchQuery, SpanRow,
    Store, StoredTrace,
};

#[path = "../../../../tests/clickhouse/engine.rs"]
mod engine;
mod faults;
mod foreign;
mod world;

fn id(number: u8) -> TraceId {
    TraceId::from_bytes(&trace_id(number)).unwrap()
}

/// A budget without an end: how fast this machine is at the moment is no matter of these tests.
fn patient() -> Budget<'static> {
    Budget { deadline: None, ..Budget::default() }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// A trace as bytes.
fn raw(trace: &StoredTrace) -> [Vec<(Vec<u8>, Vec<u8>)>; 2] {
    [&trace.spans, &trace.logs].map(|records| {
        records.raw().map(|(origin, record)| (origin.to_vec(), record.to_vec())).collect()
    })
}

/// Rows by span, each once.
fn rows(store: &dyn Store, query: &RowQuery) -> BTreeMap<(TraceId, Vec<u8>), String> {
    let mut rows = BTreeMap::new();
    let visit = &mut |row: &SpanRow<'_>| {
        let key = (row.trace_id, row.span_id.as_bytes().to_vec());
        let known = rows.insert(key, format!("{row:?}"));
        assert!(known.is_none_or(|known| known == format!("{row:?}")));
        ControlFlow::Continue(())
    };
    let scanned = store.rows(query, patient(), visit).unwrap();
    assert!(!scanned.incomplete);
    rows
}

fn times() -> impl Strategy<Value = u64> {
    let late = 1_800_000_000_000_000_000_u64;
    prop_oneof![8 => 1_u64..40, 1 => Just(0), 2 => late..late + 5]
}

/// Spans whose ids within their trace are given by their place, so that the same id is always
/// the same span.
fn test_spans() -> impl Strategy<Value = Vec<TestSpan>> {
    let words = (prop::sample::select(vec!["a", "b", "c"]), 0_u8..3, 0_u8..3);
    let what = (0_u64..3, prop::sample::select(vec!["chat", "tool", "agent", ""]), 0_u8..3);
    let more = prop::sample::select(vec!["", "acme", "it's \\ {x:String}", "Grüße \"q\"\n"]);
    let span = (1_u8..8, words, times(), times(), what, more);
    let span = span.prop_map(|(trace, words, start, end, what, more)| TestSpan {
        trace,
        id: 0,
        parent: words.2,
        service: words.0,
        name: format!("name{}", words.1),
        start,
        end,
        status: what.0,
        attributes: vec![
            ("op", what.1.to_owned()),
            ("model", format!("m{}", what.2)),
            ("tenant", more.to_owned()),
            ("agent", format!("agent{}", words.2)),
            ("tool", more.to_owned()),
        ],
    });
    prop::collection::vec(span, 1..40).prop_map(|mut spans| {
        for (place, span) in (1..).zip(&mut spans) {
            span.id = place;
        }
        spans
    })
}

fn filters() -> impl Strategy<Value = Filters> {
    let maybe = |text: &'static [&'static str]| {
        let chosen = prop::sample::select(text).prop_map(str::to_owned);
        prop::option::weighted(0.2, chosen)
    };
    let status = prop::sample::select(vec![Status::Error, Status::Ok, Status::Unset]);
    let values = &["acme", "it's \\ {x:String}", "Grüße \"q\"\n", ""];
    let words = (maybe(&["a", "b"]), maybe(&["name0"]), maybe(&["chat", "other", "llm"]));
    let known = (maybe(&["m0", "m1"]), maybe(values), maybe(&["agent1"]), maybe(values));
    let more = (maybe(values), prop::option::weighted(0.2, status), maybe(&["GRÜSSE", "ACME"]));
    let numbers = (
        prop::option::weighted(0.1, 0_u64..30),
        prop::option::weighted(0.1, 0_u64..30),
        prop::option::weighted(0.1, times()),
        prop::option::weighted(0.1, times()),
    );
    (words, known, more, numbers).prop_map(|(words, known, more, numbers)| Filters {
        service: words.0,
        name: words.1,
        operation: words.2,
        model: known.0,
        tool: known.1,
        agent: known.2,
        tenant: known.3,
        attributes: more.0.map(|value| ("tenant".to_owned(), value)).into_iter().collect(),
        status: more.1,
        text: more.2,
        min_duration_ns: numbers.0,
        max_duration_ns: numbers.1,
        from_ns: numbers.2,
        to_ns: numbers.3,
        ..Filters::default()
    })
}

/// Pages to the end from both, the same ones.
fn compare_search(world: &World<'_>, filters: &Filters, limit: usize, late: &mut Vec<Batch>) {
    let query = |cursor| SearchQuery { filters: filters.clone(), limit: Some(limit), cursor };
    let (mut ours, mut theirs) = (None, None);
    for page in 0..100 {
        let one = world.index.search(&query(ours)).unwrap();
        let other = Store::search(&*world.store, &query(theirs), patient()).unwrap();
        assert_eq!(one.traces, other.traces, "page {page} of {filters:?}");
        assert_eq!((other.incomplete, other.next.is_some()), (false, one.next.is_some()));
        (ours, theirs) = (one.next, other.next);
        if ours.is_none() {
            return;
        }
        late.pop().iter().for_each(|batch| world.append(batch));
    }
    panic!("paging ends");
}

#[test]
#[ignore = "needs ClickHouse's engine; scripts/integration runs it"]
fn random_questions_have_the_same_answers() {
    let engine = Engine::start();
    let cases = std::env::var("PHAROS_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = ProptestConfig {
        cases: cases.unwrap_or(12),
        failure_persistence: None,
        max_shrink_iters: 30,
        ..ProptestConfig::default()
    };
    let questions = prop::collection::vec((filters(), 1_usize..5), 1..8);
    let logs = prop::collection::vec((1_u8..8, times(), "[a-cA-C'\\\\ ]{0,6}"), 0..12);
    let strategy = (test_spans(), test_spans(), logs, questions);
    proptest::test_runner::TestRunner::new(config)
        .run(&strategy, |(taken, waiting, logs, questions)| {
            let world = World::new(&engine);
            engine.fault("none");
            for (place, batch) in taken.chunks(3).enumerate() {
                world.append(&spans(batch));
                if place % 4 == 3 {
                    // Sent twice.
                    world.append(&spans(batch));
                }
            }
            let (kept, new) = logs.split_at(logs.len() / 2);
            for (trace, time, text) in kept {
                world.append(&log_record(*trace, text, *time));
            }
            world.settle();
            // The rest stays in the log.
            engine.fault("readonly");
            let mut waiting = waiting;
            for span in &mut waiting {
                span.id += 100;
            }
            let (tail, late) = waiting.split_at(waiting.len() / 2);
            tail.chunks(3).for_each(|batch| world.append(&spans(batch)));
            for (trace, time, text) in new {
                world.append(&log_record(*trace, text, *time));
            }
            let mut late: Vec<Batch> = late.chunks(2).map(spans).collect();
            for (filters, limit) in &questions {
                compare_search(&world, filters, *limit, &mut late);
                let query = RowQuery { filters: filters.clone(), trace: None, fields: Fields::ALL };
                assert_eq!(rows(&*world.index, &query), rows(&*world.store, &query));
                compare_logs(&world, filters, *limit);
            }
            for trace in 1..8 {
                let one = world.index.trace(id(trace)).unwrap();
                let other = Store::trace(&*world.store, id(trace)).unwrap();
                assert!(!other.truncated);
                let [mut one, mut other] = [raw(&one), raw(&other)];
                // Those of the same time stand in the order in which they came in.
                one.iter_mut().chain(&mut other).for_each(|records| records.sort());
                assert_eq!(one, other);
            }
            Ok(())
        })
        .unwrap();
}

/// Log records that fit the filters of a search, as far as they can be asked for.
fn compare_logs(world: &World<'_>, filters: &Filters, limit: usize) {
    let filters = LogFilters {
        service: filters.service.as_ref().map(|_| "shop".to_owned()),
        trace: filters.name.as_ref().map(|_| id(3)),
        text: filters.tenant.as_ref().map(|_| "a'".to_owned()),
        min_severity: filters.status.map(|_| 1),
        from_ns: filters.from_ns,
        to_ns: filters.to_ns,
        ..LogFilters::default()
    };
    let (mut ours, mut theirs) = (None, None);
    for _ in 0..100 {
        let query = |cursor| LogQuery { filters: filters.clone(), limit: Some(limit), cursor };
        let one = Store::logs(&*world.index, &query(ours), patient()).unwrap();
        let other = Store::logs(&*world.store, &query(theirs), patient()).unwrap();
        let read = |page: &crate::storage::query::LogPage| -> Vec<Vec<u8>> {
            page.records.raw().map(|(_, record)| record.to_vec()).collect()
        };
        assert_eq!(read(&one), read(&other), "{filters:?}");
        assert_eq!((other.incomplete, other.next.is_some()), (false, one.next.is_some()));
        (ours, theirs) = (one.next, other.next);
        if ours.is_none() {
            return;
        }
    }
    panic!("paging ends");
}

/// The bodies that real instrumentations have sent.
fn recorded() -> Vec<Batch> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp");
    let mut batches = Vec::new();
    for library in std::fs::read_dir(root).unwrap().flatten() {
        let Ok(files) = std::fs::read_dir(library.path()) else { continue };
        for file in files.flatten() {
            let name = file.path().display().to_string();
            let signal = match name {
                _ if name.ends_with(".traces.pb") => Signal::Traces,
                _ if name.ends_with(".logs.pb") => Signal::Logs,
                _ => continue,
            };
            let body = Bytes::from(std::fs::read(file.path()).unwrap());
            batches.push(Batch { signal, arrived_ns: 0, items: 1, body });
        }
    }
    assert!(batches.len() > 10);
    batches
}

#[test]
#[ignore = "needs ClickHouse's engine; scripts/integration runs it"]
fn recorded_bodies_come_back_byte_for_byte() {
    let engine = Engine::start();
    let world = World::new(&engine);
    recorded().iter().for_each(|batch| world.append(batch));
    world.settle();
    let all = SearchQuery { limit: Some(1_000), ..SearchQuery::default() };
    let page = Store::search(&*world.store, &all, patient()).unwrap();
    assert_eq!(page.traces, world.index.search(&all).unwrap().traces);
    assert!(page.traces.len() > 10);
    let mut bytes = [0, 0];
    for summary in &page.traces {
        let one = world.index.trace(summary.trace_id).unwrap();
        let other = Store::trace(&*world.store, summary.trace_id).unwrap();
        let [mut one, mut other] = [raw(&one), raw(&other)];
        one.iter_mut().chain(&mut other).for_each(|records| records.sort());
        assert!(one == other, "{:?} differs", summary.trace_id);
        bytes[0] += one[0].iter().map(|(_, record)| record.len()).sum::<usize>();
    }
    let kept = "SELECT sum(length(SpanAttributes['pharos.record'])) FROM";
    let kept = engine.query(&format!("{kept} {}", world.table("otel_traces")));
    bytes[1] = kept.trim().parse().unwrap();
    // No text is stored twice.
    assert!(bytes[1] * 2 < bytes[0], "{bytes:?}");
    let page = Store::logs(&*world.store, &LogQuery::default(), patient()).unwrap();
    assert!(!page.records.is_empty());
}

#[test]
#[ignore = "needs ClickHouse's engine; scripts/integration runs it"]
fn evil_words_find_nothing_and_break_nothing() {
    let engine = Engine::start();
    let world = World::new(&engine);
    let evil = ["'", "\\", "\\' OR 1=1 -- ", "{x:String}", "\0", "a\0b", "`;DROP TABLE x", "%_"];
    for (place, word) in (1..).zip(evil) {
        let attributes = vec![("model", word.to_owned()), ("op", "chat".to_owned())];
        let span = TestSpan { trace: place, id: place, attributes, ..TestSpan::default() };
        world.append(&spans(&[span]));
    }
    world.settle();
    for (place, word) in (1..).zip(evil) {
        let attributes = vec![("model".to_owned(), word.to_owned())];
        for filters in [
            Filters { model: some(word), ..Filters::default() },
            Filters { attributes, ..Filters::default() },
        ] {
            let query = SearchQuery { filters, limit: Some(usize::MAX), cursor: None };
            let page = Store::search(&*world.store, &query, patient()).unwrap();
            let found: Vec<TraceId> = page.traces.iter().map(|trace| trace.trace_id).collect();
            assert_eq!(found, [id(place)], "{word:?}");
        }
        let none = |filters: Filters| {
            let query = SearchQuery { filters, ..SearchQuery::default() };
            let page = Store::search(&*world.store, &query, patient()).unwrap();
            assert!(page.traces.is_empty() && !page.incomplete, "{word:?}");
        };
        let attributes = vec![(word.to_owned(), "x".to_owned())];
        none(Filters { attributes, ..Filters::default() });
        none(Filters { service: some(word), ..Filters::default() });
        none(Filters { tenant: some(word), operation: some(word), ..Filters::default() });
        none(Filters { from_ns: Some(u64::MAX), to_ns: Some(0), ..Filters::default() });
    }
    let bad = SearchQuery { cursor: some("x"), ..SearchQuery::default() };
    let error = Store::search(&*world.store, &bad, patient()).unwrap_err();
    assert!(matches!(error, QueryError::Cursor(_)));
}
