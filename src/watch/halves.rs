//! A map that forgets its older half when the younger one is full.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::bytes::Kept;

/// What was not touched while `half` others were is forgotten.
#[derive(Debug)]
pub(super) struct Halves<V> {
    young: HashMap<u64, V, RandomState>,
    old: HashMap<u64, V, RandomState>,
    half: usize,
}

impl<V> Halves<V> {
    pub(super) fn new(half: usize) -> Self {
        Self { young: HashMap::default(), old: HashMap::default(), half }
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, key: u64) -> Option<V> {
        let young = if self.young.is_empty() { None } else { self.young.remove(&key) };
        young.or_else(|| if self.old.is_empty() { None } else { self.old.remove(&key) })
    }

    /// The entry, made if it is new, and how many others were forgotten for it.
    pub(super) fn touch(&mut self, key: u64, make: impl FnOnce() -> V) -> (&mut V, usize) {
        let mut forgotten = 0;
        if !self.young.contains_key(&key) {
            let value = self.old.remove(&key).unwrap_or_else(make);
            if self.young.len() >= self.half {
                forgotten = self.old.len();
                // The room of the older half is used again.
                std::mem::swap(&mut self.young, &mut self.old);
                self.young.clear();
            }
            self.young.insert(key, value);
        }
        (self.young.get_mut(&key).expect("it was there or put there"), forgotten)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

impl<V: Kept> Halves<V> {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for half in [&self.old, &self.young] {
            (half.len() as u32).write(out);
            for (key, value) in half {
                key.write(out);
                value.write(out);
            }
        }
    }

    pub(super) fn read(from: &mut &[u8], half: usize) -> Option<Self> {
        let mut read = Self::new(half);
        for young in [false, true] {
            for _ in 0..u32::read(from)? {
                let (key, value) = (u64::read(from)?, V::read(from)?);
                if young { &mut read.young } else { &mut read.old }.insert(key, value);
            }
        }
        Some(read)
    }
}
