//! What becomes of an event: a span or a log record, with ids and times.

use sha2::{Digest as _, Sha256};

use super::event::{Event, Framed};
use super::rejection::Rejection;
use super::schema::{Kind, Shape};
use super::value::Held;
use crate::limits;
use crate::model::{Attribute, LogRecord, RunKind, Span, SpanId, SpanKind, Status, TraceId, Value};
use crate::runs::{Begun, Known};

/// What is known beside the event itself.
pub(super) struct Around<'c> {
    /// When the request arrived.
    pub(super) now_ns: u64,
    /// The trace and the span above that the request's own `traceparent` names.
    pub(super) header: Option<(TraceId, SpanId)>,
    /// What is known of a run.
    pub(super) run: &'c dyn Fn(TraceId, SpanId) -> Known,
}

/// An event with everything that a span or record needs.
pub(super) struct Made<'t> {
    event: Event<'t>,
    /// Who sends it.
    pub(super) service: String,
    pub(super) is_span: bool,
    trace_id: Option<TraceId>,
    span_id: Option<SpanId>,
    parent: Option<SpanId>,
    start_ns: u64,
    end_ns: u64,
    name: String,
    failed: Option<bool>,
    /// The run that it begins.
    pub(super) begins: Option<(RunKind, TraceId, SpanId)>,
}

const SECOND_NS: u64 = 1_000_000_000;

impl<'t> Made<'t> {
    /// Gives an event its ids, times and attributes.
    pub(super) fn of(mut event: Event<'t>, around: &Around<'_>) -> Result<Self, Rejection> {
        let service = event.frame.service.unwrap_or("unknown_service").to_owned();
        let ids = Ids::of(event.kind, &event.frame, &service, around.header)?;
        let mut made = Self {
            service,
            is_span: event.kind.is_span(),
            trace_id: ids.trace_id,
            span_id: ids.span_id,
            parent: ids.parent,
            start_ns: 0,
            end_ns: event.frame.time_ns.unwrap_or(around.now_ns),
            name: String::new(),
            failed: None,
            begins: None,
            event: {
                event.frame.service = None;
                event
            },
        };
        match made.event.kind.shape {
            Shape::Span { kind, name, run } => {
                let known = ids.sent_run(run).map(|(trace, span)| (around.run)(trace, span));
                if let Some(Known::Abandoned) = known {
                    return Err(abandoned());
                }
                made.times(around.now_ns, None)?;
                made.span(kind, name);
            }
            Shape::End { kind, name, run } => {
                let begun = made.begun(&ids, around)?;
                made.times(around.now_ns, begun.as_ref().map(|begun| begun.start_ns))?;
                if let Some(begun) = begun {
                    made.inherit(run, begun);
                }
                made.span(kind, name);
            }
            Shape::Start { run, .. } => {
                if let (Some(trace_id), Some(span_id)) = (made.trace_id, made.span_id) {
                    made.begins = Some((run, trace_id, span_id));
                }
                if let Some(parent) = made.parent {
                    let parent = Held::Text(parent.to_string().into());
                    made.event.add("pharos.parent_span_id", parent);
                }
            }
            Shape::Moment { .. } => made.moment(),
        }
        if !made.is_span
            && let Some(id) = made.event.frame.id
        {
            made.event.add("log.record.uid", Held::Text(id.into()));
        }
        Ok(made)
    }

    /// The run that an end ends: `None` where the end says itself when it began.
    fn begun(&self, ids: &Ids, around: &Around<'_>) -> Result<Option<Begun>, Rejection> {
        let Some((trace_id, span_id)) = ids.sent_run(true) else { return Ok(None) };
        match (around.run)(trace_id, span_id) {
            Known::Begun(begun) => Ok(Some(*begun)),
            Known::Abandoned => Err(abandoned()),
            Known::Nothing => Ok(None),
        }
    }

    /// When it began and ended.
    fn times(&mut self, now_ns: u64, begun_ns: Option<u64>) -> Result<(), Rejection> {
        let Framed { start_ns, end_ns, time_ns, duration_ns, .. } = self.event.frame;
        let late = end_ns.or(time_ns).unwrap_or(now_ns);
        let missing = || {
            let kind = self.event.kind;
            let reason = match kind.shape {
                Shape::End { .. } => {
                    "is missing; no beginning of this run is known, so its end \
                    must say duration or start"
                }
                _ => "is missing; say how long it took: duration, or start and end",
            };
            Err(Rejection::field("duration", reason))
        };
        let (start, end) = match (start_ns, duration_ns) {
            (Some(start), Some(duration)) => (start, end_ns.unwrap_or(start + duration)),
            (Some(start), None) if end_ns.or(time_ns).is_some() || begun_ns.is_some() => {
                (start, late)
            }
            (None, Some(duration)) => (late.saturating_sub(duration), late),
            (None, None) if begun_ns.is_some() => (begun_ns.unwrap_or(late), late),
            _ => return missing(),
        };
        if end < start {
            return Err(Rejection::field("end", "lies before the start"));
        }
        let took = end - start;
        if let Some(duration) = duration_ns
            && took.abs_diff(duration) > SECOND_NS / 1_000 + duration / 100
        {
            return Err(Rejection::field("duration", "contradicts start and end"));
        }
        if took as f64 > limits::EVENT_SECONDS * 1e9 {
            return Err(Rejection::field("duration", "is more than a year, which cannot be"));
        }
        if end > now_ns.saturating_add(limits::EVENT_AHEAD_SECONDS * SECOND_NS) {
            return Err(Rejection::field("end", "lies more than a day ahead"));
        }
        (self.start_ns, self.end_ns) = (start, end);
        Ok(())
    }

    /// What the beginning of the run said and its end does not.
    fn inherit(&mut self, run: RunKind, begun: Begun) {
        let Begun {
            service, parent, name, method, tenant, team, user, agent, conversation, ..
        } = begun;
        if self.service == "unknown_service" {
            self.service = service;
        }
        self.parent = self.parent.or(parent);
        let named = match run {
            RunKind::Request => "http.route",
            RunKind::Agent => "gen_ai.agent.name",
            RunKind::Workflow => "gen_ai.workflow.name",
        };
        let said = [
            (named, name),
            ("http.request.method", method),
            ("tenant.id", tenant),
            ("pharos.team", team),
            ("user.id", user),
            ("gen_ai.agent.name", agent),
            ("gen_ai.conversation.id", conversation),
        ];
        for (attribute, text) in said.into_iter().filter(|(_, text)| !text.is_empty()) {
            self.event.add(attribute, Held::Text(text.into()));
        }
    }

    fn span(&mut self, kind: SpanKind, pieces: &[&'static str]) {
        let event = &mut self.event;
        let failing = if kind == SpanKind::Server { 500 } else { 400 };
        self.failed = event.frame.failed(failing);
        let class = event.frame.class().map(str::to_owned);
        if let Some(code) = event.frame.status_code {
            let attribute = match event.kind.name {
                "gateway_request" => "pharos.gateway.status",
                _ => "http.response.status_code",
            };
            event.add(attribute, Held::Whole(code.into()));
        }
        if self.failed == Some(true) {
            let code = event.frame.status_code.filter(|code| *code >= failing);
            if let Some(class) = class.or_else(|| code.map(|code| code.to_string())) {
                event.add("error.type", Held::Text(class.into()));
            }
        }
        self.name = name(event, pieces);
    }

    fn moment(&mut self) {
        let event = &mut self.event;
        if let Some(class) = event.frame.error_type {
            event.add("error.type", Held::Text(class.into()));
        }
    }

    /// What the beginning of a run says of it.
    pub(super) fn beginning(&self, run: RunKind) -> Begun {
        let text = |attribute| self.event.text(attribute).unwrap_or_default().to_owned();
        Begun {
            start_ns: self.end_ns,
            service: self.service.clone(),
            parent: self.parent,
            name: text(match run {
                RunKind::Request => "http.route",
                RunKind::Agent => "gen_ai.agent.name",
                RunKind::Workflow => "gen_ai.workflow.name",
            }),
            method: text("http.request.method"),
            tenant: text("tenant.id"),
            team: text("pharos.team"),
            user: text("user.id"),
            agent: text("gen_ai.agent.name"),
            conversation: text("gen_ai.conversation.id"),
        }
    }

    fn attributes(&self) -> Vec<Attribute<'_>> {
        let all = self.event.attributes.iter();
        all.map(|(key, held)| Attribute { key, value: held.value() }).collect()
    }

    /// The span, if this is one.
    pub(super) fn as_span(&self) -> Option<Span<'_>> {
        let status = match self.failed {
            Some(true) => Status::Error,
            Some(false) => Status::Ok,
            None => Status::Unset,
        };
        let kind = match self.event.kind.shape {
            Shape::Span { kind, .. } | Shape::End { kind, .. } => kind,
            _ => return None,
        };
        Some(Span {
            trace_id: self.trace_id?,
            span_id: self.span_id?,
            parent_span_id: self.parent,
            trace_state: "",
            name: &self.name,
            kind,
            start_ns: self.start_ns,
            end_ns: self.end_ns,
            status,
            status_message: self.event.frame.error_message.as_deref().unwrap_or(""),
            attributes: self.attributes(),
            dropped_attributes: 0,
            events: Vec::new(),
            links: Vec::new(),
        })
    }

    /// The log record, if this is one. `name` has the room for a name that is put together.
    pub(super) fn as_record<'m>(&'m self, now_ns: u64, name: &'m mut String) -> LogRecord<'m> {
        let (record, severity) = match self.event.kind.shape {
            Shape::Moment { record, severity } => (record, severity),
            Shape::Start { record, .. } => (record, 9),
            _ => ("", 9),
        };
        *name = format!("{record}{}", self.event.frame.event_type.unwrap_or_default());
        let (severity, severity_text) = match self.event.frame.severity {
            Some("debug") => (5, "DEBUG"),
            Some("info") => (9, "INFO"),
            Some("warning") => (13, "WARN"),
            Some("error") => (17, "ERROR"),
            Some("critical") => (21, "FATAL"),
            _ => (
                severity,
                [(5, "DEBUG"), (9, "INFO"), (13, "WARN"), (17, "ERROR")]
                    .into_iter()
                    .find(|(number, _)| *number == severity)
                    .map_or("", |(_, text)| text),
            ),
        };
        LogRecord {
            time_ns: self.end_ns,
            observed_ns: now_ns,
            severity,
            severity_text,
            event_name: name,
            body: self.event.body.as_deref().map_or(Value::Empty, Value::Text),
            attributes: self.attributes(),
            trace_id: self.trace_id,
            span_id: self.span_id,
        }
    }
}

fn abandoned() -> Rejection {
    Rejection::of("its run was closed as abandoned before and is counted as that")
}

/// The name of a span, of words and of what fields say.
fn name(event: &Event<'_>, pieces: &[&'static str]) -> String {
    let mut name = String::new();
    for piece in pieces {
        let word = match piece.strip_prefix('=') {
            Some(word) => Some(word),
            None => {
                let field = event.kind.all_fields().find(|field| field.name == *piece);
                field.and_then(|field| match field.to {
                    super::schema::To::Attribute(attribute) => event.text(attribute),
                    _ => None,
                })
            }
        };
        if let Some(word) = word {
            name.push_str(if name.is_empty() { "" } else { " " });
            name.push_str(word);
        }
    }
    if name.is_empty() { event.kind.name.to_owned() } else { name }
}

/// The ids of what an event becomes.
struct Ids {
    trace_id: Option<TraceId>,
    span_id: Option<SpanId>,
    parent: Option<SpanId>,
    /// Whether the sender can name the span again.
    sent: bool,
}

impl Ids {
    fn of(
        kind: &Kind,
        frame: &Framed<'_>,
        service: &str,
        header: Option<(TraceId, SpanId)>,
    ) -> Result<Self, Rejection> {
        let of_run = frame.run_id.map(|id| derived("run", service, id));
        let is_run = match kind.shape {
            Shape::Start { .. } | Shape::End { .. } => true,
            Shape::Span { run, .. } => run,
            Shape::Moment { .. } => false,
        };
        let is_moment = matches!(kind.shape, Shape::Moment { .. });
        // An event's own id stands for the id of the span it becomes.
        let of_id = frame.id.filter(|_| !is_moment && frame.span_id.is_none());
        let of_id = of_id.map(|id| derived("event", service, id));
        let above = frame.traceparent.or(header.filter(|_| frame.trace_id.is_none()));
        let trace_id = frame
            .trace_id
            .or(frame.traceparent.map(|ids| ids.0))
            .or(of_run.map(|ids| ids.0))
            .or(header.map(|ids| ids.0));
        let mut parent = frame.parent.or(frame.traceparent.map(|ids| ids.1));
        if !is_run {
            parent = parent.or(of_run.map(|ids| ids.1));
        }
        let inherits = above.filter(|ids| trace_id == Some(ids.0)).map(|ids| ids.1);
        parent = parent.or(inherits);
        if is_moment {
            if frame.span_id.is_some() && trace_id.is_none() {
                return Err(Rejection::field("trace_id", "is missing; span_id needs it"));
            }
            let span_id = frame.span_id.or(parent).filter(|_| trace_id.is_some());
            return Ok(Self { trace_id, span_id, parent: None, sent: false });
        }
        let own = frame.span_id.or(of_run.filter(|_| is_run).map(|ids| ids.1));
        let own = own.or(of_id.map(|ids| ids.1));
        let trace_id = trace_id.or(of_id.map(|ids| ids.0));
        let begins_or_ends = matches!(kind.shape, Shape::Start { .. } | Shape::End { .. });
        if begins_or_ends && own.is_none() {
            let reason = "is missing; the beginning and the end of a run name it by run_id, or by \
                trace_id and span_id";
            return Err(Rejection::field("run_id", reason));
        }
        if begins_or_ends && trace_id.is_none() {
            return Err(Rejection::field("trace_id", "is missing; span_id needs it"));
        }
        if own.is_some() && own == parent {
            return Err(Rejection::field("parent_span_id", "is the event's own span_id"));
        }
        Ok(Self {
            trace_id: Some(trace_id.unwrap_or_else(random_trace)),
            span_id: Some(own.unwrap_or_else(random_span)),
            parent,
            sent: own.is_some() && trace_id.is_some(),
        })
    }

    /// The ids of a run that its sender can name.
    fn sent_run(&self, run: bool) -> Option<(TraceId, SpanId)> {
        let ids = self.trace_id.zip(self.span_id);
        ids.filter(|_| run && self.sent)
    }
}

/// Ids made of a name: the same name of the same service is the same id, on every machine.
fn derived(what: &str, service: &str, id: &str) -> (TraceId, SpanId) {
    let digest = Sha256::new()
        .chain_update(what)
        .chain_update([0])
        .chain_update(service)
        .chain_update([0])
        .chain_update(id)
        .finalize();
    let trace_id = TraceId::from_bytes(&digest[..16]);
    let span_id = SpanId::from_bytes(&digest[16..24]);
    (trace_id.unwrap_or_else(random_trace), span_id.unwrap_or_else(random_span))
}

fn random_trace() -> TraceId {
    let bytes = fastrand::u128(1..).to_be_bytes();
    TraceId::from_bytes(&bytes).expect("it is not zero")
}

fn random_span() -> SpanId {
    let bytes = fastrand::u64(1..).to_be_bytes();
    SpanId::from_bytes(&bytes).expect("it is not zero")
}
