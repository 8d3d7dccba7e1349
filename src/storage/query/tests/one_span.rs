//! One span by itself, in the log and in blocks.

use super::*;
use crate::model::SpanId;
use crate::storage::block::double::Shelves;
use crate::storage::index::double::{TestLog, logs, span_id};

#[test]
fn a_span_is_found_by_itself_wherever_it_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(MemoryLog::default());
    let shelves = Shelves::open(dir.path(), 1);
    let index = double::index(&log, dir.path(), ALONE).with_blocks(Arc::clone(&shelves.catalog));
    let store = Store { log, index, _dir: dir };
    for (number, new_segment) in [(1_u8, false), (2, true), (3, true)] {
        let span = |id| TestSpan { trace: 7, id, start: u64::from(id), ..TestSpan::default() };
        let record =
            |span| TestLog { trace: 7, span, time: u64::from(number), ..TestLog::default() };
        let other = TestSpan { trace: 8, id: number, ..TestSpan::default() };
        store.append(&spans(&[span(number), span(number + 10), other]), new_segment);
        // Records may come long before and behind their span.
        store.append(&logs(&[record(1), record(number + 10), record(0)]), false);
    }
    let through = shelves.seal_closed(&*store.log);
    store.log.remove_up_to(through);
    assert!(!shelves.catalog.shelved().blocks.is_empty());

    let whole = store.trace(7);
    assert_eq!((whole.span_count(), whole.truncated), (6, false));
    for number in [1, 2, 3, 11, 12, 13] {
        let span = SpanId::from_bytes(&span_id(number)).unwrap();
        let alone = super::super::Store::span(&store.index, id(7), span).unwrap();
        let expected = whole.only(span);
        assert_eq!(alone.span_count(), 1, "{number}");
        assert!(alone.spans.raw().eq(expected.spans.raw()), "{number}");
        assert_eq!(alone.logs.len(), expected.logs.len(), "{number}");
        assert!(alone.logs.raw().eq(expected.logs.raw()), "{number}");
    }
    let nobody = SpanId::from_bytes(&span_id(99)).unwrap();
    assert!(super::super::Store::span(&store.index, id(7), nobody).unwrap().is_empty());
}
