//! Searching for traces, out of ClickHouse and the log.
//!
//! As in the log, a trace's place is the newest start among its matching spans, and a page goes
//! on below the last place of the one before. ClickHouse is asked for the newest places in
//! stretches of time that grow backwards, so that a page of new traces reads new partitions only;
//! what the log holds beyond it is looked through at once. What is found is looked at together,
//! in one question for the spans of many traces, which settles what SQL could only say roughly.
//!
//! Rows that came in after the first page was answered do not count for the next ones: a cursor
//! holds the time of the first page.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use super::ClickHouse;
use super::condition;
use super::encode::AT;
use super::error::ClickHouseError;
use super::light::{self, Light};
use super::rows::came_before;
use super::schema::Schema;
use super::sql;
use crate::model::{Signal, Status, TraceId};
use crate::otlp::read;
use crate::storage::Position;
use crate::storage::query::{
    Budget, Cursor, Filters, Key, QueryError, Scanner, SearchPage, SearchQuery, Starts, Sum,
    TraceSummary,
};
use crate::{clock, limits};

/// How far back each stretch reaches: an hour, a day, a week, thirty days, all.
const STRETCHES_SECONDS: [u64; 5] = [3_600, 86_400, 604_800, 2_592_000, u64::MAX];

/// Marks a cursor whose bound is a time and not a place in the log.
const BY_TIME: u64 = u64::MAX;

/// A trace that was found.
#[derive(Debug)]
enum Found {
    /// With the newest start that is known of it.
    Candidate(u64),
    /// Looked at: its place is certain.
    Certain(Box<TraceSummary>),
    /// Answered, or not looked for.
    Done,
}

struct Search<'s> {
    store: &'s ClickHouse,
    schema: Arc<Schema>,
    filters: &'s Filters,
    scanner: Scanner<'s>,
    budget: Budget<'s>,
    starts: Starts,
    after: Option<Key>,
    /// What arrived at this time or later is left out.
    until_ns: u64,
    taken: Position,
    found: HashMap<TraceId, Found>,
    /// Places, some of them outdated.
    heap: BinaryHeap<Key>,
    /// At and below this ClickHouse may have more; `None` when it has no more.
    frontier: Option<Key>,
    /// The last trace that was looked at.
    passed: Option<Key>,
    page: SearchPage,
}

/// Whether a page ends because there is no more, or at a place where another one goes on.
enum End {
    Done,
    At(Option<Key>),
}

impl ClickHouse {
    pub(super) fn search_all(
        &self,
        query: &SearchQuery,
        budget: Budget<'_>,
    ) -> Result<SearchPage, QueryError> {
        let limit = query.limit.unwrap_or(limits::SEARCH_PAGE_DEFAULT_TRACES);
        let limit = limit.clamp(1, limits::SEARCH_PAGE_TRACES);
        let cursor = query.cursor.as_deref();
        let cursor = cursor.map(|text| Cursor::decode(text, &query.filters)).transpose()?;
        let mut part = half(&budget);
        let searched = self.schema(&mut part).and_then(|schema| {
            let mut search = Search::new(self, schema, &query.filters, part, cursor);
            let end = search.fill(limit)?;
            Ok(search.finish(end, limit))
        });
        match searched {
            Ok(page) => Ok(page),
            Err(error) => {
                tracing::debug!(%error, "A search is answered from the log alone.");
                self.search_log(query, cursor, budget)
            }
        }
    }

    /// Without ClickHouse: what the log holds.
    fn search_log(
        &self,
        query: &SearchQuery,
        cursor: Option<Cursor>,
        budget: Budget<'_>,
    ) -> Result<SearchPage, QueryError> {
        let mut query = query.clone();
        query.cursor = cursor.map(|mut cursor| {
            if cursor.until.segment == BY_TIME {
                cursor.until = Position { segment: u64::MAX, offset: u64::MAX };
            }
            cursor.encode()
        });
        let mut page = self.index.search_within(&query, budget)?;
        page.incomplete = true;
        Ok(page)
    }
}

/// Where the stretch of time begins that is asked about next, if everything newer than `newest`
/// is known and nothing older than `oldest` is looked for.
pub(super) fn beginning(newest: u64, oldest: u64) -> u64 {
    let now_ns = clock::unix_nanos();
    let ages = STRETCHES_SECONDS.iter().map(|seconds| seconds.saturating_mul(1_000_000_000));
    let mut ends = ages.map(|age| now_ns.saturating_sub(age).max(oldest));
    ends.find(|end| *end < newest || *end == oldest).unwrap_or(oldest)
}

/// Half the time, so that the log can still be asked where ClickHouse does not answer.
pub(super) fn half<'b>(budget: &Budget<'b>) -> Budget<'b> {
    let now = clock::monotonic();
    let half = |end: Instant| now + end.saturating_duration_since(now) / 2;
    Budget { deadline: budget.deadline.map(half), ..budget.clone() }
}

impl<'s> Search<'s> {
    fn new(
        store: &'s ClickHouse,
        schema: Arc<Schema>,
        filters: &'s Filters,
        budget: Budget<'s>,
        cursor: Option<Cursor>,
    ) -> Self {
        let after = cursor.map(|cursor| cursor.after);
        let newest = after.map_or(u64::MAX, |after| after.0).min(filters.to_ns.unwrap_or(u64::MAX));
        let now_ns = clock::unix_nanos();
        let until = cursor.map(|cursor| cursor.until).filter(|until| until.segment == BY_TIME);
        let (found, heap) = Default::default();
        Self {
            store,
            schema,
            filters,
            scanner: Scanner::new(filters, store.index.understand()),
            budget,
            starts: filters.from_ns.unwrap_or(0)..=newest,
            after,
            until_ns: until.map_or(now_ns.saturating_add(1), |until| until.offset),
            taken: store.state.taken(),
            found,
            heap,
            frontier: Some((newest, Reverse([0; 16]))),
            passed: None,
            page: SearchPage::default(),
        }
    }

    fn fill(&mut self, limit: usize) -> Result<End, ClickHouseError> {
        if self.starts.is_empty() {
            return Ok(End::Done);
        }
        self.scan_log();
        loop {
            let next = self.next_above_frontier();
            if next.is_none() && self.frontier.is_none() {
                return Ok(End::Done);
            }
            if self.passed.is_some() && self.budget.is_spent() {
                return Ok(End::At(self.passed));
            }
            let step = match next {
                Some((key, id)) if matches!(self.found[&id], Found::Certain(_)) => {
                    if self.page.traces.len() == limit {
                        return Ok(End::At(self.passed));
                    }
                    self.take(key, id);
                    Ok(())
                }
                Some(_) => self.look(limit),
                None => self.ask_onward(limit),
            };
            match step {
                Ok(()) => {}
                Err(error) if error.is_bound() && !self.page.traces.is_empty() => {
                    return Ok(End::At(self.passed));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Everything that the log holds beyond ClickHouse.
    fn scan_log(&mut self) {
        let Self { store, scanner, starts, until_ns, .. } = self;
        let mut matching: Vec<(TraceId, u64)> = Vec::new();
        let whole = store.tail(None, self.taken, &mut self.budget, &mut |_, batch| {
            if batch.signal == Signal::Traces && batch.arrived_ns < *until_ns {
                // What stands behind damage is found by no reader.
                let _ = scanner.scan(&batch.body, starts, None, |id, start| {
                    matching.push((id, start));
                });
            }
            ControlFlow::Continue(())
        });
        self.page.incomplete |= !whole;
        for (id, start) in matching {
            self.add(id, start);
        }
    }

    fn add(&mut self, id: TraceId, start: u64) {
        match self.found.entry(id) {
            Entry::Occupied(mut entry) => match entry.get_mut() {
                Found::Candidate(known) if *known < start => *known = start,
                _ => return,
            },
            Entry::Vacant(entry) => drop(entry.insert(Found::Candidate(start))),
        }
        self.heap.push((start, Reverse(*id.as_bytes())));
    }

    /// The newest trace that is found, if nothing newer can still be found.
    fn next_above_frontier(&mut self) -> Option<(Key, TraceId)> {
        while let Some(key) = self.heap.peek().copied() {
            let id = TraceId::from_bytes(&key.1.0)?;
            let current = match self.found.get(&id) {
                Some(Found::Candidate(start)) => *start == key.0,
                Some(Found::Certain(_)) => true,
                _ => false,
            };
            if current {
                return self.frontier.is_none_or(|frontier| key > frontier).then_some((key, id));
            }
            self.heap.pop();
        }
        None
    }

    /// Puts a trace on the page.
    fn take(&mut self, key: Key, id: TraceId) {
        self.heap.pop();
        if let Some(Found::Certain(summary)) = self.found.insert(id, Found::Done) {
            self.page.traces.push(*summary);
            self.passed = Some(key);
        }
    }

    /// Asks ClickHouse for the next places at and below the frontier.
    fn ask_onward(&mut self, limit: usize) -> Result<(), ClickHouseError> {
        let Some(frontier) = self.frontier else { return Ok(()) };
        let (newest, oldest) = (frontier.0, *self.starts.start());
        let from = beginning(newest, oldest);
        let most = (limit + 2).clamp(16, limits::CLICKHOUSE_LOOK_TRACES * 4);
        let id: String = frontier.1.0.iter().map(|byte| format!("{byte:02x}")).collect();
        let query = format!(
            "SELECT TraceId, toUnixTimestamp64Nano(max(Timestamp)) AS newest FROM {} \
             WHERE {} AND {} GROUP BY TraceId \
             HAVING newest < {} OR newest = {} AND TraceId >= {} \
             ORDER BY newest DESC, TraceId LIMIT {most}",
            self.schema.spans.name,
            condition::between(from, newest),
            condition::of_span(self.filters),
            sql::clamped(newest),
            sql::clamped(newest),
            sql::text(&id),
        );
        let mut places = Vec::new();
        self.store.ask(
            &query,
            &mut self.budget,
            |values| Some((values.text()?, values.time()?)),
            |(id, start)| {
                places.push((id.parse::<TraceId>(), start));
                ControlFlow::Continue(())
            },
        )?;
        self.frontier = match places.last() {
            Some((Ok(id), start)) if places.len() >= most => {
                Some((*start, Reverse(*id.as_bytes()))).filter(|key| *key < frontier)
            }
            _ if from > oldest => Some((from - 1, Reverse([0; 16]))),
            _ => None,
        };
        for (id, start) in places {
            if let Ok(id) = id {
                self.add(id, start);
            }
        }
        Ok(())
    }

    /// Looks at the next candidates together: their places become certain, or they are none.
    fn look(&mut self, limit: usize) -> Result<(), ClickHouseError> {
        let most = (limit + 1 - self.page.traces.len()).min(limits::CLICKHOUSE_LOOK_TRACES);
        let mut ids = HashSet::new();
        let mut put_back = Vec::new();
        while ids.len() < most
            && let Some((key, id)) = self.next_above_frontier()
        {
            self.heap.pop();
            match self.found.get(&id) {
                Some(Found::Candidate(_)) => drop(ids.insert(id)),
                _ => put_back.push(key),
            }
        }
        self.heap.extend(put_back);
        let mut looks = self.spans_of(&ids)?;
        for id in ids {
            let look = looks.remove(&id);
            let place = look.as_ref().and_then(|look| look.newest);
            let key = place.map(|start| (start, Reverse(*id.as_bytes())));
            let summary = look.and_then(|look| look.sum.finish());
            let wanted = key.is_some_and(|key| self.after.is_none_or(|after| key < after));
            let found = match summary {
                Some(summary) if wanted && self.is_wanted(&summary) => {
                    self.heap.extend(key);
                    Found::Certain(Box::new(summary))
                }
                _ => Found::Done,
            };
            self.found.insert(id, found);
        }
        Ok(())
    }

    fn is_wanted(&self, summary: &TraceSummary) -> bool {
        self.filters.status != Some(Status::Ok) || summary.error_count == 0
    }

    /// Reads the spans of some traces, out of both places.
    fn spans_of(
        &mut self,
        ids: &HashSet<TraceId>,
    ) -> Result<HashMap<TraceId, Look>, ClickHouseError> {
        let texts: Vec<String> = ids.iter().map(|id| id.to_string()).collect();
        let within = format!("TraceId IN {}", sql::list(texts.iter().map(String::as_str)));
        let confirmed =
            self.store.confirm(&self.schema, self.filters, &within, &mut self.budget)?;
        let query = format!(
            "SELECT {} FROM {} WHERE {within} ORDER BY SpanAttributes['{AT}'] \
             LIMIT {} BY TraceId",
            light::columns(&self.schema, "1"),
            self.schema.spans.name,
            // Some may be there twice; the sum counts each once.
            2 * limits::TRACE_SPANS,
        );
        let mut lights: BTreeMap<TraceId, Vec<Light>> = BTreeMap::new();
        self.store.ask(&query, &mut self.budget, light::read, |light| {
            if let Some(light) = light {
                lights.entry(light.trace_id).or_default().push(light);
            }
            ControlFlow::Continue(())
        })?;
        let mut looks = HashMap::new();
        for id in ids {
            let mut look = Look::new(self.store, *id);
            for light in &lights.remove(id).unwrap_or_default() {
                let has = confirmed.as_ref().is_none_or(|confirmed| confirmed.has(light));
                look.add_light(self, light, has);
            }
            self.add_tail(id, &mut look);
            looks.insert(*id, look);
        }
        Ok(looks)
    }

    /// Adds the spans of a trace that the log holds beyond ClickHouse.
    fn add_tail(&mut self, id: &TraceId, look: &mut Look) {
        let newest = self.filters.to_ns.unwrap_or(u64::MAX);
        let starts = *self.starts.start()..=newest;
        let understand = self.store.index.understand();
        let Self { store, scanner, until_ns, .. } = self;
        let whole = store.tail(Some(id), self.taken, &mut self.budget, &mut |_, batch| {
            if batch.signal == Signal::Traces {
                // What stands behind damage is found by no reader.
                let _ = read::spans_and_bytes(&batch.body, |origin, span, bytes| {
                    if span.trace_id != *id
                        || !look.sum.wants_span(|| span.parent_span_id.is_none())
                    {
                        return;
                    }
                    let known = understand.span(origin, span);
                    if batch.arrived_ns < *until_ns
                        && scanner.admits(origin, span, &known, bytes, &starts)
                    {
                        look.newest = look.newest.max(Some(span.start_ns));
                    }
                    look.sum.add(origin, span, &known);
                });
            }
            ControlFlow::Continue(())
        });
        self.page.incomplete |= !whole;
    }

    fn finish(self, end: End, limit: usize) -> SearchPage {
        let mut page = self.page;
        page.scanned_bytes = self.budget.spent;
        page.traces.sort_by_key(|trace| (Reverse(trace.start_ns), trace.trace_id));
        if let End::At(after) = end {
            page.incomplete |= page.traces.len() < limit;
            // A page that did not get on would be followed by itself for ever.
            let moved = after.filter(|after| self.after.is_none_or(|before| *after < before));
            page.next = moved.map(|after| {
                let until = Position { segment: BY_TIME, offset: self.until_ns };
                let fingerprint = self.filters.fingerprint();
                Cursor { after, until, fingerprint }.encode()
            });
        }
        page
    }
}

/// A trace that is being looked at.
struct Look {
    sum: Sum,
    /// The newest start of its matching spans.
    newest: Option<u64>,
}

impl Look {
    fn new(store: &ClickHouse, id: TraceId) -> Self {
        Self { sum: Sum::new(id, store.index.open_book()), newest: None }
    }

    /// Adds a span of ClickHouse; `has` says whether it has the attributes and the text that are
    /// asked for.
    fn add_light(&mut self, search: &Search<'_>, light: &Light, has: bool) {
        let filters = search.filters;
        let (origin, span, known) = light.span(search.store.index.understand());
        let newest = filters.to_ns.unwrap_or(u64::MAX);
        let matches = has
            && (*search.starts.start()..=newest).contains(&light.start_ns)
            && came_before(light, search.until_ns)
            && filters.admits_origin(&origin)
            && filters.admits(&light.head())
            && filters.admits_understanding(&known);
        if matches {
            self.newest = self.newest.max(Some(light.start_ns));
        }
        if self.sum.wants_span(|| light.is_root()) {
            self.sum.add(&origin, &span, &known);
        }
    }
}
