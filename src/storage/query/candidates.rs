//! The traces a search has found and not answered yet, newest first.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap};

use super::cursor::Key;
use crate::model::TraceId;

/// Traces found, each with the newest start of its matching spans so far.
pub(super) struct Candidates {
    /// `None` for a trace that has been taken.
    starts: HashMap<TraceId, Option<u64>, foldhash::fast::RandomState>,
    /// May hold outdated keys, which differ from `starts`.
    heap: BinaryHeap<Key>,
    /// How many are kept, and how many are.
    most: usize,
    waiting: usize,
    /// Traces at or above this were answered before.
    ceiling: Option<Key>,
    /// Candidates at or below this were dropped for want of room.
    floor: Option<Key>,
}

impl Candidates {
    /// Room for `most` candidates below `ceiling`.
    pub(super) fn new(most: usize, ceiling: Option<Key>) -> Self {
        let (starts, heap) = Default::default();
        Self { starts, heap, most, waiting: 0, ceiling, floor: None }
    }

    /// Adds a matching span.
    pub(super) fn add(&mut self, id: TraceId, start: u64) {
        let key = (start, Reverse(*id.as_bytes()));
        if self.floor.is_some_and(|floor| key <= floor) {
            return;
        }
        let below = self.ceiling.is_none_or(|ceiling| key < ceiling);
        let start = below.then_some(start);
        match self.starts.entry(id) {
            Entry::Occupied(mut entry) => {
                let known = *entry.get();
                if known.is_none() || start.is_some() && start <= known {
                    return;
                }
                entry.insert(start);
                self.waiting -= usize::from(start.is_none());
            }
            Entry::Vacant(entry) => {
                entry.insert(start);
                self.waiting += usize::from(start.is_some());
            }
        }
        if start.is_none() {
            return;
        }
        self.heap.push(key);
        if self.waiting > self.most {
            self.drop_older_half();
        }
    }

    /// Takes the newest trace if its key is above `bound`. It is never given again.
    pub(super) fn take_above(&mut self, bound: Option<Key>) -> Option<(Key, TraceId)> {
        while let Some(key) = self.heap.peek().copied() {
            let id = TraceId::from_bytes(&key.1.0)?;
            let current = self.starts.get(&id).copied().flatten() == Some(key.0);
            if current && bound.is_some_and(|bound| key <= bound) {
                return None;
            }
            self.heap.pop();
            if current {
                self.starts.insert(id, None);
                self.waiting -= 1;
                return Some((key, id));
            }
        }
        None
    }

    /// At and below this, candidates may have been dropped.
    pub(super) fn floor(&self) -> Option<Key> {
        self.floor
    }

    fn drop_older_half(&mut self) {
        let starts = self.starts.iter();
        let keys = starts.filter_map(|(id, start)| Some(((*start)?, Reverse(*id.as_bytes()))));
        let mut keys: Vec<Key> = keys.collect();
        let middle = keys.len() / 2;
        let (_, floor, newer) = keys.select_nth_unstable(middle);
        let floor = *floor;
        self.heap = newer.iter().copied().collect();
        self.waiting = newer.len();
        self.floor = Some(floor);
        self.starts
            .retain(|id, start| start.is_none_or(|start| (start, Reverse(*id.as_bytes())) > floor));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> TraceId {
        TraceId::from_bytes(&[number; 16]).unwrap()
    }

    fn drain(candidates: &mut Candidates, bound: Option<Key>) -> Vec<(u64, u8)> {
        let taken = std::iter::from_fn(|| candidates.take_above(bound));
        taken.map(|(key, _)| (key.0, key.1.0[0])).collect()
    }

    #[test]
    fn the_newest_comes_first_and_each_once() {
        let mut candidates = Candidates::new(100, None);
        for (number, start) in [(1, 5), (2, 9), (1, 7), (3, 9), (1, 6), (4, 0), (5, u64::MAX)] {
            candidates.add(id(number), start);
        }
        let bound = Some((7, Reverse([0; 16])));
        assert_eq!(drain(&mut candidates, bound), [(u64::MAX, 5), (9, 2), (9, 3)]);
        candidates.add(id(2), 10);
        assert_eq!(drain(&mut candidates, None), [(7, 1), (0, 4)]);
    }

    #[test]
    fn what_was_answered_before_is_not_given_again() {
        let mut candidates = Candidates::new(100, Some((5, Reverse([2; 16]))));
        for (number, start) in [(1, 4), (1, 5), (2, 5), (2, 3), (3, 5), (3, 2)] {
            candidates.add(id(number), start);
        }
        assert_eq!(drain(&mut candidates, None), [(5, 3)]);
    }

    #[test]
    fn without_room_the_older_half_is_dropped_and_said_so() {
        let mut candidates = Candidates::new(4, None);
        for number in 1..=8 {
            candidates.add(id(number), 1);
        }
        // Eight with the same start: the smaller ids come first and are kept.
        let floor = candidates.floor().unwrap();
        let kept = drain(&mut candidates, None);
        assert!(kept.len() <= 4 && kept.iter().map(|(_, id)| *id).eq(1..=kept.len() as u8));
        assert!(floor.1.0[0] as usize == kept.len() + 1, "nothing between kept and floor");
    }
}
