//! Random logs, searches and interruptions against a naive reading of everything.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;

use super::*;
use crate::storage::block::double::Shelves;

/// What happens to a store.
#[derive(Debug, Clone)]
enum Step {
    Append {
        batch: Vec<TestSpan>,
        new_segment: bool,
    },
    /// Closed segments become blocks, which may be merged, and leave the log.
    Seal {
        merge: bool,
    },
    /// The index is opened again, with the file of this segment damaged or removed.
    Reopen {
        segment: u64,
        remove: bool,
    },
}

fn times() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 1_u64..40, 1 => Just(0), 1 => Just(u64::MAX), 1 => Just(u64::MAX - 1)]
}

fn test_span() -> impl Strategy<Value = TestSpan> {
    let ids = (1_u8..12, 1_u8..9, 0_u8..3);
    let words = (prop::sample::select(vec!["a", "b", "c"]), 0_u8..3);
    let what = (0_u64..3, prop::sample::select(vec!["chat", "tool", "agent", ""]), 0_u8..3);
    (ids, words, times(), times(), what).prop_map(|(ids, words, start, end, what)| TestSpan {
        trace: ids.0,
        id: ids.1,
        parent: ids.2,
        service: words.0,
        name: format!("name{}", words.1),
        start,
        end,
        status: what.0,
        attributes: vec![("op", what.1.to_owned()), ("model", format!("m{}", what.2))],
    })
}

fn step() -> impl Strategy<Value = Step> {
    let append = (prop::collection::vec(test_span(), 0..5), prop::bool::weighted(0.2));
    let append = append.prop_map(|(batch, new_segment)| Step::Append { batch, new_segment });
    let reopen = (1_u64..6, any::<bool>());
    let reopen = reopen.prop_map(|(segment, remove)| Step::Reopen { segment, remove });
    let seal = any::<bool>().prop_map(|merge| Step::Seal { merge });
    prop_oneof![9 => append, 1 => reopen, 2 => seal]
}

fn filters() -> impl Strategy<Value = Filters> {
    let maybe = |text: &'static [&'static str]| {
        let chosen = prop::sample::select(text).prop_map(str::to_owned);
        prop::option::weighted(0.3, chosen)
    };
    let status = prop::sample::select(vec![Status::Error, Status::Ok, Status::Unset]);
    let words = (maybe(&["a", "b"]), maybe(&["name0", "name1"]), maybe(&["chat", "other"]));
    let text = maybe(&["NAME1", "m1", "Chat", "op", "nowhere"]);
    let more = (maybe(&["m0", "m1"]), prop::option::weighted(0.3, status), text);
    let numbers = (
        prop::option::weighted(0.2, 0_u64..30),
        prop::option::weighted(0.2, 0_u64..30),
        prop::option::weighted(0.2, times()),
        prop::option::weighted(0.2, times()),
    );
    (words, more, numbers).prop_map(|(words, more, numbers)| Filters {
        service: words.0,
        name: words.1,
        operation: words.2,
        attributes: more.0.map(|model| ("model".to_owned(), model)).into_iter().collect(),
        status: more.1,
        text: more.2,
        min_duration_ns: numbers.0,
        max_duration_ns: numbers.1,
        from_ns: numbers.2,
        to_ns: numbers.3,
        ..Filters::default()
    })
}

fn matches(filters: &Filters, span: &TestSpan) -> bool {
    let duration = span.end.saturating_sub(span.start);
    let operation = if span.attributes[0].1 == "chat" { "chat" } else { "other" };
    let known = !matches!(span.attributes[0].1.as_str(), "tool" | "agent");
    let status = match filters.status {
        None => true,
        Some(Status::Error) => span.status == 2,
        Some(Status::Ok) => span.status != 2,
        Some(Status::Unset) => span.status == 0,
    };
    status
        && filters.service.as_ref().is_none_or(|service| service == span.service)
        && filters.name.as_ref().is_none_or(|name| *name == span.name)
        && filters.operation.as_ref().is_none_or(|wanted| known && wanted == operation)
        && filters.attributes.iter().all(|(_, model)| *model == span.attributes[1].1)
        && filters.text.as_ref().is_none_or(|text| says(span, &text.to_lowercase()))
        && filters.min_duration_ns.is_none_or(|least| duration >= least)
        && filters.max_duration_ns.is_none_or(|most| duration <= most)
        && filters.from_ns.is_none_or(|from| span.start >= from)
        && filters.to_ns.is_none_or(|to| span.start <= to)
}

/// Whether a text in lower case stands in what a span says; keys are not searched.
fn says(span: &TestSpan, text: &str) -> bool {
    let mut values = span.attributes.iter().map(|(_, value)| value);
    span.name.contains(text) || values.any(|value| value.contains(text))
}

/// The store and all that was ever put into it.
struct World {
    store: Store,
    shelves: Shelves,
    all: Vec<TestSpan>,
    group_bytes: u64,
}

impl World {
    fn new(group_bytes: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = Arc::new(MemoryLog::default());
        let index = double::index(&log, dir.path(), group_bytes);
        let shelves = Shelves::open(dir.path(), 1);
        let index = index.with_blocks(Arc::clone(&shelves.catalog));
        Self { store: Store { log, index, _dir: dir }, shelves, all: Vec::new(), group_bytes }
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Append { batch, new_segment } => {
                self.store.append(&spans(batch), *new_segment);
                self.all.extend(batch.iter().cloned());
            }
            Step::Seal { merge } => {
                let through = self.shelves.seal_closed(&*self.store.log);
                if *merge {
                    self.shelves.merge_all();
                }
                self.store.log.remove_up_to(through);
            }
            Step::Reopen { segment, remove } => {
                let dir = self.store._dir.path();
                let path = crate::storage::layout::Layout::new(dir).index_file(*segment);
                if *remove {
                    let _ = std::fs::remove_file(path);
                } else if let Ok(mut bytes) = std::fs::read(&path) {
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 4;
                    std::fs::write(&path, bytes).unwrap();
                }
                self.shelves = Shelves::open(dir, 1 + self.shelves.catalog.shelved().through);
                let index = double::index(&self.store.log, dir, self.group_bytes);
                self.store.index = index.with_blocks(Arc::clone(&self.shelves.catalog));
                self.store.index.rebuild_missing(&AtomicBool::new(false));
            }
        }
    }

    /// The traces with a matching span, newest matching span first.
    fn expected(&self, filters: &Filters) -> Vec<u8> {
        let mut newest = BTreeMap::new();
        for span in self.all.iter().filter(|span| matches(filters, span)) {
            let start = newest.entry(span.trace).or_insert(span.start);
            *start = (*start).max(span.start);
        }
        let mut traces: Vec<(u8, u64)> = newest.into_iter().collect();
        traces.sort_by_key(|(trace, start)| (Reverse(*start), *trace));
        traces.into_iter().map(|(trace, _)| trace).collect()
    }

    /// The spans of a trace, the first of each id.
    fn spans_of(&self, trace: u8) -> Vec<&TestSpan> {
        let mut seen = BTreeSet::new();
        let spans = self.all.iter().filter(|span| span.trace == trace);
        spans.filter(|span| seen.insert(span.id)).collect()
    }

    fn check_summary(&self, summary: &TraceSummary) {
        let spans = self.spans_of(summary.trace_id.as_bytes()[15]);
        let root = spans.iter().min_by_key(|span| (span.parent > 0, span.start)).unwrap();
        assert_eq!((&summary.name, summary.service.as_str()), (&root.name, root.service));
        assert_eq!(summary.span_count, spans.len() as u64);
        let errors = spans.iter().filter(|span| span.status == 2).count();
        assert_eq!(summary.error_count, errors as u64);
        let starts = spans.iter().map(|span| span.start).filter(|start| *start > 0);
        assert_eq!(summary.start_ns, starts.min().unwrap_or(0));
        let ends = spans.iter().map(|span| span.end.max(span.start));
        assert_eq!(summary.end_ns, ends.max().unwrap());
    }

    fn is_ok(&self, trace: u8) -> bool {
        self.spans_of(trace).iter().all(|span| span.status != 2)
    }

    /// Takes a page and checks that it holds the next of `left`; says where the next begins.
    fn take_page(
        &self,
        query: &SearchQuery,
        bytes: Option<u64>,
        most: usize,
        left: &mut Vec<u8>,
    ) -> (Option<String>, bool) {
        let budget = Budget { bytes: bytes.unwrap_or(u64::MAX), ..Budget::default() };
        let page = self.store.index.search_keeping(query, budget, most).unwrap();
        page.traces.iter().for_each(|trace| self.check_summary(trace));
        let starts = page.traces.iter().map(|trace| Reverse(trace.start_ns));
        assert!(starts.is_sorted(), "within a page: by the start of the trace");
        let found: BTreeSet<u8> =
            page.traces.iter().map(|trace| trace.trace_id.as_bytes()[15]).collect();
        assert_eq!(found.len(), page.traces.len(), "each trace once");
        if query.filters.status == Some(Status::Ok) {
            left.retain(|trace| self.is_ok(*trace));
        }
        let expected: BTreeSet<u8> = left.drain(..found.len().min(left.len())).collect();
        assert_eq!(found, expected, "the newest of what is left");
        if bytes.is_none() && most > 100 {
            assert!(!page.incomplete);
            assert!(page.next.is_none() || found.len() == query.limit.unwrap());
        }
        (page.next, page.incomplete)
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn paging_to_the_end_gives_every_matching_trace_once_and_in_order(
        before in prop::collection::vec(step(), 0..40),
        between in prop::collection::vec(step(), 0..20),
        filters in filters(),
        limit in 1_usize..5,
        group_bytes in prop::sample::select(vec![1_u64, 300, 1_000, 1 << 20]),
        bytes in prop::option::weighted(0.3, 1_u64..2_000),
        most in prop::sample::select(vec![3_usize, 10, 1_000]),
    ) {
        let mut world = World::new(group_bytes);
        before.iter().for_each(|step| world.run(step));
        let mut left = world.expected(&filters);
        let mut query = SearchQuery { filters, limit: Some(limit), cursor: None };
        let mut between = between.iter();
        for page in 0.. {
            prop_assert!(page < 500, "paging ends");
            let (next, incomplete) = world.take_page(&query, bytes, most, &mut left);
            let Some(next) = next else {
                // Only a bound may keep something back, and then the page says so.
                prop_assert!(left.is_empty() || incomplete && bytes.is_some(), "left: {left:?}");
                break;
            };
            query.cursor = Some(next);
            between.next().into_iter().for_each(|step| world.run(step));
        }
    }
}
