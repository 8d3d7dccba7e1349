//! Whose call it was: costs find the runs above them, in whatever order spans arrive.
//!
//! Children end, and mostly arrive, before their parents. What a call costs moves up from parent
//! to parent, is added to every run on the way, and waits under the nearest ancestor that has not
//! arrived; when that one does, all that waits there moves on. So what waits is one sum for a
//! subtree, and a long run costs no more memory than a short one.
//!
//! A run stays open for a while after its span has arrived, for children that come later. What
//! comes after that is late.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use super::bytes::{Kept, kept};
use super::halves::Halves;
use super::spans::{Key, NOBODY, Place, Spans};
use super::sums::Sums;
use crate::limits;
use crate::model::{SpanId, TraceId};

/// What a run is a run of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Work {
    Workflow,
    Agent,
}

/// A run whose span has arrived.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    pub(super) work: Work,
    pub(super) name: Box<str>,
    pub(super) tenant: Option<Box<str>>,
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) seconds: f64,
    pub(super) failed: bool,
    /// What the calls below it cost and used, as far as they have arrived.
    pub(super) sums: Sums,
}

kept!(Run { work, name, tenant, trace_id, span_id, seconds, failed, sums });

/// What is known of the spans that arrived lately, and of the runs among them.
#[derive(Debug)]
pub(super) struct Lineage {
    spans: Spans,
    /// Sums below a span that has not arrived.
    waiting: Halves<Sums>,
    /// Runs that are still added to, with their parents.
    open: HashMap<Key, (Key, Run), RandomState>,
    /// When each of them is closed, the first one in front.
    due: VecDeque<(u64, Key)>,
}

/// What became of a span's arrival.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Arrived {
    /// Sums of which at least one run above is closed.
    pub(super) late: Option<Sums>,
    /// Sums that had waited for too long and are forgotten.
    pub(super) forgotten: usize,
    /// A run that had to be closed before its time.
    pub(super) closed_early: Option<Run>,
}

impl Lineage {
    pub(super) fn new() -> Self {
        Self {
            spans: Spans::new(),
            waiting: Halves::new(limits::WATCH_WAITING),
            open: HashMap::default(),
            due: VecDeque::new(),
        }
    }

    /// A span has arrived that is a run or not, with what it adds to the runs above it.
    #[inline]
    pub(super) fn arrive(
        &mut self,
        key: Key,
        parent: Key,
        own: &Sums,
        run: Option<(u64, Run)>,
    ) -> Arrived {
        let known = self.spans.insert(key, Place { parent, run: run.is_some() });
        let waited = self.waiting.remove(key);
        let mut arrived = Arrived::default();
        if waited.is_none() && run.is_none() && own.is_nothing() {
            return arrived;
        }
        let mut sums = waited.unwrap_or_default();
        if let Some((due_ns, mut run)) = run
            && !known.is_some_and(|known| known.run)
        {
            run.sums = sums;
            arrived.closed_early = self.open(key, parent, due_ns, run);
        }
        sums.add(own);
        if !sums.is_nothing() {
            self.rise(parent, &sums, &mut arrived);
        }
        arrived
    }

    /// Adds sums to every run from here upwards.
    fn rise(&mut self, from: Key, sums: &Sums, arrived: &mut Arrived) {
        let mut at = from;
        // A circle of parents is noticed when it comes back to a mark, which is moved ahead in
        // ever longer steps.
        let mut mark = NOBODY;
        for step in 1..=limits::WATCH_DEPTH {
            if at == NOBODY || at == mark {
                return;
            }
            if step.is_power_of_two() {
                mark = at;
            }
            if let Some((parent, run)) = self.open.get_mut(&at) {
                run.sums.add(sums);
                at = *parent;
                continue;
            }
            match self.spans.get(at) {
                Some(place) => {
                    if place.run {
                        arrived.late = Some(*sums);
                    }
                    at = place.parent;
                }
                None => {
                    let (waiting, forgotten) = self.waiting.touch(at, Sums::default);
                    waiting.add(sums);
                    arrived.forgotten = forgotten;
                    return;
                }
            }
        }
    }

    fn open(&mut self, key: Key, parent: Key, due_ns: u64, run: Run) -> Option<Run> {
        let full = self.open.len() >= limits::WATCH_OPEN_RUNS;
        let early = if full { self.close_first() } else { None };
        self.open.insert(key, (parent, run));
        self.due.push_back((due_ns, key));
        early
    }

    /// The next run whose time is over.
    pub(super) fn close(&mut self, now_ns: u64) -> Option<Run> {
        self.due.front().filter(|(due_ns, _)| *due_ns <= now_ns)?;
        self.close_first()
    }

    fn close_first(&mut self) -> Option<Run> {
        let (_, key) = self.due.pop_front()?;
        self.open.remove(&key).map(|(_, run)| run)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.spans.write(out);
        self.waiting.write(out);
        (self.due.len() as u32).write(out);
        let open = self.due.iter().filter_map(|due| Some((due, self.open.get(&due.1)?)));
        for (due, (parent, run)) in open {
            due.write(out);
            parent.write(out);
            run.write(out);
        }
    }

    pub(super) fn read(from: &mut &[u8]) -> Option<Self> {
        let spans = Spans::read(from)?;
        let waiting = Halves::read(from, limits::WATCH_WAITING)?;
        let mut read = Self { spans, waiting, ..Self::new() };
        for _ in 0..u32::read(from)? {
            let (due_ns, key) = Kept::read(from)?;
            let parent = Key::read(from)?;
            read.open(key, parent, due_ns, Run::read(from)?);
        }
        Some(read)
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.waiting.len(), self.open.len())
    }
}

impl Kept for Work {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self == Self::Agent));
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        Some(if bool::read(from)? { Self::Agent } else { Self::Workflow })
    }
}
