//! Groups by name, of bounded number: what comes too late for a group of its own is `other`.

use std::cmp::Reverse;
use std::collections::HashMap;

/// The longest name of a group.
const NAME_BYTES: usize = 512;

/// Something of which there may be several.
pub(super) trait Merge {
    /// Adds another.
    fn merge(&mut self, other: Self);

    /// What decides about its place: the greatest first.
    fn size(&self) -> u64;
}

/// Things by name.
#[derive(Debug)]
pub(super) struct Groups<V> {
    most: usize,
    found: HashMap<String, V, foldhash::fast::RandomState>,
    other: Option<V>,
}

impl<V: Merge + Default> Groups<V> {
    /// No more than `most` names.
    pub(super) fn new(most: usize) -> Self {
        Self { most, found: HashMap::default(), other: None }
    }

    /// The group of this name, or that of all others.
    pub(super) fn of(&mut self, name: &str) -> &mut V {
        let name = &name[..name.floor_char_boundary(NAME_BYTES)];
        if !self.found.contains_key(name) {
            if self.found.len() >= self.most {
                return self.other.get_or_insert_default();
            }
            self.found.insert(name.to_owned(), V::default());
        }
        self.found.get_mut(name).expect("it is there or was just put there")
    }

    /// The `limit` largest, equals in the order of their names, and the rest as one.
    pub(super) fn ranked(self, limit: usize) -> (Vec<(String, V)>, Option<V>) {
        let mut found: Vec<(String, V)> = self.found.into_iter().collect();
        found.sort_by(|one, another| {
            (Reverse(one.1.size()), &one.0).cmp(&(Reverse(another.1.size()), &another.0))
        });
        let mut other = self.other;
        for (_, rest) in found.drain(limit.min(found.len())..) {
            other.get_or_insert_default().merge(rest);
        }
        (found, other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Merge for u64 {
        fn merge(&mut self, other: Self) {
            *self += other;
        }

        fn size(&self) -> u64 {
            *self
        }
    }

    #[test]
    fn the_largest_come_first_and_nothing_is_lost() {
        let mut groups: Groups<u64> = Groups::new(3);
        for name in ["b", "a", "c", "c", "late", "a", "late", "later", ""] {
            *groups.of(name) += 1;
        }
        let (found, other) = groups.ranked(2);
        let found: Vec<_> = found.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        assert_eq!((found, other), (vec![("a", 2), ("c", 2)], Some(5)));
        let mut few: Groups<u64> = Groups::new(3);
        *few.of("a") += 1;
        let (found, other) = few.ranked(9);
        assert_eq!((found.len(), other), (1, None));
    }

    #[test]
    fn a_million_names_are_few_groups() {
        let mut groups: Groups<u64> = Groups::new(10);
        for number in 0..1_000_000 {
            *groups.of(&number.to_string()) += 1;
        }
        let (found, other) = groups.ranked(10);
        assert_eq!((found.len(), other), (10, Some(999_990)));
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let mut groups: Groups<u64> = Groups::new(10);
        *groups.of(&"é".repeat(10_000)) += 1;
        let (found, _) = groups.ranked(10);
        assert_eq!(found[0].0.len(), NAME_BYTES);
    }
}
