//! Runs that begin, end, are given up and outlive a restart.

use std::sync::{Arc, Mutex};

use super::book::Key;
use super::*;
use crate::model::{
    LogRecord, Moment, Origin, Projection, RunKind, SeenRecord, SeenSpan, TraceId, Value,
};
use crate::otlp::read;
use crate::semconv;

const HOUR_NS: u64 = 3_600_000_000_000;
/// 2023-11-14T22:13:20Z.
const NOW_NS: u64 = 1_700_000_000_000_000_000;

/// A book, what keeps it, and the ids that it wants remembered.
struct World {
    runs: Arc<Runs>,
    projection: RunsProjection,
    remembered: Arc<Mutex<Vec<Key>>>,
}

impl World {
    fn new() -> Self {
        let runs = Arc::new(Runs::new(HOUR_NS));
        let remembered = Arc::new(Mutex::new(Vec::new()));
        let heard = remembered.clone();
        let projection =
            RunsProjection::new(runs.clone(), move |key| heard.lock().unwrap().push(key));
        Self { runs, projection, remembered }
    }

    /// As after a crash: a new process with the snapshot of this one.
    fn again(&self) -> Self {
        let mut world = Self::new();
        world.projection.restore(&self.projection.snapshot()).unwrap();
        world
    }

    fn begin(&mut self, key: Key, name: &str, arrived_ns: u64) {
        let agent = crate::model::Attribute { key: "gen_ai.agent.name", value: Value::Text(name) };
        let record = LogRecord {
            time_ns: arrived_ns,
            observed_ns: arrived_ns,
            severity: 9,
            severity_text: "",
            event_name: "pharos.agent_run.started",
            body: Value::Empty,
            attributes: vec![agent],
            trace_id: Some(key.0),
            span_id: Some(key.1),
        };
        let origin = Origin::default();
        let report = semconv::report(&origin, &record);
        let moment = Moment { arrived_ns, live: true };
        let seen = SeenRecord { moment, origin: &origin, record: &record, report: report.as_ref() };
        self.projection.record(&seen);
    }

    /// Reads an export request of spans, as the projector does.
    fn spans(&mut self, request: &[u8]) {
        read::spans(request, |origin, span| {
            let known = semconv::understand(origin, span);
            let moment = Moment { arrived_ns: NOW_NS, live: true };
            let seen = SeenSpan { moment, origin, span, known: &known, settled: None };
            self.projection.span(&seen);
        })
        .unwrap();
    }

    /// The span of an agent's run that ended well.
    fn end(&mut self, key: Key) {
        let overdue = Overdue {
            run: OpenRun {
                kind: RunKind::Agent,
                key,
                begun: Begun { name: "planner".to_owned(), ..Begun::default() },
                arrived_ns: NOW_NS,
            },
            end_ns: NOW_NS,
        };
        let request = abandoned_spans(&[overdue], "test");
        let at = memchr::memmem::find(&request, b"abandoned").unwrap();
        let mut request = request;
        request[at..at + 9].copy_from_slice(b"something");
        self.spans(&request);
    }

    fn open(&self) -> Option<u64> {
        self.runs.count(RunKind::Agent)
    }
}

fn key(number: u8) -> Key {
    (TraceId::from_bytes(&[number; 16]).unwrap(), SpanId::from_bytes(&[number; 8]).unwrap())
}

#[test]
fn a_run_is_open_from_its_beginning_to_its_end() {
    let mut world = World::new();
    assert_eq!(world.open(), None, "nobody told of any");
    world.begin(key(1), "planner", NOW_NS);
    world.begin(key(1), "planner", NOW_NS + 5);
    world.begin(key(2), "writer", NOW_NS);
    assert_eq!(world.open(), Some(2), "a repeated beginning is none");
    assert_eq!(world.runs.count(RunKind::Request), None);
    let (listed, total) = world.runs.list(None, 1);
    assert_eq!((listed.len(), total), (1, 2));
    world.end(key(1));
    assert_eq!(world.open(), Some(1));
    assert!(matches!(world.runs.find(key(1).0, key(1).1), Known::Begun(begun)
        if begun.name == "planner"));
    world.begin(key(1), "planner", NOW_NS);
    assert_eq!(world.open(), Some(1), "a beginning behind its end opens nothing");
    world.end(key(3));
    world.begin(key(3), "late", NOW_NS);
    assert_eq!(world.open(), Some(1), "also where the end was read first");
    world.end(key(2));
    assert_eq!(world.open(), Some(0));
}

#[test]
fn a_run_without_an_end_is_given_up_once() {
    let mut world = World::new();
    world.begin(key(1), "planner", NOW_NS);
    assert_eq!(world.runs.overdue(NOW_NS + HOUR_NS - 1, 10), []);
    let overdue = world.runs.overdue(NOW_NS + HOUR_NS, 10);
    assert_eq!((overdue.len(), overdue[0].end_ns), (1, NOW_NS + HOUR_NS));
    // A crash between deciding and sending decides again.
    let world = world.again();
    let again = world.runs.overdue(NOW_NS + HOUR_NS + 9, 10);
    assert_eq!(again, overdue, "and the same");
    let request = abandoned_spans(&again, "pharos.events");
    assert_eq!(request, abandoned_spans(&overdue, "pharos.events"));
    world.runs.given_up(&[key(1)], NOW_NS + HOUR_NS);
    assert_eq!(world.runs.overdue(NOW_NS + HOUR_NS + 9, 10), [], "it is on its way");
    // A crash between sending and reading reads it.
    let mut world = world.again();
    world.spans(&request);
    assert_eq!(world.open(), Some(0));
    assert_eq!(world.runs.find(key(1).0, key(1).1), Known::Abandoned);
    read::spans(&request, |origin, span| {
        let known = semconv::understand(origin, span);
        assert_eq!((known.failed, known.error_type), (true, Some("abandoned")));
        assert_eq!((known.agent, known.operation.name()), (Some("planner"), "invoke_agent"));
        assert_eq!(span.end_ns - span.start_ns, HOUR_NS);
    })
    .unwrap();
    // A late end is known also after another restart.
    let world = world.again();
    assert_eq!(world.runs.find(key(1).0, key(1).1), Known::Abandoned);
    assert_eq!(*world.remembered.lock().unwrap(), [key(1)]);
}

#[test]
fn a_span_that_was_there_before_closes_its_run_after_a_while() {
    let mut world = World::new();
    world.begin(key(1), "planner", NOW_NS);
    world.runs.given_up(&[key(1)], NOW_NS + HOUR_NS);
    world.projection.tick(NOW_NS + HOUR_NS + 59_000_000_000);
    assert_eq!(world.open(), Some(1));
    world.projection.tick(NOW_NS + HOUR_NS + 61_000_000_000);
    assert_eq!(world.open(), Some(0));
}

#[test]
fn what_is_open_outlives_a_restart() {
    let mut world = World::new();
    for number in 1..=200 {
        world.begin(key(number), "planner", NOW_NS + u64::from(number));
    }
    for number in 1..=100 {
        world.end(key(number));
    }
    let again = world.again();
    assert_eq!(again.open(), Some(100));
    assert_eq!(again.runs.list(None, 500), world.runs.list(None, 500));
    assert_eq!(again.runs.find(key(1).0, key(1).1), world.runs.find(key(1).0, key(1).1));
    assert!(World::new().projection.restore(b"{}").is_err());
}

#[test]
fn the_end_may_come_before_the_beginning_is_read() {
    let mut world = World::new();
    let begun = Begun { start_ns: 7, ..Begun::default() };
    world.runs.announce([(key(1), begun.clone())]);
    assert_eq!(world.runs.find(key(1).0, key(1).1), Known::Begun(Box::new(begun)));
    assert_eq!(world.open(), None, "only the log says what is open");
    world.begin(key(1), "planner", NOW_NS);
    assert_eq!(world.open(), Some(1));
}

#[test]
fn memory_is_bounded() {
    let runs = Runs::new(HOUR_NS);
    let id = |number: u32| {
        let bytes = (u128::from(number) + 1).to_be_bytes();
        (TraceId::from_bytes(&bytes).unwrap(), SpanId::from_bytes(&bytes[8..]).unwrap())
    };
    let most = crate::limits::RUNS_OPEN as u32;
    for number in 0..most + 10 {
        runs.state().begin(id(number), RunKind::Agent, Begun::default(), NOW_NS);
    }
    assert_eq!((runs.count(RunKind::Agent), runs.untracked()), (Some(u64::from(most)), 10));
    for number in 0..most {
        runs.state().end(id(number), Closed::Ended, true);
    }
    let state = runs.state();
    assert!(state.young.len() + state.old.len() <= 2 * crate::limits::RUNS_PAST);
}
