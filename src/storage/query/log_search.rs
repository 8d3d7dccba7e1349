//! Searching the log for log records, newest first, a page at a time.
//!
//! Groups of the log and row groups of blocks are read by the newest record that they can hold,
//! until the page is full with records that are newer than all that was not read.

use std::ops::ControlFlow;

use super::block_scan::Said;
use super::log_cursor::LogCursor;
use super::log_scan::LogScanner;
use super::logs::{LogFilters, LogPage, LogQuery};
use super::newest_logs::NewestLogs;
use super::search::Spot;
use super::{Budget, QueryError};
use crate::limits;
use crate::model::Signal;
use crate::storage::Position;
use crate::storage::block::Shelved;
use crate::storage::index::{Directory, Index, Place, PlaceNumber, read_group};

/// Where records are looked for.
enum Groups {
    /// Everywhere.
    All(Directory),
    /// In these.
    Some(Vec<Place>),
}

/// A group that is yet to be read: the newest time it can hold, and which one it is.
type Unread = (u64, Spot);

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
        let shelved = self.shelved();
        let (groups, whole) = self.groups_of(filters, shelved.through);
        let mut page = LogPage { incomplete: !whole, ..LogPage::default() };
        let mut newest = NewestLogs::new(limit, after);
        let latest = after.map_or(u64::MAX, |after| after.time_ns);
        let mut unread = groups.unread(&scanner, filters, latest);
        unread.extend(unread_in_blocks(&shelved, &scanner, filters, latest));
        unread.sort_unstable();
        let mut said = Said::default();
        let mut looks_ahead = false;
        while let Some((newest_unread, spot)) = unread.last().copied() {
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
            let readable = match spot {
                Spot::Log(number) => groups.place(number).is_none_or(|place| {
                    budget.spend(place.group.bytes);
                    self.scan_logs(&place, &scanner, &mut newest)
                }),
                Spot::Block(block, group) => {
                    let block = &shelved.blocks[block];
                    let found = scanner.scan_block(block, group, &mut said, &mut newest);
                    budget.spend(*found.as_ref().unwrap_or(&0));
                    found.inspect_err(|error| self.report(block, error)).is_ok()
                }
            };
            page.incomplete |= !readable;
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
    fn groups_of(&self, filters: &LogFilters, through: u64) -> (Groups, bool) {
        let directory = self.directory(through);
        let whole = directory.whole;
        match &filters.trace {
            Some(trace) => (Groups::Some(self.places_of(trace, through)), whole),
            None => (Groups::All(directory), whole),
        }
    }
}

/// The row groups of blocks that may hold records that are looked for and no newer ones than
/// `latest`.
fn unread_in_blocks(
    shelved: &Shelved,
    scanner: &LogScanner<'_>,
    filters: &LogFilters,
    latest: u64,
) -> Vec<Unread> {
    let latest = latest.min(filters.to_ns.unwrap_or(u64::MAX));
    let times = filters.from_ns.unwrap_or(0)..=latest;
    let groups = shelved.blocks.iter().enumerate().flat_map(|(at, block)| {
        let groups = block.seal.logs.iter().enumerate();
        groups.map(move |(number, group)| (Spot::Block(at, number), group.facts()))
    });
    let wanted = groups.filter(|(_, facts)| scanner.may_find(facts, &times));
    wanted.map(|(spot, facts)| (facts.max_log_ns.min(latest), spot)).collect()
}

impl Groups {
    /// The groups that may hold records that are looked for and no newer ones than `latest`.
    fn unread(&self, scanner: &LogScanner<'_>, filters: &LogFilters, latest: u64) -> Vec<Unread> {
        let latest = latest.min(filters.to_ns.unwrap_or(u64::MAX));
        let times = filters.from_ns.unwrap_or(0)..=latest;
        let unread = |(number, place): (PlaceNumber, Place)| {
            let wanted = scanner.may_find(&place.group, &times);
            wanted.then(|| (place.group.max_log_ns.min(latest), Spot::Log(number)))
        };
        match self {
            Self::All(directory) => directory.places().filter_map(unread).collect(),
            Self::Some(places) => {
                let numbers = (0..).map(|number| (0, number));
                numbers.zip(places.iter().copied()).filter_map(unread).collect()
            }
        }
    }

    fn place(&self, number: PlaceNumber) -> Option<Place> {
        match self {
            Self::All(directory) => directory.place(number),
            Self::Some(places) => places.get(number.1 as usize).copied(),
        }
    }
}
