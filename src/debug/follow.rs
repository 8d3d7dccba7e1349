//! The reader of the log that writes debug events while the toggle is on.
//!
//! It is behind the log like every other reader, so a slow disk under the event files holds up
//! nobody; it falls behind in the log, where there is room. While the toggle is off it reads
//! nothing: it only remembers where the log ends, four times a second.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Onward;
use super::event::DebugEvent;
use super::lines::Trouble;
use super::observer::{DebugObserver, Loss};
use super::onward::Outbox;
use super::place::Place;
use super::rotate::RotatingFile;
use super::scope::{Item, Scopes};
use super::sources::{self, About, Taken};
use super::toggle::Toggle;
use crate::model::{Signal, Span, SpanId, Understanding};
use crate::otlp::read;
use crate::storage::{Batch, Hold, Log, LogReader, Position, Purpose};
use crate::{clock, limits, semconv};

const TICK: Duration = Duration::from_millis(limits::DEBUG_TICK_MILLISECONDS);
/// What arrived in a scope is committed at most this much after the scope has ended.
const SETTLED_NS: u64 = 2_000_000_000;
/// Ancestors that are asked for an agent or a tenant.
const ANCESTORS: usize = 64;

/// What the follower works with.
pub(super) struct Parts {
    pub(super) log: Arc<Log>,
    pub(super) place: Arc<Mutex<Place>>,
    pub(super) toggle: Arc<Toggle>,
    pub(super) file: RotatingFile,
    pub(super) onward: Arc<dyn Onward>,
    pub(super) observer: Arc<dyn DebugObserver>,
}

/// The running follower.
pub(super) struct Follower {
    finish: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Begins where it stopped, or at the end of the log.
    pub(super) fn start(parts: Parts) -> io::Result<Self> {
        let finish = Arc::new(AtomicBool::new(false));
        let mut work = Work::new(parts, Arc::clone(&finish));
        let thread = thread::Builder::new().name("debug".to_owned());
        Ok(Self { finish, thread: Some(thread.spawn(move || work.run())?) })
    }

    /// Writes what is in the log, within [`limits::DEBUG_DRAIN_SECONDS`], and stops.
    pub(super) fn stop(&mut self) {
        self.finish.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by the panic hook.
            let _ = thread.join();
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Work {
    log: Arc<Log>,
    toggle: Arc<Toggle>,
    place: Arc<Mutex<Place>>,
    events: Events,
    finish: Arc<AtomicBool>,
    reader: Option<LogReader>,
    /// Keeps what is still to be read, while something is.
    hold: Option<Hold>,
    /// While nothing is read: where the log ended, and when that was.
    rested: (Position, u64),
    looked: Instant,
    told_scopes: Option<usize>,
    saved: (Position, Instant),
}

/// Where events go.
struct Events {
    file: RotatingFile,
    trouble: Trouble,
    outbox: Outbox,
    onward: Arc<dyn Onward>,
    observer: Arc<dyn DebugObserver>,
}

impl Work {
    fn new(parts: Parts, finish: Arc<AtomicBool>) -> Self {
        let Parts { log, place, toggle, file, onward, observer } = parts;
        let (end, now_ns, now) = (log.end(), clock::unix_nanos(), clock::monotonic());
        // A place is there only if it was reading when it stopped.
        let stopped_at = lock(&place).load();
        let reader = stopped_at.map(|from| log.reader(from));
        let hold = stopped_at.map(|from| log.hold(from, Purpose::Read));
        let (trouble, outbox) = (Trouble::default(), Outbox::default());
        Self {
            log,
            toggle,
            place,
            events: Events { file, trouble, outbox, onward, observer },
            finish,
            reader,
            hold,
            rested: (end, now_ns),
            looked: now,
            told_scopes: None,
            saved: (stopped_at.unwrap_or(end), now),
        }
    }

    fn run(&mut self) {
        let mut deadline: Option<Instant> = None;
        loop {
            // Asked before reading: what is committed before the order to finish is still read.
            let finishing = self.finish.load(Ordering::Acquire);
            if finishing {
                let within = Duration::from_secs(limits::DEBUG_DRAIN_SECONDS);
                let until = *deadline.get_or_insert_with(|| clock::monotonic() + within);
                if clock::monotonic() >= until {
                    tracing::warn!("There was no time to write the last debug events.");
                    break;
                }
            }
            self.look();
            let more = match &mut self.reader {
                None => self.rest(),
                Some(_) => self.read(),
            };
            if finishing && !more {
                break;
            }
            if !more {
                match &self.reader {
                    Some(reader) => drop(reader.wait(TICK)),
                    None => thread::sleep(TICK),
                }
            }
        }
        self.events.flush();
        if self.reader.is_some() {
            self.save();
        }
    }

    /// Looks after the file of the toggle.
    fn look(&mut self) {
        if self.looked.elapsed() >= Duration::from_secs(limits::DEBUG_TOGGLE_LOOK_SECONDS) {
            self.looked = clock::monotonic();
            self.toggle.look(clock::unix_nanos());
        }
        let open = self.toggle.state().scopes.open(clock::unix_nanos()).count();
        if self.told_scopes != Some(open) {
            self.told_scopes = Some(open);
            self.events.observer.scopes(open);
        }
    }

    /// Says whether it has begun to read.
    fn rest(&mut self) -> bool {
        // In this order: whatever was committed before this end arrived before a toggle that is
        // still off now.
        let end = (self.log.end(), clock::unix_nanos());
        let (from, since_ns) = self.rested;
        if !self.toggle.state().scopes.is_on(since_ns) {
            self.rested = end;
            return false;
        }
        self.hold = Some(self.log.hold(from, Purpose::Read));
        self.reader = Some(self.log.reader(from));
        self.save();
        true
    }

    /// Reads one batch; says whether there may be another one.
    fn read(&mut self) -> bool {
        let Some(reader) = &mut self.reader else { return false };
        let scopes = &self.toggle.state().scopes;
        let next = reader.next();
        if let Some(expired) = reader.take_expired() {
            let bytes = expired.bytes;
            tracing::warn!(bytes, "Retention removed what debug events were to be taken of.");
        }
        match next {
            Ok(Some((at, batch))) => {
                if scopes.covers(batch.arrived_ns)
                    && let Err(error) = take(scopes, &batch, &mut self.events)
                {
                    tracing::error!(%error, %at, "A batch in the log is not an export request.");
                }
                if self.events.outbox.bytes() >= limits::DEBUG_ONWARD_BYTES {
                    self.events.flush();
                }
                self.save_now_and_then();
                true
            }
            Ok(None) => {
                self.events.flush();
                self.save_now_and_then();
                let now_ns = clock::unix_nanos();
                if !scopes.is_on(now_ns.saturating_sub(SETTLED_NS)) {
                    self.close(now_ns);
                }
                false
            }
            Err(error) => {
                tracing::error!(%error, "The log could not be read for debug events.");
                thread::sleep(Duration::from_secs(1));
                false
            }
        }
    }

    /// The toggle is off and everything that it let through is written.
    fn close(&mut self, now_ns: u64) {
        if let Some(reader) = self.reader.take() {
            self.rested = (reader.position(), now_ns);
        }
        self.hold = None;
        lock(&self.place).forget();
    }

    fn save_now_and_then(&mut self) {
        if self.saved.1.elapsed() >= Duration::from_secs(limits::DEBUG_SAVE_SECONDS) {
            self.events.flush();
            self.save();
        }
    }

    fn save(&mut self) {
        let Some(reader) = &self.reader else { return };
        let at = reader.position();
        self.saved.1 = clock::monotonic();
        let mut place = lock(&self.place);
        if at == self.saved.0 && place.is_saved() {
            return;
        }
        // The lines first: a place that is saved promises them.
        let synced = self.events.file.sync();
        if let Err(error) = synced.and_then(|()| place.save(at)) {
            tracing::warn!(%error, "The place of the debug events in the log was not saved.");
        } else {
            self.saved.0 = at;
            self.hold.iter().for_each(|hold| hold.move_to(at));
        }
    }
}

fn lock(place: &Mutex<Place>) -> MutexGuard<'_, Place> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Events {
    fn write(&mut self, taken: Taken<'_>, now_ns: u64) {
        for mut event in taken.events {
            // A sender that says no time still has its place among the others.
            if event.time_ns == 0 {
                event.time_ns = now_ns;
            }
            self.one(&event, now_ns);
        }
        if taken.left_out > 0 {
            self.observer.lost("debug_logs", Loss::TooMany, taken.left_out);
        }
    }

    fn one(&mut self, event: &DebugEvent<'_>, now_ns: u64) {
        let written = self.file.append(event.line().as_bytes());
        match &written {
            Ok(()) => self.observer.written(event.kind),
            Err(_) => self.observer.lost("debug_logs", Loss::Disk, 1),
        }
        self.trouble.report(&self.file, &written);
        self.outbox.add(event, now_ns);
    }

    fn flush(&mut self) {
        let Some((request, items)) = self.outbox.take() else { return };
        if !self.onward.append(request, items) {
            self.observer.lost("log", Loss::Refused, items.into());
        }
    }
}

/// Writes the wanted events of a batch.
fn take(
    scopes: &Scopes,
    batch: &Batch,
    events: &mut Events,
) -> Result<(), crate::otlp::wire::WireError> {
    let (arrived_ns, now_ns) = (batch.arrived_ns, clock::unix_nanos());
    match batch.signal {
        Signal::Traces => {
            let who = match scopes.asks_who(arrived_ns) {
                true => Some(Who::of(batch)?),
                false => None,
            };
            read::spans(&batch.body, |origin, span| {
                let mut item = Item { trace_id: Some(span.trace_id), ..Item::default() };
                if who.is_none() && !scopes.want(arrived_ns, &item) {
                    return;
                }
                let known = semconv::understand(origin, span);
                (item.tenant, item.agent) = match &who {
                    Some(who) => who.did(span),
                    None => (known.tenant, agent(&known)),
                };
                if scopes.want(arrived_ns, &item) {
                    let about = About { known: &known, tenant: item.tenant, agent: item.agent };
                    events.write(sources::of_span(origin, span, about), now_ns);
                }
            })
        }
        Signal::Logs => read::log_records(&batch.body, |origin, record| {
            let (tenant, agent) = sources::who_of_record(origin, record);
            let item = Item { trace_id: record.trace_id, tenant, agent };
            if scopes.want(arrived_ns, &item) {
                events.write(sources::of_record(origin, record), now_ns);
            }
        }),
        Signal::Metrics => Ok(()),
    }
}

/// The agent that a span is the run of, or that it names.
fn agent<'a>(known: &Understanding<'a>) -> Option<&'a str> {
    use crate::model::Operation;
    match &known.operation {
        Operation::Agent(run) => Some(run.name),
        Operation::Step(step) => Some(step.agent),
        _ => known.agent,
    }
}

/// Who did what in one batch: a call of a model seldom names the agent and the tenant that the
/// run around it names.
struct Who<'a>(HashMap<SpanId, Known<'a>>);

#[derive(Clone, Copy)]
struct Known<'a> {
    parent: Option<SpanId>,
    tenant: Option<&'a str>,
    agent: Option<&'a str>,
}

impl<'a> Who<'a> {
    fn of(batch: &'a Batch) -> Result<Self, crate::otlp::wire::WireError> {
        let mut spans = HashMap::with_capacity(batch.items as usize);
        read::spans(&batch.body, |origin, span| {
            let known = semconv::understand(origin, span);
            let (tenant, agent) = (known.tenant, agent(&known));
            spans.insert(span.span_id, Known { parent: span.parent_span_id, tenant, agent });
        })?;
        Ok(Self(spans))
    }

    /// Tenant and agent of a span: its own, else those of its nearest ancestor in the batch.
    fn did(&self, span: &Span<'a>) -> (Option<&'a str>, Option<&'a str>) {
        let (mut tenant, mut agent) = (None, None);
        let mut at = Some(span.span_id);
        for _ in 0..ANCESTORS {
            let Some(known) = at.and_then(|id| self.0.get(&id)) else { break };
            tenant = tenant.or(known.tenant);
            agent = agent.or(known.agent);
            at = known.parent;
        }
        (tenant, agent)
    }
}
