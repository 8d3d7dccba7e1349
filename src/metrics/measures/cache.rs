//! Handles by the raw values of their labels, so that a span with known values is measured
//! without a lock, a copy or a look at the registry.

use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::atomic::Ordering::Relaxed;

use ::metrics::{Counter, Histogram};
use foldhash::fast::RandomState;

use super::super::catalog::Family;
use super::super::cell::Amount;
use super::super::family::Cell;
use super::super::registry::Registry;
use crate::model::Origin;

/// Handles of label sets with `N` values.
///
/// Only label sets that the registry took exactly as they came are remembered. That bounds the
/// cache by the registry's series; what overflows is looked up, and counted, every time.
pub(super) struct Cache<const N: usize, H> {
    /// By the hash of the values; of two sets with one hash the later one is remembered.
    known: HashMap<u64, ([Box<str>; N], H), RandomState>,
    /// The handles of the last label set that is not remembered.
    passing: Option<H>,
    hash: RandomState,
}

/// Finds handles for the values of one span.
pub(super) struct Lookup<'a> {
    registry: &'a Registry,
    origin: &'a Origin<'a>,
    exact: bool,
}

impl<const N: usize, H> Cache<N, H> {
    /// The handles of these values, made by `make` if they are not known.
    pub(super) fn get<'k>(
        &mut self,
        key: [&'k str; N],
        lookup: &mut Lookup<'_>,
        make: impl FnOnce(&mut Lookup<'_>, [&'k str; N]) -> H,
    ) -> &mut H {
        let hash = self.hash.hash_one(key);
        let matches = |known: &[Box<str>; N]| known.iter().zip(key).all(|(k, v)| **k == *v);
        if !self.known.get(&hash).is_some_and(|(known, _)| matches(known)) {
            lookup.exact = true;
            let handles = make(lookup, key);
            if !lookup.exact {
                return self.passing.insert(handles);
            }
            self.known.insert(hash, (key.map(Box::from), handles));
        }
        &mut self.known.get_mut(&hash).expect("it was found or made above").1
    }
}

impl<const N: usize, H> Default for Cache<N, H> {
    fn default() -> Self {
        Self { known: HashMap::default(), passing: None, hash: RandomState::default() }
    }
}

impl<const N: usize, H> fmt::Debug for Cache<N, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("known", &self.known.len()).finish_non_exhaustive()
    }
}

impl<'a> Lookup<'a> {
    pub(super) fn new(registry: &'a Registry, origin: &'a Origin<'a>) -> Self {
        Self { registry, origin, exact: true }
    }

    /// The counter of these values, and whether it carries exactly them.
    pub(super) fn counter(&mut self, family: &'static Family, values: &[&str]) -> (Counter, bool) {
        match self.cell(family, values) {
            (Cell::Counter(cell), exact) => (Counter::from_arc(cell), exact),
            _ => (self.registry.mismatch(family, Counter::noop()), false),
        }
    }

    pub(super) fn histogram(&mut self, family: &'static Family, values: &[&str]) -> Histogram {
        match self.cell(family, values).0 {
            Cell::Histogram(cell) => Histogram::from_arc(cell),
            _ => self.registry.mismatch(family, Histogram::noop()),
        }
    }

    pub(super) fn amount(&mut self, family: &'static Family, values: &[&str]) -> Option<Amount> {
        match self.cell(family, values).0 {
            Cell::Amount(cell) => Some(Amount(cell)),
            _ => self.registry.mismatch(family, None),
        }
    }

    /// Counts a value that cannot be true.
    pub(super) fn invalid(&self) {
        self.registry.invalid().fetch_add(1, Relaxed);
    }

    /// Makes both outcomes of something stand at 0, so that its first error is an increase.
    pub(super) fn both_outcomes(&mut self, family: &'static Family, values: &[&str]) {
        for status in ["success", "error"] {
            self.cell(family, &[values, &[status]].concat());
        }
    }

    fn cell(&mut self, family: &'static Family, values: &[&str]) -> (Cell, bool) {
        let (cell, exact) = self.registry.resolve_from(family, values, self.origin.service());
        self.exact &= exact;
        (cell, exact)
    }
}
