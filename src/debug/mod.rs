//! Debug events: what was said in runs that somebody wants to look into, line by line.
//!
//! ```text
//! the log → follow → sources → debug_logs.jsonl
//!              |          └──→ the log again, as records pharos.debug.<event_type>
//!            toggle: off by default, scoped by tenant, agent or trace
//! ```
//!
//! Besides, the files in which Pharos tells of itself: [`lines`] writes `app_logs.jsonl` for
//! `telemetry`, [`SystemEvents`] writes `system_events.jsonl`.
//!
//! Invariant: nothing here is on the way of telemetry into the log. While the toggle is off no
//! span is looked at; while it is on, a disk that is slow or full delays and loses debug events,
//! counted, and nothing else.

mod backward;
mod event;
mod follow;
mod kind;
mod lines;
mod observer;
mod onward;
mod place;
mod records;
mod rotate;
mod scope;
mod sources;
mod system;
mod toggle;
mod toggle_file;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

pub use kind::EventKind;
pub use lines::{LineSender, LineWriter, OnLoss, lines};
pub use observer::{DebugObserver, Loss};
pub use onward::SCOPE;
pub use records::{Found, Records, Stats, Wanted};
pub use rotate::{FileBounds, RotatingFile};
pub use scope::{Scope, Scopes, Subject, TooMany};
pub use system::SystemEvents;
pub use toggle::{Change, State, Toggle};

use self::follow::{Follower, Parts};
use self::place::Place;
use self::toggle::Opening;
use crate::clock;
use crate::storage::Log;
use crate::storage::fs::Fs;

/// Where everything is, and how large it may become.
#[derive(Debug, Clone)]
pub struct DebugOptions {
    /// Where the toggle is kept.
    pub storage: PathBuf,
    /// The folder of the event files.
    pub folder: PathBuf,
    /// Whether the toggle is on where nobody has said anything yet.
    pub enabled: bool,
    /// Bounds of each kind of file.
    pub bounds: FileBounds,
}

/// Appends a logs request to the log. Blocks until it is durable; says whether it is. Called on
/// a thread of its own.
pub trait Onward: Send + Sync {
    /// The request holds `items` records.
    fn append(&self, request: Vec<u8>, items: u32) -> bool;
}

/// What the API asks; cheap to clone.
#[derive(Clone)]
pub struct DebugHandle {
    /// Whose events are written at present.
    pub toggle: Arc<Toggle>,
    /// What was written.
    pub records: Arc<Records>,
}

/// Debug events at work.
pub struct Debug {
    handle: DebugHandle,
    system: SystemEvents,
    follower: Follower,
    /// Writes what waits when it is dropped.
    _system_lines: LineWriter,
}

impl DebugHandle {
    /// The toggle and the files of these options, without anybody who writes debug events.
    pub fn open(options: &DebugOptions, fs: Arc<dyn Fs>, system: SystemEvents) -> Self {
        Self::with(options, fs, system, Box::new(|| ()))
    }

    fn with(
        options: &DebugOptions,
        fs: Arc<dyn Fs>,
        system: SystemEvents,
        opening: Opening,
    ) -> Self {
        let (storage, now_ns) = (&options.storage, clock::unix_nanos());
        let toggle = Toggle::open(fs, storage, options.enabled, system, opening, now_ns);
        let records = Records::new(options.events(), options.bounds.files);
        Self { toggle: Arc::new(toggle), records: Arc::new(records) }
    }

    /// The newest events of a trace, at most `limit`, in the order in which they were written.
    /// None where the files cannot be read. Blocks on the disk.
    pub fn of_trace(&self, trace_id: crate::model::TraceId, limit: usize) -> Vec<Value> {
        let wanted = Wanted { trace_id: Some(trace_id), kind: None, limit };
        match self.records.newest(&wanted, &AtomicBool::new(false)) {
            Ok(mut found) => {
                found.logs.reverse();
                found.logs
            }
            Err(error) => {
                tracing::warn!(%error, "The files of debug events cannot be read.");
                Vec::new()
            }
        }
    }
}

impl DebugOptions {
    /// The file of Pharos' own warnings and errors.
    pub fn app_logs(folder: &Path) -> PathBuf {
        folder.join("app_logs.jsonl")
    }

    /// The file of security events.
    pub fn system_events(folder: &Path) -> PathBuf {
        folder.join("system_events.jsonl")
    }

    fn events(&self) -> PathBuf {
        self.folder.join("debug_logs.jsonl")
    }
}

impl Debug {
    /// Starts to follow the log.
    ///
    /// # Errors
    ///
    /// A thread could not be started. Folders and files that cannot be written are no error:
    /// they are reported, and tried again with every event.
    pub fn start(
        options: &DebugOptions,
        log: Arc<Log>,
        fs: Arc<dyn Fs>,
        onward: Arc<dyn Onward>,
        observer: Arc<dyn DebugObserver>,
    ) -> io::Result<Self> {
        let heard = Arc::clone(&observer);
        let file = RotatingFile::new(DebugOptions::system_events(&options.folder), options.bounds);
        let on_loss: OnLoss = Arc::new(move |loss, lines| heard.lost("system_events", loss, lines));
        let (sender, system_lines) = lines(file, on_loss)?;
        let system = SystemEvents::new(sender);
        let place = Arc::new(Mutex::new(Place::new(Arc::clone(&fs), &options.storage)));
        let (begins, ends) = (Arc::clone(&place), Arc::clone(&log));
        let opening: Opening = Box::new(move || {
            begins.lock().unwrap_or_else(PoisonError::into_inner).begin(ends.end());
        });
        let handle = DebugHandle::with(options, fs, system.clone(), opening);
        let follower = Follower::start(Parts {
            log,
            place,
            toggle: Arc::clone(&handle.toggle),
            file: RotatingFile::new(options.events(), options.bounds),
            onward,
            observer,
        })?;
        Ok(Self { handle, system, follower, _system_lines: system_lines })
    }

    /// For the API.
    pub fn handle(&self) -> DebugHandle {
        self.handle.clone()
    }

    /// For whoever has a security event to tell.
    pub fn system(&self) -> SystemEvents {
        self.system.clone()
    }

    /// Writes what the log holds. Stop it before the log: it appends to it.
    pub fn stop(&mut self) {
        self.follower.stop();
    }
}
