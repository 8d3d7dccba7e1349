//! What the writer and the readers of a log share: which segments there are and where the
//! committed frames end.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::watch;

use super::header::SEGMENT_HEADER_BYTES;
use super::observer::LogObserver;
use super::options::LogOptions;
use super::status::{LogCounts, SegmentInfo, Writable};
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
}

impl Table {
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
    sleepers: Mutex<()>,
    moved: Condvar,
}

impl Shared {
    pub(super) fn new(
        fs: Arc<dyn Fs>,
        layout: Layout,
        options: LogOptions,
        observer: Arc<dyn LogObserver>,
        table: Table,
    ) -> Self {
        let committed = watch::Sender::new(table.end());
        let (sleepers, moved) = Default::default();
        let table = RwLock::new(table);
        Self { fs, layout, options, observer, table, committed, sleepers, moved }
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
