//! What the writer and the readers of a log share: which segments there are and where the
//! committed frames end.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::watch;

use super::header::SEGMENT_HEADER_BYTES;
use super::hold::Holds;
use super::observer::LogObserver;
use super::options::LogOptions;
use super::scan::Hole;
use super::status::{Expired, LogCounts, SegmentInfo, Writable};
use crate::limits;
use crate::storage::Position;
use crate::storage::fs::Fs;
use crate::storage::layout::Layout;

/// One segment and what is needed to read it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub(super) info: SegmentInfo,
    pub(super) salt: u64,
}

/// The segments kept and what has happened.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) segments: BTreeMap<u64, Segment>,
    pub(super) writable: Writable,
    pub(super) counts: LogCounts,
    /// Damage found so far: segment and offset to where it ends.
    pub(super) damaged: BTreeMap<(u64, u64), u64>,
    /// Segments that retention removed since the log was opened, the latest last.
    removed: VecDeque<SegmentInfo>,
}

impl Table {
    /// Whether this damage, or a stretch that covers it, was found before.
    pub(super) fn is_known_damage(&self, number: u64, hole: Hole) -> bool {
        let before = self.damaged.range((number, 0)..=(number, hole.from)).next_back();
        before.is_some_and(|(_, until)| *until >= hole.until)
    }

    /// Takes a segment out that retention is about to remove.
    pub(super) fn remove(&mut self, number: u64) -> Option<Segment> {
        let segment = self.segments.remove(&number)?;
        if self.removed.len() >= limits::REMOVED_SEGMENTS {
            self.removed.pop_front();
        }
        self.removed.push_back(segment.info);
        Some(segment)
    }

    /// Puts a segment back whose file could not be removed.
    pub(super) fn put_back(&mut self, segment: Segment) {
        self.removed.retain(|removed| removed.number != segment.info.number);
        self.segments.insert(segment.info.number, segment);
    }

    /// What retention has removed between this position and the oldest one kept. `read` are the
    /// items before it in its segment, where that is known.
    pub(super) fn expired_since(&self, at: Position, read: Option<[u64; 3]>) -> Expired {
        let mut expired = Expired::default();
        let kept_from = self.segments.keys().next().copied().unwrap_or(at.segment);
        if at == Position::OLDEST || at.segment >= kept_from {
            return expired;
        }
        let known_from = self.removed.front().map_or(kept_from, |removed| removed.number);
        expired.segments = known_from.saturating_sub(at.segment);
        for removed in self.removed.iter().filter(|removed| removed.number >= at.segment) {
            let from = if removed.number == at.segment { at.offset } else { 0 };
            if from < removed.end {
                expired.count(removed, from, read);
            }
        }
        expired
    }

    /// The oldest batch kept, or where the first one will be.
    pub(super) fn start(&self) -> Position {
        let first = self.segments.keys().next();
        first.map_or(Position::OLDEST, |segment| first_frame(*segment))
    }

    /// Where the committed frames end.
    pub(super) fn end(&self) -> Position {
        let last = self.segments.values().next_back();
        last.map_or(Position::OLDEST, |last| Position {
            segment: last.info.number,
            offset: last.info.end,
        })
    }
}

/// Where a segment's first frame is.
pub(super) fn first_frame(segment: u64) -> Position {
    Position { segment, offset: SEGMENT_HEADER_BYTES }
}

/// What the writer and the readers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) fs: Arc<dyn Fs>,
    pub(super) layout: Layout,
    pub(super) options: LogOptions,
    pub(super) observer: Arc<dyn LogObserver>,
    table: RwLock<Table>,
    committed: watch::Sender<Position>,
    pub(super) holds: Holds,
    sleepers: Mutex<()>,
    moved: Condvar,
}

impl Shared {
    pub(super) fn new(
        fs: Arc<dyn Fs>,
        layout: Layout,
        options: LogOptions,
        observer: Arc<dyn LogObserver>,
    ) -> Self {
        let committed = watch::Sender::new(Position::OLDEST);
        let (table, holds, sleepers, moved) = Default::default();
        Self { fs, layout, options, observer, table, committed, holds, sleepers, moved }
    }

    pub(super) fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn table_mut(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn committed(&self) -> watch::Receiver<Position> {
        self.committed.subscribe()
    }

    /// Tells all who wait that the committed end has moved.
    pub(super) fn announce(&self) {
        let end = self.table().end();
        self.committed.send_if_modified(|last| std::mem::replace(last, end) != end);
        drop(self.sleepers.lock().unwrap_or_else(PoisonError::into_inner));
        self.moved.notify_all();
    }

    /// Waits until the committed end is beyond `at`, at most this long; says whether it is.
    pub(super) fn wait_beyond(&self, at: Position, longest: Duration) -> bool {
        let guard = self.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.moved.wait_timeout_while(guard, longest, |()| self.table().end() <= at);
        drop(waited);
        self.table().end() > at
    }
}
