//! The log: append-only segments of framed, checksummed, redacted OTLP batches.
//!
//! One thread writes; an append is answered once the group it was written with is durable.
//! Readers follow behind the committed end, each with a cursor of its own.
//!
//! Invariant: a batch that was answered with a position is readable, with exactly its bytes,
//! until retention removes its segment.

mod error;
mod footer;
mod frame;
mod header;
mod hold;
mod observer;
mod options;
mod quarantine;
mod queue;
mod reader;
mod recovery;
mod retention;
mod scan;
mod segment;
mod status;
mod survey;
mod table;
mod thread;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::watch;

pub use error::{AppendError, OpenError, ReadError};
pub use hold::{Hold, Purpose};
pub use observer::{LogObserver, Unobserved};
pub use options::{Durability, LogOptions};
pub use reader::LogReader;
pub(in crate::storage) use retention::RetentionClock;
pub use status::{Expired, LogCounts, LogStatus, SegmentInfo, Writable};
pub(in crate::storage) use survey::{Survey, Surveyed, Walked};

use self::queue::Queue;
use self::table::Shared;
use self::writer::Writer;
use super::fs::{Fs, Lock};
use super::layout::{BlockName, Layout};
use super::{Batch, Position};
use crate::limits;

/// An open log. It is closed by [`Log::stop`] or when dropped.
#[derive(Debug)]
pub struct Log {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    writer: Mutex<Option<JoinHandle<()>>>,
    _lock: Box<dyn Lock>,
}

impl Log {
    /// Opens the log under `root`, making it if needed: locks the folder for this process and
    /// recovers what is there.
    pub fn open(fs: Arc<dyn Fs>, root: &Path, options: LogOptions) -> Result<Self, OpenError> {
        Self::open_observed(fs, root, options, Arc::new(Unobserved))
    }

    /// Like [`Log::open`], telling `observer` what happens, recovery included.
    pub fn open_observed(
        fs: Arc<dyn Fs>,
        root: &Path,
        options: LogOptions,
        observer: Arc<dyn LogObserver>,
    ) -> Result<Self, OpenError> {
        let (writer, lock) = prepare(fs, root, options, observer, fastrand::Rng::new())?;
        let shared = Arc::clone(&writer.shared);
        let queue = Arc::new(Queue::new());
        let thread = thread::start(writer, Arc::clone(&queue));
        let thread = thread.map_err(|source| OpenError::Io { path: root.to_owned(), source })?;
        Ok(Self { shared, queue, writer: Mutex::new(Some(thread)), _lock: lock })
    }

    /// Appends a batch; returns its position once the group it was written with is durable (see
    /// [`Durability`]). Waits while the writer's queue is full. If the future is dropped, the
    /// batch may or may not be appended.
    pub async fn append(&self, batch: Batch) -> Result<Position, AppendError> {
        let bytes = batch.body.len();
        if bytes > limits::FRAME_BYTES {
            return Err(AppendError::TooLarge { bytes });
        }
        self.queue.append(batch).await
    }

    /// A reader that starts at `from`; [`Position::OLDEST`] for all there is.
    pub fn reader(&self, from: Position) -> LogReader {
        LogReader::new(Arc::clone(&self.shared), from)
    }

    /// A reader of the batches from `from` on that begin before the offset `until` of the same
    /// segment. It reads nothing beyond, and nothing of another segment.
    pub(in crate::storage) fn reader_within(&self, from: Position, until: u64) -> LogReader {
        LogReader::within(Arc::clone(&self.shared), from, until)
    }

    /// Holds the log from this position on.
    pub fn hold(&self, from: Position, purpose: Purpose) -> Hold {
        Hold::new(Arc::clone(&self.shared), from, purpose)
    }

    /// The file system and the folders that the log works in.
    pub(in crate::storage) fn place(&self) -> (Arc<dyn Fs>, Layout) {
        (Arc::clone(&self.shared.fs), self.shared.layout.clone())
    }

    /// The batch at exactly this position, as it was given by [`Log::append`] or a reader.
    pub fn read_at(&self, at: Position) -> Result<Batch, ReadError> {
        reader::read_at(&self.shared, at)
    }

    /// The oldest position kept.
    pub fn start(&self) -> Position {
        self.shared.table().start()
    }

    /// The committed end: behind the newest batch that was answered.
    pub fn end(&self) -> Position {
        self.shared.table().end()
    }

    /// The committed end as it moves, to wake whoever follows the log.
    pub fn committed(&self) -> watch::Receiver<Position> {
        self.shared.committed()
    }

    /// The segments kept, oldest first.
    pub fn segments(&self) -> Vec<SegmentInfo> {
        self.shared.table().segments.values().map(|segment| segment.info).collect()
    }

    /// Committed bytes from this position on.
    pub fn bytes_from(&self, at: Position) -> u64 {
        let behind = |segment: &SegmentInfo| {
            let from = if segment.number == at.segment { at.offset } else { 0 };
            if segment.number < at.segment { 0 } else { segment.end.saturating_sub(from) }
        };
        self.segments().iter().map(behind).sum()
    }

    /// Sizes, counts and whether the log takes batches.
    pub fn status(&self) -> LogStatus {
        let free_bytes = self.shared.fs.free_space(self.shared.layout.root()).ok();
        let table = self.shared.table();
        let mut status = LogStatus {
            segments: table.segments.len() as u64,
            limit_bytes: self.shared.options.retention_bytes,
            free_bytes,
            writable: table.writable.clone(),
            counts: table.counts,
            ..LogStatus::default()
        };
        for segment in table.segments.values() {
            status.bytes += segment.info.bytes;
            for (sum, items) in status.items.iter_mut().zip(segment.info.items) {
                *sum += items;
            }
        }
        status
    }

    /// Takes no more batches, commits those that wait, and closes the log. Blocks until done.
    pub fn stop(&self) {
        self.queue.close();
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic of the writer has been reported by the panic hook.
            let _ = thread.join();
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Locks the folder and recovers what is there: a log without its thread.
fn prepare(
    fs: Arc<dyn Fs>,
    root: &Path,
    options: LogOptions,
    observer: Arc<dyn LogObserver>,
    salts: fastrand::Rng,
) -> Result<(Writer, Box<dyn Lock>), OpenError> {
    let layout = Layout::new(root);
    let failed = |source| OpenError::Io { path: root.to_owned(), source };
    fs.create_dir_all(&layout.segments()).map_err(failed)?;
    let lock = fs.lock(&layout.lock()).map_err(failed)?;
    let lock = lock.ok_or_else(|| OpenError::Locked { path: root.to_owned() })?;
    let shared = Arc::new(Shared::new(fs, layout, options, observer));
    let next_number = recovery::recover(&shared)?;
    // Numbers are never used twice, even if somebody has emptied the folder of segments.
    let next_number = next_number.max(last_in_blocks(&shared) + 1);
    shared.announce();
    Ok((Writer::new(shared, next_number, salts), lock))
}

/// The last segment that is kept as a block, 0 if none is.
fn last_in_blocks(shared: &Shared) -> u64 {
    let files = shared.fs.list(&shared.layout.blocks()).unwrap_or_default();
    let names = files.iter().filter_map(|file| BlockName::of_file(file));
    names.map(|(name, _)| name.last).max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
