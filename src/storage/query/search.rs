//! Searching: traces with a matching span, newest first, a page at a time.
//!
//! A trace's place in the order is the newest start among its matching spans. Groups of the log
//! are read by the newest start they can hold, and a trace is answered once no unread group can
//! hold anything newer: so the order is right although batches arrive in any order, and a page
//! of new traces reads a few groups only.
//!
//! Row groups of blocks stand beside the groups of the log: closed segments are searched as blocks,
//! the rest in the log itself.
//!
//! The next page goes on below the last place. A trace found there that also has a matching span
//! above it was answered before.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::block_scan::{Said, Wanted};
use super::candidates::Candidates;
use super::cursor::{Cursor, Key};
use super::scan::{Scanner, Starts};
use super::summary::{Sources, TraceSummary};
use super::{Budget, Filters, QueryError};
use crate::limits;
use crate::model::{Signal, Status, TraceId};
use crate::storage::Position;
use crate::storage::block::{Block, BlockError, Shelved, span};
use crate::storage::index::{Directory, Index, Place, PlaceNumber, read_group};
use crate::storage::layout::BlockPart;

/// A search for traces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchQuery {
    /// What one span of a trace must fulfil.
    pub filters: Filters,
    /// The most traces in the page, at most [`limits::SEARCH_PAGE_TRACES`].
    pub limit: Option<usize>,
    /// [`SearchPage::next`] of the page before, for the same filters.
    pub cursor: Option<String>,
}

/// A page of traces.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SearchPage {
    /// The traces, by the start of the whole trace, newest first.
    pub traces: Vec<TraceSummary>,
    /// Where the next page begins; `None` where there is none.
    pub next: Option<String>,
    /// Whether something that matches may be missing, because a bound was reached (`next` then
    /// goes on, if it can) or a part of the log could not be read or is not indexed yet.
    pub incomplete: bool,
    /// Bytes of telemetry that were read.
    pub scanned_bytes: u64,
}

/// A group that is yet to be read: the newest start it can hold, and which one it is.
type Unread = (u64, Spot);

/// Where spans stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spot {
    /// In a row group: the block's place on the shelf and the group's in the block.
    Block(usize, usize),
    /// In a group of the log.
    Log(PlaceNumber),
}

struct Search<'s> {
    index: &'s Index,
    scanner: Scanner<'s>,
    filters: &'s Filters,
    budget: Budget<'s>,
    shelved: Shelved,
    said: Said,
    directory: Directory,
    unread: BinaryHeap<Unread>,
    candidates: Candidates,
    /// What this page looks at.
    starts: Starts,
    /// The page before ended here.
    after: Option<Key>,
    until: Position,
    /// The last trace that was looked at.
    passed: Option<Key>,
    page: SearchPage,
}

/// Whether a page ends because there is no more, or at a place where another one goes on.
enum End {
    Done,
    At(Option<Key>),
}

/// The place between a key and all that are greater.
fn just_above((start, Reverse(id)): Key) -> Key {
    (start, Reverse(u128::from_be_bytes(id).saturating_sub(1).to_be_bytes()))
}

impl Index {
    /// Searches within the default bounds.
    pub fn search(&self, query: &SearchQuery) -> Result<SearchPage, QueryError> {
        self.search_within(query, Budget::default())
    }

    /// Searches within the given bounds.
    pub fn search_within(
        &self,
        query: &SearchQuery,
        budget: Budget<'_>,
    ) -> Result<SearchPage, QueryError> {
        self.search_keeping(query, budget, limits::SEARCH_CANDIDATES)
    }

    pub(super) fn search_keeping(
        &self,
        query: &SearchQuery,
        budget: Budget<'_>,
        candidates: usize,
    ) -> Result<SearchPage, QueryError> {
        let limit = query.limit.unwrap_or(limits::SEARCH_PAGE_DEFAULT_TRACES);
        let limit = limit.clamp(1, limits::SEARCH_PAGE_TRACES);
        let cursor = query.cursor.as_deref();
        let cursor = cursor.map(|text| Cursor::decode(text, &query.filters)).transpose()?;
        let mut search = Search::new(self, &query.filters, budget, cursor, candidates);
        let end = search.fill(limit);
        Ok(search.finish(end, limit))
    }
}

impl<'s> Search<'s> {
    fn new(
        index: &'s Index,
        filters: &'s Filters,
        budget: Budget<'s>,
        cursor: Option<Cursor>,
        candidates: usize,
    ) -> Self {
        let shelved = index.shelved();
        let directory = index.directory(shelved.through);
        let after = cursor.map(|cursor| cursor.after);
        // Behind the last block there may be nothing yet.
        let end = directory.end.max(Position { segment: shelved.through + 1, offset: 0 });
        let until = cursor.map_or(end, |cursor| cursor.until);
        let newest = after.map_or(u64::MAX, |after| after.0).min(filters.to_ns.unwrap_or(u64::MAX));
        let starts = filters.from_ns.unwrap_or(0)..=newest;
        let scanner = Scanner::new(filters, index.understand());
        let wanted = directory.places().filter(|(_, place)| {
            let begins = Position { segment: place.segment, offset: place.group.first };
            begins < until && scanner.may_find(&place.group, &starts)
        });
        let unread = wanted.map(|(number, place)| (place.group.max_start_ns, Spot::Log(number)));
        let blocks = shelved.blocks.iter().enumerate();
        let blocks = blocks.filter(|(_, block)| block.seal.name.first <= until.segment);
        let in_blocks = blocks.flat_map(|(at, block)| {
            let groups = block.seal.spans.iter().enumerate();
            let wanted = groups.filter(|(_, group)| scanner.may_find(&group.facts(), &starts));
            wanted.map(move |(number, group)| (group.max_start_ns, Spot::Block(at, number)))
        });
        let unread = unread.chain(in_blocks).map(|(start, spot)| (start.min(newest), spot));
        let unread = unread.collect();
        let page = SearchPage { incomplete: !directory.whole, ..SearchPage::default() };
        let candidates = Candidates::new(candidates, after);
        let passed = None;
        Self {
            index,
            scanner,
            filters,
            budget,
            shelved,
            said: Said::default(),
            directory,
            unread,
            candidates,
            starts,
            after,
            until,
            passed,
            page,
        }
    }

    /// Fills the page.
    fn fill(&mut self, limit: usize) -> End {
        loop {
            let frontier = self.unread.peek().map(|(newest, _)| (*newest, Reverse([0; 16])));
            let floor = self.candidates.floor();
            if let Some((key, id)) = self.candidates.take_above(frontier.max(floor)) {
                // The first trace of a page is always looked at, so that every page gets on.
                if self.passed.is_some() && self.budget.is_spent() {
                    return End::At(self.passed);
                }
                let Some(summary) = self.look_at(&id) else {
                    self.passed = Some(key);
                    continue;
                };
                if self.page.traces.len() == limit {
                    return End::At(self.passed);
                }
                self.page.traces.push(summary);
                self.passed = Some(key);
                if self.page.traces.len() == limit {
                    // What remains is to learn whether there is another page.
                    self.budget.bytes = self.budget.bytes.min(limits::SEARCH_LOOKAHEAD_BYTES);
                }
                continue;
            }
            if floor.is_some() && floor >= frontier {
                return End::At(floor.map(just_above));
            }
            if frontier.is_none() {
                return End::Done;
            }
            if self.budget.is_spent() {
                return End::At(frontier);
            }
            self.read_next();
        }
    }

    /// Reads the group that can hold the newest spans.
    fn read_next(&mut self) {
        match self.unread.pop() {
            Some((_, Spot::Log(number))) => self.read_log(number),
            Some((_, Spot::Block(block, group))) => self.read_block(block, group),
            None => {}
        }
    }

    fn read_block(&mut self, block: usize, group: usize) {
        let block = Arc::clone(&self.shelved.blocks[block]);
        let wanted = Wanted { starts: &self.starts, only: None, until: self.until };
        let selected = self.scanner.select(&block, group, &wanted, &mut self.said);
        let found = selected.and_then(|selected| {
            self.budget.spend(selected.bytes);
            let starts = block.longs(BlockPart::Spans, group, span::START)?;
            let ids = block.trace_ids(BlockPart::Spans, group, span::TRACE_ID)?;
            for row in selected.rows {
                if let Some(id) = TraceId::from_bytes(&ids[row]) {
                    self.candidates.add(id, starts[row].cast_unsigned());
                }
            }
            Ok(())
        });
        self.note_block(&block, found);
    }

    /// Notes whether a block could be read.
    fn note_block(&mut self, block: &Block, read: Result<(), BlockError>) {
        if let Err(error) = &read {
            self.index.report(block, error);
        }
        self.note(read.is_ok());
    }

    fn read_log(&mut self, number: PlaceNumber) {
        let Some(place) = self.directory.place(number) else { return };
        self.budget.spend(place.group.bytes);
        let Self { scanner, candidates, starts, .. } = self;
        let read = read_group(self.index.frames(), &place, self.until, &mut |batch| {
            if batch.signal == Signal::Traces {
                // What stands behind damage is found by no reader.
                let _ = scanner.scan(&batch.body, starts, None, |id, start| {
                    candidates.add(id, start);
                });
            }
            ControlFlow::Continue(())
        });
        self.note(read.is_ok());
    }

    /// The summary of a trace, unless it was answered on an earlier page or does not match as a
    /// whole.
    fn look_at(&mut self, id: &TraceId) -> Option<TraceSummary> {
        let places = self.index.places_of(id, self.shelved.through);
        if self.was_answered(id, &places) || self.was_answered_by_blocks(id) {
            return None;
        }
        let sources = Sources { index: self.index, shelved: &self.shelved, places: &places };
        let (summary, whole) = TraceSummary::of(&sources, id, &mut self.budget);
        self.note(whole);
        let summary = summary?;
        let failed = self.filters.status == Some(Status::Ok) && summary.error_count > 0;
        (!failed).then_some(summary)
    }

    /// Whether the trace has a matching span that is newer than all this page looks at.
    fn was_answered(&mut self, id: &TraceId, places: &[Place]) -> bool {
        let Some(newer) = self.after.and_then(|after| after.0.checked_add(1)) else { return false };
        let newer = newer..=self.filters.to_ns.unwrap_or(u64::MAX);
        let mut answered = false;
        let mut all_read = true;
        for place in places.iter().filter(|place| self.scanner.may_find(&place.group, &newer)) {
            self.budget.spend(place.group.bytes);
            let read = read_group(self.index.frames(), place, self.until, &mut |batch| {
                if batch.signal == Signal::Traces {
                    // What stands behind damage is found by no reader.
                    let _ = self.scanner.scan(&batch.body, &newer, Some(id), |_, _| {
                        answered = true;
                    });
                }
                if answered { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            all_read &= read.is_ok();
            if answered {
                break;
            }
        }
        self.note(all_read);
        answered
    }

    /// The same among the blocks.
    fn was_answered_by_blocks(&mut self, id: &TraceId) -> bool {
        let Some(newer) = self.after.and_then(|after| after.0.checked_add(1)) else { return false };
        let newer = newer..=self.filters.to_ns.unwrap_or(u64::MAX);
        for block in self.shelved.blocks.clone() {
            // Newer ones may have come since the first page.
            if block.seal.name.first > self.until.segment {
                break;
            }
            let mut answered = false;
            let asked = block.span_groups_of(id).and_then(|groups| {
                for group in groups {
                    if self.scanner.may_find(&block.seal.spans[group].facts(), &newer) {
                        let said = &mut self.said;
                        let wanted = Wanted { starts: &newer, only: Some(id), until: self.until };
                        let found = self.scanner.select(&block, group, &wanted, said)?;
                        self.budget.spend(found.bytes);
                        answered |= !found.rows.is_empty();
                    }
                }
                Ok(())
            });
            self.note_block(&block, asked);
            if answered {
                return true;
            }
        }
        false
    }

    fn note(&mut self, readable: bool) {
        self.page.incomplete |= !readable;
    }

    fn finish(self, end: End, limit: usize) -> SearchPage {
        let mut page = self.page;
        page.scanned_bytes = self.budget.spent;
        page.traces.sort_by_key(|trace| (Reverse(trace.start_ns), trace.trace_id));
        if let End::At(after) = end {
            page.incomplete |= page.traces.len() < limit;
            // A page that did not get on would be followed by itself for ever.
            let moved = after.filter(|after| self.after.is_none_or(|before| *after < before));
            page.next = moved.map(|after| {
                let fingerprint = self.filters.fingerprint();
                Cursor { after, until: self.until, fingerprint }.encode()
            });
        }
        page
    }
}
