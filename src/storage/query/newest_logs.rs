//! The newest log records that a search has found: what a page is made of.
//!
//! Whatever they are read from, stores offer their records in any order and say how new the
//! records can be that they have not offered yet; what is newer than those is settled.

use std::collections::BTreeMap;

use super::Records;
use super::log_cursor::LogPlace;
use crate::limits;
use crate::storage::index::LogHead;

/// The newest records below a place, at most a page of them. The same record offered twice is
/// kept once.
#[derive(Debug)]
pub(in crate::storage) struct NewestLogs {
    /// The most records and bytes; one record is always kept.
    most: usize,
    most_bytes: usize,
    /// Records here or above were answered before.
    after: Option<LogPlace>,
    kept: BTreeMap<LogPlace, Kept>,
    bytes: usize,
    /// Records here or below were left out for want of room.
    floor: Option<LogPlace>,
}

#[derive(Debug)]
struct Kept {
    origin: Vec<u8>,
    record: Vec<u8>,
}

impl NewestLogs {
    /// Room for `most` records below `after`.
    pub(in crate::storage) fn new(most: usize, after: Option<LogPlace>) -> Self {
        let (kept, most_bytes) = (BTreeMap::new(), limits::LOG_PAGE_BYTES);
        Self { most, most_bytes, after, kept, bytes: 0, floor: None }
    }

    /// Whether a record of this time can be among them. Where it cannot, it needs no reading.
    pub(in crate::storage) fn wants(&self, time_ns: u64) -> bool {
        self.after.is_none_or(|after| time_ns <= after.time_ns)
            && self.floor.is_none_or(|floor| time_ns >= floor.time_ns)
    }

    /// Takes a record, if it is among the newest. `origin` is the request with its resource,
    /// scope and one empty record.
    pub(in crate::storage) fn offer(&mut self, head: &LogHead<'_>, origin: &[u8], record: &[u8]) {
        let place = LogPlace::of(head, origin, record);
        let wanted = self.after.is_none_or(|after| place < after)
            && self.floor.is_none_or(|floor| place > floor);
        if !wanted {
            return;
        }
        let kept = Kept { origin: origin.to_vec(), record: record.to_vec() };
        self.bytes += kept.bytes();
        if let Some(same) = self.kept.insert(place, kept) {
            self.bytes -= same.bytes();
        }
        while self.kept.len() > self.most || self.bytes > self.most_bytes && self.kept.len() > 1 {
            let Some((place, dropped)) = self.kept.pop_first() else { return };
            self.bytes -= dropped.bytes();
            self.floor = Some(place);
        }
    }

    /// Whether the page is full with records newer than all that were not offered yet, of which
    /// the newest can be of the time `unread_ns`.
    pub(in crate::storage) fn is_full_above(&self, unread_ns: u64) -> bool {
        let full = self.floor.is_some() || self.kept.len() == self.most;
        full && self.kept.keys().next().is_none_or(|oldest| oldest.time_ns > unread_ns)
    }

    /// Whether records had to be left out, so that there is another page.
    pub(in crate::storage) fn has_left_out(&self) -> bool {
        self.floor.is_some()
    }

    /// The settled records, newest first, and where the next page goes on; `None` where there is
    /// none. `unread_ns` is how new records can be that were not offered; `None` if all were.
    pub(in crate::storage) fn finish(
        mut self,
        unread_ns: Option<u64>,
    ) -> (Records, Option<LogPlace>) {
        let found = self.kept.len();
        let settled = |place: &LogPlace| unread_ns.is_none_or(|unread| place.time_ns > unread);
        self.kept.retain(|place, _| settled(place));
        let full = self.floor.is_some() || found == self.most;
        let oldest = self.kept.keys().next().copied();
        let next = match unread_ns {
            None => oldest.filter(|_| self.floor.is_some()),
            Some(_) if full && self.kept.len() == found => oldest,
            Some(unread) => LogPlace::above_all_of(unread),
        };
        let mut records = Records::default();
        for (place, kept) in self.kept.iter().rev() {
            records.push(place.time_ns, &kept.origin, &kept.record);
        }
        // A page that did not get on would be followed by itself for ever.
        (records, next.filter(|next| self.after.is_none_or(|after| *next < after)))
    }
}

impl Kept {
    fn bytes(&self) -> usize {
        self.origin.len() + self.record.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(newest: &mut NewestLogs, time_ns: u64, record: &[u8]) {
        let head = LogHead { time_ns, ..LogHead::default() };
        if newest.wants(time_ns) {
            newest.offer(&head, b"", record);
        }
    }

    fn read(records: &Records) -> Vec<Vec<u8>> {
        records.raw().map(|(_, record)| record.to_vec()).collect()
    }

    #[test]
    fn the_newest_are_kept_in_order_and_each_once() {
        let mut newest = NewestLogs::new(2, None);
        for (time, record) in [(3, b"c"), (1, b"a"), (3, b"c"), (2, b"b"), (0, b"o"), (4, b"d")] {
            offer(&mut newest, time, record);
        }
        assert!(newest.has_left_out() && newest.is_full_above(2) && !newest.is_full_above(3));
        let (records, next) = newest.finish(None);
        assert_eq!(read(&records), [b"d", b"c"]);
        let mut newest = NewestLogs::new(9, next);
        for (time, record) in [(3, b"c"), (4, b"d"), (2, b"b")] {
            offer(&mut newest, time, record);
        }
        let (records, next) = newest.finish(None);
        assert_eq!((read(&records), next), (vec![b"b".to_vec()], None));
    }

    #[test]
    fn only_what_is_newer_than_all_unread_is_answered() {
        let filled = || {
            let mut newest = NewestLogs::new(3, None);
            for (time, record) in [(9, b"c"), (7, b"b"), (5, b"a")] {
                offer(&mut newest, time, record);
            }
            newest
        };
        let (records, next) = filled().finish(Some(7));
        assert_eq!((read(&records), next), (vec![b"c".to_vec()], LogPlace::above_all_of(7)));
        let (records, next) = filled().finish(Some(4));
        assert_eq!((records.len(), next.map(|next| next.time_ns)), (3, Some(5)));
        let (records, next) = filled().finish(Some(u64::MAX));
        assert_eq!((records.len(), next), (0, None));
    }

    #[test]
    fn records_beyond_the_bytes_of_a_page_wait_for_the_next() {
        let mut newest = NewestLogs { most_bytes: 10, ..NewestLogs::new(100, None) };
        offer(&mut newest, 9, &[b'x'; 50]);
        offer(&mut newest, 8, b"small");
        let (records, next) = newest.finish(None);
        assert_eq!((records.len(), records.bytes()), (1, 50));
        assert_eq!(next.map(|next| next.time_ns), Some(9));
    }
}
