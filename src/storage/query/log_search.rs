//! Searching the log for log records, newest first, a page at a time.
//!
//! Groups of the log are read by the newest record that they can hold, until the page is full
//! with records that are newer than all that was not read.

use std::ops::ControlFlow;

use super::log_cursor::LogCursor;
use super::log_scan::LogScanner;
use super::logs::{LogFilters, LogPage, LogQuery};
use super::newest_logs::NewestLogs;
use super::{Budget, QueryError};
use crate::limits;
use crate::model::Signal;
use crate::storage::Position;
use crate::storage::index::{Directory, Index, Place, PlaceNumber, read_group};

/// Where records are looked for.
enum Groups {
    /// Everywhere.
    All(Directory),
    /// In these.
    Some(Vec<Place>),
}

/// A group that is yet to be read: the newest time it can hold, and which one it is.
type Unread = (u64, PlaceNumber);

impl Index {
    /// Log records that fulfil the conditions, newest first.
    pub(super) fn logs_within(
        &self,
        query: &LogQuery,
        mut budget: Budget<'_>,
    ) -> Result<LogPage, QueryError> {
        let filters = &query.filters;
        let limit = query.page_records();
        let cursor = query.cursor.as_deref();
        let cursor = cursor.map(|text| LogCursor::decode(text, filters)).transpose()?;
        let after = cursor.map(|cursor| cursor.after);
        let scanner = LogScanner::new(filters);
        let (groups, whole) = self.groups_of(filters);
        let mut page = LogPage { incomplete: !whole, ..LogPage::default() };
        let mut newest = NewestLogs::new(limit, after);
        let latest = after.map_or(u64::MAX, |after| after.time_ns);
        let mut unread = groups.unread(&scanner, filters, latest);
        let mut looks_ahead = false;
        while let Some((newest_unread, number)) = unread.last().copied() {
            if newest.is_full_above(newest_unread) {
                if newest.has_left_out() {
                    break;
                }
                if !std::mem::replace(&mut looks_ahead, true) {
                    // What remains is to learn whether there is another page.
                    budget.bytes = budget.bytes.min(limits::SEARCH_LOOKAHEAD_BYTES);
                }
            }
            if budget.is_spent() {
                break;
            }
            unread.pop();
            let Some(place) = groups.place(number) else { continue };
            budget.spend(place.group.bytes);
            page.incomplete |= !self.scan_logs(&place, &scanner, &mut newest);
        }
        let unread = unread.last().map(|(newest, _)| *newest);
        let (records, next) = newest.finish(unread);
        page.incomplete |= unread.is_some() && records.len() < limit;
        page.next = next.map(|after| LogCursor::new(after, filters).encode());
        page.records = records;
        page.scanned_bytes = budget.spent;
        Ok(page)
    }

    /// Reads one group; says whether it could be read.
    fn scan_logs(&self, place: &Place, scanner: &LogScanner<'_>, newest: &mut NewestLogs) -> bool {
        let end = Position { segment: u64::MAX, offset: u64::MAX };
        let read = read_group(self.frames(), place, end, &mut |batch| {
            if batch.signal == Signal::Logs {
                // What stands behind damage is found by no reader.
                let _ = scanner.scan(&batch.body, newest);
            }
            ControlFlow::Continue(())
        });
        read.is_ok()
    }

    /// Where to look, and whether that is all there is.
    fn groups_of(&self, filters: &LogFilters) -> (Groups, bool) {
        let directory = self.directory();
        let whole = directory.whole;
        match &filters.trace {
            Some(trace) => (Groups::Some(self.places_of(trace)), whole),
            None => (Groups::All(directory), whole),
        }
    }
}

impl Groups {
    /// The groups that may hold records that are looked for and no newer ones than `latest`, the
    /// newest last.
    fn unread(&self, scanner: &LogScanner<'_>, filters: &LogFilters, latest: u64) -> Vec<Unread> {
        let latest = latest.min(filters.to_ns.unwrap_or(u64::MAX));
        let times = filters.from_ns.unwrap_or(0)..=latest;
        let unread = |(number, place): (PlaceNumber, Place)| {
            let wanted = scanner.may_find(&place.group, &times);
            wanted.then(|| (place.group.max_log_ns.min(latest), number))
        };
        let mut found: Vec<Unread> = match self {
            Self::All(directory) => directory.places().filter_map(unread).collect(),
            Self::Some(places) => {
                let numbers = (0..).map(|number| (0, number));
                numbers.zip(places.iter().copied()).filter_map(unread).collect()
            }
        };
        found.sort_unstable();
        found
    }

    fn place(&self, number: PlaceNumber) -> Option<Place> {
        match self {
            Self::All(directory) => directory.place(number),
            Self::Some(places) => places.get(number.1 as usize).copied(),
        }
    }
}
