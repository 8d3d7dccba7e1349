//! What was decoded lately, within a bound: columns, footers, filters. Shared by all blocks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use parquet::bloom_filter::Sbbf;

use super::part::Part;
use crate::storage::layout::{BlockName, BlockPart};

/// Names something decoded: the file, the row group and the leaf column.
pub(super) type Key = (BlockName, BlockPart, u32, u16);

/// Something decoded.
#[derive(Clone)]
pub(super) enum Held {
    Part(Arc<Part>),
    Texts(Arc<TextColumn>),
    Longs(Arc<Vec<i64>>),
    Doubles(Arc<Vec<f64>>),
    Flags(Arc<Vec<bool>>),
    TraceIds(Arc<Vec<[u8; 16]>>),
    SpanIds(Arc<Vec<[u8; 8]>>),
    Filter(Arc<Option<Sbbf>>),
}

/// A column of texts: each different one once, and for every row which one it is.
#[derive(Debug, Default)]
pub(in crate::storage) struct TextColumn {
    pub(in crate::storage) values: Vec<Box<str>>,
    /// [`NO_TEXT`] where there is none.
    pub(in crate::storage) codes: Vec<u32>,
}

/// The code of a row without a text.
pub(super) const NO_TEXT: u32 = u32::MAX;

impl TextColumn {
    /// The text of a row.
    pub(in crate::storage) fn get(&self, row: usize) -> Option<&str> {
        let code = *self.codes.get(row)?;
        self.values.get(code as usize).map(AsRef::as_ref)
    }

    /// The codes of the texts that fulfil a condition.
    pub(in crate::storage) fn codes_of(&self, mut wanted: impl FnMut(&str) -> bool) -> Vec<bool> {
        self.values.iter().map(|value| wanted(value)).collect()
    }
}

impl Held {
    /// The memory it takes, about, in bytes.
    fn bytes(&self) -> usize {
        64 + match self {
            // An open file is dearer than its memory: there are not many to be had.
            Self::Part(_) => 128 * 1024,
            Self::Texts(texts) => {
                texts.codes.len() * 4
                    + texts.values.iter().map(|text| text.len() + 32).sum::<usize>()
            }
            Self::Longs(numbers) => numbers.len() * 8,
            Self::Doubles(numbers) => numbers.len() * 8,
            Self::Flags(flags) => flags.len(),
            Self::TraceIds(ids) => ids.len() * 16,
            Self::SpanIds(ids) => ids.len() * 8,
            Self::Filter(filter) => {
                filter.as_ref().as_ref().map_or(0, |filter| filter.num_blocks() * 32)
            }
        }
    }
}

/// The cache.
pub(in crate::storage) struct Cache {
    most_bytes: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: HashMap<Key, (Held, u64), foldhash::fast::RandomState>,
    bytes: usize,
    tick: u64,
}

impl Cache {
    pub(in crate::storage) fn new(most_bytes: usize) -> Self {
        Self { most_bytes, state: Mutex::default() }
    }

    /// What is held under this key.
    pub(super) fn get(&self, key: &Key) -> Option<Held> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tick += 1;
        let tick = state.tick;
        let (held, used) = state.held.get_mut(key)?;
        *used = tick;
        Some(held.clone())
    }

    /// Holds something, and forgets what was not used for longest if that is too much.
    pub(super) fn put(&self, key: Key, held: Held) {
        let bytes = held.bytes();
        if bytes > self.most_bytes / 4 {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tick += 1;
        let tick = state.tick;
        if let Some((old, _)) = state.held.insert(key, (held, tick)) {
            state.bytes -= old.bytes();
        }
        state.bytes += bytes;
        if state.bytes > self.most_bytes {
            state.forget(self.most_bytes / 4 * 3);
        }
    }

    /// Forgets a block.
    pub(super) fn drop_block(&self, name: &BlockName) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut freed = 0;
        state.held.retain(|(block, ..), (held, _)| {
            let kept = block != name;
            freed += if kept { 0 } else { held.bytes() };
            kept
        });
        state.bytes -= freed;
    }
}

impl State {
    fn forget(&mut self, until_bytes: usize) {
        let mut ages: Vec<(u64, Key)> =
            self.held.iter().map(|(key, (_, used))| (*used, *key)).collect();
        ages.sort_unstable();
        for (_, key) in ages {
            if self.bytes <= until_bytes {
                break;
            }
            if let Some((held, _)) = self.held.remove(&key) {
                self.bytes -= held.bytes();
            }
        }
    }
}
