//! The book of runs.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use super::{Begun, Closed, Known};
use crate::limits;
use crate::model::{RunKind, SpanId, TraceId};

/// The ids of a run.
pub type Key = (TraceId, SpanId);

/// Which runs are open. Shared by the projection that keeps it, the door that looks beginnings
/// up, and the API.
#[derive(Debug)]
pub struct Runs {
    abandon_after_ns: u64,
    state: Mutex<State>,
}

/// A run under way, for the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRun {
    /// What runs.
    pub kind: RunKind,
    /// Its ids.
    pub key: Key,
    /// What its beginning said.
    pub begun: Begun,
    /// When that arrived, in nanoseconds since the Unix epoch.
    pub arrived_ns: u64,
}

/// A run that is to be closed as abandoned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// The run.
    pub run: OpenRun,
    /// When its time was over, in nanoseconds since the Unix epoch.
    pub end_ns: u64,
}

/// One open run.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) kind: RunKind,
    pub(super) begun: Begun,
    pub(super) arrived_ns: u64,
    /// When its span was sent by us; it stays open until the span is read, or for a while.
    pub(super) given_up_ns: u64,
}

/// A run that was closed, and what is needed to know a repeated end.
#[derive(Debug, Clone)]
pub(super) struct Past {
    pub(super) how: Closed,
    pub(super) begun: Option<Box<Begun>>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) open: HashMap<Key, Open, RandomState>,
    /// Closed runs in two generations.
    pub(super) young: HashMap<Key, Past, RandomState>,
    pub(super) old: HashMap<Key, Past, RandomState>,
    /// Beginnings that the door has acknowledged and that are not read from the log yet.
    pub(super) announced: HashMap<Key, Begun, RandomState>,
    /// Kinds of which a beginning was ever told.
    pub(super) told: HashSet<RunKind>,
    /// Beginnings that found no room.
    pub(super) untracked: u64,
}

/// How long the span of an abandoned run is waited for once it is durable. A span that was there
/// before is a duplicate, and never comes.
const GIVEN_UP_NS: u64 = 60_000_000_000;

impl Runs {
    /// A book that gives a run up after so many nanoseconds.
    pub fn new(abandon_after_ns: u64) -> Self {
        Self { abandon_after_ns, state: Mutex::default() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a run.
    pub fn find(&self, trace_id: TraceId, span_id: SpanId) -> Known {
        let state = self.state();
        let key = (trace_id, span_id);
        if let Some(open) = state.open.get(&key) {
            return Known::Begun(Box::new(open.begun.clone()));
        }
        if let Some(past) = state.past(&key) {
            return match (past.how, &past.begun) {
                (Closed::Abandoned, _) => Known::Abandoned,
                (Closed::Ended, Some(begun)) => Known::Begun(begun.clone()),
                (Closed::Ended, None) => Known::Nothing,
            };
        }
        state
            .announced
            .get(&key)
            .map_or(Known::Nothing, |begun| Known::Begun(Box::new(begun.clone())))
    }

    /// Runs whose beginning is durable and will soon be read: their end may come before that.
    pub fn announce(&self, begun: impl IntoIterator<Item = (Key, Begun)>) {
        let mut state = self.state();
        for (key, begun) in begun {
            let known = state.open.contains_key(&key) || state.past(&key).is_some();
            if !known && state.announced.len() < limits::RUNS_ANNOUNCED {
                state.announced.insert(key, begun);
            }
        }
    }

    /// The runs whose time is over, at most so many.
    pub fn overdue(&self, now_ns: u64, most: usize) -> Vec<Overdue> {
        let state = self.state();
        let late = state.open.iter().filter(|(_, open)| {
            let due = open.arrived_ns.saturating_add(self.abandon_after_ns);
            now_ns >= due && open.given_up_ns == 0
        });
        let overdue = late.map(|(key, open)| {
            let run = OpenRun::of(*key, open);
            let end_ns = run.begun.start_ns.saturating_add(self.abandon_after_ns);
            Overdue { run, end_ns }
        });
        overdue.take(most).collect()
    }

    /// The spans of these runs are durable.
    pub fn given_up(&self, keys: &[Key], now_ns: u64) {
        let mut state = self.state();
        for key in keys {
            if let Some(open) = state.open.get_mut(key) {
                open.given_up_ns = now_ns;
            }
        }
    }

    /// How many runs of a kind are open; `None` where nobody ever told of a beginning: a 0 would
    /// say that nothing runs.
    pub fn count(&self, kind: RunKind) -> Option<u64> {
        let state = self.state();
        let open = || state.open.values().filter(|open| open.kind == kind).count() as u64;
        state.told.contains(&kind).then(open)
    }

    /// How many beginnings found no room.
    pub fn untracked(&self) -> u64 {
        self.state().untracked
    }

    /// The open runs, the longest first, and how many there are.
    pub fn list(&self, kind: Option<RunKind>, most: usize) -> (Vec<OpenRun>, usize) {
        let state = self.state();
        let wanted = |open: &Open| kind.is_none_or(|kind| kind == open.kind);
        let mut found: Vec<(u64, Key)> = state
            .open
            .iter()
            .filter(|(_, open)| wanted(open))
            .map(|(key, open)| (open.begun.start_ns, *key))
            .collect();
        let total = found.len();
        found.sort_unstable();
        found.truncate(most);
        let run = |(_, key): (u64, Key)| Some(OpenRun::of(key, state.open.get(&key)?));
        (found.into_iter().filter_map(run).collect(), total)
    }
}

impl OpenRun {
    fn of(key: Key, open: &Open) -> Self {
        let Open { kind, begun, arrived_ns, .. } = open.clone();
        Self { kind, key, begun, arrived_ns }
    }
}

impl State {
    pub(super) fn past(&self, key: &Key) -> Option<&Past> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// A beginning was read. A repeated one, or one that comes behind its end, changes nothing.
    pub(super) fn begin(&mut self, key: Key, kind: RunKind, begun: Begun, arrived_ns: u64) {
        self.told.insert(kind);
        self.announced.remove(&key);
        if self.open.contains_key(&key) || self.past(&key).is_some() {
            return;
        }
        if self.open.len() >= limits::RUNS_OPEN {
            self.untracked += 1;
            return;
        }
        self.open.insert(key, Open { kind, begun, arrived_ns, given_up_ns: 0 });
    }

    /// A span was read that may be the end of a run.
    pub(super) fn end(&mut self, key: Key, how: Closed, is_run: bool) {
        if self.told.is_empty() {
            return;
        }
        let open = self.open.remove(&key);
        // The end of a run may be read before its beginning, which then must open nothing.
        if open.is_some() || is_run {
            self.close(key, how, open);
        }
    }

    /// Runs whose span was sent and never came: it was there before.
    pub(super) fn tidy(&mut self, now_ns: u64) {
        let stale = |open: &Open| {
            open.given_up_ns > 0 && now_ns.saturating_sub(open.given_up_ns) > GIVEN_UP_NS
        };
        let keys: Vec<Key> =
            self.open.iter().filter(|(_, open)| stale(open)).map(|(key, _)| *key).collect();
        for key in keys {
            let open = self.open.remove(&key);
            self.close(key, Closed::Ended, open);
        }
    }

    fn close(&mut self, key: Key, how: Closed, open: Option<Open>) {
        if self.young.len() >= limits::RUNS_PAST {
            self.old = std::mem::take(&mut self.young);
        }
        let begun = open.map(|open| Box::new(open.begun));
        self.young.entry(key).or_insert(Past { how, begun });
    }
}
