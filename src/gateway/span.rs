//! A call as a span, in the words of the GenAI conventions.

use std::time::Instant;

use super::dialect::{Answer, Endpoint};
use super::exchange::{Counted, Exchange};
use super::failure::Failure;

use crate::model::{Attribute, Span, SpanId, SpanKind, Status, TraceId, TraceParent, Value};
use crate::otlp::compose;

/// The ids of a call's span.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    pub(super) parent: Option<SpanId>,
    sampled: bool,
}

impl Ids {
    /// A span below the caller's, or of a trace of its own.
    pub(super) fn below(parent: Option<TraceParent>) -> Self {
        let new_trace = fastrand::u128(1..).to_be_bytes();
        let new_span = fastrand::u64(1..).to_be_bytes();
        let fallback = "a number that is not 0 is a valid id";
        Self {
            trace: parent.map_or_else(
                || TraceId::from_bytes(&new_trace).expect(fallback),
                |parent| parent.trace_id,
            ),
            span: SpanId::from_bytes(&new_span).expect(fallback),
            parent: parent.map(|parent| parent.span_id),
            sampled: parent.is_none_or(|parent| parent.sampled),
        }
    }

    /// The `traceparent` that the upstream gets.
    pub(super) fn header(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

/// Attributes of one span, those with a value.
struct Attributes<'a>(Vec<Attribute<'a>>);

impl<'a> Attributes<'a> {
    fn text(&mut self, key: &'static str, value: &'a str) {
        if !value.is_empty() {
            self.0.push(Attribute { key, value: Value::Text(value) });
        }
    }

    fn maybe(&mut self, key: &'static str, value: Option<&'a str>) {
        self.text(key, value.unwrap_or_default());
    }

    fn count(&mut self, key: &'static str, value: Option<u64>) {
        if let Some(value) = value {
            let value = Value::Int(i64::try_from(value).unwrap_or(i64::MAX));
            self.0.push(Attribute { key, value });
        }
    }

    fn number(&mut self, key: &'static str, value: Option<f64>) {
        self.0.extend(value.map(|value| Attribute { key, value: Value::Double(value) }));
    }

    fn texts(&mut self, key: &'static str, values: &'a [String]) {
        if !values.is_empty() {
            let values = values.iter().map(|value| Value::Text(value)).collect();
            self.0.push(Attribute { key, value: Value::Array(values) });
        }
    }
}

/// The span of a settled call, as the fields of OTLP's message.
pub(super) fn encode(
    call: &Exchange,
    answer: &Answer,
    first: Option<Instant>,
    end_ns: u64,
) -> Vec<u8> {
    let status = call.told_status();
    let failure = call.failure();
    let class = error_class(failure, answer, status);
    let operation = call.endpoint.operation().filter(|_| call.tried);
    let model = call.asked.model.as_deref().or(answer.model.as_deref());
    let name = match (operation, model) {
        (Some(operation), Some(model)) => format!("{operation} {model}"),
        (Some(operation), None) => operation.to_owned(),
        (None, _) => format!("gateway {}", call.endpoint.name()),
    };
    let said = answer.said.as_deref().filter(|said| !said.is_empty()).map(output_messages);
    let mut attributes = Attributes(Vec::with_capacity(32));
    about_the_call(&mut attributes, call, operation, status, class.as_deref());
    if operation.is_some() {
        about_the_model(&mut attributes, call, answer, first);
    }
    attributes.maybe("gen_ai.input.messages", call.asked.content.as_deref());
    attributes.maybe("gen_ai.output.messages", said.as_deref());
    let span = Span {
        trace_id: call.ids.trace,
        span_id: call.ids.span,
        parent_span_id: call.ids.parent,
        trace_state: "",
        name: &name,
        kind: SpanKind::Client,
        start_ns: call.begun_ns,
        end_ns,
        status: if class.is_some() { Status::Error } else { Status::Unset },
        status_message: "",
        attributes: attributes.0,
        dropped_attributes: 0,
        events: Vec::new(),
        links: Vec::new(),
    };
    let mut out = Vec::with_capacity(1024);
    compose::span(&mut out, &span);
    out
}

fn about_the_call<'a>(
    attributes: &mut Attributes<'a>,
    call: &'a Exchange,
    operation: Option<&'static str>,
    status: u16,
    class: Option<&'a str>,
) {
    let upstream = &call.upstream;
    attributes.maybe("gen_ai.operation.name", operation);
    attributes.text("gen_ai.provider.name", &upstream.provider);
    attributes.text("server.address", upstream.address());
    attributes.count("server.port", Some(upstream.port.into()));
    attributes.text("pharos.gateway.id", &upstream.options.id);
    attributes.text("pharos.gateway.method", call.method);
    if operation.is_none() {
        // What reached no provider is no request to one.
        let kind = if call.tried { "provider_request" } else { "gateway_request" };
        attributes.text("pharos.event.type", kind);
        attributes.text("pharos.provider.endpoint", call.endpoint.name());
    }
    attributes.count("pharos.gateway.status", Some(status.into()));
    attributes.count("http.response.status_code", call.status.map(u64::from));
    attributes.maybe("pharos.gateway.request_id", call.request_id.to_str().ok());
    attributes.number("pharos.gateway.rate_limit_remaining", call.rate_limit_remaining);
    attributes.maybe("error.type", class);
    let caller = &call.caller;
    attributes.maybe("tenant.id", caller.tenant.as_deref());
    attributes.maybe("team.id", caller.team.as_deref());
    attributes.maybe("user.id", caller.user.as_deref());
    attributes.maybe("gen_ai.agent.id", caller.agent_id.as_deref());
    attributes.maybe("gen_ai.agent.name", caller.agent.as_deref());
    attributes.maybe("gen_ai.conversation.id", caller.conversation.as_deref());
}

fn about_the_model<'a>(
    attributes: &mut Attributes<'a>,
    call: &'a Exchange,
    answer: &'a Answer,
    first: Option<Instant>,
) {
    let asked = &call.asked;
    attributes.maybe("gen_ai.request.model", asked.model.as_deref());
    attributes.count("gen_ai.request.max_tokens", asked.max_tokens);
    if asked.stream {
        let value = Value::Bool(true);
        attributes.0.push(Attribute { key: "gen_ai.request.stream", value });
    }
    attributes.maybe("gen_ai.response.model", answer.model.as_deref());
    attributes.maybe("gen_ai.response.id", answer.id.as_deref());
    attributes.maybe("openai.response.service_tier", answer.tier.as_deref());
    attributes.texts("gen_ai.response.finish_reasons", &answer.finish);
    attributes.texts("pharos.gateway.tool_calls", &answer.tools);
    let first = first.or(call.first_byte.filter(|_| asked.stream && answer.said_bytes > 0));
    let first = first.map(|first| first.duration_since(call.begun).as_secs_f64());
    attributes.number("gen_ai.response.time_to_first_chunk", first);
    if let Some(Counted { usage, source }) = call.counted(answer) {
        attributes.count("gen_ai.usage.input_tokens", usage.input);
        attributes.count("gen_ai.usage.output_tokens", usage.output);
        attributes.count("gen_ai.usage.cache_read.input_tokens", usage.cached);
        attributes.count("gen_ai.usage.cache_write.input_tokens", usage.cache_write);
        attributes.count("gen_ai.usage.reasoning.output_tokens", usage.reasoning);
        attributes.text("pharos.usage.source", source.name());
    }
}

/// The class of what went wrong: ours, the provider's word for it, else the status.
fn error_class(failure: Option<&Failure>, answer: &Answer, status: u16) -> Option<String> {
    match (failure, &answer.error) {
        (Some(failure), _) => Some(failure.name().to_owned()),
        (None, Some(class)) => Some(class.clone()),
        (None, None) => (status >= 400).then(|| status.to_string()),
    }
}

fn output_messages(said: &str) -> String {
    serde_json::json!([{ "role": "assistant", "parts": [{ "type": "text", "content": said }] }])
        .to_string()
}

impl Endpoint {
    /// Whether an answer to it is read.
    pub(super) fn is_read(self) -> bool {
        !matches!(self, Self::Other(_))
    }
}
