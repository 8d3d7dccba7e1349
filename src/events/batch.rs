//! The events of one request as export requests of traces and logs.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::body::{self, Sink};
use super::event::Event;
use super::json::Json;
use super::make::{Around, Made};
use super::rejection::Rejection;
use crate::limits;
use crate::model::{Attribute, Origin, RunKind, Scope, SpanId, TraceId, Value};
use crate::otlp::compose;
use crate::otlp::write::message_field;
use crate::runs::{Begun, Known};

/// The instrumentation scope of what the door makes.
pub const SCOPE: &str = "pharos.events";

/// What became of a body.
#[derive(Debug, Default)]
pub struct Batch {
    /// An export request of traces.
    pub traces: Vec<u8>,
    /// The places in the body of its spans.
    pub spans: Vec<u32>,
    /// An export request of logs.
    pub logs: Vec<u8>,
    /// The places in the body of its records.
    pub records: Vec<u32>,
    /// The events that were not taken, the first [`limits::EVENTS_REJECTED_NAMED`] of them.
    pub rejected: Vec<Rejection>,
    /// How many were not taken.
    pub rejected_count: usize,
    /// The runs that are begun by it.
    pub begun: Vec<Beginning>,
}

/// A run that an event begins.
pub type Beginning = (RunKind, TraceId, SpanId, Begun);

/// Why nothing of a body is taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is broken.
    Broken(Box<Rejection>),
    /// It holds more events than one request may hold.
    TooMany(usize),
    /// What becomes of it has no room.
    NoRoom,
}

/// How a body is to be read.
pub struct Terms<'c> {
    /// When it arrived.
    pub now_ns: u64,
    /// The trace and span of the request's `traceparent`.
    pub header: Option<(TraceId, SpanId)>,
    /// Whether the sender says that it has one event a line.
    pub lines: bool,
    /// The most events.
    pub most: usize,
    /// What is known of a run.
    pub run: &'c dyn Fn(TraceId, SpanId) -> Known,
    /// Asked before the output grows by so many bytes.
    pub room: &'c mut dyn FnMut(usize) -> bool,
}

/// Reads a body. Every event in it is a span, a record or rejected.
///
/// # Errors
/// See [`Unread`]; nothing of it is taken then.
pub fn read(body: &[u8], terms: Terms<'_>) -> Result<Batch, Unread> {
    let lines = terms.lines;
    let mut maker = Maker {
        terms,
        batch: Batch::default(),
        groups: Vec::new(),
        places: HashMap::default(),
        local: HashMap::default(),
        events: 0,
        bytes: 0,
        allowed: 0,
        stop: None,
    };
    let read = body::read(body, lines, &mut maker);
    if let Some(stop) = maker.stop {
        return Err(stop);
    }
    read.map_err(|rejection| Unread::Broken(Box::new(rejection)))?;
    Ok(maker.finish())
}

/// What was made of the events of one service.
#[derive(Default)]
struct Group {
    service: String,
    spans: Vec<u8>,
    records: Vec<u8>,
}

struct Maker<'c> {
    terms: Terms<'c>,
    batch: Batch,
    groups: Vec<Group>,
    places: HashMap<String, usize, RandomState>,
    /// Runs that were begun by events before.
    local: HashMap<(TraceId, SpanId), Begun, RandomState>,
    events: usize,
    bytes: usize,
    allowed: usize,
    stop: Option<Unread>,
}

impl Sink for Maker<'_> {
    fn event(&mut self, line: Option<usize>, event: Result<Json<'_>, Rejection>) -> bool {
        let index = self.events;
        self.events += 1;
        if self.events > self.terms.most {
            self.stop = Some(Unread::TooMany(self.terms.most));
            return false;
        }
        let taken = event.and_then(|json| self.take(index, &json));
        if let Err(mut rejection) = taken {
            rejection.index = index;
            rejection.place = rejection.place.or(line.map(|line| (line, 0)));
            self.batch.rejected_count += 1;
            if self.batch.rejected.len() < limits::EVENTS_REJECTED_NAMED {
                self.batch.rejected.push(rejection);
            }
        }
        if self.bytes > self.allowed {
            let more = self.bytes.max(limits::BODY_STEP_BYTES);
            if !(self.terms.room)(more) {
                self.stop = Some(Unread::NoRoom);
                return false;
            }
            self.allowed += more;
        }
        true
    }
}

impl Maker<'_> {
    fn take(&mut self, index: usize, json: &Json<'_>) -> Result<(), Rejection> {
        let now_ns = self.terms.now_ns;
        let event = Event::read(json, now_ns)?;
        let known = |trace_id, span_id| match self.local.get(&(trace_id, span_id)) {
            Some(begun) => Known::Begun(Box::new(begun.clone())),
            None => (self.terms.run)(trace_id, span_id),
        };
        let around = Around { now_ns, header: self.terms.header, run: &known };
        let made = Made::of(event, &around)?;
        let place = self.group(&made.service);
        let group = &mut self.groups[place];
        let before = group.spans.len() + group.records.len();
        // Not even the largest body that can be configured holds so many.
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        if made.is_span {
            let Some(span) = made.as_span() else { return Err(Rejection::of("has no ids")) };
            message_field(&mut group.spans, 2, |out| compose::span(out, &span));
            self.batch.spans.push(index);
        } else {
            let mut name = String::new();
            let record = made.as_record(now_ns, &mut name);
            message_field(&mut group.records, 2, |out| compose::log_record(out, &record));
            self.batch.records.push(index);
        }
        self.bytes += group.spans.len() + group.records.len() - before;
        if let Some((run, trace_id, span_id)) = made.begins {
            let begun = made.beginning(run);
            self.local.insert((trace_id, span_id), begun.clone());
            self.batch.begun.push((run, trace_id, span_id, begun));
        }
        Ok(())
    }

    fn group(&mut self, service: &str) -> usize {
        // Mostly the last one again.
        if let Some(last) = self.groups.last()
            && last.service == service
        {
            return self.groups.len() - 1;
        }
        if let Some(place) = self.places.get(service) {
            return *place;
        }
        let place = self.groups.len();
        self.places.insert(service.to_owned(), place);
        self.groups.push(Group { service: service.to_owned(), ..Group::default() });
        place
    }

    fn finish(self) -> Batch {
        let Self { mut batch, groups, .. } = self;
        for Group { service, spans, records } in groups {
            let named = Attribute { key: "service.name", value: Value::Text(&service) };
            let scope = Scope { name: SCOPE, ..Scope::default() };
            let origin = Origin { resource: vec![named], scope };
            for (made, request) in [(spans, &mut batch.traces), (records, &mut batch.logs)] {
                if !made.is_empty() {
                    compose::group(request, &origin, |out| out.extend_from_slice(&made));
                }
            }
        }
        batch
    }
}
