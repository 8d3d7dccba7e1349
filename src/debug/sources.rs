//! What a span or log record holds for debug events.
//!
//! Two sources: what operations of agents say by their content, and what senders call
//! `debug.<event_type>` themselves, as attributes, span events or log records.
//!
//! Invariant: everything here is read from the log, so it has been redacted.

use super::event::{DebugEvent, cut, cut_middle, short};
use super::kind::EventKind;
use crate::limits;
use crate::model::{Attribute, LogRecord, Operation, Origin, Span, Understanding, Value, find};
use crate::semconv::{Part, Passage, log_passages, passages, plain_text};

/// Attributes that name the role of an agent.
const ROLES: [&str; 3] = ["gen_ai.agent.role", "agent.role", "agent_role"];
/// Attributes of an event that hold its text, before all of them together.
const TEXTS: [&str; 5] = ["text", "content", "message", "body", "value"];

/// What is known of a span beyond itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'s, 'a> {
    pub(super) known: &'s Understanding<'a>,
    pub(super) tenant: Option<&'a str>,
    pub(super) agent: Option<&'a str>,
}

/// The events of one span or log record, and how many more there would be.
#[derive(Debug, Default)]
pub(super) struct Taken<'a> {
    pub(super) events: Vec<DebugEvent<'a>>,
    pub(super) left_out: u64,
}

impl<'a> Taken<'a> {
    fn add(&mut self, event: DebugEvent<'a>) {
        if self.events.len() < limits::DEBUG_EVENTS_PER_ITEM {
            self.events.push(event);
        } else {
            self.left_out += 1;
        }
    }
}

/// The events of a span.
pub(super) fn of_span<'a>(origin: &Origin<'a>, span: &Span<'a>, about: About<'_, 'a>) -> Taken<'a> {
    let mut taken = Taken::default();
    let event = Form { origin, span, about };
    event.content(&mut taken);
    for attribute in &span.attributes {
        event.said(attribute.key, Some(&attribute.value), span.start_ns, &mut taken);
    }
    for happened in &span.events {
        if EventKind::from_key(happened.name).is_some() {
            let text = text_of(&happened.attributes, happened.name);
            event.said(happened.name, text.as_ref(), happened.time_ns, &mut taken);
        }
    }
    taken
}

/// The events of a log record.
pub(super) fn of_record<'a>(origin: &Origin<'a>, record: &LogRecord<'a>) -> Taken<'a> {
    let mut taken = Taken::default();
    let name = record_name(record);
    if let Some(kind) = EventKind::from_key(name) {
        let text = match &record.body {
            Value::Empty => text_of(&record.attributes, name),
            body => Some(body.clone()),
        };
        let text = text.as_ref().and_then(plain_text).unwrap_or_default();
        taken.add(of_log(origin, record, kind, "", cut(&text)));
        return taken;
    }
    let said = log_passages(origin, record);
    for (kind, parts) in [
        (EventKind::CompletionPrompt, &[Part::Instructions, Part::Prompt][..]),
        (EventKind::CompletionResponse, &[Part::Completion]),
        (EventKind::ToolCall, &[Part::ToolArguments, Part::ToolResult]),
    ] {
        let of_kind: Vec<&Passage<'_>> =
            said.iter().filter(|passage| parts.contains(&passage.part)).collect();
        if let Some(last) = of_kind.last() {
            let text = cut_middle(&conversation(&of_kind));
            taken.add(of_log(origin, record, kind, last.part.name(), text));
        }
    }
    taken
}

/// Who a log record says that it is about: tenant and agent.
pub(super) fn who_of_record<'a>(
    origin: &Origin<'a>,
    record: &LogRecord<'a>,
) -> (Option<&'a str>, Option<&'a str>) {
    let said = |keys: &[&str]| {
        let found = |key: &&str| {
            let of = |attributes: &[Attribute<'a>]| find(attributes, key).and_then(Value::as_text);
            of(&record.attributes).or_else(|| of(&origin.resource))
        };
        keys.iter().find_map(found)
    };
    (said(&["tenant.id", "tenant_id"]), said(&["gen_ai.agent.name", "agent.name"]))
}

/// The name of an event: its own field, or an attribute before that field was there.
fn record_name<'a>(record: &LogRecord<'a>) -> &'a str {
    let attribute = || find(&record.attributes, "event.name").and_then(Value::as_text);
    Some(record.event_name).filter(|name| !name.is_empty()).or_else(attribute).unwrap_or_default()
}

fn of_log<'a>(
    origin: &Origin<'a>,
    record: &LogRecord<'a>,
    kind: EventKind,
    part: &'static str,
    (text, missing_chars): (String, usize),
) -> DebugEvent<'a> {
    let (tenant, agent) = who_of_record(origin, record);
    DebugEvent {
        time_ns: if record.time_ns > 0 { record.time_ns } else { record.observed_ns },
        kind,
        trace_id: record.trace_id,
        span_id: record.span_id,
        service: short(origin.service()),
        name: short(record_name(record)),
        agent: agent.map(short),
        tenant: tenant.map(short),
        conversation: None,
        part,
        failed: false,
        error_type: None,
        missing_chars,
        text,
    }
}

/// One span on its way into events.
struct Form<'s, 'a> {
    origin: &'s Origin<'a>,
    span: &'s Span<'a>,
    about: About<'s, 'a>,
}

impl<'a> Form<'_, 'a> {
    fn event(
        &self,
        kind: EventKind,
        part: &'static str,
        time_ns: u64,
        (text, missing_chars): (String, usize),
    ) -> DebugEvent<'a> {
        let known = self.about.known;
        DebugEvent {
            time_ns,
            kind,
            trace_id: Some(self.span.trace_id),
            span_id: Some(self.span.span_id),
            service: short(self.origin.service()),
            name: short(self.name()),
            agent: self.about.agent.map(short),
            tenant: self.about.tenant.map(short),
            conversation: known.conversation.map(short),
            part,
            failed: known.failed,
            error_type: known.error_type.map(short),
            missing_chars,
            text,
        }
    }

    /// The model, tool, agent or step; else the span's name.
    fn name(&self) -> &'a str {
        match &self.about.known.operation {
            Operation::Llm(call) => call.model(),
            Operation::Tool(call) => call.name,
            Operation::Agent(run) => run.name,
            Operation::Workflow(run) => run.name,
            Operation::Step(step) => step.name,
            _ => self.span.name,
        }
    }

    /// What the sender called `debug.<event_type>`.
    fn said(&self, key: &str, value: Option<&Value<'a>>, time_ns: u64, taken: &mut Taken<'a>) {
        let Some(kind) = EventKind::from_key(key) else { return };
        let text = value.and_then(plain_text).unwrap_or_default();
        taken.add(self.event(kind, "", time_ns, cut(&text)));
    }

    /// What the operation says by its content.
    fn content(&self, taken: &mut Taken<'a>) {
        let operation = &self.about.known.operation;
        let special = self.special();
        let speaks = match operation {
            Operation::Llm(call) => call.operation != "embeddings",
            Operation::Tool(_) | Operation::Agent(_) => true,
            _ => special.is_some(),
        };
        if !speaks {
            return;
        }
        let said = passages(self.span, operation);
        let of = |part: Part| said.iter().filter(move |passage| passage.part == part);
        match operation {
            Operation::Llm(_) => {
                let prompt: Vec<_> = of(Part::Instructions).chain(of(Part::Prompt)).collect();
                self.tell(EventKind::CompletionPrompt, Part::Prompt, &prompt, taken);
                let answer: Vec<_> = of(Part::Completion).collect();
                self.tell(EventKind::CompletionResponse, Part::Completion, &answer, taken);
            }
            Operation::Tool(_) => {
                for part in [Part::ToolArguments, Part::ToolResult] {
                    self.tell(EventKind::ToolCall, part, &of(part).collect::<Vec<_>>(), taken);
                }
            }
            Operation::Agent(_) => {
                let prompt: Vec<_> = of(Part::Prompt).collect();
                let mut before: Vec<_> = of(Part::Instructions).collect();
                if let Some((last, earlier)) = prompt.split_last() {
                    before.extend(earlier);
                    self.tell(EventKind::Request, Part::Prompt, &[last], taken);
                }
                self.tell(EventKind::History, Part::Prompt, &before, taken);
                let answer: Vec<_> = of(Part::Completion).collect();
                let planned = answer.iter().any(|passage| is_plan(&passage.text));
                let kind = special.or(planned.then_some(EventKind::Plan));
                let kind = kind.unwrap_or(EventKind::History);
                self.tell(kind, Part::Completion, &answer, taken);
            }
            _ => {
                let Some(kind) = special else { return };
                for part in [Part::Prompt, Part::Completion] {
                    self.tell(kind, part, &of(part).collect::<Vec<_>>(), taken);
                }
                // That a step was taken is worth a line of its own.
                if said.is_empty() && kind == EventKind::SkillStep {
                    let skill = self.about.known.skill.unwrap_or(self.span.name);
                    let text = (short(skill).into_owned(), 0);
                    taken.add(self.event(kind, "", self.span.start_ns, text));
                }
            }
        }
    }

    fn tell(&self, kind: EventKind, part: Part, said: &[&Passage<'_>], taken: &mut Taken<'a>) {
        if said.is_empty() {
            return;
        }
        let ends = matches!(part, Part::Completion | Part::ToolResult);
        let time_ns = if ends { self.span.end_ns } else { self.span.start_ns };
        let text = cut_middle(&conversation(said));
        taken.add(self.event(kind, part.name(), time_ns, text));
    }

    /// What attributes and names make of an agent's run or of a step.
    fn special(&self) -> Option<EventKind> {
        let text = |key: &&str| find(&self.span.attributes, key).and_then(Value::as_text);
        let step = match &self.about.known.operation {
            Operation::Agent(run) => run.name,
            Operation::Step(step) => step.name,
            Operation::Workflow(_) | Operation::Other => self.span.name,
            _ => return None,
        };
        let role = ROLES.iter().find_map(text).unwrap_or_default();
        if says(step, "supervisor") || says(role, "supervisor") {
            return Some(EventKind::Supervisor);
        }
        if self.about.known.skill.is_some() {
            return Some(EventKind::SkillStep);
        }
        let plans = ["plan", "planner", "planning"].iter().any(|word| says(step, word));
        plans.then_some(EventKind::Plan)
    }
}

/// Whether a name has this word in it, whatever stands between its words.
fn says(name: &str, word: &str) -> bool {
    name.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part.eq_ignore_ascii_case(word))
}

/// Whether an answer is a plan: JSON that names it, or its steps.
fn is_plan(text: &str) -> bool {
    let text = text.trim_start();
    if !text.starts_with('{') || text.len() > limits::ATTRIBUTE_JSON_BYTES {
        return false;
    }
    let json: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(text).ok();
    json.is_some_and(|json| ["plan", "steps"].iter().any(|key| json.contains_key(*key)))
}

/// What was said, one after the other, each behind the name of who said it.
fn conversation(said: &[&Passage<'_>]) -> String {
    let mut text = String::new();
    for passage in said {
        if !text.is_empty() {
            text.push('\n');
        }
        let role = match (passage.role.as_ref(), passage.part) {
            ("", Part::Instructions) => "system",
            (role, _) => role,
        };
        if !role.is_empty() && said.len() > 1 {
            text.push_str(role);
            text.push_str(": ");
        }
        text.push_str(&passage.text);
    }
    text
}

/// The text among attributes: one that is called so, else all of them.
fn text_of<'a>(attributes: &[Attribute<'a>], name: &str) -> Option<Value<'a>> {
    let named = TEXTS.iter().find_map(|key| find(attributes, key));
    let named = named.or_else(|| find(attributes, name));
    let all = || (!attributes.is_empty()).then(|| Value::Map(attributes.to_vec()));
    named.cloned().or_else(all)
}
