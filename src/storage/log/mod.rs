//! The log: append-only segments of framed, checksummed, redacted OTLP batches.
//!
//! One thread writes; an append is answered once the group it was written with is durable.
//! Readers follow behind the committed end, each with a cursor of its own.
//!
//! Invariant: a batch that was answered with a position is readable, with exactly its bytes,
//! until retention removes its segment.

mod error;
mod frame;
mod header;
mod observer;
mod options;
mod queue;
mod reader;
mod recovery;
mod status;
mod table;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::watch;

pub use error::{AppendError, OpenError, ReadError};
pub use observer::{LogObserver, Unobserved};
pub use options::{Durability, LogOptions};
pub use reader::LogReader;
pub use status::{Expired, LogCounts, LogStatus, SegmentInfo, Writable};

use self::queue::{Queue, Work};
use self::table::Shared;
use self::writer::Writer;
use super::fs::{Fs, Lock};
use super::layout::Layout;
use super::{Batch, Position};
use crate::{clock, limits};

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
        let layout = Layout::new(root);
        let failed = |source| OpenError::Io { path: root.to_owned(), source };
        fs.create_dir_all(&layout.segments()).map_err(failed)?;
        let lock = fs.lock(&layout.lock()).map_err(failed)?;
        let lock = lock.ok_or_else(|| OpenError::Locked { path: root.to_owned() })?;
        let found = recovery::recover(&fs, &layout)?;
        let shared = Arc::new(Shared::new(fs, layout, options, observer, found.table));
        let writer = Writer::new(Arc::clone(&shared), found.next_number, fastrand::Rng::new());
        let queue = Arc::new(Queue::new());
        let work = Arc::clone(&queue);
        let thread = thread::Builder::new()
            .name("log-writer".into())
            .spawn(move || write(writer, &work))
            .map_err(failed)?;
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

    /// Sizes, counts and whether the log takes batches.
    pub fn status(&self) -> LogStatus {
        let free_bytes = self.shared.fs.free_space(self.shared.layout.root()).ok();
        let table = self.shared.table();
        let mut status = LogStatus {
            segments: table.segments.len() as u64,
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

/// How often the writer looks after retention and a disk that refused, when nothing comes.
const TICK: Duration = Duration::from_secs(1);

/// The life of the writer's thread.
fn write(mut writer: Writer, queue: &Queue) {
    loop {
        match queue.take(TICK) {
            Work::Group(group) => {
                let batches: Vec<&Batch> = group.iter().map(|waiting| &waiting.batch).collect();
                match writer.commit(&batches, clock::unix_nanos()) {
                    Ok(positions) => {
                        for (waiting, at) in group.into_iter().zip(positions) {
                            // Whoever asked may have gone away meanwhile.
                            let _ = waiting.answer.send(Ok(at));
                        }
                    }
                    Err(error) => {
                        for waiting in group {
                            let _ = waiting.answer.send(Err(error.clone()));
                        }
                    }
                }
            }
            Work::Idle => {}
            Work::Closed => return,
        }
    }
}

#[cfg(test)]
mod tests;
