//! What goes along with a call from service to service: trace, baggage, request id.

use super::context::{Context, is_header};
use super::{baggage, trace};
use crate::limits;
use crate::model::TraceParent;

/// The header that carries the id of a request, both ways.
pub(super) const REQUEST_ID: &str = "x-request-id";
/// The header that carries the caller's span.
pub(super) const TRACE_PARENT: &str = "traceparent";
/// The header that carries what tracing systems add to it.
pub(super) const TRACE_STATE: &str = "tracestate";
/// The header that carries whose work it is.
pub(super) const BAGGAGE: &str = "baggage";

impl Context {
    /// The context of a request, for a server without a tower layer: what its headers say
    /// (`X-Tenant-Id`, `X-User-Id`, `X-Agent-Id`, `X-Conversation-Id`, then `baggage`), its
    /// `traceparent`, and the `X-Request-Id` that it has or is given.
    ///
    /// ```
    /// use pharos::telemetry::Context;
    ///
    /// let header = |name: &str| (name == "x-tenant-id").then_some("acme");
    /// let context = Context::of_headers(header);
    /// assert_eq!(context.tenant(), Some("acme"));
    /// assert!(context.request_id().is_some());
    /// ```
    pub fn of_headers<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Self {
        let mut context = Self::new();
        if let Some(tenant) = header("x-tenant-id") {
            context = context.with_tenant(tenant);
        }
        if let Some(user) = header("x-user-id") {
            context = context.with_user(user);
        }
        if let Some(agent) = header("x-agent-id") {
            context = context.with_agent(agent);
        }
        if let Some(conversation) = header("x-conversation-id").or_else(|| header("x-session-id")) {
            context = context.with_conversation(conversation);
        }
        context = baggage::read(context, header(BAGGAGE).into_iter());
        let parent = header(TRACE_PARENT).and_then(|value| TraceParent::parse(value.trim()));
        if let Some(parent) = parent {
            context = context.with_trace(parent, header(TRACE_STATE));
        }
        context.with_request_id_of(header(REQUEST_ID))
    }

    /// With the id that a request came with, if it is one that can stand on a log line and in a
    /// header, else with a new one.
    pub(super) fn with_request_id_of(self, sent: Option<&str>) -> Self {
        match sent.filter(|id| acceptable(id)) {
            Some(id) => self.with_request_id(id),
            None => self.with_request_id(&format!("{:032x}", fastrand::u128(1..))),
        }
    }
}

/// Headers that tell another service of the current trace, and whose work a call is, for a
/// client without a tower layer.
///
/// Tenant, user and conversation go along in `baggage`: to services of your own, not to others.
///
/// ```
/// use pharos::telemetry::{Context, outgoing_headers};
///
/// let context = Context::new().with_tenant("acme").with_request_id("r-1");
/// let headers = context.run(outgoing_headers);
/// assert!(headers.contains(&("x-request-id", "r-1".to_owned())));
/// assert!(headers.contains(&("baggage", "tenant.id=acme".to_owned())));
/// ```
pub fn outgoing_headers() -> Vec<(&'static str, String)> {
    headers_of(&Context::current(), &tracing::Span::current(), true)
}

/// The same for a context and a span; without `identity`, only trace and request id.
pub(super) fn headers_of(
    context: &Context,
    span: &tracing::Span,
    identity: bool,
) -> Vec<(&'static str, String)> {
    let mut headers = Vec::with_capacity(4);
    // Where nothing exports spans, the caller's own span is the parent of what comes.
    let parent: Option<TraceParent> = trace::parent_for(span).or_else(|| context.trace_parent());
    if let Some(parent) = parent {
        headers.push((TRACE_PARENT, parent.to_string()));
        if let Some(state) = context.trace_state() {
            headers.push((TRACE_STATE, state.to_owned()));
        }
    }
    if identity && let Some(baggage) = baggage::written(context) {
        headers.push((BAGGAGE, baggage));
    }
    if let Some(id) = context.request_id().filter(|id| is_header(id)) {
        headers.push((REQUEST_ID, id.to_owned()));
    }
    headers
}

fn acceptable(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=limits::REQUEST_ID_BYTES).contains(&id.len()) && id.bytes().all(plain)
}
