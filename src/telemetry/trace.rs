//! The ids of spans, where spans are exported.

use crate::model::TraceParent;

/// The ids of a span, as whoever it calls is told them; `None` where spans are not exported.
#[cfg(feature = "otlp")]
pub(super) fn parent_for(span: &tracing::Span) -> Option<TraceParent> {
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    ids(&span.context())
}

#[cfg(not(feature = "otlp"))]
pub(super) fn parent_for(_: &tracing::Span) -> Option<TraceParent> {
    None
}

/// Makes a span the child of a caller's.
#[cfg(feature = "otlp")]
pub(super) fn set_parent(span: &tracing::Span, parent: TraceParent, state: Option<&str>) {
    use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceState};
    use opentelemetry::{Context, SpanId, TraceFlags, TraceId};
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    let state = state.and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
    let parent = SpanContext::new(
        TraceId::from_bytes(*parent.trace_id.as_bytes()),
        SpanId::from_bytes(*parent.span_id.as_bytes()),
        TraceFlags::new(u8::from(parent.sampled)),
        true,
        state,
    );
    // Fails where spans are not exported.
    let _ = span.set_parent(Context::new().with_remote_span_context(parent));
}

#[cfg(not(feature = "otlp"))]
pub(super) fn set_parent(_: &tracing::Span, _: TraceParent, _: Option<&str>) {}

/// The ids of the span around a log line.
#[cfg(feature = "otlp")]
pub(super) fn ids_of(
    dispatch: &tracing::Dispatch,
    span: &tracing::span::Id,
) -> Option<TraceParent> {
    ids(&tracing_opentelemetry::get_otel_context(span, dispatch)?)
}

#[cfg(not(feature = "otlp"))]
pub(super) fn ids_of(_: &tracing::Dispatch, _: &tracing::span::Id) -> Option<TraceParent> {
    None
}

#[cfg(feature = "otlp")]
fn ids(context: &opentelemetry::Context) -> Option<TraceParent> {
    use opentelemetry::trace::TraceContextExt as _;

    let span = context.span();
    let ids = span.span_context();
    Some(TraceParent {
        trace_id: crate::model::TraceId::from_bytes(&ids.trace_id().to_bytes())?,
        span_id: crate::model::SpanId::from_bytes(&ids.span_id().to_bytes())?,
        sampled: ids.is_sampled(),
    })
}
