//! What makes the log searchable: for each stretch of it what it can hold, and where each trace
//! is. A projection: it holds nothing that the log could not give again.
//!
//! [`Index::apply`] takes committed batches in log order. Of the segment that is being written
//! the index is in memory ([`segment`]); of closed ones it is also in a file beside the log
//! ([`sidecar`]), so that a start reads no old segment. Questions are answered in
//! [`super::query`], which reads the spans themselves from the log.
//!
//! Invariant: no lock is held while a file is read or written.

mod frames;
mod group;
mod head;
mod rebuild;
mod segment;
mod sidecar;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(in crate::storage) use self::frames::{Frames, read_group};
use self::group::Survey;
pub(in crate::storage) use self::group::{Group, ServiceSet};
pub(in crate::storage) use self::head::{LogHead, SpanHead, log_trace_id, span_trace_id};
use self::segment::Growing;
pub(in crate::storage) use self::sidecar::check as check_sidecar;
use self::sidecar::{Sealed, Traces};
use super::block::{Block, BlockError, Catalog, Shelved};
use super::fs::Fs;
use super::layout::Layout;
use super::log::Log;
use super::query::KnownSummaries;
use super::{Batch, Position};
use crate::limits;
use crate::model::{CallBook, TraceId};

/// How a span is understood and priced.
pub use crate::model::Understand;

/// A book for the calls of one trace: `semconv::call_book`.
pub type OpenBook = fn() -> Box<dyn CallBook>;

/// The index over a log.
pub struct Index {
    frames: Arc<dyn Frames>,
    fs: Arc<dyn Fs>,
    layout: Layout,
    understand: Understand,
    open_book: OpenBook,
    group_bytes: u64,
    wanted_from: Position,
    state: RwLock<State>,
    /// Where the segments are that the log has no more.
    blocks: Option<Arc<Catalog>>,
    known: KnownSummaries,
}

#[derive(Debug, Default)]
struct State {
    /// Closed segments by number.
    sealed: BTreeMap<u64, Arc<Sealed>>,
    /// The segment that batches are applied to.
    growing: Option<Growing>,
    /// Segments in the log whose index is yet to be rebuilt.
    missing: BTreeSet<u64>,
}

/// How far the index has come and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexStatus {
    /// Segments of the log that can be searched.
    pub segments: u64,
    /// Segments whose index is yet to be rebuilt; until then they are not searched.
    pub missing_segments: u64,
    /// Memory that the index takes, without what the growing segment takes.
    pub memory_bytes: u64,
}

/// A group and the segment it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) struct Place {
    /// The segment's number.
    pub(in crate::storage) segment: u64,
    /// What is known of the group.
    pub(in crate::storage) group: Group,
}

/// The groups of all segments at one moment.
pub(in crate::storage) struct Directory {
    sealed: Vec<Arc<Sealed>>,
    growing: Option<(u64, Vec<Group>)>,
    /// Batches from here on were not applied yet.
    pub(in crate::storage) end: Position,
    /// Whether all segments of the log are in it.
    pub(in crate::storage) whole: bool,
}

/// Names a group in a [`Directory`]: the segment's place in it and the group's in the segment.
pub(in crate::storage) type PlaceNumber = (u32, u32);

impl Index {
    /// The index of this log: reads what earlier runs have left of it. Batches from
    /// [`Index::wanted_from`] on are to be applied; [`Index::rebuild_missing`] does the rest.
    pub fn open(log: Arc<Log>, understand: Understand, open_book: OpenBook) -> Self {
        let (fs, layout) = log.place();
        Self::over(log, fs, layout, (understand, open_book), limits::INDEX_GROUP_BYTES)
    }

    pub(in crate::storage) fn over(
        frames: Arc<dyn Frames>,
        fs: Arc<dyn Fs>,
        layout: Layout,
        (understand, open_book): (Understand, OpenBook),
        group_bytes: u64,
    ) -> Self {
        let wanted_from = Position::OLDEST;
        let state = RwLock::default();
        let mut index = Self {
            frames,
            fs,
            layout,
            understand,
            open_book,
            group_bytes,
            wanted_from,
            state,
            blocks: None,
            known: KnownSummaries::default(),
        };
        index.load();
        index
    }

    /// The same with the blocks that closed segments become: what they hold is searched there.
    pub fn with_blocks(mut self, blocks: Arc<Catalog>) -> Self {
        self.blocks = Some(blocks);
        self
    }

    /// The blocks as they are now.
    pub(in crate::storage) fn shelved(&self) -> Shelved {
        self.blocks.as_ref().map(|blocks| blocks.shelved()).unwrap_or_default()
    }

    /// Summaries made lately.
    pub(in crate::storage) fn known(&self) -> &KnownSummaries {
        &self.known
    }

    /// Reports a block that could not be read.
    pub(in crate::storage) fn report(&self, block: &Block, error: &BlockError) {
        if let Some(blocks) = &self.blocks {
            blocks.report(block, error);
        }
    }

    /// Where the log is to be read from so that the index is whole. At most
    /// [`limits::INDEX_REPLAY_BYTES`] and a segment before the log's end.
    pub fn wanted_from(&self) -> Position {
        self.wanted_from
    }

    /// Takes the batch that is committed at `at`. Batches come in log order; one that is known
    /// already changes nothing.
    pub fn apply(&self, at: Position, batch: &Batch) {
        if at < self.wanted_from || self.is_known(at) {
            return;
        }
        let survey = Survey::of(batch);
        self.close_before(at.segment);
        let mut state = self.state_mut();
        let growing =
            state.growing.get_or_insert_with(|| Growing::new(at.segment, self.group_bytes));
        growing.add(at.offset, &survey);
    }

    fn is_known(&self, at: Position) -> bool {
        let state = self.state();
        match &state.growing {
            Some(growing) if growing.segment == at.segment => {
                growing.last().is_some_and(|last| at.offset <= last)
            }
            Some(growing) => at.segment < growing.segment,
            None => state.sealed.contains_key(&at.segment),
        }
    }

    /// Closes the growing segment if it is an older one than `segment`.
    fn close_before(&self, segment: u64) {
        let (number, groups, traces) = match &self.state().growing {
            Some(growing) if growing.segment < segment => {
                let end = self
                    .frames
                    .segments()
                    .iter()
                    .find_map(|info| (info.number == growing.segment).then_some(info.end));
                let (groups, pairs) = growing.seal(end.unwrap_or(u64::MAX));
                (growing.segment, groups, pairs)
            }
            _ => return,
        };
        let end = groups.last().map_or(u64::MAX, |group| group.end);
        let traces = Traces::Held(traces);
        self.keep(Sealed { segment: number, end, groups, traces });
        self.drop_expired();
        self.file_traces();
    }

    /// Keeps the index of a closed segment, in its file as well if the disk takes it.
    fn keep(&self, sealed: Sealed) {
        let segment = sealed.segment;
        let path = self.layout.index_file(segment);
        if let Err(error) = sealed.save(&*self.fs, &path) {
            tracing::warn!(%error, segment, "An index file could not be written.");
        }
        let mut state = self.state_mut();
        state.missing.remove(&segment);
        state.sealed.insert(segment, Arc::new(sealed));
        // In one step, so that no search sees the segment twice or not at all.
        if state.growing.as_ref().is_some_and(|growing| growing.segment == segment) {
            state.growing = None;
        }
    }

    /// Forgets the segments that retention has removed.
    fn drop_expired(&self) {
        let kept: BTreeSet<u64> = self.frames.segments().iter().map(|info| info.number).collect();
        let mut state = self.state_mut();
        let gone: Vec<u64> =
            state.sealed.keys().copied().filter(|number| !kept.contains(number)).collect();
        state.sealed.retain(|number, _| kept.contains(number));
        state.missing.retain(|number| kept.contains(number));
        drop(state);
        for segment in gone {
            // Left behind it is removed at the next start.
            let _ = self.fs.remove(&self.layout.index_file(segment));
        }
    }

    /// Leaves the traces of the oldest segments to their files once they take too much memory.
    fn file_traces(&self) {
        let sealed = self.all_sealed();
        let mut bytes: usize = sealed.iter().map(|sealed| sealed.trace_bytes()).sum();
        for sealed in &sealed {
            if bytes <= limits::INDEX_TRACES_BYTES {
                break;
            }
            let path = self.layout.index_file(sealed.segment);
            // Only what is in its file can be left to it.
            let held = matches!(sealed.traces, Traces::Held(_));
            if !held || Sealed::load(&*self.fs, &path, false).is_err() {
                continue;
            }
            if let Some(filed) = sealed.filed() {
                bytes -= sealed.trace_bytes() - filed.trace_bytes().min(sealed.trace_bytes());
                self.state_mut().sealed.insert(sealed.segment, Arc::new(filed));
            }
        }
    }

    /// The groups of segments behind `through` that may hold spans or log records of a trace, in
    /// log order.
    pub(in crate::storage) fn places_of(&self, id: &TraceId, through: u64) -> Vec<Place> {
        let Some(digest) = group::digest(id.as_bytes()) else { return Vec::new() };
        let (sealed, growing) = {
            let state = self.state();
            let growing = state.growing.as_ref().filter(|growing| growing.segment > through);
            let found = growing.map(|growing| (growing.segment, growing.find(digest)));
            let sealed = state.sealed.range(through + 1..).map(|(_, sealed)| Arc::clone(sealed));
            (sealed.collect::<Vec<_>>(), found)
        };
        let mut places = Vec::new();
        for sealed in sealed {
            let groups = sealed.find(digest, &*self.fs, &self.file_of(&sealed));
            places.extend(groups.into_iter().map(|group| Place { segment: sealed.segment, group }));
        }
        if let Some((segment, groups)) = growing {
            places.extend(groups.into_iter().map(|group| Place { segment, group }));
        }
        places
    }

    /// All groups of segments behind `through`, as of now.
    pub(in crate::storage) fn directory(&self, through: u64) -> Directory {
        let state = self.state();
        let sealed = state.sealed.range(through + 1..);
        let sealed: Vec<Arc<Sealed>> = sealed.map(|(_, sealed)| Arc::clone(sealed)).collect();
        let growing = state.growing.as_ref().filter(|growing| growing.segment > through);
        let growing = growing.map(|growing| (growing.segment, growing.groups.clone()));
        let whole = state.missing.range(through + 1..).next().is_none();
        drop(state);
        let last = |segment, groups: &[Group]| {
            groups.last().map(|group| Position { segment, offset: group.last + 1 })
        };
        let end = growing.as_ref().and_then(|(segment, groups)| last(*segment, groups));
        let end = end.or_else(|| sealed.last().and_then(|each| last(each.segment, &each.groups)));
        Directory { sealed, growing, end: end.unwrap_or(Position::OLDEST), whole }
    }

    /// How far it has come and what it holds.
    pub fn status(&self) -> IndexStatus {
        let state = self.state();
        let bytes = |sealed: &Arc<Sealed>| {
            (sealed.trace_bytes() + sealed.groups.len() * size_of::<Group>()) as u64
        };
        IndexStatus {
            segments: (state.sealed.len() + usize::from(state.growing.is_some())) as u64,
            missing_segments: state.missing.len() as u64,
            memory_bytes: state.sealed.values().map(bytes).sum(),
        }
    }

    /// A book for the calls of one trace.
    pub(in crate::storage) fn open_book(&self) -> Box<dyn CallBook> {
        (self.open_book)()
    }

    /// What understands spans.
    pub(in crate::storage) fn understand(&self) -> &Understand {
        &self.understand
    }

    /// What the groups are read from.
    pub(in crate::storage) fn frames(&self) -> &dyn Frames {
        &*self.frames
    }

    fn file_of(&self, sealed: &Sealed) -> PathBuf {
        self.layout.index_file(sealed.segment)
    }

    fn all_sealed(&self) -> Vec<Arc<Sealed>> {
        self.state().sealed.values().cloned().collect()
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Directory {
    /// The groups with their numbers, oldest segment first.
    pub(in crate::storage) fn places(&self) -> impl Iterator<Item = (PlaceNumber, Place)> {
        let parts = (0..=self.sealed.len()).filter_map(|part| self.part(part));
        parts.zip(0..).flat_map(|((segment, groups), part)| {
            let places = groups.iter().map(move |group| Place { segment, group: *group });
            places.zip(0..).map(move |(place, group)| ((part, group), place))
        })
    }

    /// The group with this number.
    pub(in crate::storage) fn place(&self, (part, group): PlaceNumber) -> Option<Place> {
        let (segment, groups) = self.part(part as usize)?;
        Some(Place { segment, group: *groups.get(group as usize)? })
    }

    /// A segment's number and its groups; the growing one comes last.
    fn part(&self, number: usize) -> Option<(u64, &[Group])> {
        if let Some(sealed) = self.sealed.get(number) {
            return Some((sealed.segment, &sealed.groups));
        }
        let growing = self.growing.as_ref().filter(|_| number == self.sealed.len());
        growing.map(|(segment, groups)| (*segment, groups.as_slice()))
    }
}

#[cfg(test)]
pub(in crate::storage) mod double;
#[cfg(test)]
mod tests;
