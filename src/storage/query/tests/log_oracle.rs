//! Random log records and searches against a naive reading of everything.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;

use super::logs::read;
use super::*;
use crate::model::SpanId;
use crate::storage::block::double::Shelves;
use crate::storage::index::double::{TestLog, logs, span_id};
use crate::storage::query::log_cursor::LogCursor;

/// What happens to a store.
#[derive(Debug, Clone)]
enum Step {
    Append {
        batch: Vec<TestLog>,
        new_segment: bool,
    },
    /// Closed segments become blocks, which may be merged, and leave the log.
    Seal {
        merge: bool,
    },
    /// Batches of spans stand between.
    Spans,
    /// The index is opened again without the file of this segment.
    Reopen {
        segment: u64,
    },
}

fn times() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 1_u64..20, 1 => Just(0), 1 => Just(u64::MAX), 1 => Just(u64::MAX - 1)]
}

fn words() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "Lamp", "broke \"twice\"", "größe"]).prop_map(str::to_owned)
}

fn test_log() -> impl Strategy<Value = TestLog> {
    let ids = (0_u8..4, 0_u8..3, prop::sample::select(vec!["a", "b"]));
    let numbers = (times(), times(), 0_u32..26);
    let events = prop::sample::select(vec!["", "gen_ai.choice"]);
    (ids, numbers, events, words(), any::<bool>(), words()).prop_map(
        |(ids, numbers, event, body, nested, value)| TestLog {
            trace: ids.0,
            span: ids.1,
            service: ids.2.to_owned(),
            time: numbers.0,
            observed: numbers.1,
            severity: numbers.2,
            event: event.to_owned(),
            body,
            nested,
            value,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let append = (prop::collection::vec(test_log(), 0..6), prop::bool::weighted(0.2));
    let append = append.prop_map(|(batch, new_segment)| Step::Append { batch, new_segment });
    let reopen = (1_u64..6).prop_map(|segment| Step::Reopen { segment });
    let seal = any::<bool>().prop_map(|merge| Step::Seal { merge });
    prop_oneof![8 => append, 1 => Just(Step::Spans), 1 => reopen, 2 => seal]
}

fn filters() -> impl Strategy<Value = LogFilters> {
    let maybe = |text: &'static [&'static str]| {
        let chosen = prop::sample::select(text).prop_map(str::to_owned);
        prop::option::weighted(0.2, chosen)
    };
    let ids = (prop::option::weighted(0.2, 1_u8..4), prop::option::weighted(0.2, 1_u8..3));
    let names = (maybe(&["a", "b", "c"]), maybe(&["gen_ai.choice", "other"]));
    let texts = (maybe(&["LAMP", "\"TWICE\"", "Größe", "choice", "key"]), maybe(&["Lamp", ""]));
    let numbers = (
        prop::option::weighted(0.2, 0_u32..27),
        prop::option::weighted(0.2, times()),
        prop::option::weighted(0.2, times()),
    );
    (ids, names, texts, numbers).prop_map(|(ids, names, texts, numbers)| LogFilters {
        trace: ids.0.map(id),
        span: ids.1.and_then(|number| SpanId::from_bytes(&span_id(number))),
        service: names.0,
        min_severity: numbers.0,
        event_name: names.1,
        attributes: texts.1.map(|value| ("key".to_owned(), value)).into_iter().collect(),
        text: texts.0,
        from_ns: numbers.1,
        to_ns: numbers.2,
    })
}

fn time_of(record: &TestLog) -> u64 {
    if record.time > 0 { record.time } else { record.observed }
}

fn matches(filters: &LogFilters, record: &TestLog) -> bool {
    let says = |text: &String| {
        let texts = [&record.body, &record.event, &record.value];
        let text = text.to_ascii_lowercase();
        texts.into_iter().any(|said| said.to_ascii_lowercase().contains(&text))
    };
    let time = time_of(record);
    filters.trace.is_none_or(|trace| trace.as_bytes()[15] == record.trace)
        && filters.span.is_none_or(|span| span.as_bytes()[7] == record.span)
        && filters.service.as_ref().is_none_or(|service| *service == record.service)
        && filters.min_severity.is_none_or(|least| record.severity > 0 && record.severity >= least)
        && filters.event_name.as_ref().is_none_or(|name| *name == record.event)
        && filters.attributes.iter().all(|(_, value)| *value == record.value)
        && filters.text.as_ref().is_none_or(says)
        && filters.from_ns.is_none_or(|from| time >= from)
        && filters.to_ns.is_none_or(|to| time <= to)
}

/// The store and what a reader of pages is yet to see.
struct World {
    store: Store,
    shelves: Shelves,
    filters: LogFilters,
    group_bytes: u64,
    /// Records that must come, each once.
    left: BTreeSet<TestLog>,
    /// Records that arrived later at the very moment where the next page begins: they may come.
    late: BTreeSet<TestLog>,
    seen: BTreeSet<TestLog>,
    /// The moment of the last record answered.
    last: Option<u64>,
    /// The moment where the next page begins.
    below: Option<u64>,
}

impl World {
    fn new(group_bytes: u64, filters: LogFilters) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = Arc::new(MemoryLog::default());
        let index = double::index(&log, dir.path(), group_bytes);
        let shelves = Shelves::open(dir.path(), 1);
        let index = index.with_blocks(Arc::clone(&shelves.catalog));
        let store = Store { log, index, _dir: dir };
        let (left, late, seen) = Default::default();
        Self { store, shelves, filters, group_bytes, left, late, seen, last: None, below: None }
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Append { batch, new_segment } => {
                self.store.append(&logs(batch), *new_segment);
                for record in batch.iter().filter(|record| matches(&self.filters, record)) {
                    let time = time_of(record);
                    if self.seen.contains(record) || self.below.is_some_and(|below| time > below) {
                        continue;
                    }
                    let late = self.below == Some(time) && !self.left.contains(record);
                    let waiting = if late { &mut self.late } else { &mut self.left };
                    waiting.insert(record.clone());
                }
            }
            Step::Seal { merge } => {
                let through = self.shelves.seal_closed(&*self.store.log);
                if *merge {
                    self.shelves.merge_all();
                }
                self.store.log.remove_up_to(through);
            }
            Step::Spans => self.store.append(&spans(&[TestSpan::default()]), false),
            Step::Reopen { segment } => {
                let dir = self.store._dir.path();
                let path = crate::storage::layout::Layout::new(dir).index_file(*segment);
                let _ = std::fs::remove_file(path);
                let index = double::index(&self.store.log, dir, self.group_bytes);
                self.store.index = index.with_blocks(Arc::clone(&self.shelves.catalog));
                self.store.index.rebuild_missing(&AtomicBool::new(false));
            }
        }
    }

    /// Takes a page and checks that it holds the next of what is left.
    fn take_page(&mut self, query: &LogQuery, bytes: Option<u64>) -> (Option<String>, bool) {
        let budget = Budget { bytes: bytes.unwrap_or(u64::MAX), ..Budget::default() };
        let page = super::super::Store::logs(&self.store.index, query, budget).unwrap();
        let found = read(&page.records);
        for record in &found {
            assert!(self.last.is_none_or(|last| time_of(record) <= last), "newest first");
            assert!(self.seen.insert(record.clone()), "each once: {record:?}");
            let known = self.left.remove(record) | self.late.remove(record);
            assert!(known, "it does not match, or came too late: {record:?}");
            self.last = Some(time_of(record));
        }
        let newest_left = self.left.iter().map(time_of).max();
        if let (Some(last), Some(left)) = (self.last.filter(|_| !found.is_empty()), newest_left) {
            assert!(left <= last, "nothing newer is left behind");
        }
        if bytes.is_none() {
            assert!(!page.incomplete);
            assert!(page.next.is_none() || found.len() == query.limit.unwrap());
        }
        let cursor = page.next.as_ref().map(|next| LogCursor::decode(next, &self.filters).unwrap());
        self.below = cursor.map(|cursor| cursor.after.time_ns);
        (page.next, page.incomplete)
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn paging_to_the_end_gives_every_matching_record_once_and_in_order(
        before in prop::collection::vec(step(), 0..40),
        between in prop::collection::vec(step(), 0..20),
        filters in filters(),
        limit in 1_usize..7,
        group_bytes in prop::sample::select(vec![1_u64, 300, 1_000, 1 << 20]),
        bytes in prop::option::weighted(0.3, 1_u64..2_000),
    ) {
        let mut world = World::new(group_bytes, filters.clone());
        before.iter().for_each(|step| world.run(step));
        let mut query = LogQuery { filters, limit: Some(limit), cursor: None };
        let mut between = between.iter();
        for page in 0.. {
            prop_assert!(page < 500, "paging ends");
            let (next, incomplete) = world.take_page(&query, bytes);
            let Some(next) = next else {
                // Only a bound may keep something back, and then the page says so.
                let bounded = incomplete && bytes.is_some();
                prop_assert!(world.left.is_empty() || bounded, "left: {:?}", world.left);
                break;
            };
            query.cursor = Some(next);
            between.next().into_iter().for_each(|step| world.run(step));
        }
    }

    /// A bit that was flipped in a stored batch spoils no question.
    #[test]
    fn damaged_batches_are_searched_without_a_panic(
        batch in prop::collection::vec(test_log(), 1..6),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u32..8), 1..9),
        filters in filters(),
    ) {
        let store = Store::new(&[]);
        let mut damaged = logs(&batch);
        let mut bytes = damaged.body.to_vec();
        flips.iter().for_each(|(at, bit)| {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        });
        damaged.body = bytes.into();
        store.append(&damaged, false);
        store.append(&logs(&batch), false);
        let sought = batch.iter().filter(|record| matches(&filters, record));
        let sought: BTreeSet<_> = sought.collect();
        let query = LogQuery { filters, ..LogQuery::default() };
        let page = super::super::Store::logs(&store.index, &query, Budget::default()).unwrap();
        prop_assert!(page.records.len() >= sought.len());
    }

    /// Whatever is asked for, the answer is right and nothing panics.
    #[test]
    fn hostile_texts_find_what_holds_them(
        text in prop_oneof!["(?s).{1,60}", "[\u{0}-\u{1f}\"\\\\]{1,300}", "é{2048}", "\u{0}{4096}"],
        before in "(?s).{0,9}",
    ) {
        let store = Store::new(&[]);
        let record = TestLog { body: format!("{before}{text}"), ..TestLog::default() };
        store.append(&logs(&[record, TestLog::default()]), false);
        let filters = LogFilters { text: Some(text.clone()), ..LogFilters::default() };
        let query = LogQuery { filters, ..LogQuery::default() };
        let page = super::super::Store::logs(&store.index, &query, Budget::default()).unwrap();
        prop_assert!(page.records.len() == 1 || "text".contains(&text.to_ascii_lowercase()));
        let filters = Filters { text: Some(text), ..Filters::default() };
        prop_assert!(store.search(filters).is_empty());
    }
}
