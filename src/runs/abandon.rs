//! The spans of runs that are given up.

use super::Begun;
use super::book::Overdue;
use crate::model::{Attribute, Origin, RunKind, Scope, Span, SpanKind, Status, Value};
use crate::otlp::compose;
use crate::otlp::write::message_field;

/// The class of their failure.
pub(super) const ABANDONED: &str = "abandoned";

/// An export request with the spans of these runs, each from the service that began it.
///
/// Such a span lasts as long as it was waited for: nobody knows better.
pub fn abandoned_spans(runs: &[Overdue], scope: &str) -> Vec<u8> {
    let mut request = Vec::new();
    for Overdue { run, end_ns } in runs {
        let begun = &run.begun;
        let service = Attribute { key: "service.name", value: Value::Text(&begun.service) };
        let scope = Scope { name: scope, ..Scope::default() };
        let origin = Origin { resource: vec![service], scope };
        let name = name(run.kind, begun);
        let span = Span {
            trace_id: run.key.0,
            span_id: run.key.1,
            parent_span_id: begun.parent,
            trace_state: "",
            name: &name,
            kind: match run.kind {
                RunKind::Request => SpanKind::Server,
                _ => SpanKind::Internal,
            },
            start_ns: begun.start_ns,
            end_ns: (*end_ns).max(begun.start_ns),
            status: Status::Error,
            status_message: "Its end did not come in time.",
            attributes: attributes(run.kind, begun),
            dropped_attributes: 0,
            events: Vec::new(),
            links: Vec::new(),
        };
        compose::group(&mut request, &origin, |out| {
            message_field(out, 2, |out| compose::span(out, &span));
        });
    }
    request
}

fn name(kind: RunKind, begun: &Begun) -> String {
    let words = match kind {
        RunKind::Request => [begun.method.as_str(), begun.name.as_str()],
        RunKind::Agent => ["invoke_agent", begun.name.as_str()],
        RunKind::Workflow => ["invoke_workflow", begun.name.as_str()],
    };
    let name = words.join(" ").trim().to_owned();
    if name.is_empty() { kind.name().to_owned() } else { name }
}

fn attributes(kind: RunKind, begun: &Begun) -> Vec<Attribute<'_>> {
    let operation = match kind {
        // What has a method is a request, also where the method was not said.
        RunKind::Request if begun.method.is_empty() => ("http.request.method", "_OTHER"),
        RunKind::Request => ("http.request.method", begun.method.as_str()),
        RunKind::Agent => ("gen_ai.operation.name", "invoke_agent"),
        RunKind::Workflow => ("gen_ai.operation.name", "invoke_workflow"),
    };
    let named = match kind {
        RunKind::Request => "http.route",
        RunKind::Agent => "gen_ai.agent.name",
        RunKind::Workflow => "gen_ai.workflow.name",
    };
    let agent = if kind == RunKind::Agent { "" } else { begun.agent.as_str() };
    let said = [
        operation,
        ("error.type", ABANDONED),
        (named, &begun.name),
        ("tenant.id", &begun.tenant),
        ("pharos.team", &begun.team),
        ("user.id", &begun.user),
        ("gen_ai.agent.name", agent),
        ("gen_ai.conversation.id", &begun.conversation),
    ];
    let said = said.into_iter().filter(|(_, text)| !text.is_empty());
    said.map(|(key, text)| Attribute { key, value: Value::Text(text) }).collect()
}
