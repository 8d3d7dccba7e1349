//! The life of one target: read a window, send it until it is done, move the cursor.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::grpc::GrpcTarget;
use super::http::HttpTarget;
use super::options::{Protocol, TargetError, TargetOptions};
use super::outcome::Outcome;
use super::retry::Backoff;
use super::window::Window;
use crate::clock;
use crate::model::Signal;
use crate::storage::fs::Fs;
use crate::storage::{Cursor, Hold, Log, LogReader, Position, Purpose};

/// How often a moving cursor is saved; what was sent since then is sent again after a crash.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// How often an idle target looks whether it should stop.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Is told what becomes of items. Called from the targets' threads; must be quick.
pub trait ForwardObserver: Send + Sync {
    /// The target took these items.
    fn sent(&self, target: &str, signal: Signal, items: u64);
    /// The target refused these items for good; they are not sent again.
    fn failed(&self, target: &str, signal: Signal, items: u64);
    /// Retention removed these items before the target took them.
    fn expired(&self, target: &str, signal: Signal, items: u64);
    /// One request was answered, or not: `delivered`, `retry` or `refused`.
    fn request(&self, target: &str, outcome: &'static str);
}

/// How far behind a target is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ForwardStatus {
    /// Seconds since the oldest batch that it has not taken arrived; 0 when it has all.
    pub lag_seconds: f64,
    /// Bytes of log between its cursor and the end.
    pub queue_bytes: u64,
    /// Why the last try failed; `None` after a success.
    pub last_error: Option<String>,
    /// Since when tries have failed, in nanoseconds since the Unix epoch; `None` after a success.
    pub failing_since_ns: Option<u64>,
    /// Items that retention removed before the target took them, since the start.
    pub expired_items: u64,
}

/// A target that is being shipped to.
pub struct Shipper {
    name: String,
    shared: Arc<Shared>,
    log: Arc<Log>,
    stop: watch::Sender<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread tells.
#[derive(Default)]
struct Shared {
    /// Arrival of the oldest batch not taken, 0 when there is none.
    waiting_since_ns: AtomicU64,
    at: Mutex<Position>,
    /// Why tries fail and since when; `None` after a success.
    failing: Mutex<Option<(String, u64)>>,
    expired_items: AtomicU64,
}

impl Shipper {
    /// Starts shipping from the saved cursor, or from the oldest batch kept.
    pub fn start(
        options: TargetOptions,
        log: &Arc<Log>,
        fs: Arc<dyn Fs>,
        cursors: &Path,
        observer: Arc<dyn ForwardObserver>,
        runtime: &Handle,
    ) -> Result<Self, TargetError> {
        let name = options.name.clone();
        let cursor = Cursor::open(fs, cursors, &name).map_err(TargetError::Cursor)?;
        let from = cursor.load().map_err(TargetError::Cursor)?.unwrap_or(Position::OLDEST);
        let shared = Arc::new(Shared { at: Mutex::new(from), ..Shared::default() });
        let (stop, stopped) = watch::channel(false);
        let _inside = runtime.enter();
        let client = match options.protocol {
            Protocol::Grpc => Client::Grpc(Box::new(GrpcTarget::new(&options)?)),
            Protocol::Http => Client::Http(HttpTarget::new(&options)?),
        };
        let mut work = Work {
            options,
            reader: log.reader(from),
            hold: log.hold(from, Purpose::Read),
            client,
            cursor,
            observer,
            shared: Arc::clone(&shared),
            stopped,
            runtime: runtime.clone(),
            backoff: Backoff::default(),
            saved: (from, clock::monotonic()),
        };
        let thread = thread::Builder::new().name(format!("ship-{name}"));
        let thread = thread.spawn(move || work.run()).map_err(TargetError::Cursor)?;
        let thread = Mutex::new(Some(thread));
        Ok(Self { name, shared, log: Arc::clone(log), stop, thread })
    }

    /// The target's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How far behind it is.
    pub fn status(&self, now_ns: u64) -> ForwardStatus {
        let at = *self.shared.at.lock().unwrap_or_else(PoisonError::into_inner);
        let since = self.shared.waiting_since_ns.load(Ordering::Relaxed);
        let lag_ns = if since == 0 { 0 } else { now_ns.saturating_sub(since) };
        let failing = self.shared.failing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (last_error, failing_since_ns) = failing.unzip();
        ForwardStatus {
            lag_seconds: lag_ns as f64 / 1e9,
            queue_bytes: self.log.bytes_from(at),
            last_error,
            failing_since_ns,
            expired_items: self.shared.expired_items.load(Ordering::Relaxed),
        }
    }

    /// Stops after the request that is under way was cut off, and saves the cursor.
    pub fn stop(&self) {
        let _ = self.stop.send(true);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic of the thread has been reported by the panic hook.
            let _ = thread.join();
        }
    }
}

enum Client {
    Grpc(Box<GrpcTarget>),
    Http(HttpTarget),
}

impl Client {
    async fn send(&mut self, signal: Signal, body: Bytes) -> Outcome {
        match self {
            Self::Grpc(target) => target.send(signal, body).await,
            Self::Http(target) => target.send(signal, body).await,
        }
    }
}

struct Work {
    options: TargetOptions,
    reader: LogReader,
    /// What the target has not taken stays in the log, within retention.
    hold: Hold,
    client: Client,
    cursor: Cursor,
    observer: Arc<dyn ForwardObserver>,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
    runtime: Handle,
    backoff: Backoff,
    saved: (Position, Instant),
}

/// The target is being stopped.
struct Stopped;

impl Work {
    fn run(&mut self) {
        while !*self.stopped.borrow() {
            match Window::read(&mut self.reader, &self.options.signals) {
                Ok(window) => {
                    if self.ship(&window).is_err() {
                        break;
                    }
                    self.arrived(window.end);
                    if window.batches.is_empty() {
                        self.shared.waiting_since_ns.store(0, Ordering::Relaxed);
                        self.save(true);
                        self.reader.wait(LOOK_EVERY);
                    }
                }
                Err(error) => {
                    tracing::error!(%error, target_name = self.options.name,
                        "The log could not be read for a forwarding target.");
                    self.shared.set_error(Some(error.to_string()));
                    if self.sleep(Duration::from_secs(1)).is_err() {
                        break;
                    }
                }
            }
            self.count_expired();
        }
        self.save(true);
    }

    /// Sends the window's requests one after the other, each until it is done.
    fn ship(&mut self, window: &Window) -> Result<(), Stopped> {
        let Some(oldest) = window.batches.first() else { return Ok(()) };
        self.shared.waiting_since_ns.store(oldest.arrived_ns, Ordering::Relaxed);
        for (signal, body, items) in window.requests() {
            if self.deliver(signal, &body, items)? {
                continue;
            }
            // One bad batch must not take its neighbours along: each is tried alone.
            let alone: Vec<_> =
                window.batches.iter().filter(|batch| batch.signal == signal).collect();
            for batch in alone.iter().filter(|_| alone.len() > 1) {
                let items = u64::from(batch.items);
                if !self.deliver(signal, &batch.body, items)? {
                    self.observer.failed(&self.options.name, signal, items);
                }
            }
            if alone.len() == 1 {
                self.observer.failed(&self.options.name, signal, items);
            }
        }
        Ok(())
    }

    /// Sends one request until the target took it (true) or refused it for good (false).
    fn deliver(&mut self, signal: Signal, body: &Bytes, items: u64) -> Result<bool, Stopped> {
        loop {
            let sending = self.client.send(signal, body.clone());
            let stopped = &mut self.stopped;
            let outcome = self.runtime.block_on(async {
                tokio::select! {
                    outcome = sending => Ok(outcome),
                    _ = stopped.wait_for(|stopped| *stopped) => Err(Stopped),
                }
            })?;
            let name = &self.options.name;
            match outcome {
                Outcome::Delivered { rejected } => {
                    self.backoff.succeeded();
                    self.observer.request(name, "delivered");
                    let rejected = rejected.min(items);
                    self.observer.sent(name, signal, items - rejected);
                    self.observer.failed(name, signal, rejected);
                    self.shared.set_error(None);
                    return Ok(true);
                }
                Outcome::Refused { why } => {
                    self.observer.request(name, "refused");
                    tracing::warn!(target_name = name, signal = signal.name(), items, %why,
                        "A forwarding target refused a request for good.");
                    self.shared.set_error(Some(why));
                    return Ok(false);
                }
                Outcome::Retry { after, why } => {
                    self.observer.request(name, "retry");
                    tracing::debug!(target_name = name, %why, "A request will be sent again.");
                    self.shared.set_error(Some(why));
                    let pause = self.backoff.pause(after, fastrand::f64());
                    self.sleep(pause)?;
                }
            }
        }
    }

    fn sleep(&mut self, pause: Duration) -> Result<(), Stopped> {
        let stopped = &mut self.stopped;
        self.runtime.block_on(async {
            match tokio::time::timeout(pause, stopped.wait_for(|stopped| *stopped)).await {
                Err(_elapsed) => Ok(()),
                Ok(_) => Err(Stopped),
            }
        })
    }

    fn arrived(&mut self, at: Position) {
        *self.shared.at.lock().unwrap_or_else(PoisonError::into_inner) = at;
        self.save(false);
    }

    fn save(&mut self, at_once: bool) {
        let at = *self.shared.at.lock().unwrap_or_else(PoisonError::into_inner);
        if at == self.saved.0 || (!at_once && self.saved.1.elapsed() < SAVE_EVERY) {
            return;
        }
        match self.cursor.save(at) {
            Ok(()) => {
                self.saved = (at, clock::monotonic());
                self.hold.move_to(at);
            }
            Err(error) => {
                // Kept in memory; a crash now means that some of it is sent again.
                self.saved.1 = clock::monotonic();
                tracing::warn!(%error, target_name = self.options.name,
                    "The cursor of a forwarding target could not be saved.");
            }
        }
    }

    fn count_expired(&mut self) {
        let Some(expired) = self.reader.take_expired() else { return };
        for signal in Signal::ALL.into_iter().filter(|each| self.options.signals.contains(each)) {
            let items = expired.items[signal as usize - 1];
            self.observer.expired(&self.options.name, signal, items);
            self.shared.expired_items.fetch_add(items, Ordering::Relaxed);
        }
        tracing::warn!(
            target_name = self.options.name,
            bytes = expired.bytes,
            "Retention removed telemetry before a forwarding target took it."
        );
    }
}

impl Shared {
    fn set_error(&self, error: Option<String>) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let since = failing.as_ref().map_or_else(clock::unix_nanos, |(_, since)| *since);
        *failing = error.map(|error| (error, since));
    }
}
