//! The thread behind the blocks: seals segments, merges blocks, removes what has expired.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::Step;
use super::catalog::Catalog;
use super::error::BlockError;
use super::merging::next_to_merge;
use super::sealing::Workshop;
use crate::model::CallBook;
use crate::storage::Position;
use crate::storage::index::{OpenBook, Understand};
use crate::storage::log::{Hold, Log, Purpose, RetentionClock};
use crate::{clock, limits};

/// What the sealer is told to do.
#[derive(Clone)]
pub struct SealerOptions {
    /// How spans are understood.
    pub understand: Understand,
    /// Opens the book in which calls of models are settled.
    pub open_book: OpenBook,
    /// Blocks whose newest batch is older than this are removed.
    pub retention_age: Option<Duration>,
    /// The oldest blocks are removed while blocks and log together hold more bytes than this.
    pub retention_bytes: Option<u64>,
    /// Is told of every step.
    pub watch: fn(Step),
}

/// The running sealer.
pub struct Sealer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// Passes over the log that have ended, and whether one is asked for.
    passes: Mutex<(u64, bool)>,
    woken: Condvar,
}

/// What the thread works with.
struct Work {
    log: Arc<Log>,
    catalog: Arc<Catalog>,
    workshop: Workshop,
    options: SealerOptions,
    book: Box<dyn CallBook>,
    hold: Hold,
    /// Segments that were sealed, and when: readers may still be at them for a while.
    sealed: VecDeque<(u64, Instant)>,
    clock: RetentionClock,
    shared: Arc<Shared>,
}

impl Sealer {
    /// Starts sealing what the log closes.
    pub fn start(log: Arc<Log>, catalog: Arc<Catalog>, options: SealerOptions) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (fs, layout) = log.place();
        let workshop =
            Workshop { fs, layout, understand: options.understand.clone(), watch: options.watch };
        let through = catalog.shelved().through;
        let hold = log.hold(Position { segment: through + 1, offset: 0 }, Purpose::Keep);
        let mut work = Work {
            log,
            catalog,
            workshop,
            book: (options.open_book)(),
            options,
            hold,
            sealed: VecDeque::new(),
            clock: RetentionClock::start(),
            shared: Arc::clone(&shared),
        };
        let thread = thread::Builder::new().name("sealer".to_owned());
        let thread = Mutex::new(Some(thread.spawn(move || work.run())?));
        Ok(Self { shared, thread })
    }

    /// Waits until all segments that are closed now are blocks, and merged as far as they go.
    pub fn catch_up(&self) {
        let mut passes = self.shared.passes.lock().unwrap_or_else(PoisonError::into_inner);
        // The pass that is under way may have begun before.
        let wanted = passes.0 + 2;
        while passes.0 < wanted && !self.shared.stop.load(Ordering::Acquire) {
            passes.1 = true;
            self.shared.woken.notify_all();
            let tick = Duration::from_millis(limits::SEAL_TICK_MILLISECONDS);
            let waited = self.shared.woken.wait_timeout(passes, tick);
            passes = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends after the block that is being made, or at once within a merge.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.woken.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic of the thread has been reported by the panic hook.
            let _ = thread.join();
        }
    }
}

impl Drop for Sealer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Work {
    fn run(&mut self) {
        // On Linux this is a matter of the thread: what is let in comes before what is put away.
        let _ = rustix::process::setpriority_process(None, limits::SEALER_NICENESS);
        while !self.stopped() {
            let all_sealed = self.seal_all();
            self.release();
            self.expire();
            if all_sealed {
                self.merge_one_after_another();
            }
            self.end_pass();
        }
    }

    fn stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Acquire)
    }

    fn end_pass(&self) {
        let mut passes = self.shared.passes.lock().unwrap_or_else(PoisonError::into_inner);
        passes.0 += 1;
        self.shared.woken.notify_all();
        if !std::mem::take(&mut passes.1) && !self.stopped() {
            let tick = Duration::from_millis(limits::SEAL_TICK_MILLISECONDS);
            drop(self.shared.woken.wait_timeout(passes, tick));
        }
    }

    /// Makes a block of every closed segment; says whether that went well.
    fn seal_all(&mut self) -> bool {
        loop {
            let through = self.catalog.shelved().through;
            let segments = self.log.segments();
            let next = segments.into_iter().find(|info| info.number > through && info.sealed);
            let Some(segment) = next.filter(|_| !self.stopped()) else { return true };
            let began = clock::monotonic();
            match self.workshop.seal(&*self.log, &segment, &mut *self.book) {
                Ok(seal) => {
                    let milliseconds = clock::monotonic().duration_since(began).as_millis() as u64;
                    let (number, bytes) = (segment.number, seal.bytes());
                    info!(segment = number, bytes, milliseconds, "A segment was made a block.");
                    self.catalog.insert(seal);
                    self.sealed.push_back((number, clock::monotonic()));
                    self.release();
                    self.expire();
                }
                Err(error) => {
                    self.fail(&error);
                    return false;
                }
            }
        }
    }

    /// What failed is tried again at the next pass; until then the log has it all.
    fn fail(&mut self, error: &BlockError) {
        warn!(%error, "A block could not be made; it is tried again.");
        self.catalog.failed();
        // It may have settled calls that no block holds.
        self.book = (self.options.open_book)();
    }

    /// Lets go of segments whose blocks have been there for longer than any search takes.
    fn release(&mut self) {
        let patience = Duration::from_millis(limits::SEARCH_ANSWER_MILLISECONDS);
        let now = clock::monotonic();
        while let Some((number, since)) = self.sealed.front().copied()
            && now.saturating_duration_since(since) >= patience
        {
            self.hold.move_to(Position { segment: number + 1, offset: 0 });
            self.sealed.pop_front();
        }
    }

    fn merge_one_after_another(&mut self) {
        while let Some(blocks) = next_to_merge(&self.catalog.shelved()) {
            let shared = Arc::clone(&self.shared);
            let stopped = move || shared.stop.load(Ordering::Acquire);
            match self.workshop.merge(&blocks, &stopped) {
                Ok(Some(seal)) => {
                    let (block, bytes) = (seal.name, seal.bytes());
                    info!(%block, bytes, "Blocks were merged.");
                    self.catalog.replace(seal);
                    (self.workshop.watch)(Step::Removing);
                }
                Ok(None) => return,
                Err(error) => {
                    self.fail(&error);
                    return;
                }
            }
            // New segments come first.
            let through = self.catalog.shelved().through;
            if self.log.segments().iter().any(|info| info.number > through && info.sealed) {
                return;
            }
        }
    }

    /// Removes the oldest blocks while they are too old or too much.
    fn expire(&self) {
        let now_ns = self.clock.now_ns();
        loop {
            let shelved = self.catalog.shelved();
            let Some(oldest) = shelved.blocks.first() else { return };
            let bytes: u64 = shelved.blocks.iter().map(|block| block.seal.bytes()).sum();
            let too_old = self.options.retention_age.is_some_and(|age| {
                let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
                oldest.seal.last_arrival_ns.saturating_add(age) < now_ns
            });
            let log_bytes = self.log.status().bytes;
            let most = self.options.retention_bytes.unwrap_or(u64::MAX);
            if !too_old && bytes.saturating_add(log_bytes) <= most {
                return;
            }
            self.catalog.expire_oldest();
        }
    }
}
