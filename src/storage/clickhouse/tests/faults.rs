//! What goes wrong with ClickHouse: nothing is lost, nothing is there twice, and answers say what
//! is missing.

use std::sync::atomic::Ordering;

use super::*;
use crate::model::SpanId;

fn span(trace: u8, number: u8) -> TestSpan {
    let start = u64::from(trace) * 100 + u64::from(number);
    TestSpan { trace, id: number, start, ..TestSpan::default() }
}

fn found(world: &World<'_>) -> (Vec<u8>, bool) {
    let page = Store::search(&*world.store, &SearchQuery::default(), Budget::default()).unwrap();
    let ids = page.traces.iter().map(|trace| {
        assert_eq!(trace.span_count, 2, "each span once");
        trace.trace_id.as_bytes()[15]
    });
    (ids.collect(), page.incomplete)
}

fn count(world: &World<'_>) -> u64 {
    let query = format!("SELECT count() FROM {}", world.table("otel_traces"));
    world.engine.query(&query).trim().parse().unwrap()
}

#[test]
#[ignore = "needs ClickHouse's engine; scripts/integration runs it"]
fn whatever_fails_nothing_is_lost_and_the_answer_says_so() {
    let engine = Engine::start();
    let world = World::new(&engine);
    world.append(&spans(&[span(1, 1), span(1, 2)]));
    world.settle();
    assert_eq!(found(&world), (vec![1], false));
    for (trace, kind) in [(2, "down"), (3, "readonly"), (4, "slow&seconds=30")] {
        let failed = world.counted.failed.load(Ordering::Relaxed);
        engine.fault(kind);
        world.append(&spans(&[span(trace, 1), span(trace, 2)]));
        let answers = kind == "readonly";
        let (ids, incomplete) = found(&world);
        assert_eq!((ids[0], incomplete), (trace, !answers), "{kind}");
        let kept = Store::trace(&*world.store, id(trace)).unwrap();
        assert_eq!((kept.span_count(), kept.truncated), (2, !answers), "{kind}");
        if !answers {
            let missing = Store::trace(&*world.store, id(99)).unwrap_err();
            assert!(matches!(missing, QueryError::ClickHouse(_)), "{kind}");
        }
        if !kind.starts_with("slow") {
            world.wait(|| world.counted.failed.load(Ordering::Relaxed) > failed);
            assert!(world.store.status(u64::MAX).failing_since_ns.is_some());
            assert!(world.store.status(u64::MAX).lag_bytes > 0);
        }
        engine.fault("none");
    }
    world.settle();
    assert_eq!(found(&world), (vec![4, 3, 2, 1], false));
    assert_eq!(world.store.status(0).failing_since_ns, None);
    assert_eq!((count(&world), world.store.status(0).lag_bytes), (8, 0));
}

#[test]
#[ignore = "needs ClickHouse's engine; scripts/integration runs it"]
fn what_was_inserted_twice_is_there_once() {
    let engine = Engine::start();
    let mut world = World::new(&engine);
    engine.fault("lost&count=2");
    world.append(&spans(&[span(1, 1), span(1, 2)]));
    world.append(&log_record(1, "said", 7));
    world.settle();
    // The table remembers the token.
    assert_eq!(count(&world), 2);
    world.forget_cursor();
    world.settle();
    // A table that does not: the rows are there again.
    for table in ["otel_traces", "otel_logs"] {
        let table = world.table(table);
        engine.query(&format!("INSERT INTO {table} SELECT * FROM {table}"));
    }
    assert!(count(&world) >= 4);
    assert_eq!(found(&world), (vec![1], false));
    let trace = Store::trace(&*world.store, id(1)).unwrap();
    assert_eq!((trace.spans.len(), trace.logs.len()), (2, 1));
    let one = SpanId::from_bytes(&[0xbb, 0, 0, 0, 0, 0, 0, 2]).unwrap();
    assert_eq!(Store::span(&*world.store, id(1), one).unwrap().spans.len(), 1);
    let page = Store::logs(&*world.store, &LogQuery::default(), Budget::default()).unwrap();
    assert_eq!((page.records.len(), page.incomplete), (1, false));
    let mut lent = 0;
    let visit = &mut |_: &SpanRow<'_>| {
        lent += 1;
        ControlFlow::Continue(())
    };
    world.store.rows(&RowQuery::default(), Budget::default(), visit).unwrap();
    assert_eq!(lent, 2);
}

#[test]
#[ignore = "needs ClickHouse's engine; scripts/integration runs it"]
fn a_changed_schema_is_told_and_a_repaired_one_is_used() {
    let engine = Engine::start();
    let mut world = World::new(&engine);
    world.append(&spans(&[span(1, 1), span(1, 2)]));
    world.settle();
    let table = world.table("otel_traces");
    // Without a column that is not needed, and with one that nobody knows.
    engine.query(&format!("ALTER TABLE {table} DROP COLUMN ScopeVersion"));
    engine.query(&format!("ALTER TABLE {table} ADD COLUMN More String"));
    world.append(&spans(&[span(2, 1), span(2, 2)]));
    world.settle();
    assert_eq!(found(&world), (vec![2, 1], false));
    // Without one that is.
    engine.query(&format!("ALTER TABLE {table} RENAME COLUMN StatusMessage TO Other"));
    world.append(&spans(&[span(3, 1), span(3, 2)]));
    world.wait(|| world.store.status(0).misfit.is_some());
    let misfit = world.store.status(0).misfit.unwrap();
    assert_eq!(misfit, "otel_traces: column StatusMessage is missing");
    assert_eq!(found(&world), (vec![3, 2, 1], true));
    engine.query(&format!("ALTER TABLE {table} RENAME COLUMN Other TO StatusMessage"));
    world.settle();
    world.restart();
    assert_eq!(found(&world), (vec![3, 2, 1], false));
}
