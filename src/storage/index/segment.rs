//! The index of one segment: its groups and which of them hold which trace.

use std::collections::HashMap;

use super::group::{Group, Survey};

/// The index of the segment that batches are being appended to.
#[derive(Debug)]
pub(super) struct Growing {
    /// The segment's number.
    pub(super) segment: u64,
    /// Its groups, in order.
    pub(super) groups: Vec<Group>,
    /// How large a group may become, unless one frame alone is larger.
    group_bytes: u64,
    /// For each trace digest its newest entry.
    newest: HashMap<u32, u32, foldhash::fast::RandomState>,
    entries: Vec<Entry>,
}

/// A trace's digest, a group that holds it, and the entry of the same digest before this one.
#[derive(Debug, Clone, Copy)]
struct Entry {
    digest: u32,
    group: u32,
    previous: u32,
}

/// The `previous` of a digest's first entry.
const NONE: u32 = u32::MAX;

/// A trace's digest and the number of a group that holds it. A vector of these is sorted.
pub(super) type Pair = (u32, u32);

impl Growing {
    /// The index of a segment of which nothing is known yet.
    pub(super) fn new(segment: u64, group_bytes: u64) -> Self {
        let (groups, newest, entries) = Default::default();
        Self { segment, groups, group_bytes, newest, entries }
    }

    /// Where the newest frame begins that it knows.
    pub(super) fn last(&self) -> Option<u64> {
        self.groups.last().map(|group| group.last)
    }

    /// Adds the batch that begins at `at`.
    pub(super) fn add(&mut self, at: u64, survey: &Survey) {
        match self.groups.last_mut() {
            Some(group) if group.takes(&survey.group, self.group_bytes) => {
                group.take(&survey.group, at)
            }
            last => {
                if let Some(group) = last {
                    group.end = at;
                }
                self.groups.push(Group { first: at, last: at, ..survey.group });
            }
        }
        let group = self.groups.len() as u32 - 1;
        for digest in &survey.traces {
            self.add_trace(*digest, group);
        }
    }

    fn add_trace(&mut self, digest: u32, group: u32) {
        let entry = self.entries.len() as u32;
        let previous = self.newest.get(&digest).copied().unwrap_or(NONE);
        if self.entries.get(previous as usize).is_some_and(|entry| entry.group == group) {
            return;
        }
        self.entries.push(Entry { digest, group, previous });
        self.newest.insert(digest, entry);
    }

    /// The groups that may hold a trace, in order.
    pub(super) fn find(&self, digest: u32) -> Vec<Group> {
        let mut found = Vec::new();
        let mut at = self.newest.get(&digest).copied().unwrap_or(NONE);
        while let Some(entry) = self.entries.get(at as usize) {
            found.extend(self.groups.get(entry.group as usize));
            at = entry.previous;
        }
        found.reverse();
        found
    }

    /// What is written of it once nothing is appended any more; its last frame ends at `end`.
    pub(super) fn seal(&self, end: u64) -> (Vec<Group>, Vec<Pair>) {
        let mut groups = self.groups.clone();
        if let Some(group) = groups.last_mut() {
            group.end = end;
        }
        let pairs = self.entries.iter().map(|entry| (entry.digest, entry.group));
        let mut pairs: Vec<Pair> = pairs.collect();
        pairs.sort_unstable();
        (groups, pairs)
    }
}

/// The part of sorted pairs that has this digest.
pub(super) fn pairs_of(pairs: &[Pair], digest: u32) -> &[Pair] {
    let from = pairs.partition_point(|pair| pair.0 < digest);
    let until = from + pairs[from..].partition_point(|pair| pair.0 == digest);
    &pairs[from..until]
}
