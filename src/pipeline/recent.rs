//! Recognising a sender's retry: the ids of recently kept items.
//!
//! A sender whose acknowledgement was lost sends the same spans again. Their ids are remembered
//! in two generations, so that memory is bounded and the newest are always known. An id is
//! entered before its batch is durable; should the append fail, the ids are taken back.
//!
//! Invariant: an item is called a duplicate only on behalf of a batch that is acknowledged after
//! the original became durable. The log writes in order, so a duplicate that goes through the
//! same queue is answered later; [`Recent::epoch`] tells whether an append failed in between.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::FixedState;

use crate::model::{SpanId, TraceId};

/// The recently kept ids, shared by all requests.
#[derive(Debug)]
pub struct Recent {
    shards: Box<[Mutex<Generations>]>,
    capacity_per_shard: usize,
    failures: AtomicU64,
}

/// A span's identity: its trace id and span id folded into 128 bits, so that mistaking a new span
/// for a retry (which would lose it) is out of reach of chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ItemId(u128);

/// Whether an id was already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It is new and now remembered.
    New,
    /// It was remembered before.
    Again,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashSet<ItemId, FixedState>,
    old: HashSet<ItemId, FixedState>,
}

const SHARDS: usize = 16;

impl ItemId {
    /// The identity of a span.
    pub fn of_span(trace_id: TraceId, span_id: SpanId) -> Self {
        let trace = u128::from_be_bytes(*trace_id.as_bytes());
        let span = span_id.digest().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(trace ^ (u128::from(span) << 64))
    }

    fn shard(self) -> usize {
        let mixed = (self.0 as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (self.0 >> 64) as u64;
        (mixed >> 60) as usize % SHARDS
    }
}

impl Recent {
    /// Remembers the newest `capacity` ids, and up to twice as many.
    pub fn new(capacity: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::new(Generations::default())).collect();
        Self { shards, capacity_per_shard: capacity / SHARDS, failures: AtomicU64::new(0) }
    }

    /// Remembers an id and says whether it was known.
    pub fn enter(&self, id: ItemId) -> Seen {
        self.shard(id, |generations| generations.enter(id, self.capacity_per_shard))
    }

    /// Begins to enter the ids of one batch.
    pub fn begin(self: &Arc<Self>) -> Entered {
        Entered { recent: Arc::clone(self), ids: Vec::new() }
    }

    fn take_back(&self, ids: &[ItemId]) {
        self.failures.fetch_add(1, Ordering::SeqCst);
        for &id in ids {
            self.shard(id, |generations| {
                generations.young.remove(&id);
                generations.old.remove(&id);
            });
        }
    }

    /// Changes whenever ids were taken back.
    pub fn epoch(&self) -> u64 {
        self.failures.load(Ordering::SeqCst)
    }

    fn shard<T>(&self, id: ItemId, act: impl FnOnce(&mut Generations) -> T) -> T {
        let shard = &self.shards[id.shard()];
        act(&mut shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The ids of a batch that is not durable yet. Dropped, they are taken back: whatever went wrong
/// with the batch, its sender's next try must not be taken for a retry of something kept.
#[derive(Debug)]
pub struct Entered {
    recent: Arc<Recent>,
    ids: Vec<ItemId>,
}

impl Entered {
    /// Remembers an id and says whether it was known.
    pub fn enter(&mut self, id: ItemId) -> Seen {
        let seen = self.recent.enter(id);
        if seen == Seen::New {
            self.ids.push(id);
        }
        seen
    }

    /// The batch is durable.
    pub fn keep(mut self) {
        self.ids.clear();
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if !self.ids.is_empty() {
            self.recent.take_back(&self.ids);
        }
    }
}

impl Generations {
    fn enter(&mut self, id: ItemId, capacity: usize) -> Seen {
        if self.young.contains(&id) || self.old.contains(&id) {
            return Seen::Again;
        }
        if self.young.len() >= capacity {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id);
        Seen::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(trace: u8, span: u8) -> ItemId {
        let trace_id = TraceId::from_bytes(&[trace; 16]).unwrap();
        ItemId::of_span(trace_id, SpanId::from_bytes(&[span; 8]).unwrap())
    }

    #[test]
    fn knows_an_id_until_it_is_taken_back() {
        let recent = Arc::new(Recent::new(100));
        let epoch = recent.epoch();
        assert_eq!(recent.enter(id(2, 7)), Seen::New);
        let mut batch = recent.begin();
        assert_eq!(batch.enter(id(1, 7)), Seen::New);
        assert_eq!(batch.enter(id(1, 7)), Seen::Again);
        assert_eq!(batch.enter(id(2, 7)), Seen::Again);
        drop(batch);
        assert_ne!(recent.epoch(), epoch);
        assert_eq!(recent.enter(id(2, 7)), Seen::Again, "another batch's id stays");
        let mut batch = recent.begin();
        assert_eq!(batch.enter(id(1, 7)), Seen::New);
        batch.keep();
        assert_eq!(recent.enter(id(1, 7)), Seen::Again);
    }

    #[test]
    fn memory_is_bounded_and_the_newest_are_known() {
        let recent = Recent::new(SHARDS * 8);
        for number in 1..=10_000_u64 {
            let trace_id = TraceId::from_bytes(&u128::from(number).to_be_bytes()).unwrap();
            let span_id = SpanId::from_bytes(&number.to_be_bytes()).unwrap();
            let id = ItemId::of_span(trace_id, span_id);
            assert_eq!(recent.enter(id), Seen::New, "{number}");
            assert_eq!(recent.enter(id), Seen::Again);
        }
        let held: usize = recent
            .shards
            .iter()
            .map(|shard| shard.lock().unwrap())
            .map(|generations| generations.young.len() + generations.old.len())
            .sum();
        assert!(held <= 2 * SHARDS * 8);
    }
}
