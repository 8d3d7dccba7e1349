//! The reader of the log behind metrics and search.
//!
//! One thread reads every committed batch once and hands it to the projections. It goes on from
//! the last snapshot after a start, which is how counters after a crash equal what the log holds.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::recent::{ItemId, Recent};
use super::snapshot::{CALLS, METRICS, REPORTS, Snapshot, SnapshotFile};
use crate::metrics::{Arrival, Measures, Registry};
use crate::model::{
    CallBook as _, Moment, Operation, Projection, SeenRecord, SeenSpan, Signal, Understand,
};
use crate::otlp::read;
use crate::otlp::wire::WireError;
use crate::semconv::{self, Ledger, Uids};
use crate::storage::fs::Fs;
use crate::storage::index::Index;
use crate::storage::{Batch, Hold, Log, LogReader, Position, Purpose};
use crate::{clock, limits};

/// How often what was measured is saved; a start after a crash measures at most this much again.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(10);
/// How often an idle projector looks whether it should stop, and how often projections hear that
/// time passes.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What a projector needs.
pub struct Projections {
    /// The log it reads.
    pub log: Arc<Log>,
    /// What makes the log searchable.
    pub index: Arc<Index>,
    /// How spans are understood and priced.
    pub understand: Understand,
    /// Where the durable metrics live.
    pub registry: Registry,
    /// Learns the ids of batches that are read again after a start.
    pub recent: Arc<Recent>,
    /// Everybody else who counts.
    pub others: Vec<Box<dyn Projection>>,
    /// Where the snapshot is kept.
    pub fs: Arc<dyn Fs>,
    /// The snapshot's file.
    pub snapshot: PathBuf,
}

/// How far the projector has got, for health, admission and tests.
#[derive(Debug, Default)]
pub struct Progress {
    at: Mutex<Position>,
    oldest_waiting_ns: AtomicU64,
    caught_up: AtomicBool,
    running: AtomicBool,
}

/// The running projector.
pub struct Projector {
    progress: Arc<Progress>,
    finish: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Whether what was in the log at the start has been read.
    pub fn caught_up(&self) -> bool {
        self.caught_up.load(Ordering::Acquire)
    }

    /// Whether the thread lives.
    pub fn running(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    /// The first batch that is not read.
    pub fn at(&self) -> Position {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the oldest batch that is not read arrived, in nanoseconds since the Unix epoch.
    pub fn oldest_waiting_ns(&self) -> Option<u64> {
        Some(self.oldest_waiting_ns.load(Ordering::Relaxed)).filter(|since| *since > 0)
    }

    /// Bytes of log between the projector and `end`; across segments at least that many.
    pub fn lag_bytes(&self, end: Position) -> u64 {
        let at = self.at();
        if at.segment == end.segment {
            return end.offset.saturating_sub(at.offset);
        }
        let between = end.segment.saturating_sub(at.segment + 1);
        between * limits::SEGMENT_BYTES + end.offset
    }

    fn set(&self, at: Position) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

impl Projector {
    /// Restores the last snapshot and begins to read behind it.
    pub fn start(projections: Projections, progress: Arc<Progress>) -> io::Result<Self> {
        let finish = Arc::new(AtomicBool::new(false));
        let mut work = Work::new(projections, Arc::clone(&progress), Arc::clone(&finish))?;
        progress.running.store(true, Ordering::Release);
        let thread = thread::Builder::new().name("projector".into()).spawn(move || work.run())?;
        Ok(Self { progress, finish, thread: Some(thread) })
    }

    /// Reads to the end of the log, saves a snapshot and stops. Stop the log first.
    pub fn stop(&mut self) {
        self.finish.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by the panic hook.
            let _ = thread.join();
        }
        self.progress.running.store(false, Ordering::Release);
    }
}

impl Drop for Projector {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Work {
    reader: LogReader,
    /// What the snapshot does not hold is measured again after a crash.
    hold: Hold,
    index: Arc<Index>,
    understand: Understand,
    measures: Measures,
    calls: Ledger,
    reports: Uids,
    recent: Arc<Recent>,
    others: Vec<Box<dyn Projection>>,
    file: SnapshotFile,
    saved: (Position, Instant),
    /// Bytes of batches that the snapshot does not hold.
    unsaved_bytes: usize,
    ticked: Instant,
    /// The first batch that the restored metrics do not hold.
    measure_from: Position,
    /// The end of the log when this process opened it.
    replay_until: Position,
    progress: Arc<Progress>,
    finish: Arc<AtomicBool>,
}

impl Work {
    fn new(
        projections: Projections,
        progress: Arc<Progress>,
        finish: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let Projections { log, index, understand, registry, recent, mut others, fs, snapshot } =
            projections;
        let file = SnapshotFile::new(fs, snapshot);
        let replay_until = log.end();
        let mut measures = Measures::new(&registry);
        let (measure_from, calls, reports) =
            restore(&file, &mut measures, &mut others, replay_until)?;
        let from = measure_from.min(index.wanted_from());
        progress.set(from);
        Ok(Self {
            reader: log.reader(from),
            hold: log.hold(from, Purpose::Read),
            index,
            understand,
            measures,
            calls,
            reports,
            recent,
            others,
            file,
            saved: (measure_from, clock::monotonic()),
            unsaved_bytes: 0,
            ticked: clock::monotonic(),
            measure_from,
            replay_until,
            progress,
            finish,
        })
    }

    fn run(&mut self) {
        loop {
            // Asked before reading: what is committed before the order to finish is still read.
            let finishing = self.finish.load(Ordering::Acquire);
            match self.reader.next() {
                Ok(Some((at, batch))) => {
                    self.progress.oldest_waiting_ns.store(batch.arrived_ns, Ordering::Relaxed);
                    self.apply(at, &batch);
                    self.progress.set(self.reader.position());
                }
                Ok(None) => {
                    self.progress.set(self.reader.position());
                    self.progress.oldest_waiting_ns.store(0, Ordering::Relaxed);
                    self.progress.caught_up.store(true, Ordering::Release);
                    if finishing {
                        break;
                    }
                    self.reader.wait(LOOK_EVERY);
                }
                Err(error) => {
                    tracing::error!(%error, "The log could not be read for metrics and search.");
                    if finishing {
                        break;
                    }
                    thread::sleep(Duration::from_secs(1));
                }
            }
            self.tick();
            let much = self.unsaved_bytes >= limits::SNAPSHOT_AFTER_BYTES;
            if much || self.saved.1.elapsed() >= SNAPSHOT_EVERY {
                self.save();
            }
        }
        self.save();
    }

    fn apply(&mut self, at: Position, batch: &Batch) {
        self.index.apply(at, batch);
        if at >= self.measure_from {
            self.measure(at, batch);
        }
    }

    fn tick(&mut self) {
        // What is read again after a start is as old as it is: to the projections no time passes
        // before all of it has been.
        if self.ticked.elapsed() < LOOK_EVERY || !self.progress.caught_up() {
            return;
        }
        self.ticked = clock::monotonic();
        let now_ns = clock::unix_nanos();
        self.others.iter_mut().for_each(|other| other.tick(now_ns));
    }

    fn measure(&mut self, at: Position, batch: &Batch) {
        let arrival = if at < self.replay_until { Arrival::Replayed } else { Arrival::Live };
        let moment = Moment { arrived_ns: batch.arrived_ns, live: arrival == Arrival::Live };
        self.unsaved_bytes += batch.body.len();
        self.measures.arrived(batch.arrived_ns);
        self.measures.batch(batch.signal, batch.items.into(), arrival);
        let walked = match batch.signal {
            Signal::Traces => self.measure_spans(batch, moment),
            Signal::Logs => self.measure_records(batch, moment),
            Signal::Metrics => {
                self.others.iter_mut().for_each(|other| other.metrics(&batch.body, moment));
                Ok(())
            }
        };
        if let Err(error) = walked {
            tracing::error!(%error, %at, "A batch in the log is not an export request.");
        }
    }

    fn measure_spans(&mut self, batch: &Batch, moment: Moment) -> Result<(), WireError> {
        let Self { understand, measures, calls, recent, others, .. } = self;
        read::spans(&batch.body, |origin, span| {
            if !moment.live {
                recent.enter(ItemId::of_span(span.trace_id, span.span_id));
            }
            let understanding = understand.span(origin, span);
            let settled = match &understanding.operation {
                Operation::Llm(call) => Some(calls.settle(span, origin.scope.name, call)),
                _ => None,
            };
            measures.span(origin, span, &understanding, settled.as_ref());
            let (known, settled) = (&understanding, settled.as_ref());
            let seen = SeenSpan { moment, origin, span, known, settled };
            others.iter_mut().for_each(|other| other.span(&seen));
        })
    }

    fn measure_records(&mut self, batch: &Batch, moment: Moment) -> Result<(), WireError> {
        let Self { measures, reports, others, .. } = self;
        read::log_records(&batch.body, |origin, record| {
            let report = semconv::report(origin, record);
            let report = report.filter(|report| reports.first(origin, report));
            if let Some(report) = &report {
                measures.report(origin, report);
            }
            let seen = SeenRecord { moment, origin, record, report: report.as_ref() };
            others.iter_mut().for_each(|other| other.record(&seen));
        })
    }

    fn save(&mut self) {
        let at = self.reader.position();
        self.saved.1 = clock::monotonic();
        if at <= self.saved.0 {
            return;
        }
        self.unsaved_bytes = 0;
        let mut parts = vec![
            (METRICS.to_owned(), self.measures.snapshot()),
            (CALLS.to_owned(), self.calls.snapshot()),
            (REPORTS.to_owned(), self.reports.snapshot()),
        ];
        parts.extend(self.others.iter().map(|it| (it.name().to_owned(), it.snapshot())));
        let snapshot = Snapshot { at, parts };
        match self.file.save(&snapshot) {
            Ok(()) => {
                self.saved.0 = at;
                self.hold.move_to(at);
            }
            Err(error) => tracing::warn!(%error, "The metrics snapshot could not be saved."),
        }
    }
}

/// Brings back what was measured and says which batch is the first that it does not hold.
fn restore(
    file: &SnapshotFile,
    measures: &mut Measures,
    others: &mut [Box<dyn Projection>],
    end: Position,
) -> io::Result<(Position, Ledger, Uids)> {
    let nothing = || (Position::OLDEST, Ledger::new(limits::RECENT_CALLS), Uids::default());
    let Some(snapshot) = file.load()? else { return Ok(nothing()) };
    if snapshot.at > end {
        tracing::warn!("The metrics snapshot is ahead of the log; measuring the log again.");
        return Ok(nothing());
    }
    let part = |name| snapshot.part(name).unwrap_or_default();
    let calls = Ledger::restore(part(CALLS), limits::RECENT_CALLS);
    let restored = calls.map_err(|error| error.to_string()).and_then(|calls| {
        measures.restore(part(METRICS)).map_err(|error| error.to_string())?;
        Ok(calls)
    });
    match restored {
        Ok(calls) => {
            others.iter_mut().for_each(|other| restore_other(&mut **other, &snapshot));
            Ok((snapshot.at, calls, Uids::restore(part(REPORTS))))
        }
        Err(error) => {
            tracing::warn!(%error, "The metrics snapshot is unusable; measuring the log again.");
            measures.forget();
            Ok(nothing())
        }
    }
}

/// What is new in this release, or has changed its form, begins where the snapshot ends.
fn restore_other(other: &mut dyn Projection, snapshot: &Snapshot) {
    let Some(bytes) = snapshot.part(other.name()) else { return };
    if let Err(error) = other.restore(bytes) {
        tracing::warn!(error, part = other.name(), "A part of the snapshot is unusable.");
    }
}
