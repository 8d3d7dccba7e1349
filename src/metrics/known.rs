//! Cells by the raw values of their labels, so that recording into a known series neither locks
//! its family nor builds its labels' text.
//!
//! Only label sets that the registry took exactly as they came are known here, which bounds the
//! map by the registry's series; what overflows is looked up, and counted, every time. Cells are
//! never replaced, so what is known stays true.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::sync::{PoisonError, RwLock};

use foldhash::fast::RandomState;

use super::catalog::Family;
use super::family::Cell;
use crate::limits::KNOWN_SERIES_SHARDS as SHARDS;

/// Cells by a key, found by its hash; of two keys with one hash the later one is known.
pub(super) struct Known<K> {
    shards: [RwLock<Shard<K>>; SHARDS],
    seed: RandomState,
}

/// The keys are hashes already.
type Shard<K> = HashMap<u64, (K, Cell), BuildHasherDefault<AsIs>>;

/// A family of the catalog with label values.
#[derive(Debug)]
pub(super) struct LabelSet {
    family: &'static str,
    values: Box<[Box<str>]>,
}

/// Hands a hash on.
#[derive(Default)]
struct AsIs(u64);

impl<K> Known<K> {
    /// What `record` makes of the cell; `None` where it is not known.
    #[inline]
    pub(super) fn with<R>(
        &self,
        hash: u64,
        is: impl FnOnce(&K) -> bool,
        record: impl FnOnce(&Cell) -> R,
    ) -> Option<R> {
        let shard = self.shard(hash).read().unwrap_or_else(PoisonError::into_inner);
        let (key, cell) = shard.get(&hash)?;
        is(key).then(|| record(cell))
    }

    pub(super) fn keep(&self, hash: u64, key: K, cell: Cell) {
        let mut shard = self.shard(hash).write().unwrap_or_else(PoisonError::into_inner);
        shard.insert(hash, (key, cell));
    }

    /// Bits that neither the map's buckets nor its tags are made of.
    fn shard(&self, hash: u64) -> &RwLock<Shard<K>> {
        &self.shards[(hash >> 40) as usize % SHARDS]
    }

    /// The hash of a family with label values.
    #[inline]
    pub(super) fn hash(&self, family: &Family, values: &[&str]) -> u64 {
        let mut hasher = self.seed.build_hasher();
        hasher.write_usize(family.name.as_ptr().addr());
        for value in values {
            value.hash(&mut hasher);
        }
        hasher.finish()
    }
}

impl LabelSet {
    pub(super) fn new(family: &Family, values: &[&str]) -> Self {
        Self { family: family.name, values: values.iter().map(|value| Box::from(*value)).collect() }
    }

    #[inline]
    pub(super) fn is(&self, family: &Family, values: &[&str]) -> bool {
        std::ptr::eq(self.family, family.name)
            && self.values.len() == values.len()
            && self.values.iter().zip(values).all(|(mine, theirs)| **mine == **theirs)
    }
}

impl<K> Default for Known<K> {
    fn default() -> Self {
        let shards = std::array::from_fn(|_| RwLock::new(HashMap::default()));
        Self { shards, seed: RandomState::default() }
    }
}

impl<K> fmt::Debug for Known<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").finish_non_exhaustive()
    }
}

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}
