//! Names that were looked up lately: a span's model is found without a copy or a lock.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;

use crate::limits;

/// What is known of a name: the number of its line, or that it has none.
#[derive(Debug, Clone)]
struct Known {
    provider: Box<str>,
    model: Box<str>,
    line: Option<u32>,
}

/// Reading is free of locks; a name that is new replaces the whole map, which happens rarely.
#[derive(Debug, Default)]
pub(super) struct Memo {
    hasher: RandomState,
    known: ArcSwap<HashMap<u64, Known, RandomState>>,
}

impl Memo {
    /// The line of a name, found by `find` where it is new.
    pub(super) fn get(
        &self,
        provider: &str,
        model: &str,
        find: impl FnOnce() -> Option<u32>,
    ) -> Option<u32> {
        let hash = self.hasher.hash_one((provider, model));
        let known = self.known.load();
        match known.get(&hash) {
            Some(it) if *it.provider == *provider && *it.model == *model => return it.line,
            // Two names of one hash: the first one stays.
            Some(_) => return find(),
            None => {}
        }
        let line = find();
        if known.len() < limits::KNOWN_MODEL_NAMES
            && provider.len() <= limits::PRICE_NAME_BYTES
            && model.len() <= limits::PRICE_NAME_BYTES
        {
            let new = Known { provider: provider.into(), model: model.into(), line };
            let mut map = HashMap::clone(&known);
            map.insert(hash, new);
            // Of two threads one may win: the other's name comes again.
            self.known.store(Arc::new(map));
        }
        line
    }
}
